"""Windows proposed together: all hold once they are promised, or any of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.chance import kept_probabilities
from dispatchopt.errors import InvalidProblemError
from dispatchopt.generator import generate
from dispatchopt.instance import decode, encode
from dispatchopt.models import Plan, Policy, Problem, Route, Visit
from dispatchopt.models.proposal import Proposals
from dispatchopt.solve import Planner
from dispatchopt.windows import propose
from dispatchopt.windows.propose import least_count, propose_windows
from tests import strategies

if TYPE_CHECKING:
    from dispatchopt.instance import Compiled, IndexRoutes

POLICIES = st.fixed_dictionaries(
    {
        "min_kept_probability": st.sampled_from((0.9, 0.5, 0.99, 1.0, 0.0)),
        "offer_lead_minutes": st.sampled_from((0, 120)),
        "margin_per_hour": st.sampled_from((0, 7200)),
        "visiting_hours": st.sampled_from(
            ({"open": "08:00", "close": "20:00"}, {"open": "00:00", "close": "24:00"})
        ),
    }
)


def confirmed(planner: Planner, proposals: Proposals, ids: frozenset[str]) -> Planner:
    """Promise the windows of these tickets."""
    tickets = {ticket.id: ticket for ticket in planner.problem.tickets}
    return planner.with_tickets(
        tickets[p.ticket_id].model_copy(update={"appointment": p.window})
        for p in proposals.proposals
        if p.ticket_id in ids
    )


def simulated(planner: Planner, plan: Plan) -> dict[str, float]:
    """Check the routes of a plan in a problem, and simulate its promises."""
    compiled = planner.compiled
    orders = encode(compiled, plan)
    assert planner.check(decode(compiled, orders)).violations == ()
    return kept_probabilities(compiled, orders)


@given(
    problem=strategies.problems(max_tickets=5) | strategies.break_problems(),
    changed=POLICIES,
    data=st.data(),
)
def test_whatever_is_confirmed_of_the_proposals_is_kept(
    problem: Problem, changed: dict[str, object], data: st.DataObject
) -> None:
    policy = Policy(**{**problem.policy.model_dump(), **changed})
    fields = {name: getattr(problem, name) for name in problem.model_fields_set}
    planner = Planner(Problem(**{**fields, "policy": policy}))
    plan = planner.solve(iterations=20, threads=1, seed=1).plan
    proposals = propose_windows(planner, plan)
    assert propose_windows(planner, plan) == proposals

    before = simulated(planner, plan)
    ids = [p.ticket_id for p in proposals.proposals]
    some = frozenset(data.draw(st.sets(st.sampled_from(ids)))) if ids else frozenset[str]()
    for chosen in (frozenset(ids), some):
        after = simulated(confirmed(planner, proposals, chosen), plan)
        least = policy.min_kept_probability
        assert all(after[t] >= least for t in chosen)
        assert all(after[t] >= min(least, share) for t, share in before.items())
        if chosen == frozenset(ids):
            told = {p.ticket_id: p.kept_probability for p in proposals.proposals}
            assert {t: after[t] for t in ids} == told

    free = {t.id for t in problem.tickets if t.is_plannable and t.appointment is None}
    assert {*ids, *proposals.not_proposed} == free
    assert not {*ids} & {*proposals.not_proposed}
    for p in proposals.proposals:
        assert p.window.open <= p.start <= p.window.close
        assert p.width_minutes >= 30


def day(*tickets: dict[str, object], policy: dict[str, object] | None = None) -> Problem:
    """One engineer on a Monday in Shanghai, 08:00 to 18:00, who needs no time to travel."""
    return Problem.model_validate(
        {
            "horizon": {"start": at("00:00"), "end": at("24:00")},
            "timezone": "Asia/Shanghai",
            "fault_types": [
                # Half within 40 min, four of five within an hour: a mean of about 45.
                {"code": "f", "duration": {"mean": 2700, "p50": 2400, "p80": 3600}},
                {"code": "sure", "duration": {"mean": 3600, "p50": 3600, "p80": 3600}},
            ],
            "tickets": [
                {"id": f"t{i}", "fault_type": "sure", "place": "a", "priority": 3, **ticket}
                for i, ticket in enumerate(tickets)
            ],
            "engineers": [
                {
                    "id": "e",
                    "skills": {},
                    "place": "a",
                    "shifts": [{"id": "s", "start": at("08:00"), "end": at("18:00")}],
                }
            ],
            "travel": {"kind": "matrix", "places": ["a"], "seconds": [[0]]},
            "policy": {"preset": "city_day", **(policy or {})},
        }
    )


def at(hour: str) -> str:
    return "2026-11-24T00:00:00+08:00" if hour == "24:00" else f"2026-11-23T{hour}:00+08:00"


def in_order(problem: Problem) -> Plan:
    visits = tuple(Visit(ticket_id=ticket.id) for ticket in problem.tickets)
    return Plan(routes=(Route(shift_id="s", visits=visits),))


def clock(when: datetime) -> str:
    return f"{when.astimezone(ZoneInfo('Asia/Shanghai')):%H:%M}"


def told(problem: Problem) -> dict[str, str]:
    """Windows by the clock, and reasons."""
    found = propose_windows(problem, in_order(problem))
    windows = {
        p.ticket_id: f"{clock(p.window.open)}-{clock(p.window.close)}" for p in found.proposals
    }
    return {**windows, **found.not_proposed}


def test_sure_visits_get_an_hour_each() -> None:
    # An hour each from 08:00 on. 08:00-09:00 for the first; for the others the hour that begins
    # with the start, for it closes later than the ones before.
    assert told(day({}, {}, {})) == {"t0": "08:00-09:00", "t1": "09:00-10:00", "t2": "10:00-11:00"}


def test_a_visit_after_an_unsure_one_gets_a_wider_window() -> None:
    # sigma = ln(60/40) / 0.8416 = 0.4818; scaled to a mean of 45 min the median is
    # 45 exp(-0.4818^2 / 2) = 40.1 min, the tenth part 40.1 exp(-1.2816 * 0.4818) = 21.6 min, nine
    # tenths 74.3 min. The second starts from 08:21 to 09:14 in eight days of ten, so its hour opens
    # at 08:00 or earlier and closes at 09:30 or later: two hours, from 08:00 on, is a slot.
    assert told(day({"fault_type": "f"}, {})) == {"t0": "08:00-09:00", "t1": "08:00-10:00"}
    # From 40.1 exp(-0.5244 * 0.4818) = 31.1 to 51.6 min in four days of ten: an hour will do.
    relaxed = day({"fault_type": "f"}, {}, policy={"min_kept_probability": 0.7})
    assert told(relaxed) == {"t0": "08:00-09:00", "t1": "08:30-09:30"}


def test_why_no_window_is_proposed() -> None:
    problem = day(
        {"appointment": {"open": at("08:00"), "close": at("09:00")}},
        {"windows": [{"open": at("08:50"), "close": at("09:10")}]},
        {"latest": at("11:10")},
        {"fault_type": "f"},
        {"windows": [{"open": at("11:00"), "close": at("12:00")}], "duration": 36},
        {"windows": [{"open": at("17:00"), "close": at("18:00")}]},
        policy={"visiting_hours": {"open": "08:00", "close": "17:15"}},
    )  # fmt: skip
    # t1 has 20 min of wishes; t2 must start by 10:10 to end by 11:10, which an hour that closes at
    # its start at ten allows; t3 starts at 11:00; t4 at 11:45 and, one day in ten, after 12:14: too
    # late for 12:00; t5 has 15 min until 17:15.
    assert told(problem) == {
        "t1": "OUTSIDE_WISHES",
        "t2": "09:00-10:00",
        "t3": "11:00-12:00",
        "t4": "TOO_UNCERTAIN",
        "t5": "OUTSIDE_VISITING_HOURS",
    }


def test_a_ticket_that_the_plan_does_not_mention_is_unserved() -> None:
    only_first = Plan(routes=(Route(shift_id="s", visits=(Visit(ticket_id="t0"),)),))
    assert propose_windows(day({}, {}), only_first).not_proposed == {"t1": "UNSERVED"}


def test_the_lead_time_counts_from_now() -> None:
    early = day({}, {}, {}).model_copy(
        update={"now": day({}).horizon.start + timedelta(hours=7, minutes=15)}
    )
    # Two hours from 07:15: 09:15, after the second start. What is left of the slot before ten is
    # narrower than an hour from ten on.
    assert told(early) == {"t0": "TOO_SOON", "t1": "TOO_SOON", "t2": "09:15-10:00"}


def test_a_promise_before_keeps_windows_from_opening_late() -> None:
    # The promise at 12:00 is kept if nobody waits. All before it lasts an hour, from 08:00 on.
    promised = {"windows": [], "appointment": {"open": at("08:30"), "close": at("11:00")}}
    found = told(day({"fault_type": "f"}, {"fault_type": "f"}, {"fault_type": "f"}, promised))
    assert set(found) == {"t0", "t1", "t2"}
    problem = day({"fault_type": "f"}, {"fault_type": "f"}, {"fault_type": "f"}, promised)
    planner, plan = Planner(problem), in_order(problem)
    proposals = propose_windows(planner, plan)
    everything = frozenset(p.ticket_id for p in proposals.proposals)
    before, after = simulated(planner, plan), simulated(
        confirmed(planner, proposals, everything), plan
    )  # fmt: skip
    assert after["t3"] >= min(0.9, before["t3"])


def test_what_does_not_hold_in_the_whole_is_chosen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if breaks lay elsewhere once 09:00-10:00 is promised: it is given up for the next best.
    simulate = propose.kept_probabilities

    def worse(compiled: Compiled, orders: IndexRoutes, *, seed: int) -> dict[str, float]:
        kept = simulate(compiled, orders, seed=seed)
        window = compiled.ctx.tickets["t1"].ticket.appointment
        if window is not None and clock(window.open) == "09:00":
            kept["t1"] = 0.5
        return kept

    monkeypatch.setattr(propose, "kept_probabilities", worse)
    assert told(day({}, {}, {})) == {"t0": "08:00-09:00", "t1": "08:30-09:30", "t2": "10:00-11:00"}
    assert not propose_windows(day({}, {}, {}), in_order(day({}, {}, {}))).is_narrowest


def test_nobody_is_proposed_a_window_that_calibration_never_calls_sure() -> None:
    never = {"kept_calibration": [[1.0, 0.85]]}
    assert told(day({}, {}, policy=never)) == {"t0": "TOO_UNCERTAIN", "t1": "TOO_UNCERTAIN"}


def test_an_invalid_plan_is_refused_with_what_is_wrong() -> None:
    problem = day({"windows": [{"open": at("08:00"), "close": at("08:30")}]}, {})
    late = Plan(
        routes=(Route(shift_id="s", visits=(Visit(ticket_id="t1"), Visit(ticket_id="t0"))),)
    )
    with pytest.raises(InvalidProblemError, match="'t0', windows: starts at"):
        propose_windows(problem, late)


@given(
    least=st.sampled_from((0.0, 0.5, 0.9, 0.901, 1.0)),
    knots=st.sampled_from(((), ((0.5, 0.4),), ((0.0, 0.3), (0.9, 0.8)), ((0.5, 0.5), (1.0, 0.95)))),
    num=st.sampled_from((1, 7, 1024)),
)
def test_the_least_count_is_the_first_that_is_sure_enough(
    least: float, knots: tuple[tuple[float, float], ...], num: int
) -> None:
    from dispatchopt.chance import told as chance_told

    policy = Policy(min_kept_probability=least, kept_calibration=knots)
    enough = [k for k in range(1, num + 1) if chance_told(policy, k / num) >= least]
    assert least_count(policy, num) == (enough[0] if enough else None)


def test_a_day_of_a_branch() -> None:
    planner = Planner(generate(tickets=30, days=1, seed=3))
    plan = planner.solve(iterations=200, threads=1, seed=1).plan
    proposals = propose_windows(planner, plan)
    assert proposals.is_narrowest
    assert len(proposals.proposals) > 8
    everything = frozenset(p.ticket_id for p in proposals.proposals)
    after = simulated(confirmed(planner, proposals, everything), plan)
    assert min(after[t] for t in everything) >= planner.problem.policy.min_kept_probability
    assert proposals == Proposals.model_validate_json(proposals.model_dump_json())
