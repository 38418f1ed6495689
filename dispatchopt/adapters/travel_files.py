"""Travel tables in files beside a problem: ``.npy``, or CSV in long or square form."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from dispatchopt.adapters.cells import parse_decimal, parse_id
from dispatchopt.adapters.headers import normal_header, split_cells
from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.textfiles import decode_table, read_bytes
from dispatchopt.errors import AdapterError, Issue
from dispatchopt.models import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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


def resolve_travel(
    raw: Any,  # Any: raw data
    folder: Path,
    issues: list[Issue],
    warnings: list[Issue],
) -> Any:
    """Put tables in place of ``{"file": name}``, in profiles too.

    Faults are added to `issues`, what looks like a slip to `warnings`. What is not understood is
    returned as it came: the door reports it.
    """
    if not isinstance(raw, dict):
        return raw
    if raw.get("kind") == "profiles" and isinstance(raw.get("profiles"), dict):
        tables = {
            name: resolve_travel(table, folder, issues, warnings) if _is_matrix(table) else table
            for name, table in raw["profiles"].items()
        }
        return {**raw, "profiles": tables}
    seconds = raw.get("seconds")
    if not _is_matrix(raw) or not isinstance(seconds, dict):
        return raw
    name = seconds.get("file")
    places = raw.get("places")
    wanted = places if isinstance(places, list | tuple) else None
    try:
        if not isinstance(name, str) or len(seconds) != 1:
            raise _fault("", 0, "seconds", "", 'must be rows, or {"file": "travel.npy"}')
        found, table = read_travel_file(folder, name, wanted)
        if not name.lower().endswith(".npy"):
            warnings.extend(missing_pairs(found, table, name))
        return {**raw, "places": found if places is None else places, "seconds": table}
    except TravelFault as fault:
        issues.extend(fault.issues)
        # A table of the right size stands in, so that the rest is checked nevertheless.
        size = len(wanted) if wanted is not None else 0
        return {**raw, "places": places or (), "seconds": np.zeros((size, size), np.int32)}


def files_named(raw: Any) -> set[str]:  # Any: raw data
    """Names of the files that a raw travel model refers to."""
    if not isinstance(raw, dict):
        return set()
    if isinstance(raw.get("profiles"), dict):
        return {name for table in raw["profiles"].values() for name in files_named(table)}
    seconds = raw.get("seconds")
    name = seconds.get("file") if isinstance(seconds, dict) else None
    return {name} if isinstance(name, str) else set()


def without_place_echoes(issues: Iterable[Issue]) -> list[Issue]:
    """Drop faults of places that only seem unknown because the travel table was not read."""
    return [
        issue
        for issue in issues
        if issue.field not in ("place", "start_place", "end_place") or "travel" not in issue.message
    ]


def _is_matrix(raw: Any) -> bool:  # Any: raw data
    return isinstance(raw, dict) and raw.get("kind") == "matrix"


def read_travel_file(
    folder: Path, name: str, places: list[Any] | tuple[Any, ...] | None
) -> tuple[list[Any], Seconds]:
    """Read a table of travel seconds.

    Parameters
    ----------
    folder
        Where the problem stands; the table must stand in it or below.
    name
        Relative path, ending in ``.npy``, ``.csv`` or ``.csv.gz``.
    places
        Ids in the order of the rows wanted; None: as in the file, which must then name them.

    Returns
    -------
    places, seconds
        Ids, and seconds with row = origin; -1 where there is no way, NaN where a CSV file in the
        long form has no row.

    Raises
    ------
    TravelFault
        With the faults of the table.
    """
    path = _inside(folder, name)
    if name.lower().endswith(".npy"):
        if places is None:
            raise _fault(name, 0, "places", "", "a .npy file names no places; list them")
        return list(places), _read_npy(path, name)
    if not name.lower().endswith((".csv", ".csv.gz")):
        raise _fault(name, 0, "seconds", "", "must end in .npy, .csv or .csv.gz")
    try:
        text = decode_table(read_bytes(path), name)
    except AdapterError as error:
        raise _fault(name, 0, "", "", str(error).removeprefix(f"{name}: ")) from error
    found, table = read_travel_csv(text, name)
    if places is None or list(places) == found:
        return found, table
    position = {place: row for row, place in enumerate(found)}
    missing = [place for place in places if not isinstance(place, str) or place not in position]
    if missing:
        raise _fault(
            name, 1, "places", str(missing[0])[:60], "no row and column for this place; add them"
        )
    rows = np.array([position[place] for place in places], dtype=np.intp)
    return list(places), table[np.ix_(rows, rows)]


def _fault(file: str, line: int, field: str, value: str, message: str) -> TravelFault:
    return TravelFault([Issue("travel", "", field, value, message, file, line)])


def _inside(folder: Path, name: str) -> Path:
    try:
        root = folder.resolve()
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a loop of links
        raise _fault(name[:60], 0, "file", "", f"no path ({error})") from None
    if not path.is_relative_to(root) or path == root:
        raise _fault(
            name[:60], 0, "file", "", "must stand in the folder of the problem; copy it there"
        )
    return path


def _read_npy(path: Path, name: str) -> Seconds:
    data = io.BytesIO(_bytes(path, name))
    try:
        version = np.lib.format.read_magic(data)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(data)
        left = len(data.getbuffer()) - data.tell()
        # Checked before numpy reserves what the header asks for.
        if dtype.kind not in "iuf" or len(shape) != 2 or math.prod(shape) * dtype.itemsize != left:
            raise ValueError(f"shape {shape}, type {dtype}, {left} bytes of content")
        data.seek(0)
        table: Seconds = np.load(data, allow_pickle=False)
        return table
    # The header is Python source to numpy: it fails in as many ways as Python source can.
    except (ValueError, TypeError, SyntaxError, EOFError, OverflowError, RecursionError,
            MemoryError, KeyError, AttributeError, Warning) as error:  # fmt: skip
        raise _fault(
            name, 0, "seconds", "", f"no table of numbers ({str(error)[:100]}); write it with "
            "numpy.save(file, seconds)",
        ) from None  # fmt: skip


def _bytes(path: Path, name: str) -> bytes:
    try:
        return read_bytes(path)
    except AdapterError as error:
        raise _fault(name, 0, "", "", str(error).removeprefix(f"{path}: ")) from error


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
        raise _fault(name, reader.line_num, "", "", f"no valid CSV: {error}") from None
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
        raise _fault(name, 1, "", "", "is empty; write origin,destination,seconds")
    if not is_long(rows[0][1]) and is_long(split_cells(",".join(rows[0][1]))):
        raise _fault(
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


def npy_bytes(seconds: npt.NDArray[np.int32]) -> bytes:
    """Return the table as a ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(seconds), allow_pickle=False)
    return stream.getvalue()
