"""Price: leaving a ticket out, by priority, duration, age, and what ending too late would cost.

The last part makes an overdue ticket never cheaper to drop than to serve late. With lexicographic
priorities every level is raised by the price of the less urgent tickets that one shift could hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules import delay, lateness
from dispatchopt.rules.context import Context, TicketFacts, per_hour, scaled_duration
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "unserved"


def price(ctx: Context, ticket: TicketFacts) -> int:
    """Price of leaving the ticket out, a broken promise apart."""
    return _base(ctx, ticket) + level_surcharge(ctx)[ticket.ticket.priority]


def _base(ctx: Context, ticket: TicketFacts) -> int:
    policy, priority = ctx.problem.policy, ticket.ticket.priority
    end = ctx.seconds(ctx.problem.horizon.end)
    if ticket.ticket.due is not None:
        end = max(end, ticket.due)
    return (
        policy.unserved_cost[priority]
        + per_hour(policy.unserved_per_hour[priority], ticket.duration)
        + policy.age_per_day * ticket.age_days
        + delay.price(ctx, ticket, end)
        + lateness.price(ctx, ticket, end)
    )


def level_surcharge(ctx: Context) -> dict[int, int]:
    """Return what lexicographic priorities add to each level."""
    table: dict[int, int] | None = ctx.derived.get(NAME)
    if table is None:
        table = dict.fromkeys(range(1, 5), 0)
        if ctx.problem.policy.priorities == "lexicographic":
            held = most_visits(ctx)
            dearest = 0
            for level in (4, 3, 2, 1):
                table[level] = held * dearest
                own = [_base(ctx, t) for t in ctx.tickets.values() if t.ticket.priority == level]
                dearest = max(dearest, max(own, default=0) + table[level])
        ctx.derived[NAME] = table
    return table


def most_visits(ctx: Context) -> int:
    """Return the most visits that any shift of the problem can hold, by time and `max_visits`."""
    most = 1
    shortest = min((ticket.duration for ticket in ctx.tickets.values()), default=1)
    for shift in ctx.shifts.values():
        pace = scaled_duration(shortest, shift.engineer.duration_percent)
        held = max(0, shift.hard_end - shift.begin) // max(1, pace)
        limit = shift.shift.max_visits
        most = max(most, min(held, len(ctx.tickets), held if limit is None else limit))
    return most


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every ticket left out."""
    return Outcome(sum(price(ctx, ticket) for ticket in plan.unserved))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Add to the price of leaving each ticket out."""
    for ticket in ctx.tickets.values():
        forms.add_skip_cost(forms.ticket_index[ticket.id], price(ctx, ticket))
