"""Key figures of a plan, each with numerator, denominator and value; null where there is no data.

Times are the planned ones. The tickets counted are those of the problem that ask for a visit; one
that is left out counts as a miss wherever a promise or a limit is judged.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dispatchopt.models import UNREACHABLE, Engineer, Plan, Problem, Ticket
from dispatchopt.report.matched import TimedRoute, TimedVisit, match_plan
from dispatchopt.travel import TravelTimes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Kpi = dict[str, Any]
"""``numerator``, ``denominator``, ``value`` (null if there is no data), ``status``, ``unit``."""

_SECOND = timedelta(seconds=1)


def plan_kpis(problem: Problem, plan: Plan) -> dict[str, Kpi]:
    """Compute every figure that a plan alone can give.

    Returns
    -------
    kpis
        By name; see the function of each for its definition. Quantiles are observed values
        (nearest rank).

    Raises
    ------
    InvalidProblemError
        If the plan names what the problem lacks, or has visits without times.
    """
    routes = match_plan(problem, plan)
    visits = [visit for route in routes for visit in route.visits]
    loads = _loads(problem, routes)
    return {
        **_service_level(problem, visits),
        **_time_use(routes, loads),
        **_fairness(problem, loads),
        **_fit(problem, routes),
        **_unassigned(problem, plan, visits),
        **_waits(visits),
        **_stability(problem, plan, routes),
    }


def ratio(numerator: float, denominator: float, unit: str, **more: Any) -> Kpi:
    """Return a figure; without a denominator there is no data."""
    has_data = denominator > 0
    return {
        "numerator": numerator,
        "denominator": denominator,
        "value": numerator / denominator if has_data else None,
        "status": "ok" if has_data else "no_data",
        "unit": unit,
        **more,
    }


def nearest_rank(values: Sequence[float], share: float) -> float | None:
    """Smallest value that at least this share of the values do not exceed; None of none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _mean(values: Sequence[float], unit: str, *quantiles: float) -> Kpi:
    more = {f"p{round(100 * q)}": nearest_rank(values, q) for q in quantiles}
    return ratio(sum(values), len(values), unit, **more)


def _seconds(span: timedelta) -> int:
    return span // _SECOND


# --- Service level ---


def _service_level(problem: Problem, visits: Sequence[TimedVisit]) -> dict[str, Kpi]:
    """Limits and appointments.

    ``sla_attainment``: tickets due within the horizon that end by then. ``already_overdue``:
    tickets due before it; no plan can keep them. ``tardiness``: time beyond `due`, of all visits
    with one. ``appointments_kept``: service begins within the confirmed window, of those that open
    before the horizon ends. ``appointments_sure``: promised visits that are as likely to be kept as
    `Policy.min_kept_probability` asks, of those of which the plan tells how likely; the least.
    """
    by_ticket = {visit.ticket.id: visit for visit in visits}
    tickets = _plannable(problem)
    horizon = problem.horizon
    with_due = [(t, t.due) for t in tickets if t.due is not None]
    due_now = [(t, due) for t, due in with_due if horizon.start < due <= horizon.end]

    def is_met(ticket: Ticket, due: datetime) -> bool:
        return ticket.id in by_ticket and by_ticket[ticket.id].end <= due

    by_priority = {
        str(priority): ratio(
            sum(is_met(t, due) for t, due in due_now if t.priority == priority),
            sum(t.priority == priority for t, _ in due_now),
            "share",
        )
        for priority in (1, 2, 3, 4)
    }
    late = [max(0, _seconds(by_ticket[t.id].end - due)) for t, due in with_due if t.id in by_ticket]
    confirmed = [
        (t.id, t.appointment)
        for t in tickets
        if t.appointment is not None and t.appointment.open < horizon.end
    ]
    kept = sum(
        ticket_id in by_ticket and window.open <= by_ticket[ticket_id].start <= window.close
        for ticket_id, window in confirmed
    )
    likely = [v.kept_probability for v in visits if v.kept_probability is not None]
    sure = sum(p >= problem.policy.min_kept_probability for p in likely)
    return {
        "sla_attainment": ratio(
            sum(is_met(t, due) for t, due in due_now),
            len(due_now),
            "share",
            by_priority=by_priority,
        ),
        "already_overdue": ratio(
            sum(due <= horizon.start for _, due in with_due), len(with_due), "share"
        ),
        "tardiness": _mean(late, "seconds per visit with a limit", 0.9),
        "appointments_kept": ratio(kept, len(confirmed), "share"),
        "appointments_sure": ratio(sure, len(likely), "share", least=min(likely, default=None)),
    }


