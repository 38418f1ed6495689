"""Any export -> sheets, faults and warnings, unknown headers read as what they probably mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.assemble import assemble
from dispatchopt.adapters.csv_folder import FolderReader
from dispatchopt.adapters.doctor.guesses import guessed_columns, is_personal
from dispatchopt.adapters.headers import (
    ENGINEER_COLUMNS,
    PLACES,
    SHIFT_COLUMNS,
    TICKET_COLUMNS,
    TRAVEL,
    Column,
    header_index,
    normal_header,
)
from dispatchopt.adapters.json_files import read_problem
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.mapping.columns import COLUMNS_OF, LEFT_OUT, ColumnNames
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind
from dispatchopt.adapters.places import odd_points
from dispatchopt.adapters.raw import CSV_ENDINGS, WORKBOOK_ENDINGS, RawTable
from dispatchopt.adapters.strict_json import load_json
from dispatchopt.adapters.tables import Item, Sheet
from dispatchopt.adapters.workbook import workbook_reader
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dispatchopt.adapters.headers import CellKind
    from dispatchopt.adapters.mapping import ExportMapping
    from dispatchopt.adapters.roster import Names

_LARGEST: Final = 10**9
_OTHER_TABLES: Final = (PLACES, TRAVEL)
CHINA: Final = "Asia/Shanghai"
ENOUGH: Final = 2
"""So many known headers make a table one of tickets, engineers or shifts."""

ENOUGH_GUESSED: Final = 4
"""Or so many that are known or have a guess."""


@dataclass(slots=True)
class Reading:
    """What could be read of an export.

    Attributes
    ----------
    raw
        The tables as they came, by kind.
    guesses
        Our column by unknown header, empty where there is no guess, by kind.
    filled
        How many rows fill each of our columns readably, by kind.
    rows
        How many rows there are, by kind, those of days off among them.
    personal
        Unknown headers below which names, phones or addresses stand.
    found_elsewhere
        Kinds whose table bears no name that readers look for.
    now
        Of the settings, if they tell.
    shift_names
        What the settings say of the names of shifts.
    """

    tickets: Sheet
    engineers: Sheet
    shifts: Sheet
    clock: Clock
    timezone: str
    is_guessed_zone: bool = False
    issues: tuple[Issue, ...] = ()
    warnings: tuple[Issue, ...] = ()
    raw: dict[TableKind, RawTable] = field(default_factory=dict)
    guesses: dict[TableKind, dict[str, str]] = field(default_factory=dict)
    filled: dict[str, Counter[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    personal: set[str] = field(default_factory=set)
    found_elsewhere: tuple[TableKind, ...] = ()
    mapping: ExportMapping | None = None
    now: datetime | None = None
    fault_types: Any = ()  # Any: raw data
    shift_names: Names | None = None


def read_export(path: Path) -> Reading:
    """Read a folder, a workbook or a single CSV file as far as it can be read.

    Raises
    ------
    AdapterError
        If nothing can be read at all.
    """
    name = path.name.lower()
    if path.is_dir():
        reader = FolderReader(path, "error", None)
    elif name.endswith(WORKBOOK_ENDINGS):
        reader = workbook_reader(path, "error", None)
    elif path.exists():
        reader = FolderReader(path.parent, "error", None, workbook=path.name)
    else:
        raise AdapterError(f"{path}: no such file or folder. Check the path.")
    return _Preparation(reader, is_single_csv=name.endswith(CSV_ENDINGS)).reading()


class _Preparation:
    """Lets a reader go on where the planner stops: other names, other headers, no zone."""

    def __init__(self, reader: FolderReader, *, is_single_csv: bool) -> None:
        self.reader = reader
        self.sources = reader.sources
        self.found_elsewhere = self._alone() if is_single_csv else self._find_by_headers()
        self.guesses: dict[TableKind, dict[str, str]] = {}
        self.personal: set[str] = set()
        reader.mapping = self._guessed()
        self.is_guessed_zone = not self._is_zone_told()
        if self.is_guessed_zone:
            reader.mapping = replace(reader.mapping, timezone=self._likely_zone())

    def reading(self) -> Reading:
        tickets, engineers, shifts, settings = self.reader.gather()
        # Counted before cells of one kind are made into another.
        sheets = {"tickets": tickets, "engineers": engineers, "shifts": shifts}
        filled = {kind: count_filled(sheet) for kind, sheet in sheets.items()}
        rows = {kind: len(sheet.items) for kind, sheet in sheets.items()}
        try:
            warnings = assemble(
                tickets, engineers, shifts, settings, list(self.reader.issues), on_bad_row="error"
            ).warnings
            issues: tuple[Issue, ...] = ()
        except InvalidProblemError as error:
            issues, warnings = error.issues, error.warnings
        raw = {kind: self.sources.table(kind) for kind in TABLE_KINDS}
        now = settings.head.get("now")
        return Reading(
            tickets=tickets,
            engineers=engineers,
            shifts=shifts,
            clock=Clock(settings.zone or UTC, settings.day_parts),
            timezone=str(settings.head.get("timezone") or "UTC"),
            is_guessed_zone=self.is_guessed_zone,
            issues=issues,
            warnings=warnings,
            raw={kind: table for kind, table in raw.items() if table is not None},
            guesses=self.guesses,
            filled=filled,
            rows=rows,
            personal=self.personal,
            found_elsewhere=self.found_elsewhere,
            mapping=self.reader.mapping,
            now=now if isinstance(now, datetime) else None,
            fault_types=settings.head.get("fault_types", ()),
            shift_names=settings.shift_hours,
        )

    def _alone(self) -> tuple[TableKind, ...]:
        """Take a single table for what its headers say."""
        table = next(iter(self.sources.everything()), None)
        best = None if table is None else _likely_kind(table, TABLE_KINDS)
        for kind in TABLE_KINDS:
            self.sources.take(kind, table if kind == best else None)
        self.reader.issues.clear()
        return () if best is None else (best,)

    def _find_by_headers(self) -> tuple[TableKind, ...]:
        """Take tables of other names for what their headers say; return the kinds found so."""
        missing = [kind for kind in TABLE_KINDS if self.sources.table(kind) is None]
        taken = [self.sources.table(kind) for kind in TABLE_KINDS]
        others = self.sources.everything() if missing else []
        free = [
            table
            for table in others
            if table.file not in _OTHER_TABLES and all(table is not one for one in taken)
        ]
        found: list[TableKind] = []
        for table in sorted(free, key=lambda one: -len(one.rows)):
            likely = _likely_kind(table, missing)
            if likely is not None:
                self.sources.take(likely, table)
                missing.remove(likely)
                found.append(likely)
        told = self.reader.issues
        told[:] = [issue for issue in told if not _is_of_missing(issue, found)]
        return tuple(found)

    def _guessed(self) -> ExportMapping:
        """Return the mapping with every unknown header as what it probably means."""
        mapping = self.reader.mapping
        columns = dict(mapping.columns)
        for kind in TABLE_KINDS:
            table = self.sources.table(kind)
            if table is None:
                continue
            known = columns.get(kind, ColumnNames())
            guesses = guessed_columns(table.headers, COLUMNS_OF[kind], known.ours)
            self.guesses[kind] = guesses
            self.personal.update(header for header in guesses if is_personal(header))
            ours = {normal_header(header): name or LEFT_OUT for header, name in guesses.items()}
            columns[kind] = ColumnNames({**ours, **known.ours}, known.theirs)
        return replace(mapping, columns=columns)

    def _is_zone_told(self) -> bool:
        told = list(self.reader.issues)
        raw = self.reader.read_settings()
        self.reader.issues[:] = told  # it is read once more, then in earnest
        return self.reader.mapping.timezone is not None or "timezone" in raw

    def _likely_zone(self) -> str:
        tables = (self.sources.table(kind) for kind in TABLE_KINDS)
        headers = [header for table in tables if table for header in table.headers]
        return CHINA if any(not header.isascii() for header in headers) else "UTC"


def count_filled(sheet: Sheet) -> Counter[str]:
    """Count the rows that fill each column readably."""
    return Counter(name for item in sheet.items for name in item.values)


def _likely_kind(
    table: RawTable, kinds: list[TableKind] | tuple[TableKind, ...]
) -> TableKind | None:
    """Return what a table holds by its headers: most known ones, tickets before engineers.

    Where too few are known, those count as well that have a guess.
    """
    if not kinds:
        return None
    scores = {
        kind: sum(normal_header(h) in header_index(COLUMNS_OF[kind]) for h in table.headers)
        for kind in kinds
    }
    best = max(kinds, key=lambda kind: scores[kind])
    if scores[best] >= ENOUGH:
        return best
    for kind in kinds:
        guesses = guessed_columns(table.headers, COLUMNS_OF[kind], {})
        scores[kind] += sum(bool(name) for name in guesses.values())
    best = max(kinds, key=lambda kind: scores[kind])
    return best if scores[best] >= ENOUGH_GUESSED else None


def _is_of_missing(issue: Issue, found: list[TableKind]) -> bool:
    if issue.message.startswith("no such file"):
        return issue.file in {f"{kind}.csv" for kind in found}
    return any(f", for the {kind} (" in issue.message for kind in found)  # of a workbook's sheets


def read_json(path: Path) -> Reading:
    """Read a problem in JSON, its items as sheets.

    Raises
    ------
    AdapterError
        If it cannot be read or is no JSON.
    """
    issues: tuple[Issue, ...] = ()
    try:
        warnings = read_problem(path).warnings
    except InvalidProblemError as error:
        issues, warnings = error.issues, error.warnings
    loaded, _ = load_json(path)
    data = loaded if isinstance(loaded, dict) else {}
    clock = Clock(UTC)
    engineers = _items(data.get("engineers"))
    shifts = [
        {**shift, "engineer_id": engineer.get("id")}
        for engineer in engineers
        for shift in _items(engineer.get("shifts"))
    ]
    work = _sheet("tickets", TICKET_COLUMNS, _items(data.get("tickets")), path, clock)
    crew = _sheet("engineers", ENGINEER_COLUMNS, engineers, path, clock)
    zone = data.get("timezone")
    now = _plain("instant", data.get("now"), clock)
    return Reading(
        tickets=work,
        engineers=crew,
        shifts=_sheet("shifts", SHIFT_COLUMNS, shifts, path, clock),
        clock=clock,
        timezone=zone if isinstance(zone, str) else "UTC",
        issues=issues,
        warnings=(*warnings, *odd_points((work, crew), None)),
        now=now if isinstance(now, datetime) else None,
        fault_types=data.get("fault_types", ()),
    )


def _items(raw: Any) -> list[dict[str, Any]]:  # Any: JSON
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []


def _sheet(
    kind: str,
    columns: tuple[Column, ...],
    raw: list[dict[str, Any]],  # Any: JSON
    path: Path,
    clock: Clock,
) -> Sheet:
    sheet = Sheet(path.name, columns)
    for index, item in enumerate(raw):
        values: dict[str, Any] = {}
        for column in columns:
            value = _plain(column.kind, _below(item, column.field), clock)
            if value is not None:
                values[column.name] = value
                sheet.headers.setdefault(column.name, column.field)
        found = item.get("id")
        item_id = found if isinstance(found, str) and found else f"#{index + 1}"
        sheet.items.append(Item(kind.removesuffix("s"), item_id, path.name, 0, values))
    return sheet


def _below(item: Mapping[str, Any], path: str) -> Any:  # Any: JSON
    value: Any = item
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _plain(kind: CellKind, value: Any, clock: Clock) -> Any:  # Any: JSON
    """Return times as such; as absent what is of another type than a column of that kind holds."""
    if kind == "spans":
        spans = [{k: _plain("instant", v, clock) for k, v in s.items()} for s in _items(value)]
        return [s for s in spans if None not in (s.get("start"), s.get("end"))]
    if kind == "instant":
        try:
            return clock.instant(value) if isinstance(value, str) else None
        except CellFault:
            return None
    if kind == "ids":
        is_list = isinstance(value, list)
        return tuple(one for one in value if isinstance(one, str)) if is_list else None
    if kind in _NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if is_number and abs(value) < _LARGEST else None
    if kind in _OBJECTS:
        return value if isinstance(value, dict) else None
    if kind in ("windows", "breaks"):
        return value if isinstance(value, list) else None
    return value if isinstance(value, str) else None


_NUMBERS: Final = frozenset({"int", "float", "lat", "lon", "priority", "minutes"})
_OBJECTS: Final = frozenset({"levels", "skills", "counts", "json"})
