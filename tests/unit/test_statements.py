from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.checker import check
from dispatchopt.models import Overridden, Plan, Policy, Unserved, Window
from dispatchopt.rules import RULES
from dispatchopt.solve import solve
from tests.builders import (
    at,
    engineer,
    orders,
    pause,
    problem,
    route,
    shift,
    table,
    ticket,
    visit,
    window,
)

if TYPE_CHECKING:
    from dispatchopt.models import Problem

FIBRE = {"fibre": 1}
TASK = problem(
    [
        ticket("fixed", "a", 30, lock="visit", assigned_engineer="e", assigned_start=at("08:00")),
        ticket("kept", "a", 30, appointment=window("09:00", "10:00")),
        ticket("broken", "b", 30, appointment=window("09:00", "10:00"), skills=FIBRE),
    ]
)
FIXED = visit("fixed", "08:00", "08:10", "08:10", "08:40")
KEPT = visit("kept", "08:40", "09:00", "09:00", "09:30")
LEFT_OUT = (Unserved(ticket_id="broken", reason="NO_ENGINEER_WITH_SKILL"),)


def found(task: Problem, plan: Plan) -> list[tuple[str, str | None, str | None, str]]:
    return [(v.rule, v.ticket_id, v.shift_id, v.message) for v in check(task, plan).violations]


def stated(**fields: Any) -> list[tuple[str, str | None, str]]:
    """Return the violations of a plan that keeps one promise, breaks one and moves one."""
    plan = Plan(routes=[route("s", FIXED, KEPT, end="09:40")], unserved=LEFT_OUT, **fields)
    return [(rule, ticket_id, message) for rule, ticket_id, _, message in found(TASK, plan)]


def test_what_is_not_stated_is_not_false() -> None:
    assert stated() == []
    assert stated(broken_promises=["broken"], needs_customer_consent=["fixed"], overridden=[]) == []


def test_lists_of_promises_must_be_complete_and_true() -> None:
    assert stated(broken_promises=[]) == [
        ("promises", "broken", "is a broken promise, which the plan does not state")
    ]
    assert stated(broken_promises=["broken", "kept"]) == [
        ("promises", "kept", "is stated as a broken promise and is not")
    ]
    assert stated(needs_customer_consent=[]) == [
        ("consent", "fixed", "is moved though fixed, which the plan does not state")
    ]
    assert stated(needs_customer_consent=["fixed", "kept"]) == [
        ("consent", "kept", "is stated as moved though fixed and is not")
    ]


def test_what_a_lock_overrules_must_be_stated_and_nothing_else() -> None:
    locked = ticket(
        "t", lock="visit", assigned_engineer="e", assigned_start=at("09:00"), crew_size=2
    )
    task, plan = problem([locked]), orders(s="t")
    true = check(task, plan).overridden
    assert [item.rule for item in true] == ["crew"]
    said = Overridden(rule="crew", ticket_id="t", shift_id="s", detail="in other words")
    assert found(task, plan.model_copy(update={"overridden": (said,)})) == []
    assert found(task, plan.model_copy(update={"overridden": ()})) == [
        ("overridden", "t", "s", "a lock overrules the rule crew, which the plan does not state")
    ]
    invented = said.model_copy(update={"rule": "skills"})
    assert found(task, plan.model_copy(update={"overridden": (said, invented)})) == [
        ("overridden", "t", "s", "the rule skills is stated as overruled by a lock and is not")
    ]


@pytest.mark.parametrize(
    ("ticket_id", "told", "message"),
    [
        ("kept", window("09:00", "10:00"), None),
        (
            "kept",
            window("09:00", "11:00"),
            "is stated as promised for 2026-11-23 09:00 to 2026-11-23 11:00, "
            "it is 2026-11-23 09:00 to 2026-11-23 10:00",
        ),
        (
            "fixed",
            window("08:00", "09:00"),
            "is stated as promised for 2026-11-23 08:00 to 2026-11-23 09:00, "
            "there is no appointment",
        ),
    ],
)
def test_a_window_stated_as_promised_is_the_appointment(
    ticket_id: str, told: dict[str, Any], message: str | None
) -> None:
    visits = [
        v.model_copy(update={"promised": Window(**told)}) if v.ticket_id == ticket_id else v
        for v in (FIXED, KEPT)
    ]
    plan = Plan(routes=[route("s", *visits, end="09:40")], unserved=LEFT_OUT)
    expected = [] if message is None else [("promises", ticket_id, "s", message)]
    assert found(TASK, plan) == expected


@pytest.mark.parametrize(
    ("bound", "gap", "expected"),
    [
        (0, 0.0, []),
        (None, 0.0, ["gap"]),
        (0, 0.5, ["gap"]),
    ],
)
def test_the_gap_is_that_of_cost_and_bound(
    bound: int | None, gap: float, expected: list[str]
) -> None:
    task = problem([ticket()])
    plan = orders(s="t").model_copy(update={"bound": bound, "gap": gap})
    assert [rule for rule, *_ in found(task, plan)] == expected


