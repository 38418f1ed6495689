"""``[defaults.tickets]`` and the others: what columns hold that an export does not have."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.headers import header_index, nearest_header, normal_header
from dispatchopt.adapters.mapping.columns import COLUMNS_OF
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind

if TYPE_CHECKING:
    from dispatchopt.adapters.mapping.notes import Notes


def read_defaults(raw: Any, notes: Notes) -> dict[TableKind, dict[str, str]]:  # Any: TOML
    """Read the section, text of cells by our column; faults go to `notes`."""
    table = notes.table(["defaults"], raw, "tables")
    known = notes.known(["defaults"], table, TABLE_KINDS)
    return {kind: _cells(table[kind], kind, notes) for kind in TABLE_KINDS if kind in known}


def _cells(raw: Any, kind: TableKind, notes: Notes) -> dict[str, str]:  # Any: TOML
    keys = ["defaults", kind]
    columns = COLUMNS_OF[kind]
    index = header_index(columns)
    cells: dict[str, str] = {}
    for name, value in notes.table(keys, raw, "columns").items():
        column = index.get(normal_header(name))
        if column is None:
            near = nearest_header(name, columns)
            hint = f"did you mean '{near}'? " if near else ""
            notes.fault([*keys, name], None, f"no column of {kind}; {hint}See docs/csv.md")
        elif column.name == "id" or (kind == "shifts" and column.name == "engineer_id"):
            notes.fault([*keys, name], None, "an id has no default; map the column that holds it")
        elif column.name in cells:
            notes.fault([*keys, name], None, "this column stands twice; keep one")
        elif isinstance(value, str | int | float | date | time) and not isinstance(value, bool):
            cells[column.name] = _text(value)
        else:
            notes.fault([*keys, name], None, "write the text of a cell, in quotes")
    return cells


def _text(value: str | float | date | time) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)
