"""What becomes of bookings when another plan takes over: kept, put in again, or told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.booking.routes import bare, best_of
from dispatchopt.booking.states import PLACED
from dispatchopt.booking.steps import Step
from dispatchopt.booking.stream import event_of, ids_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dispatchopt.booking.routes import Routes
    from dispatchopt.booking.states import Booking
    from dispatchopt.booking.stream import Stream
    from dispatchopt.models import Problem, Ticket


@dataclass(frozen=True, slots=True)
class Rebased:
    """What became of the bookings, by ticket ids.

    Attributes
    ----------
    plan_id
        The plan that took over.
    kept
        The plan itself keeps their windows.
    reinserted
        Booked or changed since the plan was made from them; they were put into it.
    conflicts
        Promised, and no route of the plan has room: somebody has to call these customers.
    lost_holds
        Held, and no route has room: released, so that a confirmation raises a conflict.
    weakened
        Less surely kept than `Policy.min_kept_probability`, for a promise was put in beside them.
    unsure
        Put in, or held and kept by the plan, and less sure than that: nobody should confirm such a
        hold, and a confirmation raises a conflict.
    outside
        Their windows lie outside the plan's days.
    ended
        Their tickets are done, cancelled or parked by now, and so are the bookings.
    """

    plan_id: str
    kept: tuple[str, ...] = ()
    reinserted: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    lost_holds: tuple[str, ...] = ()
    weakened: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many there are of each kind."""
        return {name: len(getattr(self, name)) for name in _LISTS}

    def to_detail(self) -> dict[str, list[str]]:
        """Return the lists as the event keeps them."""
        return {name: list(getattr(self, name)) for name in _LISTS}


_ACTIVE: Final = ("held", "confirmed")
_LISTS: Final = (
    "kept", "reinserted", "conflicts", "lost_holds", "weakened", "unsure", "outside", "ended",
)  # fmt: skip


def rebased_of(plan_id: str, detail: Mapping[str, Any]) -> Rebased:  # Any: JSON
    """Return what an event kept."""
    return Rebased(plan_id, **{name: tuple(detail.get(name, ())) for name in _LISTS})


def news(problem: Problem, stream: Stream) -> list[Ticket]:
    """Return the tickets with appointments that the ledger has never seen.

    Another appointment than the ledger's is news if no event of the ticket has that window; if one
    has, the problem was made before the ledger's last word, and that one counts.
    """
    promised = [t for t in problem.tickets if t.is_plannable and t.appointment is not None]
    seen = stream.windows(ticket.id for ticket in promised)
    return [ticket for ticket in promised if ticket.appointment not in seen.get(ticket.id, ())]


@dataclass(frozen=True, slots=True)
class Booked:
    """What a ledger has booked, read at once, for the routes of a new plan.

    Attributes
    ----------
    told
        Tickets of the problem whose promise the ledger has never seen.
    active
        Other bookings that take a window.
    tickets
        Of these, by id, as far as the problem lacks them.
    over
        Bookings that take none any more.
    """

    told: Sequence[Ticket]
    active: Sequence[Booking]
    tickets: Mapping[str, Ticket]
    over: Sequence[Booking]

    @classmethod
    def read(cls, routes: Routes, stream: Stream) -> Booked:
        """Read what the ledger has."""
        told = news(routes.planner.problem, stream)
        ids = {ticket.id for ticket in told}
        active = [b for b in stream.bookings(ids_in(_ACTIVE)) if b.ticket_id not in ids]
        unknown = [b.ticket_id for b in active if routes.ticket(b.ticket_id) is None]
        over = stream.bookings(~ids_in((*PLACED, "unbooked")))
        return cls(told, active, stream.tickets(unknown), over)


