"""Plans from the linear programme: take the routes it is surest of, price the rest anew, repeat.

One wrong route early on costs a whole ticket at the end. So a dive is not all: each step keeps its
other choices, and the next dive begins at the step, of all made, from which the least cost is to be
expected: the programme's value there, and what a step usually adds to it for each shift still open.

References
----------
Sadykov, Vanderbeck, Pessoa, Tahiri, Uchoa (2019), Primal heuristics for branch and price: the
assets of diving methods, INFORMS Journal on Computing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.solvers._pricing import FORBIDDEN
from dispatchopt.solvers.colgen import LEAST_SHARE, Ended
from dispatchopt.solvers.master import MasterError
from dispatchopt.solvers.memory import is_elementary
from dispatchopt.solvers.pricing import SCALE

if TYPE_CHECKING:
    from dispatchopt.solvers.colgen import ColumnGeneration

SHARE_A_STEP, SURE, UNSURE = 0.05, 0.9, 0.3
"""Of the shifts still open so many get their route in one step, if it has the last share in the
linear programme; and those whose route has at least the second."""

ROUNDS_A_STEP, IDLE_STEP = 30, 0.003
"""Rounds of pricing between two steps, at most; they end once one lowers the value of the programme
by no more than this share. In 10 s that found the plan with one ticket less left out on 4 of 6
seeds of a city day of 100 tickets; a share of 0.001 on 1 of 6, of 0.006 on none of 5."""

QUANTILE = 0.25
"""Share of all steps that added less to the programme's value than what a step usually adds: those
after which it is too late add far more."""

MOST_CHOICES = 4
"""Other first routes tried at one step, at most."""

Routes = list[list[int]]


class _Step(NamedTuple):
    """Where a dive stood.

    Attributes
    ----------
    value
        The programme's, with the columns taken.
    taken
        Positions of the columns taken, in the master problem.
    tried
        First columns of choices already tried from here.
    choices
        What else may be taken at once.
    """

    value: float
    taken: tuple[int, ...]
    tried: frozenset[int]
    choices: list[list[int]]


class Dives:
    """Dives from a solved linear programme, one after the other.

    The generation knows more columns afterwards, and its programme has to be solved again.

    Attributes
    ----------
    upper
        Cost that plans have to stay below.
    most_steps
        Steps of all dives together, at most.
    """

    def __init__(self, generation: ColumnGeneration, *, most_steps: int | None = None) -> None:
        self._generation = generation
        self.upper = math.inf
        self.most_steps = most_steps
        self._left: list[_Step] = []
        self._rises: list[float] = []
        self._is_begun = self._is_ended = False

    def dive(self) -> Routes | None:
        """Return routes of the next dive; None if there is none left.

        If the run is to end, shifts that have no route yet stay empty.
        """
        if self._is_ended:
            return None
        taken: tuple[int, ...] = ()
        try:
            step = self._next() if self._is_begun else self._solved((), frozenset())
            self._is_begun = True
            while step is not None:
                taken = step.taken
                if not step.choices:
                    return self._routes(taken)
                below = self._down(step)
                step = below if below.value < self.upper else self._next()
        except (Ended, MasterError):
            self._is_ended = True
            return self._routes(taken) if taken else None
        finally:
            self._generation.master.settle(set(), set())
        return None

    def _next(self) -> _Step | None:
        """Return the most promising of the steps that have choices left."""
        self._left = [step for step in self._left if step.value < self.upper]
        is_done = self.most_steps is not None and len(self._rises) >= self.most_steps
        if not self._left or is_done:
            return None
        usual = max(0.0, float(np.quantile(self._rises, QUANTILE)))
        num_shifts = self._generation.inst.num_shifts

        def expected(step: _Step) -> float:
            return step.value + usual * (num_shifts - len(step.taken) + len(step.tried))

        best = min(self._left, key=expected)
        self._left.remove(best)
        return best

    def _down(self, step: _Step) -> _Step:
        """Take the first choice of a step, and keep the others for later."""
        chosen, *others = step.choices
        if others:
            self._left.append(step._replace(tried=step.tried | {chosen[0]}, choices=others))
        below = self._solved((*step.taken, *chosen), step.tried)
        self._rises.append((below.value - step.value) / len(chosen))
        return below

    def _solved(self, taken: tuple[int, ...], tried: frozenset[int]) -> _Step:
        """Solve the programme with these columns taken, nearly."""
        generation = self._generation
        columns = [generation.columns[generation.in_master[at]] for at in taken]
        shifts = sorted(set(range(generation.inst.num_shifts)) - {c.shift for c in columns})
        tickets = {t for column in columns for t in column.visits}
        generation.master.settle(set(taken), generation.clashing(taken))
        self._price(shifts, tickets)
        value = generation.master.objective
        return _Step(value, taken, tried, self._choices(set(shifts), tickets, tried))

    def _price(self, shifts: list[int], taken: set[int]) -> None:
        generation = self._generation
        before = math.inf
        for _ in range(ROUNDS_A_STEP):
            generation.master.solve(generation.should_stop)
            value = generation.master.objective
            is_idle, before = before - value <= IDLE_STEP * abs(value), value
            if is_idle and not generation.remember_returns():
                return
            ticket, cut, _ = generation.duals()
            ticket[list(taken)] = FORBIDDEN
            level = np.floor(generation.master.shift_duals * SCALE).astype(np.int64) - SCALE
            priced = generation.guess_shifts(generation.prices_of(ticket, cut), level, shifts)
            columns = [column for found in priced for column in found.columns]
            entered = sum(generation.enter(generation.know(column)) for column in columns)
            if not entered and not generation.remember_returns():
                return

    def _choices(
        self, open_shifts: set[int], taken: set[int], tried: frozenset[int]
    ) -> list[list[int]]:
        """Return what to take next: the surest columns, no two with a shift or a ticket."""
        generation = self._generation
        shares = generation.master.shares
        order = [
            at for at in np.argsort(-shares, kind="stable").tolist() if shares[at] >= LEAST_SHARE
        ]
        fit = [(at, generation.columns[generation.in_master[at]]) for at in order]
        fit = [
            (at, column)
            for at, column in fit
            if column.shift in open_shifts
            and taken.isdisjoint(column.visits)
            and is_elementary(column.visits)
        ]
        wanted = math.ceil(SHARE_A_STEP * len(open_shifts))
        choices: list[list[int]] = []
        for first, column in fit:
            if first in tried:
                continue
            if len(choices) + len(tried) == MOST_CHOICES:
                break
            chosen, shifts, tickets = [first], {column.shift}, set(column.visits)
            for at, other in fit:
                if shares[at] < (SURE if len(chosen) >= wanted else UNSURE):
                    break
                if (
                    at not in tried
                    and other.shift not in shifts
                    and tickets.isdisjoint(other.visits)
                ):
                    chosen.append(at)
                    shifts.add(other.shift)
                    tickets.update(other.visits)
            choices.append(chosen)
        return choices

    def _routes(self, taken: tuple[int, ...]) -> Routes:
        generation = self._generation
        routes: Routes = [[] for _ in range(generation.inst.num_shifts)]
        for at in taken:
            column = generation.columns[generation.in_master[at]]
            routes[column.shift] = list(column.visits)
        return routes
