"""The ledger of bookings and a night: its windows are planned with, and its desks get the plan."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.json_files import read_problem, write_problem
from dispatchopt.errors import BookingConflictError
from dispatchopt.report.matched import match_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from dispatchopt.booking import Ledger, Rebased
    from dispatchopt.booking.agreed import Agreed
    from dispatchopt.models import Plan, Problem, Rejected
    from dispatchopt.night.config import BookingsConfig
    from dispatchopt.night.nights import Night
    from dispatchopt.report.contact import FirstContact

PROBLEM: Final = "problem.json"
"""The problem of a night as it was planned: what desks start from, together with its plan."""

FILES: Final = (PROBLEM, "problem.travel-*.npy")


class Bookings:
    """The ledger of a night's settings; without one everything stays as it is.

    Parameters
    ----------
    clock
        Tells which holds are over.
    """

    def __init__(self, config: BookingsConfig, clock: Callable[[], datetime]) -> None:
        self._ledger: Ledger | None = None
        if config.url is not None:
            # Loaded here: databases are an extra.
            from dispatchopt.booking import Ledger

            self._ledger = Ledger(config.url, clock=clock)

    @property
    def is_on(self) -> bool:
        """Whether there is a ledger."""
        return self._ledger is not None

    def agreed(self, problem: Problem) -> Agreed:
        """Return the problem with the windows of the ledger; holds that are over expire first."""
        from dispatchopt.booking.agreed import with_bookings

        assert self._ledger is not None
        self._ledger.expire()
        return with_bookings(problem, self._ledger)

    def plan_of(self, night: Night) -> Plan | None:
        """Return the plan of a night with what was booked on it; None if another one is booked on.

        The night's own plan does not know these promises, and could not protect them.
        """
        path = night.folder / PROBLEM
        if self._ledger is None or not path.exists():
            return None
        from dispatchopt.booking.agreed import plan_with_bookings

        try:
            return plan_with_bookings(read_problem(path).problem, night.plan(), self._ledger)
        except BookingConflictError:
            return None

    def late(
        self, problem: Problem, plan: Plan, rejected: Iterable[Rejected]
    ) -> tuple[Problem, Plan, Rebased]:
        """Return the plan with what was booked while it was made."""
        from dispatchopt.booking.agreed import with_late_bookings

        assert self._ledger is not None
        return with_late_bookings(problem, plan, self._ledger, rejected=rejected)

    def take_over(self, night: Night, contact: Callable[[Problem], FirstContact]) -> Rebased | None:
        """Let the plan of a night be the one that desks book on; safe to repeat.

        The first contact of every visit is due from then on.
        """
        path = night.folder / PROBLEM
        if self._ledger is None or not path.exists():
            return None
        from dispatchopt.booking import Desk

        problem, plan = read_problem(path).problem, night.plan()
        _, rebased = Desk.publish(problem, plan, self._ledger)
        self._ledger.dispatched(_deadlines(problem, plan, contact(problem)), plan_id=plan.plan_id)
        return rebased


def problem_files(problem: Problem) -> dict[str, bytes]:
    """Return the files of a problem as desks read it, by name."""
    with tempfile.TemporaryDirectory(prefix="dispatchopt-") as folder:
        write_problem(problem, Path(folder) / PROBLEM)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def told_of(agreed: Agreed) -> dict[str, Any]:  # Any: JSON
    """Return counts for the journal."""
    names = ("taken", "added", "later", "withdrawn")
    return {name: len(getattr(agreed, name)) for name in names}


def warnings_of(agreed: Agreed) -> list[str]:
    """Return what somebody has to look at before the plan is made."""
    found = []
    if agreed.added:
        ids = ", ".join(agreed.added)
        found.append(f"Booked, but not in the input, and planned as booked: {ids}.")
    found += [f"Booked, not in the input, and left out: {issue}" for issue in agreed.issues]
    return found


def conflicts_of(rebased: Rebased) -> list[str]:
    """Return what somebody has to look at now that the plan stands."""
    found = []
    if rebased.conflicts:
        ids = ", ".join(rebased.conflicts)
        found.append(f"Promised, but the plan has no room: call these customers: {ids}.")
    if rebased.lost_holds:
        ids = ", ".join(rebased.lost_holds)
        found.append(f"Held, but the plan has no room: released: {ids}.")
    if rebased.unsure:
        ids = ", ".join(rebased.unsure)
        found.append(f"Booked, and less sure now than may be promised: offer anew: {ids}.")
    return [*found, *weakened_of(rebased)]


def weakened_of(rebased: Rebased) -> list[str]:
    """Return which promises are too unsure because of bookings that were put in beside them."""
    if not rebased.weakened:
        return []
    ids = ", ".join(rebased.weakened)
    return [f"Promised, and too unsure now beside bookings that were put in: {ids}."]


def _deadlines(problem: Problem, plan: Plan, contact: FirstContact) -> dict[str, datetime]:
    found = {
        visit.ticket.id: contact.by(visit, route.shift)
        for route in match_plan(problem, plan)
        for visit in route.visits
    }
    return {ticket_id: at for ticket_id, at in found.items() if at is not None}
