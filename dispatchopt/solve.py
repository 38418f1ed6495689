"""Solving: a compiled problem, and what comes out of it. The door of every use."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dispatchopt import __version__
from dispatchopt.chance import with_kept_probabilities
from dispatchopt.checker import Report, check_in
from dispatchopt.errors import InternalError
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import (
    Matrix,
    Plan,
    Problem,
    Profiles,
    Provenance,
    Rejected,
    Ticket,
    Unserved,
)
from dispatchopt.models.intake import Intake
from dispatchopt.promises import TIME_SHARE, Guard, has_promises
from dispatchopt.reasons import explain_unserved
from dispatchopt.run import Options, Progress, Routes, Run
from dispatchopt.shadow import ShadowPrices, shadow_prices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dispatchopt.instance import Compiled

logger = logging.getLogger(__name__)

__all__ = ["Planner", "Progress", "Result", "hash_problem", "solve"]


@dataclass(frozen=True)
class Result:
    """A checked plan and what is known about it.

    Attributes
    ----------
    plan
        The plan; it passed the checker.
    cost
        Its cost by the checker.
    bound, gap
        Proven lower bound on the cost of any plan and ``(cost - bound) / max(cost, 1)``; None where
        nothing was proven.
    left_out
        Names of prices that the bound counts in part only (load and reserve of room by a straight
        line below them): the true gap may be smaller.
    shadow_prices
        What more of something would be worth; None with 12 tickets or fewer, or without a bound
        within a tenth of the cost.
    status
        ``optimal``: no plan costs less. ``feasible``: a valid plan.
    seed, iterations, runtime
        What was asked for, and the seconds that it took.
    report
        The checker's report.
    """

    plan: Plan
    cost: int
    bound: int | None
    gap: float | None
    status: Literal["optimal", "feasible"]
    seed: int
    iterations: int
    runtime: float
    report: Report
    left_out: tuple[str, ...] = ()
    shadow_prices: ShadowPrices | None = None


class Planner:
    """A compiled problem. Immutable and picklable; every use takes one.

    Parameters
    ----------
    problem
        What to plan.
    rejected
        Tickets refused at input, carried into the plan so that its tally adds up.

    Raises
    ------
    InvalidProblemError
        If costs of the problem could reach 2**53, or amounts of parts 2**30.
    TypeError
        If it is no `Problem`, such as what readers return.
    """

    def __init__(self, problem: Problem, *, rejected: Iterable[Rejected] = ()) -> None:
        if not isinstance(problem, Problem):
            raise TypeError(_not_a_problem(problem))
        self._rejected = tuple(rejected)
        self._compiled = compile_problem(problem)

    @property
    def problem(self) -> Problem:
        """The problem compiled."""
        return self._compiled.problem

    @property
    def compiled(self) -> Compiled:
        """The facts and forms, for the uses that look closer."""
        return self._compiled

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Tickets refused at input."""
        return self._rejected

    def with_tickets(self, tickets: Iterable[Ticket]) -> Planner:
        """Return a planner with these tickets added; an equal id replaces."""
        merged = {ticket.id: ticket for ticket in self.problem.tickets}
        merged.update((ticket.id, ticket) for ticket in tickets)
        fields = {name: getattr(self.problem, name) for name in self.problem.model_fields_set}
        return Planner(
            Problem(**{**fields, "tickets": tuple(merged.values())}), rejected=self._rejected
        )

    def check(self, plan: Plan) -> Report:
        """Check anybody's plan for this problem."""
        return check_in(self._compiled.ctx, plan)

    def solve(
        self,
        *,
        time_limit: float | None = None,
        iterations: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        prove: bool | None = None,
        gap: float = 0.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Plan.

        Parameters
        ----------
        time_limit
            Seconds from here on, compilation of the kernels apart; honoured to within a second.
            Absent without `iterations`: a second for ten tickets, at least 2, at most 60.
        iterations
            Iterations of each thread's chain instead of a time limit: the same call gives the same
            plan.
        seed
            Seed of the search, 0 or more.
        threads
            Chains in parallel; absent: the cores that this process may use.
        prove
            Whether to prove a bound on the cost of any plan by column generation, which makes
            plans better too. Absent: if the time limit leaves time for it. With 12 tickets or
            fewer the constraint model tries to prove the plan optimal in any case.
        gap
            Share of the cost that a plan may lie above its bound; once it is no more the run ends.
        on_progress
            Called on every improvement and about twice a second.

        Returns
        -------
        Result
            The best checked plan. After Ctrl-C (KeyboardInterrupt) the best so far.

        Raises
        ------
        ValueError
            For a limit, seed or number of threads that is out of range, or two limits.
        InternalError
            If the checker accepted no plan: a bug of ours.
        """
        options = Options(time_limit, iterations, seed, threads, prove, gap, on_progress)
        return self._solve(options, time.monotonic())

    def _solve(self, options: Options, begin: float) -> Result:
        """Plan; the time limit counts from `begin` on."""
        if options.time_limit is None and options.iterations is None:
            limit = min(60.0, max(2.0, len(self.problem.tickets) / 10))
            options = replace(options, time_limit=limit)
        share = TIME_SHARE if has_promises(self._compiled) else 0.0
        kept_back = None
        if options.time_limit is not None:
            kept_back = share * options.time_limit
            options = replace(options, time_limit=options.time_limit - kept_back)
        run = Run(self._compiled, options, begin)
        candidates = run.search()
        guard = Guard(self._compiled, run.lns)
        if run.interrupted:
            share, kept_back = 0.0, None
        again = int(share * (options.iterations or 0))
        mended = guard.mend(candidates[0], seconds=kept_back, iterations=again)
        if mended is not candidates[0]:
            candidates.insert(0, mended)
        return self._result(run, candidates, guard)

    def _result(self, run: Run, candidates: Sequence[Routes], guard: Guard) -> Result:
        for routes in candidates:
            search, most_visits = run.lns.search, run.lns.most_visits
            reasons = explain_unserved(
                self._compiled, search, most_visits, routes, is_guarded=guard.is_on
            )
            kept = guard.kept(routes)
            plan = with_kept_probabilities(decode(self._compiled, routes, reasons), kept)
            update = {"rejected": self._rejected, "weakened_promises": guard.weakened(kept)}
            plan = plan.model_copy(update=update)
            report = self.check(plan)
            if {violation.rule for violation in report.violations} == {"reason"}:
                _log_refuted(plan, report)
                plan = without_refuted_reasons(plan, report)
                report = self.check(plan)
            if report.is_valid:
                return self._finished(run, plan, report)
            rules = sorted({violation.rule for violation in report.violations})
            logger.error("the checker refused a plan: rules %s, seed %d", rules, run.seed)
        raise InternalError(f"the checker refused every plan; seed {run.seed}")

    def _finished(self, run: Run, plan: Plan, report: Report) -> Result:
        cost = report.cost.total
        bound = run.bound
        if bound is None and not cost:
            bound = 0  # no cost is negative
        if bound is not None and bound > cost:
            logger.error("a bound of %d lies above the cost %d; seed %d", bound, cost, run.seed)
            bound = None
        gap = None if bound is None else (cost - bound) / max(cost, 1)
        runtime = time.monotonic() - run.begin
        input_hash = hash_problem(self.problem)
        plan = with_report(plan, report, input_hash).model_copy(
            update={
                "bound": bound,
                "gap": gap,
                "provenance": Provenance(
                    seed=run.seed,
                    iterations=run.lns.iterations,
                    runtime=round(runtime, 3),
                    input_hash=input_hash,
                    version=__version__,
                ),
            }
        )
        status: Literal["optimal", "feasible"] = "optimal" if bound == cost else "feasible"
        logger.info(
            "solve ends: cost %d, bound %s, %d unserved, %.1f s, seed %d",
            cost,
            bound,
            len(plan.unserved),
            runtime,
            run.seed,
        )
        return Result(
            plan,
            cost,
            bound,
            gap,
            status,
            run.seed,
            run.lns.iterations,
            runtime,
            report,
            () if run.proof is None else run.proof.left_out,
            self._shadow_prices(run),
        )

    def _shadow_prices(self, run: Run) -> ShadowPrices | None:
        proof = run.proof
        if not run.tells_prices or proof is None or proof.prices is None or proof.pricer is None:
            return None
        return shadow_prices(
            self._compiled, proof.pricer, proof.prices, proof.levels, threads=run.threads
        )


def _not_a_problem(given: object) -> str:
    text = f"a plan is made of a Problem, not of an object of type {type(given).__name__}. "
    if isinstance(given, Intake):
        return text + "Readers return an Intake: solve(intake.problem, rejected=intake.rejected)."
    return text + "Read one with read_problem(path).problem, or make one with Problem(...)."


def _log_refuted(plan: Plan, report: Report) -> None:
    false = {violation.ticket_id for violation in report.violations}
    codes = sorted({item.reason for item in plan.unserved if item.ticket_id in false})
    text = "the checker refuted reasons of tickets left out: %d (%s)"
    logger.error(text, len(false), ", ".join(codes))


def without_refuted_reasons(plan: Plan, report: Report) -> Plan:
    """Give up the reasons that the checker refutes: they are no ground to lose a valid plan."""
    false = {violation.ticket_id for violation in report.violations if violation.rule == "reason"}
    unserved = tuple(
        Unserved(ticket_id=item.ticket_id, reason="SEARCH_LIMIT")
        if item.ticket_id in false
        else item
        for item in plan.unserved
    )
    return plan.model_copy(update={"unserved": unserved})


def with_report(plan: Plan, report: Report, input_hash: str) -> Plan:
    """Return a valid plan with its id and what the checker tells of it."""
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


def hash_problem(problem: Problem) -> str:
    """Return the SHA-256 of a problem's content, travel tables included."""
    digest = hashlib.sha256(problem.model_dump_json(exclude={"travel"}).encode())
    travel = problem.travel
    tables = travel.profiles if isinstance(travel, Profiles) else {"": travel}
    for name, table in tables.items():
        digest.update(name.encode())
        if isinstance(table, Matrix):
            digest.update("\0".join(table.places).encode())
            digest.update(table.seconds.tobytes())
        else:
            digest.update(table.model_dump_json().encode())
    return digest.hexdigest()


def solve(
    problem: Problem,
    *,
    time_limit: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    prove: bool | None = None,
    gap: float = 0.0,
    on_progress: Callable[[Progress], None] | None = None,
    rejected: Iterable[Rejected] = (),
) -> Result:
    """Plan a problem: `Planner(problem).solve(...)` in one call.

    Parameters
    ----------
    time_limit
        Seconds for the whole call, the compilation of the problem included, that of the kernels
        (once for each installation) apart; honoured to within a second, unless compiling the
        problem, a first plan and its check alone take longer. Absent without `iterations`: a second
        for ten tickets, at least 2, at most 60.
    iterations
        Iterations of each thread's chain instead of a time limit (so twice the threads make twice
        the iterations in all): the same call gives the same plan.
    seed
        Seed of the search, 0 or more.
    threads
        Chains in parallel; absent: the cores that this process may use.
    prove
        Whether to prove a bound on the cost of any plan by column generation, which makes plans
        better too. Absent: if the time limit leaves time for it. With 12 tickets or fewer the
        constraint model tries to prove the plan optimal in any case.
    gap
        Share of the cost that a plan may lie above its bound; once it is no more the run ends.
    on_progress
        Called with a `Progress` on every improvement and about twice a second.
    rejected
        Tickets refused at input, carried into the plan so that its tally adds up.

    Returns
    -------
    Result
        The best checked plan. After Ctrl-C (KeyboardInterrupt) the best so far.

    Raises
    ------
    ValueError
        For a limit, seed or number of threads that is out of range, or two limits.
    InvalidProblemError
        If costs of the problem could reach 2**53, or amounts of parts 2**30.
    InternalError
        If the checker accepted no plan: a bug of ours.
    """
    begin = time.monotonic()
    options = Options(time_limit, iterations, seed, threads, prove, gap, on_progress)
    return Planner(problem, rejected=rejected)._solve(options, begin)
