from __future__ import annotations

from collections import Counter
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatchopt.checker import check
from dispatchopt.errors import InvalidProblemError
from dispatchopt.generator import RealPlaces, generate, generate_plain
from dispatchopt.generator.promises import make_promises
from dispatchopt.models import (
    Matrix,
    Plan,
    Point,
    Policy,
    Problem,
    Profiles,
    Route,
    Shift,
    StraightLine,
    Visit,
)
from dispatchopt.models.cross_check import cross_check
from dispatchopt.rules.context import Context

HOUR = timedelta(hours=1)


def shifts_of(problem: Problem) -> list[Shift]:
    return [shift for engineer in problem.engineers for shift in engineer.shifts]


@pytest.mark.parametrize("make", [generate, generate_plain])
def test_the_same_call_gives_the_same_problem(make):
    first = make(tickets=40, days=2, seed=7)
    again = make(tickets=40, days=2, seed=7)
    other = make(tickets=40, days=2, seed=8)

    assert first.model_dump_json() == again.model_dump_json()
    assert first.model_dump_json() != other.model_dump_json()


@given(
    tickets=st.sampled_from([1, 2, 3, 5, 7, 12, 61, 300]),
    days=st.sampled_from([1, 2, 5, 8]),
    engineers=st.sampled_from([None, 1, 2, 3, 7, 8, 9, 17, 40]),
    seed=st.integers(0, 5),
    pressure=st.sampled_from([0.1, 1.0, 1.1, 2.0]),
)
@example(tickets=300, days=1, engineers=None, seed=0, pressure=1.1)
@example(tickets=1, days=1, engineers=40, seed=0, pressure=1.1)
@example(tickets=300, days=1, engineers=1, seed=0, pressure=1.1)
def test_every_size_is_a_sound_problem(tickets, days, engineers, seed, pressure):
    options = {"tickets": tickets, "days": days, "engineers": engineers, "seed": seed}
    for problem in (
        generate(**options, pressure=pressure),
        generate_plain(**options, pressure=pressure),
    ):
        assert cross_check(problem) == []
        assert len(problem.tickets) == tickets
        assert engineers is None or len(problem.engineers) == engineers
        assert problem.horizon.end - problem.horizon.start == days * 24 * HOUR
        assert Problem.model_validate_json(problem.model_dump_json()) == problem


@pytest.mark.parametrize(
    ("start", "hours"), [(date(2026, 3, 28), 47), (date(2026, 10, 24), 49), (date(2026, 6, 1), 48)]
)
def test_shifts_keep_wall_clock_over_both_changes_of_summer_time(start, hours):
    problem = generate(tickets=60, days=2, seed=3, start=start, timezone="Europe/Helsinki")

    assert problem.horizon.end - problem.horizon.start == hours * HOUR
    starts = {
        s.start.astimezone(ZoneInfo("Europe/Helsinki")).strftime("%d %H:%M")
        for s in shifts_of(problem)
    }
    days = {start.strftime("%d"), (start + timedelta(days=1)).strftime("%d")}
    assert {text[:2] for text in starts} == days
    assert {text[3:] for text in starts} <= {"08:30", "11:30", "17:30"}


def test_a_large_day_is_made_of_what_a_branch_sees():
    problem = generate(tickets=2000, seed=1)
    tickets = problem.tickets
    shares = {n: c / 2000 for n, c in Counter(t.fault_type for t in tickets).items()}
    priorities = Counter(t.priority for t in tickets)

    assert set(shares) == set(problem.catalogue())
    assert shares["BB_SLOW"] == pytest.approx(0.14, abs=0.03)
    assert shares["FEEDER_CABLE_CUT"] < 0.02
    assert 0.03 < priorities[1] / 2000 < 0.08
    assert priorities[3] > priorities[2] > priorities[4] > priorities[1]
    assert 0.93 < sum(t.is_plannable for t in tickets) / 2000 < 0.97
    assert {t.status for t in tickets} == {"open", "parked", "done", "cancelled"}
    assert {t.lock for t in tickets} == {"none", "engineer", "visit"}
    assert sum(t.appointment is not None for t in tickets) == 300
    again = [t for t in tickets if t.visit_no == 2]
    by_id = {t.id: t for t in tickets}
    for second in again:
        (first_id,) = second.after
        first = by_id[first_id]
        assert (first.status, first.case_id) == ("done", second.case_id)
        assert (first.place, first.fault_type) == (second.place, second.fault_type)
    for field in (
        "parts",
        "preferred_engineers",
        "refused_engineers",
        "after",
        "due",
        "latest",
        "earliest",
        "known_at",
        "network_element",
        "case_id",
    ):
        assert 0 < sum(getattr(t, field) is not None for t in tickets) < 2000, field
    assert all(
        t.fault_type == "ENT_LEASED_DOWN" or t.priority > 1 or t.network_element for t in tickets
    )


