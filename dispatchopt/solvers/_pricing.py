"""Compiled pricing kernels: the cheapest routes of one shift against prices of the tickets.

A label is a partial route that ends with a ticket: time, cost (less the prices of its tickets), the
tickets that it remembers, the cuts that it has half used. Labels are extended in order of time;
one that is neither earlier nor cheaper than another, and remembers no less, is dropped; so is one
that cannot become a route below the limit, by a bound on what can follow (`_complete`).

Costs are in units of ``1 / scale`` of the policy's. Local indices 0..m-1 number the tickets that a
shift may take (`members`).

References
----------
Baldacci, Mingozzi, Roberti (2011), New route relaxation and pricing strategies for the vehicle
routing problem, Operations Research (ng-routes, completion bounds). Jepsen, Petersen, Spoorendonk,
Pisinger (2008), Subset-row inequalities applied to the vehicle-routing problem with time windows,
Operations Research. Pecin, Pessoa, Poggi, Uchoa (2017), Improved branch-cut-and-price for
capacitated vehicle routing, Mathematical Programming Computation (limited memory of cuts).
"""

from __future__ import annotations

import numpy as np

from dispatchopt.solvers._kernels import (
    BEGIN,
    CAPACITY,
    CLASS,
    DEMAND,
    DURATION,
    END,
    FIXED,
    HARD_END,
    INFEASIBLE,
    LATEST,
    NUM_DEMANDS,
    NUM_PIECES,
    OVERTIME_RATE,
    PACE,
    PAUSE,
    PAUSES,
    PIECE,
    PROFILE,
    START,
    TRAVEL_RATE,
    WINDOW,
    WINDOWS,
    Array,
    Search,
    _arrival,
    _int64,
    _leg_price,
    _overtime_price,
    _start,
    _time_price,
)
from dispatchopt.solvers.cache import njit

TIME, COST, MEMORY, HALF, HALF2, SLOT, PARENT, NEXT, QUEUE, WIDTH = range(10)
"""Columns of a label: end of service, cost, tickets remembered (-1: dropped), cuts half used (two
words), breaks taken x m + ticket, the label extended, the next one of the slot by cost, and the
next one by time."""

WORD, MAX_CUTS = 56, 112
"""Cuts in a word, and in both."""

FORBIDDEN = -(2**44)
"""Price of a ticket that guesses leave out; no more than this counts as it."""


@njit(cache=True, nogil=True)
def _complete(
    k: Search,
    s: int,
    members: Array,
    gain: Array,
    bits: int,
    scale: int,
    ride: Array,
    arc: Array,
    home: Array,
    fast: Array,
    slow: Array,
    follow: Array,
    succ: Array,
    width: Array,
) -> None:
    """Bound what can follow an arrival, by ticket and by time in steps of ``2 ** bits`` seconds.

    ``fast[b, j]``: no route that arrives at ticket j in step b or later adds less from there on, j
    included; ``slow``: the same if the ticket after j is not ``follow[b, j]``. Breaks, capacities
    and tickets visited before are ignored, except that no ticket returns after one other.
    """
    m = members.shape[0]
    begin, hard_end = k.shift[s, BEGIN], k.shift[s, HARD_END]
    steps = fast.shape[0]
    least = _int64(0)
    for j in range(m):
        least += min(_int64(0), gain[j])
    out1 = np.full((steps, m), INFEASIBLE, np.int64)
    out2 = np.full((steps, m), INFEASIBLE, np.int64)
    then = np.full((steps, m), -1, np.int64)
    pace = k.meta[DURATION] + k.shift[s, PACE]
    for b in range(steps - 1, -1, -1):
        time = begin + (b << bits)
        for j in range(m):
            t = members[j]
            fast[b, j] = slow[b, j] = INFEASIBLE
            follow[b, j] = -1
            begun = _start(k.ticket, t, time)
            if begun < 0:
                continue
            end = begun + k.ticket[t, pace]
            e = (end - begin) >> bits
            if end > k.ticket[t, LATEST] or e >= steps:
                continue
            cost = gain[j] + scale * _time_price(
                k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, end
            )
            if e == b:
                fast[b, j] = slow[b, j] = cost + least
                continue
            if out1[e, j] < INFEASIBLE:
                fast[b, j] = cost + out1[e, j]
            if out2[e, j] < INFEASIBLE:
                slow[b, j] = cost + out2[e, j]
            follow[b, j] = then[e, j]
        for i in range(m):
            best1, best2, next1 = INFEASIBLE, INFEASIBLE, _int64(-1)
            back = time + home[i, 0]
            if back <= hard_end:
                best1 = home[i, 1] + scale * _overtime_price(
                    k.shift, k.meta[OVERTIME_RATE], s, back
                )
                next1 = m + 1  # home; m is the start
            for x in range(width[i]):
                j = succ[i, x]
                a = b + (ride[i, j] >> bits)
                if a >= steps:
                    continue
                value = arc[i, j] + (slow[a, j] if follow[a, j] == i else fast[a, j])
                if value < best1:
                    best2, best1, next1 = best1, value, j
                elif value < best2:
                    best2 = value
            out1[b, i], out2[b, i], then[b, i] = best1, best2, next1


