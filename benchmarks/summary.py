"""From runs to the figures that the project promises: distance to the bound against the peers'."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from benchmarks.engines import OURS, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LATE_SECONDS = 1.0
"""Our own plan must be there within this of the limit; a late peer's plan counts all the same."""


@dataclass(frozen=True, slots=True)
class Target:
    """At most `ratio` of the best peer's distance to the bound, in so many seconds."""

    seconds: float
    ratio: Fraction


TARGETS = {
    100: Target(10, Fraction(1, 3)),
    300: Target(60, Fraction(1, 3)),
    1000: Target(120, Fraction(2, 5)),
}


@dataclass(frozen=True, slots=True)
class Summary:
    """One size over its instances.

    Attributes
    ----------
    ours
        Our distances to the bounds, summed; None if a plan or a bound is missing.
    best_peer, best_peer_sum
        The single peer with the smallest sum over all instances.
    best_per_instance_sum
        The best peer of each instance, summed: no single engine reaches it.
    behind
        ``instance: peer`` wherever a peer is as cheap as we are, or cheaper.
    verdict
        ``PASS``, ``FAIL: why`` or ``not judged: why``.
    """

    size: int
    limit: float
    instances: tuple[str, ...]
    peers: tuple[str, ...]
    ours: int | None
    best_peer: str | None
    best_peer_sum: int | None
    best_per_instance_sum: int | None
    behind: tuple[str, ...]
    verdict: str

    @property
    def ratio(self) -> float | None:
        """Our sum over the best single peer's."""
        return _ratio(self.ours, self.best_peer_sum)

    @property
    def ratio_per_instance(self) -> float | None:
        """Our sum over that of the best peer of each instance."""
        return _ratio(self.ours, self.best_per_instance_sum)


def summarise(size: int, limit: float, runs: Sequence[Run], bounds: Mapping[str, int]) -> Summary:
    """Sum the distances of one size's runs and hold them against its target."""
    instances = tuple(dict.fromkeys(run.instance for run in runs))
    peers = tuple(dict.fromkeys(run.engine for run in runs if run.engine != OURS))
    cost = {(run.engine, run.instance): run.cost for run in runs}
    sums = {engine: _distance(engine, instances, cost, bounds) for engine in (OURS, *peers)}
    complete = {engine: total for engine, total in sums.items() if total is not None}
    ours = complete.pop(OURS, None)
    best = min(complete, key=lambda engine: complete[engine], default=None)
    behind = tuple(
        f"{instance}: {peer}"
        for instance in instances
        for peer in peers
        if _is_behind(cost.get((OURS, instance)), cost[peer, instance])
    )
    late = [r.instance for r in runs if r.engine == OURS and _is_late(r)]
    summary = Summary(
        size,
        limit,
        instances,
        peers,
        ours,
        best,
        complete[best] if best else None,
        _best_of_each(instances, peers, cost, bounds),
        behind,
        "",
    )
    has_ours = any(run.engine == OURS for run in runs)
    return _with_verdict(summary, late, has_ours)


def _with_verdict(summary: Summary, late: Sequence[str], has_ours: bool) -> Summary:
    target = TARGETS.get(summary.size)
    if target is None:
        return replace(summary, verdict="not judged: no target for this size")
    if target.seconds != summary.limit:
        return replace(summary, verdict=f"not judged: the target is for {target.seconds:g} s")
    if not has_ours or not summary.peers:
        return replace(summary, verdict="not judged: nothing to compare")
    if summary.best_peer_sum is None:
        return replace(summary, verdict="not judged: no peer planned every instance")
    faults = []
    if summary.ours is None:
        faults.append("a plan or a bound is missing")
    elif summary.ours > target.ratio * summary.best_peer_sum:
        faults.append(f"ratio above {target.ratio}")
    if summary.behind:
        faults.append("not ahead on " + ", ".join(summary.behind))
    if late:
        faults.append("late on " + ", ".join(late))
    return replace(summary, verdict="FAIL: " + "; ".join(faults) if faults else "PASS")


def _distance(
    engine: str,
    instances: Sequence[str],
    cost: Mapping[tuple[str, str], int | None],
    bounds: Mapping[str, int],
) -> int | None:
    total = 0
    for instance in instances:
        found = cost.get((engine, instance))
        if found is None or instance not in bounds:
            return None
        total += found - bounds[instance]
    return total if instances else None


def _best_of_each(
    instances: Sequence[str],
    peers: Sequence[str],
    cost: Mapping[tuple[str, str], int | None],
    bounds: Mapping[str, int],
) -> int | None:
    total = 0
    for instance in instances:
        found = [c for peer in peers if (c := cost.get((peer, instance))) is not None]
        if not found or instance not in bounds:
            return None
        total += min(found) - bounds[instance]
    return total if instances else None


def _is_behind(ours: int | None, peer: int | None) -> bool:
    return ours is not None and peer is not None and peer <= ours


def _is_late(run: Run) -> bool:
    return run.seconds is not None and run.seconds > run.limit + LATE_SECONDS


def _ratio(ours: int | None, theirs: int | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None
