"""Hard: each break is taken in time, whole, outside service; or the route ends by its latest."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView, RouteView, Violation

if TYPE_CHECKING:
    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context
    from dispatchopt.timeline import Pause

NAME = "breaks"


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find routes without a needed break, and breaks that lie inside a service or each other."""
    found = Outcome()
    for route in plan.routes:
        if route.stops and not _all_taken(route):
            message = "a break is missing, too short, or outside its hours"
            found.violations.append(Violation(NAME, message, None, route.shift.id))
        busy = sorted([*route.breaks, *((stop.start, stop.end) for stop in route.stops)])
        for first, second in pairwise(busy):
            if second[0] < first[1] and (first in route.breaks or second in route.breaks):
                message = "a break overlaps service or another break"
                found.violations.append(Violation(NAME, message, None, route.shift.id))
    return found


def _all_taken(route: RouteView) -> bool:
    """Whether the stated breaks can be matched to the shift's so that none is missing."""
    pauses = route.shift.pauses
    stated: list[tuple[int, int] | None] = [*route.breaks, *([None] * len(pauses))]
    return any(
        all(_is_kept(route, pause, taken) for pause, taken in zip(pauses, chosen, strict=True))
        for chosen in permutations(stated, len(pauses))
    )


def _is_kept(route: RouteView, pause: Pause, taken: tuple[int, int] | None) -> bool:
    if taken is None:
        return route.end <= pause.latest
    start, end = taken
    on_time = pause.earliest <= start <= pause.latest and end - start >= pause.duration
    return on_time and route.shift.begin <= start and end <= route.end


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the breaks that still lie ahead."""
    for shift in ctx.shifts.values():
        for pause in shift.pauses:
            forms.add_pause(forms.shift_index[shift.id], *pause)