def _plannable(problem: Problem) -> list[Ticket]:
    return [ticket for ticket in problem.tickets if ticket.is_plannable]


# --- Use of time ---


@dataclass(slots=True)
class _Load:
    """What an engineer has to do, in seconds."""

    paid: int = 0
    service: int = 0
    travel: int = 0
    waiting: int = 0
    reserved: int = 0
    recent: int = 0
    recent_paid: int = 0
    days: dict[str, int] = field(default_factory=dict)


def _loads(problem: Problem, routes: Sequence[TimedRoute]) -> dict[str, _Load]:
    """Load by engineer who has a shift. Paid time is the shift without its breaks."""
    loads: dict[str, _Load] = {}
    for engineer in problem.engineers:
        for shift in engineer.shifts:
            load = loads.setdefault(engineer.id, _Load())
            load.paid += _seconds(shift.end - shift.start)
            load.paid -= sum(pause.duration for pause in shift.breaks)
            load.reserved += 60 * shift.reserved_minutes
            load.recent = 60 * engineer.recent_minutes
            load.recent_paid = 60 * engineer.recent_paid_minutes
            day = shift.start.astimezone(problem.zone).date().isoformat()
            load.days[day] = max(load.days.get(day, 0), shift.members)
    for route in routes:
        if route.visits:
            load = loads[route.engineer.id]
            service = sum(_seconds(visit.end - visit.start) for visit in route.visits)
            travel = sum(visit.travel_seconds for visit in route.visits)
            travel += _return_travel(problem, route)
            begin = route.visits[0].departure
            breaks = sum(
                max(0, _seconds(min(pause.end, route.end) - max(pause.start, begin)))
                for pause in route.route.breaks
            )
            load.service += service
            load.travel += travel
            load.waiting += max(0, _seconds(route.end - begin) - service - travel - breaks)
    return loads


def _return_travel(problem: Problem, route: TimedRoute) -> int:
    """Seconds from the last visit to the end place, which a plan does not state."""
    if route.shift.ends_anywhere:
        return 0
    last = route.visits[-1]
    end_place = route.shift.end_place or route.engineer.place
    profile = route.engineer.travel_profile
    times = TravelTimes.of(problem.travel, (last.ticket.place, end_place), (profile,))
    index = times.place_index
    seconds = times.between(
        times.profile_index(profile), index[last.ticket.place], index[end_place]
    )
    # Somebody else's plan may go where there is no way: then the time it took counts.
    return seconds if seconds < UNREACHABLE else max(0, _seconds(route.end - last.end))


def _time_use(routes: Sequence[TimedRoute], loads: Mapping[str, _Load]) -> dict[str, Kpi]:
    """Use of paid time.

    ``utilisation``: service and travel over paid time of all shifts, without work promised outside
    the plan; ``wrench_time``: service alone. ``travel_share``: of service, travel and waiting.
    ``travel_per_job``: legs from the start and to the end place included.
    ``jobs_per_engineer_day``: over all engineers on shift, each member of a pair counted.
    ``overtime``: beyond the shift's end.
    """
    paid = sum(load.paid for load in loads.values())
    service = sum(load.service for load in loads.values())
    travel = sum(load.travel for load in loads.values())
    waiting = sum(load.waiting for load in loads.values())
    days = sum(members for load in loads.values() for members in load.days.values())
    jobs = sum(len(route.visits) for route in routes)
    used = [route for route in routes if route.visits]
    overtime = sum(max(0, _seconds(route.end - route.shift.end)) for route in used)
    return {
        "utilisation": ratio(service + travel, paid, "share"),
        "wrench_time": ratio(service, paid, "share"),
        "travel_share": ratio(travel, travel + service + waiting, "share"),
        "travel_per_job": ratio(travel, jobs, "seconds per visit"),
        "jobs_per_engineer_day": ratio(jobs, days, "visits per engineer and day"),
        "overtime": ratio(overtime, len(used), "seconds per route"),
    }


