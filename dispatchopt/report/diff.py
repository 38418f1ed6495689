"""What changed from one plan to the next: who gained, lost and moved which tickets, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dispatchopt.models import Plan, Problem, Window

Kind = Literal["gained", "lost", "moved", "retimed"]

ChangeReason = Literal[
    "NEW_TICKET", "WAS_LEFT_OUT", "WAS_REJECTED", "WAS_NOT_PLANNABLE",
    "DONE", "CANCELLED", "PARKED", "LEFT_OUT", "REJECTED", "NOT_MENTIONED",
    "NO_LONGER_LISTED", "ENGINEER_AWAY", "RE_OPTIMISED",
]  # fmt: skip
"""Why a ticket came, went or moved.

``NOT_MENTIONED``: the newer plan, somebody else's, says nothing of a ticket that its problem asks
to visit. ``NO_LONGER_LISTED``: the newer plan does not know the ticket, as when an export lists
open tickets only. ``ENGINEER_AWAY``: who had it works no shift any more. ``RE_OPTIMISED``: none of
the others.
"""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a plan puts a ticket; a plan with orders only states no times."""

    shift_id: str
    engineer_id: str
    start: datetime | None
    promised: Window | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one ticket.

    Attributes
    ----------
    kind
        ``gained``: visited by the newer plan only; ``lost``: by the older only; ``moved``: to
        another engineer; ``retimed``: to another shift or start of the same engineer.
    unserved
        Why it is left out (``LEFT_OUT``) or was (``WAS_LEFT_OUT``), as a reason of the plan.
    """

    ticket_id: str
    kind: Kind
    reason: ChangeReason
    before: Placement | None
    after: Placement | None
    unserved: str = ""


@dataclass(frozen=True, slots=True)
class WindowChange:
    """A window promised to a customer that the newer plan does not promise alike.

    `after` is None if the ticket is not visited, or without a promise.
    """

    ticket_id: str
    before: Window
    after: Window | None


@dataclass(frozen=True)
class PlanDiff:
    """Two plans compared, the older with the newer.

    Attributes
    ----------
    changes
        One for each ticket that at least one of the plans visits and that did not stay, gained
        first, then lost, moved, retimed; in the order of the plan that visits it.
    kept
        Number of visits that stayed with engineer, shift and start.
    windows
        Promised windows that changed.
    left_out_again, newly_left_out
        Tickets left out by both plans, and by the newer one that the older did not know.
    cost_before, cost_after
        Cost by rule, empty where a plan states none. Of one input they say which plan is better;
        of two they only tell what changed.
    same_input
        Whether both plans say that they are of the same input.
    """

    before_id: str
    after_id: str
    changes: tuple[Change, ...]
    kept: int
    windows: tuple[WindowChange, ...]
    left_out_again: tuple[str, ...]
    newly_left_out: tuple[str, ...]
    cost_before: Mapping[str, int] = field(default_factory=dict)
    cost_after: Mapping[str, int] = field(default_factory=dict)
    same_input: bool = False

    def of_kind(self, kind: Kind) -> tuple[Change, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if change.kind == kind)

    def by_engineer(self) -> dict[str, list[tuple[Literal["+", "-", "~"], Change]]]:
        """Return what each engineer gets (``+``), gives (``-``) and keeps at another time (``~``).

        A ticket that moves stands under both engineers.
        """
        found: dict[str, list[tuple[Literal["+", "-", "~"], Change]]] = {}
        for change in self.changes:
            if change.kind == "retimed" and change.after is not None:
                found.setdefault(change.after.engineer_id, []).append(("~", change))
                continue
            if change.after is not None:
                found.setdefault(change.after.engineer_id, []).append(("+", change))
            if change.before is not None:
                found.setdefault(change.before.engineer_id, []).append(("-", change))
        return {engineer: sorted(found[engineer], key=_plus_first) for engineer in sorted(found)}

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON has it."""
        return {
            "before": self.before_id,
            "after": self.after_id,
            "same_input": self.same_input,
            "counts": {
                "kept": self.kept,
                **{kind: len(self.of_kind(kind)) for kind in _KINDS},
                "left_out_again": len(self.left_out_again),
                "newly_left_out": len(self.newly_left_out),
                "windows_changed": len(self.windows),
            },
            "changes": [_change_json(change) for change in self.changes],
            "windows": [
                {
                    "ticket_id": item.ticket_id,
                    "before": _window_json(item.before),
                    "after": _window_json(item.after),
                }
                for item in self.windows
            ],
            "left_out_again": list(self.left_out_again),
            "newly_left_out": list(self.newly_left_out),
            "cost": {"before": _cost_json(self.cost_before), "after": _cost_json(self.cost_after)},
        }


_KINDS: tuple[Kind, ...] = ("gained", "lost", "moved", "retimed")


def diff_plans(before: Plan, after: Plan, *, problem: Problem | None = None) -> PlanDiff:
    """Compare two plans, ours or anybody's.

    Parameters
    ----------
    before, after
        The older plan and the newer one.
    problem
        What `after` plans: it tells who owns a shift, who is at work, and which tickets `after`
        does not mention. Without it nobody counts as away.
    """
    old, new = _Look(before, problem), _Look(after, problem)
    at_work: set[str] | None = None
    if problem is not None:
        new.complete(problem)
        at_work = {engineer.id for engineer in problem.engineers if engineer.shifts}
    changes: list[Change] = []
    kept = 0
    for ticket_id in dict.fromkeys([*new.placed, *old.placed]):
        change = _change(ticket_id, old, new, at_work)
        if change is None:
            kept += 1
        else:
            changes.append(change)
    changes.sort(key=lambda change: _KINDS.index(change.kind))
    return PlanDiff(
        before_id=before.plan_id,
        after_id=after.plan_id,
        changes=tuple(changes),
        kept=kept,
        windows=tuple(_windows(old, new)),
        left_out_again=tuple(ticket for ticket in new.left_out if ticket in old.left_out),
        newly_left_out=tuple(ticket for ticket in new.left_out if ticket not in old.known),
        cost_before={} if before.cost is None else before.cost.by_rule,
        cost_after={} if after.cost is None else after.cost.by_rule,
        same_input=_input_hash(before) is not None and _input_hash(before) == _input_hash(after),
    )


