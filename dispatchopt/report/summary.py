"""What a dispatcher asks first about a plan, as figures and as lines of text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.report.kpis import plan_kpis
from dispatchopt.report.minutes import whole_percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.checker import Report
    from dispatchopt.models import Plan, Problem
    from dispatchopt.report.kpis import Kpi
    from dispatchopt.solve import Result

PRIORITIES: Final = (1, 2, 3, 4)

MOST_IDS: Final = 10
"""So many ids are written on one line; of more, the first of them and how many there are."""


@dataclass(frozen=True)
class Summary:
    """The tally of a plan and its key figures.

    Attributes
    ----------
    served, unserved
        Number of tickets by priority, 1 to 4 always among the keys.
    reasons
        Number of tickets left out by reason, the most frequent first.
    rejected, not_plannable
        Number of tickets refused at input, and kept out by their status.
    kpis
        See `report.kpis.plan_kpis`.
    """

    engineers: int
    shifts: int
    served: Mapping[int, int]
    unserved: Mapping[int, int]
    reasons: Mapping[str, int]
    rejected: int
    not_plannable: int
    kpis: Mapping[str, Kpi]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        served, unserved = sum(self.served.values()), sum(self.unserved.values())
        return {
            "engineers": self.engineers,
            "shifts": self.shifts,
            "tickets": {
                "input": served + unserved + self.rejected + self.not_plannable,
                "served": served,
                "unserved": unserved,
                "rejected": self.rejected,
                "not_plannable": self.not_plannable,
            },
            "served_by_priority": {str(p): count for p, count in self.served.items()},
            "unserved_by_priority": {str(p): count for p, count in self.unserved.items()},
            "unserved_by_reason": dict(self.reasons),
            "kpis": dict(self.kpis),
        }


def summarise(problem: Problem, plan: Plan) -> Summary:
    """Count what a plan serves and leaves out, and compute its key figures.

    Raises
    ------
    InvalidProblemError
        If the plan names what the problem lacks, or has visits without times.
    """
    visited = {visit.ticket_id for route in plan.routes for visit in route.visits}
    plannable = [ticket for ticket in problem.tickets if ticket.is_plannable]
    served = Counter(ticket.priority for ticket in plannable if ticket.id in visited)
    left_out = Counter(ticket.priority for ticket in plannable if ticket.id not in visited)
    return Summary(
        engineers=len(problem.engineers),
        shifts=sum(len(engineer.shifts) for engineer in problem.engineers),
        served={priority: served[priority] for priority in PRIORITIES},
        unserved={priority: left_out[priority] for priority in PRIORITIES},
        reasons=dict(Counter(item.reason for item in plan.unserved).most_common()),
        rejected=len(plan.rejected),
        not_plannable=len(problem.tickets) - len(plannable),
        kpis=plan_kpis(problem, plan),
    )


def summary_lines(summary: Summary) -> list[str]:
    """Write tickets by priority, reasons and use of time."""
    rows = [
        ["", *(f"P{priority}" for priority in PRIORITIES), "all"],
        ["served", *_counts(summary.served)],
        ["left out", *_counts(summary.unserved)],
    ]
    lines = columns(rows)
    if summary.not_plannable:
        lines.append(f"not to be planned by their status: {summary.not_plannable}")
    if summary.rejected:
        lines.append(f"rejected at input: {summary.rejected}")
    if summary.reasons:
        lines += ["", "left out because"]
        lines += columns([[f"  {reason}", str(n)] for reason, n in summary.reasons.items()])
    return [*lines, "", *_time_lines(summary.kpis)]


def result_json(result: Result, summary: Summary) -> dict[str, Any]:
    """Return what is known about a plan, as JSON has it."""
    plan = result.plan
    return {
        "plan_id": plan.plan_id,
        "cost": result.report.cost.model_dump(),
        "bound": result.bound,
        "gap": result.gap,
        "seed": result.seed,
        "iterations": result.iterations,
        "runtime": round(result.runtime, 3),
        "broken_promises": list(plan.broken_promises),
        "weakened_promises": [item.model_dump() for item in plan.weakened_promises],
        "needs_customer_consent": list(plan.needs_customer_consent),
        "overridden": [item.model_dump() for item in plan.overridden],
        **summary.to_json(),
    }


def result_lines(result: Result, summary: Summary) -> list[str]:
    """Write the summary of a plan, its cost by rule, and what somebody must look at."""
    proof = ""
    if result.gap is not None:
        proof = ", proven optimal" if result.status == "optimal" else f", gap {result.gap:.1%}"
    runtime = f"{result.runtime:.1f} s, {number(result.iterations)} iterations{proof}"
    cost = cost_lines(result.report.cost.by_rule, result.cost)
    told = [
        *_ids_lines(result.report),
        *_weakened_lines(result.plan),
        *_overruled_lines(result.report),
    ]
    return [*summary_lines(summary), "", *cost, "", runtime, *told]


def report_json(report: Report) -> dict[str, Any]:
    """Return what the checker found, as JSON has it."""
    return {
        "status": "valid" if report.is_valid else "violations",
        "violations": [
            {"rule": v.rule, "message": v.message, "ticket_id": v.ticket_id, "shift_id": v.shift_id}
            for v in report.violations
        ],
        "cost": report.cost.model_dump(),
        "broken_promises": list(report.broken_promises),
        "needs_customer_consent": list(report.needs_customer_consent),
        "overridden": [item.model_dump() for item in report.overridden],
        "missing": list(report.missing),
    }


def report_lines(report: Report) -> list[str]:
    """Write what the checker found, each violation on its line."""
    lines = []
    for v in report.violations:
        where = ", ".join(part for part in (v.ticket_id, v.shift_id) if part) or "the plan"
        lines.append(f"{v.rule}: {where}: {v.message}")
    count = len(lines)
    lines.append(f"{count} violation{'' if count == 1 else 's'}" if count else "No violation")
    lines += _overruled_lines(report)
    cost = cost_lines(report.cost.by_rule, report.cost.total)
    return [*lines, *_ids_lines(report), "", *cost]


def _ids_lines(report: Report) -> list[str]:
    found = (
        ("Promises broken", report.broken_promises),
        ("Moved though fixed, ask the customer", report.needs_customer_consent),
        ("In no list of the plan, priced as left out", report.missing),
    )
    return [f"{text}: {_listed(ids)}" for text, ids in found if ids]


def _weakened_lines(plan: Plan) -> list[str]:
    """Write the promises that are less sure than before, the least sure first."""
    weakened = sorted(plan.weakened_promises, key=lambda item: item.kept_probability)
    told = [
        f"{item.ticket_id} {whole_percent(item.was)}% to {whole_percent(item.kept_probability)}%"
        for item in weakened
    ]
    return [f"Promises less sure than before: {_listed(told)}"] if told else []


def _overruled_lines(report: Report) -> list[str]:
    """Write a line for each rule that locks overruled, and where."""
    places: dict[str, list[str]] = {}
    for item in report.overridden:
        places.setdefault(item.rule, []).append(item.ticket_id or item.shift_id or "the plan")
    return [f"Overruled by a lock: {rule}: {_listed(where)}" for rule, where in places.items()]


def _listed(ids: Sequence[str]) -> str:
    if len(ids) <= MOST_IDS:
        return ", ".join(ids)
    shown = ", ".join(ids[:MOST_IDS])
    return f"{shown} and {len(ids) - MOST_IDS} more, {len(ids)} in all (--json lists them)"


def cost_lines(by_rule: Mapping[str, int], total: int) -> list[str]:
    """Write the cost by rule, the dearest first, each also in hours of work."""
    parts = sorted(by_rule.items(), key=lambda item: (-item[1], item[0]))
    rows = [[f"  {name}", number(cost), f"{cost / 3600:.1f} h"] for name, cost in parts]
    title = ["cost, in s of work", number(total), f"{total / 3600:.1f} h"]
    return columns([title, *rows])


def number(value: int) -> str:
    """Write a whole number in groups of three digits."""
    return f"{value:,}".replace(",", " ")


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align cells, the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _counts(by_priority: Mapping[int, int]) -> list[str]:
    counts = list(by_priority.values())
    return [str(count) for count in (*counts, sum(counts))]


def _time_lines(kpis: Mapping[str, Kpi]) -> list[str]:
    travel = kpis["travel_per_job"]
    rows = [["travel", f"{travel['numerator'] / 3600:.1f} h"]]
    if travel["value"] is not None:
        rows[0][1] += f", {travel['value'] / 60:.0f} min a visit"
    if kpis["utilisation"]["value"] is not None:
        rows.append(["paid time used", f"{kpis['utilisation']['value']:.0%}"])
    for name, kpi, counted in _COUNTED:
        if kpis[kpi]["denominator"]:
            share = f"{kpis[kpi]['numerator']} of {kpis[kpi]['denominator']}"
            rows.append([name, f"{share} {counted}"])
    sure = kpis["appointments_sure"]
    if sure["denominator"]:
        share = f"{sure['numerator']} of {sure['denominator']} as likely to be kept as wanted"
        rows.append(["appointments sure", f"{share}, the least {whole_percent(sure['least'])}%"])
    if kpis["already_overdue"]["numerator"]:
        count = f"{kpis['already_overdue']['numerator']}, due before the horizon, not in this count"
        rows.append(["already overdue", count])
    if kpis["overtime"]["numerator"]:
        rows.append(["overtime", f"{kpis['overtime']['numerator'] / 3600:.1f} h"])
    width = max(len(name) for name, _ in rows)
    return [f"{name.ljust(width)}  {text}" for name, text in rows]


_COUNTED: Final = (
    (
        "appointments kept",
        "appointments_kept",
        "tickets with an appointment in the horizon: service begins within it",
    ),
    (
        "service limits met",
        "sla_attainment",
        "tickets due within the horizon: service ends by then",
    ),
)
"""Line of the summary, key figure, and what it counts; a ticket left out counts as a miss."""
