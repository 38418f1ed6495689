"""The rows of ``visits.csv`` and ``unserved.csv``, and of the frames of a plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from dispatchopt.adapters.local_time import iso_local
from dispatchopt.adapters.people_csv import people_csv
from dispatchopt.models import Plan, Point, Problem, Route, Ticket, Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["text", "int", "float", "flag", "time"]


class RowTable(NamedTuple):
    """Columns with their kinds, and rows in that order; None is absent."""

    columns: Mapping[str, Kind]
    rows: list[list[Any]]  # Any: differs by column


_VISIT: Final[dict[str, Kind]] = {
    "shift_id": "text",
    "engineer_id": "text",
    "sequence": "int",
    "ticket_id": "text",
    "departure": "time",
    "arrival": "time",
    "start": "time",
    "end": "time",
    "travel_seconds": "int",
    "promised_open": "time",
    "promised_close": "time",
    "kept_probability": "float",
}
_OF_TICKET: Final[dict[str, Kind]] = {
    "case_id": "text",
    "visit_no": "int",
    "fault_type": "text",
    "priority": "int",
    "due": "time",
    "tardiness_seconds": "int",
    "territory": "text",
    "lat": "float",
    "lon": "float",
    "place": "text",
    "approximate": "text",
}
_UNSERVED: Final[dict[str, Kind]] = {
    "ticket_id": "text",
    "reason": "text",
    "detail": "text",
    "breaks_promise": "flag",
}
_OF_UNSERVED: Final[dict[str, Kind]] = {
    "case_id": "text",
    "visit_no": "int",
    "fault_type": "text",
    "priority": "int",
    "reported_at": "time",
    "due": "time",
    "appointment_open": "time",
    "appointment_close": "time",
    "carried_over": "int",
    "territory": "text",
}


def visit_rows(plan: Plan, problem: Problem | None) -> RowTable:
    """One row for each visit, in the order of routes and visits.

    Parameters
    ----------
    problem
        Adds what the ticket says; what the problem does not know stays absent.
    """
    owners: dict[str, str] = {}
    tickets: dict[str, Ticket] = {}
    if problem is not None:
        owners = {shift.id: e.id for e in problem.engineers for shift in e.shifts}
        tickets = {ticket.id: ticket for ticket in problem.tickets}
    rows = []
    for route in plan.routes:
        for sequence, visit in enumerate(route.visits, start=1):
            row = _visit_cells(route, sequence, visit, owners)
            if problem is not None:
                ticket = tickets.get(visit.ticket_id)
                row += [None] * len(_OF_TICKET) if ticket is None else _ticket_cells(ticket, visit)
            rows.append(row)
    return RowTable(_VISIT if problem is None else _VISIT | _OF_TICKET, rows)


def _visit_cells(route: Route, sequence: int, visit: Visit, owners: Mapping[str, str]) -> list[Any]:
    promised = visit.promised
    return [
        route.shift_id,
        route.engineer_id or owners.get(route.shift_id),
        sequence,
        visit.ticket_id,
        visit.departure,
        visit.arrival,
        visit.start,
        visit.end,
        visit.travel_seconds,
        None if promised is None else promised.open,
        None if promised is None else promised.close,
        visit.kept_probability,
    ]


def _ticket_cells(ticket: Ticket, visit: Visit) -> list[Any]:
    tardiness = None
    if ticket.due is not None and visit.end is not None:
        tardiness = max(0, int((visit.end - ticket.due).total_seconds()))
    point = ticket.place if isinstance(ticket.place, Point) else None
    return [
        ticket.case_id,
        ticket.visit_no,
        ticket.fault_type,
        ticket.priority,
        ticket.due,
        tardiness,
        ticket.territory,
        None if point is None else point.lat,
        None if point is None else point.lon,
        None if isinstance(ticket.place, Point) else ticket.place,
        _approximate(ticket),
    ]


def _approximate(ticket: Ticket) -> str | None:
    """Return whose coordinates stand in for the ticket's own, None if none do."""
    found = ticket.attributes.get("approximate")
    return found if isinstance(found, str) else None


def unserved_rows(plan: Plan, problem: Problem | None) -> RowTable:
    """One row for each ticket left out; `detail` is JSON."""
    tickets = {} if problem is None else {ticket.id: ticket for ticket in problem.tickets}
    broken = frozenset(plan.broken_promises)
    rows = []
    for unserved in plan.unserved:
        detail = json.dumps(unserved.detail, ensure_ascii=False, default=str)
        row: list[Any] = [unserved.ticket_id, unserved.reason, detail, unserved.ticket_id in broken]
        if problem is not None:
            ticket = tickets.get(unserved.ticket_id)
            row += [None] * len(_OF_UNSERVED) if ticket is None else _unserved_cells(ticket)
        rows.append(row)
    return RowTable(_UNSERVED if problem is None else _UNSERVED | _OF_UNSERVED, rows)


def _unserved_cells(ticket: Ticket) -> list[Any]:
    appointment = ticket.appointment
    return [
        ticket.case_id,
        ticket.visit_no,
        ticket.fault_type,
        ticket.priority,
        ticket.reported_at,
        ticket.due,
        None if appointment is None else appointment.open,
        None if appointment is None else appointment.close,
        ticket.carried_over,
        ticket.territory,
    ]


def rows_csv(table: RowTable, problem: Problem | None) -> bytes:
    """Return rows as CSV for spreadsheets; times are local, with their offset."""
    zone = UTC if problem is None else problem.zone
    rows = (
        [iso_local(cell, zone) if isinstance(cell, datetime) else _flag(cell) for cell in row]
        for row in table.rows
    )
    return people_csv(list(table.columns), rows)


def _flag(cell: Any) -> Any:  # Any: differs by column
    return str(cell).lower() if isinstance(cell, bool) else cell
