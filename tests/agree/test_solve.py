"""What `solve` promises: valid plans, exact costs, proofs, the same plan again, no lost ticket."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.checker import check
from dispatchopt.generator import generate
from dispatchopt.instance import compile_problem, encode
from dispatchopt.models import Plan, Policy, Problem, Rejected
from dispatchopt.solve import Planner, Progress, Result, solve
from dispatchopt.solvers import lns as lns_module
from dispatchopt.solvers.layout import new_chain
from dispatchopt.solvers.lns import Lns, default_heat
from tests import builders
from tests.brute_force import best_plan
from tests.builders import MONDAY, engineer, shift, ticket
from tests.small import problem as small_problem
from tests.strategies import problems
from tests.twin import plan_cost, route_cost

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def content(result: Result) -> dict[str, Any]:
    """Return everything about a result but how long it took."""
    plan = result.plan.model_dump(mode="json")
    del plan["provenance"]["runtime"]
    return {"plan": plan, "cost": result.cost, "bound": result.bound, "status": result.status}


def assert_sound(problem: Problem, result: Result) -> None:
    report = check(problem, result.plan)
    assert report.is_valid, report.violations
    assert report.cost.total == result.cost == result.plan.cost.total  # type: ignore[union-attr]
    assert result.report.cost == report.cost
    assert result.plan.bound == result.bound
    if result.bound is None:
        assert result.gap is result.plan.gap is None
    else:
        assert result.bound <= result.cost
        assert result.gap == (result.cost - result.bound) / max(result.cost, 1)
    assert (result.status == "optimal") == (result.bound == result.cost)
    assert_adds_up(problem, result.plan)


def assert_adds_up(problem: Problem, plan: Plan) -> None:
    """Check that each ticket of the input is in one list of the plan, once."""
    listed = Counter(visit.ticket_id for route in plan.routes for visit in route.visits)
    for group in (plan.unserved, plan.rejected, plan.not_plannable):
        listed.update(item.ticket_id for item in group if item.ticket_id is not None)
    assert listed == Counter(item.id for item in problem.tickets) + Counter(
        item.ticket_id for item in plan.rejected
    )


@given(problems())
def test_a_small_plan_is_the_brute_force_optimum_and_proven(drawn: Problem) -> None:
    result = solve(drawn, iterations=50, threads=1)
    assert_sound(drawn, result)
    best = best_plan(compile_problem(drawn).instance)
    assert best is not None
    assert result.cost == result.bound == best[0]
    assert result.status == "optimal"


@given(problems(max_tickets=8, max_shifts=3), st.integers(1, 2), st.sampled_from((0, 1, 300)))
def test_a_plan_is_valid_and_priced_by_the_checker(
    drawn: Problem, threads: int, iterations: int
) -> None:
    assert_sound(drawn, solve(drawn, iterations=iterations, threads=threads))


@pytest.fixture(scope="module")
def branch() -> Problem:
    return generate(tickets=40, seed=3)


def test_a_plan_too_large_to_prove_is_feasible(branch: Problem) -> None:
    result = solve(branch, iterations=300, threads=1, seed=7)
    assert_sound(branch, result)
    assert (result.status, result.bound, result.seed) == ("feasible", None, 7)
    assert result.iterations == 300
    provenance = result.plan.provenance
    assert provenance is not None
    assert (provenance.seed, provenance.iterations) == (7, 300)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_call_gives_the_same_plan(branch: Problem, threads: int) -> None:
    planner = Planner(branch)
    first = content(planner.solve(iterations=900, seed=2, threads=threads))
    assert content(planner.solve(iterations=900, seed=2, threads=threads)) == first
    assert content(solve(branch, iterations=900, seed=2, threads=threads)) == first


@given(problems(max_tickets=6, max_shifts=3), st.integers(1, 2))
def test_the_same_small_call_gives_the_same_plan(drawn: Problem, threads: int) -> None:
    first, second = (solve(drawn, iterations=100, seed=1, threads=threads) for _ in range(2))
    assert content(first) == content(second)


_ANOTHER_PROCESS = """
from dispatchopt.generator import generate
from dispatchopt.solve import solve
for tickets in (9, 40):
    print(solve(generate(tickets=tickets, seed=3), iterations=300, seed=2, threads=2).plan.plan_id)
"""


def run_python(code: str, **variables: str) -> str:
    """Run a program with the package; it must end by itself."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=240,
        env=env,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_process_gives_the_same_plan() -> None:
    here = [
        solve(generate(tickets=n, seed=3), iterations=300, seed=2, threads=2).plan.plan_id
        for n in (9, 40)
    ]
    assert run_python(_ANOTHER_PROCESS, PYTHONHASHSEED="271828").split() == here


