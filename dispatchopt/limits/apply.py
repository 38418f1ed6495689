"""Limits for a whole problem: every absent `due` that a preset can tell, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Field

from dispatchopt.errors import Issue
from dispatchopt.limits.calendars import Calendar
from dispatchopt.limits.due import Facts, Missing, due_of
from dispatchopt.limits.presets import LimitPreset, Without, load_limit_preset, preset_names
from dispatchopt.models.base import Day, Model
from dispatchopt.models.field_faults import settings_of
from dispatchopt.models.masking import shown
from dispatchopt.models.nearest import did_you_mean
from dispatchopt.models.ticket import AreaClass, Ticket

if TYPE_CHECKING:
    from dispatchopt.models import FaultType, Problem

_MOST_IDS: Final = 3
"""So many ids are named in a warning about several tickets; the rest is counted."""


def _by_name(value: Any) -> Any:  # Any: input before validation
    """Return the preset of a name; anything else as it is."""
    if not isinstance(value, str):
        return value
    if value not in preset_names():
        hint = did_you_mean(value, preset_names())
        raise ValueError(f"no such preset; {hint}there are {', '.join(preset_names())}")
    return load_limit_preset(value)


class LimitSettings(Model):
    """The ``[limits]`` table of the settings.

    Attributes
    ----------
    preset
        Name of a preset of the package, or one of your own, written out.
    holidays
        Single days that are no working days; absent: not given, which is a warning where working
        days are counted; empty: none.
    default_area
        Area class of tickets that bear none.
    """

    preset: Annotated[LimitPreset, BeforeValidator(_by_name, json_schema_input_type=Any)]
    holidays: Annotated[tuple[Day, ...] | None, Field(max_length=10_000)] = None
    default_area: AreaClass | None = None


@dataclass(frozen=True)
class Limited:
    """A problem with its limits, and what could not be told.

    Attributes
    ----------
    problem
        As given, `due` filled in where it was absent and could be computed.
    warnings
        One for each open ticket whose limit lacks a fact, for each appointment wider than the
        preset allows, and for each reason why several tickets have no limit.
    computed
        Ids of the tickets whose `due` was filled in.
    """

    problem: Problem
    warnings: tuple[Issue, ...]
    computed: tuple[str, ...]


def apply_limits(
    problem: Problem,
    *,
    preset: str | LimitPreset,
    holidays: Iterable[date | str] | None = None,
    default_area: AreaClass | None = None,
) -> Limited:
    """Compute `due` of every ticket that has none, by a preset of service limits.

    A `due` that is given always wins. Times of day are local times of the problem's zone, hours
    are counted as they pass, and parked stretches stop the clock.

    Parameters
    ----------
    preset
        A name (`preset_names`), or a preset of your own.
    holidays
        Days (``2026-10-01``) that are no working days.
    default_area
        Area class of tickets that bear none.

    Raises
    ------
    InvalidProblemError
        If there is no such preset, or a holiday is no day.
    """
    raw: dict[str, Any] = {"preset": preset, "default_area": default_area}
    if holidays is not None:
        raw["holidays"] = list(holidays)
    return with_limits(problem, checked_settings(raw))


def checked_settings(raw: Any, file: str = "") -> LimitSettings:  # Any: TOML
    """Return the ``[limits]`` table as settings.

    Raises
    ------
    InvalidProblemError
        With every fault, under ``limits``.
    """
    return settings_of(LimitSettings, raw, "limits", file)


def with_limits(problem: Problem, settings: LimitSettings) -> Limited:
    """Compute `due` of every ticket that has none, as `apply_limits` does."""
    run = _Run(problem, settings)
    tickets = tuple(run.limited(ticket) for ticket in problem.tickets)
    if run.computed:
        problem = problem.model_copy(update={"tickets": tickets})
    return Limited(problem, tuple(run.warnings()), tuple(run.computed))


def contact_by(
    preset: str | LimitPreset, released_at: datetime, *, minutes: int | None = None
) -> datetime | None:
    """Return when the engineer has to have spoken to the customer first.

    Parameters
    ----------
    released_at
        When the plan was released to the engineers.
    minutes
        Instead of the preset's `contact_minutes`.

    Returns
    -------
    deadline
        None if neither says how long.

    Raises
    ------
    InvalidProblemError
        If there is no such preset.
    """
    if minutes is None:
        minutes = checked_settings({"preset": preset}).preset.contact_minutes
    return None if minutes is None else released_at + timedelta(minutes=minutes)


class _Run:
    """Computes limits one by one; collects what is to be told."""

    def __init__(self, problem: Problem, settings: LimitSettings) -> None:
        self.problem = problem
        self.settings = settings
        self.preset = settings.preset
        self.calendar = Calendar(problem.zone, self.preset.weekend, settings.holidays or ())
        self.catalogue: Mapping[str, FaultType] = problem.catalogue()
        self.computed: list[str] = []
        self.of_tickets: list[Issue] = []
        self.without: dict[str, list[str]] = {}

    def limited(self, ticket: Ticket) -> Ticket:
        """Return the ticket with its limit, if that is absent and can be told."""
        is_open = ticket.status not in ("done", "cancelled")
        if is_open:
            self._note_wide_window(ticket)
        if ticket.due is not None:
            return ticket
        found = due_of(self.preset, self._facts(ticket), self.calendar)
        if isinstance(found, datetime):
            self.computed.append(ticket.id)
            return ticket.model_copy(update={"due": found})
        if not is_open:
            return ticket
        if isinstance(found, Missing):
            self.of_tickets.append(self._missing(ticket, found))
        else:
            why = found.why if isinstance(found, Without) else "none of its rules speaks of them"
            self.without.setdefault(why, []).append(ticket.id)
        return ticket

    def _facts(self, ticket: Ticket) -> Facts:
        fault = self.catalogue.get(ticket.fault_type)
        return Facts(
            reported_at=ticket.reported_at,
            area=ticket.area_class or self.settings.default_area,
            tier=ticket.customer_tier,
            fault_class=fault.repair_limit_class if fault else None,
            parked=ticket.parked,
            appointment=ticket.appointment,
            duration=ticket.duration or (fault.duration.mean if fault else None),
        )

    def _missing(self, ticket: Ticket, found: Missing) -> Issue:
        ways = " and ".join(_WAYS[field] for field in found.fields)
        value = ticket.fault_type if "fault_type" in found.fields else ""
        message = f"no due can be computed by '{self.preset.name}': {ways}, or give due"
        return Issue("ticket", ticket.id, found.fields[0], shown(value, "id"), message)

    def _note_wide_window(self, ticket: Ticket) -> None:
        hours, window = self.preset.max_window_hours, ticket.appointment
        if hours is None or window is None or window.close - window.open <= timedelta(hours=hours):
            return
        zone = self.problem.zone
        value = "/".join(end.astimezone(zone).isoformat() for end in (window.open, window.close))
        message = f"wider than the {hours} h that '{self.preset.name}' allows; agree a narrower one"
        self.of_tickets.append(Issue("ticket", ticket.id, "appointment", value, message))

    def warnings(self) -> Iterator[Issue]:
        """Yield what is to be told: of the whole, of groups, of single tickets."""
        name = self.preset.name
        if self.computed and self.preset.reads_the_clock and self.problem.timezone == "UTC":
            message = (
                f"'{name}' goes by local times and days, and the problem's time zone is UTC; "
                "give the zone, such as Asia/Shanghai"
            )
            yield Issue("problem", "", "timezone", "UTC", message)
        if self.computed and self.preset.counts_working_days and self.settings.holidays is None:
            message = (
                f"'{name}' counts working days, and no holidays are given; "
                "list them, or write holidays = [], under [limits] or in a file for --limits"
            )
            yield Issue("problem", "", "limits.holidays", "", message)
        for why, ids in self.without.items():
            shown_ids = [shown(ticket_id, "id") for ticket_id in ids[:_MOST_IDS]]
            more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
            many = "1 ticket has" if len(ids) == 1 else f"{len(ids)} tickets have"
            message = (
                f"{many} no limit by '{name}' ({why}): {', '.join(shown_ids)}{more}; "
                "give the due if there is one"
            )
            yield Issue("problem", "", "limits.preset", name, message)
        yield from self.of_tickets


_WAYS: Final[Mapping[str, str]] = {
    "reported_at": "fill in when it was reported",
    "area_class": "fill in its area class (urban, rural, remote) or set default_area",
    "customer_tier": "fill in the customer's tier",
    "appointment": "agree an appointment",
    "fault_type": "give its fault type a repair_limit_class in fault_types",
    "duration": "fill in its duration",
}
