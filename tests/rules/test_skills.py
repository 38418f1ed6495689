from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.builders import (
    MONDAY,
    blocked,
    engineer,
    faults,
    orders,
    problem,
    reason,
    shift,
    ticket,
)

LAST_DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("skills", "is_able"),
    [
        ({"fibre": 3}, True),
        ({"fibre": 2}, True),  # exactly the level needed
        ({"fibre": 1}, False),
        ({"iptv": 3}, False),
        ({"fibre": {"level": 2, "expires": LAST_DAY}}, True),  # holds on its last day
        ({"fibre": {"level": 2, "expires": LAST_DAY - timedelta(days=1)}}, False),
    ],
)
def test_kept_broken_and_exactly_on_the_boundary(skills: object, is_able: bool) -> None:
    task = problem([ticket("t", skills={"fibre": 2})], [engineer(skills=skills)])
    assert faults(task, orders(s="t")) == ([] if is_able else [("skills", "t", "s")])
    assert blocked(task, "skills") == (set() if is_able else {("t", "s")})


def test_every_needed_skill_counts() -> None:
    needs = ticket("t", skills={"fibre": 1, "iptv": 2})
    task = problem([needs], [engineer(skills={"fibre": 1, "iptv": 1})])
    assert faults(task, orders(s="t")) == [("skills", "t", "s")]
    assert faults(problem([needs], [engineer(skills={"fibre": 1, "iptv": 2})]), orders(s="t")) == []


def test_a_ticket_without_skills_takes_those_of_its_fault_type() -> None:
    task = problem([ticket("t", skills=None), ticket("u", skills={})])
    # IPTV_STB asks for IPTV at level 1; an empty list asks for nothing.
    assert blocked(task, "skills") == {("t", "s")}


def test_expiry_counts_by_the_local_day_of_the_shift() -> None:
    # 17:00 UTC is 01:00 of the next day in Shanghai.
    crew = [
        engineer(
            "e",
            shift("s", "17:00", "23:00"),
            skills={"fibre": {"level": 1, "expires": LAST_DAY}},
        )
    ]
    tickets = [ticket("t", skills={"fibre": 1})]
    assert faults(problem(tickets, crew), orders(s="t")) == []
    shanghai = problem(tickets, crew, timezone="Asia/Shanghai")
    assert faults(shanghai, orders(s="t")) == [("skills", "t", "s")]
    assert blocked(shanghai, "skills") == {("t", "s")}
    # In New York it is still noon of the same day.
    west = problem(tickets, crew, timezone="America/New_York")
    assert blocked(west, "skills") == set()


def test_a_night_shift_counts_by_the_day_on_which_it_starts() -> None:
    night = shift("s", "22:00", "23:59").model_copy(update={"end": MONDAY + timedelta(hours=30)})
    crew = [engineer("e", night, skills={"fibre": {"level": 1, "expires": LAST_DAY}})]
    task = problem([ticket("t", skills={"fibre": 1}, minutes=300)], crew, days=2)
    assert faults(task, orders(s="t")) == []


def test_each_shift_of_an_engineer_has_its_own_day() -> None:
    crew = [
        engineer(
            "e",
            shift("s1"),
            shift("s2", day=1),
            skills={"fibre": {"level": 1, "expires": LAST_DAY}},
        )
    ]
    task = problem([ticket("t", skills={"fibre": 1})], crew, days=2)
    assert blocked(task, "skills") == {("t", "s2")}


@pytest.mark.parametrize(
    ("skills", "code"),
    [
        ({"iptv": 1}, "NO_ENGINEER_WITH_SKILL"),
        ({"fibre": 1}, "SKILL_LEVEL_TOO_LOW"),
        ({"fibre": {"level": 3, "expires": LAST_DAY - timedelta(days=1)}}, "CERT_EXPIRED"),
    ],
)
def test_the_reason_tells_missing_low_and_expired_apart(skills: object, code: str) -> None:
    task = problem([ticket("t", skills={"fibre": 2})], [engineer(skills=skills)])
    assert reason(task, "skills") == code


def test_nobody_with_all_of_them_is_nobody_with_the_skill() -> None:
    crew = [
        engineer("e1", shift("s1"), skills={"fibre": 1}),
        engineer("e2", shift("s2"), skills={"iptv": 1}),
    ]
    task = problem([ticket("t", skills={"fibre": 1, "iptv": 1})], crew)
    assert reason(task, "skills") == "NO_ENGINEER_WITH_SKILL"


def test_high_enough_but_expired_is_expired_even_if_others_are_too_low() -> None:
    gone = {"level": 2, "expires": LAST_DAY - timedelta(days=1)}
    crew = [
        engineer("e1", shift("s1"), skills={"fibre": 1}),
        engineer("e2", shift("s2"), skills={"fibre": gone}),
    ]
    task = problem([ticket("t", skills={"fibre": 2})], crew)
    assert reason(task, "skills") == "CERT_EXPIRED"
