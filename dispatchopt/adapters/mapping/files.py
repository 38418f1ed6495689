"""``[files]``: which file, and which sheet of it, holds tickets, engineers and shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from dispatchopt.adapters.mapping.notes import Notes

TableKind = Literal["tickets", "engineers", "shifts"]
TABLE_KINDS: Final[tuple[TableKind, ...]] = ("tickets", "engineers", "shifts")


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A file beside ``mapping.toml`` and a sheet in it; empty where it goes without saying."""

    file: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the tables stand; one that is absent is found by its name."""

    tickets: TablePlace | None = None
    engineers: TablePlace | None = None
    shifts: TablePlace | None = None

    def of(self, kind: TableKind) -> TablePlace | None:
        """Return where the table of one kind stands, if that is told."""
        places = {"tickets": self.tickets, "engineers": self.engineers, "shifts": self.shifts}
        return places[kind]


def read_files(raw: Any, notes: Notes) -> Files:  # Any: TOML
    """Read the section; faults go to `notes`."""
    table = notes.table(["files"], raw, "files")
    found: dict[str, TablePlace] = {}
    for kind in notes.known(["files"], table, TABLE_KINDS):
        place = _place(table[kind], ["files", kind], notes)
        if place is not None:
            found[kind] = place
    return Files(**found)


def _place(raw: Any, keys: list[str], notes: Notes) -> TablePlace | None:  # Any: TOML
    if isinstance(raw, str):
        raw = {"file": raw}
    if not isinstance(raw, dict):
        notes.fault(keys, raw, 'write a file, or { file = "export.xlsx", sheet = "工单" }')
        return None
    parts: dict[str, str] = {}
    for key in notes.known(keys, raw, ("file", "sheet")):
        value = raw[key]
        if not isinstance(value, str) or not value.strip():
            notes.fault([*keys, key], value, "must be a name")
        elif key == "file" and (set(value) & set("/\\\0") or value in (".", "..")):
            notes.fault([*keys, key], value, "must be the name of a file in the same folder")
        else:
            parts[key] = value
    return TablePlace(**parts)
