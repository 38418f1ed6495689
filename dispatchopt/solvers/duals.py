"""What the linear programme pays: prices of tickets, cuts and limits, in 1 / SCALE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.solvers._pricing import MAX_CUTS

if TYPE_CHECKING:
    from dispatchopt.forms import Int64Array


class Duals(NamedTuple):
    """What the linear programme pays for tickets, takes for cuts, and for limits, in 1 / SCALE."""

    ticket: Int64Array
    cut: Int64Array
    limit: Int64Array


def between(first: Duals, second: Duals, share: float) -> Duals:
    """Return prices between two, `share` of the first."""
    return Duals(
        *(
            np.floor(share * one + (1 - share) * other).astype(np.int64)
            for one, other in zip(first, second, strict=True)
        )
    )


def dearest(prices: Int64Array) -> Int64Array:
    """Let cuts beyond the number that the kernel counts go free."""
    if np.count_nonzero(prices) <= MAX_CUTS:
        return prices
    kept = prices.copy()
    kept[np.argsort(-prices, kind="stable")[MAX_CUTS:]] = 0
    return kept
