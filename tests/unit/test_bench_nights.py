"""The benchmarks of the night: what they count, and how a month is made up."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from benchmarks import ageing, nights
from dispatchopt.generator import generate
from dispatchopt.models import Policy
from dispatchopt.models.presets import BALANCED

if TYPE_CHECKING:
    from pathlib import Path


def message(root: nights.Root, name: str, shift: str) -> None:
    folder = root.base / "to_backend"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"ticket_id": "T1", "shift_id": shift}))


def output(root: nights.Root, names: frozenset[str], plan: str) -> None:
    folder = root.base / "out" / "2026-11-23"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(plan)


def test_each_fault_is_counted(tmp_path: Path) -> None:
    tally = nights.Tally(nights=1)
    root = nights.Root(tmp_path, tally, excel=False)
    message(root, "a.json", "S1")
    output(root, nights.ALWAYS, "one")
    root.look()
    assert not any(tally.faults.values())
    message(root, "a.json", "S1")
    output(root, frozenset({"plan.json"}), "two")
    root.look()
    (tmp_path / "out" / "2026-11-23" / "visits.csv").unlink()
    root.look()
    assert (tally.double_publishes, tally.changed_plans, tally.half_outputs) == (1, 1, 1)
    assert [figure.verdict for figure in nights.figures(tally)[:3]] == ["FAIL"] * 3


def test_the_first_day_is_finished_and_judged(tmp_path: Path) -> None:
    tally = nights.Tally(nights=1)
    root = nights.Root(tmp_path, tally, excel=False)
    root.prepare(0, 16)
    root.judge(0)
    assert tally.unfinished == 1


def test_arrivals_keep_every_ticket_and_its_time_to_due() -> None:
    whole = generate(tickets=30, days=3, seed=1, appointment_percent=0)
    days = ageing.arrivals(whole, 3)
    assert sorted(t.id for day in days for t in day) == sorted(t.id for t in whole.tickets)
    for index, day in enumerate(days):
        start = whole.horizon.start + timedelta(days=index)
        for ticket in day:
            assert ticket.reported_at is not None
            assert ticket.due is not None
            assert start - timedelta(days=1) < ticket.reported_at < start
            assert ticket.due - ticket.reported_at >= timedelta(hours=4)
            assert ticket.status == "open"
            assert not ticket.windows
            assert ticket.appointment is None
    problem = ageing.day_problem(whole, 1, days[1], Policy())
    begins = {shift.start.date() for e in problem.engineers for shift in e.shifts}
    assert begins == {(whole.horizon.start + timedelta(days=1, hours=9)).date()}


def test_a_months_sums_add_up() -> None:
    scale = ageing.Scale(days=2, tickets_a_day=20, iterations=5, threads=1, seeds=1)
    whole = generate(tickets=40, days=2, seed=1, pressure=1.5, appointment_percent=0)
    month = ageing.simulate(whole, scale, 1, 3600)
    assert month.arrived == 40 == month.visits + len(month.left_ages) == len(month.ages)
    assert month.left_ages
    assert month.oldest_of_all == max(month.ages)
    assert max(month.waits, default=0) <= 1
    assert month.kept <= month.due
    assert sum(month.arrived_work) == sum(t.duration or 0 for t in whole.tickets)
    assert month.overload > 1


def test_the_work_is_set_by_what_gets_done() -> None:
    scale = ageing.Scale(days=4, tickets_a_day=20, iterations=5, threads=1, seeds=1)
    whole = ageing.calibrate(scale, 1)
    month = ageing.simulate(whole, scale, 1, ageing.STATED_RATE)
    assert 1.05 < month.overload < 1.15


@pytest.mark.parametrize(
    ("arrived", "served", "nights"),
    [
        # Everything is done on its day.
        ([10, 10, 10], [10, 10, 10], 0),
        # A tenth too much: 1, 2, 3 of the last day's 11 wait.
        ([11, 11, 11], [10, 10, 10], 1),
        # 12 of the first day's 20 are done after two days, all after three: 2 nights.
        ([20, 0, 0], [6, 6, 8], 2),
        # Half of the work: after four days the third day's and the fourth's wait.
        ([10, 10, 10, 10], [5, 5, 5, 5], 2),
    ],
)
def test_the_oldest_in_order_of_arrival(arrived: list[int], served: list[int], nights: int) -> None:
    month = ageing.Month(1, 0, arrived_work=arrived, served_work=served)
    assert month.oldest_in_order == nights


@pytest.mark.parametrize(("oldest", "verdict"), [(14, "PASS"), (15, "FAIL")])
def test_the_stated_age(oldest: int, verdict: str) -> None:
    months = [ageing.Month(1, rate, waits=[0]) for rate in ageing.RATES]
    for month in months:
        month.oldest[4] = oldest
    verdicts = {f.what: f.verdict for f in ageing.figures(months)}
    assert verdicts.pop(f"age_per_day {ageing.STATED_RATE}") == verdict
    assert set(verdicts.values()) == {"not judged"}
    assert ageing.RATES[1] == BALANCED["age_per_day"]


def test_the_costs_are_against_no_ageing() -> None:
    months = [
        ageing.Month(1, rate, waits=[0] * num, worth=100 * num, kept=num, due=10)
        for rate, num in zip(ageing.RATES, (10, 9, 8, 7, 6, 5), strict=True)
    ]
    head, *rows = ageing.price_rows(months)
    assert [row[head.index("visits, %")] for row in rows[:2]] == ["+0.0", "-10.0"]
    assert [row[head.index("limits kept, points")] for row in rows[-1:]] == ["-50.0"]
