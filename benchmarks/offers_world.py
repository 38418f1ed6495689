"""A made-up branch over many days: its roster, the customers who call, and what comes true.

Everything that chance decides is drawn here once, by seed and customer: what a customer wants, how
long the job really takes, who falls ill. So every way of booking meets the same people on the same
days. All shares are assumptions, none is measured; `Habits` lists them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from statistics import NormalDist, mean
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.generator import generate
from dispatchopt.models import Engineer, FaultType, Problem, Shift, Span, Ticket, Window
from dispatchopt.models.catalogue import builtin_fault_types
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

DAY = 86_400
SLOTS_A_DAY = 12
"""Two hours each: the part of the day that a customer's taste knows."""

URGENT = frozenset({"ODN_SPLITTER_BOX", "FEEDER_CABLE_CUT", "ENT_LEASED_DOWN"})
"""Outages: nobody books a window for them, somebody goes the same day."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What is assumed of customers, jobs and engineers.

    Attributes
    ----------
    tickets_a_shift
        Tickets that come in for each shift of the roster, outages among them.
    overrun_share, overrun
        Share of jobs that take far longer than the distribution of their fault says, and by how
        much: a factor drawn evenly between the two numbers, on top of the drawn duration.
    no_access_share, no_access_seconds
        Nobody opens: the engineer leaves after so long.
    cancel_share
        Customers who cancel: half of them right after booking, half on the morning of the visit.
    sick_share
        Shifts whose engineer reports sick on the morning of the day, and is away all day.
    insist_share, insist_seconds
        Customers who want one stretch of one of the next two days, or nothing; it is one of these
        lengths, each as likely. It is granted whenever a plan can hold it, however unsure.
    picky_share
        Customers who are at home in the morning, in the afternoon or in the evening only, a third
        each of this share.
    impatience, wish
        Choice among offers: the utility of a window is `wish`, less `impatience` for each day
        after tomorrow and 0.15 for each hour that it is wider than two, plus a taste (Gumbel);
        that of no window is a taste alone. The best is taken (multinomial logit).
    """

    tickets_a_shift: float = 6.0
    overrun_share: float = 0.04
    overrun: tuple[float, float] = (1.5, 2.5)
    no_access_share: float = 0.04
    no_access_seconds: int = 600
    cancel_share: float = 0.06
    sick_share: float = 0.02
    insist_share: float = 0.15
    insist_seconds: tuple[int, ...] = (900, 1800, 3600, 7200)
    picky_share: float = 0.45
    impatience: float = 0.8
    wish: float = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Customer:
    """One who calls, or an outage that comes in.

    Attributes
    ----------
    calls
        Seconds from the start of the world.
    at_home
        Seconds of the day within which service may start; None: any time.
    insists
        Days ahead, second of the day and seconds: that window or nothing; None: chooses.
    factor
        True duration over the planned one, overruns included.
    taste
        Utility noise by days ahead and two-hour slot; the last number is that of no window.
    """

    ticket: Ticket
    calls: int
    is_urgent: bool
    at_home: tuple[int, int] | None
    insists: tuple[int, int, int] | None
    factor: float
    cancels_early: bool
    cancels_late: bool
    opens_door: bool
    taste: tuple[float, ...]

    @property
    def id(self) -> str:
        """Id of the ticket."""
        return self.ticket.id

    @property
    def day(self) -> int:
        """Day of the call."""
        return self.calls // DAY


