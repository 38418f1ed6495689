"""Compiled search for the places of one ticket in routes that are held: exact, with every form.

For several versions of the ticket at once (one for each window that it might be promised), every
position of every route is tried that its times alone do not rule out, with the breaks placed anew;
then the days of `_chance` are played through, the cheapest places first, until no other can be
better. The routes are as before afterwards.
"""

from __future__ import annotations

import numpy as np

from dispatchopt.solvers._chance import Draws, start_counts
from dispatchopt.solvers._kernels import (
    BEG,
    BEGIN,
    CAPACITY,
    COST_OF,
    DEMAND,
    DURATION,
    END,
    FIN,
    HARD_END,
    INFEASIBLE,
    LATEST,
    LENGTH,
    NUM_DEMANDS,
    PACE,
    PROFILE,
    SKIP,
    START,
    USED,
    WINDOW,
    WINDOWS,
    Array,
    Chain,
    Search,
    _borrow_chain,
    _borrow_search,
    _latest_start,
    _start,
    refresh,
)
from dispatchopt.solvers.cache import njit

VERSION_OF, SHIFT, AT, ADDED, STARTS, ENDS, FIRST, SIZE, NUM_COLUMNS = range(9)
"""Columns of places found: version of the ticket, shift, position, added cost, start and end of
service; first position and number of the visits that give way to it, which come out first."""

NONE, GOOD, UNCERTAIN, WEAKENS = range(4)
"""What the best place of a group is: there is none; it may be promised; the promise itself is too
uncertain; another promise falls below the least count."""

PLACE, STATE, COUNT, WEAKEST, WEAKEST_BEFORE, WEAKENS_OTHER, NUM_CHOICES = range(7)
"""Columns of choices: row of the place, what it is, samples in which the promise is kept, least
count of another promise of that route afterwards, of the same one before, and whether another
falls below the least count."""


@njit(cache=True, nogil=True)
def settle(k: Search, c: Chain, feasible: Array) -> None:
    """Work out every route anew; fill ``bool[S]``: whether it is feasible."""
    for s in range(k.shift.shape[0]):
        good = refresh(k, c, s)
        for d in range(k.meta[NUM_DEMANDS]):
            if c.route[s, USED + d] > k.shift[s, CAPACITY + d]:
                good = False
        feasible[s] = good


@njit(cache=True, nogil=True)
def put_in(k: Search, c: Chain, s: int, t: int, at: int) -> bool:
    """Insert a ticket at a position; return whether the route is feasible, its capacities apart."""
    _open_up(c, s, t, at)
    return bool(refresh(k, c, s))


@njit(cache=True, nogil=True)
def take_out(k: Search, c: Chain, s: int, at: int) -> bool:
    """Remove the visit at a position; return whether the rest of the route is feasible."""
    _close_up(c, s, at)
    return bool(refresh(k, c, s))


@njit(cache=True, nogil=True)
def _without_breaks(k: Search, c: Chain, s: int, early: Array, late: Array) -> None:
    """Fill when each position can be left for at the earliest, and arrived at at the latest.

    Without any break, so that no way to place them is ruled out.
    """
    n = c.route[s, LENGTH]
    profile, home = k.shift[s, PROFILE], k.shift[s, END]
    pace = k.meta[DURATION] + k.shift[s, PACE]
    time, node = k.shift[s, BEGIN], k.shift[s, START]
    early[0] = time
    for i in range(n):
        t = c.visits[s, i]
        start = _start(k.ticket, t, time + k.dist[profile, node, t])
        # Without it the route may not be feasible (a way that leads over the ticket alone): what
        # follows is then ruled out by its latest arrival.
        time = max(start, time) + k.ticket[t, pace]
        early[i + 1] = time
        node = t
    bound = k.shift[s, HARD_END]
    late[n] = bound
    for i in range(n - 1, -1, -1):
        t = c.visits[s, i]
        goal = c.visits[s, i + 1] if i + 1 < n else home
        if goal >= 0:
            bound -= k.dist[profile, t, goal]
        bound = _latest_start(k.ticket, t, min(bound, k.ticket[t, LATEST]) - k.ticket[t, pace])
        late[i] = bound


@njit(cache=True, nogil=True)
def _has_room(k: Search, s: int, t: int, used: Array, out: Array, size: int) -> bool:
    """Whether capacities used so far allow a ticket in place of some visits."""
    for d in range(k.meta[NUM_DEMANDS]):
        column = k.meta[DEMAND] + d
        total = used[d] + k.ticket[t, column]
        for i in range(size):
            total -= k.ticket[out[i], column]
        if total > k.shift[s, CAPACITY + d]:
            return False
    return True


