"""Words for people: the glossary, JSON as text, the summary."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dispatchopt.models import Policy, builtin_fault_types
from dispatchopt.report.glossary import TO_CHINESE, TO_ENGLISH, in_language
from dispatchopt.report.readable import readable, readable_detail
from dispatchopt.report.summary import (
    report_lines,
    result_json,
    result_lines,
    summarise,
    summary_lines,
)
from dispatchopt.solve import solve
from tests import builders
from tests.unit.raw_data import at
from tests.unit.report_day import day, plan


def test_every_tool_and_part_of_the_catalogue_has_its_own_english_name() -> None:
    used = {name for fault in builtin_fault_types() for name in (*fault.tools, *fault.parts)}
    assert used - {"-"} <= set(TO_ENGLISH)
    assert len(TO_CHINESE) == len(TO_ENGLISH)
    assert all(name.isascii() and name for name in TO_CHINESE)
    for name in used:
        assert in_language(in_language(name, "en"), "zh") == name
    assert in_language("Zange", "en") == in_language("Zange", "zh") == "Zange"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, ""),
        ({"floor": 3, "lift": False, "key": True}, "floor: 3; lift: no; key: yes"),
        ({"nothing": None, "empty": "", "none": [], "no": {}, "zero": 0}, "zero: 0"),
        ({"note": "ring\n# twice\t"}, "note: ring # twice"),
        ({"contact": {"name": "Li", "phones": ["1", "2"]}}, "contact: name Li, phones (1, 2)"),
        ({"visits": [{"day": 1}, None, {"day": 2}]}, "visits: (day 1), (day 2)"),
        ({"电话": 1.5, "别的": "x"}, "phone: 1.5; 别的: x"),
    ],
)
def test_json_as_text(data: dict[str, Any], text: str) -> None:
    assert readable(data) == text


def test_json_as_chinese_text() -> None:
    data = {"phone": ["1", "2"], "contact": {"name": "李"}, "ok": True, "lift": False}
    assert readable(data, language="zh") == "电话：1、2；联系人：姓名 李；ok：是；lift：否"


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (
            {
                "shift_id": "S1",
                "tickets": ["T12", "T13"],
                "priorities": [1, 2],
                "price": 500,
                "price_of_tickets": 900,
                "shifts_possible": 3,
            },
            "blocking: T12 (P1), T13 (P2); shift: S1; price: 500; price of these: 900; "
            "shifts possible: 3",
        ),
        (
            {"blocked_by": {"skills": 3, "windows": 10}, "shifts": 13},
            "counts: skills 3, windows 10; shifts: 13",
        ),
        (
            {"added_cost": 1200, "price": 1100, "shift_id": "S1"},
            "added cost: 1200; price: 1100; shift: S1",
        ),
        (
            {"skill": "FIBER", "level": 2, "holders": 0, "blocked_by": {"skills": 3}, "shifts": 3},
            "skill: FIBER; level: 2; holders: 0; counts: skills 3; shifts: 3",
        ),
        (
            {"there_and_back_seconds": 122_401, "longest_shift_seconds": 28_800, "shifts": 3},
            "there and back: 2041 min; longest shift: 480 min; shifts: 3",
        ),
        # Of somebody else's plan.
        ({"tickets": ["T1"], "priorities": []}, "tickets: T1"),
        ({"tickets": "T1"}, "tickets: T1"),
        ({}, ""),
    ],
)
def test_the_facts_behind_a_reason_as_text(detail: dict[str, Any], text: str) -> None:
    before = dict(detail)
    assert readable_detail(detail) == text
    assert detail == before


def test_the_summary_says_what_its_shares_count() -> None:
    # T1 ends in time, T2 late, T4 is left out; T3 was overdue before, T5 is due after the horizon,
    # T6 is done. Of the appointments T2's is kept, T3 begins a minute late, T4 is left out.
    lines = summary_lines(summarise(day(), plan()))
    assert (
        "service limits met  1 of 3 tickets due within the horizon: service ends by then" in lines
    )
    assert "already overdue     1, due before the horizon, not in this count" in lines
    kept = "1 of 3 tickets with an appointment in the horizon: service begins within it"
    assert f"appointments kept   {kept}" in lines


def test_the_summary_is_silent_about_what_there_is_none_of() -> None:
    tickets = [
        ticket.model_copy(update={"due": None, "appointment": None}) for ticket in day().tickets
    ]
    text = "\n".join(summary_lines(summarise(day(tickets=tickets), plan())))
    for word in ("service limits", "overdue", "appointments"):
        assert word not in text
    begin = datetime.fromisoformat(at("00:00"))
    late = [ticket.model_copy(update={"due": begin}) for ticket in tickets]
    assert "service limits" not in "\n".join(summary_lines(summarise(day(tickets=late), plan())))


def test_the_summary_tells_what_locks_overruled() -> None:
    asked: dict[str, Any] = {"lock": "visit", "assigned_engineer": "e", "minutes": 30}
    tickets = [
        builders.ticket("t", crew_size=2, assigned_start=builders.at("09:00"), **asked),
        builders.ticket("u", crew_size=3, assigned_start=builders.at("10:00"), **asked),
        builders.ticket(
            "v", latest=builders.at("11:00"), assigned_start=builders.at("11:00"), **asked
        ),
    ]
    task = builders.problem(tickets, policy=Policy())
    result = solve(task, iterations=20, threads=1)
    lines = result_lines(result, summarise(task, result.plan))
    assert lines[-2:] == ["Overruled by a lock: latest: v", "Overruled by a lock: crew: t, u"]
    assert [line for line in report_lines(result.report) if "Overruled" in line] == lines[-2:]
    told = result_json(result, summarise(task, result.plan))["overridden"]
    assert [(item["rule"], item["ticket_id"]) for item in told] == [
        ("latest", "v"), ("crew", "t"), ("crew", "u")
    ]  # fmt: skip
