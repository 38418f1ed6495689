"""Service limits: every preset around its cut-offs, worked by hand.

2026-11-23 is a Monday. Shanghai is UTC+8 all year; London UTC+0 in winter, UTC+1 from 29 March to
25 October 2026; Sydney UTC+11 from 4 October 2026, UTC+10 before.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dispatchopt as do
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.limits import (
    LimitPreset,
    apply_limits,
    contact_by,
    load_limit_preset,
    preset_names,
)
from dispatchopt.limits.apply import checked_settings
from dispatchopt.limits.calendars import Calendar
from dispatchopt.limits.due import with_parked
from dispatchopt.models import Problem, Span
from tests.unit.raw_data import raw_problem, raw_ticket

ZONES = {
    "cn_": "Asia/Shanghai", "leased": "Asia/Shanghai", "openreach": "Europe/London",
    "uk_": "Europe/London", "au_": "Australia/Sydney", "de_": "Europe/Berlin",
    "us_": "America/Los_Angeles",
}  # fmt: skip


def zone_of(preset: str) -> str:
    return next(zone for start, zone in ZONES.items() if preset.startswith(start))


def local(text: str, zone: str, fold: int = 0) -> datetime:
    """Read ``2026-11-23 16:00:00`` as a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def problem_of(zone: str, *tickets: dict[str, Any], **changed: Any) -> Problem:
    return Problem.model_validate(raw_problem(timezone=zone, tickets=list(tickets), **changed))


def due(
    preset: str | LimitPreset,
    reported: str | datetime | None,
    *,
    zone: str | None = None,
    parked: tuple[tuple[str, str], ...] = (),
    holidays: tuple[str, ...] = (),
    **fields: Any,
) -> str | None:
    """Local due of one ticket, None if there is none."""
    zone = zone or zone_of(preset if isinstance(preset, str) else preset.name)
    when = local(reported, zone) if isinstance(reported, str) else reported
    spans = [{"start": local(start, zone), "end": local(end, zone)} for start, end in parked]
    ticket = raw_ticket(parked=spans, **fields) | ({} if when is None else {"reported_at": when})
    found = apply_limits(problem_of(zone, ticket), preset=preset, holidays=holidays)
    (one,) = found.problem.tickets
    assert (one.due is None) == bool(found.warnings)
    assert found.computed == (() if one.due is None else ("T1",))
    return None if one.due is None else f"{one.due.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


# --- China ---


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        # 30 November 15:20:10 + 48 h = 2 December 15:20:10; + 72 h = 3 December.
        ("urban", "2026-12-02 15:20:10"),
        ("rural", "2026-12-03 15:20:10"),
        ("remote", "2026-12-03 15:20:10"),
    ],
)
def test_china_by_statute_counts_hours_over_the_end_of_a_month(area: str, expected: str) -> None:
    assert due("cn_statutory", "2026-11-30 15:20:10", area_class=area) == expected


@pytest.mark.parametrize(
    ("fault_type", "expected"),
    [
        ("VOICE_POTS", "2026-11-25 08:00:00"),  # VOICE
        ("ENT_LEASED_DOWN", "2026-11-25 08:00:00"),  # LEASED: the outer bound
        ("WIFI_ROUTER", None),  # CPE
        ("INDOOR_WIRELESS", None),  # MOBILE
    ],
)
def test_china_by_statute_by_fault_class(fault_type: str, expected: str | None) -> None:
    got = due("cn_statutory", "2026-11-23 08:00:00", area_class="urban", fault_type=fault_type)
    assert got == expected


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-23 00:00:00", "2026-11-23 23:59:59"),
        ("2026-11-23 15:59:59", "2026-11-23 23:59:59"),
        ("2026-11-23 16:00:00", "2026-11-24 16:00:00"),  # within 24 h
        ("2026-11-23 16:00:01", "2026-11-24 16:00:01"),
        ("2026-11-30 23:59:59", "2026-12-01 23:59:59"),
        ("2026-12-31 15:59:59", "2026-12-31 23:59:59"),
    ],
)
def test_telecom_same_day(reported: str, expected: str) -> None:
    assert due("cn_telecom_same_day", reported, area_class="urban") == expected


