"""How a ticket comes to a board: refused with all its faults, or compiled into rows."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from dispatchopt.board.found import Prepared
from dispatchopt.chance import NUM_SAMPLES, Spreads, sample
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.forms import FOREVER
from dispatchopt.instance import compile_ticket, compile_tickets
from dispatchopt.models.cross_check import check_ticket
from dispatchopt.rules.pins import is_fixed
from dispatchopt.solvers.held import UNPROMISED, Legs, Line
from dispatchopt.travel import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dispatchopt.chance import Spread
    from dispatchopt.instance import Compiled, TicketRow
    from dispatchopt.models import Ticket, Window
    from dispatchopt.rules.context import TicketFacts

PARCEL = 500
"""Tickets compiled at once: their tables have a column for every shift."""


class Door:
    """Compiles tickets one by one beside a compiled problem, and refuses what has no place there.

    Parameters
    ----------
    compiled
        The problem.
    seed
        Of the days that are played through.
    """

    def __init__(self, compiled: Compiled, seed: int) -> None:
        self._compiled, self._seed = compiled, seed
        self._spreads = Spreads(compiled.problem)
        self._reach = Reach(compiled.problem.travel, compiled.ctx.travel)

    def copy(self) -> Door:
        """Return another one that can grow by itself."""
        other = copy(self)
        other._reach = self._reach.copy()
        return other

    def spread_of(self, facts: TicketFacts) -> Spread:
        """Return how long a ticket may take at 100 %."""
        return self._spreads.of(facts)

    def is_fact(self, ticket: Ticket) -> bool:
        """Whether the ticket is, or was at the start, begun or locked to its time."""
        return is_fixed(ticket) or ticket.id in self._compiled.ctx.pins

    def refuse_fact(self, ticket: Ticket) -> None:
        """Raise `InvalidProblemError` for a fact."""
        if self.is_fact(ticket):
            raise InvalidProblemError([_fact(ticket)])

    def refuse(
        self, ticket: Ticket, windows: Sequence[Window | None], changed: Mapping[str, Ticket]
    ) -> None:
        """Raise `InvalidProblemError` for a ticket that has no place here, with all its faults.

        `changed` are the tickets that came or changed since the problem was compiled, by id.
        """
        problem, known = self._compiled.problem, set(changed)
        if ticket.after:
            known |= {other.id for other in problem.tickets}
        issues = check_ticket(problem, ticket.model_copy(update={"appointment": None}), known)
        for window in windows:
            if window is not None and window.close < window.open:
                promised = ticket.model_copy(update={"windows": (), "appointment": window})
                found = check_ticket(problem, promised, known)
                issues += [issue for issue in found if issue.field == "appointment"]
        if not ticket.is_plannable:
            message = "is not to be visited; set it to open first"
            issues.append(Issue("ticket", ticket.id, "status", ticket.status, message))
        elif self.is_fact(ticket):
            issues.append(_fact(ticket))
        if issues:
            raise InvalidProblemError(issues)

    def prepare(
        self, ticket: Ticket, windows: Sequence[Window | None], changed: Mapping[str, Ticket]
    ) -> Prepared:
        """Compile a ticket with each window promised; raise as `refuse` does."""
        if not windows:
            raise ValueError("places are looked for in one window at least; None is any time")
        self.refuse(ticket, windows, changed)
        return self._prepared(
            ticket, compile_ticket(self._compiled, ticket, windows, changed=changed)
        )

    def prepare_again(
        self, tickets: Sequence[Ticket], changed: Mapping[str, Ticket]
    ) -> Iterator[Prepared]:
        """Compile tickets that had a place before, each with its appointment; in parcels.

        Nothing is refused, and what `prepare` made of each is made again.
        """
        for begin in range(0, len(tickets), PARCEL):
            some = tickets[begin : begin + PARCEL]
            rows = compile_tickets(self._compiled, some, changed=changed)
            for ticket, row in zip(some, rows, strict=True):
                if not row.facts[0].is_promised:
                    # Its price of being left out is the one that it has without the others.
                    row = compile_ticket(self._compiled, ticket, changed=changed)
                yield self._prepared(ticket, row)

    def _prepared(self, ticket: Ticket, row: TicketRow) -> Prepared:
        rows = row.rows
        # No rule keeps a ticket off a shift, or prices it there, because of its appointment.
        assert (rows.blocked == rows.blocked[0]).all()
        assert (rows.assign_cost == rows.assign_cost[0]).all()
        place = self._reach.add(ticket.place)
        legs = Legs(*self._reach.legs(place), place)
        seconds = sample(ticket.id, self._spreads.of(row.facts[0]), NUM_SAMPLES, self._seed)
        return Prepared(ticket, row, legs, seconds)

    def line(self, row: TicketRow, r: int) -> Line:
        """Return one of a ticket's rows as the kernels hold it."""
        rows, window = row.rows, row.facts[r].ticket.appointment
        ctx = self._compiled.ctx
        promise = UNPROMISED
        if window is not None:
            promise = ctx.seconds(window.open), ctx.seconds(window.close)
        return Line(
            blocked=rows.blocked[r] != 0,
            assign=rows.assign_cost[r],
            windows=rows.window[r, : rows.num_windows[r]].tolist(),
            pieces=[piece for piece in rows.time_cost[r].tolist() if piece[0] < FOREVER],
            duration=rows.duration[r],
            latest=int(rows.latest[r]),
            skip=int(rows.skip_cost[r]),
            demand=dict(zip(rows.capacity_names, rows.demand[r].tolist(), strict=True)),
            promise=promise,
            is_free=not row.facts[r].is_promised,
        )


def _fact(ticket: Ticket) -> Issue:
    message = (
        "has begun, or is or was locked to its time: it has its place; plan the whole problem anew "
        "if that is to change"
    )
    return Issue("ticket", ticket.id, "lock", ticket.lock, message)
