"""Variables of the model, in domains as tight as plain reasoning makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dispatchopt.forms import Instance

DEPOT = -1
"""The node at which each circuit begins and ends; tickets are nodes by their index."""

Literal = cp_model.IntVar
"""A variable of 0 or 1."""


@dataclass(frozen=True)
class Reach:
    """What a shift can serve at all, whatever else it serves.

    Attributes
    ----------
    earliest, latest
        By ticket that fits: bounds of its start of service on this shift.
    legs
        ``(origin, destination)`` to travel seconds, for the legs that fit between these bounds;
        `DEPOT` stands for the start place as origin and for the route's end as destination.
    """

    earliest: dict[int, int]
    latest: dict[int, int]
    legs: dict[tuple[int, int], int]


@dataclass
class ShiftVariables:
    """Variables of one shift.

    Attributes
    ----------
    present
        By ticket: whether the shift serves it.
    arcs
        By leg: whether the route takes it; ``(DEPOT, DEPOT)``: no visit.
    end
        When the route ends, at the earliest.
    taken
        By break: whether it is taken.
    pauses
        By break and node: whether it is taken on the leg that leaves the node.
    both
        By first break and node: whether both are taken on that leg, this one first.
    """

    reach: Reach
    present: dict[int, Literal]
    arcs: dict[tuple[int, int], Literal]
    end: cp_model.IntVar
    taken: list[Literal] = field(default_factory=list)
    pauses: dict[tuple[int, int], Literal] = field(default_factory=dict)
    both: dict[tuple[int, int], Literal] = field(default_factory=dict)

    @property
    def empty(self) -> Literal:
        """Whether the route has no visit."""
        return self.arcs[DEPOT, DEPOT]


@dataclass
class Variables:
    """All variables but those that price something.

    Attributes
    ----------
    shifts
        By shift; those that can serve nothing and need no way home have none.
    start
        By ticket that some shift can serve: start of service; at its least when skipped.
    skip
        By the same tickets: whether it is left out.
    """

    shifts: dict[int, ShiftVariables]
    start: dict[int, cp_model.IntVar]
    skip: dict[int, Literal]

    def end_of_service(self, inst: Instance, t: int) -> tuple[cp_model.LinearExpr, int, int]:
        """Return the end of service, its least value (also when skipped) and its greatest."""
        seconds = {s: duration(inst, s, t) for s in self.shifts_of(t)}
        least = min(seconds.values())
        slower = [
            (self.shifts[s].present[t], length - least)
            for s, length in seconds.items()
            if length > least
        ]
        end = self.start[t] + least + sum(literal * more for literal, more in slower)
        first = min(self.shifts[s].reach.earliest[t] for s in seconds) + least
        last = max(self.shifts[s].reach.latest[t] + length for s, length in seconds.items())
        return end, first, last

    def shifts_of(self, t: int) -> list[int]:
        """Return the shifts that can serve a ticket."""
        return [s for s, shift in self.shifts.items() if t in shift.present]


def duration(inst: Instance, s: int, t: int) -> int:
    """Seconds on site of a ticket on a shift."""
    return int(inst.duration[t, inst.pace_of[s]])


def windows(inst: Instance, t: int) -> list[tuple[int, int]]:
    """Windows of a ticket for the start of service."""
    return [(int(o), int(c)) for o, c in inst.window[t, : inst.num_windows[t]]]


def make_variables(
    model: cp_model.CpModel, inst: Instance, name: Callable[..., str], go_on: Callable[[], None]
) -> Variables:
    """Create the variables.

    Parameters
    ----------
    name
        Turns a word and indices into a name, or into none.
    go_on
        Called for each shift; may raise to end it.
    """
    shifts = {}
    for s in range(inst.num_shifts):
        go_on()
        reach = reach_of(inst, s)
        if reach.earliest or inst.occupied[s]:
            shifts[s] = _shift_variables(model, inst, s, reach, name)
    served = sorted({t for shift in shifts.values() for t in shift.present})
    start = {}
    for t in served:
        spans = [
            [max(opens, shift.reach.earliest[t]), min(closes, shift.reach.latest[t])]
            for shift in shifts.values()
            if t in shift.present
            for opens, closes in windows(inst, t)
        ]
        domain = cp_model.Domain.from_intervals([span for span in spans if span[0] <= span[1]])
        start[t] = model.new_int_var_from_domain(domain, name("start", t))
    skip = {t: model.new_bool_var(name("skip", t)) for t in served}
    return Variables(shifts, start, skip)


def _shift_variables(
    model: cp_model.CpModel, inst: Instance, s: int, reach: Reach, name: Callable[..., str]
) -> ShiftVariables:
    begin, hard_end = int(inst.shift_begin[s]), int(inst.shift_hard_end[s])
    shift = ShiftVariables(
        reach=reach,
        present={t: model.new_bool_var(name("present", s, t)) for t in reach.earliest},
        arcs={leg: model.new_bool_var(name("arc", s, *leg)) for leg in reach.legs},
        end=model.new_int_var(begin, max(begin, hard_end), name("end", s)),
    )
    shift.arcs[DEPOT, DEPOT] = model.new_bool_var(name("empty", s))
    count = int(inst.num_pauses[s])
    for p in range(count):
        shift.taken.append(model.new_bool_var(name("taken", s, p)))
        for node in (DEPOT, *reach.earliest):
            if earliest_departure(inst, s, reach, node) <= int(inst.pause[s, p, 1]):
                shift.pauses[p, node] = model.new_bool_var(name("pause", s, p, node))
    if count == 2:
        for node in (DEPOT, *reach.earliest):
            for p in (0, 1):
                if (0, node) in shift.pauses and (1, node) in shift.pauses:
                    shift.both[p, node] = model.new_bool_var(name("both", s, p, node))
    return shift


def earliest_departure(inst: Instance, s: int, reach: Reach, node: int) -> int:
    """Earliest departure of the leg that leaves a node."""
    if node == DEPOT:
        return int(inst.shift_begin[s])
    return reach.earliest[node] + duration(inst, s, node)


def reach_of(inst: Instance, s: int) -> Reach:
    """Return what a shift can serve, breaks apart.

    Other visits on the way may be a short cut, for travel need not keep the triangle inequality:
    bounds are shortest paths over the visits that fit, with their durations and windows.
    """
    seconds = inst.travel[inst.profile_of[s]]
    tickets = [
        t
        for t in range(inst.num_tickets)
        if not inst.blocked[t, inst.class_of[s]] and (inst.demand[t] <= inst.capacity[s]).all()
    ]
    start, end = int(inst.start_place[s]), int(inst.end_place[s])
    place = {t: int(inst.place[t]) for t in tickets}
    legs = {(a, b): int(seconds[place[a], place[b]]) for a in tickets for b in tickets if a != b}
    for t in tickets:
        legs[DEPOT, t] = int(seconds[start, place[t]])
        legs[t, DEPOT] = int(seconds[place[t], end]) if end >= 0 else 0
    while True:
        earliest = _earliest_starts(inst, s, tickets, legs)
        latest = _latest_starts(inst, s, tickets, legs)
        kept = [t for t in tickets if t in earliest and t in latest and earliest[t] <= latest[t]]
        if len(kept) == len(tickets):
            break
        tickets = kept
    fitting = {
        (a, b): way
        for (a, b), way in legs.items()
        if (a == DEPOT or a in earliest)
        and (b == DEPOT or b in earliest)
        and _fits(inst, s, earliest, latest, a, b, way)
    }
    return Reach(earliest, latest, fitting)


def _fits(
    inst: Instance,
    s: int,
    earliest: dict[int, int],
    latest: dict[int, int],
    a: int,
    b: int,
    way: int,
) -> bool:
    leaves = int(inst.shift_begin[s]) if a == DEPOT else earliest[a] + duration(inst, s, a)
    return leaves + way <= (int(inst.shift_hard_end[s]) if b == DEPOT else latest[b])


def _earliest_starts(
    inst: Instance, s: int, tickets: Sequence[int], legs: dict[tuple[int, int], int]
) -> dict[int, int]:
    """Dijkstra from the start place: later arrivals never start service earlier."""
    begin = int(inst.shift_begin[s])
    seconds = {t: duration(inst, s, t) for t in tickets}

    def after(t: int, at: int, other: int) -> int | None:
        return _start_from(inst, other, at + seconds[t] + legs[t, other])

    return _settled({t: _start_from(inst, t, begin + legs[DEPOT, t]) for t in tickets}, min, after)


def _latest_starts(
    inst: Instance, s: int, tickets: Sequence[int], legs: dict[tuple[int, int], int]
) -> dict[int, int]:
    """Dijkstra back from the end of the route."""
    hard_end = int(inst.shift_hard_end[s])
    seconds = {t: duration(inst, s, t) for t in tickets}

    def before(t: int, at: int, other: int) -> int | None:
        leaves = min(at - legs[other, t], int(inst.latest[other]))
        return _start_until(inst, other, leaves - seconds[other])

    last = {t: min(hard_end - legs[t, DEPOT], int(inst.latest[t])) for t in tickets}
    starts = {t: _start_until(inst, t, end - seconds[t]) for t, end in last.items()}
    return _settled(starts, max, before)


def _settled(
    starts: dict[int, int | None],
    best: Callable[[Iterable[tuple[int, int]]], tuple[int, int]],
    by_way_of: Callable[[int, int, int], int | None],
) -> dict[int, int]:
    """Dijkstra: settle the best start of all, then try the other tickets by way of that one.

    Parameters
    ----------
    starts
        By ticket its start without other visits on the way; None: none.
    best
        `min` or `max`.
    by_way_of
        Start of the last ticket by way of the first, which starts at the time between them.
    """
    open_starts = dict(starts)
    found: dict[int, int] = {}
    while reached := [(at, t) for t, at in open_starts.items() if at is not None]:
        at, t = best(reached)
        found[t] = at
        del open_starts[t]
        for other, known in open_starts.items():
            start = by_way_of(t, at, other)
            if start is not None:
                direct = start if known is None else known
                open_starts[other], _ = best([(direct, other), (start, other)])
    return found


def _start_from(inst: Instance, t: int, arrival: int) -> int | None:
    return next((max(o, arrival) for o, c in windows(inst, t) if c >= arrival), None)


def _start_until(inst: Instance, t: int, limit: int) -> int | None:
    return next((min(c, limit) for o, c in reversed(windows(inst, t)) if o <= limit), None)
