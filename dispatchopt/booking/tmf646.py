"""TMF646 `searchTimeSlot` and `appointment`, answered by a desk.

Each function takes the body of a request and returns the status code and the body of the answer;
receiving and sending them is the caller's. Bodies are read tolerantly and written strictly, as in
`dispatchopt.adapters.tmf`. An appointment bears the id of its ticket. It is held while
``initialized``, and a promise once ``confirmed``.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast, get_args

from dispatchopt.adapters.tmf import (
    OfferedWindow,
    appointment_from_tmf646,
    slot_search_from_tmf646,
    tmf646_appointment,
    tmf646_failed_search,
    tmf646_offers,
)
from dispatchopt.adapters.tmf.values import (
    Json,
    is_role,
    listed,
    object_of,
    sendable,
    text_of,
    ticket_entity,
    time_text,
    window_period,
)
from dispatchopt.booking.states import MissedBy
from dispatchopt.booking.steps import is_id
from dispatchopt.errors import (
    AdapterError,
    BookingConflictError,
    InvalidBookingError,
    InvalidProblemError,
    Issue,
)
from dispatchopt.models import Window
from dispatchopt.windows.slots import is_asked_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo

    from dispatchopt.adapters.tmf import Appointment, SlotSearch
    from dispatchopt.adapters.tmf.appointments import AppointmentStatus
    from dispatchopt.booking.desk import Desk
    from dispatchopt.booking.states import Booking, State
    from dispatchopt.models import Offer, Ticket

logger = logging.getLogger(__name__)

_STATUS: Final[Mapping[State, AppointmentStatus]] = {
    "held": "initialized",
    "confirmed": "confirmed",
    "done": "completed",
    "missed": "failed",
}
"""Of every other state the appointment is ``cancelled``."""


class Answer(NamedTuple):
    """What goes back: status code and body."""

    status: int
    body: Json


class Tmf646:
    """Serves TMF646 from a desk.

    Parameters
    ----------
    desk
        Threads may share it, and so this object.
    ticket_of
        Finds a ticket by its id, None if there is none. Default: those that the desk knows.
    timezone
        Zone of times without an offset in what is received; without it such a time is a fault.
    count
        Most windows in an answer.
    schema_location
        URI of a schema of GradedTimeSlot, if you publish one.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        ticket_of: Callable[[str], Ticket | None] | None = None,
        timezone: str | None = None,
        count: int = 6,
        schema_location: str | None = None,
    ) -> None:
        self._desk, self._timezone, self._count = desk, timezone, count
        self._ticket_of = ticket_of or desk.ticket
        self._schema_location = schema_location

    def search_time_slot(self, body: Any, *, search_id: str) -> Answer:  # Any: JSON
        """Answer ``POST /searchTimeSlot``: the windows that can be promised, the best first.

        Where none can be, `searchResult` counts the reasons; where the question names no ticket
        that is known, the search is ``rejected``.

        Parameters
        ----------
        search_id
            Id of the resource that the search creates.
        """

        def answer() -> Answer:
            search = slot_search_from_tmf646(body, timezone=self._timezone)
            told: Json = {
                "search_id": search_id,
                "searched_at": self._desk.ledger.now(),
                "zone": self._zone,
            }
            ticket = None if search.ticket_id is None else self._ticket_of(search.ticket_id)
            if ticket is None:
                failed = tmf646_failed_search(
                    search, **told, status="rejected", reason="UNKNOWN_TICKET"
                )
                return Answer(201, failed)
            offers = self._desk.offer(_with_wishes(ticket, search), count=self._count)
            found = tmf646_offers(
                search, map(_offered, offers), **told, schema_location=self._schema_location
            )
            if not offers and offers.not_offered:
                counts = ", ".join(f"{why} {n}" for why, n in sorted(offers.not_offered.items()))
                found["searchResult"] = f"{found['searchResult']}: {counts}"
            return Answer(201, found)

        return self._answer(answer)

    def create_appointment(self, body: Any, *, request_id: str) -> Answer:  # Any: JSON
        """Answer ``POST /appointment``: hold the window for a while.

        Parameters
        ----------
        request_id
            Id of the request: repeating it changes nothing and gets the same answer.
        """

        def answer() -> Answer:
            asked, ticket = self._asked(body)
            booking = self._held(ticket, asked.window, request_id)
            return Answer(201, self._written(booking, ticket))

        return self._answer(answer)

    def book_appointment(self, body: Any, *, request_id: str) -> Answer:  # Any: JSON
        """Answer ``POST /appointment``: hold the window and confirm it at once."""

        def answer() -> Answer:
            asked, ticket = self._asked(body)
            held = self._held(ticket, asked.window, request_id)
            booking = self._desk.confirm(
                ticket.id, request_id=_second(request_id), version=held.version
            )
            return Answer(201, self._written(booking, ticket))

        return self._answer(answer)

    def appointment(self, appointment_id: str) -> Answer:
        """Answer ``GET /appointment/{id}``."""

        def answer() -> Answer:
            booking = self._desk.booking(appointment_id)
            if booking is None or booking.window is None:
                return _unknown(appointment_id)
            return Answer(200, self._written(booking, self._ticket_of(appointment_id)))

        return self._answer(answer)

    def update_appointment(
        self, appointment_id: str, body: Any, *, request_id: str
    ) -> Answer:  # Any: JSON
        """Answer ``PATCH /appointment/{id}``.

        A status confirms (``confirmed``), gives back or cancels (``cancelled``), ends
        (``completed``) or tells a failure (``failed``, with `missedBy`: us, customer or no_access).
        Another window moves the appointment; if it was confirmed, the customer must have consented:
        the body names the customer as a related party.
        """

        def answer() -> Answer:
            booking = self._desk.booking(appointment_id)
            if booking is None or booking.window is None:
                return _unknown(appointment_id)
            wanted = dict(object_of(body, "an Appointment"))
            wanted.setdefault("validFor", window_period(booking.window, self._zone))
            asked = appointment_from_tmf646(wanted, timezone=self._timezone)
            status = asked.status if "status" in wanted else None
            if asked.window != booking.window and status in (None, "initialized", "confirmed"):
                booking = self._moved(booking, asked.window, wanted, request_id)
            if status is not None and status != _status(booking):
                booking = self._stepped(booking, status, wanted, _second(request_id))
            return Answer(200, self._written(booking, self._ticket_of(appointment_id)))

        return self._answer(answer)

    def record_appointment(self, body: Any, *, request_id: str) -> Answer:  # Any: JSON
        """Take note of an appointment that the ticketing system made, changed or ended itself.

        Answers the events of ``/listener``; an appointment alone will do. A confirmed one is
        recorded even if it was never offered (`Desk.report_window`).
        """

        def answer() -> Answer:
            whole = object_of(body, "an Appointment, or an event with one")
            event = whole.get("event")
            found = event.get("appointment") if isinstance(event, dict) else whole
            asked, ticket = self._asked(found)
            if asked.status in ("initialized", "confirmed"):
                booking = self._desk.report_window(ticket, asked.window, request_id=request_id)
            else:
                known = self._desk.booking(ticket.id)
                if known is None or known.window is None:
                    return _unknown(ticket.id)
                booking = known
                if asked.status != _status(known):
                    told = object_of(found, "an Appointment")
                    booking = self._stepped(known, asked.status, told, request_id)
            return Answer(201, self._written(booking, ticket))

        return self._answer(answer)

    # --- Steps ---

    def _asked(self, body: Any) -> tuple[Appointment, Ticket]:  # Any: JSON
        asked = appointment_from_tmf646(body, timezone=self._timezone)
        if asked.ticket_id is None:
            message = "must name a TroubleTicket (id and @referredType)"
            raise InvalidBookingError([Issue("booking", "", "relatedEntity", "", message)])
        ticket = self._ticket_of(asked.ticket_id)
        if ticket is None:
            message = "no such ticket; create it first"
            raise InvalidBookingError(
                [Issue("booking", asked.ticket_id, "relatedEntity", "", message)]
            )
        return asked, ticket

    def _held(self, ticket: Ticket, window: Window, request_id: str) -> Booking:
        if not is_asked_for(ticket, window):
            # Whoever takes a window could come then, whatever the ticket said before.
            ticket = ticket.model_copy(update={"windows": (*ticket.windows, window)})
        return self._desk.hold(ticket, window, request_id=request_id)

    def _moved(self, booking: Booking, window: Window, body: Json, request_id: str) -> Booking:
        if booking.state != "confirmed":
            ticket = self._ticket_of(booking.ticket_id)
            if ticket is None:
                message = "no such ticket; create it first"
                raise InvalidBookingError([Issue("booking", booking.ticket_id, "id", "", message)])
            return self._held(ticket, window, request_id)
        customers = [p for p in listed(body.get("relatedParty")) if _is_customer(p)]
        consent = next((found for p in customers if (found := text_of(p.get("id")))), None)
        if consent is None:
            message = (
                "moves a confirmed window: name the customer who agreed (id, role customer), "
                "or leave validFor as it is"
            )
            raise InvalidBookingError(
                [Issue("booking", booking.ticket_id, "relatedParty", "", message)]
            )
        return self._desk.reschedule(
            booking.ticket_id,
            window,
            consent_of=consent,
            request_id=request_id,
            version=booking.version,
        )

    def _stepped(
        self, booking: Booking, status: AppointmentStatus, body: Mapping[str, Any], request_id: str
    ) -> Booking:
        desk, ticket_id = self._desk, booking.ticket_id
        told: Json = {"request_id": request_id, "version": booking.version}
        if status == "confirmed":
            return desk.confirm(ticket_id, **told)
        if status == "cancelled" and booking.state == "held":
            return desk.release(ticket_id, **told)
        if status == "cancelled":
            return desk.cancel(ticket_id, **told)
        if status == "completed":
            return desk.done(ticket_id, **told)
        if status == "failed":
            return desk.missed(ticket_id, _missed_by(ticket_id, body), **told)
        message = f"there is no way back from {booking.state}; search time slots again"
        raise InvalidBookingError([Issue("booking", ticket_id, "status", status, message)])

    # --- Answers ---

    @property
    def _zone(self) -> tzinfo:
        return self._desk.zone

    def _written(self, booking: Booking, ticket: Ticket | None) -> Json:
        assert booking.window is not None
        if ticket is None:  # it is over, and the ticketing system's own list no longer has it
            written: Json = {
                "validFor": window_period(booking.window, self._zone),
                "relatedEntity": [ticket_entity(booking.ticket_id)],
            }
        else:
            written = tmf646_appointment(
                ticket, booking.window, zone=self._zone, engineer_id=booking.engineer_id
            )
        return {
            "id": booking.ticket_id,
            **written,
            "status": _status(booking),
            "lastUpdate": time_text(booking.changed_at, self._zone),
        }

    def _answer(self, answer: Callable[[], Answer]) -> Answer:
        status, body = self._found(answer)
        return Answer(status, sendable(body))

    def _found(self, answer: Callable[[], Answer]) -> Answer:
        try:
            return answer()
        except InvalidProblemError as error:
            return _error(400, "INVALID_BODY", "The request cannot be read", str(error))
        except BookingConflictError as error:
            conflict = _error(409, error.reason, "The booking cannot be made as asked", str(error))
            if error.offers is not None:
                conflict.body["availableTimeSlot"] = self._slots(error.offers)
            return conflict
        except AdapterError as error:
            logger.error("the ledger of bookings cannot be used")
            return _error(500, "LEDGER", "The ledger of bookings cannot be used", str(error))

    def _slots(self, offers: Iterable[Offer]) -> list[Json]:
        """Write windows as a search does."""
        found = tmf646_offers(
            _NOTHING_ASKED,
            map(_offered, offers),
            search_id="",
            searched_at=self._desk.ledger.now(),
            zone=self._zone,
            schema_location=self._schema_location,
        )
        slots: list[Json] = found["availableTimeSlot"]
        return slots


