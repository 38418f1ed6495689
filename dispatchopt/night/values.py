"""Values of a night's settings that are texts with a meaning: ages, shares, clock times, paths."""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_AGE = re.compile(r"(\d{1,6})\s*([mhd])")
_SHARE = re.compile(r"(\d{1,9})\s*(%?)", re.ASCII)


def parse_age(text: str) -> timedelta:
    """Read ``90m``, ``20h`` or ``2d``.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError("write a number with m, h or d, such as 20h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def most_of(allowed: str, total: int) -> int:
    """Return how many of `total` a share (``2%``) or a count allows.

    Raises
    ------
    ValueError
        If it is neither, or more than 100 %.
    """
    found = _SHARE.fullmatch(allowed.strip())
    if found is None or (found[2] and int(found[1]) > 100):
        raise ValueError("write a share of the tickets (2%) or a count")
    return total * int(found[1]) // 100 if found[2] else int(found[1])


def _is_age(text: str) -> str:
    parse_age(text)
    return text


def _is_share(text: str) -> str:
    most_of(text, 0)
    return text


def _is_clock(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise ValueError("write a local time of day, such as 07:30") from None
    return text


def checked_path(path: Path) -> Path:
    """Return a path that the system can take.

    Raises
    ------
    ValueError
        If it cannot be one.
    """
    if "\0" in str(path):
        raise ValueError("no path: it holds a NUL character")
    return path


Where = Annotated[Path, AfterValidator(checked_path)]
Age = Annotated[str, AfterValidator(_is_age)]
Share = Annotated[str, AfterValidator(_is_share)]
ClockTime = Annotated[str, Field(pattern=r"^\d\d:\d\d$"), AfterValidator(_is_clock)]
