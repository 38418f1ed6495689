"""What a plan tells the ticketing system, ticket by ticket."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from dispatchopt.models import Plan, Problem

Action = Literal["assign", "change", "unassign"]
"""``assign``: nobody was to come, now somebody is. ``change``: another engineer or time.
``unassign``: nobody comes for now. Each document holds the whole state, so a receiver may treat
``assign`` and ``change`` alike, and the last message about a ticket is always enough."""

State = Mapping[str, Any]  # Any: JSON
"""Who comes and when, as JSON; empty if nobody does."""

NOBODY: Final[State] = {}

_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one ticket.

    Attributes
    ----------
    key
        Idempotency key, made of plan, ticket and action: ASCII, at most 200 characters, fit for
        a header and a file name. A receiver that has seen it has the message already.
    document
        JSON: ``ticket_id``, ``action``, ``plan_id``, ``base_version`` if the plan has one;
        ``engineer_id``, ``shift_id``, ``start``, ``end`` and ``promised`` as far as the plan says;
        ``reason`` if nobody comes. Or what the hook of `Outbox.enqueue` made of it.
    """

    key: str
    plan_id: str
    ticket_id: str
    action: Action
    document: Mapping[str, Any]  # Any: JSON


DocumentHook = Callable[[Message], "Mapping[str, Any] | None"]  # Any: JSON
"""Makes the document of a message in the receiver's own terms; None: there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Told:
    """The newest message about a ticket that an outbox holds.

    Attributes
    ----------
    state
        What it says.
    action, status
        Of that message.
    """

    state: State
    action: Action
    status: str

    @property
    def is_settled(self) -> bool:
        """Whether it is known what the receiver holds."""
        # A refused assignment left the ticket with nobody; any other refusal left it as it was
        # before, which is not remembered.
        return not self._was_refused or self.action == "assign"

    @property
    def known(self) -> State:
        """What the receiver holds, or will once all pending messages are delivered."""
        return NOBODY if self._was_refused else self.state

    @property
    def _was_refused(self) -> bool:
        return self.status in ("refused", "dropped")


def message_key(plan_id: str, ticket_id: str, action: Action) -> str:
    """Return the idempotency key of a message."""
    # "+" is escaped within the parts, so that no two of them run together.
    key = "+".join(quote(part, safe="") for part in (plan_id, ticket_id, action))
    if key.startswith("."):
        key = f"%2E{key[1:]}"
    if len(key) > _LONGEST_KEY:
        key = f"{key[: _LONGEST_KEY - 65]}+{hashlib.sha256(key.encode()).hexdigest()}"
    return key


def messages_of(
    plan: Plan, known: Mapping[str, Told], previous_plan: Plan | None, problem: Problem | None
) -> Iterator[tuple[Message, State]]:
    """Yield each message that a plan makes necessary, with the state that it tells.

    A ticket is told unless both what the outbox told last and the previous plan, as far as they
    know the ticket, say what the plan says. Tickets that left the input, or are done or
    cancelled, are not told: they are the ticketing system's own news.

    Parameters
    ----------
    known
        The newest message by ticket.
    previous_plan
        The plan in force.
    problem
        Names the engineer of a shift where the plan does not.
    """
    owners: dict[str, str] = {}
    if problem is not None:
        owners = {shift.id: e.id for e in problem.engineers for shift in e.shifts}
    before: dict[str, State] = {}
    if previous_plan is not None:
        before = dict.fromkeys((ticket_id for ticket_id, _ in _left_out(previous_plan)), NOBODY)
        before.update(visit_states(previous_plan, owners))
    after = visit_states(plan, owners)
    reasons = {ticket: reason for ticket, reason in _left_out(plan) if ticket not in after}
    for ticket_id in (*after, *reasons):
        state = after.get(ticket_id, NOBODY)
        told = known.get(ticket_id)
        beliefs = [before[ticket_id]] if ticket_id in before else []
        if told is not None:
            beliefs.append(told.known)
        is_certain = told is None or told.is_settled
        if is_certain and all(belief == state for belief in beliefs or (NOBODY,)):
            continue
        was_nobody = is_certain and all(belief == NOBODY for belief in beliefs)
        action: Action = "unassign" if not state else "assign" if was_nobody else "change"
        yield _message(plan, ticket_id, action, state, reasons.get(ticket_id)), state


def _message(
    plan: Plan, ticket_id: str, action: Action, state: State, reason: str | None
) -> Message:
    document = {"ticket_id": ticket_id, "action": action, "plan_id": plan.plan_id}
    if plan.base_version is not None:
        document["base_version"] = plan.base_version
    document |= state
    if reason is not None:
        document["reason"] = reason
    return Message(
        key=message_key(plan.plan_id, ticket_id, action),
        plan_id=plan.plan_id,
        ticket_id=ticket_id,
        action=action,
        document=document,
    )


def visit_states(plan: Plan, owners: Mapping[str, str]) -> dict[str, State]:
    """Return who comes and when, by ticket, in the order of routes and visits."""
    states: dict[str, State] = {}
    for route in plan.routes:
        for visit in route.visits:
            promised = visit.promised
            state = {
                "engineer_id": route.engineer_id or owners.get(route.shift_id),
                "shift_id": route.shift_id,
                "start": _instant(visit.start),
                "end": _instant(visit.end),
                "promised": None
                if promised is None
                else {"open": _instant(promised.open), "close": _instant(promised.close)},
            }
            states.setdefault(
                visit.ticket_id, {key: value for key, value in state.items() if value is not None}
            )
    return states


def _left_out(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each ticket that the input still wants visited, and why the plan does not."""
    for unserved in plan.unserved:
        yield unserved.ticket_id, unserved.reason
    for rejected in plan.rejected:
        yield rejected.ticket_id, "REJECTED"
    for idle in plan.not_plannable:
        if idle.status == "parked":
            yield idle.ticket_id, "PARKED"


def _instant(value: datetime | None) -> str | None:
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
