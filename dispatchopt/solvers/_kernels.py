"""Compiled search kernels: exact route evaluation with every form, insertion, ruin and recreate.

All ``@njit`` functions live in this one file, because numba's cache does not notice edits in
others. They take a `Search` (the instance, laid out for the kernels), a `Chain` (one chain's state)
and scalars; they run without the interpreter's lock. Each has a plain twin in the tests.

A route is kept with the schedule that costs least: `code` says which breaks lie on which leg.
Insertions are tried with the breaks left on their legs (or, in the leg that is split, on either
half; a break not taken yet on either new leg); after each change of a route its breaks are placed
anew, exactly. Costs of routes are always exact.

Break codes of a leg: 0 none, 1 the first, 2 the second, 3 first then second, 4 second then first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba.extending import intrinsic

from dispatchopt.solvers.cache import njit

if TYPE_CHECKING:
    from collections.abc import Callable

Array = npt.NDArray[Any]  # Any: kernels mix integer widths

_int64 = cast("Callable[[Any], int]", np.int64)  # Any: a number; an int, as numba sees it

FOREVER = 1 << 40
INFEASIBLE = 1 << 60
MAX_LABELS = 512
"""Labels kept per leg while breaks are placed; beyond it the last one found gives way. A route
whose breaks could lie in more undominated ways may then look dearer, or infeasible, than it is."""


class Search(NamedTuple):
    """An instance laid out for the kernels; nodes are tickets first, then places of shifts.

    Few wide tables instead of many narrow arrays: every array of a tuple costs time at each call.
    """

    dist: Array  # int32[P, N, N] travel seconds
    shift: Array  # int64[S, CAPACITY + D], columns below
    ticket: Array  # int64[T, ...], columns below and in `meta`
    assign: Array  # int64[T, C] cost by shift class
    pair_shift: Array  # int64[pairs]: the shifts that each ticket may join, ticket by ticket
    legal: Array  # bool[T, S]
    near: Array  # int64[T, M]: nearest tickets first, itself included
    meta: Array  # int64[12], positions below


(PROFILE, START, END, BEGIN, LIMIT, HARD_END, OCCUPIED, PAUSES, PAUSE) = range(9)
(LOAD_BASE, LOAD_HOURS, RESERVE_FROM, FIXED, CLASS, PACE, PLAIN, CAPACITY) = range(14, 22)
"""Columns of `Search.shift`. PAUSE..PAUSE + 5: earliest, latest, duration of each break. END is -1
where the route ends with its last visit; PLAIN: only windows, hours and travel matter there."""

WINDOWS, LATEST, SKIP, PAIR, PAIR_END, WINDOW = range(6)
"""Columns of `Search.ticket`: number of windows, latest end, price of leaving it out, its pairs
``PAIR..PAIR_END - 1``; from WINDOW on open and close of each window, then, from the columns in
`meta` on, time-cost pieces (from, jump, rate), seconds on site by pace, demands."""

TRAVEL_RATE, OVERTIME_RATE, BALANCE_RATE, RESERVE_RATE = range(4)
PIECE, NUM_PIECES, DURATION, DEMAND, NUM_DEMANDS = range(4, 9)
"""Positions in `Search.meta`."""


class Chain(NamedTuple):
    """State of one chain."""

    visits: Array  # int64[S, R]
    times: Array  # int64[S, R + 1, 5] by position, columns below
    route: Array  # int64[S, USED + D], columns below
    member: Array  # int64[T, 4], columns below
    lists: Array  # int64[4, max(S, T)]: ABSENT, TOUCHED, CHANGED, QUEUE
    cache: Array  # int64[pairs, 3]: version of the route, added cost, position
    saved: Array  # int64[S, R]: visits of touched routes as they were
    best: Array  # int64[S, R + 1]: length and visits of the best routes
    rank: Array  # float64[T]
    label: Array  # int64[R + 2, MAX_LABELS + 1, 5]: time, cost, taken, parent, code; last: count
    num: Array  # int64[16], positions below
    random: Array  # uint64[1]


BEG, FIN, LATE, LOOSE, CODE = range(5)
"""Columns of `Chain.times`: start and end of service, latest arrival that keeps the rest feasible,
the same if every break were taken, breaks on the leg that leads to the position."""

LENGTH, ROUTE_END, COST_OF, WORK, VERSION, UNTAKEN, TOUCHED_AT = range(7)
SAVED_LENGTH, SAVED_VERSION, USED = range(7, 10)
"""Columns of `Chain.route`: visits, end (-1: empty), cost, seconds of service and travel, version,
bits of breaks not taken, place in the list of touched routes (-1: not), and from USED on the
capacities used."""

ROUTE_OF, ABSENT_AT, CHANGED_FROM, CHANGED_AT = range(4)
"""Columns of `Chain.member`: route (-1: absent), place in the list of absent tickets (-1: not),
route before this iteration, place in the list of moved tickets (-1: not)."""

ABSENT, TOUCHED, CHANGED, QUEUE = range(4)
"""Rows of `Chain.lists`."""

COST, BEST, NUM_ABSENT, NUM_TOUCHED, NUM_CHANGED, NEXT_VERSION, ITERATION, ACCEPTED = range(8)
"""Positions in `Chain.num`."""


@intrinsic
def _borrow(_typing: Any, array: Any) -> Any:  # Any: numba's own types
    """Return the same array without an owner: passing it on counts no references.

    Only while the caller holds the array. Spares the atomic counting of references at each call;
    how much of the search's time that is has not been measured apart.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        view.meminfo = ir.Constant(view.meminfo.type, None)
        view.parent = ir.Constant(view.parent.type, None)
        return view._getvalue()

    return array(array), codegen


_borrowed = cast("Callable[[Array], Array]", _borrow)  # numba itself passes the first argument


@njit(cache=True, nogil=True)
def _borrow_search(k: Search) -> Search:
    return Search(
        _borrowed(k.dist),
        _borrowed(k.shift),
        _borrowed(k.ticket),
        _borrowed(k.assign),
        _borrowed(k.pair_shift),
        _borrowed(k.legal),
        _borrowed(k.near),
        _borrowed(k.meta),
    )


