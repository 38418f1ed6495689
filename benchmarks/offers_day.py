"""One day of a branch as it comes true: engineers work through their routes, dispatch reacts.

What dispatch does during the day, and nothing else: (1) in the morning it takes out visits that
were cancelled, and spreads those of engineers who report sick over the others, promised ones first,
each at the cheapest place where by planned durations no promise is missed; a promised visit without
such a place is missed, another one waits for the next plan. (2) It puts an outage into the cheapest
place: travel, two seconds for each that it waits, four hours for each promise that would be missed,
two for each other visit that would fall off the day. Visits under way are never moved, and nobody
takes over from an engineer who is late.

Engineers serve in the order told, wait for windows to open, come late rather than not at all, take
their breaks where the route has them or later, and start nothing after the end of their shift and
its overtime. Travel takes as long as planned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.offers_world import can_serve, covers, planned_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.offers_world import Customer, World
    from dispatchopt.models import Engineer, Shift

MORNING = 27_000
"""Second of the day at which sickness and cancellations are known: 07:30."""

MISSED, DROPPED = 4 * 3600, 2 * 3600
"""Price of a promise missed, and of another visit that falls off the day, in seconds of work."""


@dataclass(slots=True, eq=False)
class Stop:
    """A visit to be made; `pauses` are ``(earliest, duration)`` of breaks on the way to it."""

    customer: Customer
    place: int
    window: tuple[int, int] | None = None
    pauses: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Crew:
    """An engineer at work: what lies ahead, where, and from when on."""

    shift: Shift
    engineer: Engineer
    begin: int
    hard_end: int
    home: int
    goes_home: bool
    profile: int
    todo: list[Stop]
    pauses_home: list[tuple[int, int]] = field(default_factory=list)
    clock: int = 0
    expected: int = 0
    place: int = 0
    travel: int = 0

    def __post_init__(self) -> None:
        """Begin at home."""
        self.clock = self.expected = self.begin
        self.place = self.home


class Outcome(NamedTuple):
    """What became of a visit: start of service, None if there was none."""

    stop: Stop
    start: int | None

    @classmethod
    def missed(cls, customer: Customer, window: tuple[int, int]) -> Outcome:
        """Return a promise that nobody came for."""
        return cls(Stop(customer, 0, window), None)

    @property
    def is_kept(self) -> bool:
        """Whether service started inside the promised window."""
        window = self.stop.window
        return window is not None and self.start is not None and self.start <= window[1]


@dataclass
class Day:
    """A day in execution.

    Attributes
    ----------
    outcomes
        Visits made or missed for good today.
    back
        Customers without a promise whom nobody reached: they wait for the next plan.
    """

    world: World
    crews: list[Crew]
    outcomes: list[Outcome] = field(default_factory=list)
    back: list[Customer] = field(default_factory=list)

    def run(self, day: int, urgent: Sequence[Customer]) -> None:
        """Live through the day; `urgent` comes in at the times of its calls."""
        self._cancel()
        self._cover_the_sick(day)
        for customer in urgent:
            self._advance(customer.calls)
            stop = Stop(customer, self.world.travel.place_index[customer.ticket.place])
            if not self._insert(stop, customer.calls, must_keep=False):
                self.back.append(customer)
        self._advance(math.inf)

    @property
    def travel(self) -> int:
        """Seconds of travel, ways home included."""
        return sum(crew.travel for crew in self.crews)

    def _cancel(self) -> None:
        for crew in self.crews:
            for at, stop in enumerate(crew.todo):
                if stop.customer.cancels_late and stop.pauses:
                    _hand_on(crew, at)
            crew.todo = [stop for stop in crew.todo if not stop.customer.cancels_late]

    def _cover_the_sick(self, day: int) -> None:
        sick = [crew for crew in self.crews if crew.shift.id in self.world.sick]
        self.crews = [crew for crew in self.crews if crew not in sick]
        orphans = [stop for crew in sick for stop in crew.todo]
        orphans.sort(key=lambda s: (s.window is None, s.window or (0, 0), s.customer.id))
        for stop in orphans:
            stop.pauses = []
            if self._insert(stop, day * 86_400 + MORNING, must_keep=True):
                continue
            if stop.window is None:
                self.back.append(stop.customer)
            else:
                self.outcomes.append(Outcome(stop, None))

    def _advance(self, until: float) -> None:
        for crew in self.crews:
            while crew.todo and self._go(crew, until):
                pass
            if not crew.todo and math.isinf(until) and crew.goes_home:
                crew.travel += self._way(crew, crew.place, crew.home)

    def _go(self, crew: Crew, until: float) -> bool:
        """Make the next visit if the engineer leaves for it by `until`."""
        stop = crew.todo[0]
        way = self._way(crew, crew.place, stop.place)
        start = _start(stop, _arrival(crew.clock, way, stop.pauses))
        if (crew.clock if stop.pauses else start - way) > until:
            return False
        crew.todo.pop(0)
        if start > crew.hard_end:
            if stop.window is None:
                self.back.append(stop.customer)
            else:
                self.outcomes.append(Outcome(stop, None))
            return True
        crew.travel += way
        planned = self._planned(crew, stop)
        true = math.ceil(planned * stop.customer.factor)
        if not stop.customer.opens_door:
            true = self.world.habits.no_access_seconds
        crew.place, crew.clock, crew.expected = stop.place, start + true, start + planned
        self.outcomes.append(Outcome(stop, start))
        return True

    def _insert(self, stop: Stop, now: int, *, must_keep: bool) -> bool:
        """Put a visit into the cheapest place of the day; return whether there is one."""
        best: tuple[float, int, int] | None = None
        for number, crew in enumerate(self.crews):
            if not can_serve(crew.engineer, crew.shift, stop.customer.ticket):
                continue
            if stop.customer.ticket.priority > 1 and not covers(
                crew.engineer, stop.customer.ticket
            ):
                continue
            before = self._price(crew, crew.todo, now)
            for at in range(len(crew.todo) + 1):
                after = self._price(crew, [*crew.todo[:at], stop, *crew.todo[at:]], now, stop)
                if after.start > crew.hard_end or after.end > max(crew.hard_end, before.end):
                    continue
                if must_keep and after.missed > before.missed:
                    continue
                added = after.price - before.price, number, at
                best = min(best, added) if best else added
        if best is None:
            return False
        _, number, at = best
        crew = self.crews[number]
        crew.clock = max(crew.clock, now)
        crew.todo.insert(at, stop)
        return True

    def _price(
        self, crew: Crew, order: Sequence[Stop], now: int, new: Stop | None = None
    ) -> _Priced:
        """Price a route by planned durations from now on; the start is that of the new visit."""
        clock = max(now, crew.expected if crew.clock > now else crew.clock)
        place, price, missed, begun = crew.place, 0.0, 0, 0
        for stop in order:
            way = self._way(crew, place, stop.place)
            start = _start(stop, _arrival(clock, way, stop.pauses))
            price += way
            if stop is new and stop.window is None:
                price += 2.0 * (start - now)
            if stop.window is not None and start > stop.window[1]:
                missed, price = missed + 1, price + MISSED
            elif start > crew.hard_end:
                price += DROPPED
            if stop is new:
                begun = start
            clock, place = start + self._planned(crew, stop), stop.place
        if crew.goes_home:
            way = self._way(crew, place, crew.home)
            clock, price = _arrival(clock, way, crew.pauses_home), price + way
        return _Priced(price, missed, begun, clock)

    def _planned(self, crew: Crew, stop: Stop) -> int:
        return -(-planned_seconds(stop.customer.ticket) * crew.engineer.duration_percent // 100)

    def _way(self, crew: Crew, origin: int, destination: int) -> int:
        return int(self.world.travel.seconds[crew.profile, origin, destination])


class _Priced(NamedTuple):
    price: float
    missed: int
    start: int
    end: int


def make_crew(world: World, engineer: Engineer, shift: Shift, todo: list[Stop]) -> Crew:
    """Return an engineer before the first visit of a shift."""
    begin = shift.start if shift.available_from is None else max(shift.start, shift.available_from)
    home = world.travel.place_index[engineer.place]
    return Crew(
        shift=shift,
        engineer=engineer,
        begin=world.seconds(begin),
        hard_end=world.seconds(shift.end) + shift.max_overtime,
        home=home,
        goes_home=not shift.ends_anywhere,
        profile=world.travel.profile_names[engineer.travel_profile],
        todo=todo,
    )


def _start(stop: Stop, arrival: int) -> int:
    return arrival if stop.window is None else max(arrival, stop.window[0])


def _arrival(departure: int, way: int, pauses: Sequence[tuple[int, int]]) -> int:
    arrival = departure + way
    for earliest, duration in pauses:
        arrival = max(arrival, earliest) + duration
    return arrival


def _hand_on(crew: Crew, at: int) -> None:
    """Give the breaks before a visit to the leg after it."""
    pauses = crew.todo[at].pauses
    if at + 1 < len(crew.todo):
        crew.todo[at + 1].pauses = [*pauses, *crew.todo[at + 1].pauses]
    else:
        crew.pauses_home = [*pauses, *crew.pauses_home]
    crew.todo[at].pauses = []
