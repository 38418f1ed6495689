"""The horizon of a VROOM document, which gives vehicles without hours all the time there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.vroom.documents import MAX_UINT32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.vroom.documents import Job, Vehicle
    from dispatchopt.adapters.vroom.places import Places

MOST_SECONDS: Final = 366 * 86_400
"""Longest horizon."""


@dataclass
class Times:
    """Seconds of the document as instants, and the hours of its vehicles."""

    jobs: Sequence[Job]
    vehicles: Sequence[Vehicle]
    places: Places
    origin: datetime

    def at(self, seconds: int) -> datetime:
        """Return the instant of a document's time."""
        return self.origin + timedelta(seconds=seconds)

    def hours(self, vehicle: Vehicle) -> tuple[int, int]:
        """Return when the vehicle starts and ends; both are equal if it works at no time.

        A window without a bound, or a far one, is cut to where all work fits into it: what begins
        when the last window opens and takes every job in turn is done by the end.
        """
        start, end = vehicle.time_window or (0, MAX_UINT32)
        start = max(start, self._earliest)
        work = min(self._work, MOST_SECONDS // 2)
        return start, max(start, min(end, max(start, self._last_opening) + work))

    def horizon(self) -> dict[str, datetime]:
        """Return the horizon as raw data."""
        hours = [self.hours(vehicle) for vehicle in self.vehicles]
        first = min(start for start, _ in hours)
        last = max(max(end for _, end in hours), first + 1)
        return {"start": self.at(first), "end": self.at(last)}

    def most_travel(self) -> int:
        """Return seconds that the travel of any plan does not exceed."""
        total = 0
        for vehicle in self.vehicles:
            start, end = self.hours(vehicle)
            most = len(self.jobs) if vehicle.max_tasks is None else vehicle.max_tasks
            legs = min(most, len(self.jobs)) + 1
            total += min(end - start, legs * self.places.longest_leg(vehicle))
        return total

    @cached_property
    def _longest_leg(self) -> int:
        return max((self.places.longest_leg(vehicle) for vehicle in self.vehicles), default=0)

    @cached_property
    def _work(self) -> int:
        """Seconds in which one vehicle would have done everything."""
        services = sum(longest_setup(job) + longest_service(job) + 1 for job in self.jobs)
        pauses = max((sum(b.service for b in v.breaks) for v in self.vehicles), default=0)
        return services + (len(self.jobs) + 1) * self._longest_leg + pauses + 1

    @cached_property
    def _openings(self) -> list[int]:
        return [window[0] for job in self.jobs for window in job.time_windows]

    @cached_property
    def _pauses(self) -> list[int]:
        return [w[0] for v in self.vehicles for b in v.breaks for w in b.time_windows]

    @cached_property
    def _last_opening(self) -> int:
        return max((*self._openings, *self._pauses), default=0)

    @cached_property
    def _earliest(self) -> int:
        """Time before which no vehicle need start."""
        given = [v.time_window for v in self.vehicles if v.time_window]
        is_open = all(window[1] == MAX_UINT32 for window in given)
        marks = self._openings or [start for start, _ in given if start]
        marks = marks or (self._pauses if is_open else [])
        if not marks:
            return 0
        is_free = any(not job.time_windows for job in self.jobs)
        before = min(self._work, MOST_SECONDS // 4) if is_free else self._longest_leg
        return max(0, min(marks) - before)


def longest_service(job: Job) -> int:
    """Return the most seconds that a vehicle of any type serves the job."""
    return max(job.service, *job.service_per_type.values(), 0)


def longest_setup(job: Job) -> int:
    """Return the most seconds that a vehicle of any type sets up for the job."""
    return max(job.setup, *job.setup_per_type.values(), 0)
