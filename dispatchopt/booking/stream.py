"""An open transaction on the ledger: reads what stands, appends what happens."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dispatchopt.adapters.database.schema import (
    BOOKING,
    BOOKING_EVENT,
    BOOKING_ROUTES,
    BOOKING_STREAM,
)
from dispatchopt.booking.states import FROM, Booking, BookingEvent, after
from dispatchopt.booking.steps import OWN, Step, is_id
from dispatchopt.errors import BookingConflictError
from dispatchopt.models import Ticket, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

_COLUMNS: Final = {
    "version": "revision",
    "by": "actor",
    "at": "happened_at",
}
"""Column by field, where they differ."""

_WITHOUT_STEP: Final = frozenset(("contact", "dispatch", "place", "ticket"))
"""Kinds that leave state and version of a booking as they are, unless they name a state."""

_BRINGS_TICKET: Final = frozenset(("hold", "report"))
"""Steps that bring the ticket with them: nobody has to know it before."""

PARCEL: Final = 500
"""Ids in one statement."""

_STREAM: Final = sa.select(BOOKING_STREAM.c.seq, BOOKING_STREAM.c.plan_id)


class Stream:
    """The ledger within one transaction.

    Parameters
    ----------
    connection
        Whoever writes has locked the stream (`lock`) first.

    Attributes
    ----------
    seq
        Of the last event.
    plan_id
        The plan that bookings are tested on; None before the first.
    appended
        What this transaction appended.
    """

    seq: int
    plan_id: str | None
    appended: list[BookingEvent]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.appended = []

    def lock(self) -> Stream:
        """Become the only writer, and learn what came last."""
        return self._look(_STREAM.with_for_update())

    def look(self) -> Stream:
        """Learn what came last."""
        return self._look(_STREAM)

    def _look(self, query: sa.Select[tuple[int, str | None]]) -> Stream:
        row = self._connection.execute(query).one()
        self.seq, self.plan_id = row.seq, row.plan_id
        return self

    def booking(self, ticket_id: str) -> Booking | None:
        """Return what stands with a ticket's customer."""
        if not is_id(ticket_id):
            return None
        return next(iter(self.bookings(BOOKING.c.ticket_id == ticket_id)), None)

    def bookings(self, *where: sa.ColumnElement[bool]) -> list[Booking]:
        """Return bookings, the one that changed first first."""
        query = sa.select(BOOKING).where(*where).order_by(BOOKING.c.seq)
        return [_booking_of(row) for row in self._connection.execute(query).mappings()]

    def events(self, *where: sa.ColumnElement[bool]) -> list[BookingEvent]:
        """Return events, the oldest first."""
        query = sa.select(BOOKING_EVENT).where(*where).order_by(BOOKING_EVENT.c.seq)
        return [_event_of(row) for row in self._connection.execute(query).mappings()]

    def history(self, ticket_id: str) -> list[BookingEvent]:
        """Return all that happened to a ticket."""
        return self.events(BOOKING_EVENT.c.ticket_id == ticket_id) if is_id(ticket_id) else []

    def since(self, seq: int) -> list[BookingEvent]:
        """Return what happened after an event."""
        return self.events(BOOKING_EVENT.c.seq > seq) if self.seq > seq else []

    def tickets(self, ticket_ids: Iterable[str]) -> dict[str, Ticket]:
        """Return tickets as they were when they were booked or changed last."""
        raw = {
            event.ticket_id: event.detail["ticket"]
            for some in _parcels(filter(is_id, ticket_ids))
            for event in self.events(BOOKING_EVENT.c.ticket_id.in_(some))
            if event.ticket_id is not None and "ticket" in event.detail
        }
        return {ticket_id: Ticket.model_validate(ticket) for ticket_id, ticket in raw.items()}

    def windows(self, ticket_ids: Iterable[str]) -> dict[str, set[Window]]:
        """Return every window that was ever held or agreed, by ticket."""
        events = BOOKING_EVENT.c
        query = sa.select(events.ticket_id, events.opens_at, events.closes_at)
        query = query.where(events.opens_at.is_not(None))
        found: dict[str, set[Window]] = {ticket_id: set() for ticket_id in ticket_ids}
        for some in _parcels(found):
            rows = self._connection.execute(query.where(events.ticket_id.in_(some))).mappings()
            for row in rows:
                window = _window(row)
                if window is not None:
                    found[row["ticket_id"]].add(window)
        return found

    def last_plan(self) -> BookingEvent | None:
        """Return the event by which the present plan took over; None before the first."""
        query = sa.select(sa.func.max(BOOKING_EVENT.c.seq)).where(BOOKING_EVENT.c.kind == "plan")
        seq = self._connection.execute(query).scalar()
        return None if seq is None else self.events(BOOKING_EVENT.c.seq == seq)[0]

    def kept_routes(self, key: str, version: str) -> dict[str, Any] | None:
        """Return the row of routes kept by a desk of the same plan and version."""
        query = sa.select(BOOKING_ROUTES).where(*_kind(key, version))
        row = self._connection.execute(query).first()
        return None if row is None else row._asdict()

    def kept_seq(self, key: str, version: str) -> int:
        """Return after which event such routes were kept; 0 if there are none."""
        query = sa.select(BOOKING_ROUTES.c.seq).where(*_kind(key, version))
        return self._connection.execute(query).scalar() or 0

    def keep_routes(self, row: Mapping[str, Any]) -> None:  # Any: a row
        """Keep routes instead of all that were kept before."""
        self.forget_routes()
        self._connection.execute(BOOKING_ROUTES.insert(), row)

    def forget_routes(self) -> None:
        """Let the next desk do every event again since the plan took over."""
        self._connection.execute(BOOKING_ROUTES.delete())

    def answered(self, step: Step) -> Booking | None:
        """Return what a request returned when it was made first; None if it is new.

        Raises
        ------
        BookingConflictError
            If another call was made with its id.
        """
        query = sa.select(BOOKING_EVENT.c.seq, BOOKING_EVENT.c.digest)
        found = self._connection.execute(
            query.where(BOOKING_EVENT.c.request_id == step.request_id)
        ).first()
        if found is None:
            return None
        if found.digest != step.digest():
            raise BookingConflictError(
                "REQUEST_REUSED",
                f"Request '{step.request_id}' was made before, with other arguments. Give each "
                "call a request_id of its own; repeat one only with the very same call.",
                booking=self.booking(step.ticket_id),
            )
        booking: Booking | None = None
        of_ticket = BOOKING_EVENT.c.ticket_id == step.ticket_id
        for event in self.events(of_ticket, BOOKING_EVENT.c.seq <= found.seq):
            booking = after(booking, event)
        return booking

    def allowed(
        self, step: Step, at: datetime, *, is_planned: bool | None = None
    ) -> Booking | None:
        """Return the booking before a step.

        Parameters
        ----------
        is_planned
            Whether the plan knows the ticket, which may never have been booked; None: nobody can
            tell.

        Raises
        ------
        BookingConflictError
            If its state does not allow the step, or it changed since the caller saw it; if nobody
            knows the ticket.
        """
        booking = self.booking(step.ticket_id)
        state = "unbooked" if booking is None else booking.state
        who = f"Ticket '{step.ticket_id}'"
        is_known = booking is not None or is_planned or step.kind in _BRINGS_TICKET
        if not is_known and (step.kind != "contact" or is_planned is not None):
            raise BookingConflictError(
                "UNKNOWN_TICKET",
                f"{who}: nothing was ever booked for it. Check its id; hold a window first.",
            )
        # Who looked at the ledger meanwhile may have recorded it: that makes no difference.
        if step.kind == "confirm" and booking is not None and _is_over(booking, at):
            raise BookingConflictError(
                "HOLD_EXPIRED", f"{who}: the hold has expired. Offer windows again.",
                booking=booking,
            )  # fmt: skip
        if step.version is not None and step.version != (booking.version if booking else 0):
            stands = booking.version if booking else 0
            raise BookingConflictError(
                "STALE_VERSION",
                f"{who}: the booking has changed: it is {state}, its version is {stands}, the call "
                f"is for {step.version}. Look at it again.",
                booking=booking,
            )
        if state not in FROM[step.kind]:
            allowed = ", ".join(sorted(FROM[step.kind]))
            raise BookingConflictError(
                "ILLEGAL_STEP",
                f"{who}: '{step.kind}' is not possible: the booking is {state}, and would have "
                f"to be {allowed}.",
                booking=booking,
            )
        if step.kind == "confirm" and booking is not None and self._is_unsure(booking):
            raise too_unsure(booking)
        return booking

    def _is_unsure(self, booking: Booking) -> bool:
        """Whether a hold went to a place, when another plan took over, that is not sure enough."""
        placed = [e for e in self.history(booking.ticket_id) if e.kind in ("hold", "place")]
        return not booking.is_forced and bool(placed[-1].detail.get("is_unsure"))

    def append(
        self,
        step: Step,
        at: datetime,
        *,
        shift_id: str | None = None,
        engineer_id: str | None = None,
        expires_at: datetime | None = None,
        detail: Mapping[str, Any] | None = None,  # Any: JSON
    ) -> Booking:
        """Append the event of a step that was allowed; return the booking after it."""
        before = self.booking(step.ticket_id)
        version = 0 if before is None else before.version
        known = {**step.said, **(detail or {})}
        counts = step.kind not in _WITHOUT_STEP or "state" in known
        event = event_of(
            step,
            self.seq + 1,
            at,
            revision=version + counts,
            plan_id=self.plan_id,
            shift_id=shift_id,
            engineer_id=engineer_id,
            expires_at=expires_at,
            detail=known,
        )
        self._write(event, step.digest())
        booking = after(before, event)
        self._keep(booking, is_new=before is None)
        return booking

    def adopt(self, plan_id: str, at: datetime, detail: Mapping[str, Any]) -> None:
        """Let another plan be the one that bookings are tested on."""
        event = BookingEvent(
            seq=self.seq + 1, request_id=f"{OWN}{self.seq + 1}", kind="plan", at=at,
            by="dispatchopt", plan_id=plan_id, detail=dict(detail),
        )  # fmt: skip
        self._write(event, "")
        self.plan_id = plan_id
        self._connection.execute(BOOKING_STREAM.update().values(plan_id=plan_id))
        self.forget_routes()

    def expire(self, at: datetime) -> list[Booking]:
        """Let every hold expire whose time is over."""
        due = self.bookings(BOOKING.c.state == "held", BOOKING.c.expires_at <= at)
        return [self.append(Step("expire", booking.ticket_id), at) for booking in due]

    def _write(self, event: BookingEvent, digest: str) -> None:
        row = event.model_dump(exclude={"window"})
        row = {_COLUMNS.get(name, name): value for name, value in row.items()}
        window = event.window
        row |= {
            "digest": digest,
            "opens_at": window and window.open,
            "closes_at": window and window.close,
        }
        self._connection.execute(BOOKING_EVENT.insert(), row)
        self._connection.execute(BOOKING_STREAM.update().values(seq=event.seq))
        self.seq = event.seq
        self.appended.append(event)

    def _keep(self, booking: Booking, *, is_new: bool) -> None:
        row: dict[str, Any] = {column.name: None for column in BOOKING.columns}
        dumped = booking.model_dump(exclude={"window", "first_window"})
        row |= {_COLUMNS.get(name, name): value for name, value in dumped.items()}
        for name, window in (("", booking.window), ("first_", booking.first_window)):
            row |= {
                f"{name}opens_at": window and window.open,
                f"{name}closes_at": window and window.close,
            }
        if is_new:
            self._connection.execute(BOOKING.insert(), row)
        else:
            key = BOOKING.c.ticket_id == booking.ticket_id
            self._connection.execute(BOOKING.update().where(key), row)


