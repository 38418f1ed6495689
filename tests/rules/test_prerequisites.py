from __future__ import annotations

import pytest

from tests.builders import blocked, faults, orders, problem, reason, ticket


@pytest.mark.parametrize(
    ("status", "is_free"),
    [("done", True), ("cancelled", True), ("open", False), ("parked", False)],
)
def test_waits_until_what_comes_before_is_over(status: str, is_free: bool) -> None:
    first = ticket("first", status=status)
    task = problem([first, ticket("t", after=["first"])])
    assert faults(task, orders(s="t")) == ([] if is_free else [("prerequisites", "t", "s")])
    assert blocked(task, "prerequisites") == (set() if is_free else {("t", "s")})


def test_one_open_of_several_is_enough_to_wait() -> None:
    tickets = [
        ticket("first", status="done"),
        ticket("second"),
        ticket("t", after=["first", "second"]),
        ticket("u", after=[]),
    ]
    task = problem(tickets)
    # Order across the tickets of one plan is not planned yet: serving both keeps t waiting.
    assert faults(task, orders(s="second t u")) == [("prerequisites", "t", "s")]
    assert blocked(task, "prerequisites") == {("t", "s")}
    assert reason(task, "prerequisites") == "PREREQ_UNSCHEDULED"


def test_two_that_wait_for_each_other_both_stay_out() -> None:
    task = problem([ticket("t", after=["u"]), ticket("u", after=["t"])])
    assert blocked(task, "prerequisites") == {("t", "s"), ("u", "s")}
