"""Small VROOM problems, and a judge of VROOM solutions that knows nothing of the package."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

HOUR = 3600
LEGS = (0, 300, 900, 900, 1800, 2**32 - 1)  # the last: no way
STAMP = 1_795_000_000  # a time stamp in November 2026

_window = st.builds(
    lambda opens, length: [opens * HOUR // 2, opens * HOUR // 2 + length],
    st.sampled_from((0, 1, 2, 4, 8)),
    st.sampled_from((0, 900, HOUR, 4 * HOUR)),
)
_job: Any = st.fixed_dictionaries(
    {"location_index": st.integers(0, 3)},
    optional={
        "service": st.sampled_from((0, 900, 1800)),
        "setup": st.sampled_from((0, 300)),
        "skills": st.lists(st.sampled_from((1, 2)), unique=True),
        "priority": st.sampled_from((0, 0, 10, 50, 51, 100)),
        "time_windows": st.lists(_window, min_size=1, max_size=2),
        "delivery": st.lists(st.sampled_from((0, 1, 2)), min_size=1, max_size=1),
        "pickup": st.lists(st.sampled_from((0, 1)), min_size=1, max_size=1),
        "description": st.sampled_from(("a", "b")),
    },
)
_break = st.fixed_dictionaries(
    {"time_windows": st.lists(_window, min_size=1, max_size=1)},
    optional={"service": st.sampled_from((0, 900))},
)
_ends = st.sampled_from(({"start_index": 0, "end_index": 0}, {"start_index": 1}, {"end_index": 2}))
_vehicle: Any = st.fixed_dictionaries(
    {},
    optional={
        "time_window": st.sampled_from(([0, 4 * HOUR], [HOUR, 9 * HOUR], [0, 2**32 - 1])),
        "capacity": st.sampled_from(([0], [2], [9])),
        "skills": st.lists(st.sampled_from((1, 2)), unique=True),
        "breaks": st.lists(_break, max_size=2),
        "speed_factor": st.sampled_from((1.0, 0.5, 1.25)),
        "max_tasks": st.sampled_from((0, 1, 2, 9)),
        "description": st.sampled_from(("van", "bike")),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Draw a problem with tables, relative times or time stamps, and nothing that is refused."""
    jobs = draw(st.lists(_job, min_size=1, max_size=4))
    vehicles = draw(st.lists(st.tuples(_ends, _vehicle), min_size=1, max_size=2))
    cells = st.lists(st.sampled_from(LEGS), min_size=4, max_size=4)
    table = draw(st.lists(cells, min_size=4, max_size=4))
    for i in range(4):
        table[i][i] = 0
    shift = draw(st.sampled_from((0, STAMP)))
    document: Json = {
        "jobs": [{"id": 7 + i, **job} for i, job in enumerate(jobs)],
        "vehicles": [{"id": 1 + v, **ends, **rest} for v, (ends, rest) in enumerate(vehicles)],
        "matrices": {"car": {"durations": table}},
    }
    for vehicle in document["vehicles"]:
        for number, pause in enumerate(vehicle.get("breaks", ()), start=1):
            pause["id"] = number
            # Within what every vehicle works, so that it can be taken.
            pause["time_windows"] = [[HOUR + 900, 2 * HOUR]]
    return _later(document, shift)


def _later(document: Json, seconds: int) -> Json:
    def moved(window: list[int]) -> list[int]:
        return [min(2**32 - 1, at + seconds) for at in window]

    def item(found: Json) -> Json:
        changed = dict(found)
        if "time_window" in found:
            changed["time_window"] = moved(found["time_window"])
        if "time_windows" in found:
            changed["time_windows"] = [moved(window) for window in found["time_windows"]]
        if "breaks" in found:
            changed["breaks"] = [item(pause) for pause in found["breaks"]]
        return changed

    return {key: [item(i) for i in v] if key != "matrices" else v for key, v in document.items()}


