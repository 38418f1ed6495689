"""Local wall-clock times of the days to generate, given as UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from dispatchopt.models import Span

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Calendar:
    """The days of a problem in their time zone."""

    start: date
    days: int
    zone: ZoneInfo

    def at(self, day: int, minute: int) -> datetime:
        """Return wall-clock `minute` of day number `day` (0: the first, -1: the day before)."""
        wall = datetime.combine(self.start, time()) + timedelta(days=day, minutes=minute)
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def date(self, day: int) -> date:
        """Return the calendar date of day number `day`."""
        return self.start + timedelta(days=day)

    def horizon(self) -> Span:
        """Return the stretch from the first midnight to the last, local time."""
        return Span(start=self.at(0, 0), end=self.at(self.days, 0))
