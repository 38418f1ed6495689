"""The routes that a ledger's events make of a plan: the same in every process."""

from __future__ import annotations

import hashlib
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.json_files import plan_digest, to_json
from dispatchopt.adapters.local_time import Clock
from dispatchopt.board import Board
from dispatchopt.booking.stream import ids_in
from dispatchopt.errors import BookingConflictError, InternalError, InvalidProblemError
from dispatchopt.models import Ticket
from dispatchopt.solve import hash_problem
from dispatchopt.windows.forced import forced_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dispatchopt.board import Found
    from dispatchopt.booking.states import BookingEvent
    from dispatchopt.booking.stream import Stream
    from dispatchopt.errors import Issue
    from dispatchopt.forms import Int64Array
    from dispatchopt.models import Plan, Problem, Window
    from dispatchopt.solve import Planner

_TAKES: Final = frozenset(("hold", "reschedule", "report", "place"))
_GIVES_BACK: Final = frozenset(("expire", "release"))
_WITHOUT_STEP: Final = frozenset(("contact", "dispatch", "place", "ticket"))
_LEAVES: Final = frozenset(("cancel", "missed", "park", "revisit"))


def _key(problem: Problem, plan: Plan, seed: int) -> str:
    """Return a hash of all that the routes follow from, beside the events."""
    text = f"{hash_problem(problem)} {plan_digest(to_json(plan))}"
    if seed:  # other days make other places the surest of a route
        text = f"{text} {seed}"
    return hashlib.sha256(text.encode()).hexdigest()


def bare(ticket: Ticket) -> dict[str, Any]:  # Any: JSON
    """Return a ticket as an event keeps it: without `attributes`, where people may stand."""
    return ticket.model_dump(mode="json", exclude={"attributes"})


