"""The door for raw data: error and reject modes, privacy of messages, and never a traceback."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Problem, Ticket
from dispatchopt.models.intake import Intake, build_problem
from tests.unit.raw_data import Raw, at, raw_engineer, raw_problem, raw_shift, raw_ticket


def line_of(kind: str, index: int) -> tuple[str, int]:
    return f"{kind}.csv", index + 2


def messages(problem: Any, **options: Any) -> list[str]:
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(problem, **options)
    return [str(issue) for issue in caught.value.issues]


def rejected_ids(intake: Intake) -> list[str]:
    return [entry.ticket_id for entry in intake.rejected]


def ticket_ids(intake: Intake) -> list[str]:
    return [ticket.id for ticket in intake.problem.tickets]


# --- sound data --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["error", "reject"])
def test_sound_data_pass_unchanged(mode: Any) -> None:
    raw = raw_problem()
    before = copy.deepcopy(raw)
    intake = build_problem(raw, on_bad_row=mode)
    assert intake == Intake(Problem.model_validate(raw), (), ())
    assert raw == before


def test_models_pass_among_raw_items() -> None:
    ticket = Ticket.model_validate(raw_ticket("T1"))
    assert build_problem(raw_problem(tickets=(ticket,))).problem.tickets == (ticket,)


ODD_IDS = ["a\nb", "a\tb", "a\x00b", "\x1b[31m", "\x7f", " a", "a ", "\r"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_id_is_one_line_of_visible_signs(odd: str) -> None:
    # Databases refuse NUL, workbooks most others; a terminal obeys some.
    told = messages(raw_problem(tickets=[raw_ticket(odd)]))
    assert len(told) == 1
    assert "must be one line without control characters, and no blanks at its ends" in told[0]
    assert told[0].isprintable()
    (rejected,) = build_problem(
        raw_problem(tickets=[raw_ticket(odd), raw_ticket("T2")]), on_bad_row="reject"
    ).rejected
    assert rejected.ticket_id.isprintable()


# --- error mode --------------------------------------------------------------------------------


def test_missing_and_misplaced_parts_are_listed_at_once() -> None:
    assert messages({"tickets": {}, "engineers": None, "colour": 1}) == [
        "problem, engineers: must be a list",
        "problem, tickets: must be a list",
        "problem, horizon: is required",
        "problem, travel: is required",
        "problem, colour: unknown field; correct its name or remove it",
    ]
    assert messages({**raw_problem(), "tickets": []} | {"engineers": 3})[0].endswith("a list")
    raw = raw_problem()
    del raw["tickets"], raw["engineers"]
    assert messages(raw) == ["problem, engineers: is required", "problem, tickets: is required"]


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_data_must_be_an_object(data: Any) -> None:
    assert messages(data) == ["problem: must be an object with the fields of a problem"]


def test_messages_tell_who_what_and_where() -> None:
    raw = raw_problem(
        tickets=[
            raw_ticket("T1", priority=5, place={"lat": 91, "lon": 0}),
            raw_ticket("T2", place=[31, 121]),
            {"fault_type": "FTTH_WEAK_LIGHT"},
            raw_ticket(17),
        ]
    )
    assert messages(raw, origin=line_of) == [
        "tickets.csv:2: ticket 'T1', place.lat = 91: Input should be less than or equal to 90",
        "tickets.csv:2: ticket 'T1', priority = 5: Input should be less than or equal to 4",
        "tickets.csv:3: ticket 'T2', place = [31, 121]: must be a point (lat, lon) or the id of a "
        "place of the travel table",
        "tickets.csv:4: ticket '#3', id: is required",
        "tickets.csv:4: ticket '#3', place: is required",
        "tickets.csv:4: ticket '#3', priority: is required",
        "tickets.csv:5: ticket '#4', id = 17: Input should be a valid string",
    ]


def test_paths_show_what_a_file_shows() -> None:
    broken = {"kind": "straight_line", "detour": 0}
    travel = {"kind": "profiles", "profiles": {"matrix": broken}}
    raw = raw_problem(
        travel=travel,
        policy={"unserved_cost": {"2": -1, "9": 0}},
        engineers=[
            raw_engineer("E1", shifts=[raw_shift("S1", start_place={"lat": "x", "lon": 0})])
        ],
    )
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(raw)
    assert [issue.field for issue in caught.value.issues] == [
        "shifts[0].start_place.lat",
        "travel.profiles.matrix.detour",
        "policy.unserved_cost[2]",
        "policy.unserved_cost.9",
    ]


def test_faults_of_faulty_items_do_not_echo() -> None:
    raw = raw_problem(
        tickets=[
            raw_ticket("T1", priority=5),
            raw_ticket("T2", after=["T1"], lock="engineer", assigned_engineer="E1"),
            raw_ticket("T3", fault_type="X"),
        ],
        engineers=[raw_engineer("E1", skills=3)],
        fault_types=[{"code": "X"}],
    )
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(raw)
    assert [(issue.kind, issue.id) for issue in caught.value.issues] == [
        ("engineer", "E1"),
        ("ticket", "T1"),
        ("fault_type", "X"),
    ]


def places_of(error: InvalidProblemError) -> list[tuple[str, str, str]]:
    return [(issue.kind, issue.id, issue.field) for issue in error.issues]


def test_a_fault_of_one_field_hides_none_of_another() -> None:
    lock = {"lock": "visit", "assigned_engineer": "E9", "assigned_start": "soon"}
    shifts = [
        raw_shift("S1", members=0, end=at("07:00")),
        raw_shift("S2", start=at("18:00"), end=at("17:30")),
        raw_shift("S3", start="never", end=at("07:00")),
    ]
    raw = raw_problem(
        tickets=[
            raw_ticket("T1", priority=9, fault_type="NOPE", after=["T1"]),
            raw_ticket("T2", points="x", **lock),
            raw_ticket("T3", id=" T3", duration=0),
        ],
        engineers=[
            raw_engineer("E1", shifts=shifts, travel_profile="van"),
            raw_engineer("E2", shifts=[], recent_minutes=5, recent_paid_minutes=-1),
        ],
    )
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(raw)
    assert places_of(caught.value) == [
        ("engineer", "E1", "shifts[0].members"),
        ("engineer", "E1", "shifts[2].start"),
        ("engineer", "E2", "recent_paid_minutes"),
        ("ticket", "T1", "priority"),
        ("ticket", "T2", "assigned_start"),
        ("ticket", "T2", "points"),
        ("ticket", " T3", "id"),
        ("engineer", "E1", "travel_profile"),
        ("shift", "S1", "end"),
        ("shift", "S2", "end"),
        ("ticket", "T1", "fault_type"),
        ("ticket", "T1", "after"),
        ("ticket", "T2", "assigned_engineer"),
        ("ticket", " T3", "duration"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"policy": {"preset": "none"}},
        {"horizon": 3},
        {"travel": {"kind": "none"}},
        {"now": "noon", "travel": None},
    ],
)
def test_a_faulty_head_hides_no_fault_of_an_item_and_makes_none(changed: Raw) -> None:
    raw = raw_problem(tickets=[raw_ticket("T1", duration=0), raw_ticket("T2")], **changed)
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(raw)
    own = [place for place in places_of(caught.value) if place[0] != "problem"]
    assert own == [("ticket", "T1", "duration")]


def test_all_faults_of_a_rejected_item_are_reported() -> None:
    tickets = [raw_ticket("T1", priority=9, fault_type="NOPE"), raw_ticket("T2")]
    engineer = raw_engineer("E2", skills=3, travel_profile="van")
    raw = raw_problem(tickets=tickets, engineers=[raw_engineer("E1"), engineer])
    intake = build_problem(raw, on_bad_row="reject")
    assert [(issue.kind, issue.id, issue.field) for issue in intake.issues] == [
        ("engineer", "E2", "skills"),
        ("ticket", "T1", "priority"),
        ("engineer", "E2", "travel_profile"),
        ("ticket", "T1", "fault_type"),
    ]
    assert [len(entry.issues) for entry in intake.rejected] == [2]


SECRET = "Li Lei 13800138000"


@pytest.mark.parametrize(
    "ticket",
    [
        SECRET,
        [SECRET],
        {SECRET: 1, **raw_ticket("T1")},
        raw_ticket("T1", customer=SECRET),
        raw_ticket("T1", attributes=SECRET),
        raw_ticket("T1", attributes=[SECRET]),
        raw_ticket("T1", place={"address": SECRET}),
        {"attributes": {"name": SECRET}, "id": "T1"},
    ],
)
def test_private_values_stay_out_of_messages(ticket: Any) -> None:
    problem = raw_problem(tickets=[ticket], engineers=[raw_engineer("E1", name=[SECRET])])
    named = isinstance(ticket, dict) and SECRET in ticket  # a name of a field, not a value
    assert named or SECRET not in "\n".join(messages(problem))


def test_long_values_are_cut_and_odd_letters_written_out() -> None:
    (text,) = messages(raw_problem(tickets=[raw_ticket("T\n1", fault_type="x" * 999)]))[:1]
    assert text.startswith("ticket 'T\\n1', id = 'T\\n1': ")
    (text,) = messages(raw_problem(tickets=[raw_ticket("\ud800")]))
    assert text.startswith("ticket '\\ud800'")
    assert max(map(len, messages(raw_problem(tickets=[raw_ticket(id=["x" * 999])])))) < 160


# --- reject mode -------------------------------------------------------------------------------


def test_faulty_tickets_and_engineers_are_left_out() -> None:
    raw = raw_problem(
        tickets=[raw_ticket("T1"), raw_ticket("T2", priority=9), raw_ticket("T3", duration=0)],
        engineers=[
            raw_engineer("E1"),
            raw_engineer("E2", skills=3),
            raw_engineer("E3", shifts=[raw_shift("S3", end=at("07:00"))]),
        ],
    )
    intake = build_problem(raw, on_bad_row="reject", origin=line_of)
    assert ticket_ids(intake) == ["T1"]
    assert [engineer.id for engineer in intake.problem.engineers] == ["E1"]
    assert rejected_ids(intake) == ["T2", "T3"]
    assert intake.rejected[0].issues == (
        "tickets.csv:3: ticket 'T2', priority = 9: Input should be less than or equal to 4",
    )
    assert {(issue.kind, issue.id) for issue in intake.issues} == {
        ("engineer", "E2"),
        ("ticket", "T2"),
        ("shift", "S3"),
        ("ticket", "T3"),
    }


def test_what_hangs_on_a_rejected_item_is_rejected_too() -> None:
    raw = raw_problem(
        tickets=[
            raw_ticket("T4", after=["T3"]),
            raw_ticket("T3", after=["T2"]),
            raw_ticket("T2", lock="engineer", assigned_engineer="E2"),
            raw_ticket("T1"),
        ],
        engineers=[raw_engineer("E1"), raw_engineer("E2", skills=3)],
    )
    intake = build_problem(raw, on_bad_row="reject")
    assert ticket_ids(intake) == ["T1"]
    assert rejected_ids(intake) == ["T4", "T3", "T2"]


def test_each_row_of_a_double_id_is_rejected() -> None:
    raw = raw_problem(tickets=[raw_ticket("T1"), raw_ticket("T2"), raw_ticket("T1", priority=1)])
    intake = build_problem(raw, on_bad_row="reject", origin=line_of)
    assert ticket_ids(intake) == ["T2"]
    assert [(entry.ticket_id, entry.issues) for entry in intake.rejected] == [
        ("T1", ("tickets.csv:2: ticket 'T1', id: stands 2 times; ids must be unique",)),
        ("T1", ("tickets.csv:4: ticket 'T1', id: stands 2 times; ids must be unique",)),
    ]


def test_a_sound_row_with_the_id_of_a_faulty_one_is_rejected() -> None:
    raw = raw_problem(tickets=[raw_ticket("T1"), raw_ticket("T1", priority=9)])
    intake = build_problem(raw, on_bad_row="reject", origin=line_of)
    assert ticket_ids(intake) == []
    first, second = intake.rejected
    assert first.issues == ("tickets.csv:2: ticket 'T1', id: stands 2 times; ids must be unique",)
    assert len(second.issues) == 2


@pytest.mark.parametrize("ticket_id", ["\U00018cd6", "a\u2028b", "a\u200bb", "\ue000"])
def test_a_rejected_id_of_odd_letters_is_counted(ticket_id: str) -> None:
    raw = raw_problem(tickets=[raw_ticket(ticket_id, duration=0), raw_ticket("T2")])
    intake = build_problem(raw, on_bad_row="reject", origin=line_of)
    assert ticket_ids(intake) == ["T2"]
    assert rejected_ids(intake) == [ticket_id]
    assert intake.issues[0].line == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"travel": {"kind": "teleport"}},
        {"policy": {"preset": "cheap"}},
        {"horizon": {"start": at("12:00"), "end": at("12:00")}},
        {"fault_types": [{"code": "X"}]},
        {"fault_types": [{"code": "X", "duration": {"mean": 60}}] * 2},
        {"timezone": "Mars/Base"},
    ],
)
def test_faults_elsewhere_raise_all_the_same(changed: Raw) -> None:
    problem = raw_problem(tickets=[raw_ticket("T1", priority=9)], **changed)
    found = messages(problem, on_bad_row="reject")
    assert any("ticket 'T1', priority" in text for text in found)
    assert len(found) >= 2


@pytest.mark.parametrize("passed", [True, False])
def test_faults_that_the_reader_found(passed: bool) -> None:
    read = Issue("ticket", "T2", "优先级", "'P9'", "write 1 to 4", "tickets.csv", 3)
    tickets = [raw_ticket("T1"), *([raw_ticket("T2")] if passed else []), raw_ticket("T3")]
    problem = raw_problem(tickets=tickets)
    assert messages(problem, issues=(read,)) == [str(read)]
    intake = build_problem(problem, issues=(read,), on_bad_row="reject")
    assert ticket_ids(intake) == ["T1", "T3"]
    assert [(entry.ticket_id, entry.issues) for entry in intake.rejected] == [("T2", (str(read),))]


def test_rows_without_an_id_that_the_reader_left_out_are_counted_by_line() -> None:
    read = tuple(
        Issue("ticket", "", field, "", "is required", "tickets.csv", line)
        for line, field in ((4, "id"), (4, "place"), (7, "id"))
    )
    intake = build_problem(raw_problem(), issues=read, on_bad_row="reject")
    assert [len(entry.issues) for entry in intake.rejected] == [2, 1]
    assert ticket_ids(intake) == ["T1"]


# --- anything at all ---------------------------------------------------------------------------

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.sampled_from([2**31, 2**63, -(2**70), 10**400]),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from(
        [
            "",
            "T1",
            "E1",
            "S-E1",
            "\ud800",
            "x\0",
            " T1",
            "1700000000",
            at("09:00"),
            at("08:00")[:-6],
        ]
    ),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(0, 2), max_size=2),
    st.builds(raw_ticket),
    st.builds(lambda: {"kind": "matrix", "places": ["A"], "seconds": [[0]]}),
)


def rich_problem() -> Raw:
    """Every kind of field in it, so that mutations reach all of the code."""
    window = {"open": at("09:00"), "close": at("10:00")}
    pause = {"earliest": at("11:00"), "latest": at("12:00"), "duration": 1800}
    lock = {"lock": "visit", "assigned_engineer": "E1", "assigned_start": at("09:00")}
    return raw_problem(
        tickets=[
            raw_ticket("T1", windows=[window], appointment=window, due=at("12:00"), **lock),
            raw_ticket("T2", after=["T1"], skills={"A": 1}, parts={"ONT": 1}, attributes={"x": 1}),
            raw_ticket("T3", status="started", assigned_engineer="E2", assigned_start=at("08:00")),
        ],
        engineers=[
            raw_engineer("E1", travel_profile="van", stock={"ONT": 2}),
            raw_engineer("E2", shifts=[raw_shift("S2", breaks=[pause], end_place=None)]),
        ],
        travel={"kind": "profiles", "profiles": {"van": {"kind": "straight_line", "detour": 1.5}}},
        policy={"preset": "strict", "unserved_cost": {"1": 5}},
        fault_types=[{"code": "X", "duration": {"mean": 60, "p50": 30}}],
        now=at("08:30"),
        previous_plan={"routes": [{"shift_id": "S2", "visits": [{"ticket_id": "T3"}]}]},
    )


@st.composite
def mutated(draw: st.DrawFn) -> Raw:
    """A sound problem with one to four values replaced, removed, doubled or added."""
    raw = rich_problem()
    tickets, engineers = raw["tickets"], raw["engineers"]
    for _ in range(draw(st.integers(1, 4))):
        # Mostly inside the items: a fault elsewhere only ends the reading.
        node: Any = draw(st.sampled_from([raw, tickets, tickets, tickets, engineers, engineers]))
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            child = node[key]
            if isinstance(child, dict | list) and draw(st.integers(0, 3)):
                node = child
                continue
            change = draw(st.sampled_from(["replace", "remove", "double", "add"]))
            if change == "replace":
                node[key] = draw(ODD)
            elif change == "remove":
                del node[key]
            elif isinstance(node, list):
                node.append(copy.deepcopy(child) if change == "double" else draw(ODD))
            else:
                node[draw(st.text(max_size=2))] = draw(ODD)
            break
    return raw


@given(mutated())
def test_odd_data_are_taken_or_refused_and_the_tally_holds(raw: Raw) -> None:
    num_tickets = len(raw["tickets"]) if isinstance(raw.get("tickets"), list) else None
    try:
        intake = build_problem(raw, on_bad_row="reject", origin=line_of)
    except InvalidProblemError as error:
        assert error.issues
        str(error).encode()
    else:
        assert len(intake.problem.tickets) + len(intake.rejected) == num_tickets
        assert not set(ticket_ids(intake)) & set(rejected_ids(intake))
        assert all(entry.issues for entry in intake.rejected)
        assert build_problem(intake.problem.model_dump()).problem == intake.problem
    try:
        strict = build_problem(raw)
    except InvalidProblemError as error:
        assert error.issues
    else:
        assert not strict.issues
        assert len(strict.problem.tickets) == num_tickets


@given(st.dictionaries(st.sampled_from([*rich_problem(), "x"]), ODD))
def test_nonsense_is_refused(raw: Raw) -> None:
    with pytest.raises(InvalidProblemError):
        build_problem(raw, on_bad_row="reject")
