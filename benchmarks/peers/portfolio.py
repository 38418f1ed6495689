"""Several runs of a single-threaded engine side by side; the cheapest feasible plan counts."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.day import Clock, Day, judge

Orders = dict[str, tuple[str, ...]]
Run = Callable[[Day, Clock, int], Orders]


def best_of(run: Run, day: Day, clock: Clock, variants: Sequence[int]) -> Orders:
    """Run every variant in a process of its own and return the cheapest feasible plan.

    If no plan is feasible, the cheapest is returned all the same: the judge says what is wrong.
    """
    if len(variants) == 1:
        return run(day, clock, variants[0])
    # Forked, not spawned: a fresh interpreter would spend a second of the peer's time on imports.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(len(variants), mp_context=context) as pool:
        futures = [pool.submit(run, day, clock, variant) for variant in variants]
        plans = [future.result() for future in futures]
    return min(plans, key=lambda plan: _rank(day, plan))


def _rank(day: Day, plan: Orders) -> tuple[bool, int]:
    verdict = judge(day, plan)
    return not verdict.is_feasible, verdict.cost