def test_telecom_promises_nothing_in_the_country() -> None:
    assert due("cn_telecom_same_day", "2026-11-23 08:00:00", area_class="rural") is None


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-23 15:59:59", "2026-11-23 23:59:59"),
        ("2026-11-23 16:00:00", "2026-11-24 23:59:59"),  # the next day's end, not 24 h
        ("2026-11-30 16:00:00", "2026-12-01 23:59:59"),
        ("2028-02-28 23:59:59", "2028-02-29 23:59:59"),
    ],
)
def test_unicom_same_day(reported: str, expected: str) -> None:
    assert due("cn_unicom_same_day", reported) == expected


@pytest.mark.parametrize("preset", ["cn_unicom_same_day", "leased_line_4h"])
def test_leased_lines_have_four_hours_at_any_time(preset: str) -> None:
    # 21:30 + 4 h = 01:30 of the next day; the cut-off at 16:00 does not matter.
    got = due(preset, "2026-11-23 21:30:00", fault_type="ENT_LEASED_DEGRADED")
    assert got == "2026-11-24 01:30:00"
    assert (due(preset, "2026-11-23 21:30:00") is None) == (preset == "leased_line_4h")


@pytest.mark.parametrize(
    ("tier", "hours"), [("5", 24), ("4星", 24), (" 五星".strip(), 24), ("3", 48), ("普通", 48)]
)
def test_unicom_complaints_by_stars(tier: str, hours: int) -> None:
    expected = f"2026-11-{23 + hours // 24} 12:00:00"
    assert due("cn_unicom_complaint", "2026-11-23 12:00:00", customer_tier=tier) == expected


def test_the_cut_off_is_local_wherever_the_time_was_written() -> None:
    # 07:59:59 UTC is 15:59:59 in Shanghai, 08:00:00 UTC is 16:00:00.
    before = datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC)
    assert due("cn_unicom_same_day", before) == "2026-11-23 23:59:59"
    assert due("cn_unicom_same_day", before + timedelta(seconds=1)) == "2026-11-24 23:59:59"


# --- United Kingdom ---


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-23 00:00:00", "2026-11-25 23:59:00"),  # Monday: Wednesday
        ("2026-11-25 23:59:59", "2026-11-27 23:59:00"),  # Wednesday: Friday
        ("2026-11-26 00:00:00", "2026-11-30 23:59:00"),  # Thursday: Friday, Monday
        ("2026-11-27 09:00:00", "2026-12-01 23:59:00"),  # Friday: Monday, Tuesday
        ("2026-11-28 09:00:00", "2026-12-01 23:59:00"),  # Saturday: Monday, Tuesday
        ("2026-11-29 23:59:59", "2026-12-01 23:59:00"),  # Sunday: the same
    ],
)
def test_openreach_1(reported: str, expected: str) -> None:
    assert due("openreach_l1", reported) == expected


def test_openreach_1_over_christmas() -> None:
    # Thursday 24 December 2026; 25th and Monday 28th are holidays, 26th and 27th a weekend:
    # Tuesday 29th is the first working day, Wednesday 30th the second.
    holidays = ("2026-12-25", "2026-12-28")
    got = due("openreach_l1", "2026-12-24 10:00:00", holidays=holidays)
    assert got == "2026-12-30 23:59:00"
    assert due("openreach_l1", "2026-12-24 10:00:00") == "2026-12-28 23:59:00"


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-27 23:59:59", "2026-11-28 23:59:00"),  # Friday: Saturday counts
        ("2026-11-28 00:00:00", "2026-11-30 23:59:00"),  # Saturday: Monday
        ("2026-11-29 12:00:00", "2026-11-30 23:59:00"),  # Sunday: Monday
    ],
)
def test_openreach_2(reported: str, expected: str) -> None:
    assert due("openreach_l2", reported) == expected


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-28 12:59:59", "2026-11-28 23:59:00"),  # Saturdays count
        ("2026-11-28 13:00:00", "2026-11-28 23:59:00"),  # by 13:00 includes it
        ("2026-11-28 13:00:01", "2026-11-29 12:59:00"),
        ("2026-11-30 18:00:00", "2026-12-01 12:59:00"),
    ],
)
def test_openreach_3(reported: str, expected: str) -> None:
    assert due("openreach_l3", reported) == expected


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-28 22:00:00", "2026-11-29 04:00:00"),
        # Clocks go forward at 01:00 on 29 March: 22:00 + 6 h is 05:00 on the clock.
        ("2026-03-28 22:00:00", "2026-03-29 05:00:00"),
        # Clocks go back at 02:00 on 25 October: 22:00 + 6 h is 03:00 on the clock.
        ("2026-10-24 22:00:00", "2026-10-25 03:00:00"),
    ],
)
def test_openreach_4_counts_hours_as_they_pass(reported: str, expected: str) -> None:
    assert due("openreach_l4", reported) == expected


