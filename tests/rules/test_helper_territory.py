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


def test_own_is_free_and_every_visit_elsewhere_costs() -> None:
    crew = [
        engineer("e1", shift("s1"), territories=["north"], helper_territories=["south"]),
        engineer("e2", shift("s2")),  # goes anywhere: all is own
    ]
    tickets = [
        ticket("n", territory="north"),
        ticket("s", territory="south"),
        ticket("w", territory="west", priority=1),
        ticket("x"),
    ]
    policy = free(helper_territory_cost=700, territory_open_to=(1,))
    task = problem(tickets, crew, policy=policy)
    assert cost(task, orders(s1="n x"), "helper_territory") == 0
    assert cost(task, orders(s1="s"), "helper_territory") == 700
    # An open priority outside of both costs as much as helping out.
    assert cost(task, orders(s1="n s w"), "helper_territory") == 1400
    assert cost(task, orders(s2="n s w x"), "helper_territory") == 0
    assert assign_cost(task) == {("s", "s1"): 700, ("w", "s1"): 700}
