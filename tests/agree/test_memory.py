"""Routes that return to tickets: remembered where they do, the programme is that of real routes."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchopt.generator import generate_plain
from dispatchopt.instance import compile_problem
from dispatchopt.solvers import memory
from dispatchopt.solvers.colgen import ColumnGeneration
from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.limits import WHOLE
from dispatchopt.solvers.lns import Lns
from dispatchopt.solvers.memory import is_elementary, returns
from dispatchopt.solvers.pricing import SCALE, Pricer, Prices
from tests.brute_force import best_plan
from tests.strategies import problems
from tests.twin import route_cost

if TYPE_CHECKING:
    from dispatchopt.forms import Instance
    from dispatchopt.models import Problem


def generation_with(inst: Instance, nearest: int) -> ColumnGeneration:
    """Return a generation whose tickets remember so many others from the start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "NEAREST", nearest)
        lns = Lns(inst)
        lns.start()
        generation = ColumnGeneration(inst, lns.search, lns.most_visits, 1)
        generation.start(lns.routes(), [])
        assert generation.solve(upper=2**50)
    return generation


@settings(max_examples=60)
@given(problems(max_tickets=6, max_shifts=2))
def test_short_memories_end_at_the_bound_of_full_ones(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    assume(inst.num_tickets)
    full, short = generation_with(inst, 8), generation_with(inst, 1)
    assert full.bound is not None
    assert short.bound is not None
    # Both are solved to a millionth.
    assert abs(full.bound - short.bound) <= 1 + full.bound // 500_000
    mixed = [
        short.columns[number]
        for number, share in zip(short.in_master, short.master.shares, strict=True)
        if share > 1e-6
    ]
    assert all(is_elementary(column.visits) for column in mixed)


@settings(max_examples=20)
@given(problems(max_tickets=4, max_shifts=2))
def test_no_plan_costs_less_than_the_bound_of_short_memories(drawn: Problem) -> None:
    inst = compile_problem(drawn).instance
    best = best_plan(inst)
    assert best is not None
    assume(inst.num_tickets)
    generation = generation_with(inst, 1)
    generation.run(upper=2**50)
    assert generation.bound is not None
    assert generation.bound <= best[0]


def test_a_day_is_bounded_higher_once_returns_are_remembered() -> None:
    inst = compile_problem(generate_plain(tickets=40, engineers=4, seed=2)).instance
    generation = generation_with(inst, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ColumnGeneration, "remember_returns", lambda _generation: False)
        forgetful = generation_with(inst, 2)
    assert forgetful.bound is not None
    assert generation.bound is not None
    assert forgetful.bound < 0.99 * generation.bound


@settings(max_examples=60)
@given(st.data())
def test_fast_and_exact_pricing_bracket_the_cheapest_route(data: st.DataObject) -> None:
    inst = compile_problem(data.draw(problems(max_tickets=5, max_shifts=2))).instance
    assume(inst.num_tickets)
    search, most_visits = lay_out(inst)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "NEAREST", 1)
        pricer = Pricer(inst, search, most_visits, 1)
        s = data.draw(st.integers(0, inst.num_shifts - 1))
        grid = st.sampled_from((0, 3600, 9000, 36_000))
        dual = np.array([data.draw(grid) * SCALE for _ in range(inst.num_tickets)], np.int64)
        none = np.zeros((inst.num_tickets, 4), np.int64)
        prices = Prices(dual, none, np.zeros((14, 256), np.int64))
        members = np.nonzero(search.legal[:, s])[0].tolist()
        costs = [
            pricer.measure(s, order).relaxed - int(dual[list(order)].sum())
            for size in range(1, len(members) + 1)
            for order in permutations(members, size)
            if route_cost(inst, s, list(order)) is not None
        ]
        limit = 2**50
        exact = pricer.price(s, prices, limit, most=5, thread=0)
        assert exact.least is not None
        assert exact.least <= min([limit, *costs])
        guessed = pricer.guess(s, prices, limit, most=5, thread=0)
        assert guessed.least is None
        for column in guessed.columns:
            assert pricer.allows(s, column.visits)
            assert column.relaxed - int(dual[list(column.visits)].sum()) >= exact.least
        everyone = [(t, past) for t in members for past in members]
        is_forbidden = data.draw(st.booleans())
        if is_forbidden and members:
            pricer.forbid({(members[0], s)})
            members = members[1:]
        pricer.remember(s, everyone)
        costs = [
            pricer.measure(s, order).relaxed - int(dual[list(order)].sum())
            for size in range(1, len(members) + 1)
            for order in permutations(members, size)
            if route_cost(inst, s, list(order)) is not None
        ]
        assert pricer.price(s, prices, limit, most=5, thread=0).least == min([limit, *costs])
        pricer.forbid(WHOLE.forbidden)
        assert pricer.memory[s].near.shape[0] == int(search.legal[:, s].sum())


def test_returns_are_told_with_what_was_passed() -> None:
    assert returns((1, 2, 3)) == set()
    assert returns((1, 2, 3, 1, 4, 2)) == {(1, 2), (1, 3), (2, 3), (2, 1), (2, 4)}


def test_a_full_memory_takes_no_more() -> None:
    inst = compile_problem(generate_plain(tickets=90, engineers=2, seed=1)).instance
    search, most_visits = lay_out(inst)
    pricer = Pricer(inst, search, most_visits, 1)
    members = pricer.memory[0].members.tolist()
    assert len(members) > memory.MOST
    assert pricer.remember(0, [(t, members[0]) for t in members])
    assert not pricer.remember(0, [(t, members[0]) for t in members])
    assert pricer.memory[0].near.shape[1] <= memory.MOST
