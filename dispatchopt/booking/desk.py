"""The desk: a plan in memory that offers windows, and a ledger that promises them."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dispatchopt.booking.following import Following
from dispatchopt.booking.ledger import Ledger
from dispatchopt.booking.steps import Step, Steps
from dispatchopt.booking.stream import too_unsure
from dispatchopt.booking.teller import Teller, window_of
from dispatchopt.errors import (
    AdapterError,
    BookingConflictError,
    DispatchError,
    InvalidBookingError,
    Issue,
)
from dispatchopt.models import Ticket
from dispatchopt.windows.forced import forced_on
from dispatchopt.windows.offers import offers_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dispatchopt.booking.rebase import Rebased
    from dispatchopt.booking.states import Booking, BookingEvent
    from dispatchopt.booking.stream import Stream
    from dispatchopt.booking.teller import Choice
    from dispatchopt.models import Forced, Offers, Plan, Problem, Slot, Window
    from dispatchopt.shadow import ShadowPrices
    from dispatchopt.solve import Planner

logger = logging.getLogger(__name__)

MOST_MINUTES: Final = 100_000
"""That a hold may last, as in `Policy.hold_minutes`."""

_NO_WAY_OUT: Final = frozenset(("REQUEST_REUSED", "PLAN_CHANGED"))
"""Conflicts for which other windows are no way out."""


class Desk(Following, Steps):
    """Offers windows of a plan in milliseconds, and books them in a ledger.

    Threads may share a desk. Desks of several processes may share a ledger: each takes over what
    the others booked before it offers or books anything, and a window is tested on the routes while
    nobody else can book. All of them start from the same problem and plan; when another plan takes
    over (`publish`, `rebase`), a desk that stayed behind raises a conflict `PLAN_CHANGED`.

    Parameters
    ----------
    problem
        What was planned, compiled or not.
    plan
        The plan, as the ledger has it or the first that the ledger sees.
    ledger
        Where bookings are kept; absent: in a temporary file that goes with the desk.
    seed
        Of the days that are played through.
    clock
        Tells the time, for tests.
    shadow_prices
        What an hour of each shift is worth (`Result.shadow_prices`): windows that take room from
        more urgent work are graded lower.

    Raises
    ------
    BookingConflictError
        If the ledger is on another plan.
    InvalidProblemError
        If the plan does not fit the problem.
    AdapterError
        If the ledger cannot be used.
    """

    def __init__(
        self,
        problem: Problem | Planner,
        plan: Plan,
        ledger: Ledger | None = None,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
        shadow_prices: ShadowPrices | None = None,
    ) -> None:
        self._set_up(ledger or Ledger(), seed, clock)
        self._prices = shadow_prices
        self._routes = self._begun(self._read(problem, plan))
        self._keep()

    @classmethod
    def publish(
        cls,
        problem: Problem | Planner,
        plan: Plan,
        ledger: Ledger,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
        shadow_prices: ShadowPrices | None = None,
    ) -> tuple[Desk, Rebased]:
        """Let a new plan take over, and return its desk and what became of the bookings.

        What `rebase` does, for a program that has no desk yet.
        """
        desk = cls.__new__(cls)
        desk._set_up(ledger, seed, clock)
        return desk, desk.rebase(problem, plan, shadow_prices=shadow_prices)

    # --- Offers ---

    def offer(
        self,
        ticket: Ticket,
        slots: Sequence[Slot] | None = None,
        count: int = 6,
        *,
        displace: bool = False,
    ) -> Offers:
        """Return the best windows for a customer, and what became of the others by reason.

        Parameters
        ----------
        slots, count, displace
            As for `offer_windows`.
        """
        with self._lock:
            self._refresh()
            return offers_on(
                self._routes.board, ticket, now=self._now(), slots=slots, count=count,
                displace=displace, shadow_prices=self._prices,
            )  # fmt: skip

    def forced(self, ticket: Ticket, window: Window) -> Forced:
        """Return what a window would take that the customer insists on."""
        with self._lock:
            self._refresh()
            return forced_on(self._routes.board, ticket, window)

    # --- Steps that take a window ---

    def hold(
        self,
        ticket: Ticket,
        choice: Choice,
        *,
        request_id: str,
        minutes: int | None = None,
        by: str = "customer",
    ) -> Booking:
        """Hold a window for a while; whatever the customer held before is given back.

        The window is tested on the routes as they are now. If the engineer of the offer has no
        room any more, another one's place in the same window is taken, and the booking names who.
        A bare window must meet all that offers meet: rules, wishes, visiting hours, `latest`, its
        probability, every other promise; and the lead time, `Policy.hold_minutes` less, so that
        what was offered so long ago can still be taken.

        Parameters
        ----------
        minutes
            How long, up to `MOST_MINUTES`; absent: `Policy.hold_minutes`.

        Raises
        ------
        BookingConflictError
            If the window is gone, with fresh offers; nothing is changed.
        """
        lasts = self._routes.planner.problem.policy.hold_minutes if minutes is None else minutes
        said = {"minutes": lasts}
        if type(lasts) is not int or not 0 <= lasts <= MOST_MINUTES:
            message = f"must be a whole number from 0 to {MOST_MINUTES}"
            raise InvalidBookingError([Issue("booking", ticket.id, "minutes", str(lasts), message)])
        step = Step("hold", ticket.id, request_id, by, window=window_of(choice), said=said)
        return self._book(step, ticket, choice, hold=timedelta(minutes=lasts))

    def reschedule(
        self,
        ticket_id: str,
        choice: Choice,
        *,
        consent_of: str,
        request_id: str,
        version: int,
        by: str = "customer",
    ) -> Booking:
        """Move a promised window, with the customer's consent.

        Parameters
        ----------
        consent_of
            Id of who agreed to the new window; the wishes of the ticket do not count against it.
        by
            Id of who asked for the change.
        """
        said = {"consent_of": consent_of}
        step = Step("reschedule", ticket_id, request_id, by, version, window_of(choice), said=said)
        return self._book(step, None, choice)

    def report_window(
        self, ticket: Ticket, window: Window, *, request_id: str, by: str = "ticketing"
    ) -> Booking:
        """Record a window that the ticketing system promised, even if it was never offered.

        It has its place if any engineer can come at all; what that does to others stands in the
        event (`Ledger.history`) as `consequences`. Without a place the booking stands without a
        shift: somebody has to find a way, or to call the customer. What is confirmed already is
        returned as it stands.
        """
        step = Step("report", ticket.id, request_id, by, window=window)
        return self._book(step, ticket, window)

    # --- What happens elsewhere ---

    def apply(self, event: Ticket | BookingEvent, *, by: str = "ticketing") -> Booking | None:
        """Take note of what happened elsewhere.

        Parameters
        ----------
        event
            A ticket that came, changed or was cancelled: recorded in the ledger, so that all desks
            know it, unless they do; a promised visit is put in again if it has to be. An event of
            the ledger: the desk takes over all up to it.

        Returns
        -------
        booking
            What stands with the ticket's customer.
        """
        if not isinstance(event, Ticket):
            self.sync()
            return None if event.ticket_id is None else self.booking(event.ticket_id)
        Step("ticket", event.id, "apply", by).checked()
        with self._lock, self._transaction() as stream:
            self._refuse_behind()
            self._teller(stream).change(event, by)
        self._keep()
        return self.booking(event.id)

    def expire(self) -> list[Booking]:
        """Let every hold expire whose time is over; its place is free at once."""
        with self._lock:
            found = self._ledger.expire(at=self._now())
            self.sync()
            return found

    # --- Inside ---

    def _refresh(self) -> None:
        """Be as the ledger is now, holds that have expired apart.

        Raises
        ------
        BookingConflictError
            If another plan took over.
        """
        self.sync()
        now = self._now()
        if any(until <= now for until in self._routes.until.values()):
            self.expire()
        self._refuse_behind()

    def _teller(self, stream: Stream) -> Teller:
        room = {} if self._prices is None else self._prices.of("shift_hour")
        return Teller(stream, self._routes, self._now(), room)

    def _take(self, step: Step) -> Booking:
        try:
            with self._lock:
                self.sync()  # all but the last moment's, while others may book
                refuse = self._refuse_unsure if step.kind == "confirm" else None
                is_planned = self._routes.ticket(step.ticket_id) is not None
                booking = self._ledger.take(step, self._now(), is_planned=is_planned, refuse=refuse)
                self.sync()
            self._keep()
            return booking
        except BookingConflictError as conflict:
            raise self._with_offers(conflict, step.ticket_id, None) from None

    def _refuse_unsure(self, stream: Stream, booking: Booking | None) -> None:
        """Refuse to promise a hold that is, by now, less sure than what may be promised."""
        routes = self._routes
        routes.follow(stream.since(routes.seq))
        if booking is None or booking.is_forced or routes.successor is not None:
            return  # on a plan that was replaced nothing can be told
        least = routes.planner.problem.policy.min_kept_probability
        if routes.board.kept().get(booking.ticket_id, 1.0) < least:
            raise too_unsure(booking)

    def _book(
        self, step: Step, ticket: Ticket | None, choice: Choice, *, hold: timedelta | None = None
    ) -> Booking:
        step.checked()
        try:
            with self._lock:
                with suppress(BookingConflictError):  # told below, unless the call is a repetition
                    self._refresh()
                with self._transaction() as stream:
                    booking = stream.answered(step)
                    if booking is None:
                        self._refuse_behind()
                        booking = self._teller(stream).book(step, ticket, choice, hold)
            self._keep()
            return booking
        except BookingConflictError as conflict:
            raise self._with_offers(conflict, step.ticket_id, ticket) from None

    def _with_offers(
        self, conflict: BookingConflictError, ticket_id: str, ticket: Ticket | None
    ) -> BookingConflictError:
        """Return a conflict with what stands, and fresh offers, where these are a way out."""
        booking = conflict.booking
        if booking is None:
            with suppress(AdapterError):  # the conflict itself is what was asked for
                booking = self.booking(ticket_id)
            conflict = conflict.with_booking(booking)
        ticket = ticket or self._routes.ticket(ticket_id)
        is_settled = booking is not None and booking.state == "done"
        if conflict.reason in _NO_WAY_OUT or ticket is None or is_settled:
            return conflict
        if not ticket.is_plannable or self._routes.is_fact(ticket):
            return conflict
        try:
            return conflict.with_offers(self.offer(ticket))
        except DispatchError:
            logger.warning("no offers beside a conflict of ticket %s", ticket_id)
            return conflict