def faults(document: Json, solution: Json) -> list[str]:
    """Return what is wrong with a solution; waiting of no length and rounding up are allowed."""
    found: list[str] = []
    jobs = {job["id"]: job for job in document["jobs"]}
    served = [s["id"] for r in solution["routes"] for s in r["steps"] if s["type"] == "job"]
    left = [task["id"] for task in solution["unassigned"] if task["type"] == "job"]
    if sorted([*served, *left]) != sorted(jobs):
        found.append(f"served {served}, unassigned {left}, of {sorted(jobs)}")
    vehicles = {vehicle["id"]: vehicle for vehicle in document["vehicles"]}
    for route in solution["routes"]:
        found += _route(document, jobs, vehicles[route["vehicle"]], route)
    summary = solution["summary"]
    for name in ("cost", "duration", "service", "setup", "priority", "waiting_time"):
        if summary[name] != sum(route[name] for route in solution["routes"]):
            found.append(f"summary: {name}")
    return found


def _route(document: Json, jobs: dict[int, Json], vehicle: Json, route: Json) -> list[str]:
    found = _limits(jobs, vehicle, route)
    steps = route["steps"]
    opens, closes = vehicle.get("time_window", (0, 2**32 - 1))
    if not opens <= steps[0]["arrival"] or steps[-1]["arrival"] > closes:
        found.append(f"hours: {steps[0]['arrival']}..{steps[-1]['arrival']}")
    last = steps[-1]
    if last["arrival"] + last["waiting_time"] + last["setup"] + last["service"] > closes:
        found.append("hours: the last service")
    for step in steps:
        begins = step["arrival"] + step["waiting_time"]
        windows = [[0, 2**32 - 1]]
        if step["type"] == "job":
            windows = jobs[step["id"]].get("time_windows", windows)
        elif step["type"] == "break":
            pauses = {pause["id"]: pause for pause in vehicle["breaks"]}
            windows = pauses[step["id"]]["time_windows"]
        if not any(a <= begins <= b for a, b in windows):
            found.append(f"{step['type']} begins at {begins}, outside {windows}")
    found += _travel(document, vehicle, steps)
    return found


def _limits(jobs: dict[int, Json], vehicle: Json, route: Json) -> list[str]:
    tasks = [jobs[step["id"]] for step in route["steps"] if step["type"] == "job"]
    found = []
    if len(tasks) > vehicle.get("max_tasks", 99):
        found.append("max_tasks")
    if any(set(task.get("skills", ())) - set(vehicle.get("skills", ())) for task in tasks):
        found.append("skills")
    room = (vehicle.get("capacity") or [0])[0]
    load = sum((task.get("delivery") or [0])[0] for task in tasks)
    for task in tasks:
        if load > room:
            found.append("capacity")
        load += (task.get("pickup") or [0])[0] - (task.get("delivery") or [0])[0]
    return found + (["capacity"] if load > room else [])


def _travel(document: Json, vehicle: Json, steps: list[Json]) -> list[str]:
    """Check that the time between two stops is travel and nothing else."""
    table = document["matrices"]["car"]["durations"]
    slowness = round(100 / vehicle.get("speed_factor", 1.0))
    found = []
    clock, place = None, None
    travelled = at_place = 0
    for step in steps:
        if clock is not None:
            gone = step["duration"] - travelled
            if step["arrival"] - clock != gone:
                found.append(f"{step['type']}: {step['arrival'] - clock} s on the way, {gone} told")
        if "location_index" in step:
            if place is not None:
                told = step["duration"] - at_place
                needed = -(-table[place][step["location_index"]] * slowness // 100)
                if told != needed:
                    found.append(f"travel {told}, {needed} needed")
            place, at_place = step["location_index"], step["duration"]
        travelled = step["duration"]
        clock = step["arrival"] + step["waiting_time"] + step["setup"] + step["service"]
    return found
