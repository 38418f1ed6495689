"""Price: using the room kept free for the day's urgent arrivals.

`reserve_percent` of a shift's paid time is kept free, by skill of its engineer; the largest that
applies counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.balance import past_work, promised_work, route_work
from dispatchopt.rules.context import Context, ShiftFacts, per_hour
from dispatchopt.rules.skills import levels
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "reserve"
SHIFTS_ALONE = True


def free_work(ctx: Context, shift: ShiftFacts) -> int | None:
    """Return the seconds of work up to which no room is used; None: nothing is kept free."""
    percents = ctx.problem.policy.reserve_percent
    names = {"*", *levels(shift)} & set(percents)
    percent = max((percents[name] for name in names), default=0)
    return shift.paid * (100 - percent) // 100 if percent else None


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price the room that each route uses beyond what was promised before."""
    rate, cost = ctx.problem.policy.reserve_per_hour, 0
    for route in plan.routes:
        free = free_work(ctx, route.shift)
        if free is not None:
            before = promised_work(ctx, route.shift)
            work = before + route_work(ctx, route)
            cost += per_hour(rate, max(0, work - free)) - per_hour(rate, max(0, before - free))
    return Outcome(cost)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over where the kept room begins; past weeks count as load there, so they shift it."""
    forms.set_reserve_rate(ctx.problem.policy.reserve_per_hour)
    for shift in ctx.shifts.values():
        free = free_work(ctx, shift)
        if free is not None:
            forms.set_reserve(forms.shift_index[shift.id], past_work(shift) + free)