@njit(cache=True, nogil=True)
def _borrow_chain(c: Chain) -> Chain:
    return Chain(
        _borrowed(c.visits),
        _borrowed(c.times),
        _borrowed(c.route),
        _borrowed(c.member),
        _borrowed(c.lists),
        _borrowed(c.cache),
        _borrowed(c.saved),
        _borrowed(c.best),
        _borrowed(c.rank),
        _borrowed(c.label),
        _borrowed(c.num),
        _borrowed(c.random),
    )


@njit(cache=True, nogil=True)
def _next(random: Array) -> Any:
    """Return 64 random bits: splitmix64 (Steele, Lea, Flood 2014)."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _below(random: Array, n: int) -> int:
    """Return a random integer in ``0..n-1``."""
    return _int64((_next(random) >> np.uint64(11)) % np.uint64(n))


@njit(cache=True, nogil=True)
def _unit(random: Array) -> float:
    """Return a random float in (0, 1)."""
    return (np.float64(_next(random) >> np.uint64(12)) + 0.5) * (1.0 / 4503599627370496.0)


@njit(cache=True, nogil=True)
def _leg_price(rate: int, seconds: int) -> int:
    if rate == 3600:
        return seconds
    return (rate * seconds + 3599) // 3600


@njit(cache=True, nogil=True)
def _time_price(ticket: Array, piece: int, num_pieces: int, t: int, end: int) -> int:
    """Price of ticket t ending at that second; its pieces begin in column `piece`."""
    price = 0
    for column in range(piece, piece + 3 * num_pieces, 3):
        late = end - ticket[t, column]
        if late > 0:
            price += ticket[t, column + 1] + (ticket[t, column + 2] * late + 3599) // 3600
    return price


@njit(cache=True, nogil=True)
def _overtime_price(shift: Array, rate: int, s: int, end: int) -> int:
    late = end - shift[s, LIMIT]
    if late <= 0 or rate == 0:
        return 0
    return _int64((rate * late + 3599) // 3600)


@njit(cache=True, nogil=True)
def _load_total(shift: Array, meta: Array, s: int, total: int) -> int:
    """Price of so many seconds of work on a shift, the work it carries already included."""
    price = 0
    if meta[BALANCE_RATE]:
        hours = shift[s, LOAD_HOURS]
        knot = 10 * total // hours
        chord = knot * knot * hours + (2 * knot + 1) * (10 * total - knot * hours)
        price = (meta[BALANCE_RATE] * chord + 359_999) // 360_000
    if meta[RESERVE_RATE] and total > shift[s, RESERVE_FROM]:
        price += (meta[RESERVE_RATE] * (total - shift[s, RESERVE_FROM]) + 3599) // 3600
    return price


@njit(cache=True, nogil=True)
def _load_price(shift: Array, meta: Array, s: int, work: int) -> int:
    """Price of a route's work: balance and reserve, less their value for no work."""
    base = shift[s, LOAD_BASE]
    return _load_total(shift, meta, s, base + work) - _load_total(shift, meta, s, base)


@njit(cache=True, nogil=True)
def _start(ticket: Array, t: int, arrival: int) -> int:
    """Return the earliest start of service at or after the arrival, -1 if there is none."""
    for w in range(ticket[t, WINDOWS]):
        if ticket[t, WINDOW + 2 * w + 1] >= arrival:
            return _int64(max(arrival, ticket[t, WINDOW + 2 * w]))
    return -1


@njit(cache=True, nogil=True)
def _arrival(shift: Array, s: int, departure: int, travel: int, code: int) -> int:
    """Return the arrival on a leg with the breaks of `code`, -1 if one of them is too late."""
    arrival = departure + travel
    if code == 0:
        return arrival
    first = 0 if code == 1 or code == 3 else 1
    for step in range(2 if code >= 3 else 1):
        i = first if step == 0 else 1 - first
        if departure > shift[s, PAUSE + 3 * i + 1]:
            return -1
        arrival = max(arrival, shift[s, PAUSE + 3 * i]) + shift[s, PAUSE + 3 * i + 2]
        departure = max(departure, shift[s, PAUSE + 3 * i]) + shift[s, PAUSE + 3 * i + 2]
    return arrival


@njit(cache=True, nogil=True)
def _latest_departure(shift: Array, s: int, arrival: int, travel: int, code: int) -> int:
    """Return the latest departure that arrives by then, a negative number if there is none."""
    if code == 0:
        return arrival - travel
    first = 0 if code == 1 or code == 3 else 1
    left = arrival
    cap = FOREVER
    for step in range(1 if code >= 3 else 0, -1, -1):
        i = first if step == 0 else 1 - first
        earliest, latest, duration = (
            shift[s, PAUSE + 3 * i],
            shift[s, PAUSE + 3 * i + 1],
            shift[s, PAUSE + 3 * i + 2],
        )
        if earliest + duration > left or earliest + duration > cap:
            return -1
        left -= duration
        cap = min(latest, cap - duration)
    return min(left - travel, cap)


@njit(cache=True, nogil=True)
def _latest_start(ticket: Array, t: int, bound: int) -> int:
    """Return the latest start of service in a window that is at most `bound`, -1 if none."""
    for w in range(ticket[t, WINDOWS] - 1, -1, -1):
        if ticket[t, WINDOW + 2 * w] <= bound:
            return _int64(min(bound, ticket[t, WINDOW + 2 * w + 1]))
    return -1


