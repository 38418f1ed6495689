"""Names compared as people write them, and the known name that was most likely meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

LONGEST: Final = 200
"""Characters of a name that is compared with others."""


def folded(name: str) -> str:
    """Return the form in which names are compared: no case, blanks, hyphens, full-width signs."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in plain if char not in "_- \t\r\n\ufeff")


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name most like this one, None if none is.

    Texts of more than `LONGEST` characters are no misspelt names, and are like nothing.

    Parameters
    ----------
    cutoff
        Least likeness, from 0 to 1 (equal but for case, blanks and hyphens).
    """
    if len(name) > LONGEST:
        return None
    return _nearest(name, tuple(known), cutoff)


# A damaged table of 28 800 columns repeats some thirty headers; asking for each took 12 s.
@lru_cache(maxsize=4096)
def _nearest(name: str, known: tuple[str, ...], cutoff: float) -> str | None:
    # Comparing takes the product of the lengths, or worse: long cells are left out.
    by_form = {folded(other): other for other in known if len(other) <= LONGEST}
    found = difflib.get_close_matches(folded(name), by_form, n=1, cutoff=cutoff)
    return by_form[found[0]] if found else None


def sharing_a_part(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that share the longest part with this one: ``A/B`` has two.

    Parts are what stands between slashes, commas and brackets, of two signs or more, if one of the
    two names holds it; and words of four letters or more, if both have them.
    """
    words, whole = _words(name), folded(name)
    scores: dict[str, int] = {}
    for other in known:
        parts = [folded(part) for part in _SLASHES.split(other)]
        held = [
            min(len(part), len(whole))
            for part in parts
            if not part.isascii() and (part in whole or whole in part)
        ]
        shared = [length for length in held if length > 1]
        shared += [len(word) for word in words & _words(other)]
        scores[other] = max(shared, default=0)
    best = max(scores.values(), default=0)
    return [other for other, score in scores.items() if score == best > 0]


_SLASHES = re.compile(r"[/／、,，()（）;；]")


def _words(name: str) -> set[str]:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return set(re.findall(r"[a-z]{4,}", plain))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'X'? "``, nothing if no known name is alike."""
    found = nearest(name, known)
    return f"did you mean '{found}'? " if found else ""
