"""Windows in a dispatcher's words: ``上午``, ``14点-16点``, ``11月23日 下午``, ``全天``.

What such a window says is kept as it is until the days of the plan are known: a `DayWindow`. The
hours behind the words are settings (``[day_parts]``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.local_time import CellFault, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Hours = tuple[int, int]
"""From and to, in minutes of the local day; 1440 is midnight at its end."""

_MORNING, _AFTERNOON, _EVENING = (480, 720), (720, 1080), (1080, 1260)

DAY_PARTS: Final[Mapping[str, Hours]] = MappingProxyType(
    {
        "上午": _MORNING,
        "下午": _AFTERNOON,
        "晚上": _EVENING,
        "全天": (480, 1200),
        "下班后": _EVENING,
        "morning": _MORNING,
        "afternoon": _AFTERNOON,
        "evening": _EVENING,
        "all day": (480, 1200),
    }
)
"""The words that are read without any settings."""

WHOLE_DAY: Final = "全天"
"""What a day without any hours means."""

_CLOCK = r"(?:{0}){1}(\d{{1,2}})(?:[:点时](\d{{2}})分?(?::00)?|[点时](半|[一三1-3]刻|整)?)?"
_HALVES: Final = "上午|早上|凌晨|中午|下午|傍晚|晚上|am|pm"
_RANGE: Final = re.compile(
    _CLOCK.format(f"(?P<first>{_HALVES})", "?") + r"[-~—–至到/]{1,2}"
    + _CLOCK.format(f"(?P<second>{_HALVES})", "?"),
    re.IGNORECASE,
)  # fmt: skip
_LATER: Final = frozenset({"下午", "傍晚", "晚上", "pm"})
_DATE: Final = re.compile(
    r"(?:(?P<year>\d{4})[-/.年])?(?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})(?:[日号]|(?=\D|$))",
    re.ASCII,
)
_QUARTERS: Final = {"半": 30, "一刻": 15, "1刻": 15, "2刻": 30, "三刻": 45, "3刻": 45}
_WORD: Final = re.compile(r"[^\d,，;；、:/~]{1,20}")

_NO_HOURS: Final[Hours] = (0, 0)
_TIME: Final = re.compile(
    _CLOCK.format(f"({_HALVES})", "?") + r"(?::00)?(?:左右|前后)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class DayWindow:
    """Hours of a local day that need not be known yet.

    Attributes
    ----------
    hours
        From and to, in minutes of the local day.
    month, day, year
        The date as far as it is given; 0 where it is not.
    """

    hours: Hours
    month: int = 0
    day: int = 0
    year: int = 0

    @property
    def is_whole_day(self) -> bool:
        """Whether it is a day alone: its hours are those of `WHOLE_DAY`."""
        return self.hours == _NO_HOURS

    def on(self, days: Sequence[date]) -> list[date]:
        """Return the days that are meant; all of those given if the window names none.

        Without a year the one is meant that lies nearest to the first of `days`.
        """
        if not self.month:
            return list(days)
        if self.year or not days:
            return [date(self.year, self.month, self.day)] if self.year else []
        near = days[0]
        found = [
            day
            for year in (near.year - 1, near.year, near.year + 1)
            if (day := _date(year, self.month, self.day)) is not None
        ]
        return sorted(found, key=lambda day: abs(day - near))[:1]

    def local(self, day: date) -> tuple[datetime, datetime]:
        """Return the window on one day, in local time without a zone."""
        midnight = datetime.combine(day, time())
        opens, closes = (midnight + timedelta(minutes=minute) for minute in self.hours)
        return opens, closes


def read_day_window(text: str, words: Mapping[str, Hours]) -> DayWindow:
    """Read hours in words or figures, with or without a date before them.

    Parameters
    ----------
    words
        Hours by word, in lower case.

    Raises
    ------
    CellFault
        If it is none, names no possible day, or ends before it begins.
    """
    normal = plain(text).casefold()
    year, month, day = 0, 0, 0
    found = _date_before(normal)
    if found is not None:
        year, month, day = (int(found[name] or 0) for name in ("year", "month", "day"))
        if _date(year or 2000, month, day) is None:
            raise CellFault("no such date; write 2026-11-23 14:00-16:00")
        normal = normal[found.end() :].strip(" t")
    hours = words.get(normal) or hours_of_figures(normal.replace(" ", ""))
    if hours is None:
        known = ", ".join(words)
        raise CellFault(
            "no window; write 2026-11-23 08:00/10:00, 2026-11-23 14点-16点, 14:00-16:00 or a "
            f"word: {known}; other words stand under [day_parts] in mapping.toml"
        )
    if hours[1] <= hours[0]:
        raise CellFault("the window closes before it opens; correct the times")
    return DayWindow(hours, month, day, year)


def read_day_time(text: str) -> DayWindow | None:
    """Read ``14:30``, ``11月23日下午3点`` or a day alone as a window without a width.

    None if it is neither; a day alone, or midnight of a day, has no hours.
    """
    normal = plain(text).casefold()
    found = _date_before(normal)
    date_of = {name: int(found[name] or 0) for name in _DATE.groupindex} if found else {}
    if found is not None:
        if _date(date_of["year"] or 2000, date_of["month"], date_of["day"]) is None:
            return None
        normal = normal[found.end() :].strip(" t")
        if not normal.strip("0:"):
            return DayWindow(_NO_HOURS, **date_of)
    time_of = _TIME.fullmatch(normal.replace(" ", ""))
    if time_of is None or not re.search("[:点时]", normal):
        return None
    minute = _minute(*time_of.groups())
    return None if minute is None else DayWindow((minute, minute), **date_of)


def read_hours(text: str) -> Hours | None:
    """Read ``08:00-12:00`` or ``8点-12点`` as minutes of a day; None if it is none."""
    hours = hours_of_figures(plain(text).casefold().replace(" ", ""))
    return hours if hours is not None and hours[0] < hours[1] else None


def is_word(text: str) -> bool:
    """Whether a word may stand for hours: no digits and no signs that separate windows."""
    return _WORD.fullmatch(text) is not None


def _date_before(text: str) -> re.Match[str] | None:
    """Match a date, unless what looks like one is hours (``14-16点``)."""
    found = _DATE.match(text)
    if found is None or (hours_of_figures(text.replace(" ", "")) and not found["year"]):
        return None
    return found


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def hours_of_figures(text: str) -> Hours | None:
    """Read hours without blanks, the end before the beginning or not; None if it is none."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    first, hour, minute, part, second, to_hour, to_minute, to_part = found.groups()
    if not (":" in text or "点" in text or "时" in text or first or second):
        return None  # bare numbers may be anything
    opens = _minute(first, hour, minute, part)
    closes = _minute(second or first, to_hour, to_minute, to_part)
    if opens is None or closes is None:
        return None
    return opens, closes


def _minute(half: str | None, hour: str, minute: str | None, part: str | None) -> int | None:
    """Return the minute of the day; None if there is no such time."""
    hours = int(hour)
    if (half in _LATER and hours < 12) or (half == "中午" and hours < 4):
        hours += 12
    elif half == "晚上" and hours == 12:
        hours = 24
    total = hours * 60 + int(minute or 0) + _QUARTERS.get(part or "", 0)
    return total if int(minute or 0) < 60 and total <= 24 * 60 else None
