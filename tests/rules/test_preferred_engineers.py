from __future__ import annotations

from tests.builders import (
    assign_cost,
    cost,
    engineer,
    free,
    orders,
    problem,
    shift,
    ticket,
)

CREW = [engineer(f"e{i}", shift(f"s{i}")) for i in (1, 2, 3)]


def test_somebody_else_costs_once_for_each_visit() -> None:
    tickets = [
        ticket("t", preferred_engineers=["e1"]),
        ticket("u", preferred_engineers=["e2", "e1"]),
        ticket("v"),
        ticket("w", preferred_engineers=[]),
    ]
    task = problem(tickets, CREW, policy=free(not_preferred_cost=40))
    assert cost(task, orders(s1="t u v w"), "preferred_engineers") == 0
    assert cost(task, orders(s2="t u v w"), "preferred_engineers") == 40
    assert cost(task, orders(s3="t u v w"), "preferred_engineers") == 80
    assert assign_cost(task) == {("t", "s2"): 40, ("t", "s3"): 40, ("u", "s3"): 40}


def test_preferring_somebody_who_is_not_there_costs_everywhere() -> None:
    task = problem(
        [ticket("t", preferred_engineers=["e9"])], CREW, policy=free(not_preferred_cost=40)
    )
    assert cost(task, orders(s1="t"), "preferred_engineers") == 40
    # It is a price, not a limit: leaving the ticket out does not cost it.
    assert cost(task, orders(), "preferred_engineers") == 0
