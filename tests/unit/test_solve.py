"""The door `solve`: its options, its clock, and how it is stopped while a small plan is proven."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dispatchopt as do
from dispatchopt.models import Rejected, Unserved
from dispatchopt.solvers.cpsat import CpSatResult
from dispatchopt.solvers.proof import Proof
from tests.builders import problem, ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.forms import Instance

ROOT = Path(__file__).parents[2]
SOLVE = sys.modules[do.Planner.__module__]
RUN = sys.modules[do.Progress.__module__]

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.fixture(scope="module")
def kernels() -> None:
    do.solve(problem([ticket()]), iterations=0, threads=1)


def test_help_names_every_option() -> None:
    options = list(inspect.signature(do.solve).parameters)[1:]
    own = list(inspect.signature(do.Planner.solve).parameters)[1:]
    assert options == [*own, "rejected"]
    assert own == [
        "time_limit",
        "iterations",
        "seed",
        "threads",
        "prove",
        "gap",
        "on_progress",
    ]
    for function, names in ((do.solve, options), (do.Planner.solve, own)):
        text = inspect.getdoc(function) or ""
        for name in names:
            assert f"\n{name}\n    " in text
        assert "each thread" in text


@pytest.mark.parametrize("door", [do.solve, do.Planner])
def test_what_a_reader_returns_is_no_problem_and_the_error_says_what_is(
    door: Callable[[Any], object],
) -> None:
    intake = do.Intake(problem([ticket()]), (), ())
    with pytest.raises(TypeError, match=r"solve\(intake.problem, rejected=intake.rejected\)"):
        door(intake)
    with pytest.raises(TypeError, match=r"type dict.*read_problem"):
        door({})


def test_a_plan_without_cost_is_optimal() -> None:
    free = do.Policy(preset="city_day", travel_per_hour=0)
    result = do.solve(problem([ticket()], policy=free), iterations=0, threads=1)
    assert (result.cost, result.bound, result.gap, result.status) == (0, 0, 0.0, "optimal")


def test_rejected_tickets_go_into_the_plan() -> None:
    rejected = Rejected(ticket_id="x", issues=("no place",))
    result = do.solve(problem([ticket()]), iterations=0, rejected=[rejected])
    assert result.plan.rejected == (rejected,)


def test_reasons_that_the_checker_refutes_lose_no_plan(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    skilled = ticket("true", skills={"fibre": 1})
    long = ticket("false", "a", 20 * 60)
    task = problem([ticket("t"), skilled, long], policy=do.Policy())
    explain: Callable[..., dict[str, Unserved]] = SOLVE.explain_unserved

    def wrongly(*args: Any, **options: Any) -> dict[str, Unserved]:  # Any: handed through
        told = explain(*args, **options)
        assert told["false"].reason == "WOULD_CAUSE_OVERTIME"
        return {**told, "false": Unserved(ticket_id="false", reason="NEEDS_CREW")}

    monkeypatch.setattr(SOLVE, "explain_unserved", wrongly)
    result = do.solve(task, iterations=0, threads=1)
    assert result.report.is_valid
    assert {item.ticket_id: item.reason for item in result.plan.unserved} == {
        "true": "NO_ENGINEER_WITH_SKILL",
        "false": "SEARCH_LIMIT",
    }
    assert do.check(task, result.plan).is_valid
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["the checker refuted reasons of tickets left out: 1 (NEEDS_CREW)"]


def test_the_time_limit_counts_the_compilation_of_the_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = problem([ticket(f"t{i}") for i in range(20)])
    compile_problem: Callable[..., Any] = SOLVE.compile_problem

    def slowly(given: do.Problem) -> Any:  # Any: handed through
        time.sleep(0.3)
        return compile_problem(given)

    monkeypatch.setattr(SOLVE, "compile_problem", slowly)
    seen: list[float] = []
    result = do.solve(
        task, time_limit=0.2, threads=1, on_progress=lambda progress: seen.append(progress.seconds)
    )
    assert result.report.is_valid
    assert result.runtime >= 0.3
    assert min(seen) >= 0.3
    # No time was left: one batch of the search, the least that there is.
    assert result.iterations <= 64


def test_bad_options_are_refused_before_anything_is_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SOLVE, "compile_problem", None)
    with pytest.raises(ValueError, match="seed is -1"):
        do.solve(problem([ticket()]), seed=-1)


TWO = problem([ticket("t", "a", 30), ticket("u", "b", 30)], policy=do.Policy(preset="city_day"))


class Prover:
    """Stands for a constraint model that ends only when it is asked to."""

    def __init__(self, begun: Callable[[], None]) -> None:
        self.begun, self.was_stopped = begun, False

    def __call__(
        self,
        inst: Instance,
        *,
        hint: list[list[int]],
        should_stop: Callable[[], bool],
        **_: object,
    ) -> CpSatResult:
        self.begun()
        for _tick in range(6000):
            if should_stop():
                self.was_stopped = True
                # A plan of its own, so that one can see whose it is.
                return CpSatResult([list(reversed(hint[0]))], None, 7, False)
            time.sleep(0.01)
        return CpSatResult(None, None, 0, False)


LIMITS = [{"iterations": 50}, {"time_limit": 3600}]


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
@pytest.mark.parametrize("limit", LIMITS)
def test_a_signal_stops_the_proof_and_keeps_its_plan(
    limit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def signal_soon() -> None:
        time.sleep(0.2)  # so that the thread of `solve` waits by then
        os.kill(os.getpid(), signal.SIGINT)

    prover = Prover(signal_soon)
    monkeypatch.setattr(RUN, "solve_exact", prover)
    result = do.solve(TWO, **limit, threads=1)
    assert prover.was_stopped
    assert result.report.is_valid
    assert (result.status, result.bound) == ("feasible", 7)
    assert len(result.plan.routes[0].visits) == 2


def test_progress_goes_on_during_the_proof_and_can_stop_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[bool] = []
    prover = Prover(lambda: begun.append(True))
    monkeypatch.setattr(RUN, "solve_exact", prover)

    def on_progress(_progress: do.Progress) -> None:
        if begun and not prover.was_stopped:
            raise KeyboardInterrupt

    result = do.solve(TWO, iterations=50, threads=1, on_progress=on_progress)
    assert prover.was_stopped
    assert result.report.is_valid
    assert result.bound == 7


def test_an_error_in_progress_ends_the_proof_too(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    prover = Prover(lambda: begun.append(True))
    monkeypatch.setattr(RUN, "solve_exact", prover)

    def on_progress(_progress: do.Progress) -> None:
        if begun:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        do.solve(TWO, iterations=50, threads=1, on_progress=on_progress)
    assert prover.was_stopped


_SIGNALLED_LATER = """
import os, signal, time
from dispatchopt.instance import compile_problem
from dispatchopt.solvers.cpsat import solve_exact
from tests.small import problem

inst = compile_problem(problem([{}, {}])).instance
assert solve_exact(inst, hint=[[0]]).is_optimal
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_a_proof_leaves_the_handling_of_signals_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SIGNALLED_LATER],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout.strip()) == (0, "heard"), done.stderr


def test_a_bound_above_the_cost_is_an_error_of_ours_and_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def prove(*given: Any, **_: object) -> Proof:
        routes, cost = given[3], given[4]
        return Proof(cost + 1, routes, cost, None, None, (), (), 0.0)

    monkeypatch.setattr(RUN, "prove", prove)
    task = problem([ticket(f"t{i}") for i in range(13)])
    result = do.solve(task, iterations=0, threads=1, prove=True)
    assert result.report.is_valid
    assert (result.bound, result.gap, result.status) == (None, None, "feasible")
    assert "above the cost" in caplog.text
