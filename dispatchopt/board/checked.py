"""A board's routes as a plan: checked, with what the checker tells of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dispatchopt.errors import InternalError
from dispatchopt.models import Unserved
from dispatchopt.solve import hash_problem

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
    false = {v.ticket_id for v in report.violations if v.rule == "reason"}
    if false:
        unserved = tuple(
            Unserved(ticket_id=item.ticket_id, reason="SEARCH_LIMIT")
            if item.ticket_id in false
            else item
            for item in plan.unserved
        )
        plan = plan.model_copy(update={"unserved": unserved})
        report = planner.check(plan)
    if not report.is_valid:
        rules = sorted({violation.rule for violation in report.violations})
        raise InternalError(f"the checker refused the board's plan: rules {rules}")
    input_hash = hash_problem(planner.problem)
    listed = plan.model_dump_json(include={"routes", "unserved"})
    return plan.model_copy(
        update={
            "plan_id": hashlib.sha256((input_hash + listed).encode()).hexdigest()[:16],
            "broken_promises": report.broken_promises,
            "needs_customer_consent": report.needs_customer_consent,
            "overridden": report.overridden,
            "cost": report.cost,
        }
    )
