"""The scarce part of a day, solved by itself: the shifts that tickets left out compete for.

On a large day most shifts have room to spare, and which tickets stay out is settled among the few
with rare skills. There a search gets stuck; the linear programme over that part alone is small, and
plans rounded from it begin where the search does not come. On the city day of 1000 tickets, 65 of
133 shifts and 377 tickets are the core.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.solvers.colgen import ColumnGeneration
from dispatchopt.solvers.dive import Dives
from dispatchopt.solvers.lns import Lns, default_heat
from dispatchopt.solvers.proof import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dispatchopt.forms import Instance, Int64Array

logger = logging.getLogger(__name__)

MOST_SHARE = 0.75
"""A core has at most this share of the shifts; more would be the whole problem again."""

LEAST_TICKETS = 30
"""Smaller cores are left to the search."""

SEARCH_SHARE, FIRST_SHARE, CUT_SHARE, DIVE_SHARE, POLISH_SHARE = 0.1, 0.45, 0.15, 0.8, 0.15
"""Of the time for a core: the first search; when the first linear programme has to be solved, cuts
before each later dive; when the first plan has to be rounded; the search after each."""

REST_SHARE = 0.2
"""Of the time for all parts, what the search of the shifts outside the core gets."""

POLISH_HEAT = 0.3
"""The search after a dive begins at this share of the hot temperature."""

Routes = list[list[int]]


class Part(NamedTuple):
    """Some tickets and shifts, by index, and the instance that they make."""

    tickets: Int64Array
    shifts: Int64Array
    instance: Instance

    def pick(self, routes: Sequence[Sequence[int]]) -> Routes:
        """Return this part of a plan's routes, in its own indices."""
        local = {t: i for i, t in enumerate(self.tickets.tolist())}
        return [[local[t] for t in routes[s] if t in local] for s in self.shifts.tolist()]

    def put(self, routes: Routes, part: Sequence[Sequence[int]]) -> None:
        """Replace routes of a plan by those of this part."""
        for s, visits in zip(self.shifts.tolist(), part, strict=True):
            routes[s] = self.tickets[list(visits)].tolist()


def find_core(inst: Instance, legal: Iterable[Sequence[bool]], routes: Routes) -> Part | None:
    """Return the scarce part of a day, or None if there is none to speak of.

    Its shifts are those that tickets left out could be on, those with the fewest such shifts first,
    so long as they are not too many; its tickets are those that can be nowhere else.

    Parameters
    ----------
    legal
        ``bool[T, S]``: whether a ticket can be on a shift at all.
    """
    may = np.asarray(legal, dtype=np.bool_)
    served = {t for visits in routes for t in visits}
    absent = [t for t in range(inst.num_tickets) if t not in served and may[t].any()]
    scarce = np.zeros(inst.num_shifts, np.bool_)
    for t in sorted(absent, key=lambda t: (int(may[t].sum()), t)):
        wider = scarce | may[t]
        if wider.sum() > MOST_SHARE * inst.num_shifts:
            break
        scarce = wider
    tickets = np.nonzero(may.any(axis=1) & ~may[:, ~scarce].any(axis=1))[0].astype(np.int64)
    if len(tickets) < LEAST_TICKETS or len(tickets) > MOST_SHARE * inst.num_tickets:
        return None
    shifts = np.nonzero(scarce)[0].astype(np.int64)
    return part_of(inst, tickets, shifts)


def part_of(inst: Instance, tickets: Int64Array, shifts: Int64Array) -> Part:
    """Return some tickets and shifts as an instance of their own."""
    by_ticket = (
        "blocked", "assign_cost", "duration", "place", "window", "num_windows", "latest",
        "time_cost", "skip_cost", "demand",
    )  # fmt: skip
    by_shift = (
        "class_of", "pace_of", "shift_begin", "shift_limit", "shift_hard_end", "start_place",
        "end_place", "occupied", "pause", "num_pauses", "load_base", "load_hours", "reserve_from",
        "capacity", "profile_of", "fixed_cost",
    )  # fmt: skip
    kept = {name: np.ascontiguousarray(getattr(inst, name)[tickets]) for name in by_ticket}
    kept |= {name: np.ascontiguousarray(getattr(inst, name)[shifts]) for name in by_shift}
    return Part(tickets, shifts, inst._replace(**kept))


