"""The rule of thumb: a fixed two-hour grid, in each slot the nearest free engineer who can do it.

Each engineer takes `a_slot` jobs in each slot of the grid of which the shift covers an hour and a
half besides the break; a job planned longer than a slot takes several. A customer hears of the
first slots in which anybody is free; the nearest of them to where the engineer is before gets it.
At night customers without a window are put into what is free tomorrow, the most urgent and longest
waiting first. Within a slot the engineer goes to the nearest place next.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.offers_branch import HORIZON, Morning, Quote
from benchmarks.offers_day import Stop, make_crew
from benchmarks.offers_world import (
    DAY,
    SLOTS_A_DAY,
    can_serve,
    covers,
    planned_seconds,
    wished_windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.offers_world import Customer, World
    from dispatchopt.models import Engineer, Shift

SLOT = DAY // SLOTS_A_DAY
LEAST = 5400
"""Seconds of work without which a slot is not given to an engineer."""

COUNT = 6
"""Slots told to a customer."""

FIRST, LAST = 8 * 3600, 20 * 3600


class _Job(NamedTuple):
    slot: int
    customer: Customer
    span: tuple[int, int] | None


class Grid:
    """Booking by the grid; see the module."""

    def __init__(self, world: World, a_slot: int) -> None:
        self.world, self.a_slot = world, a_slot
        self.shifts: defaultdict[int, list[tuple[Engineer, Shift]]] = defaultdict(list)
        self.room: dict[str, dict[int, int]] = {}
        self.jobs: defaultdict[str, list[_Job]] = defaultdict(list)
        self.waiting: list[Customer] = []
        for engineer in world.problem.engineers:
            for shift in engineer.shifts:
                self.shifts[world.day_of(shift)].append((engineer, shift))
                self.room[shift.id] = self._slots(shift)

    def night(self, day: int) -> Morning:
        """Fill what is free with those who wait; return the routes."""
        order = sorted(self.waiting, key=lambda c: (c.ticket.priority, c.calls))
        free = range(day * SLOTS_A_DAY, (day + 1) * SLOTS_A_DAY)
        self.waiting = [
            customer
            for customer in order
            if not any(self._take(customer, slot, None) for slot in free)
        ]
        return Morning([make_crew(self.world, *one, self._route(*one)) for one in self.shifts[day]])

    def offers(self, customer: Customer) -> Sequence[Quote]:
        """Return the first slots in which anybody is free."""
        found = []
        days = range(customer.day + 1, min(customer.day + 1 + HORIZON, self.world.days))
        wishes = wished_windows(customer, days)
        for day in days:
            for opens in range(day * DAY + FIRST, day * DAY + LAST, SLOT):
                span = opens, opens + SLOT
                suits = not wishes or any(w[0] <= span[0] and span[1] <= w[1] for w in wishes)
                if suits and any(self._free(customer, opens // SLOT)):
                    found.append(Quote(span, None))
        return found[:COUNT]

    def insist(self, customer: Customer, span: tuple[int, int]) -> Quote | None:
        """Promise the window if anybody is free in the slot of its beginning."""
        is_free = any(self._free(customer, span[0] // SLOT))
        return Quote(span, None) if is_free else None

    def promise(self, customer: Customer, quote: Quote) -> None:
        """Give the slot to the nearest engineer who is free."""
        taken = self._take(customer, quote.span[0] // SLOT, quote.span)
        assert taken, "the slot was free when it was told"

    def wait(self, customers: Iterable[Customer]) -> None:
        """Keep customers for the nights to come."""
        self.waiting += customers

    def cancel(self, customer: Customer) -> None:
        """Free the slot again."""
        for shift_id, jobs in self.jobs.items():
            for job in jobs:
                if job.customer is customer:
                    jobs.remove(job)
                    for slot in self._needed(customer, job.slot):
                        self.room[shift_id][slot] += 1
                    return

    def _slots(self, shift: Shift) -> dict[int, int]:
        begin, end = self.world.seconds(shift.start), self.world.seconds(shift.end)
        room = {}
        for slot in range(begin // SLOT, -(-end // SLOT)):
            opens, closes = max(begin, slot * SLOT), min(end, (slot + 1) * SLOT)
            work = closes - opens
            for pause in shift.breaks:
                starts = self.world.seconds(pause.earliest)
                work -= max(0, min(closes, starts + pause.duration) - max(opens, starts))
            if work >= LEAST:
                room[slot] = self.a_slot
        return room

    def _needed(self, customer: Customer, slot: int) -> range:
        return range(slot, slot + -(-planned_seconds(customer.ticket) // SLOT))

    def _free(self, customer: Customer, slot: int) -> Iterator[tuple[Engineer, Shift]]:
        for engineer, shift in self.shifts[slot // SLOTS_A_DAY]:
            room = self.room[shift.id]
            if (
                all(room.get(each, 0) > 0 for each in self._needed(customer, slot))
                and can_serve(engineer, shift, customer.ticket)
                and covers(engineer, customer.ticket)
            ):
                yield engineer, shift

    def _take(self, customer: Customer, slot: int, span: tuple[int, int] | None) -> bool:
        place = self.world.travel.place_index[customer.ticket.place]

        def way(one: tuple[Engineer, Shift]) -> tuple[int, str]:
            engineer, shift = one
            before = [job for job in self.jobs[shift.id] if job.slot <= slot]
            last = max(before, key=lambda job: job.slot, default=None)
            origin = engineer.place if last is None else last.customer.ticket.place
            profile = self.world.travel.profile_names[engineer.travel_profile]
            index = self.world.travel.place_index[origin]
            return int(self.world.travel.seconds[profile, index, place]), shift.id

        nearest = min(self._free(customer, slot), key=way, default=None)
        if nearest is None:
            return False
        shift_id = nearest[1].id
        for each in self._needed(customer, slot):
            self.room[shift_id][each] -= 1
        self.jobs[shift_id].append(_Job(slot, customer, span))
        return True

    def _route(self, engineer: Engineer, shift: Shift) -> list[Stop]:
        """Order the jobs by slot, within a slot the nearest next; breaks come when due."""
        travel = self.world.travel
        profile, place = travel.profile_names[engineer.travel_profile], engineer.place
        here, left, route = travel.place_index[place], list(self.jobs[shift.id]), list[Stop]()
        pauses = [(self.world.seconds(p.earliest), p.duration) for p in shift.breaks]
        while left:
            job = min(
                left,
                key=lambda j: (
                    j.slot,
                    travel.seconds[profile, here, travel.place_index[j.customer.ticket.place]],
                    j.customer.id,
                ),
            )
            left.remove(job)
            here = travel.place_index[job.customer.ticket.place]
            due = [pause for pause in pauses if pause[0] < (job.slot + 1) * SLOT - LEAST]
            pauses = pauses[len(due) :]
            route.append(Stop(job.customer, here, job.span, due))
        return route
