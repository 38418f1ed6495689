"""A chain's state against the plain twin, and plain forms of what the kernels keep of a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.solvers import _kernels as kernels
from tests.twin import leg_seconds, plan_cost, route_cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import Instance
    from dispatchopt.solvers._kernels import Chain, Search

BREAKS = ((), (0,), (1,), (0, 1), (1, 0))
"""Breaks of a leg by code."""


def current(c: Chain) -> list[list[int]]:
    """Return the routes that the chain holds."""
    lengths = c.route[:, kernels.LENGTH]
    return [row[:n].tolist() for row, n in zip(c.visits, lengths, strict=True)]


def best(c: Chain) -> list[list[int]]:
    """Return the best routes that the chain met."""
    return [row[1 : 1 + row[0]].tolist() for row in c.best]


def put(k: Search, c: Chain, s: int, order: Sequence[int]) -> bool:
    """Give a shift a route; return what `refresh` says of it."""
    c.route[s, kernels.LENGTH] = len(order)
    c.visits[s, : len(order)] = order
    return bool(kernels.refresh(k, c, s))


def codes_of(c: Chain, s: int, num_legs: int) -> list[tuple[int, ...]]:
    return [BREAKS[code] for code in c.times[s, :num_legs, kernels.CODE]]


def untaken(c: Chain, s: int) -> list[int]:
    return [i for i in range(2) if int(c.route[s, kernels.UNTAKEN]) >> i & 1]


def arrival_of(inst: Instance, s: int, departure: int, way: int, breaks: Sequence[int]) -> int:
    """Arrival on a leg with these breaks in order, -1 if one of them is too late."""
    arrival = departure + way
    for index in breaks:
        earliest, latest, duration = (int(x) for x in inst.pause[s, index])
        if departure > latest:
            return -1
        departure = max(departure, earliest) + duration
        arrival = max(arrival, earliest) + duration
    return arrival


def follow(
    inst: Instance,
    s: int,
    order: Sequence[int],
    legs: Sequence[Sequence[int]],
    at: int,
    arrival: int,
) -> list[tuple[int, int]] | None:
    """Serve a route from a position on, the breaks lying on the legs given.

    Returns
    -------
    list of tuple or None
        Start and end of each visit, last the end of the route twice; None if a visit or a break is
        too late.
    """
    ways = leg_seconds(inst, s, order)
    times = []
    for i in range(at, len(order)):
        t = order[i]
        starts = [
            max(arrival, int(inst.window[t, w, 0]))
            for w in range(int(inst.num_windows[t]))
            if int(inst.window[t, w, 1]) >= arrival
        ]
        if not starts:
            return None
        end = min(starts) + int(inst.duration[t, inst.pace_of[s]])
        if end > int(inst.latest[t]):
            return None
        times.append((min(starts), end))
        arrival = end
        if i + 1 < len(ways):
            arrival = arrival_of(inst, s, end, ways[i + 1], legs[i + 1])
            if arrival < 0:
                return None
    return [*times, (arrival, arrival)]


def assert_consistent(inst: Instance, k: Search, c: Chain) -> None:
    """Check everything that a chain remembers between two iterations."""
    routes = current(c)
    assert plan_cost(inst, routes) == int(c.num[kernels.COST])
    for s, route in enumerate(routes):
        assert route_cost(inst, s, route) == int(c.route[s, kernels.COST_OF])
        assert all(k.legal[t, s] for t in route)
    owner = {t: s for s, route in enumerate(routes) for t in route}
    assert len(owner) == sum(len(route) for route in routes)
    absent = c.lists[kernels.ABSENT, : c.num[kernels.NUM_ABSENT]].tolist()
    assert sorted(absent + list(owner)) == list(range(inst.num_tickets))
    for t in range(inst.num_tickets):
        assert c.member[t, kernels.ROUTE_OF] == owner.get(t, -1)
        place = absent.index(t) if t in absent else -1
        assert c.member[t, kernels.ABSENT_AT] == place
    assert not c.num[kernels.NUM_TOUCHED]
    assert not c.num[kernels.NUM_CHANGED]
    assert (c.route[:, kernels.TOUCHED_AT] == -1).all()
    assert (c.member[:, kernels.CHANGED_AT] == -1).all()
    assert_cache_valid(k, c, absent)


def assert_cache_valid(k: Search, c: Chain, absent: Sequence[int]) -> None:
    """Check that what is remembered of unchanged routes is what a fresh look finds."""
    for t in absent:
        for pair in range(int(k.ticket[t, kernels.PAIR]), int(k.ticket[t, kernels.PAIR_END])):
            s = int(k.pair_shift[pair])
            if c.cache[pair, 0] == c.route[s, kernels.VERSION]:
                assert tuple(c.cache[pair, 1:]) == kernels.cheapest_place(k, c, s, t)
