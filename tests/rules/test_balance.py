from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.forms import BALANCE
from dispatchopt.rules.balance import load_cost
from tests.builders import (
    at,
    cost,
    engineer,
    forms,
    free,
    orders,
    pause,
    problem,
    sec,
    shift,
    ticket,
)

if TYPE_CHECKING:
    from dispatchopt.models import Engineer

POLICY = free(balance_per_hour=3600)

H = 36_000
"""Ten hours: a knot at every full hour."""


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (0, 0),
        (3600, 360),  # W^2 / H = 3600^2 / 36000
        (7200, 1440),
        (9000, 2340),  # half way from 1440 to 3240; the parabola itself has 2250
        (36_000, 36_000),
        (39_600, 43_560),  # 1.1^2 H: overtime goes on rising
        (1, 1),  # 0.1, rounded up
    ],
)
def test_a_parabola_with_a_knot_at_every_tenth(work: int, expected: int) -> None:
    assert load_cost(3600, H, work) == expected


def test_convex_from_second_to_second() -> None:
    # 361 s are no multiple of ten, so the knots fall between seconds; the rate makes a table
    # without rounding (360 000 divides it).
    table = [load_cost(360_000, 361, work) for work in range(800)]
    steps = [after - before for before, after in zip(table, table[1:], strict=False)]
    assert steps == sorted(steps)


def ten_hours(**fields: Any) -> list[Engineer]:
    return [engineer("e", shift("s", "08:00", "18:00", **fields))]


def test_services_and_travel_count_as_work() -> None:
    # 10 minutes out, 2 hours 10 of service, 10 home: 2.5 hours, 9000 s.
    task = problem([ticket("t", "a", 130)], ten_hours(), policy=POLICY)
    assert cost(task, orders(s="t"), "balance") == 2340
    assert cost(task, orders(s=""), "balance") == 0
    assert cost(task, orders(), "balance") == 0


def test_reserved_minutes_count_before_and_the_rest_is_dearer() -> None:
    crew = ten_hours(reserved_minutes=60)
    task = problem([ticket("t", "a", 40)], crew, policy=POLICY)
    # From 1 h to 2 h: 1440 - 360.
    assert cost(task, orders(s="t"), "balance") == 1080
    assert forms(task).load_base.tolist() == [3600]


def test_breaks_are_no_paid_time() -> None:
    crew = [engineer("e", shift("s", "08:00", "18:30", breaks=[pause("12:00", "13:00", 30)]))]
    task = problem([ticket("t", "a", 40)], crew, policy=POLICY)
    assert forms(task).load_hours.tolist() == [H]
    assert cost(task, orders(s="t"), "balance") == 360


def test_past_weeks_count_as_a_share_of_the_shift() -> None:
    crew = [
        engineer("e", shift("s", "08:00", "18:00"), recent_minutes=1200, recent_paid_minutes=2400),
        engineer("f", shift("r", "08:00", "18:00")),
    ]
    task = problem([ticket("t", "a", 40)], crew, policy=POLICY)
    # Half of ten hours: from 5 h to 6 h, 12 960 - 9000. The other engineer: 360.
    assert forms(task).load_base.tolist() == [18_000, 0]
    assert cost(task, orders(s="t"), "balance") == 3960
    assert cost(task, orders(r="t"), "balance") == 360


def test_two_shifts_share_the_work() -> None:
    crew = [
        engineer("e", shift("s", "08:00", "18:00")),
        engineer("f", shift("r", "08:00", "18:00")),
    ]
    task = problem([ticket("t", "a", 40), ticket("u", "a", 100)], crew, policy=POLICY)
    # 1 h and 2 h: 360 + 1440. One takes both: 10 + 40 + 100 + 10 minutes, 2 h 40 min = 9600 s,
    # two thirds from 1440 to 3240.
    assert cost(task, orders(s="t", r="u"), "balance") == 1800
    assert cost(task, orders(s="t u"), "balance") == 2640
    form = forms(task)
    assert form.rates[BALANCE] == 3600
    assert form.load_hours.tolist() == [H, H]


def test_a_wrong_start_long_ago_is_no_load() -> None:
    # Begun in 1990 by mistake: of the visit only what lies within the shift counts.
    begun: dict[str, Any] = {"status": "started", "assigned_engineer": "e"}
    past = datetime(1990, 1, 1, tzinfo=UTC)
    task = problem([ticket("t", **begun, assigned_start=past)], now=at("09:00"))
    instance = forms(task)
    assert instance.load_base.tolist() == [sec("09:00") - sec("08:00")]
