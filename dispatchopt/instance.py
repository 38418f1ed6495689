"""Compile a problem into arrays, and decode index routes into a plan. The only translator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dispatchopt.errors import InternalError
from dispatchopt.forms import FormBuilder, Instance, TicketRows
from dispatchopt.models import NotPlannable, Plan, Problem, Route, Unserved
from dispatchopt.rules import RULES, prerequisites
from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts, ticket_facts
from dispatchopt.rules.pins import is_fixed
from dispatchopt.schedule import route_of, schedule_route

if TYPE_CHECKING:
    from dispatchopt.models import FaultType, Ticket, Window

IndexRoutes = Sequence[Sequence[int]]
"""For each shift the indices of its tickets in visiting order; a started visit is left out."""


@dataclass(frozen=True)
class Compiled:
    """A problem, its facts, its forms, and which index stands for which id."""

    ctx: Context
    instance: Instance
    ticket_ids: tuple[str, ...]
    shift_ids: tuple[str, ...]
    capacity_names: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem:
        """The problem compiled."""
        return self.ctx.problem

    @cached_property
    def catalogue(self) -> Mapping[str, FaultType]:
        """Fault types by code."""
        return self.problem.catalogue()

    @cached_property
    def shifts_alone(self) -> Mapping[str, ShiftFacts]:
        """The shifts as they stand, without the names of what is pinned to them."""
        return {
            shift.id: replace(shift, pinned=()) if shift.pinned else shift
            for shift in self.ctx.shifts.values()
        }


@dataclass(frozen=True)
class TicketRow:
    """A ticket compiled beside a problem, once for each appointment that it might have.

    Attributes
    ----------
    facts
        One for each appointment; ids of several are made up. A place that the problem does not
        know has no index in its travel table and is told as -1.
    rows
        The numbers, in the same order.
    """

    facts: tuple[TicketFacts, ...]
    rows: TicketRows


def compile_problem(problem: Problem) -> Compiled:
    """Derive the facts of a problem and let every rule lower itself into forms.

    Raises
    ------
    InvalidProblemError
        If costs of the problem could reach 2**53, or amounts of parts 2**30.
    """
    ctx = Context.of(problem)
    forms = FormBuilder(list(ctx.tickets), list(ctx.shifts))
    for bit, rule in enumerate(RULES):
        forms.rule_bit = bit
        rule.lower(ctx, forms)
    instance, ticket_ids = forms.build()
    return Compiled(ctx, instance, ticket_ids, tuple(ctx.shifts), forms.capacity_names)


def compile_ticket(
    compiled: Compiled,
    ticket: Ticket,
    appointments: Sequence[Window | None] | None = None,
    *,
    changed: Mapping[str, Ticket] | None = None,
) -> TicketRow:
    """Let every rule lower one ticket beside a compiled problem, in milliseconds.

    The numbers are those that it would have if the problem were compiled with it, but for the price
    of leaving it out (`TicketRows`). Travel is not among them (`travel.Reach`).

    Parameters
    ----------
    ticket
        May be new or stand in the problem; one that fits the problem (`cross_check.check_ticket`).
    appointments
        The ticket is compiled once with each of these in place of its own; absent: with its own.
    changed
        Tickets that came or changed since the problem was compiled, by id; what this one waits for
        may be done by now.

    Raises
    ------
    ValueError
        For a ticket that is started or locked to its time, or was when the problem was compiled:
        such a ticket changes its shift.
    """
    _refuse_fact(compiled, ticket)
    asked = (ticket.appointment,) if appointments is None else tuple(appointments)
    # No id holds a line break, so that no other ticket has one of these.
    ids = [ticket.id, *(f"{ticket.id}\n{number}" for number in range(1, len(asked)))]
    several = [
        ticket.model_copy(update={"id": ticket_id, "appointment": appointment})
        for ticket_id, appointment in zip(ids, asked, strict=True)
    ]
    before = compiled.ctx.previous_shift.get(ticket.id)
    previous = {} if before is None else dict.fromkeys(ids, before)
    return _lowered(compiled, several, previous, changed)


def compile_tickets(
    compiled: Compiled, tickets: Sequence[Ticket], *, changed: Mapping[str, Ticket] | None = None
) -> list[TicketRow]:
    """Let every rule lower several tickets at once, each with its own appointment.

    Many times faster than `compile_ticket` for each, with the same numbers but for the price of
    leaving one out: other tickets of the same call may raise it.

    Parameters and errors are those of `compile_ticket`.
    """
    for ticket in tickets:
        _refuse_fact(compiled, ticket)
    before = compiled.ctx.previous_shift
    previous = {ticket.id: before[ticket.id] for ticket in tickets if ticket.id in before}
    together = _lowered(compiled, tickets, previous, changed)
    return [TicketRow((facts,), together.rows.of(row)) for row, facts in enumerate(together.facts)]


def _refuse_fact(compiled: Compiled, ticket: Ticket) -> None:
    if is_fixed(ticket) or ticket.id in compiled.ctx.pins:
        raise ValueError(f"ticket '{ticket.id}' is a fact of its shift; compile the whole problem")


def _lowered(
    compiled: Compiled,
    tickets: Sequence[Ticket],
    previous: Mapping[str, str],
    changed: Mapping[str, Ticket] | None,
) -> TicketRow:
    """Let every rule lower tickets beside a compiled problem: as if they were the only ones."""
    ctx = compiled.ctx
    facts = {
        ticket.id: ticket_facts(
            ctx.problem, ticket, compiled.catalogue, ctx.travel.place_index.get(ticket.place, -1)
        )
        for ticket in tickets
    }
    problem, derived = ctx.problem, dict(ctx.derived)
    if changed and any(ticket.after for ticket in tickets):
        known = {other.id: other for other in problem.tickets} | dict(changed)
        problem = problem.model_copy(update={"tickets": tuple(known.values())})
        derived.pop(prerequisites.NAME, None)
    alone = replace(
        ctx,
        problem=problem,
        tickets=facts,
        shifts=compiled.shifts_alone,
        previous_shift=previous,
        derived=derived,
    )
    forms = FormBuilder(list(facts), list(ctx.shifts))
    for bit, rule in enumerate(RULES):
        if not rule.shifts_alone:
            forms.rule_bit = bit
            rule.lower(alone, forms)
    return TicketRow(tuple(facts.values()), forms.rows())


def decode(
    compiled: Compiled, routes: IndexRoutes, reasons: Mapping[str, Unserved] | None = None
) -> Plan:
    """Schedule index routes and write them as a plan.

    Parameters
    ----------
    compiled
        The problem that the indices belong to.
    routes
        One order for each shift.
    reasons
        Why each ticket left out is unserved, by id; absent: ``SEARCH_LIMIT``.

    Raises
    ------
    InternalError
        If an order has no feasible schedule: a solver and the rules disagree.
    """
    ctx = compiled.ctx
    tickets = [ctx.tickets[ticket_id] for ticket_id in compiled.ticket_ids]
    written: list[Route] = []
    served: set[str] = set()
    for shift, order in zip(ctx.shifts.values(), routes, strict=True):
        view = schedule_route(ctx, shift, [tickets[t] for t in order])
        if view is None:
            ids = [tickets[t].id for t in order]
            raise InternalError(f"shift {shift.id} has no schedule for the order {ids}")
        if view.stops:
            written.append(route_of(ctx, view))
            served.update(stop.ticket.id for stop in view.stops)
    known = reasons or {}
    unserved = tuple(
        known.get(t, Unserved(ticket_id=t, reason="SEARCH_LIMIT"))
        for t in ctx.tickets
        if t not in served
    )
    idle = tuple(
        NotPlannable(ticket_id=t.id, status=t.status)
        for t in ctx.problem.tickets
        if not t.is_plannable
    )
    previous = ctx.problem.previous_plan
    is_named = previous is not None and "plan_id" in previous.model_fields_set
    return Plan(
        base_version=previous.plan_id if previous is not None and is_named else None,
        routes=tuple(written),
        unserved=unserved,
        not_plannable=idle,
    )


def encode(compiled: Compiled, plan: Plan) -> list[list[int]]:
    """Return the orders of a plan as index routes; what the problem does not know is left out."""
    ticket_index = {ticket_id: t for t, ticket_id in enumerate(compiled.ticket_ids)}
    orders: dict[str, list[int]] = {shift_id: [] for shift_id in compiled.shift_ids}
    seen: set[int] = set()
    for route in plan.routes:
        for visit in route.visits:
            index = ticket_index.get(visit.ticket_id)
            if index is not None and index not in seen and route.shift_id in orders:
                seen.add(index)
                orders[route.shift_id].append(index)
    return [orders[shift_id] for shift_id in compiled.shift_ids]
