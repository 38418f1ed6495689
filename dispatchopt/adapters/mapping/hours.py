"""``[day_parts]``: the hours behind the words of a dispatcher's windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.day_parts import DAY_PARTS, Hours, is_word, read_hours
from dispatchopt.adapters.local_time import plain

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
