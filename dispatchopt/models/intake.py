"""The one door for raw data: validates item by item and lists every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.base import Model
from dispatchopt.models.catalogue import FaultType
from dispatchopt.models.cross_check import cross_check
from dispatchopt.models.engineer import Engineer
from dispatchopt.models.plan import Rejected
from dispatchopt.models.problem import PARTS_UNCHECKED, Problem
from dispatchopt.models.ticket import Ticket

PRIVATE_FIELDS = frozenset({"name", "attributes"})
"""Fields whose values never stand in a message: they may hold names, phones, addresses."""

Origin = Callable[[str, int], tuple[str, int]]
"""Where an item stands: ``origin("tickets", index) -> (file, line)``; line 0 where unknown."""


@dataclass(frozen=True)
class Intake:
    """A problem made from raw data, and what was refused on the way.

    Attributes
    ----------
    rejected
        One entry for each ticket of the input that is not in the problem, in input order.
    issues
        Every fault found, those of engineers left out among them.
    """

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
        reported, and so is what only they made faulty; faults elsewhere still raise.
    origin
        Where an item stands, for the messages.
    issues
        Faults that the reader found already; they are listed first, and raise unless rejecting.
        The item may stand in `data` under the same id (it is refused) or not at all.

    Raises
    ------
    InvalidProblemError
        With every fault found.
    """
    if not isinstance(data, Mapping):
        raise InvalidProblemError(
            [Issue("problem", "", "", "", "must be an object with the fields of a problem")]
        )
    door = _Door(origin, issues)
    engineers = door.items("engineers", "engineer", Engineer, data)
    tickets = door.items("tickets", "ticket", Ticket, data)
    fault_types = door.items("fault_types", "fault_type", FaultType, data)
    head = door.head(data)
    fatal = head is None or any(issue.kind not in _REJECTABLE for issue in door.issues)
    if fatal or (door.issues and on_bad_row == "error"):
        found = cross_check(_unchecked(head, tickets, engineers, fault_types)) if head else []
        raise InvalidProblemError([*door.issues, *door.place(door.without_echoes(found))])
    assert head is not None
    problem = door.settle(head, tickets, engineers, fault_types, on_bad_row)
    return Intake(problem, door.rejected(), tuple(door.issues))


_REJECTABLE = frozenset({"ticket", "engineer", "shift"})

_M = TypeVar("_M", bound=Model)

_Key = tuple[str, str]
"""Kind and id of an item."""

_Where = tuple[str, int]
"""File and line."""


