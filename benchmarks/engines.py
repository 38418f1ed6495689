"""The engines by name, and how one is run: in a process of its own, against a clock, bounded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.day import Day, Routes, judge
from benchmarks.machine import installed_version

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = "dispatchopt"
SETUP_SECONDS = 300.0
"""Longest time before the clock starts: imports, reading the problem, compiling kernels."""

Status = Literal["ok", "infeasible", "failed", "killed", "not installed"]


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine's name here, its distribution, and ``module:function`` of its adapter."""

    name: str
    package: str
    adapter: str


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(OURS, "", "benchmarks.ours:solve"),
        Engine("vroom", "pyvroom", "benchmarks.peers.vroom:solve"),
        Engine("vroom-plain", "pyvroom", "benchmarks.peers.vroom:solve_plain"),
        Engine("ortools", "ortools", "benchmarks.peers.ortools_routing:solve"),
        Engine("ortools-plain", "ortools", "benchmarks.peers.ortools_routing:solve_plain"),
        Engine("pyvrp", "pyvrp", "benchmarks.peers.pyvrp_engine:solve"),
        Engine("pyvrp-plain", "pyvrp", "benchmarks.peers.pyvrp_engine:solve_plain"),
        Engine("vrp-cli", "vrp-cli", "benchmarks.peers.vrp_cli:solve"),
    )
}
PEERS = ("vroom", "ortools", "pyvrp", "vrp-cli")


@dataclass(frozen=True, slots=True)
class Task:
    """One run: this engine on this problem for so many seconds."""

    engine: str
    instance: str
    problem: Path
    seconds: float
    threads: int
    seed: int


@dataclass(frozen=True, slots=True)
class Run:
    """What came out of a task; `cost` only if the plan is feasible.

    Attributes
    ----------
    seconds
        Wall seconds on the clock: model building, search and reading the plan out.
    own_cost
        What the engine itself says, where it prices as we do (ours only).
    note
        Why there is no cost: first violations, error text, or the time at which it was ended.
    disagreement
        Where the package's own checker differs from the judge; empty as it should be.
    """

    engine: str
    instance: str
    limit: float
    status: Status
    seconds: float | None = None
    cost: int | None = None
    own_cost: int | None = None
    unserved: dict[int, int] | None = None
    note: str = ""
    disagreement: str = ""
    routes: Routes | None = None


def run(task: Task, day: Day) -> Run:
    """Run a task in a process group of its own; end it if it overruns limit and grace."""
    package = ENGINES[task.engine].package
    if package and installed_version(package) is None:
        return Run(task.engine, task.instance, task.seconds, "not installed", note=package)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        answer, error = _run_worker(task, Path(folder))
    if answer is None:
        status: Status = "killed" if error.startswith("ended after") else "failed"
        return Run(task.engine, task.instance, task.seconds, status, note=error)
    verdict = judge(day, answer["routes"])
    return Run(
        task.engine,
        task.instance,
        task.seconds,
        "ok" if verdict.is_feasible else "infeasible",
        seconds=answer["seconds"],
        cost=verdict.cost if verdict.is_feasible else None,
        own_cost=answer["own_cost"],
        unserved=verdict.unserved,
        note="; ".join(verdict.violations[:3]),
        routes=answer["routes"],
    )


def grace(limit: float) -> float:
    """Seconds beyond the limit after which a run is ended."""
    return max(10.0, limit / 4)


def _run_worker(task: Task, folder: Path) -> tuple[dict[str, Any] | None, str]:
    # Any: the worker's JSON. Files, not pipes: engines print what they like.
    started, answer, output = folder / "started", folder / "answer", folder / "output"
    order = {
        "adapter": ENGINES[task.engine].adapter,
        "instance": task.instance,
        "problem": str(task.problem.resolve()),
        "seconds": task.seconds,
        "threads": task.threads,
        "seed": task.seed,
        "started": str(started),
        "answer": str(answer),
    }
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(order)],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        try:
            error = _wait(process, started, task.seconds)
        finally:
            _end_group(process)
    if not error and answer.exists():
        return json.loads(answer.read_text()), ""
    return None, error or _last_line(output.read_text(errors="replace"), process.returncode)


def _wait(process: subprocess.Popen[bytes], started: Path, limit: float) -> str:
    """Wait for the end; the clock's allowance runs from the moment the worker says it began."""
    if not _until(lambda: started.exists() or process.poll() is not None, SETUP_SECONDS):
        return f"ended after {SETUP_SECONDS:.0f} s of setting up"
    allowance = limit + grace(limit)
    if not _until(lambda: process.poll() is not None, allowance):
        return f"ended after {allowance:.0f} s"
    return ""


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(text: str, code: int | None) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"exit code {code}"
