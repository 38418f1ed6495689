"""Characteristics and extension fields as fields of a ticket.

They bear the names of the columns of CSV folders, in any writing: ``skills``, ``durationMinutes``,
``appointment_start``, ``可选时段``. Values are text as in a cell, or JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.headers import TICKET_COLUMNS, Column, header_index, normal_header
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.tmf.values import period_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.adapters.tmf.trouble_ticket import TroubleTicket

_NEVER: Final = frozenset({"id", "status", "fault_type", "attributes"})
"""Columns that the ticket's own fields fill."""

_COLUMNS: Final = {
    header: column
    for header, column in header_index(TICKET_COLUMNS).items()
    if column.name not in _NEVER and (column.is_written or column.kind == "slot")
}
_DURATION: Final = next(column for column in TICKET_COLUMNS if column.field == "duration")
_NAMES: Final = {"duration": _DURATION, "plannedduration": _DURATION, **_COLUMNS}

_ISO_DURATION: Final = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,7})M)?"
    r"(?:(?P<seconds>\d{1,9})(?:\.\d+)?S)?)?",
    re.IGNORECASE | re.ASCII,
)
_UNITS: Final = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1, "秒": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60, "分": 60, "分钟": 60,
    "h": 3600, "hour": 3600, "hours": 3600, "小时": 3600,
}  # fmt: skip


def fields_of(ticket: TroubleTicket, clock: Clock) -> Iterator[tuple[str, str, Any]]:
    """Yield name, path of the field and value of each extra that a ticket takes.

    The value is a `CellFault` where it cannot be read. Other extras are left alone.
    """
    for name, value in ticket.extras.items():
        column = _NAMES.get(normal_header(name))
        if column is None or value is None or (isinstance(value, str) and not value.strip()):
            continue
        if isinstance(value, Mapping) and _is_other(column, value):
            continue
        try:
            yield name, column.field, _read(name, column, value, clock)
        except CellFault as fault:
            yield name, column.field, fault


def _is_other(column: Column, value: Mapping[str, Any]) -> bool:
    """Whether an object is a place by value, which `locate` sees, or a mere reference."""
    times = ("validFor", "startDateTime", "endDateTime", "open", "close")
    return column.kind == "id" or (column.kind == "slot" and not any(t in value for t in times))


def _read(name: str, column: Column, value: Any, clock: Clock) -> Any:
    if column is _DURATION:
        return _duration(name, value, clock)
    if column.kind == "slot":
        return _window(value, clock)
    if column.kind == "windows" and not isinstance(value, str):
        return [_window(item, clock) for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, str):
        return parse_cell(column.kind, value, clock)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return parse_cell(column.kind, ";".join(value), clock) if value else ()
    from dispatchopt.adapters.objects import read_object

    return read_object(column.kind, value, clock)


def _window(value: Any, clock: Clock) -> dict[str, Any]:
    if isinstance(value, str):
        opens, closes = clock.window(value)
        return {"open": opens, "close": closes}
    if isinstance(value, Mapping) and "validFor" in value:
        value = value["validFor"]
    if isinstance(value, Mapping) and "open" in value and "close" in value:
        value = {"startDateTime": value["open"], "endDateTime": value["close"]}
    period = period_of(value, clock)
    if period.start is None or period.end is None:
        raise CellFault("a window needs startDateTime and endDateTime")
    return {"open": period.start, "close": period.end}


def _duration(name: str, value: Any, clock: Clock) -> int:
    """Read ISO 8601 (``PT75M``), a quantity, or the cell of a column that names its unit."""
    if isinstance(value, Mapping):
        unit = _UNITS.get(str(value.get("units", "")).strip().casefold())
        amount = value.get("amount")
        if unit is None or isinstance(amount, bool) or not isinstance(amount, int | float):
            raise CellFault("a quantity needs amount, and units such as min")
        if not 0 <= amount < 10**9:
            raise CellFault("must be 0 or more, and no age of the world")
        return round(amount * unit)
    match = _ISO_DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None and any(match.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    is_bare = not isinstance(value, str) or value.strip().replace(".", "", 1).isdigit()
    if is_bare and normal_header(name) in ("duration", "plannedduration"):
        raise CellFault("has no unit; write PT75M, 75 min, or call it durationMinutes")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CellFault("must be a duration such as PT75M")
    seconds_found: int = parse_cell("minutes", str(value), clock)
    return seconds_found
