"""Subset-row cuts: of three tickets, no plan has two routes' worth of pairs.

A route counts ``floor(visits among the three / 2)``; in any plan that comes to at most 1. To keep
pricing fast a route forgets a first visit once it passes a ticket outside the cut's memory.

References
----------
Jepsen, Petersen, Spoorendonk, Pisinger (2008), Operations Research; Pecin, Pessoa, Poggi, Uchoa
(2017), Mathematical Programming Computation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.solvers._pricing import MAX_CUTS, WORD, find_triples

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dispatchopt.forms import Int64Array
    from dispatchopt.solvers.pricing import Column

LEAST_EXCESS = 0.05
"""A cut is added if the fractional plan exceeds it by so much."""

CUTS_A_ROUND, CUTS_A_TICKET = 20, 4
"""Cuts added at a time, in all and with one ticket."""


class Cut(NamedTuple):
    """Three tickets, and those past which a first visit to one of them is remembered."""

    tickets: frozenset[int]
    memory: frozenset[int]

    def times(self, visits: Iterable[int]) -> int:
        """Return how often a route counts."""
        half, count = False, 0
        for t in visits:
            half = half and t in self.memory
            if t in self.tickets:
                count += half
                half = not half
        return count


def separate(columns: Sequence[Column], shares: Sequence[float], num_tickets: int) -> list[Cut]:
    """Return cuts that a fractional mix of routes breaks most."""
    longest = max((len(column.visits) for column in columns), default=0)
    rows = np.full((len(columns), max(1, longest)), -1, np.int64)
    for row, column in zip(rows, columns, strict=True):
        row[: len(column.visits)] = column.visits
    lengths = np.array([len(column.visits) for column in columns], np.int64)
    found = np.zeros((2000, 4))
    number = find_triples(
        rows, lengths, np.array(shares, np.float64), num_tickets, LEAST_EXCESS, found
    )
    triples = sorted(found[:number].tolist(), key=lambda row: (-round(row[3], 9), row[:3]))
    cuts: list[Cut] = []
    times: dict[int, int] = {}
    for *tickets, _ in triples:
        chosen = frozenset(int(t) for t in tickets)
        if len(cuts) == CUTS_A_ROUND:
            break
        if all(times.get(t, 0) < CUTS_A_TICKET for t in chosen):
            times.update({t: times.get(t, 0) + 1 for t in chosen})
            cuts.append(Cut(chosen, _memory(chosen, columns)))
    return cuts


def _memory(tickets: frozenset[int], columns: Iterable[Column]) -> frozenset[int]:
    """Return what must be remembered so that these routes count in full."""
    memory = set(tickets)
    for column in columns:
        at = [i for i, t in enumerate(column.visits) if t in tickets]
        for first, second in zip(at[::2], at[1::2], strict=False):
            memory.update(column.visits[first : second + 1])
    return frozenset(memory)


def as_bits(
    cuts: Sequence[Cut], prices: Sequence[int], num_tickets: int
) -> tuple[Int64Array, Int64Array]:
    """Return the cuts with a price as the kernel reads them; at most `MAX_CUTS`, the dearest."""
    priced = [i for i in sorted(range(len(cuts)), key=lambda i: -prices[i]) if prices[i] > 0]
    bits = np.zeros((num_tickets, 4), np.int64)
    fines = np.zeros((2 * WORD // 8, 256), np.int64)
    values = np.arange(256)
    for at, i in enumerate(priced[:MAX_CUTS]):
        word, bit = divmod(at, WORD)
        for column, tickets in ((2 * word, cuts[i].tickets), (2 * word + 1, cuts[i].memory)):
            bits[list(tickets), column] |= np.int64(1 << bit)
        byte = word * (WORD // 8) + bit // 8
        fines[byte] += np.where(values >> (bit % 8) & 1, prices[i], 0)
    return bits, fines