def test_durations_lie_around_the_mean_of_their_fault_type():
    problem = generate(tickets=4000, seed=2)
    catalogue = problem.catalogue()
    by_type: dict[str, list[int]] = {}
    for ticket in problem.tickets:
        by_type.setdefault(ticket.fault_type, []).append(ticket.duration)

    for code, seconds in by_type.items():
        assert all(s % 60 == 0 and 600 <= s <= 21_600 for s in seconds)
        if len(seconds) >= 200:
            fault = catalogue[code].duration
            assert np.mean(seconds) == pytest.approx(fault.mean, rel=0.1)
            # A tenth of the jobs last longer than the 90 % quantile.
            assert np.mean([s > fault.p90 for s in seconds]) == pytest.approx(0.1, abs=0.06)


def test_backlog_has_age_and_some_of_it_is_overdue():
    problem = generate(tickets=1000, seed=4)
    start = problem.horizon.start
    tickets = problem.tickets
    overdue = [t for t in tickets if t.due and t.due < start]

    assert 0.05 < len(overdue) / 1000 < 0.35
    assert 0.1 < sum(t.carried_over > 0 for t in tickets) / 1000 < 0.3
    for ticket in tickets:
        assert start - 8 * 24 * HOUR <= ticket.reported_at <= start + 7 * HOUR
        assert (ticket.known_at is not None) == (ticket.reported_at >= start)
        assert ticket.due is None or ticket.due > ticket.reported_at


def test_due_rules():
    by_rule = {
        rule: generate(tickets=400, seed=5, due_rule=rule)
        for rule in ("statutory", "same_day", "mixed")
    }
    zone = ZoneInfo("Asia/Shanghai")
    limits = {
        rule: [t for t in problem.tickets if t.fault_type == "ONT_REPLACE"]
        for rule, problem in by_rule.items()
    }

    assert {t.due - t.reported_at for t in limits["statutory"]} == {48 * HOUR, 72 * HOUR}
    for ticket in limits["same_day"]:
        reported = ticket.reported_at.astimezone(zone)
        if reported.hour < 16:
            due = ticket.due.astimezone(zone)
            assert (due.date(), due.strftime("%H:%M:%S")) == (reported.date(), "23:59:59")
        else:
            assert ticket.due - ticket.reported_at == 24 * HOUR
    within_24 = sum(t.due - t.reported_at <= 24 * HOUR for t in limits["mixed"])
    assert 0 < within_24 < len(limits["mixed"]) / 2
    assert all(t.due is None for t in by_rule["mixed"].tickets if t.fault_type == "WIFI_ROUTER")


@pytest.mark.parametrize(("tickets", "days"), [(100, 1), (300, 1), (1000, 1), (300, 5)])
@pytest.mark.parametrize("seed", [0, 1])
def test_work_exceeds_time_by_the_pressure(tickets, days, seed):
    problem = generate(tickets=tickets, days=days, seed=seed)
    regular = [s for s in shifts_of(problem) if s.min_priority is None]
    # Paid time, less one meal and the work already promised.
    minutes = sum((s.end - s.start).total_seconds() / 60 - 60 - s.reserved_minutes for s in regular)
    work = sum(t.duration / 60 + 9 for t in problem.tickets if t.is_plannable)

    assert 1.0 <= work / minutes <= 1.2
    assert 6.5 <= tickets / len(problem.engineers) / days <= 8.7


def test_pressure_sets_the_number_of_engineers():
    relaxed, usual, tight = (
        len(generate(tickets=300, seed=1, pressure=p).engineers) for p in (0.8, 1.1, 1.6)
    )
    assert relaxed > usual > tight


