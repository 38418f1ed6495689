"""Faults that the agreement tests found, each in its smallest form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dispatchopt.checker import check_in
from dispatchopt.errors import InvalidProblemError
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Plan
from tests.small import at, problem
from tests.twin import plan_cost


def test_a_problem_without_plannable_tickets_compiles() -> None:
    compiled = compile_problem(problem([{"status": "parked"}]))
    assert compiled.instance.num_tickets == 0
    plan = decode(compiled, [[]])
    assert [item.ticket_id for item in plan.not_plannable] == ["t0"]
    assert check_in(compiled.ctx, plan).is_valid


def test_a_started_visit_without_a_way_home_ends_the_shift_at_its_last_visit() -> None:
    started = {"status": "started", "assigned_engineer": "e0", "assigned_start": at("08:00")}
    compiled = compile_problem(problem([started], seconds=[[0, 900], [None, 0]]))
    assert compiled.instance.end_place.tolist() == [-1]
    plan = decode(compiled, [[]])
    assert plan.routes[0].end == at("08:30")
    report = check_in(compiled.ctx, plan)
    assert report.is_valid
    assert [item.rule for item in report.overridden] == ["travel_time"]


@pytest.mark.parametrize(
    "policy",
    [
        # 2**40 x 100 days is above 2**63, divided by 3600 it is below 2**53.
        {"delay_per_hour": {2: 2**40 - 1}, "unserved_cost": {2: 0}},
        # 2**40 x 100 hundredths x 4 h is above 2**60, divided by 360 000 it is below 2**53.
        {"balance_per_hour": 2**40 - 1},
    ],
)
def test_prices_whose_products_would_not_fit_into_64_bits_are_refused(
    policy: dict[str, Any],
) -> None:
    late = {"start": at("08:00") + timedelta(days=100), "end": at("12:00") + timedelta(days=100)}
    horizon = {"start": at("00:00"), "end": at("00:00") + timedelta(days=101)}
    wide = problem([{}], shift=late, horizon=horizon, policy={"preset": "city_day", **policy})
    with pytest.raises(InvalidProblemError, match="could reach"):
        compile_problem(wide)


@pytest.mark.parametrize("tight", [{"max_visits": 0}, {"stock": {"ont": 0}}])
def test_a_dropped_pinned_visit_leaves_its_place_in_forms_and_checker(tight: Any) -> None:
    pinned = {"lock": "visit", "assigned_engineer": "e0", "assigned_start": at("11:00")}
    tickets: list[dict[str, Any]] = [{"parts": {"ont": 1}, **pinned}, {"parts": {"ont": 1}}]
    compiled = compile_problem(problem(tickets, shift=tight))
    for route in ([0], [1], [0, 1], [1, 0]):
        report = check_in(compiled.ctx, Plan.model_validate(orders(route)))
        assert report.is_valid == (plan_cost(compiled.instance, [route]) is not None)


def orders(route: list[int]) -> dict[str, Any]:
    return {"routes": [{"shift_id": "s0", "visits": [{"ticket_id": f"t{t}"} for t in route]}]}
