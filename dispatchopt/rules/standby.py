"""Hard: a standby shift takes only tickets as urgent as its `min_priority`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "standby"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits that are not urgent enough for a standby shift."""
    found = Outcome()
    for route, stop in plan.visits():
        least = route.shift.shift.min_priority
        if least is not None and stop.ticket.ticket.priority > least:
            message = f"priority {stop.ticket.ticket.priority} on a standby shift for 1..{least}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid the less urgent tickets on the standby shifts of each level."""
    standby = {s.shift.min_priority for s in ctx.shifts.values()}
    for least in (level for level in standby if level is not None):
        forms.forbid(
            (forms.ticket_index[t.id] for t in ctx.tickets.values() if t.ticket.priority > least),
            (forms.shift_index[s.id] for s in ctx.shifts.values() if s.shift.min_priority == least),
        )


def facts(_ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Tell the priority, which is not urgent enough."""
    return {"priority": ticket.ticket.priority}
