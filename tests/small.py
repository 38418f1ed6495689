"""Small problems by hand: one engineer, two places, whatever fields a test is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dispatchopt.models import Problem


def at(clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return datetime(2026, 3, 2, int(hours), int(minutes), tzinfo=UTC)


def problem(
    tickets: list[dict[str, Any]],
    *,
    seconds: list[list[int | None]] | None = None,
    shift: dict[str, Any] | None = None,
    **fields: Any,
) -> Problem:
    """One engineer at place a, 08:00 to 12:00; tickets at place b unless they say otherwise."""
    whole = {"id": "s0", "start": at("08:00"), "end": at("12:00"), **(shift or {})}
    return Problem(
        horizon=fields.pop("horizon", {"start": at("00:00"), "end": at("23:00")}),
        tickets=[
            {"id": f"t{i}", "fault_type": "plain", "place": "b", "priority": 2, **ticket}
            for i, ticket in enumerate(tickets)
        ],
        engineers=[{"id": "e0", "place": "a", "skills": {}, "shifts": [whole]}],
        fault_types=[{"code": "plain", "duration": {"mean": 1800}}],
        travel={
            "kind": "matrix",
            "places": ["a", "b", "c"][: len(seconds or [0, 0])],
            "seconds": seconds or [[0, 900], [900, 0]],
        },
        **fields,
    )
