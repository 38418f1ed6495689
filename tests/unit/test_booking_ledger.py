"""The ledger: states and steps, repeated requests, expiry, histories; against a plain model."""

from __future__ import annotations

import pickle
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import dispatchopt as do
from dispatchopt.booking import Ledger, stream
from dispatchopt.booking.states import FROM, TO, State, after
from dispatchopt.errors import AdapterError, BookingConflictError, InvalidBookingError
from tests.unit.booking_steps import NOW, Clock, slot, take
from tests.unit.databases import rows_of, run_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dispatchopt.booking import Booking
    from dispatchopt.models import Window


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(database_url: str, clock: Clock) -> Iterator[Ledger]:
    found = Ledger(database_url, clock=clock)
    yield found
    found.close()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    found = Ledger(tmp_path / "bookings" / "ledger.db", clock=clock)
    yield found
    found.close()


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(BookingConflictError) as caught:
        call()
    return caught.value.reason


def test_a_window_is_held_confirmed_and_kept(ledger: Ledger, clock: Clock) -> None:
    held = take(ledger, "T1", slot(8), "r1", by="caller-7")
    assert (held.state, held.version, held.window, held.by) == ("held", 1, slot(8), "caller-7")
    assert held.expires_at == NOW + timedelta(minutes=30)
    clock.pass_(29)
    kept = ledger.confirm("T1", request_id="r2", version=1)
    assert (kept.state, kept.version, kept.expires_at) == ("confirmed", 2, None)
    assert (kept.first_window, kept.first_agreed_at) == (slot(8), clock.now)
    assert ledger.booking("T1") == kept
    done = ledger.done("T1", request_id="r3")
    assert (done.state, done.window, done.shift_id) == ("done", slot(8), "S1")
    assert [(e.seq, e.kind, e.revision) for e in ledger.history("T1")] == [
        (1, "hold", 1), (2, "confirm", 2), (3, "done", 3),
    ]  # fmt: skip
    assert ledger.booking("T2") is None
    assert ledger.bookings("held") == []
    assert ledger.bookings() == ledger.bookings("done", "held") == [done]


def test_an_expired_hold_is_not_confirmed_and_frees_its_place(ledger: Ledger, clock: Clock) -> None:
    take(ledger, "T1", slot(8), "r1")
    clock.pass_(29)
    assert ledger.expire() == []
    clock.pass_(1)
    assert refused(lambda: ledger.confirm("T1", request_id="r2", version=1)) == "HOLD_EXPIRED"
    (expired,) = ledger.expire()
    assert (expired.state, expired.version, expired.shift_id) == ("expired", 2, None)
    assert expired.window == slot(8)
    # Whoever looked first recorded it: to the customer's call the hold is over all the same.
    for version in (1, 2):
        call = partial(ledger.confirm, "T1", request_id="r2", version=version)
        assert refused(call) == "HOLD_EXPIRED"
    again = take(ledger, "T1", slot(10), "r3")
    assert (again.state, again.version, again.is_placed) == ("held", 3, True)


def test_a_repeated_request_returns_what_it_returned(ledger: Ledger, clock: Clock) -> None:
    held = take(ledger, "T1", slot(8), "r1")
    kept = ledger.confirm("T1", request_id="r2", version=1)
    ledger.contacted("T1", request_id="r3")
    clock.pass_(500)
    assert take(ledger, "T1", slot(8), "r1") == held
    assert ledger.confirm("T1", request_id="r2", version=1) == kept
    assert len(ledger.events()) == 3
    assert refused(lambda: take(ledger, "T1", slot(10), "r1")) == "REQUEST_REUSED"
    assert refused(lambda: take(ledger, "T2", slot(8), "r1")) == "REQUEST_REUSED"
    assert refused(lambda: ledger.cancel("T1", request_id="r2", version=2)) == "REQUEST_REUSED"
    assert len(ledger.events()) == 3


def test_a_refused_request_may_be_made_again(ledger: Ledger) -> None:
    assert refused(lambda: ledger.confirm("T1", request_id="r1", version=1)) == "UNKNOWN_TICKET"
    take(ledger, "T1", slot(8), "r0")
    assert ledger.confirm("T1", request_id="r1", version=1).state == "confirmed"


def test_a_stale_version_is_a_conflict(ledger: Ledger) -> None:
    take(ledger, "T1", slot(8), "r1")
    second = take(ledger, "T1", slot(10), "r2")
    message = "it is held, its version is 2, the call is for 1"
    with pytest.raises(BookingConflictError, match=message) as caught:
        ledger.confirm("T1", request_id="r3", version=1)
    assert (caught.value.reason, caught.value.booking) == ("STALE_VERSION", second)
    # What the engineer says is a fact, whatever version was seen.
    assert ledger.park("T1", request_id="r4").state == "parked"


