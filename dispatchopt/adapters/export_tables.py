"""The tables of an export, read by the mapping of their columns and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.headers import (
    ATTRIBUTE_PREFIX,
    Column,
    header_index,
    normal_header,
    split_cells,
    split_headers,
)
from dispatchopt.adapters.mapping import MAPPING, ExportMapping
from dispatchopt.adapters.mapping.columns import COLUMNS_OF, LEFT_OUT, ColumnNames
from dispatchopt.adapters.raw import RawTable, Row
from dispatchopt.adapters.sheet_cells import SheetCells
from dispatchopt.adapters.tables import CellReader, Sheet, Table, TextCells, read_sheet
from dispatchopt.errors import Issue
from dispatchopt.models.masking import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.adapters.local_time import Clock
    from dispatchopt.adapters.mapping.files import TableKind
    from dispatchopt.adapters.sources import Sources

_ITEM: Final[dict[TableKind, str]] = {
    "tickets": "ticket",
    "engineers": "engineer",
    "shifts": "shift",
}


class ExportTables:
    """Turns the tables of an export into sheets of items.

    Parameters
    ----------
    sources
        Finds the tables.
    mapping
        Says what their columns and codes mean.
    issues, warnings
        Get every fault, and what looks like a slip.
    """

    def __init__(
        self,
        sources: Sources,
        mapping: ExportMapping,
        issues: list[Issue],
        warnings: list[Issue],
    ) -> None:
        self._sources = sources
        self._mapping = mapping
        self._issues = issues
        self._warnings = warnings

    def sheet(
        self, kind: TableKind, clock: Clock, *, needs_place: bool = True
    ) -> tuple[Sheet, bool]:
        """Read the table of one kind; False if it could not be read to its end.

        Parameters
        ----------
        needs_place
            Whether a table without any column of places is faulty.
        """
        columns = COLUMNS_OF[kind]
        source = self._sources.source_of(kind)
        raw = self._sources.table(kind)
        table = None if raw is None else self._table(raw, kind, columns)
        if raw is None or table is None:
            return Sheet(source, columns, complete=False), False
        cells: CellReader = TextCells()
        if raw.sheet or self._mapping.codes.by_column:
            cells = SheetCells(self._mapping.codes, has_1904_dates=raw.has_1904_dates)
        sheet = read_sheet(
            table, columns, _ITEM[kind], clock, self._issues, cells, needs_place=needs_place
        )
        return sheet, raw.is_complete and bool(sheet.headers)

    def _table(self, raw: RawTable, kind: TableKind, columns: tuple[Column, ...]) -> Table | None:
        """Name the columns, and add those that have a default; None if there is no table."""
        table = self.plain(raw, columns)
        if table is None:
            return None
        names = self._names(table.headers, kind, columns)
        self._note_absent(raw, table.headers, kind)
        added = self._absent_defaults(table.headers, names, kind, columns)
        width, extra = len(table.headers), tuple(added.values())
        rows = table.rows
        if extra:  # a row that is too short or too long stays a fault
            rows = [
                Row(row.line, (*row.cells, *extra)) if len(row.cells) == width else row
                for row in rows
            ]
        return Table(table.file, [*table.headers, *added], rows, table.header_line, names)

    def plain(self, raw: RawTable, columns: tuple[Column, ...]) -> Table | None:
        """Return a table to which the mapping does not apply; None, and a fault, if it is none."""
        if not raw.headers:
            if raw.is_complete:
                self._fault(raw.source, 0, "", "is empty; it needs a row of headers")
            return None
        headers = self._headers(raw, columns)
        if headers is None:
            return None
        rows = raw.rows
        if len(headers) != len(raw.headers):
            rows = tuple(_widened(row, len(headers)) for row in rows)
        return Table(raw.source, headers, rows, raw.header_line)

    def _headers(self, raw: RawTable, columns: tuple[Column, ...]) -> list[str] | None:
        """Return the headers; in CSV other signs than commas may glue several into one."""
        headers = list(raw.headers)
        split = headers if raw.sheet else split_headers(headers, columns)
        if len(headers) == len(split):
            return headers
        self._fault(
            raw.source, raw.header_line, _known_only(headers, split, columns),
            "other signs than commas stand between headers; separate the columns by commas",
        )  # fmt: skip
        # Blank cells at the end of a row have been dropped; a row that is glued, too, is no use.
        are_apart = all(
            len(row.cells) == len(split) or not any(map(_is_glued, row.cells)) for row in raw.rows
        )
        return split if are_apart else None

    def _names(
        self, headers: Sequence[str], kind: TableKind, columns: tuple[Column, ...]
    ) -> dict[str, str]:
        """Return what the headers stand for that are not ours."""
        names = dict(self._mapping.columns.get(kind, ColumnNames()).ours)
        if self._mapping.other_columns == "refuse":
            return names
        index = header_index(columns)
        for header in headers:
            normal = normal_header(header)
            is_ours = normal in index or header.strip().lower().startswith(ATTRIBUTE_PREFIX)
            if normal not in names and not is_ours:
                can_echo = self._mapping.other_columns == "echo" and "attributes" in index
                is_echoed = can_echo and bool(header.strip())
                names[normal] = f"{ATTRIBUTE_PREFIX}{header.strip()}" if is_echoed else LEFT_OUT
        return names

    def _note_absent(self, raw: RawTable, headers: Sequence[str], kind: TableKind) -> None:
        """Warn of columns that the mapping speaks of and the table lacks under any name."""
        mapped = self._mapping.columns.get(kind, ColumnNames())
        there = {normal_header(header) for header in headers}
        filled = {mapped.ours.get(header, header) for header in there}
        index = header_index(COLUMNS_OF[kind])
        filled |= {index[header].name for header in there if header in index}
        for normal, ours in mapped.ours.items():
            if ours and normal not in there and ours not in filled:
                theirs = mapped.theirs[normal]
                field, file = f"columns.{kind}.{theirs}", MAPPING
                message = f"{raw.source} has no such column, so {ours} stays empty; correct it"
                self._warnings.append(Issue("problem", "", field, "", message, file))

    def _absent_defaults(
        self,
        headers: Sequence[str],
        names: Mapping[str, str],
        kind: TableKind,
        columns: tuple[Column, ...],
    ) -> dict[str, str]:
        """Return the defaults of the columns that no header fills."""
        index = header_index(columns)
        filled = set()
        for header in headers:
            normal = normal_header(header)
            column = index.get(normal_header(names.get(normal, header)))
            filled.add(column.name if column is not None else "")
        defaults = self._mapping.defaults.get(kind, {})
        return {name: cell for name, cell in defaults.items() if name not in filled}

    def _fault(self, file: str, line: int, value: str, message: str) -> None:
        self._issues.append(Issue("problem", "", "", value, message, file, line))


def _is_glued(cell: str) -> bool:
    return len(split_cells(cell)) > 1


def _widened(row: Row, width: int) -> Row:
    """Give a row blank cells up to a width."""
    return Row(row.line, (*row.cells, *[""] * (width - len(row.cells))))


def _known_only(headers: Sequence[str], split: list[str], columns: tuple[Column, ...]) -> str:
    """Return the row of headers for a message, nothing if it may be a row of data."""
    known = header_index(columns)
    is_header = any(normal_header(header) in known for header in split)
    return shown(",".join(headers)) if is_header else ""
