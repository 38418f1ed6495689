"""Routes held in the kernels, beside tickets that come and go: rows of arrays, no models.

Every ticket has a row. The last row is for trials: the ticket whose places are asked for stands in
it, so that nothing else changes meanwhile.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from dispatchopt.forms import FOREVER, Instance, Int64Array
from dispatchopt.solvers import _places
from dispatchopt.solvers._chance import Draws
from dispatchopt.solvers._kernels import (
    COST_OF,
    DEMAND,
    DURATION,
    LATEST,
    LENGTH,
    NUM_DEMANDS,
    NUM_PIECES,
    PIECE,
    SKIP,
    WINDOW,
    WINDOWS,
    Chain,
    Search,
)
from dispatchopt.solvers.layout import lay_out_open, new_chain, nodes_of, with_room

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.forms import Int32Array

SPARE_ROWS = 64
"""Rows for tickets to come at first; twice as many as there are whenever they run out."""

SPARE_VISITS = 4
"""Visits that the longest route may grow by before the arrays do."""

UNPROMISED = (1, 0)
"""A window that closes before it opens: nothing is promised."""


class Line(NamedTuple):
    """A ticket's row, whatever the width of the kernels' tables.

    Attributes
    ----------
    blocked, assign
        ``bool[S]``, ``int64[S]``.
    demand
        Amounts by the name of the capacity.
    promise, is_free
        Open and close of the window promised, `UNPROMISED` if none is; whether it may give way.
    """

    blocked: npt.NDArray[np.bool_]
    assign: Int64Array
    windows: Sequence[tuple[int, int]]
    pieces: Sequence[tuple[int, int, int]]
    duration: Int64Array
    latest: int
    skip: int
    demand: Mapping[str, int]
    promise: tuple[int, int] = UNPROMISED
    is_free: bool = False


class Legs(NamedTuple):
    """Travel seconds ``[P, places]`` from a ticket's place to every one and back, its own index."""

    away: Int32Array
    back: Int32Array
    place: int


class Newcomer(NamedTuple):
    """A ticket for a row: its line, its travel, how long it lasts on each day played through."""

    line: Line
    legs: Legs
    seconds: Int32Array


