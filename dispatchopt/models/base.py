"""What every domain model shares: frozen, strict about unknown fields, times in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    Tag,
    model_serializer,
)

MAX_SECONDS = 2**30
"""Largest duration or travel time in seconds (34 years): sums of two stay within int32."""

MAX_PRICE = 2**40
"""Largest single price; `compile_problem` checks that sums stay below 2**53."""


_AS_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_AS_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def _no_number(value: Any) -> Any:  # Any: input before validation
    # Numbers, as text too, would be read as seconds or milliseconds since 1970, whichever fits.
    if isinstance(value, str) and _AS_INSTANT.match(value):
        return value
    if isinstance(value, datetime) and value == value:  # pandas' missing time equals nothing
        return value
    raise ValueError("must be a date and time with its zone, such as 2026-11-23T08:30:00+08:00")


def _to_utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("no time zone; write 2026-11-23T08:30:00+08:00")
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        utc = None
    if utc is not None and (utc.microsecond or getattr(utc, "nanosecond", 0)):
        raise ValueError("whole seconds only; round the value")
    # Far from the calendar's ends, so that durations can be added without overflow.
    if utc is None or not 1970 <= utc.year < 3000:
        raise ValueError("must lie in the years 1970 to 2999")
    # A subclass (pandas has one) would drag its own arithmetic in.
    return utc if type(utc) is datetime else datetime(*utc.timetuple()[:6], tzinfo=UTC)


Instant = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_to_utc)]
"""A point in time: tz-aware, whole seconds, held in UTC."""


def _plain_day(value: Any) -> Any:  # Any: input before validation
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _AS_DATE.fullmatch(value):
        return value
    raise ValueError("must be a day, such as 2026-11-23")


Day = Annotated[date, BeforeValidator(_plain_day)]
"""A day of the calendar, without a time."""

ID_PATTERN = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"

Id = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=ID_PATTERN, strict=True)
]
"""A public id: one line of text without control characters, and without blanks at its ends."""

Seconds = Annotated[int, Field(strict=True, ge=0, lt=MAX_SECONDS)]
Count = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
Price = Annotated[int, Field(strict=True, ge=0, lt=MAX_PRICE)]
Priority = Annotated[int, Field(strict=True, ge=1, le=4)]
Level = Annotated[int, Field(strict=True, ge=1, le=100)]


class Model(BaseModel):
    """Frozen base model; unknown fields are errors, absent fields are left out when written."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    NULL_MATTERS: ClassVar[frozenset[str]] = frozenset()
    """Fields for which an explicit null means something else than absence."""

    def __eq__(self, other: object) -> bool:
        """Compare the fields; a null that matters differs from absence."""
        if not isinstance(other, Model):
            return NotImplemented
        same_nulls = (
            self.NULL_MATTERS & self.model_fields_set == other.NULL_MATTERS & other.model_fields_set
        )
        return same_nulls and super().__eq__(other)

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


def _kind_of_place(value: Any) -> str | None:  # Any: input before validation
    if isinstance(value, dict | Point):
        return "Point"
    return "id" if isinstance(value, str) else None


Place = Annotated[
    Annotated[Point, Tag("Point")] | Annotated[Id, Tag("id")],
    Discriminator(
        _kind_of_place,
        custom_error_type="place",
        custom_error_message="must be a point (lat, lon) or the id of a place of the travel table",
    ),
]
"""A point, or the id of a place of the travel table."""
