"""Faults that the agreement tests found, each in its smallest form."""

from __future__ import annotations

from dispatchopt.checker import check_in
from dispatchopt.instance import compile_problem, decode
from tests.small import at, problem


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
