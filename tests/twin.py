"""Plain twin of the forms: what `Instance` says a route and a plan cost, nothing shared, no speed.

Written from the docstring of `dispatchopt.forms.Instance` alone, by trying every placement of the
breaks; it knows neither `dispatchopt.timeline` nor the kernels, so that it can judge both.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from dispatchopt.forms import BALANCE, OVERTIME, RESERVE, TRAVEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dispatchopt.forms import Instance


def plan_cost(inst: Instance, routes: Sequence[Sequence[int]]) -> int | None:
    """Cost of one order for each shift plus the price of the unserved; None: infeasible."""
    assert len(routes) == inst.num_shifts
    served = [t for route in routes for t in route]
    if len(set(served)) < len(served):
        return None
    total = sum(int(inst.skip_cost[t]) for t in range(inst.num_tickets) if t not in served)
    for s, route in enumerate(routes):
        cost = route_cost(inst, s, route)
        if cost is None:
            return None
        total += cost
    return total


def route_cost(inst: Instance, s: int, order: Sequence[int]) -> int | None:
    """Cost of an order of tickets on a shift, its `fixed_cost` included; None: infeasible."""
    fixed = int(inst.fixed_cost[s])
    if not order and not inst.occupied[s]:
        return fixed
    if any(inst.blocked[t, inst.class_of[s]] for t in order):
        return None
    needed = [sum(int(inst.demand[t, d]) for t in order) for d in range(inst.demand.shape[1])]
    if any(need > int(inst.capacity[s, d]) for d, need in enumerate(needed)):
        return None
    ways = leg_seconds(inst, s, order)
    timed = [_timed_cost(inst, s, order, ways, taken) for taken in _placements(inst, s, len(ways))]
    feasible = [cost for cost in timed if cost is not None]
    if not feasible:
        return None
    work = sum(_duration(inst, s, t) for t in order) + sum(ways)
    assigned = sum(int(inst.assign_cost[t, inst.class_of[s]]) for t in order)
    travelled = sum(_per_hour(int(inst.rates[TRAVEL]), way) for way in ways)
    return fixed + assigned + travelled + _load_cost(inst, s, work) + min(feasible)


def leg_seconds(inst: Instance, s: int, order: Sequence[int]) -> list[int]:
    """Travel of each leg, the way home last unless the route ends at its last visit."""
    places = [int(inst.start_place[s]), *(int(inst.place[t]) for t in order)]
    if inst.end_place[s] >= 0:
        places.append(int(inst.end_place[s]))
    table = inst.travel[inst.profile_of[s]]
    return [int(table[a, b]) for a, b in zip(places, places[1:], strict=False)]


def _placements(inst: Instance, s: int, num_legs: int) -> Iterator[list[list[int]]]:
    """Every way to put the breaks on legs, or nowhere: for each leg its breaks in order."""
    count = int(inst.num_pauses[s])
    for legs in product([None, *range(num_legs)], repeat=count):
        for sequence in ([0, 1], [1, 0]) if count == 2 else ([0],):
            taken: list[list[int]] = [[] for _ in range(num_legs)]
            for pause in sequence[:count]:
                leg = legs[pause]
                if leg is not None:
                    taken[leg].append(pause)
            yield taken


def _timed_cost(
    inst: Instance, s: int, order: Sequence[int], ways: Sequence[int], taken: list[list[int]]
) -> int | None:
    """Cost of the times (visits and overtime) for one placement of the breaks."""
    time, cost = int(inst.shift_begin[s]), 0
    for leg, way in enumerate(ways):
        arrival = _arrival(inst, s, time, way, taken[leg])
        if arrival is None:
            return None
        if leg == len(order):
            time = arrival
            continue
        t = order[leg]
        starts = [
            max(arrival, int(inst.window[t, w, 0]))
            for w in range(int(inst.num_windows[t]))
            if int(inst.window[t, w, 1]) >= arrival
        ]
        if not starts:
            return None
        time = min(starts) + _duration(inst, s, t)
        if time > int(inst.latest[t]):
            return None
        cost += time_cost(inst, t, time)
    left_out = [p for p in range(int(inst.num_pauses[s])) if not any(p in leg for leg in taken)]
    if time > int(inst.shift_hard_end[s]) or any(time > inst.pause[s, p, 1] for p in left_out):
        return None
    return cost + _per_hour(int(inst.rates[OVERTIME]), max(0, time - int(inst.shift_limit[s])))


def _arrival(inst: Instance, s: int, departure: int, way: int, breaks: Sequence[int]) -> int | None:
    """Arrival of a leg with its breaks one after the other; None: one begins too late.

    Before a second break the engineer is at the end of the first: that is its departure, and what
    is left of the way still lies ahead.
    """
    arrival = departure + way
    for index in breaks:
        earliest, latest, duration = (int(x) for x in inst.pause[s, index])
        if departure > latest:
            return None
        departure = max(departure, earliest) + duration
        arrival = max(arrival, earliest) + duration
    return arrival


def time_cost(inst: Instance, t: int, end: int) -> int:
    """Cost of a visit's end."""
    return sum(
        int(jump) + _per_hour(int(rate), end - int(after))
        for after, jump, rate in inst.time_cost[t]
        if end > after
    )


def _duration(inst: Instance, s: int, t: int) -> int:
    return int(inst.duration[t, inst.pace_of[s]])


def _load_cost(inst: Instance, s: int, work: int) -> int:
    base, hours = int(inst.load_base[s]), int(inst.load_hours[s])
    balance, reserve = int(inst.rates[BALANCE]), int(inst.rates[RESERVE])
    free = int(inst.reserve_from[s])

    def load(total: int) -> int:
        k = 10 * total // hours
        return _ceil(balance * (k * k * hours + (2 * k + 1) * (10 * total - k * hours)), 360_000)

    def kept(total: int) -> int:
        return _per_hour(reserve, max(0, total - free))

    return load(base + work) - load(base) + kept(base + work) - kept(base)


def _per_hour(rate: int, seconds: int) -> int:
    return _ceil(rate * seconds, 3600)


def _ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)
