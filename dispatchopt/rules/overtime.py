"""Price: time that a route lasts beyond its shift (less the reserved minutes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, ShiftFacts, per_hour
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "overtime"
SHIFTS_ALONE = True


def price(ctx: Context, shift: ShiftFacts, end: int) -> int:
    """Price of a route that ends at that second."""
    return per_hour(ctx.problem.policy.overtime_per_hour, max(0, end - shift.limit))


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every route that has visits."""
    return Outcome(sum(price(ctx, r.shift, r.end) for r in plan.routes if r.stops))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the rate."""
    forms.set_overtime_rate(ctx.problem.policy.overtime_per_hour)
