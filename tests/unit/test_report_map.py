from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from dispatchopt.errors import InvalidProblemError
from dispatchopt.generator import generate
from dispatchopt.models import Plan, Point, Problem, Route, Unserved, Visit
from dispatchopt.report.map import plan_svg

SVG = "{http://www.w3.org/2000/svg}"


def small_problem(places: dict[str, object], **shift: object) -> Problem:
    return Problem.model_validate(
        {
            "horizon": {
                "start": datetime(2026, 11, 23, tzinfo=UTC),
                "end": datetime(2026, 11, 24, tzinfo=UTC),
            },
            "tickets": [
                {"id": f"T<{name}>", "fault_type": "BB_SLOW", "place": place, "priority": 2}
                for name, place in places.items()
            ],
            "engineers": [
                {
                    "id": "E1",
                    "name": "Nobody & Co",
                    "skills": {"BROADBAND": 2},
                    "place": next(iter(places.values())),
                    "shifts": [
                        {
                            "id": "E1&d0",
                            "start": datetime(2026, 11, 23, 8, tzinfo=UTC),
                            "end": datetime(2026, 11, 23, 17, tzinfo=UTC),
                            **shift,
                        }
                    ],
                }
            ],
            "travel": {"kind": "straight_line"}
            if isinstance(next(iter(places.values())), dict)
            else {
                "kind": "matrix",
                "places": list(places.values()),
                "seconds": [[60] * len(places)] * len(places),
            },
        }
    )


def plan_of(visited: list[str], left_out: list[str]) -> Plan:
    return Plan(
        routes=[Route(shift_id="E1&d0", visits=[Visit(ticket_id=f"T<{v}>") for v in visited])],
        unserved=[Unserved(ticket_id=f"T<{u}>", reason="LOST_TO_OTHERS") for u in left_out],
    )


def texts(svg: str, tag: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}{tag}")]


CORNERS = {
    "a": {"lat": 0.0, "lon": 0.0},
    "b": {"lat": 0.0, "lon": 1.0},
    "c": {"lat": 1.0, "lon": 1.0},
}


def test_a_route_runs_from_its_start_over_its_visits_and_back():
    svg = plan_svg(small_problem(CORNERS), plan_of(["b", "c"], ["a"]), width=1048)
    root = ElementTree.fromstring(svg)
    (line,) = root.iter(f"{SVG}polyline")

    # Margin 24, so one degree is 1000 pixels across; at 0.5 degrees north a degree of latitude is
    # 1 / cos(0.5°) = 1.00004 of that.
    corners = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
    assert corners == [(24, 1024), (1024, 1024), (1024, 24), (24, 1024)]
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    assert "E1&d0 · 1 · T<b> · P2" in texts(svg, "title")
    assert "T<a> · P2" in texts(svg, "title")
    assert "2 served, 1 left out" in texts(svg, "text")
    assert "Nobody" not in svg


def test_a_shift_that_ends_anywhere_does_not_go_back():
    problem = small_problem(CORNERS, end_place=None)
    (line,) = ElementTree.fromstring(plan_svg(problem, plan_of(["b"], []))).iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 2


def test_places_by_id_need_coordinates():
    problem = small_problem({"a": "A", "b": "B"})
    points = {"A": Point(lat=42.5, lon=1.5), "B": Point(lat=42.6, lon=1.6)}

    assert "<polyline" in plan_svg(problem, plan_of(["b"], ["a"]), points=points)
    with pytest.raises(InvalidProblemError) as caught:
        plan_svg(problem, plan_of(["b"], ["a"]))
    assert {issue.value for issue in caught.value.issues} == {"A", "B"}


def test_a_plan_of_another_problem_is_refused_with_all_unknown_ids():
    other = Plan(
        routes=[Route(shift_id="X-d0", visits=[Visit(ticket_id="X1")])],
        unserved=[Unserved(ticket_id="X2", reason="LOST_TO_OTHERS")],
    )
    with pytest.raises(InvalidProblemError) as caught:
        plan_svg(small_problem(CORNERS), other)
    assert {issue.value for issue in caught.value.issues} == {"X-d0", "X1", "X2"}


@pytest.mark.parametrize("visited", [[], ["a"]])
def test_an_empty_plan_and_a_single_place_are_drawn(visited):
    problem = small_problem({"a": {"lat": 60.0, "lon": 25.0}})
    root = ElementTree.fromstring(plan_svg(problem, plan_of(visited, [])))
    assert len(list(root.iter(f"{SVG}circle"))) == len(visited)


def test_many_routes_all_stand_in_the_key():
    problem = generate(tickets=300, seed=1)
    tickets = iter(t.id for t in problem.tickets if t.is_plannable)
    shifts = [s.id for e in problem.engineers for s in e.shifts]
    plan = Plan(
        routes=[Route(shift_id=s, visits=[Visit(ticket_id=next(tickets))]) for s in shifts],
        unserved=[Unserved(ticket_id=t, reason="LOST_TO_OTHERS") for t in tickets],
    )
    svg = plan_svg(problem, plan)
    root = ElementTree.fromstring(svg)

    for shift_id in shifts:
        assert f"{shift_id}: 1 visit" in texts(svg, "text")
    height = float(root.get("height"))
    keys = [g.get("transform") for g in root.iter(f"{SVG}g")]
    assert all(float(key.rstrip(")").split()[1]) <= height for key in keys)
    assert len(svg) < 200_000
