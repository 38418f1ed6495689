"""A small plan to book on: two engineers on each of two days, places on a line."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dispatchopt as do
from dispatchopt.models import Window
from tests import builders as small

if TYPE_CHECKING:
    from datetime import datetime

    from dispatchopt.models import Plan, Problem, Ticket

BEFORE = small.at("06:00")


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, now: datetime = BEFORE) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)


def window(opens: str, closes: str, day: int = 0) -> Window:
    return Window(**small.window(opens, closes, day))


def day_problem(num_tickets: int = 3, *, engineers: int = 2, **fields: Any) -> Problem:
    """Tickets of half an hour, none of them promised."""
    tickets = [small.ticket(f"t{n}", place="abcd"[n % 4], minutes=30) for n in range(num_tickets)]
    crew = [
        small.engineer(f"e{e}", *(small.shift(f"s{e}.{day}", day=day) for day in range(2)))
        for e in range(engineers)
    ]
    unserved = dict.fromkeys((1, 2, 3, 4), 20_000)
    policy = small.free(travel_per_hour=3600, unserved_cost=unserved, broken_promise_cost=3_600_000)
    given: dict[str, Any] = {"tickets": tickets, "policy": policy, "days": 2, **fields}
    return small.problem(given.pop("tickets"), crew, **given)


def planned(problem: Problem, *, seed: int = 0) -> Plan:
    return do.solve(problem, iterations=30, threads=1, seed=seed, prove=False).plan


def caller(ticket_id: str = "n1", minutes: int = 60, place: str = "b", **fields: Any) -> Ticket:
    """Build the ticket of a customer on the line."""
    return small.ticket(ticket_id, place=place, minutes=minutes, **fields)
