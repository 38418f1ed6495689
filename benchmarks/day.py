"""The day in neutral numbers: what every engine is given, and how every plan is judged.

Nothing here knows an engine, and the judge uses nothing of the package but its models.
"""

from __future__ import annotations

import gzip
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dispatchopt.models import Matrix, Plan, Policy, Problem, Route, Unserved, Visit
from dispatchopt.models.engineer import Engineer, Shift
from dispatchopt.models.ticket import Ticket

if TYPE_CHECKING:
    from pathlib import Path

Routes = Mapping[str, Sequence[str]]

_TICKET_FIELDS = frozenset(
    {"id", "fault_type", "place", "priority", "duration", "skills", "windows", "attributes"}
)
_SHIFT_FIELDS = frozenset({"id", "start", "end"})
_ENGINEER_FIELDS = frozenset({"id", "name", "skills", "place", "shifts", "attributes"})


@dataclass(frozen=True, slots=True)
class DayTicket:
    """A ticket in seconds of the day; `price` is what leaving it out costs."""

    id: str
    place: int
    priority: int
    duration: int
    open: int
    close: int
    skills: frozenset[str]
    price: int


@dataclass(frozen=True, slots=True)
class DayShift:
    """A shift in seconds of the day; it starts and ends at `place`."""

    id: str
    engineer_id: str
    place: int
    start: int
    end: int
    skills: frozenset[str]


@dataclass(frozen=True, slots=True)
class Day:
    """One day for every engine.

    Attributes
    ----------
    travel
        Seconds between places, shape ``(num_places, num_places)``, int64.
    horizon
        Length of the day in seconds; a ticket without a window has the whole day.
    """

    name: str
    tickets: tuple[DayTicket, ...]
    shifts: tuple[DayShift, ...]
    travel: npt.NDArray[np.int64]
    horizon: int

    def can_serve(self, shift: DayShift, ticket: DayTicket) -> bool:
        """Whether the shift has every skill that the ticket needs, at its level."""
        return ticket.skills <= shift.skills


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a plan is worth to the neutral judge.

    Attributes
    ----------
    cost
        Travel seconds plus the prices of the unserved, whether feasible or not.
    unserved
        Number of tickets left out, by priority 1 to 4.
    violations
        Every rule broken, in words; a plan with any is not counted.
    """

    cost: int
    travel: int
    unserved: dict[int, int]
    violations: tuple[str, ...]

    @property
    def is_feasible(self) -> bool:
        """Whether no rule is broken."""
        return not self.violations


class Clock:
    """Wall seconds since its creation, against a limit."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._start = time.perf_counter()

    def elapsed(self) -> float:
        """Seconds gone."""
        return time.perf_counter() - self._start

    def remaining(self) -> float:
        """Seconds left, never below a twentieth of a second (engines refuse a limit of zero)."""
        return max(self.limit - self.elapsed(), 0.05)


