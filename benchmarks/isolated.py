"""Measurements that need a process of their own: memory, compilation, loading, imports.

The process is given its order and answers in files; nothing of the package is imported before the
clock starts.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer = dict[str, Any]  # Any: JSON

HEAVY = ("ortools", "numba", "pandas", "pydantic", "numpy")
"""Packages that importing ours alone should not load."""

_START = "from benchmarks.isolated import answer; answer()"


class CaseFailedError(Exception):
    """A process ended without an answer; its last words."""


def run_case(
    case: str, order: Mapping[str, Any], *, seconds: float, cache: Path | None = None
) -> Answer:
    """Run a case in a fresh process.

    Parameters
    ----------
    order
        Keyword arguments of the case; what JSON can hold.
    seconds
        The process is ended after so long.
    cache
        Folder of compiled kernels; None: the usual one.

    Raises
    ------
    CaseFailedError
        If it failed or took too long.
    """
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    env = {**os.environ, "PYTHONPATH": path}
    if cache is not None:
        env["NUMBA_CACHE_DIR"] = str(cache)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        answer_file, output = Path(folder) / "answer", Path(folder) / "output"
        command = [sys.executable, "-c", _START, case, json.dumps(order), str(answer_file)]
        with output.open("wb") as sink:
            try:
                done = subprocess.run(
                    command, stdout=sink, stderr=sink, env=env, timeout=seconds, check=False
                )
            except subprocess.TimeoutExpired:
                raise CaseFailedError(f"{case}: ended after {seconds:g} s") from None
        if done.returncode == 0 and answer_file.exists():
            found: Answer = json.loads(answer_file.read_text())
            return found
        lines = output.read_text(errors="replace").strip().splitlines()
    raise CaseFailedError(f"{case}: {lines[-1][:300] if lines else f'exit {done.returncode}'}")


def answer() -> None:
    """Run the case named on the command line, in this process."""
    case, order, answer_file = sys.argv[1:]
    Path(answer_file).write_text(json.dumps(CASES[case](**json.loads(order))))


def peak_bytes() -> int:
    """Most memory that this process has held in RAM so far.

    ``VmHWM`` where there is one: a new process inherits the peak of the one that started it in
    ``ru_maxrss`` on Linux.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _import() -> Answer:
    """Import the package; then everything that planning needs."""
    with timed() as package:
        import dispatchopt

        _ = dispatchopt
    heavy = [name for name in HEAVY if name in sys.modules]
    with timed() as planning:
        import dispatchopt.solve
    return {
        "package": [package.cpu, package.wall],
        "planning": [package.cpu + planning.cpu, package.wall + planning.wall],
        "heavy": heavy,
    }


def _compile(*, tickets: int) -> Answer:
    """Compile or load every kernel; then see what planning compiles besides."""
    from dispatchopt.generator import generate
    from dispatchopt.instance import compile_problem
    from dispatchopt.solve import Planner
    from dispatchopt.solvers.cache import cache_folder
    from dispatchopt.solvers.lns import Lns

    problem = generate(tickets=tickets, engineers=3, seed=1)
    inst = compile_problem(problem).instance
    with timed() as spent:
        Lns(inst).compile()
    folder = cache_folder()
    before = _num_kernels(folder)
    with timed() as later:
        plan = Planner(problem).solve(iterations=400, threads=2).plan
        warm = problem.model_copy(update={"previous_plan": plan})
        Planner(warm).solve(iterations=400, threads=2)
        Planner(problem).solve(iterations=400, threads=2, prove=True)
        alone = generate(tickets=2, engineers=1, seed=1)
        Planner(alone).solve(iterations=10, threads=1)
    return {
        "spent": [spent.cpu, spent.wall],
        "kernels": before,
        "later": _num_kernels(folder) - before,
        "later_spent": [later.cpu, later.wall],
    }


def _num_kernels(folder: Path | None) -> int:
    """Compiled variants in a cache folder."""
    return 0 if folder is None else sum(1 for _ in folder.rglob("*.nbc"))


def _plan(*, path: str, seconds: float, threads: int) -> Answer:
    """Read a problem, plan it, and say how much memory that took."""
    from dispatchopt import read_problem, solve

    problem = read_problem(path).problem
    with timed() as spent:
        result = solve(problem, time_limit=seconds, seed=0, threads=threads)
    return {
        "peak": peak_bytes(),
        "wall": spent.wall,
        "unserved": len(result.plan.unserved),
        "iterations": result.iterations,
    }


def _io(*, step: str, **order: Any) -> Answer:  # Any: JSON
    """Read, write or inspect; see `benchmarks.io_steps`."""
    from benchmarks.io_steps import run_step

    return run_step(step, **order)


def _offer(*, folder: str) -> Answer:
    """Make a desk and offer windows; see `benchmarks.offers_cold`."""
    from benchmarks.offers_cold import answer as first_offer

    return first_offer(folder)


CASES: dict[str, Callable[..., Answer]] = {
    "import": _import,
    "compile": _compile,
    "plan": _plan,
    "io": _io,
    "offer": _offer,
}
"""By name; each takes keyword arguments and returns what JSON can hold."""
