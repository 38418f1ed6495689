from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.checker import check
from dispatchopt.forms import FOREVER
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Plan, Policy
from dispatchopt.rules.context import Context
from dispatchopt.solve import solve
from tests.builders import (
    HOUR,
    at,
    blocked,
    cost,
    engineer,
    faults,
    forms,
    free,
    orders,
    overruled,
    pause,
    problem,
    reason,
    route,
    sec,
    shift,
    table,
    ticket,
    visit,
    window,
)
from tests.twin import route_cost

if TYPE_CHECKING:
    from dispatchopt.models import Problem, Ticket

LUNCH = pause("12:00", "13:00", 30)

CREW = [engineer("e1", shift("s1"), shift("s2", day=1)), engineer("e2", shift("s3"))]


def fixed(ticket_id: str, start: str, *args: Any, **fields: Any) -> Ticket:
    """Build a ticket with a visit lock on engineer e."""
    lock: dict[str, Any] = {
        "lock": "visit",
        "assigned_engineer": "e",
        "assigned_start": at(start),
    }
    return ticket(ticket_id, *args, **{**lock, **fields})


def started(ticket_id: str, start: str, *args: Any, **fields: Any) -> Ticket:
    return fixed(ticket_id, start, *args, **{"lock": "none", "status": "started", **fields})


def starts(task: Problem, *order: int) -> list[tuple[str, str, str]]:
    """Return ticket, start and end of the visits of a valid plan of the only shift."""
    plan = decode(compile_problem(task), [list(order)])
    assert faults(task, plan) == []
    return [
        (stop.ticket_id, f"{stop.start:%H:%M}", f"{stop.end:%H:%M}")
        for stop in plan.routes[0].visits
    ]


# --- a lock on the engineer


def test_a_ticket_locked_to_an_engineer_stays_with_that_engineer() -> None:
    locked = ticket("t", lock="engineer", assigned_engineer="e1")
    task = problem([locked], CREW, days=2)
    assert faults(task, orders(s1="t")) == []
    assert faults(task, orders(s2="t")) == []
    assert faults(task, orders(s3="t")) == [("locks", "t", "s3")]
    assert blocked(task, "locks") == {("t", "s3")}
    assert reason(task, "locks") == "LOCKED"


def test_a_lock_on_the_engineer_waives_nothing() -> None:
    locked = ticket("t", lock="engineer", assigned_engineer="e1", skills={"fibre": 1})
    assert faults(problem([locked], CREW, days=2), orders(s1="t")) == [("skills", "t", "s1")]


def test_a_lock_on_the_engineer_fixes_no_time() -> None:
    fields: dict[str, Any] = {
        "lock": "engineer",
        "assigned_engineer": "e",
        "assigned_start": at("10:00"),
    }
    task = problem([ticket("t", "a", **fields)])
    assert starts(task, 0) == [("t", "08:10", "09:10")]
    assert check(task, orders(s="t")).needs_customer_consent == ()


# --- a lock on the visit


def test_a_locked_visit_takes_place_exactly_as_fixed() -> None:
    task = problem([fixed("t", "10:00")])
    assert starts(task, 0) == [("t", "10:00", "11:00")]
    form = forms(task)
    assert form.window[0].tolist() == [[sec("10:00"), sec("10:00")]]
    assert form.latest.tolist() == [FOREVER]
    for start, end, expected in [
        ("10:00", "11:00", []),
        ("10:00:01", "11:00:01", [("locks", "t", "s")]),
        ("09:59:59", "10:59:59", [("locks", "t", "s")]),
    ]:
        plan = Plan(routes=[route("s", visit("t", "09:00", "09:10", start, end), end="12:00")])
        found = [fault for fault in faults(task, plan) if fault[0] == "locks"]
        assert found == expected


def test_the_message_gives_both_times() -> None:
    late = route("s", visit("t", "09:00", "09:10", "10:30", "11:30"), end="12:00")
    found = check(problem([fixed("t", "10:00")]), Plan(routes=[late])).violations
    texts = [violation.message for violation in found if violation.rule == "locks"]
    assert texts == ["is fixed to 2026-11-23 10:00, not 2026-11-23 10:30"]


def test_a_locked_visit_stays_on_its_shift() -> None:
    locked = fixed("t", "10:00", assigned_engineer="e1", assigned_start=at("10:00", day=1))
    task = problem([locked], CREW, days=2)
    assert faults(task, orders(s2="t")) == []
    assert faults(task, orders(s1="t")) == [("locks", "t", "s1")]
    assert blocked(task, "locks") == {("t", "s1"), ("t", "s3")}


