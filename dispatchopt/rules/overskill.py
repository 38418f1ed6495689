"""Price: each level that the engineer has above the level needed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dispatchopt.rules.skills import equally_skilled, levels
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts

NAME = "overskill"


def price(ctx: Context, ticket: TicketFacts, shift: ShiftFacts) -> int:
    """Price of a visit by that engineer."""
    have = levels(shift)
    surplus = sum(max(0, have.get(name, 0) - level) for name, level in ticket.skills.items())
    return ctx.problem.policy.overskill_cost * surplus


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit."""
    return Outcome(sum(price(ctx, stop.ticket, route.shift) for route, stop in plan.visits()))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Price each group of equal needs on each group of equally skilled shifts."""
    if not ctx.problem.policy.overskill_cost:
        return
    needs: defaultdict[tuple[tuple[str, int], ...], list[TicketFacts]] = defaultdict(list)
    for ticket in ctx.tickets.values():
        needs[tuple(sorted(ticket.skills.items()))].append(ticket)
    for tickets in needs.values():
        for shifts in equally_skilled(ctx):
            forms.price(
                (forms.ticket_index[ticket.id] for ticket in tickets),
                (forms.shift_index[shift.id] for shift in shifts),
                price(ctx, tickets[0], shifts[0]),
            )
