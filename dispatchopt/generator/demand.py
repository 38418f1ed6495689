"""Tickets of a made-up city branch: what failed, where, for how long, when it suits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dispatchopt.generator.city import BoolArray, City, FloatArray, IntArray, grid_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.generator.calendar import Calendar
    from dispatchopt.models import Engineer, FaultType, Place

DueRule = Literal["statutory", "same_day", "mixed"]

FAULT_PERCENT: Mapping[str, float] = {
    "FTTH_LOS_DROP": 13.0,
    "FTTH_WEAK_LIGHT": 8.0,
    "ODN_SPLITTER_BOX": 2.0,
    "FEEDER_CABLE_CUT": 0.6,
    "ONT_REPLACE": 12.0,
    "ONT_REGISTER": 6.0,
    "BB_SLOW": 14.0,
    "WIFI_ROUTER": 11.4,
    "IPTV_STB": 12.0,
    "VOICE_POTS": 4.0,
    "COPPER_DSL": 2.0,
    "FTTR_MESH": 3.0,
    "ENT_LEASED_DOWN": 2.0,
    "ENT_LEASED_DEGRADED": 2.5,
    "ENT_VOICE_PBX": 1.5,
    "INDOOR_WIRELESS": 1.0,
    "CUST_PREMISES_REWIRE": 5.0,
}
"""Share of each fault type: a proposal, like the catalogue's figures."""

_BUSINESS = frozenset(
    {"ENT_LEASED_DOWN", "ENT_LEASED_DEGRADED", "ENT_VOICE_PBX", "INDOOR_WIRELESS"}
)
_NETWORK = frozenset({"ODN_SPLITTER_BOX", "FEEDER_CABLE_CUT"})
_STOCKED = frozenset({"ONT_REPLACE", "IPTV_STB", "WIFI_ROUTER", "ENT_LEASED_DEGRADED"})

SHORTEST, LONGEST = 10, 360
"""Minutes on site; a longer job would be split over several visits."""

_SLOTS = ((510, 630), (630, 750), (780, 900), (840, 960), (900, 1020), (960, 1080))
_HALVES = ((510, 720), (780, 1020))
_WHOLE = (510, 1080)
_EVENING = (1080, 1200)
_OFFICE = ((540, 720), (840, 1020), (540, 1020))


@dataclass(frozen=True)
class Site:
    """Where a ticket is."""

    place: Place
    grid: int
    rural: bool
    label: str


def feasible_faults(
    faults: Sequence[FaultType], engineers: Sequence[Engineer], city: City
) -> BoolArray:
    """Tell which fault types somebody can repair in which grid, shape ``(num_grids, faults)``."""
    possible = np.zeros((city.num_grids, len(faults)), dtype=np.bool_)
    number = {grid_id(grid): grid for grid in range(city.num_grids)}
    for engineer in engineers:
        members = max((s.members for s in engineer.shifts if s.min_priority is None), default=0)
        able = np.array([_can_repair(engineer, fault, members) for fault in faults])
        if engineer.territories is None:
            possible |= able
            continue
        for grid in (*engineer.territories, *(engineer.helper_territories or ())):
            possible[number[grid]] |= able
    return possible


def _can_repair(engineer: Engineer, fault: FaultType, members: int) -> bool:
    return members >= fault.crew_size and all(
        name in engineer.skills and engineer.skills[name].level >= level
        for name, level in fault.skills.items()
    )


def draw_faults(
    rng: np.random.Generator, faults: Sequence[FaultType], possible: BoolArray, num: int
) -> IntArray:
    """Draw `num` fault types by `FAULT_PERCENT`, among those that somebody can repair."""
    share = np.array([FAULT_PERCENT.get(fault.code, 0.0) for fault in faults])
    share = share * possible.any(axis=0)
    bounds = np.cumsum(share)
    kinds = np.searchsorted(bounds / bounds[-1], _even_quantiles(rng, num), side="right")
    return kinds.astype(np.int64)


