"""A folder of CSV files -> a problem, every fault of every file at once.

``tickets.csv``, ``engineers.csv``, ``shifts.csv``; if present ``travel.csv`` (long or square form),
``policy.toml`` (timezone, now, horizon, travel, policy, coordinates, limits), ``places.csv``
(stand-ins for coordinates that lack), ``fault_types.json`` and
``previous_plan.json``. Headers are English or Chinese (`headers`), text is UTF-8 or GB18030.
"""

from __future__ import annotations

import csv
import io
import tomllib
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from dispatchopt.adapters.assemble import OnBadRow, Settings, assemble
from dispatchopt.adapters.csv_write import write_folder
from dispatchopt.adapters.headers import (
    ENGINEER_COLUMNS,
    ENGINEERS,
    FAULT_TYPES,
    PLACE_COLUMNS,
    PLACES,
    POLICY,
    PREVIOUS_PLAN,
    SHIFT_COLUMNS,
    SHIFTS,
    TICKET_COLUMNS,
    TICKETS,
    TRAVEL,
    Column,
    header_index,
    normal_header,
    split_headers,
)
from dispatchopt.adapters.json_files import validated
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.places import (
    CoordinateSettings,
    Geocoder,
    Whereabouts,
    checked_coordinates,
    read_places,
)
from dispatchopt.adapters.publish import recover_folder
from dispatchopt.adapters.raw import Row
from dispatchopt.adapters.strict_json import parse_json
from dispatchopt.adapters.tables import Sheet, Table, read_sheet
from dispatchopt.adapters.textfiles import decode_table, read_bytes
from dispatchopt.adapters.travel_files import files_named, resolve_travel
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
from dispatchopt.limits.apply import LimitSettings, checked_settings
from dispatchopt.models import Plan, Policy
from dispatchopt.models.base import Model
from dispatchopt.models.masking import shown
from dispatchopt.models.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.models.intake import Intake

__all__ = ["read_folder", "write_folder"]

_M = TypeVar("_M", bound=Model)

_FILES: Final = (POLICY, FAULT_TYPES, PREVIOUS_PLAN, TRAVEL, PLACES, ENGINEERS, SHIFTS, TICKETS)
_SETTINGS: Final = (
    "schema_version", "timezone", "now", "horizon", "travel", "policy", "coordinates", "limits",
)  # fmt: skip


