"""Travel tables as rows of text: one for each pair of places, or a square with ids around it."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from dispatchopt.adapters.cell_numbers import parse_decimal
from dispatchopt.adapters.cells import parse_id
from dispatchopt.adapters.headers import normal_header, split_cells
from dispatchopt.adapters.local_time import CellFault
from dispatchopt.errors import AdapterError, Issue
from dispatchopt.models import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

Seconds = npt.NDArray[np.float64] | npt.NDArray[np.int32]

_LONG_HEADERS: Final = {
    **dict.fromkeys(("origin", "from", "起点", "出发地"), "origin"),
    **dict.fromkeys(("destination", "to", "终点", "目的地"), "destination"),
    **dict.fromkeys(("seconds", "秒", "秒数", "行程(秒)"), "seconds"),
}
_NO_WAY = -1.0
_MISSING = math.nan
"""A pair of which the long form does not speak: no way to the models, too."""

_MOST_PAIRS: Final = 3
"""So many missing pairs are named in a warning; the rest is counted."""


class TravelFault(AdapterError):
    """A travel table that cannot be used; `issues` lists its faults."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(str(issue) for issue in issues))


def travel_fault(file: str, line: int, field: str, value: str, message: str) -> TravelFault:
    """Make the one fault of a table."""
    return TravelFault([Issue("travel", "", field, value, message, file, line)])


def read_travel_csv(text: str, name: str) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Read ``origin,destination,seconds`` rows, or a square table with ids around it.

    Blank seconds (-1 in the table) and a row that is missing (NaN, see `missing_pairs`) both mean
    that there is no way; from a place to itself it takes 0.

    Raises
    ------
    TravelFault
        With every fault found.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        line = 1
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise travel_fault(name, reader.line_num, "", "", f"no valid CSV: {error}") from None
    return table_from_rows(rows, name)


