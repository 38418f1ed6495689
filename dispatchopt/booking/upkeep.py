"""Routes brought to where the ledger is: from where they were kept last, then event by event.

No transaction is open while routes change: a start may take seconds, and nobody waits for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dispatchopt import __version__
from dispatchopt.board import Standing
from dispatchopt.booking.rebase import Rebased, rebased_of
from dispatchopt.booking.routes import bare
from dispatchopt.errors import AdapterError
from dispatchopt.models import Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.booking.ledger import Ledger
    from dispatchopt.booking.routes import Routes
    from dispatchopt.booking.stream import Stream

logger = logging.getLogger(__name__)

KEPT_EVERY: Final = 250
"""Events after which a desk keeps its routes in the ledger.

So many take a second to be done again; to keep the routes of 4000 bookings takes 0.14 s (8000
events on 650 shifts).
"""


@dataclass(frozen=True)
class Snapshot:
    """The routes after an event.

    Attributes
    ----------
    plan_id
        The plan that bookings are tested on.
    key
        Of all that the routes follow from, beside the events.
    seq
        The event.
    until
        When each hold expires.
    standing
        Of the board.
    """

    plan_id: str
    key: str
    seq: int
    until: Mapping[str, datetime]
    standing: Standing

    def to_row(self) -> dict[str, Any]:  # Any: a row
        """Return the row of the ledger: no `attributes`, where people may stand."""
        standing = self.standing
        document = json.dumps(
            {
                "until": {ticket_id: at.isoformat() for ticket_id, at in self.until.items()},
                "orders": {shift_id: order for shift_id, order in standing.orders.items() if order},
                "tickets": [bare(ticket) for ticket in standing.tickets],
                "displaced": dict(standing.displaced),
                "history": standing.history,
            },
            ensure_ascii=False,
        )
        return {
            "plan_key": self.key,
            "version": __version__,
            "seq": self.seq,
            "digest": _digest(document),
            "document": document,
        }


def snapshot(routes: Routes) -> Snapshot | None:
    """Return how the routes are now, if that is to be kept: many events have come since."""
    if routes.seq - routes.kept_seq < KEPT_EVERY or routes.successor is not None:
        return None
    routes.kept_seq = routes.seq
    standing, until = routes.board.standing(), dict(routes.until)
    return Snapshot(routes.plan.plan_id, routes.key, routes.seq, until, standing)


def keep(found: Snapshot, ledger: Ledger) -> None:
    """Keep routes in the ledger instead of those kept before, unless another desk has just done so.

    A ledger that does not take them is no fault: the next start takes longer.
    """
    try:
        with ledger.reading() as stream:
            if found.seq - _kept_seq(stream, found) < KEPT_EVERY:
                return
        row = found.to_row()
        with ledger.writing() as stream:
            if stream.plan_id == found.plan_id and _kept_seq(stream, found) < found.seq:
                stream.keep_routes(row)
    except AdapterError as error:
        logger.warning("routes after event %d are not kept: %s", found.seq, error)


def _kept_seq(stream: Stream, found: Snapshot) -> int:
    return stream.kept_seq(found.key, __version__)


def catch_up(routes: Routes, ledger: Ledger) -> int:
    """Do what was booked since, until there is nothing new; return how many events that were."""
    before = routes.seq
    while events := ledger.events(since=routes.seq):
        routes.follow(events)
    return routes.seq - before


def replay(routes: Routes, ledger: Ledger) -> None:
    """Do on fresh routes what was booked since their plan took over.

    Raises
    ------
    BookingConflictError
        If the ledger is on another plan, or on another problem.
    """
    with ledger.reading() as stream:
        last = stream.last_plan()
        if last is None or last.detail.get("key") != routes.key:
            raise routes.behind(stream.plan_id or "")
        routes.begin(stream, last.seq)
        kept = stream.kept_routes(routes.key, __version__)
    if kept is not None and kept["seq"] >= last.seq:
        _restore(routes, kept)
    catch_up(routes, ledger)


def taken_over(fresh: Routes, stream: Stream) -> Rebased | None:
    """Return what became of the bookings when the plan took over; None if it has not."""
    last = stream.last_plan()
    if last is None or last.detail.get("key") != fresh.key:
        return None
    return rebased_of(fresh.plan.plan_id, last.detail)


def _restore(routes: Routes, kept: Mapping[str, Any]) -> None:  # Any: a row
    """Bring fresh routes to where others were; leave them alone if what is kept is damaged."""
    board = routes.board.copy()
    try:
        if kept["digest"] != _digest(kept["document"]):
            raise ValueError("its digest is another one")
        document = json.loads(kept["document"])
        until = {
            ticket_id: datetime.fromisoformat(at) for ticket_id, at in document["until"].items()
        }
        board.restore(_standing(routes, document))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = "routes kept after event %d are of no use, so all events are done again: %s"
        logger.warning(text, kept["seq"], type(error).__name__)
        return
    routes.board, routes.until = board, until
    routes.seq = routes.kept_seq = kept["seq"]


def _standing(routes: Routes, document: Mapping[str, Any]) -> Standing:  # Any: JSON
    """Return what was kept, with the attributes that the problem has of each ticket."""
    attributes = {ticket.id: ticket.attributes for ticket in routes.planner.problem.tickets}
    tickets = [
        Ticket.model_validate({**raw, "attributes": attributes.get(raw["id"], {})})
        for raw in document["tickets"]
    ]
    displaced = {ticket_id: (by, on) for ticket_id, (by, on) in document["displaced"].items()}
    return Standing(document["orders"], tickets, displaced, document["history"])


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()