@dataclass(frozen=True, eq=False)
class World:
    """A branch, its customers in the order of their calls, and who falls ill when."""

    habits: Habits
    problem: Problem
    days: int
    customers: tuple[Customer, ...]
    sick: frozenset[str]
    travel: TravelTimes

    def instant(self, seconds: int) -> datetime:
        """Return the point in time of a second of the world."""
        return self.problem.horizon.start + timedelta(seconds=seconds)

    def seconds(self, when: datetime) -> int:
        """Return the second of the world of a point in time."""
        return int((when - self.problem.horizon.start).total_seconds())

    def window(self, span: tuple[int, int]) -> Window:
        """Return a window given in seconds of the world."""
        return Window(open=self.instant(span[0]), close=self.instant(span[1]))

    def span(self, window: Window) -> tuple[int, int]:
        """Return a window in seconds of the world."""
        return self.seconds(window.open), self.seconds(window.close)

    def day_of(self, shift: Shift) -> int:
        """Return the day on which a shift begins."""
        return self.seconds(shift.start) // DAY

    def problem_of(
        self, first: int, days: int, tickets: Iterable[Ticket], **fields: object
    ) -> Problem:
        """Return the days from `first` on with these tickets, under the world's policy."""
        last = min(first + days, self.days)
        inside = range(first, last)
        return Problem(
            **{
                "horizon": Span(start=self.instant(first * DAY), end=self.instant(last * DAY)),
                "timezone": self.problem.timezone,
                "tickets": tuple(tickets),
                "engineers": tuple(
                    engineer.model_copy(
                        update={
                            "shifts": tuple(s for s in engineer.shifts if self.day_of(s) in inside)
                        }
                    )
                    for engineer in self.problem.engineers
                ),
                "travel": self.problem.travel,
                "policy": self.problem.policy,
                **fields,
            }  # type: ignore[arg-type]
        )


def make_world(seed: int, *, engineers: int, days: int, habits: Habits | None = None) -> World:
    """Make up a branch: roster, city and faults by the generator, the rest by `habits`."""
    habits = habits or Habits()
    roster = generate(tickets=1, days=days, engineers=engineers, seed=seed, appointment_percent=0)
    shifts = sum(len(engineer.shifts) for engineer in roster.engineers)
    whole = generate(
        tickets=round(habits.tickets_a_shift * shifts),
        days=days,
        engineers=engineers,
        seed=seed,
        appointment_percent=0,
    )
    rng = np.random.default_rng([seed, 7919])
    problem = whole.model_copy(update={"engineers": tuple(map(_plain, whole.engineers))})
    tickets = [ticket for ticket in whole.tickets if _can_be_served(problem, ticket)]
    customers = _customers(rng, habits, tickets, days, problem)
    places = [*(e.place for e in problem.engineers), *(c.ticket.place for c in customers)]
    return World(
        habits=habits,
        problem=problem,
        days=days,
        customers=customers,
        sick=frozenset(
            shift.id
            for engineer in problem.engineers
            for shift in engineer.shifts
            if rng.random() < habits.sick_share
        ),
        travel=TravelTimes.of(
            problem.travel, places, (engineer.travel_profile for engineer in problem.engineers)
        ),
    )


def _plain(engineer: Engineer) -> Engineer:
    """Leave out what would make days differ for other reasons than chance."""
    skills = {
        name: skill.model_copy(update={"expires": None}) for name, skill in engineer.skills.items()
    }
    bare = {"stock": None, "max_visits": None, "min_priority": None, "reserved_minutes": 0}
    shifts = tuple(shift.model_copy(update=bare) for shift in engineer.shifts)
    return engineer.model_copy(update={"skills": skills, "stock": None, "shifts": shifts})


def can_serve(engineer: Engineer, shift: Shift, ticket: Ticket) -> bool:
    """Return whether skills and hands suffice."""
    fault = catalogue()[ticket.fault_type]
    skills = fault.skills if ticket.skills is None else ticket.skills
    return shift.members >= ticket.crew_size and all(
        name in engineer.skills and engineer.skills[name].level >= level
        for name, level in skills.items()
    )


def covers(engineer: Engineer, ticket: Ticket) -> bool:
    """Return whether the ticket lies in an area that the engineer works in."""
    if engineer.territories is None or ticket.territory is None:
        return True
    return ticket.territory in (*engineer.territories, *(engineer.helper_territories or ()))


def _can_be_served(problem: Problem, ticket: Ticket) -> bool:
    return any(
        can_serve(engineer, engineer.shifts[0], ticket) and covers(engineer, ticket)
        for engineer in problem.engineers
        if engineer.shifts
    )


@cache
def catalogue() -> dict[str, FaultType]:
    """Return the built-in fault types by code."""
    return {fault.code: fault for fault in builtin_fault_types()}


