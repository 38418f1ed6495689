"""One ticket, one preset: its limit, or what is missing to tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dispatchopt.limits.presets import (
    ByAppointment,
    DayEnd,
    Elapsed,
    Limit,
    LimitPreset,
    LimitRule,
    Without,
)
from dispatchopt.models.nearest import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dispatchopt.limits.calendars import Calendar
    from dispatchopt.models import Span, Window
    from dispatchopt.models.catalogue import RepairLimitClass
    from dispatchopt.models.ticket import AreaClass


@dataclass(frozen=True, slots=True)
class Facts:
    """What a limit may depend on; None: not known.

    Attributes
    ----------
    duration
        Planned seconds on site.
    """

    reported_at: datetime | None
    area: AreaClass | None
    tier: str | None
    fault_class: RepairLimitClass | None
    parked: tuple[Span, ...]
    appointment: Window | None
    duration: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Fields of a ticket without which its limit cannot be told."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """No rule of the preset speaks of such a ticket."""


def due_of(
    preset: LimitPreset, facts: Facts, calendar: Calendar
) -> datetime | Without | Missing | Uncovered:
    """Return the end of the limit in UTC, or why there is none.

    Rules are tried in order. One whose conditions depend on something unknown, and are not broken
    otherwise, stops the search: a later rule might be the wrong one.
    """
    for rule in preset.rules:
        broken, unknown = _conditions(rule, facts, calendar)
        if broken:
            continue
        if unknown:
            return Missing(unknown)
        return _limit_end(rule.limit, facts, calendar)
    return Uncovered()


def _conditions(rule: LimitRule, facts: Facts, calendar: Calendar) -> tuple[bool, tuple[str, ...]]:
    """Return whether a condition is broken, and what others depend on that is not known."""
    unknown: list[str] = []
    is_broken = False
    for field, holds in _judged(rule, facts, calendar):
        is_broken |= holds is False
        if holds is None:
            unknown.append(field)
    return is_broken, tuple(dict.fromkeys(unknown))


def _judged(rule: LimitRule, facts: Facts, calendar: Calendar) -> Iterator[tuple[str, bool | None]]:
    if rule.fault_classes is not None:
        known = facts.fault_class
        yield "fault_type", None if known is None else known in rule.fault_classes
    if rule.areas is not None:
        yield "area_class", None if facts.area is None else facts.area in rule.areas
    if rule.tiers is not None:
        tiers = {folded(tier) for tier in rule.tiers}
        yield "customer_tier", None if facts.tier is None else folded(facts.tier) in tiers
    clock = None
    if facts.reported_at is not None:
        clock = facts.reported_at.astimezone(calendar.zone).time()
    if rule.reported_before is not None:
        yield "reported_at", None if clock is None else clock < rule.reported_before
    if rule.reported_by is not None:
        yield "reported_at", None if clock is None else clock <= rule.reported_by


def _limit_end(limit: Limit, facts: Facts, calendar: Calendar) -> datetime | Without | Missing:
    if isinstance(limit, Without):
        return limit
    if isinstance(limit, ByAppointment):
        if facts.appointment is None or facts.duration is None:
            return Missing(("appointment",) if facts.appointment is None else ("duration",))
        latest = facts.appointment.open + timedelta(hours=limit.hours)
        return latest + timedelta(seconds=facts.duration)
    start = facts.reported_at
    if start is None:
        return Missing(("reported_at",))
    if isinstance(limit, Elapsed):
        end = start + timedelta(hours=limit.hours)
    else:
        end = _day_end(limit, start, calendar)
    return with_parked(start, end, facts.parked)


def _day_end(limit: DayEnd, start: datetime, calendar: Calendar) -> datetime:
    day = start.astimezone(calendar.zone).date()
    if limit.counting == "working":
        return calendar.moment(calendar.working_day(day, limit.days), limit.at)
    return calendar.moment(day + timedelta(days=limit.days), limit.at)


def with_parked(start: datetime, end: datetime, parked: Iterable[Span]) -> datetime:
    """Return the end of a limit whose clock stood still while the ticket was parked.

    Each parked second between `start` and the end as it moves counts once, overlaps included. A
    stretch that begins at the end or later changes nothing: the limit was over by then.
    """
    reached = start
    for span in sorted(parked, key=lambda span: (span.start, span.end)):
        stops = max(span.start, reached)
        if stops < end and span.end > stops:
            end += span.end - stops
            reached = span.end
    return end
