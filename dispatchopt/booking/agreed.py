"""From the ledger into the next night's problem, and from its plan back to the customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dispatchopt.booking.rebase import Booked, Rebased, Reconciliation, news
from dispatchopt.booking.routes import Routes
from dispatchopt.booking.stream import ids_in
from dispatchopt.booking.upkeep import replay
from dispatchopt.models import Problem
from dispatchopt.models.cross_check import check_ticket
from dispatchopt.promises import still_weakened
from dispatchopt.solve import Planner, hash_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dispatchopt.booking.ledger import Ledger
    from dispatchopt.booking.states import Booking
    from dispatchopt.booking.stream import Stream
    from dispatchopt.errors import Issue
    from dispatchopt.models import Plan, Rejected, Ticket


@dataclass(frozen=True, slots=True)
class Agreed:
    """A problem with the windows of a ledger.

    Attributes
    ----------
    problem
        As it is to be planned.
    taken
        Tickets whose window comes from the ledger.
    added
        Tickets that the problem lacked; they are planned as they were booked.
    later
        Tickets booked for a day beyond the horizon; their status is ``parked`` for this plan.
    withdrawn
        Tickets with an appointment that the ledger knows to be over: cancelled, put off, missed.
    issues
        Tickets that the problem lacks and that cannot be added, with the fault.
    """

    problem: Problem
    taken: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()


def with_bookings(problem: Problem, ledger: Ledger) -> Agreed:
    """Return a problem in which every window held or promised is an appointment.

    An appointment of the problem that the ledger has never seen stands: the ticketing system knows
    better. One that the ledger has seen is older than the ledger's last word, and gives way to it.
    A held window is kept free until it expires.
    """
    with ledger.reading() as stream:
        agreement = _Agreement(problem, stream, {t.id for t in news(problem, stream)})
    return agreement.reached()


def plan_with_bookings(problem: Problem, plan: Plan, ledger: Ledger) -> Plan:
    """Return the plan that the ledger books on with all that was booked on it, under its own id.

    What the next plan starts from: by it promises are known that came since.

    Raises
    ------
    BookingConflictError
        If the ledger is on another plan or problem.
    """
    routes = Routes(Planner(problem), plan, seed=0)
    replay(routes, ledger)
    found = routes.board.plan()
    return found.model_copy(
        update={
            "plan_id": plan.plan_id,
            "base_version": plan.base_version,
            "rejected": plan.rejected,
        }
    )


def with_late_bookings(
    problem: Problem,
    plan: Plan,
    ledger: Ledger,
    *,
    rejected: Iterable[Rejected] = (),
    seed: int = 0,
) -> tuple[Problem, Plan, Rebased]:
    """Return a plan with what was booked while it was made, its problem, and what came of it.

    Nothing is written: the plan takes over when it is published (`Desk.publish`). If nothing
    changed since, problem and plan are those given.
    """
    routes = Routes(Planner(problem, rejected=rejected), plan, seed=seed)
    before = routes.board.version
    with ledger.reading() as stream:
        booked = Booked.read(routes, stream)
    work = Reconciliation(routes, ledger.now()).of(booked)
    if routes.board.version == before:
        return problem, plan, work.rebased
    changed, origin = routes.board.problem(), plan.provenance
    if origin is not None:
        origin = origin.model_copy(update={"input_hash": hash_problem(changed)})
    found = routes.board.plan()
    weakened = still_weakened(plan, found, problem.policy)
    update = {"provenance": origin, "weakened_promises": weakened}
    return changed, found.model_copy(update=update), work.rebased


class _Agreement:
    def __init__(self, problem: Problem, stream: Stream, told: set[str]) -> None:
        self._problem, self._told = problem, told
        self._active = {b.ticket_id: b for b in stream.bookings(ids_in(("held", "confirmed")))}
        over = stream.bookings(
            ids_in(("cancelled", "expired", "released", "missed", "parked", "revisit"))
        )
        self._over = {booking.ticket_id for booking in over}
        known = {ticket.id for ticket in problem.tickets}
        self._missing = stream.tickets(self._active.keys() - known)
        self._lists: dict[str, list[str]] = {
            name: [] for name in ("taken", "added", "later", "withdrawn")
        }

    def reached(self) -> Agreed:
        """Return the problem as it is to be planned."""
        tickets = [self._agreed(ticket) for ticket in self._problem.tickets]
        issues: list[Issue] = []
        for ticket_id, ticket in sorted(self._missing.items()):
            found = self._added(ticket_id, ticket, issues)
            if found is not None:
                tickets.append(found)
        fields: dict[str, Any] = {
            name: getattr(self._problem, name) for name in self._problem.model_fields_set
        }
        problem = Problem(**{**fields, "tickets": tuple(tickets)})
        lists = {name: tuple(ids) for name, ids in self._lists.items()}
        return Agreed(problem, **lists, issues=tuple(issues))

    def _agreed(self, ticket: Ticket) -> Ticket:
        """Return a ticket of the problem with what was agreed."""
        booking = self._active.get(ticket.id)
        if not ticket.is_plannable or ticket.is_started or ticket.id in self._told:
            return ticket
        if booking is None:
            if ticket.appointment is None or ticket.id not in self._over:
                return ticket
            self._lists["withdrawn"].append(ticket.id)
            return ticket.model_copy(update={"appointment": None})
        if self._is_later(booking):
            self._lists["later"].append(ticket.id)
            return ticket.model_copy(update={"appointment": None, "status": "parked"})
        self._lists["taken"].append(ticket.id)
        return ticket.model_copy(update={"appointment": booking.window})

    def _added(self, ticket_id: str, ticket: Ticket, issues: list[Issue]) -> Ticket | None:
        """Return a ticket that the problem lacks, if its window lies in the horizon."""
        booking = self._active[ticket_id]
        assert booking.window is not None
        if self._is_later(booking) or booking.window.close < self._problem.horizon.start:
            return None
        ticket = ticket.model_copy(update={"appointment": booking.window})
        known = {other.id for other in self._problem.tickets} | set(self._missing)
        found = check_ticket(self._problem, ticket, known)
        if found:
            issues.extend(found)
            return None
        self._lists["added"].append(ticket_id)
        return ticket

    def _is_later(self, booking: Booking) -> bool:
        assert booking.window is not None
        return booking.window.open >= self._problem.horizon.end
