"""Fields of the domain models: what is allowed, what is refused, what is filled in."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dispatchopt.models import (
    UNREACHABLE,
    Break,
    Engineer,
    Matrix,
    Plan,
    Point,
    Policy,
    Problem,
    Shift,
    Skill,
    Ticket,
    Window,
    presets,
)
from dispatchopt.models.plan import Provenance
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_shift, raw_ticket


def faults(model: type[Any], raw: Any) -> list[tuple[str, str]]:
    """Place and message of each fault found."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(raw)
    return [
        (".".join(str(part) for part in fault["loc"]), fault["msg"])
        for fault in caught.value.errors()
    ]


# --- instants and days -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-23T08:30:00+08:00",
        "2026-11-23T00:30:00Z",
        "2026-11-22 20:30:00-04:00",
        datetime(2026, 11, 23, 8, 30, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(2026, 11, 23, 6, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        pd.Timestamp("2026-11-23T08:30:00", tz="Asia/Shanghai"),
    ],
)
def test_instants_are_held_in_utc(given: Any) -> None:
    held = Window(open=given, close=given).open
    assert held == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert held.tzinfo is UTC
    assert type(held) is datetime


def test_differences_count_real_time_over_a_change_of_summer_time() -> None:
    # In Helsinki clocks go from 03:00 to 04:00 on 29 March 2026: 22:00 to 06:00 is 7 hours.
    zone = ZoneInfo("Europe/Helsinki")
    night = Window(
        open=datetime(2026, 3, 28, 22, tzinfo=zone), close=datetime(2026, 3, 29, 6, tzinfo=zone)
    )
    assert night.close - night.open == timedelta(hours=7)


def test_the_doubled_hour_in_autumn_keeps_its_fold() -> None:
    # In Helsinki 03:30 happens twice on 25 October 2026.
    first = datetime(2026, 10, 25, 3, 30, tzinfo=ZoneInfo("Europe/Helsinki"))
    window = Window(open=first, close=first.replace(fold=1))
    assert window.close - window.open == timedelta(hours=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("2026-11-23T08:30:00", "no time zone"),
        (datetime(2026, 11, 23, 8, 30), "no time zone"),
        ("2026-11-23T08:30:00.5Z", "whole seconds"),
        (datetime(2026, 11, 23, 8, 30, 0, 1, tzinfo=UTC), "whole seconds"),
        (pd.Timestamp(1, unit="ns", tz="UTC"), "whole seconds"),
        ("1969-12-31T23:59:59Z", "1970 to 2999"),
        ("0001-01-01T00:00:00+08:00", "1970 to 2999"),
        ("3000-01-01T00:00:00Z", "1970 to 2999"),
        (1_700_000_000, "must be a date and time"),
        (1.7e9, "must be a date and time"),
        (True, "must be a date and time"),
        ("1700000000", "must be a date and time"),
        ("+1700000000", "must be a date and time"),
        (b"1700000000", "must be a date and time"),
        ("2026-11-23", "must be a date and time"),
        (date(2026, 11, 23), "must be a date and time"),
        (pd.NaT, "must be a date and time"),
        ("", "must be a date and time"),
        ("2026-11-31T08:30:00Z", "valid date"),
        ("2026-11-23T25:30:00Z", "valid date"),
    ],
)
def test_odd_instants_are_refused(given: Any, message: str) -> None:
    ((place, found),) = faults(Window, {"open": at("08:00"), "close": given})
    assert place == "close"
    assert message in found


def test_bounds_of_the_calendar_are_allowed() -> None:
    window = Window(open="1970-01-01T00:00:00Z", close="2999-12-31T23:59:59Z")
    assert window.open.year == 1970


@pytest.mark.parametrize("given", [1_700_000_000, "1700000000", "2026-11-23T00:00:00Z", True, ""])
def test_odd_days_are_refused(given: Any) -> None:
    ((place, found),) = faults(Skill, {"level": 1, "expires": given})
    assert place == "expires"
    assert "must be a day" in found


def test_days() -> None:
    assert Skill(level=1, expires="2026-11-23").expires == date(2026, 11, 23)


# --- tickets -----------------------------------------------------------------------------------


