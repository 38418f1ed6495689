from __future__ import annotations

from tests.builders import (
    at,
    blocked,
    engineer,
    faults,
    forms,
    orders,
    problem,
    reason,
    shift,
    ticket,
)

TICKETS = [ticket(name, minutes=30) for name in ("t", "u", "v")]


def test_kept_broken_and_exactly_on_the_boundary() -> None:
    task = problem(TICKETS, [engineer("e", shift(max_visits=2))])
    assert faults(task, orders(s="t")) == []
    assert faults(task, orders(s="t u")) == []
    assert faults(task, orders(s="t u v")) == [("max_visits", "v", "s")]
    form = forms(task)
    assert form.demand.tolist() == [[1], [1], [1]]
    assert form.capacity.tolist() == [[2]]
    assert blocked(task, "max_visits") == set()


def test_none_at_all_and_no_limit() -> None:
    crew = [engineer("e1", shift("s1", max_visits=0)), engineer("e2", shift("s2"))]
    task = problem(TICKETS, crew)
    assert faults(task, orders(s1="t")) == [("max_visits", "t", "s1")]
    assert faults(task, orders(s2="t u v")) == []
    assert blocked(task, "max_visits") == {("t", "s1"), ("u", "s1"), ("v", "s1")}
    assert forms(task).capacity.tolist() == [[0], [2**30]]
    assert reason(task, "max_visits") == "CAPACITY_FULL"


def test_the_started_visit_counts() -> None:
    started = ticket(
        "now", status="started", assigned_engineer="e", assigned_start=at("08:00"), minutes=30
    )
    task = problem([started, *TICKETS], [engineer("e", shift(max_visits=2))], now=at("08:10"))
    assert faults(task, orders(s="now t")) == []
    assert faults(task, orders(s="now t u")) == [("max_visits", "u", "s")]
    assert forms(task).capacity.tolist() == [[1]]
