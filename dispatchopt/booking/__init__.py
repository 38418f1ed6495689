"""Bookings: windows held, promised, changed and kept, in a ledger that forgets nothing.

::

    ledger = Ledger("sqlite:///bookings.db")
    desk = Desk(problem, plan, ledger)
    offers = desk.offer(ticket)
    held = desk.hold(ticket, offers[0], request_id="call-17")
    desk.confirm(ticket.id, request_id="call-17-yes", version=held.version)
"""

from __future__ import annotations

from dispatchopt.booking.desk import Desk
from dispatchopt.booking.ledger import Ledger
from dispatchopt.booking.rebase import Rebased
from dispatchopt.booking.states import Booking, BookingEvent

__all__ = ["Booking", "BookingEvent", "Desk", "Ledger", "Rebased"]
