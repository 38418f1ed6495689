"""Routes of one shift priced against duals: what the compiled kernel needs, laid out once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.forms import BALANCE, FOREVER, RESERVE, Instance, Int64Array
from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers._kernels import _load_price as load_price
from dispatchopt.solvers._pricing import WORD, find_triples, price_shift, reduced_costs
from dispatchopt.solvers.layout import new_chain
from dispatchopt.solvers.memory import Memory, Passed, returns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from dispatchopt.solvers._kernels import Array, Chain, Search
    from dispatchopt.solvers.limits import Pair

SCALE = 1024
"""Prices are multiples of 1 / SCALE: bounds are exact integers in this unit."""

MAX_STEPS = 300
"""Steps of time in which completions are bounded, at most."""

MAX_LABELS = 3_000_000
"""Labels of one shift, at most: about 400 MB. Beyond, the shift counts as not priced."""


class Column(NamedTuple):
    """A route of a shift: its tickets in order, its cost, and the cost that the bound counts.

    The latter, `relaxed`, is in units of 1 / SCALE and nowhere above the former.
    """

    shift: int
    visits: tuple[int, ...]
    cost: int
    relaxed: int


class Prices(NamedTuple):
    """Prices of the tickets ``int64[T]``, and the cuts as the kernel reads them."""

    dual: Int64Array
    cuts: Int64Array
    fines: Int64Array


class Priced(NamedTuple):
    """What pricing a shift found.

    Attributes
    ----------
    columns
        Routes.
    least
        The least reduced cost, or the limit that none is below; None: unknown.
    labels
        Labels made.
    passed
        Where routes too long to be any return to tickets.
    """

    columns: list[Column]
    least: int | None
    labels: int
    passed: Collection[Passed] = ()


class Pricer:
    """Prices the shifts of an instance, laid out as `lay_out` does.

    Parameters
    ----------
    inst, search, most_visits
        The instance, its layout and the most visits of a route.
    threads
        Shifts that may be priced at a time, each with a `thread` of its own.
    """

    def __init__(self, inst: Instance, search: Search, most_visits: int, threads: int) -> None:
        self.inst, self.search = inst, search
        self.longest = most_visits + 4
        self.stop = np.zeros(1, np.int64)
        shifts = range(inst.num_shifts)
        members = [np.nonzero(search.legal[:, s])[0].astype(np.int64) for s in shifts]
        self.memory = [Memory(search, of_shift) for of_shift in members]
        self._whole = list(self.memory)
        self._forbidden: dict[int, frozenset[int]] = {}
        self._restricted: dict[tuple[int, frozenset[int]], Memory] = {}
        self.bits = [_step_bits(inst, s, members[s]) for s in shifts]
        self.lines = [(0, 0)] * inst.num_shifts
        self._chains: list[Chain] = [new_chain(search, self.longest, 0) for _ in range(threads)]
        self.empty = [self.measure(s, ()) for s in shifts]

    def forbid(self, pairs: Iterable[Pair]) -> None:
        """Keep these tickets off these shifts, and no others, when routes are priced."""
        tickets: dict[int, set[int]] = {}
        for t, s in pairs:
            tickets.setdefault(s, set()).add(t)
        self._forbidden = {s: frozenset(those) for s, those in tickets.items()}
        for s in range(len(self._whole)):
            self._set_memory(s)

    def _set_memory(self, shift: int) -> None:
        whole, tickets = self._whole[shift], self._forbidden.get(shift)
        if tickets is None:
            self.memory[shift] = whole
            return
        if (shift, tickets) not in self._restricted:
            self._restricted[shift, tickets] = whole.without(tickets)
        self.memory[shift] = self._restricted[shift, tickets]

    def remember(self, shift: int, pairs: Iterable[Passed]) -> bool:
        """Let routes of a shift remember tickets past others; return whether that is new."""
        if not self._whole[shift].widen(sorted(pairs)):
            return False
        self._restricted = {key: m for key, m in self._restricted.items() if key[0] != shift}
        self._set_memory(shift)
        return True

    def allows(self, shift: int, visits: Sequence[int]) -> bool:
        """Whether a route of a shift returns to no ticket that it remembers."""
        return self._whole[shift].allows(visits)

    def set_load(self, shift: int, work: int) -> None:
        """Count the shift's price of load by its tangent at so many seconds of work."""
        self.lines[shift] = _tangent(
            self.inst, shift, work, lambda seconds: self._load_price(shift, seconds)
        )

    def _load_price(self, shift: int, work: int) -> int:
        return int(load_price(self.search.shift, self.search.meta, shift, work))

    def work_of(self, shift: int, visits: Sequence[int]) -> int:
        """Return the seconds of service and travel of a route."""
        self.measure(shift, visits)
        return int(self._chains[0].route[shift, kernels.WORK])

    def measure(self, shift: int, visits: Sequence[int], *, thread: int = 0) -> Column:
        """Return a route with its costs.

        Raises
        ------
        ValueError
            If it is not feasible.
        """
        chain = self._chains[thread]
        chain.route[shift, kernels.LENGTH] = len(visits)
        chain.visits[shift, : len(visits)] = visits
        if not kernels.refresh(self.search, chain, shift):
            raise ValueError(f"no route of shift {shift}: {list(visits)}")
        cost = int(chain.route[shift, kernels.COST_OF])
        if not len(visits):
            return Column(shift, (), cost, cost * SCALE)
        work = int(chain.route[shift, kernels.WORK])
        slope, base = self.lines[shift]
        load = self._load_price(shift, work)
        return Column(shift, tuple(visits), cost, (cost - load) * SCALE + base + slope * work)

    def price(self, shift: int, prices: Prices, limit: int, *, most: int, thread: int) -> Priced:
        """Find up to `most` routes of a shift that cost less than `limit` less their prices."""
        return self._priced(shift, prices, limit, most, 1, thread)

    def guess(self, shift: int, prices: Prices, limit: int, *, most: int, thread: int) -> Priced:
        """Do the same fast: routes may be missed, and the least reduced cost stays unknown."""
        return self._priced(shift, prices, limit, most, 0, thread)._replace(least=None)

    def least(self, shift: int, prices: Prices, limit: int) -> int | None:
        """Return the least cost less prices of a route, or `limit`; None if it takes too long."""
        number, least, *_ = self._run(shift, prices, limit, 1, 0, 1)
        return None if number < 0 else min(limit, least)

    def _priced(
        self, shift: int, prices: Prices, limit: int, most: int, exact: int, thread: int
    ) -> Priced:
        number, least, labels, visits, found = self._run(shift, prices, limit, most, 100, exact)
        if number < 0:
            return Priced([], None, labels)
        columns, passed = [], set[Passed]()
        for route, length in zip(visits[:number].tolist(), found[:number, 0].tolist(), strict=True):
            if length <= len(route):
                columns.append(self.measure(shift, route[:length], thread=thread))
            else:
                passed |= returns(route)  # no route of distinct tickets is so long
        return Priced(columns, min(limit, least), labels, passed)

    def _run(
        self, shift: int, prices: Prices, limit: int, most: int, share: int, exact: int
    ) -> tuple[int, int, int, Array, Array]:
        visits = np.zeros((most, self.longest - 1), np.int64)
        found = np.zeros((most, 3), np.int64)
        slope, base = self.lines[shift]
        memory = self.memory[shift]
        number, least, labels = price_shift(
            self.search,
            shift,
            memory.members,
            memory.near,
            memory.place,
            prices.dual,
            SCALE,
            slope,
            base,
            self.bits[shift],
            prices.cuts,
            prices.fines,
            limit,
            share,
            exact,
            MAX_LABELS,
            self.stop,
            visits,
            found,
        )
        return number, least, labels, visits, found


