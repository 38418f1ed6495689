"""The restricted master problem: the best mix of known routes, as a linear programme (GLOP)."""

from __future__ import annotations

import logging
import math
from threading import Event, Thread
from typing import TYPE_CHECKING

from ortools.math_opt.python import mathopt
from ortools.util.python.solve_interrupter import SolveInterrupter

from dispatchopt.solvers.glop import Glop, Interrupted
from dispatchopt.solvers.pricing import SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dispatchopt.forms import Instance
    from dispatchopt.solvers.glop import Solved
    from dispatchopt.solvers.limits import Limit
    from dispatchopt.solvers.pricing import Column

logger = logging.getLogger(__name__)


POLL_SECONDS = 0.05
"""How often `should_stop` is asked."""

PRICE_BITS = 24
"""Prices enter the programme with at most so many bits before the point: GLOP's tolerances are
absolute, and it cycles or fails where prices differ by more."""


class MasterError(Exception):
    """The linear programme could not be solved; known bounds stay valid."""


class Master:
    """Rows: each ticket is served or left out, each shift has one route, cuts; columns: routes.

    After `solve`: `objective`, `ticket_duals`, `shift_duals`, `cut_duals`, `limit_duals` in the
    order of the limits in force, `shares` of the columns in the order they were added, `left_out`
    by ticket.
    """

    def __init__(self, inst: Instance) -> None:
        self._model = mathopt.Model()
        self._glop: Glop | None = None
        dearest = max(map(int, inst.skip_cost), default=0)
        self._unit = float(2 ** max(0, dearest.bit_length() - PRICE_BITS))
        self._tickets = [self._row(1.0) for _ in range(inst.num_tickets)]
        self._shifts = [self._row(1.0) for _ in range(inst.num_shifts)]
        self._cuts: list[mathopt.LinearConstraint] = []
        self._columns: list[mathopt.Variable] = []
        self._out: list[mathopt.Variable] = []
        self._limits: dict[tuple[int, ...], mathopt.LinearConstraint] = {}
        self._in_force: list[mathopt.LinearConstraint] = []
        self._closed: set[int] = set()
        self._taken: set[int] = set()
        self._shut: set[int] = set()
        for row, price in zip(self._tickets, inst.skip_cost.tolist(), strict=True):
            out = self._model.add_variable(lb=0.0)
            self._model.objective.set_linear_coefficient(out, price / self._unit)
            row.set_coefficient(out, 1.0)
            self._out.append(out)
        self.objective = 0.0

    def _row(self, most: float) -> mathopt.LinearConstraint:
        return self._model.add_linear_constraint(lb=most, ub=most)

    def add_column(self, column: Column, in_cuts: Sequence[int]) -> None:
        """Add a route, with how often it counts in each cut."""
        share = self._model.add_variable(lb=0.0)
        self._model.objective.set_linear_coefficient(share, column.relaxed / (SCALE * self._unit))
        self._shifts[column.shift].set_coefficient(share, 1.0)
        for t in set(column.visits):
            self._tickets[t].set_coefficient(share, float(column.visits.count(t)))
        for row, times in zip(self._cuts, in_cuts, strict=True):
            if times:
                row.set_coefficient(share, float(times))
        self._columns.append(share)

    def add_cut(self, times: Sequence[int]) -> None:
        """Add a row: the columns' shares, each times this, come to at most 1."""
        row = self._model.add_linear_constraint(ub=1.0)
        for share, count in zip(self._columns, times, strict=True):
            if count:
                row.set_coefficient(share, float(count))
        self._cuts.append(row)

    def drop_cuts(self, keep: Sequence[bool]) -> None:
        """Delete the cuts that are not to be kept."""
        for row, kept in zip(self._cuts, keep, strict=True):
            if not kept:
                self._model.delete_linear_constraint(row)
        self._cuts = [row for row, kept in zip(self._cuts, keep, strict=True) if kept]

    def keep_columns(self, keep: Sequence[int]) -> None:
        """Delete the columns that are not at these positions."""
        kept = set(keep)
        for at, share in enumerate(self._columns):
            if at not in kept:
                self._model.delete_variable(share)
        self._columns = [self._columns[at] for at in keep]
        self._closed = {new for new, at in enumerate(keep) if at in self._closed}
        self._shut = {new for new, at in enumerate(keep) if at in self._shut}
        self._taken = {new for new, at in enumerate(keep) if at in self._taken}

    def settle(self, taken: set[int], shut: set[int]) -> None:
        """Take columns, by position, as part of every plan, others as part of none; no others."""
        for at in self._taken - taken:
            self._columns[at].lower_bound = 0.0
        for at in taken - self._taken:
            self._columns[at].lower_bound = 1.0
        before, after = self._closed | self._shut, self._closed | shut
        self._taken, self._shut = taken, shut
        self._bound_above(before, after)

    def close(self, columns: set[int]) -> None:
        """Take these columns, by position, as part of no plan, and no others."""
        before, after = self._closed | self._shut, columns | self._shut
        self._closed = columns
        self._bound_above(before, after)

    def _bound_above(self, before: set[int], after: set[int]) -> None:
        for at in before - after:
            self._columns[at].upper_bound = math.inf
        for at in after - before:
            self._columns[at].upper_bound = 0.0

    def limit(self, limits: Iterable[Limit], penalty: float) -> None:
        """Limit how many of some tickets are left out, and nothing else.

        One too many or too few costs `penalty`, so that there always are prices. Rows stay in the
        programme for another time.
        """
        for row in self._in_force:
            row.lower_bound, row.upper_bound = -math.inf, math.inf
        self._in_force = []
        for limit in limits:
            if limit.tickets not in self._limits:
                row = self._model.add_linear_constraint()
                for t in limit.tickets:
                    row.set_coefficient(self._out[t], 1.0)
                for side in (1.0, -1.0):
                    excess = self._model.add_variable(lb=0.0)
                    self._model.objective.set_linear_coefficient(excess, penalty / self._unit)
                    row.set_coefficient(excess, side)
                self._limits[limit.tickets] = row
            row = self._limits[limit.tickets]
            row.lower_bound, row.upper_bound = float(limit.least), float(limit.most)
            self._in_force.append(row)

    def solve(self, should_stop: Callable[[], bool]) -> None:
        """Solve the linear programme.

        Raises
        ------
        MasterError
            If GLOP ends abnormally, anew and by the other simplex too; or is stopped.
        """
        interrupter, ended = SolveInterrupter(), Event()

        def watch() -> None:
            while not ended.wait(POLL_SECONDS):
                if should_stop():
                    interrupter.interrupt()

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            solved = self._solved(interrupter)
        finally:
            ended.set()
            watcher.join()
        self.objective = solved.objective * self._unit
        duals = solved.duals * self._unit
        self.ticket_duals = duals[_ids(self._tickets)]
        self.shift_duals = duals[_ids(self._shifts)]
        self.cut_duals = duals[_ids(self._cuts)]
        self.limit_duals = duals[_ids(self._in_force)]
        self.shares = solved.values[_ids(self._columns)]
        self.left_out = solved.values[_ids(self._out)]

    def _solved(self, interrupter: SolveInterrupter) -> Solved:
        for attempt, algorithm in enumerate((None, None, mathopt.LPAlgorithm.DUAL_SIMPLEX)):
            if self._glop is None or attempt:
                self._glop = Glop(self._model)
            try:
                solved = self._glop.solve(algorithm, interrupter)
            except Interrupted:
                raise MasterError("the linear programme was stopped") from None
            # MathOpt fails to translate some of its own errors, hence any exception.
            except Exception as error:
                logger.info("GLOP ended abnormally (%s), attempt %d", type(error).__name__, attempt)
                continue
            if solved is not None:
                return solved
        raise MasterError("the linear programme could not be solved")


def _ids(things: Sequence[mathopt.Variable | mathopt.LinearConstraint]) -> list[int]:
    return [thing.id for thing in things]
