"""Rosters as branches keep them: a day and the name of a shift (``白班``, ``休``) -> its times.

What the names mean stands in the settings (``[shift_hours]``); hours in figures need no name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.day_parts import Hours, hours_of_figures
from dispatchopt.adapters.local_time import CellFault, Clock, plain
from dispatchopt.models.masking import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.tables import Item, Sheet

OFF_WORDS: Final = (
    "休", "休息", "公休", "轮休", "调休", "补休", "年休", "年假", "事假", "病假", "请假", "off",
    "rest", "leave",
)  # fmt: skip
"""Names of days without a shift, which need no settings."""

_DAY: Final = timedelta(days=1)
_MINUTES: Final = 24 * 60
_NEXT_DAY: Final = re.compile(r"(次日|翌日|第二天)")

Fault = Callable[["Item", str, str, str], None]
"""Notes the fault of an item: item, path of the field, value, message."""


@dataclass(frozen=True, slots=True)
class DayBreak:
    """A break by the clock: earliest and latest beginning in minutes of a day, and its seconds."""

    earliest: int
    latest: int
    duration: int


@dataclass(frozen=True, slots=True)
class ShiftHours:
    """What the name of a shift means: minutes of its day, beyond 1440 on the next; and breaks."""

    hours: Hours
    breaks: tuple[DayBreak, ...] = ()


Names = dict[str, ShiftHours | None]
"""Hours by the name of a shift in its normal form (`normal_name`); None: no shift."""


def normal_name(text: str) -> str:
    """Return the form in which names of shifts are compared."""
    return plain(text).casefold()


def built_in_names() -> Names:
    """Return the names that need no settings: those of days off."""
    return dict.fromkeys(OFF_WORDS)


def read_shift_span(text: str) -> Hours | None:
    """Read ``08:30-17:30``, ``20:00-08:00`` or ``20:00-次日8:00``; None if it is none.

    An end that is not after the beginning lies on the next day.
    """
    normal = plain(text).casefold().replace(" ", "")
    bare = _NEXT_DAY.sub("", normal)
    found = hours_of_figures(bare)
    if found is None:
        return None
    begins, ends = found
    return begins, ends + _MINUTES * (ends <= begins or bare != normal)


def read_day_break(text: str) -> DayBreak | None:
    """Read ``11:30/13:00/60``, a break by the clock; None if it is none."""
    span, _, minutes = plain(text).rpartition("/")
    found = hours_of_figures(span.replace(" ", ""))
    digits = re.fullmatch(r"(\d{1,4}) ?(?:min|m|分|分钟)?", minutes.strip(), re.ASCII)
    if found is None or digits is None:
        return None
    earliest, latest = found
    return DayBreak(earliest, latest + _MINUTES * (latest < earliest), int(digits[1]) * 60)


class Roster:
    """Gives shifts of a roster their times.

    Parameters
    ----------
    zone
        Whose days they are.
    names
        What the names of shifts mean; None: the built-in ones alone.
    fault
        Notes a fault.
    """

    def __init__(self, zone: tzinfo | None, names: Names | None, fault: Fault) -> None:
        self._clock = Clock(zone or UTC)
        self._names = built_in_names() if names is None else names
        self._fault = fault

    def settle(self, shifts: Sheet, day: date | None) -> None:
        """Replace days and names by times; days off and, if one is named, other days go.

        Parameters
        ----------
        day
            The only local day whose shifts are wanted; None: all.
        """
        has_days = "day" in shifts.headers
        items = [item for item in shifts.items if self._is_worked(item, has_days)]
        shifts.items[:] = [item for item in items if day is None or self._is_on(item, day)]

    def _is_on(self, item: Item, day: date) -> bool:
        start = item.values.get("start")  # without one it is faulty, and told
        return start is None or start.astimezone(self._clock.zone).date() == day

    def _is_worked(self, item: Item, has_days: bool) -> bool:
        """Settle one row; False if it says that nobody works."""
        values = item.values
        on, name = values.pop("day", None), values.pop("hours", None)
        meant: ShiftHours | None = None
        if name is not None:
            known = normal_name(name)
            if known in self._names and self._names[known] is None:
                return False
            if "start" not in values or "end" not in values:
                meant = self._meant(item, name)
        if meant is not None and on is None and has_days:
            self._fault(item, "day", "", "is blank; write the day of the shift, such as 2026-11-23")
        elif meant is not None and on is not None:
            self._place(item, on, meant)
        self._place_breaks(item)
        return True

    def _meant(self, item: Item, name: str) -> ShiftHours | None:
        meant = self._names.get(normal_name(name))
        if meant is not None:
            return meant
        span = read_shift_span(name)
        if span is not None:
            return ShiftHours(span)
        known = ", ".join(self._names)
        self._fault(
            item, "hours", shown(name),
            "no hours; write 08:30-17:30, or say in mapping.toml under [shift_hours] what hours "
            f"the name has. Known: {known}",
        )  # fmt: skip
        return None

    def _place(self, item: Item, day: date, meant: ShiftHours) -> None:
        values = item.values
        try:
            start, end = (self._clock.localised(_at(day, minute)) for minute in meant.hours)
        except (CellFault, OverflowError) as fault:
            told = str(fault) if isinstance(fault, CellFault) else "no such day"
            self._fault(item, "start", day.isoformat(), told)
            return
        values.setdefault("start", start)
        values.setdefault("end", end)
        if meant.breaks:
            values.setdefault("breaks", list(meant.breaks))

    def _place_breaks(self, item: Item) -> None:
        """Give breaks by the clock the first day on which they do not begin before the shift."""
        start, breaks = item.values.get("start"), item.values.get("breaks")
        if not isinstance(breaks, list) or not any(isinstance(b, DayBreak) for b in breaks):
            return
        if start is None:  # the shift is faulty, and so told
            del item.values["breaks"]
            return
        try:
            item.values["breaks"] = self._on_shift(start, breaks)
        except (CellFault, OverflowError) as fault:
            del item.values["breaks"]
            self._fault(item, "breaks", "", str(fault))

    def _on_shift(self, start: datetime, breaks: Sequence[Any]) -> list[Any]:  # Any: raw breaks
        local = start.astimezone(self._clock.zone)
        minute = local.hour * 60 + local.minute
        found: list[Any] = []
        for pause in breaks:
            if isinstance(pause, DayBreak):
                day = local.date() + _DAY * (pause.latest < minute)
                found.append(
                    {
                        "earliest": self._clock.localised(_at(day, pause.earliest)),
                        "latest": self._clock.localised(_at(day, pause.latest)),
                        "duration": pause.duration,
                    }
                )
            else:
                found.append(pause)
        return found


def name_engineers(shifts: Sheet, engineers: Sheet, fault: Fault) -> None:
    """Give shifts without an engineer's id that of the name beside it; names are never told."""
    ids: dict[str, list[str]] = {}
    for engineer in engineers.items:
        if "name" in engineer.values and "id" in engineer.values:
            ids.setdefault(engineer.values["name"].strip(), []).append(engineer.values["id"])
    for item in shifts.items:
        if "engineer_id" in item.values or "name" not in item.values:
            continue
        found = ids.get(item.values["name"].strip(), [])
        if len(found) == 1:
            item.values["engineer_id"] = found[0]
        else:
            told = f"{len(found)} engineers have" if found else "no engineer has"
            way = "give the engineer's id in a column 'engineer_id' or '工号'"
            fault(item, "name", "", f"{told} this name; {way}")


def _at(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)
