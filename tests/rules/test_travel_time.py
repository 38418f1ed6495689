from __future__ import annotations

import pytest

from dispatchopt.models import Plan
from tests.builders import (
    engineer,
    faults,
    forms,
    orders,
    problem,
    reason,
    route,
    shift,
    table,
    ticket,
    visit,
)

ONE = problem([ticket("t", "a")])
# home -> a takes 10 minutes; service of an hour; a -> home takes 10 minutes.
ON_TIME = visit("t", "08:00", "08:10", "08:10", "09:10")


def test_a_way_of_exactly_its_time_is_kept() -> None:
    assert faults(ONE, Plan(routes=[route("s", ON_TIME, end="09:20")])) == []


@pytest.mark.parametrize(
    ("stop", "end"),
    [
        (visit("t", "08:00", "08:09:59", "08:10", "09:10"), "09:20"),  # 599 s for 600 s there
        (visit("t", "08:00:01", "08:10", "08:10", "09:10"), "09:20"),
        (ON_TIME, "09:19:59"),  # 599 s for 600 s home
        (visit("t", "08:00", "08:10:01", "08:10", "09:10"), "09:20"),  # starts before it arrives
    ],
)
def test_a_second_less_is_broken(stop: object, end: str) -> None:
    plan = Plan(routes=[route("s", stop, end=end)])  # type: ignore[arg-type]
    assert faults(ONE, plan) == [("travel_time", "t", "s")]


def test_leaving_before_the_last_service_ends_is_broken() -> None:
    task = problem([ticket("t1", "a"), ticket("t2", "b")])
    # t1 ends at 09:10, a -> b takes 10 minutes: there at 09:20 when leaving at once.
    plan = Plan(
        routes=[
            route(
                "s",
                visit("t1", "08:00", "08:10", "08:10", "09:10"),
                visit("t2", "09:09:59", "09:20", "09:20", "10:20"),
                end="10:40",
            )
        ]
    )
    assert faults(task, plan) == [("travel_time", "t2", "s")]


def test_a_break_on_the_way_needs_time_of_its_own() -> None:
    # 5 minutes of way, 30 of break, 5 of way: exactly 40.
    late = visit("t", "08:00", "08:40", "08:40", "09:40")
    kept = route("s", late, end="09:50", breaks=[("08:05", "08:35")])
    assert faults(ONE, Plan(routes=[kept])) == []
    longer = route("s", late, end="09:50", breaks=[("08:05", "08:35:01")])
    assert faults(ONE, Plan(routes=[longer])) == [("travel_time", "t", "s")]


def test_waiting_is_allowed_before_and_after_the_way() -> None:
    plan = Plan(routes=[route("s", visit("t", "08:30", "08:50", "09:15", "10:15"), end="10:45")])
    assert faults(ONE, plan) == []


@pytest.mark.parametrize("pair", [("home", "a"), ("a", "home")])
def test_no_way_there_or_home_is_broken(pair: tuple[str, str]) -> None:
    task = problem([ticket("t", "a")], travel=table(no_way=(pair,)))
    assert ("travel_time", "t", "s") in faults(task, orders(s="t"))
    assert reason(task, "travel_time") == "NO_ENGINEER_WITHIN_TRAVEL"


def test_a_shift_that_ends_anywhere_needs_no_way_home() -> None:
    crew = [engineer("e", shift(end_place=None))]
    task = problem([ticket("t", "a")], crew, travel=table(no_way=(("a", "home"),)))
    assert faults(task, orders(s="t")) == []
    assert forms(task).end_place.tolist() == [-1]


def test_lowered_to_seconds_places_and_profiles() -> None:
    slow = {"home": 0, "a": 25}
    travel = {
        "kind": "profiles",
        "profiles": {"van": table({"home": 0, "a": 10}), "bike": table(slow)},
    }
    crew = [
        engineer("e1", shift("s1"), travel_profile="bike"),
        engineer("e2", shift("s2", start_place="a")),
    ]
    task = problem([ticket("t", "a")], crew, travel=travel)
    form = forms(task)
    home, a = int(form.end_place[0]), int(form.place[0])
    assert form.start_place.tolist() == [home, a]
    assert form.end_place.tolist() == [home, home]
    # 25 minutes by bike, 10 by the default profile, the van.
    assert form.travel[form.profile_of[0], home, a] == 1500
    assert form.travel[form.profile_of[1], a, home] == 600
    fast = visit("t", "08:00", "08:10", "08:10", "09:10")
    assert faults(task, Plan(routes=[route("s1", fast, end="09:35")])) == [
        ("travel_time", "t", "s1")
    ]
