"""What the doctor says about a night's input, in counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatchopt.models.intake import Intake


def inspect_input(intake: Intake) -> dict[str, Any]:  # Any: JSON
    """Count tickets by status, faults and warnings of an input."""
    statuses = Counter(ticket.status for ticket in intake.problem.tickets)
    return {
        "statuses": dict(sorted(statuses.items())),
        "rejected": len(intake.rejected),
        "issues": len(intake.issues),
        "warnings": len(intake.warnings),
    }
