"""Price: a ticket leaves the shift that the previous plan gave it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context

NAME = "change"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit on another shift than before; new tickets are free."""
    moved = sum(
        ctx.previous_shift.get(stop.ticket.id, route.shift.id) != route.shift.id
        for route, stop in plan.visits()
    )
    return Outcome(ctx.problem.policy.change_cost * moved)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Price the tickets planned on each shift on all others."""
    planned: defaultdict[str, list[int]] = defaultdict(list)
    for ticket_id, shift_id in ctx.previous_shift.items():
        if ticket_id in forms.ticket_index:
            planned[shift_id].append(forms.ticket_index[ticket_id])
    for shift_id, tickets in planned.items():
        others = (s for name, s in forms.shift_index.items() if name != shift_id)
        forms.price(tickets, others, ctx.problem.policy.change_cost)