def test_the_repeated_hour_counts_by_what_passes() -> None:
    # 01:30 on 25 October happens twice in London: 00:30 UTC and 01:30 UTC; + 6 h.
    for fold, expected in ((0, "2026-10-25 06:30:00"), (1, "2026-10-25 07:30:00")):
        reported = local("2026-10-25 01:30:00", "Europe/London", fold)
        assert due("openreach_l4", reported) == expected


def test_a_day_of_23_or_25_hours_ends_on_the_clock() -> None:
    # Level 3, Saturday 28 March after 13:00: 12:59 of the short Sunday, 11:59 UTC.
    assert due("openreach_l3", "2026-03-28 13:30:00") == "2026-03-29 12:59:00"
    problem = problem_of(
        "Europe/London",
        raw_ticket(reported_at=local("2026-03-28 13:30:00", "Europe/London")),
    )
    (ticket,) = apply_limits(problem, preset="openreach_l3").problem.tickets
    assert ticket.due == datetime(2026, 3, 29, 11, 59, tzinfo=UTC)


def test_uk_compensation_after_two_full_working_days() -> None:
    assert due("uk_auto_compensation", "2026-11-27 09:00:00") == "2026-12-01 23:59:59"


# --- Australia, Germany, California ---


@pytest.mark.parametrize(
    ("reported", "area", "expected"),
    [
        ("2026-11-23 09:00:00", "urban", "2026-11-24 23:59:59"),
        ("2026-11-23 09:00:00", "rural", "2026-11-25 23:59:59"),
        ("2026-11-23 09:00:00", "remote", "2026-11-26 23:59:59"),
        ("2026-11-27 23:59:59", "urban", "2026-11-30 23:59:59"),  # Friday: Monday
        ("2026-11-28 00:00:00", "urban", "2026-11-30 23:59:59"),  # Saturday: Monday
        ("2026-11-28 00:00:00", "remote", "2026-12-02 23:59:59"),  # Mon, Tue, Wednesday
        ("2026-11-26 09:00:00", "rural", "2026-11-30 23:59:59"),  # Thursday: Friday, Monday
    ],
)
def test_australia(reported: str, area: str, expected: str) -> None:
    assert due("au_csg", reported, area_class=area) == expected


def test_australia_over_a_holiday_and_the_change_of_clocks() -> None:
    # Friday 2 October 2026; clocks go forward on Sunday 4th; Monday 5th is Labour Day: Tuesday
    # 6th ends at 23:59:59 UTC+11 = 12:59:59 UTC.
    zone = "Australia/Sydney"
    problem = problem_of(
        zone, raw_ticket(reported_at=local("2026-10-02 09:00:00", zone), area_class="urban")
    )
    found = apply_limits(problem, preset="au_csg", holidays=[date(2026, 10, 5)])
    assert found.problem.tickets[0].due == datetime(2026, 10, 6, 12, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2026-11-23 00:00:00", "2026-11-25 23:59:59"),
        ("2026-11-23 23:59:59", "2026-11-25 23:59:59"),
        ("2026-11-28 12:00:00", "2026-11-30 23:59:59"),  # weekends count
        # Clocks go back on 25 October in Berlin: the day ends by the clock.
        ("2026-10-23 12:00:00", "2026-10-25 23:59:59"),
    ],
)
def test_germany(reported: str, expected: str) -> None:
    assert due("de_tkg", reported) == expected


