"""Domain schedules: an order of tickets on a shift becomes a route in time, and back to a plan.

Routes that state some of their times are completed from these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.models import UNREACHABLE, Route, Span, Visit
from dispatchopt.rules import delay, lateness, overtime, window_margin
from dispatchopt.rules.views import RouteView, Stop
from dispatchopt.timeline import (
    FOREVER,
    Call,
    Timeline,
    earliest_timeline,
    relaxed_timeline,
    service_start,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

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
                    delay.price(ctx, ticket, end)
                    + lateness.price(ctx, ticket, end)
                    + window_margin.price(ctx, ticket, end)
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


def stated_route(ctx: Context, shift: ShiftFacts, route: Route) -> RouteView:
    """Take a route's times as stated, and complete what is missing from what is stated.

    Each visit must state a time. Service lasts its duration; the engineer arrives when service
    starts and leaves just in time, or else arrives at once and starts in the first open window. The
    route encloses its visits, the way home and its breaks.
    """
    breaks = tuple((ctx.seconds(taken.start), ctx.seconds(taken.end)) for taken in route.breaks)
    stops = []
    place = shift.start_place
    for visit in route.visits:
        ticket = ctx.tickets[visit.ticket_id]
        way = 0
        if ticket.id != shift.started:
            way = ctx.travel_seconds(shift, place, ticket.place)
            place = ticket.place
        stops.append(_stated_stop(ctx, shift, visit, way, breaks))
    start = min([stops[0].departure, *(taken for taken, _ in breaks)])
    end = stops[-1].end
    if shift.end_place is not None:
        end = _arrival(end, ctx.travel_seconds(shift, place, shift.end_place), breaks)
    end = max([end, *(back for _, back in breaks)])
    return RouteView(
        shift,
        tuple(stops),
        start if route.start is None else ctx.seconds(route.start),
        end if route.end is None else ctx.seconds(route.end),
        breaks,
    )


def _stated_stop(
    ctx: Context, shift: ShiftFacts, visit: Visit, way: int, breaks: Sequence[tuple[int, int]]
) -> Stop:
    def stated(when: datetime | None) -> int | None:
        return None if when is None else ctx.seconds(when)

    ticket = ctx.tickets[visit.ticket_id]
    departure, arrival = stated(visit.departure), stated(visit.arrival)
    start, end = stated(visit.start), stated(visit.end)
    pin = ctx.pins[ticket.id] if ctx.is_pinned(ticket.id, shift.id) else None
    is_started = ticket.id == shift.started
    if start is None and is_started and pin is not None:
        start = pin.start
    elif start is None and end is not None:
        start = end - ctx.duration(ticket, shift)
    elif start is None:
        if arrival is None:
            assert departure is not None
            arrival = _arrival(departure, way, breaks)
        windows = ticket.windows if pin is None else ((pin.start, pin.start),)
        opening = service_start(windows, arrival)
        start = arrival if opening is None else opening
    if end is None:
        end = pin.end if is_started and pin is not None else start + ctx.duration(ticket, shift)
    arrival = start if arrival is None else arrival
    departure = _departure(arrival, way, breaks) if departure is None else departure
    return Stop(ticket, departure, arrival, start, end)


def _arrival(departure: int, way: int, breaks: Sequence[tuple[int, int]]) -> int:
    """Return when a way ends that starts then and is interrupted by the breaks."""
    arrival = departure + way
    for start, end in sorted(breaks):
        if departure < end and start < arrival:
            arrival += end - max(start, departure)
    return arrival


def _departure(arrival: int, way: int, breaks: Sequence[tuple[int, int]]) -> int:
    """Return when to leave at the latest to arrive then; at once where there is no way."""
    departure = arrival - (0 if way >= UNREACHABLE else way)
    for start, end in sorted(breaks, reverse=True):
        if start < arrival and departure < end:
            departure -= min(end, arrival) - start
    return departure


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