@pytest.mark.parametrize("threads", [1, 2])
def test_cutting_a_run_into_batches_changes_nothing(
    branch: Problem, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inst = compile_problem(branch).instance
    runs = []
    for seconds in (1e-9, 0.005, 100.0):
        monkeypatch.setattr(lns_module, "BATCH_SECONDS", seconds)
        lns = Lns(inst, seed=5, threads=threads)
        lns.start()
        lns.run_iterations(1700, default_heat(inst))
        runs.append(lns)
    first, *others = runs
    for other in others:
        assert other.routes() == first.routes()
        for mine, theirs in zip(first.chains, other.chains, strict=True):
            assert np.array_equal(mine.random, theirs.random)
            assert np.array_equal(mine.num, theirs.num)


@given(problems(max_tickets=7, max_shifts=3), st.data())
def test_a_warm_start_keeps_what_is_still_feasible(drawn: Problem, data: st.DataObject) -> None:
    inst = compile_problem(drawn).instance
    routes: list[list[int]] = [[] for _ in range(inst.num_shifts)]
    for t in data.draw(st.permutations(range(inst.num_tickets))):
        s = data.draw(st.integers(-1, inst.num_shifts - 1))
        if s >= 0:
            routes[s].append(t)
    lns = Lns(inst, threads=data.draw(st.integers(1, 2)))
    kept = lns._repaired(new_chain(lns.search, lns.most_visits, 0), routes)
    for s, (route, rest) in enumerate(zip(routes, kept, strict=True)):
        assert rest == [t for t in route if t in rest]
        if route_cost(inst, s, route) is not None:
            assert rest == route
    feasible = plan_cost(inst, kept)
    assert feasible is not None
    lns.start(routes)
    assert lns.cost <= feasible
    assert lns.cost == plan_cost(inst, lns.routes())


@pytest.mark.parametrize("threads", [1, 2])
def test_the_plan_in_force_is_never_made_worse(branch: Problem, threads: int) -> None:
    good = solve(branch, iterations=3000, threads=1).plan
    again = branch.model_copy(update={"previous_plan": good})
    result = solve(again, iterations=0, threads=threads)
    in_force = check(again, good.model_copy(update={"cost": None}))
    assert in_force.is_valid
    assert result.cost <= in_force.cost.total
    # Half of the engineers are ill: their visits go, the others stay.
    fewer = again.model_copy(update={"engineers": branch.engineers[::2]})
    result = solve(fewer, iterations=0, threads=threads)
    assert_sound(fewer, result)
    compiled = compile_problem(fewer)
    kept = plan_cost(compiled.instance, encode(compiled, good))
    assert kept is not None
    assert result.cost <= kept


def test_rejected_tickets_stay_in_the_tally() -> None:
    task = small_problem([{}, {"status": "done"}])
    rejected = Rejected(ticket_id="t9", issues=("has no place",))
    result = Planner(task, rejected=[rejected]).solve(iterations=10)
    assert result.plan.rejected == (rejected,)
    assert_sound(task, result)


def test_a_planner_can_be_pickled() -> None:
    planner = Planner(generate(tickets=20, seed=1))
    again = pickle.loads(pickle.dumps(planner))
    assert again.problem == planner.problem
    assert content(again.solve(iterations=100)) == content(planner.solve(iterations=100))


def test_a_planner_with_more_tickets_plans_them_too() -> None:
    planner = Planner(small_problem([{}]))
    more = small_problem([{"duration": 60}, {}]).tickets
    grown = planner.with_tickets(more)
    assert [item.duration for item in grown.problem.tickets] == [60, None]
    assert len(planner.problem.tickets) == 1
    result = grown.solve(iterations=10)
    assert_sound(grown.problem, result)
    assert not result.plan.unserved


def five_days() -> Problem:
    """One engineer, eight hours a day; 16 visits of 90 min, the two urgent ones listed last."""
    shifts = [shift(f"s{day}", day=day) for day in range(5)]
    plain = [ticket(f"t{i}", "abc"[i % 3], 90, priority=4) for i in range(14)]
    urgent = [ticket(f"u{i}", "d", 90, priority=1) for i in range(2)]
    return builders.problem(
        [*plain, *urgent], [engineer("e", *shifts)], days=5, policy=Policy(preset="balanced")
    )


def test_urgent_tickets_come_on_the_first_of_five_days() -> None:
    task = five_days()
    result = solve(task, iterations=5000, threads=1)
    assert_sound(task, result)
    assert not result.plan.unserved
    routes = {route.shift_id: [v.ticket_id for v in route.visits] for route in result.plan.routes}
    assert set(routes["s0"][:2]) == {"u0", "u1"}
    for route in result.plan.routes:
        day = (route.visits[0].start - MONDAY).days  # type: ignore[operator]
        assert route.shift_id == f"s{day}"


def test_generated_days_are_planned_together() -> None:
    task = generate(tickets=50, days=5, seed=2)
    result = solve(task, iterations=500, threads=1)
    assert_sound(task, result)
    days = {shift.start.date() for item in task.engineers for shift in item.shifts}
    assert len(days) == 5


@pytest.mark.parametrize(
    "task",
    [
        builders.problem([]),
        builders.problem([ticket()]),
        builders.problem([ticket()], [engineer("e").model_copy(update={"shifts": ()})]),
        builders.problem([ticket()], []),
        builders.problem([], []),
        builders.problem([], [engineer(), engineer("f", shift("z"), duration_percent=150)]),
        small_problem([{}]),
        small_problem([{"status": "parked"}]),
    ],
    ids=["none", "one", "no_shifts", "no_engineers", "nothing", "two_paces", "small", "parked"],
)
@pytest.mark.parametrize("limit", [{"iterations": 0}, {"iterations": 50}, {"time_limit": 0}])
def test_empty_and_tiny_problems(task: Problem, limit: dict[str, Any]) -> None:
    result = solve(task, **limit, threads=2)
    assert_sound(task, result)
    if "iterations" in limit:
        assert result.status == "optimal"


def test_without_time_the_first_plan_comes_back(branch: Problem) -> None:
    result = solve(branch, time_limit=0, threads=1)
    assert_sound(branch, result)
    assert len(result.plan.unserved) < len(branch.tickets) // 2


def test_a_time_limit_is_honoured(branch: Problem) -> None:
    solve(branch, iterations=0)
    assert solve(branch, time_limit=1.0, threads=1).runtime < 4.0
    assert solve(small_problem([{}] * 12), time_limit=1.0, threads=1).runtime < 4.0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"time_limit": -1}, "time_limit"),
        ({"time_limit": math.nan}, "time_limit"),
        ({"time_limit": math.inf}, "time_limit"),
        ({"iterations": -1}, "iterations"),
        ({"iterations": 2**62}, "iterations"),
        ({"iterations": 1, "seed": -1}, "seed"),
        ({"iterations": 1, "seed": 2**31}, "seed"),
        ({"iterations": 1, "threads": 0}, "threads"),
        ({"iterations": 1, "threads": 257}, "threads"),
    ],
)
def test_odd_options_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*; give"):
        solve(small_problem([{}]), **options)


