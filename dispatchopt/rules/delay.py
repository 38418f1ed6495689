"""Price: the time from a ticket's release to its end of service, by priority.

Brings urgent tickets early in the day, and on the first of several days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, TicketFacts, per_hour
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "delay"


def price(ctx: Context, ticket: TicketFacts, end: int) -> int:
    """Price of ending at that second."""
    rate = ctx.problem.policy.delay_per_hour[ticket.ticket.priority]
    return per_hour(rate, max(0, end - ticket.release))


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit."""
    return Outcome(sum(price(ctx, stop.ticket, stop.end) for _, stop in plan.visits()))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Add one piece to each ticket's time cost."""
    for ticket in ctx.tickets.values():
        rate = ctx.problem.policy.delay_per_hour[ticket.ticket.priority]
        forms.add_time_cost(forms.ticket_index[ticket.id], ticket.release, per_hour=rate)
