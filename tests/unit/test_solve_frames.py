"""A plan as a pandas frame, through the method that users call."""

from __future__ import annotations

import dispatchopt as do


def test_plan_to_frame_has_one_row_for_each_visit() -> None:
    problem = do.generate(tickets=12, seed=1)
    plan = do.solve(problem, iterations=50, threads=1).plan
    frame = plan.to_frame(problem)
    visits = [visit.ticket_id for route in plan.routes for visit in route.visits]
    assert frame["ticket_id"].tolist() == visits
    assert str(frame["start"].dt.tz) == problem.timezone
    assert set(plan.to_frame().columns) <= set(frame.columns)
