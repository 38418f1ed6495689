"""Hard: the ticket lies in an own or helped territory of the engineer, or is open to all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts

NAME = "territory"


def is_own(territory: str | None, shift: ShiftFacts) -> bool:
    """Whether it is the engineer's own; not tracked on either side counts as own."""
    own = shift.engineer.territories
    return territory is None or own is None or territory in own


def is_helped(territory: str | None, shift: ShiftFacts) -> bool:
    """Whether the engineer helps out there."""
    return territory in (shift.engineer.helper_territories or ())


def is_allowed(ctx: Context, ticket: TicketFacts, shift: ShiftFacts) -> bool:
    """Whether the engineer may serve it: own, helped, or a priority open to all."""
    territory = ticket.ticket.territory
    if is_own(territory, shift) or is_helped(territory, shift):
        return True
    return ticket.ticket.priority in ctx.problem.policy.territory_open_to


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits outside the engineer's territories."""
    found = Outcome()
    for route, stop in plan.visits():
        if not is_allowed(ctx, stop.ticket, route.shift):
            message = f"territory {stop.ticket.ticket.territory} is neither own nor helped"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid each territory's closed tickets to the shifts that neither own nor help it."""
    for territory, tickets in tickets_by_territory(ctx).items():
        closed = [
            t for t in tickets if t.ticket.priority not in ctx.problem.policy.territory_open_to
        ]
        forms.forbid(
            (forms.ticket_index[ticket.id] for ticket in closed),
            (
                forms.shift_index[shift.id]
                for shift in ctx.shifts.values()
                if not is_own(territory, shift) and not is_helped(territory, shift)
            ),
        )


def tickets_by_territory(ctx: Context) -> dict[str, list[TicketFacts]]:
    """Group the tickets whose territory is tracked."""
    groups: dict[str, list[TicketFacts]] = {}
    for ticket in ctx.tickets.values():
        if ticket.ticket.territory is not None:
            groups.setdefault(ticket.ticket.territory, []).append(ticket)
    return groups


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Name the territory, and how many engineers own or help it."""
    territory = ticket.ticket.territory
    there = {
        shift.engineer.id
        for shift in ctx.shifts.values()
        if is_own(territory, shift) or is_helped(territory, shift)
    }
    return {"territory": territory, "engineers_there": len(there)}
