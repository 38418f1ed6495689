"""vrp-cli, the solver of the Rust crate ``vrp-pragmatic``, through its Python package.

Skills are ``allOf``; values 40 / 20 / 10 / 6 are the prices in hours. Objectives in order: value
served, number unassigned, cost (the travel seconds stand in the matrix as distances at price 1).
"""

from __future__ import annotations

import importlib
import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from benchmarks.day import Clock, Day

_MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
_OBJECTIVES = (
    {"type": "maximize-value"},
    {"type": "minimize-unassigned"},
    {"type": "minimize-cost"},
)


def solve(day: Day, *, clock: Clock, threads: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Plan the day; `seed` is not used (the package takes none)."""
    del seed
    engine = importlib.import_module("vrp_cli")
    seconds = day.travel.ravel().tolist()
    matrix = json.dumps({"profile": "car", "travelTimes": seconds, "distances": seconds})
    config = {
        "termination": {"maxTime": math.ceil(clock.remaining())},
        "environment": {
            "logging": {"enabled": False},
            "parallelism": {"numThreadPools": 1, "threadsPerPool": threads},
        },
        "telemetry": {"progress": {"enabled": False}},
    }
    try:
        answer = _ask(engine, day, [[level] for level in _OBJECTIVES], matrix, config)
    except OSError as error:
        if "cannot deserialize problem" not in str(error):
            raise
        answer = _ask(engine, day, list(_OBJECTIVES), matrix, config)
    return {
        tour["vehicleId"]: tuple(
            activity["jobId"]
            for stop in tour["stops"]
            for activity in stop["activities"]
            if activity["type"] == "service"
        )
        for tour in json.loads(answer)["tours"]
    }


def _ask(
    engine: ModuleType, day: Day, objectives: list[Any], matrix: str, config: dict[str, Any]
) -> str:
    # Any: the engine's JSON formats. Releases up to 1.22 want a list per level of objectives, later
    # ones a flat list; the wrong one is refused at once.
    problem = json.dumps({"plan": _plan(day), "fleet": _fleet(day), "objectives": objectives})
    answer: str = engine.solve_pragmatic(
        problem=problem, matrices=[matrix], config=json.dumps(config)
    )
    return answer


def _plan(day: Day) -> dict[str, Any]:  # Any: the engine's JSON format
    return {
        "jobs": [
            {
                "id": ticket.id,
                "services": [
                    {
                        "places": [
                            {
                                "location": {"index": ticket.place},
                                "duration": ticket.duration,
                                "times": [[_stamp(ticket.open), _stamp(ticket.close)]],
                            }
                        ]
                    }
                ],
                "skills": {"allOf": sorted(ticket.skills)},
                "value": ticket.price / 3600,
            }
            for ticket in day.tickets
        ]
    }


def _fleet(day: Day) -> dict[str, Any]:  # Any: the engine's JSON format
    return {
        "vehicles": [
            {
                "typeId": shift.id,
                "vehicleIds": [shift.id],
                "profile": {"matrix": "car"},
                "costs": {"fixed": 0, "distance": 1, "time": 0},
                "shifts": [
                    {
                        "start": {
                            "earliest": _stamp(shift.start),
                            "location": {"index": shift.place},
                        },
                        "end": {"latest": _stamp(shift.end), "location": {"index": shift.place}},
                    }
                ],
                "capacity": [1],
                "skills": sorted(shift.skills),
            }
            for shift in day.shifts
        ],
        "profiles": [{"name": "car"}],
    }


def _stamp(seconds: int) -> str:
    return (_MIDNIGHT + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
