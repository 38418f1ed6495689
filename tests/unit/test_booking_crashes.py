"""Killed at any statement, a call has happened or it has not; several processes share a ledger."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import dispatchopt as do
from benchmarks.kills import run_or_kill
from dispatchopt.booking import Desk, Ledger
from dispatchopt.booking.states import after
from dispatchopt.checker import check
from tests.unit import desk_worker
from tests.unit.booking_day import Clock as DayClock
from tests.unit.booking_day import caller, day_problem, planned, window
from tests.unit.booking_steps import NOW, Clock, slot, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.booking import Booking
    from dispatchopt.models import Plan, Problem

ROOT = Path(__file__).parents[2]


def dies_at(moment: int, ledger: Ledger) -> None:
    """Let this process be killed at a moment: before a statement, after it, or at the commit."""
    left = [moment]

    def burn(*_args: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = ledger._link._engine
    sa.event.listen(engine, "before_cursor_execute", burn)
    sa.event.listen(engine, "after_cursor_execute", burn)
    sa.event.listen(engine, "commit", burn)


def in_a_child(work: Callable[[], object]) -> bool:
    """Run in a forked process; whether it lived."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def is_whole(ledger: Ledger) -> bool:
    """Whether the bookings are what the events say, and these are numbered without gaps."""
    events, folded = ledger.events(), dict[str, "Booking"]()
    for event in events:
        if event.ticket_id is not None:
            folded[event.ticket_id] = after(folded.get(event.ticket_id), event)
    numbered = [event.seq for event in events] == list(range(1, len(events) + 1))
    return numbered and {b.ticket_id: b for b in ledger.bookings()} == folded


CALLS: dict[str, Callable[[Ledger], object]] = {
    "hold": lambda ledger: take(ledger, "T1", slot(8), "call"),
    "hold again": lambda ledger: take(ledger, "T2", slot(10), "call"),
    "confirm": lambda ledger: ledger.confirm("T2", request_id="call", version=1),
    "park": lambda ledger: ledger.park("T3", request_id="call"),
    "expire": lambda ledger: ledger.expire(),
    "dispatch": lambda ledger: ledger.dispatched({"T1": NOW, "T2": NOW, "T4": NOW}, plan_id="p"),
}


@pytest.mark.parametrize("name", CALLS)
def test_killed_at_any_moment_a_call_has_happened_or_not(database_url: str, name: str) -> None:
    call, clock = CALLS[name], Clock()
    ledger = Ledger(database_url, clock=clock)
    take(ledger, "T2", slot(8), "r2")
    take(ledger, "T3", slot(8), "r3", minutes=0)
    take(ledger, "T5", slot(8), "r5", minutes=0)
    before = ledger.events()
    ledger.close()  # a fork inherits no connection

    for moment in range(200):

        def die(moment: int = moment) -> None:
            own = Ledger(database_url, clock=clock)
            own._prepare()
            dies_at(moment, own)
            call(own)

        lived = in_a_child(die)
        assert is_whole(ledger)
        events = ledger.events()
        ledger.close()

        if lived or len(events) > len(before):
            break
        assert events == before
    assert moment > 8
    call(ledger)
    call(ledger)
    after_all = ledger.events()
    assert len(after_all) - len(before) == {"expire": 2, "dispatch": 3}.get(name, 1)
    assert is_whole(ledger)
    ledger.close()


@cache
def next_plan() -> tuple[Problem, Plan]:
    problem = day_problem(4)
    return problem, planned(problem)


TEN, TWO = window("10:00", "12:00"), window("14:00", "15:00")

AT_THE_DESK: dict[str, Callable[[Desk], object]] = {
    "hold": lambda desk: desk.hold(caller("n3"), TWO, request_id="call"),
    "hold another": lambda desk: desk.hold(caller("n1"), TWO, request_id="call"),
    "reschedule": lambda desk: desk.reschedule(
        "n2", TWO, consent_of="c", request_id="call", version=2
    ),
    "report": lambda desk: desk.report_window(caller("n1"), TWO, request_id="call"),
    "apply": lambda desk: desk.apply(caller("n2", 90)),
    "expire": lambda desk: desk.expire(),
    "rebase": lambda desk: desk.rebase(*next_plan()),
}


