"""Run one engine once, in this process; called by `benchmarks.engines`, not by hand."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import ours
from benchmarks.day import Clock, read_problem, to_day

_PACKAGES = {
    "benchmarks.peers.vroom": ("vroom",),
    "benchmarks.peers.ortools_routing": (),  # imported by the forked runs
    "benchmarks.peers.pyvrp_engine": ("pyvrp", "pyvrp.search"),
    "benchmarks.peers.vrp_cli": ("vrp_cli",),
}


def main(order: dict[str, Any]) -> None:  # Any: JSON
    """Read the problem, start the clock, run the adapter and write the answer."""
    problem = read_problem(Path(order["problem"]))
    day = to_day(problem, order["instance"])
    module_name, _, function_name = order["adapter"].partition(":")
    call = getattr(importlib.import_module(module_name), function_name)
    options = {"threads": order["threads"], "seed": order["seed"]}
    own_cost = None
    # Imports and kernels are loaded before the clock starts, for everyone alike.
    if module_name == ours.__name__:
        ours.warm_up(threads=order["threads"])
    for package in _PACKAGES.get(module_name, ()):
        importlib.import_module(package)
    Path(order["started"]).touch()
    clock = Clock(order["seconds"])
    if module_name == ours.__name__:
        routes, own_cost = call(problem, clock=clock, **options)
    else:
        routes = call(day, clock=clock, **options)
    seconds = round(clock.elapsed(), 3)
    answer = {"routes": routes, "seconds": seconds, "own_cost": own_cost}
    partial = Path(order["answer"] + ".part")
    partial.write_text(json.dumps(answer))
    partial.rename(order["answer"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
