"""Compiled simulation of routes: how often service starts inside a promised window.

A sample is one day: every visit lasts as long as its draw says, scaled by the pace of the shift.
Visits follow each other as planned: they wait for windows and, on the legs on which the plan has
them, for breaks; a break that is due too late is taken all the same, a visit that comes too late is
served on arrival, and nothing begins after the hard end of the shift. In such a walk a longer visit
never lets a later one start sooner.
"""

from __future__ import annotations

from typing import NamedTuple

from dispatchopt.solvers._kernels import (
    BEGIN,
    CODE,
    FOREVER,
    HARD_END,
    LENGTH,
    PAUSE,
    PROFILE,
    START,
    Array,
    Chain,
    Search,
    _int64,
    _start,
)
from dispatchopt.solvers.cache import njit


class Draws(NamedTuple):
    """What a simulation draws, in seconds; the same column is the same day everywhere."""

    seconds: Array  # int32[T, N] on site at 100 %, by ticket
    percent: Array  # int64[S]: pace of the shift
    begin: Array  # int64[B, N]: when a shift begins whose visit in hand may last
    begin_of: Array  # int64[S]: row of `begin`, -1: when the shift does


@njit(cache=True, nogil=True)
def begin_samples(k: Search, d: Draws, s: int, time: Array) -> None:
    """Fill when the engineer may leave the first place of a shift, by sample."""
    row = d.begin_of[s]
    for i in range(time.shape[0]):
        time[i] = k.shift[s, BEGIN] if row < 0 else d.begin[row, i]


@njit(cache=True, nogil=True)
def _late_arrival(shift: Array, s: int, departure: int, travel: int, code: int) -> int:
    """Return the arrival on a leg with the breaks of `code`, taken late rather than never."""
    arrival = departure + travel
    if code == 0:
        return arrival
    first = 0 if code == 1 or code == 3 else 1
    for step in range(2 if code >= 3 else 1):
        i = first if step == 0 else 1 - first
        arrival = max(arrival, shift[s, PAUSE + 3 * i]) + shift[s, PAUSE + 3 * i + 2]
    return arrival


@njit(cache=True, nogil=True)
def visit_samples(
    k: Search,
    d: Draws,
    s: int,
    t: int,
    travel: int,
    code: int,
    opens: int,
    closes: int,
    time: Array,
) -> int:
    """Take every sample from leaving the place before to the end of service at ticket t.

    Parameters
    ----------
    travel, code
        Of the leg that leads there.
    opens, closes
        The window whose hits are counted.
    time
        ``int64[N]``, changed in place; `FOREVER` where the shift is over.

    Returns
    -------
    int
        Samples in which service starts in ``opens..closes``.
    """
    hits = 0
    percent, hard_end = d.percent[s], k.shift[s, HARD_END]
    for i in range(time.shape[0]):
        if time[i] >= FOREVER:
            continue
        arrival = _late_arrival(k.shift, s, time[i], travel, code)
        start = _start(k.ticket, t, arrival)
        if start < 0:
            start = arrival
        if start > hard_end:
            time[i] = FOREVER
            continue
        if opens <= start <= closes:
            hits += 1
        time[i] = start + (_int64(d.seconds[t, i]) * percent + 99) // 100
    return hits


@njit(cache=True, nogil=True)
def start_counts(
    k: Search, c: Chain, s: int, d: Draws, promised: Array, time: Array, out: Array
) -> None:
    """Count by position in how many samples service starts inside the promised window.

    Parameters
    ----------
    promised
        ``int64[T, 2]`` open and close by ticket, both included; the close before the open: none.
    time
        ``int64[N]`` to work in.
    out
        ``int64[R]``, filled up to the route's length.
    """
    profile, node = k.shift[s, PROFILE], k.shift[s, START]
    begin_samples(k, d, s, time)
    for i in range(c.route[s, LENGTH]):
        t = c.visits[s, i]
        travel = _int64(k.dist[profile, node, t])
        code = _int64(c.times[s, i, CODE])
        out[i] = visit_samples(k, d, s, t, travel, code, promised[t, 0], promised[t, 1], time)
        node = t