def test_where_one_shift_ends_and_the_next_begins_it_belongs_to_the_next() -> None:
    crew = [engineer("e", shift("am", "08:00", "12:00"), shift("pm", "12:00", "16:00"))]
    for start, shift_id in [("11:59", "am"), ("12:00", "pm")]:
        task = problem([fixed("t", start, "home", 30)], crew)
        assert blocked(task, "locks") == {("t", "pm" if shift_id == "am" else "am")}
    assert overruled(check(task, orders(pm="t"))) == set()


WAIVED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("skills", {"skills": {"fibre": 1}}, {}, {}),
    ("territory", {"territory": "north"}, {"territories": []}, {}),
    ("refused_engineers", {"refused_engineers": ["e"]}, {}, {}),
    ("crew", {"crew_size": 2}, {}, {}),
    ("prerequisites", {"after": ["other"]}, {}, {}),
    ("standby", {}, {}, {"min_priority": 2}),
    ("windows", {"windows": [window("08:00", "09:59:59")]}, {}, {}),
    ("latest", {"latest": at("10:59:59")}, {}, {}),
]


@pytest.mark.parametrize(("rule", "asked", "who", "when"), WAIVED)
def test_facts_beat_rules_and_are_reported(
    rule: str, asked: dict[str, Any], who: dict[str, Any], when: dict[str, Any]
) -> None:
    crew = [engineer("e", shift(**when), **who)]
    other = ticket("other", priority=1)
    for locked in (fixed("t", "10:00", **asked), started("t", "10:00", **asked)):
        task = problem([locked, other], crew, now=at("10:00") if locked.is_started else None)
        report = check(task, orders(s="t"))
        assert report.violations == ()
        assert overruled(report) == {(rule, "t", "s")}
        assert ("t", "s") not in blocked(task, rule)
    # Without the lock it is a violation.
    loose = problem([ticket("t", earliest=at("10:00"), **asked), other], crew)
    assert [fault[0] for fault in faults(loose, orders(s="t"))] == [rule]


def test_too_many_locked_visits_and_too_few_parts_are_reported_too() -> None:
    tickets = [
        fixed("t", "10:00", minutes=30, parts={"ont": 2}),
        fixed("u", "11:00", minutes=30, parts={"ont": 1}),
        ticket("v", minutes=30, parts={"ont": 1}),
        ticket("w", minutes=30),
    ]
    crew = [engineer("e", shift(max_visits=1), stock={"ont": 2})]
    task = problem(tickets, crew)
    report = check(task, orders(s="t u"))
    assert report.violations == ()
    assert overruled(report) == {("max_visits", None, "s"), ("parts", None, "s")}
    # A plan that does not make use of it overrules nothing.
    assert overruled(check(task, orders(s="t"))) == set()
    # The facts may exceed the limits; nobody else may add to them.
    assert faults(task, orders(s="t u v")) == [("parts", "v", "s"), ("max_visits", "v", "s")]
    assert faults(task, orders(s="t u w")) == [("max_visits", "w", "s")]
    # Parts, visits: t takes both parts and the only place, u is waived.
    form = forms(task)
    assert form.capacity.tolist() == [[2, 1]]
    assert form.demand.tolist() == [[2, 1], [0, 0], [1, 1], [0, 1]]
    # Exactly as much as there is overrules nothing.
    enough = [engineer("e", shift(max_visits=2), stock={"ont": 3})]
    assert overruled(check(problem(tickets, enough), orders(s="t u"))) == set()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("t u", []),
        ("t v", [("parts", "v", "s"), ("max_visits", "v", "s")]),
        ("v", []),  # both are left out: one part of the 2 and the place are free again
        ("w", [("parts", "w", "s")]),  # 3 of 2: what was waived is in no stock
        ("v x", [("max_visits", "x", "s")]),
        ("u v", []),  # u brings its own
    ],
)
def test_who_comes_instead_of_a_locked_visit_takes_what_there_is_and_no_more(
    order: str, expected: list[tuple[str, str, str]]
) -> None:
    tickets = [
        fixed("t", "10:00", minutes=30, parts={"ont": 2}),
        fixed("u", "11:00", minutes=30, parts={"ont": 1}),
        ticket("v", minutes=30, parts={"ont": 1}, earliest=at("12:00")),
        ticket("w", minutes=30, parts={"ont": 3}),
        ticket("x", minutes=30, earliest=at("12:00")),
    ]
    task = problem(tickets, [engineer("e", shift(max_visits=1), stock={"ont": 2})])
    assert faults(task, orders(s=order)) == expected
    index = {"t": 0, "u": 1, "v": 2, "w": 3, "x": 4}
    compiled = compile_problem(task)
    cost = route_cost(compiled.instance, 0, [index[name] for name in order.split()])
    assert (cost is None) == bool(expected)


