from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.checker import check, check_in
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Cost, NotPlannable, Plan, Rejected, Unserved, Visit
from dispatchopt.rules import RULES
from dispatchopt.rules.context import Context
from tests.builders import (
    at,
    cost,
    engineer,
    faults,
    free,
    orders,
    pause,
    problem,
    route,
    shift,
    table,
    ticket,
    total,
    visit,
)

if TYPE_CHECKING:
    from dispatchopt.models import Problem

PRICES = free(travel_per_hour=3600, unserved_cost={3: 500}, delay_per_hour={3: 36})
TASK = problem([ticket("t", "a"), ticket("u", "b", 30)], policy=PRICES)
T = visit("t", "08:00", "08:10", "08:10", "09:10")
U = visit("u", "09:10", "09:20", "09:20", "09:50")
BOTH = route("s", T, U, start="08:00", end="10:10")


def test_a_plan_with_times_and_the_same_orders_alone_are_judged_alike() -> None:
    timed = check(TASK, Plan(routes=[BOTH]))
    assert timed.is_valid
    # 10 + 10 + 20 minutes of travel; delay 9 h 10 min and 9 h 50 min at 36: 330 + 354.
    assert timed.cost == Cost(total=2400 + 684, by_rule={"travel": 2400, "delay": 684})
    assert check(TASK, orders(s="t u")) == timed
    assert check_in(Context.of(TASK), Plan(routes=[BOTH])) == timed


def test_the_stated_times_are_priced_not_the_earliest() -> None:
    # An hour later: 36 more for each of the two.
    later = route(
        "s",
        visit("t", "09:00", "09:10", "09:10", "10:10"),
        visit("u", "10:10", "10:20", "10:20", "10:50"),
        end="11:10",
    )
    assert total(TASK, Plan(routes=[later])) == 2400 + 684 + 72


def test_the_end_of_a_route_may_be_left_out() -> None:
    crew = [engineer("e", shift(end="10:10"))]
    open_end = Plan(routes=[route("s", T, U)])
    assert faults(problem(TASK.tickets, crew), open_end) == []
    short = [engineer("e", shift(end="10:09:59"))]
    assert faults(problem(TASK.tickets, short), open_end) == [("shift_hours", "u", "s")]


TIMES = ("departure", "arrival", "start", "end")


def only(stop: Visit, *names: str) -> Visit:
    """Return the visit with no other times than these."""
    gone: dict[str, None] = dict.fromkeys(name for name in TIMES if name not in names)
    return stop.model_copy(update=gone)


@pytest.mark.parametrize(
    "names", [names for count in (1, 2, 3) for names in combinations(TIMES, count)]
)
def test_missing_times_follow_from_the_stated_ones(names: tuple[str, ...]) -> None:
    # Each visit an hour later than need be: only what is stated can tell.
    stops = (
        visit("t", "09:00", "09:10", "09:10", "10:10"),
        visit("u", "10:10", "10:20", "10:20", "10:50"),
    )
    full = check(TASK, Plan(routes=[route("s", *stops)]))
    assert full.is_valid
    assert check(TASK, Plan(routes=[route("s", *(only(stop, *names) for stop in stops))])) == full


def test_a_plan_with_starts_and_ends_alone_is_held_to_them() -> None:
    absurd = [
        only(visit(t, "00:00", "00:00", "00:00", "00:00:01"), "start", "end") for t in ("t", "u")
    ]
    assert set(faults(TASK, Plan(routes=[route("s", *absurd)]))) == {
        ("service_time", "t", "s"),
        ("service_time", "u", "s"),
        ("travel_time", "t", "s"),
        ("travel_time", "u", "s"),
        ("shift_hours", None, "s"),
    }
    short = only(U, "start", "end").model_copy(update={"end": at("09:49:59")})
    plan = Plan(routes=[route("s", only(T, "start", "end"), short, end="10:10")])
    assert faults(TASK, plan) == [("service_time", "u", "s")]


@pytest.mark.parametrize("name", TIMES)
def test_one_stated_time_makes_a_plan_with_times(name: str) -> None:
    # u is in no list, which only a plan with orders alone may do.
    plan = Plan(routes=[route("s", only(T, name), end="09:20")])
    assert faults(TASK, plan) == [("tally", "u", None)]


def test_a_visit_that_states_its_arrival_alone_waits_for_its_window() -> None:
    task = problem([ticket("t", "a", windows=[{"open": at("10:00"), "close": at("11:00")}])])
    for name in ("departure", "arrival"):
        assert faults(task, Plan(routes=[route("s", only(T, name), end="11:10")])) == []
        late = Plan(routes=[route("s", only(T, name), end="11:09:59")])
        assert faults(task, late) == [("travel_time", "t", "s")]


