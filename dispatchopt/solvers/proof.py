"""Bound and better plan in one go: column generation, branching, the best mix of the routes."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dispatchopt.forms import BALANCE, RESERVE, largest_cost
from dispatchopt.solvers.branch import Tree, counts_are_mixed
from dispatchopt.solvers.colgen import MOST_COST, ColumnGeneration
from dispatchopt.solvers.dive import Dives
from dispatchopt.solvers.lns import Lns, default_heat
from dispatchopt.solvers.pricing import SCALE
from dispatchopt.solvers.setpart import choose, mix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatchopt.forms import Instance
    from dispatchopt.solvers._kernels import Search
    from dispatchopt.solvers.pricing import Pricer, Prices

MIX_SHARE = 0.1
"""Share of the time that is kept for mixing the routes."""

DIVE_TICKETS = 200
"""Smaller days are dived before there is a bound."""

FIRST_SHARE, FIRST_STEPS = 0.8, 4
"""Of the time, what the programme guessed and a dive of so many steps a shift may take before all
else. Of a city day of 100 tickets the search alone leaves out two tickets after minutes, a dive one
after seconds."""

DIVE_SHARE, STEPS, CUT_SHARE = 0.35, 8, 0.3
"""Once the programme is solved, twice: of the time then left, what dives of so many steps a shift
may take, and cuts; the rest is for branching."""

POLISH_HEAT, POLISH_ITERATIONS = 0.3, 300
"""The search around the plan of a dive begins at this share of the hot temperature; its iterations
of each thread and ticket."""

MOST_POOL = 30_000
"""Routes that are remembered from the search."""

Routes = list[list[int]]

logger = logging.getLogger(__name__)


@dataclass
class Pool:
    """Routes that a search came by."""

    routes: set[tuple[int, tuple[int, ...]]] = field(default_factory=set)

    def add(self, routes: Sequence[Sequence[int]]) -> None:
        """Remember the routes of a plan."""
        if len(self.routes) < MOST_POOL:
            self.routes.update((s, tuple(visits)) for s, visits in enumerate(routes) if visits)


class Proof(NamedTuple):
    """What was proven, and the plan that came out.

    Attributes
    ----------
    bound
        No plan costs less; None if no round was finished.
    routes, cost
        The best plan known.
    prices, pricer, levels
        Prices that gave the bound, what priced with them, and what each shift's best known route
        costs less its tickets' prices, in 1 / SCALE; without a bound None and none.
    left_out
        Names of the prices that the bound does not count in full.
    closing
        Seconds to keep for pricing every shift twice again.
    """

    bound: int | None
    routes: Routes
    cost: int
    prices: Prices | None
    pricer: Pricer | None
    levels: tuple[int, ...]
    left_out: tuple[str, ...]
    closing: float


def seconds_needed(inst: Instance, threads: int) -> float:
    """Return about how long the first bound takes: measured at 100, 300 and 1000 tickets."""
    return float(
        2.2 * (inst.num_tickets / 100) ** 2.2 * 2 / min(threads, 2 * max(1, inst.num_shifts))
    )


def dives_first(inst: Instance) -> bool:
    """Whether plans are dived for first of all: where that takes seconds."""
    return inst.num_tickets < DIVE_TICKETS


def can_prove(inst: Instance) -> bool:
    """Whether there is anything to price, in numbers that fit."""
    return bool(inst.num_tickets and inst.num_shifts) and largest_cost(inst)[0] < MOST_COST


class _Clock:
    """Shares out time, or labels, among the steps of a proof."""

    def __init__(
        self, generation: ColumnGeneration, should_stop: Callable[[], bool], seconds: float | None
    ) -> None:
        self.generation, self.should_stop = generation, should_stop
        self._end = math.inf
        if seconds is not None:
            self._end = time.monotonic() + seconds * (1 - MIX_SHARE)
        self._max_labels = generation.max_labels

    @property
    def left(self) -> float | None:
        """Seconds left, without those for mixing; None without a limit."""
        return None if self._end == math.inf else max(0.0, self._end - time.monotonic())

    def give(self, share: float) -> None:
        """Let the generation run for a share of what is left."""
        now, generation = time.monotonic(), self.generation
        end = now + share * (self._end - now)
        generation.should_stop = lambda: self.should_stop() or time.monotonic() >= end
        if self._max_labels is not None:
            left = self._max_labels - generation.labels
            generation.max_labels = generation.labels + int(share * left)


def _bound(
    generation: ColumnGeneration,
    clock: _Clock,
    routes: Routes,
    cost: int,
    *,
    gap: float,
    seed: int,
    tell: Callable[[int], None],
) -> tuple[int | None, Routes, int]:
    """Return bound and plan by linear programme, rounding, cuts and branching."""
    plans = _Plans(generation, clock, routes, cost, gap, seed)
    # Under an iteration limit a proof was asked for, and the effort is just enough for it.
    if dives_first(generation.inst) and clock.left is not None:
        clock.give(FIRST_SHARE)
        if generation.approach():
            plans.dive(FIRST_STEPS, most=1)
    clock.give(1.0)
    is_solved = generation.solve(upper=plans.upper)
    for _ in range(2):
        if not is_solved or generation.bound is None or generation.bound >= plans.upper:
            return generation.bound, plans.routes, plans.cost
        clock.give(DIVE_SHARE)
        is_mixed = counts_are_mixed(generation)
        plans.dive(STEPS)
        if is_mixed:
            # Cuts raise little before branching made the numbers left out whole.
            break
        clock.give(CUT_SHARE)
        # The dives left the programme of their last step.
        generation.run(upper=plans.upper)
    if generation.bound is None or generation.bound >= plans.upper:
        return generation.bound, plans.routes, plans.cost
    clock.give(1.0)
    tree = Tree(generation, plans.routes, plans.cost, gap=gap, tell=tell)
    tree.run()
    return max(tree.bound, generation.bound), tree.routes, tree.cost


class _Plans:
    """The best plan so far, and dives for better ones."""

    def __init__(
        self,
        generation: ColumnGeneration,
        clock: _Clock,
        routes: Routes,
        cost: int,
        gap: float,
        seed: int,
    ) -> None:
        self._generation, self._clock, self._gap, self._seed = generation, clock, gap, seed
        self.routes, self.cost = routes, cost

    @property
    def upper(self) -> int:
        """A bound that is close enough."""
        return self.cost - int(self._gap * self.cost)

    def dive(self, steps: int, *, most: int | None = None) -> None:
        """Dive for so many steps a shift, until the time given is up or nothing better is left."""
        generation = self._generation
        dives = Dives(generation, most_steps=steps * generation.inst.num_shifts)
        number = 0
        while number != most and (generation.bound is None or generation.bound < self.upper):
            dives.upper = self.cost
            found = dives.dive()
            if found is None:
                break
            self._polish(found)
            number += 1
        generation.forget()

    def _polish(self, routes: Routes) -> None:
        """Search around a plan; the generation knows what comes of it."""
        inst = self._generation.inst
        self._seed += 1
        lns = Lns(inst, self._seed, self._generation.threads)
        lns.start(routes)
        lns.run_iterations(
            POLISH_ITERATIONS * inst.num_tickets,
            default_heat(inst).share(POLISH_HEAT),
            on_batch=lambda: not self._generation.should_stop(),
        )
        self._generation.enter_routes(lns.routes())
        if lns.cost < self.cost:
            self.routes, self.cost = lns.routes(), lns.cost
            logger.info("dive: cost %d, bound %s", self.cost, self._generation.bound)


def prove(
    inst: Instance,
    search: Search,
    most_visits: int,
    routes: Routes,
    cost: int,
    pool: Pool,
    *,
    threads: int,
    seed: int,
    seconds: float | None,
    max_labels: int | None,
    gap: float,
    should_stop: Callable[[], bool],
    tell: Callable[[int], None] = lambda _bound: None,
) -> Proof:
    """Bound the cost of any plan from below, and mix the routes found into a better one.

    Parameters
    ----------
    routes, cost
        A plan and its cost.
    seconds, max_labels
        Time, or effort in labels of the pricing (repeatable), after which it ends.
    gap
        Distance between cost and bound, as a share of the cost, that is close enough.
    should_stop
        Asked about twenty times a second, from this thread.
    tell
        Called with each better bound.
    """
    generation = ColumnGeneration(
        inst, search, most_visits, threads, max_labels=max_labels, tell=tell
    )
    clock = _Clock(generation, should_stop, seconds)
    generation.start(routes, sorted(pool.routes))
    bound, routes, cost = _bound(generation, clock, routes, cost, gap=gap, seed=seed, tell=tell)
    # No cost is negative: a bound of 0 or less says nothing.
    if bound is None or bound <= 0:
        return Proof(None, routes, cost, None, None, (), (), 0.0)
    if bound < cost and not should_stop():
        # Reduced costs are those of the prices of `generation.bound`; branching may have raised it.
        room = (cost - (generation.bound or 0)) * SCALE
        columns = choose(generation.columns, generation.reduced(), routes, room)
        routes, cost = mix(
            inst,
            columns,
            routes,
            time_limit=None if seconds is None else seconds * MIX_SHARE,
            deterministic_time=None if seconds is not None else 5.0,
            workers=threads if seconds is not None else 1,
            seed=seed,
            should_stop=should_stop,
        )
    left_out = [
        name for name, rate in (("balance", BALANCE), ("reserve", RESERVE)) if inst.rates[rate]
    ]
    prices = generation.prices
    assert prices is not None
    return Proof(
        bound,
        routes,
        cost,
        prices,
        generation.pricer,
        tuple(generation.levels(prices)),
        tuple(left_out),
        3.0 * generation.round_seconds,
    )