def test_a_shift_without_stock_or_room_takes_its_locked_visit_alone() -> None:
    tickets = [fixed("t", "10:00", parts={"ont": 1}), ticket("u", parts={"ont": 1}), ticket("v")]
    task = problem(tickets, [engineer("e", shift(max_visits=0), stock={})])
    assert faults(task, orders(s="t")) == []
    assert faults(task, orders(s="u")) == [("parts", "u", "s"), ("max_visits", "u", "s")]
    assert faults(task, orders(s="v")) == [("max_visits", "v", "s")]
    assert blocked(task, "parts") == {("u", "s")}
    assert blocked(task, "max_visits") == {("u", "s"), ("v", "s")}


# --- a started visit


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("08:30", "09:20"),  # began at 08:20, takes an hour
        ("09:20", "09:20"),
        ("09:21", "09:21"),  # lasts until now at least
    ],
)
def test_a_started_visit_comes_first_and_lasts_until_now_at_least(now: str, end: str) -> None:
    tickets = [ticket("next", "b", 30), started("now", "08:20", "c")]
    compiled = compile_problem(problem(tickets, now=at(now)))
    assert compiled.ticket_ids == ("next",)
    form = compiled.instance
    assert form.occupied.tolist() == [True]
    assert form.shift_begin.tolist() == [sec(end)]
    # It goes on from c, ten minutes from b.
    assert form.travel[0, form.start_place[0], form.place[0]] == 600
    plan = decode(compiled, [[0]])
    assert [stop.ticket_id for stop in plan.routes[0].visits] == ["now", "next"]
    first = plan.routes[0].visits[0]
    assert (first.departure, first.start, first.end) == (at("08:20"), at("08:20"), at(end))
    assert first.travel_seconds == 0
    assert faults(compiled.problem, plan) == []


@pytest.mark.parametrize(("minutes", "count"), [(60, 1), (61, 0)])
def test_breaks_that_are_over_when_a_started_visit_ends_fall_away(minutes: int, count: int) -> None:
    # Ends at 13:00, exactly the latest start of lunch, or a minute later.
    crew = [engineer("e", shift(breaks=[LUNCH]))]
    task = problem([started("now", "12:00", "a", minutes)], crew, now=at("12:30"))
    assert forms(task).num_pauses.tolist() == [count]


def test_a_started_visit_takes_the_pace_of_its_engineer() -> None:
    crew = [engineer("e", duration_percent=150)]
    task = problem([started("now", "08:20", minutes=60)], crew, now=at("08:30"))
    assert starts(task) == [("now", "08:20", "09:50")]


def test_a_started_visit_is_charged_once_in_its_shift() -> None:
    policy = free(delay_per_hour={3: 3600}, travel_per_hour=3600)
    task = problem([started("now", "08:20", "a")], policy=policy, now=at("08:30"))
    # Ends at 09:20: 9 h 20 min of delay; then 10 minutes home.
    assert forms(task).fixed_cost.tolist() == [33_600]
    assert cost(task, orders(s=""), "delay") == 33_600
    assert cost(task, orders(s="now"), "travel") == 600


def test_a_started_visit_cannot_be_left_out_moved_or_postponed() -> None:
    tickets = [started("now", "08:20", "a"), ticket("u", "a", 30)]
    task = problem(tickets, now=at("08:30"))
    assert faults(task, Plan(routes=[])) == [("locks", "now", "s")]
    began = visit("now", "08:20", "08:20", "08:20", "09:20")
    after = visit("u", "09:20", "09:20", "09:20", "09:50")
    assert faults(task, Plan(routes=[route("s", began, after, end="10:00")])) == []
    for first in (
        visit("now", "08:21", "08:21", "08:21", "09:21"),
        visit("now", "08:20", "08:20", "08:20", "09:19:59"),
    ):
        plan = Plan(
            routes=[route("s", first, visit("u", "09:30", "09:30", "09:30", "10:00"), end="10:10")]
        )
        assert ("locks", "now", "s") in faults(task, plan)
    swapped = Plan(
        routes=[
            route(
                "s",
                visit("u", "09:20", "09:20", "09:20", "09:50"),
                visit("now", "08:20", "08:20", "08:20", "09:20"),
                start="08:20",
                end="10:00",
            )
        ]
    )
    assert ("locks", "now", "s") in faults(task, swapped)


