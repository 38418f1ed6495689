"""Vehicles of a VROOM document as engineers with one shift each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from dispatchopt.adapters.vroom.documents import ANYWHERE, NOTES, Job, Vehicle, VehicleBreak
from dispatchopt.adapters.vroom.tasks import amount_name, amounts, note_mixed_amounts
from dispatchopt.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.vroom.places import Places
    from dispatchopt.adapters.vroom.times import Times

MOST_BREAKS = 2


class Notes(Protocol):
    """Takes what a plan may break, and what counts otherwise."""

    lost: list[Issue]
    differs: list[Issue]


def raw_engineers(
    vehicles: Sequence[Vehicle], jobs: Sequence[Job], places: Places, times: Times, notes: Notes
) -> list[dict[str, Any]]:
    """Return vehicles as raw engineers; vehicle and shift bear the same id."""
    size = max((len(amounts(job)) for job in jobs), default=0)
    note_mixed_amounts(jobs, notes.differs)
    found: list[dict[str, Any]] = []
    for vehicle in vehicles:
        start, end = times.hours(vehicle)
        idle = _idle(vehicle, start, end)
        if idle is not None:
            message = f"{idle[1]}, so it has no route; left out"
            notes.differs.append(Issue("engineer", str(vehicle.id), idle[0], "", message))
            continue
        _note_limits(vehicle, end - start, notes)
        found.append(_engineer(vehicle, (start, end), size, places, times, notes))
    return found


def _idle(vehicle: Vehicle, start: int, end: int) -> tuple[str, str] | None:
    """Say why a vehicle can have no route, as VROOM has every break taken; None if it can."""
    if start == end:
        return "time_window", "works at no time when there is something to do"
    if sum(pause.service for pause in vehicle.breaks) >= end - start:
        return "breaks", "its breaks take all its time"
    for pause in vehicle.breaks:
        if pause.time_windows and not _inside(pause, (start, end)):
            return "breaks", f"break {pause.id} lies outside its hours"
    return None


def _inside(pause: VehicleBreak, hours: tuple[int, int]) -> list[tuple[int, int]]:
    return [w for w in pause.time_windows if w[0] < hours[1] and w[1] >= hours[0]]


def _engineer(
    vehicle: Vehicle,
    hours: tuple[int, int],
    size: int,
    places: Places,
    times: Times,
    notes: Notes,
) -> dict[str, Any]:
    number = str(vehicle.id)
    has_start = vehicle.start is not None or vehicle.start_index is not None
    has_end = vehicle.end is not None or vehicle.end_index is not None
    start = places.of(vehicle.start, vehicle.start_index) if has_start else ANYWHERE
    end = places.of(vehicle.end, vehicle.end_index) if has_end else None
    breaks = [b for b in (_break(vehicle, b, hours, times, notes) for b in vehicle.breaks) if b]
    capacity = {
        amount_name(i): vehicle.capacity[i] if i < len(vehicle.capacity) else 0 for i in range(size)
    }
    shift = {
        "id": number,
        "start": times.at(hours[0]),
        "end": times.at(hours[1]),
        "end_place": end,
        **({"breaks": breaks} if breaks else {}),
        **({} if vehicle.max_tasks is None else {"max_visits": min(vehicle.max_tasks, 2**31 - 1)}),
        **({"stock": capacity} if size else {}),
    }
    kept = vehicle.model_dump(
        mode="json", include={"description", "start", "end"}, exclude_defaults=True
    )
    kept |= {"breaks": [b.id for b in vehicle.breaks[:MOST_BREAKS]]} if vehicle.breaks else {}
    profile = places.profile(vehicle)
    return {
        "id": number,
        "skills": {str(skill): 1 for skill in vehicle.skills},
        "place": start,
        **({} if profile is None else {"travel_profile": profile}),
        "shifts": [shift],
        **({"attributes": {NOTES: kept}} if kept else {}),
    }


def _break(
    vehicle: Vehicle, pause: VehicleBreak, hours: tuple[int, int], times: Times, notes: Notes
) -> dict[str, Any] | None:
    if vehicle.breaks.index(pause) >= MOST_BREAKS:
        return None
    chosen = (_inside(pause, hours) or [hours])[0]
    if len(pause.time_windows) > 1:
        message = f"of several windows of break {pause.id} one counts"
        notes.differs.append(Issue("engineer", str(vehicle.id), "breaks", "", message))
    return {
        "earliest": times.at(chosen[0]),
        "latest": times.at(chosen[1]),
        "duration": pause.service,
    }


def _note_limits(vehicle: Vehicle, working_time: int, notes: Notes) -> None:
    """Note limits that no rule keeps."""
    number = str(vehicle.id)
    limits: list[tuple[str, str, str]] = []
    if vehicle.max_travel_time is not None and vehicle.max_travel_time < working_time:
        limits.append(("max_travel_time", str(vehicle.max_travel_time), "is not kept"))
    if vehicle.max_distance is not None:
        limits.append(("max_distance", str(vehicle.max_distance), "is not kept"))
    if len(vehicle.breaks) > MOST_BREAKS:
        message = f"a shift has {MOST_BREAKS} breaks at most; the first {MOST_BREAKS} count"
        limits.append(("breaks", str(len(vehicle.breaks)), message))
    if any(pause.max_load is not None for pause in vehicle.breaks):
        limits.append(("breaks", "", "max_load is not kept"))
    notes.lost.extend(Issue("engineer", number, name, value, why) for name, value, why in limits)
    if vehicle.breaks:
        message = "a route that ends before a break's latest start goes without it"
        notes.differs.append(Issue("engineer", number, "breaks", "", message))