# --- reasons


def left_out(task: Problem, reason: str, **detail: Any) -> list[str]:
    """Return what is said against the reason of t in a plan that serves u on s, if there is one."""
    order = "u" if any(item.id == "u" for item in task.tickets) else ""
    why = Unserved(ticket_id="t", reason=reason, detail=detail)
    violations = found(task, orders(s=order).model_copy(update={"unserved": (why,)}))
    assert all((rule, ticket_id) == ("reason", "t") for rule, ticket_id, _, _ in violations)
    return [message for *_, message in violations]


CODES = sorted({code for rule in RULES for code in rule.codes})
YESTERDAY: dict[str, Any] = {"fibre": {"level": 3, "expires": at("00:00", -1).date()}}


def test_every_code_of_a_rule_is_false_for_a_ticket_that_fits() -> None:
    task = problem([ticket("u", "a"), ticket("t", "b")])
    for code in [*CODES, "NO_FEASIBLE_SHIFT", "NO_ROOM_BESIDE_PROMISES"]:
        assert len(left_out(task, code)) == 1, code
    # Nothing certain is said of these, nor of words of others.
    for code in ("SEARCH_LIMIT", "LOST_TO_OTHERS", "COSTS_MORE_THAN_PRICE", "SICK_DOG"):
        assert left_out(task, code) == [], code


LATE = [window("17:00", "18:00")]
CASES: list[tuple[str, Any, Any]] = [
    ("NO_ENGINEER_WITH_SKILL", ticket(skills=FIBRE), engineer()),
    ("SKILL_LEVEL_TOO_LOW", ticket(skills={"fibre": 2}), engineer(skills=FIBRE)),
    ("CERT_EXPIRED", ticket(skills=FIBRE), engineer(skills=YESTERDAY)),
    ("NO_ENGINEER_IN_TERRITORY", ticket(territory="n"), engineer(territories=("s",))),
    ("ALL_EXCLUDED", ticket(refused_engineers=("e",)), engineer()),
    ("NEEDS_CREW", ticket(crew_size=2), engineer()),
    ("PREREQ_UNSCHEDULED", ticket(after=("v",)), engineer()),
    ("STANDBY_ONLY", ticket(), engineer("e", shift(min_priority=2))),
    ("NO_PARTS", ticket(parts={"ont": 1}), engineer(stock={})),
    ("NOT_ENOUGH_PARTS", ticket(parts={"ont": 2}), engineer(stock={"ont": 1})),
    ("CAPACITY_FULL", ticket(), engineer("e", shift(max_visits=0))),
    ("NO_SHIFT_IN_WINDOW", ticket(windows=LATE), engineer()),
    ("WINDOW_OUTSIDE_HORIZON", ticket(windows=[window("09:00", "10:00", 1)]), engineer()),
    (
        "WINDOW_INVERTED",
        ticket(windows=[window("09:00", "10:00")], earliest=at("11:00")),
        engineer(),
    ),
    ("WOULD_END_TOO_LATE", ticket(latest=at("09:09")), engineer()),
    ("WOULD_CAUSE_OVERTIME", ticket(minutes=461), engineer()),
    (
        "NO_ROOM_BREAK",
        ticket(place="home", minutes=90),
        engineer("e", shift(end="10:00", breaks=(pause("09:00", "09:00", 30),))),
    ),
]


@pytest.mark.parametrize(("code", "asked", "who"), CASES, ids=[case[0] for case in CASES])
def test_one_reason_is_true_and_the_others_are_false(code: str, asked: Any, who: Any) -> None:
    task = problem([asked, ticket("v")], [who])
    assert left_out(task, code) == []
    assert left_out(task, "NO_FEASIBLE_SHIFT") == []  # says less, but nothing false
    # What keeps a ticket out at any time and what keeps it out of these hours are never confused;
    # among the latter several may hold at once.
    timing = ("travel_time", "service_time", "shift_hours", "breaks", "windows", "latest")
    own = {rule.name for rule in RULES if code in rule.codes}
    others = [r for r in RULES if r.codes and (r.name not in timing or own.isdisjoint(timing))]
    for other in {code for rule in others for code in rule.codes} - {code}:
        assert len(left_out(task, other)) == 1, other


def test_a_rule_must_block_every_shift_that_the_lock_leaves_open() -> None:
    crew = [engineer("e"), engineer("f", shift("r"), skills=FIBRE)]
    asked = ticket(skills=FIBRE)
    assert left_out(problem([asked], crew), "NO_ENGINEER_WITH_SKILL") == [
        "the reason NO_ENGINEER_WITH_SKILL is false: the rule skills does not keep it off shift r"
    ]
    locked = asked.model_copy(update={"lock": "engineer", "assigned_engineer": "e"})
    assert left_out(problem([locked], crew), "NO_ENGINEER_WITH_SKILL") == []