def test_scarce_skills_are_scarce_and_crews_complete():
    problem = generate(tickets=300, seed=1)
    engineers = problem.engineers
    splicers = [
        e for e in engineers if "FIBER_SPLICE" in e.skills and e.skills["FIBER_SPLICE"].level >= 3
    ]
    enterprise = [e for e in engineers if "ENTERPRISE_LINE" in e.skills]
    shifts = shifts_of(problem)

    assert 1 <= len(splicers) <= 0.1 * len(engineers)
    assert 1 <= len(enterprise) <= 0.15 * len(engineers)
    assert {s.members for s in shifts} == {1, 2}
    assert {s.min_priority for s in shifts} == {None, 2}
    assert {len(s.breaks) for s in shifts} == {0, 1, 2}
    assert any(s.ends_anywhere for s in shifts)
    assert any(s.reserved_minutes for s in shifts)
    assert any(s.max_overtime for s in shifts)
    assert any(s.stock for s in shifts)
    assert {e.travel_profile for e in engineers} == {"ebike", "van"}
    cards = [e.skills["WORK_AT_HEIGHT"].expires for e in engineers if "WORK_AT_HEIGHT" in e.skills]
    assert min(cards) < date(2026, 11, 23) < max(cards)
    assert all(
        0.6 * e.recent_paid_minutes < e.recent_minutes <= e.recent_paid_minutes for e in engineers
    )
    assert len({e.name for e in engineers}) == len(engineers)


def test_a_certificate_runs_out_in_the_middle_of_several_days():
    problem = generate(tickets=300, days=5, seed=1)
    cards = [
        e.skills["WORK_AT_HEIGHT"].expires
        for e in problem.engineers
        if "WORK_AT_HEIGHT" in e.skills
    ]
    assert min(cards) == date(2026, 11, 24)


@pytest.mark.parametrize("tickets", [1, 2, 12, 40, 300])
def test_some_engineer_has_skill_and_crew_for_each_ticket(tickets):
    problem = generate(tickets=tickets, seed=9)
    catalogue = problem.catalogue()
    for ticket in problem.tickets:
        needed = catalogue[ticket.fault_type].skills
        assert any(
            all(e.skills.get(n) and e.skills[n].level >= level for n, level in needed.items())
            and any(s.members >= ticket.crew_size for s in e.shifts)
            and (
                e.territories is None or ticket.territory in (*e.territories, *e.helper_territories)
            )
            for e in problem.engineers
        ), ticket.id


def test_grids_are_of_like_size_and_estates_share_points():
    problem = generate(tickets=1000, seed=6)
    sizes = Counter(t.territory for t in problem.tickets)
    places = Counter(t.place for t in problem.tickets)

    assert len(sizes) == round(len(problem.engineers) / 4)
    assert max(sizes.values()) < 4 * 1000 / len(sizes)
    assert 0 < sum(n > 1 for n in places.values()) < 300
    assert all(isinstance(t.place, Point) and abs(t.place.lat - 30.59) < 1 for t in problem.tickets)


def made_places(side: int) -> RealPlaces:
    """A square of places a kilometre apart, two minutes each."""
    steps = [(row, column) for row in range(side) for column in range(side)]
    return RealPlaces(
        points={
            f"P{row}-{column}": Point(lat=42.5 + row / 111.2, lon=1.5 + column / 82.0)
            for row, column in steps
        },
        travel=Matrix(
            kind="matrix",
            places=tuple(f"P{row}-{column}" for row, column in steps),
            seconds=np.array(
                [[120 * (abs(a - c) + abs(b - d)) for c, d in steps] for a, b in steps]
            ),
        ),
    )


@pytest.mark.parametrize("side", [1, 2, 8])
def test_real_places_take_the_tickets_and_the_engineers(side):
    places = made_places(side)
    problem = generate(tickets=60, seed=2, places=places)

    assert problem.travel == places.travel
    assert {t.place for t in problem.tickets} <= set(places.points)
    assert {e.place for e in problem.engineers} <= set(places.points)
    assert {e.travel_profile for e in problem.engineers} == {None}
    assert any(t.appointment for t in problem.tickets)
    assert len({t.territory for t in problem.tickets}) == min(side * side, 2)


