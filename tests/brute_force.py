"""The best plan of a tiny problem, found by trying every one."""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import TYPE_CHECKING

from tests.twin import route_cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dispatchopt.forms import Instance

Routes = list[list[int]]


def every_plan(num_tickets: int, num_shifts: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield every order of every choice of tickets on every shift."""
    for shifts in product(range(-1, num_shifts), repeat=num_tickets):
        groups = [[t for t in range(num_tickets) if shifts[t] == s] for s in range(num_shifts)]
        yield from product(*(permutations(group) for group in groups))


def best_plan(inst: Instance) -> tuple[int, Routes] | None:
    """Return the least cost and a plan that has it; None: no plan is feasible.

    Meant for at most 4 tickets and 2 shifts (261 plans).
    """

    @cache
    def price(s: int, order: tuple[int, ...]) -> int | None:
        return route_cost(inst, s, order)

    best: tuple[int, Routes] | None = None
    for routes in every_plan(inst.num_tickets, inst.num_shifts):
        cost = _plan_price(inst, routes, [price(s, order) for s, order in enumerate(routes)])
        if cost is not None and (best is None or cost < best[0]):
            best = cost, [list(order) for order in routes]
    return best


def _plan_price(
    inst: Instance, routes: Sequence[Sequence[int]], prices: Sequence[int | None]
) -> int | None:
    total = sum(int(inst.skip_cost[t]) for t in range(inst.num_tickets))
    for order, cost in zip(routes, prices, strict=True):
        if cost is None:
            return None
        total += cost - sum(int(inst.skip_cost[t]) for t in order)
    return total
