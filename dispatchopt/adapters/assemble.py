"""Sheets of tickets, engineers and shifts, and the settings beside them -> a problem."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from dispatchopt.adapters.booked import Booking
from dispatchopt.adapters.days import SOME_DAY, covering_days, days_of, days_with_shifts
from dispatchopt.adapters.places import Whereabouts, locate
from dispatchopt.adapters.roster import Roster, name_engineers
from dispatchopt.adapters.tables import Item, Sheet, nested, printable
from dispatchopt.adapters.travel_files import without_place_echoes
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.limits.apply import LimitSettings, with_limits
from dispatchopt.models import FaultType, Rejected, builtin_fault_types
from dispatchopt.models.intake import Intake, build_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, tzinfo

    from dispatchopt.adapters.day_parts import Hours
    from dispatchopt.adapters.roster import Names

OnBadRow = Literal["error", "reject"]


@dataclass(slots=True)
class Settings:
    """Everything of a problem but its tickets, engineers and shifts.

    Attributes
    ----------
    head
        Raw fields of `Problem`: travel, policy, now, horizon, timezone, fault_types …
    zone
        The declared zone; None if there is none.
    file, travel_file, fault_type_file, plan_file
        What messages about the head, the travel table, the fault types and the plan in force name.
    engineers_known, travel_known
        False if the table could not be read: nobody can tell then who or which place exists.
    file_order
        The order in which faults are listed.
    warnings
        What the reader found that looks like a slip.
    whereabouts
        Coordinate systems, and what stands in for coordinates that lack.
    limits
        By which service limits an absent `due` is computed; None: it stays absent.
    day_parts
        Hours by word, where the settings have their own.
    shift_hours
        Hours by the name of a shift, where the settings tell.
    appointment_minutes
        How long an appointment lasts that is one time only; None: nobody said.
    day
        The only local day whose shifts are planned; None: all of them.
    """

    head: dict[str, Any]  # Any: raw data
    zone: tzinfo | None
    file: str = ""
    travel_file: str = ""
    fault_type_file: str = ""
    plan_file: str = ""
    engineers_known: bool = True
    travel_known: bool = True
    file_order: tuple[str, ...] = ()
    warnings: tuple[Issue, ...] = ()
    whereabouts: Whereabouts = field(default_factory=Whereabouts)
    limits: LimitSettings | None = None
    day_parts: Mapping[str, Hours] | None = None
    shift_hours: Names | None = None
    appointment_minutes: int | None = None
    day: date | None = None


def assemble(
    tickets: Sheet,
    engineers: Sheet,
    shifts: Sheet,
    settings: Settings,
    issues: list[Issue],
    *,
    on_bad_row: OnBadRow,
) -> Intake:
    """Make a problem from what the readers found.

    Parameters
    ----------
    issues
        The readers' faults.
    on_bad_row
        ``reject``: faulty tickets are left out and reported, and so are engineers with a fault of
        their own or of one of their shifts. Faults of whole tables and of settings raise all the
        same.

    Raises
    ------
    InvalidProblemError
        With every fault found, in the order of files and lines.
    """
    return _Assembly(tickets, engineers, shifts, settings, issues, on_bad_row).run()


@dataclass(slots=True)
class _Assembly:
    tickets: Sheet
    engineers: Sheet
    shifts: Sheet
    settings: Settings
    issues: list[Issue]
    on_bad_row: OnBadRow
    shifts_of: dict[str, list[Item]] = field(init=False, default_factory=dict)
    shift_of_id: dict[str, Item] = field(init=False, default_factory=dict)
    reported: set[tuple[str, int, str]] = field(init=False, default_factory=set)
    beside: dict[tuple[str, str], set[str]] = field(init=False, default_factory=dict)

    def run(self) -> Intake:
        self.reported.update((issue.file, issue.line, issue.field) for issue in self.issues)
        located = locate(self.tickets, self.engineers, self.shifts, self.settings.whereabouts)
        self._settle_roster()
        self._attach_shifts()
        catalogue = fault_types_by_name(self.settings.head.get("fault_types", ()))
        head = self.settings.head
        horizon = self._horizon()
        booked = self._settle_bookings(horizon)
        data: dict[str, Any] = {
            **head,
            "horizon": SOME_DAY if horizon is None else horizon,
            "tickets": [self._ticket(item, catalogue) for item in self.tickets.items],
            "engineers": [self._engineer(item) for item in self.engineers.items],
        }
        try:
            intake = build_problem(
                data,
                on_bad_row=self.on_bad_row,
                origin=self._origin,
                issues=tuple(self._sorted(self.issues)),
                warnings=(*self.settings.warnings, *located, *booked),
            )
        except InvalidProblemError as error:
            told = [issue for _, issue in self._told(error.issues)]
            beside = [issue for _, issue in self._told(error.warnings)]
            raise InvalidProblemError(self._sorted(told), self._sorted(beside)) from None
        warnings = tuple(self._sorted(told for _, told in self._told(intake.warnings)))
        told_pairs = self._told(intake.issues)
        told_as = {str(issue): str(told) for issue, told in told_pairs}
        rejected = tuple(
            Rejected(
                ticket_id=entry.ticket_id,
                issues=tuple(told_as[text] for text in entry.issues if text in told_as),
            )
            for entry in intake.rejected
        )
        issues = tuple(self._sorted(told for _, told in told_pairs))
        return self._limited(Intake(intake.problem, rejected, issues, warnings))

    def _limited(self, intake: Intake) -> Intake:
        """Compute what `due` is absent; tell where what it lacks stands."""
        if self.settings.limits is None:
            return intake
        found = with_limits(intake.problem, self.settings.limits)
        rows = {item.values.get("id"): item for item in self.tickets.items}
        told = [
            replace(
                issue,
                field=self.tickets.header_of(issue.field),
                file=rows[issue.id].file,
                line=rows[issue.id].line,
            )
            if issue.kind == "ticket"
            else replace(issue, file=self.settings.file)
            for issue in found.warnings
        ]
        warnings = tuple(self._sorted([*intake.warnings, *told]))
        return replace(intake, problem=found.problem, warnings=warnings)

    def _origin(self, plural: str, index: int) -> tuple[str, int]:
        if plural in ("tickets", "engineers"):
            item = (self.tickets if plural == "tickets" else self.engineers).items[index]
            return item.file, item.line
        return (self.settings.file if plural == "problem" else self.settings.fault_type_file), 0

    def _fault(self, item: Item, path: str, value: str, message: str) -> None:
        header = self._sheet(item).header_of(path)
        self.issues.append(Issue(item.kind, item.id, header, value, message, item.file, item.line))
        self.reported.add((item.file, item.line, header))

    def _attach_shifts(self) -> None:
        self.shifts_of = {item.id: [] for item in self.engineers.items}
        first = self.shift_of_id
        for item in self.shifts.items:
            engineer, start = item.values.get("engineer_id"), item.values.get("start")
            if "id" not in item.values and engineer is not None and start is not None:
                local = start.astimezone(self.settings.zone or UTC)
                item.values["id"] = f"{engineer}/{local:%Y-%m-%dT%H:%M}"
                item.id = printable(item.values["id"])
            item.values.setdefault("id", item.id)  # without its times it lacks no id as well
            if first.setdefault(item.id, item) is not item:
                self._fault(
                    item, "id", item.id,
                    f"stands on line {first[item.id].line} already; make it unique "
                    "(E1-2026-11-23), or remove the column: ids then come from engineer and start",
                )  # fmt: skip
            elif engineer is None:
                is_told = any(self._is_reported(item, path) for path in ("engineer_id", "name"))
                if self.shifts.complete and not is_told:
                    self._fault(item, "engineer_id", "", "is required")
            elif printable(engineer) in self.shifts_of:
                self.shifts_of[printable(engineer)].append(item)
            elif self.settings.engineers_known:
                self._fault(
                    item, "engineer_id", engineer,
                    "no such engineer; correct it or add the engineer",
                )  # fmt: skip

    def _is_reported(self, item: Item, path: str) -> bool:
        return (item.file, item.line, self._sheet(item).header_of(path)) in self.reported

    def _sheet(self, item: Item) -> Sheet:
        return {"ticket": self.tickets, "engineer": self.engineers}.get(item.kind, self.shifts)

    def _ticket(self, item: Item, catalogue: Mapping[str, FaultType]) -> dict[str, Any]:
        raw = nested(item, self.tickets.columns)
        fault = catalogue.get(raw.get("fault_type", ""))
        if fault is None and "fault_type" in raw:
            # A blank priority is the fault type's: that one is at fault, not the cell.
            self.reported.add((item.file, item.line, self.tickets.header_of("priority")))
        elif fault is not None:
            raw["fault_type"] = fault.code
            raw.setdefault("priority", fault.default_priority)
            raw.setdefault("crew_size", fault.crew_size)
        appointment = raw.get("appointment")
        if appointment is not None and len(appointment) == 1:
            present = "appointment.open" if "open" in appointment else "appointment.close"
            absent = "appointment.close" if "open" in appointment else "appointment.open"
            self._half(item, raw, "appointment", present, absent)
        self._settle_place(item, raw, "place", self.tickets)
        return raw

    def _engineer(self, item: Item) -> dict[str, Any]:
        raw = nested(item, self.engineers.columns)
        # An engineer whose cell is blank has no skills; one without the column is a faulty table.
        raw.setdefault("skills", {})
        self._settle_place(item, raw, "place", self.engineers)
        # An id that stands twice is a fault of its own; its shifts shall not stand twice, too.
        is_first = next(other for other in self.engineers.items if other.id == item.id) is item
        shifts = self.shifts_of[item.id] if is_first else ()
        raw["shifts"] = [self._shift(shift) for shift in shifts]
        return raw

    def _shift(self, item: Item) -> dict[str, Any]:
        raw = nested(item, self.shifts.columns)
        raw.pop("engineer_id", None)
        self._settle_place(item, raw, "start_place", self.shifts)
        self._settle_place(item, raw, "end_place", self.shifts)
        return raw

    def _settle_place(self, item: Item, raw: dict[str, Any], name: str, sheet: Sheet) -> None:
        """Make one place of longitude, latitude and place id."""
        column = next(c for c in sheet.columns if c.field == name)
        lon = next(c.name for c in sheet.columns if c.field == f"{name}.lon")
        lat = next(c.name for c in sheet.columns if c.field == f"{name}.lat")
        has_id, has_lon, has_lat = (key in item.values for key in (column.name, lon, lat))
        if has_id and (has_lon or has_lat):
            raw.pop(name)
            self._fault(item, name, "", "give longitude and latitude, or the id of a place")
        elif has_id:
            raw[name] = item.values[column.name]
        elif has_lon != has_lat:
            present, absent = ("lon", "lat") if has_lon else ("lat", "lon")
            self._half(item, raw, name, f"{name}.{present}", f"{name}.{absent}")
        elif name == "place" and not has_lon:
            self._no_place(item, sheet)

    def _no_place(self, item: Item, sheet: Sheet) -> None:
        """Say which of the columns there are is blank."""
        if any(self._is_reported(item, path) for path in ("place", "place.lon", "place.lat")):
            return
        blank = [sheet.headers[name] for name in ("lon", "lat", "place") if name in sheet.headers]
        ways = []
        if {"lon", "lat"} & sheet.headers.keys():
            ways.append("degrees, such as 121.47 and 31.23")
        if "place" in sheet.headers:
            ways.append("the id of a place of the travel table")
        if blank:  # without any of the columns the table is at fault, not the row
            verb = "are" if len(blank) > 1 else "is"
            listed = ", ".join(f"'{header}'" for header in blank)
            self._fault(item, "place", "", f"{listed} {verb} blank; write {', or '.join(ways)}")

    def _half(self, item: Item, raw: dict[str, Any], name: str, present: str, absent: str) -> None:
        raw.pop(name, None)
        # The other half may stand there and be faulty: that is reported already.
        if not self._is_reported(item, absent):
            there = self._sheet(item).header_of(present)
            self._fault(item, absent, "", f"is blank while '{there}' is given; fill it in")

    def _horizon(self) -> Any:  # Any: raw data
        """Return that of the settings, else the local days that cover every shift."""
        day = self.settings.day
        if day is None and "horizon" in self.settings.head:
            return self.settings.head["horizon"]
        attached = [item for items in self.shifts_of.values() for item in items]
        found = covering_days(attached, self.settings.zone)
        # Of faulty rows alone their faults tell, unless these are left out.
        is_told = self.shifts.items and self.on_bad_row == "error"
        if found is None and not is_told and self.shifts.complete:
            message = "there is no shift to take it from; add shifts, or give the horizon"
            if self.shifts.items:
                message = "every shift has a fault, or its engineer: there is nobody to plan"
            elif day is not None:
                message = f"there is no shift on {day}; correct the day or the roster"
            issue = Issue("problem", "", "horizon", "", message, self.settings.file)
            self.issues.append(issue)
        return found

    def _settle_roster(self) -> None:
        """Give shifts that are a day and a name their times; days off go."""

        def note(item: Item, path: str, value: str, message: str) -> None:
            if not self._is_reported(item, path):
                self._fault(item, path, value, message)

        roster = Roster(self.settings.zone, self.settings.shift_hours, note)
        roster.settle(self.shifts, self.settings.day)
        if self.settings.engineers_known:
            name_engineers(self.shifts, self.engineers, note)
        if "hours" not in self.shifts.headers:
            return
        # What a row without times lacks is told once.
        told = {(file, line) for file, line, _ in self.reported}
        for item in self.shifts.items:
            if "start" not in item.values:
                is_told = "day" not in self.shifts.headers or (item.file, item.line) in told
                paths = ("start", "end") if is_told else ("end",)
                where = (self.shifts.header_of(path) for path in paths)
                self.reported.update((item.file, item.line, header) for header in where)

    def _settle_bookings(self, horizon: Any) -> list[Issue]:  # Any: raw data
        """Put the windows of tickets on days; return what is doubtful about them."""
        settings = self.settings
        days = [] if horizon is None else days_of(horizon, settings.zone)
        booking = Booking(
            days,
            settings.zone,
            settings.day_parts,
            self._fault,
            appointment_days=days_with_shifts(self.shifts.items, days, settings.zone),
            minutes=settings.appointment_minutes,
        )
        return booking.settle(self.tickets)

    def _told(self, issues: Iterable[Issue]) -> list[tuple[Issue, Issue]]:
        """Pair each issue of the door with one that names file, line and header; drop echoes."""
        own = set(self.issues)
        # Many rows with the same fault ask the same; there are far fewer headers than issues.
        self.beside.clear()
        told: list[tuple[Issue, Issue]] = []
        for issue in issues if self.settings.travel_known else without_place_echoes(issues):
            placed = issue if issue in own else self._placed(issue)
            echo = issue not in own and (
                (issue.value == "" and self._is_explained(placed))
                or (
                    issue.field == "assigned_engineer"
                    and issue.value != ""
                    and not self.settings.engineers_known
                )
            )
            if not echo:
                told.append((issue, placed))
        return told

    def _is_explained(self, issue: Issue) -> bool:
        """Whether a value is absent because its cell is faulty, or its column is not there."""
        sheet = {"ticket": self.tickets, "engineer": self.engineers, "shift": self.shifts}.get(
            issue.kind
        )
        if sheet is None:
            return False
        beside = self.beside.get((issue.kind, issue.field))
        if beside is None:
            beside = self.beside[issue.kind, issue.field] = sheet.headers_beside(issue.field)
        is_reported = any((issue.file, issue.line, header) in self.reported for header in beside)
        return is_reported or (not sheet.complete and beside.isdisjoint(sheet.headers.values()))

    def _placed(self, issue: Issue) -> Issue:
        if issue.kind == "ticket":
            return replace(issue, field=self.tickets.header_of(issue.field))
        if issue.kind == "engineer" and issue.field.startswith("shifts["):
            index, _, rest = issue.field.removeprefix("shifts[").partition("]")
            item = self.shifts_of[issue.id][int(index)]
            header = self.shifts.header_of(rest.removeprefix("."))
            return Issue("shift", item.id, header, issue.value, issue.message, item.file, item.line)
        if issue.kind == "engineer":
            return replace(issue, field=self.engineers.header_of(issue.field))
        if issue.kind == "shift" and issue.id in self.shift_of_id:
            item = self.shift_of_id[issue.id]
            header = self.shifts.header_of(issue.field)
            return replace(issue, field=header, file=item.file, line=item.line)
        if issue.kind == "plan":
            return replace(issue, file=self.settings.plan_file)
        if issue.kind == "fault_type" or issue.field == "fault_types":
            return replace(issue, file=issue.file or self.settings.fault_type_file)
        is_travel = issue.kind == "travel" or issue.field.startswith("travel")
        file = self.settings.travel_file if is_travel else ""
        return replace(issue, file=issue.file or file or self.settings.file)

    def _sorted(self, issues: Iterable[Issue]) -> list[Issue]:
        rank = {name: index for index, name in enumerate(self.settings.file_order)}
        return sorted(issues, key=lambda issue: (rank.get(issue.file, -1), issue.line))


def fault_types_by_name(raw_fault_types: Any) -> dict[str, FaultType]:  # Any: raw data
    """Return fault types by code and by name; the operator's replace the built-in ones."""
    by_code = {fault.code: fault for fault in builtin_fault_types()}
    if isinstance(raw_fault_types, list | tuple):
        for raw in raw_fault_types:
            try:
                fault = FaultType.model_validate(raw)
            except ValidationError:
                continue  # the door reports it
            by_code[fault.code] = fault
    named: dict[str, FaultType] = {}
    for fault in by_code.values():
        for name in (fault.name_zh, fault.name_en):
            named.setdefault(name.strip(), fault)
    named.pop("", None)
    return {**named, **by_code}
