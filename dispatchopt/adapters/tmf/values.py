"""What all TM Forum documents share: texts, times and references, in and out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from dispatchopt.adapters.local_time import CellFault, Clock, iso_local
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.nearest import folded

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from dispatchopt.models import Window

Json = dict[str, Any]  # Any: JSON

TECHNICIAN: Final = "technician"
"""Role of the engineer."""

SITE: Final = "interventionAddress"
"""Role of the place to go to."""

_FRACTION: Final = re.compile(r"(?<=:\d\d)[.,]\d+")


class Period(NamedTuple):
    """A TimePeriod; either end may be absent in what is read."""

    start: datetime | None
    end: datetime | None


class StrictClock(Clock):
    """Reads times as systems send them; one without a zone only if a zone was declared.

    Fractions of a second are cut off.
    """

    def instant(self, text: str) -> datetime:
        """Read a date and time.

        Raises
        ------
        CellFault
            If it is none, has no zone, or summer time skips or repeats it.
        """
        return super().instant(_FRACTION.sub("", text))

    def localised(self, local: datetime, offset: str | None = None) -> datetime:
        """Return a local time as UTC.

        Raises
        ------
        CellFault
            As for `instant`.
        """
        if offset is None and self.zone is None:
            raise CellFault(
                "no time zone; send 2026-11-23T08:30:00+08:00, or declare the sender's zone "
                "(timezone='Asia/Shanghai')"
            )
        return super().localised(local, offset)


def strict_clock(timezone: str | None) -> StrictClock:
    """Return the clock of a sender.

    Raises
    ------
    InvalidProblemError
        If there is no such zone.
    """
    if timezone is None:
        return StrictClock(None)
    try:
        return StrictClock(ZoneInfo(timezone))
    except (OSError, KeyError, ValueError, TypeError):
        message = "no IANA time zone; write for example Asia/Shanghai"
        raise InvalidProblemError(
            [Issue("problem", "", "timezone", str(timezone)[:60], message)]
        ) from None


def object_of(document: Any, name: str) -> Mapping[str, Any]:
    """Return a document as the object that it must be.

    Raises
    ------
    InvalidProblemError
        If it is none; the message calls it by `name`.
    """
    if not isinstance(document, Mapping):
        message = f"must be {name}: an object"
        raise InvalidProblemError([Issue("problem", "", "", "", message)])
    return document


def first_id(value: Any) -> str | None:
    """Return the first id among the objects of an array (or of a single one); None without one."""
    ids = (text_of(item.get("id")) for item in listed(value))
    return next((found for found in ids if found is not None), None)


def text_of(value: Any) -> str | None:
    """Return a text without blanks around it, a number as text; None for anything else or ""."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def sendable(value: Any) -> Any:  # Any: JSON
    """Return JSON that can be sent: half of a character, which it may escape, as its escape."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {name: sendable(one) for name, one in value.items()}
    return [sendable(one) for one in value] if isinstance(value, list) else value


def instant_of(value: Any, clock: Clock) -> datetime | None:
    """Read a time; None, an empty text and null are absent.

    Raises
    ------
    CellFault
        If it cannot be read.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        raise CellFault("must be text such as 2026-11-23T08:30:00+08:00")
    return clock.instant(value)


def period_of(value: Any, clock: Clock) -> Period:
    """Read a TimePeriod.

    Raises
    ------
    CellFault
        If it is no object, or a time in it cannot be read.
    """
    if not isinstance(value, Mapping):
        raise CellFault("must be an object with startDateTime and endDateTime")
    return Period(
        instant_of(value.get("startDateTime"), clock), instant_of(value.get("endDateTime"), clock)
    )


def listed(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of an array; a single object counts as an array of one."""
    found = value if isinstance(value, list) else [value]
    return [item for item in found if isinstance(item, Mapping)]


def is_role(role: str | None, wanted: str) -> bool:
    """Whether a role is that one, however it is written."""
    return role is not None and folded(role) == folded(wanted)


# --- Strict output ---


def time_text(when: datetime, zone: tzinfo) -> str:
    """Write a time with its offset."""
    return iso_local(when, zone)


def time_period(start: datetime, end: datetime, zone: tzinfo) -> Json:
    """Write a TimePeriod with both its ends."""
    return {"startDateTime": time_text(start, zone), "endDateTime": time_text(end, zone)}


def window_period(window: Window, zone: tzinfo) -> Json:
    """Write a window as a TimePeriod."""
    return time_period(window.open, window.close, zone)


def technician(engineer_id: str, name: str | None = None) -> Json:
    """Write the engineer as a RelatedParty (v4)."""
    named = {"name": name} if name else {}
    return {"id": engineer_id, "role": TECHNICIAN, **named, "@referredType": "Individual"}


def ticket_entity(ticket_id: str) -> Json:
    """Write the trouble ticket as a RelatedEntity (v4)."""
    return {"id": ticket_id, "role": "Problem description", "@referredType": "TroubleTicket"}


def place_of(place: Any, place_id: str | None = None) -> Json:
    """Write where to go as a related place (v4).

    A point stands as GeoJSON, longitude first, by value; the id of a place by reference.
    """
    if isinstance(place, str):
        reference = {"id": place, "@type": "GeographicAddress"}
        return {**reference, "role": SITE, "@referredType": "GeographicAddress"}
    named = {"id": place_id} if place_id else {}
    point = {"type": "Point", "coordinates": [place.lon, place.lat]}
    return {**named, "role": SITE, "@type": "GeoJsonPoint", "geoJson": point}
