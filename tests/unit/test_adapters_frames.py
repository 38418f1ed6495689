"""DataFrames in and out."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.frames import (
    plan_to_frame,
    problem_from_frames,
    problem_to_frames,
    unserved_to_frame,
)
from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError
from dispatchopt.models import Matrix, Plan, Point, Problem, Skill, Span, Ticket, Window
from dispatchopt.models.intake import Intake
from tests import strategies
from tests.unit import test_round_trip
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_ticket
from tests.unit.test_adapters_json import often

SHANGHAI = "Asia/Shanghai"


def utc(hour: int, minute: int = 0) -> datetime:
    """Shanghai is eight hours ahead."""
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour - 8, minutes=minute)


def local(text: str) -> pd.Timestamp:
    return pd.Timestamp(f"2026-11-23 {text}", tz=SHANGHAI)


def frames(**changed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Three valid frames, some replaced."""
    return {
        "tickets": pd.DataFrame(
            {"id": ["T1"], "fault_type": ["BB_SLOW"], "priority": [3], "lon": [121.5], "lat": 31.2}
        ),
        "engineers": pd.DataFrame({"id": ["E1"], "skills": ["A:2"], "lon": [121.4], "lat": [31.1]}),
        "shifts": pd.DataFrame(
            {"engineer_id": ["E1"], "id": ["S1"], "start": [local("08:00")], "end": local("17:00")}
        ),
        **changed,
    }


def read_ticket(**cells: Any) -> Ticket:
    row = {"id": "T1", "fault_type": "BB_SLOW", "priority": 3, "lon": 121.5, "lat": 31.2, **cells}
    tickets = pd.DataFrame({name: pd.Series([cell], dtype=object) for name, cell in row.items()})
    return problem_from_frames(**frames(tickets=tickets), timezone=SHANGHAI).problem.tickets[0]


def test_plain_frames() -> None:
    problem = problem_from_frames(**frames(), timezone=SHANGHAI).problem
    assert problem.tickets[0] == Ticket(
        id="T1", fault_type="BB_SLOW", priority=3, place=Point(lat=31.2, lon=121.5)
    )
    assert problem.engineers[0].skills == {"A": Skill(level=2)}
    assert problem.engineers[0].shifts[0].end == utc(17)
    assert problem.horizon == Span(start=utc(0), end=utc(24))


