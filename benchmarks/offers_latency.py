"""How fast a customer on the line hears of windows: one ticket against a plan of many days.

Calls run one after the other on one core, all of them counted, none repeated. A cold process is
measured apart: a fresh interpreter that reads problem and plan, makes a desk and offers, kernels in
the cache. Compilations and loads of kernels are counted during the calls: there should be none.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, number
from benchmarks.isolated import CaseFailedError, run_case
from benchmarks.offers_cold import num_variants
from dispatchopt.booking import Desk
from dispatchopt.generator import generate
from dispatchopt.models import Problem, Ticket

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dispatchopt.models import Plan

P50_AIM, P99_AIM, RATE_AIM = 15.0, 50.0, 100.0
"""Milliseconds, milliseconds, requests a second on one core."""

COLD_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    tickets: int = 1000
    days: int = 5
    requests: int = 1000
    seeds: tuple[int, ...] = (1, 2, 3)
    plan_seconds: float = 20.0
    cold_runs: int = 5


SMOKE = Scale(tickets=40, days=2, requests=20, seeds=(1,), plan_seconds=1.0, cold_runs=1)


def make_case(scale: Scale, seed: int) -> tuple[Problem, list[Ticket]]:
    """Make up a branch of `tickets` over `days`, and other tickets that call in.

    One generated problem is divided, so that both live in one city. Those who call have every fault
    type, place and priority of the mix, no appointment and no lock; wishes are as generated: two
    hours, a half day, a day or any time, on one to three of the days.
    """
    share = scale.tickets / (scale.tickets + scale.requests)
    whole = generate(
        tickets=scale.tickets + scale.requests,
        days=scale.days,
        seed=seed,
        pressure=1.0 / share,
        appointment_percent=round(30 * share),
    )
    calling, planned = list[Ticket](), list[Ticket]()
    for ticket in whole.tickets:
        is_free = ticket.appointment is None and ticket.lock == "none" and ticket.is_plannable
        if is_free and len(calling) < scale.requests and not ticket.after:
            calling.append(ticket)
        else:
            planned.append(ticket)
    known = {ticket.id for ticket in planned}
    planned = [
        t.model_copy(update={"after": tuple(i for i in t.after if i in known) or None})
        if t.after
        else t
        for t in planned
    ]
    return whole.model_copy(update={"tickets": tuple(planned)}), calling


def measure(scale: Scale) -> list[Figure]:
    """Measure calls on a warm desk, and cold processes."""
    by_group: dict[str, list[list[float]]] = {"wishes as generated": [], "no wishes": []}
    offers: Counter[str] = Counter()
    remarks, late = [], 0
    for seed in scale.seeds:
        problem, calling = make_case(scale, seed)
        plan = _plan(problem, scale.plan_seconds)
        half = len(calling) // 2
        free = [ticket.model_copy(update={"windows": ()}) for ticket in calling[half:]]
        shifts = sum(len(engineer.shifts) for engineer in problem.engineers)
        remarks.append(f"{len(problem.tickets)} tickets on {shifts} shifts")
        with one_core():
            desk = Desk(problem, plan, clock=lambda: problem.horizon.start)  # noqa: B023
            before = num_variants()
            for group, tickets in zip(by_group, (calling[:half], free), strict=True):
                millis, count = _calls(desk, tickets)
                by_group[group].append(millis)
                offers[group] += count
            late += num_variants() - before
    found = []
    for group, runs in by_group.items():
        every = sum(len(run) for run in runs)
        remark = f"{every} tickets, {offers[group] / every:.1f} offers each; " + " / ".join(remarks)
        found += _figures(f"latency, {group}", runs, remark)
    what = "kernels compiled or loaded during calls"
    return [
        *found,
        Figure("latency", what, late, "", at_most=0),
        *cold_figures(problem, plan, calling[0], scale.cold_runs),
    ]


def _figures(group: str, runs: Sequence[Sequence[float]], remark: str) -> list[Figure]:
    millis = [each for run in runs for each in run]
    rates = [1000 * len(run) / sum(run) for run in runs]
    rate = "requests a second, one core"
    by_branch = f"the slowest of {len(rates)} branches: {', '.join(map(number, rates))}"
    worst = f"worst {number(max(millis))}"
    return [
        Figure(group, "p50", _rank(millis, 0.5), "ms", at_most=P50_AIM, remark=remark),
        Figure(group, "p99", _rank(millis, 0.99), "ms", at_most=P99_AIM, remark=worst),
        Figure(group, rate, min(rates), "1/s", at_least=RATE_AIM, remark=by_branch),
    ]


def _plan(problem: Problem, seconds: float) -> Plan:
    from dispatchopt.solve import solve

    return solve(problem, time_limit=seconds, seed=1, prove=False).plan


def _calls(desk: Desk, tickets: Sequence[Ticket]) -> tuple[list[float], int]:
    """Return milliseconds by call, and the number of offers."""
    millis, offers = [], 0
    for ticket in tickets:
        begin = time.perf_counter()
        found = desk.offer(ticket)
        millis.append(1000 * (time.perf_counter() - begin))
        offers += len(found)
    return millis, offers


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def cold_figures(problem: Problem, plan: Plan, ticket: Ticket, runs: int) -> list[Figure]:
    """Return the seconds from the start of a process to its first offer, kernels in the cache."""
    from dispatchopt.adapters.json_files import write_plan, write_problem

    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        write_problem(problem, folder / "problem.json")
        write_plan(plan, folder / "plan.json")
        (folder / "ticket.json").write_text(ticket.model_dump_json())
        try:
            found = [run_case("offer", {"folder": name}, seconds=COLD_SECONDS) for _ in range(runs)]
        except CaseFailedError as error:
            return [
                Figure("latency", "cold process to its first offer", None, "s", remark=str(error))
            ]
    return [
        _cold("cold process, import to first offer", found, "whole", "s"),
        _cold("of which import", found, "imported", "s"),
        _cold("of which reading problem and plan", found, "read", "s"),
        _cold("of which making the desk", found, "desk", "s"),
        _cold("first call in a cold process", found, "first", "s"),
        Figure(
            "latency",
            "compiled in a cold process's first calls",
            max(answer["compiled"] for answer in found),
            "variants",
            at_most=0,
        ),
    ]


def _cold(what: str, found: Sequence[dict[str, Any]], key: str, unit: str) -> Figure:
    values = [answer[key] for answer in found]
    remark = f"median of {len(values)} processes, {number(min(values))} .. {number(max(values))}"
    return Figure("latency", what, median(values), unit, remark=remark, raw=tuple(values))


def _rank(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
