"""The one rule by which pages for people show times to the minute.

A time is shown as a clock shows it: by the minute that it lies in. A stretch of time is shown as
the minutes between its two ends as shown. So the minutes on a page add up to its clock times.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo


def clock(instant: datetime, zone: tzinfo) -> str:
    """Write the time of day in a zone."""
    return f"{instant.astimezone(zone):%H:%M}"


def minutes_between(start: datetime, end: datetime) -> int:
    """Return the minutes between two times as shown."""
    return int(end.timestamp() // 60 - start.timestamp() // 60)


def minutes_after(start: datetime, seconds: int) -> int:
    """Return the minutes to show for so many seconds that begin at `start`."""
    return minutes_between(start, start + timedelta(seconds=seconds))


def usual_minutes(seconds: int) -> int:
    """Return the minutes to show for a stretch without a time of day: as from a full minute."""
    return seconds // 60
