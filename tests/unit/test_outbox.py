"""The publishing outbox: every message once, none lost, whatever happens on the way."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatchopt.adapters.database import Database
from dispatchopt.adapters.outbox import (
    DELIVERED,
    Delivery,
    FolderTarget,
    Message,
    Outbox,
    Waiting,
)
from dispatchopt.adapters.outbox.messages import message_key
from dispatchopt.errors import AdapterError, PlanConflictError, PublisherBusyError
from dispatchopt.models import NotPlannable, Plan, Rejected, Route, Unserved, Visit, Window
from tests import builders
from tests.unit.outbox_plans import plan_of
from tests.unit.test_round_trip import plans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RETRY = Delivery("retry", "busy")
REFUSED = Delivery("refused", "unknown ticket")


@pytest.fixture(params=["file", "database"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Outbox:
    """Return an outbox of each kind; those in a database are of each kind, too."""
    if request.param == "file":
        return Outbox(tmp_path / "new" / "outbox.db")
    url = f"sqlite:///{tmp_path / 'dispatch.db'}"
    Database(url).upgrade()
    return Outbox(url)


@pytest.fixture
def database_outbox(database_url: str) -> Outbox:
    Database(database_url).upgrade()
    return Outbox(database_url)


def told(outbox: Outbox) -> list[tuple[str, str]]:
    """Deliver everything; return the tickets with what was told of each."""
    report = outbox.publish(lambda _message: DELIVERED)
    assert report.is_complete
    return sorted((outcome.ticket_id, outcome.action) for outcome in report.delivered)


def test_a_plan_is_told_once(outbox: Outbox, tmp_path: Path) -> None:
    plan = plan_of("p1", {"T1": "E1", "T2": None})
    assert not outbox.holds("p1")
    assert outbox.enqueue(plan).messages == {"assign": 1}
    assert outbox.holds("p1")
    assert not outbox.enqueue(plan).is_new
    inbox = tmp_path / "inbox"
    first = outbox.publish(FolderTarget(inbox))
    assert [(item.ticket_id, item.action) for item in first.delivered] == [("T1", "assign")]
    assert first.is_complete
    (path,) = inbox.glob("*.json")
    assert path.name == "p1+T1+assign.json"
    assert json.loads(path.read_text()) == {
        "ticket_id": "T1", "action": "assign", "plan_id": "p1",
        "engineer_id": "E1", "shift_id": "S-E1",
    }  # fmt: skip
    assert not outbox.enqueue(plan).is_new
    assert outbox.publish(FolderTarget(inbox)).delivered == ()


def test_the_next_plan_tells_what_is_different(outbox: Outbox) -> None:
    first = plan_of("p1", {"T1": "E1", "T2": "E1", "T3": "E2", "T4": "E2"})
    second = plan_of("p2", {"T1": "E1", "T2": "E2", "T3": None, "T5": "E1"})
    outbox.enqueue(first)
    assert len(told(outbox)) == 4
    outbox.enqueue(second, first)
    assert told(outbox) == [("T2", "change"), ("T3", "unassign"), ("T5", "assign")]
    assert outbox.last_plan() == second


def test_without_a_memory_the_previous_plan_counts(outbox: Outbox) -> None:
    before = plan_of("p1", {"T1": "E1", "T2": "E1", "T3": "E1"})
    outbox.enqueue(plan_of("p2", {"T1": "E1", "T2": "E2", "T3": None, "T4": None}), before)
    assert told(outbox) == [("T2", "change"), ("T3", "unassign")]


def test_what_somebody_else_changed_is_told_again(outbox: Outbox) -> None:
    ours = plan_of("p1", {"T1": "E1"})
    outbox.enqueue(ours)
    told(outbox)
    moved_by_hand = plan_of("p1", {"T1": "E9"})
    outbox.enqueue(plan_of("p2", {"T1": "E1"}), moved_by_hand)
    assert told(outbox) == [("T1", "change")]


def test_nobody_comes_for_parked_and_rejected_tickets(outbox: Outbox) -> None:
    before = plan_of("p1", {t: "E1" for t in ("left out", "rejected", "parked", "done", "gone")})
    after = Plan(
        plan_id="p2",
        base_version="p1",
        routes=(),
        unserved=(Unserved(ticket_id="left out", reason="NO_ROOM"),),
        rejected=(Rejected(ticket_id="rejected", issues=("faulty",)),),
        not_plannable=(
            NotPlannable(ticket_id="parked", status="parked"),
            NotPlannable(ticket_id="done", status="done"),
        ),
    )
    outbox.enqueue(after, before)
    documents: list[Any] = []
    outbox.publish(lambda message: documents.append(message.document) or DELIVERED)
    head = {"action": "unassign", "plan_id": "p2", "base_version": "p1"}
    assert documents == [
        {"ticket_id": "left out", **head, "reason": "NO_ROOM"},
        {"ticket_id": "rejected", **head, "reason": "REJECTED"},
        {"ticket_id": "parked", **head, "reason": "PARKED"},
    ]


def test_documents_tell_times_in_utc_and_the_owner_of_a_shift(outbox: Outbox) -> None:
    visit = Visit(
        ticket_id="t",
        start=builders.at("09:00"),
        end=builders.at("10:00"),
        promised=Window(open=builders.at("08:00"), close=builders.at("10:00")),
    )
    plan = Plan(plan_id="p", routes=(Route(shift_id="s", visits=(visit,)),))
    outbox.enqueue(plan, problem=builders.problem([builders.ticket()]))
    documents: list[Any] = []
    outbox.publish(lambda message: documents.append(message.document) or DELIVERED)
    assert documents == [
        {
            "ticket_id": "t", "action": "assign", "plan_id": "p",
            "engineer_id": "e", "shift_id": "s",
            "start": "2026-11-23T09:00:00Z", "end": "2026-11-23T10:00:00Z",
            "promised": {"open": "2026-11-23T08:00:00Z", "close": "2026-11-23T10:00:00Z"},
        }
    ]  # fmt: skip


def test_documents_in_the_receivers_terms(outbox: Outbox) -> None:
    def patch(message: Message) -> dict[str, Any] | None:
        if message.ticket_id == "T2":
            return None
        return {"relatedParty": message.document["engineer_id"]}

    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1"}), document=patch)
    documents: list[Any] = []
    outbox.publish(lambda message: documents.append(message.document) or DELIVERED)
    assert documents == [{"relatedParty": "E1"}]
    with pytest.raises(AdapterError, match="no JSON form"):
        outbox.enqueue(plan_of("p2", {"T3": "E1"}), document=lambda _message: {"x": {1}})
    assert not outbox.holds("p2")


def test_another_plan_of_the_same_id_is_a_conflict(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1"}))
    with pytest.raises(PlanConflictError, match="'p1' is in the outbox already"):
        outbox.enqueue(plan_of("p1", {"T1": "E2"}))
    assert told(outbox) == [("T1", "assign")]


def test_a_pending_message_is_superseded_by_the_next_plans(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1", "T3": "E1"}))
    outbox.enqueue(plan_of("p2", {"T1": "E2", "T2": "E1"}))
    keys: list[str] = []
    outbox.publish(lambda message: keys.append(message.key) or DELIVERED)
    assert keys == ["p1+T2+assign", "p1+T3+assign", "p2+T1+change"]


def test_refusals_are_reported_ticket_by_ticket(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1"}))
    answers = {"T1": REFUSED, "T2": DELIVERED}
    report = outbox.publish(lambda message: answers[message.ticket_id])
    assert not report.is_complete
    assert [item.ticket_id for item in report.delivered] == ["T2"]
    ((refused,), pending) = report.refused, report.pending
    assert (refused.ticket_id, refused.reason, refused.attempts) == ("T1", "unknown ticket", 1)
    assert pending == ()
    assert outbox.status().refused == (refused,)
    assert outbox.publish(lambda _message: DELIVERED).delivered == ()
    assert outbox.retry_refused() == 1
    assert told(outbox) == [("T1", "assign")]


def test_the_next_plan_decides_anew_what_was_refused(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", dict.fromkeys(("same", "other", "nobody", "gone"), "E1")))
    outbox.publish(lambda _message: REFUSED)
    outbox.enqueue(plan_of("p2", {"same": "E1", "other": "E2", "nobody": None}))
    assert outbox.status().refused == ()
    assert outbox.retry_refused() == 0
    assert told(outbox) == [("other", "assign"), ("same", "assign")]
    outbox.enqueue(plan_of("p3", {"same": "E3", "other": None}))
    outbox.publish(lambda _message: REFUSED)
    # Refused, the receiver still has what it had: whatever comes next must be told.
    outbox.enqueue(plan_of("p4", {"same": "E1", "other": "E2"}))
    assert told(outbox) == [("other", "change"), ("same", "change")]


class Ticks:
    """A clock that stands still but for its own sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def waiting(self) -> Waiting:
        return Waiting(clock=lambda: self.now, sleep=self.sleep)


