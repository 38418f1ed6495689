"""Appointments and locks that can be kept: all of them are in one greedy schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from dispatchopt.generator.city import KM_PER_DEGREE
from dispatchopt.models import (
    Engineer,
    FaultType,
    Matrix,
    Place,
    Point,
    Profiles,
    Shift,
    StraightLine,
    Travel,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from dispatchopt.generator.drafts import Fields

_SLOT = timedelta(hours=2)
_MAX_PROMISES = 3
_TRIES = 12
_ANYWHERE = ""


class _Table:
    """Travel times that are never below the true ones (a tenth and a minute on top)."""

    def __init__(self, model: StraightLine | Matrix) -> None:
        self.model = model
        places = model.places if isinstance(model, Matrix) else ()
        self.index = {place: index for index, place in enumerate(places)}

    def between(self, origin: Place, destination: Place) -> timedelta:
        """Return the time from one place to another."""
        if origin == destination:
            return timedelta()
        if isinstance(self.model, Matrix):
            row, column = self.index[str(origin)], self.index[str(destination)]
            return timedelta(seconds=math.ceil(1.1 * int(self.model.seconds[row, column])) + 60)
        assert isinstance(origin, Point)
        assert isinstance(destination, Point)
        north = (origin.lat - destination.lat) * KM_PER_DEGREE
        scale = math.cos(math.radians(min(abs(origin.lat), abs(destination.lat))))
        east = (origin.lon - destination.lon) * KM_PER_DEGREE * scale
        hours = math.hypot(north, east) * self.model.detour / self.model.speed_kmh
        return timedelta(seconds=math.ceil(1.1 * 3600 * hours) + self.model.stop_overhead_s + 60)


@dataclass
class _Lane:
    """A shift with the promises made on it so far, in order of time."""

    engineer: Engineer
    shift: Shift
    table: _Table
    home: Place
    clock: datetime
    place: Place
    pauses: int = 0
    promises: list[str] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)


def make_promises(
    rng: np.random.Generator,
    *,
    tickets: Sequence[Fields],
    engineers: Sequence[Engineer],
    catalogue: Mapping[str, FaultType],
    travel: Travel,
    zone: tzinfo,
    num: int,
) -> dict[str, list[str]]:
    """Give up to `num` open tickets an appointment, and some of them a lock, in place.

    Promises are appended shift by shift along one schedule that keeps every hard rule, so that a
    plan which keeps all of them exists. An appointment is a slot of two hours (or less) inside a
    wished window. Of ten promises one also binds the engineer, of twenty one the very time.

    Returns
    -------
    dict
        The schedule: ids of the promised tickets by shift, in order.
    """
    lanes = _lanes(engineers, travel)
    made = 0
    for index in rng.permutation(len(tickets)):
        if made >= num:
            break
        ticket = tickets[index]
        if ticket["status"] != "open" or not ticket["windows"]:
            continue
        fault = catalogue[ticket["fault_type"]]
        # Those who roam come last: a broadband call is no work for the only splicer.
        made += any(
            _promise(rng, near[lane], ticket, fault, zone)
            for near in (lanes.get(ticket["territory"], []), lanes[_ANYWHERE])
            for lane in rng.permutation(len(near))[:_TRIES]
        )
    return {lane.shift.id: lane.promises for area in lanes.values() for lane in area}


def _lanes(engineers: Sequence[Engineer], travel: Travel) -> dict[str, list[_Lane]]:
    """Return the shifts by territory that make promises: not standby, not the outage crews."""
    models = travel.profiles if isinstance(travel, Profiles) else {"": travel}
    tables = {name: _Table(model) for name, model in models.items()}
    lanes: dict[str, list[_Lane]] = {_ANYWHERE: []}
    for engineer in engineers:
        if _repairs_outages(engineer):
            continue
        table = tables[engineer.travel_profile or next(iter(tables))]
        for shift in engineer.shifts:
            if shift.min_priority is not None:
                continue
            start = max(shift.start, shift.available_from or shift.start)
            lane = _Lane(engineer, shift, table, engineer.place, start, engineer.place)
            own = engineer.territories
            areas = (_ANYWHERE,) if own is None else (*own, *(engineer.helper_territories or ()))
            for area in areas:
                lanes.setdefault(area, []).append(lane)
    return lanes


def _repairs_outages(engineer: Engineer) -> bool:
    """Return whether the engineer is of the few who splice feeder cables: kept free for outages."""
    skill = engineer.skills.get("FIBER_SPLICE")
    return skill is not None and skill.level >= 3


def _promise(
    rng: np.random.Generator, lane: _Lane, ticket: Fields, fault: FaultType, zone: tzinfo
) -> bool:
    """Append the ticket to the lane's schedule if every hard rule allows it."""
    if len(lane.promises) >= _MAX_PROMISES or not _is_eligible(lane, ticket, fault, zone):
        return False
    placed = _place(lane, ticket, with_break=False) or _place(lane, ticket, with_break=True)
    if placed is None:
        return False
    start, end, wish, pauses = placed
    ticket["appointment"] = _slot(wish, start)
    lock = rng.random()
    if lock < 0.15:
        ticket["assigned_engineer"] = lane.engineer.id
        ticket["lock"] = "engineer" if lock < 0.1 else "visit"
        if ticket["lock"] == "visit":
            ticket["assigned_start"] = start
    lane.clock, lane.place, lane.pauses = end, ticket["place"], pauses
    lane.promises.append(ticket["id"])
    for part, quantity in (ticket.get("parts") or {}).items():
        lane.used[part] = lane.used.get(part, 0) + quantity
    return True


