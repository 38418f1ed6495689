"""Windows proposed for all tickets of a plan that have none, chosen together."""

from __future__ import annotations

from typing import Literal

from dispatchopt.models.base import Id, Instant, Model, Seconds, Window
from dispatchopt.models.plan import Share

NotProposed = Literal[
    "UNSERVED",
    "UNDER_WAY",
    "TOO_SOON",
    "OUTSIDE_WISHES",
    "OUTSIDE_VISITING_HOURS",
    "AFTER_SERVICE_LIMIT",
    "TOO_UNCERTAIN",
    "WOULD_WEAKEN_PROMISE",
]
"""Why a ticket gets no window.

``UNSERVED``: the plan leaves it out. ``UNDER_WAY``: the engineer is on site. ``TOO_SOON``: it is
planned within the lead time. ``OUTSIDE_WISHES``, ``OUTSIDE_VISITING_HOURS``,
``AFTER_SERVICE_LIMIT``: what the customer's wishes, the visiting hours or `latest` leave around its
planned start is too short. ``TOO_UNCERTAIN``: no window is wide enough for
`Policy.min_kept_probability`. ``WOULD_WEAKEN_PROMISE``: every such window would weaken what is
promised, or the windows of others.
"""


class Proposal(Model):
    """A window that can be promised beside all the others proposed.

    Attributes
    ----------
    start
        When service starts as planned; inside the window.
    duration_p50, duration_p80
        Seconds on site that half, and four of five, such visits of this engineer stay within.
    kept_probability
        That service starts inside the window if every proposal is promised; no less if only some
        are.
    """

    ticket_id: Id
    window: Window
    shift_id: Id
    engineer_id: Id
    engineer_name: str | None = None
    start: Instant
    duration_p50: Seconds
    duration_p80: Seconds
    kept_probability: Share

    @property
    def width_minutes(self) -> int:
        """Minutes from the window's open to its close, rounded up."""
        return -(-int((self.window.close - self.window.open).total_seconds()) // 60)


class Proposals(Model):
    """Windows for a plan's unbooked tickets; all can be promised together, or any of them.

    Attributes
    ----------
    proposals
        In the order of the plan.
    not_proposed
        Tickets without a window, with the reason.
    is_narrowest
        Whether no choice proposes more windows, or as many in less time altogether.
    """

    proposals: tuple[Proposal, ...]
    not_proposed: dict[Id, NotProposed]
    is_narrowest: bool