class _Look:
    """What a plan says of each ticket."""

    def __init__(self, plan: Plan, problem: Problem | None) -> None:
        owners: dict[str, str] = {}
        if problem is not None:
            owners = {shift.id: e.id for e in problem.engineers for shift in e.shifts}
        self.placed = {
            visit.ticket_id: Placement(
                route.shift_id,
                route.engineer_id or owners.get(route.shift_id) or route.shift_id,
                visit.start,
                visit.promised,
            )
            for route in plan.routes
            for visit in route.visits
        }
        self.left_out = {item.ticket_id: item.reason for item in plan.unserved}
        self.status: dict[str, str] = {item.ticket_id: item.status for item in plan.not_plannable}
        self.rejected = {item.ticket_id for item in plan.rejected}
        self.known = {*self.placed, *self.left_out, *self.status, *self.rejected}

    def complete(self, problem: Problem) -> None:
        """Add the tickets that the plan does not mention."""
        for ticket in problem.tickets:
            if ticket.id in self.known:
                continue
            if ticket.is_plannable:
                self.left_out[ticket.id] = ""
            else:
                self.status[ticket.id] = ticket.status
            self.known.add(ticket.id)


def _change(ticket_id: str, old: _Look, new: _Look, at_work: set[str] | None) -> Change | None:
    before, after = old.placed.get(ticket_id), new.placed.get(ticket_id)
    if before is None and after is not None:
        reason, unserved = _why_gained(ticket_id, old)
        return Change(ticket_id, "gained", reason, None, after, unserved)
    if before is not None and after is None:
        reason, unserved = _why_lost(ticket_id, new)
        return Change(ticket_id, "lost", reason, before, None, unserved)
    assert before is not None
    assert after is not None
    if before.engineer_id != after.engineer_id:
        is_away = at_work is not None and before.engineer_id not in at_work
        why: ChangeReason = "ENGINEER_AWAY" if is_away else "RE_OPTIMISED"
        return Change(ticket_id, "moved", why, before, after)
    is_timed = before.start is not None and after.start is not None
    if before.shift_id != after.shift_id or (is_timed and before.start != after.start):
        return Change(ticket_id, "retimed", "RE_OPTIMISED", before, after)
    return None


def _why_gained(ticket_id: str, old: _Look) -> tuple[ChangeReason, str]:
    if ticket_id in old.left_out:
        return "WAS_LEFT_OUT", old.left_out[ticket_id]
    if ticket_id in old.status:
        return "WAS_NOT_PLANNABLE", ""
    return ("WAS_REJECTED" if ticket_id in old.rejected else "NEW_TICKET"), ""


_OF_STATUS: Mapping[str, ChangeReason] = {
    "done": "DONE",
    "cancelled": "CANCELLED",
    "parked": "PARKED",
}


def _why_lost(ticket_id: str, new: _Look) -> tuple[ChangeReason, str]:
    if ticket_id in new.left_out:
        reason = new.left_out[ticket_id]
        return ("LEFT_OUT" if reason else "NOT_MENTIONED"), reason
    if ticket_id in new.status:
        return _OF_STATUS[new.status[ticket_id]], ""
    return ("REJECTED" if ticket_id in new.rejected else "NO_LONGER_LISTED"), ""


def _windows(old: _Look, new: _Look) -> Iterator[WindowChange]:
    """Yield promises that changed; of a ticket that asks for no visit any more they ended."""
    for ticket_id, before in old.placed.items():
        if before.promised is None:
            continue
        if ticket_id in new.status or ticket_id not in new.known:
            continue
        placement = new.placed.get(ticket_id)
        after = None if placement is None else placement.promised
        if after != before.promised:
            yield WindowChange(ticket_id, before.promised, after)


def _input_hash(plan: Plan) -> str | None:
    return None if plan.provenance is None else plan.provenance.input_hash


def _plus_first(item: tuple[str, Change]) -> tuple[int, int]:
    return "+-~".index(item[0]), _KINDS.index(item[1].kind)


def _change_json(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {
        "ticket_id": change.ticket_id,
        "kind": change.kind,
        "reason": change.reason,
        "before": _placement_json(change.before),
        "after": _placement_json(change.after),
    }
    return data | ({"unserved_reason": change.unserved} if change.unserved else {})


def _placement_json(placement: Placement | None) -> dict[str, Any] | None:
    if placement is None:
        return None
    return {
        "engineer_id": placement.engineer_id,
        "shift_id": placement.shift_id,
        "start": None if placement.start is None else placement.start.isoformat(),
    }


def _window_json(window: Window | None) -> dict[str, str] | None:
    if window is None:
        return None
    return {"open": window.open.isoformat(), "close": window.close.isoformat()}


def _cost_json(by_rule: Mapping[str, int]) -> dict[str, Any] | None:
    return {"total": sum(by_rule.values()), "by_rule": dict(by_rule)} if by_rule else None
