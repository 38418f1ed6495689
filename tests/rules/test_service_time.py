from __future__ import annotations

import pytest

from dispatchopt.models import Plan
from dispatchopt.rules.context import scaled_duration
from tests.builders import engineer, faults, forms, problem, reason, route, shift, ticket, visit


def test_kept_broken_and_exactly_on_the_boundary() -> None:
    # 60 minutes at 150 % are 90: from 08:10 to 09:40.
    task = problem([ticket("t", "a", 60)], [engineer(duration_percent=150)])
    for end, home, expected in [
        ("09:40", "09:50", []),
        ("09:41", "09:51", []),  # longer than planned is allowed
        ("09:39:59", "09:50", [("service_time", "t", "s")]),
    ]:
        plan = Plan(routes=[route("s", visit("t", "08:00", "08:10", "08:10", end), end=home)])
        assert faults(task, plan) == expected


@pytest.mark.parametrize(
    ("seconds", "percent", "expected"),
    [(3600, 100, 3600), (100, 101, 101), (10, 15, 2), (1, 1, 1), (99, 150, 149)],
)
def test_rounded_up_once(seconds: int, percent: int, expected: int) -> None:
    # 10 s at 15 % are 1.5 s, 99 s at 150 % are 148.5 s.
    assert scaled_duration(seconds, percent) == expected


def test_a_ticket_without_duration_takes_the_mean_of_its_fault_type() -> None:
    task = problem([ticket("t", "a", duration=None)])
    assert forms(task).duration.tolist() == [[2400]]  # IPTV_STB: 40 minutes


def test_lowered_by_pace_of_work() -> None:
    crew = [
        engineer("e1", shift("s1"), duration_percent=120),
        engineer("e2", shift("s2")),
        engineer("e3", shift("s3"), duration_percent=120),
    ]
    task = problem([ticket("t", "a", 60), ticket("u", "a", 30)], crew)
    form = forms(task)
    # 3600 s and 1800 s at 120 %: 4320 s and 2160 s.
    assert form.duration[0, form.pace_of].tolist() == [4320, 3600, 4320]
    assert form.duration[1, form.pace_of].tolist() == [2160, 1800, 2160]
    assert form.duration.shape == (2, 2)
    assert reason(task, "service_time") == "NO_SHIFT_IN_WINDOW"
