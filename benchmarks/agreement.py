"""The package's own checker on everybody's plans: it must say what the neutral judge says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.day import judge, orders_plan
from dispatchopt.checker import check

if TYPE_CHECKING:
    from benchmarks.day import Day, Routes
    from dispatchopt.models import Problem


def disagreement(problem: Problem, day: Day, routes: Routes) -> str:
    """Say where checker and judge differ on these orders; empty if they agree.

    Costs are compared for feasible plans only: an infeasible one has no cost to agree on.
    """
    verdict = judge(day, routes)
    report = check(problem, orders_plan(day, routes))
    if report.is_valid != verdict.is_feasible:
        faults = [str(fault) for fault in report.violations] or verdict.violations
        return f"checker {'accepts' if report.is_valid else 'refuses'}: {faults[0]}"
    if verdict.is_feasible and report.cost.total != verdict.cost:
        return f"checker prices {report.cost.total}"
    return ""