def test_a_conflict_can_be_pickled(file: Ledger) -> None:
    take(file, "T1", slot(8), "r1")
    with pytest.raises(BookingConflictError) as caught:
        file.done("T1", request_id="r2")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copy, do.BookingConflictError)
    assert (str(copy), copy.reason, copy.booking) == (
        str(caught.value), "ILLEGAL_STEP", file.booking("T1"),
    )  # fmt: skip


def test_the_first_window_stays_until_another_visit_is_needed(ledger: Ledger) -> None:
    take(ledger, "T1", slot(8), "r1")
    ledger.confirm("T1", request_id="r2", version=1)
    moved = take(ledger, "T1", slot(12), "r3", kind="reschedule", by="customer")
    assert (moved.window, moved.first_window) == (slot(12), slot(8))
    missed = ledger.missed("T1", "us", request_id="r4")
    assert (missed.missed_by, missed.is_placed) == ("us", False)
    late = ledger.done("T1", request_id="r5")
    assert (late.state, late.missed_by, late.first_window) == ("done", "us", slot(8))
    more = ledger.revisit("T1", request_id="r6")
    assert (more.state, more.first_window, more.missed_by) == ("revisit", None, None)
    take(ledger, "T1", slot(14), "r7")
    kept = ledger.confirm("T1", request_id="r8", version=more.version + 1)
    assert kept.first_window == slot(14)
    assert [e.window for e in ledger.history("T1") if e.window is not None] == [
        slot(8), slot(12), slot(14),
    ]  # fmt: skip


def test_the_first_contact_is_tracked(ledger: Ledger, clock: Clock) -> None:
    first, later = NOW + timedelta(minutes=30), NOW + timedelta(hours=24)
    assert ledger.dispatched({"T1": first, "T2": first}, plan_id="p1") == 2
    assert ledger.dispatched({"T1": first, "T2": later}, plan_id="p1") == 0
    clock.pass_(20)
    called = ledger.contacted("T1", request_id="c1", by="E1")
    assert (called.contact_by, called.contacted_at, called.state) == (first, clock.now, "unbooked")
    at = clock.now
    clock.pass_(20)
    assert ledger.contacted("T1", request_id="c2", by="E1").contacted_at == at
    # Released again the next night: the first deadline stands, and was missed.
    ledger.dispatched({"T2": later}, plan_id="p2")
    waiting = ledger.booking("T2")
    assert waiting is not None
    assert (waiting.contact_by, waiting.contacted_at) == (first, None)
    # Whoever has a hold in hand is not disturbed by a call.
    held = take(ledger, "T2", slot(8), "r1")
    ledger.contacted("T2", request_id="c3")
    assert ledger.confirm("T2", request_id="r2", version=held.version).state == "confirmed"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"request_id": ""}, "request_id: must be an id"),
        ({"request_id": "dispatchopt:1"}, "request_id = dispatchopt:: ids that begin so"),
        ({"ticket_id": "a\nb"}, "ticket_id: must be an id"),
        ({"by": "x" * 201}, "by: must be an id"),
        ({"request_id": "\ud800"}, "request_id: must be an id"),  # half a character
        ({"by": "张三 13912345678"}, "no phone or identity number"),
    ],
)
def test_calls_that_make_no_sense_are_refused(
    file: Ledger, fields: dict[str, str], told: str
) -> None:
    given: Any = {"ticket_id": "T1", "request_id": "r1", "by": "me", **fields}
    with pytest.raises(InvalidBookingError, match="The booking has 1 fault") as caught:
        file.confirm(version=1, **given)
    assert told in str(caught.value)
    assert "139" not in str(caught.value)
    assert file.events() == []


@pytest.mark.parametrize("ticket_id", ["\ud800", "T\x00", "", "T" * 201])
def test_what_can_be_no_id_is_unknown(ledger: Ledger, ticket_id: str) -> None:
    assert ledger.booking(ticket_id) is None
    assert ledger.ticket(ticket_id) is None
    assert ledger.history(ticket_id) == []


def test_an_inverted_window_is_refused(file: Ledger) -> None:
    window = slot(8).model_copy(update={"close": slot(6).open})
    with pytest.raises(InvalidBookingError, match="close lies before open; swap them"):
        take(file, "T1", window, "r1")
    with pytest.raises(InvalidBookingError, match="there are us, customer, no_access"):
        file.missed("T1", "nobody", request_id="r1")  # type: ignore[arg-type]


