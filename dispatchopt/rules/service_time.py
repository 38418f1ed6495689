"""Hard: a visit lasts at least as long as the ticket takes that engineer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, scaled_duration
from dispatchopt.rules.views import Outcome, PlanView, Violation
from dispatchopt.rules.wording import spell

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "service_time"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits that are too short."""
    found = Outcome()
    for route, stop in plan.visits():
        missing = ctx.duration(stop.ticket, route.shift) - (stop.end - stop.start)
        if missing > 0:
            message = f"lasts {spell(missing)} less than planned"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over seconds on site by pace of work."""
    paces = sorted({shift.engineer.duration_percent for shift in ctx.shifts.values()}) or [100]
    forms.set_durations(
        [[scaled_duration(t.duration, pace) for pace in paces] for t in ctx.tickets.values()],
        [paces.index(shift.engineer.duration_percent) for shift in ctx.shifts.values()],
    )
