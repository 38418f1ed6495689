"""How often promises were kept that were told at so much: tables by tenths, and a fitted curve."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table import Rows

Pair = tuple[float, bool]
"""A probability told, and whether the promise was kept."""

ENOUGH = 200
"""Promises of a tenth from which on its share is held to what was told: the standard error of a
share is then at most 3.5 points."""

WITHIN = 0.05
"""How far the share kept may lie from the mean told, in each tenth."""


@dataclass(frozen=True, slots=True)
class Tenth:
    """Promises told at a probability of one tenth.

    Attributes
    ----------
    low, high
        95 % interval of the share kept, by drawing whole branches again (bootstrap).
    """

    number: int
    count: int
    told: float
    kept: float
    low: float
    high: float

    @property
    def off(self) -> float:
        """Share kept less the mean told."""
        return self.kept - self.told


def tenths(branches: Sequence[Sequence[Pair]], *, draws: int = 400, seed: int = 0) -> list[Tenth]:
    """Sort the promises of all branches into tenths by what was told; empty ones are left out."""
    counts, sums, kept = (np.zeros((len(branches), 10)) for _ in range(3))
    for row, pairs in enumerate(branches):
        for told, is_kept in pairs:
            tenth = min(int(told * 10 + 1e-9), 9)
            counts[row, tenth] += 1
            sums[row, tenth] += told
            kept[row, tenth] += is_kept
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(branches), size=(draws, len(branches)))
    found = []
    for tenth in range(10):
        count = counts[:, tenth].sum()
        if not count:
            continue
        again = counts[chosen, tenth].sum(axis=1)
        shares = kept[chosen, tenth].sum(axis=1)[again > 0] / again[again > 0]
        low, high = np.quantile(shares, (0.025, 0.975))
        found.append(
            Tenth(
                tenth,
                int(count),
                float(sums[:, tenth].sum() / count),
                float(kept[:, tenth].sum() / count),
                float(low),
                float(high),
            )
        )
    return found


def worst(found: Sequence[Tenth]) -> Tenth | None:
    """Return the tenth furthest off among those with enough promises."""
    judged = [tenth for tenth in found if tenth.count >= ENOUGH]
    return max(judged, key=lambda tenth: abs(tenth.off), default=None)


def tenth_rows(found: Sequence[Tenth]) -> Rows:
    """One row for each tenth."""
    rows = [["told", "promises", "mean told, %", "kept, %", "95 % interval", "off, points", ""]]
    for tenth in found:
        off = abs(tenth.off) <= WITHIN
        verdict = "too few" if tenth.count < ENOUGH else "PASS" if off else "FAIL"
        rows.append(
            [
                f"{tenth.number / 10:.1f} to {(tenth.number + 1) / 10:.1f}",
                str(tenth.count),
                f"{100 * tenth.told:.1f}",
                f"{100 * tenth.kept:.1f}",
                f"{100 * tenth.low:.1f} .. {100 * tenth.high:.1f}",
                f"{100 * tenth.off:+.1f}",
                verdict,
            ]
        )
    return rows


def fit_knots(pairs: Sequence[Pair], *, most: int = 10) -> list[Knot]:
    """Fit a rising curve of kept over told: isotonic regression of groups of like promises.

    Groups of at least `ENOUGH`, in the order of what was told, are pooled until their shares rise
    (Ayer and others 1955, pool adjacent violators); where more than `most` remain, the pair whose
    shares differ least is pooled. The curve starts at (0, 0) and ends at 1 with the last share.
    """
    pools: list[_Pool] = []
    gathered: _Pool | None = None
    # Promises told alike stay together: many are told at 1, and none of them is any surer.
    for told, alike in groupby(sorted(pairs), key=lambda pair: pair[0]):
        kept = [is_kept for _, is_kept in alike]
        pool = _Pool(len(kept), told, mean(kept))
        gathered = pool if gathered is None else gathered.with_(pool)
        if gathered.count >= ENOUGH:
            pools.append(gathered)
            gathered = None
    if gathered is not None:
        pools[-1:] = [pools[-1].with_(gathered) if pools else gathered]
    pools = _rising(pools)
    while len(pools) > most:
        steps = [after.kept - before.kept for before, after in pairwise(pools)]
        at = steps.index(min(steps))
        pools[at : at + 2] = [pools[at].with_(pools[at + 1])]
    knots = [(round(pool.told, 3), round(pool.kept, 3)) for pool in pools]
    knots = [(told, kept) for told, kept in knots if 0 < told < 1]
    return [*knots, (1.0, round(pools[-1].kept, 3) if pools else 1.0)]


def _rising(pools: Sequence[_Pool]) -> list[_Pool]:
    """Pool neighbours until their shares rise."""
    found: list[_Pool] = []
    for pool in pools:
        found.append(pool)
        while len(found) > 1 and found[-2].kept >= found[-1].kept:
            found[-2:] = [found[-2].with_(found[-1])]
    return found


Knot = tuple[float, float]
"""A knot: a simulated probability, and the share kept."""


@dataclass(frozen=True, slots=True)
class _Pool:
    count: int
    told: float
    kept: float

    def with_(self, other: _Pool) -> _Pool:
        """Return both together."""
        count = self.count + other.count
        told = (self.count * self.told + other.count * other.told) / count
        kept = (self.count * self.kept + other.count * other.kept) / count
        return _Pool(count, told, kept)
