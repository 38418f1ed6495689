"""Cells of exports: codes of a branch, and the numbers and times that spreadsheets make of text."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.local_time import CellFault, Clock, from_serial

if TYPE_CHECKING:
    from dispatchopt.adapters.headers import CellKind, Column
    from dispatchopt.adapters.mapping.codes import Codes

MAX_DIGITS: Final = 15
"""So many digits of a number a spreadsheet keeps."""

_COMPACT_DIGITS: Final = 14
"""A time without signs, 20261123083000, as ticketing systems write it."""

_NAMES: Final[frozenset[CellKind]] = frozenset(
    ("id", "ids", "end_place", "text", "levels", "skills", "counts")
)
_TIMES: Final[frozenset[CellKind]] = frozenset(("instant", "day", "slot"))
_AS_TEXT: Final = "format the column as text and fill it in again from the source"


class SheetCells:
    """Reads the cells of an export.

    Parameters
    ----------
    codes
        What the codes of the branch mean.
    has_1904_dates
        Whether serial numbers of days count from 1904.
    """

    def __init__(self, codes: Codes, *, has_1904_dates: bool = False) -> None:
        self._codes = codes
        self._has_1904_dates = has_1904_dates

    def read(self, column: Column, cell: Any, clock: Clock) -> Any:  # Any: differs by column
        """Read a cell as its column wants it."""
        text = cell_text(column.kind, cell, has_1904_dates=self._has_1904_dates)
        try:
            return parse_cell(column.kind, self._codes.translate(column.name, text), clock)
        except CellFault as fault:
            kind = self._codes.kind_of(column.name)
            if not kind:
                raise
            way = f"or map it in mapping.toml under [codes.{kind}]"
            raise CellFault(f"{fault}, {way}") from None

    def echo(self, cell: Any) -> str:  # Any: text or an object
        """Return the cell as text without blanks around it."""
        return cell.strip() if isinstance(cell, str) else str(cell)


def cell_text(kind: CellKind, cell: Any, *, has_1904_dates: bool = False) -> str:
    """Write a cell of a workbook as it would stand in a CSV file.

    Raises
    ------
    CellFault
        If the spreadsheet has changed what was meant: an id that became a number with too many
        digits, or a date.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        raise CellFault("must not be true or false")
    if isinstance(cell, int | float):
        return _number_text(kind, cell, has_1904_dates)
    if isinstance(cell, datetime | date):
        return _date_text(kind, cell)
    if isinstance(cell, time | timedelta):
        return _time_text(kind, cell)
    raise CellFault("cannot be read; write it as text")


def _number_text(kind: CellKind, number: float, has_1904_dates: bool) -> str:
    try:
        is_whole = float(number).is_integer()
    except OverflowError:  # an integer of hundreds of digits
        raise CellFault("too large for a number") from None
    if kind in _NAMES:
        if not is_whole:
            raise CellFault(f"a number with decimals is no id; {_AS_TEXT}")
        if abs(number) >= 10**MAX_DIGITS:
            raise CellFault(
                f"a spreadsheet turned this id into a number and keeps {MAX_DIGITS} of its digits; "
                f"{_AS_TEXT}"
            )
        return str(int(number))
    if kind in _TIMES and not (is_whole and len(str(int(number))) == _COMPACT_DIGITS):
        local = from_serial(float(number), has_1904_dates=has_1904_dates)
        return f"{local:%Y-%m-%d %H:%M:%S}"
    return str(int(number)) if is_whole and abs(number) < 10**MAX_DIGITS else repr(number)


def _date_text(kind: CellKind, moment: date) -> str:
    if kind in _NAMES and kind != "text":
        raise CellFault(f"a spreadsheet turned this id into a date; {_AS_TEXT}")
    if not isinstance(moment, datetime):
        return moment.isoformat()
    try:
        # Fractions of seconds are what is left of a day's fraction in binary.
        rounded = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
    except OverflowError:
        raise CellFault("out of the calendar's range") from None
    return rounded.isoformat(" ")


def _time_text(kind: CellKind, span: time | timedelta) -> str:
    if isinstance(span, time):
        if kind != "minutes":
            return f"{span:%H:%M:%S}"
        span = timedelta(hours=span.hour, minutes=span.minute, seconds=span.second)
    return f"{round(span.total_seconds())}s" if kind == "minutes" else str(span)