def test_no_way_is_no_reason_where_there_is_one() -> None:
    task = problem([ticket(latest=at("08:30"))])
    assert left_out(task, "WOULD_END_TOO_LATE") == []
    assert len(left_out(task, "NO_ENGINEER_WITHIN_TRAVEL")) == 1
    cut = problem([ticket()], travel=table(no_way=(("a", "home"),)))
    assert left_out(cut, "NO_ENGINEER_WITHIN_TRAVEL") == []


@pytest.mark.parametrize("is_promised", [False, True])
def test_room_taken_by_promises_is_not_judged(is_promised: bool) -> None:
    promise = window("08:10", "08:10") if is_promised else None
    task = problem([ticket("u", minutes=420, appointment=promise), ticket("t", priority=1)])
    for code in ("NO_FEASIBLE_SHIFT", "NO_ROOM_BESIDE_PROMISES"):
        assert len(left_out(task, code)) == (0 if is_promised else 1)


def test_the_facts_of_a_lost_room_and_of_a_price_are_compared() -> None:
    policy = Policy(preset="city_day", unserved_cost={1: 0, 2: 0, 3: 3600, 4: 0})
    task = problem([ticket("u"), ticket("t")], policy=policy)
    lost = {"shift_id": "s", "tickets": ["u"], "price": 3600}
    assert left_out(task, "LOST_TO_OTHERS", **lost) == []
    for wrong in ({"shift_id": "r"}, {"tickets": ["t"]}, {"tickets": [7]}, {"price": 3599}):
        assert len(left_out(task, "LOST_TO_OTHERS", **{**lost, **wrong})) == 1
    dear = {"shift_id": "s", "price": 3600, "added_cost": 3600}
    assert left_out(task, "COSTS_MORE_THAN_PRICE", **dear) == []
    assert len(left_out(task, "COSTS_MORE_THAN_PRICE", **{**dear, "added_cost": 3599})) == 1


@pytest.mark.parametrize("is_promised", [False, True])
def test_a_promise_that_would_be_weakened_is_one_of_the_shift(is_promised: bool) -> None:
    policy = Policy(preset="city_day", unserved_cost={1: 0, 2: 0, 3: 3600, 4: 0})
    promise = {"appointment": window("08:00", "10:00")} if is_promised else {}
    task = problem([ticket("u", **promise), ticket("t")], policy=policy)
    cheap = {"shift_id": "s", "price": 3600, "added_cost": 3599}
    faults = 0 if is_promised else 1
    assert len(left_out(task, "WOULD_WEAKEN_PROMISE", **cheap)) == faults
    assert len(left_out(task, "WOULD_WEAKEN_PROMISE", **{**cheap, "added_cost": 3600})) == 1


def test_an_own_plan_states_everything_and_nothing_false() -> None:
    task = TASK.model_copy(update={"policy": Policy()})
    plan = solve(task, iterations=50, threads=1).plan
    assert plan.broken_promises == ("broken",)
    assert plan.needs_customer_consent == ("fixed",)
    again = Plan.model_validate_json(plan.model_dump_json())
    assert check(task, again).violations == ()
    silent = again.model_copy(update={"broken_promises": ()})
    assert [v.rule for v in check(task, silent).violations] == ["promises"]


def test_stated_travel_seconds_are_those_of_the_way() -> None:
    task = problem(TASK.tickets[:2], policy=Policy())
    plan = solve(task, iterations=0, threads=1).plan
    assert found(task, plan) == []
    (made,) = plan.routes
    assert [stop.travel_seconds for stop in made.visits] == [600, 0]
    false = [stop.model_copy(update={"travel_seconds": 1}) for stop in made.visits]
    wrong = made.model_copy(update={"visits": tuple(false)})
    false_plan = plan.model_copy(update={"routes": (wrong,)})
    assert found(task, false_plan) == [
        ("travel_seconds", "fixed", "s", "the way to it is stated as 1 s, it is 600 s"),
        ("travel_seconds", "kept", "s", "the way to it is stated as 1 s, it is 0 s"),
    ]
    # A plan with orders only may state them, too.
    bare = orders(s="fixed kept").routes[0].visits[0].model_copy(update={"travel_seconds": 599})
    alone = Plan(routes=[orders(s="fixed").routes[0].model_copy(update={"visits": (bare,)})])
    assert [item[0] for item in found(TASK, alone)] == ["travel_seconds"]


def test_a_started_visit_has_no_way() -> None:
    now = ticket("t", "a", status="started", assigned_engineer="e", assigned_start=at("08:10"))
    task = problem([now, ticket("u", "c")], now=at("08:30"), policy=Policy())
    plan = solve(task, iterations=0, threads=1).plan
    assert [stop.travel_seconds for stop in plan.routes[0].visits] == [0, 1200]
    assert found(task, plan) == []