@njit(cache=True, nogil=True)
def _place_breaks(k: Search, c: Chain, s: int) -> int:
    """Place the breaks of a route where they cost least; fill codes and times.

    Labels (time, cost, breaks taken) are propagated leg by leg; one that is neither earlier nor
    cheaper than another with the same breaks taken is dropped.

    Returns
    -------
    int
        Time-dependent cost, overtime included; `INFEASIBLE` if there is no schedule.
    """
    n = c.route[s, LENGTH]
    profile = k.shift[s, PROFILE]
    pace = k.meta[DURATION] + k.shift[s, PACE]
    all_taken = (1 << k.shift[s, PAUSES]) - 1
    legs = n + 1 if k.shift[s, END] >= 0 else n
    label = c.label
    label[0, 0, 0], label[0, 0, 1], label[0, 0, 2], label[0, 0, 3] = k.shift[s, BEGIN], 0, 0, -1
    label[0, MAX_LABELS, 0] = 1
    node = k.shift[s, START]
    for leg in range(legs):
        goal = c.visits[s, leg] if leg < n else k.shift[s, END]
        travel = _int64(k.dist[profile, node, goal])
        count = 0
        for p in range(label[leg, MAX_LABELS, 0]):
            taken = label[leg, p, 2]
            for code in range(5):
                mask = code if code < 3 else 3
                if mask & taken or mask & ~all_taken:
                    continue
                time = _arrival(k.shift, s, label[leg, p, 0], travel, code)
                if time < 0:
                    continue
                cost = label[leg, p, 1]
                if leg < n:
                    time = _start(k.ticket, goal, time)
                    if time < 0:
                        continue
                    time += k.ticket[goal, pace]
                    if time > k.ticket[goal, LATEST]:
                        continue
                    cost += _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], goal, time)
                elif time > k.shift[s, HARD_END]:
                    continue
                now = taken | mask
                dominated = False
                for q in range(count):
                    other = label[leg + 1, q]
                    if other[2] == now and other[0] <= time and other[1] <= cost:
                        dominated = True
                        break
                if dominated:
                    continue
                kept = 0
                for q in range(count):
                    other = label[leg + 1, q]
                    if not (other[2] == now and other[0] >= time and other[1] >= cost):
                        if kept != q:
                            label[leg + 1, kept, :] = other
                        kept += 1
                count = kept
                if count == MAX_LABELS:
                    count -= 1
                new = label[leg + 1, count]
                new[0], new[1], new[2], new[3], new[4] = time, cost, now, p, code
                count += 1
        label[leg + 1, MAX_LABELS, 0] = count
        node = goal
    best, best_cost, best_time = -1, INFEASIBLE, INFEASIBLE
    for p in range(label[legs, MAX_LABELS, 0]):
        end, left = label[legs, p, 0], all_taken & ~label[legs, p, 2]
        if end > k.shift[s, HARD_END]:
            continue
        if (left & 1 and end > k.shift[s, PAUSE + 1]) or (left & 2 and end > k.shift[s, PAUSE + 4]):
            continue
        cost = label[legs, p, 1] + _overtime_price(k.shift, k.meta[OVERTIME_RATE], s, end)
        if cost < best_cost or (cost == best_cost and end < best_time):
            best, best_cost, best_time = p, cost, end
    if best < 0:
        return INFEASIBLE
    c.route[s, UNTAKEN] = all_taken & ~label[legs, best, 2]
    c.route[s, ROUTE_END] = best_time
    c.times[s, n, CODE] = 0
    for leg in range(legs - 1, -1, -1):
        c.times[s, leg, CODE] = label[leg + 1, best, 4]
        if leg < n:
            c.times[s, leg, FIN] = label[leg + 1, best, 0]
            c.times[s, leg, BEG] = c.times[s, leg, FIN] - k.ticket[c.visits[s, leg], pace]
        best = label[leg + 1, best, 3]
    return best_cost


@njit(cache=True, nogil=True)
def _forward(k: Search, c: Chain, s: int) -> int:
    """Fill the times of a route without breaks; return its time-dependent cost."""
    n = c.route[s, LENGTH]
    profile = k.shift[s, PROFILE]
    pace = k.meta[DURATION] + k.shift[s, PACE]
    time, node, price = k.shift[s, BEGIN], k.shift[s, START], 0
    for i in range(n):
        t = c.visits[s, i]
        time = _start(k.ticket, t, time + k.dist[profile, node, t])
        if time < 0:
            return INFEASIBLE
        c.times[s, i, BEG] = time
        time += k.ticket[t, pace]
        if time > k.ticket[t, LATEST]:
            return INFEASIBLE
        c.times[s, i, FIN] = time
        price += _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, time)
        node = t
    if k.shift[s, END] >= 0:
        time += k.dist[profile, node, k.shift[s, END]]
    if time > k.shift[s, HARD_END]:
        return INFEASIBLE
    c.route[s, ROUTE_END] = time
    return price + _overtime_price(k.shift, k.meta[OVERTIME_RATE], s, time)


@njit(cache=True, nogil=True)
def _backward(k: Search, c: Chain, s: int, column: int, end: int) -> None:
    """Fill the latest arrivals by position for a route that must end by `end`."""
    n = c.route[s, LENGTH]
    profile = k.shift[s, PROFILE]
    pace = k.meta[DURATION] + k.shift[s, PACE]
    bound = end
    c.times[s, n, column] = bound
    for i in range(n - 1, -1, -1):
        t = c.visits[s, i]
        if i < n - 1:
            bound = _latest_departure(
                k.shift,
                s,
                bound,
                _int64(k.dist[profile, t, c.visits[s, i + 1]]),
                c.times[s, i + 1, CODE],
            )
        elif k.shift[s, END] >= 0:
            bound = _latest_departure(
                k.shift, s, bound, _int64(k.dist[profile, t, k.shift[s, END]]), c.times[s, n, CODE]
            )
        bound = _latest_start(k.ticket, t, min(bound, k.ticket[t, LATEST]) - k.ticket[t, pace])
        c.times[s, i, column] = bound


