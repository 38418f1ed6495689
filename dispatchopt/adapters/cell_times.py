"""Cells with times that may wait for days of the plan, and lists of parts."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dispatchopt.adapters.cell_numbers import parse_minutes
from dispatchopt.adapters.day_parts import DAY_PARTS, DayWindow, read_day_time, read_day_window
from dispatchopt.adapters.local_time import CellFault, Clock, NoWindow, from_serial, plain
from dispatchopt.adapters.roster import DayBreak, read_day_break

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_T = TypeVar("_T")

NONE: Final = "-"
"""A list cell with this says "none"; an empty cell says "not tracked"."""

_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_DAY_OF_TIME = re.compile(_DAY.pattern + r"(?:[T ]?\d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII)
_SEPARATOR = re.compile(r"[;；,，、\n]")


def parts_of(text: str) -> list[str]:
    """Split a list at the signs that separate its parts; `NONE` has none."""
    if text == NONE:
        return []
    return [part.strip() for part in _SEPARATOR.split(text) if part.strip()]


def each_part(text: str, read: Callable[[str], _T]) -> list[_T]:
    """Read the parts of a list, every fault at once; a way out that several share is told once."""
    found: list[_T] = []
    faults: dict[str, list[str]] = {}
    for part in parts_of(text):
        try:
            found.append(read(part))
        except CellFault as fault:
            for told in fault.args:
                what, _, way_out = str(told).partition("; ")
                faults.setdefault(way_out, []).append(what)
    if faults:
        told = (
            f"{', '.join(what)}; {way}" if way else ", ".join(what) for way, what in faults.items()
        )
        raise CellFault("; ".join(told))
    return found


def parse_windows(text: str, clock: Clock) -> list[dict[str, datetime] | DayWindow]:
    """Read windows; those in words wait for the days of the plan."""
    return each_part(text, _naming(lambda part: _parse_window(part, clock), text))


def _parse_window(text: str, clock: Clock) -> dict[str, datetime] | DayWindow:
    try:
        opens, closes = clock.window(text)
    except NoWindow:
        window = read_day_window(text, clock.day_parts or DAY_PARTS)
        clock.note_local()
        return window
    return {"open": opens, "close": closes}


def parse_slot(text: str, clock: Clock) -> dict[str, datetime] | DayWindow:
    """Read an appointment: one window, one time, or a day alone.

    Raises
    ------
    CellFault
        If it is none of these.
    """
    if len(parts_of(text)) != 1:
        raise CellFault("must be one window; an appointment has no choice")
    try:
        return _parse_window(text, clock)
    except CellFault:
        found = _parse_moment(text, clock)
        if found is None:
            raise
        return found


def _parse_moment(text: str, clock: Clock) -> dict[str, datetime] | DayWindow | None:
    """Read one time or a day alone; the booking gives it its width."""
    found = read_day_time(text)
    if found is not None:
        clock.note_local()
        return found
    try:
        moment = clock.instant(text)
    except CellFault:
        return None
    return {"open": moment, "close": moment}


def parse_spans(text: str, clock: Clock) -> list[dict[str, datetime]]:
    """Read stretches of time; they need their dates."""

    def read(part: str) -> dict[str, datetime]:
        if plain(part).endswith(("/", "~", "至")):
            raise CellFault("has no end; leave a stretch out while it lasts")
        start, end = clock.window(part)
        return {"start": start, "end": end}

    return each_part(text, _naming(read, text))


def parse_plan_day(text: str) -> date:
    """Read a day, a time of it or none beside it.

    Raises
    ------
    CellFault
        If it is none.
    """
    normal = plain(text)
    if re.fullmatch(r"\d{5}(\.0+)?", normal, re.ASCII):
        return from_serial(float(normal)).date()
    found = _DAY_OF_TIME.fullmatch(normal)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise CellFault("no day; write 2026-11-23")


def parse_hours(text: str, clock: Clock) -> str:
    """Return the name of a shift, or hours, as it is: the roster settles it with its day."""
    clock.note_local()
    return text.strip()


_Pause = dict[str, Any]  # Any: times and seconds


def parse_breaks(text: str, clock: Clock) -> list[_Pause | DayBreak]:
    """Read breaks; those by the clock wait for the day of the shift."""

    def read(part: str) -> _Pause | DayBreak:
        by_clock = read_day_break(part)
        if by_clock is not None:
            return by_clock
        span, slash, minutes = part.replace("／", "/").rpartition("/")
        if not slash or "/" not in span:
            raise CellFault("no break; write earliest/latest/minutes: 12:00/13:00/30")
        faults: list[str] = []
        pause: _Pause = {}
        try:
            pause["earliest"], pause["latest"] = clock.window(span)
        except CellFault as fault:
            faults.append(str(fault))
        try:
            pause["duration"] = parse_minutes(minutes)
        except CellFault as fault:
            faults.append(f"the duration {fault}")
        if faults:
            raise CellFault("; ".join(faults))
        return pause

    return each_part(text, _naming(read, text))


def _naming(read: Callable[[str], _T], text: str) -> Callable[[str], _T]:
    """Let the faults of a reader name their part if there are several."""
    if len(parts_of(text)) == 1:
        return read

    def named(part: str) -> _T:
        try:
            return read(part)
        except CellFault as fault:
            raise CellFault(f"{part!r}: {fault}") from None

    return named
