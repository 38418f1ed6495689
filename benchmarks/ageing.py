"""A month with a tenth too much work: what was left out comes back tomorrow, a day older.

The same tickets arrive on the same days under `balanced` with several prices of age. Every day is
planned alone; what it leaves out is in the next day's input, with `carried_over` counted up, as the
night does it. Everybody may take any ticket on any day: what makes one wait is its price alone. (No
price of age helps where a scarce skill has more work than time.) The cost is judged by `balanced`
without ageing, whatever a month was planned by.

How much work the days bring is calibrated: pilot months of the same engineers tell the work on site
that gets done, and as many tickets arrive as make `OVERLOAD` times that. With a tenth too much, a
tenth of a day's work more waits every night: three days of work after 30 days, the arrivals of 2.7
days. Served strictly in the order of arrival, the oldest ticket would then have been left out on
3 nights, and no other order of the same work has a younger oldest one.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, figure_rows
from benchmarks.machine import describe_machine
from benchmarks.table import Rows, render
from dispatchopt.checker import check
from dispatchopt.generator import generate
from dispatchopt.models import Policy, Problem, Span, Ticket
from dispatchopt.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OVERLOAD = 1.1
"""Work on site that arrives, over the work on site that is done."""

STATED_RATE = 8 * 3600
"""The price of age that lasting overload asks for."""

RATES = tuple(hours * 3600 for hours in (0, 1, 2, 4, 8, 16))
"""Prices of a day of age; the second is that of `balanced`."""

STATED_AGE = 14
"""At `STATED_RATE` no ticket is left out on more than so many nights (10 % too much work, 30 days).
Chosen after months of 35 tickets a day: 9, 13 and 10 nights. Long tickets wait longest: age is
priced by ticket, and several short ones fit into the time of a long one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of a run; the calibrated number of tickets is near `tickets_a_day`."""

    days: int = 30
    tickets_a_day: int = 100
    iterations: int = 6000
    threads: int = 1
    seeds: int = 3


SMOKE = Scale(days=3, tickets_a_day=24, iterations=20, threads=1, seeds=1)


@dataclass
class Month:
    """What became of the tickets of one month.

    Attributes
    ----------
    oldest
        By priority, most nights on which a ticket was left out.
    waits, left_ages
        Nights that each served ticket waited, and each one that is left at the end.
    kept, due
        Tickets served by their service limit, of those whose limit lies within the month.
    cost, travel
        Of all days' plans, by the policy without ageing.
    worth
        `unserved_cost` of the tickets served: service weighted by priority.
    arrived_work, served_work
        Seconds on site by day.
    """

    seed: int
    age_per_day: int
    arrived: int = 0
    kept: int = 0
    due: int = 0
    cost: int = 0
    travel: int = 0
    worth: int = 0
    oldest: dict[int, int] = field(default_factory=lambda: dict.fromkeys((1, 2, 3, 4), 0))
    waits: list[int] = field(default_factory=list)
    left_ages: list[int] = field(default_factory=list)
    arrived_work: list[int] = field(default_factory=list)
    served_work: list[int] = field(default_factory=list)

    @property
    def visits(self) -> int:
        """Number of tickets served."""
        return len(self.waits)

    @property
    def oldest_of_all(self) -> int:
        """Most nights on which any ticket was left out."""
        return max(self.oldest.values())

    @property
    def ages(self) -> list[int]:
        """Nights that each ticket waited, served or not."""
        return [*self.waits, *self.left_ages]

    @property
    def share_kept(self) -> float:
        """Service limits kept, of those within the month."""
        return self.kept / max(self.due, 1)

    @property
    def overload(self) -> float:
        """Work that arrived, over the work done."""
        return sum(self.arrived_work) / max(sum(self.served_work), 1)

    @property
    def oldest_in_order(self) -> int:
        """Most nights that any ticket had waited, if as much work were done in order of arrival."""
        oldest, first, done = 0, 0, 0
        arrived = list(accumulate(self.arrived_work))
        for day, served in enumerate(self.served_work):
            done += served
            while first <= day and arrived[first] <= done:
                first += 1
            oldest = max(oldest, day + 1 - first)
        return oldest


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
        lists[day].append(Ticket(**fields, skills={}, crew_size=1, reported_at=reported, due=due))
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


def calibrate(scale: Scale, seed: int) -> Problem:
    """Make up a month with `OVERLOAD` times the work that its engineers do."""
    num = scale.tickets_a_day * scale.days
    pool = generate(
        tickets=round(num * _SPARE),
        days=scale.days,
        seed=seed,
        pressure=OVERLOAD * _SPARE,
        appointment_percent=0,
    )
    # The second pilot corrects the first: with more waiting, a little more fits into a day.
    for _ in range(_PILOTS):
        pilot = pool.model_copy(update={"tickets": pool.tickets[:num]})
        num = round(num * OVERLOAD / simulate(pilot, scale, seed, STATED_RATE).overload)
    return pool.model_copy(update={"tickets": pool.tickets[:num]})


_SPARE, _PILOTS = 1.3, 2


def simulate(whole: Problem, scale: Scale, seed: int, age_per_day: int) -> Month:
    """Plan every day of a month in turn."""
    policy, judge = Policy(age_per_day=age_per_day), Policy(age_per_day=0)
    month, waiting = Month(seed, age_per_day), list[Ticket]()
    last = whole.horizon.start + timedelta(days=scale.days)
    for day, new in enumerate(arrivals(whole, scale.days)):
        month.arrived += len(new)
        month.arrived_work.append(sum(map(_work, new)))
        month.due += sum(ticket.due is not None and ticket.due <= last for ticket in new)
        problem = day_problem(whole, day, [*waiting, *new], policy)
        plan = solve(
            problem, prove=False, iterations=scale.iterations, threads=scale.threads, seed=seed
        ).plan
        visits = [visit for route in plan.routes for visit in route.visits]
        ends = {visit.ticket_id: visit.end for visit in visits if visit.end is not None}
        served = [ticket for ticket in problem.tickets if ticket.id in ends]
        waiting = [
            ticket.model_copy(update={"carried_over": ticket.carried_over + 1})
            for ticket in problem.tickets
            if ticket.id not in ends
        ]
        for ticket in waiting:
            level = ticket.priority
            month.oldest[level] = max(month.oldest[level], ticket.carried_over)
        month.waits += [ticket.carried_over for ticket in served]
        month.worth += sum(judge.unserved_cost[ticket.priority] for ticket in served)
        month.kept += sum(t.due is not None and ends[t.id] <= t.due <= last for t in served)
        month.served_work.append(sum(map(_work, served)))
        cost = check(day_problem(whole, day, problem.tickets, judge), plan).cost
        month.cost += cost.total
        month.travel += cost.by_rule.get("travel", 0)
    month.left_ages = [ticket.carried_over for ticket in waiting]
    return month


def _work(ticket: Ticket) -> int:
    assert ticket.duration is not None, "the generator draws every duration"
    return ticket.duration


def figures(months: Sequence[Month]) -> list[Figure]:
    """Return the oldest ticket by price of age; one price is held to the stated age."""
    found = []
    for rate, some in _by_rate(months).items():
        oldest = [month.oldest_of_all for month in some]
        in_order = [month.oldest_in_order for month in some]
        found.append(
            Figure(
                "oldest ticket left out",
                f"age_per_day {rate}",
                max(oldest),
                "nights",
                at_most=STATED_AGE if rate == STATED_RATE else None,
                remark=f"by seed {oldest}; the same work in order of arrival {in_order}",
                raw=tuple(oldest),
            )
        )
    return found


def price_rows(months: Sequence[Month]) -> Rows:
    """One row for each price of age: nights, and means over the seeds against no ageing."""
    head = (
        "age per day|oldest|P95|oldest P1|P2|P3|P4|in order|visits, %|worth, %|"
        "limits kept, points|cost, %|travel a visit, %"
    )
    rows, by_rate = [head.split("|")], _by_rate(months)
    for rate, some in by_rate.items():
        pairs = list(zip(some, by_rate[0], strict=True))
        rows.append(
            [
                _hours(rate),
                _span([month.oldest_of_all for month in some]),
                _span([_rank(month.ages, 0.95) for month in some]),
                *(_span([month.oldest[level] for month in some]) for level in (1, 2, 3, 4)),
                _span([month.oldest_in_order for month in some]),
                _change(pairs, lambda month: month.visits),
                _change(pairs, lambda month: month.worth),
                f"{100 * mean(one.share_kept - none.share_kept for one, none in pairs):+.1f}",
                _change(pairs, lambda month: month.cost),
                _change(pairs, lambda month: month.travel / max(month.visits, 1)),
            ]
        )
    return rows


def _by_rate(months: Sequence[Month]) -> dict[int, list[Month]]:
    return {rate: [month for month in months if month.age_per_day == rate] for rate in RATES}


def _hours(rate: int) -> str:
    return f"{rate / 3600:g} h"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} .. {high}"


def _change(pairs: Sequence[tuple[Month, Month]], value: Callable[[Month], float]) -> str:
    each = (value(one) / max(value(none), 1e-9) - 1 for one, none in pairs)
    return f"{100 * mean(each):+.1f}"


def month_rows(months: Sequence[Month]) -> Rows:
    """One row for each month."""
    head = (
        "seed|age per day|overload, %|arrived|served|left|oldest P1|P2|P3|P4|in order|"
        "P50|P95|P99|limits kept|worth, h|cost, h|travel a visit, min"
    )
    rows = [head.split("|")]
    for month in months:
        rows.append(
            [
                str(month.seed),
                _hours(month.age_per_day),
                f"{100 * (month.overload - 1):.1f}",
                str(month.arrived),
                str(month.visits),
                str(len(month.left_ages)),
                *(str(month.oldest[priority]) for priority in (1, 2, 3, 4)),
                str(month.oldest_in_order),
                *(str(_rank(month.ages, share)) for share in (0.5, 0.95, 0.99)),
                f"{month.share_kept:.0%}",
                f"{month.worth / 3600:.0f}",
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
        whole = calibrate(scale, seed)
        for age in RATES:
            month = simulate(whole, scale, seed, age)
            months.append(month)
            sys.stderr.write(
                f"seed {seed}, age_per_day {age}: {month.visits} of {month.arrived} served, "
                f"left out on {month.oldest_of_all} nights at most\n"
            )
    found = figures(months)
    found = [figure.unjudged() for figure in found] if options.smoke else found
    machine = describe_machine()
    rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    sys.stdout.write(render("Machine", rows, markdown=options.markdown) + "\n")
    sys.stdout.write(render("Months", month_rows(months), markdown=options.markdown) + "\n")
    sys.stdout.write(render("Prices of age", price_rows(months), markdown=options.markdown) + "\n")
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
    parser.add_argument(
        "--tickets", type=int, default=full.tickets_a_day, help="new ones a day, about"
    )
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