class Routes:
    """A plan, changed by the events of a ledger one after the other.

    An event says what was decided (which ticket, shift, window); that, and the events before it,
    settle the routes. So nothing is decided twice, and every process has the same ones.

    Parameters
    ----------
    planner, plan, seed
        As for `Board`.

    Attributes
    ----------
    board
        The routes as they are now.
    key
        Hash of problem, plan and seed.
    seq
        The last event that was applied.
    kept_seq
        The last one after which the ledger may have kept the routes (`upkeep`).
    until
        When each hold expires.
    successor
        The plan that took over since; the routes are left as they were then.
    """

    def __init__(self, planner: Planner, plan: Plan, *, seed: int) -> None:
        self.planner, self.plan = planner, plan
        self.board = Board(planner, plan, seed=seed)
        self.key = _key(planner.problem, plan, seed)
        self.seq = self.kept_seq = 0
        self.until: dict[str, datetime] = {}
        self.successor: str | None = None
        self._home = {
            ticket_id: shift_id for ticket_id, (shift_id, _) in self.board.starts().items()
        }
        """Where the plan visits each ticket: one whose hold comes to nothing goes back there."""

    def copy(self) -> Routes:
        """Return the same routes, to be changed apart."""
        other = copy(self)
        other.board, other.until = self.board.copy(), dict(self.until)
        return other

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket as it is now."""
        return self.board.ticket(ticket_id)

    def spans(self, window: Window) -> bool:
        """Whether a window lies within the days that are planned, or reaches into them."""
        horizon = self.planner.problem.horizon
        return window.close >= horizon.start and window.open < horizon.end

    def is_fact(self, ticket: Ticket) -> bool:
        """Whether a visit is under way, over, or fixed to its time: it stays where it is."""
        return ticket.status == "done" or self.board.is_fact(ticket)

    def waiting_for(self, ticket_id: str) -> list[Ticket]:
        """Return the tickets on routes that may be served only once another one is over."""
        planned = (self.ticket(other) for other in self.board.starts())
        return [
            ticket
            for ticket in planned
            if ticket is not None and ticket_id in (ticket.after or ()) and not self.is_fact(ticket)
        ]

    def faults_of(self, ticket: Ticket) -> Sequence[Issue]:
        """Return why a ticket contradicts the problem; facts and what is not open are taken so."""
        if not ticket.is_plannable or self.is_fact(ticket):
            return ()
        try:
            self.board.refuse(ticket)
        except InvalidProblemError as error:
            return error.issues
        return ()

    def engineer_of(self, shift_id: str) -> str:
        """Return whose shift it is."""
        return self.board.compiled.ctx.shifts[shift_id].engineer.id

    def begin(self, stream: Stream, seq: int) -> None:
        """Begin at the event by which the plan took over."""
        self.seq = self.kept_seq = seq
        held = stream.bookings(ids_in(("held",)))
        self.until = {b.ticket_id: b.expires_at for b in held if b.expires_at is not None}

    def behind(self, successor: str) -> BookingConflictError:
        """Return the conflict that another plan has taken over."""
        return BookingConflictError(
            "PLAN_CHANGED",
            f"The ledger books on plan '{successor}', this desk is on '{self.plan.plan_id}', or "
            "has another problem or seed. Read both anew and call rebase; to let a new plan take "
            "over, call Desk.publish.",
        )

    def follow(self, events: Iterable[BookingEvent]) -> None:
        """Do what events say that have not been applied yet."""
        for event in events:
            if event.seq <= self.seq:
                continue
            if event.kind == "plan":
                self.successor = event.plan_id
            elif self.successor is None:
                self.apply(event)
            self.seq = event.seq

    def leave(self, ticket_id: str) -> None:
        """Take a visit out, if there is one.

        Where the table of travel knows no way past it, visits beside it have to leave, too: each
        goes to the best place that there is.
        """
        known = self.ticket(ticket_id)
        if known is None or self.is_fact(known) or self.board.shift_of(ticket_id) is None:
            return
        for other in self.board.remove(ticket_id):
            ticket = self.ticket(other)
            assert ticket is not None
            self._go_to_best(ticket, ticket.appointment, None)

    def put(self, ticket: Ticket, shift_id: str, window: Window | None) -> None:
        """Put a visit on a shift, instead of where it was.

        Raises
        ------
        InternalError
            If a promise has no place there: the routes are not those on which it was decided.
        """
        if self.board.insert(ticket, shift_id, window) is None and window is not None:
            raise InternalError(
                f"shift {shift_id} has no place for ticket '{ticket.id}' after event {self.seq}"
            )

    def apply(self, event: BookingEvent) -> None:
        """Do what an event says."""
        ticket_id = event.ticket_id
        assert ticket_id is not None
        if event.kind not in _WITHOUT_STEP or "state" in event.detail:
            self.until.pop(ticket_id, None)
        if event.kind == "hold" and event.expires_at is not None:
            self.until[ticket_id] = event.expires_at
        if event.kind in _TAKES:
            if not event.detail.get("is_kept"):
                self._take(event)
        elif event.kind in _GIVES_BACK:
            self._give_back(ticket_id)
        elif event.kind in _LEAVES:
            self.leave(ticket_id)
        elif event.kind == "ticket":
            self._update(event)

    def _take(self, event: BookingEvent) -> None:
        ticket, window = self._known(event), event.window
        if ticket is None:
            return  # of a day that this plan does not have
        for other in event.detail.get("displaces", ()):
            self.leave(other)
        if event.shift_id is not None:
            self.put(ticket, event.shift_id, window)
            return
        self.leave(ticket.id)
        # Promised without a place: the plan has to say that it breaks a promise.
        if window is not None and not self.spans(window):
            window = None
        if not self.is_fact(ticket):
            self.board.update(ticket.model_copy(update={"appointment": window}))

    def _known(self, event: BookingEvent) -> Ticket | None:
        """Return the ticket of an event, with the attributes that the problem has of it."""
        assert event.ticket_id is not None
        before, raw = self.ticket(event.ticket_id), event.detail.get("ticket")
        if raw is None:
            return before
        attributes = {} if before is None else before.attributes
        return Ticket.model_validate({**raw, "attributes": attributes})

    def _give_back(self, ticket_id: str) -> None:
        """Take a visit out; one that was planned anyway goes back there, or where it still fits."""
        self.leave(ticket_id)
        ticket, home = self.ticket(ticket_id), self._home.get(ticket_id)
        if ticket is not None and home is not None:
            self._go_to_best(ticket, None, home)

    def _go_to_best(self, ticket: Ticket, window: Window | None, wanted_shift: str | None) -> None:
        place = best_of(self.board.places(ticket, [window]), wanted_shift, window)
        if place is not None:
            self.board.insert(ticket, place.shift_id, window)

    def _update(self, event: BookingEvent) -> None:
        """Take over a ticket that changed; where it has to go then stands in the next event.

        Until then it stays on its shift if it can: others may have no way past it.
        """
        ticket = self._known(event)
        if ticket is None or self.is_fact(ticket):
            return
        before, shift_id = self.ticket(ticket.id), self.board.shift_of(ticket.id)
        window = None if before is None else before.appointment
        if (
            shift_id is not None
            and ticket.is_plannable
            and self.board.insert(ticket, shift_id, window) is not None
        ):
            return
        self.leave(ticket.id)
        self.board.update(ticket)


_WHY: Final = {
    "TOO_SOON": "it is over or within the lead time, or the ticket is not to be served as early",
    "OUTSIDE_WISHES": "it lies outside the windows that the ticket asks for",
    "OUTSIDE_VISITING_HOURS": "it lies outside the visiting hours, {hours}",
    "AFTER_SERVICE_LIMIT": "the ticket has to be done before",
    "NO_SHIFT": "nobody works then",
    "NO_ENGINEER": "nobody who works then may serve the ticket",
    "NO_ROOM": "no engineer has room for it beside what is promised",
    "WOULD_WEAKEN_PROMISE": "another promise would become too unsure",
    "TOO_UNCERTAIN": "it is too unsure that service would start inside it",
}
"""What is told beside the code of a conflict."""


def chosen(places: Sequence[Found], wanted_shift: str | None) -> Found | None:
    """Return the place on the shift wanted, else the cheapest; None if there is none."""
    return min(places, key=lambda place: _rank(place, wanted_shift), default=None)


def _rank(place: Found, wanted_shift: str | None) -> tuple[bool, int, int]:
    return place.shift_id != wanted_shift, place.added_cost, place.shift_idx


def best_of(
    places: Sequence[Found], wanted_shift: str | None, window: Window | None
) -> Found | None:
    """Return the place of a promise that stands anyway: the surest kind that there is.

    One that may be promised goes before one that only weakens no other promise, and that before the
    rest. A visit without a window has no place at the expense of a promise.
    """
    kinds = (
        [place for place in places if place.is_good],
        [place for place in places if not place.weakens],
        places if window is not None else (),
    )
    return next((chosen(kind, wanted_shift) for kind in kinds if kind), None)


def not_possible(
    board: Board, ticket: Ticket, window: Window, reason: str, way_out: str = ""
) -> BookingConflictError:
    """Return the conflict that a window cannot be had, and why."""
    span = Clock(board.compiled.problem.zone).window_text(window.open, window.close)
    hours = board.compiled.problem.policy.visiting_hours
    why = _WHY[reason].format(hours=f"{hours.open}-{hours.close}")
    told = f"Ticket '{ticket.id}': the window {span} is not possible: {why}.{way_out}"
    return BookingConflictError(reason, told)


def place_for(
    board: Board,
    ticket: Ticket,
    window: Window,
    *,
    shift_id: str | None,
    forced: bool,
    room_per_hour: Int64Array | None = None,
) -> Found:
    """Return the place that a window takes.

    Parameters
    ----------
    shift_id
        Taken rather than others; next, the one that an offer of the window would name.
    forced
        However unsure; other promises are kept all the same.
    room_per_hour
        As for `Board.best_places`.

    Raises
    ------
    BookingConflictError
        If there is none.
    """
    found = board.places(ticket, [window])
    fit = [place for place in found if (not place.weakens if forced else place.is_good)]
    if fit:
        if all(place.shift_id != shift_id for place in fit):
            # Risk and room count beside cost: the engineer is the one whom an offer names.
            shift_id = board.best_places(ticket, [window], room_per_hour)[0].shift_id
        return min(fit, key=lambda place: _rank(place, shift_id))
    if not found:
        reason = forced_on(board, ticket, window).reason or "NO_ROOM"
    elif all(place.weakens for place in found):
        reason = "WOULD_WEAKEN_PROMISE"
    else:
        reason = "TOO_UNCERTAIN"
    raise not_possible(board, ticket, window, reason)
