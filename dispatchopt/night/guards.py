"""The rules by which a night stops before it plans, or warns and goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dispatchopt.adapters.headers import TICKETS
from dispatchopt.errors import DispatchError
from dispatchopt.night.config import most_of, parse_age

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import Action, InputConfig, RulesConfig
    from dispatchopt.night.nights import Night


class NightStoppedError(DispatchError):
    """A rule ended the night before anything was planned."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies: its name, what it does, and the figures."""

    rule: str
    action: Action
    message: str

    def __str__(self) -> str:
        """Write the figures and the way out."""
        if self.action == "warn":
            return self.message
        return f'{self.message} To go on all the same, set {self.rule} = "warn" under [rules].'


def num_tickets(intake: Intake) -> int:
    """Count the tickets that ask for a visit, and the faulty ones: these may ask for one."""
    return sum(t.is_plannable for t in intake.problem.tickets) + len(intake.rejected)


def made_at(source: InputConfig) -> datetime:
    """Return when the input was written: its file, of a folder the ticket file."""
    path: Path = source.path
    if path.is_dir():
        path = path / TICKETS
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def age_findings(source: InputConfig, rules: RulesConfig, now: datetime) -> Iterator[Finding]:
    """Judge the age of the input, before it is read."""
    if rules.max_age is None:
        return
    made, limit = made_at(source), parse_age(rules.max_age)
    if now - made > limit:
        hours = (now - made) / timedelta(hours=1)
        yield Finding(
            "stale",
            rules.stale,
            f"The input was written {hours:.1f} h ago, max_age allows {rules.max_age}. "
            "Look whether the export ran.",
        )


def content_findings(
    intake: Intake, rules: RulesConfig, last: Night | None, now: datetime
) -> Iterator[Finding]:
    """Judge what was read, also against the last night."""
    found, horizon = num_tickets(intake), intake.problem.horizon
    if horizon.end <= now:
        yield Finding(
            "past",
            rules.past,
            f"The horizon was over at {horizon.end.isoformat()}: the input is of a day that has "
            "passed. Look whether the export ran.",
        )
    if not found:
        yield Finding(
            "empty", rules.empty, "No ticket of the input asks for a visit. Check the export."
        )
    elif last is not None and 100 * found < rules.halved_percent * last.record.num_tickets:
        yield Finding(
            "halved",
            rules.halved,
            f"The input has {found} tickets, the night of {last.record.night} had "
            f"{last.record.num_tickets}: less than {rules.halved_percent} %. Check the export.",
        )
    others = {(i.kind, i.id) for i in intake.issues if i.kind != "ticket"}
    bad, total = len(intake.rejected) + len(others), len(intake.problem.tickets)
    most = most_of(rules.max_rejects, total + len(intake.rejected))
    if bad > most:
        yield Finding(
            "rejects",
            rules.rejects,
            f"{bad} rows of the input are faulty, max_rejects {rules.max_rejects} allows {most}.",
        )


def obey(findings: list[Finding]) -> list[str]:
    """Return the warnings.

    Raises
    ------
    NightStoppedError
        With every finding whose rule says stop.
    """
    stops = tuple(finding for finding in findings if finding.action == "stop")
    if stops:
        raise NightStoppedError(stops)
    return [str(finding) for finding in findings]
