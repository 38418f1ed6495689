"""Lays an instance out for the kernels: nodes, legal pairs, neighbours; and a chain's arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dispatchopt.forms import FOREVER, Instance, Int32Array, Int64Array
from dispatchopt.solvers._kernels import (
    BEGIN,
    CAPACITY,
    CLASS,
    DEMAND,
    DURATION,
    END,
    FIXED,
    HARD_END,
    LATEST,
    LIMIT,
    LOAD_BASE,
    LOAD_HOURS,
    MAX_LABELS,
    NUM_DEMANDS,
    NUM_PIECES,
    OCCUPIED,
    PACE,
    PAIR,
    PAIR_END,
    PAUSE,
    PAUSES,
    PIECE,
    PLAIN,
    PROFILE,
    RESERVE_FROM,
    SKIP,
    START,
    USED,
    WINDOW,
    WINDOWS,
    Chain,
    Search,
    keep_best,
    load_routes,
)

BoolArray = npt.NDArray[np.bool_]

MOST_NEIGHBOURS = 400
"""Nearest tickets kept per ticket: removals reach no further in one step."""


def lay_out(inst: Instance) -> tuple[Search, int]:
    """Return the instance for the kernels, and the most visits that a route can hold."""
    num_t = inst.num_tickets
    places, start_node, end_node = nodes_of(inst)
    dist = inst.travel.take(places, axis=1).take(places, axis=2)
    legal = (inst.blocked[:, inst.class_of] == 0) & (inst.num_windows[:, None] > 0)
    legal &= _could_be_there(inst, dist, start_node, end_node)
    pair_end = np.cumsum(legal.sum(axis=1))
    ticket, meta = _ticket_table(inst, pair_end)
    search = Search(
        dist=dist,
        shift=_shift_table(inst, start_node, end_node),
        ticket=ticket,
        assign=inst.assign_cost,
        pair_shift=np.nonzero(legal)[1].astype(np.int64),
        legal=legal,
        near=_neighbours(dist[0, :num_t, :num_t]),
        meta=meta,
    )
    # One memory order for every instance: another one would compile every kernel anew.
    return Search(*map(np.ascontiguousarray, search)), _most_visits(inst, legal)


def nodes_of(inst: Instance) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return the place of each node, and the nodes at which each shift starts and ends (-1)."""
    num_t, num_s = inst.num_tickets, inst.num_shifts
    ends = np.concatenate([inst.start_place, inst.end_place[inst.end_place >= 0]])
    shift_places, where = np.unique(ends, return_inverse=True)
    places = np.concatenate([inst.place, shift_places]).astype(np.int64)
    end_node = np.full(num_s, -1, dtype=np.int64)
    end_node[inst.end_place >= 0] = where[num_s:] + num_t
    return places, (where[:num_s] + num_t).astype(np.int64), end_node


def with_room(inst: Instance, rows: int, windows: int, pieces: int) -> Instance:
    """Return the instance with so many rows of tickets, windows and time-cost pieces.

    The new rows fit nowhere; each shift is a class of its own.
    """

    def longer(table: npt.NDArray[np.signedinteger], fill: int) -> npt.NDArray[np.signedinteger]:
        more = np.full((rows - len(table), *table.shape[1:]), fill, table.dtype)
        return np.concatenate([table, more])

    num_t = inst.num_tickets
    window = np.full((rows, windows, 2), FOREVER, np.int64)
    window[:num_t, : inst.window.shape[1]] = inst.window
    time_cost = np.zeros((rows, pieces, 3), np.int64)
    time_cost[:, :, 0] = FOREVER
    time_cost[:num_t, : inst.time_cost.shape[1]] = inst.time_cost
    blocked = np.ones((rows, inst.num_shifts), np.uint32)
    blocked[:num_t] = inst.blocked[:, inst.class_of]
    # The new rows stand at the first place, and a problem of nobody has none.
    travel = inst.travel if inst.travel.shape[1] else np.zeros((len(inst.travel), 1, 1), np.int32)
    return inst._replace(
        travel=travel,
        blocked=blocked,
        assign_cost=longer(inst.assign_cost[:, inst.class_of], 0),
        class_of=np.arange(inst.num_shifts, dtype=np.int32),
        duration=longer(inst.duration, 1),
        place=longer(inst.place, 0),
        window=window,
        num_windows=longer(inst.num_windows, 0),
        latest=longer(inst.latest, 0),
        time_cost=time_cost,
        skip_cost=longer(inst.skip_cost, 0),
        demand=longer(inst.demand, 0),
    )


