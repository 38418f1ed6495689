"""Faulty items with what is sound in them, so that a fault of one field hides none of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from dispatchopt.models.base import Model
from dispatchopt.models.catalogue import FaultType
from dispatchopt.models.engineer import Engineer, Shift
from dispatchopt.models.problem import PARTS_UNCHECKED, Problem
from dispatchopt.models.ticket import Ticket

_M = TypeVar("_M", bound=Model)

Replaced = dict[tuple[str, str], set[str]]
"""Fields by kind and id of an item that do not hold what the input says."""

_SOME_TIME: Final = "2026-01-01T00:00:00Z"
_STAND_INS: Final[Mapping[type[Model], Mapping[str, Any]]] = {
    Ticket: {"id": "?", "fault_type": "FTTH_LOS_DROP", "place": "?", "priority": 1},
    Engineer: {"id": "?", "skills": {}, "place": "?", "shifts": ()},
    FaultType: {"code": "?", "duration": {"mean": 1}},
    Problem: {
        "horizon": {"start": _SOME_TIME, "end": _SOME_TIME},
        "travel": {"kind": "straight_line"},
    },
}
"""Values of required fields. A shift has none: with other times it would clash with the others."""

_CHECKED_WITH: Final = {"recent_paid_minutes": "recent_minutes"}
"""A field, and the one whose fault is told when the first lacks."""


def salvaged(
    model: type[_M],
    kind: str,
    item: Any,  # Any: raw data
    item_id: str,
    error: ValidationError,
) -> tuple[_M, Replaced] | None:
    """Return a faulty item under its id, without its faulty fields; None if nothing is left.

    Parameters
    ----------
    error
        What validating the item raised.

    Returns
    -------
    item, replaced
        The fields replaced hold their default or a stand-in: whoever checks on must not report
        them. A shift of an engineer that lacks its id, start or end is left out.
    """
    if not isinstance(item, Mapping):
        return None
    faulty = {str(fault["loc"][0]) for fault in error.errors(include_url=False) if fault["loc"]}
    sound = {k: v for k, v in item.items() if k in model.model_fields and k not in faulty}
    replaced: Replaced = {
        (kind, item_id): faulty | {_CHECKED_WITH[f] for f in faulty if f in _CHECKED_WITH}
    }
    if model is Engineer and "shifts" in faulty:
        shifts = list(_shifts(item.get("shifts")))
        sound["shifts"] = tuple(shift for shift, _ in shifts)
        for shift, fields in shifts:
            replaced.setdefault(("shift", shift.id), set()).update(fields)
    try:
        found = model.model_validate(
            {**_STAND_INS.get(model, {}), **sound}, context=PARTS_UNCHECKED
        )
    except ValidationError:
        return None
    name = "code" if model is FaultType else "id"
    return (found if model is Problem else found.model_copy(update={name: item_id})), replaced


def _shifts(raw: Any) -> Iterator[tuple[Shift, set[str]]]:  # Any: raw data
    for item in raw if isinstance(raw, list | tuple) else ():
        try:
            yield Shift.model_validate(item), set()
        except ValidationError as error:
            shift_id = item.get("id") if isinstance(item, Mapping) else None
            found = salvaged(Shift, "shift", item, str(shift_id), error)
            if found is not None:
                yield found[0], found[1]["shift", str(shift_id)]