def test_nothing_counts_as_absent_in_every_guise() -> None:
    absent = [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), "", " "]
    count = len(absent)
    tickets = pd.DataFrame(
        {
            "id": [f"T{i}" for i in range(count)],
            "fault_type": "BB_SLOW",
            "priority": pd.array([3] * (count - 1) + [pd.NA], dtype="Int64"),
            "lon": 121.5,
            "lat": 31.2,
            "due": pd.Series(absent, dtype=object),
            "skills": pd.Series(absent, dtype=object),
            "crew_size": [2.0] + [np.nan] * (count - 1),
            "reported_at": pd.Series([local("07:00")] + [pd.NaT] * (count - 1)),
        }
    )
    found = problem_from_frames(**frames(tickets=tickets)).problem.tickets
    assert all(ticket.due is None and ticket.skills is None for ticket in found)
    assert [ticket.crew_size for ticket in found] == [2] + [1] * (count - 1)
    assert [ticket.reported_at for ticket in found] == [utc(7)] + [None] * (count - 1)
    assert found[-1].priority == 3  # the default of BB_SLOW


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("id", 7, "id", "7"),
        ("id", np.int64(7), "id", "7"),
        ("id", "007", "id", "007"),
        ("优先级", np.float64(2.0), "priority", 2),
        ("crew_size", 2.0, "crew_size", 2),
        ("duration_minutes", 12.5, "duration", 750),
        ("duration_minutes", 100 / 60, "duration", 100),
        ("duration_minutes", timedelta(seconds=100), "duration", 100),
        ("duration_minutes", pd.Timedelta("75min"), "duration", 4500),
        ("duration_minutes", np.timedelta64(75, "m"), "duration", 4500),
        ("due", local("09:30"), "due", utc(9, 30)),
        ("due", pd.Timestamp("2026-11-23 09:30"), "due", utc(9, 30)),
        ("due", np.datetime64("2026-11-23T09:30"), "due", utc(9, 30)),
        ("due", datetime(2026, 11, 23, 1, 30, tzinfo=UTC), "due", utc(9, 30)),
        ("due", "2026-11-23 09:30", "due", utc(9, 30)),
        ("skills", {}, "skills", {}),
        ("skills", {"A": np.int64(2)}, "skills", {"A": 2}),
        ("parts", {"ONT": 1}, "parts", {"ONT": 1}),
        ("refused_engineers", ["E1", "E;2"], "refused_engineers", ("E1", "E;2")),
        ("refused_engineers", np.array(["E1"]), "refused_engineers", ("E1",)),
        ("preferred_engineers", (), "preferred_engineers", ()),
        ("windows", [(local("08:00"), "2026-11-23 10:00")], "windows", (8, 10)),
        ("windows", [{"open": local("08:00"), "close": local("10:00")}], "windows", (8, 10)),
        ("windows", [Window(open=utc(8), close=utc(10))], "windows", (8, 10)),
        ("windows", "2026-11-23 08:00/10:00", "windows", (8, 10)),
        ("attributes", {"floor": 3}, "attributes", {"floor": 3}),
        ("attributes.floor", 3, "attributes", {"floor": 3}),
    ],
)
def test_cells(column: str, cell: Any, field: str, value: Any) -> None:
    if field == "windows":
        value = (Window(open=utc(value[0]), close=utc(value[1])),)
    cells = {column: cell}
    if column == "优先级":
        row = {"id": "T1", "fault_type": "BB_SLOW", "lon": 1.0, "lat": 1.0, **cells}
        tickets = pd.DataFrame([row])
        ticket = problem_from_frames(**frames(tickets=tickets)).problem.tickets[0]
    else:
        ticket = read_ticket(**cells)
    assert getattr(ticket, field) == value


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("id", 7.5, "numbers lose digits"),
        ("id", 1e15, "numbers lose digits"),
        ("territory", ["G1"], "must be text"),
        ("priority", True, "must not be true or false"),
        ("priority", 2.5, "must be a whole number"),
        ("priority", 5, "must be 1 (most urgent) to 4"),
        ("priority", np.inf, "must be a whole number"),
        ("lat", 91.0, "swapped"),
        ("lat", np.inf, "must be a number"),
        ("lat", 10**400, "too large"),
        pytest.param("carried_over", 10**5000, "too large", id="beyond what Python prints"),
        ("duration_minutes", -5, "must be a number of minutes"),
        ("duration_minutes", timedelta(seconds=-5), "not negative"),
        ("duration_minutes", timedelta(seconds=0.5), "must be whole seconds"),
        ("due", 1_795_000_000, "no date and time"),
        ("due", date(2026, 11, 23), "without a time"),
        ("due", pd.Timestamp("2026-11-23 08:00:00.5", tz="UTC"), "whole seconds"),
        ("due", pd.Timestamp("2026-11-23 08:00:00.000000001", tz="UTC"), "whole seconds"),
        ("due", datetime(9999, 12, 31, tzinfo=UTC), "1970 to 2999"),
        ("due", datetime(1, 1, 1), "1970 to 2999"),
        ("skills", ["A"], "cannot be read"),
        ("windows", [3], "must be pairs"),
        ("windows", 3, "must not be a number"),
        ("status", 3, "must not be a number"),
        ("status", object(), "cannot be read"),
    ],
)
def test_faulty_cells(column: str, cell: Any, words: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        read_ticket(**{column: cell})
    (issue,) = caught.value.issues
    assert words in issue.message
    assert (issue.kind, issue.file, issue.line, issue.field) == ("ticket", "tickets", 1, column)


def test_all_faults_at_once_with_their_rows() -> None:
    tickets = pd.DataFrame({"工单号": ["A", "B"], "故障类型": "BB_SLOW", "经度": ["x", "1"]})
    tickets["楼层"] = 3
    engineers = pd.DataFrame({"id": ["E1"], "skills": [{"A": 0}], "lon": [1], "lat": [1]})
    shifts = pd.DataFrame(
        {"engineer_id": ["E1", "E9"], "start": [local("08:00")] * 2, "end": local("07:00")}
    )
    with pytest.raises(InvalidProblemError) as caught:
        problem_from_frames(tickets, engineers, shifts, horizon=(local("00:00"), "noon"))  # type: ignore[arg-type]
    assert [(i.file, i.line, i.id, i.field) for i in caught.value.issues] == [
        ("", 0, "", "horizon.end"),
        ("engineers", 1, "E1", "skills"),
        ("shifts", 1, "E1/2026-11-23T00:00", "end"),
        ("shifts", 2, "E9/2026-11-23T00:00", "engineer_id"),
        ("tickets", 0, "", "楼层"),
        ("tickets", 1, "A", "经度"),
        ("tickets", 2, "B", "纬度"),
    ]


def test_naive_times_need_a_zone() -> None:
    naive = frames()["shifts"].assign(start=pd.Timestamp("2026-11-23 08:00"))
    with pytest.raises(InvalidProblemError) as caught:
        problem_from_frames(**frames(shifts=naive))
    (issue,) = caught.value.issues
    assert issue.field == "timezone"
    assert "1 times have no zone, the first at shifts, row 1, start" in issue.message
    with pytest.raises(InvalidProblemError, match="no IANA time zone"):
        problem_from_frames(**frames(shifts=naive), timezone="Mars/Olympus")


def test_skipped_hour_is_a_fault() -> None:
    naive = frames()["shifts"].assign(start=pd.Timestamp("2026-03-29 02:30"))
    with pytest.raises(InvalidProblemError, match="does not exist in Europe/Berlin"):
        problem_from_frames(**frames(shifts=naive), timezone="Europe/Berlin")


def test_index_that_bears_a_columns_name_counts() -> None:
    tickets = frames()["tickets"].set_index("id")
    assert problem_from_frames(**frames(tickets=tickets)).problem.tickets[0].id == "T1"
    unnamed = frames()["tickets"].set_index(pd.Index([42]))
    assert problem_from_frames(**frames(tickets=unnamed)).problem.tickets[0].id == "T1"


def test_frames_stay_as_they_are() -> None:
    given_frames = frames(tickets=frames()["tickets"].set_index("id"))
    copies = {name: frame.copy() for name, frame in given_frames.items()}
    problem_from_frames(**given_frames)
    for name, frame in given_frames.items():
        pd.testing.assert_frame_equal(frame, copies[name])


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"origin": ["A"], "destination": ["B"], "seconds": [69.1]}),
        pd.DataFrame({"起点": ["A"], "终点": ["B"], "秒": [70]}),
        pd.DataFrame([[0, 70.0], [np.nan, 0]], index=["A", "B"], columns=["A", "B"]),
    ],
)
def test_travel_frames(table: pd.DataFrame) -> None:
    tickets = pd.DataFrame({"id": ["T1"], "fault_type": ["BB_SLOW"], "place": ["B"]})
    engineers = pd.DataFrame({"id": ["E1"], "skills": [{}], "place": ["A"]})
    given_frames = frames(tickets=tickets, engineers=engineers)
    intake = problem_from_frames(**given_frames, travel=table)
    assert intake.problem.travel == Matrix.model_validate(
        {"kind": "matrix", "places": ["A", "B"], "seconds": [[0, 70], [None, 0]]}
    )
    is_long = table.shape[1] == 3
    assert [w.message.partition(",")[0] for w in intake.warnings] == (
        ["1 of 2 pairs of places have no row"] if is_long else []
    )
    bad = table.astype(object)
    bad.iloc[0, -1] = "soon"
    with pytest.raises(InvalidProblemError) as caught:
        problem_from_frames(**given_frames, travel=bad)
    (issue,) = caught.value.issues
    assert (issue.kind, issue.file, issue.line) == ("travel", "travel", 1)


