"""Solving: a compiled problem, and what comes out of it. The door of every use."""

from __future__ import annotations

import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Literal

import numpy as np

from dispatchopt import __version__
from dispatchopt.checker import Report, check_in
from dispatchopt.errors import InternalError
from dispatchopt.instance import Compiled, compile_problem, decode, encode
from dispatchopt.models import Matrix, Plan, Problem, Profiles, Provenance, Rejected, Ticket
from dispatchopt.reasons import explain_unserved
from dispatchopt.solvers.cache import is_warm
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.insertion import improve
from dispatchopt.solvers.lns import BATCH_SECONDS, Lns, default_heat, default_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Future

    from dispatchopt.solvers.cpsat import CpSatResult

logger = logging.getLogger(__name__)

SMALL = 12
"""Up to so many tickets the constraint model tries to prove the plan optimal."""

REPORT_EVERY = 0.5
"""Seconds between two progress reports without improvement."""

CLOSING_STEPS, CLOSING_SECONDS = 4.0, 0.0002
"""Time kept for the end of a run (last improvement, reasons, writing, check): so many times a
first improvement of the routes, and seconds per ticket. Estimated from the times of these steps at
1000 and 5000 tickets."""

Routes = list[list[int]]


@dataclass(frozen=True)
class Progress:
    """Where a run stands: seconds so far, cost and bound, tickets left out, iterations made."""

    seconds: float
    cost: int
    bound: int | None
    unserved: int
    iterations: int


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
    """

    def __init__(self, problem: Problem, *, rejected: Iterable[Rejected] = ()) -> None:
        self._rejected = tuple(rejected)
        self._compiled = compile_problem(problem)

    @property
    def problem(self) -> Problem:
        """The problem compiled."""
        return self._compiled.problem

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
        _refuse_bad_options(time_limit, iterations, seed, threads)
        return self._solve(time.monotonic(), time_limit, iterations, seed, threads, on_progress)

    def _solve(
        self,
        begin: float,
        time_limit: float | None,
        iterations: int | None,
        seed: int,
        threads: int | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> Result:
        """Plan with options that are sound; the time limit counts from `begin` on."""
        if time_limit is None and iterations is None:
            time_limit = min(60.0, max(2.0, len(self.problem.tickets) / 10))
        run = _Run(self._compiled, seed, threads or default_threads(), on_progress, begin)
        return self._result(run, run.search(time_limit, iterations))

    def _result(self, run: _Run, candidates: Sequence[Routes]) -> Result:
        for routes in candidates:
            reasons = explain_unserved(self._compiled, run.lns.search, run.lns.most_visits, routes)
            plan = decode(self._compiled, routes, reasons)
            plan = plan.model_copy(update={"rejected": self._rejected})
            report = self.check(plan)
            if report.is_valid:
                return self._finished(run, plan, report)
            rules = sorted({violation.rule for violation in report.violations})
            logger.error("the checker refused a plan: rules %s, seed %d", rules, run.seed)
        raise InternalError(f"the checker refused every plan; seed {run.seed}")

    def _finished(self, run: _Run, plan: Plan, report: Report) -> Result:
        cost = report.cost.total
        bound = run.bound
        gap = None if bound is None else (cost - bound) / max(cost, 1)
        runtime = time.monotonic() - run.begin
        input_hash = hash_problem(self.problem)
        listed = plan.model_dump_json(include={"routes", "unserved"})
        plan = plan.model_copy(
            update={
                "plan_id": hashlib.sha256((input_hash + listed).encode()).hexdigest()[:16],
                "broken_promises": report.broken_promises,
                "needs_customer_consent": report.needs_customer_consent,
                "overridden": report.overridden,
                "cost": report.cost,
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
        return Result(plan, cost, bound, gap, status, run.seed, run.lns.iterations, runtime, report)


class _Run:
    """One call of `solve`: search, then proof where the problem is small."""

    def __init__(
        self,
        compiled: Compiled,
        seed: int,
        threads: int,
        on_progress: Callable[[Progress], None] | None,
        begin: float,
    ) -> None:
        self.compiled, self.seed, self.threads = compiled, seed, threads
        self.on_progress = on_progress
        self.bound: int | None = None
        self.proven: Routes | None = None
        self.interrupted = False
        self.begin = begin
        self.lns = Lns(compiled.instance, seed, threads)
        self.told = (-REPORT_EVERY, -1)
        self.closing = 0.0

    def search(self, time_limit: float | None, iterations: int | None) -> list[Routes]:
        """Return candidate routes, the best first."""
        inst = self.compiled.instance
        logger.info(
            "solve begins: %d tickets, %d shifts, seed %d, %d threads",
            inst.num_tickets,
            inst.num_shifts,
            self.seed,
            self.threads,
        )
        if not is_warm():
            logger.info("compiling the search kernels, once for this installation")
        compiled_from = time.monotonic()
        self.lns.compile()
        self.begin += time.monotonic() - compiled_from
        previous = self.compiled.problem.previous_plan
        first = self.lns.routes()
        try:
            self.lns.start(None if previous is None else encode(self.compiled, previous))
            started = time.monotonic()
            first = improve(self.lns.search, self.lns.most_visits, self.lns.routes())
            self.closing = CLOSING_STEPS * (time.monotonic() - started)
            self.closing += CLOSING_SECONDS * inst.num_tickets
            self._anneal(time_limit, iterations)
            best = improve(self.lns.search, self.lns.most_visits, self.lns.routes())
            if inst.num_tickets <= SMALL and not self.interrupted:
                best = self._prove(best, time_limit, iterations)
                best = improve(self.lns.search, self.lns.most_visits, best)
            self._tell(force=True)
        except KeyboardInterrupt:
            self.interrupted = True
            found = self.lns.routes() if self.proven is None else self.proven
            best = improve(self.lns.search, self.lns.most_visits, found)
        return [best, first]

    def _anneal(self, time_limit: float | None, iterations: int | None) -> None:
        inst = self.compiled.instance
        if inst.num_tickets == 0 or inst.num_shifts == 0:
            return
        heat = default_heat(inst)
        small = inst.num_tickets <= SMALL
        try:
            if iterations is not None:
                count = min(iterations, 2000) if small else iterations
                self.lns.run_iterations(count, heat, on_batch=self._go_on)
            elif time_limit is not None:
                left = time_limit - (time.monotonic() - self.begin) - self.closing
                self.lns.run_until(min(left, 0.3) if small else left, heat, on_batch=self._go_on)
        except KeyboardInterrupt:
            logger.info("interrupted; keeping the best plan so far")
            self.interrupted = True

    def _go_on(self) -> bool:
        self._tell(force=False)
        return not self.interrupted

    def _tell(self, *, force: bool) -> None:
        if self.on_progress is None:
            return
        seconds, cost = time.monotonic() - self.begin, self.lns.cost
        if force or cost != self.told[1] or seconds - self.told[0] >= REPORT_EVERY:
            self.told = (seconds, cost)
            self.on_progress(
                Progress(seconds, cost, self.bound, self.lns.unserved, self.lns.iterations)
            )

    def _prove(self, routes: Routes, time_limit: float | None, iterations: int | None) -> Routes:
        """Let the constraint model improve a small plan and prove it.

        It works in another thread: this one stays in Python, where signals and progress come in.
        """
        left = None if time_limit is None else time_limit - (time.monotonic() - self.begin) - 0.2
        if left is not None and left <= 0.05:
            return routes
        work = None if left is not None else max(1.0, (iterations or 0) / 1000)
        stop = Event()
        with ThreadPoolExecutor(1) as pool:
            try:
                job = pool.submit(
                    solve_exact,
                    self.compiled.instance,
                    hint=routes,
                    time_limit=left,
                    deterministic_time=work,
                    workers=1,
                    seed=self.seed,
                    should_stop=stop.is_set,
                )
                self._wait_for(job)
            finally:
                stop.set()
            proof = job.result()
        # No cost is negative: a bound of 0 says nothing, unless the plan is as cheap.
        self.bound = proof.bound if proof.bound or proof.is_optimal else None
        self.proven = routes if proof.routes is None else proof.routes
        return self.proven

    def _wait_for(self, job: Future[CpSatResult]) -> None:
        try:
            while wait([job], timeout=BATCH_SECONDS).not_done:
                self._tell(force=False)
        except KeyboardInterrupt:
            logger.info("interrupted; keeping the best plan so far")
            self.interrupted = True


def _refuse_bad_options(
    time_limit: float | None, iterations: int | None, seed: int, threads: int | None
) -> None:
    if time_limit is not None and iterations is not None:
        raise ValueError("give time_limit or iterations, not both")
    if time_limit is not None and (
        isinstance(time_limit, bool)
        or not isinstance(time_limit, int | float)
        or not 0 <= time_limit < 10**7
    ):
        raise ValueError(f"time_limit is {time_limit!r}; give seconds from 0 on")
    if iterations is not None and not _is_whole(iterations, 0, 2**62):
        raise ValueError(f"iterations is {iterations!r}; give a whole number from 0 on")
    if not _is_whole(seed, 0, 2**31):
        raise ValueError(f"seed is {seed!r}; give a whole number from 0 to 2**31 - 1")
    if threads is not None and not _is_whole(threads, 1, 257):
        raise ValueError(f"threads is {threads!r}; give 1 to 256, or leave it out for all cores")


def _is_whole(value: object, low: int, high: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and low <= value < high  # type: ignore[operator]


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
    _refuse_bad_options(time_limit, iterations, seed, threads)
    planner = Planner(problem, rejected=rejected)
    return planner._solve(begin, time_limit, iterations, seed, threads, on_progress)
