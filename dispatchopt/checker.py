"""Judges anybody's plan from the domain models alone, by inequalities on its stated times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatchopt.models import Cost, Overridden, Plan, Problem, Route, Visit
from dispatchopt.rules import RULES, Context, PlanView, RouteView, Violation
from dispatchopt.rules.overruled import WAIVED_FOR_VISITS, overruled
from dispatchopt.schedule import schedule_anyway, schedule_route, stated_route
from dispatchopt.statements import Truth, false_statements

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Report:
    """What the checker found.

    Attributes
    ----------
    violations
        Hard rules broken, false statements among them; empty for a valid plan.
    cost
        Total and parts by rule, computed from the stated times.
    broken_promises
        Ids of tickets left out although they have an appointment or a lock.
    needs_customer_consent
        Ids of locked visits that had to move.
    overridden
        Rules that locks overruled.
    missing
        Plannable tickets that are in no list of the plan; priced as unserved.
    """

    violations: tuple[Violation, ...]
    cost: Cost
    broken_promises: tuple[str, ...]
    needs_customer_consent: tuple[str, ...]
    overridden: tuple[Overridden, ...]
    missing: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether no hard rule is broken."""
        return not self.violations


def check(problem: Problem, plan: Plan) -> Report:
    """Check a plan against every rule, and price it.

    A route of which no visit states a time (orders only) is scheduled as soon as possible first;
    otherwise what is stated is judged, and missing times are completed from it. Tickets that the
    plan does not mention count as unserved; in a plan with times they are a violation, too.
    """
    return check_in(Context.of(problem), plan)


def check_in(ctx: Context, plan: Plan) -> Report:
    """Check a plan of a problem whose facts are derived already."""
    is_timed = any(_states_time(visit) for route in plan.routes for visit in route.visits)
    structure, kept = _structure(ctx, plan)
    routes = []
    for route in kept:
        if is_timed and not route.visits:
            continue
        view, faults = _route_view(ctx, route)
        routes.append(view)
        structure += faults
    served = {stop.ticket.id for view in routes for stop in view.stops}
    unserved = tuple(ticket for ticket in ctx.tickets.values() if ticket.id not in served)
    listed = {item.ticket_id for item in plan.unserved}
    listed |= {item.ticket_id for item in plan.rejected}
    listed |= {item.ticket_id for item in plan.not_plannable}
    missing = tuple(ticket.id for ticket in unserved if ticket.id not in listed)
    if is_timed:
        idle = (t.id for t in ctx.problem.tickets if not t.is_plannable and t.id not in listed)
        structure += [Violation("tally", "is in no list of the plan", t) for t in (*missing, *idle)]
    return _judge(ctx, plan, PlanView(tuple(routes), unserved), structure, missing)


def _judge(
    ctx: Context, plan: Plan, view: PlanView, structure: list[Violation], missing: tuple[str, ...]
) -> Report:
    violations, by_rule = list(structure), {}
    overridden = [item for route in view.routes for item in overruled(ctx, route)]
    for rule in RULES:
        outcome = rule.check(ctx, view)
        if rule.kind == "soft":
            by_rule[rule.name] = outcome.cost
        for fault in outcome.violations:
            at = (fault.ticket_id, fault.shift_id)
            if rule.name in WAIVED_FOR_VISITS and ctx.is_pinned(at[0] or "", at[1] or ""):
                overridden.append(
                    Overridden(
                        rule=rule.name, ticket_id=at[0], shift_id=at[1], detail=fault.message
                    )
                )
            else:
                violations.append(fault)
    cost = Cost(total=sum(by_rule.values()), by_rule={k: v for k, v in by_rule.items() if v})
    broken = tuple(t.id for t in view.unserved if t.is_promised)
    truth = Truth(view, cost, broken, tuple(_moved(ctx, view)), tuple(overridden))
    violations += false_statements(ctx, plan, truth)
    return Report(
        violations=tuple(violations),
        cost=cost,
        broken_promises=broken,
        needs_customer_consent=truth.needs_customer_consent,
        overridden=truth.overridden,
        missing=missing,
    )


def _moved(ctx: Context, view: PlanView) -> Iterator[str]:
    """Yield the fixed visits that take place at another time than asked."""
    for _, stop in view.visits():
        ticket = stop.ticket.ticket
        is_fixed = ticket.is_started or ticket.lock == "visit"
        if is_fixed and ticket.assigned_start != ctx.instant(stop.start):
            yield ticket.id


