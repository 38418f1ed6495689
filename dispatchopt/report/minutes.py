"""The one rule by which pages for people show times to the minute.

A time is shown as a clock shows it: by the minute that it lies in. A stretch of time is shown as
the minutes between its two ends as shown. So the minutes on a page add up to its clock times. A
time that clocks show twice, on a night when they go back, carries its offset.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo


def clock(instant: datetime, zone: tzinfo) -> str:
    """Write the time of day in a zone."""
    local = instant.astimezone(zone)
    happens_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    offset = f" ({local.isoformat()[-6:]})" if happens_twice else ""
    return f"{local:%H:%M}{offset}"


def minutes_between(start: datetime, end: datetime) -> int:
    """Return the minutes between two times as shown."""
    return int(end.timestamp() // 60 - start.timestamp() // 60)


def minutes_after(start: datetime, seconds: int) -> int:
    """Return the minutes to show for so many seconds that begin at `start`."""
    return minutes_between(start, start + timedelta(seconds=seconds))


def whole_percent(probability: float) -> int:
    """Return a probability for people, cut to whole percent; nothing is more sure than 99 %."""
    return min(99, int(100 * probability + 1e-9))


def usual_minutes(seconds: int) -> int:
    """Return the minutes to show for a stretch without a time of day: as from a full minute."""
    return seconds // 60
