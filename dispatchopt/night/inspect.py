"""What the doctor says about a night's input."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.doctor import Examination, examine

if TYPE_CHECKING:
    from datetime import datetime

    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import InputConfig


def counted_input(intake: Intake) -> dict[str, Any]:  # Any: JSON
    """Count tickets by status, faults and warnings of an input."""
    statuses = Counter(ticket.status for ticket in intake.problem.tickets)
    return {
        "statuses": dict(sorted(statuses.items())),
        "rejected": len(intake.rejected),
        "issues": len(intake.issues),
        "warnings": len(intake.warnings),
    }


def examined(source: InputConfig, now: datetime) -> Examination | None:
    """Let the doctor inspect a file or folder; None if the input is a database.

    Raises
    ------
    AdapterError
        If nothing can be read at all.
    """
    return None if source.path is None else examine(source.path, now=now)


def counted_findings(examination: Examination) -> dict[str, Any]:  # Any: JSON
    """Return the grade, and the cases found by level."""
    levels: Counter[str] = Counter()
    for finding in examination.findings:
        levels[finding.level] += finding.count
    return {
        "grade": examination.grade,
        "score": examination.score,
        **{f"{level}s": levels[level] for level in ("fault", "doubt", "note")},
    }