@pytest.mark.parametrize(
    "options",
    [
        {"tickets": 30},
        {"tickets": 300},
        {"tickets": 200, "days": 5},
        {"tickets": 80, "places": made_places(9)},
        {"tickets": 120, "days": 2, "start": date(2026, 10, 24), "timezone": "Europe/Helsinki"},
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_promises_can_be_kept_by_one_plan(options, seed):
    problem = generate(**options, seed=seed, appointment_percent=0)
    drafts = [
        {name: getattr(t, name) for name in t.model_fields_set if getattr(t, name) is not None}
        | {"windows": [(w.open, w.close) for w in t.windows]}
        for t in problem.tickets
    ]
    wanted = len(drafts) // 4

    schedule = make_promises(
        np.random.default_rng(seed),
        tickets=drafts,
        engineers=problem.engineers,
        catalogue=problem.catalogue(),
        travel=problem.travel,
        zone=problem.zone,
        num=wanted,
    )

    data = problem.model_dump()
    for raw, draft in zip(data["tickets"], drafts, strict=True):
        raw |= {
            k: draft[k]
            for k in ("appointment", "lock", "assigned_engineer", "assigned_start")
            if k in draft
        }
    promised = Problem.model_validate(data)
    plan = Plan(
        routes=[
            Route(shift_id=shift_id, visits=[Visit(ticket_id=t) for t in ids])
            for shift_id, ids in schedule.items()
            if ids
        ]
    )
    splicers = {
        s.id
        for e in problem.engineers
        for s in e.shifts
        if "FIBER_SPLICE" in e.skills and e.skills["FIBER_SPLICE"].level >= 3
    }
    assert splicers
    assert not splicers & set(schedule)  # kept free for outages
    report = check(promised, plan)
    made = [t.ticket for t in Context.of(promised).tickets.values() if t.is_promised]
    assert len(made) == sum(map(len, schedule.values()))
    assert 0.5 * wanted <= len(made) <= wanted
    assert report.violations == ()
    assert report.broken_promises == ()
    assert report.needs_customer_consent == ()
    assert report.overridden == ()
    for ticket in made:
        assert ticket.appointment.close - ticket.appointment.open <= 2 * HOUR
        assert any(
            w.open <= ticket.appointment.open and ticket.appointment.close <= w.close
            for w in ticket.windows
        )


def test_policy_is_a_preset_or_given_whole():
    assert generate(tickets=3).policy == Policy(preset="balanced")
    assert generate(tickets=3, policy="strict").policy == Policy(preset="strict")
    own = Policy(preset="city_day", travel_per_hour=7200)
    assert generate(tickets=3, policy=own).policy == own


def test_plain_problems_have_windows_skills_and_hours_only():
    problem = generate_plain(tickets=150, seed=1)

    assert problem.policy == Policy(preset="city_day")
    assert {name for t in problem.tickets for name in t.model_fields_set} == {
        "id",
        "fault_type",
        "place",
        "priority",
        "duration",
        "windows",
        "skills",
    }
    assert {len(t.windows) for t in problem.tickets} == {0, 1}
    assert {name for e in problem.engineers for name in e.model_fields_set} == {
        "id",
        "skills",
        "place",
        "shifts",
    }
    assert {name for s in shifts_of(problem) for name in s.model_fields_set} == {
        "id",
        "start",
        "end",
    }
    assert all(problem.catalogue()[t.fault_type].crew_size == 1 for t in problem.tickets)
    minutes = sum((s.end - s.start).total_seconds() / 60 for s in shifts_of(problem))
    work = sum(t.duration / 60 + 9 for t in problem.tickets)
    assert 1.0 <= work / minutes <= 1.2


def test_plain_points_and_table_are_the_same_places():
    points = generate_plain(tickets=30, seed=1, travel="points")
    table = generate_plain(tickets=30, seed=1, travel="matrix")

    assert isinstance(points.travel, StraightLine)
    assert isinstance(table.travel, Matrix)
    assert table.travel.places == tuple(e.id for e in table.engineers) + tuple(
        t.id for t in table.tickets
    )
    owners = [*points.engineers, *points.tickets]
    for row in range(len(owners)):
        for column in range(len(owners)):
            seconds = table.travel.seconds[row, column]
            same = owners[row].place == owners[column].place
            assert seconds == 0 if same else seconds > 180
    assert [t.windows for t in points.tickets] == [t.windows for t in table.tickets]


def test_times_are_utc_and_travel_has_two_profiles():
    problem = generate(tickets=5, seed=1)
    assert problem.horizon.start.tzinfo is UTC
    assert isinstance(problem.travel, Profiles)
    assert set(problem.travel.profiles) == {"ebike", "van"}


def test_all_faulty_options_are_listed_at_once():
    with pytest.raises(InvalidProblemError) as caught:
        generate(
            tickets=0,
            days=0,
            engineers=0,
            pressure=0,
            timezone="Moon/Base",
            policy="gentle",
            appointment_percent=101,
        )
    assert {issue.field for issue in caught.value.issues} == {
        "tickets",
        "days",
        "engineers",
        "pressure",
        "timezone",
        "policy",
        "appointment_percent",
    }
    with pytest.raises(InvalidProblemError, match="days"):
        generate_plain(tickets=1, days=400)
