"""Cells with numbers: whole ones, degrees, priorities, minutes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dispatchopt.adapters.local_time import CellFault, plain
from dispatchopt.models.base import MAX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = re.compile(r"[+-]?\d{1,18}(\.0+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(E[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?", re.ASCII)
_PRIORITY = re.compile(r"[P]?([1-4])(\.0+)?级?", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(r"(?P<number>[\d.,]+)\s*(?P<unit>s|秒|min|m|分|分钟)?", re.ASCII)


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


def parse_degrees(limit: int) -> Callable[[str], float]:
    """Return a reader of degrees between ``-limit`` and `limit`; it raises `CellFault`."""

    def parse(text: str) -> float:
        value = parse_decimal(text)
        if abs(value) > limit:
            raise CellFault(f"must lie in -{limit}..{limit}; are lon and lat swapped?")
        return value

    return parse


def parse_priority(text: str) -> int:
    """Read 1 to 4, with a P or without.

    Raises
    ------
    CellFault
        If it is none.
    """
    match = _PRIORITY.fullmatch(plain(text))
    if match is None:
        raise CellFault("must be 1 (most urgent) to 4; P1 to P4 will do")
    return int(match[1])


def parse_minutes(text: str) -> int:
    """Read minutes, or seconds that say so, as seconds.

    Raises
    ------
    CellFault
        If they are none, not whole, or too many.
    """
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
