"""Hard: each break is taken in time, whole, outside service; or the route ends by its latest.

A break that nobody asked for may be taken, within the route.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from dispatchopt.rules.views import Outcome, PlanView, RouteView, Violation
from dispatchopt.rules.wording import clock, spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context
    from dispatchopt.timeline import Pause

NAME = "breaks"
SHIFTS_ALONE = True

Taken = tuple[int, int]
"""A stated break: start and end."""


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find needed breaks that a route lacks, and breaks that lie where none can be taken."""
    found = Outcome()
    for route in plan.routes:
        told: list[Taken | None] = []
        if route.stops:
            for pause, near in lacking(route, route.shift.pauses):
                message = _fault(ctx, route, pause, near)
                found.violations.append(Violation(NAME, message, None, route.shift.id))
                told.append(near)
        for taken in (taken for taken in route.breaks if taken not in told):
            why = _misplaced(route, taken)
            if why is not None:
                message = f"the break {_span(ctx, taken)} {why}"
                found.violations.append(Violation(NAME, message, None, route.shift.id))
        busy = sorted([*route.breaks, *((stop.start, stop.end) for stop in route.stops)])
        for first, second in pairwise(busy):
            if second[0] < first[1] and (first in route.breaks or second in route.breaks):
                taken, other = (second, first) if second in route.breaks else (first, second)
                what = "another break" if other in route.breaks else "service"
                message = f"the break {_span(ctx, taken)} overlaps {what} {_span(ctx, other)}"
                found.violations.append(Violation(NAME, message, None, route.shift.id))
    return found


def _misplaced(route: RouteView, taken: Taken) -> str | None:
    if taken[1] < taken[0]:
        return "ends before it begins"
    if taken[0] < route.start:
        return "begins before the route"
    return "ends after the route" if taken[1] > route.end else None


def lacking(route: RouteView, pauses: Sequence[Pause]) -> list[tuple[Pause, Taken | None]]:
    """Return the breaks that are not kept, each with a stated one that was meant for it.

    Of all ways to match stated breaks with these, the one counts that keeps most.
    """
    stated: list[Taken | None] = [*route.breaks, *([None] * len(pauses))]
    matches = (
        [
            (pause, taken, _is_kept(route, pause, taken))
            for pause, taken in zip(pauses, chosen, strict=True)
        ]
        for chosen in permutations(stated, len(pauses))
    )
    best = max(matches, key=lambda match: sum(is_kept for _, _, is_kept in match))
    left = list(route.breaks)
    for _, taken, is_kept in best:
        if is_kept and taken is not None:
            left.remove(taken)
    lacking: list[tuple[Pause, Taken | None]] = []
    for pause in (pause for pause, _, is_kept in best if not is_kept):
        left.sort(key=partial(_distance, pause), reverse=True)
        lacking.append((pause, left.pop() if left else None))
    return lacking


def _distance(pause: Pause, taken: Taken) -> int:
    return abs(taken[0] - pause.earliest)


def _is_kept(route: RouteView, pause: Pause, taken: Taken | None) -> bool:
    if taken is None:
        return route.end <= pause.latest
    start, end = taken
    on_time = pause.earliest <= start <= pause.latest and end - start >= pause.duration
    return on_time and route.shift.begin <= start and end <= route.end


def _fault(ctx: Context, route: RouteView, pause: Pause, near: Taken | None) -> str:
    hours = f"between {clock(ctx, pause.earliest)} and {clock(ctx, pause.latest)}"
    needed = f"the break of {spell(pause.duration)} that begins {hours}"
    if near is None:
        return f"{needed} is missing; the route ends {clock(ctx, route.end)}"
    start, end = near
    wrong = [
        (start < pause.earliest, "begins too early"),
        (start > pause.latest, "begins too late"),
        (end - start < pause.duration, f"lasts {spell(max(0, end - start))}"),
        (start < route.shift.begin, "begins before the engineer is there"),
        (end > route.end, "ends after the route"),
    ]
    why = " and ".join(text for is_wrong, text in wrong if is_wrong)
    return f"{needed} is missing: the one {_span(ctx, near)} {why}"


def _span(ctx: Context, taken: Taken) -> str:
    return f"{clock(ctx, taken[0])} to {clock(ctx, taken[1])}"


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Hand over the breaks that still lie ahead."""
    for shift in ctx.shifts.values():
        for pause in shift.pauses:
            forms.add_pause(forms.shift_index[shift.id], *pause)
