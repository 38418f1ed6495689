"""Set partitioning: the best plan that known routes can make, by CP-SAT from a full hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ortools.sat.python import cp_model

from dispatchopt.solvers.cpsat.watch import Watch, make_solver
from dispatchopt.solvers.memory import is_elementary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatchopt.forms import Instance, Int64Array
    from dispatchopt.solvers.pricing import Column

MOST_COLUMNS = 6000
"""Routes given to CP-SAT: with ten thousand it found less in the same time."""


def choose(
    columns: Sequence[Column], reduced: Int64Array, routes: Sequence[Sequence[int]], gap: int
) -> list[Column]:
    """Return the routes worth mixing: the plan's own, and those with least reduced cost.

    Only a route whose reduced cost is below `gap` (cost less bound, in the unit of `reduced`) can
    be part of a better plan.
    """
    own = {(s, tuple(visits)) for s, visits in enumerate(routes)}
    order = np.argsort(reduced, kind="stable").tolist()
    fit = [i for i in order if reduced[i] < gap and is_elementary(columns[i].visits)][:MOST_COLUMNS]
    chosen = set(fit) | {
        i for i, column in enumerate(columns) if (column.shift, column.visits) in own
    }
    return [columns[i] for i in sorted(chosen)]


def mix(
    inst: Instance,
    columns: Sequence[Column],
    routes: Sequence[Sequence[int]],
    *,
    time_limit: float | None,
    deterministic_time: float | None,
    workers: int,
    seed: int,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[list[list[int]], int]:
    """Return the best plan made of these routes and its cost, never a dearer one than `routes`.

    Parameters
    ----------
    columns
        Routes to choose from, those of `routes` among them.
    routes
        A plan, as the hint.
    time_limit, deterministic_time
        Seconds of the clock, or deterministic ones.
    """
    model = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in columns]
    out = [model.new_bool_var("") for _ in range(inst.num_tickets)]
    by_ticket: list[list[cp_model.IntVar]] = [[var] for var in out]
    by_shift: list[list[cp_model.IntVar]] = [[] for _ in range(inst.num_shifts)]
    for column, var in zip(columns, taken, strict=True):
        by_shift[column.shift].append(var)
        for t in column.visits:
            by_ticket[t].append(var)
    for rows in (by_ticket, by_shift):
        for row in rows:
            model.add_exactly_one(row)
    skip = inst.skip_cost.tolist()
    model.minimize(
        cp_model.LinearExpr.weighted_sum(taken, [column.cost for column in columns])
        + cp_model.LinearExpr.weighted_sum(out, skip)
    )
    own = {(s, tuple(visits)) for s, visits in enumerate(routes)}
    served = {t for visits in routes for t in visits}
    for column, var in zip(columns, taken, strict=True):
        model.add_hint(var, (column.shift, column.visits) in own)
    for t, var in enumerate(out):
        model.add_hint(var, t not in served)
    solver = make_solver(workers, seed, deterministic_time, time_limit)
    with Watch(None, should_stop).stopping(solver):
        status = solver.solve(model)
    plans = [[list(visits) for visits in routes]]
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        mixed: list[list[int]] = [[] for _ in range(inst.num_shifts)]
        for column, var in zip(columns, taken, strict=True):
            if solver.boolean_value(var):
                mixed[column.shift] = list(column.visits)
        plans.append(mixed)
    cost = {(column.shift, column.visits): column.cost for column in columns}

    def price(plan: Sequence[Sequence[int]]) -> int:
        served = {t for visits in plan for t in visits}
        left = sum(int(amount) for t, amount in enumerate(skip) if t not in served)
        return left + sum(cost[s, tuple(visits)] for s, visits in enumerate(plan))

    best = min(plans, key=price)
    return best, price(best)
