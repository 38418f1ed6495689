"""Branch and price: the bound of all plans as the least of bounds of parts that make up the whole.

A part (`Branch`) is split where its linear programme mixes what no plan can mix: first the number
of tickets left out, of all and of those with one price; then a ticket left out or not, or on some
shift or not. Of several such splits the one is taken whose parts' programmes, over known routes,
are dearest. The part with the least bound is split next. So the bound is valid at any time, and
rises until every part is as dear as the target.

References
----------
Barnhart, Johnson, Nemhauser, Savelsbergh, Vance (1998), Branch-and-price: column generation for
solving huge integer programs, Operations Research. Achterberg, Koch, Martin (2005), Branching rules
revisited, Operations Research Letters (strong branching).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers.colgen import Ended
from dispatchopt.solvers.limits import WHOLE, Branch
from dispatchopt.solvers.master import MasterError
from dispatchopt.solvers.pricing import SCALE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.solvers.colgen import ColumnGeneration
    from dispatchopt.solvers.limits import Pair

logger = logging.getLogger(__name__)

MOST_PENALTY = 2**36
"""A thousand tickets' prices with three limits each still fit 64 bits in units of 1 / SCALE."""

CANDIDATES = 8
"""Splits of which the best is looked for."""

FRACTION = 1e-4
"""Shares are whole if they are so near to whole numbers."""

Routes = list[list[int]]


@dataclass(order=True)
class _Node:
    value: int  # no plan of the branch costs less, in 1 / SCALE
    number: int
    branch: Branch = field(compare=False)


