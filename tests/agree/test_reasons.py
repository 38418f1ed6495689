"""Every reason is true: judged by the plain twin on random problems, and one example for each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.checker import check_in
from dispatchopt.instance import Compiled, compile_problem, decode
from dispatchopt.models import Plan, Policy, Problem, Unserved
from dispatchopt.reasons import PROMISED, explain_unserved
from dispatchopt.rules import RULES
from dispatchopt.solve import solve
from dispatchopt.solvers.insertion import improve
from dispatchopt.solvers.layout import new_chain
from dispatchopt.solvers.lns import Lns
from tests import builders
from tests.builders import at, engineer, pause, shift, table, ticket, window
from tests.small import problem as small_problem
from tests.strategies import problems
from tests.twin import route_cost

if TYPE_CHECKING:
    from collections.abc import Sequence

Routes = list[list[int]]


def added_cost(compiled: Compiled, s: int, route: Sequence[int], t: int) -> int | None:
    """Return the least cost that a ticket adds to a route; None: it fits nowhere."""
    inst = compiled.instance
    costs = [route_cost(inst, s, [*route[:i], t, *route[i:]]) for i in range(len(route) + 1)]
    found = [cost for cost in costs if cost is not None]
    return min(found) - (route_cost(inst, s, route) or 0) if found else None


def promised(compiled: Compiled, t: int) -> bool:
    return compiled.ctx.tickets[compiled.ticket_ids[t]].is_promised


def assert_true(compiled: Compiled, routes: Routes, reasons: dict[str, Unserved]) -> None:
    """Check every reason of a plan."""
    served = {t for route in routes for t in route}
    left = [t for t in range(compiled.instance.num_tickets) if t not in served]
    assert sorted(reasons) == sorted(compiled.ticket_ids[t] for t in left)
    for t in left:
        given_reason = reasons[compiled.ticket_ids[t]]
        assert given_reason.ticket_id == compiled.ticket_ids[t]
        costs = {s: added_cost(compiled, s, route, t) for s, route in enumerate(routes)}
        fitting = {s: cost for s, cost in costs.items() if cost is not None}
        if given_reason.reason == "COSTS_MORE_THAN_PRICE":
            assert_too_dear(compiled, t, fitting, given_reason.detail)
            continue
        assert not fitting
        if given_reason.reason == "LOST_TO_OTHERS":
            assert_lost(compiled, t, routes, given_reason.detail)
        else:
            assert_blocked(compiled, t, routes, given_reason)


def assert_too_dear(
    compiled: Compiled, t: int, fitting: dict[int, int], detail: dict[str, Any]
) -> None:
    price = int(compiled.instance.skip_cost[t])
    assert fitting
    assert detail["price"] == price <= min(fitting.values()) == detail["added_cost"]
    assert fitting[compiled.shift_ids.index(detail["shift_id"])] == detail["added_cost"]


def assert_lost(compiled: Compiled, t: int, routes: Routes, detail: dict[str, Any]) -> None:
    s = compiled.shift_ids.index(detail["shift_id"])
    out = [compiled.ticket_ids.index(ticket_id) for ticket_id in detail["tickets"]]
    assert out
    assert set(out) <= set(routes[s])
    assert not any(promised(compiled, v) for v in out)
    assert added_cost(compiled, s, [v for v in routes[s] if v not in out], t) is not None
    for spared in out:
        gone = set(out) - {spared}
        assert added_cost(compiled, s, [v for v in routes[s] if v not in gone], t) is None
    tickets = [compiled.ctx.tickets[ticket_id].ticket for ticket_id in detail["tickets"]]
    assert detail["priorities"] == [item.priority for item in tickets]
    assert detail["price"] == int(compiled.instance.skip_cost[t])
    assert detail["price_of_tickets"] == sum(int(compiled.instance.skip_cost[v]) for v in out)
    possible = [
        s
        for s, route in enumerate(routes)
        if added_cost(compiled, s, [v for v in route if promised(compiled, v)], t) is not None
    ]
    assert detail["shifts_possible"] == len(possible)


def assert_blocked(compiled: Compiled, t: int, routes: Routes, given_reason: Unserved) -> None:
    ctx, detail = compiled.ctx, given_reason.detail
    for s, route in enumerate(routes):
        beside = [v for v in route if promised(compiled, v)]
        assert added_cost(compiled, s, beside, t) is None
    counts = detail["blocked_by"]
    assert detail["shifts"] == len(routes)
    assert set(counts) <= {rule.name for rule in RULES} | {PROMISED}
    assert all(1 <= count <= len(routes) for count in counts.values())
    assert sum(counts.values()) >= len(routes)
    open_to = [s for s in range(len(routes)) if "locks" not in forbidding(compiled, t, s)]
    within = open_to or list(range(len(routes)))
    # Of the rules that forbid pairs it is known where; of the others, how often.
    everywhere = [
        rule
        for rule in RULES
        if counts.get(rule.name) == len(routes) > 0
        or (within and all(rule.name in forbidding(compiled, t, s) for s in within))
    ]
    facts = ctx.tickets[given_reason.ticket_id]
    if everywhere:
        assert given_reason.reason == everywhere[0].reason(ctx, facts)
    elif counts.get(PROMISED) == len(routes) > 0:
        assert given_reason.reason == "NO_ROOM_BESIDE_PROMISES"
    elif len(within) == len(routes):
        assert given_reason.reason == "NO_FEASIBLE_SHIFT"
    else:
        often = [rule for rule in RULES if counts.get(rule.name, 0) >= len(within)]
        codes = {rule.reason(ctx, facts) for rule in often}
        assert given_reason.reason in codes | {"NO_ROOM_BESIDE_PROMISES", "NO_FEASIBLE_SHIFT"}
    assert_rules_broken(compiled, t, counts)


def assert_rules_broken(compiled: Compiled, t: int, counts: dict[str, int]) -> None:
    """Check that the checker finds the rules broken that forbid the pair, on as many shifts."""
    total = 0
    for s, shift_id in enumerate(compiled.shift_ids):
        rules = forbidding(compiled, t, s)
        total += len(rules)
        route = {"shift_id": shift_id, "visits": [{"ticket_id": compiled.ticket_ids[t]}]}
        report = check_in(compiled.ctx, Plan.model_validate({"routes": [route]}))
        assert rules <= {fault.rule for fault in report.violations}
    assert sum(counts.values()) >= total


def forbidding(compiled: Compiled, t: int, s: int) -> set[str]:
    """Return the rules that forbid the pair of ticket and shift."""
    inst = compiled.instance
    bits = int(inst.blocked[t, inst.class_of[s]])
    return {rule.name for bit, rule in enumerate(RULES) if bits >> bit & 1}


@st.composite
def improved_plans(draw: st.DrawFn) -> tuple[Compiled, Lns, Routes]:
    """Draw a problem and a plan of it in which nothing more fits below its price."""
    compiled = compile_problem(draw(problems(max_tickets=7, max_shifts=3)))
    inst = compiled.instance
    lns = Lns(inst)
    routes: Routes = [[] for _ in range(inst.num_shifts)]
    for t in draw(st.permutations(range(inst.num_tickets))):
        s = draw(st.integers(-1, inst.num_shifts - 1))
        if s >= 0:
            routes[s].append(t)
    kept = lns._repaired(new_chain(lns.search, lns.most_visits, 0), routes)
    return compiled, lns, improve(lns.search, lns.most_visits, kept)


@given(improved_plans())
def test_reasons_are_true_in_any_plan(case: tuple[Compiled, Lns, Routes]) -> None:
    compiled, lns, routes = case
    reasons = explain_unserved(compiled, lns.search, lns.most_visits, routes)
    assert_true(compiled, routes, reasons)
    # Nor does the checker refute one, though it looks at them in another way.
    assert check_in(compiled.ctx, decode(compiled, routes, reasons)).violations == ()


@given(problems(max_tickets=7, max_shifts=3), st.sampled_from((0, 30)))
def test_reasons_are_true_in_the_plan_that_leaves(drawn: Problem, iterations: int) -> None:
    plan = solve(drawn, iterations=iterations, threads=1).plan
    compiled = compile_problem(drawn)
    index = {ticket_id: t for t, ticket_id in enumerate(compiled.ticket_ids)}
    orders = {route.shift_id: route.visits for route in plan.routes}
    routes = [
        [index[v.ticket_id] for v in orders.get(s, ()) if v.ticket_id in index]
        for s in compiled.shift_ids
    ]
    assert_true(compiled, routes, {item.ticket_id: item for item in plan.unserved})


CITY_DAY = Policy(preset="city_day", territory_open_to=())


def only(asked: Any, *engineers: Any, **fields: Any) -> Problem:
    """Build a problem of one ticket, whose engineers have shift s, 08:00 to 16:00, or their own."""
    tickets = [asked] if not isinstance(asked, list) else asked
    settings = {"policy": CITY_DAY, **fields}
    return builders.problem(tickets, list(engineers) or [engineer()], **settings)


YESTERDAY = {"fibre": {"level": 3, "expires": date(2026, 11, 22)}}
NINE = pause("09:00", "09:00", 30)

BLOCKED: list[tuple[str, str, Problem]] = [
    ("NO_ENGINEER_WITH_SKILL", "skills", only(ticket(skills={"fibre": 1}))),
    (
        "SKILL_LEVEL_TOO_LOW",
        "skills",
        only(ticket(skills={"fibre": 2}), engineer(skills={"fibre": 1})),
    ),
    ("CERT_EXPIRED", "skills", only(ticket(skills={"fibre": 2}), engineer(skills=YESTERDAY))),
    (
        "NO_ENGINEER_IN_TERRITORY",
        "territory",
        only(ticket(territory="north"), engineer(territories=("south",))),
    ),
    ("ALL_EXCLUDED", "refused_engineers", only(ticket(refused_engineers=("e",)))),
    ("NEEDS_CREW", "crew", only(ticket(crew_size=2))),
    ("PREREQ_UNSCHEDULED", "prerequisites", only([ticket(after=("u",)), ticket("u")])),
    ("STANDBY_ONLY", "standby", only(ticket(), engineer("e", shift(min_priority=2)))),
    ("NO_PARTS", "parts", only(ticket(parts={"ont": 1}), engineer(stock={"cable": 1}))),
    ("NOT_ENOUGH_PARTS", "parts", only(ticket(parts={"ont": 2}), engineer(stock={"ont": 1}))),
    # The shift ends at 16:00.
    ("NO_SHIFT_IN_WINDOW", "windows", only(ticket(windows=(window("17:00", "18:00"),)))),
    ("WINDOW_OUTSIDE_HORIZON", "windows", only(ticket(windows=(window("9:00", "9:30", day=1),)))),
    # It opens and closes before the earliest start.
    (
        "WINDOW_INVERTED",
        "windows",
        only(ticket(windows=(window("09:00", "09:30"),), earliest=at("10:00"))),
    ),
    (
        "NO_ENGINEER_WITHIN_TRAVEL",
        "travel_time",
        only(ticket(), travel=table(no_way=(("home", "a"),))),
    ),
    # 10 + 461 + 10 minutes; the shift has 480.
    ("WOULD_CAUSE_OVERTIME", "shift_hours", only(ticket(minutes=461))),
    # 08:00 to 09:30 on site leaves no room for a break at 09:00, nor does 09:30 to 11:00.
    (
        "NO_ROOM_BREAK",
        "breaks",
        only(ticket(place="home", minutes=90), engineer("e", shift(end="10:00", breaks=(NINE,)))),
    ),
    # 08:10 to 09:10.
    ("WOULD_END_TOO_LATE", "latest", only(ticket(latest=at("09:09")))),
    ("CAPACITY_FULL", "max_visits", only(ticket(), engineer("e", shift(max_visits=0)))),
    (
        "LOCKED",
        "locks",
        only(
            ticket(lock="engineer", assigned_engineer="f"),
            engineer(),
            engineer("f").model_copy(update={"shifts": ()}),
        ),
    ),
    (
        "WINDOW_OUTSIDE_HORIZON",
        "locks",
        only(ticket(lock="visit", assigned_engineer="e", assigned_start=at("09:00", day=2))),
    ),
]


FACTS: dict[tuple[str, str], dict[str, Any]] = {
    ("NO_ENGINEER_WITH_SKILL", "skills"): {"skill": "fibre", "level": 1, "holders": 0},
    ("SKILL_LEVEL_TOO_LOW", "skills"): {
        "skill": "fibre",
        "level": 2,
        "holders": 1,
        "highest_level": 1,
    },
    ("CERT_EXPIRED", "skills"): {
        "skill": "fibre",
        "level": 2,
        "holders": 1,
        "expired": "2026-11-22",
    },
    ("NO_ENGINEER_IN_TERRITORY", "territory"): {"territory": "north", "engineers_there": 0},
    ("ALL_EXCLUDED", "refused_engineers"): {"refused_engineers": ["e"]},
    ("NEEDS_CREW", "crew"): {"people_needed": 2, "most_on_a_shift": 1},
    ("PREREQ_UNSCHEDULED", "prerequisites"): {"waits_for": ["u"]},
    ("STANDBY_ONLY", "standby"): {"priority": 3},
    ("NO_PARTS", "parts"): {"part": "ont", "quantity": 1, "most_in_stock": 0},
    ("NOT_ENOUGH_PARTS", "parts"): {"part": "ont", "quantity": 2, "most_in_stock": 1},
    ("NO_SHIFT_IN_WINDOW", "windows"): {"windows": ["2026-11-23 17:00 to 2026-11-23 18:00"]},
    ("WINDOW_OUTSIDE_HORIZON", "windows"): {"windows": ["2026-11-24 09:00 to 2026-11-24 09:30"]},
    ("WINDOW_INVERTED", "windows"): {
        "windows": ["2026-11-23 09:00 to 2026-11-23 09:30"],
        "not_before": "2026-11-23 10:00",
    },
    ("NO_ENGINEER_WITHIN_TRAVEL", "travel_time"): {"way": "none in the travel table"},
    ("WOULD_CAUSE_OVERTIME", "shift_hours"): {
        "service_seconds": 461 * 60,
        "longest_shift_seconds": 480 * 60,
    },
    ("WOULD_END_TOO_LATE", "latest"): {"latest": "2026-11-23 09:09"},
    ("CAPACITY_FULL", "max_visits"): {"shifts_for_no_visit": 1},
    ("LOCKED", "locks"): {"locked_to": "f"},
    ("WINDOW_OUTSIDE_HORIZON", "locks"): {"locked_to": "e", "fixed_to": "2026-11-25 09:00"},
}


@pytest.mark.parametrize(("code", "rule", "task"), BLOCKED, ids=[case[0] for case in BLOCKED])
def test_one_rule_blocks_every_shift(code: str, rule: str, task: Problem) -> None:
    plan = solve(task, iterations=10).plan
    assert [(item.ticket_id, item.reason) for item in plan.unserved] == [("t", code)]
    assert code in next(found.codes for found in RULES if found.name == rule)
    counts = {"blocked_by": {rule: 1}, "shifts": 1}
    assert plan.unserved[0].detail == {**FACTS.get((code, rule), {}), **counts}


def unserved(task: Problem) -> dict[str, tuple[str, dict[str, Any]]]:
    plan = solve(task, iterations=50).plan
    return {item.ticket_id: (item.reason, item.detail) for item in plan.unserved}


def test_several_rules_block_the_shifts_together() -> None:
    # One lacks the skill, one has a shift of an hour only, one refuses both ways.
    able = {"fibre": 1}
    team = [
        engineer("e"),
        engineer("f", shift("short", end="09:00"), skills=able),
        engineer("g", shift("g"), territories=("south",)),
    ]
    left = unserved(only(ticket(skills=able, territory="north"), *team))
    assert left == {
        "t": (
            "NO_FEASIBLE_SHIFT",
            {
                "service_seconds": 3600,
                "longest_shift_seconds": 28_800,
                "skills": {"fibre": 1},
                "holders": 1,
                "territory": "north",
                "engineers_there": 2,
                "blocked_by": {"shift_hours": 1, "skills": 2, "territory": 1},
                "shifts": 3,
            },
        )
    }


@pytest.mark.parametrize(("minutes", "code"), [(240, "NO_SHIFT_IN_WINDOW"), (241, None)])
def test_what_is_too_far_for_any_shift_is_out_of_travel_whatever_its_window(
    minutes: int, code: str | None
) -> None:
    # There and back in the 480 minutes of the shift; nobody asks how long it takes on site.
    far = table({"home": 0, "a": minutes})
    left = unserved(only(ticket(windows=(window("17:00", "18:00"),)), travel=far))
    trip = {"there_and_back_seconds": 120 * minutes, "longest_shift_seconds": 28_800}
    counts = {"blocked_by": {"travel_time": 1}, "shifts": 1}
    expected = ("NO_ENGINEER_WITHIN_TRAVEL", {**trip, **counts})
    assert left["t"] == expected if code is None else left["t"][0] == code


def test_parts_and_skills_that_are_only_apart_in_the_roster_are_all_named() -> None:
    needs: dict[str, Any] = {"skills": {"fibre": 1, "iptv": 1}, "parts": {"ont": 1, "cable": 2}}
    team = [
        engineer("e", skills={"fibre": 1}, stock={"ont": 1}),
        engineer("f", shift("r"), skills={"iptv": 1}, stock={"cable": 2}),
    ]
    reason, detail = unserved(only(ticket(**needs), *team))["t"]
    assert reason == "NO_ENGINEER_WITH_SKILL"
    assert (detail["skills"], detail["holders"]) == ({"fibre": 1, "iptv": 1}, 0)
    able = [one.model_copy(update={"skills": {**team[0].skills, **team[1].skills}}) for one in team]
    reason, detail = unserved(only(ticket(**needs), *able))["t"]
    assert (reason, detail["parts"]) == ("NOT_ENOUGH_PARTS", {"ont": 1, "cable": 2})


def test_without_shifts_no_rule_is_blamed() -> None:
    left = unserved(builders.problem([ticket()], [], policy=CITY_DAY))
    assert left == {"t": ("NO_FEASIBLE_SHIFT", {"blocked_by": {}, "shifts": 0})}


def test_promises_take_all_the_room() -> None:
    # The appointment lasts from 08:10 to 15:10: 480 - 440 minutes are left.
    kept = ticket("kept", minutes=420, appointment=window("08:10", "08:10"))
    assert unserved(only([kept, ticket(priority=1)])) == {
        "t": ("NO_ROOM_BESIDE_PROMISES", {"blocked_by": {"promised_visits": 1}, "shifts": 1})
    }


def test_a_ticket_may_cost_more_than_its_price() -> None:
    # There and back 2 h of travel; the price is 1 h.
    policy = Policy(preset="city_day", unserved_cost={1: 0, 2: 0, 3: 3600, 4: 0})
    assert unserved(only(ticket(place="d"), policy=policy)) == {
        "t": ("COSTS_MORE_THAN_PRICE", {"added_cost": 7200, "price": 3600, "shift_id": "s"})
    }


def test_at_equal_cost_a_ticket_may_stay_out() -> None:
    policy = Policy(preset="city_day", unserved_cost={1: 0, 2: 0, 3: 1200, 4: 0})
    detail = {"added_cost": 1200, "price": 1200, "shift_id": "s"}
    assert unserved(only(ticket(), policy=policy)) in ({}, {"t": ("COSTS_MORE_THAN_PRICE", detail)})


def test_a_ticket_loses_its_room_to_others() -> None:
    # 480 minutes: u, v and w take 400 and 20 of travel; t needs 130, so that u or v must go.
    others = [ticket("u", minutes=150, priority=1), ticket("v", minutes=150, priority=2)]
    others.append(ticket("w", minutes=100, appointment=window("08:00", "12:00")))
    assert unserved(only([*others, ticket(minutes=130, priority=3)])) == {
        "t": (
            "LOST_TO_OTHERS",
            {
                "shift_id": "s",
                "tickets": ["v"],
                "priorities": [2],
                "price": 36_000,
                "price_of_tickets": 72_000,
                "shifts_possible": 1,
            },
        )
    }


def test_a_ticket_that_fits_only_behind_another_is_not_blocked() -> None:
    # From a to c only over b: t2 has no way of its own, but room behind t0.
    seconds: list[list[int | None]] = [[0, 900, None], [900, 0, 900], [900, 900, 0]]
    policy = {"preset": "city_day", "unserved_cost": {4: 0}}
    tickets: list[dict[str, Any]] = [{"place": "b"}, {"place": "c"}, {"place": "c", "priority": 4}]
    left = unserved(small_problem(tickets, seconds=seconds, policy=policy))
    detail = {"added_cost": 0, "price": 0, "shift_id": "s0"}
    assert left == {"t2": ("COSTS_MORE_THAN_PRICE", detail)}
