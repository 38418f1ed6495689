from __future__ import annotations

from typing import Any

import pytest

from dispatchopt.models import Policy
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
    window,
)

POLICY = free(margin_minutes=30, margin_per_hour=3600)


def promised(opens: str = "09:00", closes: str = "12:00", **fields: Any) -> Any:
    return ticket("t", "a", 60, appointment=window(opens, closes), **fields)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # The first shift begins at 08:00, 4 h before the close: the margin is 30 x 2 = 60 minutes.
        ("10:59", 0),
        ("11:00", 0),  # exactly at the margin
        ("11:00:01", 1),
        ("11:30", 1800),
        ("12:00", 3600),
    ],
)
def test_kept_broken_and_exactly_on_the_boundary(start: str, expected: int) -> None:
    # u is there at 08:10 and lasts until t is to begin, at the same place.
    before = ticket("u", "a").model_copy(update={"duration": sec(start) - sec("08:10")})
    task = problem([promised(), before], policy=POLICY)
    assert cost(task, orders(s="u t"), "window_margin") == expected


@pytest.mark.parametrize(
    ("closes", "seconds"),
    [
        ("09:00", 1800),  # an hour after the shift begins
        ("12:00", 3600),  # four
        ("10:00", 2545),  # two: 1800 x 1.41421 = 2545.58, rounded down
        ("08:00", 0),
    ],
)
def test_the_margin_grows_with_the_root_of_the_hours_before(closes: str, seconds: int) -> None:
    form = forms(problem([promised("05:00", closes)], policy=POLICY))
    # Ends at the close less the margin, plus an hour on site; paid from there on.
    assert form.time_cost.tolist() == [[[sec(closes) - seconds + 3600, 0, 3600]]]


def test_the_margin_is_no_longer_than_the_window() -> None:
    form = forms(problem([promised("11:30", "12:00")], policy=POLICY))
    assert form.time_cost[0, 0, 0] == sec("11:30") + 3600
    task = problem([promised("11:30", "12:00")], policy=POLICY)
    assert cost(task, orders(s="t"), "window_margin") == 0  # begins when it opens


def test_the_first_shift_that_is_on_counts() -> None:
    roster = [
        engineer("e", shift("s", "09:00", "16:00")),
        engineer("f", shift("r", "08:00", "10:00")),  # over before the window opens
        engineer("g", shift("q", "08:00", "16:00", day=1)),
    ]
    task = problem([promised("11:00", "13:00")], roster, days=2, policy=POLICY)
    # 4 h from 09:00 to 13:00.
    assert forms(task).time_cost[0, 0, 0] == sec("12:00") + 3600


def test_by_day_the_hours_count_from_now() -> None:
    task = problem([promised("11:00", "13:00")], policy=POLICY, now=at("12:00"))
    # One hour from 12:00 to 13:00.
    assert forms(task).time_cost[0, 0, 0] == sec("12:30") + 3600


def test_an_engineer_of_another_pace_is_held_to_the_planned_duration() -> None:
    slow = [engineer("e", duration_percent=150)]
    task = problem([promised("11:00", "12:00")], slow, policy=POLICY)
    # Begins at 11:00, ends at 12:30, which is as late as a planned start at 11:30.
    assert cost(task, orders(s="t"), "window_margin") == 1800


@pytest.mark.parametrize("lock", ["visit", "started"])
def test_fixed_visits_are_facts(lock: str) -> None:
    fixed = promised(lock=lock, assigned_engineer="e", assigned_start=at("11:59"))
    task = problem([fixed], policy=POLICY, now=at("12:00") if lock == "started" else None)
    assert cost(task, orders(s="t"), "window_margin") == 0
    assert not forms(task).time_cost[..., 1:].any()


def test_windows_that_nobody_promised_are_free() -> None:
    task = problem([ticket("t", windows=[window("09:00", "12:00")])], policy=POLICY)
    assert not forms(task).time_cost.size


def test_windows_in_which_nobody_works_have_no_margin() -> None:
    assert not forms(problem([promised("18:00", "20:00")], policy=POLICY)).time_cost.size


def test_switched_off() -> None:
    assert not forms(problem([promised()], policy=free(margin_minutes=30))).time_cost.size
    city_day = Policy(preset="city_day")
    assert (city_day.margin_minutes, city_day.margin_per_hour) == (0, 0)


def test_a_break_goes_where_it_leaves_margin() -> None:
    # u lasts from 08:10 to 09:10. With the break right after it t begins at 10:10, in the margin
    # of 30 x sqrt(3) = 51 minutes before 11:00; with the break after t, at 09:10.
    tickets = [promised("09:00", "11:00"), ticket("u", "a", 60)]
    roster = [engineer("e", shift(breaks=(pause("09:00", "11:30", 60),)))]
    task = problem(tickets, roster, policy=POLICY)
    assert cost(task, orders(s="u t"), "window_margin") == 0


def test_balanced_asks_for_half_an_hour_at_two_hours_an_hour() -> None:
    policy = Policy()
    assert (policy.margin_minutes, policy.margin_per_hour) == (30, 7200)
