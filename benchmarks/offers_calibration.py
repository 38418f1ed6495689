"""Many branches in several processes: probabilities told against kept, and ways of booking."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.offers_branch import Promise, Tally, simulate
from benchmarks.offers_fit import WITHIN, tenth_rows, tenths, worst
from benchmarks.offers_naive import Grid
from benchmarks.offers_ours import BoardBook, Ours
from benchmarks.offers_world import make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.offers_fit import Pair
    from benchmarks.table import Rows

ENGINEERS = (6, 7, 8, 9, 10)
"""Sizes of branches, taken in turn by seed."""

RULES = ("ours", "ours, displacing", "grid 1", "grid 2")
"""Ways of booking: the product, the product where visits without a promise may give way, and the
grid with one or two jobs a slot."""


@dataclass(frozen=True, slots=True)
class Order:
    """One branch to simulate."""

    rule: str
    seed: int
    days: int
    iterations: int
    policy: str  # JSON of fields in place of the default policy's


def run_branch(order: Order) -> Tally:
    """Simulate one branch in this process."""
    engineers = ENGINEERS[order.seed % len(ENGINEERS)]
    world = make_world(order.seed, engineers=engineers, days=order.days)
    if order.rule.startswith("ours"):
        ours = Ours(
            world,
            partial(BoardBook, displace=order.rule == "ours, displacing"),
            iterations=order.iterations,
            seed=order.seed,
            policy=json.loads(order.policy),
        )
        return simulate(world, ours)
    return simulate(world, Grid(world, int(order.rule[-1])))


def run_branches(orders: Sequence[Order], processes: int, kept: Path | None = None) -> list[Tally]:
    """Simulate branches, `processes` at once; says on standard error how far it is.

    Parameters
    ----------
    kept
        File of finished branches, one a line: those in it are not simulated again.
    """
    known = dict(_read(kept))
    left = [order for order in orders if _key(order) not in known]
    begin, days = time.monotonic(), 0
    for order, tally in zip(left, _results(left, processes), strict=True):
        known[_key(order)] = tally
        if kept is not None:
            with kept.open("a") as file:
                file.write(json.dumps([_key(order), asdict(tally)]) + "\n")
        days += order.days
        seconds = time.monotonic() - begin
        sys.stderr.write(
            f"\r{order.rule}: {days} days, {seconds:.0f} s, {seconds / days:.3f} a day"
        )
        sys.stderr.flush()
    sys.stderr.write("\n")
    return [known[_key(order)] for order in orders]


def _key(order: Order) -> str:
    return json.dumps(asdict(order))


def _read(kept: Path | None) -> Iterator[tuple[str, Tally]]:
    if kept is not None and kept.exists():
        for line in kept.read_text().splitlines():
            key, fields = json.loads(line)
            promises = [Promise(**promise) for promise in fields.pop("promises")]
            yield key, Tally(**fields, promises=promises)


def _results(orders: Sequence[Order], processes: int) -> Iterator[Tally]:
    if processes == 1 or len(orders) < 2:
        yield from map(run_branch, orders)
        return
    # Spawned, not forked: compiled kernels have threads of their own.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(run_branch, orders)


def booked_pairs(tallies: Sequence[Tally]) -> list[list[Pair]]:
    """Return what was told at booking against kept, by branch."""
    return _pairs(tallies, lambda promise: promise.told)


def last_pairs(tallies: Sequence[Tally]) -> list[list[Pair]]:
    """Return what was told after the last night against kept, by branch."""
    return _pairs(tallies, lambda promise: promise.last)


def _pairs(tallies: Sequence[Tally], told: Callable[[Promise], float | None]) -> list[list[Pair]]:
    return [
        [(p, promise.is_kept) for promise in tally.promises if (p := told(promise)) is not None]
        for tally in tallies
    ]


def calibration_tables(tallies: Sequence[Tally]) -> list[tuple[str, Rows]]:
    """Tables by tenths: told at booking, and after the last night."""
    return [
        ("Told at booking", tenth_rows(tenths(booked_pairs(tallies)))),
        ("Told after the last night", tenth_rows(tenths(last_pairs(tallies)))),
    ]


def calibration_figures(tallies: Sequence[Tally], group: str) -> list[Figure]:
    """Return the tenth furthest off, for both moments of telling."""
    days = sum(tally.days for tally in tallies)
    found = []
    for what, pairs in (("at booking", booked_pairs(tallies)), ("last", last_pairs(tallies))):
        far = worst(tenths(pairs))
        found.append(
            Figure(
                group,
                f"furthest tenth, told {what}",
                None if far is None else 100 * abs(far.off),
                "points",
                at_most=100 * WITHIN,
                remark="too few promises"
                if far is None
                else f"tenth from 0.{far.number}: told {100 * far.told:.1f}, "
                f"kept {100 * far.kept:.1f} %, {far.count} promises; {days} branch days",
            )
        )
    return found


def rule_rows(by_rule: dict[str, Sequence[Tally]]) -> Rows:
    """One row for each way of booking; spread over branches as lowest and highest."""
    head = (
        "rule|days|customers|booked, %|insisting booked, %|without offer, %|days ahead|"
        "kept, %|lowest .. highest|booked and kept, %|travel a visit, min|lowest .. highest|"
        "visits a day"
    )
    rows = [head.split("|")]
    for rule, tallies in by_rule.items():
        kept = [_kept(tally) for tally in tallies]
        travel = [tally.travel / 60 / max(tally.visits, 1) for tally in tallies]
        accepted = _share(tallies, "accepted", "asked")
        asking = sum(tally.asked - tally.insisted for tally in tallies)
        all_kept = mean(p.is_kept for tally in tallies for p in tally.promises)
        visits, days = (sum(getattr(t, name) for t in tallies) for name in ("visits", "days"))
        rows.append(
            [
                rule,
                str(days),
                str(sum(tally.asked for tally in tallies)),
                f"{100 * accepted:.1f}",
                f"{100 * _share(tallies, 'insisted_accepted', 'insisted'):.1f}",
                f"{100 * sum(t.without_offer for t in tallies) / max(asking, 1):.1f}",
                f"{_share(tallies, 'days_ahead', 'accepted'):.2f}",
                f"{100 * all_kept:.1f}",
                f"{100 * min(kept):.1f} .. {100 * max(kept):.1f}",
                f"{100 * accepted * all_kept:.1f}",
                f"{sum(t.travel for t in tallies) / 60 / max(visits, 1):.1f}",
                f"{min(travel):.1f} .. {max(travel):.1f}",
                f"{visits / days:.1f}",
            ]
        )
    return rows


def _kept(tally: Tally) -> float:
    return mean(promise.is_kept for promise in tally.promises) if tally.promises else 0.0


def _share(tallies: Sequence[Tally], part: str, whole: str) -> float:
    total = sum(getattr(tally, whole) for tally in tallies)
    return float(sum(getattr(tally, part) for tally in tallies) / max(total, 1))
