from __future__ import annotations

from tests.builders import blocked, engineer, faults, orders, problem, reason, shift, ticket

CREW = [engineer("e1", shift("s1")), engineer("e2", shift("s2", members=2))]


def test_kept_broken_and_exactly_on_the_boundary() -> None:
    tickets = [ticket(f"c{size}", crew_size=size) for size in (1, 2, 3)]
    task = problem(tickets, CREW)
    assert faults(task, orders(s1="c1")) == []
    assert faults(task, orders(s1="c2")) == [("crew", "c2", "s1")]  # 2 people, 1 on the shift
    assert faults(task, orders(s2="c1 c2")) == []  # a pair may do small work; 2 are enough for 2
    assert faults(task, orders(s2="c3")) == [("crew", "c3", "s2")]
    assert blocked(task, "crew") == {("c2", "s1"), ("c3", "s1"), ("c3", "s2")}
    assert reason(task, "crew", "c3") == "NEEDS_CREW"