@njit(cache=True, nogil=True)
def refresh(k: Search, c: Chain, s: int) -> bool:
    """Recompute everything about a route from its visits; return whether it is feasible.

    `cost`, times, breaks, work and used capacity are exact afterwards; the route gets a new
    version.
    """
    n = c.route[s, LENGTH]
    c.route[s, VERSION] = c.num[NEXT_VERSION]
    c.num[NEXT_VERSION] += 1
    for d in range(k.meta[NUM_DEMANDS]):
        c.route[s, USED + d] = 0
    if n == 0 and not k.shift[s, OCCUPIED]:
        c.route[s, COST_OF], c.route[s, WORK], c.route[s, ROUTE_END] = k.shift[s, FIXED], 0, -1
        c.times[s, 0, CODE] = 0
        c.route[s, UNTAKEN] = (1 << k.shift[s, PAUSES]) - 1
        c.times[s, 0, LATE] = k.shift[s, HARD_END]
        c.times[s, 0, LOOSE] = k.shift[s, HARD_END]
        for i in range(k.shift[s, PAUSES]):
            c.times[s, 0, LATE] = min(c.times[s, 0, LATE], k.shift[s, PAUSE + 3 * i + 1])
        return True
    profile = k.shift[s, PROFILE]
    price, work, node = 0, 0, k.shift[s, START]
    for i in range(n):
        t = c.visits[s, i]
        leg = _int64(k.dist[profile, node, t])
        price += _leg_price(k.meta[TRAVEL_RATE], leg) + k.assign[t, k.shift[s, CLASS]]
        work += leg + k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]]
        for d in range(k.meta[NUM_DEMANDS]):
            c.route[s, USED + d] += k.ticket[t, k.meta[DEMAND] + d]
        node = t
    if k.shift[s, END] >= 0:
        leg = _int64(k.dist[profile, node, k.shift[s, END]])
        price += _leg_price(k.meta[TRAVEL_RATE], leg)
        work += leg
    if k.shift[s, PAUSES]:
        timed = _place_breaks(k, c, s)
    else:
        c.route[s, UNTAKEN] = 0
        timed = _forward(k, c, s)
    if timed >= INFEASIBLE:
        return False
    end = k.shift[s, HARD_END]
    for i in range(k.shift[s, PAUSES]):
        if c.route[s, UNTAKEN] >> i & 1:
            end = min(end, k.shift[s, PAUSE + 3 * i + 1])
    _backward(k, c, s, _int64(LATE), end)
    if c.route[s, UNTAKEN]:
        _backward(k, c, s, _int64(LOOSE), k.shift[s, HARD_END])
    if k.meta[BALANCE_RATE] or k.meta[RESERVE_RATE]:
        price += _load_price(k.shift, k.meta, s, work)
    c.route[s, WORK] = work
    c.route[s, COST_OF] = k.shift[s, FIXED] + price + timed
    return True


@njit(cache=True, nogil=True)
def _insert_plain(
    dist: Array,
    shift: Array,
    ticket: Array,
    visits: Array,
    times: Array,
    rate: int,
    n: int,
    s: int,
    t: int,
    base: int,
    duration: int,
) -> tuple[int, int]:
    """Cheapest place where only windows, hours and travel matter: constant time a position."""
    profile, home = shift[s, PROFILE], shift[s, END]
    best, best_at = INFEASIBLE, _int64(-1)
    node, departure = shift[s, START], shift[s, BEGIN]
    windows = ticket[t, WINDOWS]
    opens = ticket[t, WINDOW]
    last = min(ticket[t, WINDOW + 2 * windows - 1], ticket[t, LATEST] - duration)
    travels_empty = shift[s, OCCUPIED] != 0
    for i in range(n + 1):
        if departure > last:
            break
        goal = _int64(visits[s, i]) if i < n else home
        to = _int64(dist[profile, node, t])
        onward, old = _int64(0), _int64(0)
        if goal >= 0:
            onward = _int64(dist[profile, t, goal])
            if n > 0 or travels_empty:
                old = _int64(dist[profile, node, goal])
        price = base + _leg_price(rate, to) + _leg_price(rate, onward) - _leg_price(rate, old)
        if price < best:
            start = (
                max(departure + to, opens) if windows == 1 else _start(ticket, t, departure + to)
            )
            if 0 <= start <= last and start + duration + onward <= times[s, i, LATE]:
                best, best_at = price, i
        if i < n:
            departure = times[s, i, FIN]
            node = goal
    return best, best_at


@njit(cache=True, nogil=True)
def _push(k: Search, c: Chain, s: int, at: int, arrival: int, room: int) -> int:
    """Cost of arriving later at position `at` and after; stops once it exceeds `room`."""
    n = c.route[s, LENGTH]
    profile = k.shift[s, PROFILE]
    price = 0
    for i in range(at, n):
        t = c.visits[s, i]
        start = _start(k.ticket, t, arrival)
        if start == c.times[s, i, BEG]:
            return price
        end = start + k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]]
        price += _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, end) - _time_price(
            k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, c.times[s, i, FIN]
        )
        if price >= room:
            return price
        goal = c.visits[s, i + 1] if i + 1 < n else k.shift[s, END]
        if goal >= 0:
            arrival = _arrival(
                k.shift, s, end, _int64(k.dist[profile, t, goal]), c.times[s, i + 1, CODE]
            )
        else:
            arrival = end
    price += _overtime_price(k.shift, k.meta[OVERTIME_RATE], s, arrival)
    if c.route[s, ROUTE_END] >= 0:
        price -= _overtime_price(k.shift, k.meta[OVERTIME_RATE], s, c.route[s, ROUTE_END])
    return price


