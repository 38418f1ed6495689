"""Names compared as people write them, and the known name that was most likely meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable


def folded(name: str) -> str:
    """Return the form in which names are compared: no case, blanks, hyphens, full-width signs."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in plain if char not in "_- \t\r\n\ufeff")


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name most like this one, None if none is.

    Parameters
    ----------
    cutoff
        Least likeness, from 0 to 1 (equal but for case, blanks and hyphens).
    """
    by_form = {folded(other): other for other in known}
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
