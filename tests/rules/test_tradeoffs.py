"""The trade-offs that dispatchers judge, with the durations of the built-in catalogue.

Each test compares two plans that the same shifts could hold; the preset is `balanced` unless named.
Hours in the comments are hours of work, 3600 cost units each.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.checker import check
from dispatchopt.models import FaultType, Policy, builtin_fault_types
from tests.builders import (
    HOUR,
    MONDAY,
    at,
    engineer,
    free,
    orders,
    problem,
    shift,
    ticket,
    total,
    window,
)

if TYPE_CHECKING:
    from dispatchopt.models import Plan, Problem, Ticket

CATALOGUE = {fault.code: fault for fault in builtin_fault_types()}
SKILLS = {skill: 3 for fault in CATALOGUE.values() for skill in fault.skills}
BALANCED, STRICT = Policy(), Policy(preset="strict")


def level(priority: int) -> list[FaultType]:
    """Return the fault types of a priority."""
    return [fault for fault in CATALOGUE.values() if fault.default_priority == priority]


def fault_ticket(ticket_id: str, fault: FaultType, **fields: Any) -> Ticket:
    """Build a ticket as the catalogue has it, at home: no travel."""
    defaults = {
        "place": "home",
        "priority": fault.default_priority,
        "skills": None,
        "duration": None,
        "crew_size": fault.crew_size,
    }
    return ticket(ticket_id, **{**defaults, **fields}, fault_type=fault.code)


def one_shift(tickets: list[Ticket], seconds: int, **fields: Any) -> Problem:
    """Build a problem with one fixed pair that can do everything, for so many seconds."""
    start = at("08:00")
    only = shift("s", members=2).model_copy(update={"end": start + timedelta(seconds=seconds)})
    settings = {"policy": BALANCED, **fields}
    return problem(tickets, [engineer("e", only, skills=SKILLS)], **settings)


def order(tickets: list[Ticket]) -> Plan:
    return orders(s=" ".join(item.id for item in tickets))


def overdue(days: int) -> dict[str, datetime]:
    """Return the times of a ticket that was due so many days ago and reported two days earlier."""
    return {"due": at("08:00", day=-days), "reported_at": at("08:00", day=-days - 2)}


# --- promises


@pytest.mark.parametrize("days", [0, 3, 30, 365])
@pytest.mark.parametrize("urgent", level(1), ids=lambda fault: fault.code)
@pytest.mark.parametrize("policy", [BALANCED, STRICT, Policy(preset="city_day")])
def test_a_confirmed_p4_is_never_dropped_for_an_unpromised_p1(
    policy: Policy, urgent: FaultType, days: int
) -> None:
    # P4 with an appointment from 12:00 to 14:00; its price is 1000 h and more. A P1 is worth
    # 100 h + 10 h per hour + at most 48 h of delay; one that was due a year ago 17 500 h more.
    promised = fault_ticket("p4", CATALOGUE["WIFI_ROUTER"], appointment=window("12:00", "14:00"))
    rival = fault_ticket("p1", urgent, **overdue(days))
    task = one_shift([promised, rival], 8 * HOUR, policy=policy)
    assert total(task, order([promised])) < total(task, order([rival]))


def test_a_confirmed_p4_is_not_dropped_for_a_whole_shift_of_p1() -> None:
    # Its window of an hour in the middle, far out, leaves no room for anything else, while the
    # eight hours would hold five visits to distribution boxes of 90 minutes.
    promised = fault_ticket("p4", CATALOGUE["WIFI_ROUTER"], appointment=window("12:00", "13:00"))
    rivals = [
        fault_ticket(f"p1-{i}", CATALOGUE["ODN_SPLITTER_BOX"], **overdue(3)) for i in range(5)
    ]
    task = one_shift([promised, *rivals], 8 * HOUR)
    assert total(task, order([promised])) < total(task, order(rivals))


# --- lateness


@given(
    priority=st.sampled_from((1, 2, 3, 4)),
    due=st.sampled_from((-4320, -1441, -60, 0, 479, 480, 540, 541, 600, 1380, 1440, 1441, 3000)),
    starts=st.sampled_from((480, 540, 600, 900, 1320)),
    minutes=st.sampled_from((1, 35, 60, 120)),
    preset=st.sampled_from(("balanced", "strict", "city_day")),
)
def test_an_overdue_ticket_is_never_cheaper_to_drop_than_to_serve_late(
    priority: int, due: int, starts: int, minutes: int, preset: str
) -> None:
    late = ticket(
        "t",
        "home",
        minutes,
        priority=priority,
        due=MONDAY + timedelta(minutes=due),
        windows=[{"open": MONDAY + timedelta(minutes=starts), "close": at("23:00")}],
    )
    crew = [engineer("e", shift("s", "08:00", "22:00", max_overtime=2 * HOUR))]
    task = problem([late], crew, policy=Policy(preset=preset))
    assert total(task, order([late])) < total(task, orders())


@given(
    due=st.sampled_from((-4320, -60, 0, 480, 600, 660, 1439, 1440, 1441, 3000)),
    earliest=st.sampled_from((0, 480, 570, 600, 1379, 1380)),
    known=st.sampled_from((-600, 0, 500, 1000)),
    prices=st.tuples(*[st.sampled_from((0, 1, 100, 3600, 7201))] * 3),
)
def test_not_even_where_nothing_but_time_has_a_price(
    due: int, earliest: int, known: int, prices: tuple[int, int, int]
) -> None:
    delay, jump, rate = prices
    late = ticket(
        "t",
        "home",
        60,
        due=MONDAY + timedelta(minutes=due),
        earliest=MONDAY + timedelta(minutes=earliest),
        known_at=MONDAY + timedelta(minutes=known),
    )
    policy = free(delay_per_hour={3: delay}, late_cost={3: jump}, late_per_hour={3: rate})
    night = shift("s", "08:00", "23:00").model_copy(update={"end": MONDAY + timedelta(days=1)})
    task = problem([late], [engineer("e", night)], policy=policy)
    assert total(task, order([late])) <= total(task, orders())
    # Service from 23:00 ends exactly with the horizon: it costs the same.
    if earliest == 1380 and due <= 1440:
        assert total(task, order([late])) == total(task, orders())


# --- long urgent work against short work


@pytest.mark.parametrize("code", ["ENT_LEASED_DOWN", "FEEDER_CABLE_CUT", "ODN_SPLITTER_BOX"])
@pytest.mark.parametrize("short", level(3), ids=lambda fault: fault.code)
@pytest.mark.parametrize("way", [0, 30])
@pytest.mark.parametrize("days", [None, 0, 2])
def test_a_long_p1_is_not_traded_for_the_short_p3_that_fit_into_its_time(
    code: str, short: FaultType, way: int, days: int | None
) -> None:
    # A feeder cut takes 240 minutes and, 30 minutes out, 300 with travel: time for 7 set-top boxes
    # of 40 minutes. P1: 100 + 4 x 10 = 140 h and 2 h for each hour that it waits.
    # P3: 10 + 2.5 x 2 / 3 = 11.7 h, 7 of them 82 h; two days overdue they add 4 h of age and half
    # an hour for each hour later, 12 h at most: 194 h at most for 7, against 188 h for the P1.
    # Until the horizon ends at midnight the P1 waits 10 h longer than served at once.
    long = fault_ticket("p1", CATALOGUE[code], place="home" if way == 0 else "c")
    seconds = CATALOGUE[code].duration.mean + 2 * 60 * way
    times = {} if days is None else overdue(days)
    count = seconds // short.duration.mean
    trifles = [fault_ticket(f"p3-{i}", short, **times) for i in range(count)]
    task = one_shift([long, *trifles], seconds)
    assert total(task, order([long])) < total(task, order(trifles))


@pytest.mark.parametrize("urgent", level(1), ids=lambda fault: fault.code)
def test_two_p2_do_not_push_out_a_p1(urgent: FaultType) -> None:
    # P1: 100 + 1.5 x 10 h at least. P2: 20 + 2 x 5 = 30 h at most, a quarter of an hour for each
    # hour of waiting, and if they fall due at noon 5 h and an hour for each hour after it.
    for pair in combinations_with_replacement(level(2), 2):
        for times in ({}, {"due": at("12:00")}, overdue(1)):
            rivals = [fault_ticket(f"p2-{i}", fault, **times) for i, fault in enumerate(pair)]
            one = fault_ticket("p1", urgent)
            room = max(urgent.duration.mean, sum(fault.duration.mean for fault in pair))
            task = one_shift([one, *rivals], room)
            assert total(task, order([one])) < total(task, order(rivals)), (pair, times)


# --- urgent first


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_the_more_urgent_ticket_comes_first_in_the_day(gap: int) -> None:
    # With equal travel only the delay differs: first comes the one with the higher rate for each
    # minute of duration. Closest: P2 of 120 minutes before P3 of 40, 900 / 120 > 240 / 40.
    for priority in range(1, 5 - gap):
        for pair in product(level(priority), level(priority + gap)):
            urgent, other = (fault_ticket(f"t{i}", f, place="a") for i, f in enumerate(pair))
            task = one_shift([urgent, other], 10 * HOUR)
            assert total(task, order([urgent, other])) < total(task, order([other, urgent])), pair


def test_urgent_tickets_come_on_the_first_of_several_days() -> None:
    # One visit a day. A day later costs a P1 48 h, a P4 32 minutes.
    for pair in product(level(1), level(4)):
        urgent, other = (fault_ticket(f"p{p}", f) for p, f in zip((1, 4), pair, strict=True))
        shifts = [shift(f"s{d}", day=d, max_visits=1, members=2) for d in range(5)]
        task = problem(
            [urgent, other], [engineer("e", *shifts, skills=SKILLS)], days=5, policy=BALANCED
        )
        first = total(task, orders(s0="p1", s1="p4"))
        assert first < total(task, orders(s0="p4", s1="p1"))
        assert first < total(task, orders(s1="p1", s0="p4"))
        assert first < total(task, orders(s1="p1", s2="p4"))
        assert first < total(task, orders(s0="p1", s4="p4"))


def test_a_long_p1_comes_today_and_the_short_p3_tomorrow() -> None:
    # Four hours of a day: a feeder cut, or six set-top boxes. The other waits for the next day:
    # 48 h against 6 x 24 / 15 = 9.6 h.
    long = fault_ticket("p1", CATALOGUE["FEEDER_CABLE_CUT"])
    short = [fault_ticket(f"p3-{i}", CATALOGUE["IPTV_STB"]) for i in range(6)]
    shifts = [shift(f"s{d}", "08:00", "12:00", day=d, members=2) for d in range(2)]
    crew = [engineer("e", *shifts, skills=SKILLS)]
    task = problem([long, *short], crew, days=2, policy=BALANCED)
    trifles = " ".join(item.id for item in short)
    assert total(task, orders(s0="p1", s1=trifles)) < total(task, orders(s0=trifles, s1="p1"))


# --- strict


@pytest.mark.parametrize("urgent", level(2), ids=lambda fault: fault.code)
@pytest.mark.parametrize("days", [None, 1, 60])
def test_strict_one_p2_beats_all_p3_and_p4_that_the_shift_could_hold(
    urgent: FaultType, days: int | None
) -> None:
    # Eight hours hold 12 set-top boxes of 40 minutes, or 10 routers of 45.
    times = {} if days is None else overdue(days)
    for code in ("IPTV_STB", "WIFI_ROUTER"):
        count = 8 * HOUR // CATALOGUE[code].duration.mean
        rivals = [fault_ticket(f"r{i}", CATALOGUE[code], **times) for i in range(count)]
        one = fault_ticket("p2", urgent)
        task = one_shift([one, *rivals], 8 * HOUR, policy=STRICT)
        assert total(task, order([one])) < total(task, order(rivals))


@pytest.mark.parametrize("priority", [1, 2, 3])
def test_strict_every_level_beats_the_next_by_as_many_as_fit(priority: int) -> None:
    one = fault_ticket("one", level(priority)[0])
    other = min(level(priority + 1), key=lambda fault: fault.duration.mean)
    count = 8 * HOUR // other.duration.mean
    rivals = [fault_ticket(f"r{i}", other, **overdue(10)) for i in range(count)]
    task = one_shift([one, *rivals], 8 * HOUR, policy=STRICT)
    assert total(task, order([one])) < total(task, order(rivals))


def test_balanced_weighs_where_strict_does_not() -> None:
    # 12 set-top boxes are 12 x 11.7 = 140 h, one modem swap 20 + 0.6 x 5 = 23 h.
    one = fault_ticket("p2", CATALOGUE["ONT_REPLACE"])
    rivals = [fault_ticket(f"r{i}", CATALOGUE["IPTV_STB"]) for i in range(12)]
    task = one_shift([one, *rivals], 8 * HOUR)
    assert total(task, order(rivals)) < total(task, order([one]))
    assert check(task, order(rivals)).broken_promises == ()
