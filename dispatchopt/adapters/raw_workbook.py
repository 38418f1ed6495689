"""Sheets of workbooks (``.xlsx``) as they stand: cells with their values, formulas as computed."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from dispatchopt.adapters.raw import RawTable, Row, headed, is_blank, without_titles
from dispatchopt.adapters.textfiles import read_bytes
from dispatchopt.adapters.xlsx_write import column_letters
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_UNPACKED: Final = 2**30
"""Most bytes of all parts of a workbook together; more is refused (an archive bomb)."""

_MAX_ROWS: Final = 2**20
_OLD_FORMAT: Final = b"\xd0\xcf\x11\xe0"  # OLE: .xls, and every workbook behind a password
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

_BARE_FORMULA: Final = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_REFERENCE: Final = re.compile(rb"""\br=["']([A-Z]{1,3}\d{1,7})["']""")
_MERGED: Final = re.compile(
    rb"""<(?:\w+:)?mergeCell\b[^>]*?\bref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']"""
)
_BEYOND: Final = re.compile(rb"""\sr=["'](?:[A-Za-z]{4,}|[A-Za-z]*\d{8,})""")


@dataclass(frozen=True, slots=True)
class _Merged:
    """A range of merged cells, columns from 0 and rows from 1, ends included."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int

    def __str__(self) -> str:
        first = f"{column_letters(self.first_column)}{self.first_row}"
        return f"{first}:{column_letters(self.last_column)}{self.last_row}"


@dataclass(frozen=True, slots=True)
class _Part:
    """What the XML of a sheet tells and its values do not."""

    merged: tuple[_Merged, ...] = ()
    bare_formulas: tuple[str, ...] = ()


def read_workbook_tables(path: Path, issues: list[Issue], name: str) -> tuple[RawTable, ...]:
    """Read every sheet of a workbook.

    The first row is taken as headers; rows above it with one filled cell each are titles. A value
    in cells merged downwards counts for each of their rows.

    Raises
    ------
    AdapterError
        If the workbook cannot be read: missing, damaged, encrypted, too large, or openpyxl missing.
    """
    try:
        import openpyxl
    except ImportError:
        raise AdapterError(
            f"{name}: workbooks need openpyxl. Run: python -m pip install 'dispatchopt[excel]'"
        ) from None
    data = read_bytes(path)
    parts = _parts(data, name)
    tables: list[RawTable] = []
    try:
        with warnings.catch_warnings():
            # It warns of what it would lose on writing: pictures, validation lists, styles.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(
                _stream(data), read_only=True, data_only=True, keep_links=False
            )
            has_1904_dates = book.epoch.year == 1904
            for sheet in book.worksheets:
                rows = _rows(sheet)
                part = parts.get(str(sheet.title), _Part())
                table = _table(name, str(sheet.title), rows, part, has_1904_dates)
                tables.append(table)
                _note_faults(table, part, issues)
            book.close()
    except AdapterError:
        raise
    except Exception as error:  # damaged parts end in whichever exception they like
        raise _damaged(name, error) from error
    if not any(table.headers for table in tables):
        raise AdapterError(f"{name}: every sheet of it is empty. Check the export.")
    return tuple(tables)


def _stream(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


def _damaged(name: str, error: Exception) -> AdapterError:
    return AdapterError(
        f"{name}: no complete workbook ({type(error).__name__}: {str(error)[:100]}). "
        "Open it in a spreadsheet and save it anew as .xlsx, or export CSV"
    )


# --- Values ---


def _rows(sheet: Any) -> list[Row]:  # Any: a sheet of openpyxl
    """Return the rows in which something stands."""
    # The dimensions that some exports declare are wrong; without them the rows tell.
    sheet.reset_dimensions()
    found: list[Row] = []
    for line, cells in enumerate(sheet.iter_rows(max_row=_MAX_ROWS, values_only=True), start=1):
        if not all(is_blank(cell) for cell in cells):
            found.append(Row(line, cells))
    return found


def _table(name: str, sheet: str, rows: list[Row], part: _Part, has_1904_dates: bool) -> RawTable:
    below = without_titles(rows)
    if part.merged:
        below = _filled_down(below, part.merged)
    return headed(name, sheet, below, has_1904_dates=has_1904_dates)


def _filled_down(rows: list[Row], merged: Iterable[_Merged]) -> list[Row]:
    """Give each row of a range merged downwards the value that stands in its first."""
    index = {row.line: number for number, row in enumerate(rows)}
    cells = {number: list(row.cells) for number, row in enumerate(rows)}
    changed: set[int] = set()
    for area in merged:
        top = index.get(area.first_row, 0)
        if not top or area.first_column >= len(cells[top]):
            continue  # in the headers, or blank
        value = cells[top][area.first_column]
        for number in range(top + 1, len(rows)):
            if rows[number].line > area.last_row:
                break
            below = cells[number]
            below.extend([None] * (area.first_column + 1 - len(below)))
            below[area.first_column] = value
            changed.add(number)
    return [
        Row(row.line, tuple(cells[number])) if number in changed else row
        for number, row in enumerate(rows)
    ]


# --- Faults ---


def _note_faults(table: RawTable, part: _Part, issues: list[Issue]) -> None:
    """Add what makes the values of a sheet doubtful."""
    if not table.headers:
        return

    def note(message: str, line: int) -> None:
        issues.append(Issue("problem", "", "", "", message, table.source, line))

    line = table.header_line
    over = [area for area in part.merged if area.first_row <= line <= area.last_row]
    if over:
        note(
            f"merged cells in the headers ({_listed(over)}); unmerge them and give each column "
            "its own header in one row",
            line,
        )
    if part.bare_formulas:
        note(
            f"{_listed(part.bare_formulas)}: formulas without a computed value; open the file in "
            "a spreadsheet and save it, or replace the formulas by their values",
            line,
        )


_MOST_LISTED: Final = 5


def _listed(items: Iterable[object]) -> str:
    listed = [str(item) for item in items]
    more = len(listed) - _MOST_LISTED
    return ", ".join(listed[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


# --- XML ---


def _parts(data: bytes, name: str) -> dict[str, _Part]:
    """Return what the XML of each sheet tells, by its name."""
    if data.startswith(_OLD_FORMAT):
        raise AdapterError(
            f"{name}: behind a password, or in the old .xls format. "
            "Save it without a password as .xlsx"
        )
    try:
        with zipfile.ZipFile(_stream(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > MAX_UNPACKED:
                raise AdapterError(f"{name}: unpacks to more than {MAX_UNPACKED} bytes. Split it.")
            return {
                title: _part(archive.read(member), name)
                for title, member in _members(archive).items()
            }
    except AdapterError:
        raise
    except Exception as error:  # as above: damaged archives and damaged XML
        raise _damaged(name, error) from error


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the member of the archive that holds each sheet."""
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return {}  # an unusual layout, which openpyxl may know
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {entry.get("Id"): entry.get("Target", "") for entry in relations}
    found: dict[str, str] = {}
    for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter(f"{_MAIN}sheet"):
        target = targets.get(sheet.get(_RELATION), "")
        member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if member in names:
            found[sheet.get("name", "")] = member
    return found


def _part(xml: bytes, name: str) -> _Part:
    if _BEYOND.search(xml):
        raise AdapterError(f"{name}: no complete workbook (a cell beyond the last column or row).")
    merged = tuple(
        _Merged(_number(first), int(top), _number(last), int(bottom))
        for first, top, last, bottom in _MERGED.findall(xml)
    )
    return _Part(merged, tuple(_bare_formulas(xml)))


def _bare_formulas(xml: bytes) -> Iterable[str]:
    if b"f>" not in xml and b"f/>" not in xml and b"<f " not in xml:
        return
    for found in _BARE_FORMULA.finditer(xml):
        reference = _REFERENCE.search(found[1])
        yield reference[1].decode() if reference else "a cell"


def _number(letters: bytes) -> int:
    """Turn the letters of a column into its number from 0."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
