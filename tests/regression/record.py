"""Make the saved instances anew: ``python -m tests.regression.record``, then review the diff.

Costs and rules are part of each instance; only a changed meaning of one of them, or a better
search, is a reason to record again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dispatchopt.adapters.json_files import write_problem
from dispatchopt.generator import generate
from dispatchopt.instance import compile_problem
from dispatchopt.solve import solve
from dispatchopt.solvers.cpsat import solve_exact

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.json"
ITERATIONS = {"proven": 2000, "recorded": 15_000}

PROVEN: dict[str, dict[str, Any]] = {
    "one_shift": {"tickets": 12, "seed": 1},
    "many_left_out": {"tickets": 12, "seed": 2},
    "crowded": {"tickets": 14, "seed": 5, "pressure": 1.5},
    "two_shifts": {"tickets": 12, "seed": 15, "engineers": 2, "pressure": 1.3},
    "three_days": {"tickets": 12, "seed": 4, "days": 3},
    "plain_prices": {
        "tickets": 13,
        "seed": 6,
        "engineers": 2,
        "pressure": 1.4,
        "policy": "city_day",
    },
}
"""Instances whose optimum the constraint model proves within seconds."""

RECORDED: dict[str, dict[str, Any]] = {
    "twenty": {"tickets": 20, "seed": 6},
    "tight": {"tickets": 25, "seed": 9, "pressure": 1.5},
    "thirty": {"tickets": 30, "seed": 7},
    "two_days": {"tickets": 30, "seed": 8, "days": 2, "pressure": 1.4},
}
"""Instances with a cost that the search must go on to reach."""


def record() -> None:
    """Write every instance and what is expected of it."""
    expected: dict[str, dict[str, Any]] = {}
    for kind, group in (("proven", PROVEN), ("recorded", RECORDED)):
        for name, options in group.items():
            problem = generate(**options)
            write_problem(problem, HERE / f"{name}.json.gz")
            iterations = ITERATIONS[kind]
            if kind == "proven":
                proof = solve_exact(compile_problem(problem).instance)
                assert proof.is_optimal
                cost = proof.cost
            else:  # what the worst of a few seeds reaches: tuning may move single ones
                runs = [solve(problem, iterations=iterations, seed=k, threads=2) for k in range(4)]
                cost = max(run.cost for run in runs)
            expected[name] = {"kind": kind, "made_with": options, "cost": cost}
    EXPECTED.write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    record()
