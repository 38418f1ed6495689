"""Lower bounds by column generation: a linear programme over routes, priced per shift.

The bound of a round is ``sum of ticket prices - prices of cuts + sum over shifts of the least cost
of a route less its prices``, in exact integers; it holds for any prices, so long as every shift was
priced exactly (Lasdon 1970; Lübbecke & Desrosiers 2005, Selected topics in column generation,
Operations Research). Routes are guessed between exact rounds, with prices smoothed over rounds
(Neame 1999). Parts of all plans are bounded likewise, with prices of their limits (`limits.py`).
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from dispatchopt.solvers._pricing import MAX_CUTS
from dispatchopt.solvers.cuts import Cut, as_bits, separate
from dispatchopt.solvers.duals import Duals, between, dearest
from dispatchopt.solvers.limits import WHOLE, Branch
from dispatchopt.solvers.master import Master, MasterError
from dispatchopt.solvers.memory import is_elementary, returns
from dispatchopt.solvers.over_shifts import over_shifts
from dispatchopt.solvers.pricing import SCALE, Column, Priced, Pricer, Prices
from dispatchopt.solvers.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dispatchopt.forms import Instance, Int64Array
    from dispatchopt.solvers._kernels import Search
    from dispatchopt.solvers.memory import Passed

logger = logging.getLogger(__name__)

MOST_COST = 2**48
"""Costs stay below for a bound: in units of 1 / SCALE, and with tickets that come twice in a
route, they must fit 64 bits."""

SMOOTHING = 0.3
"""Weight of earlier prices in those that routes are guessed with."""

GUESSED = 4
"""All shifts are priced exactly once guesses made so many times the labels of the last time."""

IDLE = 0.001
"""Routes guessed gain little if the programme falls by no more than this share."""

IDLE_ROUNDS = 12
"""A programme that is only to be approached is near enough once so many rounds gained as little."""

COLUMNS_A_SHIFT = 10
"""Routes taken from one pricing of a shift; from those known already, half as many."""

MOST_IN_MASTER = 4000
"""Dives leave many columns; beyond so many the dearer ones leave the programme, to half of it."""

TOLERANCE = 1e-6
"""The linear programme is solved once its value and the bound differ by this share."""

LEAST_SHARE = 1e-6
"""A column with a smaller share is not in the programme's mix."""


class Ended(Exception):
    """Time or effort is used up; what is known stays valid."""


class _Price(Protocol):
    def __call__(
        self, shift: int, prices: Prices, limit: int, /, *, most: int, thread: int
    ) -> Priced: ...


class _Round(NamedTuple):
    prices: Prices
    value: int  # bound in units of 1 / SCALE


