"""Key figures against hand-worked ones; the day is that of `report_day`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dispatchopt.errors import InvalidProblemError
from dispatchopt.models import Plan, Problem
from dispatchopt.report.kpis import nearest_rank, plan_kpis
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_shift, raw_ticket
from tests.unit.report_day import day, plan, previous_plan, raw_engineers, raw_plan, visit, window

KPIS = plan_kpis(day(previous_plan=previous_plan()), plan())


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [
        # Due today: T1 ends 08:40, due 08:40, met; T2 ends 10:00, due 09:50; T4 left out.
        # T3 was due yesterday, T5 is due in two days, T6 is done.
        ("sla_attainment", 1, 3),
        # T3 of T1 to T5.
        ("already_overdue", 1, 5),
        # T1 0, T2 600, T3: 22nd 12:00 to 23rd 12:10 is 24 h 10 min = 87 000 s.
        ("tardiness", 87_600, 3),
        # T2 begins at 09:30, the last second of its window; T3 at 11:30, too late; T4 left out.
        ("appointments_kept", 1, 3),
        # Paid: E1 4 h less half an hour of break = 12 600, E/2 4 h = 14 400. Service 30 + 30 + 40
        # minutes = 6000. Travel 600 + 1200 + 600 back, and 1800; S2 ends at its last visit = 4200.
        ("utilisation", 10_200, 27_000),
        ("wrench_time", 6000, 27_000),
        # E1 is away 08:00 to 10:40 = 9600: less service 3600, travel 2400, break 1800 waits 1800.
        ("travel_share", 4200, 4200 + 6000 + 1800),
        ("travel_per_job", 4200, 3),
        # E1 and a pair; E3 has no shift.
        ("jobs_per_engineer_day", 3, 3),
        # S2 ends at 12:10 instead of 12:00.
        ("overtime", 600, 2),
        # T2 needs B, expired the day before; T3 needs A 2, E/2 has 1.
        ("skill_mismatch", 2, 3),
        # T1: A 3 for 2; T3: too low counts 0; T2's expired one not at all.
        ("overskill", 1, 2),
        # T1 north and E1 north; T2 south; E/2 states none.
        ("territory_adherence", 1, 2),
        # One ONT on S1: T1 takes it, T2 finds none; E/2's stock is not tracked.
        ("parts_ready", 1, 2),
        ("unassigned", 2, 5),
        # T1 07:40 to 08:40, T2 06:00 to 10:00, T3 02:10 to 12:10.
        ("customer_wait", 3600 + 14_400 + 36_000, 3),
        # Arrivals: T1 08:10, T2 09:20; T3 is a second visit.
        ("first_visit_wait", 1800 + 12_000, 2),
        # T2 06:00 to 09:00, T3 02:10 to 10:00.
        ("window_lead_time", 10_800 + 28_200, 2),
        # T1, T2, T3 stand in both plans; T2 was E/2's, and half an hour earlier.
        ("engineer_changed", 1, 3),
        ("start_moved", 1800, 3),
        # T2 is kept, T5 left out; T3's customer agreed on another window since.
        ("windows_moved", 1, 2),
    ],
)
def test_figure(name: str, numerator: float, denominator: float) -> None:
    kpi = KPIS[name]
    assert (kpi["numerator"], kpi["denominator"]) == (numerator, denominator)
    assert kpi["value"] == numerator / denominator
    assert kpi["status"] == "ok"


def test_breakdowns() -> None:
    by_priority = KPIS["sla_attainment"]["by_priority"]
    assert {p: (k["numerator"], k["denominator"]) for p, k in by_priority.items()} == {
        "1": (1, 1), "2": (0, 2), "3": (0, 0), "4": (0, 0),
    }  # fmt: skip
    assert by_priority["3"]["value"] is None
    assert KPIS["unassigned"]["by_reason"] == {"LOST_TO_OTHERS": 1, "NO_PARTS": 1}
    assert KPIS["unassigned"]["by_priority"] == {"1": 1, "2": 1, "3": 0, "4": 0}
    assert KPIS["tardiness"]["p90"] == 87_000
    assert (KPIS["customer_wait"]["p50"], KPIS["customer_wait"]["p90"]) == (14_400, 36_000)


def test_fairness_of_the_plan_and_with_the_past() -> None:
    # E1: (3600 + 2400) / 12 600; E/2: (2400 + 1800 + 1800 reserved) / 14 400.
    x, y = 6000 / 12_600, 6000 / 14_400
    assert KPIS["load_jain"]["value"] == pytest.approx((x + y) ** 2 / (2 * (x * x + y * y)))
    assert KPIS["load_gini"]["value"] == pytest.approx(2 * abs(x - y) / (2 * 2 * (x + y)))
    assert KPIS["load_range"]["value"] == pytest.approx(x - y)
    # E/2 worked 50 of 60 minutes before: (6000 + 3000) / (14 400 + 3600) = 1/2.
    assert KPIS["load_with_recent_range"]["value"] == pytest.approx(0.5 - x)


def three_engineers(loads: tuple[int, int, int]) -> Problem:
    """Loads in percent of a shift of 100 minutes, all of it reserved work."""
    return Problem.model_validate(
        raw_problem(
            tickets=[],
            engineers=[
                raw_engineer(
                    f"E{n}", shifts=[raw_shift(f"S{n}", end=at("09:40"), reserved_minutes=minutes)]
                )
                for n, minutes in enumerate(loads)
            ],
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loads", "jain", "gini", "spread"),
    [
        # (0.2 + 0.4 + 0.6)^2 / (3 * 0.56) = 1.44 / 1.68; pairs apart 0.2, 0.4, 0.2, twice each:
        # 1.6 / (2 * 9 * 0.4) = 2/9.
        ((20, 60, 40), 1.44 / 1.68, 2 / 9, 0.4),
        ((50, 50, 50), 1.0, 0.0, 0.0),
        # One does it all: 1/n and (n - 1)/n.
        ((0, 0, 90), 1 / 3, 2 / 3, 0.9),
        ((0, 0, 0), None, None, 0.0),
    ],
)
def test_fairness(
    loads: tuple[int, int, int], jain: float | None, gini: float | None, spread: float
) -> None:
    kpis = plan_kpis(three_engineers(loads), Plan(routes=()))
    assert kpis["load_jain"]["value"] == (None if jain is None else pytest.approx(jain))
    assert kpis["load_gini"]["value"] == (None if gini is None else pytest.approx(gini))
    assert kpis["load_range"]["value"] == pytest.approx(spread)


def test_without_data_every_figure_is_null() -> None:
    kpis = plan_kpis(day(tickets=[], engineers=[]), Plan(routes=()))
    assert all(kpi["value"] is None for kpi in kpis.values())
    assert {kpi["status"] for kpi in kpis.values()} == {"no_data"}
    assert json.loads(json.dumps(kpis, allow_nan=False)) == kpis


def test_idle_shift_counts_as_paid() -> None:
    kpis = plan_kpis(day(), Plan(routes=()))
    assert (kpis["utilisation"]["value"], kpis["utilisation"]["denominator"]) == (0, 27_000)
    assert kpis["unassigned"]["by_reason"] == {"NOT_IN_PLAN": 5}
    assert kpis["overtime"]["status"] == "no_data"


@pytest.mark.parametrize(("opens", "count"), [("23:58", 2), ("23:59", 1)])
def test_appointment_after_the_horizon_is_no_promise_of_this_plan(opens: str, count: int) -> None:
    # The horizon ends at 23:59.
    appointments = (window("09:00", "10:00"), window(opens, "23:59"))
    tickets = [raw_ticket(f"T{i}", appointment=one) for i, one in enumerate(appointments)]
    problem = Problem.model_validate(raw_problem(tickets=tickets))
    assert plan_kpis(problem, Plan(routes=()))["appointments_kept"]["denominator"] == count


def test_window_promised_before_and_met_by_another_time_is_kept() -> None:
    # T5 goes into the promised 11:00-13:00 window, at another time than before.
    raw = raw_plan()
    raw["routes"][0]["visits"].append(visit("T5", "12:00 12:10 12:59 13:00", 600))
    kpi = plan_kpis(day(previous_plan=previous_plan()), Plan.model_validate(raw))["windows_moved"]
    assert (kpi["numerator"], kpi["denominator"]) == (0, 2)


def test_way_back_that_does_not_exist_counts_as_it_took() -> None:
    engineer = raw_engineer("E1", place="a", shifts=[raw_shift("S1")])
    travel = {"kind": "matrix", "places": ["a", "b"], "seconds": [[0, 60], [None, 0]]}
    ticket = raw_ticket("T1", place="b")
    problem = Problem.model_validate(
        raw_problem(tickets=[ticket], engineers=[engineer], travel=travel)
    )
    visits = [visit("T1", "08:00 08:01 08:01 09:00", 60)]
    route = {"shift_id": "S1", "visits": visits, "end": at("09:05")}
    kpi = plan_kpis(problem, Plan.model_validate({"routes": [route]}))["travel_per_job"]
    assert kpi["value"] == 60 + 300


@pytest.mark.parametrize(
    ("share", "rank"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.9, 4), (1.0, 4)]
)
def test_nearest_rank(share: float, rank: int) -> None:
    assert nearest_rank([4, 1, 3, 2], share) == rank


def test_plan_of_another_problem_is_refused_with_all_faults() -> None:
    routes = [
        {"shift_id": "S9", "visits": []},
        {"shift_id": "S1", "visits": [{"ticket_id": "T9"}, {"ticket_id": "T1"}]},
    ]
    with pytest.raises(InvalidProblemError) as caught:
        plan_kpis(day(), Plan.model_validate({"routes": routes}))
    found: list[tuple[str, str]] = [(issue.id, issue.field) for issue in caught.value.issues]
    assert found == [("S9", "shift_id"), ("T9", "ticket_id"), ("T1", "start")]


def test_night_shift_counts_on_the_day_that_it_begins() -> None:
    shifts: list[dict[str, Any]] = [
        raw_shift("night", start=at("22:00"), end="2026-11-24T06:00:00+08:00"),
        raw_shift("day", start="2026-11-24T08:00:00+08:00", end="2026-11-24T17:00:00+08:00"),
        raw_shift("late", start="2026-11-24T18:00:00+08:00", end="2026-11-24T19:00:00+08:00"),
    ]
    engineers = [{**raw_engineers()[0], "shifts": shifts}]
    horizon = {"start": at("00:00"), "end": "2026-11-26T00:00:00+08:00"}
    kpis = plan_kpis(day(engineers=engineers, horizon=horizon, tickets=[]), Plan(routes=()))
    assert kpis["jobs_per_engineer_day"]["denominator"] == 2