class Held:
    """An instance, routes for it, and the days that they are played through on.

    Parameters
    ----------
    inst, names
        The instance, and what each of its capacities limits.
    draws, promises, free
        Days (`_chance.Draws`), ``int64[T, 2]`` windows promised and ``bool[T]`` whether a visit may
        give way, of the instance's tickets.
    least, risk
        See `_places.choose`.
    """

    def __init__(
        self,
        inst: Instance,
        names: Sequence[str],
        draws: Draws,
        promises: Int64Array,
        free: npt.NDArray[np.bool_],
        least: int,
        risk: Int64Array,
    ) -> None:
        self._inst, self._draws, self._promises, self._free = inst, draws, promises, free
        self.least, self.risk = least, risk
        self.names = list(names)
        self.capacity = inst.capacity
        self.newcomers: dict[int, Newcomer] = {}
        self.num_rows = inst.num_tickets
        self._width = (
            self.num_rows + SPARE_ROWS,
            max(2, inst.window.shape[1]),
            max(4, inst.time_cost.shape[1]),
        )
        self._lay_out([[] for _ in range(inst.num_shifts)], SPARE_VISITS)
        self._warm()

    def _warm(self) -> None:
        """Compile every kernel, or load it from the cache, so that no question waits for it."""
        closed = np.zeros(self.chain.route.shape[0], np.bool_)
        line = Line(
            closed,
            np.zeros(len(closed), np.int64),
            [(0, 0)],
            [],
            np.ones(self._inst.duration.shape[1], np.int64),
            0,
            0,
            {},
        )
        places = np.zeros((len(self._inst.travel), int(self._node_place.max(initial=0)) + 1))
        legs = Legs(places.astype(np.int32), places.astype(np.int32), 0)
        seconds = np.zeros(self.draws.seconds.shape[1], np.int32)
        found, versions = self.find(Newcomer(line, legs, seconds), [line], closed)
        nobody = np.zeros(0, np.int64)
        self.choose([line], versions, found, nobody, 0, np.zeros(len(closed), np.int64))
        if len(closed):
            self.insert(self.trial, 0, 0)
            self.remove(0, 0)

    # --- Laying out ---

    def _lay_out(self, orders: Sequence[Sequence[int]], room: int) -> None:
        """Lay everything out anew, with room for more, and put the routes in."""
        inst = self._inst
        missing = len(self.names) - inst.capacity.shape[1]
        inst = inst._replace(
            demand=np.hstack([inst.demand, np.zeros((inst.num_tickets, missing), np.int32)]),
            capacity=self.capacity,
        )
        rows, windows, pieces = self._width
        wide = with_room(inst, rows + 1, windows, pieces)
        self.search: Search = lay_out_open(wide)
        self._node_place = nodes_of(wide)[0]
        seconds = np.zeros((rows + 1, self._draws.seconds.shape[1]), np.int32)
        seconds[: inst.num_tickets] = self._draws.seconds
        self.draws = self._draws._replace(seconds=seconds)
        self.promised = np.tile(np.array(UNPROMISED, np.int64), (rows + 1, 1))
        self.promised[: inst.num_tickets] = self._promises
        self.kept = np.zeros(rows + 1, np.int64)
        self.free = np.zeros(rows + 1, np.bool_)
        self.free[: inst.num_tickets] = self._free
        self.trial = rows
        for row, newcomer in self.newcomers.items():
            self._write(row, newcomer)
        longest = max((len(order) for order in orders), default=0)
        self.chain: Chain = new_chain(self.search, longest + room, 0)
        self.load(orders)

    def make_room(self, longest: int) -> None:
        """Make room for routes of so many visits."""
        if longest + 3 > self.chain.visits.shape[1]:
            room = max(SPARE_VISITS, longest)
            self._lay_out(self.orders(), room + SPARE_VISITS)

    def costs(self) -> Int64Array:
        """Return the cost of each route."""
        return self.chain.route[:, COST_OF].copy()

    def load_route(self, s: int, order: Sequence[int]) -> bool:
        """Replace one route; return whether it is feasible."""
        orders = self.orders()
        orders[s] = list(order)
        return bool(self.load(orders)[s])

    def load(self, orders: Sequence[Sequence[int]]) -> npt.NDArray[np.bool_]:
        """Replace all routes; return which are feasible."""
        for s, order in enumerate(orders):
            self.chain.visits[s, : len(order)] = order
            self.chain.route[s, LENGTH] = len(order)
        feasible = np.zeros(len(orders), np.bool_)
        _places.settle(self.search, self.chain, feasible)
        for s in range(len(orders)):
            self._count(s)
        return feasible

    def orders(self) -> list[list[int]]:
        """Return the rows of each shift's visits in order."""
        lengths = self.chain.route[:, LENGTH].tolist()
        return [row[:n].tolist() for row, n in zip(self.chain.visits, lengths, strict=True)]

    def copy(self) -> Held:
        """Return another one, which shares nothing that changes."""
        other = object.__new__(Held)
        other.__dict__.update(self.__dict__)
        other.names, other.newcomers = list(self.names), dict(self.newcomers)
        other.search, other.chain = deepcopy(self.search), deepcopy(self.chain)
        other.draws = self.draws._replace(seconds=self.draws.seconds.copy())
        other.promised, other.kept = self.promised.copy(), self.kept.copy()
        other.free = self.free.copy()
        other._node_place = self._node_place.copy()
        return other

    # --- Rows ---

    def add_row(self) -> int:
        """Return the number of a new row."""
        if self.num_rows == self._width[0]:
            self._width = (2 * self._width[0], *self._width[1:])
            self._lay_out(self.orders(), SPARE_VISITS)
        self.num_rows += 1
        return self.num_rows - 1

    def reserve(self, num: int) -> None:
        """Make room for so many new rows at once."""
        if self.num_rows + num > self._width[0]:
            self._width = (self.num_rows + num + SPARE_ROWS, *self._width[1:])
            self._lay_out(self.orders(), SPARE_VISITS)

    def add_capacities(self, names: Sequence[str], capacity: Int32Array) -> None:
        """Take in the limits of what no ticket needed before: ``int32[S, D]`` by name."""
        new = [d for d, name in enumerate(names) if name not in self.names]
        if new:
            self.names += [names[d] for d in new]
            self.capacity = np.hstack([self.capacity, capacity[:, new]])
            self._lay_out(self.orders(), SPARE_VISITS)

    def set_row(self, row: int, newcomer: Newcomer) -> None:
        """Take over a ticket that is in no route."""
        self._widen([newcomer.line])
        # The latest last: whoever came before knows no travel to its place.
        self.newcomers.pop(row, None)
        self.newcomers[row] = newcomer
        self._write(row, newcomer)

    def _widen(self, lines: Sequence[Line]) -> None:
        rows, windows, pieces = self._width
        windows = max(windows, *(len(line.windows) for line in lines))
        pieces = max(pieces, *(len(line.pieces) for line in lines))
        if (rows, windows, pieces) != self._width:
            self._width = rows, windows, pieces
            self._lay_out(self.orders(), SPARE_VISITS)

    def _write(self, row: int, newcomer: Newcomer) -> None:
        k, (away, back, place) = self.search, newcomer.legs
        self._node_place[row] = place
        k.dist[:, row, :] = away[:, self._node_place]
        k.dist[:, :, row] = back[:, self._node_place]
        k.assign[row] = newcomer.line.assign
        k.legal[row] = ~newcomer.line.blocked
        k.ticket[row] = self._packed(newcomer.line)
        self.promised[row], self.free[row] = newcomer.line.promise, newcomer.line.is_free
        self.draws.seconds[row] = newcomer.seconds

    def _packed(self, line: Line) -> Int64Array:
        meta = self.search.meta
        table = np.zeros(self.search.ticket.shape[1], np.int64)
        table[WINDOWS], table[LATEST], table[SKIP] = len(line.windows), line.latest, line.skip
        piece, duration, demand = (int(meta[at]) for at in (PIECE, DURATION, DEMAND))
        table[WINDOW:piece] = FOREVER
        table[WINDOW : WINDOW + 2 * len(line.windows)] = np.ravel(line.windows)
        pieces = np.zeros((int(meta[NUM_PIECES]), 3), np.int64)
        pieces[:, 0] = FOREVER
        if line.pieces:
            pieces[: len(line.pieces)] = line.pieces
        table[piece:duration] = pieces.ravel()
        table[duration:demand] = line.duration
        needs = [line.demand.get(name, 0) for name in self.names]
        table[demand : demand + int(meta[NUM_DEMANDS])] = needs
        return table

    # --- Routes ---

    def insert(self, row: int, s: int, at: int) -> bool:
        """Insert a row at a position; return whether the route is feasible then."""
        self.make_room(int(self.chain.route[s, LENGTH]) + 1)
        feasible = _places.put_in(self.search, self.chain, s, row, at)
        self._count(s)
        return bool(feasible)

    def remove(self, s: int, at: int) -> bool:
        """Remove the visit at a position; return whether the rest of the route is feasible."""
        feasible = _places.take_out(self.search, self.chain, s, at)
        self._count(s)
        return bool(feasible)

    def _count(self, s: int) -> None:
        _places.count_kept(self.search, self.chain, s, self.draws, self.promised, self.kept)

    # --- Places ---

    def find(
        self,
        newcomer: Newcomer,
        lines: Sequence[Line],
        open_to: npt.NDArray[np.bool_],
        base: Int64Array | None = None,
        most: int = 0,
    ) -> tuple[Int64Array, Int64Array]:
        """Return every feasible place of a ticket in no route, and its packed versions.

        Parameters
        ----------
        newcomer
            Its travel and days; its own line counts for what is the same in every version.
        lines
            The versions.
        open_to
            ``bool[S]``: shifts to look at.
        base
            ``int64[S]``: cost of each route to compare with; absent: as it is.
        most
            So many visits next to each other may give way, if they are `free`.
        """
        self._widen(lines)
        self.make_room(int(self.chain.route[:, LENGTH].max(initial=0)) + 1)
        self._write(self.trial, newcomer)
        versions = np.stack([self._packed(line) for line in lines])
        base = self.costs() if base is None else base
        allowed = open_to & self.search.legal[self.trial]
        positions = int(self.chain.route[:, LENGTH].sum()) + self.chain.route.shape[0]
        count = positions * len(lines)
        while True:
            found = np.empty((count, _places.NUM_COLUMNS), np.int64)
            count = _places.find_places(
                self.search,
                self.chain,
                self.trial,
                versions,
                allowed,
                base,
                self.free,
                most,
                found,
            )
            if count <= len(found):
                break
        return found[:count], versions

    def choose(
        self,
        lines: Sequence[Line],
        versions: Int64Array,
        found: Int64Array,
        group: Int64Array,
        num_groups: int,
        extra: Int64Array,
        kept: Int64Array | None = None,
    ) -> Int64Array:
        """Return the best place of each group of what `find` found (`_places.choose`)."""
        chosen = np.empty((num_groups, _places.NUM_CHOICES), np.int64)
        promises = np.array([line.promise for line in lines], np.int64).reshape(-1, 2)
        _places.choose(
            self.search,
            self.chain,
            self.trial,
            versions,
            promises,
            found,
            group,
            num_groups,
            extra,
            self.risk,
            self.least,
            self.kept if kept is None else kept,
            self.draws,
            self.promised,
            chosen,
        )
        return chosen


def compile_places(inst: Instance) -> None:
    """Compile the kernels of offers, or load them from the cache; from the main thread, once."""
    num_t, num_s = inst.num_tickets, inst.num_shifts
    draws = Draws(
        np.zeros((num_t, 1), np.int32),
        np.full(num_s, 100, np.int64),
        np.zeros((0, 1), np.int64),
        np.full(num_s, -1, np.int64),
    )
    names = [""] * inst.capacity.shape[1]
    unpromised = np.tile(np.array(UNPROMISED, np.int64), (num_t, 1))
    free = np.zeros(num_t, np.bool_)
    Held(inst, names, draws, unpromised, free, 1, np.zeros(2, np.int64))
