"""PyVRP: one routing profile per skill set, prizes for optional clients.

PyVRP has no skills: a profile per set of tickets that a shift can serve walls the others off, as
its documentation does for access restrictions. It is single-threaded: `solve` runs one seed per
thread and keeps the best plan, with smaller perturbations than the default of 25 (on 100 tickets
in 6 s the best of two ended 1 to 18 % below it on three days). `solve_plain` is one run with
default parameters.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import portfolio

if TYPE_CHECKING:
    from benchmarks.day import Clock, Day

_MAX_PERTURBATIONS = (5, 10)


class _Deadline:
    """Stop at the clock's limit; PyVRP's own criterion would not count the first local search."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, best_cost: float) -> bool:
        return self._clock.elapsed() >= self._clock.limit


def solve(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day with the seeds ``seed``, ``seed + 1`` … side by side."""
    return portfolio.best_of(_run, day, clock, [seed + k for k in range(threads)])


def solve_plain(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day once with default parameters; `threads` is not used."""
    del threads
    pyvrp = importlib.import_module("pyvrp")
    return _search(day, clock, seed, pyvrp.SolveParams())


def _run(day: Day, clock: Clock, seed: int) -> dict[str, tuple[str, ...]]:
    pyvrp = importlib.import_module("pyvrp")
    search = importlib.import_module("pyvrp.search")
    largest = _MAX_PERTURBATIONS[seed % len(_MAX_PERTURBATIONS)]
    perturbation = search.PerturbationParams(1, largest)
    return _search(day, clock, seed, pyvrp.SolveParams(perturbation=perturbation))


def _search(day: Day, clock: Clock, seed: int, params: Any) -> dict[str, tuple[str, ...]]:
    # Any: the type is looked up at run time.
    pyvrp = importlib.import_module("pyvrp")
    result = pyvrp.solve(
        _data(pyvrp, day), stop=_Deadline(clock), seed=seed, collect_stats=False, params=params
    )
    routes = {}
    for route in result.best.routes():
        order = [activity.idx for activity in route if activity.is_client()]
        routes[day.shifts[route.vehicle_type()].id] = tuple(day.tickets[t].id for t in order)
    return routes


def _data(pyvrp: Any, day: Day) -> Any:  # Any: looked up at run time
    reach = [frozenset(t.id for t in day.tickets if day.can_serve(s, t)) for s in day.shifts]
    profiles = sorted(set(reach), key=sorted)
    matrices = [_blocked(day, served) for served in profiles]
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in range(len(day.travel))],
        clients=[
            pyvrp.Client(
                ticket.place,
                service_duration=ticket.duration,
                tw_early=ticket.open,
                tw_late=ticket.close,
                prize=ticket.price,
                required=False,
            )
            for ticket in day.tickets
        ],
        depots=[pyvrp.Depot(shift.place) for shift in day.shifts],
        vehicle_types=[
            pyvrp.VehicleType(
                start_depot=s,
                end_depot=s,
                tw_early=shift.start,
                tw_late=shift.end,
                profile=profiles.index(reach[s]),
            )
            for s, shift in enumerate(day.shifts)
        ],
        distance_matrices=matrices,
        duration_matrices=matrices,
    )


def _blocked(day: Day, served: frozenset[str]) -> npt.NDArray[np.int64]:
    barred = [ticket.place for ticket in day.tickets if ticket.id not in served]
    matrix = day.travel.copy()
    # More than every price together: no prize pays for a barred client.
    wall = 1 + sum(ticket.price for ticket in day.tickets) + day.horizon
    matrix[barred, :] = wall
    matrix[:, barred] = wall
    np.fill_diagonal(matrix, 0)
    return matrix
