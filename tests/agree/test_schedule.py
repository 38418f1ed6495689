"""Domain schedules, checker and forms agree on every order of visits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchopt.checker import Report, check, check_in
from dispatchopt.instance import Compiled, compile_problem, decode, encode
from dispatchopt.models import Plan, Problem
from dispatchopt.schedule import schedule_route
from tests.strategies import LINES, problems
from tests.twin import plan_cost, route_cost

Routes = list[list[int]]


@st.composite
def compiled_with_routes(draw: st.DrawFn, *, always: str = "") -> tuple[Compiled, Routes]:
    """Draw a problem and any orders of its tickets; many break a rule."""
    compiled = compile_problem(draw(problems(max_tickets=6, max_shifts=3, always=always)))
    inst = compiled.instance
    routes: Routes = [[] for _ in range(inst.num_shifts)]
    for t in draw(st.permutations(range(inst.num_tickets))):
        allowed = [s for s in range(inst.num_shifts) if not inst.blocked[t, inst.class_of[s]]]
        # Mostly on shifts that may serve it, so that times decide.
        shift = draw(st.sampled_from([*allowed, *allowed, *range(-1, inst.num_shifts)]))
        if shift >= 0:
            routes[shift].append(t)
    return compiled, routes


def has_schedule(compiled: Compiled, routes: Routes) -> bool:
    ctx = compiled.ctx
    orders = [[ctx.tickets[compiled.ticket_ids[t]] for t in route] for route in routes]
    views = [schedule_route(ctx, s, o) for s, o in zip(ctx.shifts.values(), orders, strict=True)]
    return None not in views


def judged(compiled: Compiled, routes: Routes) -> tuple[Plan, Report]:
    plan = decode(compiled, routes)
    return plan, check_in(compiled.ctx, plan)


def orders_only(plan: Plan) -> Plan:
    """Drop every time of a plan."""
    routes = [
        {"shift_id": r.shift_id, "visits": [{"ticket_id": v.ticket_id} for v in r.visits]}
        for r in plan.routes
    ]
    return Plan.model_validate({"routes": routes, "unserved": plan.unserved})


@pytest.mark.parametrize("rule", LINES)
@settings(max_examples=settings.default.max_examples // 2)  # for each rule
@given(data=st.data())
def test_the_checker_prices_a_decoded_plan_as_the_forms_do(rule: str, data: st.DataObject) -> None:
    compiled, routes = data.draw(compiled_with_routes(always=rule))
    cost = plan_cost(compiled.instance, routes)
    if not has_schedule(compiled, routes):
        assert cost is None
        return
    _, report = judged(compiled, routes)
    if cost is None:
        assert not report.is_valid
    else:
        assert report.is_valid, report.violations
        assert report.cost.total == cost


@given(compiled_with_routes())
def test_orders_alone_are_judged_as_the_timed_plan_is(case: tuple[Compiled, Routes]) -> None:
    compiled, routes = case
    if not has_schedule(compiled, routes):
        return
    plan, report = judged(compiled, routes)
    again = check_in(compiled.ctx, orders_only(plan))
    assert again.cost == report.cost
    assert again.violations == report.violations
    assert again.overridden == report.overridden


@given(compiled_with_routes())
def test_orders_without_a_schedule_break_a_rule(case: tuple[Compiled, Routes]) -> None:
    compiled, routes = case
    if has_schedule(compiled, routes):
        return
    ids, shifts = compiled.ticket_ids, compiled.shift_ids
    plan = Plan.model_validate(
        {
            "routes": [
                {"shift_id": s, "visits": [{"ticket_id": ids[t]} for t in route]}
                for s, route in zip(shifts, routes, strict=True)
                if route
            ]
        }
    )
    assert not check_in(compiled.ctx, plan).is_valid


@given(compiled_with_routes())
def test_departures_are_just_in_time(case: tuple[Compiled, Routes]) -> None:
    compiled, routes = case
    if not has_schedule(compiled, routes):
        return
    plan, _ = judged(compiled, routes)
    for route in plan.routes:
        started = compiled.ctx.shifts[route.shift_id].started
        rest: list[tuple[Any, Any]] = [(pause.start, pause.end) for pause in route.breaks]
        for visit in route.visits:
            assert visit.departure and visit.arrival and visit.start and route.start
            assert route.start <= visit.departure
            if visit.ticket_id == started:
                continue
            on_way = [
                min(end, visit.arrival) - max(begin, visit.departure)
                for begin, end in rest
                if end > visit.departure and begin < visit.arrival
            ]
            spent = visit.arrival - visit.departure
            for pause in on_way:
                spent -= pause
            # A second later would be too late.
            assert spent.total_seconds() == visit.travel_seconds
            assert visit.arrival == visit.start


@given(compiled_with_routes())
def test_encoding_undoes_decoding(case: tuple[Compiled, Routes]) -> None:
    compiled, routes = case
    if has_schedule(compiled, routes):
        assert encode(compiled, decode(compiled, routes)) == routes


@given(problems())
def test_an_empty_plan_is_always_feasible(problem: Problem) -> None:
    compiled = compile_problem(problem)
    inst = compiled.instance
    nothing: Routes = [[] for _ in compiled.shift_ids]
    assert None not in [route_cost(inst, s, []) for s in range(inst.num_shifts)]
    report = check(problem, decode(compiled, nothing))
    assert report.is_valid, report.violations
    assert report.cost.total == plan_cost(inst, nothing)
