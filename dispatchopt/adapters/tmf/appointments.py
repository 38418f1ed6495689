"""TMF646 appointments, in and out."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.tmf.values import (
    TECHNICIAN,
    Json,
    first_id,
    is_role,
    listed,
    object_of,
    period_of,
    place_of,
    strict_clock,
    technician,
    text_of,
    ticket_entity,
    window_period,
)
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Window
from dispatchopt.models.masking import shown
from dispatchopt.models.nearest import folded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from dispatchopt.models import Plan, Problem, Ticket

AppointmentStatus = Literal["initialized", "confirmed", "cancelled", "completed", "failed"]

_STATUSES: Final[Mapping[str, AppointmentStatus]] = MappingProxyType(
    {
        "initialized": "initialized",
        "confirmed": "confirmed",
        "cancelled": "cancelled",
        "completed": "completed",
        "failed": "failed",
    }
)
_SEEN: Final[Mapping[str, AppointmentStatus]] = MappingProxyType(
    {
        "accepted": "confirmed",
        "attempted": "failed",
        "canceled": "cancelled",
        "initialised": "initialized",
    }
)
"""Words that are in use and not in the standard."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment as it was read.

    Attributes
    ----------
    warnings
        What was read although the standard does not know it.
    """

    id: str | None
    ticket_id: str | None
    engineer_id: str | None
    window: Window
    status: AppointmentStatus
    warnings: tuple[Issue, ...] = ()


def appointment_from_tmf646(
    document: Any,  # Any: JSON
    *,
    timezone: str | None = None,
) -> Appointment:
    """Read an appointment.

    Parameters
    ----------
    timezone
        Zone of times without an offset; without it such a time is a fault.

    Raises
    ------
    InvalidProblemError
        With every fault.
    """
    clock = strict_clock(timezone)
    found = object_of(document, "an Appointment")
    number = text_of(found.get("id"))
    warnings: list[Issue] = []
    try:
        period = period_of(found.get("validFor"), clock)
        if period.start is None or period.end is None:
            raise CellFault("needs startDateTime and endDateTime")
        if period.end < period.start:
            raise CellFault("ends before it starts; swap or correct the times")
    except CellFault as fault:
        raise InvalidProblemError(
            [Issue("problem", number or "", "validFor", "", str(fault))]
        ) from None
    parties = listed(found.get("relatedParty"))
    technicians = [p for p in parties if is_role(text_of(p.get("role")), TECHNICIAN)]
    tickets = [
        entity
        for entity in listed(found.get("relatedEntity"))
        if folded(str(entity.get("@referredType", ""))) == "troubleticket"
    ]
    return Appointment(
        id=number,
        ticket_id=first_id(tickets),
        engineer_id=first_id(technicians),
        window=Window(open=period.start, close=period.end),
        status=_status(text_of(found.get("status")), number or "", warnings),
        warnings=tuple(warnings),
    )


def tmf646_appointment(
    ticket: Ticket,
    window: Window,
    *,
    zone: tzinfo,
    engineer_id: str | None = None,
    customer_id: str | None = None,
    category: str = "intervention",
) -> Json:
    """Write an Appointment to create: the window promised to the customer.

    Parameters
    ----------
    zone
        In which times are written.
    customer_id
        Id of the party who was told.
    """
    customer = {"id": customer_id, "role": "customer", "@referredType": "Customer"}
    parties = [] if customer_id is None else [customer]
    parties += [] if engineer_id is None else [technician(engineer_id)]
    return {
        "category": category,
        "externalId": f"WO-{ticket.id}",
        "validFor": window_period(window, zone),
        "relatedEntity": [ticket_entity(ticket.id)],
        "relatedPlace": place_of(ticket.place),
        **({"relatedParty": parties} if parties else {}),
    }


def tmf646_appointment_update(
    window: Window,
    *,
    zone: tzinfo,
    status: AppointmentStatus | None = None,
) -> Json:
    """Write an update of an appointment.

    The schema asks for `validFor` even where the status alone changes, so it always goes along.
    A move is an update of the window; there is no status for it.
    """
    stated = {} if status is None else {"status": status}
    return {"validFor": window_period(window, zone), **stated}


def tmf646_appointments(problem: Problem, plan: Plan) -> dict[str, Json]:
    """Write an Appointment to create for each visit with a confirmed window, by ticket."""
    tickets = {ticket.id: ticket for ticket in problem.tickets}
    engineers = {shift.id: e.id for e in problem.engineers for shift in e.shifts}
    found: dict[str, Json] = {}
    for route in plan.routes:
        for visit in route.visits:
            ticket = tickets.get(visit.ticket_id)
            window = visit.promised or (ticket.appointment if ticket else None)
            if ticket is not None and window is not None:
                engineer = engineers.get(route.shift_id)
                found[ticket.id] = tmf646_appointment(
                    ticket, window, zone=problem.zone, engineer_id=engineer
                )
    return found


def _status(text: str | None, number: str, warnings: list[Issue]) -> AppointmentStatus:
    """Read a status; one that nobody knows is no promise."""
    form = "initialized" if text is None else folded(text)
    if form in _STATUSES:
        return _STATUSES[form]
    status = _SEEN.get(form, "initialized")
    message = f"no status of TMF646; it counts as {status}"
    warnings.append(Issue("problem", number, "status", shown(text or ""), message))
    return status