def test_a_started_visit_may_last_longer_than_planned() -> None:
    task = problem([started("now", "08:20", "a"), ticket("u", "a", 30)], now=at("08:30"))
    longer = visit("now", "08:20", "08:20", "08:20", "09:30")
    for leaves, expected in [("09:30", []), ("09:29:59", [("travel_time", "u", "s")])]:
        after = visit("u", leaves, "09:30", "09:30", "10:00")
        assert faults(task, Plan(routes=[route("s", longer, after, end="10:10")])) == expected


def test_a_route_with_times_but_without_visits_does_not_serve_the_started_one() -> None:
    tickets = [started("now", "08:20", "a"), ticket("u", "a", 30)]
    crew = [engineer("e"), engineer("f", shift("r"))]
    other = route("r", visit("u", "08:50", "09:00", "09:00", "09:30"), end="09:40")
    plan = Plan(routes=[other, route("s")])
    found = faults(problem(tickets, crew, now=at("08:30")), plan)
    assert found == [("tally", "now", None), ("locks", "now", "s")]


def test_of_two_started_visits_the_first_stays_and_the_other_follows() -> None:
    tickets = [started("t", "08:00", "a"), started("u", "08:15", "b")]
    task = problem(tickets, now=at("08:30"))
    # t until 09:00, 10 minutes to b.
    assert starts(task, 0) == [("t", "08:00", "09:00"), ("u", "09:10", "10:10")]
    assert check(task, orders(s="t u")).needs_customer_consent == ("u",)


@pytest.mark.parametrize("asked", ["03:00", "08:15"])
def test_all_started_visits_come_before_the_locked_ones(asked: str) -> None:
    tickets = [
        fixed("lock", asked, "a", 30),
        started("t", "08:10", "a", 30),
        started("u", "08:20", "a", 30),
    ]
    task = problem(tickets, now=at("08:30"), policy=Policy())
    assert starts(task, 1, 0) == [
        ("t", "08:10", "08:40"),
        ("u", "08:40", "09:10"),
        ("lock", "09:10", "09:40"),
    ]
    assert set(check(task, orders(s="t u lock")).needs_customer_consent) == {"u", "lock"}
    result = solve(task, iterations=0, threads=1)
    assert [stop.ticket_id for stop in result.plan.routes[0].visits] == ["t", "u", "lock"]
    assert set(result.plan.needs_customer_consent) == {"u", "lock"}


def test_a_locked_visit_of_the_night_takes_no_gap_before_a_started_one() -> None:
    # An hour straight from a to c, ten minutes each by way of b: room for a visit at b.
    tickets = [
        fixed("lock", "03:00", "b", 10),
        started("t", "08:10", "a", 30),
        started("u", "08:20", "c", 30),
    ]
    ways = table()
    places = ways["places"]
    ways["seconds"][places.index("a")][places.index("c")] = HOUR
    task = problem(tickets, now=at("08:30"), travel=ways)
    assert starts(task, 1, 0) == [
        ("t", "08:10", "08:40"),
        ("u", "09:40", "10:10"),
        ("lock", "10:20", "10:30"),
    ]


def test_a_started_visit_pushed_to_the_next_shift_is_not_in_hand_there() -> None:
    # t takes until 02:10, more than eight hours after the end: u moves to the day after.
    crew = [engineer("e", shift("s1"), shift("s2", day=1))]
    tickets = [started("t", "08:10", "a", 18 * 60), started("u", "08:20", "b", 30)]
    task = problem(tickets, crew, now=at("08:30"), days=2, policy=Policy())
    pins = Context.of(task).pins
    assert pins["u"].shift_id == "s2"
    assert (pins["u"].start, pins["u"].end) == (sec("08:20", 1), sec("08:50", 1))
    result = solve(task, iterations=0, threads=1)
    assert result.plan.needs_customer_consent == ("u",)