def _structure(ctx: Context, plan: Plan) -> tuple[list[Violation], list[Route]]:
    """Return faults of the lists themselves, and the routes that can be judged."""
    faults = list(_unknown_tickets(ctx, plan))
    kept: list[Route] = []
    visits: Counter[str] = Counter()
    shifts: set[str] = set()
    for route in plan.routes:
        shift = ctx.shifts.get(route.shift_id)
        if shift is None or route.shift_id in shifts:
            what = "is no shift of the problem" if shift is None else "has two routes"
            faults.append(Violation("shift", what, None, route.shift_id))
            continue
        if route.engineer_id not in (None, shift.engineer.id):
            faults.append(
                Violation("shift", f"is not {route.engineer_id}'s shift", None, route.shift_id)
            )
        shifts.add(route.shift_id)
        known = []
        for visit in route.visits:
            visits[visit.ticket_id] += 1
            if visits[visit.ticket_id] == 1 and visit.ticket_id in ctx.tickets:
                known.append(visit)
            elif visit.ticket_id in ctx.tickets:
                faults.append(
                    Violation("ticket", "is visited twice", visit.ticket_id, route.shift_id)
                )
        kept.append(route.model_copy(update={"visits": tuple(known)}))
    return faults + list(_lists(ctx, plan, visits)), kept


def _unknown_tickets(ctx: Context, plan: Plan) -> Iterator[Violation]:
    """Yield the visits to tickets that the problem lacks, or that are not to be visited."""
    idle = {t.id: t.status for t in ctx.problem.tickets if not t.is_plannable}
    for route in plan.routes:
        for visit in route.visits:
            ticket_id = visit.ticket_id
            if ticket_id in idle:
                what = f"has the status {idle[ticket_id]}, so it is not to be visited"
                yield Violation("ticket", what, ticket_id, route.shift_id)
            elif ticket_id not in ctx.tickets:
                yield Violation("ticket", "is no ticket of the problem", ticket_id, route.shift_id)


def _lists(ctx: Context, plan: Plan, visits: Counter[str]) -> Iterator[Violation]:
    """Yield the tickets that are in a list where they do not belong, or in more than one."""
    unserved = Counter(item.ticket_id for item in plan.unserved)
    idle = Counter(item.ticket_id for item in plan.not_plannable)
    rejected = {item.ticket_id for item in plan.rejected}
    status = {ticket.id: ticket.status for ticket in ctx.problem.tickets}
    for ticket_id in unserved:
        if ticket_id not in ctx.tickets:
            yield Violation("tally", "is unserved but no ticket to be planned", ticket_id)
    for item in plan.not_plannable:
        if item.status != status.get(item.ticket_id):
            found = status.get(item.ticket_id, "not among the tickets")
            message = f"is listed as {item.status}, its status is {found}"
            yield Violation("tally", message, item.ticket_id)
    for ticket_id in {**unserved, **idle, **dict.fromkeys(rejected)}:
        lists = unserved[ticket_id] + idle[ticket_id] + (ticket_id in rejected)
        if lists + min(1, visits[ticket_id]) > 1:
            yield Violation("tally", "is in more than one list", ticket_id)
        elif ticket_id in rejected and ticket_id in status:
            yield Violation("tally", "is rejected but stands in the problem", ticket_id)


def _route_view(ctx: Context, route: Route) -> tuple[RouteView, list[Violation]]:
    shift = ctx.shifts[route.shift_id]
    tickets = [ctx.tickets[visit.ticket_id] for visit in route.visits]
    timed = [_states_time(visit) for visit in route.visits]
    if not any(timed):
        view = schedule_route(ctx, shift, tickets)
        return (schedule_anyway(ctx, shift, tickets) if view is None else view), []
    if not all(timed):
        message = "some visits state times, others none"
        fault = Violation("times", message, None, shift.id)
        return schedule_anyway(ctx, shift, tickets), [fault]
    view = stated_route(ctx, shift, route)
    faults = []
    if view.start > view.stops[0].departure or view.end < view.stops[-1].end:
        faults.append(Violation("times", "visits lie outside the route", None, shift.id))
    return view, faults


def _states_time(visit: Visit) -> bool:
    return any(at is not None for at in (visit.departure, visit.arrival, visit.start, visit.end))
