"""Price: planning to start a promised visit shortly before its window closes.

What goes before a visit may last longer than planned, the more so the more of it there is. So the
margin kept before the close grows with the square root of the time since the day's work began: as
the spread of a sum of independent durations does. A start is measured from the end of service at
the ticket's planned duration; an engineer of another pace is held to that, too. The margin is no
longer than the window: to start when it opens is free. Fixed visits are facts and cost nothing.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from dispatchopt.rules.context import Context, TicketFacts, per_hour
from dispatchopt.rules.views import Outcome, PlanView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import FormBuilder

NAME = "window_margin"


def free_until(ctx: Context, ticket: TicketFacts) -> int | None:
    """Return the end of service (at the planned duration) from which on margin is used.

    None if the ticket has no appointment, is fixed, or nobody works during its window.
    """
    if ticket.ticket.appointment is None or not ticket.windows or ticket.id in ctx.pins:
        return None
    ((opens, closes),) = ticket.windows
    begin = next((b for b, end in _hours(ctx) if b <= closes and opens <= end), None)
    if begin is None:
        return None
    minutes = ctx.problem.policy.margin_minutes
    # 60 m sqrt(seconds / 3600) seconds: m minutes after an hour of work.
    margin = isqrt(minutes * minutes * (closes - begin))
    return max(opens, closes - margin) + ticket.duration


def _hours(ctx: Context) -> Sequence[tuple[int, int]]:
    """Begin and end of every shift, the earliest first."""
    if NAME not in ctx.derived:
        ctx.derived[NAME] = sorted({(s.begin, s.hard_end) for s in ctx.shifts.values()})
    hours: Sequence[tuple[int, int]] = ctx.derived[NAME]
    return hours


def price(ctx: Context, ticket: TicketFacts, end: int) -> int:
    """Price of ending at that second."""
    rate = ctx.problem.policy.margin_per_hour
    after = free_until(ctx, ticket) if rate else None
    return 0 if after is None else per_hour(rate, max(0, end - after))


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Price every visit with an appointment."""
    return Outcome(sum(price(ctx, stop.ticket, stop.end) for _, stop in plan.visits()))


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Add one piece to the time cost of each ticket with an appointment."""
    rate = ctx.problem.policy.margin_per_hour
    for ticket in ctx.tickets.values():
        after = free_until(ctx, ticket) if rate else None
        if after is not None:
            forms.add_time_cost(forms.ticket_index[ticket.id], after, per_hour=rate)
