"""A folder of tables -> a problem, every fault of every file at once.

``tickets.csv``, ``engineers.csv``, ``shifts.csv``, or ``.xlsx`` for each or all of them; if present
``travel.csv`` (long or square form), ``policy.toml`` (timezone, now, horizon, travel, policy,
coordinates, limits …), ``mapping.toml`` (what the columns and codes of a branch mean),
``places.csv`` (stand-ins for coordinates that lack), ``fault_types.json`` and
``previous_plan.json``. Headers are English or Chinese (`headers`), text is UTF-8 or GB18030.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from dispatchopt.adapters.assemble import OnBadRow, Settings, assemble
from dispatchopt.adapters.csv_write import write_folder
from dispatchopt.adapters.days import day_of
from dispatchopt.adapters.export_tables import ExportTables
from dispatchopt.adapters.headers import (
    ENGINEERS,
    FAULT_TYPES,
    PLACE_COLUMNS,
    PLACES,
    POLICY,
    PREVIOUS_PLAN,
    SHIFTS,
    TICKET_COLUMNS,
    TICKETS,
    TRAVEL,
)
from dispatchopt.adapters.json_files import validated
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.mapping import MAPPING, read_mapping
from dispatchopt.adapters.mapping.codes import Codes
from dispatchopt.adapters.mapping.files import TABLE_KINDS, TableKind
from dispatchopt.adapters.mapping.hours import (
    read_appointment_minutes,
    read_day_parts,
    read_plan_day,
    read_shift_hours,
)
from dispatchopt.adapters.mapping.notes import Notes
from dispatchopt.adapters.places import (
    CoordinateSettings,
    Geocoder,
    Whereabouts,
    checked_coordinates,
    read_places,
)
from dispatchopt.adapters.publish import recover_folder
from dispatchopt.adapters.raw import RawTable, csv_table
from dispatchopt.adapters.sheet_cells import SheetCells
from dispatchopt.adapters.sources import Sources
from dispatchopt.adapters.strict_json import parse_json, repeated_keys
from dispatchopt.adapters.tables import Sheet
from dispatchopt.adapters.textfiles import decode_table, parse_toml, read_bytes
from dispatchopt.adapters.travel_files import files_named, resolve_travel
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
from dispatchopt.limits.apply import LimitSettings, checked_settings
from dispatchopt.models import Plan, Policy
from dispatchopt.models.base import Model
from dispatchopt.models.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatchopt.models.intake import Intake

__all__ = ["read_folder", "write_folder"]

_M = TypeVar("_M", bound=Model)
_T = TypeVar("_T")

SETTINGS: Final = (
    "schema_version", "timezone", "now", "horizon", "travel", "policy", "coordinates", "limits",
    "day_parts", "shift_hours", "appointment_minutes", "plan_day",
)  # fmt: skip


_EITHER: Final = (
    "day_parts", "shift_hours", "appointment_minutes", "plan_day", "coordinates", "limits",
)  # fmt: skip
"""Settings that the mapping may hold instead."""


def read_folder(
    path: str | Path, *, on_bad_row: OnBadRow = "error", geocoder: Geocoder | None = None
) -> Intake:
    """Read a folder of CSV files or workbooks.

    A blank cell means "not tracked", ``-`` in a list means "none". A blank priority or crew size is
    the fault type's. A fault type may be given by its name. Times without an offset are local times
    of ``timezone`` in ``policy.toml``. Without a horizon there, it is the local days that cover all
    shifts; without travel, the straight line. ``mapping.toml`` says what the columns and codes of a
    branch's own export mean.

    Parameters
    ----------
    on_bad_row
        ``reject``: faulty tickets are left out and reported, and so are engineers with a fault of
        their own or of one of their shifts. Faults of whole files raise all the same.
    geocoder
        Asked for the places of addresses where a row has no coordinates and ``places.csv`` none.

    Raises
    ------
    AdapterError
        If the folder is none.
    InvalidProblemError
        With every fault of every file: file, line, id, value and the way out.
    """
    folder = Path(path)
    recover_folder(folder)
    if not _is_folder(folder):
        raise AdapterError(
            f"{path}: no such folder. It must hold {TICKETS}, {ENGINEERS}, {SHIFTS}."
        )
    return FolderReader(folder, on_bad_row, geocoder).run()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # pragma: no cover, depends on the system
        return False


class FolderReader:
    """Reads the files of a folder; collects faults.

    Parameters
    ----------
    workbook
        The one file of the folder that holds every table; None: any file there.
    kinds
        The tables that are read; the others count as empty.
    """

    policy_file: str = POLICY

    def __init__(
        self,
        folder: Path,
        on_bad_row: OnBadRow,
        geocoder: Geocoder | None,
        workbook: str | None = None,
        kinds: Sequence[TableKind] = TABLE_KINDS,
    ) -> None:
        self.folder = folder
        self.kinds = kinds
        self.geocoder = geocoder
        self.on_bad_row: OnBadRow = on_bad_row
        self.issues: list[Issue] = []
        self.warnings: list[Issue] = []
        self.mapping = read_mapping(folder, self.issues)
        self.sources = Sources(folder, workbook, self.mapping, self.issues, kinds)

    def run(self) -> Intake:
        """Read everything."""
        tickets, engineers, shifts, settings = self.gather()
        return assemble(
            tickets, engineers, shifts, settings, self.issues, on_bad_row=self.on_bad_row
        )

    def gather(self) -> tuple[Sheet, Sheet, Sheet, Settings]:
        """Read the tables of tickets, engineers and shifts, and what stands beside them."""
        raw = self.read_settings()
        self._add_mapped(raw)
        zone = self._zone(raw)
        day_parts = self._hours("day_parts", raw, read_day_parts)
        clock = Clock(zone, day_parts)
        head = self._head(raw, clock)
        plan_day = self._hours("plan_day", raw, read_plan_day)
        tables = ExportTables(self.sources, self.mapping, self.issues, self.warnings)
        whereabouts = self._whereabouts(raw, clock, tables)
        needs_place = not (whereabouts.book or whereabouts.geocoder)
        engineers, engineers_known = tables.sheet("engineers", clock, needs_place=needs_place)
        shifts, _ = tables.sheet("shifts", clock, needs_place=needs_place)
        tickets = Sheet(TICKETS, TICKET_COLUMNS)
        if "tickets" in self.kinds:
            tickets, _ = tables.sheet("tickets", clock, needs_place=needs_place)
        if clock.naive_count and "timezone" not in raw:
            self._note_missing_zone(clock)
        settings = Settings(
            head=head,
            zone=zone,
            file=self.policy_file,
            travel_file=TRAVEL if self._has(TRAVEL) else self.policy_file,
            travel_known=not any(issue.kind == "travel" for issue in self.issues),
            fault_type_file=FAULT_TYPES,
            plan_file=PREVIOUS_PLAN,
            engineers_known=engineers_known,
            file_order=(
                self.policy_file,
                MAPPING,
                FAULT_TYPES,
                PREVIOUS_PLAN,
                TRAVEL,
                PLACES,
                engineers.file,
                shifts.file,
                tickets.file,
            ),
            warnings=tuple(self.warnings),
            whereabouts=whereabouts,
            limits=self._limits(raw),
            day_parts=day_parts,
            shift_hours=self._hours("shift_hours", raw, read_shift_hours),
            appointment_minutes=self._hours("appointment_minutes", raw, read_appointment_minutes),
            day=day_of(plan_day, head.get("now", datetime.now(UTC)), zone),
        )
        return tickets, engineers, shifts, settings

    def _problem_fault(self, file: str, field: str, value: str, message: str) -> None:
        self.issues.append(Issue("problem", "", field, value[:60], message, file))

    def _text(self, name: str) -> str | None:
        """Text of a file; None, and a fault, if it cannot be read."""
        path = self.folder / name
        try:
            return decode_table(read_bytes(path), name)
        except AdapterError as error:
            message = str(error).removeprefix(f"{path}: ").removeprefix(f"{name}: ")
            self._problem_fault(name, "", "", message)
            return None

    def _has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.folder / name).exists()

    def read_settings(self) -> dict[str, Any]:  # Any: TOML
        """Read what stands beside the tables; unknown settings are faults."""
        if not self._has(POLICY):
            return {}
        text = self._text(POLICY)
        if text is None:
            return {"timezone": None}  # whether it was declared is unknown: one fault is enough
        try:
            return self._known(parse_toml(text, POLICY))
        except AdapterError as error:
            self._problem_fault(POLICY, "", "", str(error).removeprefix(f"{POLICY}: "))
            return {"timezone": None}

    def _known(self, raw: dict[str, Any]) -> dict[str, Any]:  # Any: TOML
        """Return the settings that there are; the others are faults."""
        for key in raw:
            if key not in SETTINGS:
                hint, known = did_you_mean(key, SETTINGS), ", ".join(SETTINGS)
                message = f"unknown setting; {hint}There are {known}"
                self._problem_fault(self.policy_file, key, "", message)
        return {key: value for key, value in raw.items() if key in SETTINGS}

    def _add_mapped(self, raw: dict[str, Any]) -> None:  # Any: TOML
        """Add what the mapping says; what both say must agree."""
        zone = self.mapping.timezone
        if zone is not None and raw.setdefault("timezone", zone) not in (zone, None):
            self._problem_fault(
                MAPPING, "timezone", zone,
                f"{self.policy_file} says {raw['timezone']}; keep one of them",
            )  # fmt: skip
        if any(issue.file == MAPPING for issue in self.issues):
            raw.setdefault("timezone", None)  # it may have been declared: one fault is enough
        for name in _EITHER:
            if name in raw and getattr(self.mapping, name) is not None:
                message = f"{self.policy_file} has {name}, too; keep one of them"
                self._problem_fault(MAPPING, name, "", message)

    def _hours(
        self,
        name: str,
        raw: dict[str, Any],  # Any: TOML
        read: Callable[[Any, Notes], _T],  # Any: TOML
    ) -> _T | None:
        """Return what the settings say under a name, else what the mapping says."""
        if name in raw:
            return read(raw[name], Notes(self.policy_file, "", self.issues))
        found: _T | None = getattr(self.mapping, name)
        return found

    def _zone(self, raw: dict[str, Any]) -> tzinfo | None:
        name = raw.get("timezone")
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (OSError, KeyError, ValueError, TypeError):
            self._problem_fault(
                self.policy_file,
                "timezone",
                str(name),
                "no IANA time zone; write for example Asia/Shanghai",
            )
            raw["timezone"] = None
            return None

    def _note_missing_zone(self, clock: Clock) -> None:
        where = "the settings"
        if clock.first_naive is not None:
            file, line, header = clock.first_naive
            where = f"{file}:{line}, {header}"
        self._problem_fault(
            self.policy_file, "timezone", "",
            f"is required: {clock.naive_count} times have no offset, the first at {where}. "
            'Write timezone = "Asia/Shanghai" in policy.toml, or give every time its offset',
        )  # fmt: skip

    def _head(self, raw: dict[str, Any], clock: Clock) -> dict[str, Any]:
        head: dict[str, Any] = {}
        if "schema_version" in raw:
            head["schema_version"] = raw["schema_version"]
        if "policy" in raw:
            # Apart from the rest, so that a faulty price hides no other fault.
            head["policy"] = self._validated(Policy, raw["policy"], "policy", self.policy_file)
        if raw.get("timezone") is not None:
            head["timezone"] = raw["timezone"]
        if "now" in raw:
            head["now"] = self._instant(raw["now"], "now", clock)
        if "horizon" in raw:
            head["horizon"] = self._horizon(raw["horizon"], clock)
        head["travel"] = self._travel(raw.get("travel"))
        if self._has(FAULT_TYPES):
            head["fault_types"] = self._fault_types()
        if self._has(PREVIOUS_PLAN):
            head["previous_plan"] = self._previous_plan()
        return {key: value for key, value in head.items() if value is not None}

    def _whereabouts(
        self,
        raw: dict[str, Any],  # Any: TOML
        clock: Clock,
        tables: ExportTables,
    ) -> Whereabouts:
        settings = CoordinateSettings()
        try:
            settings = checked_coordinates(*self._either(raw, "coordinates", {}))
        except InvalidProblemError as error:
            self.issues.extend(error.issues)
        found = Whereabouts(settings, geocoder=self.geocoder)
        raw_table = self._places() if self._has(PLACES) else None
        table = None if raw_table is None else tables.plain(raw_table, PLACE_COLUMNS)
        if raw_table is not None and table is not None:
            cells = SheetCells(Codes()) if raw_table.sheet else None
            found.book = read_places(table, settings, clock, self.issues, self.warnings, cells)
            found.book_file = raw_table.source
        return found

    def _either(self, raw: dict[str, Any], name: str, default: Any) -> tuple[Any, str]:  # Any: TOML
        """Return a table of the settings or else of the mapping, and the file that it stands in."""
        mapped = getattr(self.mapping, name)
        if name in raw or mapped is None:
            return raw.get(name, default), self.policy_file
        return mapped, MAPPING

    def _places(self) -> RawTable | None:
        """Return the table of places; None, and a fault, if it cannot be read."""
        text = self._text(PLACES)
        return None if text is None else csv_table(text, PLACES, self.issues)

    def _limits(self, raw: dict[str, Any]) -> LimitSettings | None:  # Any: TOML
        found, file = self._either(raw, "limits", None)
        if found is None:
            return None
        try:
            return checked_settings(found, file)
        except InvalidProblemError as error:
            self.issues.extend(error.issues)
            return None

    def _horizon(self, raw: Any, clock: Clock) -> Any:  # Any: TOML
        """Read start and end; None if one is faulty, so that the shifts give the horizon."""
        if not isinstance(raw, dict):
            return raw
        found = {key: self._instant(value, f"horizon.{key}", clock) for key, value in raw.items()}
        return None if any(value is None for value in found.values()) else found

    def _instant(self, value: Any, field: str, clock: Clock) -> Any:  # Any: TOML
        """Read a time of the settings; None if it is faulty, itself if the door is to tell."""
        try:
            if isinstance(value, datetime):
                return clock.localised(value) if value.tzinfo is None else value
            if isinstance(value, date):
                raise CellFault("a day without a time; write 2026-11-23T00:00:00")
            return clock.instant(value) if isinstance(value, str) else value
        except CellFault as fault:
            self._problem_fault(self.policy_file, field, str(value), str(fault))
            return None

    def _travel(self, raw: Any) -> Any:  # Any: TOML
        has_table = self._has(TRAVEL)
        if raw is None:
            raw = {"kind": "matrix"} if has_table else {"kind": "straight_line"}
        if isinstance(raw, dict) and raw.get("kind") == "matrix" and "seconds" not in raw:
            raw = {**raw, "seconds": {"file": TRAVEL}}
        if has_table and TRAVEL not in files_named(raw):
            self._problem_fault(
                self.policy_file, "travel", "",
                f"{TRAVEL} stands in the folder, but [travel] does not use it; remove one of them",
            )  # fmt: skip
        return resolve_travel(raw, self.folder, self.issues, self.warnings)

    def _json(self, name: str) -> Any:
        text = self._text(name)
        if text is None:
            return None
        try:
            data, repeated = parse_json(text, name)
        except AdapterError as error:
            self._problem_fault(name, "", "", str(error).removeprefix(f"{name}: "))
            return None
        self.issues.extend(repeated_keys(repeated, "problem", name))
        return data

    def _fault_types(self) -> Any:  # Any: JSON
        """List of fault types; the built-in catalogue's own form, an object, will do."""
        data = self._json(FAULT_TYPES)
        if isinstance(data, dict) and "fault_types" not in data:
            message = 'must be a list of fault types, or {"fault_types": [...]}'
            self._problem_fault(FAULT_TYPES, "fault_types", "", message)
        return data.get("fault_types") if isinstance(data, dict) else data

    def _previous_plan(self) -> Plan | None:
        data = self._json(PREVIOUS_PLAN)
        return None if data is None else self._validated(Plan, data, "plan", PREVIOUS_PLAN)

    def _validated(self, model: type[_M], data: Any, kind: str, file: str) -> _M | None:
        found: list[Issue] = []
        valid = validated(model, data, kind, file, found)
        self.issues.extend(found)
        return valid
