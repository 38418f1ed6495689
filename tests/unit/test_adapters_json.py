"""Problems and plans as JSON files: the same again, and clear errors for everything else."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dispatchopt.adapters import json_files, textfiles
from dispatchopt.adapters.json_files import read_plan, read_problem, write_plan, write_problem
from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError, Issue
from dispatchopt.models import Matrix, Plan, Problem, Profiles
from dispatchopt.models.intake import Intake
from tests import strategies
from tests.unit import test_round_trip
from tests.unit.raw_data import Raw, raw_engineer, raw_problem, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path

# Each example writes its file anew, so one folder serves them all.
one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
often = settings(one_folder, max_examples=4 * settings.default.max_examples)


def file_of(tmp_path: Path, data: Any, name: str = "problem.json") -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def matrix_problem(**travel: Any) -> Raw:
    """Two places; the ticket at B, the engineer at A."""
    return raw_problem(
        tickets=[raw_ticket(place="B")],
        engineers=[raw_engineer(place="A")],
        travel={"kind": "matrix", **travel},
    )


def issues_of(path: Path) -> tuple[Issue, ...]:
    with pytest.raises(InvalidProblemError) as caught:
        read_problem(path)
    return caught.value.issues


@pytest.mark.parametrize("name", ["p.json", "p.json.gz"])
@one_folder
@given(problem=strategies.problems())
def test_problem_round_trip(tmp_path: Path, name: str, problem: Problem) -> None:
    path = tmp_path / name
    write_problem(problem, path)
    assert read_problem(path) == Intake(problem, (), ())


@one_folder
@given(raw=test_round_trip.plans)
def test_plan_round_trip(tmp_path: Path, raw: Raw) -> None:
    plan = Plan.model_validate(raw)
    write_plan(plan, tmp_path / "plan.json.gz")
    assert read_plan(tmp_path / "plan.json.gz") == plan


def test_same_problem_gives_the_same_bytes(tmp_path: Path) -> None:
    problem = Problem.model_validate(raw_problem())
    write_problem(problem, tmp_path / "a.json.gz")
    write_problem(problem, tmp_path / "b.json.gz")
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_byte_order_mark_and_chinese_are_read(tmp_path: Path) -> None:
    raw = raw_problem(engineers=[raw_engineer(name="张三")])
    path = file_of(tmp_path, b"\xef\xbb\xbf" + json.dumps(raw, ensure_ascii=False).encode())
    assert read_problem(path).problem.engineers[0].name == "张三"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"tickets": [,]}', "line 1, column 14"),
        (b'{\n "now": NaN}', "NaN is no JSON number"),
        (b'{"now": -Infinity}', "-Infinity is no JSON number"),
        (b'{"now": 1e999}', "too large"),
        (b'{"now": ' + b"9" * 5000 + b"}", "limit"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"name": "\\ud800"}', "without its other half"),
        (b'["\\udfff"]', "without its other half"),
        (b"\xff\xfe{\x00}", "line 1 is no UTF-8"),
        (b'{\n\n"a": "\xe4"}', "line 3 is no UTF-8"),
        (b"", "line 1, column 1"),
    ],
)
def test_what_is_no_json_is_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    for read in (read_problem, read_plan):
        with pytest.raises(AdapterError) as caught:
            read(file_of(tmp_path, content))
        assert words in str(caught.value)
        assert "problem.json" in str(caught.value)


def test_paired_surrogates_are_text(tmp_path: Path) -> None:
    raw = raw_problem(tickets=[raw_ticket(attributes={"note": ["\U0001f600"]})])
    path = file_of(tmp_path, json.dumps(raw).encode())
    assert b"\\ud83d\\ude00" in path.read_bytes()
    assert read_problem(path).problem.tickets[0].attributes == {"note": ["\U0001f600"]}


def test_truncated_or_false_gzip_is_one_clear_error(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps(raw_problem()).encode())
    for content in (whole[:-4], whole[:10], whole[:5], b"{}", whole[:20] + b"x" + whole[21:]):
        with pytest.raises(AdapterError, match="no complete gzip file"):
            read_problem(file_of(tmp_path, content, "p.json.gz"))


def test_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textfiles, "MAX_BYTES", 2**21)
    with pytest.raises(AdapterError, match="unpacks to more than"):
        read_problem(file_of(tmp_path, gzip.compress(b" " * 2**22), "p.json.gz"))


@pytest.mark.parametrize("name", ["none.json", "", "a\0b"])
def test_unreadable_path_is_one_clear_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(AdapterError):
        read_problem(tmp_path / name)


@pytest.mark.parametrize("top", [[], "x", 3, None, [raw_problem()]])
def test_wrong_top_type_is_a_fault(tmp_path: Path, top: Any) -> None:
    (issue,) = issues_of(file_of(tmp_path, top))
    assert issue.file == "problem.json"
    with pytest.raises(InvalidProblemError):
        read_plan(file_of(tmp_path, top))


def test_key_that_stands_twice_is_a_fault_beside_the_others(tmp_path: Path) -> None:
    text = json.dumps(raw_problem(tickets=[raw_ticket(priority=9)]))
    text = text.replace('"priority": 9', '"priority": 9, "priority": 8')
    issues = issues_of(file_of(tmp_path, text.encode()))
    assert [issue.field for issue in issues] == ["priority", "priority"]
    assert "stands twice" in issues[0].message
    assert all(issue.file == "problem.json" for issue in issues)
    assert issues[1].value == "8"


def test_plan_with_faults_lists_them_with_the_file(tmp_path: Path) -> None:
    plan = {"routes": [{"shift_id": "", "visits": [{"ticket_id": 3}]}], "nonsense": 1}
    with pytest.raises(InvalidProblemError) as caught:
        read_plan(file_of(tmp_path, plan, "plan.json"))
    assert [issue.field for issue in caught.value.issues] == [
        "routes[0].shift_id", "routes[0].visits[0].ticket_id", "nonsense",
    ]  # fmt: skip
    assert {(issue.kind, issue.file) for issue in caught.value.issues} == {("plan", "plan.json")}


def test_bad_tickets_are_rejected_on_demand(tmp_path: Path) -> None:
    raw = raw_problem(tickets=[raw_ticket("good"), raw_ticket("bad", priority=9)])
    intake = read_problem(file_of(tmp_path, raw), on_bad_row="reject")
    assert [ticket.id for ticket in intake.problem.tickets] == ["good"]
    assert [entry.ticket_id for entry in intake.rejected] == ["bad"]


def test_number_beyond_json_in_attributes_is_not_written(tmp_path: Path) -> None:
    ticket = raw_ticket(attributes={"depth": float("inf")})
    problem = Problem.model_validate(raw_problem(tickets=[ticket]))
    unserved = [{"ticket_id": "T", "reason": "R", "detail": {"share": [float("nan")]}}]
    plan = Plan.model_validate({"routes": [], "unserved": unserved})
    for write in (
        lambda: write_problem(problem, tmp_path / "p.json"),
        lambda: write_plan(plan, tmp_path / "p.json"),
        lambda: write_problem(
            Problem.model_validate(raw_problem(previous_plan=plan)), tmp_path / "p.json"
        ),
    ):
        with pytest.raises(AdapterError, match="no JSON form"):
            write()
    assert list(tmp_path.iterdir()) == []


SECONDS = [[0, 70], [None, 0]]


def npy(table: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, table, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.npy", npy(np.array([[0, 70], [-1, 0]], dtype=np.int16))),
        ("t.npy", npy(np.asfortranarray([[0, 69.1], [np.nan, 0]]))),
        ("t.csv", b"origin,destination,seconds\nA,B,69.1\n"),
        ("t.csv", ",B,A\nB,0,\nA,７０,0\n".encode()),
        ("t.csv", "起点,终点,秒\nA,B,70\n".encode("gb18030")),
        ("t.csv.gz", gzip.compress(b"x,A,B,,\nA,0,70,,\n\nB,,0,,\n")),
    ],
)
def test_travel_table_beside_the_problem(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    raw = matrix_problem(places=["A", "B"], seconds={"file": name})
    expected = Matrix.model_validate({"kind": "matrix", "places": ["A", "B"], "seconds": SECONDS})
    assert read_problem(file_of(tmp_path, raw)).problem.travel == expected
    raw["travel"] = {"kind": "profiles", "profiles": {"van": raw["travel"]}}
    travel = read_problem(file_of(tmp_path, raw)).problem.travel
    assert isinstance(travel, Profiles)
    assert travel.profiles["van"] == expected


def test_csv_table_names_the_places_itself(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("origin,destination,seconds\nB,A,5\n")
    raw = matrix_problem(seconds={"file": "t.csv"})
    travel = read_problem(file_of(tmp_path, raw)).problem.travel
    assert isinstance(travel, Matrix)
    assert travel.places == ("B", "A")


def test_warnings_of_a_file_name_it(tmp_path: Path) -> None:
    rows = "A,B,5\nB,A,5\nA,C,5\n"
    (tmp_path / "t.csv").write_text(f"origin,destination,seconds\n{rows}")
    raw = matrix_problem(seconds={"file": "t.csv"})
    raw["previous_plan"] = {"routes": [{"shift_id": "gone", "visits": []}]}
    path = file_of(tmp_path, raw)
    warnings = read_problem(path).warnings
    assert [(w.kind, w.file) for w in warnings] == [("travel", "t.csv"), ("plan", path.name)]
    # Only the pairs of the places asked for count.
    raw = matrix_problem(seconds={"file": "t.csv"}, places=["A", "B"])
    assert read_problem(file_of(tmp_path, raw)).warnings == ()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../t.npy", b"", "must stand in the folder"),
        ("/etc/passwd", b"", "must stand in the folder"),
        ("a/../../t.csv", b"", "must stand in the folder"),
        ("link.npy", b"", "must stand in the folder"),
        (".", b"", "must stand in the folder"),
        ("a\0.npy", b"", "no path"),
        ("t.xls", b"", "must end in .npy"),
        ("gone.npy", None, "no such file"),
        ("t.npy", b"", "no table of numbers"),
        ("t.npy", npy(np.zeros((2, 2)))[:-8], "no table of numbers"),
        ("t.npy", npy(np.array([[0, None], [1, 2]], dtype=object)), "no table of numbers"),
        ("t.npy", npy(np.array([["0", "1"], ["1", "2"]])), "no table of numbers"),
        ("t.npy", npy(np.zeros(4)), "no table of numbers"),
        ("t.npy", npy(np.zeros((2, 2))).replace(b"(2, 2)", b"(9,99)"), "no table of numbers"),
        ("t.npy", npy(np.zeros((2, 2))).replace(b"(2, 2)", b"2(2, )"), "no table of numbers"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"origin,destination,seconds\nA,C,1\n", "no row and column for this place"),
        ("t.csv", b"origin,destination,seconds\nA,B,1\nA,B,2\n", "stands twice"),
        ("t.csv", b"origin,destination,seconds\nA,B,1;5\n", "must be a number"),
        ("t.csv", b'origin,destination,seconds\nA,B,"1,5"\n', "a comma in a number"),
        ("t.csv", b"origin,destination,seconds\nA,B\n", "has 2 cells"),
        ("t.csv", b"origin,destination,seconds\nA,,1\n", "are required"),
        ("t.csv", b",A,B\nA,0,1\n", "has no row"),
        ("t.csv", b",A,B\nA,0,1\nB,1,0\nB,1,0\n", "stands twice"),
        ("t.csv", b",A,B\nA,0,1\nC,1,0\n", "has no column"),
        ("t.csv", b",A,B\nA,0,1\nB,1,0,7\n", "there are 2 places"),
        ("t.csv", b",A,B,A\nA,0,1,0\nB,1,0,0\n", "this column stands twice"),
        ("t.csv", b",A,1.2E+12\nA,0,1\n1.2E+12,1,0\n", "turned this id into a number"),
        ("t.csv", b",A,B\nA,0,x\nB,1,0\n", "must be a number"),
        ("t.csv", b',A,B\nA,0,"x\nB,1,0\n', "no valid CSV"),
        ("t.csv", b"\xff\xff", "neither UTF-8 nor GB18030"),
    ],
)
def test_faults_of_travel_tables_stand_alone(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    outside = tmp_path / "t.npy"
    outside.write_bytes(npy(np.zeros((2, 2))))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a").mkdir()
    (folder / "link.npy").symlink_to(outside)
    if content is not None and name.startswith("t."):
        (folder / name).write_bytes(content)
    raw = matrix_problem(seconds={"file": name}, places=["A", "B"])
    issues = issues_of(file_of(folder, raw))
    assert {issue.kind for issue in issues} == {"travel"}, issues
    assert words in issues[0].message


def test_fault_of_a_travel_table_hides_no_other(tmp_path: Path) -> None:
    raw = matrix_problem(seconds={"file": "gone.csv"})
    raw["tickets"][0]["priority"] = 9
    issues = issues_of(file_of(tmp_path, raw))
    assert [(issue.kind, issue.field) for issue in issues] == [
        ("travel", ""),
        ("ticket", "priority"),
    ]


@pytest.mark.parametrize("seconds", [{"file": 3}, {"url": "x"}, {"file": "t.npy", "more": 1}, {}])
def test_odd_reference_is_a_fault(tmp_path: Path, seconds: Any) -> None:
    raw = matrix_problem(places=["A", "B"], seconds=seconds)
    assert {issue.kind for issue in issues_of(file_of(tmp_path, raw))} == {"travel"}


def test_npy_needs_places(tmp_path: Path) -> None:
    (tmp_path / "t.npy").write_bytes(npy(np.zeros((2, 2))))
    (issue,) = issues_of(file_of(tmp_path, matrix_problem(seconds={"file": "t.npy"})))
    assert "names no places" in issue.message


def test_large_tables_are_written_beside_the_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "LARGE_TABLE", 1)
    raw = matrix_problem(places=["A", "B"], seconds=SECONDS)
    table = raw["travel"]
    for travel in (table, {"kind": "profiles", "profiles": {"van": table, "bike": table}}):
        problem = Problem.model_validate({**raw, "travel": travel})
        write_problem(problem, tmp_path / "day.json.gz")
        assert read_problem(tmp_path / "day.json.gz").problem == problem
    # One table, one content, one file: the name is a digest.
    tables = [path.name for path in tmp_path.glob("*.npy")]
    assert len(tables) == 1
    assert tables[0].startswith("day.travel-")


VALID = json.dumps(raw_problem(previous_plan={"routes": []}), ensure_ascii=False).encode()


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file with a few bytes removed, doubled or replaced."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        end = at + draw(st.sampled_from([1, 1, 2, 20, 200]))
        new = draw(
            st.sampled_from([b"", b"null", b"-1", b'"', b"{", b"[]", b"1e400", b"9" * 30, b"{}"])
            | st.binary(max_size=4)
            | st.just(bytes(data[at : at + 60]) * 2)
        )
        data[at:end] = new
        if not data:
            data = bytearray(b" ")
    return bytes(data)


@often
@given(
    content=st.binary(max_size=60) | mutated(VALID),
    name=st.sampled_from(["p.json", "p.json", "p.json.gz"]),
    on_bad_row=st.sampled_from(["error", "reject"]),
)
@example(content=b"null", name="p.json", on_bad_row="reject")
def test_anything_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path, content: bytes, name: str, on_bad_row: Any
) -> None:
    path = file_of(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    with contextlib.suppress(DispatchError):
        assert isinstance(read_problem(path, on_bad_row=on_bad_row), Intake)
    with contextlib.suppress(DispatchError):
        assert isinstance(read_plan(path), Plan)


json_like = st.recursive(
    st.sampled_from([None, True, 0, -1, 2**70, 1.5, "", "A", "2026-11-23T08:00:00+08:00", "E1"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "file", "kind", "lat", "1"]), inner, max_size=2)
    ),
    max_leaves=5,
)


def paths_of(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += paths_of(value, (*path, key))
    return found


RICH = raw_problem(
    tickets=[raw_ticket(skills={"A": 1}, windows=[{"open": "x", "close": "y"}], parts={"P": 1})],
    travel={"kind": "matrix", "places": ["A"], "seconds": [[0]]},
    policy={"preset": "strict", "unserved_cost": {"1": 5}},
    fault_types=[{"code": "X", "duration": {"mean": 60}}],
    previous_plan={"routes": [{"shift_id": "S", "visits": []}]},
)


@often
@given(
    changes=st.lists(st.tuples(st.sampled_from(paths_of(RICH)), json_like), min_size=1, max_size=3),
    on_bad_row=st.sampled_from(["error", "reject"]),
)
def test_any_value_anywhere_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path, changes: list[tuple[tuple[Any, ...], Any]], on_bad_row: Any
) -> None:
    raw = json.loads(json.dumps(RICH))
    for path, value in changes:
        inner = raw
        with contextlib.suppress(TypeError, KeyError, IndexError):
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
    with contextlib.suppress(DispatchError):
        assert isinstance(read_problem(file_of(tmp_path, raw), on_bad_row=on_bad_row), Intake)
