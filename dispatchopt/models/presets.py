"""Policy presets as data. One cost unit is one second of an engineer's working time.

CITY_DAY
    The benchmark's cost: travel seconds plus 40 / 20 / 10 / 6 hours for an unserved ticket of
    priority 1 to 4; everything else is free. Comparable with published routing benchmarks.

BALANCED
    The default of a branch. Its reasons, price by price:

    - A P1 left out costs 100 h of work plus 10 h per hour of its duration: more than the two
      longest P2s of the catalogue, and more than all the short P3s that would fit into the time of
      a feeder cut, even if these are two days overdue. P2, P3, P4 follow at 20, 10, 5 h with 5,
      2.5, 1.25 h per hour of duration.
    - A day of age adds one hour, so that an old P4 overtakes a fresh P3 that takes as long after
      five days. That bounds no wait: under lasting overload take eight hours (`docs/night.md`).
    - A broken promise costs 1000 h, more than five P1s; the customer was told. The rule raises it
      where a shift could hold more unpromised work than that.
    - Delay: an hour of waiting of a P1, an outage of many homes or a firm, is worth two hours of
      work; P2 a quarter, P3 a 15th, P4 a 45th of an hour. Two tickets at one place are served in
      the order of rate per minute of duration. The steps of 8, 3 3/4 and 3 exceed how much longer
      a visit of the catalogue is than the shortest of the next level (240 / 35, 120 / 40, 80 / 45
      minutes), so that the more urgent one comes first, and on the first of several days.
    - Missing `due` costs 10, 5, 3, 1 h at once (attainment counts misses) and then 2, 1, 1/2,
      1/6 h per hour late.
    - Overtime is paid at one and a half.
    - Load: at a full shift the next hour costs a third of an hour more than in an empty one, so
      that balance decides between near engineers and never sends anyone across the city.
    - A level too much costs five minutes, a helper's territory, a not preferred engineer or a
      changed engineer half an hour each: worth a detour, not a ticket.
    - A promised visit is to begin half an hour before its window closes, an hour after the day's
      first shift begins; 85 minutes before, eight hours after it. Less margin costs two hours per
      hour: at most some 3 h, worth a detour or another order, and less than any ticket left out.
    - What is told of a window counts the sickness, outages, overruns and new plans of which a
      simulation of durations knows nothing: as in made-up branches (`KEPT_IN_BRANCHES`).
    - A tenth of each shift is kept for the day's urgent arrivals at an hour per hour: a P4 still
      goes in, a detour does not.

STRICT
    As BALANCED, but a more urgent ticket is never given up for any number of less urgent ones that
    its place in a shift could hold (`Policy.priorities`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

_HOUR: Final = 3600

_OFFERS: Final[dict[str, Any]] = {
    "slots": tuple({"open": f"{h:02}:00", "close": f"{h + 2:02}:00"} for h in range(8, 20, 2)),
    "fallback_slots": ({"open": "08:00", "close": "14:00"}, {"open": "14:00", "close": "20:00"}),
    "visiting_hours": {"open": "08:00", "close": "20:00"},
    "offer_lead_minutes": 120,
    "hold_minutes": 30,
    "min_kept_probability": 0.9,
    "kept_calibration": (),
    "missed_window_cost": 4 * _HOUR,
}

CITY_DAY: Final[dict[str, Any]] = {
    "travel_per_hour": 3600,
    "unserved_cost": {1: 40 * _HOUR, 2: 20 * _HOUR, 3: 10 * _HOUR, 4: 6 * _HOUR},
    "unserved_per_hour": {1: 0, 2: 0, 3: 0, 4: 0},
    "age_per_day": 0,
    "broken_promise_cost": 1000 * _HOUR,
    "delay_per_hour": {1: 0, 2: 0, 3: 0, 4: 0},
    "late_cost": {1: 0, 2: 0, 3: 0, 4: 0},
    "late_per_hour": {1: 0, 2: 0, 3: 0, 4: 0},
    "overtime_per_hour": 0,
    "balance_per_hour": 0,
    "overskill_cost": 0,
    "helper_territory_cost": 0,
    "territory_open_to": (1,),
    "not_preferred_cost": 0,
    "change_cost": 0,
    "reserve_percent": {},
    "reserve_per_hour": 0,
    "priorities": "priced",
    "margin_minutes": 0,
    "margin_per_hour": 0,
    **_OFFERS,
}

KEPT_IN_BRANCHES: Final = (
    (0.617, 0.64),
    (0.751, 0.76),
    (0.835, 0.8),
    (0.901, 0.845),
    (0.914, 0.86),
    (0.927, 0.866),
    (0.939, 0.902),
    (0.975, 0.917),
    (0.996, 0.937),
    (1.0, 0.949),
)
"""Simulated at booking, kept in the end: fitted by ``python -m benchmarks.offers --part calibration
--fit`` on 800 days of made-up branches that are planned anew each night (`benchmarks/RESULTS.md`,
"Offers", has what goes wrong there). A branch with a history of its own knows better."""

BALANCED: Final[dict[str, Any]] = {
    "travel_per_hour": 3600,
    "unserved_cost": {1: 100 * _HOUR, 2: 20 * _HOUR, 3: 10 * _HOUR, 4: 5 * _HOUR},
    "unserved_per_hour": {1: 36_000, 2: 18_000, 3: 9_000, 4: 4_500},
    "age_per_day": _HOUR,
    "broken_promise_cost": 1000 * _HOUR,
    "delay_per_hour": {1: 7200, 2: 900, 3: 240, 4: 80},
    "late_cost": {1: 10 * _HOUR, 2: 5 * _HOUR, 3: 3 * _HOUR, 4: _HOUR},
    "late_per_hour": {1: 7200, 2: 3600, 3: 1800, 4: 600},
    "overtime_per_hour": 5400,
    "balance_per_hour": 600,
    "overskill_cost": 300,
    "helper_territory_cost": 1800,
    "territory_open_to": (1,),
    "not_preferred_cost": 1800,
    "change_cost": 1800,
    "reserve_percent": {"*": 10},
    "reserve_per_hour": 3600,
    "priorities": "priced",
    "margin_minutes": 30,
    "margin_per_hour": 7200,
    **_OFFERS,
    "kept_calibration": KEPT_IN_BRANCHES,
}

STRICT: Final[dict[str, Any]] = {**BALANCED, "priorities": "lexicographic"}

PRESETS: Final = MappingProxyType({"city_day": CITY_DAY, "balanced": BALANCED, "strict": STRICT})
