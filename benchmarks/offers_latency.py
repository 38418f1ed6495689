"""How fast a customer on the line hears of windows: one ticket against a plan of many days.

Calls run one after the other on one core, all of them counted, none repeated. A cold process is
measured apart: a fresh interpreter that reads problem and plan, makes a desk and offers, kernels in
the cache. Compilations and loads of kernels are counted during the calls: there should be none.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, number
from benchmarks.isolated import CaseFailedError, run_case
from benchmarks.offers_cold import num_variants
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
    type, place and priority of the mix, no appointment and no lock; wishes are as generated: a
    half day, two hours, a day, none, on one to three of the days.
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
    millis: list[float] = []
    rates, remarks, compiled, offers = [], [], 0, 0
    for seed in scale.seeds:
        problem, calling = make_case(scale, seed)
        plan = _plan(problem, scale.plan_seconds)
        found, count, late = _calls(problem, plan, calling)
        millis += found
        rates.append(1000 * len(found) / sum(found))
        compiled, offers = compiled + late, offers + count
        shifts = sum(len(engineer.shifts) for engineer in problem.engineers)
        remarks.append(f"{len(problem.tickets)} tickets, {shifts} shifts")
    kinds = len({ticket.fault_type for ticket in calling})
    remark = (
        f"{len(millis)} tickets of {kinds} fault types against {' / '.join(remarks)} "
        f"({scale.days} days); {offers / len(millis):.1f} offers each; worst {number(max(millis))}"
    )
    cold = cold_figures(problem, plan, calling[0], scale.cold_runs)
    return [
        Figure("latency", "p50", _rank(millis, 0.5), "ms", at_most=P50_AIM, remark=remark),
        Figure("latency", "p99", _rank(millis, 0.99), "ms", at_most=P99_AIM),
        Figure(
            "latency",
            "requests a second, one core",
            min(rates),
            "1/s",
            at_least=RATE_AIM,
            remark=f"the slowest of {len(rates)} branches: {', '.join(map(number, rates))}",
            raw=tuple(rates),
        ),
        Figure("latency", "kernels compiled or loaded during calls", compiled, "", at_most=0),
        *cold,
    ]


def _plan(problem: Problem, seconds: float) -> Plan:
    from dispatchopt.solve import solve

    return solve(problem, time_limit=seconds, seed=1, prove=False).plan


def _calls(problem: Problem, plan: Plan, calling: Sequence[Ticket]) -> tuple[list[float], int, int]:
    """Return milliseconds by call, the number of offers, and kernels that came in late."""
    from dispatchopt.booking import Desk

    millis, offers = [], 0
    with one_core():
        desk = Desk(problem, plan, clock=lambda: problem.horizon.start)
        before = num_variants()
        for ticket in calling:
            begin = time.perf_counter()
            found = desk.offer(ticket)
            millis.append(1000 * (time.perf_counter() - begin))
            offers += len(found)
        return millis, offers, num_variants() - before


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