def test_defaults_of_a_ticket() -> None:
    ticket = Ticket.model_validate(raw_ticket())
    assert (ticket.status, ticket.lock, ticket.visit_no, ticket.crew_size) == ("open", "none", 1, 1)
    assert ticket.windows == ()
    assert ticket.skills is None
    assert ticket.place == Point(lat=31.2, lon=121.5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", " T1"),
        ("id", "T1\n"),
        ("id", 17),
        ("id", "x" * 201),
        ("fault_type", None),
        ("visit_no", 0),
        ("status", "closed"),
        ("priority", 0),
        ("priority", 5),
        ("priority", "1"),
        ("priority", True),
        ("lock", "both"),
        ("duration", -1),
        ("duration", 2**30),
        ("duration", 60.5),
        ("duration", "60"),
        ("skills", {"FIBER": 0}),
        ("skills", {"FIBER": 101}),
        ("skills", {"": 1}),
        ("skills", ["FIBER"]),
        ("parts", {"ONT": -1}),
        ("parts", {"ONT": 1.5}),
        ("crew_size", 0),
        ("carried_over", -1),
        ("points", float("nan")),
        ("after", "T2"),
        ("windows", [{"open": at("08:00")}]),
        ("appointment", {"open": at("08:00"), "close": at("09:00"), "kind": "am"}),
        ("place", {"lat": 91, "lon": 0}),
        ("place", {"lat": 0, "lon": -180.5}),
        ("place", {"lat": 0, "lon": float("inf")}),
        ("place", {"lat": 0}),
        ("place", [31.2, 121.5]),
        ("place", None),
        ("place", " home"),
    ],
)
def test_odd_values_of_a_ticket_are_refused(field: str, value: Any) -> None:
    found = faults(Ticket, raw_ticket(**{field: value}))
    assert len(found) == 1
    assert found[0][0].split(".")[0] == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", 0),
        ("duration", 2**30 - 1),
        ("priority", 1),
        ("priority", 4),
        ("skills", {}),
        ("skills", {"FIBER": 100}),
        ("parts", {"ONT": 0}),
        ("place", "P-7"),
        ("place", {"lat": -90, "lon": 180}),
        ("id", "工单 42"),
        ("attributes", {"phone": None, "深": [1, {"x": 2}]}),
    ],
)
def test_values_on_the_boundary_are_allowed(field: str, value: Any) -> None:
    ticket = Ticket.model_validate(raw_ticket(**{field: value}))
    assert ticket.model_dump(mode="json")[field] == value


@pytest.mark.parametrize("model", [Ticket, Engineer, Shift, Problem, Policy])
def test_unknown_fields_are_refused(model: type[Any]) -> None:
    raws = {Ticket: raw_ticket, Engineer: raw_engineer, Shift: raw_shift, Problem: raw_problem}
    raw = raws.get(model, dict)()
    assert faults(model, {**raw, "colour": 1}) == [("colour", "Extra inputs are not permitted")]


@pytest.mark.parametrize(
    ("status", "lock", "plannable", "started"),
    [
        ("open", "none", True, False),
        ("open", "engineer", True, False),
        ("open", "started", True, True),
        ("started", "none", True, True),
        ("parked", "none", False, False),
        ("done", "none", False, False),
        ("cancelled", "none", False, False),
    ],
)
def test_what_status_and_lock_mean(status: str, lock: str, plannable: bool, started: bool) -> None:
    ticket = Ticket.model_validate(raw_ticket(status=status, lock=lock))
    assert (ticket.is_plannable, ticket.is_started) == (plannable, started)


def test_models_are_frozen() -> None:
    ticket = Ticket.model_validate(raw_ticket())
    with pytest.raises(ValidationError):
        ticket.priority = 1


# --- engineers and shifts ----------------------------------------------------------------------