def test_rejecting() -> None:
    tickets = pd.concat([frames()["tickets"], frames()["tickets"].assign(id="T2", lat=99)])
    intake = problem_from_frames(**frames(tickets=tickets), on_bad_row="reject")
    assert [ticket.id for ticket in intake.problem.tickets] == ["T1"]
    assert [entry.ticket_id for entry in intake.rejected] == ["T2"]


def test_something_else_than_a_frame() -> None:
    with pytest.raises(AdapterError, match="must be a DataFrame"):
        problem_from_frames([], *list(frames().values())[1:])  # type: ignore[arg-type]


@given(problem=strategies.problems())
def test_round_trip_with_tables(problem: Problem) -> None:
    given_frames = problem_to_frames(problem)
    assert problem_from_frames(**given_frames._asdict()) == Intake(problem, (), ())


@often
@given(raw=test_round_trip.problems())
def test_round_trip_with_points(raw: dict[str, Any]) -> None:
    problem = Problem.model_validate(raw)
    try:
        given_frames = problem_to_frames(problem)
    except AdapterError as error:
        assert ", name: would read back otherwise" in str(error)
    else:
        assert problem_from_frames(**given_frames._asdict()) == Intake(problem, (), ())


def test_times_are_local_timestamps() -> None:
    ticket = raw_ticket(due=at("09:30"), duration=100)
    given_frames = problem_to_frames(Problem.model_validate(raw_problem(tickets=[ticket])))
    assert given_frames.tickets["due"].tolist() == [local("09:30")]
    assert str(given_frames.tickets["due"].dtype) == "datetime64[s, Asia/Shanghai]"
    assert "earliest" not in given_frames.tickets


