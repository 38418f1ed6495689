"""This package as one engine among the others; looked up only when it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.day import Clock, plan_orders, small_problem

if TYPE_CHECKING:
    from dispatchopt.models import Problem

WARM_UP_SECONDS = 1.0


def solve(
    problem: Problem, *, clock: Clock, threads: int, seed: int
) -> tuple[dict[str, tuple[str, ...]], int]:
    """Plan the day; return the orders and the cost that the package itself reports."""
    package = importlib.import_module("dispatchopt")
    result = package.solve(problem, time_limit=clock.remaining(), seed=seed, threads=threads)
    if result.plan is None:
        return {}, 0
    return plan_orders(result.plan), int(result.cost)


def warm_up(*, threads: int) -> None:
    """Load (or compile, the first time) the kernels on a small day."""
    package = importlib.import_module("dispatchopt")
    problem = small_problem(num_tickets=60, num_shifts=8)
    package.solve(problem, time_limit=WARM_UP_SECONDS, seed=0, threads=threads)
