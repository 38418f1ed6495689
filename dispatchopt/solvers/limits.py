"""Part of all plans: those that keep off some ticket-to-shift pairs and leave out not just anyone.

A branch is bounded like the whole. With prices ``p`` of tickets, ``c >= 0`` of cuts and ``r`` of
limits, a plan of the branch costs at least ``sum p - sum c + sum over limits (r * least if r > 0
else r * most) + sum over shifts of the least cost of a route less its prices``, whatever the
prices, so long as no ticket's p exceeds its price of leaving out less the r of its limits: give
each ticket its p whether served or not, each limit its r for each of its tickets left out; what a
ticket left out costs beyond that is then nowhere negative. The least is taken over a superset of
the routes that keep off the pairs. Nothing is said of plans outside the branch.
"""

from __future__ import annotations

from typing import NamedTuple

Pair = tuple[int, int]
"""Ticket and shift."""


class Limit(NamedTuple):
    """How many of some tickets are left out: from `least` to `most`."""

    tickets: tuple[int, ...]
    least: int
    most: int

    def worth(self, price: int) -> int:
        """Return the least that the tickets left out come to at so much each."""
        return price * (self.least if price > 0 else self.most)


class Branch(NamedTuple):
    """Plans without some ticket-to-shift pairs, and with some limits."""

    forbidden: frozenset[Pair] = frozenset()
    limits: tuple[Limit, ...] = ()

    def without(self, pairs: set[Pair]) -> Branch:
        """Return the plans that keep off these pairs too."""
        return self._replace(forbidden=self.forbidden | pairs)

    def within(
        self, tickets: tuple[int, ...], *, least: int = 0, most: int | None = None
    ) -> Branch:
        """Return the plans that leave out so many of these tickets."""
        most = len(tickets) if most is None else most
        kept = []
        for limit in self.limits:
            if limit.tickets == tickets:
                least, most = max(least, limit.least), min(most, limit.most)
            else:
                kept.append(limit)
        return self._replace(limits=(*kept, Limit(tickets, least, most)))

    @property
    def is_empty(self) -> bool:
        """Whether a limit alone says that there is no such plan."""
        return any(limit.least > limit.most for limit in self.limits)


WHOLE = Branch()
