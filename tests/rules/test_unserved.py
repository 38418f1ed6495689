from __future__ import annotations

from typing import Any

import pytest

from dispatchopt.errors import InvalidProblemError
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
)


@pytest.mark.parametrize(
    ("prices", "fields", "expected"),
    [
        ({"unserved_cost": {3: 1000, 1: 9}}, {}, 1000),
        ({"unserved_per_hour": {3: 7200}}, {"duration": 1800}, 3600),
        ({"unserved_per_hour": {3: 1}}, {"duration": 1}, 1),  # rounded up
        # Whole days from the report to the start of the horizon, or the nights carried over.
        ({"age_per_day": 100}, {"reported_at": at("12:00", day=-3)}, 200),
        ({"age_per_day": 100}, {"reported_at": at("00:00", day=-3)}, 300),
        ({"age_per_day": 100}, {"reported_at": at("00:00:01", day=-3)}, 200),
        ({"age_per_day": 100}, {"reported_at": at("12:00", day=-3), "carried_over": 5}, 500),
        ({"age_per_day": 100}, {"reported_at": at("10:00")}, 0),
        # As if it ended with the horizon, 24 h after its start.
        ({"delay_per_hour": {3: 100}}, {}, 2400),
        ({"delay_per_hour": {3: 100}}, {"earliest": at("06:00")}, 1800),
        ({"late_cost": {3: 500}, "late_per_hour": {3: 1000}}, {"due": at("20:00")}, 4500),
        ({"late_cost": {3: 500}, "late_per_hour": {3: 1000}}, {"due": at("20:00", day=-1)}, 28_500),
        # Due at the horizon's end or later: no lateness, and the delay counts until then.
        ({"late_cost": {3: 500}, "late_per_hour": {3: 1000}}, {"due": at("00:00", day=1)}, 0),
        ({"late_cost": {3: 500}}, {"due": at("23:59:59")}, 500),
        ({"delay_per_hour": {3: 100}}, {"due": at("06:00", day=1)}, 3000),
    ],
)
def test_each_part_of_the_price(
    prices: dict[str, Any], fields: dict[str, Any], expected: int
) -> None:
    task = problem([ticket("t", **fields)], policy=free(**prices))
    assert cost(task, orders(), "unserved") == expected
    assert cost(task, orders(s="t"), "unserved") == 0
    assert forms(task).skip_cost.tolist() == [expected]


def test_the_parts_add_up() -> None:
    policy = free(
        unserved_cost={2: 1000},
        unserved_per_hour={2: 600},
        age_per_day=10,
        delay_per_hour={2: 100},
        late_cost={2: 50},
        late_per_hour={2: 200},
    )
    old = ticket("t", minutes=90, priority=2, reported_at=at("00:00", day=-2), due=at("18:00"))
    # 1000 + 1.5 x 600 + 2 x 10 + 24 x 100 + 50 + 6 x 200
    task = problem([old], policy=policy)
    assert cost(task, orders(), "unserved") == 5570
    assert forms(task).skip_cost.tolist() == [5570]


def test_the_planned_duration_counts_whoever_would_come() -> None:
    policy = free(unserved_per_hour={3: 3600})
    task = problem([ticket("t", minutes=60)], [engineer(duration_percent=150)], policy=policy)
    assert cost(task, orders(), "unserved") == 3600


def test_tickets_that_their_status_keeps_out_cost_nothing() -> None:
    tickets = [ticket(s, status=s) for s in ("parked", "done", "cancelled")]
    task = problem(tickets, policy=free(unserved_cost={3: 1000}))
    assert cost(task, orders(), "unserved") == 0


EVERY_LEVEL = [ticket(f"p{p}", minutes=60, priority=p) for p in (1, 2, 3, 4)]
TEN = {"unserved_cost": dict.fromkeys((1, 2, 3, 4), 10), "priorities": "lexicographic"}


@pytest.mark.parametrize(
    ("fields", "held", "expected"),
    [
        # Eight hours would hold eight visits of an hour; there are four tickets.
        ({}, 4, [850, 210, 50, 10]),
        # Three hours hold three: 10 + 3 x 10, 10 + 3 x 40, 10 + 3 x 130.
        ({"end": "11:00"}, 3, [400, 130, 40, 10]),
        ({"end": "10:59:59"}, 2, [150, 70, 30, 10]),
        ({"end": "10:30", "max_overtime": 1800}, 3, [400, 130, 40, 10]),
        ({"max_visits": 2}, 2, [150, 70, 30, 10]),
        # Not even one visit fits: each level still stands above the next.
        ({"end": "08:30"}, 1, [40, 30, 20, 10]),
    ],
)
def test_lexicographic_levels_outweigh_all_that_a_shift_could_hold(
    fields: dict[str, Any], held: int, expected: list[int]
) -> None:
    task = problem(EVERY_LEVEL, [engineer("e", shift(**fields))], policy=free(**TEN))
    assert cost(task, orders(), "unserved") == sum(expected)
    assert forms(task).skip_cost.tolist() == expected
    for dearer, cheaper in zip(expected, expected[1:], strict=False):
        assert dearer > held * cheaper


def test_lexicographic_outweighs_the_dearest_of_the_levels_below() -> None:
    tickets = [
        ticket("p2", minutes=60, priority=2),
        ticket("p3", minutes=60, priority=3),
        ticket("short", minutes=60, priority=4),
        ticket("long", minutes=120, priority=4),
    ]
    policy = free(**TEN, unserved_per_hour={4: 5, 3: 0, 2: 0, 1: 0})
    # 15 and 20 for the P4s; eight hours, four tickets: 10 + 4 x 20, 10 + 4 x 90.
    assert forms(problem(tickets, policy=policy)).skip_cost.tolist() == [370, 90, 15, 20]


def test_lexicographic_takes_the_quickest_engineer_for_what_a_shift_could_hold() -> None:
    quick = [
        engineer("e1", shift("s1", end="10:00")),
        engineer("e2", shift("s2", end="10:00"), duration_percent=50),
    ]
    # Two hours hold four visits of half an hour.
    task = problem(EVERY_LEVEL, quick, policy=free(**TEN))
    assert forms(task).skip_cost.tolist() == [850, 210, 50, 10]


def test_lexicographic_prices_that_would_lose_exactness_are_refused() -> None:
    # 200 visits of a minute fit: 2^40 for a P4, and about 200 times as much for each level up.
    many = [ticket(f"t{i}", minutes=1, priority=1 + i % 4) for i in range(200)]
    prices = {**TEN, "unserved_cost": dict.fromkeys((1, 2, 3, 4), 2**40 - 1)}
    with pytest.raises(InvalidProblemError, match="no longer be exact"):
        forms(problem(many, policy=free(**prices)))
