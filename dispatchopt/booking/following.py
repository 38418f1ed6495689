"""A plan in memory that follows a ledger: what every desk has, whatever it offers and books."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC
from threading import RLock
from typing import TYPE_CHECKING

from dispatchopt.booking.rebase import Booked, Rebased, Reconciliation
from dispatchopt.booking.routes import Routes
from dispatchopt.booking.upkeep import catch_up, keep, replay, snapshot, taken_over
from dispatchopt.solve import Planner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, tzinfo

    from dispatchopt.booking.ledger import Ledger
    from dispatchopt.booking.states import Booking
    from dispatchopt.booking.stream import Stream
    from dispatchopt.models import Plan, Problem, Ticket
    from dispatchopt.shadow import ShadowPrices

logger = logging.getLogger(__name__)


class Following:
    """A plan that is where its ledger is, and gives way to the next one; threads may share it."""

    _routes: Routes
    _prices: ShadowPrices | None

    def _set_up(self, ledger: Ledger, seed: int, clock: Callable[[], datetime] | None) -> None:
        self._ledger, self._seed = ledger, seed
        self._clock = clock or ledger.now
        self._lock = RLock()

    @property
    def ledger(self) -> Ledger:
        """Where the bookings are kept."""
        return self._ledger

    @property
    def version(self) -> str:
        """The state of plan and bookings; equal states in several processes have equal ones."""
        with self._lock:
            return self._routes.board.version

    def plan(self) -> Plan:
        """Return the plan with all that was booked; the checker accepts it."""
        with self._lock:
            self.sync()
            plan, base = self._routes.board.plan(), self._routes.plan.plan_id
            version = f"{base[:150]}+{self._routes.seq}"
        return plan.model_copy(update={"plan_id": version, "base_version": base})

    def problem(self) -> Problem:
        """Return the problem with all tickets that came and all windows that are taken."""
        with self._lock:
            self.sync()
            return self._routes.board.problem()

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket of the plan or of the ledger; None if neither knows it."""
        with self._lock:
            self.sync()
            return self._routes.ticket(ticket_id) or self._ledger.ticket(ticket_id)

    @property
    def zone(self) -> tzinfo:
        """The time zone of days and display."""
        return self._routes.planner.problem.zone

    def booking(self, ticket_id: str) -> Booking | None:
        """Return what stands with a ticket's customer."""
        return self._ledger.booking(ticket_id)

    def sync(self) -> int:
        """Take over what was booked elsewhere; return how many events that were."""
        with self._lock:
            return catch_up(self._routes, self._ledger)

    def rebase(
        self,
        problem: Problem | Planner,
        plan: Plan,
        *,
        shadow_prices: ShadowPrices | None = None,
    ) -> Rebased:
        """Let a new plan take over.

        Windows held or promised that the plan does not keep are put into it, promises first; none
        of them moves. What finds no room is reported. Doing it again changes nothing; another
        program that did it first has done it for all.
        """
        fresh = self._read(problem, plan)
        with self._ledger.reading() as stream:
            rebased = taken_over(fresh, stream)
        if rebased is None:
            with self._ledger.writing() as stream:
                rebased = taken_over(fresh, stream) or self._take_over(stream, fresh)
            fresh.follow(stream.appended)
        if not fresh.seq:  # another program was first
            replay(fresh, self._ledger)
        with self._lock:
            self._routes, self._prices = fresh, shadow_prices
        self._keep()
        logger.info("plan %s took over: %s", plan.plan_id, rebased.counts())
        return rebased

    def _read(self, problem: Problem | Planner, plan: Plan) -> Routes:
        planner = problem if isinstance(problem, Planner) else Planner(problem)
        return Routes(planner, plan, seed=self._seed)

    def _begun(self, routes: Routes) -> Routes:
        """Bring fresh routes to where the ledger is; their plan takes over if it is the first."""
        if self._ledger.plan_id() is None:
            with self._ledger.writing() as stream:
                if stream.plan_id is None:
                    self._take_over(stream, routes)
            routes.follow(stream.appended)
        if not routes.seq:
            replay(routes, self._ledger)
        return routes

    def _take_over(self, stream: Stream, routes: Routes) -> Rebased:
        """Let the plan of fresh routes take over; they follow once it is committed."""
        booked = Booked.read(routes, stream)
        rebased = Reconciliation(routes.copy(), self._now()).of(booked).write(stream)
        routes.begin(stream, stream.appended[0].seq)
        return rebased

    def _keep(self) -> None:
        """Let the next desk start from these routes, if many events have come since it was told."""
        with self._lock:
            found = snapshot(self._routes)
        if found is not None:
            keep(found, self._ledger)

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def _refuse_behind(self) -> None:
        if self._routes.successor is not None:
            raise self._routes.behind(self._routes.successor)

    @contextmanager
    def _transaction(self) -> Iterator[Stream]:
        """Be the only one that books, and know all that was booked.

        The routes follow before it is committed: what they could not follow, no desk could.
        """
        self.sync()  # all but the last moment's, while others may book
        with self._ledger.writing() as stream:
            self._routes.follow(stream.since(self._routes.seq))
            yield stream
            after = self._routes
            if stream.appended:
                after = after.copy()
                after.follow(stream.appended)
        self._routes = after
