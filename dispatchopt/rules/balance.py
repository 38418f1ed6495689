"""Price: current load, convex in the work of a shift, so that work goes to the less loaded.

W = services + travel + what the shift carries already (reserved minutes, a started visit, and the
share of H that the engineer worked in past weeks); H = paid time less breaks. The cost is
``balance_per_hour x W^2 / H``, linear between knots at every tenth of H, less its value for the
shift without further visits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView, RouteView

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, ShiftFacts

NAME = "balance"
SHIFTS_ALONE = True


def load_cost(rate: int, hours: int, work: int) -> int:
    """Price of `work` seconds in `hours` paid seconds at a rate per hour.

    With ``k = 10 W // H`` the chord between two knots is
    ``k^2 H + (2k + 1)(10 W - k H)`` hundredths: exactly convex, rounded up once.
    """
    knot = 10 * work // hours
    chord = knot * knot * hours + (2 * knot + 1) * (10 * work - knot * hours)
    return -(-rate * chord // 360_000)


def past_work(shift: ShiftFacts) -> int:
    """Return the work of past weeks as a share of this shift's paid seconds."""
    paid = shift.engineer.recent_paid_minutes
    return shift.paid * shift.engineer.recent_minutes // paid if paid else 0


def promised_work(ctx: Context, shift: ShiftFacts) -> int:
    """Return the seconds of work that the shift carries before planning.

    Of a started visit what lies within the shift counts: a wrong start long ago is no load.
    """
    work = 60 * shift.shift.reserved_minutes
    if shift.started is not None:
        pin = ctx.pins[shift.started]
        work += max(0, pin.end - max(pin.start, ctx.seconds(shift.shift.start)))
    return work


def route_work(ctx: Context, route: RouteView) -> int:
    """Return the seconds of service and travel of a route, a started visit apart."""
    own = (stop for stop in route.stops if stop.ticket.id != route.shift.started)
    return sum(stop.end - stop.start for stop in own) + route.travel_seconds(ctx)


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every route that has visits."""
    rate, cost = ctx.problem.policy.balance_per_hour, 0
    for route in plan.routes:
        base = past_work(route.shift) + promised_work(ctx, route.shift)
        work = base + route_work(ctx, route)
        cost += load_cost(rate, route.shift.paid, work) - load_cost(rate, route.shift.paid, base)
    return Outcome(cost)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over what each shift carries, its paid time and the rate."""
    forms.set_balance_rate(ctx.problem.policy.balance_per_hour)
    for shift in ctx.shifts.values():
        base = past_work(shift) + promised_work(ctx, shift)
        forms.set_load(forms.shift_index[shift.id], base, shift.paid)
