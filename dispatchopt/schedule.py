"""Domain schedules: an order of tickets on a shift becomes a route in time, and back to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.models import Route, Span, Visit
from dispatchopt.rules import delay, lateness, overtime
from dispatchopt.rules.views import RouteView, Stop
from dispatchopt.timeline import FOREVER, Call, Timeline, earliest_timeline, relaxed_timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts


def schedule_route(
    ctx: Context, shift: ShiftFacts, tickets: Sequence[TicketFacts]
) -> RouteView | None:
    """Schedule tickets in the given order as soon as possible, breaks where they cost least.

    A started visit is put first, whether it is named or not.

    Returns
    -------
    RouteView or None
        None if the order has no feasible schedule.
    """
    order = [ticket for ticket in tickets if ticket.id != shift.started]
    if not order and shift.started is None:
        return RouteView(shift, (), shift.begin, shift.begin)
    timeline = earliest_timeline(
        shift.begin,
        _calls(ctx, shift, order),
        return_travel=_return_travel(ctx, shift, order),
        pauses=shift.pauses,
        hard_end=shift.hard_end,
        end_cost=lambda end: overtime.price(ctx, shift, end),
    )
    return None if timeline is None else _view(ctx, shift, order, timeline)


def schedule_anyway(ctx: Context, shift: ShiftFacts, tickets: Sequence[TicketFacts]) -> RouteView:
    """Schedule an order that has no feasible schedule, so that the checker can name the faults."""
    order = [ticket for ticket in tickets if ticket.id != shift.started]
    timeline = relaxed_timeline(
        shift.begin,
        _calls(ctx, shift, order),
        return_travel=_return_travel(ctx, shift, order),
        pauses=shift.pauses,
        hard_end=shift.hard_end,
    )
    return _view(ctx, shift, order, timeline)


def _calls(ctx: Context, shift: ShiftFacts, order: Sequence[TicketFacts]) -> list[Call]:
    calls = []
    place = shift.start_place
    for ticket in order:
        way = ctx.travel_seconds(shift, place, ticket.place)
        windows, latest = ticket.windows, ticket.latest
        if ctx.is_pinned(ticket.id, shift.id):
            start = ctx.pins[ticket.id].start
            windows, latest = ((start, start),), FOREVER
        calls.append(
            Call(
                way,
                windows,
                ctx.duration(ticket, shift),
                latest,
                lambda end, ticket=ticket: (  # type: ignore[misc]
                    delay.price(ctx, ticket, end) + lateness.price(ctx, ticket, end)
                ),
            )
        )
        place = ticket.place
    return calls


def _return_travel(ctx: Context, shift: ShiftFacts, order: Sequence[TicketFacts]) -> int | None:
    if shift.end_place is None:
        return None
    last = order[-1].place if order else shift.start_place
    return ctx.travel_seconds(shift, last, shift.end_place)


def _view(
    ctx: Context, shift: ShiftFacts, order: Sequence[TicketFacts], timeline: Timeline
) -> RouteView:
    stops = [Stop(ticket, *timed) for ticket, timed in zip(order, timeline.visits, strict=True)]
    start = timeline.start
    if shift.started is not None:
        pin = ctx.pins[shift.started]
        start = pin.start
        stops.insert(0, Stop(ctx.tickets[shift.started], start, start, start, pin.end))
    return RouteView(shift, tuple(stops), start, timeline.end, timeline.breaks)


def route_of(ctx: Context, view: RouteView) -> Route:
    """Turn a route in seconds into a route of a plan."""
    visits = []
    place = view.shift.start_place
    for stop in view.stops:
        started = stop.ticket.id == view.shift.started
        way = 0 if started else ctx.travel_seconds(view.shift, place, stop.ticket.place)
        place = stop.ticket.place
        visits.append(
            Visit(
                ticket_id=stop.ticket.id,
                departure=ctx.instant(stop.departure),
                arrival=ctx.instant(stop.arrival),
                start=ctx.instant(stop.start),
                end=ctx.instant(stop.end),
                travel_seconds=way,
                promised=stop.ticket.ticket.appointment,
            )
        )
    return Route(
        shift_id=view.shift.id,
        engineer_id=view.shift.engineer.id,
        start=ctx.instant(view.start),
        visits=tuple(visits),
        breaks=tuple(Span(start=ctx.instant(a), end=ctx.instant(b)) for a, b in view.breaks),
        end=ctx.instant(view.end),
    )