@njit(cache=True, nogil=True)
def _insert_full(k: Search, c: Chain, s: int, t: int, base: int) -> tuple[int, int]:
    """Cheapest place with every form; breaks stay on their legs, see the module's docstring."""
    n = c.route[s, LENGTH]
    profile = k.shift[s, PROFILE]
    duration = k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]]
    home = k.shift[s, END]
    loaded = k.meta[BALANCE_RATE] != 0 or k.meta[RESERVE_RATE] != 0
    worked = k.shift[s, LOAD_BASE] + c.route[s, WORK]
    load = _load_total(k.shift, k.meta, s, worked) if loaded else 0
    best, best_at = INFEASIBLE, _int64(-1)
    node, departure = k.shift[s, START], k.shift[s, BEGIN]
    last_close = min(
        k.ticket[t, WINDOW + 2 * k.ticket[t, WINDOWS] - 1], k.ticket[t, LATEST] - duration
    )
    soonest = max(k.shift[s, BEGIN], k.ticket[t, WINDOW]) + duration
    base += _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, soonest)
    for i in range(n + 1):
        goal = c.visits[s, i] if i < n else home
        if departure > last_close:
            break
        to = _int64(k.dist[profile, node, t])
        onward = _int64(k.dist[profile, t, goal]) if goal >= 0 else 0
        old = 0
        if goal >= 0 and (n > 0 or k.shift[s, OCCUPIED]):
            old = _int64(k.dist[profile, node, goal])
        price = (
            base
            + _leg_price(k.meta[TRAVEL_RATE], to)
            + _leg_price(k.meta[TRAVEL_RATE], onward)
            - _leg_price(k.meta[TRAVEL_RATE], old)
        )
        # In some tables the way over the ticket is shorter, and what follows becomes cheaper.
        shorter = to + duration + onward < old
        if (price < best or shorter) and departure + to <= last_close:
            if loaded:
                total_work = worked + duration + to + onward - old
                price += _load_total(k.shift, k.meta, s, total_work) - load
                if price >= best and not shorter:
                    if i < n:
                        departure = c.times[s, i, FIN]
                        node = goal
                    continue
            code, free = c.times[s, i, CODE], c.route[s, UNTAKEN]
            splits = 1 if code == 0 and free == 0 else 3 if k.shift[s, PAUSES] == 1 else 9
            for split in range(splits):
                # `split` says where the breaks of this leg and those not taken go: before (b) the
                # visit, after it, or nowhere; base 3, one digit for each break.
                before, after, taken = 0, 0, 0
                valid = True
                if code == 0 and free == 0:
                    valid = split == 0
                else:
                    digit = split
                    for b in range(2):
                        choice = digit % 3
                        digit //= 3
                        bit = 1 << b
                        here = code >= 3 or code == bit
                        if here or free & bit:
                            if choice == 0 and here:
                                valid = False
                            elif choice == 1:
                                before |= bit
                            elif choice == 2:
                                after |= bit
                            if choice and free & bit:
                                taken |= bit
                        elif choice:
                            valid = False
                if not valid:
                    continue
                if code == 4:
                    before = 4 if before == 3 else before
                    after = 4 if after == 3 else after
                arrival = _arrival(k.shift, s, departure, to, before)
                if arrival < 0:
                    continue
                start = _start(k.ticket, t, arrival)
                if start < 0 or start + duration > k.ticket[t, LATEST]:
                    continue
                end = start + duration
                if goal >= 0:
                    arrival = _arrival(k.shift, s, end, onward, after)
                    if arrival < 0:
                        continue
                else:
                    if after:
                        continue
                    arrival = end
                left = free & ~taken
                if left == free:
                    if arrival > c.times[s, i, LATE]:
                        continue
                elif arrival > c.times[s, i, LOOSE] or (left and arrival > c.times[s, i, LATE]):
                    continue
                total = (
                    price
                    + _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, end)
                    - _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, soonest)
                )
                if total < best or shorter:
                    room = INFEASIBLE if shorter else best - total
                    total += _push(k, c, s, i, arrival, room)
                    if total < best:
                        best, best_at = total, i
        if i < n:
            departure = c.times[s, i, FIN]
            node = goal
    return best, best_at


@njit(cache=True, nogil=True)
def cheapest_place(k: Search, c: Chain, s: int, t: int) -> tuple[int, int]:
    """Cheapest place of a ticket in a route: added cost (`INFEASIBLE`: none) and position."""
    for d in range(k.meta[NUM_DEMANDS]):
        if c.route[s, USED + d] + k.ticket[t, k.meta[DEMAND] + d] > k.shift[s, CAPACITY + d]:
            return INFEASIBLE, -1
    if k.ticket[t, WINDOWS] == 0:
        return INFEASIBLE, -1
    base = k.assign[t, k.shift[s, CLASS]]
    if k.shift[s, PLAIN]:
        return _insert_plain(
            k.dist,
            k.shift,
            k.ticket,
            c.visits,
            c.times,
            k.meta[TRAVEL_RATE],
            c.route[s, LENGTH],
            s,
            t,
            base,
            k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]],
        )
    return _insert_full(k, c, s, t, base)


@njit(cache=True, nogil=True)
def _touch(c: Chain, s: int) -> None:
    """Remember a route as it is, once an iteration."""
    if c.route[s, TOUCHED_AT] >= 0:
        return
    at = c.num[NUM_TOUCHED]
    c.lists[TOUCHED, at] = s
    c.route[s, TOUCHED_AT] = at
    c.num[NUM_TOUCHED] += 1
    n = c.route[s, LENGTH]
    c.route[s, SAVED_LENGTH] = n
    c.route[s, SAVED_VERSION] = c.route[s, VERSION]
    for i in range(n):
        c.saved[s, i] = c.visits[s, i]


@njit(cache=True, nogil=True)
def _note(c: Chain, t: int) -> None:
    """Remember where a ticket was, once an iteration."""
    if c.member[t, CHANGED_AT] < 0:
        at = c.num[NUM_CHANGED]
        c.lists[CHANGED, at] = t
        c.member[t, CHANGED_AT] = at
        c.member[t, CHANGED_FROM] = c.member[t, ROUTE_OF]
        c.num[NUM_CHANGED] += 1


@njit(cache=True, nogil=True)
def _put_out(c: Chain, t: int) -> None:
    c.member[t, ROUTE_OF] = -1
    if c.member[t, ABSENT_AT] < 0:
        at = c.num[NUM_ABSENT]
        c.lists[ABSENT, at] = t
        c.member[t, ABSENT_AT] = at
        c.num[NUM_ABSENT] += 1


@njit(cache=True, nogil=True)
def _put_in(c: Chain, t: int, s: int) -> None:
    c.member[t, ROUTE_OF] = s
    at = c.member[t, ABSENT_AT]
    if at >= 0:
        last = c.lists[ABSENT, c.num[NUM_ABSENT] - 1]
        c.lists[ABSENT, at] = last
        c.member[last, ABSENT_AT] = at
        c.member[t, ABSENT_AT] = -1
        c.num[NUM_ABSENT] -= 1


@njit(cache=True, nogil=True)
def insert(k: Search, c: Chain, s: int, t: int, at: int) -> bool:
    """Insert a ticket at a position; return whether the route is feasible (else it is undone)."""
    _touch(c, s)
    _note(c, t)
    n = c.route[s, LENGTH]
    before = c.route[s, COST_OF]
    for i in range(n, at, -1):
        c.visits[s, i] = c.visits[s, i - 1]
    c.visits[s, at] = t
    c.route[s, LENGTH] = n + 1
    if not refresh(k, c, s):
        for i in range(at, n):
            c.visits[s, i] = c.visits[s, i + 1]
        c.route[s, LENGTH] = n
        refresh(k, c, s)
        return False
    _put_in(c, t, s)
    c.num[COST] += c.route[s, COST_OF] - before - k.ticket[t, SKIP]
    return True


