"""The numeric forms: the whole contract between rules and solvers.

Rules lower themselves into a `FormBuilder`; solvers read the `Instance` it makes. Indices: ``T``
tickets to place (started visits are already in their shift), ``S`` shifts, ``C`` shift classes
(shifts with equal columns share one), ``F`` paces of work, ``W`` windows, ``K`` time-cost pieces,
``D`` capacities, ``P`` travel profiles, ``L`` places. Times are seconds from the horizon's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from dispatchopt.errors import InvalidProblemError, Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
UInt32Array = npt.NDArray[np.uint32]

FOREVER = 2**40
"""Later than every time of a problem."""

UNLIMITED = 2**30
"""A capacity that nobody fills."""

MAX_COST = 2**53
"""Costs stay below: exact in doubles (JSON, linear programmes)."""


MAX_PRODUCT = 2**60
"""Rates times seconds stay below: a sum of a few is exact in 64 bits."""


class Instance(NamedTuple):
    """A compiled problem. Cost of a plan = sum of route costs + sum of `skip_cost` of the unserved.

    Cost of a route on shift s with visits t1..tn, all integers, ceil = division rounded up:

    - ``fixed_cost[s]`` (also when empty);
    - each leg, first and return included: ``ceil(rates[TRAVEL] * seconds / 3600)``;
    - each visit: ``assign_cost[t, class_of[s]]`` and, ending at e, the sum over pieces k with
      ``e > time_cost[t, k, 0]`` of ``time_cost[t, k, 1] + ceil(time_cost[t, k, 2] *
      (e - time_cost[t, k, 0]) / 3600)``;
    - ending at e: ``ceil(rates[OVERTIME] * max(0, e - shift_limit[s]) / 3600)``;
    - work w = services + travel of the route: ``load(base + w) - load(base)`` with base =
      ``load_base[s]``, H = ``load_hours[s]``, ``k = 10 W // H`` and ``load(W) =
      ceil(rates[BALANCE] * (k*k*H + (2*k + 1) * (10*W - k*H)) / 360000)``; and the same difference
      of ``ceil(rates[RESERVE] * max(0, W - reserve_from[s]) / 3600)``.

    An empty route costs `fixed_cost` alone unless `occupied`: then its way home counts.

    Feasible: no ``blocked`` bit; start of service = earliest second at or after the arrival in one
    of the ticket's windows; end of service <= `latest`; route ends <= `shift_hard_end`; sums of
    `demand` <= `capacity`; each break (`pause`: earliest, latest, duration) lies on one leg with
    ``departure <= latest``, the arrival becoming ``max(departure + travel, earliest) + duration``,
    or is left out if the route ends by its latest. Visits follow each other as soon as possible;
    breaks are placed where the route costs least (`dispatchopt.timeline` is the plain form).

    Attributes
    ----------
    blocked
        ``uint32[T, C]``: one bit per rule (bit i: rule i of the registry) that forbids it.
    assign_cost
        ``int64[T, C]``.
    class_of
        ``int32[S]``.
    duration, pace_of
        ``int64[T, F]`` seconds on site, ``int32[S]``.
    place
        ``int32[T]``.
    window, num_windows
        ``int64[T, W, 2]`` sorted and disjoint, padded with FOREVER; ``int32[T]``.
    latest
        ``int64[T]``.
    time_cost
        ``int64[T, K, 3]``: from, jump, rate per hour; unused pieces have from = FOREVER.
    skip_cost
        ``int64[T]``.
    shift_begin, shift_limit, shift_hard_end
        ``int64[S]``.
    start_place, end_place
        ``int32[S]``; end place -1: the route ends with its last visit.
    occupied
        ``bool[S]``: the route exists even without visits (a visit has started).
    pause, num_pauses
        ``int64[S, 2, 3]``, ``int32[S]``.
    load_base, load_hours, reserve_from
        ``int64[S]`` seconds: work done or promised already, paid time, room kept free from there.
    demand, capacity
        ``int32[T, D]``, ``int32[S, D]``.
    travel, profile_of
        ``int32[P, L, L]``, ``int32[S]``.
    fixed_cost
        ``int64[S]``.
    rates
        ``int64[4]`` per hour: travel, overtime, balance, reserve.
    """

    blocked: UInt32Array
    assign_cost: Int64Array
    class_of: Int32Array
    duration: Int64Array
    pace_of: Int32Array
    place: Int32Array
    window: Int64Array
    num_windows: Int32Array
    latest: Int64Array
    time_cost: Int64Array
    skip_cost: Int64Array
    shift_begin: Int64Array
    shift_limit: Int64Array
    shift_hard_end: Int64Array
    start_place: Int32Array
    end_place: Int32Array
    occupied: npt.NDArray[np.bool_]
    pause: Int64Array
    num_pauses: Int32Array
    load_base: Int64Array
    load_hours: Int64Array
    reserve_from: Int64Array
    demand: Int32Array
    capacity: Int32Array
    travel: Int32Array
    profile_of: Int32Array
    fixed_cost: Int64Array
    rates: Int64Array

    @property
    def num_tickets(self) -> int:
        """Tickets to place."""
        return len(self.skip_cost)

    @property
    def num_shifts(self) -> int:
        """Shifts, each with one route."""
        return len(self.class_of)


TRAVEL, OVERTIME, BALANCE, RESERVE = range(4)
"""Positions in `Instance.rates`."""


class TicketRows(NamedTuple):
    """Tickets lowered apart from the others of their problem, by shift: see `Instance`.

    Attributes
    ----------
    blocked, assign_cost
        ``uint32[T, S]``, ``int64[T, S]``.
    duration, window, num_windows, latest, time_cost, skip_cost
        As in `Instance`. The price of leaving a ticket out is the one beside the problem's own
        tickets: prices that other tickets raise (lexicographic priorities, broken promises) are
        theirs.
    demand, capacity, capacity_names
        ``int32[T, D]``, ``int32[S, D]`` and what each column limits; only what these tickets need.
    """

    blocked: UInt32Array
    assign_cost: Int64Array
    duration: Int64Array
    window: Int64Array
    num_windows: Int32Array
    latest: Int64Array
    time_cost: Int64Array
    skip_cost: Int64Array
    demand: Int32Array
    capacity: Int32Array
    capacity_names: tuple[str, ...]

    def of(self, row: int) -> TicketRows:
        """Return one of the tickets alone."""
        only = slice(row, row + 1)
        return self._replace(**{name: getattr(self, name)[only] for name in self._fields[:-2]})


class FormBuilder:
    """Collects the forms while the rules lower themselves; `build` makes the `Instance`.

    Tickets and shifts are addressed by index, in the order of the ids given. Methods take sets of
    them, so that no rule loops over tickets times shifts.

    Parameters
    ----------
    ticket_ids, shift_ids
        Public ids; `started` tickets among them are folded into their shift by `build`.
    """

    def __init__(self, ticket_ids: Sequence[str], shift_ids: Sequence[str]) -> None:
        self.ticket_ids = tuple(ticket_ids)
        self.shift_ids = tuple(shift_ids)
        self.ticket_index = {ticket_id: t for t, ticket_id in enumerate(ticket_ids)}
        self.shift_index = {shift_id: s for s, shift_id in enumerate(shift_ids)}
        num_t, num_s = len(ticket_ids), len(shift_ids)
        self._blocked = np.zeros((num_t, num_s), dtype=np.uint32)
        self._assign = np.zeros((num_t, num_s), dtype=np.int64)
        self._duration: Int64Array = np.ones((num_t, 1), dtype=np.int64)
        self._pace = np.zeros(num_s, dtype=np.int32)
        self._place = np.zeros(num_t, dtype=np.int32)
        self._windows: list[Sequence[tuple[int, int]]] = [((0, FOREVER),)] * num_t
        self._latest = np.full(num_t, FOREVER, dtype=np.int64)
        self._pieces: list[list[tuple[int, int, int]]] = [[] for _ in range(num_t)]
        self._skip = np.zeros(num_t, dtype=np.int64)
        self._hours = np.zeros((num_s, 3), dtype=np.int64)
        self._ends = np.zeros((num_s, 2), dtype=np.int32)
        self._pause = np.full((num_s, 2, 3), FOREVER, dtype=np.int64)
        self._num_pauses = np.zeros(num_s, dtype=np.int32)
        self._base = np.zeros(num_s, dtype=np.int64)
        self._paid = np.ones(num_s, dtype=np.int64)
        self._reserve_from = np.full(num_s, FOREVER, dtype=np.int64)
        self._capacities: dict[str, tuple[Int32Array, Int32Array]] = {}
        self._travel: Int32Array = np.zeros((1, 1, 1), dtype=np.int32)
        self._profile = np.zeros(num_s, dtype=np.int32)
        self._rates = np.zeros(4, dtype=np.int64)
        self._pins: dict[int, tuple[int, int]] = {}
        self._started: dict[int, tuple[int, int]] = {}
        self.rule_bit = 0
        """Bit of the rule being lowered; set by the registry."""

    def forbid(self, tickets: Iterable[int], shifts: Iterable[int]) -> None:
        """Forbid every one of the tickets on every one of the shifts."""
        rows, columns = _indices(tickets), _indices(shifts)
        if rows.size and columns.size:
            self._blocked[np.ix_(rows, columns)] |= np.uint32(1 << self.rule_bit)

    def price(self, tickets: Iterable[int], shifts: Iterable[int], amount: int) -> None:
        """Add a cost to every one of the tickets on every one of the shifts."""
        rows, columns = _indices(tickets), _indices(shifts)
        if amount and rows.size and columns.size:
            self._assign[np.ix_(rows, columns)] += amount

    def set_durations(
        self, seconds_by_pace: Sequence[Sequence[int]], pace_of: Sequence[int]
    ) -> None:
        """Set seconds on site ``[T, F]`` and the pace of each shift."""
        num_t = len(self.ticket_ids)
        num_f = len(seconds_by_pace[0]) if num_t else 1 + max(pace_of, default=0)
        self._duration = np.array(seconds_by_pace, dtype=np.int64).reshape(num_t, num_f)
        self._pace[:] = pace_of

    def set_places(self, places: Sequence[int], ends: Sequence[tuple[int, int]]) -> None:
        """Set the place of each ticket, start and end place (-1: none) of each shift."""
        self._place[:] = places
        self._ends[:] = np.array(ends, dtype=np.int32).reshape(-1, 2)

    def set_travel(self, seconds: Int32Array, profile_of: Sequence[int]) -> None:
        """Set travel seconds ``[P, L, L]`` and the profile of each shift."""
        self._travel = seconds
        self._profile[:] = profile_of

    def set_windows(self, ticket: int, windows: Sequence[tuple[int, int]]) -> None:
        """Set the sorted, disjoint windows for the start of service; empty: never."""
        self._windows[ticket] = windows

    def set_latest(self, ticket: int, end: int) -> None:
        """Set the hard limit on the end of service."""
        self._latest[ticket] = end

    def add_time_cost(self, ticket: int, after: int, *, jump: int = 0, per_hour: int = 0) -> None:
        """Price ending after a second: once, and per hour beyond it."""
        if jump or per_hour:
            self._pieces[ticket].append((after, jump, per_hour))

    def add_skip_cost(self, ticket: int, amount: int) -> None:
        """Price leaving a ticket out."""
        self._skip[ticket] += amount

    def set_hours(self, shift: int, begin: int, limit: int, hard_end: int) -> None:
        """Set when a route may begin, overtime begins, and the route must have ended."""
        self._hours[shift] = begin, limit, hard_end

    def add_pause(self, shift: int, earliest: int, latest: int, duration: int) -> None:
        """Add a break, at most two on a shift."""
        count = self._num_pauses[shift]
        self._pause[shift, count] = earliest, latest, duration
        self._num_pauses[shift] = count + 1

    def set_load(self, shift: int, base: int, hours: int) -> None:
        """Set the work that counts already and the paid time, in seconds."""
        self._base[shift], self._paid[shift] = base, hours

    def set_reserve(self, shift: int, work: int) -> None:
        """Price work beyond so many seconds."""
        self._reserve_from[shift] = work

    def set_travel_rate(self, per_hour: int) -> None:
        """Price an hour of travel."""
        self._rates[TRAVEL] = per_hour

    def set_overtime_rate(self, per_hour: int) -> None:
        """Price an hour beyond the shift."""
        self._rates[OVERTIME] = per_hour

    def set_balance_rate(self, per_hour: int) -> None:
        """Price load: rate of W^2 / H."""
        self._rates[BALANCE] = per_hour

    def set_reserve_rate(self, per_hour: int) -> None:
        """Price an hour of the room kept free."""
        self._rates[RESERVE] = per_hour

    def add_capacity(
        self, name: str, demand: Mapping[int, int], capacity: Mapping[int, int]
    ) -> None:
        """Limit what a route may take of something, under a name of its own.

        Demand by ticket, 0 where absent; capacity by shift, unlimited where absent.

        Raises
        ------
        InvalidProblemError
            If the tickets together could fill a capacity that counts as unlimited.
        """
        need = np.zeros(len(self.ticket_ids), dtype=np.int64)
        room = np.full(len(self.shift_ids), UNLIMITED, dtype=np.int64)
        # One more than any shift holds is as good as any larger amount, and keeps the sums small.
        enough = max(capacity.values(), default=0) + 1
        for ticket, amount in demand.items():
            need[ticket] = min(amount, enough)
        for shift, amount in capacity.items():
            room[shift] = min(amount, UNLIMITED)
        _refuse_large_demands(int(need.sum()))
        self._capacities[name] = need.astype(np.int32), room.astype(np.int32)

    @property
    def capacity_names(self) -> tuple[str, ...]:
        """What each column of `demand` and `capacity` limits."""
        return tuple(self._capacities)

    def pin(self, ticket: int, shift: int, start: int) -> None:
        """Fix a ticket to a shift and a start; waives whatever forbids it there."""
        self._pins[ticket] = (shift, start)

    def begin_with(self, ticket: int, shift: int, end: int) -> None:
        """Fold a started visit into its shift; it ends at `end`."""
        self.pin(ticket, shift, end)
        self._started[ticket] = (shift, end)

    def build(self) -> tuple[Instance, tuple[str, ...]]:
        """Return the instance and the ids of its tickets (those not started).

        Raises
        ------
        InvalidProblemError
            If costs could reach 2**53.
        """
        self._apply_pins()
        kept = np.array(
            [t for t in range(len(self.ticket_ids)) if t not in self._started], dtype=np.int64
        )
        demand, capacity = self._capacity_table(kept)
        blocked, assign, class_of = self._classes(kept)
        pieces = self._piece_table()
        window, num_windows = self._window_table()
        instance = Instance(
            blocked=blocked,
            assign_cost=assign,
            class_of=class_of,
            duration=self._duration[kept],
            pace_of=self._pace,
            place=self._place[kept],
            window=window[kept],
            num_windows=num_windows[kept],
            latest=self._latest[kept],
            time_cost=pieces[kept],
            skip_cost=self._skip[kept],
            shift_begin=self._hours[:, 0].copy(),
            shift_limit=self._hours[:, 1].copy(),
            shift_hard_end=self._hours[:, 2].copy(),
            start_place=self._ends[:, 0].copy(),
            end_place=self._ends[:, 1].copy(),
            occupied=self._occupied(),
            pause=self._pause,
            num_pauses=self._num_pauses,
            load_base=self._base,
            load_hours=self._paid,
            reserve_from=self._reserve_from,
            demand=demand,
            capacity=capacity,
            travel=self._travel,
            profile_of=self._profile,
            fixed_cost=self._fixed_cost(),
            rates=self._rates,
        )
        _refuse_large_costs(instance)
        return instance, tuple(self.ticket_ids[t] for t in kept)

    def rows(self) -> TicketRows:
        """Return what was lowered for the tickets alone, by shift instead of by class.

        None of them may be pinned or started: such a ticket changes its shift.
        """
        assert not self._pins, "a pinned ticket is no row of its own"
        everyone = np.arange(len(self.ticket_ids))
        demand, capacity = self._capacity_table(everyone)
        window, num_windows = self._window_table()
        return TicketRows(
            blocked=self._blocked,
            assign_cost=self._assign,
            duration=self._duration,
            window=window,
            num_windows=num_windows,
            latest=self._latest,
            time_cost=self._piece_table(),
            skip_cost=self._skip,
            demand=demand,
            capacity=capacity,
            capacity_names=self.capacity_names,
        )

    def _apply_pins(self) -> None:
        forbidden = np.uint32(1 << self.rule_bit)
        for ticket, (shift, start) in self._pins.items():
            self._blocked[ticket] |= forbidden
            self._blocked[ticket, shift] = 0
            self._windows[ticket] = ((start, start),)
            self._latest[ticket] = FOREVER

    def _occupied(self) -> npt.NDArray[np.bool_]:
        occupied = np.zeros(len(self.shift_ids), dtype=np.bool_)
        for shift, _ in self._started.values():
            occupied[shift] = True
        return occupied

    def _fixed_cost(self) -> Int64Array:
        fixed = np.zeros(len(self.shift_ids), dtype=np.int64)
        for ticket, (shift, end) in self._started.items():
            pieces = (p for p in self._pieces[ticket] if end > p[0])
            timed = sum(jump - (-rate * (end - after) // 3600) for after, jump, rate in pieces)
            fixed[shift] += self._assign[ticket, shift] + timed
        return fixed

    def _capacity_table(self, kept: Int64Array) -> tuple[Int32Array, Int32Array]:
        num_d = len(self._capacities)
        demand = np.zeros((len(self.ticket_ids), num_d), dtype=np.int32)
        capacity = np.zeros((len(self.shift_ids), num_d), dtype=np.int32)
        for d, (need, room) in enumerate(self._capacities.values()):
            demand[:, d], capacity[:, d] = need, room
            for ticket, (shift, _) in self._started.items():
                capacity[shift, d] = max(0, capacity[shift, d] - need[ticket])
        return demand[kept], capacity

    def _classes(self, kept: Int64Array) -> tuple[UInt32Array, Int64Array, Int32Array]:
        blocked, assign = self._blocked[kept], self._assign[kept]
        class_of = np.zeros(len(self.shift_ids), dtype=np.int32)
        seen: dict[bytes, int] = {}
        first: list[int] = []
        for shift in range(len(self.shift_ids)):
            key = blocked[:, shift].tobytes() + assign[:, shift].tobytes()
            if key not in seen:
                seen[key] = len(first)
                first.append(shift)
            class_of[shift] = seen[key]
        return (
            np.ascontiguousarray(blocked[:, first]),
            np.ascontiguousarray(assign[:, first]),
            class_of,
        )

    def _piece_table(self) -> Int64Array:
        width = max((len(pieces) for pieces in self._pieces), default=0)
        table = np.zeros((len(self.ticket_ids), width, 3), dtype=np.int64)
        table[:, :, 0] = FOREVER
        for ticket, pieces in enumerate(self._pieces):
            if pieces:
                table[ticket, : len(pieces)] = sorted(pieces)
        return table

    def _window_table(self) -> tuple[Int64Array, Int32Array]:
        counts = np.array([len(windows) for windows in self._windows], dtype=np.int32)
        width = max(1, int(counts.max(initial=1)))
        table = np.full((len(self.ticket_ids), width, 2), FOREVER, dtype=np.int64)
        for ticket, windows in enumerate(self._windows):
            if windows:
                table[ticket, : len(windows)] = windows
        return table, counts


def _indices(items: Iterable[int]) -> Int64Array:
    return np.fromiter(items, dtype=np.int64)


def _refuse_large_demands(total: int) -> None:
    if total >= UNLIMITED:
        message = (
            "the tickets ask for 2**30 or more of one part in all, so that sums would overflow; "
            "correct the amounts in the tickets' parts and in the stock"
        )
        raise InvalidProblemError([Issue("ticket", "", "parts", str(total), message)])


def largest_cost(instance: Instance) -> tuple[int, int]:
    """Return what no plan's cost exceeds, and the largest product on the way to it."""
    last = int(instance.shift_hard_end.max(initial=0))
    total = int(instance.fixed_cost.sum()) + sum(instance.skip_cost.tolist())
    total += int(instance.assign_cost.max(initial=0)) * instance.num_tickets
    largest = 0
    for after, jump, rate in instance.time_cost.reshape(-1, 3).tolist():
        if after < last:
            total += jump + rate * (last - after) // 3600 + 1
            largest = max(largest, rate * (last - after))
    for s in range(instance.num_shifts):
        for price, product in _largest_prices(instance, s):
            total += price
            largest = max(largest, product)
    return total, largest


