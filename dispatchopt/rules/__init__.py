"""The rules, one file each: `check` says what a rule means, `lower` puts it into numbers.

A rule's name is also the reason that checker, plans and reports print. Adding one: see
CONTRIBUTING.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dispatchopt.rules import (
    balance,
    breaks,
    broken_promise,
    change,
    crew,
    delay,
    helper_territory,
    lateness,
    latest,
    locks,
    max_visits,
    overskill,
    overtime,
    parts,
    preferred_engineers,
    prerequisites,
    refused_engineers,
    reserve,
    service_time,
    shift_hours,
    skills,
    standby,
    territory,
    travel,
    travel_time,
    unserved,
    window_margin,
    windows,
)
from dispatchopt.rules.context import Context, ShiftFacts, TicketFacts
from dispatchopt.rules.views import Outcome, PlanView, RouteView, Stop, Violation

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from dispatchopt.forms import FormBuilder


@dataclass(frozen=True)
class Rule:
    """A rule of the registry.

    Attributes
    ----------
    name
        The file's name and the name that reports print.
    kind
        ``hard``: breaking it makes a plan invalid. ``soft``: it has a price.
    check
        Judges a plan: its part of the cost, what breaks it.
    lower
        Puts the rule into forms.
    reason
        Code for a ticket that this rule alone keeps out of every shift.
    codes
        All codes that `reason` can give.
    facts
        What of the problem lies behind that reason, for its detail: ids, levels, amounts.
    shifts_alone
        Whether `lower` tells of shifts and prices, and nothing of tickets (`SHIFTS_ALONE` in its
        module): one more ticket lowers without it.
    """

    name: str
    kind: Literal["hard", "soft"]
    check: Callable[[Context, PlanView], Outcome]
    lower: Callable[[Context, FormBuilder], None]
    reason: Callable[[Context, TicketFacts], str]
    codes: tuple[str, ...] = ()
    facts: Callable[[Context, TicketFacts], dict[str, Any]] = lambda _ctx, _ticket: {}  # Any: JSON
    shifts_alone: bool = False


def _rule(module: ModuleType, kind: Literal["hard", "soft"], *codes: str) -> Rule:
    reason = getattr(module, "reason", lambda _ctx, _ticket: codes[0])
    facts = getattr(module, "facts", Rule.facts)
    shifts_alone = getattr(module, "SHIFTS_ALONE", False)
    return Rule(module.NAME, kind, module.check, module.lower, reason, codes, facts, shifts_alone)


RULES: tuple[Rule, ...] = (
    _rule(travel_time, "hard", "NO_ENGINEER_WITHIN_TRAVEL"),
    _rule(service_time, "hard", "NO_SHIFT_IN_WINDOW"),
    _rule(shift_hours, "hard", "WOULD_CAUSE_OVERTIME"),
    _rule(breaks, "hard", "NO_ROOM_BREAK"),
    _rule(windows, "hard", "NO_SHIFT_IN_WINDOW", "WINDOW_OUTSIDE_HORIZON", "WINDOW_INVERTED"),
    _rule(latest, "hard", "WOULD_END_TOO_LATE"),
    _rule(skills, "hard", "NO_ENGINEER_WITH_SKILL", "SKILL_LEVEL_TOO_LOW", "CERT_EXPIRED"),
    _rule(territory, "hard", "NO_ENGINEER_IN_TERRITORY"),
    _rule(refused_engineers, "hard", "ALL_EXCLUDED"),
    _rule(crew, "hard", "NEEDS_CREW"),
    _rule(prerequisites, "hard", "PREREQ_UNSCHEDULED"),
    _rule(standby, "hard", "STANDBY_ONLY"),
    _rule(parts, "hard", "NO_PARTS", "NOT_ENOUGH_PARTS"),
    _rule(max_visits, "hard", "CAPACITY_FULL"),
    _rule(travel, "soft"),
    _rule(delay, "soft"),
    _rule(lateness, "soft"),
    _rule(window_margin, "soft"),
    _rule(overtime, "soft"),
    _rule(balance, "soft"),
    _rule(reserve, "soft"),
    _rule(overskill, "soft"),
    _rule(helper_territory, "soft"),
    _rule(preferred_engineers, "soft"),
    _rule(change, "soft"),
    _rule(unserved, "soft"),
    _rule(broken_promise, "soft"),
    _rule(locks, "hard", "LOCKED", "WINDOW_OUTSIDE_HORIZON"),
)
"""Every rule; `locks` comes last, because its pins clear what the others forbid."""

__all__ = [
    "RULES",
    "Context",
    "Outcome",
    "PlanView",
    "RouteView",
    "Rule",
    "ShiftFacts",
    "Stop",
    "TicketFacts",
    "Violation",
]
