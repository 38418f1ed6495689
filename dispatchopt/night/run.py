"""One night: read, doctor, plan, check, write, publish, report. Safe to kill and to repeat.

What is decided is on disk as a whole before anything of it is published, and what is published is
on record message by message: a run that was killed is finished by the next one, before that one
begins its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dispatchopt.checker import check
from dispatchopt.errors import (
    AdapterError,
    InternalError,
    PlanConflictError,
    PublisherBusyError,
)
from dispatchopt.night import guards
from dispatchopt.night.bookings import Bookings, conflicts_of, told_of, warnings_of, weakened_of
from dispatchopt.night.identity import input_hash, night_of, plan_id
from dispatchopt.night.inspect import counted_findings, counted_input, examined
from dispatchopt.night.journal import Journal
from dispatchopt.night.nights import (
    Night,
    Nights,
    NightUnpublishedError,
    NightUnwrittenError,
    Record,
)
from dispatchopt.night.pruning import prune
from dispatchopt.night.publishing import Publishing, counts_of
from dispatchopt.night.sources import read_source
from dispatchopt.night.updates import read_trouble_tickets, updates_of
from dispatchopt.night.writing import contact_of, record_of, write_night
from dispatchopt.report.diff import PlanDiff, diff_plans
from dispatchopt.report.exit_codes import Code
from dispatchopt.solve import Progress, Result, solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.adapters.doctor import Examination
    from dispatchopt.adapters.outbox import PublishReport
    from dispatchopt.models import Plan, Problem
    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import NightConfig


@dataclass(frozen=True)
class NightResult:
    """What a run did.

    Attributes
    ----------
    night
        The night that now stands.
    is_new
        False if the same input was planned before: at most what was left to tell was told.
    exit_code
        See ``docs/night.md``.
    warnings
        Rules that applied without stopping the night.
    diff
        Against the plan that was in force; None for the first night, or if nothing was done.
    published
        What the receiver took and did not take; None without a receiver, or if nothing was left.
    """

    night: Night
    is_new: bool
    exit_code: int
    warnings: tuple[str, ...] = ()
    diff: PlanDiff | None = None
    published: PublishReport | None = None


@dataclass(frozen=True)
class Hooks:
    """What a caller wants to know or to decide meanwhile.

    Attributes
    ----------
    now
        The clock against which ages are judged.
    on_search
        Called once before the search.
    on_progress
        As that of `solve`; may raise KeyboardInterrupt to end the search with its best plan.
    """

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    on_search: Callable[[], None] = field(default=lambda: None)
    on_progress: Callable[[Progress], None] | None = None


def run_night(
    config: NightConfig, *, force: bool = False, hooks: Hooks | None = None
) -> NightResult:
    """Run a night, or finish the one that was killed and then run this one.

    Parameters
    ----------
    force
        Plan again although the same input was finished.

    Raises
    ------
    NightBusyError
        If another run is at work.
    NightStoppedError
        If a rule stopped the night: nothing was planned.
    InvalidProblemError
        If the input is faulty, and faulty rows are not to be left out.
    AdapterError
        If something cannot be read.
    NightUnwrittenError
        If the output cannot be written.
    NightUnpublishedError
        If the plan was decided, and the outbox or database cannot be reached.
    PlanConflictError
        If somebody else put a plan in force in the database meanwhile: this one is void.
    PublisherBusyError
        If another publisher is at work on the outbox; the plan was decided.
    """
    nights = Nights(config.output.folder)
    with nights.lock():
        return _Run(config, nights, force, hooks or Hooks()).run()


class _Run:
    """The steps of one run, each with its line in the journal."""

    def __init__(self, config: NightConfig, nights: Nights, force: bool, hooks: Hooks) -> None:
        self.config, self.nights, self.force, self.hooks = config, nights, force, hooks
        self.warnings: list[str] = []
        self.journal = Journal(config.output.log, self.warnings)
        self.publishing = Publishing(config.publish, nights.state)
        self.bookings = Bookings(config.bookings, hooks.now)
        self.documents: list[Any] | None = None  # Any: JSON
        self.resumed: dict[str, PublishReport | None] = {}

    def run(self) -> NightResult:
        self._resume()
        intake = self._read()
        night = night_of(intake.problem)
        self.journal.night = night
        agreed = self._booked(intake.problem)
        digest = input_hash(replace(intake, problem=agreed), self.config)
        there = self.nights.get(night)
        is_same = there is not None and there.record.input_hash == digest
        is_same = is_same and there is not None and not there.is_void and not self.force
        examination = self._doctor(intake, night, is_same=is_same)
        if there is not None and is_same:
            return self._unchanged(there)
        before, in_force = self._before(night)
        problem = self._prepared(intake, agreed, night, before)
        result = self._plan(problem, intake)
        problem, late = self._late(problem, result.plan, intake)
        plan = self._check(problem, late, result.seed, night)
        diff = None if before is None else diff_plans(before, plan, problem=problem)
        record = record_of(night, intake, problem, plan, input_hash=digest, in_force=in_force)
        read = replace(intake, problem=problem)
        record = self._write(read, plan, result, record, diff=diff, examination=examination)
        decided = Night(self.nights.folder(night), record)
        published = self._publish(decided)
        code = self._report(decided, published)
        self._prune(decided)
        return NightResult(decided, True, code, tuple(self.warnings), diff, published)

    def _resume(self) -> None:
        """Finish what earlier runs decided and did not finish."""
        for night in self.nights.unsettled(self.hooks.now()):
            with self.journal.step("resume") as told:
                told["night"] = night.record.night
                if night.record.horizon_end <= self.hooks.now():
                    told |= {"status": "skip", "why": "its horizon is over"}
                    night.finish({"void": not self.publishing.knows(night)})
                    continue
                try:
                    report = self._released(night)
                except (NightUnpublishedError, PlanConflictError) as error:
                    # Tonight's plan is worth more than yesterday's news.
                    told |= {"status": "warn", "error": type(error).__name__}
                    self.warnings.append(str(error))
                    continue
                told |= counts_of(report)
                self._finish(night, report)
                self.resumed[night.record.night] = report

    def _released(self, night: Night) -> PublishReport | None:
        """Publish a night; one that another plan has overtaken is void: nothing waits for it."""
        try:
            report = self.publishing.publish(night)
            self._take_over(night)
            return report
        except PlanConflictError:
            night.finish({"void": True, "why": "another plan came into force"})
            raise
        except PublisherBusyError:
            raise
        except AdapterError as error:
            raise NightUnpublishedError(
                f"The night of {night.record.night} stands in {night.folder}, but is not "
                f"published: the next run goes on. {error}"
            ) from error

    def _take_over(self, night: Night) -> None:
        """Let desks book on the plan of a night, and tell what it has no room for."""
        rebased = self.bookings.take_over(night, lambda p: contact_of(self.config, p))
        if rebased is not None:
            self.warnings += conflicts_of(rebased)

    def _read(self) -> Intake:
        with self.journal.step("read") as told:
            found = list(
                guards.age_findings(self.config.input, self.config.rules, self.hooks.now())
            )
            self._obey(found, told)
            intake = read_source(self.config.input)
            self.documents = read_trouble_tickets(self.config.publish)
            told |= {
                "tickets": len(intake.problem.tickets),
                "engineers": len(intake.problem.engineers),
                "rejected": len(intake.rejected),
            }
            return intake

    def _booked(self, problem: Problem) -> Problem:
        """Return the problem with the windows of the ledger: input of the night as well."""
        if not self.bookings.is_on:
            return problem
        with self.journal.step("bookings") as told:
            agreed = self.bookings.agreed(problem)
            told |= told_of(agreed)
            self.warnings += warnings_of(agreed)
            return agreed.problem

    def _doctor(self, intake: Intake, night: str, *, is_same: bool) -> Examination | None:
        """Apply the rules; what was planned before was examined then."""
        with self.journal.step("doctor") as told:
            told |= counted_input(intake)
            last = self.nights.last(until=night)
            found = list(guards.content_findings(intake, self.config, last, self.hooks.now()))
            examination = None
            if not is_same:
                examination = examined(self.config.input, self.hooks.now())
            if examination is not None:
                told |= counted_findings(examination)
                found += guards.grade_findings(examination, self.config.rules)
            self._obey(found, told)
            return examination

    def _obey(self, found: list[guards.Finding], told: dict[str, Any]) -> None:
        if found:
            told |= {"status": "warn", "rules": [finding.rule for finding in found]}
        self.warnings += guards.obey(found)

    def _unchanged(self, night: Night) -> NightResult:
        with self.journal.step("report") as told:
            told |= {"status": "skip", "why": "the same input was planned before"}
            code = int(Code.UNPUBLISHED)
            if night.finished is not None:
                code = night.finished.get("exit_code", night.record.exit_code)
            told |= {"plan_id": night.record.plan_id, "exit_code": code}
        published = self.resumed.get(night.record.night)
        return NightResult(night, False, code, tuple(self.warnings), published=published)

    def _before(self, night: str) -> tuple[Plan | None, str | None]:
        """Return the plan before this one, and the id of the one in force in the database."""
        in_force = self.publishing.plan_in_force()
        last = self.nights.last(until=night)
        before = in_force if in_force is not None or last is None else last.plan()
        if last is not None and before is not None and before.plan_id == last.record.plan_id:
            before = self.bookings.plan_of(last) or before
        return before, None if in_force is None else in_force.plan_id

    def _prepared(
        self, intake: Intake, problem: Problem, night: str, before: Plan | None
    ) -> Problem:
        """Return the problem with the plan in force, and with the nights that tickets waited.

        What only the ledger has stays as it is there: the ledger gets it back when the plan is
        published, and what it has agreed tells one input from another.
        """
        read = {ticket.id for ticket in intake.problem.tickets}
        changes: dict[str, Any] = {}
        if problem.previous_plan is None and before is not None:
            changes["previous_plan"] = before
        earlier = self.nights.last(before=night)
        waited = {} if earlier is None else earlier.record.carried_over
        changes["tickets"] = tuple(
            ticket.model_copy(update={"carried_over": waited[ticket.id]})
            if ticket.id in read and waited.get(ticket.id, 0) > ticket.carried_over
            else ticket
            for ticket in problem.tickets
        )
        return problem.model_copy(update=changes)

    def _plan(self, problem: Problem, intake: Intake) -> Result:
        options = self.config.plan.model_dump()
        with self.journal.step("plan") as told:
            self.hooks.on_search()
            result = solve(
                problem,
                rejected=intake.rejected,
                on_progress=self.hooks.on_progress,
                **options,
            )
            told |= {
                "cost": result.cost,
                "bound": result.bound,
                "gap": None if result.gap is None else round(result.gap, 4),
                "unserved": len(result.plan.unserved),
                "iterations": result.iterations,
                "seed": result.seed,
            }
            return result

    def _late(self, problem: Problem, plan: Plan, intake: Intake) -> tuple[Problem, Plan]:
        """Return problem and plan with what was booked meanwhile; silent without a ledger."""
        if not self.bookings.is_on:
            return problem, plan
        with self.journal.step("late bookings") as told:
            problem, plan, rebased = self.bookings.late(problem, plan, intake.rejected)
            told |= rebased.counts()
            self.warnings += weakened_of(rebased)
            return problem, plan

    def _check(self, problem: Problem, plan: Plan, seed: int, night: str) -> Plan:
        """Check once more what will be written: the plan under its final id."""
        with self.journal.step("check") as told:
            plan = plan.model_copy(update={"plan_id": plan_id(plan, night)})
            report = check(problem, plan)
            told |= {"plan_id": plan.plan_id, "violations": len(report.violations)}
            told["broken_promises"] = len(report.broken_promises)
            told["weakened_promises"] = len(plan.weakened_promises)
            if not report.is_valid:
                rules = sorted({violation.rule for violation in report.violations})
                raise InternalError(f"the checker refused the plan: {rules}; seed {seed}")
            return plan

    def _write(
        self,
        intake: Intake,
        plan: Plan,
        result: Result,
        record: Record,
        *,
        diff: PlanDiff | None,
        examination: Examination | None,
    ) -> Record:
        with self.journal.step("write") as told:
            updates = None
            if self.documents is not None:
                updates, notes = updates_of(
                    self.config, self.documents, intake.problem, plan, self.hooks.now()
                )
                self.warnings += notes
                told |= {"status": "warn", "not_told": len(notes)} if notes else {}
            try:
                record, count = write_night(
                    self.config,
                    intake,
                    plan,
                    record,
                    diff=diff,
                    examination=examination,
                    shadow_prices=result.shadow_prices,
                    updates=updates,
                )
            except AdapterError as error:
                raise NightUnwrittenError(f"The plan could not be written. {error}") from error
            told |= {"plan_id": plan.plan_id, "files": count}
            return record

    def _publish(self, night: Night) -> PublishReport | None:
        with self.journal.step("publish") as told:
            report = self._released(night)
            told |= {"plan_id": night.record.plan_id, **counts_of(report)}
            return report

    def _report(self, night: Night, published: PublishReport | None) -> int:
        with self.journal.step("report") as told:
            code = self._finish(night, published)
            told |= {"plan_id": night.record.plan_id, "exit_code": code}
            return code

    def _prune(self, night: Night) -> None:
        """Forget old nights; silent where there is nothing to forget."""
        found = prune(self.config, self.nights, self.publishing, night)
        if found:
            with self.journal.step("prune") as told:
                told |= found

    def _finish(self, night: Night, report: PublishReport | None) -> int:
        """Mark the night if nothing is left to publish; its exit code."""
        is_complete = report is None or report.is_complete
        code = night.record.exit_code if is_complete else int(Code.UNPUBLISHED)
        if report is None or not report.pending:
            night.finish({**counts_of(report), "exit_code": code})
        self.nights.point_latest(night)
        return code
