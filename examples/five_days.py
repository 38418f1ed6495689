"""Plan a working week at once, each engineer with a shift for each day at work."""

from __future__ import annotations

from collections import Counter

import dispatchopt as do
from dispatchopt.generator import generate


def main() -> None:
    """Make up a week, plan it, print each day."""
    problem = generate(tickets=300, days=5, seed=1)
    result = do.solve(problem, time_limit=10)
    shift_day = {
        shift.id: shift.start.astimezone(problem.zone).date()
        for engineer in problem.engineers
        for shift in engineer.shifts
    }
    priority = {ticket.id: ticket.priority for ticket in problem.tickets}
    visits = Counter(
        (shift_day[route.shift_id], priority[visit.ticket_id])
        for route in result.plan.routes
        for visit in route.visits
    )
    print(f"{result.status}: cost {result.cost}, bound {result.bound}")
    print(f"{'':10}  shifts  " + "  ".join(f"{f'P{level}':>4}" for level in (1, 2, 3, 4)))
    for day, num_shifts in sorted(Counter(shift_day.values()).items()):
        counts = "  ".join(f"{visits[day, level]:4}" for level in (1, 2, 3, 4))
        print(f"{day:%Y-%m-%d}  {num_shifts:6}  {counts}")
    left_out = Counter(priority[item.ticket_id] for item in result.plan.unserved)
    print(f"{'left out':18}  " + "  ".join(f"{left_out[level]:4}" for level in (1, 2, 3, 4)))


if __name__ == "__main__":
    main()