def _even_quantiles(rng: np.random.Generator, num: int) -> FloatArray:
    """Draw numbers of 0..1 in random order, one in each of `num` equal parts.

    So the load of a small day does not hang on how many long jobs happened to be drawn.
    """
    quantiles: FloatArray = (rng.permutation(num) + rng.random(num)) / num
    return np.minimum(quantiles, np.nextafter(1.0, 0.0))


def mean_minutes(faults: Sequence[FaultType]) -> float:
    """Return the mean time on site of the whole mix."""
    weight = sum(FAULT_PERCENT.get(fault.code, 0.0) for fault in faults)
    total = sum(FAULT_PERCENT.get(fault.code, 0.0) * fault.duration.mean for fault in faults)
    return total / weight / 60


def draw_durations(
    rng: np.random.Generator, faults: Sequence[FaultType], kinds: IntArray
) -> list[int]:
    """Draw log-normal seconds on site around each fault type's mean, in whole minutes."""
    normal = NormalDist()
    seconds = []
    for kind, level in zip(kinds, _even_quantiles(rng, len(kinds)), strict=True):
        mean, sigma = faults[kind].duration.mean, _sigma(faults[kind])
        z = normal.inv_cdf(max(float(level), 1e-9))
        minutes = round(mean / 60 * math.exp(sigma * z - sigma * sigma / 2))
        seconds.append(60 * min(max(minutes, SHORTEST), LONGEST))
    return seconds


def _sigma(fault: FaultType) -> float:
    """Return the log-normal spread that gives the fault type's mean and 90 % quantile."""
    if not fault.duration.p90 or fault.duration.p90 <= fault.duration.mean:
        return 0.47
    # ln(p90 / mean) = z * sigma - sigma^2 / 2; the smaller root.
    z = NormalDist().inv_cdf(0.9)
    rest = z * z - 2 * math.log(fault.duration.p90 / fault.duration.mean)
    return z - math.sqrt(max(rest, 0.0))


def draw_sites(
    rng: np.random.Generator,
    faults: Sequence[FaultType],
    kinds: IntArray,
    possible: BoolArray,
    city: City,
) -> list[Site]:
    """Draw where each ticket is, among places where somebody can repair it."""
    found: list[Site | None] = [None] * len(kinds)
    for kind in np.unique(kinds):
        tickets = np.flatnonzero(kinds == kind)
        is_business = faults[kind].code in _BUSINESS
        grids = city.site_grid if is_business else city.estate_grid
        weight = np.full(len(grids), 1.0) if is_business else city.estate_weight
        weight = weight * possible[grids, kind]
        if not weight.sum():  # no business site where it can be repaired: any estate that can
            is_business, grids = False, city.estate_grid
            weight = city.estate_weight * possible[grids, kind]
        chosen = rng.choice(len(grids), size=len(tickets), p=weight / weight.sum())
        for ticket, place in zip(tickets, chosen, strict=True):
            found[ticket] = _site(rng, city, int(place), is_business)
    return [site for site in found if site is not None]


def _site(rng: np.random.Generator, city: City, index: int, is_business: bool) -> Site:
    if is_business:
        place, label = city.place_of_site(index)
        return Site(place, int(city.site_grid[index]), False, label)
    place, label = city.place_in_estate(rng, index)
    return Site(place, int(city.estate_grid[index]), bool(city.rural[index]), label)


def draw_windows(
    rng: np.random.Generator, fault: FaultType, priority: int, has_evening: bool, calendar: Calendar
) -> list[tuple[datetime, datetime]]:
    """Draw when the start of service suits the customer; empty: at any time.

    Homes take two-hour slots, half days, whole days or evenings, business takes office hours, the
    network and a line that is down take any time. With several days, on one to three of them.
    """
    if fault.code in _NETWORK or (fault.code in _BUSINESS and priority == 1):
        return []
    if fault.code in _BUSINESS:
        spans = [_OFFICE[int(rng.integers(len(_OFFICE)))]]
    else:
        spans = _home_spans(rng, has_evening)
    urgent = priority <= 2
    first = 0 if urgent else int(rng.integers(calendar.days))
    last = min(calendar.days, first + int(rng.integers(1, 4)))
    return [
        (calendar.at(day, opens), calendar.at(day, closes))
        for day in range(first, last)
        for opens, closes in spans
    ]