@njit(cache=True, nogil=True)
def find_places(
    k: Search,
    c: Chain,
    t: int,
    versions: Array,
    open_to: Array,
    base: Array,
    free: Array,
    most: int,
    found: Array,
) -> int:
    """Find every feasible place of every version of a ticket that is in no route.

    Parameters
    ----------
    versions
        ``int64[V, columns]``: rows that take the place of the ticket's own in turn.
    open_to
        ``bool[S]``: the shifts to look at.
    base
        ``int64[S]``: cost of each route to compare with.
    free, most
        ``bool[T]``: the visits that may give way, at most so many next to each other; what leaving
        them out costs is added.
    found
        ``int64[M, NUM_COLUMNS]``, filled in the order of shift, visits that give way, version,
        position; what does not fit is counted only.

    Returns
    -------
    int
        Places found.
    """
    k, c = _borrow_search(k), _borrow_chain(c)
    room = c.visits.shape[1] + 1
    early, late = np.empty(room, np.int64), np.empty(room, np.int64)
    out = np.empty(most, np.int64)
    count = 0
    for s in range(k.shift.shape[0]):
        if not open_to[s]:
            continue
        used = c.route[s, USED:].copy()
        for size in range(most + 1):
            for first in range(c.route[s, LENGTH] - size + 1 if size else 1):
                may = True
                for i in range(first, first + size):
                    may = may and free[c.visits[s, i]]
                if not may:
                    continue
                price = -base[s]
                for i in range(size):
                    out[i] = c.visits[s, first]
                    price += k.ticket[out[i], SKIP]
                    _close_up(c, s, first)
                if _has_room(k, s, t, used, out, size):
                    count = _find_in(
                        k, c, s, t, versions, price, first, size, early, late, found, count
                    )
                for i in range(size - 1, -1, -1):
                    _open_up(c, s, out[i], first)
        refresh(k, c, s)
    return count


@njit(cache=True, nogil=True)
def _find_in(
    k: Search,
    c: Chain,
    s: int,
    t: int,
    versions: Array,
    price: int,
    first: int,
    size: int,
    early: Array,
    late: Array,
    found: Array,
    count: int,
) -> int:
    """Find the places in one route; return how many there are now. Its times are not restored."""
    _without_breaks(k, c, s, early, late)
    for v in range(versions.shape[0]):
        windows = versions[v, WINDOWS]
        if windows == 0 or versions[v, WINDOW] > k.shift[s, HARD_END]:
            continue
        if versions[v, WINDOW + 2 * windows - 1] < k.shift[s, BEGIN]:
            continue
        k.ticket[t, :] = versions[v, :]
        for at in range(c.route[s, LENGTH] + 1):
            if not _may_be_at(k, c, s, t, at, early, late):
                continue
            if put_in(k, c, s, t, at):
                if count < found.shape[0]:
                    row = found[count]
                    row[VERSION_OF], row[SHIFT], row[AT] = v, s, at
                    row[ADDED] = c.route[s, COST_OF] + price
                    row[STARTS], row[ENDS] = c.times[s, at, BEG], c.times[s, at, FIN]
                    row[FIRST], row[SIZE] = first, size
                count += 1
            _close_up(c, s, at)
    return count


@njit(cache=True, nogil=True)
def _open_up(c: Chain, s: int, t: int, at: int) -> None:
    """Insert a visit at a position without working out the route."""
    n = c.route[s, LENGTH]
    for i in range(n, at, -1):
        c.visits[s, i] = c.visits[s, i - 1]
    c.visits[s, at] = t
    c.route[s, LENGTH] = n + 1


@njit(cache=True, nogil=True)
def _close_up(c: Chain, s: int, at: int) -> None:
    """Remove the visit at a position without working out the route."""
    n = c.route[s, LENGTH] - 1
    for i in range(at, n):
        c.visits[s, i] = c.visits[s, i + 1]
    c.route[s, LENGTH] = n


@njit(cache=True, nogil=True)
def _may_be_at(k: Search, c: Chain, s: int, t: int, at: int, early: Array, late: Array) -> bool:
    """Whether times alone, breaks left out, allow the ticket at a position."""
    profile = k.shift[s, PROFILE]
    node = c.visits[s, at - 1] if at > 0 else k.shift[s, START]
    start = _start(k.ticket, t, early[at] + k.dist[profile, node, t])
    if start < 0:
        return False
    end = start + k.ticket[t, k.meta[DURATION] + k.shift[s, PACE]]
    if end > k.ticket[t, LATEST]:
        return False
    goal = c.visits[s, at] if at < c.route[s, LENGTH] else k.shift[s, END]
    if goal >= 0:
        end += k.dist[profile, t, goal]
    return bool(end <= late[at])


