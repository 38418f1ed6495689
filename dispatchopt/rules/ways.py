"""How a locked visit is reached where the travel table has no direct way: over other visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.models import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dispatchopt.rules.context import ShiftFacts, TicketFacts
    from dispatchopt.travel import TravelTimes


class Ways:
    """The least seconds from place to place, the visits on the way included.

    A table may lack the leg from A to B and still lead there over C, where a ticket waits. Whether
    that one can be served just then is not asked: the seconds are a lower bound.
    """

    def __init__(self, travel: TravelTimes, tickets: Iterable[TicketFacts]) -> None:
        self._travel = travel
        self._tickets = tuple(tickets)
        self._found: dict[tuple[str, int, int], Sequence[int]] = {}

    def seconds(self, shift: ShiftFacts, origin: int, destination: int) -> int:
        """Return the direct way, else the shortest over other visits, else `UNREACHABLE`."""
        direct = self.direct(shift, origin, destination)
        if direct < UNREACHABLE:
            return direct
        key = (shift.engineer.id, shift.profile, origin)
        if key not in self._found:
            self._found[key] = self._arrivals(shift, origin)
        return self._found[key][destination]

    def direct(self, shift: ShiftFacts, origin: int, destination: int) -> int:
        """Return what the table says."""
        return self._travel.between(shift.profile, origin, destination)

    def home(self, shift: ShiftFacts, place: int) -> int:
        """Return the way to the end of the shift, 0 if it ends anywhere."""
        return 0 if shift.end_place is None else self.seconds(shift, place, shift.end_place)

    def _arrivals(self, shift: ShiftFacts, origin: int) -> Sequence[int]:
        on_site: dict[int, int] = {}
        for ticket in self._tickets:
            is_locked = ticket.ticket.lock != "none" or ticket.ticket.is_started
            if not is_locked or ticket.ticket.assigned_engineer == shift.engineer.id:
                seconds = -(-ticket.duration * shift.engineer.duration_percent // 100)
                on_site[ticket.place] = min(seconds, on_site.get(ticket.place, seconds))
        return self._travel.by_stops(shift.profile, origin, on_site)
