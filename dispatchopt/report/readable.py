"""JSON values as text for people: ``key: value``, without brackets and quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dispatchopt.report.glossary import Language, in_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dispatchopt.models import Point

_DETAILS: Final = {
    "added_cost": "added cost",
    "blocked_by": "counts",
    "engineers_there": "engineers there",
    "fixed_to": "fixed to",
    "highest_level": "highest level",
    "locked_to": "locked to",
    "most_in_stock": "most in stock",
    "most_on_a_shift": "most on a shift",
    "not_before": "not before",
    "people_needed": "people needed",
    "price_of_tickets": "price of these",
    "refused_engineers": "refused engineers",
    "shift_id": "shift",
    "shifts_for_no_visit": "shifts for no visit",
    "shifts_possible": "shifts possible",
    "waits_for": "waits for",
}

_SECONDS: Final = {
    "longest_shift_seconds": "longest shift",
    "service_seconds": "on site",
    "there_and_back_seconds": "there and back",
}
"""Stretches of time, written in minutes."""


def readable(data: Mapping[str, Any], *, language: Language = "en") -> str:
    """Write ``key: value; key: value`` in one line; what is empty or null is left out.

    Keys that the glossary knows are written in the language asked for; values stay as they are.
    """
    between, colon = ("；", "：") if language == "zh" else ("; ", ": ")
    return between.join(
        f"{in_language(one_line(key), language)}{colon}{_text(value, language)}"
        for key, value in data.items()
        if not _is_empty(value)
    )


def readable_value(value: Any, *, language: Language = "en") -> str:  # Any: JSON
    """Write a value alone in one line; nothing for what is empty or null."""
    return "" if _is_empty(value) else _text(value, language)


def readable_detail(detail: Mapping[str, Any]) -> str:
    """Write the facts behind a reason: ``skill: FIBER; level: 2``, ``blocking: T12 (P1)``."""
    told = dict(detail)
    tickets: Any = told.get("tickets")  # Any: JSON
    priorities: Any = told.get("priorities")  # Any: JSON
    if _is_list(tickets) and _is_list(priorities) and len(tickets) == len(priorities):
        named = [f"{t} (P{p})" for t, p in zip(tickets, priorities, strict=True)]
        del told["tickets"], told["priorities"]
        told = {"blocking": named, **told}
    for key, name in _SECONDS.items():
        if isinstance(told.get(key), int):
            told = {name if k == key else k: v for k, v in told.items()}
            told[name] = f"{-(-told[name] // 60)} min"
    return readable({_DETAILS.get(key, key): value for key, value in told.items()})


def _text(value: Any, language: Language) -> str:  # Any: JSON
    if isinstance(value, bool):
        yes, no = ("是", "否") if language == "zh" else ("yes", "no")
        return yes if value else no
    comma = "、" if language == "zh" else ", "
    if isinstance(value, dict):
        items = {one_line(str(k)): v for k, v in value.items() if not _is_empty(v)}
        return comma.join(f"{in_language(k, language)} {_inner(items[k], language)}" for k in items)
    if _is_list(value):
        return comma.join(_inner(item, language) for item in _filled(value))
    return one_line(str(value))


def _inner(value: Any, language: Language) -> str:  # Any: JSON
    text = _text(value, language)
    return f"({text})" if isinstance(value, dict) or _is_list(value) else text


def _filled(values: Iterable[Any]) -> Iterable[Any]:  # Any: JSON
    return (value for value in values if not _is_empty(value))


def _is_list(value: Any) -> bool:  # Any: JSON
    return isinstance(value, list | tuple)


def _is_empty(value: Any) -> bool:  # Any: JSON
    return value is None or (isinstance(value, str | dict | list | tuple) and not value)


def place_text(place: Point | str) -> str:
    """Write a point as ``latitude, longitude``, the id of a place as it is."""
    return place if isinstance(place, str) else f"{place.lat:.6f}, {place.lon:.6f}"


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 ticket``, ``2 tickets``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def one_line(text: str) -> str:
    """Fold line breaks, so that a note cannot pose as another line."""
    return " ".join(text.split())