def window(opens: str, closes: str) -> dict[str, datetime]:
    zone = "America/Los_Angeles"
    return {"open": local(opens, zone), "close": local(closes, zone)}


def test_california_counts_from_the_window_agreed() -> None:
    # The window opens at 08:00; service begins by 12:00 and lasts 50 min (FTTH_WEAK_LIGHT).
    agreed = window("2026-11-23 08:00:00", "2026-11-23 12:00:00")
    assert due("us_ca_4h", None, appointment=agreed) == "2026-11-23 12:50:00"
    assert due("us_ca_4h", None, appointment=agreed, duration=600) == "2026-11-23 12:10:00"
    assert due("us_ca_4h", "2026-11-20 08:00:00") is None


def test_a_window_wider_than_allowed_is_a_warning() -> None:
    for close, count in (("2026-11-23 12:00:00", 0), ("2026-11-23 12:00:01", 1)):
        ticket = raw_ticket(appointment=window("2026-11-23 08:00:00", close))
        found = apply_limits(problem_of("America/Los_Angeles", ticket), preset="us_ca_4h")
        assert [issue.field for issue in found.warnings] == ["appointment"] * count


# --- Parked times ---


@pytest.mark.parametrize(
    ("parked", "expected"),
    [
        ((), "2026-11-25 10:00:00"),
        # Before the report: nothing. Across it: from the report on, 1 h.
        ((("2026-11-23 08:00:00", "2026-11-23 10:00:00"),), "2026-11-25 10:00:00"),
        ((("2026-11-23 08:00:00", "2026-11-23 11:00:00"),), "2026-11-25 11:00:00"),
        # Across midnight: 22:00 to 08:00 are 10 h.
        ((("2026-11-23 22:00:00", "2026-11-24 08:00:00"),), "2026-11-25 20:00:00"),
        # Overlapping: 12:00 to 15:00 once, 3 h; the order does not matter.
        (
            (
                ("2026-11-23 13:00:00", "2026-11-23 15:00:00"),
                ("2026-11-23 12:00:00", "2026-11-23 14:00:00"),
            ),
            "2026-11-25 13:00:00",
        ),
        # Begins when the limit ends: too late.
        ((("2026-11-25 10:00:00", "2026-11-26 10:00:00"),), "2026-11-25 10:00:00"),
        ((("2026-11-25 09:59:59", "2026-11-26 10:00:00"),), "2026-11-26 10:00:01"),
        # The first hour moves the end to 11:00, so the second stretch begins before it.
        (
            (
                ("2026-11-24 10:00:00", "2026-11-24 11:00:00"),
                ("2026-11-25 10:30:00", "2026-11-25 12:30:00"),
            ),
            "2026-11-25 13:00:00",
        ),
    ],
)
def test_parked_times_stop_the_clock(parked: Any, expected: str) -> None:
    got = due("cn_statutory", "2026-11-23 10:00:00", area_class="urban", parked=parked)
    assert got == expected


def test_parked_across_midnight_moves_a_days_end() -> None:
    # By 23:59:59. At 22:00 the clock stops with 1:59:59 left, at 08:00 it goes on.
    parked = (("2026-11-23 22:00:00", "2026-11-24 08:00:00"),)
    got = due("cn_unicom_same_day", "2026-11-23 10:00:00", parked=parked)
    assert got == "2026-11-24 09:59:59"


quarters = st.integers(0, 40)


@settings(max_examples=50)
@given(st.lists(st.tuples(quarters, st.integers(1, 8)), max_size=4), st.integers(1, 16))
def test_parked_time_as_counted_quarter_by_quarter(
    stretches: list[tuple[int, int]], limit: int
) -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)

    def at(quarter: int) -> datetime:
        return start + timedelta(minutes=15 * quarter)

    spans = [Span(start=at(a), end=at(a + length)) for a, length in stretches]
    halted = {quarter for a, length in stretches for quarter in range(a, a + length)}
    left, quarter = limit, 0
    while left:
        left -= quarter not in halted
        quarter += 1
    assert with_parked(start, at(limit), spans) == at(quarter)


# --- What cannot be told ---


