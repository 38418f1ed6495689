from __future__ import annotations

import pytest

from dispatchopt.forms import TRAVEL
from tests.builders import cost, engineer, forms, free, orders, problem, shift, ticket

TICKETS = [ticket("t", "a", 30), ticket("u", "b", 30)]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (3600, 2400),  # 600 s out, 600 s on, 1200 s home, at a unit for each second
        (0, 0),
        (50, 9 + 9 + 17),  # 8.33, 8.33 and 16.67: each leg is rounded up, not their sum
    ],
)
def test_every_leg_counts_the_first_and_the_last_too(rate: int, expected: int) -> None:
    task = problem(TICKETS, policy=free(travel_per_hour=rate))
    assert cost(task, orders(s="t u"), "travel") == expected
    assert forms(task).rates[TRAVEL] == rate


def test_no_way_home_and_no_visits_cost_nothing() -> None:
    crew = [engineer("e", shift(end_place=None))]
    task = problem(TICKETS, crew, policy=free(travel_per_hour=3600))
    assert cost(task, orders(s="t u"), "travel") == 1200  # home -> a -> b
    assert cost(task, orders(s=""), "travel") == 0


def test_from_another_start_place() -> None:
    crew = [engineer("e", shift(start_place="b", end_place="b"))]
    task = problem(TICKETS, crew, policy=free(travel_per_hour=3600))
    assert cost(task, orders(s="t"), "travel") == 1200  # b -> a -> b
    assert cost(task, orders(s="u"), "travel") == 0
