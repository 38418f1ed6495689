"""When a fixed order of visits happens: the earliest schedule, with the cheapest choice of breaks.

Plain integers in, plain integers out; no domain models, no arrays. Every cost is non-decreasing in
time and neither waiting nor route time is priced, so serving as soon as possible is optimal for a
fixed order and a fixed choice of the legs on which the breaks are taken.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOREVER = 2**40
"""Later than every time of a problem, in seconds from the start of the horizon."""


class Pause(NamedTuple):
    """A break in seconds: may begin within ``earliest..latest``, lasts `duration`."""

    earliest: int
    latest: int
    duration: int


class Call(NamedTuple):
    """What the timeline needs to know of one visit.

    Attributes
    ----------
    travel
        Seconds from the place before.
    windows
        Sorted, disjoint ``(open, close)`` for the start of service.
    duration
        Seconds on site.
    latest
        Hard limit on the end of service.
    time_cost
        Cost of ending at a given second; non-decreasing.
    """

    travel: int
    windows: Sequence[tuple[int, int]]
    duration: int
    latest: int
    time_cost: Callable[[int], int]


class Timed(NamedTuple):
    """One visit in time; `departure` is just in time, waiting happens at the place before."""

    departure: int
    arrival: int
    start: int
    end: int


class Timeline(NamedTuple):
    """A route in time: visits, breaks as ``(start, end)``, its end, its time-dependent cost."""

    visits: tuple[Timed, ...]
    breaks: tuple[tuple[int, int], ...]
    start: int
    end: int
    cost: int


class _Label(NamedTuple):
    cost: int
    time: int
    taken: int
    legs: tuple[tuple[int, int], ...]  # (leg, break) in the order taken


def service_start(windows: Sequence[tuple[int, int]], arrival: int) -> int | None:
    """Return the earliest start of service at or after `arrival`, None if every window is over."""
    for opens, closes in windows:
        if closes >= arrival:
            return max(arrival, opens)
    return None


def leg_arrival(departure: int, travel: int, pauses: Sequence[Pause]) -> int | None:
    """Return the arrival on a leg on which `pauses` are taken in order, None if one is too late.

    A break begins at once or at its `earliest`, and interrupts travel if that is on the way.
    """
    arrival = departure + travel
    for pause in pauses:
        if departure > pause.latest:
            return None
        arrival = max(arrival, pause.earliest) + pause.duration
        departure = max(departure, pause.earliest) + pause.duration
    return arrival


def earliest_timeline(
    origin_time: int,
    calls: Sequence[Call],
    *,
    return_travel: int | None,
    pauses: Sequence[Pause],
    hard_end: int,
    end_cost: Callable[[int], int],
) -> Timeline | None:
    """Schedule visits as soon as possible, taking the breaks where that costs least.

    Parameters
    ----------
    origin_time
        The engineer is at the first place from then on.
    calls
        The visits in order.
    return_travel
        Seconds from the last place to the end place; None: the route ends with its last visit.
    pauses
        At most two breaks. One may stay untaken iff the route ends by its `latest`.
    hard_end
        The route must end by then.
    end_cost
        Cost of the route's end; non-decreasing.

    Returns
    -------
    Timeline or None
        The cheapest schedule, among equal ones the one that ends earliest, then the one that takes
        more breaks, then the one that takes them earlier; None if there is none.
    """
    labels = [_Label(0, origin_time, 0, ())]
    for leg, call in enumerate(calls):
        labels = _pareto(new for label in labels for new in _visit(label, leg, call, pauses))
        if not labels:
            return None
    finished = []
    for label in labels:
        ends = (
            [label]
            if return_travel is None
            else [new for new in _travel(label, len(calls), return_travel, pauses)]
        )
        for end in ends:
            open_breaks = (p for i, p in enumerate(pauses) if not end.taken >> i & 1)
            if end.time <= hard_end and all(end.time <= pause.latest for pause in open_breaks):
                finished.append(end._replace(cost=end.cost + end_cost(end.time)))
    if not finished:
        return None
    best = min(finished, key=lambda label: (label.cost, label.time, -len(label.legs), label.legs))
    return _just_in_time(origin_time, calls, best, pauses)


def _visit(label: _Label, leg: int, call: Call, pauses: Sequence[Pause]) -> Iterator[_Label]:
    for arrived in _travel(label, leg, call.travel, pauses):
        start = service_start(call.windows, arrived.time)
        if start is not None and start + call.duration <= call.latest:
            end = start + call.duration
            yield arrived._replace(cost=arrived.cost + call.time_cost(end), time=end)


def _travel(label: _Label, leg: int, travel: int, pauses: Sequence[Pause]) -> Iterator[_Label]:
    left = [i for i in range(len(pauses)) if not label.taken >> i & 1]
    for count in range(len(left) + 1):
        for chosen in permutations(left, count):
            arrival = leg_arrival(label.time, travel, [pauses[i] for i in chosen])
            if arrival is not None:
                taken = label.taken | sum(1 << i for i in chosen)
                legs = label.legs + tuple((leg, i) for i in chosen)
                yield _Label(label.cost, arrival, taken, legs)


def _pareto(labels: Iterator[_Label]) -> list[_Label]:
    kept: list[_Label] = []
    for label in sorted(labels, key=lambda item: (item.cost, item.time, item.legs)):
        if not any(other.taken == label.taken and other.time <= label.time for other in kept):
            kept.append(label)
    return kept


def _just_in_time(
    origin_time: int,
    calls: Sequence[Call],
    label: _Label,
    pauses: Sequence[Pause],
) -> Timeline:
    time, route_start = origin_time, None
    visits: list[Timed] = []
    breaks: list[tuple[int, int]] = []
    for leg, call in enumerate(calls):
        chosen = [pauses[i] for at, i in label.legs if at == leg]
        arrival = leg_arrival(time, call.travel, chosen)
        assert arrival is not None
        start = service_start(call.windows, arrival)
        start = arrival if start is None else start
        taken = _break_times(time, chosen)
        departure = _late_departure(start, call.travel, taken)
        if route_start is None:
            route_start = min(departure, taken[0][0]) if taken else departure
        breaks += taken
        visits.append(Timed(departure, start, start, start + call.duration))
        time = start + call.duration
    chosen = [pauses[i] for at, i in label.legs if at == len(calls)]
    breaks += _break_times(time, chosen)
    begin = origin_time if route_start is None else route_start
    return Timeline(tuple(visits), tuple(breaks), begin, label.time, label.cost)


def _break_times(departure: int, pauses: Sequence[Pause]) -> list[tuple[int, int]]:
    times = []
    for pause in pauses:
        begin = max(departure, pause.earliest)
        departure = begin + pause.duration
        times.append((begin, departure))
    return times


def _late_departure(start: int, travel: int, breaks: Sequence[tuple[int, int]]) -> int:
    """Return the latest departure that still arrives at `start`, breaks staying where they are."""
    departure = start - travel
    for begin, end in reversed(breaks):
        if departure >= end:
            return departure
        departure -= end - begin
    return departure


def relaxed_timeline(
    origin_time: int,
    calls: Sequence[Call],
    *,
    return_travel: int | None,
    pauses: Sequence[Pause],
    hard_end: int,
) -> Timeline:
    """Schedule an order that has no feasible schedule: late, or without a break, where need be.

    Serves the checker, which then names what is broken: of all choices of breaks, the one counts
    that breaks least (visits begun or ended too late, breaks missing, an end too late), among equal
    ones the one that ends earliest.
    """
    labels = [_Label(0, origin_time, 0, ())]
    for leg, call in enumerate(calls):
        arrived = (new for label in labels for new in _travel(label, leg, call.travel, pauses))
        labels = _pareto(_served_anyway(label, call) for label in arrived)
    if return_travel is not None:
        leg = len(calls)
        labels = [new for label in labels for new in _travel(label, leg, return_travel, pauses)]

    def faults(label: _Label) -> int:
        missing = sum(
            label.time > pause.latest and not label.taken >> i & 1 for i, pause in enumerate(pauses)
        )
        return label.cost + missing + (label.time > hard_end)

    best = min(labels, key=lambda label: (faults(label), label.time, -len(label.legs), label.legs))
    return _just_in_time(origin_time, calls, best._replace(cost=0), pauses)


def _served_anyway(label: _Label, call: Call) -> _Label:
    """Serve on arrival where every window is over; the cost counts the faults."""
    start = service_start(call.windows, label.time)
    end = (label.time if start is None else start) + call.duration
    return label._replace(cost=label.cost + (start is None) + (end > call.latest), time=end)
