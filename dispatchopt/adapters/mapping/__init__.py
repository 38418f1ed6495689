"""``mapping.toml``: what the columns and codes of a branch's own export mean.

Each section is a module with one reader, ``read_<section>(raw, notes)``, listed in `read_mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from dispatchopt.adapters.mapping.codes import Codes, read_codes
from dispatchopt.adapters.mapping.columns import ColumnNames, read_columns
from dispatchopt.adapters.mapping.defaults import read_defaults
from dispatchopt.adapters.mapping.files import Files, TableKind, read_files
from dispatchopt.adapters.mapping.hours import (
    read_appointment_minutes,
    read_day_parts,
    read_plan_day,
    read_shift_hours,
)
from dispatchopt.adapters.mapping.notes import Notes
from dispatchopt.adapters.textfiles import decode_utf8, parse_toml, read_bytes
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dispatchopt.adapters.day_parts import Hours
    from dispatchopt.adapters.days import PlanDay
    from dispatchopt.adapters.roster import Names

MAPPING: Final = "mapping.toml"

OtherColumns = Literal["refuse", "ignore", "echo"]
_OTHER_COLUMNS: Final[tuple[OtherColumns, ...]] = ("refuse", "ignore", "echo")


@dataclass(frozen=True, slots=True)
class ExportMapping:
    """A mapping as it was read.

    Attributes
    ----------
    timezone
        Zone of times without an offset, if the mapping tells it.
    other_columns
        What becomes of columns that neither the mapping nor `headers` knows: ``refuse`` them,
        ``ignore`` them, or ``echo`` them under ``attributes``.
    day_parts
        Hours by word; None if the mapping has no such section.
    shift_hours
        Hours by the name of a shift; None if the mapping has no such section.
    appointment_minutes
        How long an appointment lasts that is one time only; None if the mapping does not tell.
    plan_day
        The only day that is planned of a roster; None if the mapping does not tell.
    coordinates, limits
        Raw settings that ``policy.toml`` may hold as well; None if they do not stand here.
    """

    timezone: str | None = None
    other_columns: OtherColumns = "refuse"
    files: Files = field(default_factory=Files)
    columns: Mapping[TableKind, ColumnNames] = field(default_factory=dict)
    codes: Codes = field(default_factory=Codes)
    defaults: Mapping[TableKind, Mapping[str, str]] = field(default_factory=dict)
    day_parts: Mapping[str, Hours] | None = None
    shift_hours: Names | None = None
    appointment_minutes: int | None = None
    plan_day: PlanDay | None = None
    coordinates: Any = None  # Any: TOML, read where those of policy.toml are
    limits: Any = None  # Any: TOML, as above


def _timezone(raw: Any, notes: Notes) -> str | None:  # Any: TOML
    try:
        ZoneInfo(raw)
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        message = "no IANA time zone; write for example Asia/Shanghai"
        notes.fault(["timezone"], raw, message)
        return None
    return str(raw)


def _other_columns(raw: Any, notes: Notes) -> OtherColumns:  # Any: TOML
    for choice in _OTHER_COLUMNS:
        if raw == choice:
            return choice
    notes.fault(["other_columns"], raw, f"must be one of {', '.join(_OTHER_COLUMNS)}")
    return "refuse"


def _as_it_is(raw: Any, _notes: Notes) -> Any:  # Any: TOML
    return raw


_SECTIONS: Final[Mapping[str, Callable[[Any, Notes], Any]]] = {
    "timezone": _timezone,
    "other_columns": _other_columns,
    "files": read_files,
    "columns": read_columns,
    "codes": read_codes,
    "defaults": read_defaults,
    "day_parts": read_day_parts,
    "shift_hours": read_shift_hours,
    "appointment_minutes": read_appointment_minutes,
    "plan_day": read_plan_day,
    "coordinates": _as_it_is,
    "limits": _as_it_is,
}
"""The reader of each setting; it returns the attribute of `ExportMapping` of that name."""

MAPPING_SETTINGS: Final = tuple(_SECTIONS)
"""What may stand at the top of a mapping."""


def read_mapping(folder: Path, issues: list[Issue]) -> ExportMapping:
    """Read the mapping of a folder; without one everything is as `headers` has it.

    Parameters
    ----------
    issues
        Gets every fault, with its line.
    """
    path = folder / MAPPING
    if not path.exists():
        return ExportMapping()
    try:
        text = decode_utf8(read_bytes(path), MAPPING)
        raw = parse_toml(text, MAPPING)
    except AdapterError as error:
        message = str(error).removeprefix(f"{path}: ").removeprefix(f"{MAPPING}: ")
        issues.append(Issue("problem", "", "", "", message, MAPPING))
        return ExportMapping()
    notes = Notes(MAPPING, text, issues)
    known = notes.known([], raw, _SECTIONS)
    found: dict[str, Any] = {name: _SECTIONS[name](raw[name], notes) for name in known}
    return ExportMapping(**found)
