"""The one door for raw data: validates item by item and lists every fault at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.base import Model
from dispatchopt.models.catalogue import FaultType
from dispatchopt.models.cross_check import cross_check
from dispatchopt.models.doubts import doubts
from dispatchopt.models.engineer import Engineer
from dispatchopt.models.field_faults import issues_of, writable
from dispatchopt.models.plan import Rejected
from dispatchopt.models.problem import PARTS_UNCHECKED, Problem
from dispatchopt.models.salvage import Replaced, salvaged
from dispatchopt.models.ticket import Ticket

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
    warnings
        What is allowed and yet looks like a slip (`models.doubts`): a skill that nobody asks for,
        a plan in force that names what the problem lacks, pairs missing in a travel table.
    """

    problem: Problem
    rejected: tuple[Rejected, ...]
    issues: tuple[Issue, ...]
    warnings: tuple[Issue, ...] = field(default=(), compare=False)  # they follow from the problem


def build_problem(
    data: Mapping[str, Any],  # Any: raw data
    *,
    on_bad_row: Literal["error", "reject"] = "error",
    origin: Origin = lambda _kind, _index: ("", 0),
    issues: tuple[Issue, ...] = (),
    warnings: tuple[Issue, ...] = (),
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
    warnings
        What the reader found that looks like a slip; told before the door's own warnings.

    Raises
    ------
    InvalidProblemError
        With every fault found, and with the warnings told so far.
    ValueError
        If `on_bad_row` is neither of the two.
    """
    if on_bad_row not in ("error", "reject"):
        raise ValueError(f"on_bad_row is {on_bad_row!r}; give 'error' or 'reject'")
    if not isinstance(data, Mapping):
        raise InvalidProblemError(
            [Issue("problem", "", "", "", "must be an object with the fields of a problem")]
        )
    door = _Door(origin, issues)
    engineers = door.items("engineers", "engineer", Engineer, data)
    tickets = door.items("tickets", "ticket", Ticket, data)
    fault_types = door.items("fault_types", "fault_type", FaultType, data)
    head = door.head(data)
    if door.issues:
        found = door.second_look(head)
        is_fatal = any(issue.kind not in _REJECTABLE for issue in door.issues)
        if is_fatal or on_bad_row == "error":
            raise InvalidProblemError([*door.issues, *found], warnings)
        door.issues.extend(door.of_faulty_items(found))
    assert head is not None
    try:
        problem = door.settle(head, tickets, engineers, fault_types, on_bad_row)
    except InvalidProblemError as error:
        # Every item could be read, so what they lack is no echo of a fault.
        whole = _unchecked(head, tickets, engineers, fault_types)
        beside = (*warnings, *door.place(doubts(whole))) if not door.replaced else warnings
        raise InvalidProblemError(error.issues, beside) from None
    told = (*warnings, *door.place(doubts(problem)))
    return Intake(problem, door.rejected(), tuple(door.issues), told)


_REJECTABLE = frozenset({"ticket", "engineer", "shift"})

_M = TypeVar("_M", bound=Model)

_Key = tuple[str, str]
"""Kind and id of an item."""

_Where = tuple[str, int]
"""File and line."""


class _Door:
    """Collects faults while items are validated; remembers where each item stood.

    `seen` holds the items by kind in input order, faulty ones with what is sound in them;
    `replaced` tells which of their fields do not hold what the input says.
    """

    def __init__(self, origin: Origin, issues: tuple[Issue, ...]) -> None:
        self.origin = origin
        self.issues = list(issues)
        self.num_read = len(issues)
        self.rows: dict[_Key, list[_Where]] = {}
        self.tickets: list[tuple[str, _Where]] = []
        self.seen: dict[str, list[Any]] = {  # Any: by kind
            "engineer": [], "ticket": [], "fault_type": [],
        }  # fmt: skip
        self.replaced: Replaced = {}

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
                found = model.model_validate(item)
                kept.append(found)
            except ValidationError as error:
                part = self._note(error, model, kind, item, item_id, where)
                if part is None:
                    continue
                found = part
            self.seen[kind].append(found)
            for shift in getattr(found, "shifts", ()):
                self.rows.setdefault(("shift", shift.id), []).append(where)
        return kept

    def _note(
        self,
        error: ValidationError,
        model: type[_M],
        kind: str,
        item: Any,
        item_id: str,
        where: _Where,
    ) -> _M | None:
        """Note the faults of an item; return it with what is sound in it, None if nothing is."""
        file, line = where
        found = issues_of(error, kind, item_id)
        self.issues.extend(replace(issue, file=file, line=line) for issue in found)
        part = salvaged(model, kind, item, item_id, error)
        if part is None:
            return None
        for key, fields in part[1].items():
            self.replaced.setdefault(key, set()).update(fields)
        return part[0]

    def head(self, data: Mapping[str, Any]) -> Problem | None:
        """Validate everything but the lists; of a faulty head what is sound, None if nothing is."""
        rest = {k: v for k, v in data.items() if k not in ("tickets", "engineers", "fault_types")}
        raw = {**rest, "tickets": (), "engineers": ()}
        try:
            return Problem.model_validate(raw, context=PARTS_UNCHECKED)
        except ValidationError as error:
            file, _ = self.origin("problem", 0)
            return self._note(error, Problem, "problem", raw, "", (file, 0))

    def second_look(self, head: Problem | None) -> list[Issue]:
        """Return the contradictions between all items, the sound fields of faulty ones included."""
        if head is None:
            return []
        everything = _unchecked(
            head, self.seen["ticket"], self.seen["engineer"], self.seen["fault_type"]
        )
        there = {
            (kind, item.code if kind == "fault_type" else item.id)
            for kind, items in self.seen.items()
            for item in items
        }
        lost = {(issue.kind, issue.id) for issue in self.issues} - there
        return self.place([i for i in cross_check(everything) if not self._is_echo(i, lost)])

    def of_faulty_items(self, found: list[Issue]) -> list[Issue]:
        """Return what was found of items that have a fault already, their shifts included."""
        bad = {(issue.kind, issue.id) for issue in self.issues}
        for engineer in self.seen["engineer"]:
            keys = set(_keys(engineer))
            bad |= keys if bad & keys else set()
        return [issue for issue in found if (issue.kind, issue.id) in bad]

    def place(self, issues: list[Issue]) -> list[Issue]:
        """Add file and line to the faults that `cross_check` found; one issue for each double."""
        placed: list[Issue] = []
        for issue in issues:
            unknown = self.origin("problem", 0) if issue.kind == "plan" else ("", 0)
            rows = self.rows.get((issue.kind, issue.id)) or [unknown]
            doubles = dict.fromkeys(rows) if issue.field == "id" else rows[:1]
            placed.extend(replace(issue, file=file, line=line) for file, line in doubles)
        return placed

    def _is_echo(self, issue: Issue, lost: set[_Key]) -> bool:
        """Whether it only repeats a fault noted already, of this item or of a lost one it names."""
        named = {"assigned_engineer": "engineer", "after": "ticket", "fault_type": "fault_type"}
        top = re.split(r"[.\[]", issue.field, maxsplit=1)[0]
        is_of_travel = top in ("place", "start_place", "end_place", "travel_profile")
        return (
            (named.get(issue.field, ""), issue.value) in lost
            or top in self.replaced.get((issue.kind, issue.id), ())
            or (is_of_travel and "travel" in self.replaced.get(("problem", ""), ()))
        )

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
    return writable(found) if isinstance(found, str) and found.strip() else f"#{index + 1}"
