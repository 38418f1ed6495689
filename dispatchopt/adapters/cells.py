"""Cells: one reader and one writer for each kind of column."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dispatchopt.adapters.cell_numbers import (
    parse_decimal,
    parse_degrees,
    parse_integer,
    parse_minutes,
    parse_priority,
)
from dispatchopt.adapters.cell_times import (
    NONE,
    each_part,
    parse_breaks,
    parse_hours,
    parse_plan_day,
    parse_slot,
    parse_spans,
    parse_windows,
)
from dispatchopt.adapters.headers import (
    AREA_WORDS,
    END_ANYWHERE_WORDS,
    LOCK_WORDS,
    PLACE_WORDS,
    STATUS_WORDS,
    CellKind,
)
from dispatchopt.adapters.local_time import CellFault, Clock, plain
from dispatchopt.adapters.strict_json import parse_json
from dispatchopt.errors import AdapterError
from dispatchopt.models import Break, Skill, Span, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

_T = TypeVar("_T")

_MANGLED_ID = re.compile(r"\d([.,]\d+)?E\+\d{1,3}", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
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


def _parse_word(words: Mapping[str, str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        found = words.get(plain(text).casefold())
        if found is None:
            raise CellFault(f"unknown; known: {', '.join(words)}")
        return found

    return parse


def _named(text: str, read: Callable[[str], tuple[str, _T]]) -> dict[str, _T]:
    """Read the parts of a list by name; each may stand once."""
    found: dict[str, _T] = {}

    def note(part: str) -> None:
        name, value = read(part)
        if name in found:
            raise CellFault(f"{name!r} stands twice")
        found[name] = value

    each_part(text, note)
    return found


def _parse_ids(text: str) -> tuple[str, ...]:
    return tuple(each_part(text, parse_id))


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
        return parse_plan_day(text)
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


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "status": STATUS_WORDS,
    "lock": LOCK_WORDS,
    "area": AREA_WORDS,
    "place_kind": PLACE_WORDS,
}
_TIMED_READERS: Final[Mapping[str, Callable[[str, Clock], Any]]] = {
    "instant": lambda text, clock: clock.instant(text),
    "windows": parse_windows,
    "slot": parse_slot,
    "spans": parse_spans,
    "breaks": parse_breaks,
    "hours": parse_hours,
}
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "id": parse_id,
    "text": str,
    "int": parse_integer,
    "float": parse_decimal,
    "lat": parse_degrees(90),
    "lon": parse_degrees(180),
    "priority": parse_priority,
    "minutes": parse_minutes,
    "day": parse_plan_day,
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
