"""A ticket compiled alone has the numbers that it has in the whole problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchopt.forms import FOREVER, UNLIMITED, Instance
from dispatchopt.instance import Compiled, compile_problem, compile_ticket, compile_tickets
from dispatchopt.models import Problem, Ticket, Window
from dispatchopt.rules.pins import is_fixed
from dispatchopt.travel import Reach
from tests.strategies import LINES, MIDNIGHT, problems

if TYPE_CHECKING:
    from dispatchopt.forms import TicketRows


def others(problem: Problem, ticket: Ticket, *, replaced: bool) -> Problem:
    """Return the problem without the ticket, or with another one in its place."""
    rest = [t for t in problem.tickets if t.id != ticket.id]
    if replaced:
        rest.append(ticket.model_copy(update={"place": "a", "skills": {}, "appointment": None}))
    names = {t.id for t in rest}
    kept = tuple(
        t.model_copy(update={"after": tuple(a for a in t.after if a in names)}) if t.after else t
        for t in rest
    )
    fields = {name: getattr(problem, name) for name in problem.model_fields_set}
    return Problem(**{**fields, "tickets": kept})


def assert_row(full: Instance, names: tuple[str, ...], t: int, rows: TicketRows, r: int) -> None:
    by_shift = full.class_of
    assert rows.blocked[r].tolist() == full.blocked[t, by_shift].tolist()
    assert rows.assign_cost[r].tolist() == full.assign_cost[t, by_shift].tolist()
    assert rows.duration[r].tolist() == full.duration[t].tolist()
    assert rows.latest[r] == full.latest[t]
    windows = rows.window[r, : rows.num_windows[r]].tolist()
    assert windows == full.window[t, : full.num_windows[t]].tolist()
    assert pieces(rows, r) == pieces(full, t)
    demand = dict(zip(rows.capacity_names, rows.demand[r].tolist(), strict=True))
    for d, name in enumerate(names):
        assert full.demand[t, d] == demand.pop(name, 0)
    assert not any(demand.values())
    for d, name in enumerate(rows.capacity_names):
        limits = np.minimum(full.capacity[:, names.index(name)], UNLIMITED).tolist()
        assert rows.capacity[:, d].tolist() == limits or full.occupied.any()


def pieces(table: Instance | TicketRows, row: int) -> list[list[int]]:
    # Tables are as wide as their longest row.
    return [piece.tolist() for piece in table.time_cost[row] if piece[0] < FOREVER]


def unpinned(problem: Problem) -> list[Ticket]:
    pins = compile_problem(problem).ctx.pins
    free = [t for t in problem.tickets if t.is_plannable and not is_fixed(t) and t.id not in pins]
    # One that others wait for would change them, too.
    return [t for t in free if not any(t.id in (other.after or ()) for other in problem.tickets)]


@pytest.mark.parametrize("rule", LINES)
@settings(max_examples=settings.default.max_examples // 2)  # for each rule
@given(data=st.data())
def test_a_ticket_alone_has_the_numbers_of_the_whole(rule: str, data: st.DataObject) -> None:
    problem = data.draw(problems(always=rule))
    candidates = unpinned(problem)
    if not candidates:
        return
    ticket = data.draw(st.sampled_from(candidates))
    whole = compile_problem(problem)
    base = compile_problem(others(problem, ticket, replaced=data.draw(st.booleans())))
    row = compile_ticket(base, ticket)
    t = whole.ticket_ids.index(ticket.id)
    assert_row(whole.instance, whole.capacity_names, t, row.rows, 0)
    facts = row.facts[0]
    known = whole.ctx.tickets[ticket.id]
    assert (facts.windows, facts.duration, facts.is_promised) == (
        known.windows,
        known.duration,
        known.is_promised,
    )
    if problem.policy.priorities == "priced" and not facts.is_promised:
        assert row.rows.skip_cost[0] == whole.instance.skip_cost[t]
    assert_legs(base, whole, ticket)


def assert_legs(base: Compiled, whole: Compiled, ticket: Ticket) -> None:
    reach = Reach(base.problem.travel, base.ctx.travel)
    away, back = reach.legs(reach.add(ticket.place))
    table, index = whole.ctx.travel, whole.ctx.travel.place_index
    for place, at in reach.place_index.items():
        if place not in index:
            continue
        there, here = index[place], index[ticket.place]
        for name, p in base.ctx.travel.profile_names.items():
            full = table.profile_index(name)
            assert away[p, at] == table.between(full, here, there)
            assert back[p, at] == table.between(full, there, here)


@given(problem=problems(always="change"), hours=st.lists(st.sampled_from((8, 9, 12)), min_size=1))
def test_several_appointments_at_once_are_each_as_alone(problem: Problem, hours: list[int]) -> None:
    candidates = unpinned(problem)
    if not candidates:
        return
    ticket, base = candidates[0], compile_problem(problem)
    windows = [
        Window(open=MIDNIGHT.replace(hour=h), close=MIDNIGHT.replace(hour=h + 2)) for h in hours
    ]
    together = compile_ticket(base, ticket, windows).rows
    for r, window in enumerate(windows):
        promised = ticket.model_copy(update={"appointment": window})
        alone = compile_ticket(base, promised).rows
        assert together.blocked[r].tolist() == alone.blocked[0].tolist()
        assert together.assign_cost[r].tolist() == alone.assign_cost[0].tolist()
        assert together.window[r].tolist() == alone.window[0].tolist()
        assert pieces(together, r) == pieces(alone, 0)
        assert together.skip_cost[r] == alone.skip_cost[0]
        assert together.demand[r].tolist() == alone.demand[0].tolist()


def test_a_fact_is_no_row_of_its_own() -> None:
    from tests import small

    fixed = {"lock": "visit", "assigned_engineer": "e0", "assigned_start": small.at("09:00")}
    compiled = compile_problem(small.problem([fixed, {}]))
    for ticket in (
        compiled.problem.tickets[0],
        compiled.problem.tickets[0].model_copy(update={"lock": "none"}),
    ):
        with pytest.raises(ValueError, match="compile the whole problem"):
            compile_ticket(compiled, ticket)


@pytest.mark.parametrize("rule", LINES)
@settings(max_examples=settings.default.max_examples // 2)  # for each rule
@given(data=st.data())
def test_several_tickets_at_once_have_the_numbers_of_each(rule: str, data: st.DataObject) -> None:
    problem = data.draw(problems(always=rule))
    tickets, base = unpinned(problem), compile_problem(problem)
    for ticket, row in zip(tickets, compile_tickets(base, tickets), strict=True):
        alone = compile_ticket(base, ticket)
        assert row.facts == alone.facts
        one, other = row.rows, alone.rows
        for name in ("blocked", "assign_cost", "duration", "num_windows", "latest"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
        assert one.window[0, : one.num_windows[0]].tolist() == (
            other.window[0, : other.num_windows[0]].tolist()
        )
        assert pieces(one, 0) == pieces(other, 0)
        needs = dict(zip(one.capacity_names, one.demand[0].tolist(), strict=True))
        wanted = dict(zip(other.capacity_names, other.demand[0].tolist(), strict=True))
        assert {name: need for name, need in needs.items() if need} == {
            name: need for name, need in wanted.items() if need
        }
