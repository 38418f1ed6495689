"""Visits of a plan as TMF697 work orders: who, when, with which skills, parts and tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from dispatchopt.adapters.tmf.values import (
    Json,
    place_of,
    ticket_entity,
    time_period,
    time_text,
    window_period,
)
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.models import Engineer, Plan, Problem, Ticket, Visit

WorkOrderState = Literal[
    "acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "completed",
    "failed", "partial", "assessingCancellation", "pendingCancellation",
]  # fmt: skip
"""States of TMF697."""

NO_SKILL: Final = "GENERAL"
"""Skill type of an assignment whose ticket asks for none: the schema wants one."""


def tmf697_work_orders(
    problem: Problem,
    plan: Plan,
    *,
    category: str = "repair",
    language: Literal["en", "zh"] = "en",
    appointments: Mapping[str, str] | None = None,
) -> tuple[Json, ...]:
    """Write a WorkOrder to create for each visit, in the order of routes and visits.

    One order has one item, one work, and one assignment: the engineer and the time of the visit.
    `externalId` is ``WO-`` and the ticket's id, so that a repetition can be told. Skills, parts,
    tools and the packing list of the fault type stand as characteristics.

    Parameters
    ----------
    language
        Of the names of fault types.
    appointments
        Id of the TMF646 appointment by ticket.

    Raises
    ------
    AdapterError
        If a visit has no times, or the plan names what the problem lacks.
    """
    tickets = {ticket.id: ticket for ticket in problem.tickets}
    engineers = {shift.id: e for e in problem.engineers for shift in e.shifts}
    orders: list[Json] = []
    for route in plan.routes:
        for visit in route.visits:
            ticket, engineer = tickets.get(visit.ticket_id), engineers.get(route.shift_id)
            if ticket is None or engineer is None:
                raise AdapterError(
                    f"The plan names ticket '{visit.ticket_id}' on shift '{route.shift_id}', "
                    "and the problem lacks one of them. Give the problem of this plan."
                )
            work = _work(problem, ticket, engineer, visit, language)
            order = _order(problem, ticket, work, category)
            appointment = (appointments or {}).get(ticket.id)
            orders.append(order | ({"appointment": {"id": appointment}} if appointment else {}))
    return tuple(orders)


def tmf697_work_order_update(
    order: Mapping[str, Any],
    *,
    state: WorkOrderState,
    action: Literal["modify", "delete", "noChange"] = "modify",
    expected_completion: str | None = None,
) -> Json:
    """Turn a work order as created into an update of it.

    The schema asks for the items even in an update of one field, so they go along.

    Parameters
    ----------
    action
        Of each item; ``delete`` beside the state ``cancelled``.
    expected_completion
        As date and time with its offset.
    """
    items = [{**item, "action": action} for item in order["workOrderItem"]]
    expected = (
        {} if expected_completion is None else {"expectedCompletionDate": expected_completion}
    )
    return {**order, "state": state, **expected, "workOrderItem": items}


def _order(problem: Problem, ticket: Ticket, work: Json, category: str) -> Json:
    zone = problem.zone
    opens = ticket.appointment.open if ticket.appointment else ticket.earliest
    closes = ticket.due or ticket.latest
    dates = {} if opens is None else {"requestedStartDate": time_text(opens, zone)}
    dates |= {} if closes is None else {"requestedCompletionDate": time_text(closes, zone)}
    return {
        "externalId": f"WO-{ticket.id}",
        "category": category,
        "priority": str(ticket.priority),
        "description": work["name"],
        **dates,
        "relatedEntity": [ticket_entity(ticket.id)],
        "workOrderItem": [{"id": "1", "action": "add", "work": work}],
    }


def _work(
    problem: Problem, ticket: Ticket, engineer: Engineer, visit: Visit, language: str
) -> Json:
    if visit.start is None or visit.end is None:
        raise AdapterError(
            f"The visit of ticket '{ticket.id}' has no times. Solve, or check first."
        )
    zone = problem.zone
    fault = problem.catalogue()[ticket.fault_type]
    name = (fault.name_zh if language == "zh" else fault.name_en) or ticket.fault_type
    minutes = (visit.end - visit.start).total_seconds() / 60
    promised = visit.promised or ticket.appointment
    slot = time_period(visit.start, visit.end, zone)
    skills = fault.skills if ticket.skills is None else ticket.skills
    return {
        "name": name,
        "workType": ticket.fault_type,
        "workPriority": str(ticket.priority),
        "plannedDuration": {"amount": round(minutes, 2), "units": "min"},
        "deliveryTimeSlot": slot if promised is None else window_period(promised, zone),
        "place": [place_of(ticket.place)],
        "workCharacteristic": [
            *(_characteristic("requiredSkill", f"{s}:{level}") for s, level in skills.items()),
            *(
                _characteristic("part", {"name": part, "quantity": quantity})
                for part, quantity in (ticket.parts or {}).items()
            ),
            *(_characteristic("packingList", part) for part in fault.parts),
            *(_characteristic("tool", tool) for tool in fault.tools),
            *([_characteristic("crewSize", ticket.crew_size)] if ticket.crew_size > 1 else []),
        ],
        "workforceEmployeeAssignment": [_assignment(engineer, skills, slot)],
    }


def _assignment(engineer: Engineer, skills: Mapping[str, int], slot: Json) -> Json:
    foremost = max(skills, key=lambda name: skills[name], default=NO_SKILL)
    named = {"name": engineer.name} if engineer.name else {}
    return {
        "id": "1",
        "description": "primary",
        "skillType": foremost,
        "state": "acknowledged",
        "workforceEmployee": {"id": engineer.id, **named, "@referredType": "Individual"},
        "timeSlot": [{"validFor": slot}],
    }


def _characteristic(name: str, value: str | int | Json) -> Json:
    kinds = {str: "string", int: "integer"}
    return {"name": name, "valueType": kinds.get(type(value), "object"), "value": value}