@pytest.mark.parametrize("name", AT_THE_DESK)
def test_killed_at_any_moment_a_desk_has_booked_or_not(database_url: str, name: str) -> None:
    call, clock, problem = AT_THE_DESK[name], DayClock(), day_problem(2)
    plan, ledger = planned(problem), Ledger(database_url, clock=clock)
    desk = Desk(problem, plan, ledger, clock=clock)
    desk.hold(caller("n1"), TEN, request_id="r1", minutes=10)
    desk.hold(caller("n2"), TEN, request_id="r2")
    desk.confirm("n2", request_id="r3", version=1)
    clock.pass_(20 if name == "expire" else 0)
    before = ledger.events()
    next_plan()

    def die(moment: int) -> None:
        dies_at(moment, ledger)
        call(desk)

    for moment in range(200):
        ledger.close()  # a fork inherits no connection
        lived = in_a_child(lambda moment=moment: die(moment))  # type: ignore[misc]
        assert is_whole(ledger)
        if lived or ledger.events() != before:
            break
    assert moment > 8
    # The desk that lives on finds what happened, and the call again does not do it twice.
    call(desk)
    assert is_whole(ledger)
    count = len(ledger.events())
    call(desk)
    assert len(ledger.events()) == count
    assert check(desk.problem(), desk.plan()).violations == ()
    kept = ledger.booking("n2")
    assert kept is not None
    assert kept.is_placed
    assert kept.window == (TWO if name == "reschedule" else TEN)
    if name != "rebase":
        assert desk.version == Desk(problem, plan, ledger, clock=clock).version
    ledger.close()


def test_processes_killed_at_random_lose_and_repeat_nothing(
    database_url: str, tmp_path: Path
) -> None:
    rng = random.Random(5)
    Ledger(database_url).expire()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for number in range(2):
        told = tmp_path / f"told{number}.txt"
        command = [
            sys.executable, "-m", "tests.unit.booking_worker", database_url, str(number), str(told),
        ]  # fmt: skip
        if run_or_kill(command, 0.3 * rng.random(), env=env) is None:
            assert run_or_kill(command, 600, env=env) == 0
    ledger = Ledger(database_url)
    assert is_whole(ledger)
    told_ids = [
        line for number in range(2) for line in (tmp_path / f"told{number}.txt").read_text().split()
    ]
    # Whoever was told that it is confirmed finds it confirmed; each call left one event.
    assert {b.ticket_id for b in ledger.bookings("confirmed")} == set(told_ids)
    assert len(set(told_ids)) == 40
    kinds = Counter((e.ticket_id, e.kind) for e in ledger.events())
    assert set(kinds.values()) == {1}
    ledger.close()


def test_two_processes_at_once_take_turns(database_url: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    commands = [
        [
            sys.executable, "-m", "tests.unit.booking_worker", database_url, str(number),
            str(tmp_path / f"told{number}.txt"),
        ]
        for number in range(2)
    ]  # fmt: skip
    # Neither finds tables: one makes them, the other waits.
    running = [subprocess.Popen(c, env=env, stdout=subprocess.PIPE) for c in commands]
    assert [process.wait(600) for process in running] == [0, 0]
    for process in running:
        assert process.stdout is not None
        process.stdout.close()
    ledger = Ledger(database_url)
    assert is_whole(ledger)
    assert len(ledger.bookings("confirmed")) == 40
    # Both asked for the same ticket under one request id: one event.
    (shared,) = ledger.history("shared")
    assert shared.kind == "contact"
    ledger.close()


def test_desks_of_several_processes_never_both_take_the_last_place(
    database_url: str, tmp_path: Path
) -> None:
    # Two engineers, a window of half an hour, visits of two hours: there is room for two of eight.
    problem = day_problem(2)
    plan = planned(problem)
    do.write_problem(problem, tmp_path / "problem.json")
    do.write_plan(plan, tmp_path / "plan.json")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}

    def command(number: int) -> list[str]:
        worker = [sys.executable, "-m", "tests.unit.desk_worker"]
        return [*worker, database_url, str(tmp_path), str(number)]

    with subprocess.Popen(command(0), env=env, stdout=subprocess.PIPE) as other:
        # One of the two is killed on its way, and starts again.
        if run_or_kill(command(1), 0.05, env=env) is None:
            assert run_or_kill(command(1), 600, env=env) == 0
        other.communicate(timeout=600)
    assert other.returncode == 0
    ledger = Ledger(database_url)
    assert is_whole(ledger)
    confirmed = ledger.bookings("confirmed")
    desk = Desk(problem, plan, ledger)
    kept = desk.plan()
    assert check(desk.problem(), kept).violations == ()
    assert kept.broken_promises == ()
    asked = [b.ticket_id for b in confirmed if b.window == desk_worker.SHORT]
    assert len(asked) == 2
    # Whatever was promised besides stands, too.
    assert all(b.is_placed for b in confirmed)
    ledger.close()
