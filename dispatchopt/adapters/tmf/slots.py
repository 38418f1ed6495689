"""TMF646 `searchTimeSlot`: the question read, the answer written from windows to offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.tmf.values import (
    SITE,
    Json,
    first_id,
    listed,
    object_of,
    period_of,
    strict_clock,
    technician,
    text_of,
    time_period,
    time_text,
)
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Span
from dispatchopt.models.nearest import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, tzinfo

    from dispatchopt.adapters.tmf.values import StrictClock

SUCCESS: Final = "success"
NOTHING_FREE: Final = "noTimeSlotAvailable"
"""What `searchResult`, a free text there, says."""


@dataclass(frozen=True, slots=True)
class SlotSearch:
    """A question for time slots.

    Attributes
    ----------
    ticket_id, place_id, party_id
        What the question is about, as far as it says.
    entities
        Id, role and type of every related entity.
    spans
        When the customer could; empty: at any time. The end may be absent in what was sent: such
        a span is refused.
    """

    ticket_id: str | None
    place_id: str | None
    party_id: str | None
    entities: tuple[tuple[str, str, str], ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class OfferedWindow:
    """A window to offer.

    Attributes
    ----------
    engineer_id
        Who would come; not told where absent.
    grade
        How good it is, 0 to 100, 100 the best.
    slot_id
        Under which it is booked; default: S1, S2, … in the order of the answer.
    """

    open: datetime
    close: datetime
    engineer_id: str | None = None
    grade: float | None = None
    slot_id: str | None = None


def slot_search_from_tmf646(
    document: Any,  # Any: JSON
    *,
    timezone: str | None = None,
) -> SlotSearch:
    """Read the body of ``POST /searchTimeSlot``.

    Parameters
    ----------
    timezone
        Zone of times without an offset; without it such a time is a fault.

    Raises
    ------
    InvalidProblemError
        With every fault.
    """
    clock = strict_clock(timezone)
    question = object_of(document, "a SearchTimeSlot")
    faults: list[Issue] = []
    spans = _spans(question.get("requestedTimeSlot"), clock, faults)
    if faults:
        raise InvalidProblemError(faults)
    entities = tuple(
        (found, text_of(item.get("role")) or "related", _type_of(item))
        for item in listed(question.get("relatedEntity"))
        if (found := text_of(item.get("id"))) is not None
    )
    tickets = [found for found, _, kind in entities if folded(kind) == "troubleticket"]
    return SlotSearch(
        ticket_id=tickets[0] if tickets else None,
        place_id=first_id(question.get("relatedPlace")),
        party_id=first_id(question.get("relatedParty")),
        entities=entities,
        spans=spans,
    )


def tmf646_offers(
    search: SlotSearch,
    offers: Iterable[OfferedWindow],
    *,
    search_id: str,
    searched_at: datetime,
    zone: tzinfo,
    schema_location: str | None = None,
) -> Json:
    """Write the answer: the best window first.

    A window with a grade is a ``GradedTimeSlot``, a TimeSlot with one more field, which plain
    readers may overlook. Windows of equal grade stand in order of time; those without one last.

    Parameters
    ----------
    search_id
        Id of the resource that the search created.
    zone
        In which times are written.
    schema_location
        URI of a schema of GradedTimeSlot, if you publish one.
    """
    ordered = sorted(offers, key=lambda o: (-1.0 if o.grade is None else -o.grade - 2, o.open))
    slots = [_slot(offer, f"S{i}", zone, schema_location) for i, offer in enumerate(ordered, 1)]
    return {
        "id": search_id,
        "searchDate": time_text(searched_at, zone),
        "searchResult": SUCCESS if slots else NOTHING_FREE,
        "status": "done",
        **_echo(search, zone),
        "availableTimeSlot": slots,
    }


def tmf646_failed_search(
    search: SlotSearch,
    *,
    search_id: str,
    searched_at: datetime,
    zone: tzinfo,
    status: Literal["rejected", "terminatedWithError"],
    reason: str,
) -> Json:
    """Write the answer to a search that could not be made; `reason` becomes `searchResult`."""
    return {
        "id": search_id,
        "searchDate": time_text(searched_at, zone),
        "searchResult": reason,
        "status": status,
        **_echo(search, zone),
        "availableTimeSlot": [],
    }


def _slot(offer: OfferedWindow, slot_id: str, zone: tzinfo, schema_location: str | None) -> Json:
    slot: Json = {
        "id": offer.slot_id or slot_id,
        "validFor": time_period(offer.open, offer.close, zone),
    }
    if offer.engineer_id is not None:
        slot["relatedParty"] = technician(offer.engineer_id)  # one object here, no array
    if offer.grade is not None:
        located = {"@schemaLocation": schema_location} if schema_location else {}
        slot |= {"@type": "GradedTimeSlot", "@baseType": "TimeSlot", **located}
        slot["grade"] = offer.grade
    return slot


def _echo(search: SlotSearch, zone: tzinfo) -> Json:
    """Write the question again from what was read of it: names of people stay out."""
    echo: Json = {}
    if search.entities:
        echo["relatedEntity"] = [
            {"id": found, "role": role, "@referredType": kind}
            for found, role, kind in search.entities
        ]
    if search.place_id is not None:
        echo["relatedPlace"] = {"id": search.place_id, "role": SITE}
    if search.party_id is not None:
        echo["relatedParty"] = {"id": search.party_id, "@referredType": "Party"}
    if search.spans:
        echo["requestedTimeSlot"] = [
            {"validFor": time_period(span.start, span.end, zone)} for span in search.spans
        ]
    return echo


def _spans(value: Any, clock: StrictClock, faults: list[Issue]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for index, slot in enumerate(listed(value)):
        field = f"requestedTimeSlot[{index}]"
        try:
            period = period_of(slot.get("validFor"), clock)
        except CellFault as fault:
            faults.append(Issue("problem", "", field, "", str(fault)))
            continue
        if period.start is None or period.end is None:
            message = "validFor needs startDateTime and endDateTime"
            faults.append(Issue("problem", "", field, "", message))
        elif period.end <= period.start:
            message = "ends before it starts; swap or correct the times"
            faults.append(Issue("problem", "", field, "", message))
        else:
            spans.append(Span(start=period.start, end=period.end))
    return tuple(spans)


def _type_of(item: Mapping[str, Any]) -> str:
    return text_of(item.get("@referredType")) or text_of(item.get("@type")) or "Entity"