def _home_spans(rng: np.random.Generator, has_evening: bool) -> list[tuple[int, int]]:
    kind = rng.random()
    if kind < 0.36:
        return [_SLOTS[int(rng.integers(len(_SLOTS)))]]
    if kind < 0.46:
        chosen = np.sort(rng.choice(len(_SLOTS), size=2, replace=False))
        return [_SLOTS[i] for i in chosen]
    if kind < 0.68:
        return [_HALVES[int(rng.integers(2))]]
    if kind < 0.76 and has_evening:
        return [_EVENING]
    return [_WHOLE] if kind < 0.92 else []


def draw_report(
    rng: np.random.Generator, fault: FaultType, priority: int, calendar: Calendar
) -> dict[str, Any]:
    """Draw when it was reported: mostly the day before, urgent ones at night, some long ago."""
    urgent = priority == 1 or fault.code in _NETWORK
    kind = rng.random()
    if urgent or kind < 0.04:
        tonight = bool(rng.random() < 0.6) or kind < 0.04
        back, minute = (
            (0, int(rng.integers(0, 420))) if tonight else (1, int(rng.integers(1140, 1440)))
        )
    else:
        # What is left lying for days is seldom urgent.
        one, two = (0.84, 0.96) if priority == 2 else (0.74, 0.88)
        back = 1 if kind < one else 2 if kind < two else min(2 + int(rng.geometric(0.45)), 7)
        minute = round(float(rng.triangular(420, 1140, 1380)))
    reported = calendar.at(-back, minute)
    fields: dict[str, Any] = {"reported_at": reported}
    if back == 0:
        fields["known_at"] = reported
    if back >= 2:
        fields["carried_over"] = int(rng.integers(max(0, back - 2), back))
    return fields


def due_of(
    rng: np.random.Generator,
    fault: FaultType,
    reported: datetime,
    rural: bool,
    rule: DueRule,
    calendar: Calendar,
) -> datetime | None:
    """Return the service-level limit on the end of service; None: there is none.

    Leased lines and indoor wireless have contracts (4, 8 or 24 h); terminals have no limit. The
    rest has 48 h in town and 72 h in the country by statute, or the operators' same-day promise:
    reported before 16:00 until midnight, later within 24 h; ``mixed`` gives it to star customers.
    """
    limit = fault.repair_limit_class
    if limit == "CPE" or limit is None:
        return None
    if fault.code == "ENT_LEASED_DOWN":
        return reported + timedelta(hours=int(rng.choice([4, 8])))
    if limit in ("LEASED", "MOBILE") or fault.code in _NETWORK:
        return reported + timedelta(hours=24)
    same_day = rule == "same_day" or (rule == "mixed" and bool(rng.random() < 0.15))
    if not same_day:
        return reported + timedelta(hours=72 if rural else 48)
    local = reported.astimezone(calendar.zone)
    if local.hour >= 16:
        return reported + timedelta(hours=24)
    return calendar.at((local.date() - calendar.start).days + 1, 0) - timedelta(seconds=1)


def draw_parts(rng: np.random.Generator, fault: FaultType) -> dict[str, int] | None:
    """Draw the parts that must be on board; None: no rule."""
    if fault.code not in _STOCKED or rng.random() >= 0.25:
        return None
    return {fault.parts[0]: 1}


def network_element(fault: FaultType, ticket: int) -> str | None:
    """Name the broken part of the network, for faults of the network."""
    if fault.code == "ODN_SPLITTER_BOX":
        return f"ODN-{ticket + 1:05d}"
    return f"CABLE-{ticket + 1:05d}" if fault.code == "FEEDER_CABLE_CUT" else None