def read_folder(
    path: str | Path, *, on_bad_row: OnBadRow = "error", geocoder: Geocoder | None = None
) -> Intake:
    """Read a folder of CSV files.

    A blank cell means "not tracked", ``-`` in a list means "none". A blank priority or crew size is
    the fault type's. A fault type may be given by its name. Times without an offset are local times
    of ``timezone`` in ``policy.toml``. Without a horizon there, it is the local days that cover all
    shifts; without travel, the straight line.

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
    return _Reader(folder, on_bad_row, geocoder).run()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # pragma: no cover, depends on the system
        return False


class _Reader:
    """Reads the files of a folder; collects faults."""

    def __init__(self, folder: Path, on_bad_row: OnBadRow, geocoder: Geocoder | None) -> None:
        self.folder = folder
        self.geocoder = geocoder
        self.needs_place = True
        self.on_bad_row: OnBadRow = on_bad_row
        self.issues: list[Issue] = []
        self.warnings: list[Issue] = []

    def run(self) -> Intake:
        raw = self._settings()
        zone = self._zone(raw)
        clock = Clock(zone)
        head = self._head(raw, clock)
        whereabouts = self._whereabouts(raw, clock)
        self.needs_place = not (whereabouts.book or whereabouts.geocoder)
        engineers, engineers_known = self._sheet(ENGINEERS, ENGINEER_COLUMNS, "engineer", clock)
        shifts, _ = self._sheet(SHIFTS, SHIFT_COLUMNS, "shift", clock)
        tickets, _ = self._sheet(TICKETS, TICKET_COLUMNS, "ticket", clock)
        if clock.naive_count and "timezone" not in raw:
            self._note_missing_zone(clock)
        settings = Settings(
            head=head,
            zone=zone,
            file=POLICY,
            travel_file=TRAVEL if (self.folder / TRAVEL).exists() else POLICY,
            travel_known=not any(issue.kind == "travel" for issue in self.issues),
            fault_type_file=FAULT_TYPES,
            plan_file=PREVIOUS_PLAN,
            engineers_known=engineers_known,
            file_order=_FILES,
            warnings=tuple(self.warnings),
            whereabouts=whereabouts,
            limits=self._limits(raw),
        )
        return assemble(
            tickets, engineers, shifts, settings, self.issues, on_bad_row=self.on_bad_row
        )

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

    def _sheet(
        self, name: str, columns: tuple[Column, ...], kind: str, clock: Clock
    ) -> tuple[Sheet, bool]:
        """Read a table; False if it could not be read to its end."""
        text = self._text(name)
        if text is None:
            return Sheet(name, columns, complete=False), False
        table, whole = self._table(text, name, columns)
        if table is None:
            return Sheet(name, columns, complete=False), False
        sheet = read_sheet(table, columns, kind, clock, self.issues, needs_place=self.needs_place)
        return sheet, whole and bool(sheet.headers)

    def _table(
        self, text: str, name: str, columns: tuple[Column, ...]
    ) -> tuple[Table | None, bool]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[Row] = []
        line, whole = 1, True
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    rows.append(Row(line, cells))
                line = reader.line_num + 1
        except csv.Error as error:
            whole = False
            self.issues.append(
                Issue(
                    "problem", "", "", "",
                    f"no valid CSV from here on: {error}; the rest was not read. "
                    "Close the quote, or double quotes inside quotes",
                    name, line,
                )
            )  # fmt: skip
        if not rows:
            if whole:
                self._problem_fault(name, "", "", "is empty; it needs a row of headers")
            return None, False
        headers = list(rows[0].cells)
        split = split_headers(headers, columns)
        if len(headers) != len(split):
            self.issues.append(
                Issue(
                    "problem", "", "", _known_only(headers, split, columns),
                    "other signs than commas stand between headers; separate the columns by commas",
                    name, rows[0].line,
                )
            )  # fmt: skip
            if any(len(row.cells) != len(split) for row in rows[1:]):
                return None, False
            headers = split
        while headers and not headers[-1].strip() and _is_blank_column(rows, len(headers)):
            headers.pop()  # spreadsheets leave blank cells at the right
        rows = [Row(row.line, _trimmed(row.cells, len(headers))) for row in rows]
        return Table(name, headers, rows[1:], rows[0].line), whole

    def _settings(self) -> dict[str, Any]:  # Any: TOML
        if not (self.folder / POLICY).exists():
            return {}
        text = self._text(POLICY)
        if text is None:
            return {"timezone": None}  # whether it was declared is unknown: one fault is enough
        try:
            raw = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            self._problem_fault(POLICY, "", "", f"no valid TOML: {error}")
            return {"timezone": None}
        for key in raw:
            if key not in _SETTINGS:
                hint, known = did_you_mean(key, _SETTINGS), ", ".join(_SETTINGS)
                self._problem_fault(POLICY, key, "", f"unknown setting; {hint}There are {known}")
        return {key: value for key, value in raw.items() if key in _SETTINGS}

    def _zone(self, raw: dict[str, Any]) -> tzinfo | None:
        name = raw.get("timezone")
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (OSError, KeyError, ValueError, TypeError):
            self._problem_fault(
                POLICY, "timezone", str(name), "no IANA time zone; write for example Asia/Shanghai"
            )
            raw["timezone"] = None
            return None

    def _note_missing_zone(self, clock: Clock) -> None:
        where = "the settings"
        if clock.first_naive is not None:
            file, line, header = clock.first_naive
            where = f"{file}:{line}, {header}"
        self._problem_fault(
            POLICY, "timezone", "",
            f"is required: {clock.naive_count} times have no offset, the first at {where}. "
            'Write timezone = "Asia/Shanghai" in policy.toml, or give every time its offset',
        )  # fmt: skip

    def _head(self, raw: dict[str, Any], clock: Clock) -> dict[str, Any]:
        head: dict[str, Any] = {}
        if "schema_version" in raw:
            head["schema_version"] = raw["schema_version"]
        if "policy" in raw:
            # Apart from the rest, so that a faulty price hides no other fault.
            head["policy"] = self._validated(Policy, raw["policy"], "policy", POLICY)
        if raw.get("timezone") is not None:
            head["timezone"] = raw["timezone"]
        if "now" in raw:
            head["now"] = self._instant(raw["now"], "now", clock)
        if "horizon" in raw:
            head["horizon"] = self._horizon(raw["horizon"], clock)
        head["travel"] = self._travel(raw.get("travel"))
        if (self.folder / FAULT_TYPES).exists():
            head["fault_types"] = self._fault_types()
        if (self.folder / PREVIOUS_PLAN).exists():
            head["previous_plan"] = self._previous_plan()
        return {key: value for key, value in head.items() if value is not None}

    def _whereabouts(self, raw: dict[str, Any], clock: Clock) -> Whereabouts:  # Any: TOML
        settings = CoordinateSettings()
        try:
            settings = checked_coordinates(raw.get("coordinates", {}), POLICY)
        except InvalidProblemError as error:
            self.issues.extend(error.issues)
        found = Whereabouts(settings, geocoder=self.geocoder)
        if (self.folder / PLACES).exists():
            text = self._text(PLACES)
            table = None if text is None else self._table(text, PLACES, PLACE_COLUMNS)[0]
            if table is not None:
                found.book = read_places(table, settings, clock, self.issues, self.warnings)
                found.book_file = PLACES
        return found

    def _limits(self, raw: dict[str, Any]) -> LimitSettings | None:  # Any: TOML
        if "limits" not in raw:
            return None
        try:
            return checked_settings(raw["limits"], POLICY)
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
            self._problem_fault(POLICY, field, str(value), str(fault))
            return None

    def _travel(self, raw: Any) -> Any:  # Any: TOML
        has_table = (self.folder / TRAVEL).exists()
        if raw is None:
            raw = {"kind": "matrix"} if has_table else {"kind": "straight_line"}
        if isinstance(raw, dict) and raw.get("kind") == "matrix" and "seconds" not in raw:
            raw = {**raw, "seconds": {"file": TRAVEL}}
        if has_table and TRAVEL not in files_named(raw):
            self._problem_fault(
                POLICY, "travel", "",
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
        for key in repeated:
            self._problem_fault(name, key, "", "this key stands twice in one object; keep one")
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


def _known_only(headers: Sequence[str], split: list[str], columns: tuple[Column, ...]) -> str:
    """Return the row of headers for a message, nothing if it may be a row of data."""
    known = header_index(columns)
    is_header = any(normal_header(header) in known for header in split)
    return shown(",".join(headers)) if is_header else ""


def _is_blank_column(rows: list[Row], number: int) -> bool:
    return all(len(row.cells) < number or not row.cells[number - 1].strip() for row in rows)


def _trimmed(cells: Sequence[str], count: int) -> Sequence[str]:
    """Drop the blank cells beyond the last header."""
    return cells[:count] if not any(cell.strip() for cell in cells[count:]) else cells
