"""A ``mapping.toml`` for an export: what is known stands in it, what is not is left to fill in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.mapping import MAPPING
from dispatchopt.adapters.mapping.columns import COLUMNS_OF
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind
from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dispatchopt.adapters.doctor.findings import Code
    from dispatchopt.adapters.doctor.reading import Reading

_TITLE: Final = "# mapping.toml: what the columns and codes of this export mean."
_FILL_IN: Final = "fill in our code"
_HOURS: Final = 'fill in the hours, such as "08:30-17:30", or "off"'
SHIFT_HOURS: Final = "shift_hours"
"""The section of the names of shifts."""


class _Stub:
    """Settings as TOML keeps them, each with a remark."""

    def __init__(self, raw: dict[str, Any]) -> None:  # Any: TOML
        self.raw = raw
        self.remarks: dict[tuple[str, ...], str] = {}
        self.needs: dict[tuple[str, ...], str] = {}

    def put(self, keys: tuple[str, ...], value: Any, remark: str = "") -> None:  # Any: TOML
        """Set a value unless there is one."""
        table = self.raw
        for key in keys[:-1]:
            found = table.setdefault(key, {})
            if not isinstance(found, dict):
                return
            table = found
        if keys[-1] not in table:
            table[keys[-1]] = value
            if remark:
                self.remarks[keys] = remark

    def text(self) -> str:
        """Write it: single settings first, then the tables."""
        lines = [_TITLE if self.raw else f"{_TITLE} Nothing needs it."]
        self._table((), self.raw, lines)
        return "\n".join(lines) + "\n"

    def _table(self, keys: tuple[str, ...], table: Mapping[str, Any], lines: list[str]) -> None:
        plain = {key: value for key, value in table.items() if not _is_section(keys, value)}
        if plain and keys:
            lines += ["", f"[{'.'.join(_key(key) for key in keys)}]"]
            lines += [f"# {self.needs[keys]}"] if keys in self.needs else []
        for key, value in plain.items():
            remark = self.remarks.get((*keys, key), "")
            lines.append(f"{_key(key)} = {_toml(value)}" + (f"  # {remark}" if remark else ""))
        for key, value in table.items():
            if _is_section(keys, value):
                self._table((*keys, key), value, lines)


def _is_section(keys: tuple[str, ...], value: Any) -> bool:  # Any: TOML
    return isinstance(value, dict) and keys[:1] != ("files",)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").isalnum() else _toml(key)


def _toml(value: Any) -> str:  # Any: TOML
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)


def mapping_stub(folder: Path, reading: Reading, codes: Mapping[str, tuple[Code, ...]]) -> str:
    """Return the text of a mapping that reads the export, once its codes are filled in.

    What a ``mapping.toml`` beside the export says is kept.
    """
    stub = _Stub(_present(folder))
    if reading.is_guessed_zone:
        stub.put(("timezone",), reading.timezone, "guessed: correct it if it is another")
    for kind in TABLE_KINDS:
        table = reading.raw.get(kind)
        if table is not None and kind in reading.found_elsewhere:
            place = {"file": table.file, "sheet": table.sheet} if table.sheet else table.file
            stub.put(("files", kind), place, "found by its headers")
        for header, name in reading.guesses.get(kind, {}).items():
            remark = "guessed" if name else "left out"
            if header in reading.personal:
                remark = "guessed; personal: on run sheets alone" if name else "personal: left out"
            stub.put(("columns", kind, header.strip()), name, remark)
        missing = _required(reading, kind)
        if missing:
            stub.needs["columns", kind] = f"Still needed, so name the column of: {missing}"
    for what, unknown in codes.items():
        for code in unknown:
            times = "once" if code.count == 1 else f"{code.count} times"
            if what == SHIFT_HOURS:
                stub.put((what, code.code), "", f"{times}; {_HOURS}")
                continue
            remark = f"{times}; guessed" if code.guess else f"{times}; {_FILL_IN}"
            stub.put(("codes", what, code.code), code.guess, remark)
    return stub.text()


def _required(reading: Reading, kind: TableKind) -> str:
    sheets = {"tickets": reading.tickets, "engineers": reading.engineers, "shifts": reading.shifts}
    known = sheets[kind].headers
    if kind not in reading.raw:
        return ""
    columns = COLUMNS_OF[kind]
    needed = [
        f"{column.name} (or {column.instead})" if column.instead else column.name
        for column in columns
        if column.required and not {column.name, column.instead} & known.keys()
    ]
    if kind != "shifts" and known.keys().isdisjoint({"lon", "lat", "place"}):
        needed.append("lon and lat (or place)")
    return ", ".join(needed)


def _present(folder: Path) -> dict[str, Any]:  # Any: TOML
    try:
        return parse_toml(decode_utf8(read_bytes(folder / MAPPING), MAPPING), MAPPING)
    except AdapterError:
        return {}
