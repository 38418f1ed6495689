"""Hard: a route lies within its shift, less the reserved minutes, plus the overtime allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation
from dispatchopt.rules.wording import clock, spell

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "shift_hours"
SHIFTS_ALONE = True


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find routes that begin before the engineer is there or end too late."""
    found = Outcome()
    for route in plan.routes:
        if not route.stops:
            continue
        if route.start < route.shift.begin and route.shift.started is None:
            early, begin = spell(route.shift.begin - route.start), clock(ctx, route.shift.begin)
            message = f"the route begins {early} before the engineer is there ({begin})"
            found.violations.append(Violation(NAME, message, None, route.shift.id))
        if route.end > route.shift.hard_end:
            late, limit = spell(route.end - route.shift.hard_end), clock(ctx, route.shift.hard_end)
            message = f"the route ends {late} after its latest end {limit}"
            last = route.stops[-1].ticket.id
            found.violations.append(Violation(NAME, message, last, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over begin, limit and hard end of every shift."""
    for shift in ctx.shifts.values():
        forms.set_hours(forms.shift_index[shift.id], shift.begin, shift.limit, shift.hard_end)


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Tell how long the ticket takes, and the longest time on a shift from now on."""
    longest = max((shift.hard_end - shift.begin for shift in ctx.shifts.values()), default=0)
    return {"service_seconds": ticket.duration, "longest_shift_seconds": longest}
