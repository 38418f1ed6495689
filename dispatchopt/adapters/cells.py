"""Cells: one reader and one writer for each kind of column."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dispatchopt.adapters.day_parts import DAY_PARTS, DayWindow, read_day_time, read_day_window
from dispatchopt.adapters.headers import (
    AREA_WORDS,
    END_ANYWHERE_WORDS,
    LOCK_WORDS,
    PLACE_WORDS,
    STATUS_WORDS,
    CellKind,
)
from dispatchopt.adapters.local_time import CellFault, Clock, NoWindow, from_serial, plain
from dispatchopt.adapters.roster import DayBreak, read_day_break
from dispatchopt.adapters.strict_json import parse_json
from dispatchopt.errors import AdapterError
from dispatchopt.models import Break, Skill, Span, Window
from dispatchopt.models.base import MAX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_T = TypeVar("_T")

NONE: Final = "-"
"""A list cell with this says "none"; an empty cell says "not tracked"."""

_MANGLED_ID = re.compile(r"\d([.,]\d+)?E\+\d{1,3}", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INTEGER = re.compile(r"[+-]?\d{1,18}(\.0+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(E[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?", re.ASCII)
_PRIORITY = re.compile(r"[P]?([1-4])(\.0+)?级?", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(r"(?P<number>[\d.,]+)\s*(?P<unit>s|秒|min|m|分|分钟)?", re.ASCII)
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_DAY_OF_TIME = re.compile(_DAY.pattern + r"(?:[T ]?\d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII)
_SEPARATOR = re.compile(r"[;；,，、\n]")
_SPREADSHEET_ERRORS: Final = frozenset(
    ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!")
)


def parse_cell(kind: CellKind, text: str, clock: Clock) -> Any:  # Any: differs by kind
    """Read a cell that is not blank into what the model's field takes.

    Raises
    ------
    CellFault
        With what is allowed and the way out.
    """
    if text in _SPREADSHEET_ERRORS:
        raise CellFault("a spreadsheet could not compute this cell; correct it there")
    if kind in _TIMED_READERS:
        return _TIMED_READERS[kind](text, clock)
    return _READERS[kind](text.strip())


def render_cell(kind: CellKind, value: Any, clock: Clock, chinese: bool) -> str:  # Any: as above
    """Write a value that is present so that `parse_cell` reads it back."""
    if kind == "instant":
        return clock.text(value)
    if kind == "windows":
        return ";".join(clock.window_text(w.open, w.close) for w in value)
    if kind == "spans":
        return ";".join(clock.window_text(s.start, s.end) for s in value)
    if kind == "breaks":
        return ";".join(_break_text(pause, clock) for pause in value)
    if kind in _WORDS:
        known = _WORDS[kind].items()
        return next(w for w, m in known if m == value and w.isascii() != chinese)
    if kind == "minutes":
        return _minutes_text(value)
    if kind in ("levels", "counts"):
        return _joined(f"{name}:{number}" for name, number in value.items())
    if kind == "skills":
        return _joined(_skill_text(name, skill) for name, skill in value.items())
    if kind == "ids":
        return _joined(value)
    if kind == "json":
        return _json_text(value)
    return str(value)


def parse_id(text: str) -> str:
    """Read an id as the text it is.

    Raises
    ------
    CellFault
        If a spreadsheet turned it into a number, it spans lines or holds a control character.
    """
    if _MANGLED_ID.fullmatch(text):
        raise CellFault(
            "a spreadsheet turned this id into a number and its digits are lost; "
            "format the column as text and fill it in again from the source"
        )
    if "\n" in text or "\r" in text:
        raise CellFault("a line break in an id; remove it")
    if _CONTROL.search(text):
        raise CellFault("a control character in an id; remove it")
    return text


def parse_integer(text: str) -> int:
    """Read a whole number.

    Raises
    ------
    CellFault
        If it is none.
    """
    return int(_digits(text, _INTEGER, "must be a whole number").partition(".")[0])


def parse_decimal(text: str) -> float:
    """Read a number with a decimal point.

    Raises
    ------
    CellFault
        If it is none.
    """
    value = float(_digits(text, _DECIMAL, "must be a number, with a point before decimals"))
    if abs(value) > 1e300:
        raise CellFault("too large for a number")
    return value


def _digits(text: str, pattern: re.Pattern[str], allowed: str) -> str:
    number = plain(text)
    if _COMMA_NUMBER.fullmatch(number):
        raise CellFault("a comma in a number; write plain digits, a point before decimals")
    if not pattern.fullmatch(number):
        raise CellFault(allowed)
    return number


def _parse_degrees(limit: int) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = parse_decimal(text)
        if abs(value) > limit:
            raise CellFault(f"must lie in -{limit}..{limit}; are lon and lat swapped?")
        return value

    return parse


def _parse_priority(text: str) -> int:
    match = _PRIORITY.fullmatch(plain(text))
    if match is None:
        raise CellFault("must be 1 (most urgent) to 4; P1 to P4 will do")
    return int(match[1])


def _parse_minutes(text: str) -> int:
    match = _DURATION.fullmatch(plain(text))
    if match is None:
        raise CellFault("must be a number of minutes (75) or seconds (100s)")
    number = parse_decimal(match["number"])
    seconds = number * (1 if match["unit"] in ("s", "秒") else 60)
    if abs(seconds - round(seconds)) > 1e-6:
        raise CellFault("must be whole seconds; write for example 75 (minutes) or 100s")
    if seconds >= MAX_SECONDS:
        raise CellFault(f"must be at most {(MAX_SECONDS - 1) // 60} minutes")
    return round(seconds)


def _parse_word(words: Mapping[str, str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        found = words.get(plain(text).casefold())
        if found is None:
            raise CellFault(f"unknown; known: {', '.join(words)}")
        return found

    return parse


def _parts(text: str) -> list[str]:
    if text == NONE:
        return []
    return [part.strip() for part in _SEPARATOR.split(text) if part.strip()]


def _each(text: str, read: Callable[[str], _T]) -> list[_T]:
    """Read the parts of a list, every fault at once; a way out that several share is told once."""
    found: list[_T] = []
    faults: dict[str, list[str]] = {}
    for part in _parts(text):
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


def _named(text: str, read: Callable[[str], tuple[str, _T]]) -> dict[str, _T]:
    """Read the parts of a list by name; each may stand once."""
    found: dict[str, _T] = {}

    def note(part: str) -> None:
        name, value = read(part)
        if name in found:
            raise CellFault(f"{name!r} stands twice")
        found[name] = value

    _each(text, note)
    return found


def _parse_ids(text: str) -> tuple[str, ...]:
    return tuple(_each(text, parse_id))


def _numbered(text: str) -> dict[str, int]:
    """Read ``A:3;B`` as name and number, 1 if there is none."""
    return _named(text, _name_and_number)


def _name_and_number(part: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*\S)\s*[:：]\s*(.*)", part, re.DOTALL)
    if match is None:
        return part.rstrip(":："), 1
    try:
        return match[1], parse_integer(match[2])
    except CellFault:
        raise CellFault(f"{part!r} is no NAME:NUMBER; write BROADBAND:3;IPTV:2") from None


def _parse_skills(text: str) -> dict[str, dict[str, Any]]:  # Any: level and expiry
    return _named(text, _name_and_skill)


def _name_and_skill(part: str) -> tuple[str, dict[str, Any]]:  # Any: level and expiry
    match = re.fullmatch(r"(.*?)\s*(?:[@＠]\s*([^@＠]*))?", part, re.DOTALL)
    assert match is not None
    name = ""
    skill: dict[str, Any] = {}  # Any: level and expiry
    faults: list[str] = []
    try:
        name, skill["level"] = _name_and_number(match[1])
    except CellFault as fault:
        faults.append(str(fault))
    try:
        if match[2] is not None:
            skill["expires"] = _parse_day(match[2])
    except CellFault as fault:
        faults.append(str(fault))
    if faults:
        raise CellFault(*faults)
    return name, skill


def _parse_day(text: str) -> date:
    try:
        return _parse_plan_day(text)
    except CellFault:
        pass
    raise CellFault(f"{text!r} is no day of expiry; write WORK_AT_HEIGHT:1@2027-03-01")


def _parse_object(text: str) -> dict[str, Any]:  # Any: JSON
    try:
        data, duplicates = parse_json(text, "cell")
    except AdapterError as error:
        raise CellFault(f"no JSON object: {error}") from None
    if not isinstance(data, dict) or duplicates:
        raise CellFault('must be a JSON object with each key once: {"floor": 3}')
    return data


def _parse_end_place(text: str) -> str | None:
    return None if text in END_ANYWHERE_WORDS else parse_id(text)


def _parse_windows(text: str, clock: Clock) -> list[dict[str, datetime] | DayWindow]:
    """Read windows; those in words wait for the days of the plan."""
    return _each(text, _naming(lambda part: _parse_window(part, clock), text))


def _parse_window(text: str, clock: Clock) -> dict[str, datetime] | DayWindow:
    try:
        opens, closes = clock.window(text)
    except NoWindow:
        window = read_day_window(text, clock.day_parts or DAY_PARTS)
        clock.note_local()
        return window
    return {"open": opens, "close": closes}


def _parse_slot(text: str, clock: Clock) -> dict[str, datetime] | DayWindow:
    if len(_parts(text)) != 1:
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


def _parse_spans(text: str, clock: Clock) -> list[dict[str, datetime]]:
    def read(part: str) -> dict[str, datetime]:
        if plain(part).endswith(("/", "~", "至")):
            raise CellFault("has no end; leave a stretch out while it lasts")
        start, end = clock.window(part)
        return {"start": start, "end": end}

    return _each(text, _naming(read, text))


def _parse_plan_day(text: str) -> date:
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


def _parse_hours(text: str, clock: Clock) -> str:
    """Return the name of a shift, or hours, as it is: the roster settles it with its day."""
    clock.note_local()
    return text.strip()


_Pause = dict[str, Any]  # Any: times and seconds


def _parse_breaks(text: str, clock: Clock) -> list[_Pause | DayBreak]:
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
            pause["duration"] = _parse_minutes(minutes)
        except CellFault as fault:
            faults.append(f"the duration {fault}")
        if faults:
            raise CellFault("; ".join(faults))
        return pause

    return _each(text, _naming(read, text))


def _naming(read: Callable[[str], _T], text: str) -> Callable[[str], _T]:
    """Let the faults of a reader name their part if there are several."""
    if len(_parts(text)) == 1:
        return read

    def named(part: str) -> _T:
        try:
            return read(part)
        except CellFault as fault:
            raise CellFault(f"{part!r}: {fault}") from None

    return named


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "status": STATUS_WORDS,
    "lock": LOCK_WORDS,
    "area": AREA_WORDS,
    "place_kind": PLACE_WORDS,
}
_TIMED_READERS: Final[Mapping[str, Callable[[str, Clock], Any]]] = {
    "instant": lambda text, clock: clock.instant(text),
    "windows": _parse_windows,
    "slot": _parse_slot,
    "spans": _parse_spans,
    "breaks": _parse_breaks,
    "hours": _parse_hours,
}
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "id": parse_id,
    "text": str,
    "int": parse_integer,
    "float": parse_decimal,
    "lat": _parse_degrees(90),
    "lon": _parse_degrees(180),
    "priority": _parse_priority,
    "minutes": _parse_minutes,
    "day": _parse_plan_day,
    **{kind: _parse_word(words) for kind, words in _WORDS.items()},
    "levels": _numbered,
    "counts": _numbered,
    "skills": _parse_skills,
    "ids": _parse_ids,
    "json": _parse_object,
    "end_place": _parse_end_place,
}


def _joined(parts: Iterable[str]) -> str:
    return ";".join(parts) or NONE


def _minutes_text(seconds: int) -> str:
    return f"{seconds}s" if seconds % 60 else str(seconds // 60)


def _break_text(pause: Break, clock: Clock) -> str:
    return f"{clock.window_text(pause.earliest, pause.latest)}/{_minutes_text(pause.duration)}"


def _skill_text(name: str, skill: Skill) -> str:
    expiry = "" if skill.expires is None else f"@{skill.expires.isoformat()}"
    return f"{name}:{skill.level}{expiry}"


def _json_text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def as_model_value(kind: CellKind, value: Any) -> Any:  # Any: differs by kind
    """Bring what `parse_cell` returned into the form that the models hold, for comparison."""
    if kind == "windows":
        return tuple(Window.model_validate(window) for window in value)
    if kind == "spans":
        return tuple(Span.model_validate(span) for span in value)
    if kind == "breaks":
        return tuple(Break.model_validate(pause) for pause in value)
    if kind == "skills":
        return {name: Skill.model_validate(skill) for name, skill in value.items()}
    return value
