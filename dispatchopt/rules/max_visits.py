"""Hard: a shift makes at most `max_visits` visits, the started one included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context

NAME = "max_visits"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find routes with too many visits; pinned ones alone never are."""
    found = Outcome()
    for route in plan.routes:
        most = route.shift.shift.max_visits
        if most is not None and len(route.stops) > max(most, len(route.shift.pinned)):
            message = f"{len(route.stops)} visits, at most {most} allowed"
            last = route.stops[-1].ticket.id
            found.violations.append(Violation(NAME, message, last, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Let every ticket take one of so many places."""
    limits = {
        forms.shift_index[s.id]: s.shift.max_visits
        for s in ctx.shifts.values()
        if s.shift.max_visits is not None
    }
    if limits:
        forms.add_capacity({t: 1 for t in forms.ticket_index.values()}, limits)
        # A pinned visit may be one too many; if it is dropped, another may take its place.
        pinned = {forms.shift_index[s.id] for s in ctx.shifts.values() if s.pinned}
        none = [s for s, most in limits.items() if most == 0 and s not in pinned]
        forms.forbid(forms.ticket_index.values(), none)
