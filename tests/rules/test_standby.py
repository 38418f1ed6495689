from __future__ import annotations

from tests.builders import blocked, engineer, faults, orders, problem, reason, shift, ticket

TICKETS = [ticket(f"p{p}", minutes=30, priority=p) for p in (1, 2, 3, 4)]


def test_kept_broken_and_exactly_on_the_boundary() -> None:
    task = problem(TICKETS, [engineer("e", shift(min_priority=2))])
    # Priority 2 is exactly urgent enough, 1 is more urgent, 3 and 4 are not.
    assert faults(task, orders(s="p1 p2")) == []
    assert faults(task, orders(s="p2 p3 p4")) == [("standby", "p3", "s"), ("standby", "p4", "s")]
    assert blocked(task, "standby") == {("p3", "s"), ("p4", "s")}
    assert reason(task, "standby", "p3") == "STANDBY_ONLY"


def test_each_level_of_standby_has_its_own_limit() -> None:
    crew = [
        engineer("e1", shift("s1", min_priority=1)),
        engineer("e2", shift("s2", min_priority=4)),
        engineer("e3", shift("s3")),
    ]
    task = problem(TICKETS, crew)
    assert blocked(task, "standby") == {("p2", "s1"), ("p3", "s1"), ("p4", "s1")}
