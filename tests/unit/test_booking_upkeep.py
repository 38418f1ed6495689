"""Routes kept in a ledger: a start from them is a shorter one, and nothing else."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import dispatchopt as do
from dispatchopt.booking import Desk, Ledger, upkeep
from dispatchopt.booking.agreed import plan_with_bookings, with_late_bookings
from dispatchopt.booking.routes import Routes
from dispatchopt.errors import BookingConflictError, DispatchError
from tests import builders as small
from tests.unit.booking_day import Clock, caller, day_problem, planned, window
from tests.unit.databases import rows_of, run_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dispatchopt.booking import BookingEvent
    from dispatchopt.booking.stream import Stream
    from dispatchopt.models import Plan, Problem

WINDOWS = (
    window("08:00", "10:00"),
    window("10:00", "12:00"),
    window("14:00", "15:00"),
    window("08:00", "09:00", day=1),
    window("09:00", "09:30", day=9),
)
CUSTOMERS = ("t0", "t1", "t2", "n0", "n1", "n2", "n3")
TABLE = "dispatchopt_booking_routes"


@pytest.fixture(autouse=True, scope="module")
def often() -> Iterator[None]:
    """Let desks keep their routes after every second event."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "KEPT_EVERY", 2)
        yield


@pytest.fixture(scope="module")
def problem() -> Problem:
    tickets = [small.ticket(f"t{n}", place="abcd"[n], minutes=30) for n in range(3)]
    tickets[0] = tickets[0].model_copy(update={"attributes": {"contact": "13800000000"}})
    fixed = {"lock": "visit", "assigned_engineer": "e0", "assigned_start": small.at("13:00")}
    return day_problem(tickets=[*tickets, small.ticket("f0", place="d", minutes=30, **fixed)])


@pytest.fixture(scope="module")
def plan(problem: Problem) -> Plan:
    return planned(problem)


def booked(desk: Desk, number: int, kind: str, who: str, at: int) -> None:
    """Take a step at a desk, if it allows it."""
    when, request = WINDOWS[at % len(WINDOWS)], f"r{number}"
    ticket = caller(who, 60 * (1 + at % 3), place="abcd"[int(who[1])], attributes={"name": "Li"})
    known = desk.booking(who)
    version = 0 if known is None else known.version
    with suppress(DispatchError):
        if kind == "offered":
            offers = desk.offer(ticket, displace=True)
            desk.hold(ticket, offers[at % len(offers)] if offers else when, request_id=request)
        elif kind == "forced":
            desk.hold(ticket, desk.forced(ticket, when), request_id=request, minutes=30)
        elif kind == "reported":
            desk.report_window(ticket, when, request_id=request)
        elif kind == "moved":
            desk.reschedule(who, when, consent_of="c", request_id=request, version=version)
        elif kind == "changed":
            status = ("open", "open", "parked", "cancelled", "done")[at]
            desk.apply(ticket.model_copy(update={"status": status, "priority": 1 + at % 4}))
        elif kind == "waits":
            desk._clock.pass_(15)  # type: ignore[attr-defined]
            desk.expire()
        elif kind == "missed":
            desk.missed(who, "us", request_id=request, version=version)
        elif kind == "contacted":
            desk.contacted(who, request_id=request)
        else:
            getattr(desk, kind)(who, request_id=request, version=version)


KINDS = ("offered", "offered", "forced", "reported", "moved", "changed", "waits", "confirm",
         "release", "cancel", "park", "missed", "done", "contacted")  # fmt: skip
_STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(CUSTOMERS), st.integers(0, 4)), max_size=8
)


def told(desk: Desk) -> tuple[object, ...]:
    desk.sync()
    board = desk._routes.board
    return (
        desk.version, desk._routes.seq, desk._routes.until, board.orders(), board.starts(),
        board.kept(), desk.problem(), desk.plan(),
    )  # fmt: skip


def kept_seq(ledger: Ledger) -> list[int]:
    with ledger.reading() as stream:
        query = sa.text(f"SELECT seq FROM {TABLE}")
        return list(stream._connection.execute(query).scalars())


def forget(ledger: Ledger) -> None:
    with ledger.writing() as stream:
        stream.forget_routes()


