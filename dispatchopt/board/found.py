"""What a board takes and gives: tickets made ready, places found, how its routes stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from dispatchopt.instance import TicketRow
    from dispatchopt.models import Ticket
    from dispatchopt.rules.context import TicketFacts
    from dispatchopt.solvers.held import Legs

MOST_DISPLACED = 3
"""Visits next to each other that may give way to one ticket."""


@dataclass(frozen=True)
class Found:
    """A place for a ticket: on a shift, at a position, in a window.

    Attributes
    ----------
    window_index
        Which of the windows asked for.
    shift_idx, shift_id, position
        Where; the position counts the visits that have not started, from 0.
    added_cost
        What the plan costs more; the price of leaving the ticket out is not counted.
    start, end
        Of its service, in seconds from the start of the horizon.
    tardiness
        Seconds that it ends after its `due`.
    kept_probability
        That service starts in the window; 1 without a window.
    weakest, weakest_before
        The least such probability of another promise of that route afterwards, and what that one
        has now; 1 if there is none.
    weakens
        Whether another promise would fall below `Policy.min_kept_probability`, or further below.
    is_good
        Whether it may be promised: likely enough, and without weakening another promise.
    room_seconds
        Seconds of the shift that the visit itself takes.
    displaces
        Tickets that leave the plan for it.
    """

    window_index: int
    shift_idx: int
    shift_id: str
    position: int
    added_cost: int
    start: int
    end: int
    tardiness: int
    kept_probability: float
    weakest: float
    weakest_before: float
    weakens: bool
    is_good: bool
    room_seconds: int
    displaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A ticket compiled beside a board's problem, once for each window that it might be promised.

    Attributes
    ----------
    ticket, row
        The ticket and its numbers.
    legs, seconds
        Travel from and to its place; how long it lasts on each day played through.
    """

    ticket: Ticket
    row: TicketRow
    legs: Legs
    seconds: npt.NDArray[np.int32]

    @property
    def facts(self) -> tuple[TicketFacts, ...]:
        """The ticket with each window promised."""
        return self.row.facts

    @property
    def blocked(self) -> npt.NDArray[np.uint32]:
        """``uint32[S]``: bit i is set where rule i of the registry keeps the ticket off a shift."""
        blocked: npt.NDArray[np.uint32] = self.row.rows.blocked[0]
        return blocked


@dataclass(frozen=True)
class Standing:
    """How the routes of a board stand: with its problem, plan and seed, all that they follow from.

    Attributes
    ----------
    orders
        As `Board.orders` gives them; a shift that is absent has no visits.
    tickets
        Those that came or changed, in the order in which they did first.
    displaced
        Which ticket took the place of one that left for it, and on which shift.
    history
        Hash of all changes.
    """

    orders: Mapping[str, Sequence[str]]
    tickets: Sequence[Ticket]
    displaced: Mapping[str, tuple[str, str]]
    history: str
