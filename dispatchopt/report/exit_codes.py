"""Exit codes, for shells and schedulers."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatchopt.models import Plan
    from dispatchopt.models.intake import Intake


class Code(IntEnum):
    """Exit codes; those from `BUSY` on are of ``night``, ``outbox`` and ``book`` alone."""

    DONE = 0
    VIOLATIONS = 1
    BAD_INPUT = 2
    REJECTS = 3
    NO_PLAN = 4
    BROKEN_PROMISE = 5
    BUSY = 6
    UNPUBLISHED = 7
    CONFLICT = 8


def code_of(intake: Intake, plan: Plan) -> Code:
    """Return the exit code of a plan made; a broken promise wins over rows left out."""
    if plan.broken_promises:
        return Code.BROKEN_PROMISE
    return Code.REJECTS if intake.issues or intake.rejected else Code.DONE
