"""Names compared as people write them, and the known name that was most likely meant."""

from __future__ import annotations

import difflib
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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'X'? "``, nothing if no known name is alike."""
    found = nearest(name, known)
    return f"did you mean '{found}'? " if found else ""
