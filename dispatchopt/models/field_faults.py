"""What pydantic finds wrong with a field, as issues that show no personal data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.base import ID_PATTERN, Model
from dispatchopt.models.catalogue import FaultType
from dispatchopt.models.engineer import Engineer, Shift
from dispatchopt.models.masking import ValueKind, shown
from dispatchopt.models.nearest import did_you_mean
from dispatchopt.models.plan import Plan
from dispatchopt.models.policy import Policy
from dispatchopt.models.problem import Problem
from dispatchopt.models.ticket import Ticket

PRIVATE_FIELDS = frozenset({"name", "attributes"})
"""Fields whose values never stand in a message: they may hold names, phones, addresses."""

_M = TypeVar("_M", bound=Model)


def issues_of(error: ValidationError, kind: str, item_id: str) -> list[Issue]:
    """Turn a pydantic error into issues, one for each fault.

    Values of private fields, of unknown ones and of whole objects are left out: they may hold
    names, phones and addresses.
    """
    issues: list[Issue] = []
    for fault in error.errors(include_url=False):
        cause = fault.get("ctx", {}).get("error")
        if isinstance(cause, InvalidProblemError):
            issues.extend(cause.issues)
            continue
        loc, given = fault["loc"], fault["input"]
        private = (
            not loc
            or not PRIVATE_FIELDS.isdisjoint(loc)
            or fault["type"] in ("missing", "extra_forbidden")
            or isinstance(given, Mapping | Model)
            or loc[-1] == "seconds"  # a whole table
        )
        message = _PLAIN.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        if fault.get("ctx", {}).get("pattern") == ID_PATTERN:
            message = "must be one line without control characters, and no blanks at its ends"
        if fault["type"] == "extra_forbidden":
            message = _unknown_field(kind, loc)
        value = "" if private else _short(given, loc, fault["type"])
        issues.append(Issue(kind, item_id, _path(loc), value, message))
    return issues


def settings_of(model: type[_M], raw: Any, table: str, file: str) -> _M:  # Any: TOML
    """Return a table of the settings as its model.

    Raises
    ------
    InvalidProblemError
        With every fault, under the name of the table.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise InvalidProblemError(
            [
                replace(issue, field=f"{table}.{issue.field}".rstrip("."), file=file)
                for issue in issues_of(error, "problem", "")
            ]
        ) from None


def writable(text: str) -> str:
    """Write out what no message can hold and no id may: controls and lone surrogates."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _short(value: Any, loc: tuple[int | str, ...], fault_type: str) -> str:
    """Return the value as a message may show it."""
    kind: ValueKind = "text"
    if not _IDS.isdisjoint(loc):
        kind = "id"
    elif isinstance(value, str) and fault_type.startswith(_OF_NUMBERS):
        kind = "number"
    elif not isinstance(value, str | list | tuple):
        kind = "id"  # a number as such: phones are masked all the same
    return shown(repr(value), kind)


_IDS = frozenset(
    {
        "id", "case_id", "ticket_id", "shift_id", "engineer_id", "assigned_engineer", "after",
        "preferred_engineers", "refused_engineers", "place", "start_place", "end_place", "places",
    }
)  # fmt: skip
"""Fields of ids, as they stand in what pydantic calls the place of a fault."""

_OF_NUMBERS = ("int_", "float_", "finite_", "greater_", "less_", "multiple_")
"""How pydantic's faults of fields begin that take numbers."""


_NO_INSTANT = "is no date and time; write 2026-11-23T08:30:00+08:00"

_PLAIN = {
    "datetime_parsing": _NO_INSTANT,
    "datetime_from_date_parsing": _NO_INSTANT,
    "missing": "is required",
    "model_type": "must be an object with named fields",
    "invalid_key": "names of fields must be text",
    "union_tag_not_found": "kind is required: straight_line, matrix or profiles",
    "union_tag_invalid": "unknown kind; there are straight_line, matrix and profiles",
}


def _unknown_field(kind: str, loc: tuple[int | str, ...]) -> str:
    """Say what an unknown field may have meant, and where what is the sender's own belongs."""
    models: Mapping[str, type[Model]] = {
        "problem": Problem, "ticket": Ticket, "engineer": Engineer,
        "fault_type": FaultType, "policy": Policy, "plan": Plan,
    }  # fmt: skip
    path = [part for part in loc if isinstance(part, str)]
    if path[0] in models and len(path) > 1:
        kind, path = path[0], path[1:]
    elif kind == "engineer" and path[0] == "shifts" and len(path) == 2:
        models, path = {kind: Shift}, path[1:]
    model = models.get(kind) if len(path) == 1 else None
    hint = did_you_mean(path[0], model.model_fields) if model is not None else ""
    way = "Correct" if hint else "correct"
    if model is not None and "attributes" in model.model_fields:
        return f"unknown field; {hint}{way} its name, or put it under attributes"
    return f"unknown field; {hint}{way} its name or remove it"


_PLACES = frozenset({"place", "start_place", "end_place"})


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for depth, part in enumerate(loc):
        # pydantic also names the branch of a union taken, which no file shows.
        if depth and loc[depth - 1] in _PLACES and part in ("Point", "id"):
            continue
        if part == "[key]":
            continue
        if loc[0] == "travel" and (depth == 1 or (depth == 4 and loc[2] == "profiles")):
            continue
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = shown(writable(part))
            path += f".{name}" if path else name
    return path
