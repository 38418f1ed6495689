"""The rules by which a night stops before it plans, or warns and goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dispatchopt.adapters.headers import normal_header
from dispatchopt.adapters.mapping import read_mapping
from dispatchopt.adapters.raw import is_table_file
from dispatchopt.adapters.sources import TABLE_NAMES
from dispatchopt.errors import AdapterError, DispatchError
from dispatchopt.night.values import most_of, parse_age

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dispatchopt.adapters.doctor import Examination
    from dispatchopt.errors import Issue
    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import Action, InputConfig, NightConfig, RulesConfig
    from dispatchopt.night.nights import Night


class NightStoppedError(DispatchError):
    """A rule ended the night before anything was planned.

    Attributes
    ----------
    issues
        The faulty rows, if there are too many.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        self.issues = tuple(issue for finding in findings for issue in finding.issues)
        super().__init__("\n".join(str(finding) for finding in findings))


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies: its name, what it does, the figures, and the faults behind them."""

    rule: str
    action: Action
    message: str
    issues: tuple[Issue, ...] = ()

    def __str__(self) -> str:
        """Write the figures and the way out."""
        if self.action == "warn":
            return self.message
        return f'{self.message} To go on all the same, set {self.rule} = "warn" under [rules].'


def num_tickets(intake: Intake) -> int:
    """Count the tickets that ask for a visit, and the faulty ones: these may ask for one."""
    return sum(t.is_plannable for t in intake.problem.tickets) + len(intake.rejected)


def made_at(path: Path) -> datetime:
    """Return when an input was written: its file, of a folder the file of its tickets."""
    files = [path]
    if path.is_dir():
        place = read_mapping(path, []).files.of("tickets")
        names = {normal_header(name) for name in TABLE_NAMES["tickets"]}
        tables = [file for file in path.iterdir() if is_table_file(file.name)]
        files = (
            [path / place.file]
            if place is not None and place.file
            else [f for f in tables if normal_header(f.name.split(".")[0]) in names] or tables
        )
    times = [file.stat().st_mtime for file in files]
    if not times:
        raise AdapterError(f"{path}: holds no table of tickets. Check the path.")
    return datetime.fromtimestamp(max(times), UTC)


def age_findings(source: InputConfig, rules: RulesConfig, now: datetime) -> Iterator[Finding]:
    """Judge the age of a file or folder, before it is read."""
    if rules.max_age is None or source.path is None:
        return
    try:
        made = made_at(source.path)
    except OSError as error:
        raise AdapterError(f"{source.path}: cannot be read ({error.strerror}).") from error
    yield from _age(made, rules, now, "The input was written", "Look whether the export ran.")


def _age(
    made: datetime, rules: RulesConfig, now: datetime, what: str, way_out: str
) -> Iterator[Finding]:
    assert rules.max_age is not None
    if now - made > parse_age(rules.max_age):
        hours = (now - made) / timedelta(hours=1)
        message = f"{what} {hours:.1f} h ago, max_age allows {rules.max_age}. {way_out}"
        yield Finding("stale", rules.stale, message)


def _age_of_tickets(intake: Intake, rules: RulesConfig, now: datetime) -> Iterator[Finding]:
    """Judge the age of a database by its newest ticket."""
    known = [t.known_at or t.reported_at for t in intake.problem.tickets]
    newest = max((instant for instant in known if instant is not None), default=None)
    way_out = "Look whether the database is fed."
    if newest is None:
        message = f"No ticket says when it was reported: its age cannot be judged. {way_out}"
        yield Finding("stale", rules.stale, message)
    else:
        yield from _age(newest, rules, now, "The newest ticket was reported", way_out)


def content_findings(
    intake: Intake, config: NightConfig, last: Night | None, now: datetime
) -> Iterator[Finding]:
    """Judge what was read, also against the last night."""
    rules = config.rules
    if rules.max_age is not None and config.input.path is None and intake.problem.tickets:
        yield from _age_of_tickets(intake, rules, now)
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
            f"{bad} {'row' if bad == 1 else 'rows'} of the input cannot be read, max_rejects "
            f"{rules.max_rejects} allows {most}.",
            intake.issues,
        )


def grade_findings(examination: Examination, rules: RulesConfig) -> Iterator[Finding]:
    """Judge the quality of the data by the doctor's grade: A is best, F is worst."""
    if examination.grade > rules.min_grade:
        yield Finding(
            "grade",
            rules.grade,
            f"The doctor gives the input a {examination.grade}, min_grade is {rules.min_grade}. "
            "Run dispatchopt doctor on it.",
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
