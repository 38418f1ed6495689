"""Candidate windows by hand: days, cuts, clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.models import Problem, Slot, Ticket, Window
from dispatchopt.windows.slots import candidates, is_asked_for, reason_against
from tests import small
from tests.small import at

TWO_HOURS = [Slot(open=f"{h:02}:00", close=f"{h + 2:02}:00") for h in range(8, 20, 2)]


def day(**fields: Any) -> Problem:
    return small.problem([], horizon={"start": at("00:00"), "end": at("23:00")}, **fields)


def ticket(**fields: Any) -> Ticket:
    return Ticket(**{"id": "n", "fault_type": "plain", "place": "b", "priority": 2, **fields})


def spans(problem: Problem, asked: Ticket, slots: list[Slot] = TWO_HOURS) -> list[str]:
    kept = candidates(problem, asked, slots).kept
    zone = problem.zone
    times = ((c.window.open.astimezone(zone), c.window.close.astimezone(zone)) for c in kept)
    return [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in times]


def test_every_slot_of_the_day_is_a_candidate() -> None:
    expected = [f"{h:02}:00-{h + 2:02}:00" for h in range(8, 20, 2)]
    assert spans(day(), ticket()) == expected


def test_the_lead_time_cuts_on_the_next_quarter_hour() -> None:
    # Two hours after 07:20:01 it is 09:20:01: the first window opens at 09:30.
    now = datetime(2026, 3, 2, 7, 20, 1, tzinfo=UTC)
    assert spans(day(now=now), ticket())[0] == "09:30-10:00"
    # After 07:35 less than half an hour of it would be left.
    late = day(now=at("07:35"))
    assert spans(late, ticket())[0] == "10:00-12:00"
    assert candidates(late, ticket(), TWO_HOURS).dropped == {"TOO_SOON": 1}


def test_a_ticket_for_the_past_has_no_candidate_and_the_reasons_say_so() -> None:
    asked = ticket(windows=({"open": at("08:00"), "close": at("10:00")},))
    found = candidates(day(now=at("14:00")), asked, TWO_HOURS)
    assert found.kept == ()
    # 08 to 16 is over or too soon; 16 to 20 was not asked for.
    assert found.dropped == {"TOO_SOON": 4, "OUTSIDE_WISHES": 2}


def test_wishes_cut_and_short_pieces_are_dropped() -> None:
    wishes = (
        {"open": at("08:00"), "close": at("08:29")},
        {"open": at("09:15"), "close": at("10:30")},
        {"open": at("12:30"), "close": at("13:00")},
    )
    # 08:00-08:29 is too short; of 09:15-10:30 either slot gets its part.
    assert spans(day(), ticket(windows=wishes)) == ["09:15-10:00", "10:00-10:30", "12:30-13:00"]


def test_a_slot_may_itself_be_short() -> None:
    quarters = [Slot(open="08:00", close="08:15"), Slot(open="08:15", close="08:30")]
    assert spans(day(), ticket(), quarters) == ["08:00-08:15", "08:15-08:30"]
    # Cut, it is none.
    asked = ticket(windows=({"open": at("08:05"), "close": at("09:00")},))
    assert spans(day(), asked, quarters) == ["08:15-08:30"]
    assert candidates(day(), asked, quarters).dropped == {"OUTSIDE_WISHES": 1}


def test_visiting_hours_earliest_and_latest_cut() -> None:
    policy = {"visiting_hours": {"open": "09:00", "close": "17:00"}}
    # Service of 30 minutes that ends by 15:50 starts by 15:20: by 15:15 on the quarter hour.
    asked = ticket(earliest=at("11:00"), latest=at("15:50"))
    assert spans(day(policy=policy), asked) == ["11:00-12:00", "12:00-14:00", "14:00-15:15"]
    dropped = candidates(day(policy=policy), asked, TWO_HOURS).dropped
    assert dropped == {"TOO_SOON": 1, "AFTER_SERVICE_LIMIT": 1, "OUTSIDE_VISITING_HOURS": 1}


HOURS = (0, 7, 15, 30, 60, 150, 240)
"""Minutes after eight."""


def later(minutes: int) -> datetime:
    return at("08:00") + timedelta(minutes=minutes)


@given(
    minutes=st.tuples(*[st.sampled_from(HOURS)] * 4),
    wishes=st.lists(st.tuples(st.sampled_from(HOURS), st.sampled_from((30, 45, 90))), max_size=3),
    waits=st.sampled_from((0, 7, 30)),
    hours=st.sampled_from((("08:00", "20:00"), ("09:07", "10:22"))),
)
def test_nothing_stands_against_what_could_be_offered_till_now(
    minutes: tuple[int, ...], wishes: list[tuple[int, int]], waits: int, hours: tuple[str, str]
) -> None:
    lead, earliest, known, latest = minutes
    asked = ticket(
        earliest=later(earliest),
        known_at=later(known),
        latest=later(120 + latest),
        windows=[{"open": later(a), "close": later(a + length)} for a, length in wishes],
    )
    policy = {
        "offer_lead_minutes": lead,
        "hold_minutes": 30,
        "visiting_hours": {"open": hours[0], "close": hours[1]},
    }
    found = candidates(day(policy=policy, now=later(-60)), asked, TWO_HOURS).kept
    meanwhile = day(policy=policy, now=later(waits - 60))
    for item in found:
        if item.window.open >= later(waits - 60):
            assert reason_against(meanwhile, asked, item.window) is None


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        ("08:00", "10:00", True),
        ("09:00", "11:00", True),  # over two windows that touch
        ("08:00", "11:01", False),
        ("11:30", "11:30", False),
        ("12:00", "12:00", True),
        ("11:30", "12:30", False),
    ],
)
def test_what_was_asked_for_is_all_windows_together(
    opens: str, closes: str, expected: bool
) -> None:
    wishes = [
        {"open": at(a), "close": at(b)}
        for a, b in (("12:00", "13:00"), ("10:00", "11:00"), ("08:00", "10:00"), ("08:30", "09:00"))
    ]
    asked = Window.model_validate({"open": at(opens), "close": at(closes)})
    assert is_asked_for(ticket(windows=wishes), asked) is expected
    assert is_asked_for(ticket(), asked)


def test_slots_after_due_are_marked() -> None:
    found = candidates(day(), ticket(due=at("12:00")), TWO_HOURS)
    assert [c.is_after_due for c in found.kept] == [False, False, True, True, True, True]
    assert [c.part for c in found.kept] == [0, 0, 1, 1, 1, 2]


def test_what_lies_beyond_the_horizon_is_nobodys_time() -> None:
    # The horizon ends at 15:00, in the middle of a slot.
    problem = small.problem([], horizon={"start": at("00:00"), "end": at("15:00")})
    assert spans(problem, ticket())[-1] == "14:00-15:00"
    assert candidates(problem, ticket(), TWO_HOURS).dropped == {"NO_SHIFT": 2}


NIGHT = [
    Slot(open="00:00", close="02:00"),
    Slot(open="02:00", close="03:00"),
    Slot(open="02:30", close="04:00"),
]
ALL_DAY = {"visiting_hours": {"open": "00:00", "close": "24:00"}, "offer_lead_minutes": 0}


def berlin(month: int, number: int, hours: int) -> Problem:
    """A local day in Berlin: midnight is 23:00 UTC in winter, 22:00 UTC in summer."""
    offset = 1 if month == 3 else 2
    start = datetime(2026, month, number, tzinfo=UTC).timestamp() - 3600 * offset
    begin = datetime.fromtimestamp(start, UTC)
    end = datetime.fromtimestamp(start + 3600 * hours, UTC)
    return Problem(
        horizon={"start": begin, "end": end},
        timezone="Europe/Berlin",
        tickets=(),
        engineers=(),
        travel={"kind": "straight_line"},
        policy=ALL_DAY,
        fault_types=[{"code": "plain", "duration": {"mean": 1800}}],
    )


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        # 02:00 to 03:00 does not exist: the slot between them is empty, 02:30 moves to 03:30.
        (berlin(3, 29, 23), [("23:00", "01:00"), ("01:30", "02:00")]),
        # 02:00 to 03:00 comes twice: the first 02:00 and 02:30 count, and 04:00 is 3 h later.
        (berlin(10, 25, 25), [("22:00", "00:00"), ("00:00", "02:00"), ("00:30", "03:00")]),
    ],
)
def test_slots_follow_the_wall_clock_when_it_changes(
    problem: Problem, expected: list[tuple[str, str]]
) -> None:
    found = candidates(problem, ticket(place={"lat": 1.0, "lon": 1.0}), NIGHT)
    windows = [(f"{c.window.open:%H:%M}", f"{c.window.close:%H:%M}") for c in found.kept]
    assert windows == expected
    assert not found.dropped
