"""Hard: service starts in one of the windows, not before `earliest` or `known_at`.

A confirmed appointment replaces the windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, TicketFacts
from dispatchopt.rules.views import Outcome, PlanView, Violation
from dispatchopt.timeline import FOREVER

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder

NAME = "windows"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits that start outside every window."""
    found = Outcome()
    for route, stop in plan.visits():
        if not any(opens <= stop.start <= closes for opens, closes in stop.ticket.windows):
            start = ctx.instant(stop.start).astimezone(ctx.problem.zone)
            message = f"starts at {start:%Y-%m-%d %H:%M:%S}, outside {_listed(ctx, stop.ticket)}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the windows."""
    for ticket in ctx.tickets.values():
        forms.set_windows(forms.ticket_index[ticket.id], ticket.windows)


def _listed(ctx: Context, ticket: TicketFacts) -> str:
    def clock(second: int) -> str:
        if second >= FOREVER:
            return "open end"
        return f"{ctx.instant(second).astimezone(ctx.problem.zone):%Y-%m-%d %H:%M:%S}"

    listed = ", ".join(f"{clock(opens)} to {clock(closes)}" for opens, closes in ticket.windows)
    return listed or "every window (none is open after its earliest start)"


def reason(ctx: Context, ticket: TicketFacts) -> str:
    """Say whether the windows lie outside the horizon or only outside the shifts."""
    end = ctx.seconds(ctx.problem.horizon.end)
    if any(opens <= end and closes >= 0 for opens, closes in ticket.windows):
        return "NO_SHIFT_IN_WINDOW"
    return "WINDOW_OUTSIDE_HORIZON"