# --- clashes


@pytest.mark.parametrize(
    ("second", "moved_to", "is_moved"),
    [("10:30", "11:10", True), ("11:09", "11:10", True), ("11:10", "11:10", False)],
)
def test_clashing_visits_move_by_the_least_delay_and_need_consent(
    second: str, moved_to: str, is_moved: bool
) -> None:
    # t at a from 10:00 to 11:00, 10 minutes to b.
    task = problem([fixed("u", second, "b", 30), fixed("t", "10:00", "a")])
    visits = starts(task, 1, 0)
    assert visits[0] == ("t", "10:00", "11:00")
    assert visits[1][:2] == ("u", moved_to)
    assert check(task, orders(s="t u")).needs_customer_consent == (("u",) if is_moved else ())


def test_a_visit_fixed_before_the_engineer_can_be_there_moves() -> None:
    # Leaves home at 08:00, at a at 08:10.
    task = problem([fixed("t", "08:00", "a")])
    assert starts(task, 0) == [("t", "08:10", "09:10")]
    assert check(task, orders(s="t")).needs_customer_consent == ("t",)


def test_a_moved_visit_that_is_left_out_is_a_broken_promise_instead() -> None:
    task = problem([fixed("t", "08:00", "a")])
    report = check(task, orders())
    assert report.needs_customer_consent == ()
    assert report.broken_promises == ("t",)


# --- pins that cannot be placed


def test_a_pin_on_an_engineer_without_shifts_stays_out_and_breaks_a_promise() -> None:
    crew = [engineer("e", shifts=()), engineer("f", shift("r"))]
    for locked in (fixed("t", "10:00"), started("t", "08:00")):
        task = problem([locked, ticket("u")], crew, now=at("08:30"))
        report = check(task, orders(r="u"))
        assert report.violations == ()
        assert report.broken_promises == ("t",)
        # Nobody else takes it over.
        assert faults(task, orders(r="t")) == [("locks", "t", "r")]
        assert blocked(task, "locks") == {("t", "r")}
        assert reason(task, "locks") == "LOCKED"


def test_a_pin_without_a_direct_way_waits_for_others_to_lead_there() -> None:
    crew = [engineer("e"), engineer("f", shift("r", start_place="c", end_place="c"))]
    cut = table(no_way=(("home", "d"), ("c", "d")))
    task = problem([fixed("t", "10:00", "d"), ticket("u", "a", 70)], crew, travel=cut)
    assert blocked(task, "locks") == {("t", "r")}
    # The others are planned as if it were not there.
    assert faults(task, orders(s="u")) == []
    assert forms(task).shift_hard_end.tolist() == [sec("16:00"), sec("16:00")]
    # By way of a it can be reached: from 09:20 in 50 minutes, ten too late.
    assert forms(task).window[0].tolist() == [[sec("10:10"), sec("10:10")]]
    report = check(task, orders(s="u t"))
    assert report.violations == ()
    assert report.needs_customer_consent == ("t",)
    # With ten minutes less at a it is kept to the second.
    exact = problem([fixed("t", "10:00", "d"), ticket("u", "a", 60)], crew, travel=cut)
    report = check(exact, orders(s="u t"))
    assert report.violations == ()
    assert report.needs_customer_consent == ()


def test_a_pin_without_a_direct_way_is_never_moved_to_an_earlier_day() -> None:
    days = [shift(f"s{day}", day=day) for day in range(3)]
    cut = table(no_way=(("home", "d"),))
    pin = fixed("fix", "10:00", "d", assigned_start=at("10:00", 2))
    task = problem([pin, ticket("free", "a", 30)], [engineer("e", *days)], travel=cut, days=3)
    plan = solve(task.model_copy(update={"policy": Policy()}), iterations=50, threads=1).plan
    visits = {v.ticket_id: v.start for route in plan.routes for v in route.visits}
    assert visits["fix"] == at("10:00", 2)
    assert plan.needs_customer_consent == ()
    assert plan.broken_promises == ()
    # Alone it cannot be reached: its own shift tells why, the others are closed by the lock.
    alone = problem([pin], [engineer("e", *days)], travel=cut, days=3, policy=Policy())
    plan = solve(alone, iterations=50, threads=1).plan
    assert plan.broken_promises == ("fix",)
    assert [item.reason for item in plan.unserved] == ["NO_ENGINEER_WITHIN_TRAVEL"]


