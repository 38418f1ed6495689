"""VROOM's order of aims as prices: priorities served, then jobs served, then travel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.vroom.documents import Job, Vehicle

_MOST_ALTOGETHER: Final = 2**50
_MOST_EACH: Final = 2**40 - 1


@dataclass(frozen=True)
class Prices:
    """What leaving a job out costs, and the policy that says so.

    Up to four different priorities become the four levels, the highest level 1. More of them become
    nights carried over, each at `age_per_day`; then the level only shows the quarter.
    """

    policy: dict[str, Any]  # Any: raw data
    levels: dict[int, int]
    counts_nights: bool

    def of(self, job: Job) -> dict[str, int]:
        """Return the fields of the ticket that carry the job's priority."""
        nights = {"carried_over": job.priority} if self.counts_nights and job.priority else {}
        return {"priority": self.levels[job.priority], **nights}


def job_prices(
    jobs: Sequence[Job], vehicles: Sequence[Vehicle], most_travel: int, differs: list[Issue]
) -> Prices:
    """Price every job so that no travel outweighs a job, and no jobs a priority.

    Parameters
    ----------
    most_travel
        Seconds that the travel of any plan does not exceed.
    differs
        Takes what counts otherwise than in VROOM.
    """
    rate = _rate(vehicles, differs)
    legs = len(jobs) + len(vehicles)
    priorities = [job.priority for job in jobs]
    unit = math.gcd(*priorities) or 1
    per_job = -(-most_travel * rate // 3600) + legs + 1
    per_unit = (len(jobs) * per_job + 1) if any(priorities) else 0
    steps = [priority // unit for priority in priorities]
    if sum(steps) * per_unit + len(jobs) * per_job > _MOST_ALTOGETHER or (
        max(steps, default=0) * per_unit + per_job > _MOST_EACH
    ):
        room = min(_MOST_ALTOGETHER // (sum(steps) + 1), _MOST_EACH // (max(steps) + 1))
        per_unit = room
        per_job = min(per_job, max(1, room // len(jobs)))
        message = "the problem is too large for priorities that outweigh everything: prices do"
        differs.append(Issue("policy", "", "priority", "", message))
    return _prices(sorted(set(priorities), reverse=True), rate, per_job, per_unit, unit)


def _prices(distinct: list[int], rate: int, per_job: int, per_unit: int, unit: int) -> Prices:
    policy: dict[str, Any] = {"preset": "city_day", "travel_per_hour": rate}
    if len(distinct) <= 4:
        levels = {priority: level for level, priority in enumerate(distinct, start=1)}
        costs = {level: per_job + p // unit * per_unit for p, level in levels.items()}
        policy["unserved_cost"] = {level: costs.get(level, per_job) for level in (1, 2, 3, 4)}
        return Prices(policy, levels, counts_nights=False)
    levels = {priority: 4 - min(3, priority * 4 // 101) for priority in distinct}
    policy["unserved_cost"] = dict.fromkeys((1, 2, 3, 4), per_job)
    # One night stands for one point of priority, and `per_unit` for `unit` of them.
    policy["age_per_day"] = -(-per_unit // unit)
    return Prices(policy, levels, counts_nights=True)


def _rate(vehicles: Sequence[Vehicle], differs: list[Issue]) -> int:
    """Return the price of an hour of travel, if all vehicles have the same."""
    rates = {vehicle.costs.per_hour for vehicle in vehicles}
    for vehicle in vehicles:
        costs = vehicle.costs
        if costs.fixed or costs.per_km or costs.per_task_hour or len(rates) > 1:
            message = "costs of single vehicles are not carried: travel costs the same for all"
            differs.append(Issue("engineer", str(vehicle.id), "costs", "", message))
    rate = rates.pop() if len(rates) == 1 else 3600
    return rate or 3600
