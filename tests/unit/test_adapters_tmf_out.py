"""TMF697 work orders, TMF646 searches and appointments: strict out, tolerant in."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.tmf import (
    OfferedWindow,
    appointment_from_tmf646,
    slot_search_from_tmf646,
    tmf646_appointment_update,
    tmf646_appointments,
    tmf646_failed_search,
    tmf646_offers,
    tmf697_work_order_update,
    tmf697_work_orders,
)
from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError
from dispatchopt.models import Plan, Problem, Route, Visit, Window
from tests import strategies, tmf_day
from tests.tmf_day import SHANGHAI, at
from tests.tmf_schemas import faults, golden
from tests.unit.test_adapters_tmf621 import values

WINDOW = Window(open=at("14:00"), close=at("16:00"))


def day() -> tuple[Problem, Plan]:
    problem = tmf_day.read().problem
    return problem, tmf_day.plan_of(problem, "TT-0101", "TT-0102", unserved="TT-0105")


# --- The schemas themselves can refuse ---


@pytest.mark.parametrize(
    ("api", "name", "bad"),
    [
        ("tmf621-v4", "TroubleTicket_Update", {"status": "Pending"}),
        ("tmf621-v4", "TroubleTicket_Update", {"expectedResolutionDate": ""}),
        ("tmf621-v5", "TroubleTicket_MVO", {"status": "inProgress"}),
        ("tmf646-v4", "Appointment_Update", {"status": "confirmed"}),
        ("tmf646-v4", "Appointment_Create", {"validFor": {}, "note": {"text": "one"}}),
        ("tmf646-v4", "SearchTimeSlot", {"relatedParty": [{"id": "1", "@referredType": "x"}]}),
        ("tmf697-v4", "WorkOrder_Update", {"state": "completed"}),
        ("tmf697-v4", "WorkOrder_Create", {"workOrderItem": [{"id": "1"}]}),
        ("tmf697-v4", "WorkOrder_Create", {"workOrderItem": [], "note": [{"text": "many"}]}),
    ],
)
def test_the_schemas_refuse_what_the_standard_refuses(api: str, name: str, bad: Any) -> None:
    assert faults(bad, api, name)


# --- Work orders ---


def test_work_orders_are_the_golden_ones_and_fit_the_schema() -> None:
    orders = tmf697_work_orders(*day(), language="zh")
    assert list(orders) == golden("workOrder.create.json")
    for order in orders:
        assert faults(order, "tmf697-v4", "WorkOrder_Create") == []


def test_a_work_order_says_who_comes_when_and_with_what() -> None:
    order = tmf697_work_orders(*day(), appointments={"TT-0101": "21"})[0]
    (item,) = order["workOrderItem"]
    (assignment,) = item["work"]["workforceEmployeeAssignment"]
    assert assignment["workforceEmployee"]["id"] == "E1"
    assert assignment["skillType"] == "FIBER_SPLICE"
    assert assignment["timeSlot"][0]["validFor"] == {
        "startDateTime": "2026-11-23T09:00:00+08:00",
        "endDateTime": "2026-11-23T10:00:00+08:00",
    }
    parts = [c["value"] for c in item["work"]["workCharacteristic"] if c["name"] == "part"]
    assert parts == [{"name": "ont", "quantity": 1}]
    assert item["work"]["place"][0]["geoJson"]["coordinates"] == [121.45, 31.21]
    assert order["appointment"] == {"id": "21"}
    assert order["requestedCompletionDate"] == "2026-11-23T23:59:59+08:00"


def test_an_update_repeats_the_items_that_its_schema_asks_for() -> None:
    order = tmf697_work_orders(*day())[0]
    update = tmf697_work_order_update(
        order,
        state="inProgress",
        expected_completion="2026-11-23T10:00:00+08:00",
    )
    assert update["workOrderItem"][0]["action"] == "modify"
    assert update["state"] == "inProgress"
    assert faults(update, "tmf697-v4", "WorkOrder_Update") == []
    assert "state" not in order and order["workOrderItem"][0]["action"] == "add"
    gone = tmf697_work_order_update(order, state="cancelled", action="delete")
    assert faults(gone, "tmf697-v4", "WorkOrder_Update") == []


def test_a_work_order_needs_times_and_the_problem_of_the_plan() -> None:
    problem, _ = day()
    bare = Plan(routes=(Route(shift_id="S-E1", visits=(Visit(ticket_id="TT-0101"),)),))
    with pytest.raises(AdapterError, match="has no times"):
        tmf697_work_orders(problem, bare)
    for shift, ticket in (("S-E1", "TT-9"), ("S-9", "TT-0101")):
        alien = Plan(routes=(Route(shift_id=shift, visits=(Visit(ticket_id=ticket),)),))
        with pytest.raises(AdapterError, match="lacks one of them"):
            tmf697_work_orders(problem, alien)


@given(problem=strategies.problems())
def test_work_orders_and_appointments_of_any_problem_fit_their_schemas(problem: Problem) -> None:
    shift = problem.engineers[0].shifts[0]
    visits = [
        {
            "ticket_id": ticket.id,
            "start": shift.start,
            "end": shift.end,
            **({"promised": ticket.windows[0]} if ticket.windows else {}),
        }
        for ticket in problem.tickets
    ]
    plan = Plan.model_validate({"routes": [{"shift_id": shift.id, "visits": visits}]})
    orders = tmf697_work_orders(problem, plan)
    assert len(orders) == len(problem.tickets)
    for order in orders:
        assert faults(order, "tmf697-v4", "WorkOrder_Create") == []
        update = tmf697_work_order_update(order, state="completed")
        assert faults(update, "tmf697-v4", "WorkOrder_Update") == []
    appointments = tmf646_appointments(problem, plan)
    assert set(appointments) == {t.id for t in problem.tickets if t.windows or t.appointment}
    for appointment in appointments.values():
        assert faults(appointment, "tmf646-v4", "Appointment_Create") == []


# --- Searching slots ---


def test_a_search_is_read_and_answered_best_window_first() -> None:
    search = slot_search_from_tmf646(golden("searchTimeSlot.request.json"))
    assert (search.ticket_id, search.place_id, search.party_id) == ("TT-0101", "SITE-1", "CUST-1")
    assert [(s.start, s.end) for s in search.spans] == [(at("08:00"), at("21:00", 24))]

    offers = [
        OfferedWindow(at("14:00"), at("16:00"), "E2", 71.5),
        OfferedWindow(at("09:00"), at("11:00"), "E1", 92.0),
        OfferedWindow(at("09:00", 24), at("11:00", 24)),
    ]
    answer = tmf646_offers(
        search,
        offers,
        search_id="S-7",
        searched_at=at("20:00", 22),
        zone=SHANGHAI,
        schema_location="https://csp.example/schemas/GradedTimeSlot.json",
    )
    assert answer == golden("searchTimeSlot.response.json")
    assert faults(answer, "tmf646-v4", "SearchTimeSlot") == []
    assert [slot.get("grade") for slot in answer["availableTimeSlot"]] == [92.0, 71.5, None]


def test_no_window_and_a_failure_are_answers_too() -> None:
    search = slot_search_from_tmf646({})
    told = {"search_id": "S-8", "searched_at": at("20:00", 22), "zone": SHANGHAI}
    none = tmf646_offers(search, [], **told)
    assert (none["status"], none["searchResult"]) == ("done", "noTimeSlotAvailable")
    failed = tmf646_failed_search(search, **told, status="rejected", reason="UNKNOWN_PLACE")
    assert failed["status"] == "rejected"
    for answer in (none, failed):
        assert answer["availableTimeSlot"] == []
        assert faults(answer, "tmf646-v4", "SearchTimeSlot") == []


def test_windows_of_one_grade_stand_in_order_of_time() -> None:
    search = slot_search_from_tmf646({})
    offers = [OfferedWindow(at(f"{h}:00"), at(f"{h + 1}:00"), grade=50.0) for h in (15, 9, 12)]
    answer = tmf646_offers(search, offers, search_id="S", searched_at=at("20:00"), zone=UTC)
    starts = [slot["validFor"]["startDateTime"] for slot in answer["availableTimeSlot"]]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("valid_for", "message"),
    [
        ({"startDateTime": "2026-11-23T08:00:00Z", "endDateTime": ""}, "needs startDateTime and"),
        (
            {"startDateTime": "2026-11-23T08:00:00", "endDateTime": "2026-11-23T09:00:00"},
            "no time zone",
        ),
        (
            {"startDateTime": "2026-11-23T08:00:00Z", "endDateTime": "2026-11-23T08:00:00Z"},
            "ends before",
        ),
        ("all day", "must be an object"),
    ],
)
def test_half_and_naive_periods_are_refused(valid_for: Any, message: str) -> None:
    with pytest.raises(InvalidProblemError, match=message):
        slot_search_from_tmf646({"requestedTimeSlot": [{"validFor": valid_for}]})


# --- Appointments ---


def test_the_appointment_of_a_promised_window_is_the_golden_one() -> None:
    problem = tmf_day.read("tickets-v5.json").problem
    plan = tmf_day.plan_of(problem, "TT-0201")
    written = tmf646_appointments(problem, plan)["TT-0201"]
    assert written == golden("appointment.create.json")
    assert faults(written, "tmf646-v4", "Appointment_Create") == []
    back = appointment_from_tmf646({**written, "id": "21", "status": "confirmed"})
    assert (back.id, back.ticket_id, back.engineer_id) == ("21", "TT-0201", "E1")
    assert (back.window, back.status, back.warnings) == (WINDOW, "confirmed", ())


def test_an_update_of_the_status_alone_carries_the_window_too() -> None:
    update = tmf646_appointment_update(WINDOW, zone=SHANGHAI, status="confirmed")
    assert set(update) == {"validFor", "status"}
    assert faults(update, "tmf646-v4", "Appointment_Update") == []
    moved = tmf646_appointment_update(WINDOW, zone=SHANGHAI)
    assert set(moved) == {"validFor"}
    assert faults(moved, "tmf646-v4", "Appointment_Update") == []


@pytest.mark.parametrize(
    ("status", "meant", "warns"),
    [
        ("Confirmed", "confirmed", False),
        (None, "initialized", False),
        ("accepted", "confirmed", True),
        ("canceled", "cancelled", True),
        ("penciled in", "initialized", True),
    ],
)
def test_states_of_appointments_are_read_tolerantly(status: Any, meant: str, warns: bool) -> None:
    period = {
        "startDateTime": "2026-11-23T14:00:00+08:00",
        "endDateTime": "2026-11-23T16:00:00+08:00",
    }
    found = appointment_from_tmf646({"validFor": period, "status": status})
    assert found.status == meant
    assert bool(found.warnings) == warns


# --- Any input ---

DOCUMENTS = values | st.dictionaries(
    st.sampled_from(
        ("id", "validFor", "status", "relatedParty", "relatedEntity", "relatedPlace",
         "requestedTimeSlot")
    ),
    values | st.lists(st.fixed_dictionaries({"id": values, "@referredType": values}), max_size=2),
)  # fmt: skip


@given(DOCUMENTS)
def test_any_search_is_answered_strictly_or_refused(document: Any) -> None:
    try:
        search = slot_search_from_tmf646(document, timezone="Asia/Shanghai")
    except DispatchError:
        return
    answer = tmf646_offers(search, [], search_id="S", searched_at=at("20:00"), zone=SHANGHAI)
    assert faults(answer, "tmf646-v4", "SearchTimeSlot") == []


@given(DOCUMENTS)
def test_any_appointment_is_read_or_refused(document: Any) -> None:
    try:
        found = appointment_from_tmf646(document, timezone="Asia/Shanghai")
    except DispatchError:
        return
    assert found.window.open <= found.window.close
