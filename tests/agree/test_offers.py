"""Offers against plain enumeration, and what becomes of a plan that one of them is taken in."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import dispatchopt as do
from dispatchopt.board import Board
from dispatchopt.models import Slot
from dispatchopt.windows.forced import forced_on
from dispatchopt.windows.offers import offers_on
from dispatchopt.windows.slots import candidates
from tests.boards import Case, cases, every_place

SLOTS = [
    Slot(open="08:00", close="09:00"),
    Slot(open="09:00", close="11:00"),
    Slot(open="13:30", close="16:00"),
]


@settings(max_examples=2 * settings.default.max_examples)
@given(case=cases(), displace=st.booleans())
def test_every_offer_once_taken_is_feasible_and_keeps_every_promise(
    case: Case, displace: bool
) -> None:
    offers = offers_on(case.board, case.ticket, slots=SLOTS, count=100, displace=displace)
    before, least = case.board.kept(), case.planner.problem.policy.min_kept_probability
    for offer in offers:
        board = case.board.copy()
        place = board.insert(case.ticket, offer.shift_id, offer.window, offer.displaces)
        assert place is not None
        assert (place.kept_probability, place.added_cost) == (
            offer.kept_probability,
            offer.added_cost,
        )
        assert offer.kept_probability >= least
        problem, plan = board.problem(), board.plan()
        assert do.check(problem, plan).is_valid
        starts = {visit.ticket_id: visit.start for r in plan.routes for visit in r.visits}
        assert starts[offer.ticket_id] == offer.start
        after = board.kept()
        assert set(before) <= set(after)
        assert all(after[t] >= min(least, before[t]) for t in before)
        assert not set(offer.displaces) & set(starts)


@given(case=cases())
def test_what_is_taken_stays_kept_through_the_next_night(case: Case) -> None:
    offers = offers_on(case.board, case.ticket, slots=SLOTS)
    if not offers:
        return
    case.board.insert(case.ticket, offers[0].shift_id, offers[0].window, offers[0].displaces)
    tonight, before = case.board.plan(), case.board.kept()
    problem = case.board.problem()
    fields = {name: getattr(problem, name) for name in problem.model_fields_set}
    planner = do.Planner(do.Problem(**{**fields, "previous_plan": tonight}))
    plan = planner.solve(iterations=40, threads=1, prove=False).plan
    visits = {visit.ticket_id: visit for route in plan.routes for visit in route.visits}
    least = problem.policy.min_kept_probability
    for ticket_id, was in before.items():
        visit = visits[ticket_id]
        assert visit.promised is not None and visit.start is not None
        assert visit.promised.open <= visit.start <= visit.promised.close
        assert visit.kept_probability is not None
        assert was < least or visit.kept_probability >= least
    assert not plan.weakened_promises


@given(case=cases())
def test_what_is_offered_is_what_enumeration_finds(case: Case) -> None:
    problem = case.planner.problem
    offers = offers_on(case.board, case.ticket, slots=SLOTS, count=100)
    found = candidates(problem, case.ticket, SLOTS)
    good = {}
    for item in found.kept:
        places = [p for ps in every_place(case, case.ticket, item.window).values() for p in ps]
        best = min(places, default=None)
        if best is not None and not best.is_bad:
            good[item.window] = (best.price, item.is_after_due)
    in_time = {window for window, (_, late) in good.items() if not late}
    wanted = in_time or set(good)
    assert {offer.window for offer in offers} == wanted
    for offer in offers:
        parts = offer.grade_parts
        assert parts.total == good[offer.window][0]
        assert parts.added_cost + parts.tardiness == offer.added_cost
        assert offer.grade == round(100 * 14400 / (14400 + max(0, parts.total)), 2)
    assert sorted(offers, key=lambda offer: -offer.grade) == list(offers)
    told = sum(offers.not_offered.values()) + len(offers)
    assert told == len(found.kept) + sum(found.dropped.values())


@given(case=cases(), index=st.integers(0, 2), displace=st.booleans())
def test_a_forced_window_is_feasible_where_there_is_a_place(
    case: Case, index: int, displace: bool
) -> None:
    window = case.windows[index % len(case.windows)]
    forced = forced_on(case.board, case.ticket, window, displace=displace)
    found = every_place(case, case.ticket, window)
    if found:
        assert forced.is_feasible
        assert forced.displaces == ()
        assert forced.price == min(p for places in found.values() for p in places).price
    assert forced.is_feasible == (forced.offer is not None) == (forced.reason is None)
    if forced.offer is None:
        assert not found
        return
    assert displace or not forced.displaces
    board = case.board.copy()
    board.insert(case.ticket, forced.offer.shift_id, window, forced.displaces)
    plan = board.plan()
    assert do.check(board.problem(), plan).is_valid
    starts = {v.ticket_id: v.start for route in plan.routes for v in route.visits}
    was = {v.ticket_id: v.start for route in case.board.plan().routes for v in route.visits}
    moved = {t for t in was if t != case.ticket.id and t in starts and starts[t] != was[t]}
    assert {item.ticket_id for item in forced.moves} == moved
    assert all(item.to_start == starts[item.ticket_id] for item in forced.moves)


@given(case=cases())
def test_offers_beside_a_plan_are_those_of_its_board(case: Case) -> None:
    mine = do.offer_windows(case.planner, case.plan, case.ticket, slots=SLOTS)
    board = Board(do.Planner(case.planner.problem), case.plan)
    assert mine == offers_on(board, case.ticket, slots=SLOTS)
