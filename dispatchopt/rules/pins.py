"""Locks as facts: where and when the visits that were fixed before planning take place.

A started visit comes first on its shift: it began at `assigned_start` and ends at
``max(now, start + duration)``. Locked visits follow in the order of their `assigned_start`, each at
that time or, where they clash, with the least delay that travel and service allow.

One bad pin never sinks the night: one that cannot be placed at all (its engineer has no shift, no
way leads there) becomes a plain lock on the engineer, one that begins after the horizon is left for
a later plan, and a shift whose started visit has no way home ends with its last visit. A visit
fixed soon after a shift lengthens it, which is reported; one fixed on time off (`MOST_STRETCH`)
does not, for the shift would last through the night, open to every other ticket: it moves to the
engineer's next shift, and without one becomes a plain lock.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from dispatchopt.models import UNREACHABLE, Overridden, Problem, Ticket
from dispatchopt.rules.wording import spell
from dispatchopt.timeline import FOREVER, Call, Pause, earliest_timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dispatchopt.rules.context import ShiftFacts, TicketFacts
    from dispatchopt.travel import TravelTimes


MOST_STRETCH = 8 * 3600
"""Seconds after the end of a shift until which a fixed visit still belongs to it. Less than a
night's rest, more than any evening of overtime; a proposal."""


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
        if begins_after_horizon(problem, lock):
            continue
        asked = int((lock.assigned_start - problem.horizon.start).total_seconds())
        shift_id = _shift_at(shifts.values(), problem, lock, asked)
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


def begins_after_horizon(problem: Problem, ticket: Ticket) -> bool:
    """Whether the ticket is a visit fixed to a time that this plan does not reach."""
    return (
        ticket.lock == "visit"
        and not ticket.is_started
        and ticket.assigned_start is not None
        and ticket.assigned_start >= problem.horizon.end
    )


def _shift_at(
    shifts: Iterable[ShiftFacts], problem: Problem, lock: Ticket, asked: int
) -> str | None:
    """Return the engineer's shift around that time, else the nearest, None if there is none.

    Where one shift ends and the next begins, it is the one that begins. A shift that ended long
    before takes no visit that has not started.
    """

    def gap(shift: ShiftFacts) -> tuple[int, int]:
        start, end = _hours(problem, shift)
        return max(0, start - asked, asked - end + 1), start

    own = [
        shift
        for shift in shifts
        if shift.engineer.id == lock.assigned_engineer
        and (lock.is_started or asked <= _hours(problem, shift)[1] + MOST_STRETCH)
    ]
    return min(own, key=gap).id if own else None


def _hours(problem: Problem, shift: ShiftFacts) -> tuple[int, int]:
    """Start and end of the shift as the roster has it, in seconds."""
    start = int((shift.shift.start - problem.horizon.start).total_seconds())
    return start, int((shift.shift.end - problem.horizon.start).total_seconds())


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
        if start > _hours(problem, shift)[1] + MOST_STRETCH:
            continue
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
    """Widen the shift, waive its breaks or its way home, where the pinned visits leave no room."""
    order = sorted(pins, key=lambda t: (t != shift.started, pins[t].start, t))
    shift = replace(shift, pinned=tuple(order))
    if not pins:
        return shift, []
    waived = _too_much(shift, tickets)
    if shift.started is not None and _way_home(shift, shift.start_place, travel) >= UNREACHABLE:
        detail = "no way home from the started visit"
        waived.append(Overridden(rule="travel_time", shift_id=shift.id, detail=detail))
        shift = replace(shift, end_place=None)
    kept, end = _keep_breaks(shift, pins, tickets, travel)
    if len(kept) < len(shift.pauses):
        detail = "no room between locked visits"
        waived.append(Overridden(rule="breaks", shift_id=shift.id, detail=detail))
        shift = replace(shift, pauses=kept)
    if end > shift.hard_end:
        detail = f"locked visits end {spell(end - shift.hard_end)} after the shift must have ended"
        waived.append(Overridden(rule="shift_hours", shift_id=shift.id, detail=detail))
        shift = replace(shift, hard_end=end)
    return shift, waived


def pinned_shares(shift: ShiftFacts, needs: Mapping[str, int], room: int) -> dict[str, int]:
    """Return what each pinned visit takes of a shift's room: in order, as much as is left.

    Facts may need more than there is; the rest is waived, and the room does not grow by it. Where
    a pinned visit is left out, others may take its share, and no more.
    """
    shares = {}
    for ticket_id in shift.pinned:
        shares[ticket_id] = min(needs.get(ticket_id, 0), room)
        room -= shares[ticket_id]
    return shares


def _too_much(shift: ShiftFacts, tickets: Mapping[str, TicketFacts]) -> list[Overridden]:
    """Report the number of visits and the stock that the pinned visits alone exceed."""
    found = []
    most = shift.shift.max_visits
    if most is not None and len(shift.pinned) > most:
        detail = f"{len(shift.pinned)} locked visits, at most {most} allowed"
        found.append(Overridden(rule="max_visits", shift_id=shift.id, detail=detail))
    if shift.stock is not None:
        needed: Counter[str] = Counter()
        for ticket_id in shift.pinned:
            needed.update(tickets[ticket_id].ticket.parts or {})
        for part, amount in needed.items():
            stock = shift.stock.get(part, 0)
            if amount > stock:
                detail = f"locked visits need {amount} of {part}, {stock} in stock"
                found.append(Overridden(rule="parts", shift_id=shift.id, detail=detail))
    return found


def _keep_breaks(
    shift: ShiftFacts,
    pins: Mapping[str, Pin],
    tickets: Mapping[str, TicketFacts],
    travel: TravelTimes,
) -> tuple[tuple[Pause, ...], int]:
    """Return as many breaks as fit around the pinned visits, and when the route can end."""
    pauses = shift.pauses
    singles = [(pause,) for pause in pauses] if len(pauses) > 1 else []
    for kept in (pauses, *singles):
        end = _route_end(replace(shift, pauses=kept), pins, tickets, travel)
        if end is not None:
            return kept, end
    end = _route_end(replace(shift, pauses=()), pins, tickets, travel)
    assert end is not None
    return (), end


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