@given(steps=_STEPS, later=_STEPS)
def test_loaded_routes_are_those_that_replaying_gives(
    problem: Problem, plan: Plan, steps: list[tuple[str, str, int]], later: list[Any]
) -> None:
    clock = Clock()
    ledger = Ledger(clock=clock)
    first = Desk(problem, plan, ledger, clock=clock)
    for number, step in enumerate(steps):
        booked(first, number, *step)
    loaded = Desk(problem, plan, ledger, clock=clock)
    forget(ledger)
    replayed = Desk(problem, plan, ledger, clock=clock)
    assert told(loaded) == told(replayed) == told(first)
    desks = (first, loaded, replayed)
    for number, step in enumerate(later, len(steps)):
        booked(desks[number % 3], number, *step)
    assert told(loaded) == told(replayed) == told(first)
    ledger.close()


def book(desk: Desk, *numbers: int) -> None:
    """Hold and confirm windows of new customers, two events each."""
    for n in numbers:
        held = desk.hold(caller(f"n{n}", 15), WINDOWS[n % 4], request_id=f"h{n}")
        desk.confirm(f"n{n}", request_id=f"c{n}", version=held.version)


def applied(monkeypatch: pytest.MonkeyPatch, call: Callable[[], object]) -> list[int]:
    """Return the numbers of the events that are done while something is called."""
    seen: list[int] = []
    apply = Routes.apply

    def noting(routes: Routes, event: BookingEvent) -> None:
        seen.append(event.seq)
        apply(routes, event)

    with monkeypatch.context() as patch:
        patch.setattr(Routes, "apply", noting)
        call()
    return seen


