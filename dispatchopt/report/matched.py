"""A plan laid over its problem: who works which route, and which ticket each visit is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatchopt.errors import InvalidProblemError, Issue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dispatchopt.models import Engineer, Plan, Problem, Route, Shift, Ticket, Visit, Window

ShiftRoutes = list[tuple["Shift", "TimedRoute | None"]]
"""Shifts of an engineer in order of time, each with its route if the plan has one."""


@dataclass(frozen=True, slots=True)
class TimedVisit:
    """A visit all of whose times are given."""

    ticket: Ticket
    departure: datetime
    arrival: datetime
    start: datetime
    end: datetime
    travel_seconds: int
    promised: Window | None
    kept_probability: float | None = None


@dataclass(frozen=True, slots=True)
class TimedRoute:
    """A route with its engineer, shift and visits in order."""

    engineer: Engineer
    shift: Shift
    route: Route
    visits: tuple[TimedVisit, ...]

    @property
    def end(self) -> datetime:
        """When the route ends; without an own end, with its last visit."""
        if self.route.end is not None:
            return self.route.end
        return self.visits[-1].end if self.visits else self.shift.start


def match_plan(problem: Problem, plan: Plan) -> tuple[TimedRoute, ...]:
    """Lay a plan over its problem.

    Raises
    ------
    InvalidProblemError
        If the plan names a shift or a ticket that the problem lacks, or a visit lacks a time (a
        plan with orders only is scheduled by the checker first); all of it is listed.
    """
    tickets = {ticket.id: ticket for ticket in problem.tickets}
    shifts = {shift.id: (e, shift) for e in problem.engineers for shift in e.shifts}
    issues: list[Issue] = []
    routes: list[TimedRoute] = []
    for route in plan.routes:
        if route.shift_id not in shifts:
            issues.append(_issue(route.shift_id, "shift_id", "no such shift in the problem"))
            continue
        engineer, shift = shifts[route.shift_id]
        visits = tuple(_timed(route, tickets, issues))
        routes.append(TimedRoute(engineer, shift, route, visits))
    if issues:
        raise InvalidProblemError(issues)
    return tuple(routes)


def shifts_by_engineer(problem: Problem, plan: Plan) -> list[tuple[Engineer, ShiftRoutes]]:
    """Lay a plan over each engineer who has a shift.

    Raises
    ------
    InvalidProblemError
        As `match_plan`.
    """
    routes = {route.shift.id: route for route in match_plan(problem, plan)}
    return [
        (
            engineer,
            [
                (shift, routes.get(shift.id))
                for shift in sorted(engineer.shifts, key=lambda shift: shift.start)
            ],
        )
        for engineer in problem.engineers
        if engineer.shifts
    ]


def _timed(route: Route, tickets: dict[str, Ticket], issues: list[Issue]) -> Iterator[TimedVisit]:
    for visit in route.visits:
        ticket = tickets.get(visit.ticket_id)
        if ticket is None:
            issues.append(_issue(visit.ticket_id, "ticket_id", "no such ticket in the problem"))
            continue
        timed = _with_times(ticket, visit)
        if timed is None:
            issues.append(
                _issue(visit.ticket_id, "start", "times are missing; schedule the plan first")
            )
        else:
            yield timed


def _with_times(ticket: Ticket, visit: Visit) -> TimedVisit | None:
    if (
        visit.departure is None
        or visit.arrival is None
        or visit.start is None
        or visit.end is None
        or visit.travel_seconds is None
    ):
        return None
    return TimedVisit(
        ticket=ticket,
        departure=visit.departure,
        arrival=visit.arrival,
        start=visit.start,
        end=visit.end,
        travel_seconds=visit.travel_seconds,
        promised=visit.promised,
        kept_probability=visit.kept_probability,
    )


def _issue(item_id: str, field: str, message: str) -> Issue:
    return Issue("plan", item_id, field, "", message)
