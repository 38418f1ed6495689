"""``[columns.tickets]`` and the others: which of our columns a header of an export stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.headers import (
    ATTRIBUTE_PREFIX,
    ENGINEER_COLUMNS,
    SHIFT_COLUMNS,
    TICKET_COLUMNS,
    Column,
    header_index,
    nearest_header,
    normal_header,
)
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.adapters.mapping.notes import Notes

LEFT_OUT: Final = ""
"""Stands for a column that is not read."""

COLUMNS_OF: Final[Mapping[TableKind, tuple[Column, ...]]] = MappingProxyType(
    {"tickets": TICKET_COLUMNS, "engineers": ENGINEER_COLUMNS, "shifts": SHIFT_COLUMNS}
)


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """Headers of one table.

    Attributes
    ----------
    ours
        Our column, ``attributes.KEY`` or `LEFT_OUT` by their header in its normal form.
    theirs
        Their headers by the normal form, as they stand in the mapping.
    """

    ours: Mapping[str, str] = field(default_factory=dict)
    theirs: Mapping[str, str] = field(default_factory=dict)


def read_columns(raw: Any, notes: Notes) -> dict[TableKind, ColumnNames]:  # Any: TOML
    """Read the section; faults go to `notes`."""
    table = notes.table(["columns"], raw, "tables")
    known = notes.known(["columns"], table, TABLE_KINDS)
    return {
        kind: _names(table[kind], kind, notes) for kind in TABLE_KINDS if kind in known
    }  # fmt: skip


def _names(raw: Any, kind: TableKind, notes: Notes) -> ColumnNames:  # Any: TOML
    keys = ["columns", kind]
    columns = COLUMNS_OF[kind]
    index = header_index(columns)
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for header, name in notes.table(keys, raw, "headers").items():
        normal = normal_header(header)
        if normal in ours:
            notes.fault([*keys, header], name, f"the same header as '{theirs[normal]}'; keep one")
        theirs.setdefault(normal, header)
        ours.setdefault(normal, LEFT_OUT)  # where its name is faulty, that is told once
        if not isinstance(name, str):
            notes.fault([*keys, header], name, "must be the name of a column, in quotes")
            continue
        column = index.get(normal_header(name))
        if column is not None:
            ours[normal] = column.name
        elif not name.strip():
            ours[normal] = LEFT_OUT
        elif _is_attribute(name, index):
            ours[normal] = name.strip()
        else:
            near = nearest_header(name, columns)
            hint = f"did you mean '{near}'? " if near else ""
            notes.fault(
                [*keys, header], name,
                f'no column of {kind}; {hint}Write a column of docs/csv.md, or "" to leave it out',
            )  # fmt: skip
    return ColumnNames(ours, theirs)


def _is_attribute(name: str, index: Mapping[str, Column]) -> bool:
    key = name.strip().removeprefix(ATTRIBUTE_PREFIX)
    return "attributes" in index and name.strip().startswith(ATTRIBUTE_PREFIX) and bool(key)
