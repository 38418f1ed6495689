"""Re-planning keeps promises: by hand, and on random changes of a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

import dispatchopt as do
from dispatchopt.chance import kept_probabilities
from dispatchopt.instance import compile_problem, encode
from dispatchopt.models import Plan, Policy, Problem, Ticket, Window
from dispatchopt.models.plan import WeakenedPromise
from dispatchopt.promises import Guard, still_weakened
from dispatchopt.solvers.insertion import Inserter
from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.lns import Lns
from tests.builders import at, engineer, free, problem, shift, ticket, window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from dispatchopt.instance import Compiled

URGENT = free(
    delay_per_hour={1: 36_000},
    unserved_cost={1: 10_000_000, 2: 1_000_000, 3: 1_000_000},
    broken_promise_cost=10_000_000,
)
"""An hour of a P1 is worth ten."""


def kept_of(plan: Plan) -> dict[str, float | None]:
    return {v.ticket_id: v.kept_probability for r in plan.routes for v in r.visits if v.promised}


def planned(task: Problem, **options: Any) -> do.Result:
    return do.solve(task, **{"iterations": 500, "threads": 1, **options})


def with_plan(task: Problem, plan: Plan | None, *more: Ticket, **fields: Any) -> Problem:
    given_fields = {name: getattr(task, name) for name in task.model_fields_set}
    tickets = (*task.tickets, *more)
    return Problem(**{**given_fields, "tickets": tickets, "previous_plan": plan, **fields})


def promised_day(**fields: Any) -> Problem:
    """T1 is promised for 08:00 to 09:30, and is alone on the day."""
    tickets = [ticket("T1", "a", 60, appointment=window("08:00", "09:30"))]
    return problem(tickets, policy=URGENT, **fields)


def test_promised_visits_say_how_surely_they_are_kept() -> None:
    tickets = [*promised_day().tickets, ticket("T2", "b", windows=[window("08:00", "15:00")])]
    plan = planned(problem(tickets, policy=URGENT)).plan
    visits = {v.ticket_id: v for r in plan.routes for v in r.visits}
    assert visits["T1"].kept_probability == kept_of(plan)["T1"]
    assert visits["T2"].kept_probability is None


def test_a_promise_is_not_given_up_for_what_is_more_urgent() -> None:
    before = planned(promised_day()).plan
    assert kept_of(before) == {"T1": 1.0}
    # An hour on site at the same place, ten times as dear to wait for: the search serves it first,
    # and T1 at 09:10, in time only if that takes no more than 80 minutes.
    urgent = ticket("T9", "a", 60, priority=1)
    free_hand = planned(with_plan(promised_day(), None, urgent)).plan
    weak = kept_of(free_hand)["T1"]
    assert weak is not None and weak < 0.9
    after = planned(with_plan(promised_day(), before, urgent))
    assert kept_of(after.plan) == {"T1": 1.0}
    assert after.plan.weakened_promises == ()
    assert after.plan.unserved == ()
    assert after.report.is_valid


def test_what_fits_at_the_expense_of_a_promise_stays_out_and_the_rest_goes_in() -> None:
    # Both can begin before T1 alone. An hour makes T1 unsure, ten minutes do not.
    early = {"windows": [window("08:00", "08:30")], "priority": 1}
    new = ticket("T8", "a", 10, **early), ticket("T9", "a", 60, **early)
    before = planned(promised_day()).plan
    # Without iterations nobody searches again beside T1 where it was.
    after = planned(with_plan(promised_day(), before, *new), iterations=0)
    assert [v.ticket_id for v in after.plan.routes[0].visits] == ["T8", "T1"]
    (left,) = after.plan.unserved
    assert (left.ticket_id, left.reason) == ("T9", "WOULD_WEAKEN_PROMISE")
    assert left.detail["shift_id"] == "s"
    assert left.detail["added_cost"] < left.detail["price"]


def test_promises_that_were_unsure_bind_nobody() -> None:
    urgent = ticket("T9", "a", 60, priority=1)
    before = planned(with_plan(promised_day(), None, urgent)).plan
    again = planned(with_plan(promised_day(), before, urgent)).plan
    assert [v.ticket_id for v in again.routes[0].visits] == ["T9", "T1"]
    assert again.weakened_promises == ()


def test_what_facts_weaken_is_told_with_both_figures() -> None:
    before = planned(promised_day()).plan
    # At 08:20 nobody has begun: T1 cannot begin before 09:30 if the shift begins at 09:25.
    late = [engineer("e", shift("s", available_from=at("09:25")))]
    task = with_plan(promised_day(), before, engineers=late)
    after = planned(task).plan
    assert after.weakened_promises == (
        WeakenedPromise(ticket_id="T1", was=1.0, kept_probability=0.0),
    )
    assert after.broken_promises == ("T1",)


def test_without_any_shift_left_every_promise_is_told() -> None:
    before = planned(promised_day()).plan
    after = planned(with_plan(promised_day(), before, engineers=[engineer("f", shifts=())])).plan
    assert [item.ticket_id for item in after.weakened_promises] == ["T1"]


def test_a_changed_plan_tells_what_is_still_weakened() -> None:
    plan = planned(promised_day()).plan
    weak = tuple(WeakenedPromise(ticket_id=t, was=0.95, kept_probability=0.5) for t in ("T1", "T2"))
    before = plan.model_copy(update={"weakened_promises": weak})
    # T1 is sure by now, T2 is left out.
    assert still_weakened(before, plan, Policy()) == (
        WeakenedPromise(ticket_id="T2", was=0.95, kept_probability=0.0),
    )


def test_another_engineer_holds_what_the_sick_one_cannot() -> None:
    two = [engineer("e", shift("s")), engineer("f", shift("r"))]
    before = planned(promised_day(engineers=two)).plan
    sick = before.routes[0].shift_id
    left = [one for one in two if one.shifts[0].id != sick]
    after = planned(with_plan(promised_day(), before, engineers=left)).plan
    assert kept_of(after) == {"T1": 1.0}
    assert after.weakened_promises == ()


def test_of_a_promise_that_no_shift_holds_any_more_the_surer_place_is_taken() -> None:
    # The engineer of T1 is sick; the other one has urgent work of an hour, and would do that first.
    urgent = ticket("T9", "a", 60, priority=1, preferred_engineers=("f",))
    two = [engineer("e", shift("s")), engineer("f", shift("r"))]
    task = problem([*promised_day().tickets, urgent], two, policy=URGENT)
    before = Plan.model_validate(
        {
            "routes": [
                {
                    "shift_id": "s",
                    "visits": [
                        {
                            "ticket_id": "T1",
                            "promised": window("08:00", "09:30"),
                            "kept_probability": 1.0,
                        }
                    ],
                }
            ]
        }
    )
    cheap = task.policy.model_copy(update={"missed_window_cost": 0})
    dear = task.policy.model_copy(update={"missed_window_cost": 10_000_000})
    kept = {}
    for name, policy in (("cheap", cheap), ("dear", dear)):
        now = with_plan(task, before, engineers=two[1:], policy=policy)
        plan = planned(now, iterations=2000).plan
        kept[name] = kept_of(plan)["T1"]
        assert bool(plan.weakened_promises) == (name == "cheap")
    assert kept["dear"] == 1.0


def test_what_was_promised_since_is_planned_surely_if_that_is_worth_it() -> None:
    urgent = ticket("T9", "a", 60, priority=1)
    before = planned(problem([urgent], policy=URGENT)).plan
    assert [v.ticket_id for v in before.routes[0].visits] == ["T9"]
    for price, is_sure in ((0, False), (10_000_000, True)):
        policy = URGENT.model_copy(update={"missed_window_cost": price})
        now = with_plan(promised_day(), before, urgent, policy=policy)
        plan = planned(now, iterations=2000).plan
        assert (kept_of(plan) == {"T1": 1.0}) == is_sure
        assert plan.weakened_promises == ()  # nobody told before how sure it was


def test_mended_plans_repeat() -> None:
    before = planned(promised_day()).plan
    task = with_plan(promised_day(), before, ticket("T9", "a", 60, priority=1), ticket("T8", "b"))
    plans = [planned(task, threads=2).plan for _ in range(2)]
    assert plans[0].routes == plans[1].routes


def test_started_visits_have_kept_their_promise_or_not() -> None:
    begun = ticket(
        "T1",
        "a",
        appointment=window("08:00", "09:30"),
        status="started",
        assigned_engineer="e",
        assigned_start=at("08:10"),
    )
    plan = planned(problem([begun], now=at("08:30"))).plan
    assert kept_of(plan) == {"T1": 1.0}


def test_interrupted_plans_keep_promises_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before = planned(promised_day()).plan
    task = with_plan(promised_day(), before, ticket("T9", "a", 60, priority=1))

    def interrupted(*_args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Guard, "_search_again", interrupted)
    after = planned(task)
    assert kept_of(after.plan) == {"T1": 1.0}


def test_a_time_limit_leaves_time_to_mend() -> None:
    before = planned(promised_day()).plan
    task = with_plan(promised_day(), before, ticket("T9", "a", 60, priority=1))
    assert kept_of(planned(task, iterations=None, time_limit=0.5).plan) == {"T1": 1.0}


PLACES = st.sampled_from(("home", "a", "b", "d"))
MINUTES = st.sampled_from((15, 30, 60, 90))


@st.composite
def days(draw: st.DrawFn, *, names: str, priority: int) -> tuple[Ticket, ...]:
    tickets = []
    for name in names:
        hour = draw(st.sampled_from((8, 9, 10, 12)))
        wish = Window(
            open=at("00:00") + timedelta(hours=hour), close=at("00:00") + timedelta(hours=hour + 2)
        )
        promised = draw(st.booleans()) and priority > 1
        fields: dict[str, Any] = {"appointment": wish} if promised else {}
        tickets.append(ticket(name, draw(PLACES), draw(MINUTES), priority=priority, **fields))
    return tuple(tickets)


ROSTERS = st.sampled_from((("s",), ("s", "r")))


def roster(shift_ids: Iterable[str]) -> list[Any]:
    return [engineer(f"e-{name}", shift(name, "08:00", "14:00")) for name in shift_ids]


def cheap_places(
    compiled: Compiled, routes: list[list[int]]
) -> Iterator[tuple[list[list[int]], int]]:
    """Yield routes with a ticket put in that they leave out, where that costs less than it does."""
    search, most_visits = lay_out(compiled.instance)
    held = Inserter(search, most_visits, routes)
    for t in set(range(len(compiled.ticket_ids))).difference(*routes):
        for s, cost in held.costs(t).items():
            place = held.best_in(s, t)
            if place is not None and cost < compiled.instance.skip_cost[t]:
                at_ = place[1]
                yield (
                    [
                        [*route[:at_], t, *route[at_:]] if i == s else route
                        for i, route in enumerate(routes)
                    ],
                    t,
                )


@given(
    days(names="ABCDE", priority=3),
    days(names="XYZ", priority=1),
    ROSTERS,
    st.sampled_from((None, "08:40", "09:30")),
    st.sampled_from((None, None, "s", "r")),
    st.integers(0, 3),
)
def test_no_promise_that_the_old_routes_hold_is_weakened(
    old: tuple[Ticket, ...],
    new: tuple[Ticket, ...],
    shift_ids: tuple[str, ...],
    now: str | None,
    sick: str | None,
    seed: int,
) -> None:
    policy = Policy(delay_per_hour={1: 36_000}, margin_per_hour=0)
    task = problem(old, roster(shift_ids), policy=policy)
    before = planned(task, iterations=200, seed=seed)
    changes: dict[str, Any] = {} if now is None else {"now": at(now)}
    changes["engineers"] = roster(name for name in shift_ids if name != sick)
    later = with_plan(task, before.plan, *new, **changes)
    after = planned(later, iterations=200, seed=seed)
    compiled = compile_problem(later)
    safe = Lns(compiled.instance).repaired(encode(compiled, before.plan))
    held = {t for t, p in kept_probabilities(compiled, safe).items() if p >= 0.9}
    stands = kept_of(after.plan)
    weak = {t for t in held if (stands.get(t) or 0.0) < 0.9}
    served_before = {compiled.ticket_ids[t] for route in safe for t in route}
    rescued = {t for t in stands if t not in served_before}
    assert not weak or rescued  # nothing is weakened but for a promise that would be broken
    sure = {t for t, p in kept_of(before.plan).items() if p is not None and p >= 0.9}
    told = {item.ticket_id for item in after.plan.weakened_promises}
    assert told == {t for t in held | sure if (stands.get(t) or 0.0) < 0.9}
    assert after.report.is_valid
    routes = encode(compiled, after.plan)
    again = kept_probabilities(compiled, routes)
    assert stands == {t: again[t] for t in stands}
    for inserted, t in cheap_places(compiled, routes):
        then = kept_probabilities(compiled, inserted)
        lowered = {i for i in stands if then[i] < min(0.9, stands[i])}
        assert lowered, f"{compiled.ticket_ids[t]} is left out for nothing"
