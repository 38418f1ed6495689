"""A problem -> a folder of CSV files that `csv_folder` reads back as the same problem."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from dispatchopt.adapters import headers as names
from dispatchopt.adapters.cells import as_model_value, parse_cell, render_cell
from dispatchopt.adapters.headers import (
    END_ANYWHERE_WORDS,
    ENGINEER_COLUMNS,
    SHIFT_COLUMNS,
    TICKET_COLUMNS,
    Column,
)
from dispatchopt.adapters.json_files import plan_bytes, to_json
from dispatchopt.adapters.local_time import CellFault, Clock, iso_local
from dispatchopt.adapters.publish import publish_folder
from dispatchopt.adapters.raw import unguarded
from dispatchopt.adapters.strict_json import dump_json
from dispatchopt.adapters.travel_rows import read_travel_csv, write_travel_csv
from dispatchopt.errors import AdapterError
from dispatchopt.models import Engineer, Matrix, Policy, Problem, Profiles, Shift, Ticket, Travel
from dispatchopt.models.base import Point
from dispatchopt.models.field_faults import PRIVATE_FIELDS

Headers = Literal["en", "zh"]
Encoding = Literal["utf-8", "utf-8-sig", "gb18030"]

_LONGEST_CELL: Final = 131_072  # the csv module reads no longer one
_MOST_LISTED: Final = 20
_REPLACEABLE: Final = (
    names.TICKETS, names.ENGINEERS, names.SHIFTS, names.TRAVEL, names.POLICY, names.FAULT_TYPES,
    names.PREVIOUS_PLAN, "travel-*.csv",
)  # fmt: skip


def write_folder(
    problem: Problem,
    path: str | Path,
    *,
    headers: Headers = "en",
    encoding: Encoding = "utf-8-sig",
) -> None:
    """Write a problem as a folder of CSV files, all at once.

    Times are local times of the problem's zone, with their offset where summer time needs it.
    Columns that no row fills are left out.

    Parameters
    ----------
    path
        A new folder, or one with such files only; it is replaced as a whole.
    encoding
        ``utf-8-sig`` opens rightly in spreadsheets.

    Raises
    ------
    AdapterError
        If the problem has what such a folder cannot carry (all of it is listed), or the folder
        holds other files or cannot be written.
    """
    files = folder_files(problem, headers=headers, encoding=encoding)
    publish_folder(Path(path), files, replaceable=_REPLACEABLE)


def folder_files(problem: Problem, *, headers: Headers, encoding: Encoding) -> dict[str, bytes]:
    """Return the content of each file of the folder.

    Raises
    ------
    AdapterError
        If the problem has what such a folder cannot carry; all of it is listed.
    """
    writer = TableWriter(problem, chinese=headers == "zh")
    texts = writer.texts()
    writer.refuse_losses("A folder of CSV files")
    # TOML is UTF-8 by its own definition, whatever the tables are.
    files = {
        name: text.encode("utf-8" if name == names.POLICY else encoding)
        for name, text in texts.items()
    }
    if problem.fault_types:
        files[names.FAULT_TYPES] = dump_json([to_json(f) for f in problem.fault_types], indent=1)
    if problem.previous_plan is not None:
        files[names.PREVIOUS_PLAN] = plan_bytes(problem.previous_plan)
    return files


Columns = list[tuple[Column, list[str]]]
"""The columns of a table that are written, with the text of their cells."""


class TableWriter:
    """Renders each cell and reads it back at once, so that nothing is lost in silence.

    Attributes
    ----------
    lost
        What would be read back otherwise.
    """

    def __init__(self, problem: Problem, *, chinese: bool) -> None:
        self.problem = problem
        self.chinese = chinese
        self.clock = Clock(problem.zone)
        self.lost: list[str] = []

    def texts(self) -> dict[str, str]:
        """Return the text of each file of a folder."""
        texts = {name: self._csv(columns) for name, columns in self.tables().items()}
        travel = self.travel(self.problem.travel, texts)
        texts[names.POLICY] = _toml_text(self.settings(travel))
        return texts

    def refuse_losses(self, what: str) -> None:
        """Raise if anything would be lost.

        Raises
        ------
        AdapterError
            Lists all of it, up to a number.
        """
        if not self.lost:
            return
        more = len(self.lost) - _MOST_LISTED
        listing = "\n".join(f"  - {item}" for item in self.lost[:_MOST_LISTED])
        tail = f"\n  and {more} more" if more > 0 else ""
        raise AdapterError(
            f"{what} cannot carry this problem; write JSON instead:\n{listing}{tail}"
        )

    def tables(self) -> dict[str, Columns]:
        """Return the columns of each table by the name of its file."""
        shifts = [(e, shift) for e in self.problem.engineers for shift in e.shifts]
        return {
            names.TICKETS: self._table(TICKET_COLUMNS, "ticket", self.problem.tickets),
            names.ENGINEERS: self._table(ENGINEER_COLUMNS, "engineer", self.problem.engineers),
            names.SHIFTS: self._table(
                SHIFT_COLUMNS,
                "shift",
                [shift for _, shift in shifts],
                {"engineer_id": [engineer.id for engineer, _ in shifts]},
            ),
        }

    def _csv(self, columns: Columns) -> str:
        stream = io.StringIO(newline="")
        writer = csv.writer(stream)
        writer.writerow([self.header(column) for column, _ in columns])
        writer.writerows(zip(*(cells for _, cells in columns), strict=True))
        return stream.getvalue()

    def header(self, column: Column) -> str:
        """Return the header of a column."""
        return column.zh if self.chinese else column.name

    def _table(
        self,
        columns: tuple[Column, ...],
        kind: str,
        items: Sequence[Ticket | Engineer | Shift],
        given: Mapping[str, list[str]] | None = None,
    ) -> Columns:
        filled: list[tuple[Column, list[str]]] = []
        for column in columns:
            if not column.is_written:
                continue
            if given and column.name in given:
                cells = [
                    self._cell(column, kind, item.id, value)
                    for item, value in zip(items, given[column.name], strict=True)
                ]
            else:
                cells = [
                    self._cell(column, kind, item.id, field_value(item, column)) for item in items
                ]
            if column.required or any(cells):
                filled.append((column, cells))
        return filled

    def _cell(self, column: Column, kind: str, item_id: str, value: Any) -> str:  # Any: by kind
        if value is None:
            return ""
        if value is ANYWHERE:
            return END_ANYWHERE_WORDS[1 if self.chinese else 0]
        text = str(value)
        try:
            text = render_cell(column.kind, value, self.clock, self.chinese)
            cell = unguarded(text)
            back = as_model_value(column.kind, parse_cell(column.kind, cell, self.clock))
        except (CellFault, ValueError, TypeError, RecursionError):  # attributes beyond JSON
            back = None
        is_same = back == value and type(back) is type(value)
        if not is_same or not text.strip() or len(text) >= _LONGEST_CELL:
            shown = "" if column.field in PRIVATE_FIELDS else f" {text[:60]!r}"
            self.lost.append(
                f"{kind} '{item_id}', {column.field}:{shown} would read back otherwise"
            )
        return text

    def travel(self, travel: Travel, texts: dict[str, str]) -> dict[str, Any]:  # Any: TOML
        """Return the settings of the travel model; its tables become files, added to `texts`."""
        if isinstance(travel, Profiles):
            tables = {
                name: self._table_file(table, f"travel-{number}.csv", texts)
                if isinstance(table, Matrix)
                else to_json(table)
                for number, (name, table) in enumerate(travel.profiles.items(), start=1)
            }
            return {"kind": "profiles", "profiles": tables}
        if isinstance(travel, Matrix):
            return self._table_file(travel, names.TRAVEL, texts)
        return to_json(travel)

    def _table_file(self, table: Matrix, name: str, texts: dict[str, str]) -> dict[str, Any]:
        text = write_travel_csv(table.places, table.seconds)
        try:
            places, seconds = read_travel_csv(text, name)
            back = Matrix(kind="matrix", places=tuple(places), seconds=seconds)
        except AdapterError as error:
            self.lost.append(f"travel, {name}: {str(error)[:200]}")
        else:
            if back != table:
                self.lost.append(f"travel, {name}: its places read back otherwise")
        texts[name] = text
        return {"kind": "matrix", "seconds": {"file": name}}

    def settings(self, travel: dict[str, Any]) -> dict[str, Any]:  # Any: TOML
        """Return everything that is no table."""
        problem = self.problem
        now = {} if problem.now is None else {"now": iso_local(problem.now, problem.zone)}
        return {
            "schema_version": problem.schema_version,
            "timezone": problem.timezone,
            **now,
            "horizon": {
                "start": iso_local(problem.horizon.start, problem.zone),
                "end": iso_local(problem.horizon.end, problem.zone),
            },
            "travel": travel,
            "policy": _changed(problem.policy),
        }


def _toml_text(settings: Mapping[str, Any]) -> str:  # Any: TOML
    """Write settings, tables last."""
    single = [_assignment(key, v) for key, v in settings.items() if not isinstance(v, Mapping)]
    lines = ["\n".join(single)]
    for name, table in settings.items():
        if isinstance(table, Mapping):
            lines.append("\n".join([f"[{name}]", *(_assignment(*item) for item in table.items())]))
    return "\n\n".join(lines) + "\n"


class _Anywhere:
    """Marks an `end_place` that is an explicit null."""


ANYWHERE: Final = _Anywhere()


def field_value(item: Ticket | Engineer | Shift, column: Column) -> Any:  # Any: differs by column
    """Value of the field that a column fills; None if there is none to write.

    `ANYWHERE` for a shift that ends at its last visit.
    """
    top, _, below = column.field.partition(".")
    value = getattr(item, top)
    if top == "end_place" and isinstance(item, Shift) and item.ends_anywhere:
        return None if below else ANYWHERE
    if below in ("lat", "lon"):
        return getattr(value, below) if isinstance(value, Point) else None
    if below:
        return None if value is None else getattr(value, below)
    if isinstance(value, Point):
        return None
    if value == type(item).model_fields[top].default and column.name not in _ALWAYS:
        return None
    if column.kind in ("windows", "spans", "breaks", "json") and not value:
        return None
    return value


_ALWAYS: Final = frozenset({"crew_size", "status"})
"""Written even if they are the default: a blank crew size would be read as the fault type's, and
people look for the status."""


def _changed(policy: Policy) -> dict[str, Any]:  # Any: JSON
    """Preset, and what differs from it."""
    data = to_json(policy)
    preset = to_json(Policy(preset=policy.preset))
    return {
        "preset": policy.preset,
        **{key: value for key, value in data.items() if value != preset[key]},
    }


def _assignment(key: str, value: Any) -> str:  # Any: JSON
    return f"{_key(key)} = {_toml(value)}"


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").isalnum() else _toml(key)


def _toml(value: Any) -> str:  # Any: JSON without null
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_assignment(key, item) for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
