"""Large neighbourhood search: chains of compiled ruin and recreate in threads.

Chains run in epochs, each cooled from a hot temperature. Between two of them every chain goes back
to its best routes, the one that fell behind to the best of all.
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
from dispatchopt.solvers._kernels import _load_price as load_price
from dispatchopt.solvers.layout import lay_out, new_chain
from dispatchopt.solvers.pricing import compile_pricing
from dispatchopt.solvers.simulation import compile_simulation

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

    def share(self, share: float) -> Heat:
        """Begin at a share of the hot temperature."""
        return Heat(max(self.cold, share * self.hot), self.cold)

    def epoch(self, epoch: int) -> tuple[float, float]:
        """Return the logarithm of an epoch's first temperature, and its fall to `cold`."""
        hot = max(self.cold, self.hot * REHEATS[epoch])
        return math.log(hot), math.log(self.cold / hot)


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

    def current(self) -> list[Routes]:
        """Return the routes that each chain stands at."""
        return [
            [row[:n] for row, n in zip(c.visits.tolist(), length, strict=True)]
            for c in self.chains
            for length in [c.route[:, kernels.LENGTH].tolist()]
        ]

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
        if self.inst.num_shifts:
            kernels.refresh(self.search, chain, 0)
            load_price(self.search.shift, self.search.meta, 0, 0)
        chain.num[kernels.NUM_ABSENT] = 0  # nothing to place: compiles without working
        chain.member[:, kernels.ROUTE_OF] = 0
        kernels.construct(self.search, chain)
        kernels.improve(self.search, chain)
        if self.inst.num_shifts:
            kernels.is_feasible(self.search, chain, 0, np.zeros(0, np.int64))
        if self.search.pair_shift.size:
            kernels.exact_place(self.search, chain, int(self.search.pair_shift[0]), 0)
            kernels.exact_costs(self.search, chain, 0, np.zeros(self.inst.num_shifts, np.int64))
        compile_pricing(self.search)
        compile_simulation(self.search)

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

    def adopt(self, routes: Sequence[Sequence[int]]) -> None:
        """Let every chain stand at these routes, which must be feasible; forget what was found."""
        self._adopt(*_packed(self.chains[0], [list(route) for route in routes]))

    def repaired(self, routes: Sequence[Sequence[int]]) -> Routes:
        """Return the routes without the visits that no longer fit, the cheapest to lose first."""
        return self._repaired(self.chains[0], routes)

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
        """Run every chain for so many iterations, reheated at fixed counts.

        `on_batch` is called about ten times a second; False stops.
        """
        epochs = len(REHEATS) if iterations >= 100 * len(REHEATS) else 1
        size = 64
        with ThreadPoolExecutor(self.threads) as pool:
            for epoch in range(epochs):
                begin, end = iterations * epoch // epochs, iterations * (epoch + 1) // epochs
                if epoch:
                    self._exchange()
                log_hot, fall = heat.epoch(epoch)
                slope, done = fall / max(1, end - begin), 0
                while done < end - begin:
                    count = min(size, end - begin - done)
                    spent = self._all(pool, [count] * self.threads, done, log_hot, slope)
                    done += count
                    size = _next_size(count, max(spent), BATCH_SECONDS)
                    if on_batch is not None and not on_batch():
                        return

    def run_until(
        self,
        seconds: float,
        heat: Heat,
        *,
        on_batch: Callable[[], bool] | None = None,
        batch: float = BATCH_SECONDS,
    ) -> None:
        """Run every chain for so many seconds, the clock setting the temperature."""
        begin = time.monotonic()
        sizes, epoch = [64] * self.threads, 0
        with ThreadPoolExecutor(self.threads) as pool:
            while (share := (time.monotonic() - begin) / max(1e-9, seconds)) < 1:
                if int(share * len(REHEATS)) > epoch:
                    epoch = int(share * len(REHEATS))
                    self._exchange()
                log_hot, fall = heat.epoch(epoch)
                log_hot += fall * (share * len(REHEATS) - epoch)
                span = min(batch, seconds * (1 - share))
                spent = self._all(pool, sizes, 0, log_hot, 0.0)
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

    def _exchange(self) -> None:
        """Let every chain continue from its best routes, the last one from the best of all."""
        order = sorted(range(self.threads), key=lambda i: (self.chains[i].num[kernels.BEST], i))
        best = self.chains[order[0]].best.copy()
        for i in order:
            own = best if i == order[-1] else self.chains[i].best.copy()
            visits = np.zeros_like(self.chains[i].visits)
            visits[:, : own.shape[1] - 1] = own[:, 1:]
            kernels.load_routes(self.search, self.chains[i], visits, own[:, 0].copy())


def _next_size(size: int, spent: float, span: float) -> int:
    """Size of the next batch so that it takes `span` seconds; grows at most fourfold."""
    return max(1, min(4 * size, int(size * span / max(1e-6, spent))))


REHEATS = (1.0, 0.5, 0.5, 0.5)
"""A run is cooled so many times, from these shares of its hot temperature; in between, chains go
back to their best routes. On three days of 100 tickets, six runs of 10 CPU seconds ended 0.3, 20.2
and 2.2 % above the bounds; cooled once, one of them stayed at 16 % on the first day."""

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
    return Heat(hot=max(10.0, 0.08 * usual), cold=max(1.0, 0.0011 * usual))


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