@njit(cache=True, nogil=True)
def _fine(fines: Array, half: int, byte: int) -> int:
    """Sum of the prices of these cuts of a word; `fines` holds it by byte, from `byte` on."""
    total = _int64(0)
    while half != 0:
        total += fines[byte, half & 255]
        half >>= 8
        byte += 1
    return total


@njit(cache=True, nogil=True)
def _dominates(label: Array, used: Array, fines: Array, exact: int, p: int, q: int) -> bool:
    """Whether label p makes label q needless; times and bare costs have been compared."""
    if not exact:
        return True
    if label[p, MEMORY] & ~label[q, MEMORY]:
        return False
    for d in range(used.shape[1]):
        if used[p, d] > used[q, d]:
            return False
    extra = label[p, HALF] & ~label[q, HALF]
    more = label[p, HALF2] & ~label[q, HALF2]
    if extra == 0 and more == 0:
        return True
    fine = _fine(fines, extra, _int64(0)) + _fine(fines, more, _int64(7))
    return bool(label[p, COST] + fine <= label[q, COST])


@njit(cache=True, nogil=True)
def _keep(
    label: Array,
    used: Array,
    fines: Array,
    exact: int,
    head: Array,
    queue: Array,
    new: int,
    b: int,
) -> bool:
    """Enter a label into its slot unless it is dominated; drop what it dominates."""
    slot, time, cost = label[new, SLOT], label[new, TIME], label[new, COST]
    before, p = _int64(-1), head[slot]
    while p >= 0 and label[p, COST] <= cost:
        if label[p, TIME] <= time and _dominates(label, used, fines, exact, p, new):
            return False
        before = p
        p = label[p, NEXT]
    label[new, NEXT] = p
    if before < 0:
        head[slot] = new
    else:
        label[before, NEXT] = new
    before = new
    while p >= 0:
        after = label[p, NEXT]
        if label[p, TIME] >= time and _dominates(label, used, fines, exact, new, p):
            label[p, MEMORY] = -1
            label[before, NEXT] = after
        else:
            before = p
        p = after
    label[new, QUEUE] = queue[b]
    queue[b] = new
    return True


@njit(cache=True, nogil=True)
def _copy(source: Array, target: Array, rows: int) -> None:
    """Copy the first rows; a slice would take far longer to compile."""
    for i in range(rows):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@njit(cache=True, nogil=True)
def _follow(
    k: Search,
    members: Array,
    dual: Array,
    exact: int,
    begin: int,
    pace: int,
    ride: Array,
    last: Array,
    succ: Array,
    width: Array,
) -> None:
    """List the tickets that can come after each, the start as the last one, and how many.

    Exactly, a forbidden ticket is dear, but on the way to others all the same.
    """
    m = members.shape[0]
    for i in range(m + 1):
        end = begin
        if i < m:
            begun = _start(k.ticket, members[i], begin)
            if begun < 0:
                continue
            end = begun + k.ticket[members[i], pace]
        for j in range(m):
            if end + ride[i, j] <= last[j] and (exact or dual[members[j]] > FORBIDDEN):
                succ[i, width[i]] = j
                width[i] += 1


