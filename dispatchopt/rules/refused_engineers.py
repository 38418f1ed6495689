"""Hard: no visit by an engineer whom the customer refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context
from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

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
    """Forbid each such ticket on the shifts of the engineers it names."""
    for ticket in ctx.tickets.values():
        refused = ticket.ticket.refused_engineers or ()
        if refused:
            shifts = [s for s in ctx.shifts.values() if s.engineer.id in refused]
            forms.forbid([forms.ticket_index[ticket.id]], (forms.shift_index[s.id] for s in shifts))
