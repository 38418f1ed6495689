"""A plan around the linear programme: keep the routes it is sure of, search for all the others.

Where a few shifts with rare skills decide what is left out, the search seldom comes by the right
routes there, and the programme has them at once: of a city day of 100 tickets at which the search
leaves out two tickets after minutes, the plan around the programme leaves out one.

References
----------
Danna, Rothberg, Le Pape (2005), Exploring relaxation induced neighborhoods to improve MIP
solutions, Mathematical Programming: what programme and plan agree on is kept; ours keeps what the
programme alone is sure of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers.core import part_of
from dispatchopt.solvers.lns import Lns, default_heat

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.solvers.colgen import ColumnGeneration

SURE = 0.9
"""A route is kept if it has at least this share in the programme."""

ITERATIONS_A_TICKET = 1000
"""Length of the search if it is not to depend on the clock."""

Routes = list[list[int]]


def search_around(
    generation: ColumnGeneration,
    routes: Routes,
    *,
    seconds: float | None,
    seed: int,
    should_stop: Callable[[], bool],
) -> Routes:
    """Return routes near the generation's solved programme, which knows them afterwards.

    Parameters
    ----------
    routes
        Where the search begins on the shifts that the programme is unsure of.
    seconds
        Time; None: a fixed number of iterations, the same plan every time.
    """
    inst = generation.inst
    whole = _sure(generation)
    kept = {t for visits in whole.values() for t in visits}
    tickets = np.array([t for t in range(inst.num_tickets) if t not in kept], np.int64)
    shifts = np.array([s for s in range(inst.num_shifts) if s not in whole], np.int64)
    found = [whole.get(s, []) for s in range(inst.num_shifts)]
    if len(tickets) and len(shifts):
        part = part_of(inst, tickets, shifts)
        lns = Lns(part.instance, seed, generation.threads)
        lns.start(part.pick(routes))
        heat = default_heat(part.instance)
        if seconds is None:
            count = ITERATIONS_A_TICKET * len(tickets)
            lns.run_iterations(count, heat, on_batch=lambda: not should_stop())
        else:
            lns.run_until(seconds, heat, on_batch=lambda: not should_stop())
        part.put(found, lns.routes())
    for s, visits in enumerate(found):
        generation.enter(generation.know(generation.pricer.measure(s, visits)))
    return found


def _sure(generation: ColumnGeneration) -> dict[int, list[int]]:
    """Return the routes, by shift, that the programme is sure of; no two share a ticket."""
    sure: dict[int, list[int]] = {}
    taken = set[int]()
    for number, share in zip(generation.in_master, generation.master.shares, strict=False):
        column = generation.columns[number]
        visits = set(column.visits)
        if share >= SURE and len(visits) == len(column.visits) and not visits & taken:
            sure[column.shift] = list(column.visits)
            taken |= visits
    return sure