def test_missing_times_leave_room_for_stated_breaks() -> None:
    crew = [engineer("e", shift(breaks=[pause("12:00", "12:30", 30)]))]
    task = problem([ticket("t", "home", 230), ticket("u", "d")], crew)
    # t until 11:50, ten minutes of way, lunch, 50 minutes of way; home from 14:20 to 15:20.
    full = decode(compile_problem(task), [[0, 1]])
    made = full.routes[0]
    assert [(b.start, b.end) for b in made.breaks] == [(at("12:00"), at("12:30"))]
    for names in (("start",), ("departure",), ("start", "end"), ("arrival", "end")):
        less = made.model_copy(
            update={
                "visits": tuple(only(stop, *names) for stop in made.visits),
                "start": None,
                "end": None,
            }
        )
        assert check(task, Plan(routes=[less])) == check(task, full)
    early = made.visits[1].model_copy(
        update={"departure": None, "arrival": None, "start": at("13:19:59")}
    )
    plan = full.model_copy(
        update={"routes": (made.model_copy(update={"visits": (made.visits[0], early)}),)}
    )
    assert faults(task, plan) == [("travel_time", "u", "s")]


def test_the_way_home_that_is_not_stated_holds_the_break_too() -> None:
    crew = [engineer("e", shift(breaks=[pause("12:00", "12:30", 30)], end="12:49:59"))]
    task = problem([ticket("t", "a", 225)], crew)
    # t until 11:55; home 10 minutes, the break from 12:00: 12:35. A second break ends at 12:50.
    stop = visit("t", "08:00", "08:10", "08:10", "11:55")
    assert faults(task, Plan(routes=[route("s", stop, breaks=[("12:00", "12:30")])])) == []
    two = Plan(routes=[route("s", stop, breaks=[("12:00", "12:30"), ("12:40", "12:50")])])
    assert faults(task, two) == [("shift_hours", "t", "s")]


def test_a_started_visit_that_states_one_time_is_the_fact_that_it_is() -> None:
    now = ticket("t", "a", status="started", assigned_engineer="e", assigned_start=at("08:10"))
    task = problem([now, ticket("u", "b", 30)], now=at("08:30"))
    for name in TIMES:
        plan = Plan(routes=[route("s", only(T, name), only(U, name))])
        # Where it was left for is past: it begins and ends as it did.
        assert faults(task, plan) == [], name


def test_each_route_has_times_or_orders_by_itself() -> None:
    crew = [engineer("e"), engineer("f", shift("r"))]
    task = problem(TASK.tickets, crew)
    assert faults(task, Plan(routes=[route("s", T, end="09:20"), *orders(r="u").routes])) == []


def test_a_stated_cost_must_be_the_cost() -> None:
    right, wrong = (Plan(routes=[BOTH], cost=Cost(total=c)) for c in (3084, 3083))
    assert faults(TASK, right) == []
    assert faults(TASK, wrong) == [("cost", None, None)]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (orders(s="t", x="u"), ("shift", None, "x")),
        (Plan(routes=[*orders(s="t").routes, *orders(s="u").routes]), ("shift", None, "s")),
        (
            Plan(routes=[orders(s="t").routes[0].model_copy(update={"engineer_id": "f"})]),
            ("shift", None, "s"),
        ),
        (orders(s="t x u"), ("ticket", "x", "s")),
        (orders(s="t u t"), ("ticket", "t", "s")),
        (
            Plan(routes=[route("s", T, Visit(ticket_id="u"), end="10:10")]),
            ("times", None, "s"),
        ),
        (
            Plan(routes=[route("s", Visit(ticket_id="t"), U.model_copy(update={"start": None}))]),
            ("times", None, "s"),
        ),
        (Plan(routes=[route("s", T, U, start="08:01", end="10:10")]), ("times", None, "s")),
    ],
)
def test_faults_of_the_routes_themselves(plan: Plan, expected: Any) -> None:
    assert faults(TASK, plan) == [expected]


def test_an_unknown_ticket_on_an_unknown_shift_is_told_too() -> None:
    found = check(STATES, orders(s="t", x="y d")).violations
    assert [(v.rule, v.ticket_id, v.shift_id, v.message) for v in found] == [
        ("ticket", "y", "x", "is no ticket of the problem"),
        ("ticket", "d", "x", "has the status done, so it is not to be visited"),
        ("shift", None, "x", "is no shift of the problem"),
    ]


