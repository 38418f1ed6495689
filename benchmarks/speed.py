"""Kernel throughput and the time of a first plan, on made-up days of two families.

``plain``: only windows, skills and shift hours matter. ``balanced``: the whole default policy with
breaks, due times, appointments, load and travel profiles.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, number, spread, timed
from dispatchopt.generator import generate, generate_plain
from dispatchopt.instance import compile_problem
from dispatchopt.solvers.lns import Lns, default_heat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dispatchopt.models import Problem

RATIO_AIM = 1 / 3
"""Least share of the plain family's throughput that the balanced family has."""

FIRST_PLAN_AIMS = {300: 1.0, 1000: 5.0}
"""Seconds at most to a first plan, by tickets."""

FAMILIES: Mapping[str, Callable[[int, int], Problem]] = {
    "plain": lambda tickets, seed: generate_plain(tickets=tickets, seed=seed),
    "balanced": lambda tickets, seed: generate(tickets=tickets, seed=seed),
}


def throughput(sizes: Sequence[int], seeds: Sequence[int], iterations: int) -> list[Figure]:
    """Iterations per CPU second of one chain, by family, and the ratio of the families.

    A whole annealing run from hot to cold is counted, batches and hand-over between threads
    included; compilation and construction are not. Families take turns, so that other work on the
    machine meets both.
    """
    figures = []
    for size in sizes:
        speeds: dict[str, list[float]] = {family: [] for family in FAMILIES}
        sample: dict[str, str] = {}
        for seed in seeds:
            for family, make in FAMILIES.items():
                lns = _started(make(size, seed), seed)
                with timed() as spent:
                    lns.run_iterations(iterations, default_heat(lns.inst))
                speeds[family].append(lns.iterations / max(spent.cpu, 1e-9))
                sample[family] = f"{lns.inst.num_tickets} tickets, {lns.inst.num_shifts} shifts"
        for family, values in speeds.items():
            remark = f"{spread(values)}; {sample[family]} in the last of {len(seeds)} seeds"
            figures.append(
                Figure(
                    "throughput",
                    f"{family}, {size} tickets",
                    median(values),
                    "iterations / CPU s",
                    remark=remark,
                    raw=tuple(values),
                )
            )
        figures.append(_ratio(size, speeds))
    return figures


def _ratio(size: int, speeds: Mapping[str, Sequence[float]]) -> Figure:
    pairs = zip(speeds["balanced"], speeds["plain"], strict=True)
    each = [balanced / plain for balanced, plain in pairs]
    return Figure(
        "throughput",
        f"balanced / plain, {size} tickets",
        median(speeds["balanced"]) / median(speeds["plain"]),
        "of medians",
        at_least=RATIO_AIM,
        remark=f"by seed {spread(each)}",
        raw=tuple(each),
    )


def first_plans(sizes: Sequence[int], seeds: Sequence[int]) -> list[Figure]:
    """CPU seconds from a problem in memory to constructed routes, kernels loaded before."""
    figures = []
    for size in sizes:
        for family, make in FAMILIES.items():
            _started(make(min(size, 60), 0), 0)
            parts = [_first_plan(make(size, seed), seed) for seed in seeds]
            totals = [sum(part[:3]) for part in parts]
            split = ", ".join(
                f"{name} {number(median(part[i] for part in parts))}"
                for i, name in enumerate(("compile", "lay out", "construct"))
            )
            walls = [part[3] for part in parts]
            figures.append(
                Figure(
                    "first plan",
                    f"{family}, {size} tickets",
                    median(totals),
                    "CPU s",
                    at_most=FIRST_PLAN_AIMS.get(size),
                    remark=f"{spread(totals)} of {len(seeds)} seeds; wall {spread(walls)}; {split}",
                    raw=tuple(totals),
                )
            )
    return figures


def _started(problem: Problem, seed: int) -> Lns:
    lns = Lns(compile_problem(problem).instance, seed, 1)
    lns.compile()
    lns.start()
    return lns


def _first_plan(problem: Problem, seed: int) -> tuple[float, float, float, float]:
    """Return CPU seconds of compiling, laying out and constructing, and wall seconds of all."""
    with timed() as compiling:
        inst = compile_problem(problem).instance
    with timed() as laying:
        lns = Lns(inst, seed, 1)
    with timed() as constructing:
        lns.start()
    wall = compiling.wall + laying.wall + constructing.wall
    return compiling.cpu, laying.cpu, constructing.cpu, wall