_NOTHING_ASKED: Final = slot_search_from_tmf646({})


def _with_wishes(ticket: Ticket, search: SlotSearch) -> Ticket:
    """Let the question say when the customer could, if it does."""
    if not search.spans:
        return ticket
    windows = tuple(Window(open=span.start, close=span.end) for span in search.spans)
    return ticket.model_copy(update={"windows": windows})


def _offered(offer: Offer) -> OfferedWindow:
    return OfferedWindow(
        offer.window.open, offer.window.close, offer.engineer_id, offer.grade, offer.offer_id
    )


def _status(booking: Booking) -> AppointmentStatus:
    return _STATUS.get(booking.state, "cancelled")


def _missed_by(ticket_id: str, body: Mapping[str, Any]) -> MissedBy:  # Any: JSON
    said = text_of(body.get("missedBy"))
    found = next((who for who in get_args(MissedBy) if who == said), None)
    if found is None:
        known = ", ".join(get_args(MissedBy))
        message = f"is needed with the status failed: one of {known}"
        raise InvalidBookingError([Issue("booking", ticket_id, "missedBy", "", message)])
    return cast("MissedBy", found)


def _is_customer(party: Mapping[str, Any]) -> bool:
    return is_role(text_of(party.get("role")), "customer")


def _second(request_id: str) -> str:
    """Return the id of the second step of a request, told apart by a hash of the whole of it."""
    if not is_id(request_id):
        return request_id  # refused by the step
    return f"{request_id[:100]}:then:{hashlib.sha256(request_id.encode()).hexdigest()}"


def _unknown(appointment_id: str) -> Answer:
    return _error(404, "NOT_FOUND", "There is no such appointment", appointment_id)


def _error(status: int, code: str, reason: str, message: str) -> Answer:
    return Answer(
        status, {"code": code, "reason": reason, "message": message, "status": str(status)}
    )