def test_a_pin_that_nothing_leads_to_keeps_its_time_and_moves_nobody() -> None:
    cut = table(no_way=(("home", "d"), ("a", "d")))
    pins = [fixed("t", "10:00", "d"), fixed("u", "10:30", "a")]
    task = problem(pins, [engineer("e", shift(breaks=[pause("09:00", "09:30", 30)]))], travel=cut)
    form = forms(task)
    assert form.window[:, 0].tolist() == [[sec("10:00")] * 2, [sec("10:30")] * 2]
    assert form.num_pauses.tolist() == [1]
    plan = solve(task.model_copy(update={"policy": Policy()}), iterations=50, threads=1).plan
    assert plan.broken_promises == ("t",)
    assert plan.needs_customer_consent == plan.overridden == ()
    assert [item.reason for item in plan.unserved] == ["NO_ENGINEER_WITHIN_TRAVEL"]


def test_only_visits_of_the_same_engineer_lead_to_a_pin() -> None:
    # From a, where somebody else must go, no way leads to d for e.
    cut = table(no_way=(("home", "d"),))
    other = ticket("u", "a", 180, lock="engineer", assigned_engineer="f")
    crew = [engineer("e"), engineer("f", shift("r"))]
    task = problem([fixed("t", "10:00", "d"), other], crew, travel=cut)
    assert forms(task).window[0].tolist() == [[sec("10:00"), sec("10:00")]]
    mine = other.model_copy(update={"assigned_engineer": "e"})
    # Three hours at a until 11:10, and 50 minutes on.
    task = problem([fixed("t", "10:00", "d"), mine], crew, travel=cut)
    assert forms(task).window[0].tolist() == [[sec("12:00"), sec("12:00")]]


def test_a_pin_without_a_way_home_leaves_the_others_alone() -> None:
    cut = table(no_way=(("d", "home"),))
    task = problem([fixed("t", "10:00", "d"), ticket("u", "a")], travel=cut)
    assert faults(task, orders(s="u")) == []
    assert forms(task).shift_hard_end.tolist() == [sec("16:00")]
    # Home by way of a; late in the day the shift is lengthened for that.
    assert faults(task, orders(s="t u")) == []
    late = problem([fixed("t", "14:30", "d"), ticket("u", "a")], travel=cut)
    # From 15:30 in 50 minutes to a, an hour there, 10 minutes home.
    assert forms(late).shift_hard_end.tolist() == [sec("17:30")]
    assert faults(late, orders(s="t u")) == []


def test_a_started_visit_without_a_way_home_ends_the_shift_at_the_last_visit() -> None:
    cut = table(no_way=(("d", "home"),))
    task = problem([started("now", "08:00", "d"), ticket("u", "a")], travel=cut, now=at("08:30"))
    report = check(task, orders(s="now u"))
    assert report.violations == ()
    assert overruled(report) == {("travel_time", None, "s")}
    assert forms(task).end_place.tolist() == [-1]


def test_a_visit_fixed_after_the_horizon_is_left_for_a_later_plan() -> None:
    tomorrow = fixed("t", "09:00", assigned_start=at("00:00", day=1))
    task = problem([tomorrow, ticket("u")])
    assert blocked(task, "locks") == {("t", "s")}
    assert faults(task, orders(s="t")) == [("locks", "t", "s")]
    assert reason(task, "locks") == "WINDOW_OUTSIDE_HORIZON"
    # The shift stays as long as it is.
    report = check(task, orders(s="u"))
    assert report.violations == ()
    assert overruled(report) == set()
    assert forms(task).shift_hard_end.tolist() == [sec("16:00")]
    # A second before the horizon's end it is a fact of this plan.
    late = problem([fixed("t", "23:59:59")])
    assert faults(late, orders(s="t")) == []


# --- room for the pins


@pytest.mark.parametrize(("start", "hard_end"), [("14:50", "16:00"), ("15:30", "16:40")])
def test_pins_beyond_the_shifts_end_extend_it_and_are_reported(start: str, hard_end: str) -> None:
    # An hour of service and 10 minutes home: 16:00 and 16:40.
    policy = free(overtime_per_hour=5400)
    task = problem([fixed("t", start, "a"), ticket("u", "a")], policy=policy)
    assert forms(task).shift_hard_end.tolist() == [sec(hard_end)]
    assert forms(task).shift_limit.tolist() == [sec("16:00")]
    report = check(task, orders(s="u t"))
    assert report.violations == ()
    expected = {("shift_hours", None, "s")} if hard_end != "16:00" else set()
    assert overruled(report) == expected
    assert overruled(check(task, orders(s="u"))) == set()
    # 40 minutes at one and a half.
    assert report.cost.by_rule.get("overtime", 0) == (3600 if expected else 0)


