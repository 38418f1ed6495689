"""Written as JSON and read again, a problem and a plan are the same."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.models import Plan, Problem
from tests.unit.test_schema import accepts

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ids = st.sampled_from(["A", "B-1", "工单 3", "*"])
places = st.builds(
    lambda lat, lon: {"lat": lat, "lon": lon},
    st.sampled_from([-90.0, 0.0, 31.25]),
    st.floats(-180, 180, allow_nan=False),
)
instants = st.integers(-48, 48).map(lambda quarter: NOON + timedelta(minutes=15 * quarter))
spans = st.tuples(instants, st.integers(1, 8)).map(
    lambda pair: (pair[0], pair[0] + timedelta(minutes=15 * pair[1]))
)
windows = spans.map(lambda span: {"open": span[0], "close": span[1]})
breaks = spans.map(lambda span: {"earliest": span[0], "latest": span[1], "duration": 300})
parked = spans.map(lambda span: {"start": span[0], "end": span[1]})
priorities = st.integers(1, 4)
levels = st.dictionaries(ids, st.integers(1, 3), max_size=2)
stock = st.dictionaries(ids, st.integers(0, 2), max_size=2)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)
attributes = st.dictionaries(st.text(max_size=3), json_values, max_size=2)


def fields(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


tickets = fields(
    {
        "fault_type": st.sampled_from(["FTTH_WEAK_LIGHT", "FTTH_LOS_DROP"]),
        "place": places,
        "priority": priorities,
    },
    {
        "case_id": ids,
        "visit_no": st.integers(1, 3),
        "status": st.sampled_from(["open", "parked", "done", "cancelled"]),
        "reported_at": instants,
        "known_at": instants,
        "earliest": instants,
        "due": instants,
        "area_class": st.sampled_from(["urban", "rural", "remote"]),
        "customer_tier": ids,
        "parked": st.lists(parked, max_size=2),
        "windows": st.lists(windows, max_size=2),
        "appointment": windows,
        "duration": st.sampled_from([1, 900, 1800]),
        "skills": levels,
        "parts": stock,
        "preferred_engineers": st.lists(ids, max_size=2),
        "refused_engineers": st.lists(ids, max_size=2),
        "territory": ids,
        "crew_size": st.integers(1, 2),
        "network_element": ids,
        "carried_over": st.integers(0, 2),
        "points": st.sampled_from([0.0, 1.5]),
        "attributes": attributes,
    },
)
skills = st.integers(1, 3) | fields(
    {"level": st.integers(1, 3)}, {"expires": st.just(date(2027, 1, 31))}
)


def with_breaks_inside(raw: dict[str, Any]) -> dict[str, Any]:
    """Move breaks that begin outside the shift to its start."""
    start, end = raw["span"]
    inside = [
        pause if start <= pause["earliest"] < end else {**pause, "earliest": start, "latest": end}
        for pause in raw.get("breaks", ())
    ]
    return {**raw, "breaks": inside} if "breaks" in raw else raw


shifts = fields(
    {"span": spans},
    {
        "start_place": places,
        "end_place": st.none() | places,
        "available_from": instants,
        "breaks": st.lists(breaks, max_size=2),
        "reserved_minutes": st.sampled_from([0, 15]),
        "max_overtime": st.sampled_from([0, 900]),
        "max_visits": st.integers(0, 2),
        "min_priority": priorities,
        "members": st.integers(1, 2),
        "stock": stock,
    },
).map(with_breaks_inside)
engineers = fields(
    {
        "skills": st.dictionaries(ids, skills, max_size=2),
        "place": places,
        "shifts": st.lists(shifts, max_size=1),
    },
    {
        "name": st.text(max_size=3),
        "territories": st.lists(ids, max_size=2),
        "helper_territories": st.lists(ids, max_size=2),
        "stock": stock,
        "duration_percent": st.sampled_from([50, 100, 200]),
        "recent_minutes": st.sampled_from([0, 60]),
        "recent_paid_minutes": st.sampled_from([60, 480]),
        "attributes": attributes,
    },
).filter(lambda raw: not raw.get("recent_minutes") or "recent_paid_minutes" in raw)
by_priority = st.dictionaries(priorities.map(str), st.sampled_from([0, 900]), max_size=3)
policies = fields(
    {},
    {
        "preset": st.sampled_from(["city_day", "balanced", "strict"]),
        "unserved_cost": by_priority,
        "late_per_hour": by_priority,
        "travel_per_hour": st.sampled_from([0, 3600]),
        "territory_open_to": st.lists(priorities, max_size=2),
        "reserve_percent": st.dictionaries(ids, st.sampled_from([0, 10, 100]), max_size=2),
    },
)
lines = fields({"kind": st.just("straight_line")}, {"detour": st.sampled_from([1.0, 1.25])})
travels = lines | st.dictionaries(ids, lines, min_size=1, max_size=2).map(
    lambda profiles: {"kind": "profiles", "profiles": profiles}
)
shares = st.sampled_from([0.9365, 0.0, 1.0])
visits = fields(
    {"ticket_id": ids},
    {
        "departure": instants,
        "arrival": instants,
        "start": instants,
        "end": instants,
        "travel_seconds": st.sampled_from([0, 900]),
        "promised": windows,
        "kept_probability": shares,
    },
)
routes = fields(
    {"shift_id": ids, "visits": st.lists(visits, max_size=2)},
    {
        "engineer_id": ids,
        "start": instants,
        "end": instants,
        "breaks": st.lists(spans.map(lambda s: {"start": s[0], "end": s[1]}), max_size=2),
    },
)
costs = st.sampled_from([0, 1, 2**53 - 1])
plans = fields(
    {"routes": st.lists(routes, max_size=2)},
    {
        "plan_id": ids,
        "base_version": ids,
        "unserved": st.lists(
            fields({"ticket_id": ids, "reason": ids}, {"detail": attributes}), max_size=2
        ),
        "rejected": st.lists(
            fields({"ticket_id": ids, "issues": st.lists(st.text(max_size=3))}, {}), max_size=2
        ),
        "not_plannable": st.lists(
            fields({"ticket_id": ids, "status": st.sampled_from(["parked", "done"])}, {}),
            max_size=1,
        ),
        "broken_promises": st.lists(ids, max_size=2),
        "weakened_promises": st.lists(
            fields({"ticket_id": ids, "was": shares, "kept_probability": shares}, {}), max_size=2
        ),
        "needs_customer_consent": st.lists(ids, max_size=2),
        "overridden": st.lists(fields({"rule": ids}, {"ticket_id": ids}), max_size=1),
        "cost": fields({"total": costs}, {"by_rule": st.dictionaries(ids, costs, max_size=2)}),
        "bound": costs,
        "gap": st.sampled_from([0.0, 0.125]),
        "provenance": st.just(
            {"seed": 1, "iterations": 9, "runtime": 0.5, "input_hash": "ab", "version": "0.1.0"}
        ),
    },
)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    ticket_list = draw(st.lists(tickets, max_size=3))
    engineer_list = draw(st.lists(engineers, max_size=3))
    for number, ticket in enumerate(ticket_list):
        ticket["id"] = f"T{number}"
        if "earliest" in ticket:
            ticket["latest"] = ticket["earliest"]
        if number:
            ticket["after"] = ["T0"]
    for number, engineer in enumerate(engineer_list):
        engineer["id"] = f"E{number}"
        for shift in engineer["shifts"]:
            start, end = shift.pop("span")
            shift.update(id=f"S{number}", start=start, end=end)
    if engineer_list and ticket_list:
        facts = {"lock": "visit", "assigned_engineer": "E0", "assigned_start": NOON}
        ticket_list[0].update(draw(st.sampled_from([{}, facts])))
    raw = {
        "horizon": {"start": NOON - timedelta(days=1), "end": NOON + timedelta(days=1)},
        "tickets": ticket_list,
        "engineers": engineer_list,
        "travel": draw(travels),
        "policy": draw(policies),
    }
    if draw(st.booleans()):
        raw.update(now=NOON, timezone="Asia/Shanghai", previous_plan=draw(plans))
    return raw


def holds(model: type[Problem] | type[Plan], raw: dict[str, Any], name: Any) -> None:
    first = model.model_validate(raw)
    text = first.model_dump_json()
    again = model.model_validate_json(text)
    assert again == first
    assert again.model_dump_json() == text
    assert model.model_validate(json.loads(text)) == first
    assert model.model_validate(first.model_dump()) == first
    assert pickle.loads(pickle.dumps(first)) == first
    assert accepts(name, json.loads(text)) == []


@given(problems())
def test_problem(raw: dict[str, Any]) -> None:
    holds(Problem, raw, "problem")


@given(plans)
def test_plan(raw: dict[str, Any]) -> None:
    holds(Plan, raw, "plan")


def test_table_with_missing_ways() -> None:
    raw = {
        "horizon": {"start": NOON, "end": NOON + timedelta(days=1)},
        "tickets": [],
        "engineers": [],
        "travel": {"kind": "matrix", "places": ["A", "B"], "seconds": [[0, None], [7, 0]]},
    }
    holds(Problem, raw, "problem")
    written = json.loads(Problem.model_validate(raw).model_dump_json())
    assert written["travel"]["seconds"] == [[0, None], [7, 0]]
