"""The board against plain enumeration: every shift, every position, every window."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchopt.board import MOST_DISPLACED
from dispatchopt.checker import check
from dispatchopt.solve import Planner
from tests.boards import Case, cases, every_place, newcomers

if TYPE_CHECKING:
    from dispatchopt.board import Found
    from dispatchopt.models import Window


@settings(max_examples=2 * settings.default.max_examples)  # over all rules
@given(case=cases(), data=st.data())
def test_places_are_the_best_of_all(case: Case, data: st.DataObject) -> None:
    windows: list[Window | None] = [*case.windows, None]
    planned = [t for t in newcomers(case.planner.compiled) if case.board.shift_of(t.id)]
    ticket = data.draw(st.sampled_from([case.ticket, *planned]))
    found = case.board.places(ticket, windows)
    by_place = {(place.window_index, place.shift_id): place for place in found}
    for index, window in enumerate(windows):
        every = every_place(case, ticket, window)
        mine = {shift_id: p for (number, shift_id), p in by_place.items() if number == index}
        assert set(mine) == set(every)
        for shift_id, place in mine.items():
            best = min(every[shift_id])
            risk = ceil(
                case.planner.problem.policy.missed_window_cost * (1 - place.kept_probability)
            )
            assert (not place.is_good, place.added_cost + risk) == best[:2]


@given(case=cases())
def test_the_best_place_of_a_window_is_the_best_on_any_shift(case: Case) -> None:
    def rank(place: object) -> tuple[bool, int]:
        assert hasattr(place, "added_cost")
        missed = case.planner.problem.policy.missed_window_cost
        return not place.is_good, place.added_cost + ceil(missed * (1 - place.kept_probability))

    every = case.board.places(case.ticket, case.windows)
    best = {
        place.window_index: place for place in case.board.best_places(case.ticket, case.windows)
    }
    assert set(best) == {place.window_index for place in every}
    for index, place in best.items():
        assert rank(place) == min(rank(p) for p in every if p.window_index == index)


@given(case=cases())
def test_every_place_once_taken_is_a_plan_that_the_checker_accepts(case: Case) -> None:
    start = case.board.plan()
    assert check(case.board.problem(), start).is_valid
    promised = set(case.board.kept())
    for place in case.board.places(case.ticket, case.windows):
        board, window = case.board.copy(), case.windows[place.window_index]
        assert board.insert(case.ticket, place.shift_id, window) == place.__class__(
            **{**place.__dict__, "window_index": 0}
        )
        plan, problem = board.plan(), board.problem()
        assert check(problem, plan).is_valid
        visits = {v.ticket_id: v for route in plan.routes for v in route.visits}
        assert visits[case.ticket.id].promised == window
        assert window.open <= visits[case.ticket.id].start <= window.close
        kept = board.kept()
        assert promised <= set(kept)
        assert {t: v.kept_probability for t, v in visits.items() if t in kept} == kept
        assert kept[case.ticket.id] == place.kept_probability
        if place.is_good:
            least, before = problem.policy.min_kept_probability, case.board.kept()
            assert all(kept[t] >= min(least, before[t]) for t in promised)
    assert case.board.plan() == start


@given(case=cases(), data=st.data())
def test_the_same_changes_give_the_same_routes(case: Case, data: st.DataObject) -> None:
    first, done = case.board, []
    others = (t for t in newcomers(case.planner.compiled) if first.shift_of(t.id))
    tickets = [case.ticket, *others]
    for _ in range(3):
        ticket = data.draw(st.sampled_from(tickets))
        window = data.draw(st.sampled_from([*case.windows, None]))
        places = first.places(ticket, [window])
        if first.shift_of(ticket.id) and data.draw(st.booleans()):
            first.remove(ticket.id)
            done.append((ticket, None, window))
        elif places:
            shift_id = data.draw(st.sampled_from(places)).shift_id
            assert first.insert(ticket, shift_id, window) is not None
            done.append((ticket, shift_id, window))
    second = case.board.__class__(case.planner, case.plan)
    for ticket, shift_id, window in done:
        if shift_id is None:
            second.remove(ticket.id)
        else:
            second.insert(ticket, shift_id, window)
    assert first.orders() == second.orders()
    assert first.version == second.version
    assert first.plan() == second.plan()
    assert Planner(first.problem()).check(first.plan()).is_valid


@given(case=cases(max_tickets=4))
def test_whoever_gives_way_costs_least(case: Case) -> None:
    """Every string of visits that may give way, taken out by hand, gives no better place."""
    missed = case.planner.problem.policy.missed_window_cost

    def price(place: Found) -> tuple[bool, int]:
        return not place.is_good, place.added_cost + ceil(missed * (1 - place.kept_probability))

    facts = case.planner.compiled.ctx.tickets
    best: dict[tuple[int, str], tuple[bool, int]] = {}
    for shift_id, order in case.board.orders().items():
        strings = [()] + [
            tuple(order[i : i + n]) for n in range(1, MOST_DISPLACED + 1) for i in range(len(order))
        ]
        for out in strings:
            if any(facts[other].is_promised for other in out):
                continue
            for index, window in enumerate(case.windows):
                place = case.board.copy().insert(case.ticket, shift_id, window, out)
                if place is not None:
                    key = index, shift_id
                    best[key] = min(best.get(key, price(place)), price(place))
    found = case.board.places(case.ticket, case.windows, displace=True)
    assert {(p.window_index, p.shift_id): price(p) for p in found} == best
