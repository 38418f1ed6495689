"""VROOM's JSON: its problems in, its solutions out, our problems as its own."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dispatchopt.adapters.vroom import (
    plan_to_vroom,
    problem_from_vroom,
    problem_to_vroom,
    read_vroom,
)
from dispatchopt.adapters.vroom.documents import Job, Vehicle
from dispatchopt.adapters.vroom.prices import job_prices
from dispatchopt.checker import check
from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError, Issue
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Matrix, Plan, Problem, Profiles, Route, StraightLine, Visit
from dispatchopt.solve import solve
from tests import strategies
from tests.vroom_documents import HOUR, documents, faults

Json = dict[str, Any]

GOLDEN = Path(__file__).parents[1] / "golden" / "vroom"

TABLE = [[0, 600, 900], [600, 0, 300], [900, 300, 0]]


def document(**changed: Any) -> Json:
    return {
        "jobs": [{"id": 1, "location_index": 1, "service": 900}],
        "vehicles": [{"id": 5, "start_index": 0, "end_index": 0, "time_window": [0, 8 * HOUR]}],
        "matrices": {"car": {"durations": TABLE}},
        **changed,
    }


def job(number: int = 1, **fields: Any) -> Json:
    return {"id": number, "location_index": 1, "service": 900, **fields}


def vehicle(number: int = 5, **fields: Any) -> Json:
    return {"id": number, "start_index": 0, "end_index": 0, "time_window": [0, 8 * HOUR], **fields}


def told(found: Any) -> dict[str, str]:
    return {issue.field: issue.message for issue in found.not_carried}


def issues(raw: Any, **options: Any) -> list[str]:
    with pytest.raises(InvalidProblemError) as caught:
        problem_from_vroom(raw, **options)
    return [str(issue) for issue in caught.value.issues]


def planned(raw: Json, **options: Any) -> tuple[Any, Json]:
    found = problem_from_vroom(raw, **options)
    plan = solve(found.problem, iterations=300, threads=1, rejected=found.rejected).plan
    return found, plan_to_vroom(found.problem, plan)


# --- Reading ---


def test_a_job_becomes_a_ticket_and_a_vehicle_an_engineer_with_one_shift() -> None:
    found = problem_from_vroom(
        document(
            jobs=[
                job(
                    setup=60,
                    skills=[3],
                    delivery=[2, 0],
                    time_windows=[[0, HOUR], [2 * HOUR, 3 * HOUR]],
                )
            ],
            vehicles=[vehicle(skills=[3, 4], capacity=[9, 1], max_tasks=4)],
        )
    )
    (ticket,), (engineer,) = found.problem.tickets, found.problem.engineers
    (shift,) = engineer.shifts
    assert (ticket.id, ticket.place, ticket.duration) == ("1", "1", 960)
    assert (ticket.skills, ticket.parts) == ({"3": 1}, {"amount-0": 2})
    assert [(w.open.timestamp(), w.close.timestamp()) for w in ticket.windows] == [
        (0, HOUR),
        (2 * HOUR, 3 * HOUR),
    ]
    assert (engineer.id, shift.id, engineer.place, shift.end_place) == ("5", "5", "0", "0")
    assert {name: skill.level for name, skill in engineer.skills.items()} == {"3": 1, "4": 1}
    assert (shift.max_visits, shift.stock) == (4, {"amount-0": 9, "amount-1": 1})
    assert isinstance(found.problem.travel, Matrix)


def test_priorities_outweigh_jobs_and_jobs_outweigh_travel() -> None:
    jobs = [job(i, priority=priority) for i, priority in enumerate((0, 10, 10, 20))]
    policy = problem_from_vroom(document(jobs=jobs)).problem.policy
    # Levels: 20 is 1, 10 is 2, 0 is 3. All travel is at most 5 legs of 600 s.
    one, two, three = (policy.unserved_cost[level] for level in (1, 2, 3))
    assert three > 5 * 600
    assert two > 4 * three
    assert one + three == 2 * two  # 20 + 0 against 10 + 10: travel decides


def test_more_than_four_priorities_become_nights_and_keep_their_order() -> None:
    jobs = [job(i, priority=10 * i) for i in range(8)]
    problem = problem_from_vroom(document(jobs=jobs)).problem
    assert [ticket.carried_over for ticket in problem.tickets] == [10 * i for i in range(8)]
    assert len(set(problem.policy.unserved_cost.values())) == 1
    assert 10 * problem.policy.age_per_day > 8 * problem.policy.unserved_cost[4]


def test_a_huge_problem_has_prices_instead_of_an_order() -> None:
    jobs = [Job(id=i, priority=i % 90) for i in range(3000)]
    differs: list[Issue] = []
    prices = job_prices(jobs, [Vehicle(id=1, start_index=0)], 2**30, differs)
    assert [issue.field for issue in differs] == ["priority"]
    policy = prices.policy
    dearest = policy["unserved_cost"][1] + 89 * policy["age_per_day"]
    assert policy["age_per_day"] > policy["unserved_cost"][1] > 0
    assert 3000 * dearest < 2**53 and dearest < 2**40


def test_the_dearer_job_is_served_however_far_it_is() -> None:
    raw = document(
        jobs=[job(1, location_index=1), job(2, location_index=2, priority=1)],
        vehicles=[vehicle(max_tasks=1)],
    )
    _, solution = planned(raw)
    assert [task["id"] for task in solution["unassigned"]] == [1]
    assert solution["summary"]["priority"] == 1


def test_a_vehicle_without_a_start_begins_where_its_first_job_is() -> None:
    raw = document(vehicles=[{"id": 5, "end_index": 2}])
    _, solution = planned(raw)
    (route,) = solution["routes"]
    assert [step["type"] for step in route["steps"]] == ["job", "end"]
    assert route["duration"] == 300
    assert faults(raw, solution) == []


def test_speed_factors_and_profiles_become_travel_profiles() -> None:
    raw = document(
        vehicles=[vehicle(5), vehicle(6, speed_factor=0.5), vehicle(7, profile="bike")],
        matrices={"car": {"durations": TABLE}, "bike": {"durations": TABLE, "distances": TABLE}},
    )
    found = problem_from_vroom(raw)
    travel = found.problem.travel
    assert isinstance(travel, Profiles)
    assert list(travel.profiles) == ["car", "car at 50 %", "bike"]
    slow = travel.profiles["car at 50 %"]
    assert isinstance(slow, Matrix) and slow.seconds[0, 1] == 1200
    assert "matrices" in told(found)  # distances are not read


def test_without_matrices_travel_is_estimated_and_said_so() -> None:
    raw = {
        "jobs": [{"id": 1, "location": [121.5, 31.2]}],
        "vehicles": [{"id": 5, "start": [121.4, 31.1]}],
    }
    found = problem_from_vroom(raw)
    assert isinstance(found.problem.travel, StraightLine)
    assert "straight lines" in told(found)["matrices"]
    fast = StraightLine(kind="straight_line", speed_kmh=50)
    assert problem_from_vroom(raw, straight_line=fast).problem.travel == fast
    without_start = {**raw, "vehicles": [{"id": 5, "end": [121.4, 31.1]}]}
    assert isinstance(problem_from_vroom(without_start).problem.travel, Matrix)


def test_time_stamps_and_open_hours_leave_room_for_all_work() -> None:
    begin = 1_795_000_000
    raw = document(
        jobs=[job(1), job(2, time_windows=[[begin, begin + 60]])],
        vehicles=[{"id": 5, "start_index": 0, "end_index": 0}],
    )
    found, solution = planned(raw)
    assert solution["unassigned"] == []
    assert found.problem.horizon.end.year == 2026
    assert faults(raw, solution) == []


def test_steps_are_the_start_of_the_search() -> None:
    steps = [{"type": "start"}, {"type": "job", "id": 1}, {"type": "end"}]
    plan = problem_from_vroom(document(vehicles=[vehicle(steps=steps)])).problem.previous_plan
    assert plan is not None
    assert [visit.ticket_id for visit in plan.routes[0].visits] == ["1"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"shipments": [{"pickup": job(8), "delivery": job(9)}]}, "shipment"),
        ({"vehicles": [vehicle(max_travel_time=600)]}, "max_travel_time"),
        ({"vehicles": [vehicle(max_distance=9)]}, "max_distance"),
        (
            {
                "vehicles": [
                    vehicle(breaks=[{"id": i, "time_windows": [[0, HOUR]]} for i in range(3)])
                ]
            },
            "breaks",
        ),
        (
            {"vehicles": [vehicle(breaks=[{"id": 1, "time_windows": [[0, 9]], "max_load": [1]}])]},
            "breaks",
        ),
    ],
)
def test_what_a_plan_would_break_is_refused_unless_left_out(changed: Json, field: str) -> None:
    (text,) = issues(document(**changed))
    assert field in text and "--leave-out" in text
    found = problem_from_vroom(document(**changed), on_lost="leave_out")
    assert field in told(found)


def test_shipments_left_out_are_unassigned() -> None:
    raw = document(shipments=[{"pickup": job(8), "delivery": job(9)}])
    _, solution = planned(raw, on_lost="leave_out")
    left = [(task["type"], task["id"]) for task in solution["unassigned"]]
    assert left == [("pickup", 8), ("delivery", 9)]
    with pytest.raises(ValueError, match="on_lost"):
        problem_from_vroom(raw, on_lost="drop")  # type: ignore[arg-type]


def test_a_travel_limit_that_cannot_bind_is_no_difference() -> None:
    found = problem_from_vroom(document(vehicles=[vehicle(max_travel_time=8 * HOUR)]))
    assert found.not_carried == ()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"vehicles": [vehicle(costs={"fixed": 5})]}, "costs"),
        ({"jobs": [job(setup=60)]}, "setup"),
        ({"jobs": [{"id": 1, "location_index": 1}]}, "service"),
        ({"jobs": [job(service_per_type={"van": 60})]}, "service_per_type"),
        ({"jobs": [job(color="red")]}, "color"),
        ({"options": {"g": True}}, "options"),
    ],
)
def test_what_counts_otherwise_is_told(changed: Json, field: str) -> None:
    assert field in told(problem_from_vroom(document(**changed)))


@pytest.mark.parametrize(
    "pause",
    [
        {"id": 1, "time_windows": [[9 * HOUR, 10 * HOUR]]},
        {"id": 1, "time_windows": [[0, HOUR]], "service": 8 * HOUR},
    ],
)
def test_a_vehicle_that_cannot_take_its_breaks_has_no_route(pause: Json) -> None:
    raw = document(vehicles=[vehicle(5, breaks=[pause]), vehicle(6)])
    found, solution = planned(raw)
    assert "left out" in told(found)["breaks"]
    assert [route["vehicle"] for route in solution["routes"]] == [6]


def test_what_is_the_same_for_many_is_told_once() -> None:
    found = problem_from_vroom(document(jobs=[job(i, setup=60) for i in range(5)]))
    (issue,) = found.not_carried
    assert issue.message.endswith("(so of 4 more)")


def test_all_faults_are_told_at_once() -> None:
    raw = {
        "jobs": [job(1, service=-1, priority=101), job(2), job(2), {"service": 5}, 7],
        "vehicles": [vehicle(time_window=[9, 3]), vehicle(speed_factor=0)],
    }
    text = "\n".join(issues(raw))
    for part in ("service", "priority", "stands 2 times", "jobs[3]", "jobs[4]", "time_window",
                 "speed_factor"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ([], "must be a VROOM problem"),
        ({}, "vehicles"),
        ({"vehicles": [vehicle()]}, "there is no job"),
        (document(jobs={}), "must be a list"),
        (document(matrices=None), "give location as [lon, lat]"),
        (document(matrices=5), "must be an object by profile"),
        (document(matrices={"bike": {"durations": TABLE}}), "profile 'car' has no durations"),
        (document(matrices={"car": {"durations": [[0, 1]]}}), "must be"),
        (document(matrices={"car": {"durations": "x"}}), "list of rows"),
        (document(jobs=[job(location_index=9)]), "a row for each index up to 9"),
        (document(jobs=[{"id": 1, "location": [1, 2]}]), "give location_index"),
        (document(vehicles=[{"id": 5}]), "a start or an end"),
        (document(vehicles=[vehicle(steps=[{"type": "job", "id": 99}])]), "names no job"),
    ],
)
def test_faulty_documents_say_what_is_wanted(raw: Any, part: str) -> None:
    assert part in "\n".join(issues(raw))


def test_files_are_read_with_their_faults(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps(document()))
    assert len(read_vroom(path).problem.tickets) == 1
    path.write_text('{"jobs": [], "jobs": []}')
    with pytest.raises(InvalidProblemError, match="stands twice"):
        read_vroom(path)
    path.write_text("{")
    with pytest.raises(AdapterError, match="line 1"):
        read_vroom(path)


# --- Solutions ---


def test_a_solution_has_the_times_of_the_plan() -> None:
    raw = document(
        jobs=[job(1, setup=60, description="a", time_windows=[[2 * HOUR, 3 * HOUR]])],
        vehicles=[
            vehicle(
                breaks=[{"id": 4, "time_windows": [[2 * HOUR + 900, 8700]], "service": 600}],
                description="van",
            )
        ],
    )
    found, solution = planned(raw)
    (route,) = solution["routes"]
    assert faults(raw, solution) == []
    # Off at 6600, there at 7200; 60 s of setup, 900 s on site; a break of 600 s; home at 9360.
    assert [(s["type"], s["arrival"], s["duration"]) for s in route["steps"]] == [
        ("start", 6600, 0),
        ("job", 7200, 600),
        ("break", 8160, 600),
        ("end", 9360, 1200),
    ]
    assert (route["cost"], route["setup"], route["service"]) == (1200, 60, 1500)
    assert (route["description"], route["steps"][1]["description"]) == ("van", "a")
    assert solution["summary"]["computing_times"] == {"loading": 0, "solving": 0, "routing": 0}
    assert solution["dispatchopt"]["cost"] == 1200
    assert "breaks" in told(found)


def test_the_golden_day_is_written_as_the_golden_solution() -> None:
    day, solution = (
        json.loads((GOLDEN / n).read_text("utf-8")) for n in ("day.json", "solution.json")
    )
    compiled = compile_problem(problem_from_vroom(day).problem)
    orders = {
        route["vehicle"]: [step["id"] for step in route["steps"] if step["type"] == "job"]
        for route in solution["routes"]
    }
    index = {int(ticket_id): i for i, ticket_id in enumerate(compiled.ticket_ids)}
    plan = decode(
        compiled, [[index[number] for number in orders[v["id"]]] for v in day["vehicles"]]
    )
    assert faults(day, solution) == []
    assert plan_to_vroom(compiled.problem, plan) == solution


def test_an_unassigned_job_bears_its_reason() -> None:
    _, solution = planned(document(jobs=[job(1, skills=[9])]))
    (task,) = solution["unassigned"]
    assert (task["id"], task["type"], task["reason"]) == (1, "job", "NO_ENGINEER_WITH_SKILL")
    assert solution["routes"] == []


def test_a_plan_without_times_or_of_another_problem_is_refused() -> None:
    problem = problem_from_vroom(document()).problem
    for shift, ticket, part in (
        ("5", "1", "has no times"),
        ("6", "1", "shift '6'"),
        ("5", "9", "'9'"),
    ):
        plan = Plan(routes=(Route(shift_id=shift, visits=(Visit(ticket_id=ticket),)),))
        with pytest.raises(AdapterError, match=part):
            plan_to_vroom(problem, plan)


@given(documents())
def test_solutions_of_any_document_keep_what_it_asks_for(raw: Json) -> None:
    _, solution = planned(raw)
    assert faults(raw, solution) == []


# --- Round trips ---


@given(documents())
@example(
    document(vehicles=[vehicle(5, speed_factor=0.5), vehicle(6)])
)  # the first profile is the default, and the second was written with its table
def test_documents_round_trip_to_the_same_plans(raw: Json) -> None:
    first = problem_from_vroom(raw).problem
    written = problem_to_vroom(first).document
    second = problem_from_vroom(json.loads(json.dumps(written))).problem
    assert [t.id for t in second.tickets] == [t.id for t in first.tickets]
    plan = solve(first, iterations=100, threads=1).plan
    orders = Plan(
        routes=tuple(
            Route(shift_id=r.shift_id, visits=tuple(Visit(ticket_id=v.ticket_id) for v in r.visits))
            for r in plan.routes
        )
    )
    here, there = check(first, orders), check(second, orders)
    assert here.is_valid and there.is_valid
    assert here.cost.by_rule.get("travel") == there.cost.by_rule.get("travel")
    assert problem_to_vroom(second).document == written


NOT_JUDGED = frozenset({"after", "assigned_start", "latest", "max_overtime", "previous_plan"})


@settings(max_examples=2 * settings.default.max_examples)
@given(st.data(), strategies.problems())
def test_problems_go_to_vroom_and_back_with_the_same_valid_plans(
    data: Any, problem: Problem
) -> None:
    written = problem_to_vroom(problem)
    back = (
        problem_from_vroom(json.loads(json.dumps(written.document)))
        if (written.document["jobs"] and written.document["vehicles"])
        else None
    )
    assume(back is not None)
    assert back is not None
    fields = {issue.field for issue in written.not_carried}
    paces = {engineer.duration_percent for engineer in problem.engineers}
    assume(not fields & NOT_JUDGED and paces <= {100})
    tickets = [ticket.id for ticket in problem.tickets if ticket.is_plannable]
    shifts = [shift.id for engineer in problem.engineers for shift in engineer.shifts]
    assume(len(back.problem.engineers) == len(shifts))  # breaks may keep a vehicle at home
    number = {name: str(i) for names in (tickets, shifts) for i, name in enumerate(names, 1)}
    order = data.draw(st.permutations(tickets))
    cut = data.draw(st.integers(0, len(order)))
    routes = dict(zip(shifts, (order[:cut], order[cut:]), strict=False))

    def plan(names: Any) -> Plan:
        return Plan(
            routes=tuple(
                Route(
                    shift_id=names(shift), visits=tuple(Visit(ticket_id=names(t)) for t in visits)
                )
                for shift, visits in routes.items()
                if visits
            )
        )

    here = check(problem, plan(lambda name: name))
    there = check(back.problem, plan(lambda name: number[name]))
    assert here.is_valid == there.is_valid


# --- Any input ---

_value: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**33)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)
_KEYS = (
    "id", "location", "location_index", "setup", "service", "skills", "priority", "time_windows",
    "delivery", "pickup", "amount", "start", "start_index", "end", "end_index", "capacity",
    "time_window", "breaks", "speed_factor", "max_tasks", "max_travel_time", "costs", "steps",
    "profile", "durations", "car", "pickup", "description",
)  # fmt: skip


@given(st.data(), documents())
def test_any_document_is_read_or_refused(data: Any, raw: Json) -> None:
    def spoilt(item: Any, depth: int) -> Any:
        if depth == 0 or not isinstance(item, dict):
            return data.draw(_value)
        key = data.draw(st.sampled_from((*item, *_KEYS[:3]))) if item else "id"
        inner = item.get(key)
        if isinstance(inner, list) and inner:
            at = data.draw(st.integers(0, len(inner) - 1))
            return {**item, key: [*inner[:at], spoilt(inner[at], depth - 1), *inner[at + 1 :]]}
        return {**item, key: spoilt(inner, depth - 1)}

    bad = json.loads(json.dumps(spoilt(raw, data.draw(st.integers(0, 3)))))
    try:
        found = problem_from_vroom(bad, on_lost=data.draw(st.sampled_from(("error", "leave_out"))))
    except DispatchError as error:
        assert str(error)
        return
    problem_to_vroom(found.problem)


@given(_value)
@example({"jobs": [{}], "vehicles": [{}]})
def test_any_value_is_read_or_refused(value: Any) -> None:
    with pytest.raises(DispatchError):
        problem_from_vroom(value)


# --- VROOM itself ---


@pytest.mark.skipif(importlib.util.find_spec("vroom") is None, reason="needs the extra peers")
@pytest.mark.parametrize("hours", [3, 8])
def test_vroom_reads_the_same_files_and_serves_no_more(tmp_path: Path, hours: int) -> None:
    import vroom

    jobs = [
        job(
            i,
            location_index=i % 6,
            service=900 + 300 * (i % 3),
            skills=[1 + i % 2],
            priority=(0, 10, 40)[i % 3],
            time_windows=[[HOUR * (i % 3), HOUR * (i % 3 + 2)]],
        )
        for i in range(1, 15)
    ]
    table = [[300 * abs(a - b) for b in range(6)] for a in range(6)]
    vehicles = [
        vehicle(v, skills=[1, 2][: 1 + v % 2], time_window=[0, hours * HOUR], max_tasks=6)
        for v in (1, 2)
    ]
    raw = document(jobs=jobs, vehicles=vehicles, matrices={"car": {"durations": table}})
    path = tmp_path / "in.json"
    path.write_text(json.dumps(raw))
    theirs = vroom.Input.from_json(path, geometry=False).solve(5, nb_threads=1).to_dict()
    found = problem_from_vroom(raw)
    plan = solve(found.problem, iterations=5000, threads=1).plan
    ours = plan_to_vroom(found.problem, plan)
    assert faults(raw, theirs) == faults(raw, ours) == []

    def rank(solution: Json) -> tuple[int, int, int]:
        summary = solution["summary"]
        return -summary["priority"], summary["unassigned"], summary["cost"]

    assert rank(ours) <= rank(theirs)
    # What we write of the problem is the same problem to VROOM.
    path.write_text(json.dumps(problem_to_vroom(found.problem).document))
    again = vroom.Input.from_json(path, geometry=False).solve(5, nb_threads=1).to_dict()
    assert rank(again) == rank(theirs)
