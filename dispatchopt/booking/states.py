"""What a booking is, which states it has, and which step leads from which to which."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from dispatchopt.models.base import Id, Instant, Model, Window
from dispatchopt.models.offer import Forced

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal[
    "unbooked", "held", "confirmed", "expired", "released", "cancelled", "done", "missed",
    "parked", "revisit",
]  # fmt: skip
Kind = Literal[
    "hold", "confirm", "expire", "release", "reschedule", "cancel", "done", "missed", "park",
    "revisit", "report", "contact", "dispatch", "ticket", "plan", "place",
]  # fmt: skip
MissedBy = Literal["us", "customer", "no_access"]

PLACED: Final[frozenset[State]] = frozenset(("held", "confirmed", "done"))
"""States in which a booking has its place on a route; `done` keeps it, as time has used it up."""

_FREE: Final[frozenset[State]] = frozenset(
    ("unbooked", "held", "expired", "released", "cancelled", "missed", "parked", "revisit")
)
_ANY: Final[frozenset[State]] = _FREE | {"confirmed", "done"}

FROM: Final[Mapping[Kind, frozenset[State]]] = {
    "hold": _FREE,
    "confirm": frozenset(("held",)),
    "expire": frozenset(("held",)),
    "release": frozenset(("held",)),
    "reschedule": frozenset(("confirmed",)),
    "cancel": frozenset(("held", "confirmed", "missed", "parked", "revisit")),
    "done": frozenset(("confirmed", "missed")),
    "missed": frozenset(("confirmed",)),
    "park": frozenset(("held", "confirmed", "missed", "revisit")),
    "revisit": frozenset(("confirmed", "done", "missed", "parked")),
    "report": _ANY - {"done"},
    "contact": _ANY,
    "dispatch": _ANY,
    "ticket": _ANY,
    "place": _ANY,
}
"""From which states each step may be taken."""

TO: Final[Mapping[Kind, State]] = {
    "hold": "held",
    "confirm": "confirmed",
    "expire": "expired",
    "release": "released",
    "reschedule": "confirmed",
    "cancel": "cancelled",
    "done": "done",
    "missed": "missed",
    "park": "parked",
    "revisit": "revisit",
    "report": "confirmed",
}
"""Where each step leads; the others change no state by themselves."""


_CLOSED: Final[frozenset[State]] = frozenset(("cancelled", "done", "missed", "parked"))
"""States in which nobody comes, or somebody did."""


class BookingEvent(Model):
    """One thing that happened; events are never changed or removed.

    Attributes
    ----------
    seq
        Its number in the ledger: 1, 2, 3 … without gaps, in the order in which they took effect.
    request_id
        Of the call that made it; no other event has it.
    ticket_id
        None for ``plan``: another plan became the one that bookings are tested on.
    at
        When it happened, by the clock of the caller.
    by
        Id of who asked for it; never a name.
    revision
        Version of the booking after it.
    plan_id
        The plan on which the window was tested.
    window, shift_id, engineer_id, expires_at
        What was taken, by ``hold``, ``reschedule``, ``report`` and ``place`` (the visit goes to
        another route, its window stays); without a shift there is no place on any route.
    detail
        What else belongs to it: the ticket without its attributes, who consented, who missed a
        visit, tickets displaced, consequences of a window that was reported.
    """

    seq: Annotated[int, Field(strict=True, ge=1)]
    request_id: Id
    ticket_id: Id | None = None
    kind: Kind
    at: Instant
    by: Id
    revision: Annotated[int, Field(strict=True, ge=0)] = 0
    plan_id: Id | None = None
    window: Window | None = None
    shift_id: Id | None = None
    engineer_id: Id | None = None
    expires_at: Instant | None = None
    detail: dict[str, Any] = {}  # Any: JSON

    @property
    def consequences(self) -> Forced | None:
        """What a window takes that was reported and never offered, or could not be any more."""
        told = self.detail.get("consequences")
        if told is None or self.window is None:
            return None
        asked = {"ticket_id": self.ticket_id, "window": self.window}
        return Forced.model_validate({**asked, **told})


class Booking(Model):
    """What stands with a ticket's customer.

    Attributes
    ----------
    version
        Changes with every step that concerns the window; give it back with the next call.
    seq
        The last event that concerned it.
    window
        Held or agreed; once it is neither, the last that was.
    shift_id, engineer_id
        Who comes; None without a place on a route.
    plan_id
        The plan on which the window was tested.
    expires_at
        Of a hold.
    by, changed_at
        Id of who asked for the last step, and when.
    first_window, first_agreed_at
        Agreed first for this visit, and when: what counts for promises kept.
    is_forced
        The window was recorded without an offer that would have met the limits.
    missed_by
        Who missed the visit.
    contact_by, contacted_at
        By when the engineer calls the customer, and when that happened first.
    """

    ticket_id: Id
    state: State = "unbooked"
    version: Annotated[int, Field(strict=True, ge=0)] = 0
    seq: Annotated[int, Field(strict=True, ge=1)]
    window: Window | None = None
    shift_id: Id | None = None
    engineer_id: Id | None = None
    plan_id: Id | None = None
    expires_at: Instant | None = None
    by: Id
    changed_at: Instant
    first_window: Window | None = None
    first_agreed_at: Instant | None = None
    is_forced: bool = False
    missed_by: MissedBy | None = None
    contact_by: Instant | None = None
    contacted_at: Instant | None = None

    @property
    def is_placed(self) -> bool:
        """Whether a visit on a route stands for it."""
        return self.state in PLACED and self.shift_id is not None

    @property
    def is_to_call(self) -> bool:
        """Whether the customer is still to be called for the first time, by `contact_by`."""
        is_due = self.contact_by is not None and self.contacted_at is None
        return is_due and self.state not in _CLOSED


def after(before: Booking | None, event: BookingEvent) -> Booking:
    """Return the booking that an event makes of the one before it.

    The table of bookings is this function applied to all events, and nothing else.
    """
    assert event.ticket_id is not None
    if before is None:
        before = Booking(ticket_id=event.ticket_id, seq=event.seq, by=event.by, changed_at=event.at)
    changes: dict[str, Any] = {"seq": event.seq, "version": event.revision}  # Any: fields
    if event.kind == "contact":
        changes["contacted_at"] = before.contacted_at or event.at
    elif event.kind == "dispatch":
        # The first release counts: a later one would hide that nobody called after it.
        by = datetime.fromisoformat(event.detail["contact_by"])
        changes["contact_by"] = before.contact_by or by
    elif event.kind == "place":
        changes |= _place(event) if before.state in PLACED else {}
    elif event.revision != before.version:
        changes |= _step(before, event)
    return before.model_copy(update=changes)


def _step(before: Booking, event: BookingEvent) -> dict[str, Any]:
    state = TO.get(event.kind) or event.detail.get("state", before.state)
    changes: dict[str, Any] = {
        "state": state,
        "by": event.by,
        "changed_at": event.at,
        "expires_at": event.expires_at,
        "missed_by": event.detail.get("missed_by"),
    }
    if event.kind in ("hold", "reschedule", "report"):
        changes |= {**_place(event), "window": event.window}
        changes["is_forced"] = bool(event.detail.get("is_forced"))
    elif event.kind == "done":
        changes["missed_by"] = before.missed_by  # somebody came, too late
    if state not in PLACED:
        changes |= {"shift_id": None, "engineer_id": None}
    if state == "confirmed" and before.first_window is None:
        changes["first_window"] = event.window or before.window
        changes["first_agreed_at"] = event.at
    if state == "revisit":
        # Another visit: what is agreed for it counts anew, and its customer is called again.
        changes |= {"first_window": None, "first_agreed_at": None}
        changes |= {"contact_by": None, "contacted_at": None}
    return changes


def _place(event: BookingEvent) -> dict[str, Any]:
    return {
        "shift_id": event.shift_id,
        "engineer_id": event.engineer_id,
        "plan_id": event.plan_id,
    }