class Tree:
    """Parts of all plans that are still to be split, and the best plan known.

    Parameters
    ----------
    generation
        Its linear programme over all plans is solved.
    routes, cost
        A plan and its cost.
    gap
        Distance between cost and bound, as a share of the cost, that is close enough.
    tell
        Called with each better bound.

    Attributes
    ----------
    routes, cost
        The best plan known.
    nodes
        Parts looked at.
    """

    def __init__(
        self,
        generation: ColumnGeneration,
        routes: Routes,
        cost: int,
        *,
        gap: float = 0.0,
        tell: Callable[[int], None] = lambda _bound: None,
    ) -> None:
        if generation.branch_value is None:
            raise ValueError("the bound of all plans is unknown; call `solve` first")
        self._generation, self._gap, self._tell = generation, gap, tell
        self.routes, self.cost, self.nodes = routes, cost, 0
        self._penalty = float(min(2 * cost + 1, MOST_PENALTY))
        self._made = 0
        self._open: list[_Node] = []
        self._root = generation.branch_value
        self._push(WHOLE, self._root)
        self._least_done: int | None = None
        self._groups = _groups(generation.inst.skip_cost.tolist())

    @property
    def bound(self) -> int:
        """No plan costs less."""
        values = [self._open[0].value] if self._open else []
        if self._least_done is not None:
            values.append(self._least_done)
        return min([self.cost, *(-(-value // SCALE) for value in values)])

    @property
    def target(self) -> int:
        """A bound that is close enough."""
        return self.cost - int(self._gap * self.cost)

    def run(self, *, most_nodes: int | None = None) -> None:
        """Split parts until the bound is close enough, or the generation is to end."""
        told = self.bound
        try:
            while self.bound < self.target and self._open and self.nodes != most_nodes:
                self._step(self._open[0])
                if self.bound > told:
                    told = self.bound
                    self._tell(told)
        except (Ended, MasterError) as error:
            logger.info("branching ends early after %d parts: %r", self.nodes, error)
        finally:
            self._generation.look_at(WHOLE, self._root, self._penalty)

    def _push(self, branch: Branch, value: int) -> None:
        if not branch.is_empty:
            heappush(self._open, _Node(value, self._made, branch))
            self._made += 1

    def _step(self, node: _Node) -> None:
        """Bound a part, the first one open, and split it unless it is dear enough."""
        self.nodes += 1
        generation = self._generation
        generation.look_at(node.branch, node.value, self._penalty)
        value = node.value
        heappop(self._open)
        parts: list[Branch] | None = None
        try:
            is_solved = generation.solve(upper=self.target)
            if is_solved and not node.branch.forbidden and not counts_are_mixed(generation):
                # The numbers left out are whole at last: now cuts bite.
                generation.cut(upper=self.target)
            # Comparing splits looks at other parts: the value is read before.
            value = generation.branch_value or node.value
            if not is_solved:
                raise Ended
            parts = [] if -(-value // SCALE) >= self.target else self._split(node.branch)
        finally:
            if parts is None:
                self._push(node.branch, value)
        for part in parts:
            self._push(part, value)
        if not parts:
            self._least_done = value if self._least_done is None else min(value, self._least_done)
        logger.debug("part %d: bound %d, all %d", self.nodes, value // SCALE, self.bound)

    def _split(self, branch: Branch) -> list[Branch]:
        """Return parts that make up a branch whose programme is solved; none: it is one plan."""
        out = self._generation.master.left_out
        for tickets in self._groups:
            total = float(out[list(tickets)].sum())
            if _is_fraction(total):
                parts = [
                    branch.within(tickets, most=int(total)),
                    branch.within(tickets, least=int(total) + 1),
                ]
                # A programme that pays for breaking a limit would be split into itself.
                if branch not in parts:
                    return parts
        shares = self._shares()
        candidates = self._candidates(branch, shares)
        if not candidates:
            self._take_plan()
            return []
        return self._dearest(candidates)

    def _shares(self) -> dict[Pair, float]:
        """Return how much of each ticket each shift serves."""
        generation = self._generation
        shares: dict[Pair, float] = {}
        for number, share in zip(generation.in_master, generation.master.shares, strict=False):
            if share > 1e-9:
                column = generation.columns[number]
                for t in set(column.visits):
                    pair = t, column.shift
                    shares[pair] = shares.get(pair, 0.0) + float(share)
        return shares

    def _candidates(self, branch: Branch, shares: dict[Pair, float]) -> list[list[Branch]]:
        """Return splits by what is least decided."""
        out = self._generation.master.left_out
        found: list[tuple[float, list[Branch]]] = []
        for t in np.nonzero(np.abs(out - np.round(out)) > FRACTION)[0].tolist():
            split = [branch.within((t,), most=0), branch.within((t,), least=1)]
            found.append((abs(float(out[t]) - 0.5), split))
        legal = self._generation.pricer.search.legal
        for (t, s), share in sorted(shares.items()):
            if _is_fraction(share):
                others = {(t, int(o)) for o in np.nonzero(legal[t])[0] if o != s}
                split = [branch.without({(t, s)}), branch.without(others).within((t,), most=0)]
                found.append((abs(share - 0.5), split))
        found = [entry for entry in found if branch not in entry[1]]
        found.sort(key=lambda entry: entry[0])
        return [split for _, split in found[:CANDIDATES]]

    def _dearest(self, candidates: list[list[Branch]]) -> list[Branch]:
        """Return the split whose parts are dearest, over known routes."""
        base = self._generation.master.objective
        most = max(1.0, self.target - base)
        best, best_score = candidates[0], -1.0
        for split in candidates:
            score = 1.0
            for part in split:
                score *= min(max(self._rise(part, base), 1e-3 * most), most)
            if score > best_score * (1 + 1e-9):
                best, best_score = split, score
        return best

    def _rise(self, part: Branch, base: float) -> float:
        """Return by how much a part's programme is dearer, over known routes."""
        if part.is_empty:
            return math.inf
        generation = self._generation
        generation.look_at(part, None, self._penalty)
        generation.master.solve(generation.should_stop)
        return generation.master.objective - base

    def _take_plan(self) -> None:
        """Keep the plan that the programme has become, if it is better."""
        generation = self._generation
        routes: Routes = [[] for _ in self.routes]
        least: dict[int, int] = {}
        for number, share in zip(generation.in_master, generation.master.shares, strict=False):
            column = generation.columns[number]
            if share > FRACTION and column.cost < least.get(column.shift, 2**62):
                routes[column.shift] = list(column.visits)
                least[column.shift] = column.cost
        if len({t for visits in routes for t in visits}) < sum(map(len, routes)):
            return
        cost = generation.cost_of(routes)
        if cost < self.cost:
            self.routes, self.cost = routes, cost


def counts_are_mixed(generation: ColumnGeneration) -> bool:
    """Whether a number of tickets left out, of all or those with one price, is a fraction."""
    out = generation.master.left_out
    groups = _groups(generation.inst.skip_cost.tolist())
    return any(_is_fraction(float(out[list(tickets)].sum())) for tickets in groups)


def _is_fraction(value: float) -> bool:
    return abs(value - round(value)) > FRACTION


def _groups(prices: list[int]) -> list[tuple[int, ...]]:
    """Return all tickets, and those of each price if several have it."""
    groups = [tuple(range(len(prices)))]
    for price in sorted(set(prices)):
        same = tuple(t for t, other in enumerate(prices) if other == price)
        if 1 < len(same) < len(prices):
            groups.append(same)
    return groups