def planned_seconds(ticket: Ticket) -> int:
    """Return the planned time on site at usual pace: the mean of the fault."""
    return catalogue()[ticket.fault_type].duration.mean


def sigma_of(fault: FaultType) -> float:
    """Return the spread of the log-normal that the catalogue's quantiles describe."""
    duration, normal = fault.duration, NormalDist()
    if duration.p50:
        given = ((duration.p80, 0.8), (duration.p90, 0.9))
        found = [math.log(value / duration.p50) / normal.inv_cdf(p) for value, p in given if value]
        if found:
            return mean(found)
    return math.sqrt(math.log(1.25))


def _customers(
    rng: np.random.Generator, habits: Habits, tickets: list[Ticket], days: int, problem: Problem
) -> tuple[Customer, ...]:
    start = problem.horizon.start
    found = []
    for index, ticket in enumerate(tickets):
        day = index % days
        is_urgent = ticket.fault_type in URGENT
        # Calls come while the lines are open, outages at any hour of work.
        hours = (8.0, 16.5) if is_urgent else (8.0, 20.0)
        calls = day * DAY + round(3600 * rng.uniform(*hours))
        told = start + timedelta(seconds=calls)
        shape = ("id", "fault_type", "place", "priority", "territory", "crew_size")
        fields = {name: getattr(ticket, name) for name in shape}
        hours_left = 4 if is_urgent else 48
        found.append(
            Customer(
                ticket=Ticket(**fields, reported_at=told, due=told + timedelta(hours=hours_left)),
                calls=calls,
                is_urgent=is_urgent,
                **_wishes(rng, habits),
                **_fate(rng, habits, catalogue()[ticket.fault_type]),
            )
        )
    return tuple(sorted(found, key=lambda customer: customer.calls))


_PARTS = ((8, 12), (12, 18), (17, 20))


def _wishes(rng: np.random.Generator, habits: Habits) -> dict[str, object]:
    at_home = None
    if rng.random() < habits.picky_share:
        at_home = tuple(3600 * hour for hour in _PARTS[int(rng.integers(len(_PARTS)))])
    insists = None
    if rng.random() < habits.insist_share:
        first, last = at_home or (8 * 3600, 18 * 3600)
        opens = int(rng.integers(first // 1800, last // 1800)) * 1800
        insists = int(rng.integers(1, 3)), opens, int(rng.choice(habits.insist_seconds))
    taste = rng.gumbel(size=8 * SLOTS_A_DAY + 1)
    return {"at_home": at_home, "insists": insists, "taste": tuple(taste.tolist())}


def _fate(rng: np.random.Generator, habits: Habits, fault: FaultType) -> dict[str, object]:
    sigma = sigma_of(fault)
    factor = math.exp(sigma * rng.normal() - sigma * sigma / 2)
    overrun, chance, opens = rng.uniform(*habits.overrun), rng.random(), rng.random()
    cancels = rng.random()
    return {
        "factor": factor * overrun if chance < habits.overrun_share else factor,
        "cancels_early": cancels < habits.cancel_share / 2,
        "cancels_late": habits.cancel_share / 2 <= cancels < habits.cancel_share,
        "opens_door": opens >= habits.no_access_share,
    }


def choose(customer: Customer, windows: Iterable[tuple[int, int]], habits: Habits) -> int | None:
    """Return the number of the window that the customer takes, None if they take none."""
    best, chosen = customer.taste[-1], None
    for number, (opens, closes) in enumerate(windows):
        ahead = opens // DAY - customer.day
        taste = customer.taste[(ahead % 8) * SLOTS_A_DAY + opens % DAY // 7200]
        wide = max(0.0, (closes - opens) / 3600 - 2)
        utility = habits.wish - habits.impatience * max(0, ahead - 1) - 0.15 * wide + taste
        if utility > best:
            best, chosen = utility, number
    return chosen


def wished_windows(customer: Customer, days: range) -> tuple[tuple[int, int], ...]:
    """Return when the customer is at home on these days, in seconds of the world; empty: always."""
    if customer.at_home is None:
        return ()
    opens, closes = customer.at_home
    return tuple((day * DAY + opens, day * DAY + closes) for day in days)
