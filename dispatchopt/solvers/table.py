"""The known routes as arrays, for the kernel that prices them all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers._pricing import reduced_costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import Int64Array
    from dispatchopt.solvers.limits import Pair
    from dispatchopt.solvers.pricing import Column, Prices

CLOSED = 2**61
"""Cost of a column that is in no plan looked at: prices do not come near it."""


class Table:
    """The columns as arrays, for the kernel."""

    def __init__(self, longest: int) -> None:
        self.count = 0
        self.shift_of = np.zeros(1024, np.int64)
        self.visits = np.zeros((1024, longest), np.int64)
        self.length = np.zeros(1024, np.int64)
        self.relaxed = np.zeros(1024, np.int64)
        self.counted = np.zeros(1024, np.int64)
        self.in_master = np.zeros(1024, np.bool_)
        self.forbidden: frozenset[Pair] = frozenset()

    def append(self, column: Column) -> None:
        """Take in one more column."""
        if self.count == len(self.length):
            for name in ("shift_of", "visits", "length", "relaxed", "counted", "in_master"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, np.zeros_like(array)]))
        c = self.count
        self.shift_of[c], self.length[c], self.relaxed[c] = (
            column.shift,
            len(column.visits),
            column.relaxed,
        )
        self.visits[c, : len(column.visits)] = column.visits
        is_open = all((t, column.shift) not in self.forbidden for t in column.visits)
        self.counted[c] = column.relaxed if is_open else CLOSED
        self.count += 1

    def forbid(self, pairs: frozenset[Pair]) -> None:
        """Count the columns that keep off these pairs, and no others."""
        self.forbidden = pairs
        self.counted[: self.count] = self.relaxed[: self.count]
        visits, shift_of = self.visits[: self.count], self.shift_of[: self.count]
        used = np.arange(self.visits.shape[1]) < self.length[: self.count, None]
        for t, s in sorted(pairs):
            self.counted[: self.count][(shift_of == s) & ((visits == t) & used).any(axis=1)] = (
                CLOSED
            )

    def retire(self, number: int) -> None:
        """Count a column no more, whatever is forbidden."""
        self.relaxed[number] = self.counted[number] = CLOSED

    @property
    def is_closed(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each column has a forbidden pair, or is retired."""
        return np.equal(self.counted[: self.count], CLOSED)

    def clashing(self, numbers: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return whether each column has a shift or a ticket of these."""
        visits, shift_of = self.visits[: self.count], self.shift_of[: self.count]
        used = np.arange(self.visits.shape[1]) < self.length[: self.count, None]
        tickets = [t for number in numbers for t in self.visits[number, : self.length[number]]]
        clash = (np.isin(visits, tickets) & used).any(axis=1)
        return clash | np.isin(shift_of, self.shift_of[list(numbers)])

    def reduced(self, prices: Prices, num_shifts: int) -> tuple[Int64Array, Int64Array]:
        """Return each column's cost less prices, and the least of each shift."""
        value = np.zeros(self.count, np.int64)
        least = np.full(num_shifts, 2**60, np.int64)
        reduced_costs(
            self.shift_of,
            self.visits,
            self.length,
            self.counted,
            self.count,
            prices.dual,
            prices.cuts,
            prices.fines,
            0,
            value,
            least,
        )
        return value, least
