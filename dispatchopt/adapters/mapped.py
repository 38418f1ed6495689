"""A table under a mapping: its columns named, those that have a default added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.adapters.headers import ATTRIBUTE_PREFIX, index_beside, normal_header
from dispatchopt.adapters.mapping import MAPPING, ExportMapping
from dispatchopt.adapters.mapping.columns import COLUMNS_OF, LEFT_OUT, ColumnNames
from dispatchopt.adapters.raw import Row
from dispatchopt.adapters.tables import Table
from dispatchopt.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.adapters.mapping.files import TableKind


def mapped_table(
    table: Table, kind: TableKind, mapping: ExportMapping, warnings: list[Issue]
) -> Table:
    """Name the columns, and add those that have a default.

    Parameters
    ----------
    warnings
        Gets the columns that the mapping speaks of and the table lacks.
    """
    names = _names(table.headers, kind, mapping)
    _note_absent(table, kind, mapping, warnings)
    added = _absent_defaults(table.headers, names, kind, mapping)
    width, extra = len(table.headers), tuple(added.values())
    rows = table.rows
    if extra:  # a row that is too short or too long stays a fault
        rows = [
            Row(row.line, (*row.cells, *extra)) if len(row.cells) == width else row for row in rows
        ]
    return Table(table.file, [*table.headers, *added], rows, table.header_line, names)


def _names(headers: Sequence[str], kind: TableKind, mapping: ExportMapping) -> dict[str, str]:
    """Return what the headers stand for that are not ours."""
    names = dict(mapping.columns.get(kind, ColumnNames()).ours)
    if mapping.other_columns == "refuse":
        return names
    index = index_beside(headers, COLUMNS_OF[kind], names)
    for header in headers:
        normal = normal_header(header)
        is_ours = normal in index or header.strip().lower().startswith(ATTRIBUTE_PREFIX)
        if normal not in names and not is_ours:
            can_echo = mapping.other_columns == "echo" and "attributes" in index
            is_echoed = can_echo and bool(header.strip())
            names[normal] = f"{ATTRIBUTE_PREFIX}{header.strip()}" if is_echoed else LEFT_OUT
    return names


def _note_absent(
    table: Table, kind: TableKind, mapping: ExportMapping, warnings: list[Issue]
) -> None:
    """Warn of columns that the mapping speaks of and the table lacks under any name."""
    mapped = mapping.columns.get(kind, ColumnNames())
    there = {normal_header(header) for header in table.headers}
    filled = {mapped.ours.get(header, header) for header in there}
    index = index_beside(table.headers, COLUMNS_OF[kind], mapped.ours)
    filled |= {index[header].name for header in there if header in index}
    for normal, ours in mapped.ours.items():
        if ours and normal not in there and ours not in filled:
            theirs = mapped.theirs[normal]
            field, file = f"columns.{kind}.{theirs}", MAPPING
            message = f"{table.file} has no such column, so {ours} stays empty; correct it"
            warnings.append(Issue("problem", "", field, "", message, file))


def _absent_defaults(
    headers: Sequence[str], names: Mapping[str, str], kind: TableKind, mapping: ExportMapping
) -> dict[str, str]:
    """Return the defaults of the columns that no header fills."""
    index = index_beside(headers, COLUMNS_OF[kind], names)
    filled = set()
    for header in headers:
        normal = normal_header(header)
        column = index.get(normal_header(names.get(normal, header)))
        filled.add(column.name if column is not None else "")
    defaults = mapping.defaults.get(kind, {})
    return {name: cell for name, cell in defaults.items() if name not in filled}
