"""A problem as VROOM's JSON: what VROOM can carry, and a list of what it cannot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dispatchopt.adapters.vroom.documents import ANYWHERE, EPOCH, JOB_TYPE, MAX_UINT32, NOTES
from dispatchopt.adapters.vroom.eligibility import skill_numbers
from dispatchopt.adapters.vroom.numbers import numbered
from dispatchopt.adapters.vroom.telling import grouped
from dispatchopt.errors import AdapterError, Issue
from dispatchopt.models import Engineer, Point, Problem, Shift, Ticket
from dispatchopt.models.travel import UNREACHABLE, Profiles
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.models import Place, Window

_PRICES: Final = (
    "unserved_per_hour", "age_per_day", "delay_per_hour", "late_cost", "late_per_hour",
    "overtime_per_hour", "balance_per_hour", "overskill_cost", "helper_territory_cost",
    "not_preferred_cost", "change_cost", "reserve_per_hour",
    "margin_per_hour",
)  # fmt: skip


class ToVroom(NamedTuple):
    """A VROOM document made from a problem, and what it does not say."""

    document: dict[str, Any]  # Any: JSON
    not_carried: tuple[Issue, ...]


def problem_to_vroom(problem: Problem, *, origin: datetime = EPOCH) -> ToVroom:
    """Write a problem as a VROOM document with matrices, ready for VROOM itself.

    Tickets that are to be visited become jobs, shifts vehicles, in their order. An id that is no
    number stands as `description` beside one that is. Whatever decides who may serve a ticket
    (levels, expiry, territories, crews, refusals, locks of the engineer) becomes skills.

    Parameters
    ----------
    origin
        The time that is 0 in the document.

    Raises
    ------
    AdapterError
        If a time lies before `origin`, or too far after it.
    """
    return _Writer(problem, origin).written()


def shifts_of(problem: Problem) -> list[tuple[Engineer, Shift]]:
    """Return the shifts with their engineers, in the order of vehicles."""
    return [(engineer, shift) for engineer in problem.engineers for shift in engineer.shifts]


def ends_of(engineer: Engineer, shift: Shift) -> tuple[Place, Place | None]:
    """Return where a shift starts and where it ends; None: at its last visit."""
    end = None if shift.ends_anywhere else shift.end_place or engineer.place
    return shift.start_place or engineer.place, end


class _Writer:
    def __init__(self, problem: Problem, origin: datetime) -> None:
        self.problem, self.origin = problem, origin
        self.tickets = [ticket for ticket in problem.tickets if ticket.is_plannable]
        self.shifts = shifts_of(problem)
        self.ticket_number = numbered(ticket.id for ticket in self.tickets)
        self.shift_number = numbered(shift.id for _, shift in self.shifts)
        self.issues: list[Issue] = []
        places = [t.place for t in self.tickets]
        places += [p for e, s in self.shifts for p in ends_of(e, s) if p not in (None, ANYWHERE)]
        profiles = dict.fromkeys(engineer.travel_profile for engineer, _ in self.shifts)
        self.travel = TravelTimes.of(problem.travel, places, profiles)
        self.capacities = sorted({part for t in self.tickets for part in t.parts or {}})
        self.ticket_skills, self.shift_skills = skill_numbers(problem, self.tickets, self.shifts)
        costs = problem.policy.unserved_cost
        self.prices = {ticket.priority: costs[ticket.priority] for ticket in self.tickets}
        self.fault_types = problem.catalogue()
        self.paces = {engineer.duration_percent for engineer, _ in self.shifts} or {100}

    def written(self) -> ToVroom:
        document = {
            "jobs": [self._job(ticket) for ticket in self.tickets],
            "vehicles": [self._vehicle(engineer, shift) for engineer, shift in self.shifts],
            "matrices": {
                name: {"durations": self._durations(self.travel.profile_index(profile))}
                for name, profile in self._profiles().items()
            },
        }
        self._tell_rest()
        return ToVroom(document, grouped(self.issues))

    def _job(self, ticket: Ticket) -> dict[str, Any]:
        number, notes = self.ticket_number[ticket.id], _notes(ticket)
        base = self._duration(ticket)
        job: dict[str, Any] = {"id": number, "location_index": self._index(ticket.place)}
        if str(number) != ticket.id:
            job["description"] = ticket.id
        elif "description" in notes:
            job["description"] = notes["description"]
        if isinstance(ticket.place, Point):
            job["location"] = [ticket.place.lon, ticket.place.lat]
        setup, service = notes.get("setup", 0), notes.get("service", 0)
        is_as_noted = max(1, setup + service) == base
        job |= _given(setup=setup, service=service) if is_as_noted else {"service": base}
        if self.paces != {100}:
            job["service_per_type"] = {f"{p} %": _scaled(base, p) for p in sorted(self.paces)}
        windows = self._windows(ticket, base)
        job |= _given(
            skills=self.ticket_skills[ticket.id],
            priority=self._priority(ticket),
            delivery=[(ticket.parts or {}).get(part, 0) for part in self.capacities],
        )
        if windows is not None:
            job["time_windows"] = windows
        self._tell_ticket(ticket)
        return job

    def _vehicle(self, engineer: Engineer, shift: Shift) -> dict[str, Any]:
        number, notes = self.shift_number[shift.id], _notes(engineer)
        vehicle: dict[str, Any] = {"id": number}
        if str(number) != shift.id:
            vehicle["description"] = shift.id
        elif "description" in notes:
            vehicle["description"] = notes["description"]
        for name, place in zip(("start", "end"), ends_of(engineer, shift), strict=True):
            if place is not None and place != ANYWHERE:
                vehicle[f"{name}_index"] = self._index(place)
            if isinstance(place, Point):
                vehicle[name] = [place.lon, place.lat]
        profile = self._profile(engineer.travel_profile)
        vehicle |= {} if profile == "car" else {"profile": profile}
        vehicle |= {} if self.paces == {100} else {"type": f"{engineer.duration_percent} %"}
        vehicle |= _given(skills=self.shift_skills[shift.id])
        if self.capacities:
            stock = engineer.stock if shift.stock is None else shift.stock
            most = 2**30 - 1
            vehicle["capacity"] = [
                most if stock is None else min(most, stock.get(part, 0)) for part in self.capacities
            ]
        vehicle["time_window"] = self._hours(shift)
        vehicle |= _given(breaks=self._breaks(shift, notes))
        if shift.max_visits is not None:
            vehicle["max_tasks"] = shift.max_visits
        return vehicle

    def _hours(self, shift: Shift) -> list[int]:
        start = max(t for t in (shift.start, shift.available_from, self.problem.now) if t)
        end = shift.end - timedelta(minutes=shift.reserved_minutes)
        if shift.max_overtime:
            end += timedelta(seconds=shift.max_overtime)
            self._tell("shift", shift.id, "max_overtime", "overtime is free")
        return [self._at(start), max(self._at(start), self._at(end))]

    def _breaks(self, shift: Shift, notes: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the breaks that are still ahead and that a route within the hours may need."""
        start, end = self._hours(shift)
        ids = notes.get("breaks", [])
        numbers = ids if len(ids) == len(shift.breaks) else range(1, len(shift.breaks) + 1)
        found = []
        for number, pause in zip(numbers, shift.breaks, strict=True):
            first, last = self._at(pause.earliest, least=None), self._at(pause.latest, least=None)
            if last >= start and first < end:
                window = {"time_windows": [[max(0, first), last]]}
                found.append({"id": number, **window, **_given(service=pause.duration)})
        if found:
            message = "VROOM takes every break, on the shortest day too"
            self._tell("shift", shift.id, "breaks", message)
        return found

    def _windows(self, ticket: Ticket, duration: int) -> list[list[int]] | None:
        """Return when service may start; None: at any time; never: a window in the past."""
        given = (ticket.appointment,) if ticket.appointment else ticket.windows
        release = [at for at in (ticket.earliest, ticket.known_at) if at is not None]
        if not given and not release and ticket.latest is None:
            return None
        first = max(0, *(self._at(at, least=None) for at in release), 0)
        last = MAX_UINT32
        if ticket.latest is not None:
            slowest = _scaled(duration, max(self.paces))
            last = self._at(ticket.latest, least=None) - slowest
            if self.paces != {100}:
                self._tell("ticket", ticket.id, "latest", "is that of the slowest engineer")
        spans = [self._span(window) for window in given] or [(first, last)]
        cut = [[max(opens, first), min(closes, last)] for opens, closes in spans]
        return sorted(pair for pair in cut if pair[0] <= pair[1]) or [[0, 0]]

    def _span(self, window: Window) -> tuple[int, int]:
        return self._at(window.open, least=None), self._at(window.close, least=None)

    def _duration(self, ticket: Ticket) -> int:
        if ticket.duration is not None:
            return ticket.duration
        return self.fault_types[ticket.fault_type].duration.mean

    def _priority(self, ticket: Ticket) -> int:
        """Return the price of leaving it out, the dearest being 100."""
        if ticket.fault_type == JOB_TYPE:
            return int(_notes(ticket).get("priority", 0))
        if len(set(self.prices.values())) == 1:
            return 0
        return self.prices[ticket.priority] * 100 // max(self.prices.values())

    def _durations(self, index: int) -> list[list[int]]:
        table: list[list[int]] = self.travel.seconds[index].tolist()
        return [[min(cell, UNREACHABLE) for cell in row] for row in table]

    def _index(self, place: Place) -> int:
        return self.travel.place_index[place]

    def _profiles(self) -> dict[str, str | None]:
        """Return our name of each profile that a vehicle has."""
        used = dict.fromkeys(engineer.travel_profile for engineer, _ in self.shifts)
        return {self._profile(name): name for name in used or {None: None}}

    def _profile(self, name: str | None) -> str:
        if name is None and isinstance(self.problem.travel, Profiles):
            return next(iter(self.problem.travel.profiles))
        return name or "car"

    def _at(self, when: datetime, *, least: int | None = 0) -> int:
        seconds = int((when - self.origin).total_seconds())
        if (least is not None and seconds < least) or seconds > MAX_UINT32:
            raise AdapterError(
                f"{when.isoformat()} lies before the origin {self.origin.isoformat()}, or too far "
                "after it. Give an earlier origin."
            )
        return seconds

    def _tell(self, kind: str, item_id: str, field: str, message: str) -> None:
        self.issues.append(Issue(kind, item_id, field, "", message))

    def _tell_ticket(self, ticket: Ticket) -> None:
        for field, is_there in (
            ("due", ticket.due is not None),
            ("after", bool(ticket.after)),
            ("preferred_engineers", bool(ticket.preferred_engineers)),
            ("assigned_start", ticket.lock in ("visit", "started") or ticket.is_started),
            ("appointment", ticket.appointment is not None),
        ):
            if is_there:
                message = "is a window like others" if field == "appointment" else "is not carried"
                self._tell("ticket", ticket.id, field, message)

    def _tell_rest(self) -> None:
        policy = self.problem.policy
        for name in _PRICES:
            price = getattr(policy, name)
            if any(price.values()) if isinstance(price, dict) else price:
                self._tell("policy", "", name, "is not carried")
        if len(set(self.prices.values())) > 1:
            message = "VROOM serves the largest sum of priorities, whatever the travel"
            self._tell("policy", "", "unserved_cost", message)
        if self.problem.previous_plan is not None:
            self._tell("plan", "", "previous_plan", "is not carried")
        for engineer in self.problem.engineers:
            if len(engineer.shifts) > 1:
                self._tell("engineer", engineer.id, "shifts", "each becomes a vehicle of its own")


def _given(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value and any(_flat(value))}


def _flat(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else (value,)


def _notes(item: Ticket | Engineer) -> dict[str, Any]:
    """Return what only VROOM's documents speak of; nothing if somebody else uses the key."""
    notes = item.attributes.get(NOTES)
    return notes if isinstance(notes, dict) else {}


def _scaled(duration: int, percent: int) -> int:
    return -(-duration * percent // 100)
