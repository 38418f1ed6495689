"""The JSON Schemas that ship: current, valid themselves, and as strict as the models."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from dispatchopt.models import Plan, Problem
from dispatchopt.models.schema import load_schema, make_schema, write_schemas
from tests.unit.raw_data import Raw, at, raw_engineer, raw_problem, raw_shift, raw_ticket

Name = Literal["problem", "plan"]
NAMES: tuple[Name, ...] = ("problem", "plan")

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return "T" in value and datetime.fromisoformat(value).utcoffset() is not None


@formats.checks("date")
def is_day(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


@cache
def validator(name: Name) -> Draft202012Validator:
    return Draft202012Validator(load_schema(name), format_checker=formats)


def accepts(name: Name, data: Any) -> list[str]:
    """Paths of what the schema refuses."""
    return [error.json_path for error in validator(name).iter_errors(data)]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_schemas_are_current(name: Name, tmp_path: Path) -> None:
    assert load_schema(name) == make_schema(name), "run python -m dispatchopt.models.schema"
    write_schemas(tmp_path / "new")
    text = (tmp_path / "new" / f"{name}.schema.json").read_text("utf-8")
    assert json.loads(text) == load_schema(name)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_valid(name: Name) -> None:
    Draft202012Validator.check_schema(load_schema(name))


def full_problem() -> Raw:
    window = {"open": at("09:00"), "close": at("10:00")}
    shift = raw_shift("S2", end_place=None, start_place={"lat": 1, "lon": 2}, max_visits=3)
    return raw_problem(
        tickets=[
            raw_ticket("T1", appointment=window, windows=[window], due=at("12:00"), skills={}),
            raw_ticket("T2", after=["T1"], attributes={"any": [None, {"x": 1}]}, earliest=None),
        ],
        engineers=[raw_engineer("E1"), raw_engineer("E2", shifts=[shift])],
        policy={"preset": "strict", "unserved_cost": {"1": 5}, "reserve_percent": {"*": 3}},
        fault_types=[{"code": "X", "duration": {"mean": 60}}],
        now=at("08:00"),
        previous_plan={"routes": [{"shift_id": "S2", "visits": [{"ticket_id": "T1"}]}]},
    )


def test_examples_are_accepted_by_schema_and_model() -> None:
    for raw in (raw_problem(), full_problem()):
        assert accepts("problem", raw) == []
        Problem.model_validate(raw)
    plan = {"routes": [], "cost": {"total": 7, "by_rule": {"travel_time": 7}}, "gap": 0.5}
    assert accepts("plan", plan) == []
    Plan.model_validate(plan)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), "2"),
        (("horizon", "start"), "2026-11-23T08:00:00"),
        (("horizon", "start"), "2026-11-23"),
        (("horizon", "start"), 1_700_000_000),
        (("tickets", 0, "priority"), 5),
        (("tickets", 0, "priority"), "1"),
        (("tickets", 0, "place"), {"lat": 91, "lon": 0}),
        (("tickets", 0, "place"), [31, 121]),
        (("tickets", 0, "id"), " T1"),
        (("tickets", 0, "skills"), {"": 1}),
        (("tickets", 0, "skills"), {" A": 1}),
        (("tickets", 0, "lock"), "both"),
        (("tickets", 0, "windows"), [{"open": at("09:00")}]),
        (("tickets", 0, "duration"), 60.5),
        (("engineers", 0, "skills"), {"A": 0}),
        (("engineers", 0, "skills"), {"A": {"level": 1, "expires": "31.1.2027"}}),
        (("engineers", 0, "shifts"), None),
        (("policy", "unserved_cost"), {"5": 1}),
        (("policy", "travel_per_hour"), -1),
        (("policy", "preset"), "cheap"),
        (("travel", "kind"), "teleport"),
        (("travel", "detour"), 0.5),
        (("colour",), "red"),
        (("tickets", 0, "colour"), "red"),
    ],
)
def test_what_the_models_refuse_the_schema_refuses(path: tuple[Any, ...], value: Any) -> None:
    raw = full_problem()
    node: Any = raw
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    assert accepts("problem", raw)
    with pytest.raises(ValueError, match="validation error"):
        Problem.model_validate(raw)


@pytest.mark.parametrize("part", ["horizon", "tickets", "engineers", "travel"])
def test_required_parts(part: str) -> None:
    raw = raw_problem()
    del raw[part]
    assert accepts("problem", raw) == ["$"]


def test_every_shipped_example_is_accepted() -> None:
    root = Path(__file__).parents[2]
    files = sorted(path for path in (root / "examples").rglob("*.json") if path.is_file())
    for path in files:
        data = json.loads(path.read_text("utf-8"))
        if isinstance(data, dict) and "horizon" in data and "tickets" in data:
            assert accepts("problem", data) == [], path
        elif isinstance(data, dict) and "routes" in data:
            assert accepts("plan", data) == [], path