def warnings_of(preset: str, *tickets: dict[str, Any], **options: Any) -> list[Issue]:
    problem = problem_of(zone_of(preset), *tickets)
    return list(apply_limits(problem, preset=preset, **options).warnings)


@pytest.mark.parametrize(
    ("preset", "fields", "field", "words"),
    [
        ("cn_statutory", {"area_class": "urban"}, "reported_at", "when it was reported"),
        ("cn_statutory", {"reported_at": "2026-11-23T08:00:00Z"}, "area_class", "default_area"),
        ("cn_unicom_complaint", {"reported_at": "2026-11-23T08:00:00Z"}, "customer_tier", "tier"),
        ("cn_unicom_same_day", {}, "reported_at", "when it was reported"),
        ("us_ca_4h", {}, "appointment", "agree an appointment"),
    ],
)
def test_what_cannot_be_told_is_a_warning_of_the_ticket(
    preset: str, fields: dict[str, Any], field: str, words: str
) -> None:
    (issue,) = warnings_of(preset, raw_ticket(**fields))
    assert (issue.kind, issue.id, issue.field) == ("ticket", "T1", field)
    assert words in issue.message
    assert preset in issue.message


def test_a_fault_type_without_a_class_is_told() -> None:
    own = {"code": "OWN", "duration": {"mean": 60}}
    ticket = raw_ticket(fault_type="OWN", reported_at="2026-11-23T08:00:00Z", area_class="urban")
    problem = problem_of("Asia/Shanghai", ticket, fault_types=[own])
    (issue,) = apply_limits(problem, preset="cn_statutory").warnings
    assert (issue.field, issue.value) == ("fault_type", "OWN")
    assert "repair_limit_class" in issue.message
    # The same day's rule does not ask for the class in the town.
    assert not apply_limits(problem, preset="cn_telecom_same_day").warnings


def test_tickets_without_a_limit_are_counted_once() -> None:
    tickets = [raw_ticket(f"T{n}", fault_type="WIFI_ROUTER") for n in range(5)]
    (issue,) = warnings_of("cn_statutory", *tickets)
    assert (issue.kind, issue.field) == ("problem", "limits.preset")
    assert "5 tickets have no limit" in issue.message
    assert "T0, T1, T2 and 2 more" in issue.message
    assert "excluded by the regulation" in issue.message


def test_what_is_done_needs_no_limit() -> None:
    assert not warnings_of("cn_statutory", raw_ticket(status="done"))


def test_given_dues_win() -> None:
    given_due = "2026-11-23T09:00:00+08:00"
    ticket = raw_ticket(due=given_due, reported_at="2026-11-23T08:00:00+08:00", area_class="urban")
    problem = problem_of("Asia/Shanghai", ticket)
    found = apply_limits(problem, preset="cn_statutory")
    assert found.problem == problem
    assert found.computed == ()


def test_a_default_area_stands_in() -> None:
    tickets = [
        raw_ticket("A", reported_at="2026-11-23T08:00:00+08:00"),
        raw_ticket("B", reported_at="2026-11-23T08:00:00+08:00", area_class="rural"),
    ]
    problem = problem_of("Asia/Shanghai", *tickets)
    found = apply_limits(problem, preset="cn_statutory", default_area="urban")
    hours = [(t.due - t.reported_at) / timedelta(hours=1) for t in found.problem.tickets]  # type: ignore[operator]
    assert hours == [48, 72]


