"""Hard: no visit by an engineer whom the customer refused."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "refused_engineers"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits by refused engineers."""
    found = Outcome()
    for route, stop in plan.visits():
        if route.shift.engineer.id in (stop.ticket.ticket.refused_engineers or ()):
            message = f"refuses engineer {route.shift.engineer.id}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid each shift to the tickets that refuse its engineer."""
    refusing: defaultdict[str, list[int]] = defaultdict(list)
    for ticket in ctx.tickets.values():
        for engineer_id in ticket.ticket.refused_engineers or ():
            refusing[engineer_id].append(forms.ticket_index[ticket.id])
    if not refusing:
        return
    for shift in ctx.shifts.values():
        forms.forbid(refusing.get(shift.engineer.id, ()), [forms.shift_index[shift.id]])


def facts(_ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Name the engineers refused."""
    return {"refused_engineers": list(ticket.ticket.refused_engineers or ())}
