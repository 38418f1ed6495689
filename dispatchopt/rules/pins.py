"""Locks as facts: where and when the visits that were fixed before planning take place.

A started visit comes first on its shift: it began at `assigned_start` and ends at
``max(now, start + duration)``. Locked visits follow in the order of their `assigned_start`, each at
that time or, where they clash, with the least delay that travel and service allow. A pin that
cannot be placed at all (its engineer has no shift, no way leads there) becomes a plain lock on the
engineer, so that one bad pin never sinks the night.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from dispatchopt.models import UNREACHABLE, Overridden, Problem
from dispatchopt.timeline import FOREVER, Call, earliest_timeline
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from dispatchopt.rules.context import ShiftFacts, TicketFacts


class Pin(NamedTuple):
    """A visit that is a fact: its shift, start and end in seconds, and what was asked for."""

    shift_id: str
    start: int
    end: int
    asked: int


@dataclass(frozen=True)
class Settled:
    """Pins by ticket id, the shifts as they stand with them, and what they overruled."""

    pins: Mapping[str, Pin]
    shifts: Mapping[str, ShiftFacts]
    overridden: tuple[Overridden, ...]


def settle_pins(
    problem: Problem,
    tickets: Mapping[str, TicketFacts],
    shifts: Mapping[str, ShiftFacts],
    travel: TravelTimes,
) -> Settled:
    """Place every started and locked visit; see the module's docstring for the order."""
    by_shift: dict[str, list[tuple[bool, int, str]]] = {}
    for ticket in tickets.values():
        lock = ticket.ticket
        if not (lock.is_started or lock.lock == "visit") or lock.assigned_start is None:
            continue
        asked = int((lock.assigned_start - problem.horizon.start).total_seconds())
        shift_id = _shift_at(shifts.values(), problem, lock.assigned_engineer, asked)
        if shift_id is not None:
            by_shift.setdefault(shift_id, []).append((not lock.is_started, asked, ticket.id))
    pins: dict[str, Pin] = {}
    settled = dict(shifts)
    overridden: list[Overridden] = []
    for shift_id, queue in by_shift.items():
        shift, placed = _place(problem, shifts[shift_id], sorted(queue), tickets, travel)
        shift, waived = _fit(shift, placed, tickets, travel)
        settled[shift_id] = shift
        pins.update(placed)
        overridden += waived
    return Settled(pins, settled, tuple(overridden))


def _shift_at(
    shifts: Iterable[ShiftFacts], problem: Problem, engineer_id: str | None, asked: int
) -> str | None:
    """Return the engineer's shift around that time, else the nearest, None if there is none."""

    def gap(shift: ShiftFacts) -> tuple[int, int]:
        start = int((shift.shift.start - problem.horizon.start).total_seconds())
        end = int((shift.shift.end - problem.horizon.start).total_seconds())
        return max(0, start - asked, asked - end), start

    own = [shift for shift in shifts if shift.engineer.id == engineer_id]
    return min(own, key=gap).id if own else None


def _place(
    problem: Problem,
    shift: ShiftFacts,
    queue: Sequence[tuple[bool, int, str]],
    tickets: Mapping[str, TicketFacts],
    travel: TravelTimes,
) -> tuple[ShiftFacts, dict[str, Pin]]:
    from dispatchopt.rules.context import scaled_duration

    pins: dict[str, Pin] = {}
    place, time = shift.start_place, shift.begin
    started: str | None = None
    if not queue[0][0]:
        _, asked, started = queue[0]
        ticket = tickets[started]
        now = (
            asked
            if problem.now is None
            else int((problem.now - problem.horizon.start).total_seconds())
        )
        end = max(now, asked + scaled_duration(ticket.duration, shift.engineer.duration_percent))
        pins[started] = Pin(shift.id, asked, end, asked)
        place, time = ticket.place, max(end, shift.begin)
        shift = replace(
            shift,
            begin=time,
            start_place=place,
            started=started,
            pauses=tuple(pause for pause in shift.pauses if pause.latest >= time),
        )
    rest = queue if started is None else queue[1:]
    for _, asked, ticket_id in sorted(rest, key=lambda item: item[1:]):
        ticket = tickets[ticket_id]
        way = travel.between(shift.profile, place, ticket.place)
        home = _way_home(shift, ticket.place, travel)
        if way >= UNREACHABLE or home >= UNREACHABLE:
            continue
        start = max(asked, time + way)
        end = start + scaled_duration(ticket.duration, shift.engineer.duration_percent)
        pins[ticket_id] = Pin(shift.id, start, end, asked)
        place, time = ticket.place, end
    return shift, pins


def _way_home(shift: ShiftFacts, place: int, travel: TravelTimes) -> int:
    return 0 if shift.end_place is None else travel.between(shift.profile, place, shift.end_place)


def _fit(
    shift: ShiftFacts,
    pins: Mapping[str, Pin],
    tickets: Mapping[str, TicketFacts],
    travel: TravelTimes,
) -> tuple[ShiftFacts, list[Overridden]]:
    """Widen the shift, and waive its breaks, where the pinned visits leave no room for them."""
    shift = replace(shift, pinned=tuple(sorted(pins, key=lambda t: (pins[t].start, t))))
    if not pins:
        return shift, []
    waived: list[Overridden] = []
    end = _route_end(replace(shift, hard_end=FOREVER, pauses=()), pins, tickets, travel)
    assert end is not None
    with_breaks = _route_end(replace(shift, hard_end=FOREVER), pins, tickets, travel)
    if with_breaks is None:
        waived.append(
            Overridden(rule="breaks", shift_id=shift.id, detail="no room between locked visits")
        )
        shift = replace(shift, pauses=())
    needed = end if with_breaks is None else with_breaks
    if needed > shift.hard_end:
        waived.append(
            Overridden(rule="shift_hours", shift_id=shift.id, detail="locked visits end later")
        )
        shift = replace(shift, hard_end=needed)
    return shift, waived


def _route_end(
    shift: ShiftFacts,
    pins: Mapping[str, Pin],
    tickets: Mapping[str, TicketFacts],
    travel: TravelTimes,
) -> int | None:
    place = shift.start_place
    calls = []
    for ticket_id in shift.pinned:
        if ticket_id == shift.started:
            continue
        pin, ticket = pins[ticket_id], tickets[ticket_id]
        way = travel.between(shift.profile, place, ticket.place)
        exact = ((pin.start, pin.start),)
        calls.append(Call(way, exact, pin.end - pin.start, FOREVER, lambda _end: 0))
        place = ticket.place
    timeline = earliest_timeline(
        shift.begin,
        calls,
        return_travel=None if shift.end_place is None else _way_home(shift, place, travel),
        pauses=shift.pauses,
        hard_end=FOREVER,
        end_cost=lambda end: end,
    )
    return None if timeline is None else timeline.end
