"""The windows that a customer might be offered: slots of every local day, cut by what is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dispatchopt.models import Window
from dispatchopt.windows.around import SHORTEST, wall_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, tzinfo

    from dispatchopt.models import Problem, Slot, Ticket
    from dispatchopt.models.offer import NotOffered

QUARTER: Final = 900
"""What is cut in the middle of a slot begins or ends on the quarter hour, as people tell times."""

NOON, EVENING = 12 * 60, 17 * 60
"""Local minutes at which the parts of a day begin."""

_Span = tuple[datetime, datetime]

_clock = lru_cache(maxsize=8192)(wall_clock)
"""The days and minutes asked for are the same for every ticket."""


class Candidate(NamedTuple):
    """A window that might be offered.

    Attributes
    ----------
    day, part
        Local day of the slot; 0: it opens in the morning, 1: from noon on, 2: from 17:00 on.
    """

    window: Window
    day: date
    part: int
    is_fallback: bool
    is_after_due: bool


@dataclass(frozen=True)
class Candidates:
    """The windows left, and how many slots were cut away, by reason."""

    kept: tuple[Candidate, ...]
    dropped: Counter[NotOffered]


def candidates(
    problem: Problem, ticket: Ticket, slots: Sequence[Slot], *, is_fallback: bool = False
) -> Candidates:
    """Return what is left of every slot of every local day of the horizon.

    A slot is cut at the lead time from now (or from the start of the horizon), at the visiting
    hours, the ticket's `earliest` and `known_at`, its windows and its `latest`; less than half an
    hour of it is dropped. A time that clocks skip is as much later; a slot that is empty then does
    not exist on that day.
    """
    limits = _Limits(problem, ticket)
    kept: dict[Window, Candidate] = {}
    dropped: Counter[NotOffered] = Counter()
    for day in _days(problem):
        for slot in slots:
            opens = _clock(day, slot.open_minute, problem.zone)
            closes = _clock(day, slot.close_minute, problem.zone)
            if closes <= opens:
                continue
            pieces, reason = limits.cut(day, (opens, closes))
            if reason is not None:
                dropped[reason] += 1
            for first, last in pieces:
                window = Window(open=first, close=last)
                late = ticket.due is not None and first >= ticket.due
                part = _part(first, problem.zone)
                kept.setdefault(window, Candidate(window, day, part, is_fallback, late))
    return Candidates(tuple(sorted(kept.values(), key=_rank)), dropped)


def reason_against(problem: Problem, ticket: Ticket, window: Window) -> NotOffered | None:
    """Return why a window could not have been offered, whoever has room; None if it could have.

    Neither quarter hours nor `due` count against it, and the lead time `hold_minutes` less: so long
    somebody who was offered a window may take to say which.
    """
    return _Limits(problem, ticket).against(window)


def is_asked_for(ticket: Ticket, window: Window) -> bool:
    """Whether a window lies within those that a ticket asks for, if it asks for any."""
    reached: datetime | None = None
    for wish in sorted(ticket.windows, key=lambda wish: wish.open):
        if wish.open <= (reached or window.open) and wish.close >= window.open:
            reached = wish.close if reached is None else max(reached, wish.close)
    return not ticket.windows or (reached is not None and reached >= window.close)


def candidate_of(problem: Problem, ticket: Ticket, window: Window) -> Candidate:
    """Return a window as a candidate, whatever stands against it."""
    day = window.open.astimezone(problem.zone).date()
    late = ticket.due is not None and window.open >= ticket.due
    return Candidate(window, day, _part(window.open, problem.zone), False, late)


def _rank(candidate: Candidate) -> tuple[datetime, datetime]:
    return candidate.window.open, candidate.window.close


def _days(problem: Problem) -> Iterator[date]:
    day = problem.horizon.start.astimezone(problem.zone).date()
    last = (problem.horizon.end - timedelta(seconds=1)).astimezone(problem.zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _part(opens: datetime, zone: tzinfo) -> int:
    local = opens.astimezone(zone)
    minute = 60 * local.hour + local.minute
    return int(minute >= NOON) + int(minute >= EVENING)


class _Limits:
    """What a slot is cut by, one after the other, and what else may be taken lies within."""

    def __init__(self, problem: Problem, ticket: Ticket) -> None:
        self.problem, self.ticket = problem, ticket
        horizon, policy = problem.horizon, problem.policy
        self.first = horizon.start if problem.now is None else max(problem.now, horizon.start)
        self.lead = timedelta(minutes=policy.offer_lead_minutes)
        self.wishes = [(window.open, window.close) for window in ticket.windows]
        self.latest: datetime | None = None
        if ticket.latest is not None:
            self.latest = ticket.latest - self._shortest_service(ticket)

    def against(self, window: Window) -> NotOffered | None:
        """Return the limit that a window breaks; None if it breaks none."""
        policy = self.problem.policy
        opens, closes = self._visiting(window.open.astimezone(self.problem.zone).date())
        lead = max(timedelta(0), self.lead - timedelta(minutes=policy.hold_minutes))
        if window.open < opens or window.close > closes:
            return "OUTSIDE_VISITING_HOURS"
        if window.open < self._soonest(lead):
            return "TOO_SOON"
        if not is_asked_for(self.ticket, window):
            return "OUTSIDE_WISHES"
        if self.latest is not None and window.close > self.latest:
            return "AFTER_SERVICE_LIMIT"
        return None

    def _soonest(self, lead: timedelta) -> datetime:
        released = [at for at in (self.ticket.earliest, self.ticket.known_at) if at is not None]
        return max([self.first + lead, *released])

    def _visiting(self, day: date) -> _Span:
        hours, zone = self.problem.policy.visiting_hours, self.problem.zone
        return _clock(day, hours.open_minute, zone), _clock(day, hours.close_minute, zone)

    def _shortest_service(self, ticket: Ticket) -> timedelta:
        mean = self.problem.catalogue()[ticket.fault_type].duration.mean
        seconds = mean if ticket.duration is None else ticket.duration
        paces = [e.duration_percent for e in self.problem.engineers if e.shifts]
        return timedelta(seconds=-(-seconds * min(paces, default=100) // 100))

    def cut(self, day: date, slot: _Span) -> tuple[list[_Span], NotOffered | None]:
        """Return what is left of a slot, and why nothing is."""
        steps: list[tuple[NotOffered, list[_Span]]] = [
            ("NO_SHIFT", [(slot[0], self.problem.horizon.end)]),
            ("OUTSIDE_VISITING_HOURS", [self._visiting(day)]),
            ("TOO_SOON", [(_full_quarter(self._soonest(self.lead)), slot[1])]),
        ]
        if self.wishes:
            steps.append(("OUTSIDE_WISHES", self.wishes))
        if self.latest is not None:
            steps.append(("AFTER_SERVICE_LIMIT", [(slot[0], _past_quarter(self.latest))]))
        pieces = [slot]
        least = min(timedelta(seconds=SHORTEST), slot[1] - slot[0])
        for reason, spans in steps:
            met = [(max(a, c), min(b, d)) for a, b in pieces for c, d in spans]
            pieces = [(a, b) for a, b in met if b - a >= least]
            if not pieces:
                return [], reason
        return pieces, None


def _full_quarter(at: datetime) -> datetime:
    """Return the first quarter hour from then on; offsets of time zones are whole quarters."""
    return datetime.fromtimestamp(-(-int(at.timestamp()) // QUARTER) * QUARTER, UTC)


def _past_quarter(at: datetime) -> datetime:
    """Return the last quarter hour by then."""
    return datetime.fromtimestamp(int(at.timestamp()) // QUARTER * QUARTER, UTC)
