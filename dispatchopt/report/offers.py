"""Offers, forced windows and bookings in lines for a dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dispatchopt.models import Window
from dispatchopt.report.customer import Coming, CustomerTexts
from dispatchopt.report.minutes import clock, whole_percent
from dispatchopt.report.readable import counted, one_line
from dispatchopt.report.summary import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from dispatchopt.booking import Booking
    from dispatchopt.models import Forced, NotOffered, Offer, Offers, Proposal

WORDS: Final[Mapping[NotOffered, str]] = {
    "TOO_SOON": "past, or within the lead time",
    "OUTSIDE_WISHES": "not asked for by the customer",
    "OUTSIDE_VISITING_HOURS": "outside the visiting hours",
    "AFTER_SERVICE_LIMIT": "after the service limit",
    "NO_SHIFT": "nobody works then",
    "NO_ENGINEER": "rules keep it out of every shift of that time",
    "NO_ROOM": "no room in the plan",
    "TOO_UNCERTAIN": "too unlikely to be kept",
    "WOULD_WEAKEN_PROMISE": "another promise would become too unlikely",
    "NOT_AMONG_BEST": "possible, but others are better",
}
"""Why a window is not offered."""


def coming(offer: Offer | Proposal) -> Coming:
    """Return what a customer is told of a window: who would come and for how long."""
    return Coming(
        offer.window,
        offer.engineer_id,
        offer.engineer_name,
        offer.duration_p50,
        offer.duration_p80,
    )


def offer_lines(offers: Offers, zone: tzinfo) -> list[str]:
    """Write the windows, the best first, with the parts of their grade, and why not others.

    Prices are minutes of an engineer's working time.
    """
    when = CustomerTexts(zone, language="en").when
    count = counted(len(offers), "window")
    lines = [f"{count} for {offers.ticket_id}, prices in minutes of work"]
    if offers:
        head = ("", "window", "kept", "grade", "added", "late", "risk", "room", "on site", "who")
        rows: list[tuple[str, ...]] = [head]
        for number, offer in enumerate(offers, start=1):
            parts = offer.grade_parts
            prices = (parts.added_cost, parts.tardiness, parts.risk, parts.room)
            rows.append(
                (
                    f"{number}.",
                    when(offer.window),
                    f"{whole_percent(offer.kept_probability)}%",
                    f"{offer.grade:.1f}",
                    *(minutes(price) for price in prices),
                    f"{_up(offer.duration_p50)}-{_up(offer.duration_p80)}",
                    _who(offer),
                )
            )
        aligned = columns([row[:-1] for row in rows])
        lines += [f"{line}  {row[-1]}" for line, row in zip(aligned, rows, strict=True)]
        lines += _remarks(offers)
    lines += not_offered_lines(offers)
    return lines


def not_offered_lines(offers: Offers) -> list[str]:
    """Count by reason what is not offered."""
    lines = [
        f"not offered: {count} {reason} ({WORDS[reason]})"  # type: ignore[index]
        for reason, count in sorted(offers.not_offered.items(), key=lambda item: -item[1])
    ]
    if offers.blocked_by:
        counts = ", ".join(f"{rule} {n}" for rule, n in sorted(offers.blocked_by.items()))
        lines.append(f"shifts that rules keep it out of: {counts}")
    return lines


def forced_lines(forced: Forced, zone: tzinfo) -> list[str]:
    """Write what a window would take that the customer insists on."""
    when = CustomerTexts(zone, language="en").when(forced.window)
    if forced.offer is None:
        reason = forced.reason or "NO_ROOM"
        words = f" ({WORDS[reason]})" if reason in WORDS else ""  # type: ignore[index]
        lines = [f"{forced.ticket_id}, {when}: not possible, {reason}{words}"]
    else:
        offer = forced.offer
        lines = [
            f"{forced.ticket_id}, {when}: possible with {_who(offer)} at "
            f"{clock(offer.start, zone)}, kept {whole_percent(offer.kept_probability)}%, price "
            f"{minutes(forced.price)} minutes of work"
        ]
    for move in forced.moves:
        shift = "" if move.from_shift == move.to_shift else f" on {move.to_shift}"
        lines.append(
            f"moves {move.ticket_id}: {clock(move.from_start, zone)} -> "
            f"{clock(move.to_start, zone)}{shift}"
        )
    if forced.displaces:
        lines.append(_leaves_out(forced.displaces))
    if forced.breaks_rules:
        counts = ", ".join(f"{rule} {n}" for rule, n in sorted(forced.breaks_rules.items()))
        lines.append(f"shifts that rules keep it out of: {counts}")
    return lines


def booking_line(booking: Booking, zone: tzinfo) -> str:
    """Write a booking in one line."""
    when = CustomerTexts(zone, language="en").when
    told = [f"{booking.ticket_id}: {booking.state}"]
    if booking.missed_by is not None:
        before = "" if booking.state == "missed" else ", missed before"
        told[0] += f"{before} by {booking.missed_by}"
    if booking.window is not None:
        told.append(when(booking.window))
    if booking.engineer_id is not None:
        told.append(booking.engineer_id)
    elif booking.state in ("held", "confirmed"):
        told.append("without an engineer")
    if booking.is_forced:
        told.append("forced")
    if booking.first_window is not None and booking.first_window != booking.window:
        told.append(f"first promised {when(booking.first_window)}")
    if booking.expires_at is not None and booking.state == "held":
        told.append(f"expires {_instant(booking.expires_at, zone)}")
    if booking.contact_by is not None and booking.is_to_call:
        told.append(f"call by {_instant(booking.contact_by, zone)}")
    return ", ".join([*told, f"version {booking.version}"])


def booking_counts(
    bookings: Sequence[Booking], unbooked: int, to_call: Sequence[Booking], zone: tzinfo
) -> list[str]:
    """Count what is listed, and what is not: tickets without a booking, first contacts due."""
    lines = [counted(len(bookings), "booking")]
    if unbooked:
        count = counted(unbooked, "ticket")
        lines.append(f"{count} without one (--state unbooked lists them)")
    if to_call:
        lines.append(f"{to_call_count(to_call, zone)} (--to-call lists them)")
    return lines


def to_call_count(to_call: Sequence[Booking], zone: tzinfo) -> str:
    """Count the customers to be called, and say by when the first one is."""
    told = f"{counted(len(to_call), 'customer')} to be called"
    deadlines = [booking.contact_by for booking in to_call if booking.contact_by is not None]
    return f"{told}, the first by {_instant(min(deadlines), zone)}" if deadlines else told


def minutes(cost: int) -> str:
    """Write a price in minutes of work."""
    return str(round(cost / 60))


def _up(seconds: int) -> str:
    return str(-(-seconds // 60))


def _who(offer: Offer) -> str:
    name = one_line(offer.engineer_name or "")
    return f"{offer.engineer_id} {name}".strip()


def _remarks(offers: Sequence[Offer]) -> list[str]:
    lines = []
    for number, offer in enumerate(offers, start=1):
        remarks = []
        if offer.is_after_due:
            remarks.append("after the service limit")
        if offer.displaces:
            remarks.append(_leaves_out(offer.displaces))
        if remarks:
            lines.append(f"{number}. {'; '.join(remarks)}")
    return lines


def _leaves_out(ticket_ids: Sequence[str]) -> str:
    return f"leaves out {', '.join(ticket_ids)}, back to be planned again"


def _instant(at: datetime, zone: tzinfo) -> str:
    """Write a point in time as windows are written beside it."""
    return CustomerTexts(zone, language="en").when(Window(open=at, close=at))
