"""Price: travel, each leg rounded up; the first and the return leg count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, per_hour
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "travel"
SHIFTS_ALONE = True


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every leg."""
    rate = ctx.problem.policy.travel_per_hour
    return Outcome(
        sum(per_hour(rate, way) for route in plan.routes for _, _, way in route.legs(ctx))
    )


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the rate."""
    forms.set_travel_rate(ctx.problem.policy.travel_per_hour)
