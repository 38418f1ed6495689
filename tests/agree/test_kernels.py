"""The compiled kernels against the plain twin of the forms, on random problems over every rule."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatchopt.checker import check_in
from dispatchopt.generator import generate
from dispatchopt.instance import Compiled, compile_problem, decode
from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers._kernels import INFEASIBLE, Chain, Search
from dispatchopt.solvers.layout import lay_out, new_chain
from dispatchopt.solvers.lns import Heat, Lns, default_heat
from tests.agree.chains import (
    BREAKS,
    arrival_of,
    assert_consistent,
    best,
    codes_of,
    current,
    follow,
    put,
    untaken,
)
from tests.small import at as clock
from tests.small import problem as small_problem
from tests.strategies import problems
from tests.twin import leg_seconds, plan_cost, route_cost, time_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.forms import Instance
    from dispatchopt.models import Problem


class Case(NamedTuple):
    """An instance in the kernels, a shift, and an order of tickets that may all join it."""

    inst: Instance
    k: Search
    c: Chain
    s: int
    order: list[int]

    @property
    def cost(self) -> int | None:
        return route_cost(self.inst, self.s, self.order)

    @property
    def legs(self) -> list[tuple[int, ...]]:
        return codes_of(self.c, self.s, len(leg_seconds(self.inst, self.s, self.order)))


@st.composite
def routes_of(draw: st.DrawFn, *, always: str = "") -> Case:
    """Draw a problem and an order on one of its shifts; half of them are feasible."""
    inst = compile_problem(draw(problems(max_tickets=6, max_shifts=2, always=always))).instance
    k, _ = lay_out(inst)
    s = draw(st.integers(0, inst.num_shifts - 1))
    legal = [t for t in range(inst.num_tickets) if k.legal[t, s]]
    shuffled = draw(st.permutations(legal))
    order = shuffled[: draw(st.integers(0, len(shuffled)))]
    while draw(st.booleans()) and order and route_cost(inst, s, order) is None:
        order = order[:-1]
    return Case(inst, k, new_chain(k, inst.num_tickets + 1, 0), s, order)


def is_within_capacity(inst: Instance, s: int, order: list[int]) -> bool:
    return bool((inst.demand[order].sum(axis=0) <= inst.capacity[s]).all())


@given(st.one_of(routes_of(), routes_of(always="breaks")))
def test_refresh_prices_a_route_as_the_twin_does(case: Case) -> None:
    inst, k, c, s, order = case
    feasible = put(k, c, s, order)
    if not is_within_capacity(inst, s, order):
        assert case.cost is None
        return
    assert feasible == (case.cost is not None)
    if not feasible:
        return
    assert int(c.route[s, kernels.COST_OF]) == case.cost
    used = c.route[s, kernels.USED :]
    assert used.tolist() == inst.demand[order].sum(axis=0).tolist()
    if not order and not inst.occupied[s]:
        assert c.route[s, kernels.WORK] == 0
        return
    ways = leg_seconds(inst, s, order)
    served = sum(int(inst.duration[t, inst.pace_of[s]]) for t in order)
    assert int(c.route[s, kernels.WORK]) == served + sum(ways)
    assert_times(case, ways)


def assert_times(case: Case, ways: list[int]) -> None:
    """Check that the breaks lie where the codes say, and the times follow from them."""
    inst, _, c, s, order = case
    legs, left = case.legs, untaken(c, s)
    taken = [index for leg in legs for index in leg]
    assert sorted(taken + left) == list(range(inst.num_pauses[s]))
    arrival = arrival_of(inst, s, int(inst.shift_begin[s]), ways[0], legs[0]) if ways else None
    if arrival is None:
        assert int(c.route[s, kernels.ROUTE_END]) == int(inst.shift_begin[s])
        return
    times = follow(inst, s, order, legs, 0, arrival)
    assert times is not None
    *visits, (end, _) = times
    assert [tuple(row) for row in c.times[s, : len(order), : kernels.LATE].tolist()] == visits
    assert int(c.route[s, kernels.ROUTE_END]) == end
    assert all(end <= inst.pause[s, index, 1] for index in left)


def limit_of(inst: Instance, s: int, pauses: list[int]) -> int:
    """Return when a route must have ended that leaves these breaks out."""
    return min([int(inst.shift_hard_end[s]), *(int(inst.pause[s, i, 1]) for i in pauses)])


def probes(bound: int) -> list[int]:
    grid = [0, 28_800, 30_600, 32_400, 36_000, 43_200, 60_000]
    return sorted({max(0, bound + step) for step in (-900, -1, 0, 1, 900)} | set(grid))


@given(st.one_of(routes_of(), routes_of(always="breaks")))
def test_an_arrival_in_time_is_one_that_the_rest_survives(case: Case) -> None:
    inst, k, c, s, order = case
    if not put(k, c, s, order):
        return
    left = untaken(c, s)
    columns = [(kernels.LATE, limit_of(inst, s, left))]
    if left:
        columns.append((kernels.LOOSE, int(inst.shift_hard_end[s])))
    for at in range(len(order) + 1):
        for column, limit in columns:
            bound = int(c.times[s, at, column])
            for arrival in probes(bound):
                times = follow(inst, s, order, case.legs, at, arrival)
                survives = times is not None and times[-1][1] <= limit
                assert survives == (arrival <= bound), (at, column, arrival)


@given(routes_of(), st.sampled_from((1, 600, 900, 5000)))
def test_a_push_costs_what_the_later_times_cost(case: Case, room: int) -> None:
    inst, k, c, s, order = case
    if not order or not put(k, c, s, order):
        return
    overtime = int(inst.rates[1])

    def timed(times: list[tuple[int, int]], at: int) -> int:
        late = max(0, times[-1][1] - int(inst.shift_limit[s]))
        visits = zip(order[at:], times, strict=False)
        return sum(time_cost(inst, t, end) for t, (_, end) in visits) - -overtime * late // 3600

    for at in range(len(order) + 1):
        now = [(int(b), int(e)) for b, e in c.times[s, at : len(order), : kernels.LATE]]
        now.append((int(c.route[s, kernels.ROUTE_END]),) * 2)
        for arrival in probes(int(c.times[s, at, kernels.LATE])):
            if arrival > c.times[s, at, kernels.LATE]:
                continue
            times = follow(inst, s, order, case.legs, at, arrival)
            assert times is not None
            cost = timed(times, at) - timed(now, at)
            assert kernels._push(k, c, s, at, arrival, INFEASIBLE) == cost
            if times >= now:
                cut = kernels._push(k, c, s, at, arrival, room)
                assert cut == cost or room <= cut <= cost


def places(case: Case, t: int) -> list[int | None]:
    """Return the added cost of a ticket at each position."""
    before = case.cost
    assert before is not None
    costs = []
    for at in range(len(case.order) + 1):
        cost = route_cost(case.inst, case.s, [*case.order[:at], t, *case.order[at:]])
        costs.append(None if cost is None else cost - before)
    return costs


def candidates(case: Case) -> Iterator[tuple[int, list[int | None], int]]:
    """Yield each ticket that might still join, its added costs, and the least of them."""
    if case.cost is None:
        return
    assert put(case.k, case.c, case.s, case.order)
    for t in range(case.inst.num_tickets):
        if t not in case.order and case.k.legal[t, case.s]:
            costs = places(case, t)
            yield t, costs, min((x for x in costs if x is not None), default=INFEASIBLE)


@given(st.one_of(routes_of(), routes_of(always="breaks")))
def test_an_exact_place_is_the_best_place(case: Case) -> None:
    for t, costs, least in candidates(case):
        found, at = kernels.exact_place(case.k, case.c, case.s, t)
        assert found == least
        assert at == (costs.index(least) if least < INFEASIBLE else -1)
        assert current(case.c)[case.s] == case.order
        assert int(case.c.route[case.s, kernels.COST_OF]) == case.cost


@given(st.one_of(routes_of(), routes_of(always="breaks"), routes_of(always="balance")))
def test_the_cheapest_place_is_never_too_cheap(case: Case) -> None:
    for t, costs, least in candidates(case):
        found, at = kernels.cheapest_place(case.k, case.c, case.s, t)
        if case.inst.num_pauses[case.s] == 0:
            assert found == least
        assert found >= least
        if at >= 0:
            there = costs[at]
            assert there is not None
            assert there <= found


@given(st.one_of(routes_of(), routes_of(always="breaks")))
def test_is_feasible_asks_without_leaving_a_trace(case: Case) -> None:
    inst, k, c, s, order = case
    put(k, c, s, [])
    before = int(c.route[s, kernels.COST_OF])
    asked = bool(kernels.is_feasible(k, c, s, np.array(order, np.int32)))
    assert asked == (case.cost is not None)
    assert current(c)[s] == []
    assert int(c.route[s, kernels.COST_OF]) == before == route_cost(inst, s, [])


_GRID = (0, 1, 2, 3, 5)
_PAUSE = st.tuples(st.sampled_from(_GRID), st.sampled_from(_GRID), st.sampled_from((0, 1, 2)))


@given(_PAUSE, _PAUSE, st.sampled_from((0, 1, 2, 4)))
def test_the_latest_departure_undoes_the_arrival(
    first: tuple[int, int, int], second: tuple[int, int, int], travel: int
) -> None:
    shift = np.zeros((1, kernels.CAPACITY), np.int64)
    # A break may not begin after its latest; both count from the same hour.
    rows = [(a, a + b, d) for a, b, d in (first, second)]
    shift[0, kernels.PAUSE : kernels.PAUSE + 6] = np.array(rows).ravel()
    for code in range(len(BREAKS)):
        arrivals = {d: kernels._arrival(shift, 0, d, travel, code) for d in range(25)}
        for limit in range(20):
            fitting = [d for d, arrival in arrivals.items() if 0 <= arrival <= limit]
            latest = kernels._latest_departure(shift, 0, limit, travel, code)
            assert max(latest, -1) == max(fitting, default=-1), (code, limit)


@given(problems(max_tickets=4, max_shifts=2))
def test_no_pair_of_a_feasible_route_is_ruled_out(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    k, most_visits = lay_out(inst)
    for s in range(inst.num_shifts):
        for size in range(1, inst.num_tickets + 1):
            for order in permutations(range(inst.num_tickets), size):
                if route_cost(inst, s, order) is not None:
                    assert k.legal[list(order), s].all()
                    assert size <= most_visits


def test_a_shorter_way_over_another_ticket_keeps_the_pair() -> None:
    # 2 h straight to b, so that its visit could not end by 10:00; 30 min over c.
    seconds: list[list[int | None]] = [[0, 7200, 900], [0, 0, 0], [0, 900, 0]]
    task = small_problem([{"place": "b"}, {"place": "c", "duration": 1}], seconds=seconds)
    inst = compile_problem(task).instance
    inst = inst._replace(latest=np.array([36_000, 2**40]))
    assert route_cost(inst, 0, [0]) is None
    assert route_cost(inst, 0, [1, 0]) is not None
    assert lay_out(inst)[0].legal.all()


@given(st.integers(1, 3), st.integers(1, 3))
def test_kernels_meet_one_layout_of_arrays(num_tickets: int, num_shifts: int) -> None:
    # Numba compiles anew for another memory order: half a minute instead of a second.
    task = generate(tickets=num_tickets, engineers=num_shifts, seed=1)
    k, most_visits = lay_out(compile_problem(task).instance)
    for array in (*k, *new_chain(k, most_visits, 0)):
        assert array.flags.c_contiguous


HEATS = st.sampled_from((Heat(1e-9, 1e-9), Heat(1e9, 1e9), None))
"""Nothing worse is accepted; everything is; as in a real run."""


def search_some(drawn: Problem, heat: Heat | None, seed: int, iterations: int) -> Lns:
    lns = Lns(compile_problem(drawn).instance, seed=seed)
    lns.start()
    lns.run_iterations(iterations, heat or default_heat(lns.inst))
    return lns


@given(problems(max_tickets=8, max_shifts=3), HEATS, st.integers(0, 3))
def test_a_chain_stays_true_to_the_twin(drawn: Problem, heat: Heat | None, seed: int) -> None:
    compiled = compile_problem(drawn)
    lns = Lns(compiled.instance, seed=seed)
    (chain,) = lns.chains
    lns.start()
    start = lns.cost
    assert_consistent(lns.inst, lns.search, chain)
    for iterations in (1, 20, 200):
        lns.run_iterations(iterations, heat or default_heat(lns.inst))
        assert_consistent(lns.inst, lns.search, chain)
        assert lns.cost <= start
        assert lns.cost == plan_cost(lns.inst, best(chain))
    assert lns.iterations == (221 if lns.inst.num_tickets else 0)
    assert lns.routes() == best(chain)
    assert_checked(compiled, lns)


def assert_checked(compiled: Compiled, lns: Lns) -> None:
    plan = decode(compiled, lns.routes())
    report = check_in(compiled.ctx, plan)
    assert report.is_valid, report.violations
    assert report.cost.total == lns.cost
    assert len(plan.unserved) == lns.unserved


@pytest.mark.parametrize("days", [1, 3])
def test_a_generated_branch_stays_true_to_the_twin(days: int) -> None:
    compiled = compile_problem(generate(tickets=60, days=days, seed=days))
    lns = Lns(compiled.instance, seed=1)
    lns.start()
    start = lns.cost
    lns.run_iterations(400, default_heat(lns.inst))
    assert_consistent(lns.inst, lns.search, lns.chains[0])
    assert lns.cost < start
    assert_checked(compiled, lns)


@given(problems(max_tickets=6, max_shifts=3), st.data())
def test_undo_restores_routes_and_tickets(drawn: Problem, data: st.DataObject) -> None:
    lns = search_some(drawn, Heat(1e9, 1e9), 0, 5)
    k, c, inst = lns.search, lns.chains[0], lns.inst
    before, cost = current(c), int(c.num[kernels.COST])
    versions = c.route[:, kernels.VERSION].copy()
    for _ in range(data.draw(st.integers(1, 4))):
        change_something(k, c, data)
    kernels._undo(k, c, cost)
    kernels._commit(c)
    assert current(c) == before
    assert c.route[:, kernels.VERSION].tolist() == versions.tolist()
    assert_consistent(inst, k, c)


def change_something(k: Search, c: Chain, data: st.DataObject) -> None:
    """Remove a stretch of a route, or put an absent ticket in, as an iteration may."""
    s = data.draw(st.integers(0, len(c.visits) - 1))
    n = int(c.route[s, kernels.LENGTH])
    absent = c.lists[kernels.ABSENT, : c.num[kernels.NUM_ABSENT]].tolist()
    if n and data.draw(st.booleans()):
        first = data.draw(st.integers(0, n - 1))
        size = data.draw(st.integers(1, n - first))
        kernels._remove_range(k, c, s, first, size, size, 0)
    else:
        for t in absent:
            at = kernels.cheapest_place(k, c, s, t)[1] if k.legal[t, s] else -1
            if at >= 0:
                assert kernels.insert(k, c, s, t, at)
                return


def test_what_can_be_reached_only_over_a_removed_visit_goes_with_it() -> None:
    # From a to c only over b: without t0 the route of t1 is none.
    seconds: list[list[int | None]] = [[0, 900, None], [900, 0, 900], [900, 900, 0]]
    task = small_problem([{"place": "b"}, {"place": "c"}], seconds=seconds)
    inst = compile_problem(task).instance
    k, most_visits = lay_out(inst)
    c = new_chain(k, most_visits, 0)
    assert kernels.load_routes(k, c, np.array([[0, 1]], np.int32), np.array([2], np.int32))
    kernels._remove_range(k, c, 0, 0, 1, 1, 0)
    kernels._commit(c)
    assert current(c) == [[]]
    assert_consistent(inst, k, c)


def test_a_way_over_the_ticket_may_make_the_rest_cheaper() -> None:
    # From a to c 2 h, over b 10 min. Before t1, which waits for 09:00, t0 costs nothing; between
    # t1 and t2 it even lets t2 end at 09:30 instead of 11:15, 105 min at 7200 an hour.
    seconds: list[list[int | None]] = [[0, 300, 7200], [300, 0, 300], [0, 7200, 0]]
    nine = {"open": clock("09:00"), "close": clock("09:00")}
    tickets: list[dict[str, Any]] = [
        {"place": "b", "duration": 300, "priority": 4},
        {"place": "a", "duration": 1, "priority": 4, "windows": [nine]},
        {"place": "c", "duration": 900},
    ]
    policy = {"preset": "city_day", "travel_per_hour": 0, "delay_per_hour": {2: 7200}}
    inst = compile_problem(small_problem(tickets, seconds=seconds, policy=policy)).instance
    k, most_visits = lay_out(inst)
    c = new_chain(k, most_visits, 0)
    assert put(k, c, 0, [1, 2])
    assert places(Case(inst, k, c, 0, [1, 2]), 0) == [0, -2 * (7200 - 900), None]
    assert kernels.cheapest_place(k, c, 0, 0) == (-2 * (7200 - 900), 1)


@example(small_problem([{}]))
@given(problems(max_tickets=6, max_shifts=3))
def test_improve_leaves_nothing_that_fits_below_its_price(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    k, most_visits = lay_out(inst)
    c = new_chain(k, most_visits, 0)
    kernels.improve(k, c)
    assert_consistent(inst, k, c)
    routes = current(c)
    for t in range(inst.num_tickets):
        for s, order in enumerate(routes):
            if c.member[t, kernels.ROUTE_OF] < 0 and k.legal[t, s]:
                case = Case(inst, k, c, s, order)
                assert all(x is None or x >= inst.skip_cost[t] for x in places(case, t))
