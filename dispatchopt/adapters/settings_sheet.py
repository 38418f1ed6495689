"""Settings and other documents as a sheet of two columns: ``setting`` and ``value``.

A table becomes one row for each of its settings (``horizon.start``), a list one row for each item
(``routes[]``). A value is text, a number, a truth value, or JSON where it is more than that.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.strict_json import parse_json
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.adapters.raw import RawTable
    from dispatchopt.adapters.xlsx_write import SheetCell

HEADERS: Final = ("setting", "value")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_JSON: Final = re.compile(r'\s*([\[{"]|-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$|(true|false|null)\s*$)')
_MAX_INT: Final = 10**15


def is_settings(table: RawTable) -> bool:
    """Whether a sheet is of this form."""
    return tuple(header.strip().casefold() for header in table.headers[:2]) == HEADERS


def document_rows(data: Mapping[str, Any]) -> list[list[SheetCell]]:  # Any: JSON
    """Return the rows of a sheet for a JSON object, the headers first."""
    rows: list[list[SheetCell]] = [list(HEADERS)]
    for key, value in data.items():
        if isinstance(value, dict) and value and all(map(_PLAIN_KEY.fullmatch, value)):
            rows += [[f"{key}.{below}", _cell(item)] for below, item in value.items()]
        elif isinstance(value, list | tuple) and value:
            rows += [[f"{key}[]", _cell(item)] for item in value]
        else:
            rows.append([key, _cell(value)])
    return rows


def _cell(value: Any) -> SheetCell:  # Any: JSON
    is_number = isinstance(value, float) or (isinstance(value, int) and abs(value) < _MAX_INT)
    if isinstance(value, bool) or is_number:
        return value  # type: ignore[no-any-return]
    if isinstance(value, str) and value.strip() == value != "" and not _JSON.match(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def read_document(table: RawTable, issues: list[Issue]) -> dict[str, Any]:  # Any: JSON
    """Read such a sheet; faults go to `issues`."""
    data: dict[str, Any] = {}

    def fault(line: int, key: str, message: str) -> None:
        issues.append(Issue("problem", "", key, "", message, table.source, line))

    for row in table.rows:
        cells = [*row.cells, None, None]
        key = cells[0].strip() if isinstance(cells[0], str) else ""
        if not key:
            fault(row.line, "", "a value without a setting; name it in the first column")
            continue
        try:
            value = _value(cells[1])
        except AdapterError as error:
            fault(row.line, key, str(error))
            continue
        if not _put(data, key, value):
            fault(row.line, key, "stands twice, once as a single value; keep one")
    return data


def _value(cell: Any) -> Any:  # Any: a cell; JSON
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _MAX_INT:
        return int(cell)
    if not isinstance(cell, str) or not _JSON.match(cell):
        return cell
    data, repeated = parse_json(cell, "value")
    if repeated:
        raise AdapterError(f"the key {repeated[0][:60]!r} stands twice in one object; keep one")
    return data


def _put(data: dict[str, Any], key: str, value: Any) -> bool:  # Any: JSON
    """Put a value where its key says; False if something else stands there."""
    if key.endswith("[]"):
        items = data.setdefault(key[:-2], [])
        if isinstance(items, list):
            items.append(value)
        return isinstance(items, list)
    top, _, below = key.partition(".")
    table = data.setdefault(top, {}) if below else data
    name = below or top
    if not isinstance(table, dict) or name in table:
        return False
    table[name] = value
    return True
