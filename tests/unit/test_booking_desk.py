"""The desk: windows are tested where they are booked, and nothing that is promised moves."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

import dispatchopt as do
from dispatchopt.booking import Desk, Ledger
from dispatchopt.booking.routes import Routes
from dispatchopt.errors import BookingConflictError, InvalidBookingError, InvalidProblemError
from dispatchopt.models import Plan, Shift, Ticket
from dispatchopt.shadow import ShadowPrices, Worth
from tests import builders as small
from tests.unit.booking_day import Clock, caller, day_problem, planned, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.booking import Booking
    from dispatchopt.booking.teller import Choice
    from dispatchopt.models import Problem, Window

TEN = window("10:00", "12:00")
TEN_SLOT = [do.Slot(open="10:00", close="12:00")]
TWO = window("14:00", "15:00")
EARLY = window("08:00", "09:00")


@pytest.fixture(scope="module")
def problem() -> Problem:
    return day_problem()


@pytest.fixture(scope="module")
def plan(problem: Problem) -> Plan:
    return planned(problem)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(problem: Problem, plan: Plan, clock: Clock) -> Desk:
    return Desk(problem, plan, clock=clock)


def refused(call: Callable[[], object]) -> BookingConflictError:
    with pytest.raises(BookingConflictError) as caught:
        call()
    return caught.value


def start_of(desk: Desk, ticket_id: str) -> tuple[str, object]:
    plan = desk.plan()
    report = do.check(desk.problem(), plan)
    assert report.violations == ()
    ((shift_id, start),) = [
        (route.shift_id, visit.start)
        for route in plan.routes
        for visit in route.visits
        if visit.ticket_id == ticket_id
    ]
    return shift_id, start


def is_inside(desk: Desk, booking: Booking) -> bool:
    assert booking.window is not None
    shift_id, start = start_of(desk, booking.ticket_id)
    return shift_id == booking.shift_id and booking.window.open <= start <= booking.window.close  # type: ignore[operator]


def test_a_window_is_held_and_confirmed_and_stands_in_the_plan(desk: Desk, clock: Clock) -> None:
    held = desk.hold(caller(), TEN, request_id="r1", by="call-centre-3")
    assert (held.state, held.version, held.window) == ("held", 1, TEN)
    assert held.expires_at == clock.now + timedelta(minutes=30)
    assert is_inside(desk, held)
    kept = desk.confirm("n1", request_id="r2", version=held.version)
    assert (kept.state, kept.first_window) == ("confirmed", TEN)
    assert is_inside(desk, kept)
    plan = desk.plan()
    base = desk.ledger.plan_id()
    assert (plan.plan_id, plan.base_version) == (f"{base}+3", base)
    (visit,) = [v for r in plan.routes for v in r.visits if v.ticket_id == "n1"]
    assert visit.promised == TEN
    assert visit.kept_probability is not None
    assert visit.kept_probability >= 0.9


def test_a_released_or_expired_window_is_free_again(
    problem: Problem, plan: Plan, clock: Clock
) -> None:
    desk = Desk(day_problem(0, engineers=1), Plan(routes=()), clock=clock)
    # One engineer, and two hours of work from ten on: there is room for one.
    ten = window("10:00", "10:30")
    first = desk.hold(caller("n1", 120), ten, request_id="r1")
    conflict = refused(lambda: desk.hold(caller("n2", 120), ten, request_id="r2"))
    assert conflict.reason in ("NO_ROOM", "WOULD_WEAKEN_PROMISE", "TOO_UNCERTAIN")
    assert desk.release("n1", request_id="r3", version=first.version).state == "released"
    second = desk.hold(caller("n2", 120), ten, request_id="r2", minutes=10)
    assert second.state == "held"
    clock.pass_(10)
    # Nobody has to call `expire` for it: the place is free once the time is over.
    assert desk.hold(caller("n1", 120), ten, request_id="r4").state == "held"
    assert desk.booking("n2").state == "expired"  # type: ignore[union-attr]
    late = refused(lambda: desk.confirm("n2", request_id="r5", version=second.version))
    assert late.reason == "HOLD_EXPIRED"
    assert late.offers is not None
    assert len(late.offers) > 0


def test_a_visit_that_was_planned_anyway_goes_back_there(desk: Desk) -> None:
    before, _ = start_of(desk, "t1")
    held = desk.hold(_planned(desk, "t1"), window("15:00", "15:30", day=1), request_id="r1")
    assert start_of(desk, "t1")[0] != before
    desk.release("t1", request_id="r2", version=held.version)
    assert start_of(desk, "t1")[0] == before


def _planned(desk: Desk, ticket_id: str) -> Ticket:
    return next(t for t in desk.problem().tickets if t.id == ticket_id)


def test_a_second_hold_gives_the_first_back(desk: Desk) -> None:
    desk.hold(caller(), TEN, request_id="r1")
    second = desk.hold(caller(), TWO, request_id="r2")
    assert (second.window, second.version) == (TWO, 2)
    assert is_inside(desk, second)


def test_a_promise_moves_only_with_consent(desk: Desk) -> None:
    held = desk.hold(caller(), TEN, request_id="r1")
    kept = desk.confirm("n1", request_id="r2", version=held.version)
    assert refused(lambda: desk.hold(caller(), TWO, request_id="r3")).reason == "ILLEGAL_STEP"
    moved = desk.reschedule(
        "n1", TWO, consent_of="customer-8", request_id="r4", version=kept.version, by="E1"
    )
    assert (moved.window, moved.first_window, moved.by) == (TWO, TEN, "E1")
    assert is_inside(desk, moved)
    last = desk.ledger.history("n1")[-1]
    assert (last.kind, last.by, last.detail["consent_of"]) == ("reschedule", "E1", "customer-8")
    assert "attributes" not in last.detail["ticket"]
    # A window that is not to be had leaves the old one alone.
    conflict = refused(
        lambda: desk.reschedule(
            "n1", window("03:00", "04:00", day=1), consent_of="customer-8", request_id="r5",
            version=moved.version,
        )
    )  # fmt: skip
    assert conflict.offers
    assert desk.booking("n1") == moved
    assert is_inside(desk, moved)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (window("04:00", "05:00"), "TOO_SOON"),
        (window("02:00", "03:00", day=1), "OUTSIDE_VISITING_HOURS"),
        (window("10:00", "12:00", day=9), "NO_SHIFT"),
    ],
)
def test_windows_of_the_past_or_without_shifts_are_conflicts(
    desk: Desk, asked: Window, reason: str
) -> None:
    conflict = refused(lambda: desk.hold(caller(), asked, request_id="r1"))
    assert conflict.reason == reason
    assert conflict.offers
    assert desk.ledger.booking("n1") is None


def test_an_inverted_window_makes_no_sense(desk: Desk) -> None:
    inverted = TEN.model_copy(update={"open": TEN.close, "close": TEN.open})
    with pytest.raises(InvalidBookingError, match="close lies before open"):
        desk.hold(caller(), inverted, request_id="r1")


def test_the_same_call_again_returns_the_same(desk: Desk, clock: Clock) -> None:
    held = desk.hold(caller(), TEN, request_id="r1")
    clock.pass_(60)
    assert desk.hold(caller(), TEN, request_id="r1") == held
    assert refused(lambda: desk.hold(caller(), TWO, request_id="r1")).reason == "REQUEST_REUSED"


def test_two_desks_book_as_one(problem: Problem, plan: Plan, clock: Clock) -> None:
    ledger = Ledger(clock=clock)
    one, two = Desk(problem, plan, ledger), Desk(problem, plan, ledger)
    held = one.hold(caller(), TEN, request_id="r1")
    # The other desk sees the hold at once, and may confirm it.
    assert two.confirm("n1", request_id="r2", version=held.version).state == "confirmed"
    two.hold(caller("n2"), TWO, request_id="r3")
    assert one.sync() == 2
    assert one.version == two.version
    assert one.plan() == two.plan() == Desk(problem, plan, ledger).plan()


def test_the_last_place_is_taken_once(clock: Clock) -> None:
    problem, plan, ledger = day_problem(0, engineers=1), Plan(routes=()), Ledger(clock=clock)
    desks = [Desk(problem, plan, ledger, clock=clock) for _ in range(4)]
    ten, outcomes = window("10:00", "10:30"), list[str]()

    def call(number: int) -> None:
        try:
            ticket = caller(f"n{number}", 120)
            desks[number % 4].hold(ticket, ten, request_id=f"r{number}")
            outcomes.append("held")
        except BookingConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["held"]
    assert len(ledger.bookings("held")) == 1


def test_every_conflict_tells_what_stands(desk: Desk) -> None:
    held = desk.hold(caller("n1"), TWO, request_id="r1")
    booked = desk.confirm("n1", request_id="r2", version=held.version)
    night = window("21:00", "22:00")
    conflict = refused(
        lambda: desk.reschedule("n1", night, consent_of="C7", version=2, request_id="r3")
    )
    assert (conflict.reason, conflict.booking) == ("OUTSIDE_VISITING_HOURS", booked)
    assert conflict.offers


def test_a_desk_on_another_plan_is_told(problem: Problem, plan: Plan, clock: Clock) -> None:
    ledger = Ledger(clock=clock)
    desk = Desk(problem, plan, ledger)
    held = desk.hold(caller(), TEN, request_id="r1")
    other = planned(day_problem(5))
    assert refused(lambda: Desk(day_problem(5), other, ledger)).reason == "PLAN_CHANGED"
    fresh, rebased = Desk.publish(day_problem(5), other, ledger, clock=clock)
    assert (rebased.reinserted, rebased.conflicts) == (("n1",), ())
    assert is_inside(fresh, fresh.booking("n1"))  # type: ignore[arg-type]
    conflict = refused(lambda: desk.hold(caller("n2"), TWO, request_id="r2"))
    assert (conflict.reason, conflict.offers) == ("PLAN_CHANGED", None)
    # What needs no look at the routes goes on, and the plan that took over learns of it.
    assert desk.confirm("n1", request_id="r3", version=held.version).state == "confirmed"
    assert desk.rebase(day_problem(5), other) == rebased
    assert desk.version == fresh.version


def test_desks_with_other_days_played_through_share_no_ledger(
    problem: Problem, plan: Plan, clock: Clock
) -> None:
    # Other days, other places in a route: the events would not mean the same to both.
    ledger = Ledger(clock=clock)
    Desk(problem, plan, ledger, seed=1)
    assert refused(lambda: Desk(problem, plan, ledger)).reason == "PLAN_CHANGED"
    assert Desk(problem, plan, ledger, seed=1).offer(caller())


def test_the_first_plan_brings_its_promises_into_the_ledger(clock: Clock) -> None:
    promised = small.ticket("t9", minutes=30, appointment=small.window("09:00", "10:00"))
    problem = day_problem(0, tickets=[promised])
    desk = Desk(problem, planned(problem), clock=clock)
    booking = desk.booking("t9")
    assert booking is not None
    assert (booking.state, booking.is_forced) == ("confirmed", True)
    assert (booking.window, booking.first_window) == (window("09:00", "10:00"),) * 2
    assert is_inside(desk, booking)


def test_a_reported_window_is_recorded_with_its_consequences(clock: Clock) -> None:
    problem = day_problem(0, engineers=1)
    desk = Desk(problem, Plan(routes=()), clock=clock)
    ten = window("10:00", "10:30")
    first = desk.report_window(caller("n1", 120), ten, request_id="r1")
    assert (first.state, first.shift_id, first.is_forced) == ("confirmed", "s0.0", True)
    # The second cannot be kept: it stands all the same, and says what it would take.
    second = desk.report_window(caller("n2", 120), ten, request_id="r2")
    assert (second.state, second.shift_id, second.is_placed) == ("confirmed", None, False)
    told = desk.ledger.history("n2")[-1].consequences
    assert told is not None
    assert (told.ticket_id, told.window, told.is_feasible) == ("n2", ten, False)
    told = desk.ledger.history("n1")[-1].consequences
    assert told is not None
    assert told.is_feasible
    assert desk.booking("n1") == first
    assert is_inside(desk, first)
    assert desk.plan().broken_promises == ("n2",)
    # Reported once more, nothing happens.
    assert desk.report_window(caller("n1", 120), ten, request_id="r3") == first
    assert len(desk.ledger.history("n1")) == 1


def test_consequences_are_those_of_the_place_that_is_taken(clock: Clock) -> None:
    # Both engineers begin with hours of work; the first one ends beside n1.
    long = [
        small.ticket(f"t{n}", place=place, minutes=180, appointment=small.window("08:00", "08:30"))
        for n, place in enumerate("bc")
    ]
    problem = day_problem(0, tickets=long)
    named = [engineer.model_copy(update={"name": "Wei"}) for engineer in problem.engineers]
    problem = problem.model_copy(update={"engineers": tuple(named)})
    routes = [
        {"shift_id": f"s{n}.0", "engineer_id": f"e{n}", "visits": [{"ticket_id": f"t{n}"}]}
        for n in range(2)
    ]
    desk = Desk(problem, Plan.model_validate({"routes": routes}), clock=clock)
    offer = desk.offer(caller())[0].model_copy(update={"shift_id": "s1.0"})
    held = desk.hold(caller(), offer, request_id="r1")
    assert held.shift_id == "s1.0"
    soon = window("11:30", "11:50")
    cheapest = desk.forced(caller(), soon).offer
    assert cheapest is not None
    assert (cheapest.shift_id, cheapest.engineer_name) == ("s0.0", "Wei")
    booking = desk.report_window(caller(), soon, request_id="r2")
    assert booking.shift_id == "s1.0"  # who was to come anyway
    told = desk.ledger.history("n1")[-1].consequences
    assert told is not None
    assert told.offer is not None
    assert told.offer.shift_id == "s1.0"
    # People have names, the ledger has none.
    assert told.offer.engineer_name is None


def test_a_ticket_that_changes_keeps_its_window(desk: Desk) -> None:
    held = desk.hold(caller(), TEN, request_id="r1")
    kept = desk.confirm("n1", request_id="r2", version=held.version)
    after = desk.apply(caller(minutes=90))
    assert after is not None
    assert (after.window, after.version, after.is_placed) == (TEN, kept.version, True)
    assert _planned(desk, "n1").duration == 5400
    assert is_inside(desk, after)
    count = len(desk.ledger.events())
    desk.apply(caller(minutes=90))
    assert len(desk.ledger.events()) == count
    # Longer than any shift: the promise stands, and the plan says that it breaks it.
    lost = desk.apply(caller(minutes=900))
    assert lost is not None
    assert (lost.state, lost.window, lost.is_placed) == ("confirmed", TEN, False)
    assert desk.plan().broken_promises == ("n1",)


def test_a_cancelled_ticket_ends_its_booking(desk: Desk) -> None:
    held = desk.hold(caller(), TEN, request_id="r1")
    ended = desk.apply(caller(status="cancelled"))
    assert ended is not None
    assert (ended.state, ended.version) == ("cancelled", held.version + 1)
    assert do.check(desk.problem(), desk.plan()).is_valid
    conflict = refused(lambda: desk.hold(caller(status="cancelled"), TEN, request_id="r2"))
    assert conflict.reason == "NOT_OPEN"


@pytest.mark.parametrize("status", ["cancelled", "parked", "done"])
def test_a_ticket_that_is_off_promises_nothing(desk: Desk, status: str) -> None:
    held = desk.hold(caller(), TEN, request_id="r1")
    desk.confirm("n1", request_id="r2", version=held.version)
    ended = desk.apply(caller(status=status, appointment=TWO))
    assert ended is not None
    assert (ended.state, ended.window) == (status, TEN)
    never_booked = desk.apply(caller("n2", status=status, appointment=TWO))
    assert never_booked is not None
    assert never_booked.state == "unbooked"


@pytest.mark.parametrize("status", ["open", "parked"])
def test_what_waits_for_a_ticket_leaves_when_that_is_opened_again(
    clock: Clock, status: str
) -> None:
    # Three visits after t0, which seemed to be done: promised, held, and planned alone.
    after = [small.ticket(f"n{n}", minutes=30, after=("t0",)) for n in range(3)]
    problem = day_problem(0, tickets=[small.ticket("t0", status="done"), *after])
    desk = Desk(problem, planned(problem), clock=clock)
    held = desk.hold(after[0], TEN, request_id="r1")
    desk.confirm("n0", request_id="r2", version=held.version)
    desk.hold(after[1], TWO, request_id="r3")
    desk.apply(small.ticket("t0", status=status))
    plan = desk.plan()
    assert do.check(desk.problem(), plan).is_valid
    assert plan.broken_promises == ("n0",)
    assert {"n0", "n1", "n2"} <= {item.ticket_id for item in plan.unserved}
    promised, given_back = desk.booking("n0"), desk.booking("n1")
    assert promised is not None
    assert given_back is not None
    assert (promised.state, promised.window, promised.is_placed) == ("confirmed", TEN, False)
    assert given_back.state == "released"
    events = desk.ledger.events()
    desk.apply(small.ticket("t0", status=status))
    assert desk.ledger.events() == events


def test_a_window_reported_beside_a_fixed_time_has_no_place(clock: Clock) -> None:
    nine = {"lock": "visit", "assigned_engineer": "e0", "assigned_start": small.at("09:00")}
    fixed = small.ticket("t0", minutes=30, **nine)
    problem = day_problem(0, tickets=[fixed])
    desk = Desk(problem, planned(problem), clock=clock)
    held_to = desk.report_window(fixed, window("08:30", "10:00"), request_id="r1")
    assert (held_to.state, held_to.shift_id) == ("confirmed", "s0.0")
    beside = desk.report_window(fixed, TWO, request_id="r2")
    assert (beside.state, beside.shift_id) == ("confirmed", None)


def test_a_fact_told_again_is_no_news(desk: Desk) -> None:
    begun = {"lock": "started", "assigned_engineer": "e0", "assigned_start": small.at("05:30")}
    facts = [caller("n1", status="started", **begun), caller("n2", status="done")]
    facts.append(small.ticket("t0", status="done", minutes=30))
    for fact in facts:
        desk.apply(fact)
    events = desk.ledger.events()
    for fact in facts:
        desk.apply(fact)
    assert desk.ledger.events() == events


def test_a_ticket_that_comes_is_known_to_all_desks(
    problem: Problem, plan: Plan, clock: Clock
) -> None:
    ledger = Ledger(clock=clock)
    one, two = Desk(problem, plan, ledger), Desk(problem, plan, ledger)
    one.apply(caller("n7", attributes={"name": "张三", "phone": "13912345678"}))
    assert "n7" in {ticket.id for ticket in two.problem().tickets}
    assert [item.ticket_id for item in two.plan().unserved] == ["n7"]
    assert "张三" not in str(ledger.events())
    # The ticketing system names a window with it: promised from then on.
    booked = two.apply(caller("n7", appointment=TEN))
    assert booked is not None
    assert (booked.state, booked.window, booked.is_forced) == ("confirmed", TEN, True)
    assert is_inside(one, booked)


@pytest.mark.parametrize("kind", ["cancel", "park", "revisit", "missed"])
def test_a_visit_that_is_off_leaves_the_plan(desk: Desk, kind: str) -> None:
    held = desk.hold(caller(), TEN, request_id="r1")
    kept = desk.confirm("n1", request_id="r2", version=held.version)
    more = ("customer",) if kind == "missed" else ()
    step = getattr(desk, kind)
    assert not step("n1", *more, request_id="r3", version=kept.version).is_placed
    plan = desk.plan()
    assert "n1" not in {v.ticket_id for route in plan.routes for v in route.visits}
    assert plan.broken_promises == ()


def test_no_name_or_number_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="dispatchopt")
    ticket = caller(attributes={"name": "张三", "phone": "13912345678"})
    desk.hold(ticket, TEN, request_id="r1", by="operator-3")
    refused(lambda: desk.hold(ticket, window("04:00", "05:00"), request_id="r2"))
    assert "n1" in caplog.text
    assert "张三" not in caplog.text
    assert "139" not in caplog.text


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        # Clocks go back at 03:00 on this Sunday in Berlin: eight is 07:00 UTC from then on,
        ("2026-10-25", "07:00"),
        # and forward on this one: 06:00 UTC.
        ("2027-03-28", "06:00"),
    ],
)
def test_windows_are_local_times_on_days_when_clocks_change(day: str, opens: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(day).replace(tzinfo=berlin)
    shift = Shift(id="s", start=start.replace(hour=8), end=start.replace(hour=16))
    problem = small.problem(
        [],
        [small.engineer("e", shift)],
        horizon={"start": start, "end": start + timedelta(days=1)},
        timezone="Europe/Berlin",
        policy=small.free(unserved_cost=dict.fromkeys((1, 2, 3, 4), 20_000)),
    )
    ledger = Ledger(clock=lambda: start - timedelta(days=1))
    desk = Desk(problem, Plan(routes=()), ledger)
    first = min(desk.offer(caller(minutes=30)), key=lambda offer: offer.window.open)
    assert first.window.open == datetime.fromisoformat(f"{day}T{opens}:00+00:00")
    held = desk.hold(caller(minutes=30), first, request_id="r1")
    # The same instants, told in another zone, are the same call.
    shanghai = timezone(timedelta(hours=8))
    abroad = {
        "open": first.window.open.astimezone(shanghai),
        "close": first.window.close.astimezone(shanghai),
    }
    again = desk.hold(caller(minutes=30), do.Window.model_validate(abroad), request_id="r1")
    assert again == held
    desk.confirm("n1", request_id="r2", version=held.version)
    assert is_inside(desk, desk.booking("n1"))  # type: ignore[arg-type]


def test_the_lead_time_counts_from_the_desks_clock(desk: Desk, clock: Clock) -> None:
    early = min(offer.window.open for offer in desk.offer(caller()))
    clock.pass_(300)
    late = min(offer.window.open for offer in desk.offer(caller()))
    # The policy's two hours from eleven on.
    assert early < clock.now < clock.now + timedelta(hours=2) <= late


def test_a_forced_window_may_be_as_unsure_as_it_is(clock: Clock) -> None:
    desk = Desk(day_problem(0, engineers=1), Plan(routes=()), clock=clock)
    first = desk.hold(caller("n1", 180), window("08:30", "09:00"), request_id="r1")
    desk.confirm("n1", request_id="r2", version=first.version)
    # Whoever comes after three hours of work, which may take longer, is told so.
    noon = window("11:00", "12:10")
    conflict = refused(lambda: desk.hold(caller("n2", 30), noon, request_id="r3"))
    assert conflict.reason == "TOO_UNCERTAIN"
    asked = desk.forced(caller("n2", 30), noon)
    assert asked.is_feasible
    held = desk.hold(caller("n2", 30), asked, request_id="r3")
    assert (held.window, held.is_forced, held.is_placed) == (noon, True, True)
    assert is_inside(desk, held)
    with pytest.raises(InvalidBookingError, match="the offer is for ticket 'n2'"):
        desk.hold(caller("n3"), asked, request_id="r4")


def test_a_visit_without_a_promise_gives_way_to_one(clock: Clock) -> None:
    # The whole day is full of work that nobody was promised.
    tickets = [caller(f"t{n}", 200) for n in range(4)]
    problem = day_problem(0, tickets=tickets, engineers=1)
    desk = Desk(problem, planned(problem), clock=clock)
    assert not desk.offer(caller("n1", 120, priority=1))
    offers = desk.offer(caller("n1", 120, priority=1), displace=True)
    (gone,) = offers[0].displaces
    held = desk.hold(caller("n1", 120, priority=1), offers[0], request_id="r1")
    assert is_inside(desk, held)
    assert gone in {item.ticket_id for item in desk.plan().unserved}
    assert Desk(problem, planned(problem), desk.ledger, clock=clock).version == desk.version


def test_what_has_no_way_without_those_displaced_is_moved_before_the_test(clock: Clock) -> None:
    # Without t5 and t2 no way leads from t1 to t0: who has to leave with them takes the room.
    places = {"t0": "c", "t1": "a", "t2": "c", "t3": "a", "t4": "a", "t5": "b", "t6": "a"}
    tickets = [small.ticket(t, at, 60 if t == "t0" else 90) for t, at in places.items()]
    crew = [
        small.engineer("e0", small.shift("s0")),
        small.engineer("e1", small.shift("s1", end="12:00")),
    ]
    no_way = (("a", "c"), ("a", "d"), ("b", "a"), ("b", "d"), ("home", "b"), ("c", "home"))
    problem = small.problem(
        tickets,
        crew,
        travel=small.table(no_way=no_way),
        policy=small.free(
            travel_per_hour=3600,
            unserved_cost=dict.fromkeys((1, 2, 3, 4), 20_000),
            min_kept_probability=0,
        ),
    )
    plan = small.orders(s0="t1 t5 t2 t0 t4", s1="t6 t3")
    desk = Desk(problem, plan, clock=clock)
    wanted = caller("n0", 120)
    offer = desk.offer(wanted, TEN_SLOT, displace=True)[0]
    assert offer.displaces == ("t5", "t2")
    assert refused(lambda: desk.hold(wanted, offer, request_id="r1")).reason == "NO_ROOM"
    assert do.check(desk.problem(), desk.plan()).is_valid


@pytest.mark.parametrize(
    ("minutes", "broken"), [(60, ()), (120, ("t1",))], ids=["fits", "does not fit"]
)
def test_a_changed_visit_stays_where_others_have_no_way_past_it(
    clock: Clock, minutes: int, broken: tuple[str, ...]
) -> None:
    # No way leads home from t1 but over t6, and none to t6 but over t1.
    tickets = [
        small.ticket("t1", "a", 90, appointment=window("10:00", "12:00")),
        small.ticket("t6", "c", 90),
    ]
    problem = small.problem(
        tickets,
        [small.engineer("e0", small.shift("s0", end="14:00"))],
        travel=small.table(no_way=(("home", "c"), ("a", "home"))),
        policy=small.free(min_kept_probability=0),
    )
    plan = small.orders(s0="t1 t6")
    desk = Desk(problem, plan, clock=clock)
    desk.apply(tickets[0].model_copy(update={"duration": 60 * minutes}))
    again = Desk(problem, plan, desk.ledger, clock=clock)
    assert again.version == desk.version
    assert desk.plan().broken_promises == broken
    assert do.check(desk.problem(), desk.plan()).violations == ()


def test_what_no_desk_could_follow_is_not_booked(
    desk: Desk, problem: Problem, plan: Plan, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = desk.ledger.events()
    with monkeypatch.context() as patch:
        patch.setattr(Routes, "apply", fail)
        with pytest.raises(do.InternalError):
            desk.hold(caller("n", 15), window("10:00", "12:00"), request_id="r1")
    assert desk.ledger.events() == before
    desk.hold(caller("n", 15), window("10:00", "12:00"), request_id="r1")
    assert Desk(problem, plan, desk.ledger, clock=clock).version == desk.version


def fail(*_: object) -> None:
    raise do.InternalError("no place")


def test_a_ticket_that_contradicts_the_problem_harms_no_desk(
    desk: Desk, problem: Problem, plan: Plan, clock: Clock
) -> None:
    nowhere = caller(place="nowhere")
    for call in (
        lambda: desk.apply(nowhere),
        lambda: desk.hold(nowhere, TEN, request_id="r1"),
        lambda: desk.report_window(nowhere, TEN, request_id="r2"),
        lambda: desk.offer(nowhere),
    ):
        with pytest.raises(InvalidProblemError, match="no such place in the travel table"):
            call()
    assert [event.kind for event in desk.ledger.events()] == ["plan"]
    held = desk.hold(caller(), TEN, request_id="r1")
    desk.confirm("n1", request_id="r3", version=held.version)
    # The next table of travel lacks the place: the customer is to be called, and nothing breaks.
    fewer = day_problem(0, travel=small.table({"home": 0, "a": 10}))
    fresh, rebased = Desk.publish(fewer, Plan(routes=()), desk.ledger, clock=clock)
    assert rebased.conflicts == ("n1",)
    assert Desk(fewer, Plan(routes=()), desk.ledger, clock=clock).version == fresh.version
    booking = fresh.booking("n1")
    assert booking is not None
    assert (booking.state, booking.window, booking.is_placed) == ("confirmed", TEN, False)


def test_a_booking_whose_ticket_fits_no_more_is_told(
    problem: Problem, plan: Plan, clock: Clock
) -> None:
    old = do.FaultType.model_validate({"code": "OLD", "duration": {"mean": 3600}})
    desk = Desk(day_problem(fault_types=[old]), plan, clock=clock)
    for ticket_id, opens in (("n1", TEN), ("n2", TWO)):
        held = desk.hold(caller(ticket_id, fault_type="OLD"), opens, request_id=ticket_id)
    desk.confirm("n2", request_id="yes", version=held.version)
    rebased = desk.rebase(problem, plan)
    assert (rebased.conflicts, rebased.lost_holds) == (("n2",), ("n1",))
    assert is_same_in_another_process(problem, plan, desk)


def is_same_in_another_process(problem: Problem, plan: Plan, desk: Desk) -> bool:
    return Desk(problem, plan, desk.ledger).version == desk.version


# One engineer, from 8:00 on, and a promise at noon. After a visit of 3:35, which ends at 11:45 as
# planned, service from 12:00 to 12:30 is kept on three days of four only.
LONG = small.ticket("t", place="a", minutes=215)
NOON = window("12:00", "12:30")


def confirmed(desk: Desk, ticket: Ticket, opens: Window) -> None:
    held = desk.hold(ticket, opens, request_id=f"{ticket.id}-hold")
    desk.confirm(ticket.id, request_id=f"{ticket.id}-yes", version=held.version)


def kept(desk: Desk) -> dict[str, float | None]:
    return {v.ticket_id: v.kept_probability for r in desk.plan().routes for v in r.visits}


def test_a_hold_that_is_over_goes_home_at_the_expense_of_no_promise(clock: Clock) -> None:
    problem = day_problem(tickets=[LONG], engineers=1)
    desk = Desk(problem, small.orders(**{"s0.0": "t"}), clock=clock)
    away = desk.hold(LONG, window("09:00", "12:00", day=1), request_id="r1")
    confirmed(desk, caller("n", 120, "a"), NOON)
    desk.release("t", request_id="r2", version=away.version)
    assert kept(desk) == {"n": 1.0, "t": None}  # t has its place on the next day
    assert is_same_in_another_process(problem, small.orders(**{"s0.0": "t"}), desk)


def test_a_hold_that_a_new_plan_makes_unsure_is_told_and_not_confirmed(clock: Clock) -> None:
    empty = day_problem(0, engineers=1)
    desk = Desk(empty, Plan(routes=()), Ledger(clock=clock), clock=clock)
    held = desk.hold(caller("n", 120, "a"), NOON, request_id="r1", minutes=600)
    # The next plan has work before noon, and no other place for the hold.
    problem = day_problem(tickets=[LONG], engineers=1)
    rebased = desk.rebase(problem, small.orders(**{"s0.0": "t"}))
    assert (rebased.reinserted, rebased.unsure, rebased.weakened) == (("n",), ("n",), ())
    for where in (desk, desk.ledger):
        conflict = refused(lambda w=where: w.confirm("n", request_id="r2", version=held.version))
        assert conflict.reason == "TOO_UNCERTAIN"
    assert (
        refused(lambda: desk.confirm("n", request_id="r2", version=held.version)).offers is not None
    )
    assert is_same_in_another_process(problem, small.orders(**{"s0.0": "t"}), desk)


def test_promises_beside_a_booking_that_was_put_in_are_told(clock: Clock) -> None:
    # The next plan visits n at noon, first of its day; the promise of t at 8:00 is put in before.
    desk = Desk(day_problem(0, engineers=1), Plan(routes=()), clock=clock)
    confirmed(desk, LONG, window("08:00", "08:30"))
    noon = small.ticket("n", place="a", minutes=120, appointment=small.window("12:00", "12:30"))
    problem = day_problem(tickets=[noon], engineers=1)
    rebased = desk.rebase(problem, small.orders(**{"s0.0": "n"}))
    assert (rebased.reinserted, rebased.weakened, rebased.unsure) == (("t",), ("n",), ())


def test_a_visit_that_changes_stays_at_the_expense_of_no_promise(clock: Clock) -> None:
    today = {"latest": small.at("12:15")}
    short = small.ticket("t", place="a", minutes=60, **today)
    desk = Desk(
        day_problem(tickets=[short], engineers=1), small.orders(**{"s0.0": "t"}), clock=clock
    )
    confirmed(desk, caller("n", 120, "a"), NOON)
    assert set(kept(desk)) == {"n", "t"}
    desk.apply(LONG.model_copy(update=today))
    assert kept(desk) == {"n": 1.0}


@pytest.mark.parametrize("minutes", [215, 900])
def test_a_hold_that_has_no_place_any_more_is_given_back(clock: Clock, minutes: int) -> None:
    desk = Desk(day_problem(0, engineers=1), Plan(routes=()), clock=clock)
    confirmed(desk, caller("n", 120, "a"), NOON)
    held = desk.hold(small.ticket("t", place="a", minutes=60), EARLY, request_id="r1")
    # With 3:35 the promise at noon would become too unsure; 15 hours are longer than any shift.
    lost = desk.apply(small.ticket("t", place="a", minutes=minutes))
    assert lost is not None
    assert (lost.state, lost.version, lost.is_placed) == ("released", held.version + 1, False)
    assert kept(desk) == {"n": 1.0}
    assert desk.plan().broken_promises == ()
    for where in (desk, desk.ledger):
        conflict = refused(lambda w=where: w.confirm("t", request_id="r2", version=held.version))
        assert conflict.reason == "STALE_VERSION"
        assert "it is released" in str(conflict)
    conflict = refused(lambda: desk.confirm("t", request_id="r2", version=held.version))
    assert conflict.offers is not None
    assert is_same_in_another_process(day_problem(0, engineers=1), Plan(routes=()), desk)


def test_a_hold_that_its_ticket_makes_unsure_is_not_confirmed(clock: Clock) -> None:
    problem = day_problem(tickets=[LONG])
    desk = Desk(problem, small.orders(**{"s1.0": "t"}), Ledger(clock=clock), clock=clock)
    held = desk.hold(caller("n", 120, "a"), NOON, request_id="r1")
    assert held.engineer_id == "e0"
    # Now only the other engineer may come, who has work before noon.
    moved = desk.apply(caller("n", 120, "a", refused_engineers=["e0"]))
    assert moved is not None
    assert (moved.state, moved.engineer_id) == ("held", "e1")
    for where in (desk, desk.ledger):
        conflict = refused(lambda w=where: w.confirm("n", request_id="r2", version=held.version))
        assert conflict.reason == "TOO_UNCERTAIN"


STEPS: dict[str, dict[str, object]] = {
    "confirm": {"version": 1}, "release": {"version": 0}, "cancel": {"version": 0}, "done": {},
    "missed": {"missed_by": "us"}, "park": {}, "revisit": {}, "contacted": {},
    "reschedule": {"choice": TEN, "consent_of": "c", "version": 0},
}  # fmt: skip


@pytest.mark.parametrize("kind", STEPS)
def test_a_ticket_that_nobody_knows_is_unknown_to_every_step(desk: Desk, kind: str) -> None:
    conflict = refused(lambda: getattr(desk, kind)("NOPE", request_id="r1", **STEPS[kind]))
    assert (conflict.reason, conflict.booking) == ("UNKNOWN_TICKET", None)
    assert desk.booking("NOPE") is None
    # A ledger alone cannot know whom somebody may have called before anything was booked.
    if kind not in ("reschedule", "contacted"):
        ledger = desk.ledger
        conflict = refused(lambda: getattr(ledger, kind)("NOPE", request_id="r1", **STEPS[kind]))
        assert conflict.reason == "UNKNOWN_TICKET"
        assert "nothing was ever booked for it. Check its id" in str(conflict)


def test_a_ticket_of_the_plan_is_known_before_it_is_booked(desk: Desk) -> None:
    assert refused(lambda: desk.done("t1", request_id="r1")).reason == "ILLEGAL_STEP"
    called = desk.contacted("t1", request_id="r2")
    assert (called.state, called.contacted_at) == ("unbooked", called.changed_at)


@pytest.mark.parametrize("minutes", [-1, 10**12, 2.5, float("nan"), True, "30"])
def test_a_hold_lasts_whole_minutes(desk: Desk, minutes: object) -> None:
    with pytest.raises(InvalidBookingError, match="minutes"):
        desk.hold(caller(), TEN, request_id="r1", minutes=minutes)  # type: ignore[arg-type]
    assert desk.booking("n1") is None


def test_a_window_goes_to_the_engineer_whom_its_offer_names(clock: Clock) -> None:
    # Beside t0 e0 needs no travel and is there by noon on 94 days of 100, e1 travels 40 min:
    # 0 + 0.06 * 200000 = 12000 against 2400.
    policy = small.free(
        travel_per_hour=3600, broken_promise_cost=3_600_000, missed_window_cost=200_000
    )
    tickets = [small.ticket("t0", place="b", minutes=120, appointment=EARLY)]
    problem = day_problem(tickets=tickets, policy=policy)
    route = {"shift_id": "s0.0", "visits": [{"ticket_id": "t0"}]}
    desk = Desk(problem, Plan.model_validate({"routes": [route]}), clock=clock)
    slot = do.Slot(open="10:00", close="12:00")
    offer = next(offer for offer in desk.offer(caller(), [slot]) if offer.window == TEN)
    assert (offer.engineer_id, offer.added_cost) == ("e1", 2400)
    assert desk.hold(caller(), TEN, request_id="q1").engineer_id == "e1"


def test_a_bare_window_takes_no_more_room_than_its_offer(clock: Clock) -> None:
    # Either engineer could come; an hour of e0 is worth two to more urgent work.
    problem = day_problem(0)
    prices = ShadowPrices((Worth("shift_hour", "s0.0", 7200, 7200, 1),))
    desk = Desk(problem, Plan(routes=()), clock=clock, shadow_prices=prices)
    offer = next(o for o in desk.offer(caller(), TEN_SLOT) if o.window == TEN)
    assert offer.engineer_id == "e1"
    assert desk.hold(caller(), TEN, request_id="r1").engineer_id == "e1"


def limited(**fields: object) -> Ticket:
    return caller(minutes=30, **fields)


@pytest.mark.parametrize(
    ("asked", "ticket", "reason"),
    [
        (window("07:59", "09:00"), limited(), "OUTSIDE_VISITING_HOURS"),
        (window("08:00", "09:00"), limited(earliest=small.at("08:01")), "TOO_SOON"),
        (window("08:00", "09:00"), limited(known_at=small.at("08:01")), "TOO_SOON"),
        (window("10:00", "12:00"), limited(windows=[window("10:00", "11:59")]), "OUTSIDE_WISHES"),
        (window("10:00", "12:00"), limited(windows=[window("09:00", "10:00")]), "OUTSIDE_WISHES"),
        # Half an hour of work that has to be over at 12:29.
        (window("10:00", "12:00"), limited(latest=small.at("12:29")), "AFTER_SERVICE_LIMIT"),
    ],
)
def test_a_bare_window_meets_the_limits_of_offers(
    desk: Desk, asked: Window, ticket: Ticket, reason: str
) -> None:
    conflict = refused(lambda: desk.hold(ticket, asked, request_id="r1"))
    assert conflict.reason == reason
    assert "Desk.forced, --forced" in str(conflict)
    assert conflict.offers is not None
    assert desk.booking("n1") is None
    # What the customer insists on is held all the same; the ticketing system is always right.
    assert desk.hold(ticket, desk.forced(ticket, asked), request_id="r1").window == asked
    desk.report_window(caller("n2", 30), asked, request_id="r2")


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (window("08:00", "09:00"), {"earliest": small.at("08:00")}),
        (window("10:00", "12:00"), {"latest": small.at("12:30")}),
        (
            window("10:00", "12:00"),
            {"windows": [window("10:00", "11:00"), window("11:00", "12:00")]},
        ),
        (window("10:00", "10:00"), {"windows": [window("08:00", "10:00")]}),
        # Later than the service is due: offered last, and not refused.
        (window("10:00", "12:00", day=1), {"due": small.at("12:00")}),
    ],
)
def test_a_bare_window_within_the_limits_is_held(
    desk: Desk, asked: Window, fields: dict[str, object]
) -> None:
    assert desk.hold(limited(**fields), asked, request_id="r1").window == asked


def test_the_lead_time_leaves_as_long_as_a_hold_lasts(desk: Desk, clock: Clock) -> None:
    clock.pass_(60)
    nine = [do.Slot(open="09:00", close="10:00")]
    offer, other = (
        min(desk.offer(limited(), nine), key=lambda o: o.window.open),
        min(desk.offer(caller("n2", 30), nine), key=lambda o: o.window.open),
    )
    assert offer.window == other.window == window("09:00", "10:00")
    clock.pass_(30)
    assert desk.hold(limited(), offer.window, request_id="r1").window == offer.window
    clock.pass_(1)
    conflict = refused(lambda: desk.hold(caller("n2", 30), other.window, request_id="r2"))
    assert conflict.reason == "TOO_SOON"
    # The offer itself was soon enough when it was made.
    assert desk.hold(caller("n2", 30), other, request_id="r2").window == other.window


def test_a_promise_moves_within_the_limits_but_where_the_customer_agreed(desk: Desk) -> None:
    asked = limited(windows=[window("10:00", "12:00")])
    held = desk.hold(asked, TEN, request_id="r1")
    kept = desk.confirm("n1", request_id="r2", version=held.version)

    def move(choice: Choice, request_id: str) -> Booking:
        return desk.reschedule(
            "n1", choice, consent_of="c", request_id=request_id, version=kept.version
        )

    late = window("07:30", "09:00", day=1)
    assert refused(lambda: move(late, "r3")).reason == "OUTSIDE_VISITING_HOURS"
    # Not among the wishes of the ticket; whoever consents to it can be there.
    assert move(TWO, "r4").window == TWO
    kept = desk.booking("n1")  # type: ignore[assignment]
    assert move(desk.forced(asked, late), "r5").window == late
