"""Price: a visit by someone else than the engineers preferred for the ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "preferred_engineers"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit by an engineer who is not preferred where somebody is."""
    others = sum(
        bool(stop.ticket.ticket.preferred_engineers)
        and route.shift.engineer.id not in (stop.ticket.ticket.preferred_engineers or ())
        for route, stop in plan.visits()
    )
    return Outcome(ctx.problem.policy.not_preferred_cost * others)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Price each such ticket on the shifts of everybody else."""
    for ticket in ctx.tickets.values():
        preferred = ticket.ticket.preferred_engineers
        if preferred:
            others = [s for s in ctx.shifts.values() if s.engineer.id not in preferred]
            forms.price(
                [forms.ticket_index[ticket.id]],
                (forms.shift_index[s.id] for s in others),
                ctx.problem.policy.not_preferred_cost,
            )
