from __future__ import annotations

from typing import Any

import pytest

from tests.builders import blocked, engineer, faults, free, orders, problem, reason, ticket


@pytest.mark.parametrize(
    ("fields", "is_allowed"),
    [
        ({"territories": ["north"]}, True),
        ({"territories": ["south"], "helper_territories": ["north"]}, True),
        ({"territories": ["south"]}, False),
        ({"territories": []}, False),  # empty: none
        ({}, True),  # absent: goes anywhere
    ],
)
def test_own_helped_foreign_and_untracked(fields: dict[str, Any], is_allowed: bool) -> None:
    task = problem([ticket("t", territory="north")], [engineer(**fields)])
    assert faults(task, orders(s="t")) == ([] if is_allowed else [("territory", "t", "s")])
    assert blocked(task, "territory") == (set() if is_allowed else {("t", "s")})
    assert reason(task, "territory") == "NO_ENGINEER_IN_TERRITORY"


def test_a_ticket_without_territory_is_everybodys() -> None:
    task = problem([ticket("t")], [engineer(territories=[])])
    assert faults(task, orders(s="t")) == []
    assert blocked(task, "territory") == set()


def test_open_priorities_may_be_served_by_anybody() -> None:
    tickets = [ticket(f"p{p}", territory="north", priority=p) for p in (1, 2, 3)]
    crew = [engineer(territories=["south"])]
    task = problem(tickets, crew, policy=free(territory_open_to=(1, 2)))
    # Exactly the priorities named: 2 is open, 3 is not.
    assert faults(task, orders(s="p1 p2")) == []
    assert faults(task, orders(s="p3")) == [("territory", "p3", "s")]
    assert blocked(task, "territory") == {("p3", "s")}
