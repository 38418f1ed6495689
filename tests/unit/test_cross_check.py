"""Contradictions between the parts of a problem: each kind, its boundary, all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Problem
from dispatchopt.models.intake import build_problem
from tests.unit.raw_data import Raw, at, raw_engineer, raw_problem, raw_shift, raw_ticket

TABLE: Raw = {"kind": "matrix", "places": ["A", "B"], "seconds": [[0, 60], [60, 0]]}
PROFILES: Raw = {
    "kind": "profiles",
    "profiles": {"bike": {"kind": "straight_line"}, "van": {"kind": "straight_line"}},
}


def issues_of(problem: Raw) -> list[Issue]:
    """Faults that the door finds; none if it opens."""
    try:
        build_problem(problem)
    except InvalidProblemError as error:
        return list(error.issues)
    return []


def found(problem: Raw) -> list[tuple[str, str, str]]:
    return [(issue.kind, issue.id, issue.field) for issue in issues_of(problem)]


def with_ticket(**changed: Any) -> Raw:
    return raw_problem(tickets=[raw_ticket("T1", **changed)])


def with_shift(**changed: Any) -> Raw:
    return raw_problem(engineers=[raw_engineer("E1", shifts=[raw_shift("S1", **changed)])])


def window(start: str, end: str) -> Raw:
    return {"open": at(start), "close": at(end)}


def test_a_sound_problem_has_no_fault() -> None:
    assert issues_of(raw_problem()) == []


@pytest.mark.parametrize(
    ("horizon", "fault"),
    [
        ({"start": "2026-11-23T00:00:00Z", "end": "2026-11-23T00:00:00Z"}, "after start"),
        ({"start": "2026-11-23T00:00:01Z", "end": "2026-11-23T00:00:00Z"}, "after start"),
        ({"start": "2026-01-01T00:00:00Z", "end": "2027-01-02T00:00:01Z"}, "longer than a year"),
        ({"start": "2026-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z"}, None),
    ],
)
def test_horizon(horizon: Raw, fault: str | None) -> None:
    issues = issues_of(raw_problem(horizon=horizon, tickets=[], engineers=[]))
    assert len(issues) == (fault is not None)
    if fault:
        assert (issues[0].kind, issues[0].field) == ("problem", "horizon")
        assert fault in issues[0].message


def test_ids_must_be_unique() -> None:
    doubled = raw_problem(
        tickets=[raw_ticket("T1"), raw_ticket("T2"), raw_ticket("T1")],
        engineers=[
            raw_engineer("E1"),
            raw_engineer("E1", shifts=[raw_shift("S2", start=at("18:00"), end=at("19:00"))]),
            raw_engineer("E3", shifts=[raw_shift("S2", start=at("18:00"), end=at("19:00"))]),
        ],
        fault_types=[{"code": "X", "duration": {"mean": 60}}] * 2,
        travel={"kind": "straight_line"},
    )
    assert found(doubled) == [
        ("fault_type", "X", "id"),
        ("engineer", "E1", "id"),
        ("shift", "S2", "id"),
        ("ticket", "T1", "id"),
    ]


def test_places_of_a_table_must_be_unique_and_fit_it() -> None:
    travel = {**TABLE, "places": ["A", "A", "B"]}
    problem = raw_problem(travel=travel, tickets=[], engineers=[])
    assert found(problem) == [("travel", "", "seconds"), ("travel", "A", "id")]


def test_places_of_each_profile_are_checked() -> None:
    travel = {"kind": "profiles", "profiles": {"bike": TABLE, "van": {**TABLE, "places": ["A"]}}}
    problem = raw_problem(travel=travel, tickets=[raw_ticket(place="B")], engineers=[])
    assert found(problem) == [("travel", "van", "seconds"), ("ticket", "T1", "place")]


@pytest.mark.parametrize(
    ("travel", "place", "good"),
    [
        ({"kind": "straight_line"}, {"lat": 0, "lon": 0}, True),
        ({"kind": "straight_line"}, "A", False),
        (TABLE, "A", True),
        (TABLE, "C", False),
        (TABLE, {"lat": 0, "lon": 0}, False),
    ],
)
def test_places_fit_the_travel(travel: Raw, place: Any, good: bool) -> None:
    sound = "A" if travel is TABLE else {"lat": 1, "lon": 1}
    engineer = raw_engineer(
        "E1", place=place, shifts=[raw_shift("S1", start_place=place, end_place=place)]
    )
    problem = raw_problem(travel=travel, engineers=[engineer], tickets=[raw_ticket(place=place)])
    expected = [
        ("engineer", "E1", "place"),
        ("shift", "S1", "start_place"),
        ("shift", "S1", "end_place"),
        ("ticket", "T1", "place"),
    ]
    assert found(problem) == ([] if good else expected)
    start_only = raw_engineer("E1", place=sound, shifts=[raw_shift("S1", end_place=None)])
    problem = raw_problem(travel=travel, engineers=[start_only], tickets=[])
    assert found(problem) == []


@pytest.mark.parametrize(
    ("travel", "profile", "good"),
    [
        (PROFILES, "van", True),
        (PROFILES, None, True),
        (PROFILES, "foot", False),
        ({"kind": "straight_line"}, "van", False),
    ],
)
def test_travel_profile(travel: Raw, profile: str | None, good: bool) -> None:
    problem = raw_problem(travel=travel, engineers=[raw_engineer("E1", travel_profile=profile)])
    assert found(problem) == ([] if good else [("engineer", "E1", "travel_profile")])


@pytest.mark.parametrize(("minutes", "paid", "good"), [(0, 0, True), (1, 0, False), (1, 1, True)])
def test_recent_minutes_need_paid_ones(minutes: int, paid: int, good: bool) -> None:
    engineer = raw_engineer("E1", recent_minutes=minutes, recent_paid_minutes=paid)
    expected = [] if good else [("engineer", "E1", "recent_minutes")]
    assert found(raw_problem(engineers=[engineer])) == expected


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"start": at("08:00"), "end": at("08:00")}, ["end"]),
        ({"start": at("08:01"), "end": at("08:00")}, ["end"]),
        ({"start": at("00:00"), "end": at("23:59")}, []),
        ({"start": "2026-11-22T15:59:59Z", "end": at("12:00")}, ["start"]),
        ({"start": at("08:00"), "end": at("23:59"), "max_overtime": 1}, ["start"]),
        ({"start": at("08:00"), "end": at("23:58"), "max_overtime": 60}, []),
        (
            {"breaks": [{"earliest": at("12:00"), "latest": at("11:59"), "duration": 60}]},
            ["breaks[0]"],
        ),
        ({"breaks": [{"earliest": at("12:00"), "latest": at("12:00"), "duration": 60}]}, []),
    ],
)
def test_times_of_a_shift(changed: Raw, fields: list[str]) -> None:
    assert found(with_shift(**changed)) == [("shift", "S1", field) for field in fields]


@pytest.mark.parametrize(
    ("overtime", "start", "good"),
    [(0, "12:00", True), (0, "11:59", False), (60, "12:00", False), (60, "12:01", True)],
)
def test_shifts_of_an_engineer_do_not_overlap(overtime: int, start: str, good: bool) -> None:
    late = raw_shift("S2", start=at(start), end=at("18:00"))
    early = raw_shift("S1", start=at("08:00"), end=at("12:00"), max_overtime=overtime)
    problem = raw_problem(engineers=[raw_engineer("E1", shifts=[late, early])])
    assert found(problem) == ([] if good else [("shift", "S2", "start")])
    other = raw_problem(
        engineers=[raw_engineer("E1", shifts=[late]), raw_engineer("E2", shifts=[early])]
    )
    assert found(other) == []


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"fault_type": "METEORITE"}, ["fault_type"]),
        ({"duration": 0}, ["duration"]),
        ({"duration": 1}, []),
        ({"windows": [window("09:00", "09:00")]}, []),
        (
            {"windows": [window("08:00", "09:00"), window("09:01", "09:00")]},
            ["windows[1]"],
        ),
        ({"appointment": window("09:01", "09:00")}, ["appointment"]),
        ({"earliest": at("09:00"), "latest": at("09:00")}, []),
        ({"earliest": at("09:01"), "latest": at("09:00")}, ["latest"]),
        ({"after": ["T1"]}, ["after"]),
        ({"after": ["T8", "T9"]}, ["after", "after"]),
        ({"assigned_engineer": "E9"}, []),
        ({"lock": "engineer", "assigned_engineer": "E9"}, ["assigned_engineer"]),
        ({"lock": "engineer", "assigned_engineer": "E1"}, []),
        ({"lock": "engineer"}, ["assigned_engineer"]),
        ({"lock": "visit"}, ["assigned_engineer", "assigned_start"]),
        ({"lock": "visit", "assigned_engineer": "E1"}, ["assigned_start"]),
        ({"lock": "started"}, ["assigned_engineer", "assigned_start"]),
        ({"status": "started"}, ["assigned_engineer", "assigned_start"]),
        (
            {"lock": "visit", "assigned_engineer": "E1", "assigned_start": at("10:00")},
            [],
        ),
    ],
)
def test_faults_of_a_ticket(changed: Raw, fields: list[str]) -> None:
    assert found(with_ticket(**changed)) == [("ticket", "T1", field) for field in fields]


def test_mean_of_nothing_is_no_duration() -> None:
    fault_types = [{"code": "X", "duration": {"mean": 0}}]
    given = raw_ticket("T1", fault_type="X", duration=60)
    absent = raw_ticket("T2", fault_type="X")
    problem = raw_problem(tickets=[given, absent], fault_types=fault_types)
    assert found(problem) == [("ticket", "T2", "duration")]


def test_unknown_fault_types_tell_what_was_meant_and_once_what_there_is() -> None:
    codes = ("NOPE", "FTTH_WEEK_LIGHT", "ftth weak light", "光衰过大", "NOPE")
    tickets = [raw_ticket(f"T{i}", fault_type=code) for i, code in enumerate(codes)]
    texts = [issue.message for issue in issues_of(raw_problem(tickets=tickets))]
    assert texts[0].startswith("unknown; correct it or add it to fault_types. Known: BB_SLOW, ")
    meant = "unknown; did you mean 'FTTH_WEAK_LIGHT'? Correct it or add it to fault_types"
    assert texts[1:] == [meant, meant, meant, "unknown; correct it or add it to fault_types"]


@pytest.mark.parametrize(("now", "good"), [(at("10:00"), True), (at("09:59"), False), (None, True)])
def test_a_started_ticket_began_in_the_past(now: str | None, good: bool) -> None:
    ticket = raw_ticket("T1", status="started", assigned_engineer="E1", assigned_start=at("10:00"))
    problem = raw_problem(tickets=[ticket], now=now)
    assert found(problem) == ([] if good else [("ticket", "T1", "assigned_start")])


def test_a_ticket_may_follow_one_that_is_done() -> None:
    tickets = [raw_ticket("T1", after=["T0"]), raw_ticket("T0", status="done")]
    assert found(raw_problem(tickets=tickets)) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"windows": [window("01:00", "02:00")]},
        {"appointment": {"open": "2031-01-01T00:00:00Z", "close": "2031-01-02T00:00:00Z"}},
        {"skills": {"JUGGLING": 9}},
        {"due": at("01:00"), "earliest": at("09:00")},
        {"territory": "NOWHERE"},
        {"crew_size": 9},
        {"refused_engineers": ["E1", "E404"], "preferred_engineers": ["E1"]},
    ],
)
def test_what_only_keeps_a_ticket_from_being_served_is_no_fault(changed: Raw) -> None:
    assert found(with_ticket(**changed)) == []


def test_all_faults_at_once_with_file_and_line() -> None:
    problem = raw_problem(
        tickets=[
            raw_ticket("T1", fault_type="METEORITE", duration=0),
            raw_ticket("T2", priority=9),
            raw_ticket("T3", lock="engineer", assigned_engineer="E2"),
        ],
        engineers=[
            raw_engineer("E1", travel_profile="van", shifts=[raw_shift("S1", end=at("07:00"))]),
            raw_engineer("E2", skills={"A": 0}),
        ],
    )
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(problem, origin=lambda kind, index: (f"{kind}.csv", index + 2))
    assert [(i.file, i.line, i.kind, i.id, i.field) for i in caught.value.issues] == [
        ("engineers.csv", 3, "engineer", "E2", "skills.A.level"),
        ("tickets.csv", 3, "ticket", "T2", "priority"),
        ("engineers.csv", 2, "engineer", "E1", "travel_profile"),
        ("engineers.csv", 2, "shift", "S1", "end"),
        ("tickets.csv", 2, "ticket", "T1", "fault_type"),
        ("tickets.csv", 2, "ticket", "T1", "duration"),
    ]
    text = str(caught.value)
    assert text.startswith("The problem has 6 faults:\n")
    assert "\n  - tickets.csv:3: ticket 'T2', priority = 9: " in text


def test_a_faulty_horizon_hides_no_fault_and_makes_none() -> None:
    horizon = {"start": at("12:00"), "end": at("11:00")}
    problem = raw_problem(horizon=horizon, tickets=[raw_ticket("T1", duration=0)])
    assert found(problem) == [("problem", "", "horizon"), ("ticket", "T1", "duration")]


def test_a_problem_made_directly_is_checked_too() -> None:
    with pytest.raises(ValueError, match="must be at least 1 second"):
        Problem.model_validate(with_ticket(duration=0))
