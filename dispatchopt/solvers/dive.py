"""A plan from the linear programme: take the routes it is surest of, price the rest anew, repeat.

References
----------
Sadykov, Vanderbeck, Pessoa, Tahiri, Uchoa (2019), Primal heuristics for branch and price: the
assets of diving methods, INFORMS Journal on Computing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.solvers.colgen import IDLE, Ended
from dispatchopt.solvers.master import MasterError
from dispatchopt.solvers.memory import is_elementary
from dispatchopt.solvers.pricing import SCALE

if TYPE_CHECKING:
    from dispatchopt.solvers.colgen import ColumnGeneration

SHARE_A_STEP, SURE = 0.05, 0.9
"""Of the shifts still open so many get their route in one step, and those whose route has at least
this share in the linear programme."""

ROUNDS_A_STEP = 30
"""Rounds of pricing between two steps, at most."""

FORBIDDEN = -(2**44)
"""Price of a ticket that has its route: no other is worth the loss."""

Routes = list[list[int]]


def dive(generation: ColumnGeneration) -> Routes:
    """Return routes made from the linear programme; shifts stay empty if the run is to end early.

    The generation knows more columns afterwards, and its programme has to be solved again.
    """
    inst, master = generation.inst, generation.master
    routes: Routes = [[] for _ in range(inst.num_shifts)]
    open_shifts, taken = set(range(inst.num_shifts)), set[int]()
    try:
        while open_shifts:
            _solve(generation, sorted(open_shifts), taken)
            chosen = _surest(generation, open_shifts)
            if not chosen:
                break
            for at in chosen:
                column = generation.columns[generation.in_master[at]]
                routes[column.shift] = list(column.visits)
                open_shifts.discard(column.shift)
                taken.update(column.visits)
            _fix(generation, chosen)
    except (Ended, MasterError):
        pass
    finally:
        master.free()
    return routes


def _solve(generation: ColumnGeneration, shifts: list[int], taken: set[int]) -> None:
    """Solve the linear programme over the shifts still open, nearly."""
    before = math.inf
    for _ in range(ROUNDS_A_STEP):
        generation.master.solve(generation.should_stop)
        value = generation.master.objective
        is_idle, before = before - value <= IDLE * abs(value), value
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


def _surest(generation: ColumnGeneration, open_shifts: set[int]) -> list[int]:
    """Return positions of columns to take next: the surest, no two with a shift or a ticket."""
    shares = generation.master.shares
    wanted = math.ceil(SHARE_A_STEP * len(open_shifts))
    chosen: list[int] = []
    shifts, tickets = set[int](), set[int]()
    for at in np.argsort(-shares, kind="stable").tolist():
        share, column = shares[at], generation.columns[generation.in_master[at]]
        if share < 1e-6 or (chosen and share < (SURE if len(chosen) >= wanted else 0.3)):
            break
        visits = set(column.visits)
        fits = column.shift in open_shifts - shifts and not visits & tickets
        if fits and is_elementary(column.visits):
            chosen.append(at)
            shifts.add(column.shift)
            tickets |= visits
    return chosen


def _fix(generation: ColumnGeneration, chosen: list[int]) -> None:
    """Take columns into the programme for good, and close those that they exclude."""
    columns = [generation.columns[number] for number in generation.in_master]
    for at in chosen:
        own, visits = columns[at].shift, set(columns[at].visits)
        closed = [
            other
            for other, column in enumerate(columns)
            if other != at and (column.shift == own or not visits.isdisjoint(column.visits))
        ]
        generation.master.fix(at, closed)
