"""Tables of rosters in the other forms that people keep: days side by side, clock times alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.headers import SHIFT_COLUMNS, index_beside, normal_header
from dispatchopt.adapters.local_time import CellFault, Clock, plain
from dispatchopt.adapters.raw import Row, is_blank

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from dispatchopt.adapters.raw import RawTable
    from dispatchopt.adapters.tables import Table

_CLOCK_TIME: Final = re.compile(r"(次日|翌日)?\d{1,2}[:点时](\d{2}|半)?(:00)?", re.ASCII)
_CLOCK: Final = Clock(None)


def days_below(table: RawTable) -> RawTable:
    """Return a roster with a column for each day as one with a row for each engineer and day.

    A blank cell says that nobody works. A table without headers that are days stays as it is.
    """
    days = {place: day for place, header in enumerate(table.headers) if (day := _day(header))}
    if not days:
        return table
    others = [place for place in range(len(table.headers)) if place not in days]
    kept = [table.headers[place] for place in others]
    is_english = all(header.isascii() for header in kept)
    rows = [
        Row(row.line, (*(row.cells[n] for n in others), day.isoformat(), row.cells[place]))
        for row in table.rows
        for place, day in days.items()
        if len(row.cells) == len(table.headers) and not is_blank(row.cells[place])
    ]
    rows += [row for row in table.rows if len(row.cells) != len(table.headers)]  # a fault as ever
    names = ("day", "hours") if is_english else ("日期", "班别")
    return replace(table, headers=(*kept, *names), rows=tuple(rows))


def _day(header: str) -> date | None:
    if header.strip().isdigit():
        return None  # a serial number of a day is no header
    try:
        found: date = parse_cell("day", header, _CLOCK)
    except CellFault:
        return None
    return found


def clock_times_joined(table: Table) -> Table:
    """Put begin and end by the clock into one column of hours, where days stand beside them."""
    index = index_beside(table.headers, SHIFT_COLUMNS, table.names)
    places: dict[str, int] = {}
    for place, header in enumerate(table.headers):
        column = index.get(normal_header(table.names.get(normal_header(header), header)))
        if column is not None:
            places.setdefault(column.name, place)
    if "hours" in places or not {"day", "start", "end"} <= places.keys():
        return table
    start, end = places["start"], places["end"]
    rows = [_joined(row, start, end, len(table.headers)) for row in table.rows]
    if all(new is old for new, old in zip(rows, table.rows, strict=True)):
        return table
    # Rows with dates in full keep them, and have no hours.
    width = len(table.headers)
    rows = [
        replace(row, cells=(*row.cells, None)) if new is row and len(row.cells) == width else new
        for row, new in zip(table.rows, rows, strict=True)
    ]
    return replace(table, headers=[*table.headers, "hours"], rows=rows)


def _joined(row: Row, start: int, end: int, width: int) -> Row:
    if len(row.cells) != width:
        return row
    begins, ends = (_clock_text(row.cells[place]) for place in (start, end))
    if not begins or not ends:
        return row
    cells: Sequence[Any] = [  # Any: as in a row
        None if place in (start, end) else cell for place, cell in enumerate(row.cells)
    ]
    return replace(row, cells=(*cells, f"{begins}-{ends}"))


def _clock_text(cell: Any) -> str:  # Any: as in a row
    """Return a time of day as text; empty if it is none."""
    if isinstance(cell, time):
        return f"{cell:%H:%M}"
    text = plain(cell).replace(" ", "") if isinstance(cell, str) else ""
    if not _CLOCK_TIME.fullmatch(text):
        return ""
    return text.removesuffix(":00") if text.count(":") > 1 else text
