"""A problem as one workbook: sheets of tickets, engineers and shifts, and the settings.

Sheets ``tickets``, ``engineers`` and ``shifts`` are as in a folder of CSV files. ``settings`` holds
what ``policy.toml`` holds there, ``travel`` the travel table; ``fault_types`` and ``previous_plan``
stand there if there are any. A workbook without ``settings`` takes those of its folder.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters import headers as names
from dispatchopt.adapters.csv_folder import FolderReader
from dispatchopt.adapters.csv_write import Columns, Headers, TableWriter
from dispatchopt.adapters.json_files import to_json
from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind
from dispatchopt.adapters.publish import write_file
from dispatchopt.adapters.settings_sheet import document_rows, is_settings, read_document
from dispatchopt.adapters.sheet_cells import cell_text
from dispatchopt.adapters.travel_rows import TravelFault, missing_pairs, table_from_rows
from dispatchopt.adapters.xlsx_write import (
    MAX_COLUMNS,
    MAX_ROWS,
    SheetCell,
    can_hold,
    xlsx_bytes,
)
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.assemble import OnBadRow
    from dispatchopt.adapters.headers import Column
    from dispatchopt.adapters.places import Geocoder
    from dispatchopt.adapters.raw import RawTable
    from dispatchopt.models import Problem
    from dispatchopt.models.intake import Intake

SETTINGS_SHEET: Final = ("settings", "设置")
_SHEET_OF: Final = {
    names.TRAVEL: "travel",
    names.PLACES: "places",
    names.FAULT_TYPES: "fault_types",
    names.PREVIOUS_PLAN: "previous_plan",
}
_CORNER: Final = "from / to"
_LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", re.ASCII)


# --- Reading ---


def read_workbook(
    path: str | Path, *, on_bad_row: OnBadRow = "error", geocoder: Geocoder | None = None
) -> Intake:
    """Read a problem from one workbook.

    Its sheets are called ``tickets``, ``engineers`` and ``shifts``, also in Chinese, or as the
    ``mapping.toml`` beside it says. Settings are those of its sheet ``settings``; if it has none,
    those of the files beside it, as for `read_folder`.

    Parameters
    ----------
    on_bad_row, geocoder
        As for `read_folder`.

    Raises
    ------
    AdapterError
        If there is no such file.
    InvalidProblemError
        With every fault of every sheet.
    """
    return workbook_reader(Path(path), on_bad_row, geocoder).run()


def workbook_reader(
    file: Path,
    on_bad_row: OnBadRow,
    geocoder: Geocoder | None,
    kinds: Sequence[TableKind] = TABLE_KINDS,
) -> FolderReader:
    """Return what reads a workbook.

    Raises
    ------
    AdapterError
        If there is no such file.
    """
    try:
        is_file = file.is_file()
    except (OSError, ValueError):  # pragma: no cover, depends on the system
        is_file = False
    if not is_file:
        raise AdapterError(f"{file}: no such file. Check the path.")
    reader = FolderReader(file.parent, on_bad_row, geocoder, file.name, kinds)
    settings = reader.sources.sheet(SETTINGS_SHEET)
    if settings is not None and is_settings(settings):
        reader = _BookReader(reader, settings)
    return reader


class _BookReader(FolderReader):
    """Reads a workbook that has its own settings: the files beside it do not count."""

    def __init__(self, reader: FolderReader, settings: RawTable) -> None:
        # What the other has read already is not read again: a workbook takes seconds.
        vars(self).update(vars(reader))
        self._own = settings
        self.policy_file = settings.source

    def _has(self, name: str) -> bool:
        return name in _SHEET_OF and self.sources.sheet([_SHEET_OF[name]]) is not None

    def read_settings(self) -> dict[str, Any]:  # Any: JSON
        """Read the sheet of settings."""
        return self._known(read_document(self._own, self.issues))

    def _places(self) -> RawTable | None:
        return self.sources.sheet([_SHEET_OF[names.PLACES]])

    def _json(self, name: str) -> Any:
        table = self.sources.sheet([_SHEET_OF[name]])
        return None if table is None else read_document(table, self.issues)

    def _travel(self, raw: Any) -> Any:  # Any: JSON
        if raw is None:
            raw = {"kind": "matrix" if self._has(names.TRAVEL) else "straight_line"}
        return self._with_tables(raw)

    def _with_tables(self, raw: Any) -> Any:  # Any: JSON
        """Put tables in place of the names of their sheets."""
        if not isinstance(raw, dict):
            return raw
        if isinstance(raw.get("profiles"), dict):
            tables = {name: self._with_tables(table) for name, table in raw["profiles"].items()}
            return {**raw, "profiles": tables}
        seconds = raw.get("seconds", {"sheet": _SHEET_OF[names.TRAVEL]})
        sheet = seconds.get("sheet") if isinstance(seconds, dict) else None
        if raw.get("kind") != "matrix" or not isinstance(sheet, str):
            return raw
        try:
            places, table = self._travel_table(sheet)
        except TravelFault as fault:
            self.issues.extend(fault.issues)
            return {**raw, "places": (), "seconds": ()}
        return {**raw, "places": places, "seconds": table}

    def _travel_table(self, name: str) -> tuple[list[str], Any]:
        """Return places and seconds of a sheet, and warn of pairs that lack."""
        found = self.sources.sheet([name])
        if found is None:
            message = f"there is no sheet '{name[:31]}'; add it, or correct the setting"
            raise TravelFault([Issue("travel", "", "seconds", "", message, self.policy_file)])
        faults: list[Issue] = []
        rows = [(found.header_line, list(found.headers))]
        for row in found.rows:
            try:
                rows.append((row.line, [_travel_text(cell) for cell in row.cells]))
            except CellFault as fault:
                faults.append(Issue("travel", "", "", "", str(fault), found.source, row.line))
        if faults:
            raise TravelFault(faults)
        places, seconds = table_from_rows(rows, found.source)
        self.warnings.extend(missing_pairs(places, seconds, found.source))
        return places, seconds


def _travel_text(cell: Any) -> str:  # Any: a cell
    return "" if cell is None else cell_text("id", cell)


# --- Writing ---


def write_workbook(problem: Problem, path: str | Path, *, headers: Headers = "en") -> None:
    """Write a problem as one workbook, all at once; `read_workbook` gives it back.

    Ids are text cells. Times are local times of the problem's zone, as text with their offset where
    summer time needs it.

    Raises
    ------
    AdapterError
        If the problem has what a workbook cannot carry (all of it is listed), or the file cannot be
        written.
    """
    file = Path(path)
    if not file.name.lower().endswith(".xlsx"):
        raise AdapterError(f"{path}: no workbook by its name. Name a file that ends in .xlsx.")
    write_file(file, workbook_bytes(problem, headers=headers))


def workbook_bytes(problem: Problem, *, headers: Headers = "en") -> bytes:
    """Return the content of such a workbook; the same problem gives the same bytes.

    Raises
    ------
    AdapterError
        If the problem has what a workbook cannot carry; all of it is listed.
    """
    writer = TableWriter(problem, chinese=headers == "zh")
    sheets: dict[str, list[list[SheetCell]]] = {}
    for name, columns in writer.tables().items():
        sheets[name.removesuffix(".csv")] = _rows(columns, writer)
    texts: dict[str, str] = {}
    travel = _named_sheets(writer.travel(problem.travel, texts))
    sheets["settings"] = document_rows(writer.settings(travel))
    sheets |= {name.removesuffix(".csv"): _travel_rows(text) for name, text in texts.items()}
    if problem.fault_types:
        listed = [to_json(fault) for fault in problem.fault_types]
        sheets["fault_types"] = document_rows({"fault_types": listed})
    if problem.previous_plan is not None:
        sheets["previous_plan"] = document_rows(to_json(problem.previous_plan))
    for name, rows in sheets.items():
        _note_losses(name, rows, writer.lost)
    writer.refuse_losses("A workbook")
    return xlsx_bytes(list(sheets.items()))


def _rows(columns: Columns, writer: TableWriter) -> list[list[SheetCell]]:
    headers: list[SheetCell] = [writer.header(column) for column, _ in columns]
    cells = [[_typed(column, text) for text in texts] for column, texts in columns]
    return [headers, *(list(row) for row in zip(*cells, strict=True))]


def _typed(column: Column, text: str) -> SheetCell:
    """Return the cell that reads back as this text."""
    if not text:
        return None
    if column.kind in ("int", "priority", "minutes") and text.isdecimal() and len(text) <= 15:
        return int(text)
    if column.kind in ("lat", "lon", "float"):
        return float(text)
    if column.kind == "instant" and _LOCAL_TIME.fullmatch(text):
        return datetime.fromisoformat(text)
    return text


def _named_sheets(raw: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Put the names of sheets in place of those of files."""
    if "profiles" in raw:
        tables = {name: _named_sheets(table) for name, table in raw["profiles"].items()}
        return {**raw, "profiles": tables}
    if "seconds" in raw:
        return {**raw, "seconds": {"sheet": raw["seconds"]["file"].removesuffix(".csv")}}
    return raw


def _travel_rows(text: str) -> list[list[SheetCell]]:
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    # A filled corner tells the headers from a title, even with a single place.
    found: list[list[SheetCell]] = [[_CORNER, *header[1:]]]
    for place, *seconds in rows:
        found.append([place, *(int(cell) if cell else None for cell in seconds)])
    return found


def _note_losses(name: str, rows: Sequence[Sequence[SheetCell]], lost: list[str]) -> None:
    """Note what no sheet can hold."""
    if len(rows) > MAX_ROWS or len(rows[0]) > MAX_COLUMNS:
        lost.append(f"{name}: more rows or columns than a sheet has")
    for number, row in enumerate(rows, start=1):
        for header, cell in zip(rows[0], row, strict=True):
            if isinstance(cell, str) and not can_hold(cell):
                what = "" if name in ("settings", "travel") else f", {header}"
                lost.append(f"{name}, row {number}{what}: a text that no cell can hold")
