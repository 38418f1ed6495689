"""Hard: a shift has as many members as the ticket needs people.

Crews that meet from several shifts are not planned; such a ticket needs a fixed pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "crew"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits by too few people."""
    found = Outcome()
    for route, stop in plan.visits():
        needed, members = stop.ticket.ticket.crew_size, route.shift.shift.members
        if needed > members:
            message = f"needs {needed} people, the shift has {members}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid the tickets of each crew size on the shifts with fewer members."""
    for size in {ticket.ticket.crew_size for ticket in ctx.tickets.values()}:
        forms.forbid(
            (forms.ticket_index[t.id] for t in ctx.tickets.values() if t.ticket.crew_size == size),
            (forms.shift_index[s.id] for s in ctx.shifts.values() if s.shift.members < size),
        )


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Tell how many people are needed, and the most on one shift."""
    most = max((shift.shift.members for shift in ctx.shifts.values()), default=0)
    return {"people_needed": ticket.ticket.crew_size, "most_on_a_shift": most}
