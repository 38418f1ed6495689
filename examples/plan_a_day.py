"""Plan a day on the roads of Andorra and print what a dispatcher asks first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import dispatchopt as do
from dispatchopt.report.minutes import clock, minutes_after

if TYPE_CHECKING:
    from dispatchopt.models import Plan, Problem

FOLDER = Path(__file__).parent / "data" / "andorra"


def print_served(problem: Problem, plan: Plan) -> None:
    """Print how many tickets of each priority are served."""
    served = {visit.ticket_id for route in plan.routes for visit in route.visits}
    plannable = Counter(t.priority for t in problem.tickets if t.is_plannable)
    kept = Counter(t.priority for t in problem.tickets if t.id in served)
    for priority in sorted(plannable):
        print(f"  P{priority}: {kept[priority]} of {plannable[priority]} served")
    print(f"  not to be planned by their status: {len(plan.not_plannable)}")


def print_first_route(problem: Problem, plan: Plan) -> None:
    """Print the first route that has visits, in local time."""
    route = next((route for route in plan.routes if route.visits), None)
    if route is None:
        print("no route has a visit")
        return
    tickets = {ticket.id: ticket for ticket in problem.tickets}
    faults = problem.catalogue()
    print(f"\nshift {route.shift_id}")
    for visit in route.visits:
        times = (visit.departure, visit.start, visit.end)
        departure, start, end = (time for time in times if time is not None)  # solve() gives all
        ticket = tickets[visit.ticket_id]
        way = minutes_after(departure, visit.travel_seconds or 0)
        promised = " promised" if visit.promised else ""
        print(
            f"  {clock(start, problem.zone)}-{clock(end, problem.zone)} {ticket.id} "
            f"P{ticket.priority} {faults[ticket.fault_type].name_zh}, {way} min away{promised}"
        )


def main() -> None:
    """Read, plan, print."""
    problem = do.read_folder(FOLDER).problem
    result = do.solve(problem, time_limit=5)
    plan = result.plan
    travel = sum(v.travel_seconds or 0 for route in plan.routes for v in route.visits)
    print(f"{len(problem.tickets)} tickets, {len(problem.engineers)} engineers")
    print(f"{result.status}: cost {result.cost}, bound {result.bound}")
    print_served(problem, plan)
    print(f"  travel between visits: {travel / 3600:.1f} h")
    print_first_route(problem, plan)
    print("\nleft out, by reason")
    for reason, count in Counter(item.reason for item in plan.unserved).most_common():
        print(f"  {count} x {reason}")


if __name__ == "__main__":
    main()
