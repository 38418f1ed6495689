"""Working days and local moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from dispatchopt.limits.presets import WEEKDAYS, Weekday

if TYPE_CHECKING:
    from collections.abc import Iterable


class Calendar:
    """Days of a zone, some of which are no working days.

    Parameters
    ----------
    weekend
        Days of the week that are no working days; at least one is missing here.
    holidays
        Single days that are none.
    """

    def __init__(
        self, zone: tzinfo, weekend: Iterable[Weekday] = (), holidays: Iterable[date] = ()
    ) -> None:
        self.zone = zone
        self._days_off = {WEEKDAYS.index(day) for day in weekend}
        self._holidays = frozenset(holidays)

    def is_working(self, day: date) -> bool:
        """Whether a day is a working day."""
        return day.weekday() not in self._days_off and day not in self._holidays

    def working_day(self, day: date, number: int) -> date:
        """Return the working day of this number after `day`; 0: the first from it on."""
        if number == 0:
            return day if self.is_working(day) else self.working_day(day, 1)
        while number:
            day += timedelta(days=1)
            number -= self.is_working(day)
        return day

    def moment(self, day: date, clock: time) -> datetime:
        """Return a local time in UTC; where clocks repeat or skip it, the later reading."""
        local = datetime.combine(day, clock, self.zone)
        return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