@njit(cache=True, nogil=True)
def _remove_range(k: Search, c: Chain, s: int, first: int, size: int, skip: int, gap: int) -> None:
    """Remove `size` visits from position `first` on, keeping `gap` of them after `skip`."""
    _touch(c, s)
    n = c.route[s, LENGTH]
    before = c.route[s, COST_OF]
    out = first
    for i in range(first, n):
        t = c.visits[s, i]
        offset = i - first
        if offset < size + gap and not (skip <= offset < skip + gap):
            _note(c, t)
            _put_out(c, t)
            c.num[COST] += k.ticket[t, SKIP]
        else:
            c.visits[s, out] = t
            out += 1
    c.route[s, LENGTH] = out
    if not refresh(k, c, s):
        # A table may know a way only over what was removed; then the rest goes, too.
        for i in range(out):
            t = c.visits[s, i]
            _note(c, t)
            _put_out(c, t)
            c.num[COST] += k.ticket[t, SKIP]
        c.route[s, LENGTH] = 0
        refresh(k, c, s)
    c.num[COST] += c.route[s, COST_OF] - before


@njit(cache=True, nogil=True)
def _undo(k: Search, c: Chain, cost: int) -> None:
    """Restore every route touched and every ticket moved in this iteration."""
    for i in range(c.num[NUM_TOUCHED]):
        s = c.lists[TOUCHED, i]
        n = c.route[s, SAVED_LENGTH]
        c.route[s, LENGTH] = n
        for j in range(n):
            c.visits[s, j] = c.saved[s, j]
        refresh(k, c, s)
        c.route[s, VERSION] = c.route[s, SAVED_VERSION]
    for i in range(c.num[NUM_CHANGED]):
        t = c.lists[CHANGED, i]
        if c.member[t, CHANGED_FROM] < 0:
            _put_out(c, t)
        else:
            _put_in(c, t, c.member[t, CHANGED_FROM])
    c.num[COST] = cost


@njit(cache=True, nogil=True)
def _commit(c: Chain) -> None:
    """Forget what this iteration remembered."""
    for i in range(c.num[NUM_TOUCHED]):
        c.route[c.lists[TOUCHED, i], TOUCHED_AT] = -1
    for i in range(c.num[NUM_CHANGED]):
        c.member[c.lists[CHANGED, i], CHANGED_AT] = -1
    c.num[NUM_TOUCHED] = 0
    c.num[NUM_CHANGED] = 0


@njit(cache=True, nogil=True)
def load_routes(k: Search, c: Chain, visits: Array, length: Array) -> bool:
    """Take over whole routes; return whether all of them are feasible."""
    feasible = True
    total = 0
    for t in range(k.ticket.shape[0]):
        _put_out(c, t)
        total += k.ticket[t, SKIP]
    for s in range(k.shift.shape[0]):
        n = length[s]
        c.route[s, LENGTH] = n
        c.visits[s, :n] = visits[s, :n]
        if not refresh(k, c, s):
            feasible = False
        total += c.route[s, COST_OF]
        for i in range(n):
            t = visits[s, i]
            _put_in(c, t, s)
            total -= k.ticket[t, SKIP]
    c.num[COST] = total
    c.num[NUM_TOUCHED] = 0
    c.num[NUM_CHANGED] = 0
    c.route[:, TOUCHED_AT] = -1
    c.member[:, CHANGED_AT] = -1
    return feasible


@njit(cache=True, nogil=True)
def is_feasible(k: Search, c: Chain, s: int, order: Array) -> bool:
    """Whether a route of these tickets is feasible; the route of `s` is as before afterwards."""
    n, m = c.route[s, LENGTH], order.shape[0]
    if m >= c.visits.shape[1]:
        return False
    kept = c.visits[s, :n].copy()
    c.route[s, LENGTH] = m
    for i in range(m):
        c.visits[s, i] = order[i]
    feasible = refresh(k, c, s)
    for d in range(k.meta[NUM_DEMANDS]):
        feasible &= c.route[s, USED + d] <= k.shift[s, CAPACITY + d]
    c.route[s, LENGTH] = n
    for i in range(n):
        c.visits[s, i] = kept[i]
    refresh(k, c, s)
    return feasible


@njit(cache=True, nogil=True)
def exact_place(k: Search, c: Chain, s: int, t: int) -> tuple[int, int]:
    """Cheapest place of a ticket in a route with the breaks placed anew at every position.

    Slower than `cheapest_place`, which leaves breaks on their legs; the route is unchanged.
    """
    best, best_at = INFEASIBLE, _int64(-1)
    for d in range(k.meta[NUM_DEMANDS]):
        if c.route[s, USED + d] + k.ticket[t, k.meta[DEMAND] + d] > k.shift[s, CAPACITY + d]:
            return best, best_at
    n = c.route[s, LENGTH]
    if n + 1 >= c.visits.shape[1]:
        return best, best_at
    before = c.route[s, COST_OF]
    c.route[s, LENGTH] = n + 1
    for i in range(n, 0, -1):
        c.visits[s, i] = c.visits[s, i - 1]
    for at in range(n + 1):
        c.visits[s, at] = t
        if refresh(k, c, s) and c.route[s, COST_OF] - before < best:
            best, best_at = c.route[s, COST_OF] - before, at
        if at < n:
            c.visits[s, at] = c.visits[s, at + 1]
    c.route[s, LENGTH] = n
    refresh(k, c, s)
    return best, best_at


@njit(cache=True, nogil=True)
def exact_costs(k: Search, c: Chain, t: int, costs: Array) -> None:
    """Fill ``int64[S]`` with the exact added cost of a ticket by route (`INFEASIBLE`: none)."""
    k, c = _borrow_search(k), _borrow_chain(c)
    costs[:] = INFEASIBLE
    for pair in range(k.ticket[t, PAIR], k.ticket[t, PAIR_END]):
        s = k.pair_shift[pair]
        costs[s] = exact_place(k, c, s, t)[0]


@njit(cache=True, nogil=True)
def improve(k: Search, c: Chain) -> int:
    """Insert absent tickets wherever that costs less than their price, until none is left.

    Returns
    -------
    int
        Tickets inserted.
    """
    k, c = _borrow_search(k), _borrow_chain(c)
    inserted = 0
    again = True
    while again:
        again = False
        for t in range(k.ticket.shape[0]):
            if c.member[t, ROUTE_OF] >= 0:
                continue
            best, best_s, best_at = k.ticket[t, SKIP], _int64(-1), _int64(-1)
            for pair in range(k.ticket[t, PAIR], k.ticket[t, PAIR_END]):
                cost, at = exact_place(k, c, k.pair_shift[pair], t)
                if cost < best:
                    best, best_s, best_at = cost, k.pair_shift[pair], at
            if best_s >= 0 and insert(k, c, best_s, t, best_at):
                inserted += 1
                again = True
            _commit(c)
    return inserted


