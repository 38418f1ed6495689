"""Locks as facts: where and when the visits that were fixed before planning take place.

A started visit comes first on its shift: it began at `assigned_start` and ends at
``max(now, start + duration)``. Of several that have started the first is the one in hand, and the
others follow it at once. Locked visits follow in the order of their `assigned_start`, each at that
time or, where they clash, with the least delay that travel and service allow. None ever moves to an
earlier time.

One bad pin never sinks the night. A place that no way leads to from the place before may still be
reached over other visits (`ways.Ways`): the pin keeps its time, or the earliest at which they could
lead there. If nothing can, it keeps its time and nothing else gives way to it. A visit fixed soon
after a shift lengthens it, which is reported; one fixed on time off (`MOST_STRETCH`), or pushed
that far by others, does not, for the shift would last through the night, open to every other
ticket: it moves into the first gap of the engineer's next shift, and without one it is left out. So
is a visit that begins after the horizon. A shift whose started visit has no way home ends with its
last visit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from dispatchopt.models import UNREACHABLE, Problem, Ticket
from dispatchopt.rules.ways import Ways
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


class _Fixed(NamedTuple):
    """A visit to be pinned: the second asked for, and whether it is a guest of another time."""

    asked: int
    ticket: TicketFacts
    is_guest: bool = False

    @property
    def is_in_hand(self) -> bool:
        """Whether it has started, on this shift."""
        return self.ticket.ticket.is_started and not self.is_guest


@dataclass(frozen=True)
class Settled:
    """Pins by ticket id, and the shifts as they stand with them."""

    pins: Mapping[str, Pin]
    shifts: Mapping[str, ShiftFacts]


def settle_pins(
    problem: Problem,
    tickets: Mapping[str, TicketFacts],
    shifts: Mapping[str, ShiftFacts],
    travel: TravelTimes,
) -> Settled:
    """Place every started and locked visit; see the module's docstring for the order."""
    queues: dict[str, list[_Fixed]] = {}
    for ticket in tickets.values():
        lock = ticket.ticket
        if not is_fixed(lock) or begins_after_horizon(problem, lock):
            continue
        assert lock.assigned_start is not None
        asked = int((lock.assigned_start - problem.horizon.start).total_seconds())
        shift = _shift_at(shifts.values(), problem, lock, asked)
        if shift is not None:
            is_guest = not lock.is_started and asked < _hours(problem, shift)[0]
            queues.setdefault(shift.id, []).append(_Fixed(asked, ticket, is_guest))
    pins: dict[str, Pin] = {}
    settled = dict(shifts)
    if not queues:
        return Settled(pins, settled)
    ways = Ways(travel, tickets.values())
    late: dict[str, list[_Fixed]] = {}
    for shift in sorted(shifts.values(), key=lambda shift: shift.shift.start):
        queue = queues.get(shift.id, []) + late.pop(shift.engineer.id, [])
        if queue:
            placing = _Placing(problem, shift, ways)
            late[shift.engineer.id] = placing.place(queue)
            settled[shift.id] = placing.settled()
            pins.update(placing.pins)
    return Settled(pins, settled)


def is_fixed(ticket: Ticket) -> bool:
    """Whether the ticket is a fact: started, or with a lock on its time."""
    return (ticket.is_started or ticket.lock == "visit") and ticket.assigned_start is not None


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
) -> ShiftFacts | None:
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
    return min(own, key=gap) if own else None


def _hours(problem: Problem, shift: ShiftFacts) -> tuple[int, int]:
    """Start and end of the shift as the roster has it, in seconds."""
    start = int((shift.shift.start - problem.horizon.start).total_seconds())
    return start, int((shift.shift.end - problem.horizon.start).total_seconds())


def _rank(item: _Fixed) -> tuple[bool, bool, int, str]:
    return item.is_guest, not item.is_in_hand, item.asked, item.ticket.id


