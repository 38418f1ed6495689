"""Exact insertion of single tickets into given routes: for reasons and for a last improvement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers.layout import new_chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.solvers._kernels import Search


class Inserter:
    """Routes held in the kernels; every position is evaluated exactly, breaks placed anew.

    Parameters
    ----------
    search, most_visits
        The instance as `layout.lay_out` returns it.
    routes
        One order for each shift.
    """

    def __init__(self, search: Search, most_visits: int, routes: Sequence[Sequence[int]]) -> None:
        longest = max((len(route) for route in routes), default=0)
        self.search = search
        self.chain = new_chain(search, max(most_visits, longest) + 1, 0)
        for s, route in enumerate(routes):
            self.put(s, route)

    def put(self, s: int, route: Sequence[int]) -> bool:
        """Replace the route of a shift; return whether it is feasible."""
        self.chain.route[s, kernels.LENGTH] = len(route)
        self.chain.visits[s, : len(route)] = route
        return bool(kernels.refresh(self.search, self.chain, s))

    def best_in(self, s: int, t: int) -> tuple[int, int] | None:
        """Return added cost and position of a ticket's cheapest place in a route, None if none."""
        if not self.search.legal[t, s]:
            return None
        cost, at = kernels.exact_place(self.search, self.chain, s, t)
        return None if at < 0 else (int(cost), int(at))

    def costs(self, t: int) -> dict[int, int]:
        """Return the added cost of a ticket by shift, where it fits."""
        costs = np.empty(self.chain.route.shape[0], np.int64)
        kernels.exact_costs(self.search, self.chain, t, costs)
        return {int(s): int(costs[s]) for s in np.flatnonzero(costs < kernels.INFEASIBLE)}


def improve(search: Search, most_visits: int, routes: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the routes with every ticket put in that fits somewhere below its price."""
    chain = new_chain(search, most_visits + 1, 0)
    visits, length = np.zeros_like(chain.visits), np.zeros(chain.visits.shape[0], np.int64)
    for s, route in enumerate(routes):
        visits[s, : len(route)] = route
        length[s] = len(route)
    kernels.load_routes(search, chain, visits, length)
    kernels.improve(search, chain)
    lengths = chain.route[:, kernels.LENGTH]
    return [row[:n].tolist() for row, n in zip(chain.visits, lengths, strict=True)]
