"""Price: ending after `due`, once (an attainment KPI counts misses) and per hour beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, TicketFacts, per_hour
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "lateness"


def price(ctx: Context, ticket: TicketFacts, end: int) -> int:
    """Price of ending at that second."""
    if end <= ticket.due:
        return 0
    policy, priority = ctx.problem.policy, ticket.ticket.priority
    return policy.late_cost[priority] + per_hour(policy.late_per_hour[priority], end - ticket.due)


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit."""
    return Outcome(sum(price(ctx, stop.ticket, stop.end) for _, stop in plan.visits()))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Add one piece to the time cost of each ticket with a due time."""
    policy = ctx.problem.policy
    for ticket in ctx.tickets.values():
        if ticket.ticket.due is not None:
            priority = ticket.ticket.priority
            forms.add_time_cost(
                forms.ticket_index[ticket.id],
                ticket.due,
                jump=policy.late_cost[priority],
                per_hour=policy.late_per_hour[priority],
            )