def test_a_bare_number_is_a_level() -> None:
    engineer = Engineer.model_validate(
        raw_engineer(skills={"A": 2, "B": {"level": 1}, "C": Skill(level=3)})
    )
    assert {name: skill.level for name, skill in engineer.skills.items()} == {
        "A": 2,
        "B": 1,
        "C": 3,
    }


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("skills", {"A": "2"}, "skills.A.level"),
        ("skills", {"A": True}, "skills.A.level"),
        ("skills", {"A": None}, "skills.A.level"),
        ("skills", {"A": 0}, "skills.A.level"),
        ("skills", None, "skills"),
        ("duration_percent", 0, "duration_percent"),
        ("duration_percent", 1001, "duration_percent"),
        ("recent_minutes", -1, "recent_minutes"),
        ("shifts", {}, "shifts"),
        ("stock", {"ONT": 1.0}, "stock.ONT"),
    ],
)
def test_odd_values_of_an_engineer_are_refused(field: str, value: Any, place: str) -> None:
    ((found, _),) = faults(Engineer, raw_engineer(**{field: value}))
    assert found == place


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reserved_minutes", -1),
        ("max_overtime", -1),
        ("max_visits", -1),
        ("min_priority", 0),
        ("members", 0),
        ("start", "08:00"),
        ("breaks", [{"earliest": at("11:00"), "latest": at("13:00"), "duration": 1800}] * 3),
        ("breaks", [{"earliest": at("11:00"), "latest": at("13:00"), "duration": -1}]),
    ],
)
def test_odd_values_of_a_shift_are_refused(field: str, value: Any) -> None:
    ((found, _),) = faults(Shift, raw_shift(**{field: value}))
    assert found.split(".")[0] == field


def test_two_breaks_are_allowed() -> None:
    pause = {"earliest": at("11:00"), "latest": at("13:00"), "duration": 1800}
    assert len(Shift.model_validate(raw_shift(breaks=[pause, pause])).breaks) == 2
    assert Break.model_validate(pause).duration == 1800


def test_null_end_place_differs_from_an_absent_one() -> None:
    absent = Shift.model_validate(raw_shift())
    null = Shift.model_validate(raw_shift(end_place=None))
    named = Shift.model_validate(raw_shift(end_place="depot"))
    assert [shift.ends_anywhere for shift in (absent, null, named)] == [False, True, False]
    assert absent != null
    for shift in (absent, null, named):
        for again in (
            Shift.model_validate(shift.model_dump(mode="json")),
            Shift.model_validate_json(shift.model_dump_json()),
            pickle.loads(pickle.dumps(shift)),
        ):
            assert again == shift
            assert again.ends_anywhere == shift.ends_anywhere
    assert "end_place" not in absent.model_dump()
    assert null.model_dump()["end_place"] is None


def test_absent_fields_are_left_out_when_written() -> None:
    written = Ticket.model_validate(raw_ticket(skills={}, attributes={"x": None})).model_dump()
    assert "appointment" not in written
    assert written["skills"] == {}
    assert written["attributes"] == {"x": None}


# --- policy ------------------------------------------------------------------------------------


def test_balanced_is_the_default() -> None:
    assert Policy() == Policy(preset="balanced")
    assert Policy().unserved_cost == {1: 360_000, 2: 72_000, 3: 36_000, 4: 18_000}


OFFERED = {
    "slots",
    "fallback_slots",
    "visiting_hours",
    "offer_lead_minutes",
    "hold_minutes",
    "min_kept_probability",
    "kept_calibration",
    "missed_window_cost",
}
"""Fields of the policy that shape offers and cost nothing in a plan."""


def test_city_day_is_the_cost_of_the_benchmark() -> None:
    policy = Policy(preset="city_day")
    assert policy.unserved_cost == {1: 144_000, 2: 72_000, 3: 36_000, 4: 21_600}
    assert policy.travel_per_hour == 3600
    free = set(Policy.model_fields) - {
        "preset",
        "travel_per_hour",
        "unserved_cost",
        "broken_promise_cost",
        "territory_open_to",
        "priorities",
        *OFFERED,
    }
    for name in sorted(free):
        value = getattr(policy, name)
        assert value in (0, {}, dict.fromkeys((1, 2, 3, 4), 0)), name


def test_strict_is_balanced_with_lexicographic_priorities() -> None:
    strict, balanced = Policy(preset="strict").model_dump(), Policy().model_dump()
    assert strict.pop("priorities") == "lexicographic"
    assert balanced.pop("priorities") == "priced"
    assert strict.pop("preset") == "strict"
    assert balanced.pop("preset") == "balanced"
    assert strict == balanced


@pytest.mark.parametrize("key", [1, "1"])
def test_levels_not_given_come_from_the_preset(key: int | str) -> None:
    policy = Policy.model_validate({"preset": "city_day", "unserved_cost": {key: 200_000}})
    assert policy.unserved_cost == {1: 200_000, 2: 72_000, 3: 36_000, 4: 21_600}
    assert policy.travel_per_hour == 3600