class _Door:
    """Collects faults while items are validated; remembers where each item stood."""

    def __init__(self, origin: Origin, issues: tuple[Issue, ...]) -> None:
        self.origin = origin
        self.issues = list(issues)
        self.num_read = len(issues)
        self.rows: dict[_Key, list[_Where]] = {}
        self.tickets: list[tuple[str, _Where]] = []

    def items(self, plural: str, kind: str, model: type[_M], data: Mapping[str, Any]) -> list[_M]:
        """Validate the items of one list; faulty ones are left out and noted."""
        if plural not in data:
            if plural != "fault_types":
                self.issues.append(Issue("problem", "", plural, "", "is required"))
            return []
        raw = data[plural]
        if not isinstance(raw, list | tuple):
            self.issues.append(Issue("problem", "", plural, "", "must be a list"))
            return []
        kept: list[_M] = []
        for index, item in enumerate(raw):
            item_id = _item_id(item, kind, index)
            where = self.origin(plural, index)
            self.rows.setdefault((kind, item_id), []).append(where)
            if kind == "ticket":
                self.tickets.append((item_id, where))
            try:
                kept.append(model.model_validate(item))
            except ValidationError as error:
                file, line = where
                found = issues_of(error, kind, item_id)
                self.issues.extend(replace(issue, file=file, line=line) for issue in found)
                continue
            for shift in getattr(kept[-1], "shifts", ()):
                self.rows.setdefault(("shift", shift.id), []).append(where)
        return kept

    def head(self, data: Mapping[str, Any]) -> Problem | None:
        """Validate everything but the lists; None if that fails."""
        rest = {k: v for k, v in data.items() if k not in ("tickets", "engineers", "fault_types")}
        try:
            return Problem.model_validate(
                {**rest, "tickets": (), "engineers": ()}, context=PARTS_UNCHECKED
            )
        except ValidationError as error:
            file, _ = self.origin("problem", 0)
            self.issues.extend(replace(i, file=file) for i in issues_of(error, "problem", ""))
            return None

    def place(self, issues: list[Issue]) -> list[Issue]:
        """Add file and line to the faults that `cross_check` found; one issue for each double."""
        placed: list[Issue] = []
        for issue in issues:
            rows = self.rows.get((issue.kind, issue.id)) or [("", 0)]
            doubles = dict.fromkeys(rows) if issue.field == "id" else rows[:1]
            placed.extend(replace(issue, file=file, line=line) for file, line in doubles)
        return placed

    def without_echoes(self, found: list[Issue]) -> list[Issue]:
        """Drop what is faulty only because the item it names is faulty and was left out."""
        bad = {(issue.kind, issue.id) for issue in self.issues}
        named = {"assigned_engineer": "engineer", "after": "ticket", "fault_type": "fault_type"}
        return [issue for issue in found if (named.get(issue.field), issue.value) not in bad]

    def settle(
        self,
        head: Problem,
        tickets: list[Ticket],
        engineers: list[Engineer],
        fault_types: list[FaultType],
        on_bad_row: str,
    ) -> Problem:
        """Leave out what contradicts the rest until nothing does, or raise."""
        bad = {(issue.kind, issue.id) for issue in self.issues}
        self.issues.extend(self._doubles_of(bad, tickets, engineers))
        while True:
            tickets = [t for t in tickets if ("ticket", t.id) not in bad]
            engineers = [e for e in engineers if not bad.intersection(_keys(e))]
            problem = _unchecked(head, tickets, engineers, fault_types)
            found = self.place(cross_check(problem))
            if not found:
                return problem
            self.issues.extend(found)
            bad = {(issue.kind, issue.id) for issue in found}
            if on_bad_row == "error" or any(kind not in _REJECTABLE for kind, _ in bad):
                raise InvalidProblemError(self.issues)

    def _doubles_of(
        self, bad: set[_Key], tickets: list[Ticket], engineers: list[Engineer]
    ) -> list[Issue]:
        """Faults of sound items that share their id with a faulty one."""
        sound = [("ticket", t.id) for t in tickets] + [("engineer", e.id) for e in engineers]
        doubles = [key for key in dict.fromkeys(sound) if key in bad and len(self.rows[key]) > 1]
        return self.place(
            [
                Issue(*key, "id", "", f"stands {len(self.rows[key])} times; ids must be unique")
                for key in doubles
            ]
        )

    def rejected(self) -> tuple[Rejected, ...]:
        """One entry for each row of a ticket at fault, those that only the reader saw last."""
        by_id: dict[str, list[Issue]] = {}
        for issue in self.issues:
            if issue.kind == "ticket":
                by_id.setdefault(issue.id, []).append(issue)
        rows = [(ticket_id, where) for ticket_id, where in self.tickets if ticket_id in by_id]
        known = {ticket_id for ticket_id, _ in self.tickets}
        read = [i for i in self.issues[: self.num_read] if i.kind == "ticket" and i.id not in known]
        rows.extend(dict.fromkeys((issue.id, (issue.file, issue.line)) for issue in read))
        entries: list[Rejected] = []
        for ticket_id, where in rows:
            issues = by_id[ticket_id]
            own = [issue for issue in issues if (issue.file, issue.line) == where] or issues
            texts = tuple(str(issue) for issue in own)
            entries.append(Rejected(ticket_id=ticket_id, issues=texts))
        return tuple(entries)


def _keys(engineer: Engineer) -> Iterator[_Key]:
    yield "engineer", engineer.id
    for shift in engineer.shifts:
        yield "shift", shift.id


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
    name = "code" if kind == "fault_type" else "id"
    found = item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)
    return _writable(found) if isinstance(found, str) and found.strip() else f"#{index + 1}"


def _writable(text: str) -> str:
    """Write out what no message can hold and no id may: line ends and lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_NO_INSTANT = "is no date and time; write 2026-11-23T08:30:00+08:00"

_PLAIN = {
    "datetime_parsing": _NO_INSTANT,
    "datetime_from_date_parsing": _NO_INSTANT,
    "missing": "is required",
    "extra_forbidden": "unknown field; correct its name, or put it under attributes",
    "model_type": "must be an object with named fields",
    "invalid_key": "names of fields must be text",
    "union_tag_not_found": "kind is required: straight_line, matrix or profiles",
    "union_tag_invalid": "unknown kind; there are straight_line, matrix and profiles",
}


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
        )
        message = _PLAIN.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        issues.append(Issue(kind, item_id, _path(loc), "" if private else _short(given), message))
    return issues


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
            path += f".{_writable(part)}" if path else _writable(part)
    return path
