"""What a rule judges: a plan in plain seconds; and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts


class Stop(NamedTuple):
    """A visit in seconds from the start of the horizon."""

    ticket: TicketFacts
    departure: int
    arrival: int
    start: int
    end: int


@dataclass(frozen=True)
class RouteView:
    """A route in seconds: visits in order, breaks as ``(start, end)``."""

    shift: ShiftFacts
    stops: tuple[Stop, ...]
    start: int
    end: int
    breaks: tuple[tuple[int, int], ...] = ()

    def legs(self, ctx: Context) -> Iterator[tuple[int, int, int]]:
        """Yield ``(free_from, due_by, travel)`` for each leg, the way home last.

        A started visit has no leg: the engineer is there.
        """
        place, free = self.shift.start_place, self.shift.begin
        for stop in self.stops:
            if stop.ticket.id == self.shift.started:
                free = max(self.shift.begin, stop.end)
                continue
            yield free, stop.start, ctx.travel_seconds(self.shift, place, stop.ticket.place)
            place, free = stop.ticket.place, stop.end
        if self.shift.end_place is not None and self.stops:
            way = ctx.travel_seconds(self.shift, place, self.shift.end_place)
            yield free, self.end, way

    def travel_seconds(self, ctx: Context) -> int:
        """Travel of the whole route in seconds, first and return leg included."""
        return sum(travel for _, _, travel in self.legs(ctx))


@dataclass(frozen=True)
class PlanView:
    """A plan in seconds: its routes, and the plannable tickets that it leaves out."""

    routes: tuple[RouteView, ...]
    unserved: tuple[TicketFacts, ...]

    def visits(self) -> Iterator[tuple[RouteView, Stop]]:
        """Yield every visit with its route."""
        for route in self.routes:
            for stop in route.stops:
                yield route, stop


class Violation(NamedTuple):
    """A hard rule broken: where, and by what."""

    rule: str
    message: str
    ticket_id: str | None = None
    shift_id: str | None = None


@dataclass
class Outcome:
    """What a rule found: its part of the cost, and what breaks it."""

    cost: int = 0
    violations: list[Violation] = field(default_factory=list)
