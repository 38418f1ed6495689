"""What every domain model shares: frozen, strict about unknown fields, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)

MAX_SECONDS = 2**30
"""Largest duration or travel time in seconds (34 years): sums of two stay within int32."""

MAX_PRICE = 2**40
"""Largest single price; `compile_problem` checks that sums stay below 2**53."""


def _no_number(value: Any) -> Any:  # Any: input before validation
    if isinstance(value, int | float) or (
        isinstance(value, str) and value.strip().lstrip("-").replace(".", "", 1).isdigit()
    ):
        raise ValueError("a number is no date and time; write 2026-11-23T08:30:00+08:00")
    return value


def _to_utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("no time zone; write 2026-11-23T08:30:00+08:00")
    if value.microsecond:
        raise ValueError("whole seconds only; round the value")
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        utc = None
    # Far from the calendar's ends, so that durations can be added without overflow.
    if utc is None or not 1970 <= utc.year < 3000:
        raise ValueError("must lie in the years 1970 to 2999")
    return utc


Instant = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_to_utc)]
"""A point in time: tz-aware, whole seconds, held in UTC."""

Id = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$", strict=True)
]
"""A public id: text without blanks at its ends."""

Seconds = Annotated[int, Field(strict=True, ge=0, lt=MAX_SECONDS)]
Count = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
Price = Annotated[int, Field(strict=True, ge=0, lt=MAX_PRICE)]
Priority = Annotated[int, Field(ge=1, le=4)]
Level = Annotated[int, Field(strict=True, ge=1, le=100)]


class Model(BaseModel):
    """Frozen base model; unknown fields are errors, absent fields are left out when written."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    NULL_MATTERS: ClassVar[frozenset[str]] = frozenset()
    """Fields for which an explicit null means something else than absence."""

    @model_serializer(mode="wrap")
    def _leave_out_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        kept = self.NULL_MATTERS & self.model_fields_set
        return {key: value for key, value in data.items() if value is not None or key in kept}


class Span(Model):
    """A half-open stretch of time, ``start < end``."""

    start: Instant
    end: Instant


class Window(Model):
    """The start of service must lie in ``open..close``, both included."""

    open: Instant
    close: Instant


class Point(Model):
    """A place on the earth in WGS84 degrees; equal points are one place."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


Place = Point | Id
"""A point, or the id of a place of the travel table."""
