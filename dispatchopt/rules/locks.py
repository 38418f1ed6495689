"""Hard: locks are facts. A locked ticket stays with its engineer, a pinned visit at its time.

A visit fixed to a time after the horizon is left for a later plan, one fixed after its engineer's
last shift is left out: nobody comes earlier than fixed. Lowered last: a pin clears what the other
rules forbid it on its own shift.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dispatchopt.rules.pins import begins_after_horizon, is_fixed
from dispatchopt.rules.views import Outcome, PlanView, RouteView, Stop, Violation
from dispatchopt.rules.wording import clock

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "locks"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find locked tickets with another engineer, shift, time or order than fixed."""
    found = Outcome()
    for route, stop in plan.visits():
        message = _fault(ctx, route, stop)
        if message:
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    for ticket in plan.unserved:
        pin = ctx.pins.get(ticket.id)
        if pin is not None and ctx.shifts[pin.shift_id].started == ticket.id:
            message = "has started and cannot be left out"
            found.violations.append(Violation(NAME, message, ticket.id, pin.shift_id))
    return found


def _fault(ctx: Context, route: RouteView, stop: Stop) -> str | None:
    ticket, shift = stop.ticket.ticket, route.shift
    pin = ctx.pins.get(ticket.id)
    if pin is None:
        if begins_after_horizon(ctx.problem, ticket):
            return "is fixed to a time after the horizon"
        if is_fixed(ticket):
            owner = ticket.assigned_engineer
            return f"engineer {owner} has no room for it from its fixed time on"
        if _is_locked(stop.ticket) and ticket.assigned_engineer != shift.engineer.id:
            return f"is locked to engineer {ticket.assigned_engineer}"
        return None
    if pin.shift_id != shift.id:
        return f"is fixed on shift {pin.shift_id}"
    if pin.start != stop.start:
        return f"is fixed to {clock(ctx, pin.start)}, not {clock(ctx, stop.start)}"
    if shift.started == ticket.id and (route.stops[0] is not stop or stop.end < pin.end):
        return "has started: it comes first and lasts until now at least"
    return None


def _is_locked(ticket: TicketFacts) -> bool:
    return ticket.ticket.lock != "none" or ticket.ticket.is_started


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid locked tickets on all other shifts; pin the visits and begin with the started ones."""
    owned: defaultdict[str | None, list[int]] = defaultdict(list)
    for ticket in ctx.tickets.values():
        pin = ctx.pins.get(ticket.id)
        index = forms.ticket_index[ticket.id]
        if pin is not None:
            shift = forms.shift_index[pin.shift_id]
            if ctx.shifts[pin.shift_id].started == ticket.id:
                forms.begin_with(index, shift, pin.end)
            else:
                forms.pin(index, shift, pin.start)
        elif is_fixed(ticket.ticket):
            forms.forbid([index], forms.shift_index.values())
        elif _is_locked(ticket):
            owned[ticket.ticket.assigned_engineer].append(index)
    for owner, tickets in owned.items():
        others = (s for s in ctx.shifts.values() if s.engineer.id != owner)
        forms.forbid(tickets, (forms.shift_index[s.id] for s in others))


def reason(ctx: Context, ticket: TicketFacts) -> str:
    """Say whether its fixed time lies after the horizon, or its engineer cannot serve it."""
    beyond = begins_after_horizon(ctx.problem, ticket.ticket)
    return "WINDOW_OUTSIDE_HORIZON" if beyond else "LOCKED"


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Name the engineer, and the time fixed."""
    found: dict[str, Any] = {"locked_to": ticket.ticket.assigned_engineer}
    if is_fixed(ticket.ticket) and ticket.ticket.assigned_start is not None:
        found["fixed_to"] = clock(ctx, ctx.seconds(ticket.ticket.assigned_start))
    return found
