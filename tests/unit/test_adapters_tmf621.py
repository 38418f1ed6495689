"""TMF621: trouble tickets in from two versions, updates back as their schemas want them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.cells import render_cell
from dispatchopt.adapters.csv_write import field_value
from dispatchopt.adapters.headers import TICKET_COLUMNS
from dispatchopt.adapters.local_time import Clock
from dispatchopt.adapters.outbox.messages import Message
from dispatchopt.adapters.tmf import (
    TroubleTicket,
    appointment_from_tmf646,
    locate_inline,
    locate_places,
    tickets_from_tmf621,
    tmf621_messages,
    tmf621_updates,
)
from dispatchopt.errors import AdapterError, InvalidProblemError
from dispatchopt.models import Point, Problem, Ticket
from tests import strategies, tmf_day
from tests.tmf_schemas import faults, golden

HERE = Point(lon=121.5, lat=31.2)


def document(ticket_id: str = "T1", **fields: Any) -> dict[str, Any]:
    return {"id": ticket_id, "ticketType": "IPTV_STB", "severity": "Minor", **fields}


def read(*documents: Any, **options: Any) -> Any:
    return tickets_from_tmf621(list(documents), **{"locate": lambda _ticket: HERE, **options})


def issue_of(*documents: Any, **options: Any) -> str:
    with pytest.raises(InvalidProblemError) as caught:
        read(*documents, **options)
    (issue,) = caught.value.issues
    return str(issue)


# --- Reading ---


def test_the_golden_tickets_of_version_4_are_read_as_they_are_meant() -> None:
    intake = tmf_day.read()
    by_id = {ticket.id: ticket for ticket in intake.problem.tickets}

    los = by_id["TT-0101"]
    assert (los.fault_type, los.priority, los.status) == ("FTTH_LOS_DROP", 2, "open")
    assert los.reported_at == tmf_day.at("18:05", 22).replace(second=23)  # fraction cut off
    assert los.due == tmf_day.at("23:59").replace(second=59)
    assert (los.duration, los.skills, los.parts) == (3600, {"FIBER_SPLICE": 2}, {"ont": 1})
    assert [(w.open, w.close) for w in los.windows] == [(tmf_day.at("09:00"), tmf_day.at("11:00"))]
    assert los.place == tmf_day.SITES["SITE-1"]
    assert by_id["TT-0102"].status == "open"  # IN_PROGRESS: somebody deals with it
    assert by_id["TT-0103"].status == "parked"  # Pending
    assert by_id["TT-0105"].place == Point(lon=121.47, lat=31.23)
    assert "TT-0104" not in by_id and intake.rejected == ()  # closed, of no known type
    (warning,) = intake.warnings
    assert (warning.id, warning.value) == ("TT-0105", "assigned to region")


def test_the_golden_ticket_of_version_5_carries_its_characteristics() -> None:
    (ticket,) = tmf_day.read("tickets-v5.json").problem.tickets
    assert ticket.skills == {"FIBER_SPLICE": 2}
    assert ticket.duration == 75 * 60
    assert ticket.appointment is not None
    assert ticket.appointment.open == tmf_day.at("14:00")
    assert ticket.appointment.close == tmf_day.at("16:00")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("acknowledged", "open"),
        ("In Progress", "open"),
        ("PENDING", "parked"),
        ("held", "parked"),
        ("Resolved", "done"),
        ("closed", "done"),
        ("rejected", "cancelled"),
        ("canceled", "cancelled"),
        (None, "open"),
        ("", "open"),
    ],
)
def test_states_are_read_in_any_case(state: str | None, status: str) -> None:
    found = read(document(status=state))
    assert found.tickets[0].status == status
    assert found.warnings == ()


def test_an_unknown_state_is_open_with_a_warning_and_the_callers_map_comes_first() -> None:
    found = read(document(status="with field force"))
    assert found.tickets[0].status == "open"
    assert [(w.field, w.value) for w in found.warnings] == [("status", "with field force")]
    found = read(document(status="with field force"), statuses={"With-Field-Force": "parked"})
    assert (found.tickets[0].status, found.warnings) == ("parked", ())


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"priority": "P1"}, 1),
        ({"priority": "high"}, 2),
        ({"priority": 4}, 4),
        ({"priority": "紧急"}, 1),
        ({"priority": None, "severity": "Critical"}, 1),
        ({"priority": "gold", "severity": "low"}, 4),
    ],
)
def test_priority_counts_before_severity(fields: dict[str, Any], level: int) -> None:
    assert read(document(**fields)).tickets[0].priority == level


def test_a_priority_that_nobody_knows_is_the_fault_types_own_with_a_warning() -> None:
    found = read(document(priority="gold", severity="x"))
    assert found.tickets[0].priority == 3  # IPTV_STB
    assert [(w.field, w.value) for w in found.warnings] == [("priority", "gold")]
    assert read(document(priority="gold"), priorities={"Gold": 1}).tickets[0].priority == 1


def test_types_are_codes_names_or_what_the_map_says() -> None:
    assert read(document(ticketType="iptv-stb")).tickets[0].fault_type == "IPTV_STB"
    named = read(document(ticketType="光衰过大/弱光")).tickets[0]
    assert named.fault_type == "FTTH_WEAK_LIGHT"
    mapped = read(document(ticketType="TV dead"), fault_types={"tv dead": "IPTV_STB"})
    assert mapped.tickets[0].fault_type == "IPTV_STB"
    assert "no fault type; did you mean 'IPTV_STB'?" in issue_of(document(ticketType="IPTVSTBX"))
    assert "is required" in issue_of({"id": "T1"})


def test_a_crew_comes_with_the_fault_type() -> None:
    assert read(document(ticketType="FEEDER_CABLE_CUT")).tickets[0].crew_size == 2


def test_times_without_a_zone_are_refused_unless_one_is_declared() -> None:
    naive = document(creationDate="2026-11-22T18:05:00")
    assert "no time zone" in issue_of(naive)
    found = read(naive, timezone="Asia/Shanghai")
    assert found.tickets[0].reported_at == tmf_day.at("18:05", 22)
    with pytest.raises(InvalidProblemError, match="no IANA time zone"):
        read(naive, timezone="Mars/Base")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_empty_dates_are_absent(value: str | None) -> None:
    assert read(document(creationDate=value)).tickets[0].reported_at is None


@pytest.mark.parametrize("value", ["yesterday", 1_700_000_000, "2026-13-01T00:00:00Z", ["x"]])
def test_other_dates_are_faults(value: Any) -> None:
    assert "creationDate" in issue_of(document(creationDate=value))


def test_the_requested_date_is_due_and_the_expected_one_only_on_request() -> None:
    dates = {
        "requestedResolutionDate": "2026-11-23T12:00:00Z",
        "expectedResolutionDate": "2026-11-24T12:00:00Z",
    }
    first = read(document(**dates)).tickets[0].due
    second = read(document(**dates), due_date="expectedResolutionDate").tickets[0].due
    assert (first.day, second.day) == (23, 24)


def test_a_ticket_without_a_place_is_an_issue_that_names_what_was_looked_up() -> None:
    entity = {"id": "SITE-7", "role": "interventionAddress", "@referredType": "GeographicAddress"}
    text = issue_of(document(relatedEntity=[entity]), locate=locate_places({}))
    assert "no location: locate() knows none of SITE-7" in text


def test_faulty_tickets_are_left_out_on_request_and_the_tally_adds_up() -> None:
    documents = [document("A"), document("B", creationDate="x"), 5, document("C", status="closed")]
    found = read(*documents, {"ticketType": "IPTV_STB"}, on_bad_row="reject")
    assert [ticket.id for ticket in found.tickets] == ["A", "C"]
    assert [entry.ticket_id for entry in found.rejected] == ["B", "#3", "#5"]
    assert len(found.issues) == 3
    with pytest.raises(ValueError, match="on_bad_row"):
        read(on_bad_row="skip")


def test_a_ticket_that_came_twice_is_refused_both_times() -> None:
    found = read(document("A"), document("A"), document("B"), on_bad_row="reject")
    assert [ticket.id for ticket in found.tickets] == ["B"]
    assert [entry.ticket_id for entry in found.rejected] == ["A", "A"]


def test_all_faults_of_a_problem_are_told_at_once() -> None:
    with pytest.raises(InvalidProblemError) as caught:
        read(document("A", creationDate="x", duration="75"), document("B", ticketType="?"))
    assert [issue.field for issue in caught.value.issues] == [
        "creationDate",
        "duration",
        "ticketType",
    ]


def test_events_are_unwrapped_and_external_ids_stand_in() -> None:
    event = {"eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": document("E")}}
    outer = {"ticketType": "IPTV_STB", "externalId": "X-9"}
    fifth = {"ticketType": "IPTV_STB", "externalIdentifier": [{"id": "Y-9"}]}
    assert [ticket.id for ticket in read(event, outer, fifth).tickets] == ["E", "X-9", "Y-9"]


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("duration", "PT1H15M", 4500),
        ("plannedDuration", {"amount": 60, "units": "min"}, 3600),
        ("durationMinutes", 45, 2700),
        ("duration_minutes", "45", 2700),
        ("时长(分钟)", "45", 2700),
        ("duration", "90 min", 5400),
    ],
)
def test_durations_say_their_unit(name: str, value: Any, seconds: int) -> None:
    assert read(document(**{name: value})).tickets[0].duration == seconds
    listed = {"troubleTicketCharacteristic": [{"name": name, "value": value}]}
    assert read(document(**listed)).tickets[0].duration == seconds


@pytest.mark.parametrize("value", [75, "75", True, {"amount": 5}, {"amount": "x", "units": "min"}])
def test_durations_without_a_unit_are_faults(value: Any) -> None:
    assert "duration" in issue_of(document(duration=value))


def test_lists_come_as_text_as_lists_and_as_objects() -> None:
    for value in (
        "FIBER_SPLICE:2;IPTV:1",
        ["FIBER_SPLICE:2", "IPTV:1"],
        {"FIBER_SPLICE": 2, "IPTV": 1},
    ):
        assert read(document(skills=value)).tickets[0].skills == {"FIBER_SPLICE": 2, "IPTV": 1}
    period = {"startDateTime": "2026-11-23T01:00:00Z", "endDateTime": "2026-11-23T03:00:00Z"}
    for value in ([period], {"validFor": period}, "2026-11-23 01:00Z/2026-11-23 03:00Z"):
        (window,) = read(document(windows=value)).tickets[0].windows
        assert (window.open.hour, window.close.hour) == (1, 3)
    for value in (period, {"validFor": period}, "2026-11-23 01:00Z/2026-11-23 03:00Z"):
        window = read(document(appointment=value)).tickets[0].appointment
        assert (window.open.hour, window.close.hour) == (1, 3)
    half = {"startDateTime": "2026-11-23T01:00:00Z", "endDateTime": ""}
    assert "needs startDateTime and endDateTime" in issue_of(document(windows=[half]))


def test_states_that_stop_the_clock_become_parked_stretches() -> None:
    def change(clock: str, status: str) -> dict[str, str]:
        return {"statusChangeDate": f"2026-11-22T{clock}:00Z", "status": status}

    history = [
        change("12:00", "inProgress"),
        change("10:00", "Pending"),
        change("09:00", "acknowledged"),
        change("11:00", "held"),
        change("15:00", "held"),  # still held: its end is not known
    ]
    for name in ("statusChange", "statusChangeHistory"):
        (ticket,) = read(document(**{name: history})).tickets
        assert [(s.start.hour, s.end.hour) for s in ticket.parked] == [(10, 12)]
    bad = {"statusChangeDate": "noon", "status": "held"}
    assert "statusChangeDate" in issue_of(document(statusChange=[bad]))


def test_confirmed_appointments_are_promises() -> None:
    period = {"startDateTime": "2026-11-23T06:00:00Z", "endDateTime": "2026-11-23T08:00:00Z"}
    entity = {"id": "T1", "role": "x", "@referredType": "TroubleTicket"}
    raw = {"validFor": period, "relatedEntity": [entity]}
    for status, promised in (("confirmed", True), ("cancelled", False)):
        appointment = appointment_from_tmf646({**raw, "status": status})
        (ticket,) = read(document(), appointments=[appointment]).tickets
        assert (ticket.appointment is not None) == promised


# --- Places ---


def located(**fields: Any) -> Any:
    return locate_inline(TroubleTicket.of(document(**fields)))


def test_geojson_has_longitude_first() -> None:
    point = {"type": "Point", "coordinates": [121.5, 31.2]}
    assert located(place={"geoJson": point}) == HERE
    assert located(relatedEntity=[{"id": "S", "geographicLocation": point}]) == HERE
    assert (
        located(geographicLocation={"x": "121.5", "y": "31.2", "spatialRef": "EPSG:4326"}) == HERE
    )


def test_places_by_value_and_references_are_no_faults() -> None:
    place = {"role": "site", "geoJson": {"type": "Point", "coordinates": [121.5, 31.2]}}
    reference = {"id": "21", "@referredType": "Appointment"}
    (ticket,) = read(document(place=place, appointment=reference), locate=None).tickets
    assert (ticket.place, ticket.appointment) == (HERE, None)


@pytest.mark.parametrize(
    "place",
    [
        {"type": "Point", "coordinates": [31.2, 121.5]},  # latitude first: 121.5 is no latitude
        {"type": "Point", "coordinates": [121.5]},
        {"type": "Point", "coordinates": "121.5,31.2"},
        {"x": "121.5", "y": "31.2", "spatialRef": "GCJ-02"},
        {"lon": True, "lat": False},
        "somewhere",
        None,
    ],
)
def test_what_is_no_point_of_wgs84_is_no_place(place: Any) -> None:
    assert located(place=place) is None


# --- Writing ---


def updates(name: str, **options: Any) -> Any:
    problem = tmf_day.read(name).problem
    served = {"tickets-v4.json": ("TT-0101", "TT-0102"), "tickets-v5.json": ("TT-0201",)}[name]
    unserved = "TT-0105" if name == "tickets-v4.json" else ""
    plan = tmf_day.plan_of(problem, *served, unserved=unserved)
    given = {"written_at": tmf_day.at("20:00", 22), **options}
    return tmf621_updates(golden(name), problem, plan, **given)


@pytest.mark.parametrize(
    ("version", "schema", "language"),
    [("v4", "TroubleTicket_Update", "en"), ("v5", "TroubleTicket_MVO", "zh")],
)
def test_updates_are_the_golden_ones_and_fit_the_schema(
    version: str, schema: str, language: Any
) -> None:
    found = updates(f"tickets-{version}.json", language=language)
    written = [{"path": update.path, "body": update.body} for update in found.updates]
    assert written == golden(f"updates-{version}.json")
    assert found.warnings == ()
    for update in found.updates:
        assert faults(update.body, f"tmf621-{version}", schema) == []


def test_a_second_plan_replaces_our_note_and_our_technician_only() -> None:
    body = updates("tickets-v4.json").updates[0].body
    assert [party["id"] for party in body["relatedParty"]] == ["CUST-1", "E1"]  # E9 has gone
    assert [note["author"] for note in body["note"]] == ["csr-3", "dispatchopt"]


def test_a_ticket_left_out_loses_its_technician_and_never_waits_as_pending() -> None:
    problem = tmf_day.read().problem
    plan = tmf_day.plan_of(problem, unserved="TT-0101")
    (update,) = tmf621_updates(golden("tickets-v4.json"), problem, plan).updates
    assert update.body["status"] == "acknowledged"
    assert update.body["statusChangeReason"] == "NO_ENGINEER_WITH_SKILL"
    assert [party["id"] for party in update.body["relatedParty"]] == ["CUST-1"]
    assert "note" not in update.body  # no date was given


def test_an_array_that_cannot_be_written_strictly_is_left_alone() -> None:
    documents = golden("tickets-v4.json")
    documents[0]["relatedParty"] = [{"name": "a customer without an id"}]
    documents[0]["note"] = [{"text": "x", "date": ""}]
    problem = tmf_day.read().problem
    found = tmf621_updates(
        documents, problem, tmf_day.plan_of(problem, "TT-0101"), written_at=tmf_day.at("20:00", 22)
    )
    assert {"relatedParty", "note"}.isdisjoint(found.updates[0].body)
    assert [warning.field for warning in found.warnings] == ["relatedParty", "note"]


def test_orders_without_times_are_refused() -> None:
    problem = tmf_day.read().problem
    plan = tmf_day.plan_of(problem, "TT-0101")
    bare = plan.model_copy(
        update={
            "routes": tuple(
                route.model_copy(
                    update={
                        "visits": tuple(
                            visit.model_copy(update={"start": None, "end": None})
                            for visit in route.visits
                        )
                    }
                )
                for route in plan.routes
            )
        }
    )
    with pytest.raises(AdapterError, match="has no times"):
        tmf621_updates(golden("tickets-v4.json"), problem, bare)


def test_an_outbox_sends_the_updates() -> None:
    hook = tmf621_messages(updates("tickets-v4.json").updates)
    message = Message("k", "plan", "TT-0101", "assign", {})
    sent = hook(message)
    assert sent is not None
    assert sent["path"].endswith("/troubleTicket/TT-0101")
    assert sent["body"]["status"] == "inProgress"
    assert hook(replace(message, ticket_id="TT-9")) is None


# --- Any input ---

HALF = {"startDateTime": "2026-11-23T08:00:00Z", "endDateTime": ""}
NAMELESS = {"role": "customer", "name": "somebody"}
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**33)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(("2026-11-23T08:00:00Z", "2026-11-23T08:00:00"))
    | st.sampled_from(("P1", "pending", "PT5M", "A:1"))
    | st.sampled_from((HALF, NAMELESS)),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ("id", "role", "entity", "name", "value", "startDateTime", "endDateTime", "validFor",
             "type", "coordinates", "event", "troubleTicket", "amount", "units", "open", "close",
             "status", "statusChangeDate")
        ),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
FIELDS = (
    "id", "externalId", "ticketType", "priority", "severity", "status", "creationDate",
    "requestedResolutionDate", "relatedEntity", "relatedParty", "note", "externalIdentifier",
    "statusChange",
    "troubleTicketCharacteristic", "event", "place", *(column.name for column in TICKET_COLUMNS),
)  # fmt: skip
documents = st.dictionaries(st.sampled_from(FIELDS), values, max_size=8) | values


@given(st.lists(documents, max_size=3) | values)
def test_any_documents_end_in_one_of_the_lists(given_documents: Any) -> None:
    found = tickets_from_tmf621(given_documents, on_bad_row="reject")
    came = len(given_documents) if isinstance(given_documents, list) else 1
    assert len(found.tickets) + len(found.rejected) + len(found.skipped) == came
    assert all(str(issue) for issue in (*found.issues, *found.warnings))


@given(st.lists(documents, max_size=2))
def test_updates_of_any_documents_fit_the_schema(given_documents: Any) -> None:
    base = {"id": "TT-0101", "ticketType": "IPTV_STB"}
    rest = [{**item, **base} for item in given_documents if isinstance(item, dict)]
    problem = tmf_day.read().problem
    plan = tmf_day.plan_of(problem, "TT-0101")
    for version, schema in (("v4", "TroubleTicket_Update"), ("v5", "TroubleTicket_MVO")):
        found = tmf621_updates(
            rest, problem, plan, version=version, written_at=tmf_day.at("20:00", 22)
        )
        for update in found.updates:
            assert faults(update.body, f"tmf621-{version}", schema) == []


# --- Round trips ---

CARRIED = tuple(
    column
    for column in TICKET_COLUMNS
    if column.name not in ("id", "status", "fault_type", "priority", "attributes", "lon", "lat")
    and column.name not in ("reported_at", "due")
    and column.is_written
)


def as_trouble_ticket(ticket: Ticket, version: str) -> dict[str, Any]:
    """Write a ticket as a sender would: what TMF621 lacks as characteristics or an extension."""
    states = {"open": "acknowledged", "parked": "held", "done": "closed", "cancelled": "cancelled"}
    data: dict[str, Any] = {
        "id": ticket.id,
        "ticketType": ticket.fault_type,
        "severity": "-",
        "priority": f"P{ticket.priority}",
        "status": states[ticket.status],
    }
    for name, when in (
        ("creationDate", ticket.reported_at),
        ("requestedResolutionDate", ticket.due),
    ):
        if when is not None:
            data[name] = when.isoformat()
    extras = {
        column.name: render_cell(column.kind, value, Clock(None), chinese=False)
        for column in CARRIED
        if (value := field_value(ticket, column)) is not None
    }
    if version == "v5":
        listed = [
            {"@type": "StringCharacteristic", "name": n, "value": v} for n, v in extras.items()
        ]
        return {**data, "@type": "TroubleTicket", "troubleTicketCharacteristic": listed}
    return {**data, **extras}


@pytest.mark.parametrize("version", ["v4", "v5"])
@given(problem=strategies.problems())
def test_tickets_round_trip(version: str, problem: Problem) -> None:
    carried = [ticket for ticket in problem.tickets if ticket.status != "started"]
    sent = json.loads(json.dumps([as_trouble_ticket(ticket, version) for ticket in carried]))
    found = tickets_from_tmf621(sent, catalogue=problem.fault_types)
    assert list(found.tickets) == carried
    assert found.warnings == ()
