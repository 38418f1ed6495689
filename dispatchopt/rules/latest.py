"""Hard: service ends by the ticket's `latest`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation
from dispatchopt.rules.wording import clock, spell

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "latest"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits that end too late."""
    found = Outcome()
    for route, stop in plan.visits():
        if stop.end > stop.ticket.latest:
            latest = stop.ticket.latest
            message = f"ends {spell(stop.end - latest)} after its latest end {clock(ctx, latest)}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the limits."""
    for ticket in ctx.tickets.values():
        forms.set_latest(forms.ticket_index[ticket.id], ticket.latest)


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Tell the latest end."""
    return {"latest": clock(ctx, ticket.latest)}