def test_cells_that_frames_cannot_carry_are_listed() -> None:
    problem = Problem.model_validate(raw_problem(engineers=[raw_engineer(name=" ")]))
    with pytest.raises(AdapterError, match="engineer 'E1', name"):
        problem_to_frames(problem)


def hand_made_plan() -> Plan:
    first = {
        "ticket_id": "T1", "departure": at("08:10"), "arrival": at("08:30"), "start": at("08:30"),
        "end": at("09:40"), "travel_seconds": 1200,
        "promised": {"open": at("08:00"), "close": at("10:00")},
    }  # fmt: skip
    return Plan.model_validate(
        {
            "routes": [{"shift_id": "S-E1", "visits": [first, {"ticket_id": "gone"}]}],
            "unserved": [{"ticket_id": "T2", "reason": "NO_PARTS", "detail": {"缺": 2}}],
            "broken_promises": ["T2"],
        }
    )


def test_plan_to_frame() -> None:
    tickets = [raw_ticket("T1", due=at("09:30"), territory="G1"), raw_ticket("T2", visit_no=2)]
    problem = Problem.model_validate(raw_problem(tickets=tickets))
    frame = plan_to_frame(hand_made_plan(), problem)
    assert frame["ticket_id"].tolist() == ["T1", "gone"]
    assert frame["sequence"].tolist() == [1, 2]
    assert frame["engineer_id"].tolist() == ["E1", "E1"]
    assert frame["arrival"].tolist() == [local("08:30"), pd.NaT]
    assert frame["promised_close"].tolist()[0] == local("10:00")
    # Ends at 09:40, due at 09:30.
    assert frame["tardiness_seconds"].tolist() == [600, pd.NA]
    assert frame["lat"].tolist()[0] == 31.2
    assert frame["territory"].tolist() == ["G1", None]
    alone = plan_to_frame(hand_made_plan())
    assert alone["arrival"].tolist()[0] == pd.Timestamp("2026-11-23 00:30", tz="UTC")
    assert alone["engineer_id"].tolist() == [None, None]
    assert "due" not in alone


