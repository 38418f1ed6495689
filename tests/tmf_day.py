"""A roster, places and a plan for the trouble tickets of the golden files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dispatchopt.adapters.tmf import locate_inline, locate_places, problem_from_tmf621
from dispatchopt.models import Plan, Point, Problem
from tests.tmf_schemas import golden

if TYPE_CHECKING:
    from dispatchopt.models.intake import Intake

SHANGHAI = ZoneInfo("Asia/Shanghai")
SITES = {"SITE-1": Point(lon=121.45, lat=31.21), "SITE-2": Point(lon=121.49, lat=31.25)}


def at(clock: str, day: int = 23) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return datetime(2026, 11, day, hours, minutes, tzinfo=SHANGHAI)


def locate(ticket: Any) -> Any:
    return locate_places(SITES)(ticket) or locate_inline(ticket)


def roster() -> Problem:
    """Build a day with two engineers and no ticket."""
    engineers = [
        {
            "id": engineer_id,
            "skills": {"FIBER_SPLICE": 2, "BROADBAND": 2, "HOME_NETWORK": 1, "IPTV": 1},
            "place": {"lon": 121.46, "lat": 31.22},
            "stock": {"ont": 2},
            "shifts": [{"id": f"S-{engineer_id}", "start": at("08:00"), "end": at("18:00")}],
        }
        for engineer_id in ("E1", "E2")
    ]
    return Problem.model_validate(
        {
            "horizon": {"start": at("00:00"), "end": at("00:00", 24)},
            "timezone": "Asia/Shanghai",
            "tickets": [],
            "engineers": engineers,
            "travel": {"kind": "straight_line"},
        }
    )


def read(name: str = "tickets-v4.json", **options: Any) -> Intake:
    given = {"locate": locate, "fault_types": {"FTTH_LOS": "FTTH_LOS_DROP"}, **options}
    return problem_from_tmf621(golden(name), roster(), **given)


def plan_of(problem: Problem, *served: str, unserved: str = "") -> Plan:
    """Build a plan in which the engineers take turns, one visit an hour from 09:00."""
    routes: dict[str, list[dict[str, Any]]] = {"S-E1": [], "S-E2": []}
    tickets = {ticket.id: ticket for ticket in problem.tickets}
    for i, ticket_id in enumerate(served):
        start = at(f"{9 + i}:00")
        end = start + timedelta(seconds=tickets[ticket_id].duration or 2700)
        shift = ("S-E1", "S-E2")[i % 2]
        promised = tickets[ticket_id].appointment
        routes[shift].append(
            {
                "ticket_id": ticket_id,
                "departure": start - timedelta(minutes=10),
                "arrival": start,
                "start": start,
                "end": end,
                **({"promised": promised} if promised else {}),
            }
        )
    return Plan.model_validate(
        {
            "routes": [{"shift_id": s, "visits": visits} for s, visits in routes.items()],
            "unserved": [{"ticket_id": unserved, "reason": "NO_ENGINEER_WITH_SKILL"}]
            if unserved
            else [],
        }
    )
