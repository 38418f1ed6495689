"""What the locked visits of a shift overruled, as far as a route makes use of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dispatchopt.models import Overridden
from dispatchopt.rules import breaks, max_visits, parts, shift_hours, travel_time
from dispatchopt.rules.wording import clock, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.rules.context import Context
    from dispatchopt.rules.views import RouteView

WAIVED_FOR_VISITS = frozenset(
    {
        "skills",
        "territory",
        "refused_engineers",
        "crew",
        "prerequisites",
        "standby",
        "windows",
        "latest",
    }
)
"""Rules that a pinned visit overrules on its own shift: facts beat rules."""

WAIVED_FOR_SHIFTS = tuple(
    rule.NAME for rule in (max_visits, parts, travel_time, breaks, shift_hours)
)
"""Rules that pinned visits overrule for their shift as a whole, as far as they must."""


def overruled(ctx: Context, route: RouteView) -> Iterator[Overridden]:
    """Yield the rules of the whole shift that this route breaks and its locked visits overrule."""
    if not route.shift.pinned or not route.stops:
        return
    for rule, detail in _beyond(ctx, route):
        yield Overridden(rule=rule, shift_id=route.shift.id, detail=detail)


def _beyond(ctx: Context, route: RouteView) -> Iterator[tuple[str, str]]:
    shift = route.shift
    most = shift.shift.max_visits
    if most is not None and len(route.stops) > most:
        yield max_visits.NAME, f"{len(route.stops)} visits, locked ones among them, of {most}"
    if shift.stock is not None:
        needed: Counter[str] = Counter()
        for stop in route.stops:
            needed.update(stop.ticket.ticket.parts or {})
        for part, amount in needed.items():
            if amount > shift.stock.get(part, 0):
                detail = (
                    f"{amount} of {part} for locked visits, {shift.stock.get(part, 0)} in stock"
                )
                yield parts.NAME, detail
    if shift.started and shift.end_place is None and not shift.shift.ends_anywhere:
        yield travel_time.NAME, "no way home from the started visit"
    for pause, _ in breaks.lacking(route, (*shift.pauses, *shift.waived)):
        if pause in shift.waived:
            hours = f"between {clock(ctx, pause.earliest)} and {clock(ctx, pause.latest)}"
            yield breaks.NAME, f"no room beside locked visits for the break that begins {hours}"
    late = route.end - shift.limit - shift.shift.max_overtime
    if late > 0:
        detail = f"for locked visits the route ends {spell(late)} after its latest end"
        yield shift_hours.NAME, detail
