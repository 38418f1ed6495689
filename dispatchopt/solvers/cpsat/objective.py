"""The cost as the model's objective: one method per price."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from dispatchopt.forms import BALANCE, FOREVER, OVERTIME, RESERVE, TRAVEL, Instance
from dispatchopt.solvers.cpsat.constraints import route_work, way_home_alone
from dispatchopt.solvers.cpsat.variables import DEPOT, ShiftVariables, Variables

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CHORDS = 256
"""Chords of the load table that are written one by one; a shift with hardly any paid time has more
and gets the product instead."""


class Objective:
    """Collects the cost of a plan; exact where it is least."""

    def __init__(self, model: cp_model.CpModel, inst: Instance, variables: Variables) -> None:
        self._model = model
        self._inst = inst
        self._vars = variables
        self._terms: list[cp_model.LinearExpr] = []
        self._constant = 0

    def expression(self, go_on: Callable[[], None]) -> cp_model.LinearExpr:
        """Return the cost of the whole plan; `go_on` is called for each shift."""
        self._fixed()
        self._skipped()
        for t in self._vars.start:
            self._time_cost(t)
        for s, shift in self._vars.shifts.items():
            go_on()
            self._assigned(s, shift)
            self._travelled(s, shift)
            self._overtime(s, shift)
            self._load(s, shift)
            self._reserve(s, shift)
        return cp_model.LinearExpr.sum(self._terms) + self._constant

    def _fixed(self) -> None:
        """Ensure that `fixed_cost` of every shift counts."""
        self._constant += int(self._inst.fixed_cost.sum())

    def _skipped(self) -> None:
        """Ensure that `skip_cost` counts, also for tickets that no shift can serve."""
        for t in range(self._inst.num_tickets):
            price = int(self._inst.skip_cost[t])
            if t in self._vars.skip:
                self._terms.append(price * self._vars.skip[t])
            else:
                self._constant += price

    def _assigned(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that `assign_cost` counts."""
        for t, literal in shift.present.items():
            price = int(self._inst.assign_cost[t, self._inst.class_of[s]])
            if price:
                self._terms.append(price * literal)

    def _travelled(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that each leg is priced, rounded up."""
        rate = int(self._inst.rates[TRAVEL])
        ways = dict(shift.reach.legs)
        if self._inst.occupied[s]:
            ways[DEPOT, DEPOT] = way_home_alone(self._inst, s)
        for leg, way in ways.items():
            price = ceil_div(rate * way, 3600)
            if price:
                self._terms.append(price * shift.arcs[leg])

    def _time_cost(self, t: int) -> None:
        """Ensure that each piece of `time_cost` counts from its second on, if served."""
        end, first, last = self._vars.end_of_service(self._inst, t)
        skip = self._vars.skip[t]
        for after, jump, rate in self._inst.time_cost[t].tolist():
            if after >= min(last, FOREVER):
                continue
            if jump and first > after:
                self._constant += jump
                self._terms.append(-jump * skip)
            elif jump:
                late = self._model.new_bool_var("")
                self._model.add(end <= after).only_enforce_if(late.negated())
                self._terms.append(jump * late)
            if rate:
                # A skipped ticket rests at its first end: what that costs is taken back.
                hourly, least = self._hourly(end, after, rate, first, last)
                self._terms += [hourly, -least * skip]

    def _overtime(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that a route, not an empty shift, pays for ending beyond `shift_limit`."""
        rate, limit = int(self._inst.rates[OVERTIME]), int(self._inst.shift_limit[s])
        begin, hard_end = int(self._inst.shift_begin[s]), int(self._inst.shift_hard_end[s])
        if not rate or hard_end <= limit:
            return
        hourly, least = self._hourly(shift.end, limit, rate, begin, max(begin, hard_end))
        self._terms.append(hourly)
        if not self._inst.occupied[s]:
            self._terms.append(-least * shift.empty)

    def _hourly(
        self, time: cp_model.LinearExpr, after: int, rate: int, first: int, last: int
    ) -> tuple[cp_model.IntVar, int]:
        """Return the price of the hours beyond `after`, rounded up, and its least value."""
        least = ceil_div(rate * max(0, first - after), 3600)
        most = ceil_div(rate * max(0, last - after), 3600)
        price = self._model.new_int_var(least, most, "")
        shared = gcd(rate, 3600)
        self._model.add(3600 // shared * price >= rate // shared * (time - after))
        return price, least

    def _load(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that the load table prices the work, rounded up once, less the base's price.

        The table is convex, so it is the greatest of its chords.
        """
        rate, hours = int(self._inst.rates[BALANCE]), int(self._inst.load_hours[s])
        base, most = self._work_range(s)
        if not rate or most == base:
            return
        low, high = load_price(rate, hours, base), load_price(rate, hours, most)
        price = self._model.new_int_var(low, high, "")
        self._terms.append(price)
        self._constant -= low
        shared = gcd(rate, 360_000)
        left, factor = 360_000 // shared * price, rate // shared
        work = base + route_work(self._inst, s, shift)
        knots = range(10 * base // hours, 10 * most // hours + 1)
        if len(knots) <= MOST_CHORDS:
            for k in knots:
                chord = k * k * hours + (2 * k + 1) * (10 * work - k * hours)
                self._model.add(left >= factor * chord)
        else:
            self._model.add(left >= factor * self._chord(work, hours, base, most))

    def _chord(
        self, work: cp_model.LinearExpr, hours: int, base: int, most: int
    ) -> cp_model.LinearExpr:
        """Return the value of the chord at `work`, by products."""
        first, last = 10 * base // hours, 10 * most // hours
        knot = self._model.new_int_var(first, last, "")
        self._model.add(knot * hours <= 10 * work)
        self._model.add(10 * work <= knot * hours + hours - 1)
        square = self._model.new_int_var(first * first, last * last, "")
        self._model.add_multiplication_equality(square, knot, knot)
        product = self._model.new_int_var(first * base, last * most, "")
        self._model.add_multiplication_equality(product, knot, work)
        return 20 * product - hours * square + 10 * work - hours * knot

    def _reserve(self, s: int, shift: ShiftVariables) -> None:
        """Ensure that work beyond `reserve_from` is priced, less what the base uses of it."""
        rate, free = int(self._inst.rates[RESERVE]), int(self._inst.reserve_from[s])
        base, most = self._work_range(s)
        if not rate or most <= max(base, free):
            return
        work = base + route_work(self._inst, s, shift)
        hourly, least = self._hourly(work, free, rate, base, most)
        self._terms.append(hourly)
        self._constant -= least

    def _work_range(self, s: int) -> tuple[int, int]:
        """Work of a shift without a route, and the most that its hours hold."""
        base = int(self._inst.load_base[s])
        return base, base + max(0, int(self._inst.shift_hard_end[s] - self._inst.shift_begin[s]))


def load_price(rate: int, hours: int, work: int) -> int:
    """Price of the load of so many seconds of work."""
    k = 10 * work // hours
    return ceil_div(rate * (k * k * hours + (2 * k + 1) * (10 * work - k * hours)), 360_000)


def ceil_div(number: int, divisor: int) -> int:
    """Divide and round up."""
    return -(-number // divisor)
