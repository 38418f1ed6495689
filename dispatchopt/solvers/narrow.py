"""Windows for the visits of one route, narrow and yet sure, chosen together.

A window that opens late makes the engineer wait, and so delays every visit after it; one that
closes late is sure and wide. CP-SAT chooses, a simulation shows which windows would be missed too
often, what it showed becomes a cut, and so on until all hold (logic-based Benders decomposition:
Hooker and Ottosson, Mathematical Programming 96, 2003). Later opens never bring a later visit
forward, so each cut speaks of all choices that open no sooner, and only as much sooner is asked for
as matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.solvers.cpsat.choice import Choice, Cut, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatchopt.forms import Int64Array

    Starts = Callable[[Sequence[int | None]], Int64Array]

MOST_ROUNDS = 60
"""Choices of CP-SAT for one route; then the best choice known to hold is taken."""


class Wanted(NamedTuple):
    """What a visit of the route may be given, or was.

    Attributes
    ----------
    choices
        Windows that it may be given.
    promised
        When the window closes that it has already; None without one.
    """

    choices: tuple[Choice, ...] = ()
    promised: int | None = None


class Narrowest(NamedTuple):
    """The windows chosen: an index for each visit, -1 for none; whether none are narrower."""

    chosen: tuple[int, ...]
    is_best: bool


def narrowest(
    wanted: Sequence[Wanted],
    starts: Starts,
    least: int,
    *,
    deterministic_time: float,
    seed: int,
) -> Narrowest:
    """Choose a window for each visit such that all are kept often enough.

    Parameters
    ----------
    starts
        When service starts, ``[samples, visits]``, if windows open at these seconds (None: no
        window); a start that comes to nothing is later than every close. Never earlier for later
        opens.
    least
        In so many samples each window chosen must be kept. A promise must be kept in as many, or in
        as many as without new windows where these are fewer.
    deterministic_time
        Of each choice of CP-SAT.

    Returns
    -------
    Narrowest
        First as many visits with a window as can be, then the least sum of weights.
    """
    task = _Task(wanted, starts, least)
    best = task.one_by_one()
    none_weight = 1 + sum(max((c.weight for c in visit.choices), default=0) for visit in wanted)
    choices = [visit.choices for visit in wanted]
    cuts = task.first_cuts()
    is_best = True
    for _ in range(MOST_ROUNDS):
        chosen, is_proven = choose(
            choices, none_weight, cuts, best, deterministic_time=deterministic_time, seed=seed
        )
        is_best &= is_proven
        found = task.cuts(chosen)
        if not found:
            return Narrowest(tuple(chosen), is_best)
        cuts += found
    return Narrowest(tuple(best), False)


class _Task:
    def __init__(self, wanted: Sequence[Wanted], starts: Starts, least: int) -> None:
        self._wanted, self._starts = wanted, starts
        free = np.sort(starts([None] * len(wanted)), axis=0)
        self._rank = [
            least if visit.promised is None else min(least, _kept(free[:, i], visit.promised))
            for i, visit in enumerate(wanted)
        ]
        self._free = free

    def one_by_one(self) -> list[int]:
        """Return a choice that holds: for one visit after the other the lightest that does."""
        chosen = [-1] * len(self._wanted)
        for i, visit in enumerate(self._wanted):
            for index in sorted(range(len(visit.choices)), key=lambda c: visit.choices[c].weight):
                chosen[i] = index
                if not self._missed(chosen):
                    break
                chosen[i] = -1
        return chosen

    def first_cuts(self) -> list[Cut]:
        """Return what holds whatever the other windows are."""
        return [
            Cut(i, (), self._needed(self._free, i))
            for i, visit in enumerate(self._wanted)
            if visit.choices
        ]

    def cuts(self, chosen: Sequence[int]) -> list[Cut]:
        """Return what a simulation has against a choice; nothing if all is kept."""
        return [self._cut(chosen, i) for i in self._missed(chosen)]

    def _missed(self, chosen: Sequence[int]) -> list[int]:
        """Return the visits whose windows are missed too often."""
        starts = np.sort(self._starts(self._opens(chosen)), axis=0)
        closes = [self._close(chosen, i) for i in range(len(chosen))]
        return [
            i
            for i, close in enumerate(closes)
            if close is not None and self._needed(starts, i) > close
        ]

    def _cut(self, chosen: Sequence[int], i: int) -> Cut:
        """Ask of the visits before for as little as the miss needs."""
        opens, close = self._opens(chosen), self._close(chosen, i)
        assert close is not None
        for j in range(i):
            if opens[j] is None:
                continue
            earlier = sorted({c.opens for c in self._wanted[j].choices if c.opens <= opens[j]})  # type: ignore[operator]
            low, high = -1, len(earlier) - 1  # -1: no window at all
            while low < high:
                middle = (low + high) // 2
                opens[j] = None if middle < 0 else earlier[middle]
                if self._needed(self._sorted(opens), i) > close:
                    high = middle
                else:
                    low = middle + 1
            opens[j] = None if low < 0 else earlier[low]
        needed = (
            None if self._wanted[i].promised is not None else self._needed(self._sorted(opens), i)
        )
        return Cut(i, tuple((j, at) for j, at in enumerate(opens[:i]) if at is not None), needed)

    def _sorted(self, opens: Sequence[int | None]) -> Int64Array:
        return np.sort(self._starts(opens), axis=0)

    def _needed(self, starts: Int64Array, i: int) -> int:
        """Return when the window of a visit must close at the earliest."""
        rank = self._rank[i]
        return int(starts[rank - 1, i]) if rank else 0

    def _opens(self, chosen: Sequence[int]) -> list[int | None]:
        return [
            None if index < 0 else visit.choices[index].opens
            for visit, index in zip(self._wanted, chosen, strict=True)
        ]

    def _close(self, chosen: Sequence[int], i: int) -> int | None:
        visit = self._wanted[i]
        return visit.promised if chosen[i] < 0 else visit.choices[chosen[i]].closes


def _kept(starts: Int64Array, close: int) -> int:
    return int(np.searchsorted(starts, close, side="right"))
