from __future__ import annotations

from typing import Any

import pytest

from dispatchopt.checker import check
from tests.builders import (
    at,
    cost,
    engineer,
    forms,
    free,
    orders,
    problem,
    shift,
    ticket,
    window,
)

POLICY = free(broken_promise_cost=1000)
OWN = {"assigned_engineer": "e", "assigned_start": at("09:00")}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"appointment": window("09:00", "11:00")}, 1000),
        ({"lock": "engineer", **OWN}, 1000),
        ({"lock": "visit", **OWN}, 1000),
        ({"lock": "visit", "appointment": window("09:00", "11:00"), **OWN}, 1000),  # once
        ({"windows": [window("09:00", "11:00")]}, 0),  # offered, not confirmed
        ({"assigned_engineer": "e"}, 0),  # a lock of kind none
        ({"appointment": window("09:00", "11:00"), "status": "parked"}, 0),
    ],
)
def test_leaving_out_a_promised_ticket_costs(fields: dict[str, Any], expected: int) -> None:
    task = problem([ticket("t", **fields)], policy=POLICY)
    assert cost(task, orders(), "broken_promise") == expected
    assert cost(task, orders(), "unserved") == 0
    assert check(task, orders()).broken_promises == (("t",) if expected else ())
    if task.tickets[0].is_plannable:
        assert forms(task).skip_cost.tolist() == [expected]
        assert cost(task, orders(s="t"), "broken_promise") == 0


def test_each_broken_promise_counts() -> None:
    tickets = [ticket(t, appointment=window("09:00", "11:00")) for t in ("t", "u", "v")]
    task = problem(tickets, policy=POLICY)
    assert cost(task, orders(s="u"), "broken_promise") == 2000
    assert check(task, orders(s="u")).broken_promises == ("t", "v")


def test_no_shift_full_of_unpromised_tickets_outweighs_a_promise() -> None:
    crew = [engineer("e", shift(end="11:00"))]
    tickets = [
        ticket("kept", priority=4, appointment=window("09:00", "11:00")),
        *(ticket(f"p{i}", minutes=60, priority=1) for i in range(5)),
    ]
    # Three hours hold three visits of an hour; 3 x 900 = 2700 > 1000.
    task = problem(
        tickets, crew, policy=free(broken_promise_cost=1000, unserved_cost={1: 900, 4: 7})
    )
    assert cost(task, orders(), "broken_promise") == 2700
    assert forms(task).skip_cost.tolist() == [2707, *[900] * 5]
    # Exactly as much is enough, more stays as it is.
    for asked, expected in [(2699, 2700), (2700, 2700), (2701, 2701)]:
        dear = task.model_copy(
            update={"policy": free(broken_promise_cost=asked, unserved_cost={1: 900})}
        )
        assert cost(dear, orders(), "broken_promise") == expected


def test_a_cost_of_zero_switches_the_rule_off() -> None:
    promised = ticket("t", appointment=window("09:00", "11:00"))
    task = problem([promised, ticket("u")], policy=free(unserved_cost={3: 900}))
    assert cost(task, orders(), "broken_promise") == 0
    assert check(task, orders()).broken_promises == ("t",)


@pytest.mark.parametrize(
    ("appointment", "expected"),
    [
        (window("23:59", "23:59"), 1000),  # the horizon ends at midnight
        (window("00:00", "02:00", 1), 0),  # the next plan will keep it
    ],
)
def test_only_what_opens_within_the_horizon_is_promised(
    appointment: dict[str, Any], expected: int
) -> None:
    task = problem([ticket("t", appointment=appointment)], policy=POLICY)
    assert cost(task, orders(), "broken_promise") == expected
    assert check(task, orders()).broken_promises == (("t",) if expected else ())
    assert forms(task).skip_cost.tolist() == [expected]
