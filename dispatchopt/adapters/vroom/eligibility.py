"""Who may serve what, as VROOM's skills: whole numbers that a vehicle has or lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dispatchopt.models import Engineer, Problem, Shift, Ticket

    Need = tuple[str, ...]
    Able = Callable[[Engineer, Shift], bool]

_PINNED: Final = ("engineer", "visit", "started")


def skill_numbers(
    problem: Problem, tickets: Iterable[Ticket], shifts: Iterable[tuple[Engineer, Shift]]
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the skills of each ticket and of each shift, by id.

    Each thing that a ticket asks of an engineer or a shift becomes one skill: a skill at a level,
    a territory, a crew, nobody of those refused, the engineer of a lock, urgency for a standby.

    A need that is a single skill of level 1 with a number for a name keeps that number.
    """
    catalogue = {code: fault.skills for code, fault in problem.catalogue().items()}
    has_standby = any(s.min_priority for e in problem.engineers for s in e.shifts)
    needs = {t.id: _needs(problem, t, catalogue[t.fault_type], has_standby) for t in tickets}
    every = {need: test for found in needs.values() for need, test in found.items()}
    plain = {need: int(need[1]) for need in every if _keeps_number(need)}
    free = iter(set(range(1, len(every) + len(plain) + 1)) - set(plain.values()))
    number = {need: plain.get(need) or next(free) for need in every}
    able = {
        shift.id: [number[need] for need, test in every.items() if test(engineer, shift)]
        for engineer, shift in shifts
    }
    return {t: sorted(number[n] for n in found) for t, found in needs.items()}, {
        s: sorted(found) for s, found in able.items()
    }


def _keeps_number(need: Need) -> bool:
    name = need[1]
    is_number = name.isascii() and name.isdigit() and name[0] != "0" and len(name) < 10
    return need[0] == "skill" and need[2] == "1" and is_number


def _needs(
    problem: Problem, ticket: Ticket, by_default: Mapping[str, int], has_standby: bool
) -> dict[Need, Able]:
    found: dict[Need, Able] = {}
    levels = by_default if ticket.skills is None else ticket.skills
    for name, level in levels.items():
        found["skill", name, str(level)] = _has_skill(problem, name, level)
    territory = ticket.territory
    if territory is not None and ticket.priority not in problem.policy.territory_open_to:
        found["territory", territory] = _works_in(territory)
    if ticket.refused_engineers:
        refused = frozenset(ticket.refused_engineers)
        found["not", *sorted(refused)] = lambda engineer, _shift: engineer.id not in refused
    if ticket.crew_size > 1:
        crew = ticket.crew_size
        found["crew", str(crew)] = lambda _engineer, shift: shift.members >= crew
    if ticket.lock in _PINNED and ticket.assigned_engineer is not None:
        name = ticket.assigned_engineer
        found["engineer", name] = lambda engineer, _shift: engineer.id == name
    if has_standby and ticket.priority > 1:
        found["urgency", str(ticket.priority)] = _takes(ticket.priority)
    return found


def _has_skill(problem: Problem, name: str, level: int) -> Able:
    def test(engineer: Engineer, shift: Shift) -> bool:
        skill = engineer.skills.get(name)
        if skill is None or skill.level < level:
            return False
        return skill.expires is None or skill.expires >= shift.start.astimezone(problem.zone).date()

    return test


def _works_in(territory: str) -> Able:
    def test(engineer: Engineer, _shift: Shift) -> bool:
        own = engineer.territories
        return own is None or territory in own or territory in (engineer.helper_territories or ())

    return test


def _takes(priority: int) -> Able:
    return lambda _engineer, shift: shift.min_priority is None or priority <= shift.min_priority