def test_a_desk_starts_from_the_newest_routes(
    problem: Problem, plan: Plan, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(database_url, clock=Clock())
    one = Desk(problem, plan, ledger)
    book(one, 0, 1)
    assert kept_seq(ledger) == [5]
    ledger.cancel("n0", request_id="x", version=2)  # by somebody who knows no routes
    two = [Desk(problem, plan, ledger)]
    assert applied(monkeypatch, lambda: two.append(Desk(problem, plan, ledger))) == [6]
    assert told(two[0]) == told(two[1]) == told(one)
    assert applied(monkeypatch, lambda: plan_with_bookings(problem, plan, ledger)) == [6]
    forget(ledger)
    assert applied(monkeypatch, lambda: Desk(problem, plan, ledger)) == [2, 3, 4, 5, 6]
    # That took long: the next one is spared it.
    assert kept_seq(ledger) == [6]
    ledger.close()


def test_routes_are_kept_once_though_many_desks_follow(
    problem: Problem, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, written = Ledger(clock=Clock()), list[int]()
    keep = upkeep.Snapshot.to_row
    monkeypatch.setattr(
        upkeep.Snapshot, "to_row", lambda found: written.append(found.seq) or keep(found)
    )
    desks = [Desk(problem, plan, ledger) for _ in range(3)]
    for n in range(6):
        desks[n % 3].hold(caller(f"n{n}", 15), WINDOWS[n % 4], request_id=f"h{n}")
    assert written == [3, 5, 7]
    assert kept_seq(ledger) == [7]


def test_another_plan_makes_routes_worthless(problem: Problem, plan: Plan) -> None:
    ledger = Ledger(clock=Clock())
    behind = Desk(problem, plan, ledger)
    book(behind, 0)
    assert kept_seq(ledger) == [3]
    fresh = behind.problem()
    desk, rebased = Desk.publish(fresh, planned(fresh, seed=1), ledger)
    assert kept_seq(ledger) == []
    with pytest.raises(BookingConflictError):
        behind.hold(caller("n5", 15), WINDOWS[0], request_id="h5")
    behind.cancel("n0", request_id="x0", version=2)  # a step that looks at no routes
    assert kept_seq(ledger) == []
    book(desk, 1)
    assert kept_seq(ledger) == [6]
    assert rebased.kept == ("n0",)


def _garbage(document: str) -> str:
    return document[: len(document) // 2]


def _faulty(document: str) -> str:
    return json.dumps({**json.loads(document), "orders": {"s0.0": ["n0"] * 30}})


def _foreign(document: str) -> str:
    return json.dumps({**json.loads(document), "orders": {"s0.0": ["nobody"]}})


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    "damage", [_garbage, _faulty, _foreign, lambda _: "[]", lambda _: '{"until": 1}']
)
def test_damaged_routes_only_make_a_start_longer(
    problem: Problem,
    plan: Plan,
    damage: Callable[[str], str],
    signed: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger(clock=Clock())
    one = Desk(problem, plan, ledger)
    book(one, 0)
    with ledger.writing() as stream:
        row = stream.kept_routes(one._routes.key, do.__version__)
        assert row is not None
        row["document"] = damage(row["document"])
        if signed:
            row["digest"] = upkeep._digest(row["document"])
        stream.keep_routes(row)
    two = list[Desk]()
    assert applied(monkeypatch, lambda: two.append(Desk(problem, plan, ledger))) == [2, 3]
    assert told(two[0]) == told(one)
    assert "are of no use" in caplog.text
    assert "n0" not in caplog.text


@pytest.mark.parametrize("other", [{"version": "0.0.1"}, {"plan_key": "x"}])
def test_routes_of_others_are_left_alone(
    problem: Problem, plan: Plan, other: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(clock=Clock())
    one = Desk(problem, plan, ledger)
    book(one, 0)
    with ledger.writing() as stream:
        row = stream.kept_routes(one._routes.key, do.__version__)
        assert row is not None
        stream.keep_routes(row | other)
    assert applied(monkeypatch, lambda: Desk(problem, plan, ledger)) == [2, 3]


def test_a_ledger_that_keeps_no_routes_still_books(
    problem: Problem, plan: Plan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'bookings.db'}"
    ledger = Ledger(url, clock=Clock())
    desk = Desk(problem, plan, ledger)
    refused = f"CREATE TRIGGER full BEFORE INSERT ON {TABLE} BEGIN SELECT RAISE(ABORT, 'full'); END"
    run_sql(url, refused)
    with caplog.at_level(logging.WARNING):
        book(desk, 0)
    assert "are not kept" in caplog.text
    assert [b.state for b in ledger.bookings()] == ["confirmed"]
    assert told(Desk(problem, plan, ledger)) == told(desk)


def test_no_attributes_are_kept(problem: Problem, plan: Plan, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bookings.db'}"
    ledger = Ledger(url, clock=Clock())
    desk = Desk(problem, plan, ledger)
    desk.hold(caller("n0", attributes={"contact": "Li"}), WINDOWS[1], request_id="r1")
    known = desk.ticket("t0")
    assert known is not None
    desk.hold(known, WINDOWS[3], request_id="r2")
    ((document,),) = rows_of(url, f"SELECT document FROM {TABLE}")
    assert '"t0"' in str(document)
    assert "attributes" not in str(document)
    assert "13800000000" not in str(document)
    again = Desk(problem, plan, ledger).ticket("t0")
    assert again is not None
    assert again.attributes == {"contact": "13800000000"}


class Watched(Ledger):
    """A ledger that knows how many of its transactions are open."""

    num_open = 0

    @contextmanager
    def reading(self) -> Iterator[Stream]:
        with super().reading() as stream:
            self.num_open += 1
            yield stream
            self.num_open -= 1

    @contextmanager
    def writing(self) -> Iterator[Stream]:
        with super().writing() as stream:
            self.num_open += 1
            yield stream
            self.num_open -= 1


def test_no_transaction_is_open_while_routes_catch_up(
    problem: Problem, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Watched(clock=Clock())
    one, other = (Desk(problem, plan, ledger) for _ in range(2))
    book(one, 0, 1)
    fresh = one.problem()
    later = planned(fresh, seed=1)
    done: list[tuple[int, int]] = []
    apply = Routes.apply

    def noting(routes: Routes, event: BookingEvent) -> None:
        done.append((event.seq, ledger.num_open))
        apply(routes, event)

    def caught_up(call: Callable[[], object]) -> list[int]:
        """Return how many transactions were open at each event that stood before the call."""
        last = ledger.events()[-1].seq
        done.clear()
        call()
        return [num_open for seq, num_open in done if seq <= last]

    monkeypatch.setattr(Routes, "apply", noting)
    calls: list[Callable[[], object]] = [
        lambda: other.hold(caller("n2", 15), WINDOWS[2], request_id="h2"),
        lambda: one.apply(caller("n3", 15)),
        lambda: other.confirm("n2", request_id="c2", version=1),
        lambda: one.sync(),
        lambda: (forget(ledger), Desk(problem, plan, ledger)),
        lambda: (forget(ledger), plan_with_bookings(problem, plan, ledger)),
        lambda: with_late_bookings(problem, plan, ledger),
    ]
    for number, call in enumerate(calls):
        found = caught_up(call)
        assert found, number
        assert not any(found), number
    # Who lets a plan take over decides as the only writer; who only follows does not.
    Desk.publish(fresh, later, ledger)
    one.rebase(fresh, later)
    book(one, 4)
    found = caught_up(lambda: other.rebase(fresh, later))
    assert found
    assert not any(found)
