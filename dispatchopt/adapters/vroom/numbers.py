"""Numbers for ids: VROOM's are whole numbers, ours are text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def numbered(ids: Iterable[str]) -> dict[str, int]:
    """Return a number for each id: the number that it is, or 1, 2, … if some id is none."""
    listed = list(dict.fromkeys(ids))
    if all(_is_number(item) for item in listed):
        return {item: int(item) for item in listed}
    return {item: index for index, item in enumerate(listed, start=1)}


def _is_number(item: str) -> bool:
    is_plain = item.isascii() and item.isdigit() and len(item) <= 19
    return is_plain and (item == "0" or not item.startswith("0"))