def _refuse_large_costs(instance: Instance) -> None:
    """Refuse a problem in which a cost could reach 2**53, or a product on the way to it 2**60."""
    total, largest = largest_cost(instance)
    if total >= MAX_COST or largest >= MAX_PRODUCT:
        raise InvalidProblemError(
            [
                Issue(
                    "policy",
                    "",
                    "",
                    str(total),
                    "costs of this problem could reach 2**53, or rates times seconds 2**60, and "
                    "would no longer be exact; lower the largest prices (with preset strict: plan "
                    "fewer tickets at once or set shorter shifts or max_visits)",
                )
            ]
        )


def _largest_prices(instance: Instance, s: int) -> Iterator[tuple[int, int]]:
    """Yield what travel, overtime, reserve and load of a shift can cost, and the product before."""
    hours, hard_end = int(instance.load_hours[s]), int(instance.shift_hard_end[s])
    longest = max(0, hard_end - int(instance.shift_begin[s]))
    work = int(instance.load_base[s]) + longest
    travel, overtime, balance, reserve = instance.rates.tolist()
    beyond = max(0, hard_end - int(instance.shift_limit[s]))
    for product in (travel * longest, overtime * beyond, reserve * work):
        # Each leg is rounded up; there are no more than tickets and the way home.
        yield product // 3600 + instance.num_tickets + 1, product
    knot = 10 * work // hours
    # The parts of the chord, k^2 H and (2k + 1)(10 W - k H), are no larger than this together.
    chord = knot * knot * hours + 20 * (knot + 1) * work
    yield balance * chord // 360_000 + 1, balance * chord
