"""TMF646 answered by a desk: statuses, documents that fit the schemas, conflicts with a way out."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.booking import Desk, Ledger
from dispatchopt.booking.tmf646 import Tmf646
from dispatchopt.models import Plan, Problem, Ticket
from tests.tmf_schemas import faults
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_shift, raw_ticket
from tests.unit.test_adapters_tmf621 import values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.booking.tmf646 import Answer

NOW = datetime.fromisoformat(at("06:00"))


class Clock:
    """A clock that the tests turn."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def day() -> Problem:
    """Two engineers from 08:00 to 17:00, and two tickets that nobody has called about."""
    tickets = [raw_ticket("T1"), raw_ticket("T2", fault_type="BB_SLOW", attributes={"电话": "1"})]
    engineers = [
        raw_engineer(name, shifts=[raw_shift(f"S-{name}", max_visits=1)]) for name in ("E1", "E2")
    ]
    return Problem.model_validate(
        raw_problem(tickets=tickets, engineers=engineers, now=at("06:00"))
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Iterator[Desk]:
    ledger = Ledger(clock=clock)
    yield Desk(day(), Plan(routes=()), ledger, clock=clock)
    ledger.close()


@pytest.fixture
def service(desk: Desk) -> Tmf646:
    return Tmf646(desk)


@pytest.fixture(scope="module")
def shared() -> Iterator[Tmf646]:
    ledger = Ledger()
    yield Tmf646(Desk(day(), Plan(routes=()), ledger))
    ledger.close()


def search(ticket_id: str = "T1", **changed: Any) -> dict[str, Any]:
    entity = {"id": ticket_id, "role": "Problem description", "@referredType": "TroubleTicket"}
    return {"relatedEntity": [entity], **changed}


def asked(opens: str, closes: str, ticket_id: str = "T1", **changed: Any) -> dict[str, Any]:
    period = {"startDateTime": at(opens), "endDateTime": at(closes)}
    return {**search(ticket_id), "validFor": period, **changed}


CUSTOMER = [{"id": "C1", "role": "customer", "@referredType": "Customer"}]


def fits(answer: Answer, name: str) -> bool:
    return faults(answer.body, "tmf646-v4", name) == []


def test_a_search_is_answered_with_graded_slots(service: Tmf646) -> None:
    answer = service.search_time_slot(search(), search_id="S1")
    assert answer.status == 201
    assert fits(answer, "SearchTimeSlot")
    slots = answer.body["availableTimeSlot"]
    assert len(slots) > 2
    assert [slot["grade"] for slot in slots] == sorted((s["grade"] for s in slots), reverse=True)
    assert {slot["relatedParty"]["id"] for slot in slots} <= {"E1", "E2"}
    assert answer.body["status"] == "done"


def test_the_question_says_when_the_customer_could(service: Tmf646) -> None:
    span = {"validFor": {"startDateTime": at("13:00"), "endDateTime": at("15:00")}}
    answer = service.search_time_slot(search(requestedTimeSlot=[span]), search_id="S1")
    periods = [slot["validFor"] for slot in answer.body["availableTimeSlot"]]
    assert periods
    assert all(at("13:00") <= p["startDateTime"] < p["endDateTime"] <= at("15:00") for p in periods)
    night = {"validFor": {"startDateTime": at("01:00"), "endDateTime": at("03:00")}}
    none = service.search_time_slot(search(requestedTimeSlot=[night]), search_id="S2")
    assert (none.status, none.body["availableTimeSlot"]) == (201, [])
    assert none.body["searchResult"].startswith("noTimeSlotAvailable: ")
    assert "OUTSIDE_WISHES" in none.body["searchResult"]
    assert fits(none, "SearchTimeSlot")


def test_what_was_found_for_other_wishes_can_be_had(service: Tmf646, desk: Desk) -> None:
    """Customers who say when they could, and take it, have that wish besides their old one."""
    wishes = [{"open": at("08:00"), "close": at("10:00")}]
    desk.apply(Ticket.model_validate(raw_ticket("T3", windows=wishes)))
    span = {"validFor": {"startDateTime": at("13:00"), "endDateTime": at("15:00")}}
    found = service.search_time_slot(search("T3", requestedTimeSlot=[span]), search_id="S1")
    period = found.body["availableTimeSlot"][0]["validFor"]
    booked = service.book_appointment({**search("T3"), "validFor": period}, request_id="r1")
    assert (booked.status, booked.body["validFor"]) == (201, period)
    ticket = desk.ticket("T3")
    assert ticket is not None
    assert [window.open for window in ticket.windows] == [
        datetime.fromisoformat(at("08:00")), datetime.fromisoformat(period["startDateTime"]),
    ]  # fmt: skip
    moved = {"validFor": asked("15:00", "16:00")["validFor"], "relatedParty": CUSTOMER}
    assert service.update_appointment("T3", moved, request_id="r2").status == 200


@pytest.mark.parametrize(
    ("opens", "closes", "code"),
    [
        ("07:00", "09:00", "OUTSIDE_VISITING_HOURS"),
        ("08:15", "10:00", "TOO_SOON"),
    ],
)
def test_no_window_is_held_beyond_the_limits_of_offers(
    service: Tmf646, clock: Clock, opens: str, closes: str, code: str
) -> None:
    clock.now += timedelta(hours=1)
    conflict = service.create_appointment(asked(opens, closes), request_id="r1")
    assert (conflict.status, conflict.body["code"]) == (409, code)
    assert conflict.body["availableTimeSlot"]


@pytest.mark.parametrize("body", [search("T9"), {}])
def test_a_search_about_no_known_ticket_is_rejected(service: Tmf646, body: Any) -> None:
    answer = service.search_time_slot(body, search_id="S1")
    assert (answer.status, answer.body["status"]) == (201, "rejected")
    assert answer.body["searchResult"] == "UNKNOWN_TICKET"
    assert fits(answer, "SearchTimeSlot")


def test_an_appointment_is_held_confirmed_moved_and_ended(service: Tmf646, desk: Desk) -> None:
    held = service.create_appointment(asked("10:00", "12:00"), request_id="r1")
    assert (held.status, held.body["status"], held.body["id"]) == (201, "initialized", "T1")
    assert fits(held, "Appointment")
    confirmed = service.update_appointment("T1", {"status": "confirmed"}, request_id="r2")
    assert (confirmed.status, confirmed.body["status"]) == (200, "confirmed")
    assert service.appointment("T1") == confirmed

    later = asked("14:00", "16:00")
    refused = service.update_appointment("T1", later, request_id="r3")
    assert refused.status == 400
    assert "name the customer who agreed" in refused.body["message"]
    assert fits(refused, "Error")
    moved = service.update_appointment("T1", {**later, "relatedParty": CUSTOMER}, request_id="r3")
    assert (moved.status, moved.body["validFor"]) == (200, later["validFor"])
    (event,) = [e for e in desk.ledger.history("T1") if e.kind == "reschedule"]
    assert event.detail["consent_of"] == "C1"

    for said in ({}, {"missedBy": "the dog"}, {"missedBy": ["us"]}):
        failed = service.update_appointment("T1", {"status": "failed", **said}, request_id="r4")
        needed = "missedBy: is needed with the status failed: one of us, customer, no_access"
        assert failed.status == 400
        assert needed in failed.body["message"]
    told = {"status": "failed", "missedBy": "no_access"}
    failed = service.update_appointment("T1", told, request_id="r4")
    assert (failed.status, failed.body["status"]) == (200, "failed")
    done = service.update_appointment("T1", {"status": "completed"}, request_id="r5")
    assert (done.status, done.body["status"]) == (200, "completed")
    assert fits(done, "Appointment")


def test_a_repeated_request_gets_the_same_answer(service: Tmf646, desk: Desk) -> None:
    body = asked("10:00", "12:00")
    booked = service.book_appointment(body, request_id="r1")
    assert (booked.status, booked.body["status"]) == (201, "confirmed")
    assert service.book_appointment(body, request_id="r1") == booked
    events = len(desk.ledger.events())
    again = service.update_appointment("T1", {"status": "confirmed"}, request_id="r2")
    assert (again.status, again.body["status"]) == (200, "confirmed")
    assert len(desk.ledger.events()) == events


def test_a_held_window_is_given_back_and_a_promise_cancelled(service: Tmf646) -> None:
    service.create_appointment(asked("10:00", "12:00"), request_id="r1")
    gone = service.update_appointment("T1", {"status": "canceled"}, request_id="r2")
    assert (gone.status, gone.body["status"]) == (200, "cancelled")
    service.book_appointment(asked("10:00", "12:00"), request_id="r3")
    gone = service.update_appointment("T1", {"status": "cancelled"}, request_id="r4")
    assert (gone.status, gone.body["status"]) == (200, "cancelled")
    back = service.update_appointment("T1", {"status": "initialized"}, request_id="r5")
    assert back.status == 400
    assert "no way back" in back.body["message"]


def test_a_window_that_is_gone_is_a_conflict(service: Tmf646, desk: Desk) -> None:
    # Each engineer makes one visit: the third customer finds nobody, at any time.
    service.book_appointment(asked("10:00", "12:00", "T1"), request_id="r1")
    third = Tmf646(
        service._desk, ticket_of=lambda _: day().tickets[0].model_copy(update={"id": "T3"})
    )
    fine = third.create_appointment(asked("10:00", "12:00", "T3"), request_id="r2")
    assert fine.status == 201
    conflict = service.create_appointment(asked("10:00", "12:00", "T2"), request_id="r3")
    assert conflict.status == 409
    assert conflict.body["availableTimeSlot"] == []
    assert fits(conflict, "Error")


def test_an_expired_hold_is_a_conflict_with_fresh_slots(service: Tmf646, clock: Clock) -> None:
    service.create_appointment(asked("10:00", "12:00"), request_id="r1")
    clock.now += timedelta(minutes=31)
    conflict = service.update_appointment("T1", {"status": "confirmed"}, request_id="r2")
    assert conflict.status == 409
    assert conflict.body["availableTimeSlot"]
    for slot in conflict.body["availableTimeSlot"]:
        assert faults(slot, "tmf646-v4", "TimeSlot") == []


def test_what_the_ticketing_system_promised_is_recorded(service: Tmf646, desk: Desk) -> None:
    # 19:00 was never offered: nobody works then.
    event = {"event": {"appointment": asked("19:00", "20:00", status="confirmed")}}
    recorded = service.record_appointment(event, request_id="r1")
    assert (recorded.status, recorded.body["status"]) == (201, "confirmed")
    booking = desk.booking("T1")
    assert booking is not None and booking.is_forced
    ended = asked("19:00", "20:00", status="cancelled")
    assert service.record_appointment(ended, request_id="r2").body["status"] == "cancelled"
    assert service.record_appointment(ended, request_id="r3").status == 201
    unknown = asked("19:00", "20:00", "T2", status="cancelled")
    assert service.record_appointment(unknown, request_id="r4").status == 404


def test_what_is_not_there_is_not_found(service: Tmf646) -> None:
    for answer in (
        service.appointment("T1"),
        service.update_appointment("T1", {"status": "confirmed"}, request_id="r1"),
    ):
        assert answer.status == 404
        assert fits(answer, "Error")


HALF = "\ud800"  # of a character, as JSON may escape it


def test_half_a_character_is_no_appointment(service: Tmf646, desk: Desk) -> None:
    for answer in (
        service.appointment(HALF),
        service.update_appointment(HALF, {"status": "confirmed"}, request_id="r1"),
    ):
        assert (answer.status, answer.body["message"]) == (404, "\\ud800")
        assert fits(answer, "Error")
    assert service.search_time_slot(search(HALF), search_id="S1").status == 201
    assert service.create_appointment(asked("10:00", "12:00", HALF), request_id="r2").status == 400
    assert (desk.ticket(HALF), desk.booking(HALF)) == (None, None)


def test_half_a_character_is_sent_back_as_its_escape(service: Tmf646) -> None:
    for body in ({"id": HALF}, {**search(), "id": HALF}, {**search(), "description": HALF}):
        answers = (
            service.create_appointment(body, request_id="r1"),
            service.search_time_slot({**body, "relatedEntity": [{"id": HALF}]}, search_id="S1"),
        )
        for answer in answers:
            assert json.dumps(answer.body, ensure_ascii=False).encode()


def test_long_request_ids_that_begin_alike_are_two_requests(service: Tmf646, desk: Desk) -> None:
    first, second = "r" * 199 + "1", "r" * 199 + "2"
    body = asked("10:00", "12:00")
    assert service.book_appointment(body, request_id=first).status == 201
    service.update_appointment("T1", {"status": "cancelled"}, request_id="r1")
    booked = service.book_appointment(body, request_id=second)
    booking = desk.booking("T1")
    assert booking is not None
    assert (booked.body["status"], booking.state) == ("confirmed", "confirmed")
    assert service.book_appointment(body, request_id=second) == booked


@pytest.mark.parametrize("request_id", ["", HALF, "r" * 201])
def test_a_request_id_that_is_none_is_refused(service: Tmf646, request_id: str) -> None:
    service.create_appointment(asked("10:00", "12:00"), request_id="r1")
    for answer in (
        service.book_appointment(asked("10:00", "12:00"), request_id=request_id),
        service.update_appointment("T1", {"status": "confirmed"}, request_id=request_id),
    ):
        assert answer.status == 400
        assert "request_id: must be an id" in answer.body["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "must be an Appointment"),
        (search(), "validFor"),
        ({"validFor": asked("10:00", "12:00")["validFor"]}, "must name a TroubleTicket"),
        (asked("10:00", "12:00", "T9"), "no such ticket"),
        (asked("12:00", "10:00"), "ends before it starts"),
    ],
)
def test_a_body_that_says_too_little_is_refused(service: Tmf646, body: Any, message: str) -> None:
    answer = service.create_appointment(body, request_id="r1")
    assert answer.status == 400
    assert message in answer.body["message"]
    assert fits(answer, "Error")


@given(body=values | st.fixed_dictionaries({"event": values, "validFor": values, "status": values}))
def test_any_body_gets_an_answer_that_fits(shared: Tmf646, body: Any) -> None:
    service = shared
    answers = [
        (service.search_time_slot(body, search_id="S"), "SearchTimeSlot"),
        (service.create_appointment(body, request_id="a"), "Appointment"),
        (service.record_appointment(body, request_id="b"), "Appointment"),
        (service.update_appointment("T1", body, request_id="c"), "Appointment"),
    ]
    for answer, name in answers:
        assert answer.status in (200, 201, 400, 404)
        assert fits(answer, name if answer.status in (200, 201) else "Error")
