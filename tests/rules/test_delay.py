from __future__ import annotations

from typing import Any

import pytest

from tests.builders import at, cost, forms, free, orders, problem, sec, ticket


@pytest.mark.parametrize(
    ("fields", "release", "expected"),
    [
        # There at 08:10, ends at 09:10: 9 h 10 min from the start of the horizon.
        ({}, "00:00", 33_000),
        # Starts at 09:00, ends at 10:00, an hour from its release.
        ({"earliest": at("09:00")}, "09:00", 3600),
        ({"known_at": at("09:00")}, "09:00", 3600),
        ({"earliest": at("09:00"), "known_at": at("08:30")}, "09:00", 3600),
        ({"known_at": at("08:00"), "earliest": at("06:00")}, "08:00", 4200),
        # Known before the horizon: it counts from the horizon's start.
        ({"known_at": at("00:00", day=-2)}, "00:00", 33_000),
    ],
)
def test_counts_from_release_to_the_end_of_service(
    fields: dict[str, Any], release: str, expected: int
) -> None:
    policy = free(delay_per_hour={3: 3600})
    task = problem([ticket("t", "a", **fields)], policy=policy)
    assert cost(task, orders(s="t"), "delay") == expected
    assert forms(task).time_cost.tolist() == [[[sec(release), 0, 3600]]]


def test_by_priority_and_rounded_up_for_each_ticket() -> None:
    tickets = [ticket("t", "home", priority=1), ticket("u", "home", priority=4)]
    task = problem(tickets, policy=free(delay_per_hour={1: 100, 4: 1}))
    # Ends at 09:00 and 10:00: 9 x 100 and 10 x 1. The other way round: 10 x 100 and 9.
    assert cost(task, orders(s="t u"), "delay") == 910
    assert cost(task, orders(s="u t"), "delay") == 1009
    # Ends a second after 09:00: 9.0003 is rounded up to 10.
    odd = problem([ticket("u", "home", duration=3601)], policy=free(delay_per_hour={3: 1}))
    assert cost(odd, orders(s="u"), "delay") == 10


def test_a_ticket_left_out_has_no_delay() -> None:
    task = problem([ticket("t")], policy=free(delay_per_hour={3: 3600}))
    assert cost(task, orders(), "delay") == 0