@njit(cache=True, nogil=True)
def keep_best(k: Search, c: Chain) -> None:
    """Copy the current routes to the best ones."""
    c.num[BEST] = c.num[COST]
    for s in range(k.shift.shape[0]):
        n = c.route[s, LENGTH]
        c.best[s, 0] = n
        for i in range(n):
            c.best[s, i + 1] = c.visits[s, i]


@njit(cache=True, nogil=True)
def _look_up(k: Search, c: Chain, pair: int, t: int) -> int:
    """Return the added cost of a pair, computed only if the route changed since."""
    s = k.pair_shift[pair]
    if c.cache[pair, 0] == c.route[s, VERSION]:
        return _int64(c.cache[pair, 1])
    if k.shift[s, PLAIN] and k.meta[NUM_DEMANDS] == 0:
        cost, at = _insert_plain(
            k.dist,
            k.shift,
            k.ticket,
            c.visits,
            c.times,
            k.meta[TRAVEL_RATE],
            c.route[s, LENGTH],
            s,
            t,
            k.assign[t, k.shift[s, CLASS]],
            k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]],
        )
    else:
        cost, at = cheapest_place(k, c, s, t)
    c.cache[pair, 0] = c.route[s, VERSION]
    c.cache[pair, 1] = cost
    c.cache[pair, 2] = at
    return cost


@njit(cache=True, nogil=True)
def _best_pair(k: Search, c: Chain, t: int, blink: float, only_touched: bool) -> int:
    """Return the cheapest pair of a ticket, -1 if none beats its price; some are overlooked."""
    best, best_pair = k.ticket[t, SKIP], -1
    for pair in range(k.ticket[t, PAIR], k.ticket[t, PAIR_END]):
        s = k.pair_shift[pair]
        if only_touched and c.route[s, TOUCHED_AT] < 0:
            continue
        if c.cache[pair, 0] == c.route[s, VERSION]:
            cost = c.cache[pair, 1]
        else:
            cost = _look_up(k, c, pair, t)
        if cost < best and (blink <= 0.0 or _unit(c.random) >= blink):
            best, best_pair = cost, pair
    return best_pair


@njit(cache=True, nogil=True)
def _try_in(k: Search, c: Chain, t: int, blink: float, only_touched: bool) -> bool:
    pair = _best_pair(k, c, t, blink, only_touched)
    if pair < 0:
        return False
    s, at = k.pair_shift[pair], c.cache[pair, 2]
    if insert(k, c, s, t, at):
        return True
    c.cache[pair, 0] = c.route[s, VERSION]
    c.cache[pair, 1] = INFEASIBLE
    return False


@njit(cache=True, nogil=True)
def construct(k: Search, c: Chain) -> None:
    """Regret insertion: again and again the ticket that would lose most by waiting.

    That loss is its regret, the difference between its cheapest and second cheapest route, and a
    tenth of what leaving it out would lose: without the tenth, promised tickets with two routes
    lost both to others (54 against 13 million on a balanced day of 300). Only pairs with the route
    just changed are computed anew.
    """
    k, c = _borrow_search(k), _borrow_chain(c)
    num_t = k.ticket.shape[0]
    best = np.full(num_t, INFEASIBLE, dtype=np.int64)
    second = np.full(num_t, INFEASIBLE, dtype=np.int64)
    pair_of = np.full(num_t, -1, dtype=np.int64)
    stale = np.ones(num_t, dtype=np.bool_)
    while True:
        chosen, most = _int64(-1), -1.0
        for a in range(c.num[NUM_ABSENT]):
            t = c.lists[ABSENT, a]
            if stale[t]:
                best[t], second[t], pair_of[t] = k.ticket[t, SKIP], INFEASIBLE, -1
                for pair in range(k.ticket[t, PAIR], k.ticket[t, PAIR_END]):
                    if c.cache[pair, 0] == c.route[k.pair_shift[pair], VERSION]:
                        cost = c.cache[pair, 1]
                    else:
                        cost = _look_up(k, c, pair, t)
                    if cost < best[t]:
                        second[t] = best[t]
                        best[t] = cost
                        pair_of[t] = pair
                    elif cost < second[t]:
                        second[t] = cost
                stale[t] = False
            if pair_of[t] < 0:
                continue
            regret = min(second[t], k.ticket[t, SKIP]) - best[t]
            loss = regret + 0.1 * (k.ticket[t, SKIP] - best[t])
            if loss > most or (loss == most and t < chosen):
                chosen, most = t, loss
        if chosen < 0:
            return
        pair = pair_of[chosen]
        s = k.pair_shift[pair]
        if not insert(k, c, s, chosen, c.cache[pair, 2]):
            c.cache[pair, 0] = c.route[s, VERSION]
            c.cache[pair, 1] = INFEASIBLE
        _commit(c)
        for a in range(c.num[NUM_ABSENT]):
            t = c.lists[ABSENT, a]
            if k.legal[t, s]:
                stale[t] = True


@njit(cache=True, nogil=True)
def _remove_string(k: Search, c: Chain, t: int, longest: float) -> int:
    """Remove a string of visits around a ticket; return how many."""
    s = c.member[t, ROUTE_OF]
    n = c.route[s, LENGTH]
    at = 0
    while c.visits[s, at] != t:
        at += 1
    size = 1 + _int64(_unit(c.random) * min(float(n), longest))
    size = _int64(min(size, n))
    gap = 0
    if 1 < size < n and _unit(c.random) < 0.5:
        gap = 1
        while size + gap < n and _unit(c.random) < 0.5:
            gap += 1
    span = size + gap
    low, high = max(0, at - span + 1), min(at, n - span)
    first = low + _below(c.random, high - low + 1)
    skip = 1 + _below(c.random, size - 1) if gap else span
    _remove_range(k, c, s, first, size, skip, gap)
    return size