def test_retries_wait_twice_as_long_each_time(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1"}))
    ticks = Ticks()
    calls: list[str] = []

    def deliver(message: Message) -> Delivery:
        calls.append(message.ticket_id)
        return RETRY if message.ticket_id == "T1" else DELIVERED

    report = outbox.publish(deliver, attempts=4, backoff=2.0, waiting=ticks.waiting)
    assert calls == ["T1", "T2", "T1", "T1", "T1"]
    assert ticks.slept == [2.0, 4.0, 8.0]
    (pending,) = report.pending
    assert (pending.ticket_id, pending.attempts, pending.reason) == ("T1", 4, "busy")
    assert told(outbox) == [("T1", "assign")]


def test_the_receivers_wish_to_be_left_alone_counts(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1"}))
    ticks = Ticks()
    answers = iter([Delivery("retry", "busy", wait=30.0), DELIVERED])
    assert outbox.publish(lambda _message: next(answers), waiting=ticks.waiting).is_complete
    assert ticks.slept == [30.0]
    outbox.enqueue(plan_of("p2", {"T1": "E2"}))
    tomorrow = Delivery("retry", "closed", wait=36_000.0)
    report = outbox.publish(lambda _message: tomorrow, waiting=ticks.waiting)
    assert [item.reason for item in report.pending] == ["closed"]
    assert ticks.slept == [30.0]


def test_a_receiver_that_takes_nothing_is_not_hammered(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {f"T{number:02}": "E1" for number in range(40)}))
    ticks = Ticks()
    calls: list[str] = []
    report = outbox.publish(
        lambda message: calls.append(message.key) or RETRY, attempts=4, waiting=ticks.waiting
    )
    # Five failures on end, then one more after each of three waits.
    assert (len(calls), ticks.slept) == (8, [1.0, 2.0, 4.0])
    assert len(report.pending) == 40


def test_nothing_is_begun_after_the_time_limit(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1", "T3": "E1"}))
    ticks = Ticks()

    def slow(_message: Message) -> Delivery:
        ticks.now += 10
        return DELIVERED

    report = outbox.publish(slow, time_limit=15, waiting=ticks.waiting)
    assert [item.ticket_id for item in report.delivered] == ["T1", "T2"]
    assert [item.ticket_id for item in report.pending] == ["T3"]
    report = outbox.publish(lambda _message: RETRY, time_limit=0.5, waiting=ticks.waiting)
    assert [item.attempts for item in report.pending] == [1]
    assert ticks.slept == []


def test_a_delivery_that_raises_is_tried_again_and_tells_no_data(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1"}))

    def deliver(_message: Message) -> Delivery:
        raise ValueError("张三 13800000000")

    report = outbox.publish(deliver, attempts=1)
    assert [item.reason for item in report.pending] == ["the delivery raised ValueError"]
    report = outbox.publish(lambda _message: Delivery("refused", "call 13800000000"))
    assert [item.reason for item in report.refused] == ["…"]


def test_what_comes_in_meanwhile_is_delivered_too(outbox: Outbox) -> None:
    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1"}))
    keys: list[str] = []

    def deliver(message: Message) -> Delivery:
        if not keys:
            outbox.enqueue(plan_of("p2", {"T1": "E2", "T2": "E2"}))
        keys.append(message.key)
        return DELIVERED

    assert outbox.publish(deliver).is_complete
    # The one that was on its way arrived; the other was superseded before it left.
    assert keys == ["p1+T1+assign", "p2+T1+change", "p2+T2+change"]
    outbox.enqueue(plan_of("p3", {"T1": "E2", "T2": "E2"}))
    assert told(outbox) == []


def test_a_second_publisher_takes_nothing(database_outbox: Outbox) -> None:
    database_outbox.enqueue(plan_of("p1", {"T1": "E1"}))
    seen: list[str] = []

    def deliver(message: Message) -> Delivery:
        with pytest.raises(PublisherBusyError, match="Another publisher is at work"):
            database_outbox.publish(lambda other: seen.append(other.key) or DELIVERED)
        return DELIVERED

    assert database_outbox.publish(deliver).is_complete
    assert seen == []
    database_outbox.enqueue(plan_of("p2", {"T1": "E2"}))
    assert told(database_outbox) == [("T1", "change")]


def test_old_messages_are_forgotten_and_the_memory_stays(database_outbox: Outbox) -> None:
    outbox = database_outbox
    first = plan_of("p1", {"T1": "E1", "T2": "E1", "refused": "E1"})
    outbox.enqueue(first)
    assert len(told(outbox)) == 3
    outbox.enqueue(plan_of("p2", {"T1": "E2", "late": "E1"}))
    outbox.publish(lambda message: RETRY if message.ticket_id == "late" else DELIVERED, attempts=1)
    outbox.enqueue(plan_of("p3", {"T1": "E1", "refused": "E2"}))
    outbox.publish(
        lambda message: {"refused": REFUSED, "late": RETRY}.get(message.ticket_id, DELIVERED),
        attempts=1,
    )
    # T1 was told three times, "refused" twice: what is older than its newest goes.
    assert outbox.prune(keep_plans=1) == 3
    assert outbox.prune(keep_plans=1) == 0
    assert [item.ticket_id for item in outbox.status().open] == ["late", "refused"]
    assert not outbox.enqueue(first).is_new
    outbox.enqueue(plan_of("p4", {"T1": "E1", "T2": "E1"}))
    assert told(outbox) == [("late", "assign")]
    last = outbox.last_plan()
    assert last is not None
    assert last.plan_id == "p4"


def test_a_link_to_an_outbox_is_the_same_outbox(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.enqueue(plan_of("p1", {"T1": "E1"}))
    (tmp_path / "link.db").symlink_to(tmp_path / "outbox.db")
    found: list[str] = []

    def deliver(_message: Message) -> Delivery:
        with pytest.raises(PublisherBusyError):
            Outbox(tmp_path / "link.db").publish(lambda _other: DELIVERED)
        found.append("busy")
        return DELIVERED

    assert outbox.publish(deliver).is_complete
    assert found == ["busy"]


def test_a_database_keeps_an_outbox_like_a_file(database_outbox: Outbox) -> None:
    test_the_next_plan_tells_what_is_different(database_outbox)
    with pytest.raises(PlanConflictError):
        database_outbox.enqueue(plan_of("p1", {"T1": "E7"}))
    database_outbox.enqueue(plan_of("p3", {"T1": "E4", "T2": "E4"}))
    assert len(database_outbox.publish(lambda _message: REFUSED).refused) == 2
    assert database_outbox.retry_refused() == 2


@given(first=plans, second=plans)
def test_every_plan_can_be_told(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, Any], second: dict[str, Any]
) -> None:
    before = Plan.model_validate({**first, "plan_id": "p1"})
    after = Plan.model_validate({**second, "plan_id": "p2"})
    outbox = Outbox(tmp_path_factory.mktemp("outbox") / "outbox.db")
    outbox.enqueue(before)
    outbox.enqueue(after, before)
    told(outbox)
    assert outbox.last_plan() == after


ids = st.sampled_from(["A", "B", "a+b", "工单 3", "/", "..", ".", "%2B", "x" * 200])


@given(ids, ids, ids, ids)
@example("a+b", "c", "a", "b+c")
def test_keys_are_safe_and_differ(plan: str, ticket: str, other: str, another: str) -> None:
    key, second = message_key(plan, ticket, "assign"), message_key(other, another, "assign")
    assert (key == second) == ((plan, ticket) == (other, another))
    assert key.isascii() and len(key) <= 200 and "/" not in key and not key.startswith(".")
    assert key != message_key(plan, ticket, "change")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no database, whatever its name says" * 100),
        lambda path: path.mkdir(),
        lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 9").connection.close(),
    ],
)
def test_a_file_that_is_no_outbox_is_one_error(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    path = tmp_path / "outbox.db"
    spoil(path)
    for call in (
        lambda: Outbox(path).status(),
        lambda: Outbox(path).enqueue(plan_of("p", {})),
        lambda: Outbox(path).publish(lambda _message: DELIVERED),
    ):
        with pytest.raises(AdapterError, match="outbox"):
            call()