class _Placing:
    """Pins the visits fixed on one shift, one after the other."""

    def __init__(self, problem: Problem, shift: ShiftFacts, ways: Ways) -> None:
        self.problem, self.shift, self.ways = problem, shift, ways
        self.pins: dict[str, Pin] = {}
        self.order: list[TicketFacts] = []
        self.last_start = _hours(problem, shift)[1] + MOST_STRETCH

    def place(self, queue: Iterable[_Fixed]) -> list[_Fixed]:
        """Pin the visits, the started ones first; return those too late for this shift."""
        waiting = sorted(queue, key=_rank)
        if waiting and waiting[0].is_in_hand:
            self._begin_with(waiting.pop(0))
        late = []
        for item in waiting:
            start = self._in_gap(item) if item.is_guest else self._behind(item)
            if start is None:
                alone = self._start_at(0, item)
                self._pin(item, max(item.asked, self.shift.begin) if alone is None else alone)
            elif start > self.last_start:
                late.append(item._replace(is_guest=True))
            else:
                self._pin(item, start)
                at = sum(self.pins[other.id].start <= start for other in self.order)
                self.order.insert(at, item.ticket)
        return late

    def _begin_with(self, item: _Fixed) -> None:
        """Pin the started visit: the shift goes on from there."""
        now = item.asked
        if self.problem.now is not None:
            now = int((self.problem.now - self.problem.horizon.start).total_seconds())
        end = max(now, item.asked + self._on_site(item.ticket))
        self.pins[item.ticket.id] = Pin(self.shift.id, item.asked, end, item.asked)
        begin = max(end, self.shift.begin)
        self.shift = replace(
            self.shift,
            begin=begin,
            start_place=item.ticket.place,
            started=item.ticket.id,
            pauses=tuple(pause for pause in self.shift.pauses if pause.latest >= begin),
        )

    def _pin(self, item: _Fixed, start: int) -> None:
        end = start + self._on_site(item.ticket)
        self.pins[item.ticket.id] = Pin(self.shift.id, start, end, item.asked)

    def _on_site(self, ticket: TicketFacts) -> int:
        from dispatchopt.rules.context import scaled_duration

        return scaled_duration(ticket.duration, self.shift.engineer.duration_percent)

    def _behind(self, item: _Fixed) -> int | None:
        """Return the earliest start behind all that are placed; None if no way leads there."""
        return self._start_at(len(self.order), item)

    def _in_gap(self, item: _Fixed) -> int | None:
        """Return the earliest start that moves no other visit; None if no way leads there.

        Nothing comes before a visit that has started.
        """
        for at, after in enumerate(self.order):
            start = self._start_at(at, item)
            if start is not None and not after.ticket.is_started:
                way = self.ways.seconds(self.shift, item.ticket.place, after.place)
                if start + self._on_site(item.ticket) + way <= self.pins[after.id].start:
                    return start
        return self._behind(item)

    def _start_at(self, at: int, item: _Fixed) -> int | None:
        place, free = self.shift.start_place, self.shift.begin
        if at:
            before = self.order[at - 1]
            place, free = before.place, self.pins[before.id].end
        way = self.ways.seconds(self.shift, place, item.ticket.place)
        if way >= UNREACHABLE or self.ways.home(self.shift, item.ticket.place) >= UNREACHABLE:
            return None
        return max(item.asked, free + way)

    def settled(self) -> ShiftFacts:
        """Widen the shift, waive its breaks or its way home, where the pins leave no room."""
        order = sorted(self.pins, key=lambda t: (t != self.shift.started, self.pins[t].start, t))
        shift = replace(self.shift, pinned=tuple(order))
        if shift.started is not None and shift.end_place is not None:
            direct = self.ways.direct(shift, shift.start_place, shift.end_place)
            shift = shift if direct < UNREACHABLE else replace(shift, end_place=None)
        if shift.started is None and not self.order:
            return shift
        kept, end = self._keep_breaks(shift)
        waived = tuple(pause for pause in shift.pauses if pause not in kept)
        hard_end = max(shift.hard_end, end)
        return replace(shift, pauses=kept, waived=waived, hard_end=hard_end)

    def _keep_breaks(self, shift: ShiftFacts) -> tuple[tuple[Pause, ...], int]:
        """Return as many breaks as fit around the pinned visits, and when the route can end."""
        singles = [(pause,) for pause in shift.pauses] if len(shift.pauses) > 1 else []
        for kept in (shift.pauses, *singles):
            end = self._route_end(shift, kept)
            if end is not None:
                return kept, end
        end = self._route_end(shift, ())
        assert end is not None
        return (), end

    def _route_end(self, shift: ShiftFacts, pauses: Sequence[Pause]) -> int | None:
        place = shift.start_place
        calls = []
        for ticket in self.order:
            pin = self.pins[ticket.id]
            way = self.ways.seconds(shift, place, ticket.place)
            exact = ((pin.start, pin.start),)
            calls.append(Call(way, exact, pin.end - pin.start, FOREVER, lambda _end: 0))
            place = ticket.place
        timeline = earliest_timeline(
            shift.begin,
            calls,
            return_travel=None if shift.end_place is None else self.ways.home(shift, place),
            pauses=pauses,
            hard_end=FOREVER,
            end_cost=lambda end: end,
        )
        return None if timeline is None else timeline.end


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
