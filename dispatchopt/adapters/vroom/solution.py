"""A plan as a VROOM solution: summary, unassigned, and routes with their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.vroom.documents import ANYWHERE, EPOCH, NOTES
from dispatchopt.adapters.vroom.numbers import numbered
from dispatchopt.adapters.vroom.write import ends_of, shifts_of
from dispatchopt.errors import AdapterError
from dispatchopt.models import Point
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dispatchopt.models import (
        Engineer,
        Place,
        Plan,
        Problem,
        Rejected,
        Route,
        Shift,
        Ticket,
        Visit,
    )

Json = dict[str, Any]  # Any: JSON

_SUMS = ("cost", "setup", "service", "duration", "waiting_time", "priority")


def plan_to_vroom(
    problem: Problem,
    plan: Plan,
    *,
    origin: datetime = EPOCH,
    computing_times: Mapping[str, int] | None = None,
) -> Json:
    """Write a plan as VROOM writes a solution.

    `cost` and `duration` are travel as VROOM counts it: seconds, and their price. Beyond VROOM's
    keys an unassigned job bears `reason` and `detail`, and ``dispatchopt`` holds cost, bound and
    gap of the plan.

    Parameters
    ----------
    plan
        With its times; every ticket left out is unassigned, rejected tasks among them.
    origin
        The time that is 0 in the document.
    computing_times
        Milliseconds, shown in the summary.

    Raises
    ------
    AdapterError
        If a visit has no times, or the plan names what the problem lacks.
    """
    writer = _Solution(problem, origin)
    routes = [writer.route(route) for route in plan.routes if route.visits]
    unassigned = [writer.unassigned(u.ticket_id, u.reason, u.detail) for u in plan.unserved]
    unassigned += [_rejected(item) for item in plan.rejected]
    summary: Json = {name: sum(route[name] for route in routes) for name in _SUMS}
    summary |= {"routes": len(routes), "unassigned": len(unassigned), "violations": []}
    for name in ("delivery", "pickup"):
        sums = [route[name] for route in routes if name in route]
        if sums:
            summary[name] = _added(sums)
    times = {"loading": 0, "solving": 0, "routing": 0, **(computing_times or {})}
    proof = {
        "cost": None if plan.cost is None else plan.cost.total,
        "bound": plan.bound,
        "gap": plan.gap,
    }
    return {
        "code": 0,
        "summary": {**summary, "computing_times": times},
        "unassigned": unassigned,
        "routes": routes,
        "dispatchopt": {name: value for name, value in proof.items() if value is not None},
    }


class _Solution:
    def __init__(self, problem: Problem, origin: datetime) -> None:
        self.problem, self.origin = problem, origin
        self.tickets = {ticket.id: ticket for ticket in problem.tickets}
        self.shifts = {shift.id: (engineer, shift) for engineer, shift in shifts_of(problem)}
        self.ticket_number = numbered(t.id for t in problem.tickets if t.is_plannable)
        self.shift_number = numbered(self.shifts)
        places = [ticket.place for ticket in problem.tickets]
        places += [p for e, s in self.shifts.values() for p in ends_of(e, s) if p is not None]
        profiles = dict.fromkeys(engineer.travel_profile for engineer in problem.engineers)
        self.travel = TravelTimes.of(problem.travel, places, profiles)

    def unassigned(self, ticket_id: str, reason: str, detail: Mapping[str, Any]) -> Json:
        ticket = self._ticket(ticket_id)
        facts = {"detail": dict(detail)} if detail else {}
        about = self._about(ticket)
        about.pop("job", None)
        return {
            "id": self.ticket_number[ticket_id],
            "type": "job",
            **about,
            "reason": reason,
        } | facts

    def route(self, route: Route) -> Json:
        if route.shift_id not in self.shifts:
            raise AdapterError(f"The plan names shift '{route.shift_id}', which the problem lacks.")
        engineer, shift = self.shifts[route.shift_id]
        steps = self._steps(route, engineer, shift)
        tickets = [self._ticket(visit.ticket_id) for visit in route.visits]
        seconds = steps[-1]["duration"]
        rate = self.problem.policy.travel_per_hour
        noted = [_notes(ticket) for ticket in tickets]
        found: Json = {
            "vehicle": self.shift_number[route.shift_id],
            "cost": -(-seconds * rate // 3600),
            "setup": sum(step["setup"] for step in steps),
            "service": sum(step["service"] for step in steps),
            "duration": seconds,
            "waiting_time": sum(step["waiting_time"] for step in steps),
            "priority": sum(int(notes.get("priority", 0)) for notes in noted),
        }
        found |= self._described(engineer, route.shift_id)
        for name in ("delivery", "pickup"):
            listed = [notes[name] for notes in noted if notes.get(name)]
            if listed:
                found[name] = _added(listed)
        return {**found, "steps": steps, "violations": []}

    def _steps(self, route: Route, engineer: Engineer, shift: Shift) -> list[Json]:
        start, end = ends_of(engineer, shift)
        first = route.visits[0]
        clock = self._at(route.start or first.departure, first)
        steps: list[Json] = []
        if start != ANYWHERE:
            steps.append(_step("start", clock, 0, **self._located(start)))
        walk = _Walk(clock, 0, start, list(self._breaks(route, engineer)))
        for visit in route.visits:
            ticket = self._ticket(visit.ticket_id)
            begins, ends = self._at(visit.start, visit), self._at(visit.end, visit)
            arrival = walk.go(
                ticket.place, self._seconds(engineer, walk.place, ticket.place), begins
            )
            steps.extend(walk.taken())
            notes = _notes(ticket)
            setup = min(int(notes.get("setup", 0)), ends - begins)
            step = _step("job", arrival, walk.travelled, **self._about(ticket))
            step |= {"id": step["job"], "setup": setup, "service": ends - begins - setup}
            steps.append(step | {"waiting_time": begins - arrival})
            walk.clock = ends
        if end is not None:
            last = self._at(route.end, route.visits[-1]) if route.end else None
            arrival = walk.go(end, self._seconds(engineer, walk.place, end), last)
            steps.extend(walk.taken())
            steps.append(_step("end", arrival, walk.travelled, **self._located(end)))
        else:
            walk.take_rest()
            steps.extend(walk.taken())
        return steps

    def _breaks(self, route: Route, engineer: Engineer) -> Iterable[tuple[int, int, int]]:
        """Yield number, start and end of each break."""
        shift = self.shifts[route.shift_id][1]
        ids = _notes(engineer).get("breaks", [])
        named = ids if len(ids) == len(shift.breaks) else range(1, len(shift.breaks) + 1)
        left = list(zip(named, shift.breaks, strict=True))
        for span in sorted(route.breaks, key=lambda span: span.start):
            fits = [
                (number, pause)
                for number, pause in left
                if pause.earliest <= span.start <= pause.latest
            ] or left
            number = fits[0][0] if fits else 0
            left = [pair for pair in left if pair[0] != number]
            start, end = (int((at - self.origin).total_seconds()) for at in (span.start, span.end))
            yield number, start, end

    def _seconds(self, engineer: Engineer, origin: Place, destination: Place) -> int:
        index = self.travel.place_index
        profile = self.travel.profile_index(engineer.travel_profile)
        return self.travel.between(profile, index[origin], index[destination])

    def _at(self, when: datetime | None, visit: Visit) -> int:
        if when is None:
            raise AdapterError(
                f"The visit of ticket '{visit.ticket_id}' has no times. A solution needs them: "
                "solve, or check the plan first."
            )
        return int((when - self.origin).total_seconds())

    def _ticket(self, ticket_id: str) -> Ticket:
        if ticket_id not in self.ticket_number:
            raise AdapterError(f"The plan names ticket '{ticket_id}', which the problem lacks.")
        return self.tickets[ticket_id]

    def _about(self, ticket: Ticket) -> Json:
        number = self.ticket_number[ticket.id]
        described = _notes(ticket).get("description")
        if str(number) != ticket.id:
            described = ticket.id
        about: Json = {} if described is None else {"description": described}
        about |= self._located(ticket.place)
        if "location" in _notes(ticket):
            about["location"] = _notes(ticket)["location"]
        return about | {"job": number}

    def _described(self, engineer: Engineer, shift_id: str) -> Json:
        if str(self.shift_number[shift_id]) != shift_id:
            return {"description": shift_id}
        described = _notes(engineer).get("description")
        return {} if described is None else {"description": described}

    def _located(self, place: Place) -> Json:
        if isinstance(place, Point):
            return {"location": [place.lon, place.lat]}
        return {"location_index": int(place)} if place.isascii() and place.isdigit() else {}


class _Walk:
    """Goes along a route, as VROOM does: off at once, waiting at the next stop; breaks between."""

    def __init__(
        self, clock: int, travelled: int, place: Place, breaks: list[tuple[int, int, int]]
    ) -> None:
        self.clock, self.travelled, self.place = clock, travelled, place
        self._breaks = breaks
        self._steps: list[Json] = []

    def go(self, place: Place, seconds: int, until: int | None) -> int:
        """Travel to a place, taking the breaks that begin before `until`; return the arrival."""
        left = seconds
        while self._breaks and (until is None or self._breaks[0][1] < until):
            left -= self._take(left)
        self.clock += left
        self.travelled += left
        self.place = place
        return self.clock

    def take_rest(self) -> None:
        """Take the breaks after the last visit."""
        while self._breaks:
            self._take(0)

    def taken(self) -> list[Json]:
        """Return the steps of the breaks taken since the last call."""
        steps, self._steps = self._steps, []
        return steps

    def _take(self, left: int) -> int:
        number, start, end = self._breaks.pop(0)
        gone = max(0, min(left, start - self.clock))
        self.clock += gone
        self.travelled += gone
        step = _step("break", self.clock, self.travelled, id=number)
        waiting = max(0, start - self.clock)
        self._steps.append(step | {"service": end - start, "waiting_time": waiting})
        self.clock = max(self.clock, start) + end - start
        return gone


def _step(kind: str, arrival: int, travelled: int, **about: Any) -> Json:
    times = {"arrival": arrival, "duration": travelled, "setup": 0, "service": 0}
    return {"type": kind, **about, **times, "waiting_time": 0, "violations": []}


def _rejected(item: Rejected) -> Json:
    """Return a task left out at input: ``pickup-7`` is the pickup 7."""
    half, _, number = item.ticket_id.rpartition("-")
    if half in ("pickup", "delivery") and number.isascii() and number.isdigit():
        return {"id": int(number), "type": half, "reason": "BAD_INPUT"}
    return {"id": 0, "type": "job", "description": item.ticket_id, "reason": "BAD_INPUT"}


def _added(lists: Iterable[list[int]]) -> list[int]:
    listed = list(lists)
    size = max(len(quantities) for quantities in listed)
    return [sum(q[i] for q in listed if i < len(q)) for i in range(size)]


def _notes(item: Ticket | Engineer) -> dict[str, Any]:
    notes = item.attributes.get(NOTES)
    return notes if isinstance(notes, dict) else {}
