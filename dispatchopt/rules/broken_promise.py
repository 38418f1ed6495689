"""Price: leaving out a ticket that has an appointment or a lock, on top of its unserved price.

So high that it happens only when no plan keeps every promise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context
from dispatchopt.rules.unserved import level_surcharge
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "broken_promise"


def price(ctx: Context) -> int:
    """Price of one broken promise; with lexicographic priorities it outweighs a shift of P1s."""
    return max(ctx.problem.policy.broken_promise_cost, level_surcharge(ctx)[0])


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every promise broken."""
    return Outcome(price(ctx) * sum(ticket.ticket.is_promised for ticket in plan.unserved))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Add to the price of leaving out promised tickets."""
    for ticket in ctx.tickets.values():
        if ticket.ticket.is_promised:
            forms.add_skip_cost(forms.ticket_index[ticket.id], price(ctx))