def table_from_rows(
    rows: list[tuple[int, list[str]]], name: str
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Read rows with their line numbers, the header first, as `read_travel_csv` does.

    Raises
    ------
    TravelFault
        With every fault found.
    """
    if not rows:
        raise travel_fault(name, 1, "", "", "is empty; write origin,destination,seconds")
    if not is_long(rows[0][1]) and is_long(split_cells(",".join(rows[0][1]))):
        raise travel_fault(
            name, rows[0][0], "", ",".join(rows[0][1])[:60], "separate the columns by commas"
        )
    if is_long(rows[0][1]):
        return _read_long(rows[1:], _fields(rows[0][1]), name)
    return _read_square(rows, name)


def is_long(header: Iterable[str]) -> bool:
    """Whether a header is that of the long form."""
    return sorted(_fields(header)) == ["destination", "origin", "seconds"]


def _fields(header: Iterable[str]) -> list[str]:
    return [_LONG_HEADERS.get(normal_header(cell), "") for cell in header]


def _read_long(
    rows: list[tuple[int, list[str]]], header: list[str], name: str
) -> tuple[list[str], npt.NDArray[np.float64]]:
    at = [header.index(field) for field in ("origin", "destination", "seconds")]
    issues: list[Issue] = []
    index: dict[str, int] = {}
    pairs: dict[tuple[int, int], float] = {}
    for line, row in rows:
        if len(row) != 3:
            issues.append(_cell_issue(name, line, "", f"has {len(row)} cells, the header has 3"))
            continue
        ends, seconds, faults = _long_row([row[i] for i in at])
        if len(ends) == 2:
            pair = (index.setdefault(ends[0], len(index)), index.setdefault(ends[1], len(index)))
            if pair in pairs:
                faults.append("this pair stands twice; keep one")
            pairs[pair] = seconds
        issues.extend(_cell_issue(name, line, ",".join(row), fault) for fault in faults)
    if issues:
        raise TravelFault(issues)
    table = np.full((len(index), len(index)), _MISSING)
    np.fill_diagonal(table, 0.0)
    for (origin_idx, destination_idx), seconds in pairs.items():
        table[origin_idx, destination_idx] = seconds
    return list(index), table


def _long_row(cells: list[str]) -> tuple[list[str], float, list[str]]:
    """Return the ids that are sound, the seconds, and every fault of a row."""
    ends: list[str] = []
    faults: list[str] = []
    for field, cell in zip(("origin", "destination"), cells[:2], strict=True):
        try:
            if not cell.strip():
                raise CellFault(f"{field} is blank; origin and destination are required")
            ends.append(parse_id(cell.strip()))
        except CellFault as fault:
            faults.append(str(fault))
    try:
        return ends, _cell(cells[2]), faults
    except CellFault as fault:
        return ends, _NO_WAY, [*faults, str(fault)]


def missing_pairs(places: list[Any], table: Seconds, file: str) -> list[Issue]:  # Any: ids
    """Warn of pairs of places that a table in the long form does not have at all."""
    origins, destinations = np.nonzero(np.isnan(table))
    count = len(origins)
    if not count:
        return []
    first = zip(origins[:_MOST_PAIRS].tolist(), destinations[:_MOST_PAIRS].tolist(), strict=True)
    named = ", ".join(f"{places[row]} to {places[column]}" for row, column in first)
    more = f" and {count - _MOST_PAIRS} more" if count > _MOST_PAIRS else ""
    message = (
        f"{count} of {len(places) * (len(places) - 1)} pairs of places have no row, so nobody goes "
        f"from {named}{more}; add them, with blank seconds where there is no way"
    )
    return [Issue("travel", "", "", "", message, file)]


def _read_square(
    rows: list[tuple[int, list[str]]], name: str
) -> tuple[list[str], npt.NDArray[np.float64]]:
    places = [cell.strip() for cell in rows[0][1][1:]]
    # Spreadsheets leave blank cells at the right.
    while places and not places[-1]:
        places.pop()
    issues = [_cell_issue(name, rows[0][0], place, fault) for place, fault in _bad_places(places)]
    table = np.full((len(places), len(places)), _NO_WAY)
    index = {place: row for row, place in enumerate(places)}
    seen: set[str] = set()
    for line, row in rows[1:]:
        origin = row[0].strip()
        if origin not in index or origin in seen:
            why = "stands twice" if origin in seen else "has no column of its name; add it"
            issues.append(_cell_issue(name, line, origin, f"this row {why}"))
            continue
        seen.add(origin)
        cells = row[1 : len(places) + 1]
        if len(cells) != len(places) or any(cell.strip() for cell in row[len(places) + 1 :]):
            issues.append(
                _cell_issue(
                    name, line, origin, f"has {len(row) - 1} values, there are {len(places)} places"
                )
            )
            continue
        table[index[origin]], faults = _cells(cells)
        issues.extend(_cell_issue(name, line, origin, fault) for fault in faults)
    issues.extend(
        _cell_issue(name, rows[0][0], place, "has no row; add it")
        for place in places
        if place not in seen
    )
    if issues:
        raise TravelFault(issues)
    return places, table


def _bad_places(places: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for place in places:
        try:
            if not place:
                found.append((place, "a column without an id; give it one"))
            elif place in seen:
                found.append((place, "this column stands twice; keep one"))
            seen.add(parse_id(place))
        except CellFault as fault:
            found.append((place, str(fault)))
    return found


def _cell_issue(file: str, line: int, value: str, message: str) -> Issue:
    return Issue("travel", "", "", value[:60], message, file, line)


def _cells(cells: list[str]) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Return the seconds of a row, and every fault in it."""
    # Plain digits are the rule, and numpy reads a row of them at once.
    if all(cell.isdecimal() and cell.isascii() and len(cell) < 10 for cell in cells):
        return np.array(cells, dtype=np.int64).astype(np.float64), []
    seconds, faults = np.full(len(cells), _NO_WAY), []
    for column, cell in enumerate(cells):
        try:
            seconds[column] = _cell(cell)
        except CellFault as fault:
            faults.append(str(fault))
    return seconds, faults


def _cell(text: str) -> float:
    if not text.strip():
        return _NO_WAY
    try:
        seconds = parse_decimal(text)
        if seconds < 0:
            raise CellFault("must be 0 or more")
        if seconds >= UNREACHABLE:
            raise CellFault(f"must be below {UNREACHABLE}")
        return seconds
    except CellFault as fault:
        raise CellFault(f"{text.strip()[:40]!r}: {fault}; blank where there is no way") from None


def write_travel_csv(places: tuple[str, ...], seconds: npt.NDArray[np.int32]) -> str:
    """Write a square table with ids around it; blank where there is no way."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["", *places])
    for place, row in zip(places, seconds.tolist(), strict=True):
        writer.writerow([place, *("" if cell >= UNREACHABLE else cell for cell in row)])
    return stream.getvalue()
