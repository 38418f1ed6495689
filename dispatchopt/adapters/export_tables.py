"""The tables of an export, read by the mapping of their columns and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.headers import (
    Column,
    header_index,
    normal_header,
    split_cells,
    split_headers,
)
from dispatchopt.adapters.mapped import mapped_table
from dispatchopt.adapters.mapping.columns import COLUMNS_OF
from dispatchopt.adapters.raw import RawTable, Row, is_blank
from dispatchopt.adapters.roster_tables import clock_times_joined
from dispatchopt.adapters.sheet_cells import SheetCells
from dispatchopt.adapters.tables import CellReader, Sheet, Table, TextCells, read_sheet
from dispatchopt.errors import Issue
from dispatchopt.models.masking import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.local_time import Clock
    from dispatchopt.adapters.mapping import ExportMapping
    from dispatchopt.adapters.mapping.files import TableKind
    from dispatchopt.adapters.sources import Sources

_TOTALS: Final = frozenset({"合计", "总计", "小计", "共计", "汇总", "total", "totals", "sum"})
"""What stands in the first filled cell of a row that adds up others."""

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
        table = mapped_table(table, kind, self._mapping, self._warnings)
        return clock_times_joined(table) if kind == "shifts" else table

    def plain(self, raw: RawTable, columns: tuple[Column, ...]) -> Table | None:
        """Return a table to which the mapping does not apply; None, and a fault, if it is none."""
        if not raw.headers:
            if raw.is_complete:
                self._fault(raw.source, 0, "", "is empty; it needs a row of headers")
            return None
        headers = self._headers(raw, columns)
        if headers is None:
            return None
        rows = self._without_totals(raw)
        if len(headers) != len(raw.headers):
            rows = tuple(_widened(row, len(headers)) for row in rows)
        return Table(raw.source, headers, rows, raw.header_line)

    def _without_totals(self, raw: RawTable) -> tuple[Row, ...]:
        """Leave out the rows that add up others, as people put below a table; tell where."""
        kept: list[Row] = []
        for row in raw.rows:
            if _is_total(row):
                message = "a row of totals; it was left out"
                self._warnings.append(Issue("problem", "", "", "", message, raw.source, row.line))
            else:
                kept.append(row)
        return tuple(kept)

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

    def _fault(self, file: str, line: int, value: str, message: str) -> None:
        self._issues.append(Issue("problem", "", "", value, message, file, line))


def _is_total(row: Row) -> bool:
    first = next((cell for cell in row.cells if not is_blank(cell)), None)
    return isinstance(first, str) and normal_header(first).rstrip(":") in _TOTALS


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
