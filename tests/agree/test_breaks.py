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
from tests.strategies import break_problems
from tests.twin import plan_cost

if TYPE_CHECKING:
    from dispatchopt.models import Problem

MORE = settings(max_examples=5 * settings.default.max_examples)
"""These problems are tiny."""


@MORE
@given(break_problems())
def test_every_order_is_scheduled_and_priced_alike(problem: Problem) -> None:
    compiled = compile_problem(problem)
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
def test_cpsat_finds_the_brute_force_optimum(problem: Problem) -> None:
    inst = compile_problem(problem).instance
    best = best_plan(inst)
    assert best is not None
    assert solve_exact(inst).cost == best[0]
