"""The board against plain enumeration: every shift, every position, every window."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchopt.chance import kept_probabilities
from dispatchopt.checker import check
from dispatchopt.instance import compile_problem, encode
from dispatchopt.solve import Planner
from tests.boards import Case, cases, newcomers, with_tickets
from tests.twin import route_cost

if TYPE_CHECKING:
    from dispatchopt.models import Ticket, Window


class Place(NamedTuple):
    """A place found by trying; the smaller tuple is the better place."""

    is_bad: bool
    price: int
    added: int
    kept: float


def every_place(case: Case, ticket: Ticket, window: Window | None) -> dict[str, list[Place]]:
    """Return by shift every feasible place in the order of positions."""
    promised = ticket.model_copy(update={"appointment": window})
    rest = tuple(t for t in case.planner.problem.tickets if t.id != ticket.id)
    full = compile_problem(with_tickets(case.planner.problem, (*rest, promised)))
    t = full.ticket_ids.index(ticket.id)
    orders = [[v for v in order if v != t] for order in encode(full, case.plan)]
    before, policy = case.board.kept(), full.problem.policy
    found: dict[str, list[Place]] = {}
    for s, order in enumerate(orders):
        alone = route_cost(full.instance, s, order)
        for at in range(len(order) + 1):
            tried = [*order[:at], t, *order[at:]]
            cost = route_cost(full.instance, s, tried)
            if cost is None or alone is None:
                continue
            kept = kept_probabilities(full, [*orders[:s], tried, *orders[s + 1 :]])
            mine = kept[ticket.id] if window is not None else 1.0
            least = policy.min_kept_probability
            bad = mine < least or any(
                kept[other] < min(least, before.get(other, 1.0))
                for other in (full.ticket_ids[v] for v in order)
                if other in kept
            )
            price = cost - alone + ceil(policy.missed_window_cost * (1 - mine))
            found.setdefault(full.shift_ids[s], []).append(Place(bad, price, cost - alone, mine))
    return found


@settings(max_examples=2 * settings.default.max_examples)  # over all rules
@given(case=cases())
def test_places_are_the_best_of_all(case: Case) -> None:
    windows: list[Window | None] = [*case.windows, None]
    found = case.board.places(case.ticket, windows)
    by_place = {(place.window_index, place.shift_id): place for place in found}
    for index, window in enumerate(windows):
        every = every_place(case, case.ticket, window)
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
