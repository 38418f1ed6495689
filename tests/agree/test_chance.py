"""The compiled walk of a route's samples against a plain twin."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from dispatchopt.instance import compile_problem
from dispatchopt.solvers import _chance
from dispatchopt.solvers._chance import Draws
from dispatchopt.solvers.layout import lay_out, new_chain
from tests.agree.chains import codes_of, put
from tests.strategies import problems
from tests.twin import leg_seconds

GRID = (0, 900, 1800, 3600, 7200)


class Walk:
    """A feasible route of a random problem, and days to walk it on."""

    def __init__(self, draw: st.DrawFn) -> None:
        rule = draw(st.sampled_from(("windows", "breaks", "")))
        self.inst = compile_problem(draw(problems(max_tickets=5, always=rule))).instance
        self.k, _ = lay_out(self.inst)
        self.c = new_chain(self.k, self.inst.num_tickets + 1, 0)
        self.s = draw(st.integers(0, self.inst.num_shifts - 1))
        legal = [t for t in range(self.inst.num_tickets) if self.k.legal[t, self.s]]
        self.order = draw(st.permutations(legal))
        while self.order and not put(self.k, self.c, self.s, self.order):
            self.order = self.order[:-1]
        put(self.k, self.c, self.s, self.order)
        num_t, num_s, num = self.inst.num_tickets, self.inst.num_shifts, 3
        row = st.lists(st.sampled_from(GRID), min_size=num, max_size=num)
        self.seconds = np.array([draw(row) for _ in range(num_t)], np.int32).reshape(num_t, num)
        self.begin = np.array([draw(row)], np.int64)
        self.begin_of = np.array([draw(st.sampled_from((-1, -1, 0))) for _ in range(num_s)])
        self.percent = np.array([draw(st.sampled_from((100, 67, 150))) for _ in range(num_s)])
        self.promised = np.zeros((num_t, 2), np.int64)
        for t in range(num_t):
            if self.inst.num_windows[t]:
                self.promised[t] = self.inst.window[t, self.inst.num_windows[t] - 1]

    def counts(self) -> list[int]:
        time, out = np.zeros(3, np.int64), np.zeros(len(self.order) + 1, np.int64)
        draws = Draws(self.seconds, self.percent, self.begin, self.begin_of.astype(np.int64))
        _chance.start_counts(self.k, self.c, self.s, draws, self.promised, time, out)
        return list(map(int, out[: len(self.order)]))


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    return Walk(draw)


def twin(walk: Walk) -> list[int]:
    """Count the hits by walking every day visit by visit."""
    inst, s = walk.inst, walk.s
    ways = leg_seconds(inst, s, walk.order)
    legs = codes_of(walk.c, s, len(walk.order))
    hits = [0] * len(walk.order)
    for day in range(walk.seconds.shape[1]):
        row = int(walk.begin_of[s])
        now = int(inst.shift_begin[s] if row < 0 else walk.begin[row, day])
        for i, t in enumerate(walk.order):
            now += ways[i]
            for index in legs[i]:
                earliest, _, lasts = (int(x) for x in inst.pause[s, index])
                now = max(now, earliest) + lasts
            windows = [(int(a), int(b)) for a, b in inst.window[t, : inst.num_windows[t]]]
            now = min((max(now, a) for a, b in windows if b >= now), default=now)
            if now > inst.shift_hard_end[s]:
                break
            hits[i] += int(walk.promised[t, 0]) <= now <= int(walk.promised[t, 1])
            now += -(-int(walk.seconds[t, day]) * int(walk.percent[s]) // 100)
    return hits


@given(walks())
def test_counts_are_the_twins(walk: Walk) -> None:
    assert walk.counts() == twin(walk)


@given(walks(), st.data())
def test_a_longer_visit_never_helps_a_later_one(walk: Walk, data: st.DataObject) -> None:
    assume(len(walk.order) > 1)
    before = walk.counts()
    at = data.draw(st.integers(0, len(walk.order) - 2))
    # The first window counts for those that have more: a later arrival may reach the last one.
    for t in walk.order:
        walk.promised[t, 0] = 0
    before = walk.counts()
    walk.seconds[walk.order[at]] += data.draw(st.sampled_from((1, 900, 5000)))
    after = walk.counts()
    assert after[: at + 1] == before[: at + 1]
    assert all(new <= old for new, old in zip(after, before, strict=True))
