"""Saved instances: the proven optimum is found, and the recorded costs are never exceeded."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.adapters.json_files import read_problem
from dispatchopt.checker import check
from dispatchopt.instance import compile_problem
from dispatchopt.solve import solve
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.lns import Lns, default_heat
from tests.regression.record import EXPECTED, HERE, ITERATIONS, PROVEN, RECORDED
from tests.twin import plan_cost

if TYPE_CHECKING:
    from dispatchopt.models import Problem

COSTS: dict[str, dict[str, Any]] = json.loads(EXPECTED.read_text())
SEED = 0


@cache
def saved(name: str) -> Problem:
    path = HERE / f"{name}.json.gz"
    assert path.stat().st_size < 20_000
    problem = read_problem(path).problem
    assert problem is not None
    return problem


def test_the_list_is_complete() -> None:
    assert {name: entry["kind"] for name, entry in COSTS.items()} == {
        **dict.fromkeys(PROVEN, "proven"),
        **dict.fromkeys(RECORDED, "recorded"),
    }


@pytest.mark.parametrize("name", sorted(PROVEN))
def test_the_search_finds_the_proven_optimum(name: str) -> None:
    inst = compile_problem(saved(name)).instance
    lns = Lns(inst, seed=SEED)
    lns.start()
    lns.run_iterations(ITERATIONS["proven"], default_heat(inst))
    assert lns.cost == plan_cost(inst, lns.routes()) == COSTS[name]["cost"]


@pytest.mark.parametrize("name", sorted(PROVEN))
def test_the_constraint_model_proves_the_optimum(name: str) -> None:
    proof = solve_exact(compile_problem(saved(name)).instance)
    assert proof.is_optimal
    assert proof.cost == COSTS[name]["cost"]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_plan_costs_no_more_than_recorded(name: str) -> None:
    problem = saved(name)
    result = solve(problem, iterations=ITERATIONS["recorded"], seed=SEED, threads=2)
    report = check(problem, result.plan)
    assert report.is_valid
    assert report.cost.total == result.cost <= COSTS[name]["cost"]
