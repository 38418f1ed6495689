"""The CP-SAT model finds the brute-force optimum, and prices it as the checker does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchopt.checker import check_in
from dispatchopt.errors import UnsupportedRuleError
from dispatchopt.forms import MAX_COST, Instance
from dispatchopt.instance import compile_problem, decode
from dispatchopt.solvers.cpsat import build_model, solve_exact
from tests.brute_force import best_plan
from tests.small import at, problem
from tests.strategies import LINES, problems
from tests.twin import plan_cost

if TYPE_CHECKING:
    from dispatchopt.models import Problem


@pytest.mark.parametrize("rule", LINES)
@settings(max_examples=settings.default.max_examples // 2)  # for each rule
@given(data=st.data())
def test_the_optimum_is_the_brute_force_optimum(rule: str, data: st.DataObject) -> None:
    compiled = compile_problem(data.draw(problems(always=rule)))
    best = best_plan(compiled.instance)
    assert best is not None
    result = solve_exact(compiled.instance)
    assert result.is_optimal
    assert result.cost == result.bound == best[0]
    assert result.routes is not None
    report = check_in(compiled.ctx, decode(compiled, result.routes))
    assert report.is_valid, report.violations
    assert report.cost.total == result.cost


@given(problems(max_tickets=6, max_shifts=3), st.sampled_from((0.0, 0.001, 0.01)))
def test_an_early_stop_leaves_a_valid_plan_and_a_valid_bound(drawn: Problem, limit: float) -> None:
    compiled = compile_problem(drawn)
    inst = compiled.instance
    nothing: list[list[int]] = [[] for _ in compiled.shift_ids]
    result = solve_exact(inst, hint=nothing, deterministic_time=limit)
    best = solve_exact(inst)
    assert best.cost is not None
    assert result.bound <= best.cost
    if result.routes is not None:
        assert result.cost is not None
        priced = plan_cost(inst, result.routes)
        assert priced is not None
        assert best.cost <= priced <= result.cost
        assert result.is_optimal == (result.bound == result.cost)


@given(problems(max_tickets=5, max_shifts=3))
def test_a_hint_of_the_optimum_is_complete_and_kept(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    best = solve_exact(inst)
    assert best.routes is not None
    again = solve_exact(inst, hint=best.routes, upper_bound=best.cost)
    assert again.cost == best.cost
    assert again.is_optimal


@given(problems(max_tickets=5, max_shifts=3))
def test_nothing_is_cheaper_than_the_optimum(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    best = solve_exact(inst)
    assert best.cost is not None
    assume(best.cost > 0)
    result = solve_exact(inst, upper_bound=best.cost - 1)
    assert result == (None, None, best.cost, False)


@given(problems(max_tickets=6, max_shifts=3), st.integers(0, 3))
def test_one_worker_gives_the_same_plan_again(drawn: Problem, seed: int) -> None:
    inst = compile_problem(drawn).instance
    first = solve_exact(inst, seed=seed, deterministic_time=0.05)
    assert solve_exact(inst, seed=seed, deterministic_time=0.05) == first


def three_tickets() -> Instance:
    return compile_problem(problem([{}, {}, {}])).instance


def test_a_hint_that_is_not_feasible_is_not_used() -> None:
    # 08:00 to 12:00 has room for three visits of 30 min, not for one of 5 h.
    inst = compile_problem(problem([{}, {"duration": 18_000}])).instance
    result = solve_exact(inst, hint=[[0, 1]])
    assert result.routes == [[0]]
    assert result.is_optimal


def test_should_stop_ends_the_search() -> None:
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > 4  # asked four times while the model of one shift is built

    # Thirty tickets of odd lengths to pack into 4 h: far from proven when it is asked first.
    inst = compile_problem(problem([{"duration": 700 + 37 * i} for i in range(30)])).instance
    hint = [list(range(5))]
    hinted = plan_cost(inst, hint)
    result = solve_exact(inst, hint=hint, should_stop=stop)
    assert calls
    assert not result.is_optimal
    assert result.routes is not None
    assert result.cost is not None
    # The hint is kept even if the search stops before it has looked at it.
    assert hinted is not None
    assert result.bound < result.cost <= hinted


@pytest.mark.parametrize("asked", [1, 2, 3, 4])
def test_a_stop_while_the_model_is_built_gives_nothing(asked: int) -> None:
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) == asked

    inst = three_tickets()
    assert solve_exact(inst, hint=[[0]], should_stop=stop) == (None, None, 0, False)
    assert len(calls) == asked


def test_a_model_that_is_not_built_in_time_gives_nothing() -> None:
    assert solve_exact(three_tickets(), time_limit=0.0) == (None, None, 0, False)


def test_without_any_feasible_plan_the_bound_is_beyond_every_cost() -> None:
    inst = three_tickets()
    # The shift is on its way already, and its hours are over before it is home.
    occupied = inst._replace(
        occupied=inst.occupied | True,
        start_place=inst.place[:1],
        shift_hard_end=inst.shift_begin + 899,
    )
    assert best_plan(occupied) is None
    assert solve_exact(occupied) == (None, None, MAX_COST, False)


def test_an_empty_shift_pays_no_overtime_though_its_regular_hours_are_over() -> None:
    # Reserved from 08:00 on, there from 08:30: every second of a route would be overtime.
    shift = {"reserved_minutes": 240, "max_overtime": 7200, "available_from": at("08:30")}
    inst = compile_problem(problem([{}], shift=shift)).instance
    assert inst.shift_begin[0] > inst.shift_limit[0]
    cheap = inst._replace(skip_cost=inst.skip_cost * 0 + 1)
    assert solve_exact(cheap)[:2] == ([[]], 1)
    best = best_plan(inst)
    assert best is not None
    assert best[1] == [[0]]
    assert solve_exact(inst).cost == best[0]


def test_a_shift_with_hardly_any_paid_time_is_priced_exactly() -> None:
    # Breaks leave one second: H = 1 s, the load table has 10 chords for each second of work.
    pause = {"earliest": at("08:00"), "latest": at("11:00"), "duration": 14_399}
    shift = {"breaks": [pause], "max_overtime": 3600}
    tickets = [{"duration": 60}, {"duration": 7}]
    inst = compile_problem(problem(tickets, shift=shift)).instance
    assert inst.load_hours.tolist() == [1]
    inst = inst._replace(skip_cost=inst.skip_cost * 1_000_000)
    best = best_plan(inst)
    assert best is not None
    assert sorted(best[1][0]) == [0, 1]
    assert solve_exact(inst).cost == best[0]


def test_prices_beyond_64_bits_are_refused() -> None:
    inst = three_tickets()
    pieces = inst.time_cost.copy()
    pieces[0, 0] = 0, 0, 2**55
    with pytest.raises(UnsupportedRuleError, match="prices per hour"):
        solve_exact(inst._replace(time_cost=pieces))


def test_names_are_given_only_when_asked_for() -> None:
    inst = three_tickets()
    named, plain = build_model(inst, named=True), build_model(inst)
    assert named.variables.start[2].name == "start[2]"
    assert named.variables.shifts[0].empty.name == "empty[0]"
    assert not any(variable.name for variable in plain.model.proto.variables)