@pytest.mark.parametrize("state", get_args(State))
def test_every_step_goes_where_the_table_says_or_nowhere(file: Ledger, state: State) -> None:
    """Steps from each state, one after the other; what is not allowed changes nothing."""
    ways: dict[str, list[str]] = {
        "unbooked": [], "held": ["hold"], "confirmed": ["hold", "confirm"],
        "expired": ["hold", "expire"], "released": ["hold", "release"],
        "cancelled": ["hold", "cancel"], "done": ["hold", "confirm", "done"],
        "missed": ["hold", "confirm", "missed"], "parked": ["hold", "park"],
        "revisit": ["hold", "confirm", "revisit"],
    }  # fmt: skip
    for number, kind in enumerate(TO):
        ticket_id = f"T{number}"
        for index, step in enumerate(ways[state]):
            _walk(file, step, ticket_id, f"{number}.{index}")
        before = file.booking(ticket_id)
        assert (before.state if before else "unbooked") == state
        if state in FROM[kind]:
            assert _walk(file, kind, ticket_id, f"{number}.end").state == TO[kind]
        elif kind != "expire":
            with pytest.raises(BookingConflictError):
                _walk(file, kind, ticket_id, f"{number}.end")
            assert file.booking(ticket_id) == before


def _walk(ledger: Ledger, kind: str, ticket_id: str, request_id: str) -> Booking:
    booking = ledger.booking(ticket_id)
    version = booking.version if booking else 0
    if kind in ("hold", "reschedule", "report"):
        return take(ledger, ticket_id, slot(8), request_id, kind=kind)
    if kind == "expire":
        assert isinstance(ledger._clock, Clock)
        ledger._clock.pass_(30)
        return next(b for b in ledger.expire() if b.ticket_id == ticket_id)
    if kind == "missed":
        return ledger.missed(ticket_id, "customer", request_id=request_id, version=version)
    step = getattr(ledger, kind)
    return step(ticket_id, request_id=request_id, version=version)  # type: ignore[no-any-return]


def test_without_a_place_to_be_a_ledger_is_a_file_of_its_own() -> None:
    first, second = Ledger(), Ledger()
    take(first, "T1", slot(8), "r1")
    assert second.bookings() == []
    path = first._link.file
    assert path is not None
    assert path.exists()
    first.close()
    del first
    assert not path.exists()


@pytest.mark.parametrize("name", ["a?b.db", "a%20b.db", "a#b.db", "a b.db"])
def test_a_file_is_the_one_that_was_named(tmp_path: Path, name: str) -> None:
    for where in (tmp_path / name, str(tmp_path / name)):
        Ledger(where).bookings()
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".db-wal"] == [name]


def test_a_database_of_an_older_version_names_the_command(database_url: str) -> None:
    from dispatchopt.adapters.database.connect import Link
    from dispatchopt.adapters.database.migrations import MIGRATIONS, upgrade

    upgrade(Link(database_url), MIGRATIONS[:2])
    with pytest.raises(AdapterError, match="Run: dispatchopt database migrate"):
        Ledger(database_url).bookings()


def test_tables_speak_for_themselves(database_url: str, ledger: Ledger) -> None:
    take(ledger, "T1", slot(8), "r1")
    ledger.confirm("T1", request_id="r2", version=1)
    query = "SELECT ticket_id, state, revision, actor, is_forced FROM dispatchopt_booking"
    assert [tuple(row) for row in rows_of(database_url, query)] == [
        ("T1", "confirmed", 2, "customer", False)
    ]
    query = "SELECT seq, request_id, kind FROM dispatchopt_booking_event ORDER BY seq"
    assert rows_of(database_url, query) == [(1, "r1", "hold"), (2, "r2", "confirm")]


def test_a_broken_database_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).expire()
    run_sql(f"sqlite:///{path}", "DROP TABLE dispatchopt_booking_event")
    with pytest.raises(AdapterError, match="cannot be used"):
        take(Ledger(path), "T1", slot(8), "r1")


TICKETS = ("A", "B")
_ids = st.sampled_from(TICKETS)
_steps = st.sampled_from(("confirm", "release", "cancel", "done", "missed", "park", "revisit"))


