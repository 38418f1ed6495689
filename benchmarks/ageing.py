"""A month with a tenth too much work: what was left out comes back tomorrow, a day older.

The same tickets arrive on the same days under `balanced` with several prices of age: none, its own,
and one that lets age decide. Every day is planned alone; what it leaves out is in the next day's
input, with `carried_over` counted up, as the night does it. Everybody may take any ticket on any
day: what makes one wait is its price alone. (No price of age helps where a scarce skill has more
work than time.) The cost is judged by `balanced` without ageing, whatever a month was planned by.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, figure_rows, number
from benchmarks.machine import describe_machine
from benchmarks.table import Rows, render
from dispatchopt.checker import check
from dispatchopt.generator import generate
from dispatchopt.models import Policy, Problem, Span, Ticket
from dispatchopt.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PRESSURE = 1.1
"""Work over working time, every day."""

RATES = (0, 3600, 8 * 3600)
"""Prices of a day of age; the second is that of `balanced`."""

STATED_AGE = 21
"""At the last of the rates no ticket is left out on more than so many nights (10 % too much work,
30 days). Chosen after months of 40 tickets a day: 18 nights with a short search, 4 days of work
waiting at the end. Long tickets wait longest: age is priced by ticket, and several short ones fit
into the time of a long one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of a run."""

    days: int = 30
    tickets_a_day: int = 100
    iterations: int = 10_000
    threads: int = 2
    seeds: int = 3


SMOKE = Scale(days=3, tickets_a_day=24, iterations=20, threads=1, seeds=1)


@dataclass
class Month:
    """What became of the tickets of one month.

    Attributes
    ----------
    oldest
        By priority, most nights on which a ticket was left out.
    waits
        Nights that each served ticket waited.
    kept, due
        Tickets served by their service limit, of those whose limit lies within the month.
    cost, travel
        Of all days' plans, by the policy without ageing.
    """

    seed: int
    age_per_day: int
    arrived: int = 0
    left: int = 0
    kept: int = 0
    due: int = 0
    cost: int = 0
    travel: int = 0
    oldest: dict[int, int] = field(default_factory=lambda: dict.fromkeys((1, 2, 3, 4), 0))
    waits: list[int] = field(default_factory=list)
    left_by_day: list[int] = field(default_factory=list)

    @property
    def visits(self) -> int:
        """Number of tickets served."""
        return len(self.waits)

    @property
    def oldest_of_all(self) -> int:
        """Most nights on which any ticket was left out."""
        return max(self.oldest.values())


def arrivals(whole: Problem, days: int) -> list[list[Ticket]]:
    """Spread the tickets evenly over the days, each reported on the day before its first plan."""
    first = whole.horizon.start
    lists: list[list[Ticket]] = [[] for _ in range(days)]
    for index, ticket in enumerate(whole.tickets):
        day = index % days
        reported = first + timedelta(days=day) - timedelta(hours=1 + index % 12)
        lasts = timedelta(days=2)
        if ticket.due is not None and ticket.reported_at is not None:
            lasts = max(ticket.due - ticket.reported_at, timedelta(hours=4))
        fields = {name: getattr(ticket, name) for name in _KEPT if name in ticket.model_fields_set}
        due = reported + lasts
        lists[day].append(Ticket(**fields, skills={}, reported_at=reported, due=due))
    return lists


_KEPT = ("id", "fault_type", "place", "priority", "duration")


def day_problem(whole: Problem, day: int, tickets: Sequence[Ticket], policy: Policy) -> Problem:
    """One day of the roster with these tickets."""
    start = whole.horizon.start + timedelta(days=day)
    horizon = Span(start=start, end=start + timedelta(days=1))
    engineers = tuple(
        engineer.model_copy(
            update={
                "territories": None,
                "helper_territories": None,
                "shifts": tuple(
                    shift.model_copy(update={"min_priority": None})
                    for shift in engineer.shifts
                    if horizon.start <= shift.start < horizon.end
                ),
            }
        )
        for engineer in whole.engineers
    )
    return Problem(
        horizon=horizon,
        timezone=whole.timezone,
        tickets=tuple(tickets),
        engineers=engineers,
        travel=whole.travel,
        policy=policy,
    )


def simulate(scale: Scale, seed: int, age_per_day: int) -> Month:
    """Plan every day of a month in turn."""
    whole = generate(
        tickets=scale.tickets_a_day * scale.days,
        days=scale.days,
        seed=seed,
        pressure=PRESSURE,
        appointment_percent=0,
    )
    policy, judge = Policy(age_per_day=age_per_day), Policy(age_per_day=0)
    month, waiting = Month(seed, age_per_day), list[Ticket]()
    last = whole.horizon.start + timedelta(days=scale.days)
    for day, new in enumerate(arrivals(whole, scale.days)):
        month.arrived += len(new)
        month.due += sum(ticket.due is not None and ticket.due <= last for ticket in new)
        problem = day_problem(whole, day, [*waiting, *new], policy)
        options = {"iterations": scale.iterations, "threads": scale.threads, "seed": seed}
        plan = solve(problem, prove=False, **options).plan
        ends = {visit.ticket_id: visit.end for route in plan.routes for visit in route.visits}
        waiting = []
        for ticket in problem.tickets:
            end = ends.get(ticket.id)
            if end is None:
                older = ticket.model_copy(update={"carried_over": ticket.carried_over + 1})
                waiting.append(older)
                oldest = max(month.oldest[ticket.priority], older.carried_over)
                month.oldest[ticket.priority] = oldest
            else:
                month.waits.append(ticket.carried_over)
                is_kept = ticket.due is not None and end <= ticket.due <= last
                month.kept += is_kept
        cost = check(day_problem(whole, day, problem.tickets, judge), plan).cost
        month.cost += cost.total
        month.travel += cost.by_rule.get("travel", 0)
        month.left_by_day.append(len(waiting))
    month.left = len(waiting)
    return month


def figures(months: Sequence[Month], scale: Scale) -> list[Figure]:
    """Return the oldest ticket by price of age, and what that costs against none."""
    what = f"{scale.days} days, {scale.tickets_a_day} tickets a day"
    by_rate = {rate: [m for m in months if m.age_per_day == rate] for rate in RATES}
    found = []
    for rate, some in by_rate.items():
        oldest = [month.oldest_of_all for month in some]
        found.append(
            Figure(
                "oldest ticket left out",
                f"age_per_day {rate}",
                max(oldest),
                "nights",
                at_most=STATED_AGE if rate == RATES[-1] else None,
                remark=f"{what}; by seed {oldest}",
                raw=tuple(oldest),
            )
        )
    for rate in RATES[1:]:
        pairs = list(zip(by_rate[rate], by_rate[0], strict=True))
        for name, value in _COSTS.items():
            each = [100 * (value(one) / max(value(none), 1e-9) - 1) for one, none in pairs]
            found.append(
                Figure(
                    "against no ageing",
                    f"age_per_day {rate}: {name}",
                    mean(each),
                    "%",
                    remark="by seed " + ", ".join(number(share) for share in each),
                    raw=tuple(each),
                )
            )
    return found


_COSTS: Mapping[str, Callable[[Month], float]] = {
    "visits": lambda month: month.visits,
    "limits kept": lambda month: month.kept,
    "cost": lambda month: month.cost,
    "travel a visit": lambda month: month.travel / max(month.visits, 1),
}


def month_rows(months: Sequence[Month]) -> Rows:
    """One row for each month."""
    head = (
        "seed|age per day|arrived|served|left|oldest P1|P2|P3|P4|wait p50|p90|p99|"
        "limits kept|cost, h|travel a visit, min"
    )
    rows = [head.split("|")]
    for month in months:
        rows.append(
            [
                str(month.seed),
                str(month.age_per_day),
                str(month.arrived),
                str(month.visits),
                str(month.left),
                *(str(month.oldest[priority]) for priority in (1, 2, 3, 4)),
                *(str(_rank(month.waits, share)) for share in (0.5, 0.9, 0.99)),
                f"{month.kept / max(month.due, 1):.0%}",
                f"{month.cost / 3600:.0f}",
                f"{month.travel / max(month.visits, 1) / 60:.1f}",
            ]
        )
    return rows


def _rank(values: Sequence[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate; 0, or 1 with --strict if the stated age was passed."""
    options = _parser().parse_args(argv)
    scale = (
        SMOKE
        if options.smoke
        else Scale(
            options.days, options.tickets, options.iterations, options.threads, options.seeds
        )
    )
    months = []
    for seed in range(1, scale.seeds + 1):
        for age in RATES:
            month = simulate(scale, seed, age)
            months.append(month)
            sys.stderr.write(
                f"seed {seed}, age_per_day {age}: {month.visits} of {month.arrived} served, "
                f"left out on {month.oldest_of_all} nights at most\n"
            )
    found = figures(months, scale)
    found = [figure.unjudged() for figure in found] if options.smoke else found
    machine = describe_machine()
    rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    sys.stdout.write(render("Machine", rows, markdown=options.markdown) + "\n")
    sys.stdout.write(render("Months", month_rows(months), markdown=options.markdown) + "\n")
    sys.stdout.write(render("Figures", figure_rows(found), markdown=options.markdown) + "\n")
    if options.out:
        data = {
            "machine": machine,
            "scale": asdict(scale),
            "months": [asdict(month) for month in months],
        }
        options.out.write_text(json.dumps(data, indent=1) + "\n")
    missed = any(figure.verdict.startswith("FAIL") for figure in found)
    return 1 if missed and options.strict else 0


def _parser() -> argparse.ArgumentParser:
    full = Scale()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ageing", description=__doc__)
    parser.add_argument("--days", type=int, default=full.days)
    parser.add_argument("--tickets", type=int, default=full.tickets_a_day, help="new ones a day")
    parser.add_argument("--iterations", type=int, default=full.iterations, help="of each thread")
    parser.add_argument("--threads", type=int, default=full.threads)
    parser.add_argument("--seeds", type=int, default=full.seeds)
    parser.add_argument("--strict", action="store_true", help="exit 1 if the aim is missed")
    parser.add_argument("--out", type=Path, help="write the months as JSON")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="everything tiny, nothing judged")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
