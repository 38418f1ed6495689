from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dispatchopt.checker import check
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Engineer, Plan, Problem, Shift, Visit
from dispatchopt.rules.context import Context
from dispatchopt.schedule import route_of, schedule_anyway, schedule_route
from tests.builders import (
    HOUR,
    at,
    engineer,
    free,
    problem,
    sec,
    shift,
    table,
    ticket,
    window,
)


def scheduled(task: Problem, *ticket_ids: str) -> Any:
    """Return the route of the first shift that takes the tickets in that order, None if none."""
    ctx = Context.of(task)
    only = next(iter(ctx.shifts.values()))
    view = schedule_route(ctx, only, [ctx.tickets[t] for t in ticket_ids])
    return None if view is None else route_of(ctx, view)


def test_a_route_is_served_as_soon_as_possible_and_left_for_just_in_time() -> None:
    promised = window("10:00", "12:00")
    task = problem([ticket("t", "a"), ticket("u", "c", 30, appointment=promised)])
    route = scheduled(task, "t", "u")
    # There at 08:10, an hour; 20 minutes to c would be 09:30, but the customer expects 10:00.
    assert route.visits == (
        Visit(
            ticket_id="t",
            departure=at("08:00"),
            arrival=at("08:10"),
            start=at("08:10"),
            end=at("09:10"),
            travel_seconds=600,
        ),
        Visit(
            ticket_id="u",
            departure=at("09:40"),
            arrival=at("10:00"),
            start=at("10:00"),
            end=at("10:30"),
            travel_seconds=1200,
            promised=promised,
        ),
    )
    assert (route.start, route.end) == (at("08:00"), at("11:00"))
    assert (route.shift_id, route.engineer_id) == ("s", "e")


def test_a_route_begins_when_it_must_not_when_it_may() -> None:
    task = problem([ticket("t", "a", windows=[window("11:00", "12:00")])])
    assert scheduled(task, "t").start == at("10:50")


def test_an_order_without_schedule_has_none_and_can_be_looked_at_anyway() -> None:
    early = ticket("u", "c", windows=[window("08:00", "09:00")])
    task = problem([ticket("t", "a"), early])
    assert scheduled(task, "t", "u") is None
    ctx = Context.of(task)
    view = schedule_anyway(ctx, ctx.shifts["s"], [ctx.tickets["t"], ctx.tickets["u"]])
    # Served as it comes, at 09:30; home by 11:00.
    assert [(stop.start, stop.end) for stop in view.stops] == [
        (sec("08:10"), sec("09:10")),
        (sec("09:30"), sec("10:30")),
    ]
    assert view.end == sec("11:00")


def test_an_order_over_a_leg_without_a_way_has_no_schedule() -> None:
    task = problem([ticket("t", "a")], travel=table(no_way=(("home", "a"),)))
    assert scheduled(task, "t") is None


def test_an_empty_order_is_an_empty_route() -> None:
    route = scheduled(problem([ticket("t")]))
    assert (route.visits, route.start, route.end) == ((), at("08:00"), at("08:00"))


def test_a_started_visit_stands_first_whether_it_is_named_or_not() -> None:
    now = ticket("now", "c", status="started", assigned_engineer="e", assigned_start=at("08:15"))
    task = problem([ticket("t", "b", 30), now], now=at("08:30"))
    for order in (["t"], ["now", "t"], ["t", "now"]):
        route = scheduled(task, *order)
        # From c at 09:15, 10 minutes to b.
        assert [(v.ticket_id, v.start, v.end) for v in route.visits] == [
            ("now", at("08:15"), at("09:15")),
            ("t", at("09:25"), at("09:55")),
        ]
        assert (route.start, route.end) == (at("08:15"), at("10:15"))
    alone = scheduled(task)
    assert [v.ticket_id for v in alone.visits] == ["now"]
    assert alone.end == at("09:45")


def test_lateness_decides_where_a_break_is_taken() -> None:
    lunch = {"earliest": at("08:00"), "latest": at("09:10"), "duration": 1800}
    crew = [engineer("e", shift(breaks=[lunch]))]
    policy = free(late_cost={3: 1})
    # Before the visit, it ends at 09:40; after it, at 09:10. Home at 09:50 either way.
    for due, taken in [("09:10", "09:10"), ("09:09", "08:00"), ("09:40", "08:00")]:
        task = problem([ticket("t", "a", due=at(due))], crew, policy=policy)
        assert scheduled(task, "t").breaks[0].start == at(taken)


# --- changes of summer time: durations are elapsed seconds, never differences of clocks

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")

NIGHTS = [
    # From 22:00 to 06:00 by the clock. Berlin skips 02:00 to 03:00 and repeats it in autumn;
    # Lord Howe skips and repeats half an hour.
    pytest.param(BERLIN, date(2026, 3, 28), 7 * HOUR, id="Berlin in spring"),
    pytest.param(BERLIN, date(2026, 10, 24), 9 * HOUR, id="Berlin in autumn"),
    pytest.param(LORD_HOWE, date(2026, 10, 3), 7 * HOUR + 1800, id="Lord Howe in spring"),
    pytest.param(LORD_HOWE, date(2026, 4, 4), 8 * HOUR + 1800, id="Lord Howe in autumn"),
    pytest.param(BERLIN, date(2026, 6, 6), 8 * HOUR, id="a plain night"),
]


