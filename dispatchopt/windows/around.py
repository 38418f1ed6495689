"""The windows that may be proposed around a planned start."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple

from dispatchopt.solvers.cpsat.choice import Choice
from dispatchopt.timeline import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.models.proposal import NotProposed
    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts

SHORTEST: Final = 1800
"""Seconds below which a window is none."""

QUARTER: Final = 900
"""The lead time ends, and the latest start lies, on a quarter hour, as people tell times."""

GRID_MINUTES: Final = 30
LENGTHS: Final = (60, 120, 180, 240)
"""Minutes of windows besides the policy's slots; they open on the half hour."""


class Around(NamedTuple):
    """Windows around a planned start.

    Attributes
    ----------
    opens
        From when on the visit may be served where it gets no window.
    choices
        All of them; the lighter, the better.
    """

    opens: int
    choices: tuple[Choice, ...]

    def opening_by(self, second: int) -> tuple[Choice, ...]:
        """Return those that are open by then, or from the first second possible on."""
        by = max(second, min(choice.opens for choice in self.choices))
        return tuple(choice for choice in self.choices if choice.opens <= by)


def windows_around(
    ctx: Context, ticket: TicketFacts, shift: ShiftFacts, start: int
) -> Around | NotProposed:
    """Return the windows that hold a planned start, or why there is none.

    The policy's slots and half-days, cut by the customer's wishes, the visiting hours, `latest` and
    the lead time, and one to four hours from each half hour on that lie within all of these.
    Narrower ones weigh less; among equally narrow ones the policy's own, then those that close
    later.
    """
    policy, zone = ctx.problem.policy, ctx.problem.zone
    day = ctx.instant(start).astimezone(zone).date()

    def at(minute: int) -> int:
        return ctx.seconds(wall_clock(day, minute, zone))

    now = ctx.problem.now or ctx.problem.horizon.start
    hours = policy.visiting_hours
    wish = next((w for w in ticket.windows if w[0] <= start <= w[1]), (start, start))
    latest = FOREVER if ticket.latest == FOREVER else ticket.latest - ctx.duration(ticket, shift)
    soonest = ctx.seconds(now) + 60 * policy.offer_lead_minutes
    past = int(ctx.problem.horizon.start.timestamp()) % QUARTER
    limits: tuple[tuple[NotProposed, int, int], ...] = (
        ("OUTSIDE_WISHES", *wish),
        ("OUTSIDE_VISITING_HOURS", at(hours.open_minute), at(hours.close_minute)),
        ("AFTER_SERVICE_LIMIT", 0, latest - (latest + past) % QUARTER),
        ("TOO_SOON", soonest + -(soonest + past) % QUARTER, FOREVER),
    )
    first, last = 0, FOREVER
    for reason, opens, closes in limits:
        first, last = max(first, opens), min(last, closes)
        if last - first < SHORTEST or not first <= start <= last:
            return reason
    slots = [
        (at(s.open_minute), at(s.close_minute)) for s in (*policy.slots, *policy.fallback_slots)
    ]
    whole = {
        (at(opens), at(closes)): False
        for opens, closes in _grid()
        if first <= at(opens) and at(closes) <= last
    }
    whole.update({(max(first, opens), min(last, closes)): True for opens, closes in slots})
    fit = sorted(
        (-closes, opens, is_slot)
        for (opens, closes), is_slot in whole.items()
        if closes - opens >= SHORTEST and opens <= start <= closes
    )
    if not fit:
        return "OUTSIDE_VISITING_HOURS"
    choices = tuple(
        Choice(opens, -closes, ((-closes - opens) * 2 + (not is_slot)) * len(fit) + rank)
        for rank, (closes, opens, is_slot) in enumerate(fit)
    )
    return Around(wish[0], choices)


def _grid() -> Iterator[tuple[int, int]]:
    for length in LENGTHS:
        for opens in range(0, 24 * 60 - length + 1, GRID_MINUTES):
            yield opens, opens + length


def wall_clock(day: date, minute: int, zone: tzinfo) -> datetime:
    """Return a minute of a local day, by its wall clock, in UTC.

    A time that clocks skip is as much later; of one that they show twice the first counts.
    """
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    return local.replace(tzinfo=zone).astimezone(UTC)