def test_frames_of_a_plan_are_in_the_zone_asked_for() -> None:
    shown = plan_to_frame(hand_made_plan())["start"].tolist()[0]
    for problem in (None, Problem.model_validate(raw_problem())):
        for frame in (
            plan_to_frame(hand_made_plan(), problem, timezone="Europe/Berlin"),
            hand_made_plan().to_frame(problem, timezone="Europe/Berlin"),
        ):
            assert str(frame["start"].dt.tz) == "Europe/Berlin"
            assert frame["start"].tolist()[0] == shown
    with pytest.raises(AdapterError, match="'Nowhere/At_All' is no IANA time zone"):
        unserved_to_frame(hand_made_plan(), timezone="Nowhere/At_All")


def test_unserved_to_frame() -> None:
    problem = Problem.model_validate(raw_problem(tickets=[raw_ticket("T2", carried_over=3)]))
    frame = unserved_to_frame(hand_made_plan(), problem)
    assert frame.loc[0, ["ticket_id", "reason", "detail"]].tolist() == [
        "T2", "NO_PARTS", '{"缺": 2}',
    ]  # fmt: skip
    assert frame["breaks_promise"].tolist() == [True]
    assert frame["carried_over"].tolist() == [3]
    assert list(unserved_to_frame(hand_made_plan()).columns) == [
        "ticket_id", "reason", "detail", "breaks_promise",
    ]  # fmt: skip


def test_empty_plan_has_columns() -> None:
    frame = plan_to_frame(Plan(routes=()))
    assert len(frame) == 0
    assert str(frame["start"].dtype) == "datetime64[s, UTC]"


odd_cells = st.sampled_from(
    [
        None, np.nan, pd.NaT, pd.NA, True, 0, -1, 2**70, 1.5, np.inf, "", "A", "1.2E+12", "x:1;y",
        "2026-11-23 08:00", "2026-11-23 08:00/10:00", b"x", [], {}, [1], {"a": 1}, {1: None}, (),
        [("a", "b")], [{"open": 1}], pd.Timestamp("2026-11-23"), pd.Timestamp.max, date.max,
        datetime.max, datetime.max.replace(tzinfo=UTC), timedelta.max, np.datetime64("9999-01-01"),
        np.array([1, 2]), object(), 1j, Window(open=utc(8), close=utc(9)), pd.Timedelta.max,
    ]
)  # fmt: skip
COLUMNS = [
    "id", "fault_type", "priority", "lon", "lat", "place", "due", "windows", "status", "skills",
    "parts", "after", "duration_minutes", "attributes", "crew_size", "appointment_start", "points",
    "start", "end", "engineer_id", "breaks", "stock", "end_place", "end_lon", "odd",
]  # fmt: skip


@often
@given(
    cells=st.dictionaries(
        st.tuples(st.sampled_from(["tickets", "engineers", "shifts"]), st.sampled_from(COLUMNS)),
        odd_cells,
        max_size=5,
    ),
    timezone=st.sampled_from([None, SHANGHAI, "X", "", 3]),
    head=st.dictionaries(
        st.sampled_from(["now", "horizon", "travel", "policy", "fault_types"]),
        odd_cells,
        max_size=1,
    ),
    on_bad_row=st.sampled_from(["error", "reject"]),
)
def test_any_frame_gives_a_problem_or_a_dispatch_error(
    cells: dict[tuple[str, str], Any], timezone: Any, head: dict[str, Any], on_bad_row: Any
) -> None:
    given_frames = frames()
    for (name, column), cell in cells.items():
        values = pd.Series([None], dtype=object)
        values.iat[0] = cell
        given_frames[name] = given_frames[name].assign(**{column: values})
    with contextlib.suppress(DispatchError):
        intake = problem_from_frames(
            **given_frames, timezone=timezone, on_bad_row=on_bad_row, **head
        )
        assert isinstance(intake, Intake)
