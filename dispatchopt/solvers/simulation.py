"""Compiles the simulation of routes before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers import _chance
from dispatchopt.solvers.insertion import Inserter

if TYPE_CHECKING:
    from dispatchopt.solvers._kernels import Search


def compile_simulation(search: Search) -> None:
    """Compile the simulation, or load it from the cache; from the main thread, once."""
    num_t, num_s = search.legal.shape
    if num_s == 0:
        return
    held = Inserter(search, 1, [[] for _ in range(num_s)])
    draws = _chance.Draws(
        np.zeros((num_t, 1), np.int32),
        np.full(num_s, 100, np.int64),
        np.zeros((0, 1), np.int64),
        np.full(num_s, -1, np.int64),
    )
    time, out = np.zeros(1, np.int64), np.zeros(2, np.int64)
    _chance.start_counts(search, held.chain, 0, draws, np.zeros((num_t, 2), np.int64), time, out)
