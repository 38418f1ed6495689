"""The benchmark: the judge by hand, verdicts at their boundaries, each engine on a tiny day."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import city_day, engines
from benchmarks.agreement import disagreement
from benchmarks.day import (
    Day,
    DayShift,
    DayTicket,
    judge,
    orders_plan,
    plan_orders,
    small_problem,
    to_day,
)
from benchmarks.engines import ENGINES, OURS, Run, Task
from benchmarks.machine import describe_machine, installed_version
from benchmarks.summary import TARGETS, Target, summarise
from benchmarks.table import render, run_rows, summary_rows
from dispatchopt.models import Problem

FIBRE = frozenset({"FIBER.1"})


def tiny_day(*, close: int = 100, end: int = 400, skills: frozenset[str] = FIBRE) -> Day:
    """One shift at place 0 from 0 to `end`; A at place 1 (100 s away), B at place 2 (50 s on)."""
    travel = np.array([[0, 100, 120], [100, 0, 50], [120, 50, 0]])
    return Day(
        "tiny",
        (
            DayTicket("A", 1, 1, 60, 0, close, FIBRE, 144_000),
            DayTicket("B", 2, 4, 70, 0, 300, frozenset(), 21_600),
        ),
        (DayShift("S", "E", 0, 0, end, skills),),
        travel.astype(np.int64),
        1000,
    )


def run_of(engine: str, instance: str, cost: int | None, **fields: object) -> Run:
    status = "infeasible" if cost is None else "ok"
    facts: dict[str, object] = {"limit": 10.0, "seconds": 10.0} | fields
    return Run(engine, instance, status=status, cost=cost, **facts)  # type: ignore[arg-type]


def test_judge_adds_travel_and_prices() -> None:
    # 0 -> A 100, A -> B 50, B -> 0 120: 270 s of travel, nobody left out.
    # Service of A 100..160, B 210..280, back at 400 = the end of the shift: still in time.
    verdict = judge(tiny_day(), {"S": ["A", "B"]})
    assert (verdict.cost, verdict.travel, verdict.violations) == (270, 270, ())
    # A alone: 100 there, 100 back, B's price.
    verdict = judge(tiny_day(), {"S": ("A",)})
    assert verdict.cost == 200 + 21_600
    assert verdict.unserved == {1: 0, 2: 0, 3: 0, 4: 1}


def test_judge_at_the_boundaries() -> None:
    assert judge(tiny_day(close=100), {"S": ["A"]}).is_feasible
    late = judge(tiny_day(close=99), {"S": ["A"]})
    assert late.violations == ("'A' starts 1 s after its window",)
    over = judge(tiny_day(end=399), {"S": ["A", "B"]})
    assert over.violations == ("'S' is back 1 s after its end",)


def test_judge_waits_for_the_window_to_open() -> None:
    day = tiny_day(end=10_000)
    ticket = DayTicket("C", 1, 2, 10, 500, 600, frozenset(), 72_000)
    waiting = Day("w", (ticket, day.tickets[1]), day.shifts, day.travel, 1000)
    # C begins at 500, not at 100, so B is reached at 560 and starts 260 s after its window.
    verdict = judge(waiting, {"S": ["C", "B"]})
    assert verdict.violations == ("'B' starts 260 s after its window",)


def test_judge_names_every_other_fault() -> None:
    assert "lacks ['FIBER.1']" in judge(tiny_day(skills=frozenset()), {"S": ["A"]}).violations[0]
    assert judge(tiny_day(), {"X": ["A"]}).violations == ("there is no shift 'X'",)
    assert judge(tiny_day(), {"S": ["Z"]}).violations == ("there is no ticket 'Z'",)
    assert "'B' is served 2 times" in judge(tiny_day(end=9999), {"S": ["B", "B"]}).violations


@given(seed=st.integers(0, 20), num_tickets=st.integers(0, 12), num_shifts=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_serving_nobody_costs_every_price(seed: int, num_tickets: int, num_shifts: int) -> None:
    problem = small_problem(num_tickets=num_tickets, num_shifts=num_shifts, seed=seed)
    day = to_day(problem, "x")
    verdict = judge(day, {shift.id: () for shift in day.shifts})
    assert verdict.is_feasible
    assert verdict.cost == sum(problem.policy.unserved_cost[t.priority] for t in problem.tickets)
    assert sum(verdict.unserved.values()) == num_tickets


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_orders_go_into_a_plan_and_come_back(data: st.DataObject) -> None:
    day = to_day(small_problem(num_tickets=6, num_shifts=2), "x")
    ids = data.draw(st.permutations([ticket.id for ticket in day.tickets]))
    cut, end = sorted(data.draw(st.tuples(st.integers(0, 6), st.integers(0, 6))))
    routes = {"E0-d0": tuple(ids[:cut]), "E1-d0": tuple(ids[cut:end])}
    plan = orders_plan(day, routes)
    assert plan_orders(plan) == {shift: order for shift, order in routes.items() if order}
    assert {entry.ticket_id for entry in plan.unserved} == set(ids[end:])


@given(data=st.data(), seed=st.integers(0, 30))
@settings(max_examples=50, deadline=None)
def test_judge_and_checker_agree(data: st.DataObject, seed: int) -> None:
    problem = small_problem(num_tickets=6, num_shifts=3, seed=seed)
    day = to_day(problem, "x")
    ids = data.draw(st.permutations([ticket.id for ticket in day.tickets]))
    a, b, c = sorted(data.draw(st.tuples(*[st.integers(0, 6)] * 3)))
    routes = {"E0-d0": ids[:a], "E1-d0": ids[a:b], "E2-d0": ids[b:c]}
    assert disagreement(problem, day, routes) == ""


def test_a_disagreement_is_named() -> None:
    problem = small_problem(num_tickets=1, num_shifts=1)
    raw = problem.model_dump(mode="json")
    raw["tickets"][0] |= {"skills": {}, "priority": 4, "windows": []}
    open_to_all = to_day(Problem.model_validate(raw), "x")
    raw["tickets"][0]["skills"] = {"NOBODY": 1}
    routes = {"E0-d0": ["T0"]}
    assert "refuses" in disagreement(Problem.model_validate(raw), open_to_all, routes)
    raw["tickets"][0] |= {"skills": {}, "priority": 1}
    priced = disagreement(Problem.model_validate(raw), open_to_all, {})
    assert priced == "checker prices 144000"  # the judge was told priority 4, 21 600


def test_levels_of_skills_become_tokens() -> None:
    raw = small_problem(num_tickets=1, num_shifts=2).model_dump(mode="json")
    raw["tickets"][0]["skills"] = {"FIBER_SPLICE": 2}
    for engineer, level in zip(raw["engineers"], (1, 3), strict=True):
        engineer["skills"] = {"FIBER_SPLICE": level}
    day = to_day(Problem.model_validate(raw), "x")
    assert [day.can_serve(shift, day.tickets[0]) for shift in day.shifts] == [False, True]


@pytest.mark.parametrize(
    ("where", "field", "value"),
    [
        ("tickets", "due", "2026-11-23T12:00:00Z"),
        ("tickets", "windows", [{"open": f"2026-11-23T{h}:00:00Z"} for h in ("08", "12")]),
        ("engineers", "duration_percent", 120),
        ("shifts", "reserved_minutes", 60),
        ("shifts", "end_place", None),
        ("policy", "overtime_per_hour", 1),
    ],
)
def test_what_the_judge_would_not_see_is_refused(where: str, field: str, value: object) -> None:
    raw = small_problem().model_dump(mode="json")
    if field == "windows":
        value = [w | {"close": "2026-11-23T14:00:00Z"} for w in value]  # type: ignore[attr-defined]
    target = {
        "policy": raw["policy"],
        "shifts": raw["engineers"][0]["shifts"][0],
    }.get(where) or raw[where][0]
    target[field] = value
    pattern = "city_day" if where == "policy" else field
    with pytest.raises(ValueError, match=rf"Not a city day:\n.*{where.rstrip('s')}.*{pattern}"):
        to_day(Problem.model_validate(raw), "x")


BOUNDS = {"a": 1000, "b": 2000}


def test_verdict_at_exactly_the_target() -> None:
    # ours 10 + 20 = 30; vroom 40 + 50 = 90: exactly a third. pyvrp is better on one, worse in sum.
    runs = [
        run_of(OURS, "a", 1010),
        run_of("vroom", "a", 1040),
        run_of("pyvrp", "a", 1030),
        run_of(OURS, "b", 2020),
        run_of("vroom", "b", 2050),
        run_of("pyvrp", "b", 2900),
    ]
    summary = summarise(100, 10.0, runs, BOUNDS)
    assert (summary.ours, summary.best_peer, summary.best_peer_sum) == (30, "vroom", 90)
    assert summary.best_per_instance_sum == 30 + 50
    assert summary.ratio == pytest.approx(1 / 3)
    assert summary.ratio_per_instance == pytest.approx(30 / 80)
    assert summary.verdict == "PASS"
    runs[3] = run_of(OURS, "b", 2021)
    assert summarise(100, 10.0, runs, BOUNDS).verdict == "FAIL: ratio above 1/3"


def test_verdict_needs_every_instance_ahead_and_in_time() -> None:
    runs = [
        run_of(OURS, "a", 1010),
        run_of("vroom", "a", 1010),
        run_of(OURS, "b", 2000, seconds=11.5),
        run_of("vroom", "b", 2900),
    ]
    verdict = summarise(100, 10.0, runs, BOUNDS).verdict
    assert verdict == "FAIL: not ahead on a: vroom; late on b"


def test_an_infeasible_peer_is_never_the_best() -> None:
    runs = [run_of(OURS, "a", 1010), run_of("vroom", "a", None), run_of("pyvrp", "a", 1100)]
    summary = summarise(100, 10.0, runs, BOUNDS)
    assert (summary.best_peer, summary.verdict) == ("pyvrp", "PASS")
    alone = summarise(100, 10.0, runs[:2], BOUNDS)
    assert alone.verdict == "not judged: no peer planned every instance"


@pytest.mark.parametrize(
    ("size", "limit", "keep", "verdict"),
    [
        (77, 10.0, 2, "not judged: no target for this size"),
        (100, 20.0, 2, "not judged: the target is for 10 s"),
        (100, 10.0, 1, "not judged: nothing to compare"),
    ],
)
def test_what_is_not_judged(size: int, limit: float, keep: int, verdict: str) -> None:
    runs = [run_of(OURS, "a", 1010), run_of("vroom", "a", 1900)][:keep]
    assert summarise(size, limit, runs, BOUNDS).verdict == verdict


def test_our_missing_plan_fails() -> None:
    runs = [run_of(OURS, "a", None), run_of("vroom", "a", 1900)]
    assert summarise(100, 10.0, runs, BOUNDS).verdict == "FAIL: a plan or a bound is missing"


def test_targets_are_those_promised() -> None:
    assert {
        100: Target(10, Fraction(1, 3)),
        300: Target(60, Fraction(1, 3)),
        1000: Target(120, Fraction(2, 5)),
    } == TARGETS


def test_tables_show_every_run() -> None:
    runs = [
        run_of(OURS, "a", 1010, unserved={1: 0, 2: 1, 3: 2, 4: 3}, own_cost=1011),
        run_of("vroom", "a", None, note="x | y"),
    ]
    rows = run_rows(runs, BOUNDS)
    assert rows[1][4:] == ["1000", "1010", "10", "1.00", "0", "1", "2", "3", "says 1011 itself"]
    assert rows[2][4:8] == ["1000", "-", "-", "-"]
    text = render("Runs", rows, markdown=True)
    assert len({line.count("|") for line in text.splitlines()[2:]}) == 1  # notes cannot break it
    sums = summary_rows([summarise(100, 10.0, runs, BOUNDS)])
    assert len(sums[0]) == len(sums[1])


def test_bounds_file_names_its_source() -> None:
    content = json.loads(city_day.BOUNDS_FILE.read_text())
    assert content["source"]
    assert content["tightened_source"]
    assert all(isinstance(bound, int) and bound > 0 for bound in content["bounds"].values())
    best = city_day.best_bounds()
    for name, bound in content["tightened"].items():
        assert best[name] == bound > content["bounds"][name]


def test_machine_says_processor_and_versions() -> None:
    facts = describe_machine(("numpy", "no-such-package"))
    assert facts["processor"]
    assert facts["numpy"] == installed_version("numpy")
    assert facts["no-such-package"] == "not installed"


@pytest.fixture
def tiny_task(tmp_path: Path) -> Task:
    path = tmp_path / "problem.json"
    path.write_text(small_problem(num_tickets=12, num_shifts=3).model_dump_json())
    return Task("", "tiny", path, seconds=1.0, threads=2, seed=0)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != OURS])
def test_peer_plans_a_tiny_day(name: str, tiny_task: Task) -> None:
    if installed_version(ENGINES[name].package) is None:
        pytest.skip(f"{ENGINES[name].package} is not installed")
    day = to_day(small_problem(num_tickets=12, num_shifts=3), "tiny")
    task = Task(name, "tiny", tiny_task.problem, seconds=1.0, threads=2, seed=0)
    done = engines.run(task, day)
    assert done.status == "ok", done.note
    assert done.cost is not None
    # Serving nobody is feasible too; any engine does far better.
    assert done.cost < judge(day, {}).cost / 2


def test_ours_plans_a_tiny_day_and_prices_it_as_the_judge(tiny_task: Task) -> None:
    day = to_day(small_problem(num_tickets=12, num_shifts=3), "tiny")
    task = Task(OURS, "tiny", tiny_task.problem, seconds=1.0, threads=2, seed=0)
    done = engines.run(task, day)
    assert done.status == "ok", done.note
    assert done.cost == done.own_cost


def with_engine(monkeypatch: pytest.MonkeyPatch, package: str, adapter: str) -> None:
    monkeypatch.setitem(engines.ENGINES, "odd", engines.Engine("odd", package, adapter))


def odd_run(task: Task) -> Run:
    day = to_day(small_problem(num_tickets=12, num_shifts=3), "tiny")
    return engines.run(Task("odd", "tiny", task.problem, 1.0, 1, 0), day)


def test_a_peer_that_is_not_installed_says_so(
    monkeypatch: pytest.MonkeyPatch, tiny_task: Task
) -> None:
    with_engine(monkeypatch, "no-such-package", "time:sleep")
    assert odd_run(tiny_task).status == "not installed"


def test_a_failing_engine_says_why(monkeypatch: pytest.MonkeyPatch, tiny_task: Task) -> None:
    with_engine(monkeypatch, "", "time:sleep")  # takes no keywords
    done = odd_run(tiny_task)
    assert (done.status, done.cost) == ("failed", None)
    assert "TypeError" in done.note


def test_an_overrunning_engine_is_ended(monkeypatch: pytest.MonkeyPatch, tiny_task: Task) -> None:
    with_engine(monkeypatch, "", "time:sleep")
    monkeypatch.setattr(engines, "SETUP_SECONDS", 0.0)
    done = odd_run(tiny_task)
    assert (done.status, done.cost) == ("killed", None)


def test_command_line_needs_something_to_do() -> None:
    with pytest.raises(SystemExit, match="Nothing to run"):
        city_day.main(["--smoke", "--peers-only", "--peers", "none"])
    with pytest.raises(SystemExit, match="--data"):
        city_day.main(["--peers-only"])


def test_command_line_names_unknown_peers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        city_day.main(["--smoke", "--peers", "gurobi"])
    assert "no such peer: gurobi" in capsys.readouterr().err


def test_command_line_refuses_a_cost_below_the_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "city_day_100_s1.json.gz").touch()
    monkeypatch.setattr(city_day, "read_problem", lambda path: small_problem())
    monkeypatch.setattr(city_day, "run", lambda task, day: run_of("vroom", "city_day_100_s1", 1))
    with pytest.raises(SystemExit, match="below the proven bound"):
        city_day.main(["--data", str(tmp_path), "--sizes", "100", "--seconds", "10"])


def test_command_line_writes_what_it_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (1, 2):
        (tmp_path / f"city_day_100_s{seed}.json.gz").touch()
    costs = {OURS: 450_000, "vroom": 500_000}
    monkeypatch.setattr(city_day, "read_problem", lambda path: small_problem())
    monkeypatch.setattr(
        city_day, "run", lambda task, day: run_of(task.engine, task.instance, costs[task.engine])
    )
    out = tmp_path / "results.json"
    arguments = ["--data", str(tmp_path), "--sizes", "100", "--seconds", "10", "--seeds", "1,9"]
    assert city_day.main([*arguments, "--peers", "vroom", "--out", str(out), "--markdown"]) == 0
    shown = capsys.readouterr()
    assert "city_day_100_s9: no such instance" in shown.err
    assert "PASS" in shown.out  # little of 50 000 above the bound
    written = json.loads(out.read_text())
    assert [run["engine"] for run in written["runs"]] == [OURS, "vroom"]
    bound = city_day.best_bounds()["city_day_100_s1"]
    assert written["summaries"][0]["ours"] == 450_000 - bound
    assert written["summaries"][0]["verdict"] == "PASS"