def _fairness(problem: Problem, loads: Mapping[str, _Load]) -> dict[str, Kpi]:
    """Evenness of load: work (service, travel, reserved) over paid time, by engineer on shift.

    Once for the plan alone, once with the recent past that the problem states.
    """
    now = [
        (load.service + load.travel + load.reserved, load.paid)
        for load in loads.values()
        if load.paid > 0
    ]
    with_recent = [
        (load.service + load.travel + load.reserved + load.recent, load.paid + load.recent_paid)
        for load in loads.values()
        if load.paid > 0
    ]
    return {
        **_evenness([work / paid for work, paid in now], "load"),
        **_evenness([work / paid for work, paid in with_recent], "load_with_recent"),
    }


def _evenness(loads: Sequence[float], name: str) -> dict[str, Kpi]:
    """Jain's index (1 is even), Gini coefficient (0 is even), and the range."""
    count, total = len(loads), sum(loads)
    # sum over all pairs of |x_i - x_j|, from the sorted values in one pass
    apart = 2 * sum((2 * i - count + 1) * x for i, x in enumerate(sorted(loads)))
    spread = max(loads) - min(loads) if loads else 0.0
    return {
        f"{name}_jain": ratio(total**2, count * sum(x * x for x in loads), "index"),
        f"{name}_gini": ratio(apart, 2 * count * total, "index"),
        f"{name}_range": ratio(spread, 1 if loads else 0, "share of paid time"),
    }


# --- Fit of engineer and ticket ---


def _fit(problem: Problem, routes: Sequence[TimedRoute]) -> dict[str, Kpi]:
    """Skills, territories and parts.

    ``skill_mismatch``: visits with a skill missing, too low or expired on the day. ``overskill``:
    levels above need, over the skills needed and held. ``territory_adherence``: visits in the
    engineer's own territory, where both state one. ``parts_ready``: visits whose parts are in the
    shift's stock when their turn comes, where both are tracked.
    """
    catalogue = problem.catalogue()
    mismatches = at_home = with_territory = 0
    surplus: list[int] = []
    pairs = [(route.engineer, visit) for route in routes for visit in route.visits]
    for engineer, visit in pairs:
        ticket = visit.ticket
        needed = catalogue[ticket.fault_type].skills if ticket.skills is None else ticket.skills
        day = visit.start.astimezone(problem.zone).date()
        above = [_levels_above(engineer, name, level, day) for name, level in needed.items()]
        mismatches += any(levels is None or levels < 0 for levels in above)
        surplus += [max(0, levels) for levels in above if levels is not None]
        if ticket.territory is not None and engineer.territories is not None:
            with_territory += 1
            at_home += ticket.territory in engineer.territories
    ready, tracked = _parts_ready(routes)
    return {
        "skill_mismatch": ratio(mismatches, len(pairs), "share"),
        "overskill": _mean(surplus, "levels per skill needed"),
        "territory_adherence": ratio(at_home, with_territory, "share"),
        "parts_ready": ratio(ready, tracked, "share"),
    }


def _levels_above(engineer: Engineer, name: str, level: int, day: date) -> int | None:
    """Levels held above the level needed; None if the skill is missing or expired."""
    skill = engineer.skills.get(name)
    if skill is None or (skill.expires is not None and skill.expires < day):
        return None
    return skill.level - level