def lay_out_open(inst: Instance) -> Search:
    """Return the instance for kernels that insert single tickets: no pairs, no neighbours.

    Legal is whatever no rule forbids; whether there is time is left to the kernels.
    """
    places, start_node, end_node = nodes_of(inst)
    ticket, meta = _ticket_table(inst, np.zeros(inst.num_tickets, np.int64))
    search = Search(
        dist=inst.travel.take(places, axis=1).take(places, axis=2),
        shift=_shift_table(inst, start_node, end_node),
        ticket=ticket,
        assign=inst.assign_cost,
        pair_shift=np.zeros(0, np.int64),
        legal=inst.blocked[:, inst.class_of] == 0,
        near=np.zeros((inst.num_tickets, 1), np.int64),
        meta=meta,
    )
    return Search(*map(np.ascontiguousarray, search))


def _shift_table(inst: Instance, start_node: Int64Array, end_node: Int64Array) -> Int64Array:
    table = np.zeros((inst.num_shifts, CAPACITY + inst.capacity.shape[1]), dtype=np.int64)
    table[:, PROFILE] = inst.profile_of
    table[:, START], table[:, END] = start_node, end_node
    table[:, BEGIN], table[:, LIMIT] = inst.shift_begin, inst.shift_limit
    table[:, HARD_END] = inst.shift_hard_end
    table[:, OCCUPIED], table[:, PAUSES] = inst.occupied, inst.num_pauses
    table[:, PAUSE : PAUSE + 6] = inst.pause.reshape(-1, 6)
    table[:, LOAD_BASE], table[:, LOAD_HOURS] = inst.load_base, inst.load_hours
    table[:, RESERVE_FROM], table[:, FIXED] = inst.reserve_from, inst.fixed_cost
    table[:, CLASS], table[:, PACE] = inst.class_of, inst.pace_of
    table[:, PLAIN] = _plain_shifts(inst)
    table[:, CAPACITY:] = inst.capacity
    return table


def _ticket_table(inst: Instance, pair_end: Int64Array) -> tuple[Int64Array, Int64Array]:
    num_t = inst.num_tickets
    head = np.zeros((num_t, WINDOW), dtype=np.int64)
    head[:, WINDOWS], head[:, LATEST], head[:, SKIP] = (
        inst.num_windows,
        inst.latest,
        inst.skip_cost,
    )
    head[:, PAIR_END] = pair_end
    head[1:, PAIR] = pair_end[:-1]
    parts: list[npt.NDArray[np.signedinteger]] = [head]
    parts += [inst.window.reshape(num_t, inst.window.shape[1] * 2)]
    parts += [inst.time_cost.reshape(num_t, inst.time_cost.shape[1] * 3)]
    parts += [inst.duration, inst.demand]
    columns = np.cumsum([part.shape[1] for part in parts])
    meta = np.zeros(12, dtype=np.int64)
    meta[:4] = inst.rates
    meta[PIECE], meta[NUM_PIECES] = columns[1], inst.time_cost.shape[1]
    meta[DURATION], meta[DEMAND], meta[NUM_DEMANDS] = columns[2], columns[3], inst.demand.shape[1]
    return np.ascontiguousarray(np.concatenate(parts, axis=1, dtype=np.int64)), meta


def _plain_shifts(inst: Instance) -> BoolArray:
    timed = bool(
        ((inst.time_cost[:, :, 0] < FOREVER) & (inst.time_cost[:, :, 1:].any(axis=2))).any()
    )
    loaded = bool(inst.rates[2] or inst.rates[3])
    overtime = (inst.shift_hard_end > inst.shift_limit) & bool(inst.rates[1])
    plain: BoolArray = (inst.num_pauses == 0) & ~overtime & (not timed) & (not loaded)
    return plain


