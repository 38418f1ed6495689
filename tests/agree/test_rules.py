"""Every rule of the registry is exercised by the random problems, in both of its faces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

from dispatchopt.checker import check_in
from dispatchopt.forms import FormBuilder
from dispatchopt.instance import compile_problem
from dispatchopt.models import Plan, Route, Visit
from dispatchopt.rules import RULES, Context
from dispatchopt.schedule import route_of, schedule_route
from tests.brute_force import best_plan
from tests.strategies import LINES, problems

if TYPE_CHECKING:
    from dispatchopt.forms import Instance
    from dispatchopt.models import Problem

FIRST_HIT = settings(
    max_examples=500, derandomize=True, database=None, deadline=None, phases=[Phase.generate]
)
"""A fixed sample, searched only until something is found."""

NAMES = sorted(rule.name for rule in RULES)


def test_every_rule_has_its_line() -> None:
    assert sorted(LINES) == NAMES


def lowered_without(ctx: Context, name: str) -> Instance:
    forms = FormBuilder(list(ctx.tickets), list(ctx.shifts))
    for bit, rule in enumerate(RULES):
        forms.rule_bit = bit
        if rule.name != name:
            rule.lower(ctx, forms)
    return forms.build()[0]


def best_cost(inst: Instance) -> int | None:
    best = best_plan(inst)
    return None if best is None else best[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_lowered_rule_changes_some_optimum(name: str) -> None:
    def matters(problem: Problem) -> bool:
        compiled = compile_problem(problem)
        without = best_cost(lowered_without(compiled.ctx, name))
        return best_cost(compiled.instance) != without

    find(problems(max_tickets=3, always=name), matters, settings=FIRST_HIT)


@pytest.mark.parametrize("name", NAMES)
def test_a_checked_rule_breaks_or_prices_some_plan(name: str) -> None:
    def speaks(case: tuple[Context, Plan]) -> bool:
        report = check_in(*case)
        return name in report.cost.by_rule or name in {fault.rule for fault in report.violations}

    find(any_plan(name), speaks, settings=FIRST_HIT)


@st.composite
def any_plan(draw: st.DrawFn, rule: str) -> tuple[Context, Plan]:
    """Draw orders of tickets on shifts, good or bad, the last visit perhaps a second too short."""
    ctx = Context.of(draw(problems(always=rule)))
    orders: dict[str, list[str]] = {shift_id: [] for shift_id in ctx.shifts}
    for ticket_id in draw(st.permutations(sorted(ctx.tickets))):
        shift_id = draw(st.sampled_from([*orders, None]))
        if shift_id is not None:
            orders[shift_id].append(ticket_id)
    routes = []
    for shift_id, order in orders.items():
        view = schedule_route(ctx, ctx.shifts[shift_id], [ctx.tickets[t] for t in order])
        if view is None:
            visits = tuple(Visit(ticket_id=ticket_id) for ticket_id in order)
            routes.append(Route(shift_id=shift_id, visits=visits))
        elif view.stops:
            last = view.stops[-1]
            shorter = last._replace(end=last.end - draw(st.sampled_from((0, 1))))
            routes.append(route_of(ctx, replace(view, stops=(*view.stops[:-1], shorter))))
    return ctx, Plan(routes=tuple(routes))
