"""Branching against brute force and CP-SAT: parts of all plans, and the tree over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchopt.forms import BALANCE, RESERVE
from dispatchopt.generator import generate_plain
from dispatchopt.instance import compile_problem
from dispatchopt.solvers.branch import Tree
from dispatchopt.solvers.colgen import ColumnGeneration
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.limits import WHOLE, Branch, Limit
from dispatchopt.solvers.lns import Lns
from dispatchopt.solvers.pricing import SCALE
from tests.brute_force import best_plan, every_plan
from tests.strategies import LINES, problems
from tests.twin import route_cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import Instance

PENALTY = 500_000.0


def solved(inst: Instance) -> tuple[ColumnGeneration, Lns]:
    """Return a generation whose linear programme is solved without cuts, and a plan."""
    lns = Lns(inst)
    lns.start()
    generation = ColumnGeneration(inst, lns.search, lns.most_visits, 1)
    generation.start(lns.routes(), [])
    assert generation.solve(upper=2**50)
    return generation, lns


def tree_of(inst: Instance, *, with_cuts: bool = False) -> Tree:
    """Return a tree; so small ones hardly grow if there are cuts."""
    generation, lns = solved(inst)
    if not with_cuts:
        vars(generation)["cut"] = lambda **_upper: True
    return Tree(generation, lns.routes(), lns.cost)


@st.composite
def branches(draw: st.DrawFn, inst: Instance) -> Branch:
    """Draw a few forbidden pairs and limits; no plan may be left."""
    tickets, shifts = range(inst.num_tickets), range(inst.num_shifts)
    pairs = draw(st.sets(st.tuples(st.sampled_from(tickets), st.sampled_from(shifts)), max_size=4))
    branch = WHOLE.without(pairs)
    for _ in range(draw(st.integers(0, 3))):
        some = tuple(sorted(draw(st.sets(st.sampled_from(tickets), min_size=1))))
        least = draw(st.integers(0, len(some)))
        branch = branch.within(some, least=least, most=draw(st.integers(least, len(some))))
    return branch


def least_cost_in(inst: Instance, branch: Branch) -> int | None:
    """Return the least cost of a plan of a branch, by trying every plan."""
    best = None
    for plan in every_plan(inst.num_tickets, inst.num_shifts):
        cost = plan_cost(inst, plan)
        if cost is not None and has(branch, plan) and (best is None or cost < best):
            best = cost
    return best


def has(branch: Branch, plan: Sequence[Sequence[int]]) -> bool:
    served = {t for visits in plan for t in visits}
    return all(
        (t, s) not in branch.forbidden for s, visits in enumerate(plan) for t in visits
    ) and (
        all(
            limit.least <= sum(t not in served for t in limit.tickets) <= limit.most
            for limit in branch.limits
        )
    )


def plan_cost(inst: Instance, plan: Sequence[Sequence[int]]) -> int | None:
    served = {t for visits in plan for t in visits}
    total = sum(int(inst.skip_cost[t]) for t in range(inst.num_tickets) if t not in served)
    for s, visits in enumerate(plan):
        cost = route_cost(inst, s, list(visits))
        if cost is None:
            return None
        total += cost
    return total


@settings(max_examples=60)
@given(st.data())
def test_no_plan_of_a_branch_costs_less_than_its_bound(data: st.DataObject) -> None:
    inst = compile_problem(data.draw(problems(max_tickets=4, max_shifts=2))).instance
    assume(inst.num_tickets)
    generation, _ = solved(inst)
    before = generation.bound
    branch = data.draw(branches(inst))
    assume(not branch.is_empty)
    generation.look_at(branch, None, PENALTY)
    generation.run(upper=data.draw(st.sampled_from((2**50, 40_000))))
    value = generation.branch_value
    assert value is not None
    best = least_cost_in(inst, branch)
    if best is not None:
        assert -(-value // SCALE) <= best
    # The bound of all plans is not that of a part.
    assert generation.bound == before


@pytest.mark.parametrize("rule", LINES)
@settings(max_examples=5)  # for each rule
@given(data=st.data())
def test_the_bound_of_a_tree_is_the_optimum_unless_it_leaves_out_load(
    rule: str, data: st.DataObject
) -> None:
    inst = compile_problem(data.draw(problems(always=rule))).instance
    best = best_plan(inst)
    assert best is not None
    tree = tree_of(inst)
    tree.run()
    assert tree.bound <= best[0] <= tree.cost
    if not (inst.rates[BALANCE] or inst.rates[RESERVE]):
        # The linear programme is solved to a millionth.
        assert tree.bound >= best[0] - best[0] // 500_000
        assert tree.cost - tree.bound <= best[0] // 500_000


@pytest.mark.parametrize("with_cuts", [False, True])
@pytest.mark.parametrize("seed", range(1, 7))
def test_a_tree_ends_at_the_optimum_and_is_below_it_before(seed: int, with_cuts: bool) -> None:
    day = generate_plain(tickets=11, engineers=2, seed=seed)
    inst = compile_problem(day).instance
    best = solve_exact(inst)
    assert best.is_optimal
    tree, bounds = tree_of(inst, with_cuts=with_cuts), [0]
    tree._tell = bounds.append
    for most in range(1, 2000):
        tree.run(most_nodes=most)
        assert tree.bound <= best.cost <= tree.cost
        if tree.bound == tree.cost:
            break
    assert tree.bound == tree.cost == best.cost
    assert bounds == sorted(bounds)
    assert bounds[-1] <= tree.bound


def test_some_trees_grow() -> None:
    nodes = []
    for seed in range(1, 7):
        inst = compile_problem(generate_plain(tickets=11, engineers=2, seed=seed)).instance
        tree = tree_of(inst)
        tree.run()
        nodes.append(tree.nodes)
    assert max(nodes) > 3


def test_a_tree_ends_within_the_gap_asked_for() -> None:
    inst = compile_problem(generate_plain(tickets=25, engineers=4, seed=2)).instance
    generation, lns = solved(inst)
    tree = Tree(generation, lns.routes(), lns.cost, gap=0.5)
    tree.run()
    assert tree.bound >= tree.cost - int(0.5 * tree.cost)


def test_a_tree_that_is_stopped_keeps_its_bound() -> None:
    inst = compile_problem(generate_plain(tickets=25, engineers=4, seed=2)).instance
    generation, lns = solved(inst)
    root = generation.bound
    tree = Tree(generation, lns.routes(), lns.cost)
    generation.should_stop = lambda: True
    tree.run()
    assert tree.bound == root
    assert generation.branch == WHOLE


def test_a_tree_needs_a_bound_to_begin_with() -> None:
    inst = compile_problem(generate_plain(tickets=8, engineers=2, seed=1)).instance
    lns = Lns(inst)
    lns.start()
    generation = ColumnGeneration(inst, lns.search, lns.most_visits, 1)
    with pytest.raises(ValueError, match="call `solve` first"):
        Tree(generation, lns.routes(), lns.cost)


def test_routes_with_a_forbidden_pair_are_neither_known_nor_found() -> None:
    inst = compile_problem(generate_plain(tickets=20, engineers=3, seed=1)).instance
    generation, lns = solved(inst)
    s = max(range(inst.num_shifts), key=lambda s: len(lns.routes()[s]))
    t = lns.routes()[s][0]
    generation.look_at(WHOLE.without({(t, s)}), None, PENALTY)
    known = len(generation.columns)
    assert generation.solve(upper=2**50)
    assert all(t not in c.visits for c in generation.columns[known:] if c.shift == s)
    shares = zip(generation.in_master, generation.master.shares, strict=False)
    taken = [generation.columns[number] for number, share in shares if share > 1e-6]
    assert all(t not in c.visits for c in taken if c.shift == s)
    # All routes count again afterwards.
    generation.look_at(WHOLE, None, PENALTY)
    assert generation.solve(upper=2**50)
    assert generation.branch_value is not None
    assert -(-generation.branch_value // SCALE) == generation.bound


def test_leaving_out_more_or_fewer_tickets_costs_more() -> None:
    inst = compile_problem(generate_plain(tickets=20, engineers=3, seed=1)).instance
    generation, _ = solved(inst)
    total = float(generation.master.left_out.sum())
    everyone = tuple(range(inst.num_tickets))
    assert generation.bound is not None
    for least, most in ((int(total) + 1, 20), (0, int(np.ceil(total)) - 1)):
        generation.look_at(WHOLE.within(everyone, least=least, most=most), None, PENALTY)
        assert generation.solve(upper=2**50)
        out = float(generation.master.left_out.sum())
        assert generation.branch_value is not None
        assert generation.branch_value // SCALE > generation.bound
        # Beyond the limit one pays the penalty, which no part of this day is worth.
        assert least - 1e-6 <= out or generation.branch_value > PENALTY * SCALE


def test_limits_of_the_same_tickets_become_one() -> None:
    branch = WHOLE.within((0, 1, 2), most=2).within((0, 1, 2), least=1).within((1,), most=0)
    assert branch.limits == (Limit((0, 1, 2), 1, 2), Limit((1,), 0, 0))
    assert not branch.is_empty
    assert branch.within((1,), least=1).is_empty
    # Three out of three pay 3 x 10 at most 2 times; a negative price is counted most often.
    assert branch.limits[0].worth(10) == 10
    assert branch.limits[0].worth(-10) == -20


def test_a_part_is_never_split_into_itself() -> None:
    # A programme that pays for breaking its limit leaves out 2.5 of at most 2.
    inst = compile_problem(generate_plain(tickets=12, engineers=2, seed=1)).instance
    tree = tree_of(inst)
    everyone = tuple(range(inst.num_tickets))
    tree._generation.master.left_out = np.full(inst.num_tickets, 2.5 / inst.num_tickets)
    for branch in (WHOLE, WHOLE.within(everyone, most=2), WHOLE.within(everyone, least=3)):
        assert branch not in tree._split(branch)
