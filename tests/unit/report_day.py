"""A small day worked out by hand, for the reports.

Two engineers, three visits, two tickets left out, one done. Places: depot, x, y; 10 minutes between
the depot and x or y, 20 between x and y, 30 from the depot to z.
"""

from __future__ import annotations

from typing import Any

from dispatchopt.models import Plan, Problem
from tests.unit.raw_data import Raw, at, raw_engineer, raw_shift, raw_ticket

PLACES = ["depot", "x", "y", "z"]
SECONDS = [[0, 600, 600, 1800], [600, 0, 1200, 1], [600, 1200, 0, 1], [1800, 1, 1, 0]]


def window(opens: str, closes: str) -> Raw:
    return {"open": at(opens), "close": at(closes)}


def visit(ticket_id: str, times: str, travel_seconds: int, **changed: Any) -> Raw:
    departure, arrival, start, end = (at(clock) for clock in times.split())
    return {
        "ticket_id": ticket_id, "departure": departure, "arrival": arrival, "start": start,
        "end": end, "travel_seconds": travel_seconds, **changed,
    }  # fmt: skip


def raw_tickets() -> list[Raw]:
    return [
        raw_ticket(
            "T1", place="x", priority=1, fault_type="FTTH_LOS_DROP", skills={"A": 2},
            territory="north", due=at("08:40"), reported_at=at("07:40"), parts={"ONT": 1},
        ),
        raw_ticket(
            "T2", place="y", priority=2, fault_type="FTTH_WEAK_LIGHT", skills={"B": 1},
            territory="south", due=at("09:50"), reported_at=at("06:00"), parts={"ONT": 1},
            appointment=window("09:00", "09:30"),
            attributes={"address": "3 Lake Road\n# not a heading"},
        ),
        raw_ticket(
            "T3", place="z", priority=2, visit_no=2, case_id="C3", skills={"A": 2},
            territory="north", due="2026-11-22T12:00:00+08:00", reported_at=at("02:10"),
            parts={"X": 1}, appointment=window("10:00", "11:29"), crew_size=2,
        ),
        raw_ticket(
            "T4", place="x", priority=2, due=at("11:00"), appointment=window("10:00", "11:00")
        ),
        raw_ticket("T5", place="y", priority=1, due="2026-11-25T12:00:00+08:00"),
        raw_ticket("T6", place="y", status="done", due=at("09:00")),
    ]  # fmt: skip


def raw_engineers() -> list[Raw]:
    pause = {"earliest": at("10:00"), "latest": at("11:00"), "duration": 1800}
    early = raw_shift("S1", end=at("12:00"), breaks=[pause])
    pair = raw_shift(
        "S2", end=at("12:00"), members=2, end_place=None, reserved_minutes=30, max_overtime=900
    )
    return [
        raw_engineer(
            "E1", name="张三", place="depot", shifts=[early], territories=["north"],
            skills={"A": 3, "B": {"level": 1, "expires": "2026-11-22"}}, stock={"ONT": 1},
        ),
        raw_engineer(
            "E/2", place="depot", shifts=[pair], skills={"A": 1}, recent_minutes=50,
            recent_paid_minutes=60,
        ),
        raw_engineer("E3", place="depot", shifts=[]),
    ]  # fmt: skip


def raw_plan() -> Raw:
    first = [
        visit("T1", "08:00 08:10 08:10 08:40", 600),
        visit("T2", "09:00 09:20 09:30 10:00", 1200, promised=window("09:00", "09:30")),
    ]
    pause = {"start": at("10:00"), "end": at("10:30")}
    return {
        "routes": [
            {
                "shift_id": "S1", "engineer_id": "E1", "start": at("08:00"), "visits": first,
                "breaks": [pause], "end": at("10:40"),
            },
            {
                "shift_id": "S2", "start": at("11:00"), "end": at("12:10"),
                "visits": [visit("T3", "11:00 11:30 11:30 12:10", 1800)],
            },
        ],
        "unserved": [
            {"ticket_id": "T4", "reason": "LOST_TO_OTHERS", "detail": {"to": ["T1"]}},
            {"ticket_id": "T5", "reason": "NO_PARTS"},
        ],
        "not_plannable": [{"ticket_id": "T6", "status": "done"}],
        "broken_promises": ["T4"],
    }  # fmt: skip


def previous_plan() -> Raw:
    """T2 with the other engineer and half an hour earlier; T5 was promised a window."""
    return {
        "routes": [
            {"shift_id": "S1", "visits": [visit("T1", "08:00 08:10 08:10 08:40", 600)]},
            {
                "shift_id": "S2",
                "visits": [
                    visit("T2", "08:50 09:00 09:00 09:30", 600, promised=window("09:00", "09:30")),
                    visit("T3", "11:00 11:30 11:30 12:10", 600, promised=window("08:00", "09:00")),
                    visit("T5", "12:20 12:30 12:30 13:00", 600, promised=window("11:00", "13:00")),
                ],
            },
        ]
    }


def day(**changed: Any) -> Problem:
    return Problem.model_validate(
        {
            "horizon": {"start": at("00:00"), "end": "2026-11-24T00:00:00+08:00"},
            "timezone": "Asia/Shanghai",
            "tickets": raw_tickets(),
            "engineers": raw_engineers(),
            "travel": {"kind": "matrix", "places": PLACES, "seconds": SECONDS},
            **changed,
        }
    )


def plan() -> Plan:
    return Plan.model_validate(raw_plan())
