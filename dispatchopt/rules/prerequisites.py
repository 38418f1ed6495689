"""Hard: a ticket waits until the tickets that it names in `after` are done (or cancelled).

Order across routes within one plan is not planned yet: a ticket after one that is still to be done
stays out, with the reason PREREQ_UNSCHEDULED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "prerequisites"


def _open_before(ctx: Context, ticket: TicketFacts) -> list[str]:
    """Return the ids of the tickets that must be done first and are not."""
    if not ticket.ticket.after:
        return []
    settled: set[str] | None = ctx.derived.get(NAME)
    if settled is None:
        over = ("done", "cancelled")
        settled = {other.id for other in ctx.problem.tickets if other.status in over}
        ctx.derived[NAME] = settled
    return [other for other in ticket.ticket.after if other not in settled]


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits that come before what they wait for."""
    found = Outcome()
    for route, stop in plan.visits():
        for other in _open_before(ctx, stop.ticket):
            message = f"waits for ticket {other}, which is not done"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid every waiting ticket everywhere."""
    forms.forbid(
        (forms.ticket_index[t.id] for t in ctx.tickets.values() if _open_before(ctx, t)),
        forms.shift_index.values(),
    )


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Name the tickets that must be done first."""
    return {"waits_for": _open_before(ctx, ticket)}
