"""Constraints of the model: one method per form."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from dispatchopt.solvers.cpsat.variables import (
    DEPOT,
    ShiftVariables,
    Variables,
    duration,
    earliest_departure,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.forms import Instance


class Constraints:
    """Adds to a model what makes a plan feasible."""

    def __init__(self, model: cp_model.CpModel, inst: Instance, variables: Variables) -> None:
        self._model = model
        self._inst = inst
        self._vars = variables

    def add_all(self, go_on: Callable[[], None]) -> None:
        """Add the constraints of every form; `go_on` is called for each shift."""
        self._served_at_most_once()
        for s, shift in self._vars.shifts.items():
            go_on()
            self._circuit(shift)
            self._bounds_of_starts(shift)
            self._travel(s, shift)
            self._way_home_alone(s, shift)
            self._one_after_the_other(s, shift)
            self._capacity(s, shift)
            self._pause_on_one_leg(s, shift)
            self._pause_or_end_by_latest(s, shift)
            self._arrival_after_pause(s, shift)
            self._both_on_one_leg(s, shift)
            self._room(s, shift)
        self._order_of_equal_shifts()

    def _served_at_most_once(self) -> None:
        """Ensure that a ticket is on one shift or skipped, and then at its least start."""
        for t, skip in self._vars.skip.items():
            shifts = self._vars.shifts_of(t)
            self._model.add_exactly_one(skip, *(self._vars.shifts[s].present[t] for s in shifts))
            least = min(self._vars.shifts[s].reach.earliest[t] for s in shifts)
            self._model.add(self._vars.start[t] == least).only_enforce_if(skip)

    def _circuit(self, shift: ShiftVariables) -> None:
        """Ensure that the legs of a shift make one route over exactly its tickets."""
        node = {t: i for i, t in enumerate([DEPOT, *shift.present])}
        arcs: list[cp_model.ArcT] = [
            (node[a], node[b], literal) for (a, b), literal in shift.arcs.items()
        ]
        arcs += [(node[t], node[t], literal.negated()) for t, literal in shift.present.items()]
        self._model.add_circuit(arcs)

    def _bounds_of_starts(self, shift: ShiftVariables) -> None:
        """Ensure `window`, `latest` and the shift's hours for the start of service.

        The windows themselves are in the domains.
        """
        for t, literal in shift.present.items():
            start, reach = self._vars.start[t], shift.reach
            self._model.add_linear_constraint(
                start, reach.earliest[t], reach.latest[t]
            ).only_enforce_if(literal)

    def _travel(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that each leg has time for the way and for its breaks."""
        begin = int(self._inst.shift_begin[s])
        for (a, b), way in shift.reach.legs.items():
            target = shift.end if b == DEPOT else self._vars.start[b]
            leaves = begin if a == DEPOT else self._vars.start[a] + duration(self._inst, s, a)
            self._model.add(
                target >= leaves + way + self._pause_seconds(s, shift, a)
            ).only_enforce_if(shift.arcs[a, b])

    def _pause_seconds(self, s: int, shift: ShiftVariables, node: int) -> cp_model.LinearExpr:
        on_leg = {p: literal for (p, at), literal in shift.pauses.items() if at == node}
        return cp_model.LinearExpr.sum(
            [int(self._inst.pause[s, p, 2]) * literal for p, literal in on_leg.items()]
        )

    def _way_home_alone(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that an `occupied` shift without visits goes home, and no other does."""
        way = way_home_alone(self._inst, s)
        begin, hard_end = int(self._inst.shift_begin[s]), int(self._inst.shift_hard_end[s])
        if not self._inst.occupied[s]:
            return
        if begin + way > hard_end:
            self._model.add(shift.empty == 0)
            return
        self._model.add(
            shift.end >= begin + way + self._pause_seconds(s, shift, DEPOT)
        ).only_enforce_if(shift.empty)

    def _one_after_the_other(self, s: int, shift: ShiftVariables) -> None:
        """Ensure again that services do not overlap: the optional intervals propagate more."""
        self._model.add_no_overlap(
            self._model.new_optional_fixed_size_interval_var(
                self._vars.start[t], duration(self._inst, s, t), literal, ""
            )
            for t, literal in shift.present.items()
        )

    def _capacity(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that demands fit into the `capacity`."""
        for d in range(self._inst.demand.shape[1]):
            needs = {t: int(self._inst.demand[t, d]) for t in shift.present}
            room = int(self._inst.capacity[s, d])
            if sum(needs.values()) > room:
                self._model.add(sum(n * shift.present[t] for t, n in needs.items() if n) <= room)

    def _pause_on_one_leg(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that a break is on one leg that the route has, left by the break's latest."""
        for p, taken in enumerate(shift.taken):
            on_leg = {node: x for (q, node), x in shift.pauses.items() if q == p}
            self._model.add(sum(on_leg.values()) == taken)
            for node, literal in on_leg.items():
                if node == DEPOT:
                    if not self._has_way_home_alone(s):
                        self._model.add_implication(literal, shift.empty.negated())
                    continue
                self._model.add_implication(literal, shift.present[node])
                if self._inst.end_place[s] < 0 and (node, DEPOT) in shift.arcs:
                    self._model.add_implication(literal, shift.arcs[node, DEPOT].negated())
                latest = int(self._inst.pause[s, p, 1]) - duration(self._inst, s, node)
                self._model.add(self._vars.start[node] <= latest).only_enforce_if(literal)

    def _has_way_home_alone(self, s: int) -> bool:
        return bool(self._inst.occupied[s]) and int(self._inst.end_place[s]) >= 0

    def _pause_or_end_by_latest(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that a break is left out only if the route ends by its latest."""
        for p, taken in enumerate(shift.taken):
            latest = int(self._inst.pause[s, p, 1])
            needed = [] if self._inst.occupied[s] else [shift.empty.negated()]
            self._model.add(shift.end <= latest).only_enforce_if(taken.negated(), *needed)

    def _arrival_after_pause(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that the leg with a break arrives after the break's earliest end."""
        for (p, node), literal in shift.pauses.items():
            earliest, _, length = self._pause(s, p)
            self._arrive_from(s, shift, node, earliest + length, literal)

    def _both_on_one_leg(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that two breaks on one leg come one after the other, the second in time."""
        for node in {at for _, at in shift.both}:
            on_leg = [shift.pauses[p, node].negated() for p in (0, 1)]
            self._model.add_bool_or(*on_leg, shift.both[0, node], shift.both[1, node])
            for first in (0, 1):
                literal = shift.both[first, node]
                earliest, _, length = self._pause(s, first)
                _, latest, second_length = self._pause(s, 1 - first)
                leaves = earliest_departure(self._inst, s, shift.reach, node)
                if max(earliest, leaves) + length > latest:
                    self._model.add(literal == 0)
                    continue
                if node != DEPOT:
                    left = self._vars.start[node] + duration(self._inst, s, node)
                    self._model.add(left + length <= latest).only_enforce_if(literal)
                self._arrive_from(s, shift, node, earliest + length + second_length, literal)

    def _pause(self, s: int, p: int) -> tuple[int, int, int]:
        earliest, latest, length = (int(x) for x in self._inst.pause[s, p])
        return earliest, latest, length

    def _arrive_from(
        self, s: int, shift: ShiftVariables, node: int, time: int, literal: cp_model.IntVar
    ) -> None:
        """Let the leg that leaves the node arrive at `time` or later if the literal holds."""
        for (a, b), arc in shift.arcs.items():
            if a != node:
                continue
            last = int(self._inst.shift_hard_end[s]) if b == DEPOT else shift.reach.latest[b]
            if (a, b) == (DEPOT, DEPOT) and not self._has_way_home_alone(s):
                continue
            if time > last:
                self._model.add_bool_or(arc.negated(), literal.negated())
            elif b == DEPOT or time > shift.reach.earliest[b]:
                target = shift.end if b == DEPOT else self._vars.start[b]
                self._model.add(target >= time).only_enforce_if(arc, literal)

    def _room(self, s: int, shift: ShiftVariables) -> None:
        """Ensure again that work and breaks fit between begin and end: one strong row."""
        rest = [int(self._inst.pause[s, p, 2]) * x for p, x in enumerate(shift.taken)]
        begin = int(self._inst.shift_begin[s])
        work = route_work(self._inst, s, shift)
        self._model.add(shift.end >= cp_model.LinearExpr.sum([begin, work, *rest]))

    def _order_of_equal_shifts(self) -> None:
        """Ensure that of equal shifts the first serves the lowest ticket, and so on.

        A ticket on a later one asks for a lower ticket on the one before.
        """
        for group in equal_shifts(self._inst):
            for before, after in pairwise(s for s in group if s in self._vars.shifts):
                first, second = (self._vars.shifts[s].present for s in (before, after))
                lower: list[cp_model.IntVar] = []
                for t in sorted(second):
                    self._model.add_bool_or(second[t].negated(), *lower)
                    lower.append(first[t])


def way_home_alone(inst: Instance, s: int) -> int:
    """Travel seconds from the start place to the end place; 0 without an end place."""
    start, end = int(inst.start_place[s]), int(inst.end_place[s])
    return int(inst.travel[inst.profile_of[s], start, end]) if end >= 0 else 0


def route_work(inst: Instance, s: int, shift: ShiftVariables) -> cp_model.LinearExpr:
    """Services and travel of a route, in seconds."""
    services = [duration(inst, s, t) * literal for t, literal in shift.present.items()]
    ways = [way * shift.arcs[leg] for leg, way in shift.reach.legs.items() if way]
    home = way_home_alone(inst, s)
    if inst.occupied[s] and home and home <= int(inst.shift_hard_end[s] - inst.shift_begin[s]):
        ways.append(home * shift.empty)
    return cp_model.LinearExpr.sum([*services, *ways])


def equal_shifts(inst: Instance) -> list[list[int]]:
    """Return the groups of shifts, none of them occupied, that no form tells apart."""
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for s in range(inst.num_shifts):
        if not inst.occupied[s]:
            groups[
                tuple(
                    column[s].tobytes()
                    for column in (
                        inst.class_of,
                        inst.pace_of,
                        inst.shift_begin,
                        inst.shift_limit,
                        inst.shift_hard_end,
                        inst.start_place,
                        inst.end_place,
                        inst.num_pauses,
                        inst.pause,
                        inst.load_base,
                        inst.load_hours,
                        inst.reserve_from,
                        inst.capacity,
                        inst.profile_of,
                    )
                )
            ].append(s)
    return [group for group in groups.values() if len(group) > 1]
