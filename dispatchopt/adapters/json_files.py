"""Problems and plans as JSON: ``.json`` and ``.json.gz``, read strictly, written atomically."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from dispatchopt.adapters.publish import write_file
from dispatchopt.adapters.strict_json import dump_json, load_json, repeated_keys, save_json
from dispatchopt.adapters.travel_files import npy_bytes, resolve_travel, without_place_echoes
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
from dispatchopt.models import Matrix, Plan, Problem, Profiles, StraightLine, Ticket, Travel
from dispatchopt.models.base import Model
from dispatchopt.models.field_faults import issues_of
from dispatchopt.models.intake import Intake, build_problem

if TYPE_CHECKING:
    from dispatchopt.adapters.assemble import OnBadRow

LARGE_TABLE: Final = 300
"""A travel table of more places than this is written to its own ``.npy`` beside the problem."""


def read_problem(path: str | Path, *, on_bad_row: OnBadRow = "error") -> Intake:
    """Read a problem.

    ``travel.seconds`` may be ``{"file": "travel.npy"}`` (or ``.csv``, ``.csv.gz``), relative to the
    problem and within its folder; so may the tables of profiles.

    Parameters
    ----------
    path
        A file in UTF-8; packed if its name ends in ``.gz``.
    on_bad_row
        ``reject``: faulty tickets and engineers are left out and reported.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no JSON; names line and column.
    InvalidProblemError
        With every fault of the problem.
    """
    path = Path(path)
    data, issues = _load(path)
    if not isinstance(data, dict):
        raise InvalidProblemError(
            [
                Issue(
                    "problem",
                    "",
                    "",
                    "",
                    "must be an object with the fields of a problem",
                    path.name,
                )
            ]
        )
    warnings: list[Issue] = []
    if "travel" in data:
        data = {**data, "travel": resolve_travel(data["travel"], path.parent, issues, warnings)}
    try:
        return build_problem(
            data,
            on_bad_row=on_bad_row,
            origin=lambda _kind, _index: (path.name, 0),
            issues=tuple(issues),
            warnings=tuple(warnings),
        )
    except InvalidProblemError as error:
        if not any(issue.kind == "travel" for issue in issues):
            raise
        kept = without_place_echoes(error.issues)
        raise InvalidProblemError(kept, error.warnings) from None


def write_problem(problem: Problem, path: str | Path) -> None:
    """Write a problem; a kill at any moment leaves the old file or the new one.

    Travel tables of more than `LARGE_TABLE` places go to ``.npy`` files beside it. Their names
    carry a digest of their content, so the old problem stays readable until it is replaced; tables
    of older problems are not removed.

    Raises
    ------
    AdapterError
        If it cannot be written, or `attributes` hold what JSON cannot.
    """
    path = Path(path)
    data = to_json(problem.model_copy(update={"travel": _SMALL_TRAVEL}))
    data["travel"] = _travel_json(problem.travel, path)
    save_json(path, dump_json(data, indent=1))


def read_plan(path: str | Path) -> Plan:
    """Read a plan, ours or anybody's.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no JSON; names line and column.
    InvalidProblemError
        With every fault of the plan.
    """
    path = Path(path)
    data, issues = _load(path)
    plan = validated(Plan, data, "plan", path.name, issues)
    if plan is None:
        raise InvalidProblemError(issues)
    return plan


def read_ticket(path: str | Path) -> Ticket:
    """Read one ticket, with the fields that it has in a problem.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no JSON; names line and column.
    InvalidProblemError
        With every fault of the ticket.
    """
    path = Path(path)
    data, issues = _load(path)
    ticket = validated(Ticket, data, "ticket", path.name, issues)
    if ticket is None:
        raise InvalidProblemError(issues)
    return ticket


def write_plan(plan: Plan, path: str | Path) -> None:
    """Write a plan; a kill at any moment leaves the old file or the new one.

    Raises
    ------
    AdapterError
        If it cannot be written.
    """
    save_json(Path(path), plan_bytes(plan))


def plan_bytes(plan: Plan) -> bytes:
    """Return a plan as JSON in UTF-8."""
    return dump_json(to_json(plan), indent=1)


def plan_digest(data: dict[str, Any]) -> str:  # Any: JSON
    """Return a digest of what a plan in JSON says; how the search went is no part of that."""
    said = {key: value for key, value in data.items() if key != "provenance"}
    return hashlib.sha256(dump_json(said, indent=None)).hexdigest()


def to_json(model: Model) -> dict[str, Any]:  # Any: JSON
    """Return a model in the values of JSON.

    Raises
    ------
    AdapterError
        If `attributes` or a detail hold what JSON cannot.
    """
    try:
        _refuse_infinite(model.model_dump(include=_ECHOED))
        return model.model_dump(mode="json")
    except (ValueError, TypeError, RecursionError) as error:  # pydantic's own is a ValueError
        raise AdapterError(f"A value has no JSON form ({error}). Look into attributes.") from error


_EACH: Final = {"__all__": {"attributes", "detail"}}
_ECHOED: Final[Any] = {  # Any: pydantic's type of it is not public
    "tickets": _EACH,
    "engineers": _EACH,
    "unserved": _EACH,
    "previous_plan": {"unserved": _EACH},
}
"""Where anything may stand, numbers that JSON lacks among it: pydantic would write null then."""


def _refuse_infinite(echoed: Any) -> None:  # Any: as it came
    json.dumps(echoed, allow_nan=False, default=str, skipkeys=True)


_M = TypeVar("_M", bound=Model)


def validated(
    model: type[_M],
    data: Any,
    kind: str,
    file: str,
    issues: list[Issue],  # Any: JSON
) -> _M | None:
    """Validate data; None if faulty. Faults are added to `issues`, which must be empty to pass."""
    try:
        found = model.model_validate(data)
    except ValidationError as error:
        issues.extend(
            Issue(kind, "", issue.field, issue.value, issue.message, file)
            for issue in issues_of(error, kind, "")
        )
        return None
    return None if issues else found


def _load(path: Path) -> tuple[Any, list[Issue]]:  # Any: JSON
    data, repeated = load_json(path)
    return data, list(repeated_keys(repeated, "problem", path.name))


def _travel_json(travel: Travel, path: Path) -> dict[str, Any]:
    if isinstance(travel, Profiles):
        tables = {name: _travel_json(table, path) for name, table in travel.profiles.items()}
        return {**to_json(travel.model_copy(update={"profiles": {}})), "profiles": tables}
    if not isinstance(travel, Matrix) or len(travel.places) <= LARGE_TABLE:
        return to_json(travel)
    data = npy_bytes(travel.seconds)
    stem = path.name.removesuffix(".gz").removesuffix(".json")
    name = f"{stem}.travel-{hashlib.sha256(data).hexdigest()[:16]}.npy"
    write_file(path.with_name(name), data)
    return {"kind": "matrix", "places": list(travel.places), "seconds": {"file": name}}


_SMALL_TRAVEL: Final = StraightLine(kind="straight_line")
