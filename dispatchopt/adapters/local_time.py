"""Local times in files: written for people, read without guessing."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSTANT = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?"
    r"[T ]*(?<=[T 日])(?P<hour>\d{1,2})[:时](?P<minute>\d{2})分?(?::?(?P<second>\d{2})秒?)?"
    r"(?P<fraction>[.,]\d+)?"
    r"\s*(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_CLOCK_TIME = re.compile(
    r"(?P<hour>\d{1,2})[:时](?P<minute>\d{2})分?(?::?(?P<second>\d{2})秒?)?", re.ASCII
)
_COMPACT = re.compile(r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$", re.ASCII)
_HOW = "write 2026-11-23 08:30, or 2026-11-23T08:30:00+08:00 with its offset"


class CellFault(ValueError):
    """A cell that cannot be read; the message says what is allowed and the way out."""


class NoWindow(CellFault):
    """A cell that is no window from one time to another; it may be one in words."""


class Clock:
    """Turns what stands in a file into UTC, and back.

    Parameters
    ----------
    zone
        The zone declared for the file; None: times without an offset are noted and taken as UTC,
        so that reading goes on.
    day_parts
        Hours by word (`adapters.day_parts`), where the settings have their own.

    Attributes
    ----------
    naive_count, first_naive
        How many times without an offset were met without a zone; file, line and column of the
        first, noted by who reads the rows.
    """

    def __init__(
        self, zone: tzinfo | None, day_parts: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self.zone = zone
        self.day_parts = day_parts
        self.naive_count = 0
        self.first_naive: tuple[str, int, str] | None = None

    def instant(self, text: str) -> datetime:
        """Read a date and time.

        Raises
        ------
        CellFault
            If it is none, or one that summer time skips or repeats.
        """
        # Ticketing systems write 20261123083000; fourteen digits can be nothing else.
        compact = _COMPACT.sub(r"\1-\2-\3 \4:\5:\6", plain(text))
        match = _INSTANT.fullmatch(compact)
        if match is None:
            number = plain(text)
            if re.fullmatch(r"\d{5}(\.\d+)?", number, re.ASCII):
                return self.localised(from_serial(float(number)))
            if re.fullmatch(r"\d+([.,]\d+)?", number, re.ASCII):
                raise CellFault(f"this number is no date and time; {_HOW}")
            raise CellFault(f"no date and time; {_HOW}")
        if match["fraction"] and match["fraction"].strip(".,0"):
            raise CellFault("whole seconds only; round the value")
        return self.localised(_built(match), match["offset"])

    def window(self, text: str) -> tuple[datetime, datetime]:
        """Read ``2026-11-23 08:00/10:00``; the close may bear its own date.

        Raises
        ------
        CellFault
            If it is no window.
        """
        normal = plain(text)
        first = _INSTANT.match(normal)
        if first is not None:
            rest = re.fullmatch(r"\s*[/~至]\s*(.+)", normal[first.end() :])
            if rest is not None:
                clock_time = _CLOCK_TIME.fullmatch(rest[1])
                if clock_time is None:
                    return self.instant(first[0]), self.instant(rest[1])
                close = _built(first, clock_time)
                return self.instant(first[0]), self.localised(close, first["offset"])
        raise NoWindow("no window; write 2026-11-23 08:00/10:00")

    def note_local(self) -> None:
        """Count a local time if no zone says whose it is."""
        self.naive_count += self.zone is None

    def localised(self, local: datetime, offset: str | None = None) -> datetime:
        """Return a naive local time as UTC.

        Raises
        ------
        CellFault
            If the zone skips it or has it twice and no offset tells which.
        """
        if offset is not None:
            return to_utc(local.replace(tzinfo=_fixed(offset)))
        self.note_local()
        if self.zone is None:
            return local.replace(tzinfo=UTC)
        first = to_utc(local.replace(tzinfo=self.zone))
        second = to_utc(local.replace(tzinfo=self.zone, fold=1))
        if first.astimezone(self.zone).replace(tzinfo=None) != local:
            raise CellFault(
                f"does not exist in {self.zone}: clocks go forward then. "
                "Correct it, or write its offset (2026-03-29 03:30+02:00)"
            )
        if first != second:
            ways = " or ".join(
                f"{local:%Y-%m-%d %H:%M}{_offset_text(way.astimezone(self.zone))}"
                for way in (first, second)
            )
            raise CellFault(f"happens twice in {self.zone}: clocks go back then. Write {ways}")
        return first

    def text(self, instant: datetime) -> str:
        """Write a time so that `instant` reads it back: local, with its offset only if needed."""
        local = instant.astimezone(self.zone or UTC)
        text = f"{local:%Y-%m-%d %H:%M}" + (f":{local:%S}" if local.second else "")
        if self.zone is None:
            return text + "Z"
        try:
            self.instant(text)
        except CellFault:
            offset = _offset_text(local)
            return text + offset if len(offset) == 6 else f"{instant.astimezone(UTC):%F %T}Z"
        return text

    def window_text(self, opens: datetime, closes: datetime) -> str:
        """Write a window so that `window` reads it back."""
        close = self.text(closes)
        date, _, clock_time = close.partition(" ")
        same_day = self.text(opens).startswith(date) and _CLOCK_TIME.fullmatch(clock_time)
        text = f"{self.text(opens)}/{clock_time if same_day else close}"
        return text if self.window(text) == (opens, closes) else f"{self.text(opens)}/{close}"


def from_serial(days: float, *, has_1904_dates: bool = False) -> datetime:
    """Turn a spreadsheet's serial number of a day into local time, to the nearest second.

    Parameters
    ----------
    days
        Days since the end of 1899, as spreadsheets count them, the time of day as a fraction.
    has_1904_dates
        Whether they count from 1904 instead.

    Raises
    ------
    CellFault
        If the day does not lie in the years 1970 to 2099: no date was meant.
    """
    start = datetime(1904, 1, 1) if has_1904_dates else datetime(1899, 12, 30)
    # 75 000 days are 205 years: beyond that nothing needs to be computed.
    local = start + timedelta(seconds=round(days * 86_400)) if 0 <= days < 75_000 else start
    if not 1970 <= local.year < 2100:
        raise CellFault(f"this number is no date and time; {_HOW}")
    return local


def iso_local(instant: datetime, zone: tzinfo) -> str:
    """Local time with its offset: ``2026-11-23T08:30:00+08:00``."""
    return instant.astimezone(zone).isoformat()


def plain(text: str) -> str:
    """Fold full-width digits, letters and signs to plain ones, blanks to single ones."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _built(match: re.Match[str], clock_time: re.Match[str] | None = None) -> datetime:
    clock_time = clock_time or match
    hour, minute = int(clock_time["hour"]), int(clock_time["minute"])
    second = int(clock_time["second"] or 0)
    # Rosters write the end of a day as 24:00.
    midnight = (hour, minute, second) == (24, 0, 0)
    try:
        day = datetime(int(match["year"]), int(match["month"]), int(match["day"]))
        if midnight:
            return day + timedelta(days=1)
        return day.replace(hour=hour, minute=minute, second=second)
    except (ValueError, OverflowError):
        raise CellFault(f"no such date or time; {_HOW}") from None


def _fixed(offset: str) -> tzinfo:
    if offset in ("Z", "z"):
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    if hours > 23 or minutes > 59:
        raise CellFault(f"no such offset; {_HOW}")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if offset[0] == "-" else ahead)


def to_utc(value: datetime) -> datetime:
    """Return a time with a zone in UTC.

    Raises
    ------
    CellFault
        If it is beyond the years that the models hold.
    """
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        utc = datetime(1, 1, 1, tzinfo=UTC)
    if not 1970 <= utc.year < 3000:
        raise CellFault("must lie in the years 1970 to 2999")
    return utc


def _offset_text(local: datetime) -> str:
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:]}"
