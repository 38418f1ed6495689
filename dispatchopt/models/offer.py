"""Offers of appointment windows, and what a window asked for would take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dispatchopt.models.base import Count, Id, Instant, Model, Seconds, Window
from dispatchopt.models.plan import Share

CostUnits = Annotated[int, Field(strict=True, gt=-(2**53), lt=2**53)]
"""A cost, or a change of one: seconds of an engineer's working time."""

NotOffered = Literal[
    "TOO_SOON",
    "OUTSIDE_WISHES",
    "OUTSIDE_VISITING_HOURS",
    "AFTER_SERVICE_LIMIT",
    "NO_SHIFT",
    "NO_ENGINEER",
    "NO_ROOM",
    "TOO_UNCERTAIN",
    "WOULD_WEAKEN_PROMISE",
    "NOT_AMONG_BEST",
]
"""Why a candidate window is not offered.

``TOO_SOON``: past, or within the lead time. ``OUTSIDE_WISHES``: the customer did not ask for it.
``AFTER_SERVICE_LIMIT``: too late for `due` or `latest`. ``NO_SHIFT``: nobody works then.
``NO_ENGINEER``: rules keep the ticket out of every shift of that time. ``NO_ROOM``: it fits
nowhere beside what is promised. ``TOO_UNCERTAIN``: below `Policy.min_kept_probability`.
``WOULD_WEAKEN_PROMISE``: another promise would fall below it. ``NOT_AMONG_BEST``: possible, but
others are better or lie better spread.
"""


class GradeParts(Model):
    """The parts of an offer's price in cost units; the less, the better the grade.

    Attributes
    ----------
    added_cost
        What the plan costs more with it, the time cost of the ticket itself apart.
    tardiness
        The ticket's own price of ending so late (delay and lateness).
    risk
        `Policy.missed_window_cost` times the chance of missing the window.
    room
        Time taken from more urgent work, at its shadow price; 0 while that is unknown.
    """

    added_cost: CostUnits = 0
    tardiness: CostUnits = 0
    risk: CostUnits = 0
    room: CostUnits = 0

    @property
    def total(self) -> int:
        """The offer's whole price."""
        return self.added_cost + self.tardiness + self.risk + self.room


class Offer(Model):
    """A window that can be promised, by whom and how surely.

    Attributes
    ----------
    offer_id
        The same for the same window and place in the same state of the plan.
    window
        Service would start inside it.
    start
        When service would start as planned now.
    duration_p50, duration_p80
        Seconds on site that half, and four of five, such visits of this engineer stay within.
    kept_probability
        That service starts inside the window.
    added_cost
        What the plan costs more with it, `displaces` included.
    grade
        100 is free; see `docs/offers.md`.
    displaces
        Tickets without a promise that would be left out for it.
    is_after_due
        Whether the window opens after the service limit.
    is_fallback
        Whether it is one of `Policy.fallback_slots`.
    version
        The state of plan and bookings that it belongs to.
    """

    offer_id: Id
    ticket_id: Id
    window: Window
    shift_id: Id
    engineer_id: Id
    engineer_name: str | None = None
    start: Instant
    duration_p50: Seconds
    duration_p80: Seconds
    kept_probability: Share
    added_cost: CostUnits
    grade: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    grade_parts: GradeParts
    displaces: tuple[Id, ...] = ()
    is_after_due: bool = False
    is_fallback: bool = False
    version: Id


class Offers(list[Offer]):
    """Offers, the best first, and what became of the other candidates.

    Parameters
    ----------
    offers
        The offers.
    ticket_id
        The ticket that they are for.
    version
        The state of plan and bookings that they belong to.
    not_offered
        Number of candidate windows by reason (`NotOffered`).
    blocked_by
        Of the shifts that rules keep the ticket out of, their number by rule.
    """

    def __init__(
        self,
        offers: list[Offer] | tuple[Offer, ...] = (),
        *,
        ticket_id: str,
        version: str,
        not_offered: dict[str, int] | None = None,
        blocked_by: dict[str, int] | None = None,
    ) -> None:
        super().__init__(offers)
        self.ticket_id = ticket_id
        self.version = version
        self.not_offered = dict(not_offered or {})
        self.blocked_by = dict(blocked_by or {})

    def __repr__(self) -> str:
        """Show the offers and the counts."""
        return (
            f"Offers({list(self)!r}, ticket_id={self.ticket_id!r}, version={self.version!r}, "
            f"not_offered={self.not_offered!r}, blocked_by={self.blocked_by!r})"
        )


class Moved(Model):
    """A visit that would start at another time or on another shift."""

    ticket_id: Id
    from_start: Instant
    to_start: Instant
    from_shift: Id
    to_shift: Id


class Forced(Model):
    """What a window would take that the customer insists on.

    Attributes
    ----------
    is_feasible
        Whether a plan holds it that breaks no rule and no promise.
    reason
        Why not; absent if it is feasible.
    offer
        The window as an offer, however unsure; absent if it is not feasible.
    price
        Its whole price in cost units (`GradeParts.total`); 0 if it is not feasible.
    moves
        Visits whose start or shift would change.
    displaces
        Tickets without a promise that would be left out for it.
    breaks_rules
        Number of shifts that each rule keeps the ticket out of.
    """

    ticket_id: Id
    window: Window
    is_feasible: bool
    reason: Id | None = None
    offer: Offer | None = None
    price: CostUnits = 0
    moves: tuple[Moved, ...] = ()
    displaces: tuple[Id, ...] = ()
    breaks_rules: dict[Id, Count] = {}
