"""``[codes.fault_type]`` and the others: which of our codes a code of an export stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.headers import AREA_WORDS, LOCK_WORDS, STATUS_WORDS
from dispatchopt.adapters.local_time import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.adapters.mapping.notes import Notes

CODED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "fault_type": ("fault_type",),
        "priority": ("priority", "min_priority"),
        "status": ("status",),
        "lock": ("lock",),
        "area_class": ("area_class",),
        "customer_tier": ("customer_tier",),
        "skill": ("skills",),
        "territory": ("territory", "territories", "helper_territories"),
        "part": ("parts", "stock"),
        "travel_profile": ("travel_profile",),
    }
)
"""The columns in which each kind of code is looked up."""

_LISTS: Final = frozenset({"skills", "territories", "helper_territories", "parts", "stock"})
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "priority": ("1", "2", "3", "4"),
        "status": tuple(dict.fromkeys(STATUS_WORDS.values())),
        "lock": tuple(dict.fromkeys(LOCK_WORDS.values())),
        "area_class": tuple(dict.fromkeys(AREA_WORDS.values())),
    }
)
_SEPARATOR: Final = re.compile(r"[;；,，、\n]")
_NAME: Final = re.compile(r"([^:：@＠]*?)\s*([:：@＠].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Codes:
    """Our code by the column that it stands in and by their code in its normal form."""

    by_column: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def translate(self, column: str, text: str) -> str:
        """Return a cell with every code that is mapped replaced by ours; others stay."""
        codes = self.by_column.get(column)
        if codes is None:
            return text
        whole = codes.get(_normal(text))
        if whole is not None or column not in _LISTS:
            return text if whole is None else whole
        return ";".join(_part(part.strip(), codes) for part in _SEPARATOR.split(text))

    def kind_of(self, column: str) -> str:
        """Return the kind of the codes of a column; empty if the mapping has none at all."""
        kinds = (kind for kind, columns in CODED_COLUMNS.items() if column in columns)
        return next(kinds, "") if self.by_column else ""


def read_codes(raw: Any, notes: Notes) -> Codes:  # Any: TOML
    """Read the section; faults go to `notes`."""
    table = notes.table(["codes"], raw, "tables")
    by_column: dict[str, Mapping[str, str]] = {}
    for kind in notes.known(["codes"], table, CODED_COLUMNS):
        codes = _codes(table[kind], kind, notes)
        by_column.update(dict.fromkeys(CODED_COLUMNS[kind], codes))
    return Codes(by_column)


def _codes(raw: Any, kind: str, notes: Notes) -> dict[str, str]:  # Any: TOML
    keys = ["codes", kind]
    allowed = _ALLOWED.get(kind)
    codes: dict[str, str] = {}
    for theirs, ours in notes.table(keys, raw, "codes").items():
        code = str(ours).strip() if isinstance(ours, str | int) else ""
        if isinstance(ours, bool) or not code:
            notes.fault([*keys, theirs], ours, "must be a code of ours, in quotes")
        elif allowed is not None and code not in allowed:
            notes.fault([*keys, theirs], ours, f"must be one of {', '.join(allowed)}")
            codes[_normal(theirs)] = allowed[0]  # stands in, lest each row tells it again
        elif codes.setdefault(_normal(theirs), code) != code:
            notes.fault([*keys, theirs], ours, "the same code as another of this table; keep one")
    return codes


def _normal(code: str) -> str:
    return plain(code).casefold()


def _part(part: str, codes: Mapping[str, str]) -> str:
    """Translate one part of a list: a name, with a level or quantity after it or without."""
    whole = codes.get(_normal(part))
    if whole is not None:
        return whole
    found = _NAME.fullmatch(part)
    assert found is not None
    ours = codes.get(_normal(found[1]))
    if ours is None:
        return part
    # Their own level says more than the one that the mapping gives to the name.
    level = found[2] or ""
    name = _NAME.fullmatch(ours)
    return (name[1] if name is not None and level[0] in ":：" else ours) + level