@njit(cache=True, nogil=True)
def _ruin_near(k: Search, c: Chain, seed: int, strings: int, longest: float) -> None:
    """Remove strings from the routes around a ticket (slack induction by string removals)."""
    absent = c.member[seed, ROUTE_OF] < 0
    for i in range(k.near.shape[1]):
        t = k.near[seed, i]
        s = c.member[t, ROUTE_OF]
        if s < 0 or c.route[s, TOUCHED_AT] >= 0 or (absent and not k.legal[seed, s]):
            continue
        _remove_string(k, c, t, longest)
        strings -= 1
        if strings <= 0:
            return


@njit(cache=True, nogil=True)
def _ruin_chain(k: Search, c: Chain, seed: int, strings: int, longest: float) -> None:
    """Remove strings along a chain of tickets that could take each other's room.

    From a ticket to a route that it may join, near by; from there on with a ticket just removed.
    """
    t = seed
    for _ in range(strings):
        found = -1
        for i in range(k.near.shape[1]):
            other = k.near[t, i]
            s = c.member[other, ROUTE_OF]
            if s < 0 or c.route[s, TOUCHED_AT] >= 0 or not k.legal[t, s]:
                continue
            found = other
            if _unit(c.random) < 0.4:
                break
        if found < 0:
            return
        before = c.num[NUM_CHANGED]
        _remove_string(k, c, found, longest)
        t = c.lists[CHANGED, before + _below(c.random, c.num[NUM_CHANGED] - before)]


@njit(cache=True, nogil=True)
def _rank(k: Search, c: Chain, t: int, kind: int) -> float:
    """Sort key for insertion, the smallest first."""
    if kind == 0:
        return _unit(c.random)
    if kind == 1:
        noise = 0.75 + 0.5 * _unit(c.random)
        return -noise * float(k.ticket[t, SKIP]) / float(k.ticket[t, k.meta[DURATION]] + 900)
    if kind == 2:
        return float(k.ticket[t, PAIR_END] - k.ticket[t, PAIR]) * (0.75 + 0.5 * _unit(c.random))
    if kind == 3:
        return -float(k.ticket[t, SKIP]) * (0.9 + 0.2 * _unit(c.random))
    return -float(k.ticket[t, k.meta[DURATION]])


@njit(cache=True, nogil=True)
def _recreate(k: Search, c: Chain, blink: float, most_absent: int) -> None:
    """Insert what was removed, and the absent tickets that could use the routes just touched."""
    draw = _below(c.random, _int64(12))
    kind = 0 if draw < 4 else 1 if draw < 8 else 2 if draw < 10 else 3 if draw < 11 else 4
    size = 0
    for i in range(c.num[NUM_CHANGED]):
        c.lists[QUEUE, size] = c.lists[CHANGED, i]
        size += 1
    removed = size
    start = _below(c.random, max(1, c.num[NUM_ABSENT]))
    for i in range(c.num[NUM_ABSENT]):
        if size - removed >= most_absent:
            break
        t = c.lists[ABSENT, (start + i) % c.num[NUM_ABSENT]]
        if c.member[t, CHANGED_AT] >= 0:
            continue
        for j in range(c.num[NUM_TOUCHED]):
            s = c.lists[TOUCHED, j]
            room = k.shift[s, HARD_END] - k.shift[s, BEGIN] - c.route[s, WORK]
            if k.legal[t, s] and k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]] <= room:
                c.lists[QUEUE, size] = t
                size += 1
                break
    for i in range(size):
        t = c.lists[QUEUE, i]
        key = _rank(k, c, t, kind)
        j = i
        while j > 0 and c.rank[j - 1] > key:
            c.rank[j] = c.rank[j - 1]
            c.lists[QUEUE, j] = c.lists[QUEUE, j - 1]
            j -= 1
        c.rank[j] = key
        c.lists[QUEUE, j] = t
    for i in range(size):
        t = c.lists[QUEUE, i]
        _try_in(k, c, t, blink, c.member[t, CHANGED_AT] < 0)


@njit(cache=True, nogil=True)
def search(
    k: Search,
    c: Chain,
    iterations: int,
    first: int,
    log_hot: float,
    slope: float,
    removed: float,
    from_absent: float,
    most_absent: int,
    blink: float,
    chain_share: float,
) -> None:
    """Ruin and recreate with simulated annealing for a number of iterations.

    Parameters
    ----------
    first
        Number of the first iteration: a run may be cut anywhere without changing its result.
    log_hot, slope
        Logarithm of the temperature (cost units) at iteration 0, and its change per iteration.
    removed
        Visits removed on average.
    from_absent, chain_share
        Share of iterations whose removal starts at an absent ticket; that follow a chain.
    most_absent
        Absent tickets tried again in one iteration.
    blink
        Chance that a route is overlooked in an insertion.

    References
    ----------
    Christiaens & Vanden Berghe (2020), Slack induction by string removals, Transportation Science.
    Here removal also starts from absent tickets and follows chains of tickets that could take each
    other's room, insertion orders weigh price per minute, and the cheapest place of each ticket in
    each route is remembered until that route changes.
    """
    k, c = _borrow_search(k), _borrow_chain(c)
    num_t = k.ticket.shape[0]
    if num_t == 0:
        return
    for step in range(iterations):
        temperature = np.exp(log_hot + slope * (first + step))
        before = c.num[COST]
        served = num_t - c.num[NUM_ABSENT]
        routes = 0
        for s in range(k.shift.shape[0]):
            if c.route[s, LENGTH] > 0:
                routes += 1
        longest = min(10.0, served / max(1, routes))
        most = max(1.0, 4.0 * removed / (1.0 + longest) - 1.0)
        strings = 1 + _int64(_unit(c.random) * most)
        if c.num[NUM_ABSENT] > 0 and _unit(c.random) < from_absent:
            seed = c.lists[ABSENT, _below(c.random, c.num[NUM_ABSENT])]
        else:
            seed = _below(c.random, num_t)
        if _unit(c.random) >= chain_share:
            _ruin_near(k, c, seed, strings, longest)
        else:
            _ruin_chain(k, c, seed, strings, longest)
        if c.member[seed, ROUTE_OF] < 0:
            _note(c, seed)
        _recreate(k, c, blink, most_absent)
        if c.num[COST] < before - temperature * np.log(_unit(c.random)):
            _commit(c)
            c.num[ACCEPTED] += 1
            if c.num[COST] < c.num[BEST]:
                keep_best(k, c)
        else:
            _undo(k, c, before)
            _commit(c)
        c.num[ITERATION] += 1