@pytest.mark.parametrize(
    ("asked", "day", "shift_id", "start"),
    [
        ("00:00", 1, "mon", "00:00"),  # 8 h after Monday's shift
        ("00:01", 1, "wed", "08:10"),  # Tuesday is off: first thing on Wednesday
        ("10:00", 1, "wed", "08:10"),
        ("10:00", 2, "wed", "10:00"),
        ("00:00", 3, "wed", "00:00"),
    ],
)
def test_a_visit_fixed_on_a_day_off_moves_to_the_next_shift(
    asked: str, day: int, shift_id: str, start: str
) -> None:
    crew = [engineer("e", shift("mon"), shift("wed", day=2))]
    task = problem([fixed("t", "10:00", "a", assigned_start=at(asked, day))], crew, days=5)
    plan = decode(compile_problem(task), [[0] if s == shift_id else [] for s in ("mon", "wed")])
    assert faults(task, plan) == []
    assert f"{plan.routes[0].visits[0].start:%H:%M}" == start
    report = check(task, plan)
    assert report.needs_customer_consent == (("t",) if start == "08:10" else ())
    # An hour and the way home after midnight: 9 h 10 min beyond the shift, and said so.
    assert overruled(report) == ({("shift_hours", None, shift_id)} if start == "00:00" else set())
    if start == "00:00":
        assert (
            report.overridden[0].detail
            == "for locked visits the route ends 9 h 10 min after its latest end"
        )
    others = [sec("16:00"), sec("16:00", 2)]
    stretched = [others[0] + 33_000 * (day == 1), others[1] + 33_000 * (day == 3)]
    expected = stretched if start == "00:00" else others
    assert forms(task).shift_hard_end.tolist() == expected


def test_a_visit_fixed_after_the_engineers_last_shift_is_left_out_not_moved_forward() -> None:
    crew = [engineer("e"), engineer("f", shift("r"))]
    task = problem([fixed("t", "10:00", assigned_start=at("10:00", 1))], crew, days=3)
    assert blocked(task, "locks") == {("t", "r"), ("t", "s")}
    assert forms(task).shift_hard_end.tolist() == [sec("16:00"), sec("16:00")]
    found = check(task, orders(s="t")).violations
    text = "engineer e has no room for it from its fixed time on"
    assert [(v.rule, v.message) for v in found] == [("locks", text)]
    assert check(task, orders(s="")).broken_promises == ("t",)
    assert reason(task, "locks") == "LOCKED"


@pytest.mark.parametrize("has_tomorrow", [False, True])
def test_too_many_visits_at_one_time_do_not_stretch_a_shift_through_the_night(
    has_tomorrow: bool,
) -> None:
    # From 15:00 on, two hours each: the fifth begins at 23:00, a sixth would at 01:00.
    pins = [fixed(f"t{i}", "15:00", "home", 120) for i in range(6)]
    tomorrow = fixed("early", "08:00", "home", 90, assigned_start=at("08:00", 1))
    crew = [engineer("e", shift(), *[shift("tue", day=1)] * has_tomorrow)]
    task = problem([*pins, ticket("u", "home"), *[tomorrow] * has_tomorrow], crew, days=2)
    ends = [sec("01:00", 1), *[sec("16:00", 1)] * has_tomorrow]
    assert forms(task).shift_hard_end.tolist() == ends
    assert check(task, orders(s="t0 t1 t2 t3 t4")).violations == ()
    assert faults(task, orders(s="t5 t0 t1 t2 t3 t4")) == [("locks", "t5", "s")]
    if has_tomorrow:
        # It moves behind the one that is fixed there, which stays where it is.
        report = check(task, orders(s="t0 t1 t2 t3 t4", tue="early t5"))
        assert report.violations == ()
        assert report.needs_customer_consent == ("t1", "t2", "t3", "t4", "t5")
        assert starts_of(task, [[0, 1, 2, 3, 4], [7, 5]])["t5"] == at("09:30", 1)


