"""Hard: a shift makes at most `max_visits` visits, the started one included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.pins import pinned_shares
from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "max_visits"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find routes with too many visits; pinned ones alone never are."""
    found = Outcome()
    for route in plan.routes:
        most = route.shift.shift.max_visits
        if most is None:
            continue
        shares = pinned_shares(route.shift, dict.fromkeys(route.shift.pinned, 1), most)
        if sum(shares.get(stop.ticket.id, 1) for stop in route.stops) > most:
            message = f"{len(route.stops)} visits, at most {most} allowed"
            last = route.stops[-1].ticket.id
            found.violations.append(Violation(NAME, message, last, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Let every ticket take one of so many places."""
    limited = [(s, most) for s in ctx.shifts.values() if (most := s.shift.max_visits) is not None]
    if not limited:
        return
    places = dict.fromkeys(ctx.tickets, 1)
    for shift, most in limited:
        places |= pinned_shares(shift, places, most)
    limits = {forms.shift_index[shift.id]: most for shift, most in limited}
    forms.add_capacity(NAME, {forms.ticket_index[t]: n for t, n in places.items()}, limits)
    forms.forbid(forms.ticket_index.values(), [s for s, most in limits.items() if most == 0])


def facts(ctx: Context, _ticket: TicketFacts) -> dict[str, Any]:
    """Tell how many shifts allow no visit at all."""
    closed = sum(shift.shift.max_visits == 0 for shift in ctx.shifts.values())
    return {"shifts_for_no_visit": closed}
