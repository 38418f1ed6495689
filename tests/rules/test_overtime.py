from __future__ import annotations

import pytest

from dispatchopt.forms import OVERTIME
from tests.builders import cost, engineer, forms, free, orders, problem, shift, ticket, window

# The shift ends at 16:00 less 60 reserved minutes: overtime from 15:00, until 16:00.
CREW = [engineer("e", shift(reserved_minutes=60, max_overtime=3600))]


@pytest.mark.parametrize(
    ("opens", "expected"),
    [
        ("13:50", 0),  # ends at 14:50, home at 15:00 exactly
        ("13:50:01", 2),  # a second at 5400 per hour: 1.5
        ("14:20", 2700),  # home at 15:30: half an hour
        ("14:50", 5400),  # home at 16:00, all the overtime allowed
    ],
)
def test_counts_from_the_shifts_end_less_the_reserved_minutes(opens: str, expected: int) -> None:
    tickets = [ticket("t", "a", windows=[window(opens, "15:59")])]
    task = problem(tickets, CREW, policy=free(overtime_per_hour=5400))
    assert cost(task, orders(s="t"), "overtime") == expected
    assert forms(task).rates[OVERTIME] == 5400


def test_a_route_without_visits_has_none() -> None:
    reserved = [engineer("e", shift(reserved_minutes=480))]
    task = problem([ticket("t")], reserved, policy=free(overtime_per_hour=5400))
    assert cost(task, orders(s=""), "overtime") == 0
