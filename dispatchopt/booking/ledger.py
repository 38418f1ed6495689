"""The ledger: every hold, promise and change of a booking, kept for good in a database."""

from __future__ import annotations

import logging
import tempfile
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import finalize

from dispatchopt.adapters.database.connect import Link, file_url
from dispatchopt.adapters.database.migrations import require_current, schema_status, upgrade
from dispatchopt.booking.steps import Step, Steps
from dispatchopt.booking.stream import Stream, ids_in
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dispatchopt.booking.states import Booking, BookingEvent, State
    from dispatchopt.models import Ticket

logger = logging.getLogger(__name__)

ACTIVE: Final[tuple[State, ...]] = ("held", "confirmed")
"""States in which a window is taken."""


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger(Steps):
    """Bookings in SQLite or PostgreSQL: events that are never changed, and what stands after them.

    Every call is one transaction, and writers come one after the other: what was committed is
    there, whole, whoever is killed when. Holding a window takes a `Desk`, which knows the routes.

    Parameters
    ----------
    where
        A file (SQLite), or a URL: ``sqlite:///bookings.db``,
        ``postgresql+psycopg://planner@db/dispatch``. Tables are made in a database that has none of
        ours; older ones are brought up to date by ``dispatchopt database migrate``. Absent: a
        temporary file that goes with this object.
    clock
        Tells the time, for tests.

    Raises
    ------
    AdapterError
        If it is no such URL; every method, if the database cannot be used.
    """

    def __init__(
        self, where: str | Path | None = None, *, clock: Callable[[], datetime] = _now
    ) -> None:
        if where is None:
            folder = tempfile.TemporaryDirectory(prefix="dispatchopt-")
            finalize(self, folder.cleanup)
            where = Path(folder.name) / "bookings.db"
        url = where if isinstance(where, str) and "://" in where else file_url(where)
        self._link = Link(url, is_kept=True)
        finalize(self, self._link.close)
        self._clock = clock
        self._is_ready = False
        self._first = threading.Lock()

    def __repr__(self) -> str:
        """Return the URL without its password."""
        return f"Ledger({self._link.name!r})"

    def close(self) -> None:
        """Close the connections that are kept; the next call opens new ones."""
        self._link.close()

    @contextmanager
    def writing(self) -> Iterator[Stream]:
        """Open a transaction as the only writer: all that it appends, or nothing.

        Keep it short: other callers wait.
        """
        self._prepare()
        with self._link.short_writing() as connection:
            yield Stream(connection).lock()

    @contextmanager
    def reading(self) -> Iterator[Stream]:
        """Open a transaction that sees one state of the ledger."""
        self._prepare()
        with self._link.reading() as connection:
            yield Stream(connection).look()

    def now(self) -> datetime:
        """Return the time in UTC, in whole seconds."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def booking(self, ticket_id: str) -> Booking | None:
        """Return what stands with a ticket's customer; None if nothing ever did."""
        with self.reading() as stream:
            return stream.booking(ticket_id)

    def bookings(self, *states: State) -> list[Booking]:
        """Return bookings, those whose last change is oldest first.

        Parameters
        ----------
        states
            Only those in one of these states; none: all.
        """
        with self.reading() as stream:
            return stream.bookings(*([ids_in(states)] if states else []))

    def events(self, *, since: int = 0) -> list[BookingEvent]:
        """Return what happened after an event, in order."""
        with self.reading() as stream:
            return stream.since(since)

    def history(self, ticket_id: str) -> list[BookingEvent]:
        """Return all that happened to a ticket: every window, who asked for it, who consented."""
        with self.reading() as stream:
            return stream.history(ticket_id)

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket as it was when it was booked or changed last, without its attributes."""
        with self.reading() as stream:
            return stream.tickets([ticket_id]).get(ticket_id)

    def plan_id(self) -> str | None:
        """Return the plan that bookings are tested on; None before the first."""
        with self.reading() as stream:
            return stream.plan_id

    def expire(self, *, at: datetime | None = None) -> list[Booking]:
        """Let every hold expire whose time is over; return these.

        Parameters
        ----------
        at
            The time that counts; default: now.
        """
        with self.writing() as stream:
            return stream.expire(at or self.now())

    def dispatched(
        self, contact_by: Mapping[str, datetime], *, plan_id: str, by: str = "dispatchopt"
    ) -> int:
        """Record that tickets were released to their engineers; return how many are new.

        Parameters
        ----------
        contact_by
            By when each customer is to be called first. Of a ticket that was released before the
            first deadline stands.
        plan_id
            Of the plan released; releasing it again changes nothing.
        """
        count = 0
        with self.writing() as stream:
            for ticket_id, deadline in contact_by.items():
                said = {"plan_id": plan_id, "contact_by": deadline.astimezone(UTC).isoformat()}
                known = stream.booking(ticket_id)
                if known is None or known.contact_by is None:
                    stream.append(Step("dispatch", ticket_id, by=by, said=said), self.now())
                    count += 1
        return count

    def take(
        self,
        step: Step,
        at: datetime,
        *,
        is_planned: bool | None = None,
        refuse: Callable[[Stream, Booking | None], None] | None = None,
    ) -> Booking:
        """Take a step that needs no look at routes; desks do it by their own clock.

        Parameters
        ----------
        is_planned
            Whether the plan knows the ticket, which may never have been booked; None: nobody can
            tell.
        refuse
            Raises a conflict where the booking, as it stands, speaks against the step.
        """
        with self.writing() as stream:
            found = stream.answered(step)
            if found is None:
                before = stream.allowed(step, at, is_planned=is_planned)
                if refuse is not None:
                    refuse(stream, before)
                found = stream.append(step, at)
                logger.info("booking of %s: %s", step.ticket_id, step.kind)
            return found

    def _take(self, step: Step) -> Booking:
        return self.take(step, self.now())

    def _prepare(self) -> None:
        """Make the tables where there are none of ours; refuse others than this program's."""
        with self._first:
            if self._is_ready:
                return
            file = self._link.file
            if file is None or file.exists():
                with self._link.reading() as connection:
                    if schema_status(connection).version:
                        require_current(self._link, connection)
                        self._is_ready = True
                        return
            elif not file.parent.is_dir():
                file.parent.mkdir(parents=True, exist_ok=True)
            upgrade(self._link)
            self._is_ready = True
            if self._link.is_sqlite:
                self._write_ahead()

    def _write_ahead(self) -> None:
        """Let readers and the writer of a SQLite file not wait for each other.

        A commit then takes 0.6 instead of 12 ms (100 rows of 500 bytes on this project's machine).
        The file remembers it; where it is not to be had, or somebody is at work, it stays as it is.
        """
        with suppress(AdapterError), self._link.autocommit() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
