"""A board's routes as a plan: checked, with what the checker tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.errors import InternalError
from dispatchopt.solve import hash_problem, with_report, without_refuted_reasons

if TYPE_CHECKING:
    from dispatchopt.models import Plan
    from dispatchopt.solve import Planner


def checked(planner: Planner, plan: Plan) -> Plan:
    """Return a decoded plan with what the checker tells of it; a false reason gives way.

    Raises
    ------
    InternalError
        If the checker refuses the plan: a bug of ours.
    """
    report = planner.check(plan)
    if any(violation.rule == "reason" for violation in report.violations):
        plan = without_refuted_reasons(plan, report)
        report = planner.check(plan)
    if not report.is_valid:
        rules = sorted({violation.rule for violation in report.violations})
        raise InternalError(f"the checker refused the board's plan: rules {rules}")
    return with_report(plan, report, hash_problem(planner.problem))
