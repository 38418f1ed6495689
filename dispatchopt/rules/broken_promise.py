"""Price: leaving out a promised ticket, on top of its unserved price.

So high that it happens only when no plan keeps every promise: `broken_promise_cost`, raised where
that many unpromised tickets as a shift could hold would cost more. A cost of 0 switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules import unserved
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context

NAME = "broken_promise"


def price(ctx: Context) -> int:
    """Price of one broken promise; no shift full of unpromised tickets outweighs it."""
    asked = ctx.problem.policy.broken_promise_cost
    if not asked:
        return 0
    raised: int | None = ctx.derived.get(NAME)
    if raised is None:
        free = (t for t in ctx.tickets.values() if not t.is_promised)
        dearest = max((unserved.price(ctx, ticket) for ticket in free), default=0)
        raised = ctx.derived[NAME] = max(asked, unserved.most_visits(ctx) * dearest)
    return raised


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every promise broken."""
    return Outcome(price(ctx) * sum(ticket.is_promised for ticket in plan.unserved))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Add to the price of leaving out promised tickets."""
    for ticket in ctx.tickets.values():
        if ticket.is_promised:
            forms.add_skip_cost(forms.ticket_index[ticket.id], price(ctx))
