"""How often the search alone reaches the proven optimum of small days of the balanced family."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, number, timed
from dispatchopt.checker import check_in
from dispatchopt.generator import generate
from dispatchopt.instance import Compiled, compile_problem, decode
from dispatchopt.models import Problem
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.insertion import improve
from dispatchopt.solvers.lns import Lns, default_heat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHARE_AIM = 95.0
"""Per cent of the seeds, at least, on which the search reaches the optimum."""

Routes = list[list[int]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One seed: the search's cost and CP-SAT's bound, which is the optimum if it was proven."""

    seed: int
    cost: int
    bound: int
    is_proven: bool
    search_seconds: float
    proof_seconds: float

    @property
    def is_reached(self) -> bool:
        """Whether the search's plan is proven to be optimal."""
        return self.cost == self.bound

    @property
    def gap(self) -> float:
        """How far, at most, the search's plan is from the best possible one."""
        return (self.cost - self.bound) / max(self.cost, 1)


def optima(
    tickets: int,
    seeds: Sequence[int],
    iterations: int,
    seconds: float,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> list[Figure]:
    """Share of the seeds on which the search alone reaches the optimum, and its gaps.

    Parameters
    ----------
    tickets
        Plannable tickets of each day; engineers are 3 on even seeds, 4 on odd ones.
    iterations
        Of the search, one chain.
    seconds
        Limit of each proof in CP-SAT's deterministic seconds, so that other work on the machine
        decides nothing; about a CPU second each. A seed without proof counts as not reached.
    say
        Told about each seed.
    """
    trials = []
    for seed in seeds:
        trials.append(trial := run_trial(tickets, seed, iterations, seconds))
        say(f"seed {seed}: cost {trial.cost}, bound {trial.bound}, {trial.proof_seconds:.1f} CPU s")
    proven = [trial for trial in trials if trial.is_proven]
    open_seeds = [trial.seed for trial in trials if not trial.is_proven]
    reached = sum(trial.is_reached for trial in trials)
    missed = [f"{t.seed} ({100 * t.gap:.2g} %)" for t in proven if not t.is_reached]
    gaps = tuple(100 * trial.gap for trial in proven)
    remark = (
        f"{reached} of {len(trials)} seeds; "
        f"CP-SAT proved {len(proven)} within {seconds:g} deterministic s each"
        + (f"; not proven, so not counted: seeds {open_seeds}" if open_seeds else "")
        + (f"; missed: {', '.join(missed)}" if missed else "")
    )
    search = mean(trial.search_seconds for trial in trials)
    proof = max(trial.proof_seconds for trial in trials)
    size = f"{tickets} tickets"
    return [
        Figure(
            "small",
            f"optimum reached, {size}",
            100 * reached / len(trials),
            "% of seeds",
            at_least=SHARE_AIM,
            remark=remark,
            raw=tuple(float(trial.is_reached) for trial in trials),
        ),
        Figure(
            "small",
            f"mean gap, {size}",
            mean(gaps) if gaps else None,
            "%",
            remark=f"over the {len(gaps)} proven; search {number(search)} CPU s each",
            raw=gaps,
        ),
        Figure(
            "small",
            f"largest gap, {size}",
            max(gaps, default=None),
            "%",
            remark=f"over the {len(gaps)} proven; slowest proof {number(proof)} CPU s",
        ),
    ]


def run_trial(tickets: int, seed: int, iterations: int, seconds: float) -> Trial:
    """Search one day, then let CP-SAT prove or better the plan.

    Raises
    ------
    RuntimeError
        If checker, search and CP-SAT contradict each other about costs.
    """
    compiled = small_day(tickets, seed)
    inst = compiled.instance
    lns = Lns(inst, seed, 1)
    lns.compile()
    with timed() as searching:
        lns.start()
        lns.run_iterations(iterations, default_heat(inst))
        routes = improve(lns.search, lns.most_visits, lns.routes())
    cost = _checked_cost(compiled, routes)
    with timed() as proving:
        proof = solve_exact(inst, hint=routes, deterministic_time=seconds, workers=1, seed=seed)
    if cost < proof.bound:
        raise RuntimeError(f"seed {seed}: the plan costs {cost}, below the bound {proof.bound}")
    if proof.is_optimal and proof.routes is not None:
        exact = _checked_cost(compiled, proof.routes)
        if exact != proof.cost:
            raise RuntimeError(f"seed {seed}: CP-SAT says {proof.cost}, the checker {exact}")
    return Trial(seed, cost, proof.bound, proof.is_optimal, searching.cpu, proving.cpu)


def small_day(tickets: int, seed: int) -> Compiled:
    """Make a day with exactly so many plannable tickets.

    The generator parks or finishes some: a day of a few more is made, and the surplus left out.
    """
    engineers = 3 + seed % 2
    made = (
        generate(tickets=number, seed=seed, engineers=engineers)
        for number in range(tickets, 2 * tickets + 10)
    )
    problem = next(p for p in made if sum(t.is_plannable for t in p.tickets) >= tickets)
    plannable = [ticket.id for ticket in problem.tickets if ticket.is_plannable]
    surplus = set(plannable[tickets:])
    kept = tuple(ticket for ticket in problem.tickets if ticket.id not in surplus)
    fields = {name: getattr(problem, name) for name in problem.model_fields_set}
    return compile_problem(Problem(**{**fields, "tickets": kept}))


def _checked_cost(compiled: Compiled, routes: Routes) -> int:
    report = check_in(compiled.ctx, decode(compiled, routes))
    if not report.is_valid:
        raise RuntimeError(f"the checker refuses a plan: {report.violations[0].rule}")
    return report.cost.total
