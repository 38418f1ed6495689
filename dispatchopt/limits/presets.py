"""What a preset of service limits says, and the presets that ship with the package."""

from __future__ import annotations

import tomllib
from datetime import time
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dispatchopt.models.base import Id, Model
from dispatchopt.models.catalogue import RepairLimitClass
from dispatchopt.models.ticket import AreaClass

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock_time(value: Any) -> Any:  # Any: input before validation
    try:
        return time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("no time of day; write 16:00 or 23:59:59") from None


def _plain_time(value: time) -> time:
    if value.tzinfo is not None or value.microsecond:
        raise ValueError("a local time of day in whole seconds, such as 16:00")
    return value


ClockTime = Annotated[time, BeforeValidator(_clock_time), AfterValidator(_plain_time)]
"""A local time of day, on the clock on the wall."""

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Days = Annotated[int, Field(strict=True, ge=0, le=366)]
Hours = Annotated[int, Field(strict=True, ge=1, le=8784)]


class Elapsed(Model):
    """So many hours after the report, counted as they pass (summer time changes nothing)."""

    kind: Literal["elapsed"]
    hours: Hours


class DayEnd(Model):
    """A time of day, so many days after the day of the report.

    Attributes
    ----------
    days
        0 is the day of the report; with working days counted, the first working day from it on.
    counting
        ``working``: days of the weekend and holidays do not count; the day of the report never
        does. Reported on a Saturday, 1 working day is Monday.
    at
        Local time of day.
    """

    kind: Literal["day_end"]
    days: Days
    counting: Literal["calendar", "working"] = "calendar"
    at: ClockTime


class ByAppointment(Model):
    """Service begins within so many hours of the appointment's opening.

    `due` limits the end of service, so the planned time on site is added.
    """

    kind: Literal["appointment"]
    hours: Hours


class Without(Model):
    """No limit, and why."""

    kind: Literal["none"]
    why: str


Limit = Annotated[Elapsed | DayEnd | ByAppointment | Without, Field(discriminator="kind")]


class LimitRule(Model):
    """A limit and its conditions; the first rule of a preset whose conditions hold counts.

    Attributes
    ----------
    fault_classes
        Limit classes of the catalogue (`FaultType.repair_limit_class`).
    areas, tiers
        Area classes and customer tiers (the latter without regard to case and blanks).
    reported_before, reported_by
        Local time of the report: before (16:00:00 is not), or at the latest (13:00:00 is).
    """

    fault_classes: tuple[RepairLimitClass, ...] | None = None
    areas: tuple[AreaClass, ...] | None = None
    tiers: tuple[Id, ...] | None = None
    reported_before: ClockTime | None = None
    reported_by: ClockTime | None = None
    limit: Limit


class LatenessStep(Model):
    """What a day late costs, from the given day late on (1 is the first)."""

    from_day: Annotated[int, Field(strict=True, ge=1)]
    per_day: Amount
    percent_of_monthly_fee: Amount | None = None


class Lateness(Model):
    """Money owed for a limit missed; carried for reports, never part of a plan's cost.

    Attributes
    ----------
    steps
        By rising `from_day`; none: only `cap` is known.
    cap
        Most that is owed.
    """

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    steps: tuple[LatenessStep, ...] = ()
    cap: Amount | None = None
    source: str

    def amount(self, days_late: int) -> float:
        """Return what so many days late cost, at most the cap; shares of fees are left out."""
        owed = 0.0
        for day in range(1, days_late + 1):
            rates = [step.per_day for step in self.steps if step.from_day <= day]
            owed += rates[-1] if rates else 0.0
            if self.cap is not None and owed >= self.cap:
                return self.cap
        return round(owed, 2)


class LimitPreset(Model):
    """A named set of service limits, with its source.

    Attributes
    ----------
    confidence
        ``primary``: the text itself was seen; ``secondary``: a page about it; ``unverified``.
    weekend
        Days that are no working days.
    contact_minutes
        From release of the plan to the first contact with the customer; absent: not known.
    inform_days
        Calendar days after the report by whose end the customer is told of a delay.
    max_window_hours
        Longest appointment window allowed; a wider one is a warning.
    """

    name: Id
    title: str = ""
    title_zh: str = ""
    confidence: Literal["primary", "secondary", "unverified"] = "unverified"
    source: str
    notes: str = ""
    weekend: tuple[Weekday, ...] = ()
    contact_minutes: Annotated[int, Field(strict=True, ge=1)] | None = None
    inform_days: Days | None = None
    max_window_hours: Hours | None = None
    lateness: Lateness | None = None
    rules: Annotated[tuple[LimitRule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_working_days(self) -> LimitPreset:
        if len(set(self.weekend)) == len(WEEKDAYS):
            raise ValueError("weekend: at least one day of the week must be a working day")
        return self

    @property
    def counts_working_days(self) -> bool:
        """Whether holidays matter."""
        limits = (rule.limit for rule in self.rules)
        return any(isinstance(one, DayEnd) and one.counting == "working" for one in limits)

    @property
    def reads_the_clock(self) -> bool:
        """Whether the time zone matters."""
        return any(
            isinstance(rule.limit, DayEnd) or rule.reported_before or rule.reported_by
            for rule in self.rules
        )


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that ship with the package."""
    files = resources.files("dispatchopt.limits").joinpath("data").iterdir()
    return tuple(
        sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    )


@cache
def load_limit_preset(name: str) -> LimitPreset:
    """Return a preset that ships with the package.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    if name not in preset_names():
        raise KeyError(name)
    text = resources.files("dispatchopt.limits").joinpath("data", f"{name}.toml").read_text("utf-8")
    return LimitPreset.model_validate({"name": name, **tomllib.loads(text)})
