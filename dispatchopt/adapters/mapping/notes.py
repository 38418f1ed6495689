"""Where a setting stands in a TOML file, so that its fault can name the line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.errors import Issue
from dispatchopt.models.masking import shown
from dispatchopt.models.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_KEY: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEYS: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]")
_ASSIGNMENT: Final = re.compile(rf"\s*({_KEYS})\s*=")
_ONE_KEY: Final = re.compile(_KEY)


class Notes:
    """Collects the faults of one TOML file.

    Parameters
    ----------
    file
        What messages call the file.
    text
        Its text.
    issues
        Gets the faults.
    """

    def __init__(self, file: str, text: str, issues: list[Issue]) -> None:
        self.file = file
        self._text = text
        self._issues = issues

    def fault(self, keys: Sequence[str], value: object, message: str) -> None:
        """Add a fault of the setting at the end of `keys`."""
        told = "" if value is None else shown(str(value))
        field = ".".join(keys)
        line = line_of(self._text, keys)
        self._issues.append(Issue("problem", "", field, told, message, self.file, line))

    def table(self, keys: Sequence[str], raw: Any, what: str) -> dict[str, Any]:  # Any: TOML
        """Return a table of settings; empty, and a fault, if it is none."""
        if isinstance(raw, dict):
            return raw
        self.fault(keys, None, f"must be a table [{'.'.join(keys)}] of {what}")
        return {}

    def known(self, keys: Sequence[str], raw: dict[str, Any], names: Iterable[str]) -> list[str]:
        """Return the keys of a table that are known; the others are faults."""
        known = list(names)
        for key in raw:
            if key not in known:
                hint = did_you_mean(key, known)
                self.fault([*keys, key], None, f"unknown setting; {hint}Known: {', '.join(known)}")
        return [key for key in raw if key in known]


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the line of a setting, or of the nearest table around it; 0 if there is none."""
    best, best_depth = 0, 0
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        assignment = None if header else _ASSIGNMENT.match(line)
        if header is None and assignment is None:
            continue
        if header is not None:
            table = _split(header[1])
        found = table if assignment is None else [*table, *_split(assignment[1])]
        depth = min(len(found), len(keys))  # [a.b] also begins the table [a]
        if depth > best_depth and list(keys[:depth]) == found[:depth]:
            best, best_depth = number, depth
    return best


def _split(keys: str) -> list[str]:
    return [key[1:-1] if key[0] in "\"'" else key for key in _ONE_KEY.findall(keys)]
