"""What is allowed and yet looks like a slip: told as warnings, never refused."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dispatchopt.errors import Issue
from dispatchopt.models.catalogue import builtin_fault_types
from dispatchopt.models.masking import shown
from dispatchopt.models.nearest import did_you_mean

if TYPE_CHECKING:
    from dispatchopt.models.problem import Problem

_MOST_IDS: Final = 3
"""So many ids are named in a warning; the rest is counted."""

_Owner = tuple[str, str, Iterable[str]]
"""Kind and id of an item, and the skills that it names."""


def doubts(problem: Problem) -> list[Issue]:
    """Return what the sender of a sound problem should look at; one issue for each cause.

    What the plan in force says of shifts and tickets that the problem lacks is not used. A skill of
    the roster that no ticket and no fault type asks for serves nobody. A skill asked for that no
    engineer has shows in the reasons of the plan; it is told here only if a name much like it was
    probably meant. Doubtful, too, are breaks of more than half a shift, and those in its overtime.
    """
    builtin = {name for fault in builtin_fault_types() for name in fault.skills}
    roster = [("engineer", e.id, e.skills) for e in problem.engineers]
    needs = [
        *(("fault_type", fault.code, fault.skills) for fault in problem.fault_types),
        *(("ticket", t.id, t.skills or {}) for t in problem.tickets),
    ]
    asked = builtin | {name for _, _, skills in needs for name in skills}
    held = {name for _, _, skills in roster for name in skills}
    asked_names, held_names = (
        {name for name in names if shown(name) == name} for names in (asked, held | builtin)
    )
    found = [*_of_previous_plan(problem), *_of_breaks(problem)]
    for name, kind, item_id, count in _strange(roster, asked):
        hint = did_you_mean(name, asked_names) or "correct it if it is misspelt"
        others = f" ({count} engineers have it)" if count > 1 else ""
        message = f"no ticket and no fault type asks for this skill{others}; {hint.strip()}"
        found.append(Issue(kind, item_id, "skills", shown(name), message))
    for name, kind, item_id, count in _strange(needs, held | builtin):
        hint = did_you_mean(name, held_names)
        if hint:
            others = f" ({count} items ask for it)" if count > 1 else ""
            message = f"no engineer has this skill{others}; {hint.strip()}"
            found.append(Issue(kind, item_id, "skills", shown(name), message))
    return found


def _of_previous_plan(problem: Problem) -> Iterator[Issue]:
    """Tell which shifts and tickets of the plan in force are not there."""
    plan = problem.previous_plan
    if plan is None:
        return
    shifts = {shift.id for engineer in problem.engineers for shift in engineer.shifts}
    tickets = {ticket.id for ticket in problem.tickets}
    planned = [visit.ticket_id for route in plan.routes for visit in route.visits]
    for what, field, ids, known in (
        ("shifts", "routes.shift_id", [route.shift_id for route in plan.routes], shifts),
        ("tickets", "routes.visits.ticket_id", planned, tickets),
    ):
        lost = list(dict.fromkeys(item_id for item_id in ids if item_id not in known))
        if lost:
            more = f" and {len(lost) - _MOST_IDS} more" if len(lost) > _MOST_IDS else ""
            message = (
                f"{len(lost)} of {len(set(ids))} {what} of the plan in force are not in the "
                f"problem ({', '.join(lost[:_MOST_IDS])}{more}); what it says of them is not used"
            )
            yield Issue("plan", "", field, "", message)


def _of_breaks(problem: Problem) -> Iterator[Issue]:
    """Tell which breaks leave less than half a shift, or lie in its overtime."""
    for shift in (shift for engineer in problem.engineers for shift in engineer.shifts):
        length = (shift.end - shift.start).total_seconds()
        resting = sum(pause.duration for pause in shift.breaks)
        if length < 2 * resting < 2 * length:
            message = (
                f"more than half of the shift of {length / 60:g} minutes; shorten it if it is "
                "mistyped"
            )
            yield Issue("shift", shift.id, "breaks", f"{resting / 60:g} minutes", message)
        latest_end = shift.end + timedelta(seconds=shift.max_overtime)
        for index, pause in enumerate(shift.breaks):
            if shift.end <= pause.earliest < latest_end:
                begin = pause.earliest.astimezone(problem.zone).isoformat()
                message = (
                    "begins in the overtime, and is taken off the paid time all the same; correct "
                    "its times if they are mistyped"
                )
                yield Issue("shift", shift.id, f"breaks[{index}]", begin, message)


def _strange(owners: Iterable[_Owner], known: Container[str]) -> list[tuple[str, str, str, int]]:
    """Return each unknown skill with kind and id of the first that names it, and how many do."""
    found: dict[str, tuple[str, str, int]] = {}
    for kind, item_id, skills in owners:
        for name in skills:
            if name not in known:
                first = found.get(name, (kind, item_id, 0))
                found[name] = (first[0], first[1], first[2] + 1)
    return [(name, *first) for name, first in found.items()]