def test_local_rules_in_utc_and_forgotten_holidays_are_warnings() -> None:
    ticket = raw_ticket(reported_at="2026-11-23T08:00:00Z")
    found = apply_limits(problem_of("UTC", ticket), preset="openreach_l1")
    assert [issue.field for issue in found.warnings] == ["timezone", "limits.holidays"]
    # Six hours are six hours anywhere.
    assert not apply_limits(problem_of("UTC", ticket), preset="openreach_l4").warnings


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"preset": "cn_statutary"}, "limits.preset", "did you mean 'cn_statutory'?"),
        ({"preset": "openreach_l1", "holidays": ["2026-13-01"]}, "limits.holidays[0]", "month"),
        ({"preset": "au_csg", "default_area": "suburban"}, "limits.default_area", "urban"),
        ({"preset": {"name": "x", "source": "y", "rules": []}}, "limits.preset.rules", "at least"),
    ],
)
def test_faulty_settings(options: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        apply_limits(problem_of("UTC", raw_ticket()), **options)
    (issue,) = caught.value.issues
    assert (issue.kind, issue.field) == ("problem", field)
    assert words in issue.message


# --- Presets as data ---


def test_every_preset_is_documented_and_named() -> None:
    page = (Path(__file__).parents[2] / "docs/limits.md").read_text("utf-8")
    assert len(preset_names()) == 13
    for name in preset_names():
        preset = load_limit_preset(name)
        assert preset.title and preset.title_zh and preset.source
        assert f"| `{name}` |" in page


def test_the_settings_of_the_page_are_some() -> None:
    page = (Path(__file__).parents[2] / "docs/limits.md").read_text("utf-8")
    blocks = [block for block in re.findall(r"```\n(.*?)```", page, re.S) if "[limits" in block]
    first, second = (checked_settings(tomllib.loads(block)["limits"]) for block in blocks)
    assert first.preset.name == "cn_statutory"
    assert first.holidays == (date(2026, 10, 1), date(2026, 10, 2))
    assert [rule.limit.kind for rule in second.preset.rules] == ["day_end", "day_end", "elapsed"]


def test_own_preset_in_full() -> None:
    own = LimitPreset.model_validate(
        {
            "name": "own",
            "source": "contract 7",
            "weekend": ["sun"],
            "rules": [
                {
                    "tiers": ["Gold"],
                    "reported_before": "12:00",
                    "limit": {"kind": "day_end", "days": 0, "counting": "working", "at": "18:00"},
                },
                {"tiers": ["gold"], "limit": {"kind": "elapsed", "hours": 12}},
            ],
        }
    )
    zone = "Asia/Shanghai"
    # Sunday 29 November is no working day: Monday 18:00.
    got = due(own, "2026-11-29 11:59:59", zone=zone, customer_tier="gold")
    assert got == "2026-11-30 18:00:00"
    assert due(own, "2026-11-29 12:00:00", zone=zone, customer_tier="GOLD") == "2026-11-30 00:00:00"
    assert due(own, "2026-11-29 12:00:00", zone=zone, customer_tier="Silver") is None


@pytest.mark.parametrize("text", ["16:00+08:00", "25:00", "16:00:00.5", "noon"])
def test_a_cut_off_is_a_plain_time_of_day(text: str) -> None:
    rule = {"reported_before": text, "limit": {"kind": "elapsed", "hours": 1}}
    with pytest.raises(ValueError, match="time of day"):
        LimitPreset.model_validate({"name": "x", "source": "y", "rules": [rule]})


def test_a_week_has_a_working_day() -> None:
    rule = {"limit": {"kind": "elapsed", "hours": 1}}
    week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    with pytest.raises(ValueError, match="working day"):
        LimitPreset.model_validate({"name": "x", "source": "y", "weekend": week, "rules": [rule]})


@pytest.mark.parametrize(
    ("preset", "days", "expected"),
    [
        # CNY 10 a day, 100 at most.
        ("cn_telecom_same_day", 0, 0), ("cn_telecom_same_day", 3, 30),
        ("cn_telecom_same_day", 10, 100), ("cn_telecom_same_day", 11, 100),
        # EUR 5 on the first two days late (the third and fourth of the fault), then 10.
        ("de_tkg", 2, 10), ("de_tkg", 3, 20),
        ("us_ca_4h", 3, 0),
    ],
)  # fmt: skip
def test_money_of_lateness(preset: str, days: int, expected: float) -> None:
    lateness = load_limit_preset(preset).lateness
    assert lateness is not None
    assert lateness.amount(days) == expected


def test_first_contact() -> None:
    released = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert contact_by("cn_unicom_same_day", released) == released + timedelta(minutes=30)
    assert contact_by("cn_statutory", released) is None
    assert contact_by("cn_statutory", released, minutes=45) == released + timedelta(minutes=45)
    with pytest.raises(InvalidProblemError, match="no such preset"):
        contact_by("cn", released)


def test_where_midnight_is_repeated_the_day_ends_with_the_second() -> None:
    # Havana puts clocks back at 01:00 on 1 November 2026: 00:30 happens at 04:30 and 05:30 UTC.
    calendar = Calendar(ZoneInfo("America/Havana"))
    moment = calendar.moment(date(2026, 11, 1), time(0, 30))
    assert moment == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_the_names_are_public() -> None:
    assert do.apply_limits is apply_limits
    assert do.contact_by is contact_by
    assert do.LimitPreset is LimitPreset


# --- At the doors ---

TICKETS = (
    "工单号,故障类型,经度,纬度,受理时间,区域类型,挂起时段\n"
    "A,BB_SLOW,121.5,31.2,2026-11-22 15:59:59,城区,\n"
    "B,BB_SLOW,121.5,31.2,2026-11-22 16:00,农村,2026-11-22 17:00/18:30\n"
    "C,BB_SLOW,121.5,31.2,,城区,\n"
)


def csv_folder(path: Path, settings: str, tickets: str = TICKETS) -> Path:
    path.mkdir()
    (path / "policy.toml").write_text(f'timezone = "Asia/Shanghai"\n{settings}', "utf-8")
    (path / "tickets.csv").write_text(tickets, "utf-8")
    (path / "engineers.csv").write_text("工号,技能,经度,纬度\nE1,-,121.4,31.1\n", "utf-8")
    (path / "shifts.csv").write_text(
        "工号,上班时间,下班时间\nE1,2026-11-23 08:00,2026-11-23 17:00\n", "utf-8"
    )
    return path


def test_a_folder_names_its_preset(tmp_path: Path) -> None:
    path = csv_folder(tmp_path / "in", '[limits]\npreset = "cn_statutory"\n')
    intake = do.read_folder(path)
    zone = ZoneInfo("Asia/Shanghai")
    dues = [t.due and f"{t.due.astimezone(zone):%d %H:%M:%S}" for t in intake.problem.tickets]
    # 48 h; 72 h and 1:30 parked; not reported.
    assert dues == ["24 15:59:59", "25 17:30:00", None]
    (issue,) = intake.warnings
    assert (issue.file, issue.line, issue.id, issue.field) == ("tickets.csv", 4, "C", "受理时间")


def test_frames_name_their_preset(tmp_path: Path) -> None:
    path = csv_folder(tmp_path / "in", "")
    frames = do.problem_to_frames(do.read_folder(path).problem)._asdict()
    found = do.problem_from_frames(**frames, limits="cn_unicom_same_day")
    assert [t.due is not None for t in found.problem.tickets] == [True, True, False]
    assert [(issue.id, issue.line) for issue in found.warnings] == [("C", 3)]
    with pytest.raises(InvalidProblemError, match="did you mean 'de_tkg'"):
        do.problem_from_frames(**frames, limits={"preset": "de_tkq"})


def test_faults_of_the_settings_stand_beside_all_others(tmp_path: Path) -> None:
    table = '[limits]\npreset = "au_csg"\nholiday = []\n'
    path = csv_folder(tmp_path / "in", table, TICKETS.replace("121.5", "x"))
    with pytest.raises(InvalidProblemError) as caught:
        do.read_folder(path)
    issues = caught.value.issues
    assert [(issue.file, issue.field) for issue in issues[:2]] == [
        ("policy.toml", "limits.holiday"), ("tickets.csv", "经度"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "table",
    ["limits = 3", "[limits]", "[limits]\npreset = 3", "[limits]\npreset = {}",
     '[limits]\npreset = "au_csg"\nholidays = ["2026-11-23T00:00:00"]'],
)  # fmt: skip
def test_no_settings_break_the_reader(tmp_path: Path, table: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        do.read_folder(csv_folder(tmp_path / "in", table))
    assert all(issue.field.startswith("limits") for issue in caught.value.issues)


def test_a_folder_written_with_its_dues_reads_back(tmp_path: Path) -> None:
    table = '[limits]\npreset = "cn_unicom_same_day"\n'
    problem = do.read_folder(csv_folder(tmp_path / "in", table)).problem
    do.write_folder(problem, tmp_path / "out", headers="zh")
    assert do.read_folder(tmp_path / "out").problem == problem