def compile_pricing(search: Search) -> None:
    """Compile the pricing kernels, or load them from the cache; from the main thread, once."""
    num_t, num_s = search.legal.shape
    dual, bits = np.zeros(num_t, np.int64), np.zeros((num_t, 4), np.int64)
    fines = np.zeros((2 * WORD // 8, 256), np.int64)
    none, one = np.zeros(0, np.int64), np.zeros(1, np.int64)
    rows = np.zeros((1, 1), np.int64)
    if num_s:
        price_shift(
            search, 0, none, np.zeros((0, 1), np.int64), np.zeros((0, 0), np.int8), dual,
            SCALE, 0, 0, 6, bits, fines, 0, 100, 1, 1, one, rows, np.zeros((1, 3), np.int64),
        )  # fmt: skip
    least = np.zeros(max(1, num_s), np.int64)
    reduced_costs(none, rows, none, none, 0, dual, bits, fines, 0, none, least)
    find_triples(rows, none, np.zeros(0), num_t, 0.0, np.zeros((1, 4)))


def _step_bits(inst: Instance, shift: int, members: Int64Array) -> int:
    """Return the logarithm of a step of time: no longer than any visit where that is possible."""
    if not len(members):
        return 10
    shortest = max(1, int(inst.duration[members, inst.pace_of[shift]].min()))
    hours = max(1, int(inst.shift_hard_end[shift] - inst.shift_begin[shift]))
    bits = min(10, shortest.bit_length() - 1)
    while (hours >> bits) > MAX_STEPS:
        bits += 1
    return bits


def _tangent(inst: Instance, shift: int, work: int, price: Callable[[int], int]) -> tuple[int, int]:
    """Return slope and base of a line that is nowhere above the price of load, in 1 / SCALE.

    The price is convex but for roundings, which move a difference by less than two: it is enough
    to look at the knots, two lower.
    """
    if not (inst.rates[BALANCE] or inst.rates[RESERVE]):
        return 0, 0
    hours, start = int(inst.load_hours[shift]), int(inst.load_base[shift])
    longest = max(work, int(inst.shift_hard_end[shift] - inst.shift_begin[shift]))
    step = max(1, hours // 20)
    low, high = max(0, work - step), work + step
    rise = price(high) - price(low)
    slope = rise * SCALE // (high - low)
    knots = {0, longest}
    for k in range(10 * (start + longest) // hours + 2):
        knots |= {k * hours // 10 - start, k * hours // 10 - start + 1}
    if inst.reserve_from[shift] < FOREVER:
        knots.add(int(inst.reserve_from[shift]) - start)
    inside = [knot for knot in knots if 0 <= knot <= longest]
    base = min((price(w) - 2) * SCALE - slope * w for w in inside)
    return slope, base
