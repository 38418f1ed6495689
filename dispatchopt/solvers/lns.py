"""Large neighbourhood search: chains of compiled ruin and recreate in threads.

Chains run in epochs. At the end of each the chains that fell behind continue from the best one.
With an iteration limit every decision is the same for the same seed and number of threads; with a
time limit the clock sets the temperature.
"""

from __future__ import annotations

import logging
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers.layout import lay_out, new_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatchopt.forms import Instance
    from dispatchopt.solvers._kernels import Array, Chain, Search

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
"""Kernel batches last about so long, so that progress and Ctrl-C come through."""

Routes = list[list[int]]


@dataclass(frozen=True)
class Heat:
    """Temperatures at the start and the end of an annealing run, in cost units."""

    hot: float
    cold: float


@dataclass
class Lns:
    """A search that can be continued: an instance laid out, and its chains.

    Parameters
    ----------
    inst
        The compiled problem.
    seed
        Seed of every chain's generator.
    threads
        Chains, each in a thread of its own.
    """

    inst: Instance
    seed: int = 0
    threads: int = 1
    search: Search = field(init=False)
    most_visits: int = field(init=False)
    chains: list[Chain] = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the instance and make empty chains."""
        self.search, self.most_visits = lay_out(self.inst)
        self.chains = [
            new_chain(self.search, self.most_visits, self.seed * 1009 + i)
            for i in range(self.threads)
        ]

    @property
    def cost(self) -> int:
        """Cost of the best routes so far."""
        return min(int(chain.num[kernels.BEST]) for chain in self.chains)

    @property
    def unserved(self) -> int:
        """Tickets that the best routes leave out."""
        best = self._best_chain()
        return int(self.inst.num_tickets - best.best[:, 0].sum())

    @property
    def iterations(self) -> int:
        """Iterations made by all chains."""
        return sum(int(chain.num[kernels.ITERATION]) for chain in self.chains)

    def _best_chain(self) -> Chain:
        return min(self.chains, key=lambda chain: int(chain.num[kernels.BEST]))

    def routes(self) -> Routes:
        """Return the best routes so far, one for each shift."""
        best = self._best_chain().best
        return [row[1 : 1 + row[0]].tolist() for row in best]

    def compile(self) -> None:
        """Compile every kernel, or load it from the cache; from the main thread, once."""
        chain = new_chain(self.search, self.most_visits, 0)
        kernels.search(
            self.search,
            chain,
            0,
            0,
            0.0,
            0.0,
            REMOVED,
            FROM_ABSENT,
            MOST_ABSENT,
            BLINK,
            CHAIN_SHARE,
        )
        kernels.keep_best(self.search, chain)
        chain.num[kernels.NUM_ABSENT] = 0  # nothing to place: compiles without working
        chain.member[:, kernels.ROUTE_OF] = 0
        kernels.construct(self.search, chain)
        kernels.improve(self.search, chain)
        if self.inst.num_shifts:
            kernels.is_feasible(self.search, chain, 0, np.zeros(0, np.int64))
        if self.search.pair_shift.size:
            kernels.exact_place(self.search, chain, int(self.search.pair_shift[0]), 0)
            kernels.exact_costs(self.search, chain, 0, np.zeros(self.inst.num_shifts, np.int64))

    def start(self, routes: Sequence[Sequence[int]] | None = None) -> None:
        """Construct first routes, and take over those given if they are no worse.

        Visits that no longer fit into a given route are left out of it first.
        """
        first = self.chains[0]
        kernels.construct(self.search, first)
        kernels.keep_best(self.search, first)
        if routes is not None:
            warm = self.chains[-1] if self.threads > 1 else first
            built = first.best.copy()
            kernels.load_routes(self.search, warm, *_packed(warm, self._repaired(warm, routes)))
            kernels.construct(self.search, warm)
            if warm.num[kernels.COST] <= first.num[kernels.BEST]:
                self._adopt(warm.visits, warm.route[:, kernels.LENGTH])
                return
            self._adopt(built[:, 1:].copy(), built[:, 0].copy())
            return
        self._adopt(first.visits, first.route[:, kernels.LENGTH])

    def _adopt(self, visits: Array, length: Array) -> None:
        visits, length = visits.copy(), length.astype(np.int64)
        for chain in self.chains:
            kernels.load_routes(self.search, chain, visits, length)
            kernels.keep_best(self.search, chain)

    def _repaired(self, chain: Chain, routes: Sequence[Sequence[int]]) -> Routes:
        """Leave visits out of each route until it is feasible, the cheapest to lose first."""
        kept: Routes = []
        for s, order in enumerate(routes):
            route = [t for t in order if self.search.legal[t, s]]
            while route and not kernels.is_feasible(
                self.search, chain, s, np.array(route, np.int64)
            ):
                route = self._without_one(chain, s, route)
            kept.append(route)
        return kept

    def _without_one(self, chain: Chain, s: int, route: list[int]) -> list[int]:
        price = self.inst.skip_cost
        for at in sorted(range(len(route)), key=lambda i: (int(price[route[i]]), route[i])):
            shorter = route[:at] + route[at + 1 :]
            if kernels.is_feasible(self.search, chain, s, np.array(shorter, np.int64)):
                return shorter
        cheapest = min(range(len(route)), key=lambda i: (int(price[route[i]]), route[i]))
        return route[:cheapest] + route[cheapest + 1 :]

    def run_iterations(
        self, iterations: int, heat: Heat, *, on_batch: Callable[[], bool] | None = None
    ) -> None:
        """Run every chain for so many iterations, with exchanges at fixed counts.

        `on_batch` is called about ten times a second; False stops.
        """
        slope = math.log(heat.cold / heat.hot) / max(1, iterations)
        epochs = max(1, min(EPOCHS, iterations // 200))
        done, size = 0, 64
        with ThreadPoolExecutor(self.threads) as pool:
            for epoch in range(1, epochs + 1):
                end = iterations * epoch // epochs
                while done < end:
                    count = min(size, end - done)
                    spent = self._all(pool, [count] * self.threads, done, math.log(heat.hot), slope)
                    done += count
                    size = _next_size(count, max(spent), BATCH_SECONDS)
                    if on_batch is not None and not on_batch():
                        return
                self._exchange(epoch, epochs)

    def run_until(
        self, seconds: float, heat: Heat, *, on_batch: Callable[[], bool] | None = None
    ) -> None:
        """Run every chain for so many seconds, the clock setting the temperature."""
        begin = time.monotonic()
        fall = math.log(heat.cold / heat.hot)
        sizes, epoch = [64] * self.threads, 0
        with ThreadPoolExecutor(self.threads) as pool:
            while (share := (time.monotonic() - begin) / max(1e-9, seconds)) < 1:
                if int(share * EPOCHS) > epoch:
                    epoch = int(share * EPOCHS)
                    self._exchange(epoch, EPOCHS)
                span = min(BATCH_SECONDS, seconds * (1 - share))
                spent = self._all(pool, sizes, 0, math.log(heat.hot) + fall * share, 0.0)
                sizes = [_next_size(n, used, span) for n, used in zip(sizes, spent, strict=True)]
                if on_batch is not None and not on_batch():
                    return

    def _all(
        self,
        pool: ThreadPoolExecutor,
        sizes: Sequence[int],
        first: int,
        log_hot: float,
        slope: float,
    ) -> list[float]:
        """Run a batch on every chain; return the seconds that each took."""

        def run(chain: Chain, size: int) -> float:
            begin = time.monotonic()
            kernels.search(
                self.search,
                chain,
                size,
                first,
                log_hot,
                slope,
                REMOVED,
                FROM_ABSENT,
                MOST_ABSENT,
                BLINK,
                CHAIN_SHARE,
            )
            return time.monotonic() - begin

        jobs = [pool.submit(run, c, size) for c, size in zip(self.chains, sizes, strict=True)]
        return [job.result() for job in jobs]

    def _exchange(self, epoch: int, epochs: int) -> None:
        """Let the worst chain continue from the best one's current routes."""
        if self.threads < 2 or epoch >= epochs:
            return
        order = sorted(range(self.threads), key=lambda i: (self.chains[i].num[kernels.COST], i))
        best, worst = self.chains[order[0]], self.chains[order[-1]]
        kernels.load_routes(
            self.search, worst, best.visits, best.route[:, kernels.LENGTH].astype(np.int64)
        )