def test_progress_falls_to_the_cost_of_the_search(branch: Problem) -> None:
    seen: list[Progress] = []
    result = solve(branch, iterations=2000, threads=1, on_progress=seen.append)
    costs = [progress.cost for progress in seen]
    assert costs == sorted(costs, reverse=True)
    assert result.cost <= costs[-1]
    assert seen[-1].iterations == result.iterations == 2000
    assert all(progress.bound is None for progress in seen)
    assert [p.seconds for p in seen] == sorted(p.seconds for p in seen)


def interrupting(after: int) -> Callable[[Progress], None]:
    calls = []

    def on_progress(progress: Progress) -> None:
        calls.append(progress)
        if len(calls) >= after:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("limit", [{"iterations": 1_000_000}, {"time_limit": 3600}])
def test_ctrl_c_returns_the_best_plan_so_far(
    branch: Problem, after: int, threads: int, limit: dict[str, Any]
) -> None:
    result = solve(branch, **limit, threads=threads, on_progress=interrupting(after))
    assert_sound(branch, result)
    assert result.status == "feasible"
    assert result.iterations < 1_000_000
    assert len(result.plan.unserved) < len(branch.tickets) // 2


@given(problems(max_tickets=6, max_shifts=2))
def test_ctrl_c_at_any_report_leaves_a_sound_plan(drawn: Problem) -> None:
    assert_sound(drawn, solve(drawn, iterations=50, on_progress=interrupting(1)))


def test_ctrl_c_before_the_first_plan_leaves_a_sound_plan(
    branch: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Lns, "start", interrupted)
    result = solve(branch, time_limit=3600)
    assert_sound(branch, result)
    assert len(result.plan.unserved) < len(branch.tickets) // 2


_SIGNALLED = """
import os, signal, threading
from dispatchopt.generator import generate
from dispatchopt.solve import solve

timers = []

def on_progress(progress):
    if not timers:
        timers.append(threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)))
        timers[0].start()

result = solve(generate(tickets=40, seed=3), time_limit=3600, on_progress=on_progress)
print(result.report.is_valid, result.status, result.iterations > 0)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_a_signal_returns_the_best_plan_so_far() -> None:
    assert run_python(_SIGNALLED).split() == ["True", "feasible", "True"]
