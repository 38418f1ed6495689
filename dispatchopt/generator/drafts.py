"""Tickets of a made-up city branch, put together field by field."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dispatchopt.generator import demand
from dispatchopt.generator.city import City, grid_id
from dispatchopt.generator.crew import LATE_SHIFT
from dispatchopt.models import Engineer, FaultType, Ticket, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from dispatchopt.generator.calendar import Calendar

Fields = dict[str, Any]  # Any: the fields of a ticket to be; windows are pairs of times


def make_drafts(
    rng: np.random.Generator,
    *,
    num: int,
    faults: Sequence[FaultType],
    engineers: Sequence[Engineer],
    city: City,
    calendar: Calendar,
    due_rule: demand.DueRule,
) -> list[Fields]:
    """Make the fields of `num` open tickets, all but appointments and locks."""
    possible = demand.feasible_faults(faults, engineers, city)
    kinds = demand.draw_faults(rng, faults, possible, num)
    durations = demand.draw_durations(rng, faults, kinds)
    sites = demand.draw_sites(rng, faults, kinds, possible, city)
    has_evening = any(
        shift.min_priority is None and shift.end == calendar.at(day, LATE_SHIFT[1])
        for engineer in engineers
        for shift in engineer.shifts
        for day in range(calendar.days)
    )
    local = _local_engineers(engineers)
    drafts = []
    for index in range(num):
        fault = faults[kinds[index]]
        draft = _what_and_where(rng, index, fault, durations[index], sites[index])
        draft |= demand.draw_report(rng, fault, draft["priority"], calendar)
        draft["due"] = demand.due_of(
            rng, fault, draft["reported_at"], sites[index].rural, due_rule, calendar
        )
        draft["windows"] = demand.draw_windows(rng, fault, draft["priority"], has_evening, calendar)
        draft |= _extras(rng, draft, fault, local.get(draft["territory"], []))
        drafts.append(draft)
    return drafts


def to_ticket(draft: Fields) -> Ticket:
    """Turn the fields into a ticket."""
    windows = tuple(Window(open=opens, close=closes) for opens, closes in draft["windows"])
    return Ticket(**{**draft, "windows": windows})


def _local_engineers(engineers: Sequence[Engineer]) -> dict[str, list[str]]:
    local: dict[str, list[str]] = {}
    for engineer in engineers:
        for territory in engineer.territories or ():
            local.setdefault(territory, []).append(engineer.id)
    return local


def _what_and_where(
    rng: np.random.Generator, index: int, fault: FaultType, duration: int, site: demand.Site
) -> Fields:
    is_star = bool(rng.random() < 0.08)
    priority = fault.default_priority
    return {
        "id": f"T{index + 1:05d}",
        "status": "open",
        "fault_type": fault.code,
        "place": site.place,
        # A star customer or a fault that came back goes up one step, never into the outages of P1.
        "priority": priority - 1 if is_star and priority > 2 else priority,
        "duration": duration,
        "crew_size": fault.crew_size,
        "territory": grid_id(site.grid),
        "network_element": demand.network_element(fault, index),
        "attributes": {"site": site.label},
    }


def _extras(rng: np.random.Generator, draft: Fields, fault: FaultType, local: list[str]) -> Fields:
    """Draw what only some tickets have."""
    extras: Fields = {"parts": demand.draw_parts(rng, fault)}
    windows = draft["windows"]
    if windows and rng.random() < 0.04:  # the part or the key comes half an hour later
        extras["earliest"] = windows[0][0] + timedelta(minutes=30)
    if windows and rng.random() < 0.04:  # the building closes
        extras["latest"] = windows[-1][1] + timedelta(seconds=draft["duration"])
    choice = rng.random()
    if len(local) >= 3 and choice < 0.09:
        wish = "refused_engineers" if choice < 0.03 else "preferred_engineers"
        extras[wish] = (local[int(rng.integers(len(local)))],)
    return extras


def set_aside(rng: np.random.Generator, drafts: list[Fields]) -> None:
    """Park, finish or cancel about one ticket of twenty; a finished one may be a first visit."""
    if len(drafts) < 5:
        return
    for draft, chance in zip(drafts, rng.random(len(drafts)), strict=True):
        if chance < 0.05:
            draft["status"] = (
                "parked" if chance < 0.02 else "done" if chance < 0.035 else "cancelled"
            )
    done = [draft for draft in drafts if draft["status"] == "done"]
    repeats = [d for d in drafts if d["status"] == "open" and d.get("carried_over")]
    for first, second in zip(done, repeats, strict=False):
        _make_visits_of_one_case(first, second)


def _make_visits_of_one_case(first: Fields, second: Fields) -> None:
    """Turn a finished ticket into the first visit of the case of an open one."""
    second |= {"case_id": f"C{second['id'][1:]}", "visit_no": 2, "after": (first["id"],)}
    own = {"id": first["id"], "status": first["status"], "visit_no": 1, "windows": []}
    dropped = ("after", "carried_over", "parts", "earliest", "latest", "known_at")
    shared = {name: value for name, value in second.items() if name not in (*own, *dropped)}
    first.clear()
    first |= own | shared