def _next_size(size: int, spent: float, span: float) -> int:
    """Size of the next batch so that it takes `span` seconds; grows at most fourfold."""
    return max(1, min(4 * size, int(size * span / max(1e-6, spent))))


EPOCHS = 8
"""Exchanges between chains in a run; few, so that chains explore on their own."""

REMOVED = 10.0
"""Visits removed on average in one iteration (Christiaens & Vanden Berghe 2020)."""

FROM_ABSENT = 0.3
"""Share of removals that start at an absent ticket."""

MOST_ABSENT = 40
"""Absent tickets tried again in one iteration, in the routes just touched."""

BLINK = 0.01
"""Chance that a route is overlooked in an insertion, for variety."""

CHAIN_SHARE = 0.5
"""Share of removals that follow a chain of tickets that could take each other's room."""


def _packed(chain: Chain, routes: Routes) -> tuple[Array, Array]:
    visits = np.zeros_like(chain.visits)
    length = np.zeros(visits.shape[0], np.int64)
    for s, route in enumerate(routes):
        visits[s, : len(route)] = route
        length[s] = len(route)
    return visits, length


def default_heat(inst: Instance) -> Heat:
    """Temperatures from the instance's own prices: a share of the usual price of a ticket."""
    usual = float(np.median(inst.skip_cost)) if inst.num_tickets else 1.0
    return Heat(hot=max(10.0, 0.08 * usual), cold=max(1.0, 0.003 * usual))


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
