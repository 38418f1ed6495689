"""Hard: the parts of a route's tickets are in the shift's stock, which is refilled overnight.

Only a ticket's own `parts` count; the catalogue's are a packing list.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, TicketFacts

NAME = "parts"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find routes that need more of a part than is on board.

    What the pinned visits alone need too much is a fact; the others may not add to it.
    """
    found = Outcome()
    for route in plan.routes:
        stock = route.shift.stock
        if stock is None:
            continue
        needed: Counter[str] = Counter()
        for stop in route.stops:
            needed.update(stop.ticket.ticket.parts or {})
        facts = [ctx.tickets[ticket_id] for ticket_id in route.shift.pinned]
        for part, amount in needed.items():
            pinned = sum((ticket.ticket.parts or {}).get(part, 0) for ticket in facts)
            if amount > max(stock.get(part, 0), pinned):
                message = f"the route needs {amount} of {part}, {stock.get(part, 0)} in stock"
                takers = [
                    s.ticket.id for s in route.stops if (s.ticket.ticket.parts or {}).get(part)
                ]
                found.violations.append(Violation(NAME, message, takers[-1], route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Limit each part by its stock; forbid what no single shift could carry."""
    parts = sorted(
        {p for t in ctx.tickets.values() for p, n in (t.ticket.parts or {}).items() if n}
    )
    tracked = {s.id: s.stock for s in ctx.shifts.values() if s.stock is not None}
    for part in parts:
        need = {
            forms.ticket_index[t.id]: (t.ticket.parts or {})[part]
            for t in ctx.tickets.values()
            if (t.ticket.parts or {}).get(part)
        }
        room = {forms.shift_index[s]: stock.get(part, 0) for s, stock in tracked.items()}
        forms.add_capacity(need, room)
        # A pinned visit may need what is not in stock; if it is dropped, others may take that.
        held = dict(room)
        for shift_id in tracked:
            pinned = (forms.ticket_index[t] for t in ctx.shifts[shift_id].pinned)
            s = forms.shift_index[shift_id]
            held[s] = max(room[s], sum(need.get(ticket, 0) for ticket in pinned))
        for amount in set(need.values()):
            forms.forbid(
                (ticket for ticket, needed in need.items() if needed == amount),
                (shift for shift, most in held.items() if most < amount),
            )


def reason(ctx: Context, ticket: TicketFacts) -> str:
    """Say whether some part is nowhere in stock, or only too few of it."""
    stocks = [s.stock for s in ctx.shifts.values() if s.stock is not None]
    for part, amount in (ticket.ticket.parts or {}).items():
        if amount and not any(stock.get(part) for stock in stocks):
            return "NO_PARTS"
    return "NOT_ENOUGH_PARTS"