def starts_of(task: Problem, orders: list[list[int]]) -> dict[str, Any]:
    routes = decode(compile_problem(task), orders).routes
    return {stop.ticket_id: stop.start for route in routes for stop in route.visits}


@pytest.mark.parametrize(("minutes", "starts_at"), [(40, "08:00"), (50, "08:00"), (51, "10:00")])
def test_a_visit_that_moved_to_another_shift_moves_nobody_else(
    minutes: int, starts_at: str
) -> None:
    # Tuesday is off; on Wednesday there are 60 minutes from 08:00, 10 of them for the way to a.
    crew = [engineer("e", shift("mon"), shift("wed", day=2))]
    pins = [
        fixed("t", "10:00", "home", minutes, assigned_start=at("10:00", 1)),
        fixed("u", "09:00", "a", 50, assigned_start=at("09:00", 2)),
    ]
    task = problem(pins, crew, days=3)
    order = [0, 1] if starts_at == "08:00" else [1, 0]
    assert starts_of(task, [[], order]) == {"t": at(starts_at, 2), "u": at("09:00", 2)}


def test_an_engineer_on_site_on_a_day_off_is_a_fact() -> None:
    crew = [engineer("e", shift("mon"), shift("wed", day=2))]
    now = started("now", "10:00", "a", assigned_start=at("10:00", 1))
    task = problem([now, ticket("u")], crew, days=3, now=at("10:30", 1))
    report = check(task, orders(mon="now", wed="u"))
    assert report.violations == ()
    assert overruled(report) == {("shift_hours", None, "mon")}
    # The shift ends when the engineer is home again.
    assert forms(task).shift_hard_end.tolist() == [sec("11:10", 1), sec("16:00", 2)]


@pytest.mark.parametrize(
    ("minutes", "starts_at", "is_kept"),
    [
        (70, "11:50", True),  # ends at 13:00: lunch on the way home
        (71, "11:50", False),  # ends at 13:01
        (71, "12:40", True),  # lunch on the way there: 12:30 and 10 minutes
        (71, "12:39", True),
        (71, "12:29", False),
    ],
)
def test_breaks_without_room_between_pins_are_waived(
    minutes: int, starts_at: str, is_kept: bool
) -> None:
    crew = [engineer("e", shift(breaks=[LUNCH]))]
    task = problem([fixed("t", starts_at, "a", minutes)], crew)
    report = check(task, orders(s="t"))
    assert report.violations == ()
    assert overruled(report) == (set() if is_kept else {("breaks", None, "s")})
    assert forms(task).num_pauses.tolist() == [1 if is_kept else 0]


def test_only_the_break_without_room_is_waived() -> None:
    coffee = pause("10:00", "10:30", 15)
    crew = [engineer("e", shift(breaks=[coffee, LUNCH]))]
    # From 11:50 to 13:30: no lunch, but coffee while waiting.
    task = problem([fixed("t", "11:50", "a", 100)], crew)
    form = forms(task)
    assert form.num_pauses.tolist() == [1]
    assert form.pause[0, 0].tolist() == [sec("10:00"), sec("10:30"), 900]
    report = check(task, orders(s="t"))
    assert report.violations == ()
    assert overruled(report) == {("breaks", None, "s")}
    # From 09:50 to 11:30: no coffee, but lunch.
    early = problem([fixed("t", "09:50", "a", 130)], crew)
    assert forms(early).pause[0, 0].tolist() == [sec("12:00"), sec("13:00"), 1800]


def test_bad_pins_never_make_other_tickets_unplannable() -> None:
    pins = [
        fixed("no-shift", "10:00", assigned_engineer="gone"),
        fixed("same-time", "10:00", "b", 30),
        fixed("as-well", "10:00", "c", 30),
        fixed("yesterday", "10:00", "a", 30, assigned_start=at("10:00", day=-1)),
        fixed("late", "20:00", "a", 30),
        fixed("tomorrow", "10:00", "a", 30, assigned_start=at("10:00", day=1)),
    ]
    crew = [engineer("e"), engineer("gone", shifts=())]
    task = problem([*pins, ticket("u", "a", 30)], crew)
    # Yesterday's moves to 08:10, u follows until 09:10; at c from 10:00, at b from 10:40.
    report = check(task, orders(s="yesterday u as-well same-time late"))
    assert report.violations == ()
    assert report.needs_customer_consent == ("yesterday", "same-time")
    assert report.broken_promises == ("no-shift", "tomorrow")
