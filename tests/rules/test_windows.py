from __future__ import annotations

from typing import Any

import pytest

from dispatchopt.checker import check
from dispatchopt.forms import FOREVER
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Plan
from tests.builders import (
    at,
    faults,
    forms,
    orders,
    problem,
    reason,
    route,
    sec,
    ticket,
    visit,
    window,
)


@pytest.mark.parametrize(
    ("windows", "start"),
    [
        ([window("09:00", "10:00")], "09:00"),  # waits for it to open
        ([window("08:10", "08:10")], "08:10"),  # open and close are included
        ([window("07:00", "08:10")], "08:10"),  # closes as the engineer arrives
        ([window("11:00", "12:00"), window("07:00", "08:09")], "11:00"),  # the first is over
        ([], "08:10"),
    ],
)
def test_service_starts_as_soon_as_a_window_allows(windows: object, start: str) -> None:
    compiled = compile_problem(problem([ticket("t", "a", windows=windows)]))
    plan = decode(compiled, [[0]])
    assert plan.routes[0].visits[0].start == at(start)
    assert check(compiled.problem, plan).is_valid


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("08:59:59", [("windows", "t", "s")]),
        ("09:00", []),
        ("10:00", []),
        ("10:00:01", [("windows", "t", "s")]),
    ],
)
def test_kept_broken_and_exactly_on_the_boundary(start: str, expected: object) -> None:
    task = problem([ticket("t", "a", minutes=30, windows=[window("09:00", "10:00")])])
    seconds = sec(start) + 1800
    end = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    plan = Plan(routes=[route("s", visit("t", "08:00", "08:10", start, end), end="12:00")])
    assert faults(task, plan) == expected


def test_too_late_for_every_window_is_broken() -> None:
    task = problem([ticket("t", "a", windows=[window("07:00", "08:09:59")])])
    assert faults(task, orders(s="t")) == [("windows", "t", "s")]


def test_an_appointment_replaces_the_windows() -> None:
    promised = ticket(
        "t", "a", windows=[window("08:00", "09:00")], appointment=window("13:00", "15:00")
    )
    form = forms(problem([promised]))
    assert form.window.tolist() == [[[sec("13:00"), sec("15:00")]]]


@pytest.mark.parametrize("field", ["earliest", "known_at"])
def test_service_does_not_start_before_earliest_or_known_at(field: str) -> None:
    release: dict[str, Any] = {field: at("09:30")}
    windows = [window("08:00", "10:00")]
    form = forms(problem([ticket("t", "a", windows=windows, **release)]))
    assert form.window.tolist() == [[[sec("09:30"), sec("10:00")]]]
    open_end = forms(problem([ticket("t", "a", **release)]))
    assert open_end.window.tolist() == [[[sec("09:30"), FOREVER]]]


def test_lowered_sorted_merged_and_padded() -> None:
    many = [window("13:00", "14:00"), window("09:00", "10:00"), window("10:00", "11:00")]
    task = problem([ticket("t", windows=many), ticket("u"), ticket("v", windows=many[:1])])
    form = forms(task)
    # 09:00 to 10:00 and 10:00 to 11:00 share a second: one window.
    assert form.num_windows.tolist() == [2, 1, 1]
    assert form.window[0].tolist() == [[sec("09:00"), sec("11:00")], [sec("13:00"), sec("14:00")]]
    assert form.window[1].tolist() == [[0, FOREVER], [FOREVER, FOREVER]]
    assert form.window[2].tolist() == [[sec("13:00"), sec("14:00")], [FOREVER, FOREVER]]


def test_windows_before_the_release_fall_away() -> None:
    early = ticket("t", windows=[window("08:00", "09:00")], earliest=at("09:00:01"))
    task = problem([early])
    assert forms(task).num_windows.tolist() == [0]
    assert faults(task, orders(s="t")) == [("windows", "t", "s")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"windows": [window("18:00", "20:00")]}, "NO_SHIFT_IN_WINDOW"),
        ({"windows": [window("08:00", "10:00", day=1)]}, "WINDOW_OUTSIDE_HORIZON"),
        ({"windows": [window("00:00", "02:00", day=1)]}, "WINDOW_OUTSIDE_HORIZON"),
        ({"windows": [window("23:59:59", "23:59:59")]}, "NO_SHIFT_IN_WINDOW"),
        ({"appointment": window("08:00", "10:00", day=-1)}, "WINDOW_OUTSIDE_HORIZON"),
        ({"earliest": at("08:00", day=1)}, "WINDOW_OUTSIDE_HORIZON"),
        ({"windows": [window("08:00", "09:00")], "earliest": at("10:00")}, "WINDOW_INVERTED"),
        (
            {"windows": [{"open": at("20:00", -1), "close": at("00:00")}], "earliest": at("01:00")},
            "WINDOW_INVERTED",
        ),
        ({"windows": [window("08:00", "24:00", day=-1)]}, "NO_SHIFT_IN_WINDOW"),
    ],
)
def test_the_reason_says_where_the_windows_lie(fields: dict[str, Any], code: str) -> None:
    assert reason(problem([ticket("t", **fields)]), "windows") == code
