"""A branch over many days under one way of booking: who books, who waits, what is kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from benchmarks.offers_day import Day, Outcome
from benchmarks.offers_world import DAY, choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.offers_day import Crew
    from benchmarks.offers_world import Customer, World

HORIZON = 3
"""Days that can be booked, tomorrow the first; the book of a day closes when its routes go out."""


class Quote(NamedTuple):
    """A window that can be had, in seconds of the world, and the probability told with it."""

    span: tuple[int, int]
    told: float | None


@dataclass
class Morning:
    """The routes of a day as they go out.

    Attributes
    ----------
    told
        Probability of each promised visit after the last night, by ticket.
    left_out
        Customers promised today whom the plan leaves out.
    """

    crews: list[Crew]
    told: dict[str, float] = field(default_factory=dict)
    left_out: list[Customer] = field(default_factory=list)


class Booking(Protocol):
    """A way of booking and planning."""

    def night(self, day: int) -> Morning:
        """Plan `day` and the days after it; return the routes of `day`."""

    def offers(self, customer: Customer) -> Sequence[Quote]:
        """Return the windows offered."""

    def insist(self, customer: Customer, span: tuple[int, int]) -> Quote | None:
        """Return whether this window can be had, and how likely it is kept."""

    def promise(self, customer: Customer, quote: Quote) -> None:
        """Promise a window."""

    def wait(self, customers: Iterable[Customer]) -> None:
        """Keep customers without a promise for the plans to come."""

    def cancel(self, customer: Customer) -> None:
        """Give up a promise."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A window promised whose time came: what was told, and whether it was kept.

    Attributes
    ----------
    told, last
        Probability told at booking and after the last night; None where the rule tells none.
    """

    told: float | None
    last: float | None
    is_kept: bool
    insisted: bool
    is_left_out: bool


@dataclass
class Tally:
    """What happened in one branch."""

    days: int = 0
    asked: int = 0
    accepted: int = 0
    insisted: int = 0
    insisted_accepted: int = 0
    offers: int = 0
    without_offer: int = 0
    cancelled: int = 0
    visits: int = 0
    travel: int = 0
    days_ahead: int = 0
    promises: list[Promise] = field(default_factory=list)


@dataclass
class _Booked:
    quote: Quote
    insisted: bool


def simulate(world: World, booking: Booking) -> Tally:
    """Live through all days of a world."""
    tally, booked = Tally(days=world.days), dict[str, _Booked]()
    calls: defaultdict[int, list[Customer]] = defaultdict(list)
    for customer in world.customers:
        calls[customer.day].append(customer)
    for day in range(world.days):
        morning = booking.night(day)
        today = Day(world, morning.crews)
        today.outcomes += [Outcome.missed(c, booked[c.id].quote.span) for c in morning.left_out]
        urgent = []
        for customer in calls[day]:
            if customer.is_urgent:
                urgent.append(customer)
            elif day < world.days - HORIZON:
                _call(world, booking, customer, booked, tally)
        today.run(day, urgent)
        _close(today, morning, booking, booked, tally)
    return tally


def _call(
    world: World, booking: Booking, customer: Customer, booked: dict[str, _Booked], tally: Tally
) -> None:
    """Let a customer book, or insist, or hang up and wait for whoever comes."""
    tally.asked += 1
    quote: Quote | None
    if customer.insists is not None:
        ahead, opens, lasts = customer.insists
        begin = (customer.day + ahead) * DAY + opens
        quote = booking.insist(customer, (begin, begin + lasts))
        tally.insisted += 1
        tally.insisted_accepted += quote is not None
    else:
        offers = booking.offers(customer)
        tally.offers += len(offers)
        tally.without_offer += not offers
        chosen = choose(customer, [offer.span for offer in offers], world.habits)
        quote = None if chosen is None else offers[chosen]
    if quote is None:
        booking.wait([customer])
        return
    tally.accepted += 1
    tally.days_ahead += quote.span[0] // DAY - customer.day
    booking.promise(customer, quote)
    if customer.cancels_early:
        tally.cancelled += 1
        booking.cancel(customer)
    else:
        booked[customer.id] = _Booked(quote, customer.insists is not None)


def _close(
    today: Day, morning: Morning, booking: Booking, booked: dict[str, _Booked], tally: Tally
) -> None:
    """Count the day; who was missed waits on, without a promise."""
    left_out = {customer.id for customer in morning.left_out}
    tally.travel += today.travel
    waiting = list(today.back)
    for outcome in today.outcomes:
        customer = outcome.stop.customer
        tally.visits += outcome.start is not None
        if outcome.stop.window is not None and not customer.cancels_late:
            promise = booked[customer.id]
            tally.promises.append(
                Promise(
                    promise.quote.told,
                    morning.told.get(customer.id),
                    outcome.is_kept,
                    promise.insisted,
                    customer.id in left_out,
                )
            )
        if outcome.start is None and not customer.cancels_late:
            waiting.append(customer)
    booking.wait(waiting)
