"""What tells one night, one input and one plan from another."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from dispatchopt.adapters.json_files import to_json
from dispatchopt.solve import hash_problem

if TYPE_CHECKING:
    from dispatchopt.models import Plan, Problem
    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import NightConfig


def night_of(problem: Problem) -> str:
    """Return the local date on which the horizon begins."""
    return problem.horizon.start.astimezone(problem.zone).date().isoformat()


def input_hash(intake: Intake, config: NightConfig) -> str:
    """Return a digest of the input and of the settings that shape plan and output.

    Windows of a ledger count as the problem of `intake` has them: what was agreed, not when.
    """
    parts = [
        hash_problem(intake.problem),
        [rejected.model_dump(mode="json") for rejected in intake.rejected],
        config.plan.model_dump(mode="json"),
        config.output.model_dump(mode="json", exclude={"folder", "log", "keep_nights"}),
        config.input.model_dump(mode="json", include={"limits"}),
        config.publish.model_dump(mode="json"),
        config.bookings.model_dump(mode="json"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def plan_id(plan: Plan, night: str) -> str:
    """Return an id that only the same plan bears; how long the search took is no part of it."""
    data = to_json(plan.model_copy(update={"plan_id": "plan", "provenance": None}))
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode())
    return f"{night}-{digest.hexdigest()[:12]}"
