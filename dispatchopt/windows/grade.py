"""What an offer costs and how good it is, and which offers a customer hears (docs/offers.md)."""

from __future__ import annotations

import hashlib
from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Final

from dispatchopt.chance import quantile
from dispatchopt.models import GradeParts, Offer
from dispatchopt.rules import delay, lateness
from dispatchopt.rules.context import per_hour, scaled_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from dispatchopt.board import Board, Found
    from dispatchopt.models import Ticket
    from dispatchopt.rules.context import TicketFacts
    from dispatchopt.windows.slots import Candidate

FAIR_PRICE: Final = 4 * 3600
"""An offer of this price, four hours of work, has the grade 50."""

SAME_DAY, SAME_PART = 10, 5
"""Points of grade that an offer loses for each one already chosen on its day, in its part of any
day."""


def grade_of(price: int) -> float:
    """Return 100 for an offer that costs nothing, 50 for `FAIR_PRICE`, and so on towards 0."""
    return round(100 * FAIR_PRICE / (FAIR_PRICE + max(0, price)), 2)


def parts_of(board: Board, facts: TicketFacts, found: Found, room: Mapping[str, int]) -> GradeParts:
    """Return the parts of a place's price.

    Parameters
    ----------
    room
        Price of an hour by shift, as far as it is known.
    """
    ctx = board.compiled.ctx
    own = delay.price(ctx, facts, found.end) + lateness.price(ctx, facts, found.end)
    missed = ctx.problem.policy.missed_window_cost
    return GradeParts(
        added_cost=found.added_cost - own,
        tardiness=own,
        risk=ceil(missed * (1 - found.kept_probability)),
        room=per_hour(room.get(found.shift_id, 0), found.room_seconds),
    )


def offer_of(
    board: Board,
    ticket: Ticket,
    facts: TicketFacts,
    candidate: Candidate,
    found: Found,
    room: Mapping[str, int],
    version: str,
) -> Offer:
    """Return a place as an offer."""
    ctx = board.compiled.ctx
    engineer = ctx.shifts[found.shift_id].engineer
    spread = board.spread_of(facts)
    p50, p80 = (scaled_duration(quantile(spread, p), engineer.duration_percent) for p in (0.5, 0.8))
    window = candidate.window
    parts = parts_of(board, facts, found, room)
    told = (ticket.id, version, window.open, window.close, found.shift_id, *found.displaces)
    return Offer(
        offer_id=hashlib.sha256("|".join(map(str, told)).encode()).hexdigest()[:16],
        ticket_id=ticket.id,
        window=window,
        shift_id=found.shift_id,
        engineer_id=engineer.id,
        engineer_name=engineer.name,
        start=ctx.instant(found.start),
        duration_p50=p50,
        duration_p80=p80,
        kept_probability=found.kept_probability,
        added_cost=found.added_cost,
        grade=grade_of(parts.total),
        grade_parts=parts,
        displaces=found.displaces,
        is_after_due=candidate.is_after_due,
        is_fallback=candidate.is_fallback,
        version=version,
    )


def spread_out(
    offers: Sequence[tuple[Candidate, Offer]], count: int
) -> tuple[list[Offer], list[Offer]]:
    """Choose offers that are good and differ; return them, the best first, and the others.

    One after the other the offer with the most points is chosen: its grade, less `SAME_DAY` for
    each one chosen on its day and `SAME_PART` for each one chosen in its part of any day. Of equal
    ones the earlier window counts.
    """
    left = sorted(offers, key=lambda item: (item[1].window.open, item[1].window.close))
    days: Counter[date] = Counter()
    parts: Counter[int] = Counter()
    chosen: list[Offer] = []
    while left and len(chosen) < count:
        points = [
            offer.grade - SAME_DAY * days[item.day] - SAME_PART * parts[item.part]
            for item, offer in left
        ]
        item, offer = left.pop(points.index(max(points)))
        days[item.day] += 1
        parts[item.part] += 1
        chosen.append(offer)
    chosen.sort(key=lambda offer: (-offer.grade, offer.window.open, offer.window.close))
    return chosen, [offer for _, offer in left]
