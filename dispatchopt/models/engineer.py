"""Engineers and their shifts."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from dispatchopt.models.base import Count, Day, Id, Instant, Level, Model, Place, Priority, Seconds


class Skill(Model):
    """A skill's level and the last day on which its certificate holds (absent: for ever)."""

    level: Level
    expires: Day | None = None


def _level_alone(value: Any) -> Any:  # Any: input before validation
    return value if isinstance(value, dict | Skill) else {"level": value}


SkillOrLevel = Annotated[Skill, BeforeValidator(_level_alone, json_schema_input_type=Level | Skill)]
"""A skill; a bare number is its level."""


class Break(Model):
    """A break that must begin within ``earliest..latest`` and lasts `duration` seconds.

    It may interrupt travel, never service. It need not be taken when the route ends by `latest`.
    """

    earliest: Instant
    latest: Instant
    duration: Seconds


class Shift(Model):
    """One engineer, or a fixed pair, on one stretch of work; carries one route.

    Attributes
    ----------
    start_place, end_place
        Absent: the engineer's place. `end_place` null: the shift ends at the last visit.
    available_from
        The route may not start earlier (still busy elsewhere).
    reserved_minutes
        Current load: work already promised outside this plan; taken from the end of the shift.
    max_overtime
        Seconds that the route may last beyond the shift, priced.
    max_visits
        Most visits, the one already started among them.
    min_priority
        Standby: only tickets of this priority or more urgent (a smaller number).
    members
        People on the shift; a fixed pair has 2.
    stock
        Quantity by part on board; absent: the engineer's; empty: none.
    """

    NULL_MATTERS: ClassVar[frozenset[str]] = frozenset({"end_place"})

    id: Id
    start: Instant
    end: Instant
    start_place: Place | None = None
    end_place: Place | None = None
    available_from: Instant | None = None
    breaks: Annotated[tuple[Break, ...], Field(max_length=2)] = ()
    reserved_minutes: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 0
    max_overtime: Seconds = 0
    max_visits: Count | None = None
    min_priority: Priority | None = None
    members: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    stock: dict[Id, Count] | None = None

    @property
    def ends_anywhere(self) -> bool:
        """Whether the shift ends at its last visit (`end_place` is an explicit null)."""
        return self.end_place is None and "end_place" in self.model_fields_set


class Engineer(Model):
    """A field engineer with skills, a home place and shifts.

    Attributes
    ----------
    skills
        Level by skill, a number or ``{"level", "expires"}``.
    territories, helper_territories
        Own and helped areas; `territories` absent: goes anywhere; empty: none.
    duration_percent
        100 is the planned duration; 120 takes a fifth longer.
    travel_profile
        Name of a profile of the travel table; absent: its first.
    recent_minutes, recent_paid_minutes
        Work and paid time of past weeks, for fairness; 0 of 0: unknown, counts as none.
    """

    id: Id
    name: str | None = None
    skills: dict[Id, SkillOrLevel]
    place: Place
    territories: tuple[Id, ...] | None = None
    helper_territories: tuple[Id, ...] | None = None
    shifts: tuple[Shift, ...]
    stock: dict[Id, Count] | None = None
    duration_percent: Annotated[int, Field(strict=True, ge=1, le=1000)] = 100
    travel_profile: Id | None = None
    recent_minutes: Count = 0
    recent_paid_minutes: Count = 0
    attributes: dict[str, Any] = {}  # Any: echoed as it came