def event_of(step: Step, seq: int, at: datetime, **fields: Any) -> BookingEvent:
    """Return the event that a step becomes; what else belongs to it are fields of the event."""
    return BookingEvent(
        seq=seq,
        request_id=step.request_id or f"{OWN}{seq}",
        ticket_id=step.ticket_id,
        kind=step.kind,
        at=at,
        by=step.by,
        window=step.window,
        **fields,
    )


def too_unsure(booking: Booking) -> BookingConflictError:
    """Return the conflict that a hold is no longer sure enough to be promised."""
    return BookingConflictError(
        "TOO_UNCERTAIN",
        f"Ticket '{booking.ticket_id}': since the window was held the plan has changed, and it is "
        "too unsure now that service would start inside it. Offer windows again.",
        booking=booking,
    )


def _is_over(booking: Booking, at: datetime) -> bool:
    """Whether its hold is over, recorded or not."""
    is_due = booking.expires_at is not None and booking.expires_at <= at
    return booking.state == "expired" or (booking.state == "held" and is_due)


def ids_in(states: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a booking is in one of some states."""
    return BOOKING.c.state.in_(list(states))


def _kind(key: str, version: str) -> tuple[sa.ColumnElement[bool], ...]:
    kept = BOOKING_ROUTES.c
    return kept.plan_key == key, kept.version == version


def _parcels(ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield ids in parcels: a statement takes so many values and no more."""
    left = iter(ids)
    while some := list(islice(left, PARCEL)):
        yield some


def _window(row: Any, prefix: str = "") -> Window | None:  # Any: a row
    opens = row[f"{prefix}opens_at"]
    return opens and Window(open=opens, close=row[f"{prefix}closes_at"])


def _booking_of(row: Any) -> Booking:  # Any: a row
    names = Booking.model_fields.keys() - {"window", "first_window"}
    found = {name: row[_COLUMNS.get(name, name)] for name in names}
    return Booking(**found, window=_window(row), first_window=_window(row, "first_"))


def _event_of(row: Any) -> BookingEvent:  # Any: a row
    names = BookingEvent.model_fields.keys() - {"window"}
    found = {name: row[_COLUMNS.get(name, name)] for name in names}
    return BookingEvent(**found, window=_window(row))
