"""Small boards over random problems: some feasible routes, and a ticket that comes."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import NamedTuple

from hypothesis import strategies as st

from dispatchopt.board import Board
from dispatchopt.chance import kept_probabilities
from dispatchopt.instance import Compiled, compile_problem, encode
from dispatchopt.models import Plan, Problem, Ticket, Window
from dispatchopt.rules.pins import is_fixed
from dispatchopt.solve import Planner
from tests.strategies import LINES, MIDNIGHT, problems
from tests.twin import route_cost

HOURS = (8, 9, 10, 12, 14, 32, 33)
LENGTHS = (30, 60, 120, 240, 0)


class Case(NamedTuple):
    """A board, a ticket that comes, and windows that it might be promised."""

    board: Board
    planner: Planner
    plan: Plan
    ticket: Ticket
    windows: list[Window]


def without(problem: Problem, ticket: Ticket) -> Problem:
    """Return the problem without a ticket, and without those that wait for it doing so."""
    kept = tuple(
        t.model_copy(update={"after": tuple(a for a in t.after if a != ticket.id)})
        if t.after
        else t
        for t in problem.tickets
        if t.id != ticket.id
    )
    return with_tickets(problem, kept)


def with_tickets(problem: Problem, tickets: tuple[Ticket, ...]) -> Problem:
    fields = {name: getattr(problem, name) for name in problem.model_fields_set}
    return Problem(**{**fields, "tickets": tickets})


def newcomers(compiled: Compiled) -> list[Ticket]:
    """Return the tickets that are no facts of a shift, and that no other one waits for."""
    pins, tickets = compiled.ctx.pins, compiled.problem.tickets
    awaited = {before for ticket in tickets for before in ticket.after or ()}
    return [
        ticket
        for ticket in tickets
        if ticket.is_plannable
        and not is_fixed(ticket)
        and ticket.id not in pins
        and ticket.id not in awaited
    ]


@st.composite
def windows(draw: st.DrawFn) -> list[Window]:
    """Draw up to three windows of the two days."""
    found = []
    for _ in range(draw(st.sampled_from((2, 1, 3)))):
        opens = 60 * draw(st.sampled_from(HOURS))
        closes = opens + draw(st.sampled_from(LENGTHS))
        found.append(window(opens, closes))
    return found


def window(opens: int, closes: int) -> Window:
    """Window between two minutes of the first day."""
    return Window(
        open=MIDNIGHT + timedelta(minutes=opens), close=MIDNIGHT + timedelta(minutes=closes)
    )


def some_plan(draw: st.DrawFn, compiled: Compiled) -> Plan:
    """Draw feasible routes: tickets in any order on any shift that takes them."""
    inst = compiled.instance
    routes: list[list[int]] = [[] for _ in range(inst.num_shifts)]
    for t in draw(st.permutations(range(inst.num_tickets))):
        for s in draw(st.permutations(range(inst.num_shifts))):
            if route_cost(inst, s, [*routes[s], t]) is not None:
                routes[s].append(t)
                break
    return Plan.model_validate(
        {
            "routes": [
                {"shift_id": s, "visits": [{"ticket_id": compiled.ticket_ids[t]} for t in route]}
                for s, route in zip(compiled.shift_ids, routes, strict=True)
            ]
        }
    )


@st.composite
def cases(draw: st.DrawFn, *, always: str = "", max_tickets: int = 5) -> Case:
    """Draw a board, one more ticket and windows for it."""
    rule = always or draw(st.sampled_from(tuple(LINES)))
    whole = draw(problems(max_tickets=max_tickets, max_shifts=3, always=rule))
    candidates = newcomers(compile_problem(whole))
    if candidates:
        ticket = draw(st.sampled_from(candidates))
    else:
        ticket = Ticket(id="new", fault_type="plain", place="b", priority=2)
    planner = Planner(without(whole, ticket))
    plan = some_plan(draw, planner.compiled)
    return Case(Board(planner, plan), planner, plan, ticket, draw(windows()))


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
    planned = encode(full, case.plan)
    orders = [[v for v in order if v != t] for order in planned]
    own = next((s for s, order in enumerate(planned) if t in order), None)
    # Over given tables the way of others may lead over the ticket alone: then it can only stay.
    stays = own is not None and route_cost(full.instance, own, orders[own]) is None
    before, policy = case.board.kept(), full.problem.policy
    found: dict[str, list[Place]] = {}
    for s, order in enumerate(orders):
        if stays and s != own:
            continue
        alone = route_cost(full.instance, s, order)
        if stays:
            base = case.planner.compiled
            alone = route_cost(base.instance, s, encode(base, case.plan)[s])
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