def _could_be_there(
    inst: Instance, dist: Int32Array, start_node: Int64Array, end_node: Int64Array
) -> BoolArray:
    """Necessary condition for each pair: there is time between begin and hard end.

    A way over other places may be shorter than the direct one in a given table, so the shortest
    legs out of the start and into the ticket bound it.
    """
    num_t, num_s = inst.num_tickets, inst.num_shifts
    fits = np.zeros((num_t, num_s), dtype=np.bool_)
    last = inst.window[np.arange(num_t), np.maximum(0, inst.num_windows - 1), 1]
    into, out_of = _shortest_legs(dist)
    for s in range(num_s):
        p, start, end = inst.profile_of[s], start_node[s], end_node[s]
        arrival = np.minimum(dist[p, start, :num_t], into[p, :num_t] + out_of[p, start])
        arrival = arrival.astype(np.int64) + inst.shift_begin[s]
        finish = np.maximum(arrival, inst.window[:, 0, 0]) + inst.duration[:, inst.pace_of[s]]
        fits[:, s] = (arrival <= last) & (finish <= inst.latest)
        if end >= 0:
            finish += np.minimum(dist[p, :num_t, end], out_of[p, :num_t] + into[p, end])
        fits[:, s] &= finish <= inst.shift_hard_end[s]
        fits[:, s] &= (inst.demand <= inst.capacity[s]).all(axis=1)
    return fits


def _shortest_legs(dist: Int32Array) -> tuple[Int32Array, Int32Array]:
    """Return ``[P, N]`` the shortest leg into each node from another one, and out of it."""
    others = dist.copy()
    diagonal = np.arange(dist.shape[1])
    others[:, diagonal, diagonal] = 2**30
    return others.min(axis=1, initial=2**30), others.min(axis=2, initial=2**30)


def _most_visits(inst: Instance, legal: BoolArray) -> int:
    """Return the most visits that any route can hold, by time alone."""
    if not legal.any():
        return 1
    most = 1
    for s in range(inst.num_shifts):
        mine = legal[:, s]
        if mine.any():
            durations = np.sort(inst.duration[mine, inst.pace_of[s]])
            room = int(inst.shift_hard_end[s] - inst.shift_begin[s])
            most = max(most, int(np.searchsorted(np.cumsum(durations), room, side="right")))
    return most


def _neighbours(dist: Int32Array) -> Int64Array:
    """Nearest tickets of each ticket, by the shorter of the two directions; itself first."""
    num_t = dist.shape[0]
    width = min(num_t, MOST_NEIGHBOURS)
    near = np.zeros((num_t, width), dtype=np.int64)
    both_ways = np.minimum(dist, dist.T)
    np.fill_diagonal(both_ways, -1)
    for t, way in enumerate(both_ways):
        close = np.argpartition(way, width - 1)[:width] if width < num_t else np.arange(num_t)
        near[t] = close[np.lexsort((close, way[close]))]
    return near


def new_chain(k: Search, most_visits: int, seed: int) -> Chain:
    """Return the state of a chain with empty routes and every ticket absent."""
    num_t, num_s, num_d = k.ticket.shape[0], k.shift.shape[0], int(k.meta[NUM_DEMANDS])
    room = most_visits + 1
    chain = Chain(
        visits=np.zeros((num_s, room), np.int64),
        times=np.zeros((num_s, room + 1, 5), np.int64),
        route=np.zeros((num_s, USED + num_d), np.int64),
        member=np.full((num_t, 4), -1, np.int64),
        lists=np.zeros((4, max(num_s, num_t, 1)), np.int64),
        cache=np.full((k.pair_shift.shape[0], 3), -1, np.int64),
        saved=np.zeros((num_s, room), np.int64),
        best=np.zeros((num_s, room + 1), np.int64),
        rank=np.zeros(max(1, num_t), np.float64),
        label=np.zeros((room + 2, MAX_LABELS + 1, 5), np.int64),
        num=np.zeros(16, np.int64),
        random=np.array([(seed * 0x9E3779B97F4A7C15 + 1) % 2**64], np.uint64),
    )
    load_routes(k, chain, np.zeros_like(chain.visits), np.zeros(num_s, np.int64))
    keep_best(k, chain)
    return chain
