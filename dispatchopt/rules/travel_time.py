"""Hard: between two visits there is time for the way, and for the breaks taken on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.models import UNREACHABLE
from dispatchopt.rules.views import Outcome, PlanView, RouteView, Violation
from dispatchopt.rules.wording import spell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts

NAME = "travel_time"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find legs that start too early, are too short, or have no way."""
    found = Outcome()
    for route in plan.routes:
        for ticket_id, message in _faults(ctx, route):
            found.violations.append(Violation(NAME, message, ticket_id, route.shift.id))
    return found


def _faults(ctx: Context, route: RouteView) -> Iterator[tuple[str, str]]:
    moving = [stop for stop in route.stops if stop.ticket.id != route.shift.started]
    for index, (free, due_by, way) in enumerate(route.legs(ctx)):
        home = index >= len(moving)
        stop = route.stops[-1] if home else moving[index]
        departure, arrival = (free, due_by) if home else (stop.departure, stop.arrival)
        if way >= UNREACHABLE:
            yield stop.ticket.id, "there is no way home" if home else "there is no way to it"
            continue
        if departure < free:
            yield stop.ticket.id, f"leaves {spell(free - departure)} before the engineer is free"
        if arrival > due_by:
            yield stop.ticket.id, f"begins {spell(arrival - due_by)} before the engineer arrives"
        missing = way + _overlap(route.breaks, departure, arrival) - (arrival - departure)
        if missing > 0:
            where = "home" if home else "to it"
            yield stop.ticket.id, f"the way {where} is {spell(missing)} too short"


def _overlap(breaks: Sequence[tuple[int, int]], start: int, end: int) -> int:
    return sum(max(0, min(end, b_end) - max(start, b_start)) for b_start, b_end in breaks)


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over travel seconds, places and profiles."""
    shifts = ctx.shifts.values()
    forms.set_travel(ctx.travel.seconds, [shift.profile for shift in shifts])
    forms.set_places(
        [ticket.place for ticket in ctx.tickets.values()],
        [(s.start_place, -1 if s.end_place is None else s.end_place) for s in shifts],
    )


def there_and_back(ctx: Context, ticket: TicketFacts, shift: ShiftFacts) -> int | None:
    """Return the seconds from the shift's start to the ticket and home; None: no direct way."""
    way = ctx.travel_seconds(shift, shift.start_place, ticket.place)
    home = 0
    if shift.end_place is not None:
        home = ctx.travel_seconds(shift, ticket.place, shift.end_place)
    return None if max(way, home) >= UNREACHABLE else way + home


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Tell the shortest way there and back, and the longest time on a shift from now on."""
    ways = [there_and_back(ctx, ticket, shift) for shift in ctx.shifts.values()]
    found = [way for way in ways if way is not None]
    if not found:
        return {"way": "none in the travel table"}
    longest = max((shift.hard_end - shift.begin for shift in ctx.shifts.values()), default=0)
    return {"there_and_back_seconds": min(found), "longest_shift_seconds": longest}