def _parts_ready(routes: Sequence[TimedRoute]) -> tuple[int, int]:
    ready = tracked = 0
    for route in routes:
        stock = route.engineer.stock if route.shift.stock is None else route.shift.stock
        if stock is None:
            continue
        left = dict(stock)
        for visit in route.visits:
            parts = visit.ticket.parts
            if parts is None:
                continue
            tracked += 1
            ready += all(left.get(part, 0) >= count for part, count in parts.items())
            for part, count in parts.items():
                left[part] = max(0, left.get(part, 0) - count)
    return ready, tracked


# --- Left out, waiting, changes ---


def _unassigned(problem: Problem, plan: Plan, visits: Sequence[TimedVisit]) -> dict[str, Kpi]:
    """Tickets left out, by reason and by priority; one that the plan forgets counts, too."""
    served = {visit.ticket.id for visit in visits}
    reasons = {unserved.ticket_id: unserved.reason for unserved in plan.unserved}
    left_out = [ticket for ticket in _plannable(problem) if ticket.id not in served]
    return {
        "unassigned": ratio(
            len(left_out),
            len(_plannable(problem)),
            "share",
            by_reason=dict(
                sorted(Counter(reasons.get(t.id, "NOT_IN_PLAN") for t in left_out).items())
            ),
            by_priority=_by_priority(left_out),
        )
    }


def _by_priority(tickets: Iterable[Ticket]) -> dict[str, int]:
    counts = Counter(ticket.priority for ticket in tickets)
    return {str(priority): counts[priority] for priority in (1, 2, 3, 4)}


def _waits(visits: Sequence[TimedVisit]) -> dict[str, Kpi]:
    """Measure how long customers waited since their report; time parked is not known here.

    ``customer_wait``: until the end of service. ``first_visit_wait``: until the arrival, first
    visits only. ``window_lead_time``: until the confirmed window opens.
    """
    reported = [(v, v.ticket.reported_at) for v in visits if v.ticket.reported_at is not None]
    leads = [
        _seconds(v.ticket.appointment.open - at)
        for v, at in reported
        if v.ticket.appointment is not None
    ]
    return {
        "customer_wait": _mean([_seconds(v.end - at) for v, at in reported], "seconds", 0.5, 0.9),
        "first_visit_wait": _mean(
            [_seconds(v.arrival - at) for v, at in reported if v.ticket.visit_no == 1],
            "seconds",
            0.5,
            0.9,
        ),
        "window_lead_time": _mean(leads, "seconds", 0.5, 0.9),
    }


def _stability(problem: Problem, plan: Plan, routes: Sequence[TimedRoute]) -> dict[str, Kpi]:
    """Compare with the previous plan, over the tickets that both visit.

    ``engineer_changed``, ``start_moved`` (mean absolute move) and ``windows_moved``: windows
    promised by the previous plan that this one leaves, tickets left out among them (must be 0); a
    window that the customer has changed since does not count.
    """
    owners = {shift.id: e.id for e in problem.engineers for shift in e.shifts}
    now = {v.ticket.id: (route.engineer.id, v.start) for route in routes for v in route.visits}
    tickets = {ticket.id: ticket for ticket in _plannable(problem)}
    changed = common = promised = moved = 0
    moves: list[int] = []
    for route in () if problem.previous_plan is None else problem.previous_plan.routes:
        engineer = route.engineer_id or owners.get(route.shift_id)
        for visit in route.visits:
            here = now.get(visit.ticket_id)
            if here is not None:
                common += 1
                changed += here[0] != engineer
                if visit.start is not None:
                    moves.append(abs(_seconds(here[1] - visit.start)))
            ticket = tickets.get(visit.ticket_id)
            window = visit.promised
            if ticket is None or window is None or ticket.appointment not in (None, window):
                continue
            promised += 1
            moved += here is None or not window.open <= here[1] <= window.close
    return {
        "engineer_changed": ratio(changed, common, "share"),
        "start_moved": _mean(moves, "seconds"),
        "windows_moved": ratio(moved, promised, "share"),
    }
