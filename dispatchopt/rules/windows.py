"""Hard: service starts in one of the windows, not before `earliest` or `known_at`.

A confirmed appointment replaces the windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation
from dispatchopt.rules.wording import clock

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "windows"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits that start outside every window."""
    found = Outcome()
    for route, stop in plan.visits():
        if not any(opens <= stop.start <= closes for opens, closes in stop.ticket.windows):
            message = f"starts at {clock(ctx, stop.start)}, outside {_listed(ctx, stop.ticket)}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the windows."""
    for ticket in ctx.tickets.values():
        forms.set_windows(forms.ticket_index[ticket.id], ticket.windows)


def _listed(ctx: Context, ticket: TicketFacts) -> str:
    listed = ", ".join(f"{clock(ctx, a)} to {clock(ctx, b)}" for a, b in ticket.windows)
    return listed or "every window (none is open after its earliest start)"


def reason(ctx: Context, ticket: TicketFacts) -> str:
    """Say whether the windows lie outside the horizon, before the release or outside the shifts."""
    end = ctx.seconds(ctx.problem.horizon.end)
    if any(opens < end for opens, _ in ticket.windows):
        return "NO_SHIFT_IN_WINDOW"
    asked = (ticket.ticket.appointment,) if ticket.ticket.appointment else ticket.ticket.windows
    if any(ctx.seconds(w.open) < end and ctx.seconds(w.close) >= 0 for w in asked):
        return "WINDOW_INVERTED"
    return "WINDOW_OUTSIDE_HORIZON"


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Tell the windows asked for, and the earliest start if they are not the whole answer."""
    asked = (ticket.ticket.appointment,) if ticket.ticket.appointment else ticket.ticket.windows
    spans = [(ctx.seconds(window.open), ctx.seconds(window.close)) for window in asked]
    found: dict[str, Any] = {"windows": [f"{clock(ctx, a)} to {clock(ctx, b)}" for a, b in spans]}
    if ticket.release > 0:
        found["not_before"] = clock(ctx, ticket.release)
    return found
