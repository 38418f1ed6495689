"""Hard: the parts of a route's tickets are in the shift's stock, which is refilled overnight.

Only a ticket's own `parts` count; the catalogue's are a packing list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.pins import pinned_shares
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
        tickets = [stop.ticket for stop in route.stops]
        facts = [ctx.tickets[ticket_id] for ticket_id in route.shift.pinned]
        for part in dict.fromkeys(p for t in tickets for p in t.ticket.parts or {}):
            room = stock.get(part, 0)
            needs = {t.id: _need(t, part) for t in (*tickets, *facts)}
            taken = needs | pinned_shares(route.shift, needs, room)
            if sum(taken[t.id] for t in tickets) > room:
                amount = sum(needs[t.id] for t in tickets)
                message = f"the route needs {amount} of {part}, {room} in stock"
                takers = [t.id for t in tickets if needs[t.id]]
                found.violations.append(Violation(NAME, message, takers[-1], route.shift.id))
    return found


def _need(ticket: TicketFacts, part: str) -> int:
    return (ticket.ticket.parts or {}).get(part, 0)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Limit each part by its stock; forbid what no single shift could carry."""
    parts = sorted(
        {p for t in ctx.tickets.values() for p, n in (t.ticket.parts or {}).items() if n}
    )
    tracked = [(s, s.stock) for s in ctx.shifts.values() if s.stock is not None]
    for part in parts:
        needs = {t.id: need for t in ctx.tickets.values() if (need := _need(t, part))}
        room = {forms.shift_index[s.id]: stock.get(part, 0) for s, stock in tracked}
        taken = dict(needs)
        for shift, stock in tracked:
            taken |= pinned_shares(shift, needs, stock.get(part, 0))
        demand = {forms.ticket_index[t]: n for t, n in taken.items()}
        forms.add_capacity(f"{NAME}:{part}", demand, room)
        for amount in set(needs.values()):
            forms.forbid(
                (forms.ticket_index[t] for t, need in needs.items() if need == amount),
                (shift for shift, most in room.items() if most < amount),
            )


def reason(ctx: Context, ticket: TicketFacts) -> str:
    """Say whether some part is nowhere in stock, or only too few of it."""
    amounts = (ticket.ticket.parts or {}).items()
    gone = any(amount and not _most(ctx, part) for part, amount in amounts)
    return "NO_PARTS" if gone else "NOT_ENOUGH_PARTS"


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Name the part, the amount needed, and the most that one shift has in stock.

    Where each part is enough on some shift, all of them are named.
    """
    needed = {part: amount for part, amount in (ticket.ticket.parts or {}).items() if amount}
    most = {part: _most(ctx, part) for part in needed}
    for part in sorted(needed, key=lambda part: most[part] > 0):
        if most[part] < needed[part]:
            return {"part": part, "quantity": needed[part], "most_in_stock": most[part]}
    return {"parts": needed}


def _most(ctx: Context, part: str) -> int:
    stocks = (s.stock for s in ctx.shifts.values() if s.stock is not None)
    return max((stock.get(part, 0) for stock in stocks), default=0)
