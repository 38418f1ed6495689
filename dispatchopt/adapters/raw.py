"""Tables as they stand in a file, headers and cells, before anybody knows what its columns mean.

CSV (UTF-8 with or without a byte order mark, GB18030, each also packed with gzip) and every sheet
of a workbook. Cells of CSV are text; cells of workbooks are text, numbers, truth values or times.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.textfiles import decode_table, read_bytes
from dispatchopt.errors import AdapterError, Issue, masked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CSV_ENDINGS: Final = (".csv", ".csv.gz")
WORKBOOK_ENDINGS: Final = (".xlsx", ".xlsm")
_GLUED: Final = re.compile(r"[;；，、|｜\t]")
TABLE_ENDINGS: Final = (*CSV_ENDINGS, *WORKBOOK_ENDINGS)
"""How the names of files end that hold tables."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, and where it begins."""

    line: int
    cells: Sequence[Any]  # Any: text in a file, objects in a workbook or a frame


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as it came: nothing in it has been understood yet.

    Attributes
    ----------
    file, sheet
        Name of the file, and of the sheet in it; the sheet is empty in CSV.
    headers
        Empty if there is no row at all.
    rows
        All rows below the headers in which something stands. A row of a workbook has as many cells
        as there are headers, or more if something stands beyond them; one of CSV may have fewer,
        too. A blank cell is ``""`` in CSV, None in a workbook.
    header_line
        Line (row of the sheet) of the headers.
    is_complete
        False if the rest of the file could not be read: that is among the faults.
    has_1904_dates
        Whether serial numbers of days count from 1904 rather than from 1900.
    """

    file: str
    sheet: str
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    header_line: int = 1
    is_complete: bool = True
    has_1904_dates: bool = False

    @property
    def source(self) -> str:
        """Name of the table in messages: ``tickets.csv``, ``export.xlsx[工单]``."""
        return f"{self.file}[{masked(self.sheet)}]" if self.sheet else self.file


def is_table_file(name: str) -> bool:
    """Whether a file holds tables by its name."""
    return name.lower().endswith(TABLE_ENDINGS) and not name.startswith((".", "~$"))


def read_raw(path: Path, issues: list[Issue], *, name: str = "") -> tuple[RawTable, ...]:
    """Read every table of a file: one of a CSV file, one for each sheet of a workbook.

    Parameters
    ----------
    issues
        Gets the faults of single tables: a quote that is not closed, merged headers, formulas
        without a value. What can be read beside them is returned.
    name
        What messages call the file; default: its name without the folder.

    Raises
    ------
    AdapterError
        If the file cannot be read at all: missing, damaged, encrypted, of no known kind or
        encoding, or a workbook without openpyxl.
    """
    name = name or path.name
    ending = path.name.lower()
    if ending.endswith(WORKBOOK_ENDINGS):
        # Loaded here: workbooks are an extra.
        from dispatchopt.adapters.raw_workbook import read_workbook_tables

        return read_workbook_tables(path, issues, name)
    if ending.endswith(CSV_ENDINGS):
        return (csv_table(decode_table(read_bytes(path), name), name, issues),)
    raise AdapterError(
        f"{path}: no table by its name. Name a file that ends in {', '.join(TABLE_ENDINGS)}."
    )


def csv_table(text: str, name: str, issues: list[Issue]) -> RawTable:
    """Read the text of a CSV file; what ends it early is added to `issues`."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    line, is_complete = 1, True
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, [unguarded(cell) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        is_complete = False
        message = (
            f"no valid CSV from here on: {error}; the rest was not read. "
            "Close the quote, or double quotes inside quotes"
        )
        issues.append(Issue("problem", "", "", "", message, name, line))
    return headed(name, "", without_titles(rows), is_complete=is_complete)


def without_titles(rows: list[Row]) -> list[Row]:
    """Leave out the titles above the headers: rows with one filled cell above wider ones."""
    for index, row in enumerate(rows):
        filled = [cell for cell in row.cells if not is_blank(cell)]
        # Headers with other signs than commas between them stand in one cell, too.
        if len(filled) > 1 or (len(row.cells) == 1 and _GLUED.search(str(filled[0]))):
            return rows[index:]
    return rows


def unguarded(cell: str) -> str:
    """Return the text of ``="00123"``: systems write so what no spreadsheet shall make a number."""
    if not cell.startswith('="'):
        return cell
    found = _GUARDED.fullmatch(cell)
    return cell if found is None else found[1]


_GUARDED: Final = re.compile(r'="([^"]*)"\s*')


def headed(
    file: str,
    sheet: str,
    rows: list[Row],
    *,
    is_complete: bool = True,
    has_1904_dates: bool = False,
) -> RawTable:
    """Take the first row as headers; blank columns at the right of a spreadsheet are dropped."""
    if not rows:
        return RawTable(file, sheet, (), (), 1, is_complete, has_1904_dates)
    headers = [_header(cell) for cell in rows[0].cells]
    width = max(_filled_width(row.cells) for row in rows)
    del headers[max(width, 1) :]
    below = tuple(Row(row.line, trimmed(row.cells, len(headers))) for row in rows[1:])
    if sheet:  # rows of sheets end with their last filled cell
        below = tuple(Row(row.line, _padded(row.cells, len(headers))) for row in below)
    line = rows[0].line
    return RawTable(file, sheet, tuple(headers), below, line, is_complete, has_1904_dates)


def trimmed(cells: Sequence[Any], count: int) -> Sequence[Any]:  # Any: as in a row
    """Drop the blank cells beyond the last header."""
    return cells[:count] if len(cells) > count and _filled_width(cells) <= count else cells


def _padded(cells: Sequence[Any], count: int) -> Sequence[Any]:  # Any: as in a row
    return cells if len(cells) >= count else (*cells, *[None] * (count - len(cells)))


def is_blank(cell: Any) -> bool:  # Any: text or an object
    """Whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _filled_width(cells: Sequence[Any]) -> int:  # Any: as in a row
    """Count the cells up to the last that says something."""
    width = len(cells)
    while width and is_blank(cells[width - 1]):
        width -= 1
    return width


def _header(cell: Any) -> str:  # Any: as in a row
    return "" if cell is None else cell if isinstance(cell, str) else str(cell)
