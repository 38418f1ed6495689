"""Plans rounded from the linear programme, and days solved by parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchopt.generator import generate_plain
from dispatchopt.instance import compile_problem
from dispatchopt.run import Options, Run
from dispatchopt.solvers.colgen import ColumnGeneration, Ended
from dispatchopt.solvers.core import Part, find_core, improve_parts, part_of
from dispatchopt.solvers.dive import Dives
from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.lns import Lns
from tests.strategies import problems
from tests.twin import plan_cost, route_cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from dispatchopt.forms import Instance, Int64Array
    from dispatchopt.models import Problem
    from dispatchopt.solvers.pricing import Priced, Prices


def started(inst: Instance) -> tuple[Lns, ColumnGeneration]:
    lns = Lns(inst)
    lns.start()
    generation = ColumnGeneration(inst, lns.search, lns.most_visits, 1)
    generation.start(lns.routes(), [])
    return lns, generation


@settings(max_examples=20)
@given(problems(max_tickets=7, max_shifts=3))
def test_a_rounded_plan_is_feasible_and_no_cheaper_than_the_bound(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    _, generation = started(inst)
    generation.run(upper=2**50)
    dives = Dives(generation, most_steps=20)
    plans = [dives.dive() for _ in range(3)]
    assert plans[0] is not None
    assert generation.bound is not None
    for plan in plans:
        cost = None if plan is None else plan_cost(inst, plan)
        assert (plan is None) == (cost is None)
        assert cost is None or cost >= generation.bound


def test_after_a_dive_the_programme_is_as_it_was() -> None:
    inst = compile_problem(generate_plain(tickets=30, seed=4)).instance
    _, generation = started(inst)
    assert generation.solve(upper=2**50)
    before, bound = generation.master.objective, generation.bound
    dives = Dives(generation)
    assert dives.dive() is not None
    assert generation.solve(upper=2**50)
    assert generation.bound is not None
    assert bound is not None
    assert generation.bound >= bound
    # The same programme: its value differs by what "solved" leaves open.
    assert abs(generation.master.objective - before) <= 2e-6 * before


def test_later_dives_find_other_plans_below_the_cost_asked_for() -> None:
    inst = compile_problem(generate_plain(tickets=40, seed=2)).instance
    _, generation = started(inst)
    assert generation.solve(upper=2**50)
    dives, costs, plans = Dives(generation, most_steps=80), list[int](), list[object]()
    while (plan := dives.dive()) is not None and len(plans) < 4:
        assert plan not in plans
        plans.append(plan)
        costs.append(generation.cost_of(plan))
        assert costs[-1] < dives.upper
        dives.upper = costs[-1]
    assert plans
    dives = Dives(generation)
    assert generation.bound is not None
    dives.upper = 0.5 * generation.bound
    assert dives.dive() is None


def test_dives_end_after_so_many_steps() -> None:
    inst = compile_problem(generate_plain(tickets=40, seed=2)).instance
    _, generation = started(inst)
    assert generation.solve(upper=2**50)
    dives = Dives(generation, most_steps=1)
    assert dives.dive() is not None
    assert dives.dive() is None


def test_a_programme_approached_has_no_bound_and_is_hardly_below_the_solved_one() -> None:
    inst = compile_problem(generate_plain(tickets=30, seed=3)).instance
    _, generation = started(inst)
    assert generation.approach()
    assert generation.bound is None
    near = generation.master.objective
    assert generation.solve(upper=2**50)
    # Guesses miss routes, which makes it dearer; memories were narrower, which makes it cheaper.
    assert near >= 0.98 * generation.master.objective


def test_columns_forgotten_change_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    inst = compile_problem(generate_plain(tickets=30, seed=3)).instance
    _, generation = started(inst)
    assert generation.solve(upper=2**50)
    before, number = generation.master.objective, len(generation.in_master)
    monkeypatch.setattr("dispatchopt.solvers.colgen.MOST_IN_MASTER", number - 1)
    generation.forget()
    assert len(generation.in_master) < number
    assert generation.solve(upper=2**50)
    assert abs(generation.master.objective - before) <= 2e-6 * before
    assert sorted(set(generation.in_master)) == sorted(generation.in_master)


def test_a_dive_told_to_end_leaves_shifts_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    inst = compile_problem(generate_plain(tickets=45, seed=3)).instance
    _, generation = started(inst)
    generation.solve(upper=2**50)
    generation.should_stop = lambda: True
    assert Dives(generation).dive() is None
    generation.should_stop = lambda: False
    guess = generation.guess_shifts

    def end_soon(prices: Prices, limit: Int64Array, shifts: Sequence[int]) -> list[Priced]:
        if len(shifts) < inst.num_shifts - 1:
            raise Ended
        return guess(prices, limit, shifts)

    monkeypatch.setattr(generation, "guess_shifts", end_soon)
    dives = Dives(generation)
    routes = dives.dive()
    assert routes is not None
    assert [] in routes
    assert any(routes)
    assert plan_cost(inst, routes) is not None
    assert dives.dive() is None


def test_the_core_is_what_tickets_left_out_compete_for() -> None:
    inst = compile_problem(generate_plain(tickets=40, seed=1)).instance
    # Shifts 0 and 1 alone can take tickets 0 to 34; ticket 0 is left out, and 39 nowhere possible.
    legal = np.zeros((40, inst.num_shifts), np.bool_)
    legal[:35, :2] = legal[35:39, :] = True
    routes: list[list[int]] = [list(range(1, 20)), list(range(20, 39))]
    routes += [[] for _ in range(inst.num_shifts - 2)]
    core = find_core(inst, legal, routes)
    assert inst.num_shifts >= 3
    assert core is None  # 35 of 40 tickets: no smaller problem than the whole
    legal[30:35, :] = True
    core = find_core(inst, legal, routes)
    assert core is not None
    assert core.tickets.tolist() == list(range(30))
    assert core.shifts.tolist() == [0, 1]
    assert core.pick(routes) == [list(range(1, 20)), list(range(20, 30))]


def test_a_day_on_which_nothing_is_left_out_has_no_core() -> None:
    inst = compile_problem(generate_plain(tickets=40, seed=1)).instance
    routes = [list(range(40)), *([] for _ in range(inst.num_shifts - 1))]
    assert find_core(inst, np.ones((40, inst.num_shifts), np.bool_), routes) is None


@settings(max_examples=10)
@given(problems(max_tickets=8, max_shifts=4), st.data())
def test_a_part_prices_routes_as_the_whole(drawn: Problem, data: st.DataObject) -> None:
    inst = compile_problem(drawn).instance
    tickets = np.array(sorted(data.draw(st.sets(st.integers(0, inst.num_tickets - 1), min_size=1))))
    shifts = np.array(sorted(data.draw(st.sets(st.integers(0, inst.num_shifts - 1), min_size=1))))
    part = part_of(inst, tickets, shifts)
    lay_out(part.instance)
    for own, s in enumerate(shifts.tolist()):
        for i, t in enumerate(tickets.tolist()):
            assert route_cost(part.instance, own, [i]) == route_cost(inst, s, [t])


def test_parts_are_put_back_where_they_were() -> None:
    inst = compile_problem(generate_plain(tickets=12, engineers=3, seed=1)).instance
    part: Part = part_of(inst, np.array([2, 5, 7]), np.array([1]))
    routes = [[0, 1], [5, 2], [3]]
    part.put(routes, [[2, 0]])
    assert routes == [[0, 1], [7, 2], [3]]


def test_a_day_by_parts_is_a_plan() -> None:
    inst = compile_problem(generate_plain(tickets=120, seed=3)).instance
    lns = Lns(inst)
    lns.start()
    core = part_of(
        inst, np.nonzero(lns.search.legal.sum(1) <= 6)[0], np.arange(inst.num_shifts // 2)
    )
    routes = improve_parts(
        inst, core, lns.routes(), seconds=0.4, threads=2, seed=1, should_stop=lambda: False
    )
    assert plan_cost(inst, routes) is not None


def test_a_day_by_parts_is_never_dearer_than_the_search_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dispatchopt.run.PARTS_LEAST", 0.0)
    monkeypatch.setattr("dispatchopt.run.PARTS_TICKETS", 0)
    monkeypatch.setattr("dispatchopt.solvers.core.LEAST_TICKETS", 5)
    costs: list[int] = []

    def lost(inst: Instance, *_: object, **__: object) -> list[list[int]]:
        return [[] for _ in range(inst.num_shifts)]

    monkeypatch.setattr("dispatchopt.run.improve_parts", lost)
    compiled = compile_problem(generate_plain(tickets=60, seed=5, pressure=1.6))
    options = Options(time_limit=1.0, prove=False, on_progress=lambda p: costs.append(p.cost))
    run = Run(compiled, options, time.monotonic())
    cost = plan_cost(compiled.instance, run.search()[0])
    assert cost is not None
    assert cost <= costs[0]
