"""Bounds by column generation against brute force and CP-SAT, over every rule."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchopt import solve
from dispatchopt.generator import generate, generate_plain
from dispatchopt.instance import compile_problem
from dispatchopt.solvers._pricing import FORBIDDEN
from dispatchopt.solvers.colgen import ColumnGeneration
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.cuts import Cut, as_bits
from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.lns import Lns, default_heat
from dispatchopt.solvers.pricing import SCALE, Pricer, Prices
from dispatchopt.solvers.proof import Pool, can_prove, prove
from dispatchopt.solvers.setpart import mix
from tests import small
from tests.brute_force import best_plan
from tests.strategies import LINES, problems
from tests.twin import route_cost

if TYPE_CHECKING:
    from dispatchopt.forms import Instance
    from dispatchopt.models import Problem


def generation_of(inst: Instance, threads: int = 1) -> ColumnGeneration:
    lns = Lns(inst)
    lns.start()
    generation = ColumnGeneration(inst, lns.search, lns.most_visits, threads)
    generation.start(lns.routes(), [])
    return generation


@pytest.mark.parametrize("rule", LINES)
@settings(max_examples=8)  # for each rule
@given(data=st.data())
def test_no_plan_costs_less_than_the_bound(rule: str, data: st.DataObject) -> None:
    inst = compile_problem(data.draw(problems(always=rule))).instance
    best = best_plan(inst)
    assert best is not None
    generation = generation_of(inst)
    generation.run(upper=2**50)
    assert generation.bound is not None
    assert generation.bound <= best[0]


@settings(max_examples=15)
@given(problems(max_tickets=6, max_shifts=3))
def test_the_bound_is_below_the_optimum_of_larger_days(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    best = solve_exact(inst)
    generation = generation_of(inst)
    generation.run(upper=2**50)
    assert best.cost is not None
    assert generation.bound is not None
    assert generation.bound <= best.cost


def test_large_prices_are_bounded_as_closely_as_small_ones() -> None:
    cheap = compile_problem(generate_plain(tickets=30, seed=2)).instance
    factor = 2**22
    large = cheap._replace(skip_cost=cheap.skip_cost * factor)
    assert int(large.skip_cost.max()) > 2**37
    lns = Lns(large)
    lns.start()
    lns.run_iterations(20_000, default_heat(large))
    generation = ColumnGeneration(large, lns.search, lns.most_visits, 1)
    generation.start(lns.routes(), [])
    assert generation.solve(upper=2**60)
    assert generation.bound is not None
    assert generation.bound <= lns.cost
    assert generation.bound >= (1 - 1e-5) * generation.master.objective


@st.composite
def prices_of(draw: st.DrawFn, inst: Instance) -> tuple[Prices, list[Cut], list[int]]:
    """Draw prices of the tickets from a small grid, and cuts of three tickets."""
    grid = st.sampled_from((0, 600, 3600, 9000, 36_000))
    dual = np.array([draw(grid) * SCALE for _ in range(inst.num_tickets)], np.int64)
    cuts: list[Cut] = []
    if inst.num_tickets >= 3:
        for _ in range(draw(st.integers(0, 3))):
            three = draw(st.permutations(range(inst.num_tickets)))[:3]
            others = draw(st.sets(st.integers(0, inst.num_tickets - 1)))
            cuts.append(Cut(frozenset(three), frozenset(three) | others))
    fines = [draw(grid) * SCALE for _ in cuts]
    return Prices(dual, *as_bits(cuts, fines, inst.num_tickets)), cuts, fines


@given(st.data())
def test_the_cheapest_route_is_found(data: st.DataObject) -> None:
    # With no more tickets than are remembered, the cheapest route has no ticket twice.
    inst = compile_problem(data.draw(problems(max_tickets=5, max_shifts=2))).instance
    assume(inst.num_tickets)
    search, most_visits = lay_out(inst)
    pricer = Pricer(inst, search, most_visits, 1)
    s = data.draw(st.integers(0, inst.num_shifts - 1))
    pricer.set_load(s, data.draw(st.sampled_from((0, 3600, 20_000))))
    prices, cuts, fines = data.draw(prices_of(inst))
    members = [t for t in range(inst.num_tickets) if search.legal[t, s]]
    costs = []
    for size in range(1, len(members) + 1):
        for order in permutations(members, size):
            if route_cost(inst, s, list(order)) is not None:
                column = pricer.measure(s, order)
                assert column.cost == route_cost(inst, s, list(order))
                assert column.relaxed <= column.cost * SCALE
                fine = sum(f * cut.times(order) for f, cut in zip(fines, cuts, strict=True))
                costs.append(column.relaxed - int(prices.dual[list(order)].sum()) + fine)
    limit = data.draw(st.sampled_from((2**50, 0, -3600 * SCALE)))
    found = pricer.price(s, prices, limit, most=5, thread=0)
    assert found.least == min([limit, *costs])
    for column in found.columns:
        assert route_cost(inst, s, list(column.visits)) == column.cost


def test_a_bound_forbids_no_ticket_however_dear() -> None:
    # The way from a to c leads over b: the ticket there costs 2**36, the one at c gains 2**37.
    seconds = [[0, 900, None], [900, 0, 900], [900, 900, 0]]
    inst = compile_problem(small.problem([{}, {"place": "c"}], seconds=seconds)).instance
    search, most_visits = lay_out(inst)
    pricer = Pricer(inst, search, most_visits, 1)
    dual = np.array([-(2**36), 2**37], np.int64) * SCALE
    assert int(dual[0]) < FORBIDDEN
    found = pricer.price(0, Prices(dual, *as_bits([], [], 2)), 0, most=5, thread=0)
    assert found.least == pricer.measure(0, (0, 1)).relaxed - int(dual.sum())


@pytest.mark.parametrize("threads", [1, 2])
def test_a_day_is_bounded_and_bettered(threads: int) -> None:
    inst = compile_problem(generate_plain(tickets=40, engineers=6, seed=3)).instance
    lns = Lns(inst)
    lns.start()
    pool = Pool()
    pool.add(lns.routes())
    proofs = [
        prove(
            inst,
            lns.search,
            lns.most_visits,
            lns.routes(),
            lns.cost,
            pool,
            threads=threads,
            seed=0,
            seconds=None,
            max_labels=400_000,
            gap=0.0,
            should_stop=lambda: False,
        )
        for _ in range(2)
    ]
    assert proofs[0].routes == proofs[1].routes
    assert proofs[0].bound == proofs[1].bound
    lns.run_iterations(20_000, default_heat(inst))
    assert proofs[0].bound is not None
    assert 0.97 * lns.cost <= proofs[0].bound <= lns.cost
    assert proofs[0].cost < 1.1 * lns.cost


def test_a_balanced_day_is_bounded_with_its_load_in_part() -> None:
    inst = compile_problem(generate(tickets=25, seed=5)).instance
    lns = Lns(inst)
    lns.start()
    lns.run_iterations(20_000, default_heat(inst))
    generation = ColumnGeneration(inst, lns.search, lns.most_visits, 1, max_labels=400_000)
    generation.start(lns.routes(), [])
    generation.run(upper=lns.cost)
    assert generation.bound is not None
    assert generation.bound <= lns.cost
    assert generation.bound >= (1 - 1e-5) * generation.master.objective


@given(st.integers(0, 10**6))
def test_mixing_never_makes_a_plan_dearer(seed: int) -> None:
    inst = compile_problem(generate_plain(tickets=15, engineers=3, seed=1)).instance
    search, most_visits = lay_out(inst)
    pricer = Pricer(inst, search, most_visits, 1)
    random = np.random.default_rng(seed)
    lns = Lns(inst, seed % 1000)
    lns.start()
    columns = {(s, tuple(v)): pricer.measure(s, v) for s, v in enumerate(lns.routes())}
    for _ in range(30):
        s = int(random.integers(inst.num_shifts))
        members = np.nonzero(search.legal[:, s])[0]
        visits = tuple(random.permutation(members)[: random.integers(0, 3)].tolist())
        if route_cost(inst, s, list(visits)) is not None:
            columns[s, visits] = pricer.measure(s, visits)
    routes, cost = mix(
        inst,
        list(columns.values()),
        lns.routes(),
        time_limit=None,
        deterministic_time=0.01 * (seed % 3),
        workers=1,
        seed=0,
    )
    assert cost <= lns.cost
    served = [t for visits in routes for t in visits]
    assert len(set(served)) == len(served)
    assert all((s, tuple(v)) in columns for s, v in enumerate(routes))


def test_an_end_before_the_first_round_leaves_no_bound() -> None:
    inst = compile_problem(generate_plain(tickets=20, engineers=3, seed=1)).instance
    lns = Lns(inst)
    lns.start()
    generation = ColumnGeneration(inst, lns.search, lns.most_visits, 1, should_stop=lambda: True)
    generation.start(lns.routes(), [])
    generation.run(upper=lns.cost)
    assert generation.bound is None
    assert generation.prices is None


def test_costs_too_large_for_exact_bounds_are_left_alone() -> None:
    inst = compile_problem(generate_plain(tickets=20, engineers=3, seed=1)).instance
    assert can_prove(inst)
    assert not can_prove(inst._replace(skip_cost=inst.skip_cost * 2**30))


def test_a_day_without_shifts_is_planned_and_needs_no_proof() -> None:
    day = generate_plain(tickets=20, engineers=3, seed=1)
    none = tuple(e.model_copy(update={"shifts": ()}) for e in day.engineers)
    for prove_it in (None, True):
        result = solve(day.model_copy(update={"engineers": none}), time_limit=0.2, prove=prove_it)
        assert len(result.plan.unserved) == 20