class LedgerModel(RuleBasedStateMachine):
    """The ledger beside a dictionary: the same answers, and the same states."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.ledger = Ledger(Path(self.folder.name) / "ledger.db", clock=self.clock)
        self.other = Ledger(Path(self.folder.name) / "ledger.db", clock=self.clock)
        self.state: dict[str, str] = dict.fromkeys(TICKETS, "unbooked")
        self.version: dict[str, int] = dict.fromkeys(TICKETS, 0)
        self.until: dict[str, Any] = {}
        self.first: dict[str, Any] = dict.fromkeys(TICKETS)
        self.window: dict[str, Any] = dict.fromkeys(TICKETS)
        self.answers: list[tuple[Callable[[Ledger], Booking], Booking]] = []
        self.number = 0

    def call(self, call: Callable[[Ledger], Booking], ticket_id: str, kind: str) -> None:
        is_over = kind == "confirm" and self.until.get(ticket_id, NOW) <= self.clock.now
        if self.state[ticket_id] not in FROM[kind] or is_over:  # type: ignore[index]
            with pytest.raises(BookingConflictError):
                call(self.ledger)
            return
        answer = call(self.ledger)
        self.answers.append((call, answer))
        self.state[ticket_id] = TO[kind]  # type: ignore[index]
        self.version[ticket_id] += 1
        if TO[kind] == "confirmed" and self.first[ticket_id] is None:  # type: ignore[index]
            self.first[ticket_id] = self.window[ticket_id]
        if kind == "revisit":
            self.first[ticket_id] = None

    @rule(ticket_id=_ids, hour=st.sampled_from((8, 10)), minutes=st.sampled_from((15, 30)))
    def hold(self, ticket_id: str, hour: int, minutes: int) -> None:
        self.take("hold", ticket_id, hour, minutes)

    @rule(
        ticket_id=_ids,
        hour=st.sampled_from((8, 10)),
        kind=st.sampled_from(("reschedule", "report")),
    )
    def agree(self, ticket_id: str, hour: int, kind: str) -> None:
        self.take(kind, ticket_id, hour, 0)

    def take(self, kind: str, ticket_id: str, hour: int, minutes: int) -> None:
        self.number += 1
        request_id = f"r{self.number}"
        if self.state[ticket_id] in FROM[kind]:  # type: ignore[index]
            self.window[ticket_id] = slot(hour)
            self.until[ticket_id] = self.clock.now + timedelta(minutes=minutes)
        self.call(
            lambda ledger: take(
                ledger, ticket_id, slot(hour), request_id, kind=kind, minutes=minutes
            ),
            ticket_id,
            kind,
        )

    @rule(ticket_id=_ids, kind=_steps)
    def step(self, ticket_id: str, kind: str) -> None:
        self.number += 1
        request_id, version = f"r{self.number}", self.version[ticket_id]
        more = {"missed_by": "us"} if kind == "missed" else {}
        self.call(
            lambda ledger: getattr(ledger, kind)(
                ticket_id, request_id=request_id, version=version, **more
            ),
            ticket_id,
            kind,
        )

    @rule(minutes=st.sampled_from((0, 15, 30)))
    def wait(self, minutes: int) -> None:
        self.clock.pass_(minutes)

    @rule()
    def expire(self) -> None:
        due = {t for t in TICKETS if self.state[t] == "held" and self.until[t] <= self.clock.now}
        assert {booking.ticket_id for booking in self.other.expire()} == due
        for ticket_id in due:
            self.state[ticket_id] = "expired"
            self.version[ticket_id] += 1

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.answers:
            call, answer = data.draw(st.sampled_from(self.answers))
            assert call(self.other) == answer

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for ticket_id in TICKETS:
            booking = self.ledger.booking(ticket_id)
            found = booking.state if booking else "unbooked"
            assert found == self.state[ticket_id]
            assert (booking.version if booking else 0) == self.version[ticket_id]
            if booking is not None:
                assert (booking.window, booking.first_window) == (
                    self.window[ticket_id], self.first[ticket_id],
                )  # fmt: skip
                folded = None
                for event in self.ledger.history(ticket_id):
                    folded = after(folded, event)
                assert folded == booking
        events = self.ledger.events()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.other.close()
            self.folder.cleanup()


TestLedgerModel = LedgerModel.TestCase
TestLedgerModel.settings = settings(stateful_step_count=15, print_blob=False)


def test_what_is_read_of_a_few_tickets_does_not_grow_with_the_ledger(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ticket_id in ("T1", "T2", "T3"):
        take(ledger, ticket_id, slot(8), f"r-{ticket_id}")
    read: list[str] = []

    def noted(row: Any, prefix: str = "") -> Window | None:
        read.append(row["ticket_id"])
        return window_of_row(row, prefix)

    window_of_row = stream._window
    monkeypatch.setattr(stream, "_window", noted)
    with ledger.reading() as opened:
        assert opened.windows(["T2", "T9"]) == {"T2": {slot(8)}, "T9": set()}
    assert read == ["T2"]


def test_as_many_tickets_may_be_asked_for_as_there_are(ledger: Ledger) -> None:
    # SQLite takes 32 766 values in one statement, PostgreSQL 65 535.
    take(ledger, "T1", slot(8), "r1")
    ids = [f"T{n}" for n in range(70_000)]
    with ledger.reading() as opened:
        assert opened.windows(ids)["T1"] == {slot(8)}
        assert opened.tickets(ids) == {}