def _place(
    lane: _Lane, ticket: Fields, *, with_break: bool
) -> tuple[datetime, datetime, tuple[datetime, datetime], int] | None:
    """Return start, end, the window used and the breaks taken by then; None: it does not fit."""
    arrival = lane.clock + lane.table.between(lane.place, ticket["place"])
    pauses = lane.pauses
    if with_break:
        if pauses == len(lane.shift.breaks):
            return None
        pause = lane.shift.breaks[pauses]
        arrival = max(arrival, pause.earliest) + timedelta(seconds=pause.duration)
        pauses += 1
    ready = max(arrival, ticket.get("earliest", arrival))
    wish = next((w for w in ticket["windows"] if w[1] >= ready), None)
    if wish is None:
        return None
    start = max(ready, wish[0])
    percent = lane.engineer.duration_percent
    end = start + timedelta(seconds=math.ceil(ticket["duration"] * percent / 100))
    return (start, end, wish, pauses) if _can_end(lane, ticket, end, pauses) else None


def _is_eligible(lane: _Lane, ticket: Fields, fault: FaultType, zone: tzinfo) -> bool:
    engineer, shift = lane.engineer, lane.shift
    if ticket["crew_size"] > shift.members or engineer.id in (
        ticket.get("refused_engineers") or ()
    ):
        return False
    last_day = shift.end.astimezone(zone).date()
    for name, level in fault.skills.items():
        skill = engineer.skills.get(name)
        if skill is None or skill.level < level or (skill.expires and skill.expires < last_day):
            return False
    stock = shift.stock
    return stock is None or all(
        stock.get(part, 0) - lane.used.get(part, 0) >= quantity
        for part, quantity in (ticket.get("parts") or {}).items()
    )


def _can_end(lane: _Lane, ticket: Fields, end: datetime, pauses: int) -> bool:
    """Return whether the route can end here: `latest`, breaks and the way back.

    A break is left out if the route is back by its `latest`, else taken on the way back, one at
    most. So no break can become impossible to take when another promise is appended.
    """
    if end > ticket.get("latest", end):
        return False
    shift = lane.shift
    back = end + lane.table.between(ticket["place"], lane.home)
    is_taken = False
    for pause in shift.breaks[pauses:]:
        if back <= pause.latest:
            continue
        if is_taken or end > pause.latest:
            return False
        back = max(back, pause.earliest) + timedelta(seconds=pause.duration)
        is_taken = True
    return back <= shift.end - timedelta(minutes=shift.reserved_minutes)


def _slot(wish: tuple[datetime, datetime], start: datetime) -> Window:
    """Return the slot inside the wished window that holds `start`: two hours, on the half hour."""
    opens, closes = wish
    if closes - opens <= _SLOT:
        return Window(open=opens, close=closes)
    half = int(start.timestamp()) // 1800 * 1800
    first = min(max(datetime.fromtimestamp(half, UTC), opens), closes - _SLOT)
    return Window(open=first, close=first + _SLOT)
