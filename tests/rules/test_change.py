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

CREW = [engineer("e1", shift("s1"), shift("s2", day=1)), engineer("e2", shift("s3"))]


def test_staying_is_free_and_leaving_the_shift_costs() -> None:
    tickets = [ticket("t"), ticket("u"), ticket("new")]
    task = problem(
        tickets,
        CREW,
        days=2,
        policy=free(change_cost=60),
        previous_plan=orders(s1="t u", s3="gone"),
    )
    assert cost(task, orders(s1="u t new"), "change") == 0  # another order is no change
    assert cost(task, orders(s1="u", s2="t"), "change") == 60  # same engineer, another day
    assert cost(task, orders(s3="t u new"), "change") == 120
    assert cost(task, orders(), "change") == 0  # its price is that of leaving it out
    assert assign_cost(task) == {(t, s): 60 for t in ("t", "u") for s in ("s2", "s3")}


def test_without_previous_plan_nothing_changes() -> None:
    task = problem([ticket("t")], policy=free(change_cost=60))
    assert cost(task, orders(s="t"), "change") == 0
    assert assign_cost(task) == {}
