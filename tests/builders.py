"""Small problems and plans for hand-worked tests.

One Monday in UTC from midnight; places on a line, so that travel is the difference of their
minutes; every price 0 unless given. Clocks are ``"08:30"`` or ``"08:30:01"``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dispatchopt.checker import Report, check
from dispatchopt.instance import compile_problem
from dispatchopt.models import (
    Engineer,
    Plan,
    Policy,
    Problem,
    Route,
    Shift,
    Span,
    Ticket,
    Visit,
)
from dispatchopt.rules import RULES
from dispatchopt.rules.context import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import Instance

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)

MINUTES = {"home": 0, "a": 10, "b": 20, "c": 30, "d": 60}
"""Where the places lie on their line, in minutes from home."""

HOUR = 3600


def sec(clock: str, day: int = 0) -> int:
    """Seconds from the start of the horizon."""
    hours, minutes, *rest = (int(part) for part in clock.split(":"))
    return 86_400 * day + 3600 * hours + 60 * minutes + sum(rest)


def at(clock: str, day: int = 0) -> datetime:
    """Point in time on the Monday, or so many days later."""
    return MONDAY + timedelta(seconds=sec(clock, day))


def window(opens: str, closes: str, day: int = 0) -> dict[str, datetime]:
    return {"open": at(opens, day), "close": at(closes, day)}


def pause(earliest: str, latest: str, minutes: int) -> dict[str, Any]:
    return {"earliest": at(earliest), "latest": at(latest), "duration": 60 * minutes}


def ticket(ticket_id: str = "t", place: str = "a", minutes: int = 60, **fields: Any) -> Ticket:
    """Build a ticket that asks for nothing but its time on site."""
    defaults: dict[str, Any] = {
        "fault_type": "IPTV_STB",
        "priority": 3,
        "skills": {},
        "duration": 60 * minutes,
    }
    return Ticket(id=ticket_id, place=place, **{**defaults, **fields})


def shift(
    shift_id: str = "s", start: str = "08:00", end: str = "16:00", *, day: int = 0, **fields: Any
) -> Shift:
    return Shift(id=shift_id, start=at(start, day), end=at(end, day), **fields)


def engineer(engineer_id: str = "e", *shifts: Shift, **fields: Any) -> Engineer:
    """Build an engineer without skills at home, with shift ``s`` unless others are given."""
    defaults: dict[str, Any] = {"skills": {}, "place": "home", "shifts": shifts or (shift(),)}
    return Engineer(id=engineer_id, **{**defaults, **fields})


def table(minutes: dict[str, int] = MINUTES, no_way: tuple[tuple[str, str], ...] = ()) -> Any:
    """Build a travel table of places on a line; `no_way` names pairs that are cut."""
    seconds: list[list[int | None]] = [
        [None if (a, b) in no_way else 60 * abs(minutes[a] - minutes[b]) for b in minutes]
        for a in minutes
    ]
    return {"kind": "matrix", "places": list(minutes), "seconds": seconds}


def free(**prices: Any) -> Policy:
    """Build a policy in which everything is free but what is given, level by level."""
    nothing: dict[str, Any] = {
        "preset": "city_day",
        "travel_per_hour": 0,
        "unserved_cost": dict.fromkeys((1, 2, 3, 4), 0),
        "broken_promise_cost": 0,
        "territory_open_to": (),
    }
    if "unserved_cost" in prices:
        prices["unserved_cost"] = {**nothing["unserved_cost"], **prices["unserved_cost"]}
    return Policy(**{**nothing, **prices})


def problem(
    tickets: Sequence[Ticket],
    engineers: Sequence[Engineer] | None = None,
    *,
    days: int = 1,
    **fields: Any,
) -> Problem:
    """Build a problem of whole days, one engineer and no prices unless given."""
    defaults: dict[str, Any] = {
        "horizon": {"start": MONDAY, "end": MONDAY + timedelta(days=days)},
        "tickets": tickets,
        "engineers": (engineer(),) if engineers is None else engineers,
        "travel": table(),
        "policy": free(),
    }
    return Problem(**{**defaults, **fields})


def orders(**routes: str) -> Plan:
    """Build a plan of orders only: ``orders(s="t1 t2")``."""
    return Plan(
        routes=tuple(
            Route(shift_id=shift_id, visits=tuple(Visit(ticket_id=t) for t in order.split()))
            for shift_id, order in routes.items()
        )
    )


def visit(ticket_id: str, departure: str, arrival: str, start: str, end: str) -> Visit:
    return Visit(
        ticket_id=ticket_id,
        departure=at(departure),
        arrival=at(arrival),
        start=at(start),
        end=at(end),
    )


def route(
    shift_id: str,
    *visits: Visit,
    start: str | None = None,
    end: str | None = None,
    breaks: Sequence[tuple[str, str]] = (),
) -> Route:
    """Build a route with stated times."""
    return Route(
        shift_id=shift_id,
        visits=visits,
        start=None if start is None else at(start),
        end=None if end is None else at(end),
        breaks=tuple(Span(start=at(a), end=at(b)) for a, b in breaks),
    )


def faults(task: Problem, plan: Plan) -> list[tuple[str, str | None, str | None]]:
    """Return rule, ticket and shift of each violation."""
    report = check(task, plan)
    return [(found.rule, found.ticket_id, found.shift_id) for found in report.violations]


def cost(task: Problem, plan: Plan, rule: str) -> int:
    """Return what one rule adds to the cost of a valid plan."""
    report = check(task, plan)
    assert report.violations == ()
    return report.cost.by_rule.get(rule, 0)


def total(task: Problem, plan: Plan) -> int:
    """Return the cost of a valid plan."""
    report = check(task, plan)
    assert report.violations == ()
    return report.cost.total


def overruled(report: Report) -> set[tuple[str, str | None, str | None]]:
    """Return rule, ticket and shift of each rule that a lock overruled."""
    return {(item.rule, item.ticket_id, item.shift_id) for item in report.overridden}


def forms(task: Problem) -> Instance:
    return compile_problem(task).instance


def blocked(task: Problem, rule: str) -> set[tuple[str, str]]:
    """Return the pairs of ticket and shift that the rule forbids."""
    compiled = compile_problem(task)
    bit = [item.name for item in RULES].index(rule)
    return {
        (ticket_id, shift_id)
        for t, ticket_id in enumerate(compiled.ticket_ids)
        for s, shift_id in enumerate(compiled.shift_ids)
        if compiled.instance.blocked[t, compiled.instance.class_of[s]] >> bit & 1
    }


def assign_cost(task: Problem) -> dict[tuple[str, str], int]:
    """Return the price of each pair of ticket and shift that has one."""
    compiled = compile_problem(task)
    prices = {
        (ticket_id, shift_id): int(compiled.instance.assign_cost[t, compiled.instance.class_of[s]])
        for t, ticket_id in enumerate(compiled.ticket_ids)
        for s, shift_id in enumerate(compiled.shift_ids)
    }
    return {pair: price for pair, price in prices.items() if price}


def reason(task: Problem, rule: str, ticket_id: str = "t") -> str:
    """Return the code of a ticket that the rule keeps out of every shift."""
    ctx = Context.of(task)
    found = next(item for item in RULES if item.name == rule)
    return found.reason(ctx, ctx.tickets[ticket_id])
