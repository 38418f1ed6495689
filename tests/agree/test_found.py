"""Faults that the agreement tests found, each in its smallest form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dispatchopt.checker import check_in
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Problem


def at(clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return datetime(2026, 3, 2, int(hours), int(minutes), tzinfo=UTC)


def problem(
    tickets: list[dict[str, Any]],
    *,
    seconds: list[list[int | None]] | None = None,
    shift: dict[str, Any] | None = None,
    **fields: Any,
) -> Problem:
    """One engineer at place a, 08:00 to 12:00; tickets at place b unless they say otherwise."""
    whole = {"id": "s0", "start": at("08:00"), "end": at("12:00"), **(shift or {})}
    return Problem(
        horizon={"start": at("00:00"), "end": at("23:00")},
        tickets=[
            {"id": f"t{i}", "fault_type": "plain", "place": "b", "priority": 2, **ticket}
            for i, ticket in enumerate(tickets)
        ],
        engineers=[{"id": "e0", "place": "a", "skills": {}, "shifts": [whole]}],
        fault_types=[{"code": "plain", "duration": {"mean": 1800}}],
        travel={
            "kind": "matrix",
            "places": ["a", "b"],
            "seconds": seconds or [[0, 900], [900, 0]],
        },
        **fields,
    )


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