@njit(cache=True, nogil=True)
def choose(
    k: Search,
    c: Chain,
    t: int,
    versions: Array,
    promises: Array,
    found: Array,
    group: Array,
    num_groups: int,
    extra: Array,
    risk: Array,
    least: int,
    kept: Array,
    d: Draws,
    promised: Array,
    chosen: Array,
) -> None:
    """Choose the best place of each group: least added cost, extra and risk together.

    A place that may be promised goes before others. Places are played through in the order of cost,
    until no other can be better.

    Parameters
    ----------
    promises
        ``int64[V, 2]``: the window promised with each version; closes before it opens: none.
    found, group
        Places (`find_places`) and their groups, ``0..num_groups - 1``.
    extra
        ``int64[S]``: added to the price of every place of a shift.
    risk
        ``int64[N + 1]``: price of keeping the promise in so many samples; never rises.
    least
        Samples in which a promise is to be kept at least.
    kept
        ``int64[T]``: samples in which the promises of planned visits are kept now.
    d, promised
        The days, and ``int64[T, 2]`` the windows promised; the row of `t` is filled here.
    chosen
        ``int64[num_groups, NUM_CHOICES]``, filled.
    """
    k, c = _borrow_search(k), _borrow_chain(c)
    time, out = np.empty(d.seconds.shape[1], np.int64), np.empty(c.visits.shape[1], np.int64)
    result = np.empty(NUM_CHOICES, np.int64)
    price = np.full(num_groups, INFEASIBLE, np.int64)
    chosen[:, :] = 0
    chosen[:, PLACE] = -1
    cost = np.empty(found.shape[0], np.int64)
    for i in range(found.shape[0]):
        cost[i] = found[i, ADDED] + extra[found[i, SHIFT]]
    for i in np.argsort(cost, kind="mergesort"):
        g, v = group[i], found[i, VERSION_OF]
        if chosen[g, STATE] == GOOD and cost[i] + risk[risk.shape[0] - 1] >= price[g]:
            continue
        k.ticket[t, :] = versions[v, :]
        promised[t, 0], promised[t, 1] = promises[v, 0], promises[v, 1]
        _play(k, c, t, found[i], least, kept, d, promised, time, out, result)
        total = cost[i] + risk[result[COUNT]]
        good = result[STATE] == GOOD
        if (good and chosen[g, STATE] != GOOD) or (
            total < price[g] and (good or chosen[g, STATE] != GOOD)
        ):
            price[g] = total
            chosen[g, :] = result
            chosen[g, PLACE] = i


@njit(cache=True, nogil=True)
def _play(
    k: Search,
    c: Chain,
    t: int,
    place: Array,
    least: int,
    kept: Array,
    d: Draws,
    promised: Array,
    time: Array,
    out: Array,
    result: Array,
) -> None:
    """Play the days through with a ticket in a place; fill `result` but for the place."""
    samples, s, at = d.seconds.shape[1], place[SHIFT], place[AT]
    gone = c.visits[s, place[FIRST] : place[FIRST] + place[SIZE]].copy()
    for _ in range(place[SIZE]):
        _close_up(c, s, place[FIRST])
    result[WEAKEST], result[WEAKEST_BEFORE] = samples, samples
    result[WEAKENS_OTHER] = 0
    if not put_in(k, c, s, t, at):
        result[STATE], result[COUNT] = NONE, 0
    else:
        start_counts(k, c, s, d, promised, time, out)
        for i in range(c.route[s, LENGTH]):
            other = c.visits[s, i]
            if other == t or promised[other, 1] < promised[other, 0]:
                continue
            if out[i] < result[WEAKEST]:
                result[WEAKEST], result[WEAKEST_BEFORE] = out[i], kept[other]
            if out[i] < least and out[i] < kept[other]:
                result[WEAKENS_OTHER] = 1
        unpromised = promised[t, 1] < promised[t, 0]
        result[COUNT] = samples if unpromised else out[at]
        result[STATE] = GOOD
        if result[COUNT] < least:
            result[STATE] = UNCERTAIN
        elif result[WEAKENS_OTHER]:
            result[STATE] = WEAKENS
    _close_up(c, s, at)
    for i in range(place[SIZE]):
        _open_up(c, s, gone[i], place[FIRST] + i)
    refresh(k, c, s)


@njit(cache=True, nogil=True)
def count_kept(k: Search, c: Chain, s: int, d: Draws, promised: Array, kept: Array) -> None:
    """Fill in how many samples the promised visits of a route are kept."""
    k, c = _borrow_search(k), _borrow_chain(c)
    any_promise = False
    for i in range(c.route[s, LENGTH]):
        t = c.visits[s, i]
        if promised[t, 0] <= promised[t, 1]:
            any_promise = True
    if not any_promise:
        return
    time, out = np.empty(d.seconds.shape[1], np.int64), np.empty(c.visits.shape[1], np.int64)
    start_counts(k, c, s, d, promised, time, out)
    for i in range(c.route[s, LENGTH]):
        kept[c.visits[s, i]] = out[i]
