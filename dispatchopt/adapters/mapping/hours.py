"""``[day_parts]`` and ``[shift_hours]``: the hours behind words of windows and names of shifts."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.day_parts import DAY_PARTS, Hours, is_word, read_hours
from dispatchopt.adapters.days import DAY_WORDS, PlanDay
from dispatchopt.adapters.local_time import plain
from dispatchopt.adapters.roster import (
    OFF_WORDS,
    DayBreak,
    Names,
    ShiftHours,
    built_in_names,
    normal_name,
    read_day_break,
    read_shift_span,
)

if TYPE_CHECKING:
    from dispatchopt.adapters.mapping.notes import Notes


def read_day_parts(raw: Any, notes: Notes) -> dict[str, Hours]:  # Any: TOML
    """Read the section over the built-in words; faults go to `notes`."""
    words = dict(DAY_PARTS)
    for word, value in notes.table(["day_parts"], raw, "words").items():
        keys = ["day_parts", word]
        hours = read_hours(value) if isinstance(value, str) else None
        if not is_word(word):
            notes.fault(keys, None, "must be a word of up to 20 letters, without digits")
        elif hours is None:
            notes.fault(keys, value, 'must be hours: "08:00-12:00"')
        else:
            words[plain(word).casefold()] = hours
    return words


def read_appointment_minutes(raw: Any, notes: Notes) -> int | None:  # Any: TOML
    """Read how long an appointment lasts that is one time only; a fault goes to `notes`."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= 1440:
        return raw
    notes.fault(["appointment_minutes"], raw, "must be whole minutes, 1 to 1440")
    return None


def read_plan_day(raw: Any, notes: Notes) -> PlanDay | None:  # Any: TOML
    """Read the only day that is planned; a fault goes to `notes`."""
    try:
        found = date.fromisoformat(raw) if isinstance(raw, str) and raw not in DAY_WORDS else raw
    except ValueError:
        found = None
    if isinstance(found, datetime) and found.time() == time():
        found = found.date()  # what a spreadsheet's date cell is
    if found in DAY_WORDS or (isinstance(found, date) and not isinstance(found, datetime)):
        return found
    notes.fault(["plan_day"], raw, 'must be a day: 2026-11-23, "today" or "tomorrow"')
    return None


def read_shift_hours(raw: Any, notes: Notes) -> Names:  # Any: TOML
    """Read the section over the built-in names of days off; faults go to `notes`."""
    names = built_in_names()
    for name, value in notes.table(["shift_hours"], raw, "names of shifts").items():
        keys = ["shift_hours", name]
        if isinstance(value, str) and normal_name(value) in OFF_WORDS:
            names[normal_name(name)] = None
            continue
        entry = value if isinstance(value, dict) else {"hours": value}
        known = {key: entry[key] for key in notes.known(keys, entry, ("hours", "breaks"))}
        hours = known.get("hours")
        span = read_shift_span(hours) if isinstance(hours, str) else None
        if span is None:
            told = None if isinstance(value, dict) else value
            notes.fault(keys, told, 'must be hours: "08:30-17:30", "20:00-08:00", or "off"')
        names[normal_name(name)] = ShiftHours(span or (0, 1), _breaks(known, keys, notes))
    return names


def _breaks(entry: dict[str, Any], keys: list[str], notes: Notes) -> tuple[DayBreak, ...]:
    raw = entry.get("breaks", [])
    found: list[DayBreak] = []
    for part in raw.split(";") if isinstance(raw, str) else raw if isinstance(raw, list) else [raw]:
        pause = read_day_break(part) if isinstance(part, str) else None
        if pause is None:
            way = 'must be earliest/latest/minutes: "12:00/13:00/60"'
            notes.fault([*keys, "breaks"], part, way)
        else:
            found.append(pause)
    return tuple(found)