def test_reserve_by_skill_is_taken_as_given() -> None:
    assert Policy(reserve_percent={}).reserve_percent == {}
    assert Policy(reserve_percent={"FIBER": 20}).reserve_percent == {"FIBER": 20}


def test_policy_read_from_json() -> None:
    text = '{"preset": "city_day", "late_cost": {"2": 7}, "territory_open_to": [1, 2]}'
    policy = Policy.model_validate_json(text)
    assert policy.late_cost == {1: 0, 2: 7, 3: 0, 4: 0}
    assert policy.territory_open_to == (1, 2)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({"preset": "cheap"}, ""),
        ({"preset": []}, ""),
        ({"preset": None}, ""),
        ({"travel_per_hour": -1}, "travel_per_hour"),
        ({"travel_per_hour": 2**40}, "travel_per_hour"),
        ({"travel_per_hour": 1.5}, "travel_per_hour"),
        ({"travel_per_hour": None}, "travel_per_hour"),
        ({"unserved_cost": {"5": 1}}, "unserved_cost.5.[key]"),
        ({"unserved_cost": {"²": 1}}, "unserved_cost.².[key]"),
        ({"unserved_cost": {"1": -1}}, "unserved_cost.1"),
        ({"unserved_cost": 5}, "unserved_cost"),
        ({"reserve_percent": {"*": 101}}, "reserve_percent.*"),
        ({"territory_open_to": [0]}, "territory_open_to.0"),
        ({"priorities": "random"}, "priorities"),
    ],
)
def test_odd_policies_are_refused(raw: dict[str, Any], place: str) -> None:
    ((found, _),) = faults(Policy, raw)
    assert found == place


def test_policy_written_and_read_keeps_every_price() -> None:
    policy = Policy(preset="strict", late_cost={4: 1}, reserve_percent={})
    assert Policy.model_validate_json(policy.model_dump_json()) == policy


@pytest.mark.parametrize("name", sorted(presets.PRESETS))
def test_presets_are_complete_and_justified(name: str) -> None:
    assert set(presets.PRESETS[name]) == set(Policy.model_fields) - {"preset"}
    assert name.upper() in (presets.__doc__ or "")


# --- travel ------------------------------------------------------------------------------------


def table(seconds: Any, places: tuple[str, ...] = ("A", "B")) -> dict[str, Any]:
    return {"kind": "matrix", "places": places, "seconds": seconds}


def test_fractions_round_up_and_missing_ways_are_unreachable() -> None:
    matrix = Matrix.model_validate(table([[0, 59.1], [None, float("nan")]]))
    assert matrix.seconds.tolist() == [[0, 60], [UNREACHABLE, UNREACHABLE]]
    assert matrix.seconds.dtype == np.int32
    assert Matrix.model_validate(table([[0, -1], [2**30, 1]])).seconds.tolist() == [
        [0, UNREACHABLE],
        [UNREACHABLE, 1],
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([[0, 7], [9, 0]], dtype=np.int64), [[0, 7], [9, 0]]),
        (np.array([[0, 6.5], [np.inf, 0]]), [[0, 7], [UNREACHABLE, 0]]),
        (np.array([[0, 7], [-1, 0]], dtype=np.int32), [[0, 7], [UNREACHABLE, 0]]),
    ],
)
def test_arrays_are_taken(given: Any, expected: list[list[int]]) -> None:
    for writeable in (True, False):
        given.flags.writeable = writeable
        assert Matrix.model_validate(table(given)).seconds.tolist() == expected


@pytest.mark.parametrize(
    "seconds",
    [
        [[0, 1]],
        [[0, 1], [2]],
        [[0, "x"], [1, 0]],
        [[0, True], [1, 0]],
        [[0, [1]], [1, 0]],
        [0, 1],
        "0 1",
        None,
        {},
        [[[0, 1], [1, 0]], [[0, 1], [1, 0]]],
        np.zeros(4, dtype=np.int32),
        np.zeros((2, 3), dtype=np.int32),
        np.zeros((2, 2), dtype=np.complex128),
        np.zeros((2, 2), dtype=bool),
    ],
)
def test_odd_tables_are_refused(seconds: Any) -> None:
    if isinstance(seconds, np.ndarray):
        seconds.flags.writeable = False
    ((place, _),) = faults(Matrix, table(seconds))
    assert place == "seconds"