@njit(cache=True, nogil=True)
def price_shift(
    k: Search,
    s: int,
    members: Array,
    near: Array,
    place: Array,
    dual: Array,
    scale: int,
    slope: int,
    base: int,
    bits: int,
    cuts: Array,
    fines: Array,
    limit: int,
    share: int,
    exact: int,
    max_labels: int,
    stop: Array,
    visits: Array,
    found: Array,
) -> tuple[int, int, int]:
    """Find routes of a shift that cost less than `limit`, less the prices of their tickets.

    Parameters
    ----------
    members
        ``int64[m]``: tickets that the shift may take.
    near
        ``int64[m, G]``: local indices that each ticket remembers, padded with -1 (`memory.py`).
    place
        ``int8[m, m]``: position of a ticket (column) in a ticket's row of `near`, or -1.
    dual
        ``int64[T]`` prices.
    slope, base
        Price of a second of work, and of any route: a line below the shift's price of load.
    cuts
        ``int64[T, 4]``: bits of the cuts that a ticket belongs to, of those that remember past it,
        and the same of the second word.
    fines
        ``int64[14, 256]``: sum of the cuts' prices, by byte.
    share
        Percent; once a route is found, only those within this share of its lead are looked for.
    exact
        0: labels are compared by time and cost alone. That is fast; routes, and the least cost, may
        be missed, and forbidden tickets are left out.
    stop
        ``int64[1]``: not 0 ends the search at once.
    visits, found
        Out: ``int64[K, R]`` tickets, of a longer route the last ones; ``int64[K, 3]`` length, cost,
        labels on the way.

    Returns
    -------
    tuple of int
        Routes found (-1: ended early, nothing is known), the least cost if any, labels made.
    """
    m, num_d = members.shape[0], k.meta[NUM_DEMANDS]
    begin, hard_end = k.shift[s, BEGIN], k.shift[s, HARD_END]
    profile, start, end_node = k.shift[s, PROFILE], k.shift[s, START], k.shift[s, END]
    pace = k.meta[DURATION] + k.shift[s, PACE]
    rate, overtime = k.meta[TRAVEL_RATE], k.meta[OVERTIME_RATE]
    steps = ((hard_end - begin) >> bits) + 1
    if m == 0 or hard_end < begin:
        return 0, INFEASIBLE, 0
    ride = np.full((m + 1, m), INFEASIBLE, np.int64)
    arc = np.zeros((m + 1, m), np.int64)
    home = np.zeros((m, 2), np.int64)
    gain = np.zeros(m, np.int64)
    last = np.zeros(m, np.int64)
    for j in range(m):
        t = members[j]
        gain[j] = scale * k.assign[t, k.shift[s, CLASS]] + slope * k.ticket[t, pace] - dual[t]
        last[j] = min(
            k.ticket[t, WINDOW + 2 * k.ticket[t, WINDOWS] - 1],
            k.ticket[t, LATEST] - k.ticket[t, pace],
        )
        if end_node >= 0:
            home[j, 0] = k.dist[profile, t, end_node]
            home[j, 1] = scale * _leg_price(rate, home[j, 0]) + slope * home[j, 0]
    for i in range(m + 1):
        node = members[i] if i < m else start
        for j in range(m):
            if i != j:
                leg = _int64(k.dist[profile, node, members[j]])
                ride[i, j] = leg
                arc[i, j] = scale * _leg_price(rate, leg) + slope * leg
    succ = np.empty((m + 1, m), np.int64)
    width = np.zeros(m + 1, np.int64)
    _follow(k, members, dual, exact, begin, pace, ride, last, succ, width)
    fast = np.empty((steps, m), np.int64)
    slow = np.empty((steps, m), np.int64)
    follow = np.empty((steps, m), np.int64)
    _complete(k, s, members, gain, bits, scale, ride, arc, home, fast, slow, follow, succ, width)

    all_taken = (1 << k.shift[s, PAUSES]) - 1
    head = np.full((all_taken + 1) * m, -1, np.int64)
    queue = np.full(steps, -1, np.int64)
    label = np.empty((1024, WIDTH), np.int64)
    used = np.zeros((1024, num_d), np.int64)
    final = np.empty((256, 2), np.int64)
    count, finals, best, made = 0, 0, INFEASIBLE, 0
    first = scale * k.shift[s, FIXED] + base
    step, p = _int64(0), _int64(-2)
    while True:
        # The start, p = -2, is extended like a label; then the labels in order of time.
        if p != -2:
            while step < steps and queue[step] < 0:
                step += 1
            if step == steps:
                break
            p = queue[step]
            queue[step] = label[p, QUEUE]
            if label[p, MEMORY] < 0:
                continue
            slot = label[p, SLOT]
            i, taken = slot % m, slot // m
            time, cost = label[p, TIME], label[p, COST]
        else:
            i, taken, time, cost = _int64(m), _int64(0), _int64(begin), first
        made += 1
        if made & 255 == 0 and (stop[0] != 0 or count > max_labels):
            return -1, best, count
        for code in range(5 if all_taken else 1):
            mask = code if code < 3 else 3
            if mask & taken or mask & ~all_taken:
                continue
            now = taken | mask
            if i < m:
                back = _arrival(k.shift, s, time, home[i, 0], code) if end_node >= 0 else time
                left = all_taken & ~now
                if (
                    0 <= back <= hard_end
                    and not (left & 1 and back > k.shift[s, PAUSE + 1])
                    and not (left & 2 and back > k.shift[s, PAUSE + 4])
                    and (end_node >= 0 or code == 0)
                ):
                    total = cost + home[i, 1] + scale * _overtime_price(k.shift, overtime, s, back)
                    if total < limit:
                        if finals == final.shape[0]:
                            wider = np.empty((2 * finals, 2), np.int64)
                            _copy(final, wider, finals)
                            final = wider
                        final[finals, 0], final[finals, 1] = total, p
                        finals += 1
                        if total < best:
                            best = total
                            limit = min(limit, best + (limit - best) * share // 100)
                            limit = max(limit, best + 1)
            for x in range(width[i]):
                j = succ[i, x]
                leg = ride[i, j]
                arrival = time + leg
                if arrival > last[j]:
                    continue
                if code:
                    arrival = _arrival(k.shift, s, time, leg, code)
                    if arrival < 0 or arrival > last[j]:
                        continue
                a = (arrival - begin) >> bits
                if a >= steps:
                    continue
                rest = slow[a, j] if follow[a, j] == i else fast[a, j]
                if cost + arc[i, j] + rest >= limit:
                    continue
                memory = _int64(0)
                half, half2 = _int64(0), _int64(0)
                if p != -2:
                    memory = label[p, MEMORY]
                    half, half2 = label[p, HALF], label[p, HALF2]
                    at = place[i, j]
                    if at >= 0 and memory >> at & 1:
                        continue
                t = members[j]
                begun = _start(k.ticket, t, arrival)
                if begun < 0:
                    continue
                end = begun + k.ticket[t, pace]
                e = (end - begin) >> bits
                if end > k.ticket[t, LATEST] or e >= steps:
                    continue
                value = cost + arc[i, j] + gain[j]
                value += scale * _time_price(k.ticket, k.meta[PIECE], k.meta[NUM_PIECES], t, end)
                if count + 1 >= label.shape[0]:
                    longer = np.empty((2 * label.shape[0], WIDTH), np.int64)
                    _copy(label, longer, count)
                    label = longer
                    more = np.zeros((2 * used.shape[0], num_d), np.int64)
                    _copy(used, more, count)
                    used = more
                fits = True
                for d in range(num_d):
                    used[count, d] = k.ticket[t, k.meta[DEMAND] + d]
                    if p != -2:
                        used[count, d] += used[p, d]
                    if used[count, d] > k.shift[s, CAPACITY + d]:
                        fits = False
                if not fits:
                    continue
                kept = _int64(1)
                g = 0
                while memory:
                    if memory & 1:
                        other = near[i, g]
                        at = place[j, other]
                        if at >= 0:
                            kept |= _int64(1) << at
                    memory >>= 1
                    g += 1
                half &= cuts[t, 1]
                half2 &= cuts[t, 3]
                value += _fine(fines, half & cuts[t, 0], _int64(0))
                value += _fine(fines, half2 & cuts[t, 2], _int64(7))
                label[count, TIME], label[count, COST] = end, value
                label[count, MEMORY] = kept
                label[count, HALF], label[count, HALF2] = half ^ cuts[t, 0], half2 ^ cuts[t, 2]
                label[count, SLOT], label[count, PARENT] = now * m + j, p
                if _keep(label, used, fines, exact, head, queue, count, e):
                    count += 1
        if p == -2:
            p = -1
    # The cheapest routes, no more than a few with the same last ticket.
    times = np.zeros(m, np.int64)
    chosen = 0
    while chosen < visits.shape[0]:
        at, total = _int64(-1), limit
        for f in range(finals):
            if final[f, 0] < total and times[label[final[f, 1], SLOT] % m] < 3:
                at, total = f, final[f, 0]
        if at < 0:
            break
        p = final[at, 1]
        final[at, 0] = INFEASIBLE
        times[label[p, SLOT] % m] += 1
        size, q = 0, p
        while q >= 0:
            size += 1
            q = label[q, PARENT]
        found[chosen, 0], found[chosen, 1], found[chosen, 2] = size, total, count
        size, q = min(size, visits.shape[1]), p
        while size > 0:
            size -= 1
            visits[chosen, size] = members[label[q, SLOT] % m]
            q = label[q, PARENT]
        chosen += 1
    return chosen, best, count


@njit(cache=True, nogil=True)
def find_triples(
    rows: Array, lengths: Array, share: Array, num_t: int, least: float, out: Array
) -> int:
    """Find triples of tickets that the routes of a fractional plan serve in pairs too often.

    Each route counts floor(visits of the triple / 2) times its share; together that is at most 1 in
    any plan. Fills ``float64[K, 4]`` with tickets and excess, the largest kept.

    Returns
    -------
    int
        Triples found, at most K.
    """
    pair = np.zeros((num_t, num_t))
    for r in range(lengths.shape[0]):
        for a in range(lengths[r]):
            for b in range(a + 1, lengths[r]):
                i, j = rows[r, a], rows[r, b]
                if i != j:
                    pair[i, j] += share[r]
                    pair[j, i] += share[r]
    count = 0
    close = np.zeros(num_t, np.int64)
    for i in range(num_t):
        size = 0
        for j in range(i + 1, num_t):
            if pair[i, j] > 1e-9:
                close[size] = j
                size += 1
        # Some two of the three pairs are shared by routes; i is the least of the three or not.
        for x in range(size):
            j = close[x]
            for h in range(num_t):
                if h <= i or h == j or (pair[i, h] > 1e-9 and h < j):
                    continue
                if pair[i, h] <= 1e-9 and pair[j, h] <= 1e-9:
                    continue
                total = pair[i, j] + pair[i, h] + pair[j, h]
                if total <= 1.0 + least:
                    continue
                total = 0.0
                for r in range(lengths.shape[0]):
                    times = 0
                    for a in range(lengths[r]):
                        if rows[r, a] == i or rows[r, a] == j or rows[r, a] == h:
                            times += 1
                    total += (times // 2) * share[r]
                if total <= 1.0 + least:
                    continue
                at = count
                if count == out.shape[0]:
                    at = _int64(0)
                    for o in range(1, count):
                        if out[o, 3] < out[at, 3]:
                            at = o
                    if out[at, 3] >= total - 1.0:
                        continue
                else:
                    count += 1
                out[at, 0], out[at, 1], out[at, 2], out[at, 3] = i, j, h, total - 1.0
    return count


@njit(cache=True, nogil=True)
def reduced_costs(
    shift_of: Array,
    visits: Array,
    length: Array,
    cost: Array,
    count: int,
    dual: Array,
    cuts: Array,
    fines: Array,
    first: int,
    out: Array,
    least: Array,
) -> None:
    """Fill the cost less prices of the columns from `first` on, and the least of each shift."""
    for c in range(first, count):
        value = cost[c]
        half, half2 = _int64(0), _int64(0)
        for a in range(length[c]):
            t = visits[c, a]
            half &= cuts[t, 1]
            half2 &= cuts[t, 3]
            value += _fine(fines, half & cuts[t, 0], _int64(0))
            value += _fine(fines, half2 & cuts[t, 2], _int64(7))
            half ^= cuts[t, 0]
            half2 ^= cuts[t, 2]
            value -= dual[t]
        out[c] = value
        if value < least[shift_of[c]]:
            least[shift_of[c]] = value
