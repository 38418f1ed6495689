"""Killed at any moment and started again, an outbox publishes nothing twice and nothing half."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from benchmarks.kills import run_or_kill
from dispatchopt.adapters.database import Database, DatabaseTarget
from dispatchopt.adapters.outbox import DELIVERED, Delivery, FolderTarget, Message, Outbox, Waiting
from dispatchopt.adapters.outbox import targets as targets_module
from tests.unit.databases import rows_of, run_sql
from tests.unit.outbox_plans import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
NO_WAIT = Waiting(sleep=lambda _seconds: None)


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


class Fuse:
    """Ends the process, so to speak, after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def burn(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Killed


def dying(fuse: Fuse, call: Callable[..., object]) -> Callable[..., object]:
    """Let a call be the last thing that happens, or the first that does not."""

    def wrapped(*args: object, **options: object) -> object:
        fuse.burn()
        result = call(*args, **options)
        fuse.burn()
        return result

    return wrapped


def half_written(fuse: Fuse) -> Callable[[Path, bytes], None]:
    """Write a file in two halves, and die between them."""

    def write(path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        fuse.burn()
        path.write_bytes(data)

    return write


def take(folder: Path, taken: Counter[str]) -> None:
    """Read and remove every message that stands in a folder, as its reader may at any time."""
    for path in folder.glob("*.json"):
        assert json.loads(path.read_text())["plan_id"] in ("p1", "p2")
        taken[path.name] += 1
        path.unlink()


@pytest.mark.parametrize("reads", [True, False])
def test_a_folder_gets_each_message_once_wherever_it_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    for steps in range(60):
        folder, taken = tmp_path / f"inbox{steps}", Counter[str]()
        outbox = Outbox(tmp_path / f"outbox{steps}.db")
        outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1"}))
        fuse = Fuse(steps)
        with monkeypatch.context() as patch:
            patch.setattr(targets_module, "_write", half_written(fuse))
            patch.setattr(targets_module, "sync_folder", dying(fuse, targets_module.sync_folder))
            patch.setattr(os, "replace", dying(fuse, os.replace))
            for name in ("touch", "unlink"):
                patch.setattr(Path, name, dying(fuse, getattr(Path, name)))
            try:
                outbox.publish(FolderTarget(folder))
            except Killed:
                pass
            else:
                break
        if reads:
            take(folder, taken)
        assert outbox.publish(FolderTarget(folder)).is_complete
        take(folder, taken)
        assert taken == {"p1+T1+assign.json": 1, "p1+T2+assign.json": 1}
        assert len(list((folder / targets_module.LEDGER).iterdir())) <= 1
    assert 15 < steps < 59, "every step was tried"


def test_a_table_gets_each_message_once_wherever_it_dies(database_url: str) -> None:
    Database(database_url).upgrade()
    outbox = Outbox(database_url)
    outbox.enqueue(plan_of("p1", {f"T{number}": "E1" for number in range(4)}))
    taken: Counter[object] = Counter()
    with DatabaseTarget(database_url, table="inbox") as target:
        # Dies after one more message each time, before that delivery is on record.
        for steps in (1, 3, 3, 3):
            with pytest.raises(Killed):
                outbox.publish(dying(Fuse(steps), target))  # type: ignore[arg-type]
            taken.update(row[0] for row in rows_of(database_url, "SELECT ticket_id FROM inbox"))
            run_sql(database_url, "DELETE FROM inbox")
        assert outbox.publish(target).is_complete
        taken.update(row[0] for row in rows_of(database_url, "SELECT ticket_id FROM inbox"))
    assert taken == {f"T{number}": 1 for number in range(4)}


def test_a_delivery_on_record_is_forgotten_by_the_table(database_url: str) -> None:
    Database(database_url).upgrade()
    outbox = Outbox(database_url)
    outbox.enqueue(plan_of("p1", {"T1": "E1"}))
    with DatabaseTarget(database_url) as target:
        assert outbox.publish(target).is_complete
    query = "SELECT idempotency_key, ticket_id, action FROM dispatchopt_inbox"
    assert rows_of(database_url, query) == [("p1+T1+assign", "T1", "assign")]
    assert rows_of(database_url, "SELECT * FROM dispatchopt_inbox_seen") == []


def test_killed_in_earnest_a_folder_gets_each_message_once(tmp_path: Path) -> None:
    rng = random.Random(1)
    folder, taken, num_kills = tmp_path / "inbox", Counter[str](), 0
    command = [
        sys.executable, "-m", "tests.unit.outbox_worker",
        str(tmp_path / "outbox.db"), str(folder), "30",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    while (code := run_or_kill(command, 0.15 * rng.random() ** 2, env=env)) is None:
        num_kills += 1
        take(folder, taken)
        if num_kills == 5:
            code = run_or_kill(command, 60, env=env)
            break
    assert code == 0
    take(folder, taken)
    expected = {f"p1+T{number}+assign.json" for number in range(30)}
    expected |= {f"p2+T{number}+change.json" for number in range(1, 30, 2)}
    expected |= {f"p2+T{number}+unassign.json" for number in range(0, 30, 2)}
    assert taken == dict.fromkeys(expected, 1)


def test_killed_in_earnest_a_table_gets_each_message_once(
    tmp_path: Path, database_url: str
) -> None:
    Database(database_url).upgrade()
    rng = random.Random(3)
    command = [
        sys.executable, "-m", "tests.unit.outbox_worker", database_url, database_url, "12",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    codes = [run_or_kill(command, 0.2 * rng.random(), env=env) for _ in range(2)]
    if 0 not in codes:
        assert run_or_kill(command, 60, env=env) == 0
    query = "SELECT action, count(*) FROM dispatchopt_inbox GROUP BY action ORDER BY action"
    assert rows_of(database_url, query) == [("assign", 12), ("change", 6), ("unassign", 6)]
    assert Outbox(database_url).status().is_complete


TICKETS = ("A", "B", "C")
assignments = st.dictionaries(
    st.sampled_from(TICKETS), st.sampled_from(["E1", "E2", None]), max_size=3
)
answers = st.lists(
    st.sampled_from(["delivered", "retry", "lost", "refused", "killed", "killed late"]),
    max_size=6,
)


class Receiver:
    """Takes messages like a ticketing system that knows its keys: applies each at most once."""

    def __init__(self) -> None:
        self.state: dict[str, str | None] = dict.fromkeys(TICKETS)
        self.keys: set[str] = set()
        self.on_record: set[str] = set()
        self.answers: list[str] = []

    def __call__(self, message: Message) -> Delivery:
        assert message.key not in self.on_record, "delivered again after it was on record"
        answer = self.answers.pop(0) if self.answers else "delivered"
        if answer == "refused" and message.key not in self.keys:
            return Delivery("refused", "no")
        if answer == "killed":
            raise Killed
        if answer != "retry" and message.key not in self.keys:
            self.keys.add(message.key)
            self.state[message.ticket_id] = message.document.get("engineer_id")
        if answer == "killed late":
            raise Killed
        return DELIVERED if answer == "delivered" else Delivery("retry", "busy")

    def settled(self, message: Message) -> None:
        self.on_record.add(message.key)


class OutboxModel(RuleBasedStateMachine):
    """Nights of plans, outages, refusals and kills: in the end the receiver knows the plan."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.outbox = Outbox(Path(self.folder.name) / "outbox.db")
        self.receiver = Receiver()
        self.plan: dict[str, str | None] = {}
        self.number = 0

    @rule(assigned=assignments)
    def enqueue(self, assigned: dict[str, str | None]) -> None:
        self.number += 1
        # An earlier plan still speaks for the tickets that this one does not know.
        self.plan = self.plan | assigned
        self.outbox.enqueue(plan_of(f"p{self.number}", assigned))

    @rule(given=answers)
    def publish(self, given: list[str]) -> None:
        self.receiver.answers = list(given)
        try:
            report = self.outbox.publish(self.receiver, attempts=2, waiting=NO_WAIT)
        except Killed:
            return
        assert len({item.ticket_id for item in report.open}) == len(report.open)

    @invariant()
    def reports_what_is_open(self) -> None:
        if hasattr(self, "outbox"):
            found = self.outbox.status().open
            assert len({item.ticket_id for item in found}) == len(found)

    def teardown(self) -> None:
        if not hasattr(self, "outbox"):
            return
        # The cause of all refusals is removed, and every ticket is planned once more.
        self.enqueue({t: self.plan.get(t) for t in TICKETS})
        self.receiver.answers = []
        assert self.outbox.publish(self.receiver, waiting=NO_WAIT).is_complete
        assert self.receiver.state == {t: self.plan.get(t) for t in TICKETS}
        self.folder.cleanup()


TestOutboxModel = OutboxModel.TestCase
TestOutboxModel.settings = settings(stateful_step_count=10, print_blob=False)


@given(first=assignments, given_answers=answers, second=assignments)
def test_after_a_retry_the_receiver_knows_the_last_plan(
    tmp_path_factory: pytest.TempPathFactory,
    first: dict[str, str | None],
    given_answers: list[str],
    second: dict[str, str | None],
) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("outbox") / "outbox.db")
    receiver = Receiver()
    outbox.enqueue(plan_of("p1", first))
    receiver.answers = given_answers
    for plan_id, assigned in (("p1", first), ("p2", second)):
        outbox.enqueue(plan_of(plan_id, assigned))
        try:
            outbox.publish(receiver, attempts=2, waiting=NO_WAIT)
        except Killed:
            continue
    receiver.answers = []
    outbox.retry_refused()
    assert outbox.publish(receiver, waiting=NO_WAIT).is_complete
    assert {t: receiver.state[t] for t in second} == second