@dataclass
class Reconciliation:
    """Brings the routes of a new plan in line with what is booked.

    Parameters
    ----------
    routes
        Of the new plan; they are changed by the same events that `write` appends.
    at
        When it takes over.
    """

    routes: Routes
    at: datetime
    lists: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in _LISTS})
    steps: list[tuple[Step, dict[str, Any]]] = field(default_factory=list)  # Any: see `append`

    def of(self, booked: Booked) -> Reconciliation:
        """Go through all bookings: promises before holds, the older before the newer."""
        for ticket in booked.told:
            self._report(ticket)
        self._withdraw(booked.over)
        for booking in sorted(booked.active, key=lambda b: (b.state == "held", b.seq)):
            self._settle(booking, booked.tickets.get(booking.ticket_id))
        return self

    @property
    def rebased(self) -> Rebased:
        """What became of the bookings."""
        plan_id = self.routes.plan.plan_id
        return Rebased(plan_id, **{name: tuple(ids) for name, ids in self.lists.items()})

    def write(self, stream: Stream) -> Rebased:
        """Append the plan and what became of the bookings."""
        detail = {"key": self.routes.key, **self.rebased.to_detail()}
        stream.adopt(self.routes.plan.plan_id, self.at, detail)
        for step, fields in self.steps:
            stream.append(step, self.at, **fields)
        return self.rebased

    def _report(self, ticket: Ticket) -> None:
        """Take note of a promise that the ledger has not seen."""
        shift_id = self.routes.board.shift_of(ticket.id)
        self.lists["conflicts" if shift_id is None else "kept"].append(ticket.id)
        detail = {"is_forced": True, "is_kept": True, "ticket": bare(ticket)}
        self._add(Step("report", ticket.id, window=ticket.appointment), shift_id, detail)

    def _withdraw(self, over: Iterable[Booking]) -> None:
        """Take back the promises of the problem whose bookings have ended since."""
        for booking in over:
            ticket = self.routes.ticket(booking.ticket_id)
            if ticket is not None and ticket.appointment == booking.window is not None:
                # A hold that came to nothing leaves a visit that was planned; others are off.
                is_off = booking.state not in ("expired", "released")
                shift_id = None if is_off else self.routes.board.shift_of(ticket.id)
                self._add(Step("place", ticket.id), shift_id, {})

    def _settle(self, booking: Booking, kept: Ticket | None) -> None:
        ticket_id, window = booking.ticket_id, booking.window
        assert window is not None
        board = self.routes.board
        ticket = self.routes.ticket(ticket_id) or kept
        if ticket is None or not self.routes.spans(window):
            self.lists["outside"].append(ticket_id)
            if booking.shift_id is not None or board.shift_of(ticket_id) is not None:
                self._add(Step("place", ticket_id, window=window), None, {})
            return
        if not ticket.is_plannable:
            self.lists["ended"].append(ticket_id)
            said = {"ticket": bare(ticket), "state": ticket.status}
            self._add(Step("ticket", ticket_id, said=said), None, {})
            return
        planned, is_fact = board.shift_of(ticket_id), self.routes.is_fact(ticket)
        if is_fact or (planned is not None and ticket.appointment == window):
            self.lists["kept"].append(ticket_id)
            doubt = {} if is_fact or booking.state != "held" else self._doubt(ticket_id)
            if not is_fact and (planned != booking.shift_id or doubt):
                step = Step("place", ticket_id, window=window)
                self._add(step, planned, {"is_kept": True, **doubt})
            return
        # What only the ledger knows may name places or engineers that are gone.
        is_faulty = bool(self.routes.faults_of(ticket))
        place = (
            None if is_faulty else best_of(board.places(ticket, [window]), booking.shift_id, window)
        )
        detail: dict[str, Any] = {} if is_faulty else {"ticket": bare(ticket)}  # Any: JSON
        if place is not None and not (booking.state == "held" and place.weakens):
            self.lists["reinserted"].append(ticket_id)
            if place.kept_probability < self._least:
                detail |= self._unsure(ticket_id, place.kept_probability)
            before = board.kept() if place.weakens else {}
            self._add(Step("place", ticket_id, window=window), place.shift_id, detail)
            self._note_weakened(ticket_id, before)
        elif booking.state == "held":
            self.lists["lost_holds"].append(ticket_id)
            self._add(Step("release", ticket_id, said={"reason": "NO_ROOM"}), None, {})
        else:
            self.lists["conflicts"].append(ticket_id)
            self._add(Step("place", ticket_id, window=window), None, detail)

    @property
    def _least(self) -> float:
        return self.routes.planner.problem.policy.min_kept_probability

    def _doubt(self, ticket_id: str) -> dict[str, Any]:  # Any: JSON
        """Return what is said of a held window that the plan keeps; nothing if it is sure."""
        told = self.routes.board.kept().get(ticket_id, 1.0)
        return self._unsure(ticket_id, told) if told < self._least else {}

    def _unsure(self, ticket_id: str, told: float) -> dict[str, Any]:  # Any: JSON
        self.lists["unsure"].append(ticket_id)
        return {"kept_probability": told, "is_unsure": True}

    def _note_weakened(self, ticket_id: str, before: Mapping[str, float]) -> None:
        """Note the other promises that have become too unsure, or less sure still."""
        now = self.routes.board.kept() if before else {}
        for other, told in before.items():
            is_weaker = now.get(other, told) < min(told, self._least)
            if is_weaker and other != ticket_id and other not in self.lists["weakened"]:
                self.lists["weakened"].append(other)

    def _add(self, step: Step, shift_id: str | None, detail: dict[str, Any]) -> None:
        engineer_id = None if shift_id is None else self.routes.engineer_of(shift_id)
        fields = {"shift_id": shift_id, "engineer_id": engineer_id, "detail": detail}
        self.steps.append((step, fields))
        known = {**fields, "detail": {**step.said, **detail}}
        self.routes.apply(event_of(step, 1, self.at, **known))