class ColumnGeneration:
    """Known routes, and the best bound so far.

    Parameters
    ----------
    inst, search, most_visits
        The instance, its layout and the most visits of a route.
    threads
        Shifts priced at a time.
    should_stop
        Asked about twenty times a second; True ends a run.
    max_labels
        Effort after which a run ends, in labels of the pricing; absent: no limit.
    tell
        Called with each better bound.

    Attributes
    ----------
    bound
        No plan costs less; None before the first round.
    round_seconds
        What pricing every shift took last, for all plans.
    columns
        Routes known, feasible ones (a ticket may come twice in one).
    branch, branch_value
        The plans looked at, all of them at first; what none of these costs less than, in 1 / SCALE.
    master, in_master
        The restricted master problem, and the numbers of the columns in it, in its order.
    should_stop, max_labels
        As given; may be replaced between two runs.
    """

    def __init__(
        self,
        inst: Instance,
        search: Search,
        most_visits: int,
        threads: int,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        max_labels: int | None = None,
        tell: Callable[[int], None] = lambda _bound: None,
    ) -> None:
        self.inst, self.threads = inst, threads
        self.pricer = Pricer(inst, search, most_visits, threads)
        self.columns: list[Column] = []
        self.cuts: list[Cut] = []
        self.labels = self.rounds = 0
        self.round_seconds = 0.0
        self.should_stop, self.max_labels, self._tell = should_stop, max_labels, tell
        self._index: dict[tuple[int, tuple[int, ...]], int] = {}
        self._table = Table(self.pricer.longest)
        self.master = Master(inst)
        self.in_master: list[int] = []
        self._best: _Round | None = None
        self.branch, self._among = WHOLE, np.zeros((0, inst.num_tickets), np.int64)
        self.branch_value: int | None = None
        self.skip = inst.skip_cost * SCALE
        self._lively = list(range(inst.num_shifts))
        self._passed: list[set[Passed]] = [set() for _ in range(inst.num_shifts)]
        self._guessed_labels = self._exact_labels = 0

    @property
    def bound(self) -> int | None:
        """Proven lower bound on the cost of any plan."""
        return None if self._best is None else -(-self._best.value // SCALE)

    @property
    def prices(self) -> Prices | None:
        """Prices that gave the best bound."""
        return None if self._best is None else self._best.prices

    def start(
        self, routes: Sequence[Sequence[int]], others: Iterable[tuple[int, Sequence[int]]]
    ) -> None:
        """Begin with the routes of a plan, and other known ones as ``(shift, tickets)``."""
        for s, visits in enumerate(routes):
            if visits:
                self.pricer.set_load(s, self.pricer.work_of(s, visits))
        for empty in self.pricer.empty:
            self.enter(self.know(empty))
        self.enter_routes(routes)
        for s, visits in others:
            self.know(self.pricer.measure(s, visits))

    def run(self, *, upper: int) -> None:
        """Raise the bound until it meets `upper`, no cut helps, or the run is to end."""
        if self.solve(upper=upper):
            self.cut(upper=upper)

    def solve(self, *, upper: int) -> bool:
        """Raise the bound as far as it goes without further cuts; return whether it got there."""
        return self._guarded(self._converge, upper)

    def approach(self) -> bool:
        """Solve the programme nearly, by guesses alone and without a bound; return whether it did.

        That takes less time, and is mostly enough to make plans from. Guesses may miss routes: on
        one day of 30 tickets the programme stayed a whole ticket dearer than the solved one.
        """
        return self._guarded(lambda _upper: self._guess_all(), 0)

    def cut(self, *, upper: int) -> bool:
        """Add cuts to the solved programme while they pay; return whether it got so far."""
        return self._guarded(self._cut, upper)

    def cost_of(self, routes: Sequence[Sequence[int]]) -> int:
        """Return the cost of a plan."""
        served = {t for visits in routes for t in visits}
        skipped = [int(p) for t, p in enumerate(self.inst.skip_cost.tolist()) if t not in served]
        return sum(skipped) + sum(
            self.pricer.measure(s, visits).cost for s, visits in enumerate(routes)
        )

    def _guarded(self, work: Callable[[int], None], upper: int) -> bool:
        try:
            work(upper)
        except Ended:
            logger.info("column generation ends early after %d rounds", self.rounds)
            return False
        except MasterError as error:
            if not self.should_stop():
                logger.warning("no better bound: %s", error)
            return False
        return True

    def look_at(self, branch: Branch, value: int | None, penalty: float) -> None:
        """Look at one branch from now on, which is known to be bounded by `value`.

        `bound` and `prices` are as before: they are those of all plans.

        Parameters
        ----------
        penalty
            Most that the prices of a limit come to.
        """
        self.branch, self.branch_value = branch, value
        self.pricer.forbid(branch.forbidden)
        self._table.forbid(branch.forbidden)
        self._close()
        self.master.limit(branch.limits, penalty)
        self._among = np.zeros((len(branch.limits), self.inst.num_tickets), np.int64)
        for row, limit in zip(self._among, branch.limits, strict=True):
            row[list(limit.tickets)] = 1

    def reduced(self, prices: Prices | None = None) -> Int64Array:
        """Return each column's cost less prices, less the least of its shift, in 1 / SCALE."""
        used = prices or self.prices
        if used is None:
            return np.zeros(len(self.columns), np.int64)
        value, least = self._table.reduced(used, self.inst.num_shifts)
        shifts = self._table.shift_of[: len(value)]
        return value - least[shifts]

    def levels(self, prices: Prices) -> list[int]:
        """Return the least cost less prices of each shift's known columns, in 1 / SCALE."""
        return [int(level) for level in self._table.reduced(prices, self.inst.num_shifts)[1]]

    def know(self, column: Column) -> int:
        """Return the number of a column, which is known from now on."""
        key = (column.shift, column.visits)
        if key not in self._index:
            self._index[key] = len(self.columns)
            self.columns.append(column)
            self._table.append(column)
        return self._index[key]

    def enter(self, number: int) -> bool:
        """Put a known column into the master problem; return whether it is new there."""
        is_new = not self._table.in_master[number]
        if is_new:
            self._table.in_master[number] = True
            self.in_master.append(number)
            column = self.columns[number]
            self.master.add_column(column, [cut.times(column.visits) for cut in self.cuts])
        return is_new

    def enter_routes(self, routes: Sequence[Sequence[int]]) -> None:
        """Put the routes of a plan into the master problem."""
        for s, visits in enumerate(routes):
            self.enter(self.know(self.pricer.measure(s, visits)))

    def clashing(self, taken: Iterable[int]) -> set[int]:
        """Return the columns that have a shift or a ticket of others, all by their positions."""
        numbers = [self.in_master[at] for at in taken]
        clash = self._table.clashing(numbers)[self.in_master]
        return set(np.nonzero(clash)[0].tolist()) - set(taken)

    def forget(self) -> None:
        """Keep the cheapest columns in the master problem only; the others stay known."""
        if len(self.in_master) <= MOST_IN_MASTER:
            return
        try:
            self.master.solve(self.should_stop)
        except MasterError:
            return
        duals = self.duals()
        reduced = self.reduced(self.prices_of(duals.ticket, duals.cut))[self.in_master]
        order = np.argsort(reduced, kind="stable").tolist()
        empty = [at for at, number in enumerate(self.in_master) if not self.columns[number].visits]
        keep = sorted({*order[: MOST_IN_MASTER // 2], *empty})
        self._table.in_master[self.in_master] = False
        self.in_master = [self.in_master[at] for at in keep]
        self._table.in_master[self.in_master] = True
        self.master.keep_columns(keep)

    def _converge(self, upper: int) -> None:
        """Solve the linear programme over all routes of the branch, cuts included.

        Routes are guessed, and memories widened once that gains little. When guesses bring nothing
        new and the programme returns to no ticket, every shift is priced exactly; before that now
        and then, so that there is a bound early.
        """
        smooth: Duals | None = None
        before = math.inf
        while True:
            self.master.solve(self.should_stop)
            duals, value = self.duals(), self.master.objective
            if self._take_known(duals):
                continue
            is_idle, before = before - value <= IDLE * abs(value), value
            if is_idle and self.remember_returns():
                smooth, before = None, math.inf
                continue
            smooth = duals if smooth is None else self._legal(between(smooth, duals, SMOOTHING))
            if self._guessed_labels > GUESSED * self._exact_labels:
                entered = self._price(smooth)
                if self._is_reached(upper):
                    return
                if entered:
                    continue
            if self._guess(smooth):
                continue
            smooth = duals
            if self._guess(duals):
                continue
            if not self.remember_returns():
                entered = self._price(duals)
                if self._is_reached(upper) or (
                    (not entered or self._is_solved()) and not self.remember_returns()
                ):
                    return
            smooth, before = None, math.inf

    def _guess_all(self) -> None:
        """Guess routes until the programme falls no more, or hardly, and returns to no ticket."""
        smooth: Duals | None = None
        values = [math.inf]
        while True:
            self.master.solve(self.should_stop)
            duals = self.duals()
            if self._take_known(duals):
                continue
            values.append(self.master.objective)
            is_idle = values[-2] - values[-1] <= IDLE * abs(values[-1])
            if is_idle and self.remember_returns():
                smooth, values = None, [math.inf]
                continue
            # Where it does not fall at all it stands on a plateau, far from done.
            fall = values[-IDLE_ROUNDS:][0] - values[-1]
            if len(values) > IDLE_ROUNDS and 0 < fall <= IDLE * abs(values[-1]):
                return
            smooth = duals if smooth is None else self._legal(between(smooth, duals, SMOOTHING))
            if not self._guess(smooth) and not self._guess(duals) and not self.remember_returns():
                return

    def _guess(self, duals: Duals) -> int:
        """Enter routes found by fast pricing; return how many. Shifts that had none come last."""
        prices = self.prices_of(duals.ticket, duals.cut)
        level = np.floor(self.master.shift_duals * SCALE).astype(np.int64) - SCALE
        everyone = range(self.inst.num_shifts)
        for shifts in (self._lively, [s for s in everyone if s not in self._lively]):
            found = self.guess_shifts(prices, level, shifts) if shifts else []
            entered = [
                sum(self.enter(self.know(column)) for column in priced.columns) for priced in found
            ]
            if any(entered):
                self._lively = [s for s, number in zip(shifts, entered, strict=True) if number]
                return sum(entered)
        self._lively = list(everyone)
        return 0

    def remember_returns(self) -> bool:
        """Widen memories where the programme returns to tickets; return whether any became wider.

        Columns that wider memories do not allow are closed for good.
        """
        for number, share in zip(self.in_master, self.master.shares, strict=False):
            column = self.columns[number]
            if share > LEAST_SHARE:
                self._passed[column.shift] |= returns(column.visits)
        wider = {s for s, pairs in enumerate(self._passed) if self.pricer.remember(s, pairs)}
        self._passed = [set() for _ in self._passed]
        for number, column in enumerate(self.columns):
            if (
                column.shift in wider
                and not is_elementary(column.visits)
                and not self.pricer.allows(column.shift, column.visits)
            ):
                self._table.retire(number)
        if wider:
            self._close()
        return bool(wider)

    def _close(self) -> None:
        """Close the columns in the master problem that are not counted."""
        is_closed = self._table.is_closed
        self.master.close({at for at, number in enumerate(self.in_master) if is_closed[number]})

    def _is_reached(self, upper: int) -> bool:
        return self.branch_value is not None and -(-self.branch_value // SCALE) >= upper

    def _note(self, done: _Round) -> None:
        """Keep what a round proves of the branch, and of all plans."""
        if self.branch_value is None or done.value > self.branch_value:
            self.branch_value = done.value
        if self.branch == WHOLE and (self._best is None or done.value > self._best.value):
            self._best = done
            self._tell(-(-done.value // SCALE))

    def _is_solved(self) -> bool:
        assert self.branch_value is not None
        least = math.ceil(self.master.objective * (1 - TOLERANCE) - 1e-6)
        return -(-self.branch_value // SCALE) >= least

    def duals(self) -> Duals:
        """Return the prices of the master problem."""
        cut = np.floor(np.maximum(0.0, -self.master.cut_duals) * SCALE)
        limit = np.floor(self.master.limit_duals * SCALE).astype(np.int64)
        ticket = np.floor(self.master.ticket_duals * SCALE).astype(np.int64)
        return self._legal(Duals(ticket, cut.astype(np.int64), limit))

    def _legal(self, duals: Duals) -> Duals:
        """Return prices that no ticket left out would lose by; and no more cuts than may count."""
        ceiling = self.skip - duals.limit @ self._among
        # An imprecise programme may pay anything; sums have to fit 64 bits.
        least = -(2**60 // max(1, self.inst.num_tickets))
        ticket = np.minimum(np.maximum(duals.ticket, least), ceiling)
        return Duals(ticket, dearest(duals.cut), duals.limit)

    def prices_of(self, ticket: Int64Array, cut: Int64Array) -> Prices:
        """Return prices as the kernels read them."""
        bits, fines = as_bits(self.cuts, cut.tolist(), self.inst.num_tickets)
        return Prices(ticket, bits, fines)

    def _take_known(self, duals: Duals) -> int:
        """Enter known columns that the master's own prices find too cheap; return how many."""
        prices = self.prices_of(duals.ticket, duals.cut)
        value, _ = self._table.reduced(prices, self.inst.num_shifts)
        shifts = self._table.shift_of[: len(value)]
        level = np.floor(self.master.shift_duals * SCALE).astype(np.int64)
        lead = value - level[shifts]
        cheap = np.nonzero((lead < -SCALE // 100) & ~self._table.in_master[: len(value)])[0]
        taken = np.zeros(self.inst.num_shifts, np.int64)
        for number in cheap[np.argsort(lead[cheap], kind="stable")].tolist():
            s = shifts[number]
            if taken[s] < COLUMNS_A_SHIFT // 2:
                taken[s] += 1
                self.enter(number)
        return int(taken.sum())

    def _price(self, duals: Duals) -> int:
        """Price every shift exactly, note what that proves; return how many columns entered."""
        begin, labels = time.monotonic(), self.labels
        prices = self.prices_of(duals.ticket, duals.cut)
        _, least = self._table.reduced(prices, self.inst.num_shifts)
        priced = self._over(self.pricer.price, prices, least, range(self.inst.num_shifts))
        self.rounds += 1
        self._guessed_labels, self._exact_labels = 0, self.labels - labels
        if self.branch == WHOLE:
            self.round_seconds = time.monotonic() - begin
        value = int(duals.ticket.sum()) - int(duals.cut.sum())
        for limit, price in zip(self.branch.limits, duals.limit.tolist(), strict=True):
            value += limit.worth(price)
        entered = 0
        for s, found in enumerate(priced):
            if found.least is None:
                raise Ended
            value += min(int(least[s]), found.least)
            for column in found.columns:
                number = self.know(column)
                if self._lead(column) < -1e-6:
                    entered += self.enter(number)
        logger.debug(
            "round %d: programme %.0f, bound %d, %d columns, %d labels",
            self.rounds,
            self.master.objective,
            value // SCALE,
            len(self.in_master),
            self.labels,
        )
        self._note(_Round(prices, value))
        return entered

    def _lead(self, column: Column) -> float:
        """Reduced cost in the master problem."""
        duals = self.master.ticket_duals
        lead = column.relaxed / SCALE - float(duals[list(column.visits)].sum())
        lead -= float(self.master.shift_duals[column.shift])
        for cut, dual in zip(self.cuts, self.master.cut_duals, strict=True):
            if dual < 0:
                lead -= dual * cut.times(column.visits)
        return lead

    def guess_shifts(
        self, prices: Prices, limit: Int64Array, shifts: Sequence[int]
    ) -> list[Priced]:
        """Find routes of shifts below their limits, fast: some may be missed.

        Raises
        ------
        Ended
            If the run is to end.
        """
        before = self.labels
        found = self._over(self.pricer.guess, prices, limit, shifts)
        self._guessed_labels += self.labels - before
        return found

    def _over(
        self, price: _Price, prices: Prices, limit: Int64Array, shifts: Sequence[int]
    ) -> list[Priced]:
        if self.should_stop() or (self.max_labels is not None and self.labels > self.max_labels):
            raise Ended
        priced = over_shifts(
            lambda s, thread: price(s, prices, int(limit[s]), most=COLUMNS_A_SHIFT, thread=thread),
            shifts,
            self.threads,
            stop=self.pricer.stop,
            should_stop=self.should_stop,
        )
        for s, found in zip(shifts, priced, strict=True):
            self.labels += found.labels
            self._passed[s].update(found.passed)
        return priced

    def _cut(self, upper: int) -> None:
        """Add cuts while they raise the bound."""
        idle = 0
        while self.branch_value is not None and self.branch_value <= upper * SCALE and idle < 3:
            before = self.branch_value
            # Columns that entered since the master was solved have no share yet.
            mixed = [
                (self.columns[number], share)
                for number, share in zip(self.in_master, self.master.shares, strict=False)
                if LEAST_SHARE < share < 1 - LEAST_SHARE
            ]
            new = separate([c for c, _ in mixed], [x for _, x in mixed], self.inst.num_tickets)
            new = [cut for cut in new if cut not in self.cuts]
            if not new:
                return
            self._drop_idle_cuts(len(new))
            for cut in new:
                times = [cut.times(self.columns[number].visits) for number in self.in_master]
                self.master.add_cut(times)
                self.cuts.append(cut)
            self._converge(upper)
            idle = idle + 1 if self.branch_value - before <= before // 20_000 else 0

    def _drop_idle_cuts(self, coming: int) -> None:
        """Delete cuts without a price, if there would be too many to count."""
        if len(self.cuts) + coming > MAX_CUTS:
            keep = [dual < -1e-9 for dual in self.master.cut_duals.tolist()]
            self.master.drop_cuts(keep)
            self.cuts = [cut for cut, kept in zip(self.cuts, keep, strict=True) if kept]