def test_a_ticket_on_two_shifts_is_visited_twice() -> None:
    crew = [engineer("e"), engineer("f", shift("r"))]
    task = problem(TASK.tickets, crew)
    assert faults(task, orders(s="t u", r="t")) == [("ticket", "t", "r")]


def test_visits_that_are_left_out_are_priced_named_or_not() -> None:
    named = Plan(routes=orders(s="t").routes, unserved=[Unserved(ticket_id="u", reason="X")])
    # 500, and 24 h of delay at 36.
    assert cost(TASK, named, "unserved") == 1364
    assert check(TASK, named).missing == ()
    silent = check(TASK, orders(s="t"))
    assert silent.cost.by_rule["unserved"] == 1364
    assert silent.missing == ("u",)
    assert silent.is_valid  # orders only: what is not named is left out


STATES = problem(
    [
        ticket("t", "a"),
        ticket("u", "b", 30),
        ticket("p", status="parked"),
        ticket("d", status="done"),
    ]
)
IDLE = (
    NotPlannable(ticket_id="p", status="parked"),
    NotPlannable(ticket_id="d", status="done"),
)


def tally(task: Problem, **lists: Any) -> list[str | None]:
    """Return the tickets that the tally objects to, in a plan that visits t."""
    plan = Plan(routes=[route("s", T, end="09:20")], **lists)
    found = faults(task, plan)
    assert all(rule == "tally" for rule, _, _ in found)
    return [ticket_id for _, ticket_id, _ in found]


def unserved(*ticket_ids: str) -> tuple[Unserved, ...]:
    return tuple(Unserved(ticket_id=t, reason="LOST_TO_OTHERS") for t in ticket_ids)


def rejected(*ticket_ids: str) -> tuple[Rejected, ...]:
    return tuple(Rejected(ticket_id=t, issues=("no place",)) for t in ticket_ids)


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"unserved": unserved("u"), "not_plannable": IDLE}, []),
        # What was refused at input is no ticket of the problem.
        ({"unserved": unserved("u"), "not_plannable": IDLE, "rejected": rejected("x")}, []),
        ({"not_plannable": IDLE}, ["u"]),
        ({"unserved": unserved("u")}, ["p", "d"]),
        ({"unserved": unserved("u"), "not_plannable": IDLE[:1]}, ["d"]),
        ({"unserved": unserved("u", "t"), "not_plannable": IDLE}, ["t"]),
        ({"unserved": unserved("u", "u"), "not_plannable": IDLE}, ["u"]),
        ({"unserved": unserved("u", "x"), "not_plannable": IDLE}, ["x"]),
        ({"unserved": unserved("u", "p"), "not_plannable": IDLE}, ["p", "p"]),
        ({"unserved": unserved("u"), "not_plannable": (*IDLE, IDLE[0])}, ["p"]),
        ({"unserved": unserved("u"), "not_plannable": IDLE, "rejected": rejected("t")}, ["t"]),
        ({"not_plannable": IDLE, "rejected": rejected("u")}, ["u"]),
        (
            {"unserved": unserved("u"), "not_plannable": IDLE, "rejected": rejected("u")},
            ["u"],
        ),
        (
            {
                "unserved": unserved("u"),
                "not_plannable": (NotPlannable(ticket_id="p", status="cancelled"), IDLE[1]),
            },
            ["p"],
        ),
        (
            {
                "unserved": unserved("u"),
                "not_plannable": (*IDLE, NotPlannable(ticket_id="x", status="done")),
            },
            ["x"],
        ),
    ],
)
def test_every_ticket_is_in_exactly_one_list(lists: dict[str, Any], expected: list[str]) -> None:
    assert tally(STATES, **lists) == expected


def test_an_own_plan_tallies() -> None:
    compiled = compile_problem(STATES)
    for order in ([], [0], [1, 0]):
        plan = decode(compiled, [order])
        assert faults(STATES, plan) == []
        listed = [
            *(v.ticket_id for r in plan.routes for v in r.visits),
            *(item.ticket_id for item in plan.unserved),
            *(item.ticket_id for item in plan.not_plannable),
        ]
        assert sorted(listed) == ["d", "p", "t", "u"]


def test_a_visit_to_a_ticket_that_is_done_is_none() -> None:
    assert faults(STATES, orders(s="t d")) == [("ticket", "d", "s")]


def test_the_cost_has_a_part_for_each_priced_rule_and_they_add_up() -> None:
    report = check(TASK, orders(s="t"))
    soft = {rule.name for rule in RULES if rule.kind == "soft"}
    assert set(report.cost.by_rule) <= soft
    assert report.cost.total == sum(report.cost.by_rule.values())


