"""Hard: the engineer has every skill that the ticket needs, at its level, valid on the day."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dispatchopt.rules.views import Outcome, PlanView, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.forms import FormBuilder
    from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts

NAME = "skills"


def levels(shift: ShiftFacts) -> Mapping[str, int]:
    """Return the engineer's levels on the shift's day; a certificate holds on its last day."""
    return shift.levels


def lacking(needed: Mapping[str, int], have: Mapping[str, int]) -> list[str]:
    """Return the names of the skills that are missing or too low."""
    return [name for name, level in needed.items() if have.get(name, 0) < level]


def check(ctx: Context, plan: PlanView) -> Outcome:
    """Find visits by engineers without a needed skill."""
    found = Outcome()
    for route, stop in plan.visits():
        for name in lacking(stop.ticket.skills, levels(route.shift)):
            message = f"needs {name} at level {stop.ticket.skills[name]} on {route.shift.day}"
            found.violations.append(Violation(NAME, message, stop.ticket.id, route.shift.id))
    return found


def lower(ctx: Context, forms: FormBuilder) -> None:
    """Forbid each group of equal needs on each group of equally skilled shifts that lacks one."""
    needs = defaultdict(list)
    for ticket in ctx.tickets.values():
        needs[tuple(sorted(ticket.skills.items()))].append(forms.ticket_index[ticket.id])
    for needed, tickets in needs.items():
        unable = [
            forms.shift_index[shift.id]
            for group in equally_skilled(ctx)
            if lacking(dict(needed), levels(group[0]))
            for shift in group
        ]
        forms.forbid(tickets, unable)


def equally_skilled(ctx: Context) -> Sequence[Sequence[ShiftFacts]]:
    """Group the shifts by the levels of their engineers on the day."""
    if NAME not in ctx.derived:
        groups: defaultdict[tuple[tuple[str, int], ...], list[ShiftFacts]] = defaultdict(list)
        for shift in ctx.shifts.values():
            groups[tuple(sorted(levels(shift).items()))].append(shift)
        ctx.derived[NAME] = list(groups.values())
    found: Sequence[Sequence[ShiftFacts]] = ctx.derived[NAME]
    return found


def reason(ctx: Context, ticket: TicketFacts) -> str:
    """Say whether the skill is missing, too low or expired in the whole roster."""
    return _culprit(ctx, ticket)[0]


def facts(ctx: Context, ticket: TicketFacts) -> dict[str, Any]:
    """Name the skill, its level, and how many engineers hold it (any level, expired or not).

    Where each skill is held by somebody, all of them are named, and how many hold them together.
    """
    code, name = _culprit(ctx, ticket)
    roster = {s.engineer.id: s for s in ctx.shifts.values()}.values()
    if name is None:
        able = {s.engineer.id for s in ctx.shifts.values() if not lacking(ticket.skills, levels(s))}
        return {"skills": dict(ticket.skills), "holders": len(able)}
    held = [s.engineer.skills[name] for s in roster if name in s.engineer.skills]
    found: dict[str, Any] = {"skill": name, "level": ticket.skills[name], "holders": len(held)}
    if code == "SKILL_LEVEL_TOO_LOW":
        found["highest_level"] = max(skill.level for skill in held)
    if code == "CERT_EXPIRED":
        enough = [skill.expires for skill in held if skill.level >= ticket.skills[name]]
        found["expired"] = max(day for day in enough if day is not None).isoformat()
    return found


def _culprit(ctx: Context, ticket: TicketFacts) -> tuple[str, str | None]:
    """Return the code, and the skill that nobody has; None if it is no single one."""
    shifts = list(ctx.shifts.values())
    for name, level in ticket.skills.items():
        skills = [s.engineer.skills[name] for s in shifts if name in s.engineer.skills]
        if not skills:
            return "NO_ENGINEER_WITH_SKILL", name
        if all(skill.level < level for skill in skills):
            return "SKILL_LEVEL_TOO_LOW", name
        if not any(levels(s).get(name, 0) >= level for s in shifts):
            return "CERT_EXPIRED", name
    return "NO_ENGINEER_WITH_SKILL", None
