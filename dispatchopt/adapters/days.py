"""The local days of a plan: which they are, and the horizon that covers all shifts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from dispatchopt.adapters.tables import Item

DAY_WORDS: Final = ("today", "tomorrow")
PlanDay = date | Literal["today", "tomorrow"]
"""The only day that is planned of a roster; words count from the present."""

_MOST_DAYS: Final = 366
_MOST_OVERTIME: Final = 10**8


def day_of(meant: PlanDay | None, now: datetime, zone: tzinfo | None) -> date | None:
    """Return the local day that is meant; None if none is."""
    if isinstance(meant, str):
        return now.astimezone(zone or UTC).date() + timedelta(days=DAY_WORDS.index(meant))
    return meant


def days_of(horizon: Any, zone: tzinfo | None) -> list[date]:  # Any: raw data
    """Return the local days of a horizon; none if it is faulty, which the door tells."""
    bounds = [_bound(horizon, name) for name in ("start", "end")]
    if not all(isinstance(bound, datetime) and bound.tzinfo is not None for bound in bounds):
        return []
    start, end = bounds
    first = start.astimezone(zone or UTC).date()
    last = max(start, end - timedelta(seconds=1)).astimezone(zone or UTC).date()
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, _MOST_DAYS))]


def _bound(horizon: Any, name: str) -> Any:  # Any: raw data
    return horizon.get(name) if isinstance(horizon, dict) else getattr(horizon, name, None)


def days_with_shifts(
    shifts: Iterable[Item], days: Sequence[date], zone: tzinfo | None
) -> list[date]:
    """Return the days on which shifts begin, all of them if none does.

    A night shift makes the horizon a day longer, and yet is a shift of the day before.
    """
    starts = (item.values.get("start") for item in shifts)
    begun = {start.astimezone(zone or UTC).date() for start in starts if start is not None}
    return [day for day in days if day in begun] or list(days)


def covering_days(shifts: Iterable[Item], zone: tzinfo | None) -> dict[str, datetime] | None:
    """Return the local days that cover every shift with its overtime; None if there is none."""
    spans = [
        (item.values["start"], item.values["end"] + timedelta(seconds=overtime))
        for item in shifts
        if "start" in item.values and "end" in item.values
        and (overtime := item.values.get("max_overtime_minutes", 0)) < _MOST_OVERTIME
    ]  # fmt: skip
    if not spans:
        return None
    zone = zone or UTC
    first = min(start for start, _ in spans).astimezone(zone)
    last = (max(end for _, end in spans) - timedelta(seconds=1)).astimezone(zone)
    return {
        "start": _midnight(first.date(), zone),
        "end": _midnight(max(first, last).date() + timedelta(days=1), zone),
    }


SOME_DAY: Final = {
    "start": datetime(2026, 1, 1, tzinfo=UTC),
    "end": datetime(2026, 1, 2, tzinfo=UTC),
}
"""Stands in for a horizon that nothing tells, so that other faults are found."""


def _midnight(day: date, zone: tzinfo) -> datetime:
    """First moment of a local day; where midnight is skipped or repeated, the earlier."""
    both = (datetime.combine(day, time(), zone).replace(fold=fold) for fold in (0, 1))
    return min(moment.astimezone(UTC) for moment in both)
