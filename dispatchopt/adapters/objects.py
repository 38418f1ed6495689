"""Cells of data frames that are objects rather than text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.local_time import CellFault, Clock, to_utc

if TYPE_CHECKING:
    from dispatchopt.adapters.headers import CellKind


def is_missing(value: Any) -> bool:  # Any: a cell
    """Whether a cell is None, NaN, NaT or NA."""
    return (
        value is None
        or value is pd.NaT
        or value is pd.NA
        or (isinstance(value, float | np.floating) and bool(value != value))
        or (isinstance(value, np.datetime64 | np.timedelta64) and bool(np.isnat(value)))
    )


def read_object(kind: CellKind, value: Any, clock: Clock) -> Any:  # Any: differs by kind
    """Read a cell of a frame: text as in a file, or an object.

    Raises
    ------
    CellFault
        With what is allowed and the way out.
    """
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if isinstance(value, str):
        return parse_cell(kind, value, clock)
    if isinstance(value, bool):
        raise CellFault("must not be true or false")
    if kind in ("id", "text", "end_place"):
        if isinstance(value, int):
            return str(value)
        raise CellFault("must be text; numbers lose digits: read the column with dtype=str")
    if kind == "instant":
        return read_instant(value, clock)
    if kind == "day" and isinstance(value, date | np.datetime64):
        return pd.Timestamp(value).date()
    if kind == "minutes" and isinstance(value, timedelta | np.timedelta64):
        return parse_cell(kind, f"{_seconds(value)}s", clock)
    if isinstance(value, int | float):
        return _number(kind, value, clock)
    return _collection(kind, value, clock)


def _number(kind: CellKind, value: float, clock: Clock) -> Any:  # Any: int or float
    if kind in ("int", "priority") and isinstance(value, float):
        if not value.is_integer():
            raise CellFault("must be a whole number")
        value = int(value)
    if kind not in ("int", "priority", "minutes", "float", "lat", "lon"):
        raise CellFault("must not be a number")
    try:
        text = str(value) if kind in ("int", "priority") else f"{float(value):.17g}"
    except (OverflowError, ValueError):  # ValueError: more digits than Python prints
        raise CellFault("too large for a number") from None
    return parse_cell(kind, text, clock)


def _seconds(value: Any) -> int:  # Any: one of the timedeltas
    seconds = pd.Timedelta(value).total_seconds()
    if not float(seconds).is_integer() or seconds < 0:
        raise CellFault("must be whole seconds, not negative")
    return int(seconds)


def read_instant(value: Any, clock: Clock) -> datetime:  # Any: a cell
    """Read a time, as text or as any of the time types, into UTC.

    Raises
    ------
    CellFault
        With what is allowed and the way out.
    """
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, str):
        return clock.instant(value)
    if not isinstance(value, datetime):
        hint = " without a time" if isinstance(value, date) else ""
        raise CellFault(f"no date and time{hint}; give a Timestamp")
    if value.microsecond or getattr(value, "nanosecond", 0):
        raise CellFault("whole seconds only; round the value")
    if value.utcoffset() is None:
        return clock.localised(datetime(*value.timetuple()[:6]))
    try:
        utc = value.astimezone(UTC)
    except (OverflowError, ValueError):  # pandas has its own bounds
        raise CellFault("out of the calendar's range") from None
    return to_utc(datetime(*utc.timetuple()[:6], tzinfo=UTC))


def _collection(kind: CellKind, value: Any, clock: Clock) -> Any:  # Any: differs by kind
    """Read lists and dicts; what they hold beyond times is left to the models."""
    if kind in ("levels", "skills", "counts", "json") and isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if kind == "slot":
        return _pair(value, ("open", "close"), clock)
    if kind in ("ids", "windows", "spans", "breaks") and isinstance(value, Iterable):
        items = list(value)
        if kind == "ids":
            return tuple(item if isinstance(item, str) else str(_plain(item)) for item in items)
        if kind == "windows":
            return [_pair(item, ("open", "close"), clock) for item in items]
        if kind == "spans":
            return [_pair(item, ("start", "end"), clock) for item in items]
        return [_pair(item, ("earliest", "latest"), clock) for item in items]
    raise CellFault("cannot be read; write it as in a CSV file, or as a list or dict")


def _plain(value: Any) -> Any:  # Any: what a list or dict holds
    return value.item() if isinstance(value, np.generic) else value


def _pair(item: Any, names: tuple[str, str], clock: Clock) -> dict[str, Any]:  # Any: as above
    if isinstance(item, tuple | list) and len(item) >= 2:
        rest = {"duration": _plain(item[2])} if len(item) > 2 else {}
        item = {names[0]: item[0], names[1]: item[1], **rest}
    if not isinstance(item, Mapping):
        item = {name: getattr(item, name, None) for name in (*names, "duration")}
        item = {name: value for name, value in item.items() if value is not None}
        if not item:
            raise CellFault("must be pairs of times, or triples with the seconds of a break")
    return {
        key: read_instant(value, clock) if key in names else _plain(value)
        for key, value in item.items()
    }
