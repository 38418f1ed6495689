"""By when an engineer calls the customer first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dispatchopt.models import Shift
    from dispatchopt.report.matched import TimedVisit

CONTACT_MINUTES: Final = 30
"""First contact so long after the plan is released: an operator's own rule (China Unicom's
修障联系及时率 counts 30 minutes from acceptance)."""


@dataclass(frozen=True, slots=True)
class FirstContact:
    """The deadline of the first call, counted from the plan's release.

    Attributes
    ----------
    released_at
        When the engineers get the plan; None: each when the shift begins.
    minutes
        The customer is called within so many minutes of it, and before the engineer leaves for the
        visit.
    """

    released_at: datetime | None = None
    minutes: int = CONTACT_MINUTES

    def by(self, visit: TimedVisit, shift: Shift) -> datetime | None:
        """Return the deadline of a visit; None for one under way, which needs no call."""
        if visit.ticket.is_started:
            return None
        released = shift.start if self.released_at is None else self.released_at
        return max(released, min(released + timedelta(minutes=self.minutes), visit.departure))
