"""The facts of a problem in plain integers: what every rule's `check` and `lower` reads.

Seconds count from the start of the horizon. Nothing here judges; the rules do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dispatchopt.rules.pins import Pin, settle_pins
from dispatchopt.timeline import FOREVER, Pause
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dispatchopt.models import Engineer, FaultType, Place, Plan, Problem, Shift, Ticket, Window

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400


def per_hour(rate: int, seconds: int) -> int:
    """Price of a stretch of time at a rate per hour, rounded up once."""
    return -(-rate * seconds // SECONDS_PER_HOUR)


@dataclass(frozen=True)
class TicketFacts:
    """A plannable ticket with its defaults filled in.

    Attributes
    ----------
    place
        Index of its place in the travel table.
    duration
        Planned seconds on site at 100 %.
    release
        ``max(earliest, known_at, 0)``: service may not start before, delay counts from here.
    windows
        Sorted, disjoint, cut at `release`; the appointment if there is one.
    latest, due
        Hard and soft limit on the end of service; `FOREVER` if there is none.
    age_days
        Whole days from the report to the start of the horizon, at least the nights carried over.
    is_promised
        Leaving it out breaks a promise: it has a lock, or an appointment that opens before the end
        of the horizon. A later appointment is another plan's to keep.
    """

    ticket: Ticket
    place: int
    skills: Mapping[str, int]
    duration: int
    release: int
    windows: tuple[tuple[int, int], ...]
    latest: int
    due: int
    age_days: int
    is_promised: bool

    @property
    def id(self) -> str:
        """Public id of the ticket."""
        return self.ticket.id


@dataclass(frozen=True)
class ShiftFacts:
    """A shift with its defaults filled in, and what has already happened on it.

    Attributes
    ----------
    begin
        The route may not start earlier: ``max(start, available_from, now)``, or the end of the
        visit already started.
    start_place, end_place
        Indices of places; `end_place` None: ends at the last visit. A started visit's place is the
        start place.
    limit
        End of the shift less the reserved minutes; overtime counts from here.
    hard_end
        ``limit + max_overtime``, or later where a pinned visit needs it.
    pauses
        Breaks whose `latest` still lies ahead of `begin`, without those in `waived`.
    paid
        Paid seconds less breaks, at least 1.
    profile
        Index of the travel profile.
    day
        Local date of the shift's start.
    started
        Id of the ticket that the engineer is working on.
    pinned
        Ids of the pinned tickets, the started one included.
    waived
        Breaks for which the pinned visits leave no room.
    """

    shift: Shift
    engineer: Engineer
    begin: int
    start_place: int
    end_place: int | None
    limit: int
    hard_end: int
    pauses: tuple[Pause, ...]
    paid: int
    profile: int
    day: date
    started: str | None = None
    pinned: tuple[str, ...] = ()
    waived: tuple[Pause, ...] = ()

    @property
    def id(self) -> str:
        """Public id of the shift."""
        return self.shift.id

    @cached_property
    def levels(self) -> Mapping[str, int]:
        """The engineer's levels on the shift's day; a certificate holds on its last day."""
        return {
            name: skill.level
            for name, skill in self.engineer.skills.items()
            if skill.expires is None or skill.expires >= self.day
        }

    @property
    def stock(self) -> Mapping[str, int] | None:
        """Parts on board; None: not tracked."""
        return self.engineer.stock if self.shift.stock is None else self.shift.stock


@dataclass(frozen=True)
class Context:
    """A problem as facts. Build it with `Context.of`.

    Attributes
    ----------
    tickets
        Plannable tickets by id, in input order.
    shifts
        Shifts by id, in input order.
    pins
        Settled pins by ticket id.
    previous_shift
        Shift by ticket id in the previous plan.
    travel
        Travel times between places.
    derived
        Tables that a rule derives once and keeps; keyed by the rule's name.
    """

    problem: Problem
    tickets: Mapping[str, TicketFacts]
    shifts: Mapping[str, ShiftFacts]
    pins: Mapping[str, Pin]
    previous_shift: Mapping[str, str]
    travel: TravelTimes
    derived: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> Context:
        """Derive the facts of a problem."""
        travel = TravelTimes.of(
            problem.travel, _places(problem), (e.travel_profile for e in problem.engineers)
        )
        catalogue = problem.catalogue()
        tickets = {
            ticket.id: ticket_facts(problem, ticket, catalogue, travel.place_index[ticket.place])
            for ticket in problem.tickets
            if ticket.is_plannable
        }
        shifts = {
            shift.id: _shift_facts(problem, engineer, shift, travel)
            for engineer in problem.engineers
            for shift in engineer.shifts
        }
        settled = settle_pins(problem, tickets, shifts, travel)
        return cls(
            problem,
            tickets,
            settled.shifts,
            settled.pins,
            _previous_shifts(problem.previous_plan),
            travel,
        )

    def seconds(self, when: datetime) -> int:
        """Seconds from the start of the horizon."""
        return _seconds(self.problem, when)

    def instant(self, seconds: int) -> datetime:
        """Point in time of a second of the horizon."""
        return self.problem.horizon.start + timedelta(seconds=seconds)

    def duration(self, ticket: TicketFacts, shift: ShiftFacts) -> int:
        """Seconds on site of a ticket on a shift, rounded up once."""
        return scaled_duration(ticket.duration, shift.engineer.duration_percent)

    def travel_seconds(self, shift: ShiftFacts, origin: int, destination: int) -> int:
        """Travel seconds between two places for a shift."""
        return self.travel.between(shift.profile, origin, destination)

    def is_pinned(self, ticket_id: str, shift_id: str) -> bool:
        """Whether the ticket is a fact on that shift: its eligibility is waived."""
        pin = self.pins.get(ticket_id)
        return pin is not None and pin.shift_id == shift_id


def scaled_duration(duration: int, percent: int) -> int:
    """Seconds on site for an engineer with that pace, rounded up once."""
    return -(-duration * percent // 100)


def _places(problem: Problem) -> Iterable[Place]:
    for engineer in problem.engineers:
        yield engineer.place
        for shift in engineer.shifts:
            yield from (p for p in (shift.start_place, shift.end_place) if p is not None)
    for ticket in problem.tickets:
        yield ticket.place


def _seconds(problem: Problem, when: datetime) -> int:
    return int((when - problem.horizon.start).total_seconds())


def ticket_facts(
    problem: Problem, ticket: Ticket, catalogue: Mapping[str, FaultType], place: int
) -> TicketFacts:
    """Fill in the defaults of a ticket; `place` is the index of its place."""
    fault = catalogue[ticket.fault_type]
    starts = [_seconds(problem, at) for at in (ticket.earliest, ticket.known_at) if at is not None]
    release = max(0, *starts) if starts else 0
    windows = (ticket.appointment,) if ticket.appointment else ticket.windows
    age = 0
    if ticket.reported_at is not None:
        age = max(0, -_seconds(problem, ticket.reported_at) // SECONDS_PER_DAY)
    return TicketFacts(
        ticket=ticket,
        place=place,
        skills=fault.skills if ticket.skills is None else ticket.skills,
        duration=fault.duration.mean if ticket.duration is None else ticket.duration,
        release=release,
        windows=_merged(problem, windows, release),
        latest=FOREVER if ticket.latest is None else _seconds(problem, ticket.latest),
        due=FOREVER if ticket.due is None else _seconds(problem, ticket.due),
        age_days=max(age, ticket.carried_over),
        is_promised=_is_promised(problem, ticket),
    )


def _is_promised(problem: Problem, ticket: Ticket) -> bool:
    if ticket.is_started or ticket.lock != "none":
        return True
    return ticket.appointment is not None and ticket.appointment.open < problem.horizon.end


def _merged(
    problem: Problem, windows: Sequence[Window], release: int
) -> tuple[tuple[int, int], ...]:
    if not windows:
        return ((release, FOREVER),)
    merged: list[tuple[int, int]] = []
    for opens, closes in sorted(
        (max(release, _seconds(problem, w.open)), _seconds(problem, w.close)) for w in windows
    ):
        if closes < opens:
            continue
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return tuple(merged)


def _shift_facts(
    problem: Problem, engineer: Engineer, shift: Shift, travel: TravelTimes
) -> ShiftFacts:
    starts = (shift.start, shift.available_from, problem.now)
    begin = max(_seconds(problem, at) for at in starts if at is not None)
    limit = _seconds(problem, shift.end) - 60 * shift.reserved_minutes
    pauses = tuple(
        Pause(_seconds(problem, p.earliest), _seconds(problem, p.latest), p.duration)
        for p in shift.breaks
    )
    paid = _seconds(problem, shift.end) - _seconds(problem, shift.start)
    end_place = shift.end_place or engineer.place
    return ShiftFacts(
        shift=shift,
        engineer=engineer,
        begin=begin,
        start_place=travel.place_index[shift.start_place or engineer.place],
        end_place=None if shift.ends_anywhere else travel.place_index[end_place],
        limit=limit,
        hard_end=limit + shift.max_overtime,
        pauses=tuple(sorted(p for p in pauses if p.latest >= begin)),
        paid=max(1, paid - sum(pause.duration for pause in pauses)),
        profile=travel.profile_index(engineer.travel_profile),
        day=shift.start.astimezone(problem.zone).date(),
    )


def _previous_shifts(plan: Plan | None) -> dict[str, str]:
    if plan is None:
        return {}
    return {visit.ticket_id: route.shift_id for route in plan.routes for visit in route.visits}
