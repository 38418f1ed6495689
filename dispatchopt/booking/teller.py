"""What a call at the desk becomes, within its transaction: the place of a window, and the event."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.booking.routes import bare, best_of, not_possible, place_for
from dispatchopt.booking.states import FROM, PLACED
from dispatchopt.booking.steps import Step
from dispatchopt.errors import (
    BookingConflictError,
    InvalidBookingError,
    InvalidProblemError,
    Issue,
)
from dispatchopt.models import Forced, Offer, Ticket, Window
from dispatchopt.windows.forced import forced_at, forced_on
from dispatchopt.windows.offers import room_per_hour
from dispatchopt.windows.slots import reason_against

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from dispatchopt.board import Board
    from dispatchopt.booking.routes import Routes
    from dispatchopt.booking.states import Booking
    from dispatchopt.booking.stream import Stream

logger = logging.getLogger(__name__)

Choice = Offer | Forced | Window
"""What a customer takes: an offer; a window that is to meet the same limits; or one that was asked
for with all its consequences (`Desk.forced`), however unsure it is."""


_INSIST: Final = (
    " Take a window that is offered; what the customer insists on can be forced (Desk.forced, "
    "--forced)."
)


@dataclass(frozen=True)
class Place:
    """Where a window goes: a shift, or none; and what else belongs to the event."""

    shift_id: str | None
    detail: dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Teller:
    """Books within one transaction; the routes are as the ledger is, and are not changed.

    Attributes
    ----------
    room
        What an hour of each shift is worth, as far as it is known.
    """

    stream: Stream
    routes: Routes
    now: datetime
    room: Mapping[str, int]

    def book(
        self, step: Step, ticket: Ticket | None, choice: Choice, hold: timedelta | None = None
    ) -> Booking:
        """Find the place of a window, and append the step."""
        is_planned = self.routes.ticket(step.ticket_id) is not None
        before = self.stream.allowed(step, self.now, is_planned=is_planned)
        is_report = step.kind == "report"
        if is_report and before and (before.state, before.window) == ("confirmed", step.window):
            return before
        ticket = ticket or self._known(step.ticket_id)
        if is_report:
            place = self._reported(ticket, window_of(choice), before)
        else:
            _refuse_other(ticket, choice)
            _refuse_past(ticket, choice, self.now)
            if isinstance(choice, Window):
                self._refuse_outside(step, ticket, choice)
            place = self._placed(ticket, choice)
        until = None if hold is None else self.now + hold
        logger.info("booking of %s: %s on shift %s", ticket.id, step.kind, place.shift_id)
        return self._append(step, place, ticket=bare(ticket), until=until)

    def change(self, ticket: Ticket, by: str) -> None:
        """Record a ticket that came or changed, and where its visit goes then.

        Raises
        ------
        InvalidProblemError
            If it contradicts the problem: no desk could take it over.
        """
        faults = self.routes.faults_of(ticket)
        if faults:
            raise InvalidProblemError(faults)
        booking = self.stream.booking(ticket.id)
        if self._is_news(ticket):
            said: dict[str, Any] = {"ticket": bare(ticket)}  # Any: JSON
            if not ticket.is_plannable and booking and booking.state in FROM["cancel"]:
                said["state"] = ticket.status
            booking = self.stream.append(Step("ticket", ticket.id, by=by, said=said), self.now)
            if ticket.is_plannable and not self.routes.is_fact(ticket):
                self._place_again(ticket, booking)
            if ticket.status != "cancelled" and not self.routes.is_fact(ticket):
                self._take_off_waiting(ticket.id)
        new = ticket.appointment if ticket.is_plannable else None  # what is off promises nothing
        if new is not None and new not in self.stream.windows([ticket.id])[ticket.id]:
            self.book(Step("report", ticket.id, by=by, window=new), ticket, new)

    def _is_news(self, ticket: Ticket) -> bool:
        """Whether a ticket says what neither the routes nor, of a fact, the ledger have of it."""
        known = [self.routes.ticket(ticket.id)]
        if self.routes.is_fact(ticket):  # routes stay as they are: the ledger alone takes it over
            known.append(self.stream.tickets([ticket.id]).get(ticket.id))
        return all(told is None or _content(told) != _content(ticket) for told in known)

    def _place_again(self, ticket: Ticket, booking: Booking) -> None:
        """Put a visit that changed where it is, else elsewhere; its window does not move.

        A hold without a place beside what is promised is given back.
        """
        board, window = self.routes.board, None
        if booking.state in PLACED:
            window = booking.window
        elif board.shift_of(ticket.id) is None:
            return
        shift_id = board.shift_of(ticket.id)
        found = best_of(board.places(ticket, [window]), shift_id, window)
        after = self.routes.copy()
        after.follow(self.stream.appended)
        if found is not None and after.board.insert(ticket, found.shift_id, window) is None:
            # What had no way past the visit has left with it, and has taken the room.
            found = best_of(after.board.places(ticket, [window]), shift_id, window)
        detail: dict[str, Any] = {}  # Any: JSON
        if booking.state == "held":
            if found is None or found.weakens:
                reason = "NO_ROOM" if found is None else "WOULD_WEAKEN_PROMISE"
                self._append(Step("release", ticket.id, said={"reason": reason}), Place(None, {}))
                return
            if not found.is_good:
                detail = {"kept_probability": found.kept_probability, "is_unsure": True}
        place = Place(None if found is None else found.shift_id, detail)
        self._append(Step("place", ticket.id, window=window), place)

    def _take_off_waiting(self, ticket_id: str) -> None:
        """Take off the routes what waits for a ticket that seemed to be over, and is not."""
        for other in self.routes.waiting_for(ticket_id):
            booking = self.stream.booking(other.id)
            if booking is not None and booking.state == "held":
                step = Step("release", other.id, said={"reason": "NO_ENGINEER"})
            else:
                step = Step("place", other.id, window=other.appointment)
            self._append(step, Place(None, {}))

    def _append(
        self,
        step: Step,
        place: Place,
        *,
        ticket: dict[str, Any] | None = None,  # Any: JSON
        until: datetime | None = None,
    ) -> Booking:
        shift_id = place.shift_id
        return self.stream.append(
            step,
            self.now,
            shift_id=shift_id,
            engineer_id=None if shift_id is None else self.routes.engineer_of(shift_id),
            expires_at=until,
            detail=place.detail if ticket is None else {"ticket": ticket, **place.detail},
        )

    def _placed(self, ticket: Ticket, choice: Choice) -> Place:
        """Return the place of a window that is to be kept."""
        if not ticket.is_plannable or self.routes.is_fact(ticket):
            raise BookingConflictError(
                "NOT_OPEN", f"Ticket '{ticket.id}' is {ticket.status} or fixed to its time."
            )
        forced = isinstance(choice, Forced)
        offer = choice.offer if isinstance(choice, Forced) else choice
        wanted = offer.shift_id if isinstance(offer, Offer) else None
        displaces = () if isinstance(choice, Window) else choice.displaces
        board = self._without(displaces) if displaces else self.routes.board
        found = place_for(
            board, ticket, window_of(choice), shift_id=wanted, forced=forced,
            room_per_hour=room_per_hour(board, self.room),
        )  # fmt: skip
        detail: dict[str, Any] = {  # Any: JSON
            "kept_probability": found.kept_probability,
            "added_cost": found.added_cost,
        }
        if displaces:
            detail["displaces"] = list(displaces)
        if forced and not found.is_good:
            detail["is_forced"] = True
        return Place(found.shift_id, detail)

    def _refuse_outside(self, step: Step, ticket: Ticket, window: Window) -> None:
        """Refuse a bare window that could not have been offered at any price."""
        if not ticket.is_plannable or self.routes.is_fact(ticket):
            return  # told as such
        if step.kind == "reschedule":
            # Whoever consents to a window can be there, whatever the ticket asked for.
            ticket = ticket.model_copy(update={"windows": ()})
        problem = self.routes.planner.problem.model_copy(update={"now": self.now})
        reason = reason_against(problem, ticket, window)
        if reason is not None:
            raise not_possible(self.routes.board, ticket, window, reason, _INSIST)

    def _without(self, displaced: Sequence[str]) -> Board:
        """Return a copy of the board without some tickets that nobody was promised."""
        promised = self.routes.board.kept()
        # As the event will do it: what cannot stay without them goes elsewhere first.
        without = self.routes.copy()
        for ticket_id in displaced:
            if ticket_id in promised:
                raise BookingConflictError(
                    "NO_ROOM", f"Ticket '{ticket_id}', which was to make room, is promised now."
                )
            without.leave(ticket_id)
        return without.board

    def _reported(self, ticket: Ticket, window: Window, before: Booking | None) -> Place:
        """Return the best place of a window that was promised elsewhere, and its consequences."""
        board = self.routes.board
        if self.routes.is_fact(ticket):
            at = (self.routes.ticket(ticket.id) or ticket).assigned_start
            is_met = at is None or window.open <= at <= window.close
            shift_id = board.shift_of(ticket.id) if is_met else None
            return Place(shift_id, {"is_forced": True, "is_kept": True})
        if not ticket.is_plannable:
            return Place(None, {"is_forced": True})
        wanted = None if before is None else before.shift_id
        found = best_of(board.places(ticket, [window]), wanted, window)
        was_offered = before is not None and before.window == window
        if found is None:
            told = _without_people(forced_on(board, ticket, window))
            return Place(None, {"is_forced": True, "consequences": told})
        detail: dict[str, Any] = {"kept_probability": found.kept_probability}  # Any: JSON
        if not was_offered or not found.is_good:
            told = _without_people(forced_at(board, ticket, window, found))
            detail |= {"is_forced": True, "consequences": told}
        return Place(found.shift_id, detail)

    def _known(self, ticket_id: str) -> Ticket:
        ticket = self.routes.ticket(ticket_id) or self.stream.tickets([ticket_id]).get(ticket_id)
        if ticket is None:
            raise BookingConflictError(
                "UNKNOWN_TICKET", f"Ticket '{ticket_id}' is neither in the plan nor booked."
            )
        return ticket


def window_of(choice: Choice) -> Window:
    """Return the window that is taken."""
    return choice if isinstance(choice, Window) else choice.window


def _without_people(forced: Forced) -> dict[str, Any]:  # Any: JSON
    """Return what a window takes as the ledger keeps it: no names."""
    if forced.offer is not None:
        offer = forced.offer.model_copy(update={"engineer_name": None})
        forced = forced.model_copy(update={"offer": offer})
    return forced.model_dump(mode="json", exclude={"ticket_id", "window"})


def _content(ticket: Ticket) -> dict[str, Any]:  # Any: JSON
    """Return what a ticket says, what was agreed with the customer apart."""
    return {**bare(ticket), "appointment": None}


def _refuse_other(ticket: Ticket, choice: Choice) -> None:
    if not isinstance(choice, Window) and choice.ticket_id != ticket.id:
        message = f"the offer is for ticket '{choice.ticket_id}'"
        raise InvalidBookingError([Issue("booking", ticket.id, "choice", "", message)])


def _refuse_past(ticket: Ticket, choice: Choice, now: datetime) -> None:
    window = window_of(choice)
    ends = window.close if isinstance(choice, Forced) else window.open
    if ends < now:
        raise BookingConflictError(
            "TOO_SOON", f"Ticket '{ticket.id}': the window has begun or is past. Take a later one."
        )