def test_a_locked_table_is_not_copied_and_stays_locked() -> None:
    seconds = np.array([[0, 7], [9, 0]], dtype=np.int32)
    assert not np.shares_memory(Matrix.model_validate(table(seconds)).seconds, seconds)
    seconds.flags.writeable = False
    matrix = Matrix.model_validate(table(seconds))
    assert np.shares_memory(matrix.seconds, seconds)
    for held in (matrix, pickle.loads(pickle.dumps(matrix)), matrix.model_copy()):
        assert held == matrix
        assert not held.seconds.flags.writeable


def test_tables_compare_by_places_and_seconds() -> None:
    one, same = Matrix(**table([[0, 1], [2, 0]])), Matrix(**table([[0, 1], [2, 0]]))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Matrix(**table([[0, 1], [3, 0]]))
    assert one != Matrix(**table([[0, 1], [2, 0]], ("A", "C")))
    assert one != "table"


@pytest.mark.parametrize(
    "travel",
    [
        {"kind": "straight_line", "detour": 0.9},
        {"kind": "straight_line", "speed_kmh": 0},
        {"kind": "straight_line", "stop_overhead_s": -1},
        {"kind": "profiles", "profiles": {}},
        {"kind": "profiles", "profiles": {"van": {"kind": "profiles", "profiles": {}}}},
        {"kind": "teleport"},
        {},
        None,
    ],
)
def test_odd_travel_is_refused(travel: Any) -> None:
    found = faults(Problem, raw_problem(travel=travel))
    assert len(found) == 1
    assert found[0][0].split(".")[0] == "travel"


# --- problem and plan --------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2", "1.x", "", "01", 1])
def test_unknown_schema_versions_are_refused(version: Any) -> None:
    for model, raw in ((Problem, raw_problem()), (Plan, {"routes": []})):
        ((place, _),) = faults(model, {**raw, "schema_version": version})
        assert place == "schema_version"


def test_later_minor_schema_versions_are_read() -> None:
    assert Problem.model_validate(raw_problem(schema_version="1.7")).schema_version == "1.7"


@pytest.mark.parametrize("zone", ["Mars/Base", "", "America", "../etc/passwd", "a\0b", "x" * 999])
def test_unknown_time_zones_are_refused(zone: str) -> None:
    ((place, message),) = faults(Problem, raw_problem(timezone=zone))
    assert place == "timezone"
    assert "Asia/Shanghai" in message


def test_zone_and_catalogue_of_a_problem() -> None:
    problem = Problem.model_validate(raw_problem())
    assert problem.zone == ZoneInfo("Asia/Shanghai")
    assert "FTTH_WEAK_LIGHT" in problem.catalogue()


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"cost": {"total": -1}}, "cost.total"),
        ({"cost": {"total": 2**53}}, "cost.total"),
        ({"bound": 1.5}, "bound"),
        ({"gap": float("nan")}, "gap"),
        ({"routes": [{"shift_id": "S1"}]}, "routes.0.visits"),
        ({"routes": [{"shift_id": "S1", "visits": [{}]}]}, "routes.0.visits.0.ticket_id"),
        ({"unserved": [{"ticket_id": "T1"}]}, "unserved.0.reason"),
        ({"not_plannable": [{"ticket_id": "T1", "status": "open"}]}, "not_plannable.0.status"),
    ],
)
def test_odd_plans_are_refused(changed: dict[str, Any], place: str) -> None:
    ((found, _),) = faults(Plan, {"routes": [], **changed})
    assert found == place


def test_a_plan_may_hold_orders_only() -> None:
    raw = {"routes": [{"shift_id": "S1", "visits": [{"ticket_id": "T1"}, {"ticket_id": "T2"}]}]}
    plan = Plan.model_validate(raw)
    assert plan.routes[0].visits[0].start is None
    written = plan.model_dump(mode="json")
    assert written["routes"][0]["visits"] == [{"ticket_id": "T1"}, {"ticket_id": "T2"}]


def test_a_plan_states_the_iterations_of_a_night_on_many_cores() -> None:
    provenance = {"seed": 0, "runtime": 1.0, "input_hash": "", "version": ""}
    assert Provenance.model_validate({**provenance, "iterations": 2**33}).iterations == 2**33
