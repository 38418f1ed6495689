"""Copies to share: nothing personal left, everything that plans kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import dispatchopt as do
from dispatchopt.adapters.anonymise import anonymise
from dispatchopt.adapters.any_input import read_any
from dispatchopt.cli import app
from dispatchopt.models import Matrix, Point
from dispatchopt.models.cross_check import cross_check
from dispatchopt.travel import great_circle_km
from tests import strategies
from tests.unit import test_round_trip
from tests.unit.raw_data import raw_engineer, raw_problem, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path

SALT = b"0123456789abcdef"


def secret_problem() -> do.Problem:
    place = {"lat": 31.2, "lon": 121.5}
    tickets = [
        raw_ticket(
            "工单-1",
            place=place,
            case_id="CASE-1",
            territory="张三网格",
            network_element="OLT-77",
            lock="engineer",
            assigned_engineer="王工",
            preferred_engineers=["王工"],
            customer_tier="13812345678",
            attributes={"address": "南京路 1 号", "approximate": "grid"},
        ),
        raw_ticket("工单-2", place=place, case_id="CASE-1", after=["工单-1"]),
    ]
    crew = raw_engineer(
        "王工", name="王小明", territories=["张三网格"], attributes={"phone": "13812345678"}
    )
    plan = {
        "routes": [{"shift_id": "S-王工", "visits": [{"ticket_id": "工单-1"}]}],
        "unserved": [
            {"ticket_id": "工单-2", "reason": "等王小明回电", "detail": {"who": "王小明"}}
        ],
        "rejected": [{"ticket_id": "x", "issues": ["王小明"]}],
    }
    return do.Problem.model_validate(
        raw_problem(tickets=tickets, engineers=[crew], previous_plan=plan)
    )


def test_nothing_personal_is_left() -> None:
    copy = anonymise(secret_problem(), salt=SALT)
    text = copy.model_dump_json()
    for secret in (
        "工单", "CASE", "张三", "OLT", "王", "13812345678", "南京路", "phone", "31.2,", "121.5}",
    ):  # fmt: skip
        assert secret not in text
    assert copy.tickets[0].attributes == {"approximate": "grid"}
    assert copy.engineers[0].name is None


def test_equal_things_stay_equal_everywhere() -> None:
    first, second = anonymise(secret_problem(), salt=SALT).tickets
    copy = anonymise(secret_problem(), salt=SALT)
    engineer = copy.engineers[0]
    assert first.case_id == second.case_id != first.id
    assert second.after == (first.id,)
    assert first.place == second.place
    assert first.assigned_engineer == engineer.id == first.preferred_engineers[0]  # type: ignore[index]
    assert engineer.territories == (first.territory,)
    assert copy.previous_plan is not None
    assert copy.previous_plan.routes[0].shift_id == engineer.shifts[0].id
    assert copy.previous_plan.routes[0].visits[0].ticket_id == first.id
    assert not cross_check(copy)


def test_the_salt_decides() -> None:
    problem = secret_problem()
    assert anonymise(problem, salt=SALT) == anonymise(problem, salt=SALT)
    other = anonymise(problem, salt=SALT[::-1])
    assert other.tickets[0].id != anonymise(problem, salt=SALT).tickets[0].id
    with pytest.raises(ValueError, match="16 or more"):
        anonymise(problem, salt=SALT[1:])
    with pytest.raises(ValueError, match="jitter_metres"):
        anonymise(problem, salt=SALT, jitter_metres=-1)


@settings(max_examples=50)
@given(
    st.sampled_from([-90.0, -89.999, -45.0, 0.0, 31.2, 60.0, 90.0]),
    st.sampled_from([-180.0, -179.9999, 0.0, 121.5, 180.0]),
    st.sampled_from([0, 1, 200, 100_000]),
    st.binary(min_size=16, max_size=16),
)
def test_points_move_no_farther_than_stated(
    lat: float, lon: float, metres: int, salt: bytes
) -> None:
    problem = do.Problem.model_validate(
        raw_problem(tickets=[raw_ticket(place={"lat": lat, "lon": lon})])
    )
    point = anonymise(problem, salt=salt, jitter_metres=metres).tickets[0].place
    assert isinstance(point, Point)
    assert 1000 * float(great_circle_km(lat, lon, point.lat, point.lon)) <= metres


def test_points_do_move() -> None:
    tickets = [raw_ticket(f"T{i}", place={"lat": 31.2, "lon": 121 + i / 10}) for i in range(50)]
    problem = do.Problem.model_validate(raw_problem(tickets=tickets))
    copy = anonymise(problem, salt=SALT)
    moved = [
        1000 * float(great_circle_km(a.place.lat, a.place.lon, b.place.lat, b.place.lon))  # type: ignore[union-attr]
        for a, b in zip(problem.tickets, copy.tickets, strict=True)
    ]
    # Evenly over a disc of 200 m: half of the points beyond 141 m.
    assert 100 < sorted(moved)[25] < 180


@settings(max_examples=25, deadline=None)
@given(raw=test_round_trip.problems())
def test_every_problem_stays_sound_and_writable(raw: dict[str, Any]) -> None:
    copy = anonymise(do.Problem.model_validate(raw), salt=SALT)
    assert not cross_check(copy)
    assert do.Problem.model_validate_json(copy.model_dump_json()) == copy


@settings(max_examples=25, deadline=None)
@given(problem=strategies.problems())
def test_with_travel_tables_all_that_plans_is_the_same(problem: do.Problem) -> None:
    copy = anonymise(problem, salt=SALT)
    assert not cross_check(copy)
    assert isinstance(copy.travel, Matrix) == isinstance(problem.travel, Matrix)
    planned = (
        "status", "fault_type", "priority", "reported_at", "due", "latest", "windows",
        "appointment", "lock", "assigned_start", "duration", "skills", "parts", "crew_size",
    )  # fmt: skip
    for before, after in zip(problem.tickets, copy.tickets, strict=True):
        assert all(getattr(before, name) == getattr(after, name) for name in planned)
    for one, other in zip(problem.engineers, copy.engineers, strict=True):
        assert [s.end_place is None for s in one.shifts] == [
            s.end_place is None for s in other.shifts
        ]
        assert [s.ends_anywhere for s in one.shifts] == [s.ends_anywhere for s in other.shifts]


def test_it_plans_to_the_same_cost() -> None:
    problem = do.generate(tickets=12, engineers=3, seed=4)
    copy = anonymise(problem, salt=SALT, jitter_metres=0)
    options = {"iterations": 200, "threads": 1, "seed": 1}
    plan, again = (do.solve(one, **options).plan for one in (problem, copy))  # type: ignore[arg-type]
    assert plan.cost == again.cost


# --- The command ---


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["anonymise", *map(str, arguments)])


def test_the_command_writes_folders_and_files(tmp_path: Path) -> None:
    source = tmp_path / "problem.json"
    do.write_problem(secret_problem(), source)
    salt = tmp_path / "salt"
    salt.write_bytes(SALT + b"\n")
    for name in ("copy.json", "copy"):
        found = run(source, tmp_path / name, "--salt-file", salt, "--jitter-metres", 50)
        assert found.exit_code == 0, found.output
        assert "2 tickets and 1 engineer" in found.output
    expected = anonymise(secret_problem(), salt=SALT, jitter_metres=50)
    assert do.read_problem(tmp_path / "copy.json").problem == expected
    # A folder holds a plan in force, too.
    assert do.read_folder(tmp_path / "copy").problem == expected
    pytest.importorskip("openpyxl")
    assert (
        run(source, tmp_path / "c.xlsx", "--salt-file", salt, "--jitter-metres", 50).exit_code == 0
    )
    assert read_any(tmp_path / "c.xlsx").problem == expected
    found = run(source, tmp_path / "random.json", "--json")
    assert json.loads(found.stdout)["tickets"] == 2
    assert do.read_problem(tmp_path / "random.json").problem != expected


def test_what_the_command_refuses(tmp_path: Path) -> None:
    source = tmp_path / "problem.json"
    do.write_problem(secret_problem(), source)
    (tmp_path / "salt").write_text("short")
    for arguments in (
        (source, source),
        (tmp_path / "no.json", tmp_path / "out.json"),
        (source, tmp_path / "out.json", "--salt-file", tmp_path / "salt"),
        (source, tmp_path / "out.json", "--salt-file", tmp_path / "nowhere"),
    ):
        assert run(*arguments).exit_code == 2
    assert sorted(item.name for item in tmp_path.iterdir()) == ["problem.json", "salt"]
