from __future__ import annotations

import pytest

from dispatchopt.forms import FOREVER
from tests.builders import at, cost, forms, free, orders, problem, sec, ticket

POLICY = free(late_cost={2: 500}, late_per_hour={2: 1000})


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        # There at 08:10, ends at 09:10.
        ("09:11", 0),
        ("09:10", 0),  # exactly on time
        ("09:09:59", 501),  # 500 once and 1000 / 3600 = 0.28, rounded up
        ("08:10", 1500),  # an hour late
        ("08:09:59", 1501),
        ("00:00", 500 + 9167),  # 33 000 s late: 9166.67
    ],
)
def test_kept_broken_and_exactly_on_the_boundary(due: str, expected: int) -> None:
    task = problem([ticket("t", "a", priority=2, due=at(due))], policy=POLICY)
    assert cost(task, orders(s="t"), "lateness") == expected


def test_without_due_nothing_is_late() -> None:
    task = problem([ticket("t", priority=2)], policy=POLICY)
    assert cost(task, orders(s="t"), "lateness") == 0


def test_lowered_to_a_jump_and_a_rate_after_due() -> None:
    tickets = [
        ticket("t", priority=2, due=at("09:00")),
        ticket("u", priority=2),
        ticket("v", priority=3, due=at("09:00")),  # free of charge
        ticket("w", priority=2, due=at("20:00", day=-1)),  # overdue before the horizon
    ]
    form = forms(problem(tickets, policy=POLICY))
    assert form.time_cost.tolist() == [
        [[sec("09:00"), 500, 1000]],
        [[FOREVER, 0, 0]],
        [[FOREVER, 0, 0]],
        [[-4 * 3600, 500, 1000]],
    ]
