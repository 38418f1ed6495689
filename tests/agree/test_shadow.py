"""Shadow prices against solving again after the change."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings

import dispatchopt as do
from dispatchopt.generator import generate_plain
from dispatchopt.instance import Compiled, compile_problem
from dispatchopt.shadow import ShadowPrices, shadow_prices
from dispatchopt.solvers import memory
from dispatchopt.solvers.colgen import ColumnGeneration
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.cuts import as_bits
from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.lns import Lns
from dispatchopt.solvers.pricing import SCALE, Pricer, Prices
from tests.strategies import problems

if TYPE_CHECKING:
    from dispatchopt.models import Problem


def bounded(compiled: Compiled) -> tuple[int, ShadowPrices]:
    lns = Lns(compiled.instance)
    lns.start()
    generation = ColumnGeneration(compiled.instance, lns.search, lns.most_visits, 1)
    generation.start(lns.routes(), [])
    generation.run(upper=2**50)
    assert generation.bound is not None
    assert generation.prices is not None
    prices = generation.prices
    levels = generation.levels(prices)
    return generation.bound, shadow_prices(compiled, generation.pricer, prices, levels)


def optimum(compiled: Compiled) -> int:
    cost = solve_exact(compiled.instance).cost
    assert cost is not None
    return cost


@settings(max_examples=15)
@given(problems(max_tickets=5, max_shifts=2))
def test_an_hour_more_saves_at_most_its_price_and_the_distance_to_the_bound(
    drawn: Problem,
) -> None:
    compiled = compile_problem(drawn)
    bound, prices = bounded(compiled)
    before = optimum(compiled)
    inst = compiled.instance
    for s, shift_id in enumerate(compiled.shift_ids):
        longer = inst._replace(
            shift_limit=inst.shift_limit.copy(), shift_hard_end=inst.shift_hard_end.copy()
        )
        longer.shift_limit[s] += timedelta(hours=1).seconds
        longer.shift_hard_end[s] += timedelta(hours=1).seconds
        after = solve_exact(longer).cost
        assert after is not None
        assert before - after <= prices.of("shift_hour")[shift_id] + before - bound + 1


@settings(max_examples=15)
@given(problems(max_tickets=5, max_shifts=3))
def test_a_ticket_less_saves_at_most_its_price_and_the_distance(drawn: Problem) -> None:
    compiled = compile_problem(drawn)
    bound, prices = bounded(compiled)
    before = optimum(compiled)
    inst = compiled.instance
    for t, ticket_id in enumerate(compiled.ticket_ids):
        # Without a price of leaving it out, the ticket is as good as away.
        free = inst._replace(skip_cost=inst.skip_cost.copy())
        free.skip_cost[t] = 0
        after = solve_exact(free).cost
        assert after is not None
        assert before - after <= prices.of("ticket")[ticket_id] + before - bound + 1


def test_an_hour_is_priced_with_what_routes_remember() -> None:
    compiled = compile_problem(generate_plain(tickets=12, engineers=2, seed=1))
    inst = compiled.instance
    search, most_visits = lay_out(inst)
    # A worth of 6 h for each ticket, so that routes gain by coming back to one.
    prices = Prices(np.full(12, 6 * 3600 * SCALE), *as_bits([], [], 12))
    hours = []
    for nearest in (memory.MOST, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(memory, "NEAREST", nearest)
            pricer = Pricer(inst, search, most_visits, 1)
            for s in range(inst.num_shifts):
                pricer.remember(s, permutations(range(12), 2))
            levels = [2**50] * inst.num_shifts
            hours.append(shadow_prices(compiled, pricer, prices, levels).of("shift_hour"))
    assert hours[0] == hours[1]
    assert any(hours[0].values())


def test_a_shift_that_takes_too_long_to_price_has_no_worth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = compile_problem(generate_plain(tickets=12, engineers=2, seed=1))
    search, most_visits = lay_out(compiled.instance)
    pricer = Pricer(compiled.instance, search, most_visits, 1)
    prices = Prices(np.full(12, 6 * 3600 * SCALE), *as_bits([], [], 12))
    assert shadow_prices(compiled, pricer, prices, [2**50] * 2).of("shift")
    monkeypatch.setattr(Pricer, "least", lambda *_: None)
    worths = shadow_prices(compiled, pricer, prices, [2**50] * 2)
    assert {row.kind for row in worths.rows} == {"ticket"}


@pytest.fixture(scope="module")
def result() -> do.Result:
    return do.solve(
        generate_plain(tickets=30, engineers=4, seed=6),
        iterations=3000,
        threads=1,
        prove=True,
        gap=0.08,
    )


def test_a_proven_plan_says_how_far_from_the_best_it_is(result: do.Result) -> None:
    assert result.bound is not None
    assert result.gap is not None
    assert result.gap == (result.cost - result.bound) / result.cost
    assert 0 <= result.gap <= 0.08
    assert result.plan.bound == result.bound
    assert result.status == ("optimal" if result.bound == result.cost else "feasible")
    assert result.left_out == ()


def test_the_same_effort_proves_the_same(result: do.Result) -> None:
    again = do.solve(
        generate_plain(tickets=30, engineers=4, seed=6),
        iterations=3000,
        threads=1,
        prove=True,
        gap=0.08,
    )
    assert again.bound == result.bound
    assert again.plan.routes == result.plan.routes
    assert again.shadow_prices == result.shadow_prices


def test_shadow_prices_are_a_table(result: do.Result) -> None:
    assert result.shadow_prices is not None
    frame = result.shadow_prices.to_frame()
    assert set(frame["kind"]) == {"shift_hour", "shift", "skill", "ticket"}
    assert (frame["worth"] >= 0).all()
    assert (frame["mean"] <= frame["worth"]).all()
    assert len(frame[frame["kind"] == "ticket"]) == 30


@pytest.mark.parametrize("option", [{"gap": -0.1}, {"gap": 1.5}, {"gap": True}, {"prove": "yes"}])
def test_options_out_of_range_are_refused(option: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        do.solve(generate_plain(tickets=3, engineers=1), iterations=0, **option)  # type: ignore[arg-type]