def improve_parts(
    inst: Instance,
    core: Part,
    routes: Routes,
    *,
    seconds: float,
    threads: int,
    seed: int,
    should_stop: Callable[[], bool],
) -> Routes:
    """Return routes of a plan whose core and rest were each improved alone.

    Tickets outside the core that the core's shifts had served may be left out.
    """
    begin = time.monotonic()
    whole = [list(visits) for visits in routes]
    core.put(
        whole,
        _improve_core(
            core.instance,
            core.pick(routes),
            seconds=(1 - REST_SHARE) * seconds,
            threads=threads,
            seed=seed,
            should_stop=should_stop,
        ),
    )
    rest = part_of(
        inst,
        np.setdiff1d(np.arange(inst.num_tickets), core.tickets),
        np.setdiff1d(np.arange(inst.num_shifts), core.shifts),
    )
    left = begin + seconds - time.monotonic()
    rest.put(
        whole,
        _search(rest.instance, rest.pick(routes), left, 1.0, threads, seed, should_stop).routes(),
    )
    return whole


def _improve_core(
    inst: Instance,
    routes: Routes,
    *,
    seconds: float,
    threads: int,
    seed: int,
    should_stop: Callable[[], bool],
) -> Routes:
    """Return better routes of a core.

    Its linear programme is solved and tightened by cuts; the plan rounded from it is searched
    around; and so on with what was found, until the time is up.
    """
    begin = time.monotonic()
    pool = Pool()

    def left() -> float:
        return begin + seconds - time.monotonic()

    def search(start: Routes, share: float, heat: float) -> Lns:
        time_limit = min(share * seconds, left())
        return _search(inst, start, time_limit, heat, threads, seed, should_stop, pool)

    best = search(routes, SEARCH_SHARE, 1.0)
    generation = ColumnGeneration(inst, best.search, best.most_visits, threads)
    generation.start(best.routes(), sorted(pool.routes))
    generation.should_stop = _either(should_stop, begin + FIRST_SHARE * seconds)
    generation.solve(upper=best.cost)
    latest, lasted = begin + DIVE_SHARE * seconds, 0.0
    while left() > lasted and not should_stop():
        started = time.monotonic()
        generation.should_stop = _either(
            should_stop, min(latest, time.monotonic() + CUT_SHARE * seconds)
        )
        generation.run(upper=best.cost)
        generation.should_stop = _either(should_stop, latest)
        plan = Dives(generation).dive()
        if plan is None:
            break
        found = search(plan, POLISH_SHARE, POLISH_HEAT)
        logger.info("core: bound %s, best %d, found %d", generation.bound, best.cost, found.cost)
        generation.enter_routes(found.routes())
        best = min(best, found, key=lambda lns: lns.cost)
        seed, latest, lasted = seed + 1, begin + seconds, time.monotonic() - started
    return best.routes()


def _either(should_stop: Callable[[], bool], end: float) -> Callable[[], bool]:
    return lambda: should_stop() or time.monotonic() >= end


def _search(
    inst: Instance,
    start: Routes,
    seconds: float,
    heat: float,
    threads: int,
    seed: int,
    should_stop: Callable[[], bool],
    pool: Pool | None = None,
) -> Lns:
    """Search from some routes, at a share of the hot temperature."""
    lns = Lns(inst, seed, threads)
    lns.start(start)

    def on_batch() -> bool:
        if pool is not None:
            for plan in lns.current():
                pool.add(plan)
        return not should_stop()

    lns.run_until(max(0.0, seconds), default_heat(inst).share(heat), on_batch=on_batch)
    return lns