def night(zone: ZoneInfo, day: date, seconds: int, **fields: Any) -> Problem:
    """Build a problem with a shift from 22:00 to 06:00 and a ticket of so many seconds."""
    evening = datetime(day.year, day.month, day.day, 22, tzinfo=zone)
    morning = datetime(day.year, day.month, day.day, 6, tzinfo=zone) + timedelta(days=1)
    noon = evening - timedelta(hours=10)  # by the clock; the change comes later in the night
    only = Shift(id="s", start=evening, end=morning)
    item = ticket("t", "home", duration=seconds, **fields)
    return problem(
        [item],
        [engineer("e", only, skills={"fibre": {"level": 1, "expires": day}})],
        horizon={"start": noon, "end": noon + timedelta(days=1)},
        timezone=zone.key,
        policy=free(delay_per_hour={3: 3600}, balance_per_hour=3600),
    )


@pytest.mark.parametrize(("zone", "day", "elapsed"), NIGHTS)
def test_a_night_shift_holds_its_elapsed_seconds(zone: ZoneInfo, day: date, elapsed: int) -> None:
    fits = compile_problem(night(zone, day, elapsed))
    plan = decode(fits, [[0]])
    report = check(fits.problem, plan)
    assert report.is_valid
    visit = plan.routes[0].visits[0]
    assert visit.start is not None
    assert visit.end is not None
    assert visit.end - visit.start == timedelta(seconds=elapsed)
    assert visit.end.astimezone(zone).hour == 6
    # Paid for what it lasts; W = H costs 3600 x H / 3600. Ten hours of delay until 22:00.
    assert fits.instance.load_hours.tolist() == [elapsed]
    assert report.cost.by_rule == {"delay": 10 * HOUR + elapsed, "balance": elapsed}
    too_long = night(zone, day, elapsed + 1)
    orders = Plan(routes=[{"shift_id": "s", "visits": [{"ticket_id": "t"}]}])
    broken = check(too_long, orders)
    assert [fault.rule for fault in broken.violations] == ["shift_hours"]


@pytest.mark.parametrize(("zone", "day", "elapsed"), NIGHTS)
def test_reserved_minutes_and_breaks_are_elapsed_too(
    zone: ZoneInfo, day: date, elapsed: int
) -> None:
    task = night(zone, day, HOUR)
    only = task.engineers[0].shifts[0]
    four = datetime(day.year, day.month, day.day, 4, tzinfo=zone) + timedelta(days=1)
    rest = {"earliest": four, "latest": four + timedelta(minutes=30), "duration": 1800}
    changed = Shift(
        id="s",
        start=only.start,
        end=only.end,
        reserved_minutes=60,
        breaks=[rest],
    )
    form = compile_problem(
        task.model_copy(update={"engineers": (engineer("e", changed),)})
    ).instance
    # Noon to 22:00 is ten hours; the clocks change before 04:00, two hours before the end.
    assert form.shift_begin.tolist() == [10 * HOUR]
    assert form.shift_limit.tolist() == [10 * HOUR + elapsed - HOUR]
    four_o_clock = 10 * HOUR + elapsed - 2 * HOUR
    assert form.pause[0, 0].tolist() == [four_o_clock, four_o_clock + 1800, 1800]
    assert form.load_hours.tolist() == [elapsed - 1800]


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    # 02:30 on 25 October comes at 00:30 and at 01:30 UTC.
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    second = first.replace(fold=1)
    for opens, expected in [(first, 0), (second, 1)]:
        slot = {"open": opens, "close": second.replace(minute=50)}
        task = night(BERLIN, date(2026, 10, 24), 60, windows=[slot])
        visit = scheduled(task, "t").visits[0]
        assert visit.start == datetime(2026, 10, 25, expected, 30, tzinfo=UTC)


@pytest.mark.parametrize(("zone", "day", "elapsed"), NIGHTS)
def test_certificates_hold_by_the_local_day_on_which_the_shift_starts(
    zone: ZoneInfo, day: date, elapsed: int
) -> None:
    # The certificate ends with the day on which the night begins.
    task = night(zone, day, elapsed, skills={"fibre": 1})
    assert check(task, decode(compile_problem(task), [[0]])).is_valid
    # Half past midnight is another day there, wherever it is in UTC.
    next_day = datetime(day.year, day.month, day.day, 0, 30, tzinfo=zone) + timedelta(days=1)
    crew: tuple[Engineer, ...] = (
        engineer(
            "e",
            Shift(id="s", start=next_day, end=next_day + timedelta(hours=8)),
            skills={"fibre": {"level": 1, "expires": day}},
        ),
    )
    late = night(zone, day, HOUR, skills={"fibre": 1}).model_copy(update={"engineers": crew})
    orders = Plan(routes=[{"shift_id": "s", "visits": [{"ticket_id": "t"}]}])
    assert [fault.rule for fault in check(late, orders).violations] == ["skills"]
