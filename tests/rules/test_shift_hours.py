from __future__ import annotations

from dispatchopt.models import Plan
from tests.builders import (
    at,
    engineer,
    faults,
    forms,
    orders,
    problem,
    reason,
    route,
    sec,
    shift,
    ticket,
    visit,
    window,
)

# 16:00 less 60 reserved minutes, and 30 minutes of overtime: back at home by 15:30.
CREW = [engineer("e", shift(reserved_minutes=60, max_overtime=1800))]


def test_back_home_exactly_at_the_end_with_overtime() -> None:
    # Starts at 14:20, an hour of service, 10 minutes home: 15:30.
    task = problem([ticket("t", "a", windows=[window("14:20", "15:00")])], CREW)
    assert faults(task, orders(s="t")) == []


def test_a_second_later_is_broken() -> None:
    late = [ticket("t", "a", windows=[window("14:20:01", "15:00")])]
    task = problem(late, CREW)
    assert faults(task, orders(s="t")) == [("shift_hours", "t", "s")]
    assert reason(task, "shift_hours") == "WOULD_CAUSE_OVERTIME"


def test_a_shift_that_ends_anywhere_ends_with_its_last_visit() -> None:
    crew = [engineer("e", shift(end="09:10", end_place=None))]
    # 10 minutes there, an hour of service: 09:10, and no way home.
    assert faults(problem([ticket("t", "a")], crew), orders(s="t")) == []


def test_a_route_begins_with_the_shift_at_the_earliest() -> None:
    task = problem([ticket("t", "a")])
    early = visit("t", "07:59:59", "08:09:59", "08:09:59", "09:09:59")
    assert faults(task, Plan(routes=[route("s", early, end="09:20")])) == [
        ("travel_time", "t", "s"),
        ("shift_hours", None, "s"),
    ]
    # The visit itself may be in order and the route begin too early all the same.
    visited = visit("t", "08:00", "08:10", "08:10", "09:10")
    assert faults(task, Plan(routes=[route("s", visited, start="07:59", end="09:20")])) == [
        ("shift_hours", None, "s")
    ]


def test_begins_at_the_latest_of_start_availability_and_now() -> None:
    crew = [
        engineer("e1", shift("s1")),
        engineer("e2", shift("s2", available_from=at("09:30"))),
        engineer("e3", shift("s3", "10:00")),
    ]
    task = problem([ticket()], crew, now=at("09:00"))
    assert forms(task).shift_begin.tolist() == [sec("09:00"), sec("09:30"), sec("10:00")]


def test_lowered_to_begin_limit_and_hard_end() -> None:
    form = forms(problem([ticket()], CREW))
    assert form.shift_begin.tolist() == [sec("08:00")]
    assert form.shift_limit.tolist() == [sec("15:00")]
    assert form.shift_hard_end.tolist() == [sec("15:30")]


def test_a_shift_that_is_over_or_reserved_wholly_takes_nothing() -> None:
    full = [engineer("e", shift(reserved_minutes=480))]
    assert faults(problem([ticket()], full), orders(s="t")) == [("shift_hours", "t", "s")]
    assert faults(problem([ticket()], full), orders(s="")) == []
    over = problem([ticket()], now=at("16:00"))
    assert faults(over, orders(s="t")) == [("shift_hours", "t", "s")]
