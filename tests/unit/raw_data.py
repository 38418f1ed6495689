"""Raw items as they stand in a file; each call gives fresh ones, with some fields changed."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]

DAY = "2026-11-23"


def at(clock: str) -> str:
    """Instant of the planned day, Shanghai time."""
    return f"{DAY}T{clock}:00+08:00"


def raw_ticket(ticket_id: str = "T1", **changed: Any) -> Raw:
    place = {"lat": 31.2, "lon": 121.5}
    return {
        "id": ticket_id,
        "fault_type": "FTTH_WEAK_LIGHT",
        "place": place,
        "priority": 3,
        **changed,
    }


def raw_shift(shift_id: str = "S1", **changed: Any) -> Raw:
    return {"id": shift_id, "start": at("08:00"), "end": at("17:00"), **changed}


def raw_engineer(engineer_id: str = "E1", **changed: Any) -> Raw:
    return {
        "id": engineer_id,
        "skills": {"FIBER_SPLICE": 2, "BROADBAND": {"level": 1, "expires": "2027-01-31"}},
        "place": {"lat": 31.1, "lon": 121.4},
        "shifts": [raw_shift(f"S-{engineer_id}")],
        **changed,
    }


def raw_problem(**changed: Any) -> Raw:
    return {
        "schema_version": "1",
        "horizon": {"start": at("00:00"), "end": at("23:59")},
        "timezone": "Asia/Shanghai",
        "tickets": [raw_ticket()],
        "engineers": [raw_engineer()],
        "travel": {"kind": "straight_line"},
        **changed,
    }