def test_every_rule_of_an_order_without_schedule_is_named() -> None:
    # Too late for t2's window and its latest end; nobody may come at all to t1.
    tickets = [
        ticket("t1", "a", refused_engineers=["e"]),
        ticket(
            "t2", "b", windows=[{"open": at("08:00"), "close": at("09:00")}], latest=at("10:00")
        ),
    ]
    assert set(faults(problem(tickets), orders(s="t1 t2"))) == {
        ("refused_engineers", "t1", "s"),
        ("windows", "t2", "s"),
        ("latest", "t2", "s"),
    }


def test_an_order_that_misses_a_window_still_takes_its_breaks() -> None:
    early = ticket("t", "a", 180, windows=[{"open": at("08:00"), "close": at("08:05")}])
    crew = [engineer("e", shift(breaks=[pause("12:00", "13:00", 30)]))]
    task = problem([early, ticket("u", "b"), ticket("v", "c", 30, latest=at("13:00"))], crew)
    # t until 11:10, u until 12:20, v from 12:30 to 13:00, and lunch at the last moment.
    found = check(task, orders(s="t u v")).violations
    assert [(v.rule, v.ticket_id) for v in found] == [("windows", "t")]
    # With a minute more at t lunch comes before v: the window and the latest end are missed.
    later = problem([early.model_copy(update={"duration": 181 * 60}), *task.tickets[1:]], crew)
    assert faults(later, orders(s="t u v")) == [("windows", "t", "s"), ("latest", "v", "s")]


def test_messages_give_clock_times_and_minutes() -> None:
    tickets = [
        ticket("t", "a", windows=[{"open": at("08:00"), "close": at("08:30")}]),
        ticket("u", "b", 30, latest=at("09:00")),
    ]
    crew = [engineer("e", shift(end="09:59"))]
    late = route(
        "s",
        visit("t", "07:59:30", "08:10", "08:35:30", "09:10"),
        visit("u", "09:09", "09:19", "09:20", "09:50"),
        start="07:59:30",
        end="10:10",
    )
    found = check(problem(tickets, crew, timezone="Asia/Shanghai"), Plan(routes=[late]))
    # Shanghai is eight hours ahead. t should last 60 minutes and lasts 34.5; the way to u is 10.
    assert {(v.rule, v.ticket_id): v.message for v in found.violations} == {
        ("shift_hours", None): "the route begins 30 s before the engineer is there "
        "(2026-11-23 16:00)",
        ("shift_hours", "u"): "the route ends 11 min after its latest end 2026-11-23 17:59",
        ("windows", "t"): "starts at 2026-11-23 16:35:30, outside "
        "2026-11-23 16:00 to 2026-11-23 16:30",
        ("service_time", "t"): "lasts 25 min 30 s less than planned",
        ("latest", "u"): "ends 50 min after its latest end 2026-11-23 17:00",
        ("travel_time", "t"): "leaves 30 s before the engineer is free",
        ("travel_time", "u"): "leaves 1 min before the engineer is free",
    }


def test_many_legs_without_a_way_are_faults_and_no_failure() -> None:
    # Each leg counts as 34 years: the 300th visit lies beyond the calendar.
    tickets = [
        ticket(f"t{i}", ("a", "b")[i % 2], windows=[{"open": at("08:00"), "close": at("09:00")}])
        for i in range(300)
    ]
    task = problem(tickets, travel=table(no_way=(("a", "b"), ("b", "a"))))
    found = faults(task, orders(s=" ".join(item.id for item in tickets)))
    assert ("travel_time", "t299", "s") in found
    assert ("windows", "t299", "s") in found


def test_the_registry_has_every_rule_once_and_locks_last() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names) == 28
    assert names[-1] == "locks"


def test_false_statements_of_a_plan_are_violations() -> None:
    task = problem([ticket("t"), ticket("u", "b")])
    honest = orders(s="t u")
    total = check(task, honest).cost
    stated = honest.model_copy(update={"cost": total, "bound": total.total})
    assert check(task, stated).is_valid
    shuffled = total.model_copy(update={"by_rule": {"travel": 1}})
    for update, rule in (
        ({"cost": shuffled}, "cost"),
        ({"bound": total.total + 1}, "bound"),
        ({"broken_promises": ("nobody",)}, "promises"),
    ):
        report = check(task, stated.model_copy(update=update))
        assert {violation.rule for violation in report.violations} == {rule}