def read_problem(path: Path) -> Problem:
    """Read a problem from ``.json`` or ``.json.gz``."""
    raw = path.read_bytes()
    return Problem.model_validate_json(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def to_day(problem: Problem, name: str) -> Day:
    """Turn a problem of the city-day kind into a `Day`.

    Raises
    ------
    ValueError
        If the problem uses a rule or a price that the judge and the peers would not see.
    """
    _refuse_other_kinds(problem)
    travel = problem.travel
    if not isinstance(travel, Matrix):
        raise ValueError(f"{name}: the benchmark needs a travel matrix, not '{travel.kind}'.")
    index = {place: i for i, place in enumerate(travel.places)}
    origin, end = problem.horizon.start, problem.horizon.end

    def seconds(at: datetime) -> int:
        return int((at - origin).total_seconds())

    horizon = seconds(end)
    tickets = tuple(
        DayTicket(
            id=ticket.id,
            place=index[str(ticket.place)],
            priority=ticket.priority,
            duration=int(ticket.duration or 0),
            open=seconds(ticket.windows[0].open) if ticket.windows else 0,
            close=seconds(ticket.windows[0].close) if ticket.windows else horizon,
            skills=_tokens((ticket.skills or {}).items()),
            price=problem.policy.unserved_cost[ticket.priority],
        )
        for ticket in problem.tickets
    )
    needed = {need for ticket in problem.tickets for need in (ticket.skills or {}).items()}
    shifts = tuple(
        DayShift(
            id=shift.id,
            engineer_id=engineer.id,
            place=index[str(engineer.place)],
            start=seconds(shift.start),
            end=seconds(shift.end),
            skills=_tokens(
                (name, level)
                for name, level in needed
                if name in engineer.skills and engineer.skills[name].level >= level
            ),
        )
        for engineer in problem.engineers
        for shift in engineer.shifts
    )
    return Day(name, tickets, shifts, travel.seconds.astype(np.int64), horizon)


def judge(day: Day, routes: Routes) -> Verdict:
    """Cost and feasibility of orders of tickets, each served as soon as possible."""
    shifts = {shift.id: shift for shift in day.shifts}
    tickets = {ticket.id: ticket for ticket in day.tickets}
    broken: list[str] = []
    times_served: Counter[str] = Counter()
    travel = 0
    for shift_id, order in routes.items():
        if shift_id not in shifts:
            broken.append(f"there is no shift '{shift_id}'")
            continue
        unknown = [ticket_id for ticket_id in order if ticket_id not in tickets]
        broken += [f"there is no ticket '{ticket_id}'" for ticket_id in unknown]
        visits = [tickets[ticket_id] for ticket_id in order if ticket_id in tickets]
        times_served.update(ticket.id for ticket in visits)
        seconds, faults = _drive(day, shifts[shift_id], visits)
        travel += seconds
        broken += faults
    broken += [f"'{name}' is served {n} times" for name, n in times_served.items() if n > 1]
    left_out = [ticket for ticket in day.tickets if ticket.id not in times_served]
    unserved = {p: sum(ticket.priority == p for ticket in left_out) for p in (1, 2, 3, 4)}
    cost = travel + sum(ticket.price for ticket in left_out)
    return Verdict(cost, travel, unserved, tuple(broken))


def orders_plan(day: Day, routes: Routes) -> Plan:
    """Return the routes as a plan with orders only; who checks it schedules it first."""
    engineer = {shift.id: shift.engineer_id for shift in day.shifts}
    served = {ticket_id for order in routes.values() for ticket_id in order}
    return Plan(
        plan_id="benchmark",
        routes=tuple(
            Route(
                shift_id=shift_id,
                engineer_id=engineer.get(shift_id),
                visits=tuple(Visit(ticket_id=ticket_id) for ticket_id in order),
            )
            for shift_id, order in routes.items()
            if order
        ),
        unserved=tuple(
            Unserved(ticket_id=ticket.id, reason="SEARCH_LIMIT")
            for ticket in day.tickets
            if ticket.id not in served
        ),
    )


def plan_orders(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Take the orders out of a plan."""
    return {
        route.shift_id: tuple(visit.ticket_id for visit in route.visits) for route in plan.routes
    }


def small_problem(*, num_tickets: int = 20, num_shifts: int = 3, seed: int = 1) -> Problem:
    """Make a tiny day in code, with scarce skills and more work than time."""
    draw = random.Random(seed)
    start = datetime(2026, 11, 23, tzinfo=UTC)

    def at(hour: float) -> datetime:
        return start + timedelta(hours=hour)

    names = [f"E{i}" for i in range(num_shifts)] + [f"T{i}" for i in range(num_tickets)]
    points = [(draw.randint(0, 60), draw.randint(0, 60)) for _ in names]
    seconds = [[30 * (abs(a - c) + abs(b - d)) for c, d in points] for a, b in points]
    windows = [(8, 10), (10, 12), (8, 12), (13, 17), (8, 17)]
    tickets: list[dict[str, Any]] = []  # Any: the exchange format
    for i in range(num_tickets):
        first, last = draw.choice(windows)
        tickets.append(
            {
                "id": f"T{i}",
                "fault_type": "ONT_REPLACE",
                "place": f"T{i}",
                "priority": draw.choice([1, 2, 3, 3, 3, 4]),
                "duration": 900 * draw.randint(2, 8),
                "skills": {"BROADBAND": 1} | ({"FIBER_SPLICE": 2} if draw.random() < 0.4 else {}),
                "windows": [{"open": at(first), "close": at(last)}],
            }
        )
    engineers = [
        {
            "id": f"E{i}",
            "skills": {"BROADBAND": 1} | ({"FIBER_SPLICE": 1 + i % 2} if i else {}),
            "place": f"E{i}",
            "shifts": [{"id": f"E{i}-d0", "start": at(8), "end": at(17)}],
        }
        for i in range(num_shifts)
    ]
    return Problem.model_validate(
        {
            "horizon": {"start": start, "end": at(24)},
            "tickets": tickets,
            "engineers": engineers,
            "travel": {"kind": "matrix", "places": names, "seconds": seconds},
            "policy": {"preset": "city_day"},
        }
    )


def _drive(day: Day, shift: DayShift, visits: Sequence[DayTicket]) -> tuple[int, list[str]]:
    if not visits:
        return 0, []
    broken = []
    now, place, travel = shift.start, shift.place, 0
    for ticket in visits:
        leg = int(day.travel[place, ticket.place])
        travel += leg
        start = max(now + leg, ticket.open)
        if start > ticket.close:
            broken.append(f"'{ticket.id}' starts {start - ticket.close} s after its window")
        if not day.can_serve(shift, ticket):
            broken.append(f"'{shift.id}' lacks {sorted(ticket.skills - shift.skills)}")
        now, place = start + ticket.duration, ticket.place
    leg = int(day.travel[place, shift.place])
    if now + leg > shift.end:
        broken.append(f"'{shift.id}' is back {now + leg - shift.end} s after its end")
    return travel + leg, broken


def _tokens(levels: Iterable[tuple[str, int]]) -> frozenset[str]:
    """Engines know skills, not levels: each level that a ticket asks for is a skill of its own."""
    return frozenset(f"{name}.{level}" for name, level in levels)


def _refuse_other_kinds(problem: Problem) -> None:
    """Refuse what the judge would not see: a silent omission would falsify the comparison."""
    faults = [f"ticket '{t.id}': {', '.join(odd)}" for t in problem.tickets if (odd := _odd(t))]
    shifts = [shift for engineer in problem.engineers for shift in engineer.shifts]
    faults += [
        f"engineer '{e.id}': {', '.join(odd)}" for e in problem.engineers if (odd := _odd(e))
    ]
    faults += [f"shift '{s.id}': {', '.join(odd)}" for s in shifts if (odd := _odd(s))]
    if problem.policy != Policy(preset="city_day"):
        faults.append("policy: not the preset 'city_day'")
    if problem.now is not None or problem.previous_plan is not None:
        faults.append("problem: 'now' or 'previous_plan' is set")
    if faults:
        raise ValueError("Not a city day:\n" + "\n".join(f"  - {fault}" for fault in faults[:20]))


def _odd(item: Ticket | Engineer | Shift) -> list[str]:
    if isinstance(item, Ticket):
        odd = _set_beyond(item, _TICKET_FIELDS)
        if len(item.windows) > 1:
            odd.append("windows: more than one")
        if item.duration is None or item.skills is None:
            odd.append("no duration or no skills of its own")
    elif isinstance(item, Shift):
        odd = _set_beyond(item, _SHIFT_FIELDS)
    else:
        odd = _set_beyond(item, _ENGINEER_FIELDS)
        odd += [f"{name} expires" for name, skill in item.skills.items() if skill.expires]
    return odd


def _set_beyond(item: Ticket | Engineer | Shift, known: frozenset[str]) -> list[str]:
    """Fields other than `known` that differ from their default, or whose null was given."""
    return sorted(
        name
        for name, field in type(item).model_fields.items()
        if name not in known
        and (
            getattr(item, name) != field.default
            or (name in item.NULL_MATTERS and name in item.model_fields_set)
        )
    )
