"""Price: a visit outside the engineer's own territories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.territory import is_own, tickets_by_territory
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context

NAME = "helper_territory"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit outside own territories."""
    away = sum(
        not is_own(stop.ticket.ticket.territory, route.shift) for route, stop in plan.visits()
    )
    return Outcome(ctx.problem.policy.helper_territory_cost * away)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Price each territory's tickets on the shifts that do not own it."""
    for territory, tickets in tickets_by_territory(ctx).items():
        forms.price(
            (forms.ticket_index[ticket.id] for ticket in tickets),
            (forms.shift_index[s.id] for s in ctx.shifts.values() if not is_own(territory, s)),
            ctx.problem.policy.helper_territory_cost,
        )
