"""The one door for raw data: validates item by item and lists every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.base import Model
from dispatchopt.models.catalogue import FaultType
from dispatchopt.models.cross_check import cross_check
from dispatchopt.models.engineer import Engineer
from dispatchopt.models.plan import Rejected
from dispatchopt.models.problem import Problem
from dispatchopt.models.ticket import Ticket

PRIVATE_FIELDS = frozenset({"name", "attributes"})
"""Fields whose values never stand in a message: they may hold names, phones, addresses."""

Origin = Callable[[str, int], tuple[str, int]]
"""Where an item stands: ``origin("tickets", index) -> (file, line)``; line 0 where unknown."""


@dataclass(frozen=True)
class Intake:
    """A problem made from raw data, and the tickets that were refused on the way."""

    problem: Problem
    rejected: tuple[Rejected, ...]
    issues: tuple[Issue, ...]


def build_problem(
    data: Mapping[str, Any],  # Any: raw data
    *,
    on_bad_row: Literal["error", "reject"] = "error",
    origin: Origin = lambda _kind, _index: ("", 0),
    issues: tuple[Issue, ...] = (),
) -> Intake:
    """Make a `Problem` from raw data, validating every item.

    Parameters
    ----------
    data
        The fields of `Problem`; tickets, engineers and fault types as lists of raw items.
    on_bad_row
        ``error``: any fault raises. ``reject``: faulty tickets and engineers are left out and
        reported; faults elsewhere still raise.
    origin
        Where an item stands, for the messages.
    issues
        Faults that the reader found already; they are listed first, and raise unless rejecting.

    Raises
    ------
    InvalidProblemError
        With every fault found.
    """
    door = _Door(origin, list(issues))
    engineers = door.items("engineers", "engineer", Engineer, data)
    tickets = door.items("tickets", "ticket", Ticket, data)
    fault_types = door.items("fault_types", "fault_type", FaultType, data)
    head = door.head(data)
    fatal = [i for i in door.issues if i.kind not in ("ticket", "engineer", "shift")]
    if door.issues and (fatal or on_bad_row == "error"):
        found = cross_check(_unchecked(head, tickets, engineers, fault_types)) if head else []
        raise InvalidProblemError([*door.issues, *door.place(found)])
    assert head is not None
    return door.settle(head, tickets, engineers, fault_types, on_bad_row)


_M = TypeVar("_M", bound=Model)


class _Door:
    """Collects faults while items are validated; remembers where each item stood."""

    def __init__(self, origin: Origin, issues: list[Issue]) -> None:
        self.origin = origin
        self.issues = issues
        self.where: dict[tuple[str, str], tuple[str, int]] = {}
        self.bad_tickets: dict[str, list[Issue]] = {}
        for issue in issues:
            if issue.kind == "ticket":
                self.bad_tickets.setdefault(issue.id, []).append(issue)

    def items(self, plural: str, kind: str, model: type[_M], data: Mapping[str, Any]) -> list[_M]:
        """Validate the items of one list; faulty ones are left out and noted."""
        raw = data.get(plural, ())
        if not isinstance(raw, list | tuple):
            self.issues.append(Issue("problem", "", plural, _short(raw), "must be a list"))
            return []
        kept: list[_M] = []
        for index, item in enumerate(raw):
            file, line = self.origin(plural, index)
            item_id = _item_id(item, kind, index)
            self.where.setdefault((kind, item_id), (file, line))
            try:
                kept.append(model.model_validate(item))
            except ValidationError as error:
                found = [replace(i, file=file, line=line) for i in issues_of(error, kind, item_id)]
                self.issues.extend(found)
                if kind == "ticket":
                    self.bad_tickets.setdefault(item_id, []).extend(found)
        return kept

    def head(self, data: Mapping[str, Any]) -> Problem | None:
        """Validate everything but the lists; None if that fails."""
        rest = {k: v for k, v in data.items() if k not in ("tickets", "engineers", "fault_types")}
        try:
            return Problem.model_validate({**rest, "tickets": (), "engineers": ()})
        except ValidationError as error:
            file, _ = self.origin("problem", 0)
            self.issues.extend(replace(i, file=file) for i in issues_of(error, "problem", ""))
            return None

    def place(self, issues: list[Issue]) -> list[Issue]:
        """Add file and line to the faults that `cross_check` found."""
        placed = []
        for issue in issues:
            file, line = self.where.get((issue.kind, issue.id), ("", 0))
            placed.append(replace(issue, file=file, line=line))
        return placed

    def settle(
        self,
        head: Problem,
        tickets: list[Ticket],
        engineers: list[Engineer],
        fault_types: list[FaultType],
        on_bad_row: str,
    ) -> Intake:
        """Leave out what contradicts the rest until nothing does, or raise."""
        while True:
            problem = _unchecked(head, tickets, engineers, fault_types)
            found = self.place(cross_check(problem))
            if not found:
                break
            self.issues.extend(found)
            bad = {(issue.kind, issue.id) for issue in found}
            if on_bad_row == "error" or any(kind not in _REJECTABLE for kind, _ in bad):
                raise InvalidProblemError(self.issues)
            for issue in found:
                if issue.kind == "ticket":
                    self.bad_tickets.setdefault(issue.id, []).append(issue)
            tickets = [t for t in tickets if ("ticket", t.id) not in bad]
            engineers = [
                e
                for e in engineers
                if ("engineer", e.id) not in bad
                and not any(("shift", shift.id) in bad for shift in e.shifts)
            ]
        rejected = tuple(
            Rejected(ticket_id=ticket_id, issues=tuple(str(issue) for issue in found))
            for ticket_id, found in self.bad_tickets.items()
        )
        return Intake(problem, rejected, tuple(self.issues))


_REJECTABLE = frozenset({"ticket", "engineer", "shift"})


def _unchecked(
    head: Problem, tickets: list[Ticket], engineers: list[Engineer], fault_types: list[FaultType]
) -> Problem:
    """Return the problem with its lists, cross-checks left to the caller."""
    lists = {
        "tickets": tuple(tickets),
        "engineers": tuple(engineers),
        "fault_types": tuple(fault_types),
    }
    return head.model_copy(update=lists)


def _item_id(item: Any, kind: str, index: int) -> str:
    if isinstance(item, Mapping):
        found = item.get("code" if kind == "fault_type" else "id")
        if isinstance(found, str) and found.strip():
            return found
    else:
        found = getattr(item, "code" if kind == "fault_type" else "id", None)
        if isinstance(found, str):
            return found
    return f"#{index + 1}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def issues_of(error: ValidationError, kind: str, item_id: str) -> list[Issue]:
    """Turn a pydantic error into issues, one for each fault."""
    issues: list[Issue] = []
    for fault in error.errors(include_url=False):
        cause = fault.get("ctx", {}).get("error")
        if isinstance(cause, InvalidProblemError):
            issues.extend(cause.issues)
            continue
        field = _path(fault["loc"])
        top = str(fault["loc"][0]) if fault["loc"] else ""
        private = top in PRIVATE_FIELDS or fault["type"] == "missing"
        value = "" if private else _short(fault["input"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "missing":
            message = "is required"
        elif fault["type"] == "extra_forbidden":
            message = "unknown field; correct its name, or put it under attributes"
        issues.append(Issue(kind, item_id, field, value, message))
    return issues


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif (
            part not in ("Point", "constrained-str", "straight_line", "matrix", "profiles")
            or not path
        ):
            path += f".{part}" if path else str(part)
    return path
