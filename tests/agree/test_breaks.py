"""Breaks where they are hard to place: twin, schedule, checker and CP-SAT agree on all orders."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from hypothesis import given, settings

from dispatchopt.checker import check_in
from dispatchopt.errors import InternalError
from dispatchopt.instance import compile_problem, decode
from dispatchopt.solvers.cpsat import solve_exact
from tests.brute_force import best_plan
from tests.small import at, problem
from tests.strategies import break_problems
from tests.twin import plan_cost

if TYPE_CHECKING:
    from dispatchopt.models import Problem

MORE = settings(max_examples=5 * settings.default.max_examples)
"""These problems are tiny."""


@MORE
@given(break_problems())
def test_every_order_is_scheduled_and_priced_alike(drawn: Problem) -> None:
    compiled = compile_problem(drawn)
    count = compiled.instance.num_tickets
    for order in (o for size in range(count + 1) for o in permutations(range(count), size)):
        cost = plan_cost(compiled.instance, [order])
        try:
            plan = decode(compiled, [order])
        except InternalError:
            assert cost is None
            continue
        report = check_in(compiled.ctx, plan)
        assert report.is_valid, report.violations
        assert report.cost.total == cost


@MORE
@given(break_problems())
def test_cpsat_finds_the_brute_force_optimum(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    best = best_plan(inst)
    assert best is not None
    assert solve_exact(inst).cost == best[0]


def test_the_later_break_may_come_first_on_a_leg() -> None:
    # One leg, 08:00 on. The long break may begin until 09:30, the short one at 08:30 only:
    # short 08:30-08:45, long 08:45-09:45, the way takes 15 min of 08:00-08:30. Start 09:45.
    # Long first would last until 09:00, too late for the short one; neither may be left out, for
    # the visit alone ends at 09:45 after the short one.
    breaks = [
        {"earliest": at("08:00"), "latest": at("09:30"), "duration": 3600},
        {"earliest": at("08:30"), "latest": at("08:30"), "duration": 900},
    ]
    compiled = compile_problem(
        problem([{"duration": 3600}], shift={"breaks": breaks, "end_place": None})
    )
    plan = decode(compiled, [[0]])
    assert plan.routes[0].visits[0].start == at("09:45")
    assert check_in(compiled.ctx, plan).cost.total == plan_cost(compiled.instance, [[0]])
    assert solve_exact(compiled.instance).cost == plan_cost(compiled.instance, [[0]])
