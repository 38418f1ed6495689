"""The model of the whole problem, and its solution by CP-SAT."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ortools.sat.python import cp_model

from dispatchopt.errors import UnsupportedRuleError
from dispatchopt.forms import MAX_COST, Instance
from dispatchopt.solvers.cpsat.constraints import Constraints, equal_shifts
from dispatchopt.solvers.cpsat.objective import Objective
from dispatchopt.solvers.cpsat.variables import DEPOT, Variables, make_variables
from dispatchopt.solvers.cpsat.watch import Ended, Watch, make_solver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class CpSatResult(NamedTuple):
    """What CP-SAT found.

    Attributes
    ----------
    routes
        For each shift its tickets in order; None if no plan was found.
    cost
        Cost of the plan in the model. Times may stand later there than they need to, so that the
        plan may turn out cheaper; of an optimal plan this is its exact cost.
    bound
        No plan costs less. Without any feasible plan at all `forms.MAX_COST`, with none that costs
        at most `upper_bound` one more than that.
    is_optimal
        Whether no plan costs less than this one.
    """

    routes: list[list[int]] | None
    cost: int | None
    bound: int
    is_optimal: bool


@dataclass(frozen=True)
class Built:
    """A model with its variables and its objective."""

    model: cp_model.CpModel
    variables: Variables
    cost: cp_model.LinearExpr


def build_model(
    inst: Instance, *, named: bool = False, go_on: Callable[[], None] = lambda: None
) -> Built:
    """Build the model of the whole problem.

    Parameters
    ----------
    named
        Name the variables, for reading the model.
    go_on
        Called for each shift now and then; may raise to end it.

    Raises
    ------
    UnsupportedRuleError
        If prices are so high that the solver's 64 bits could overflow.
    """
    model = cp_model.CpModel()
    name = _full_name if named else _no_name
    variables = make_variables(model, inst, name, go_on)
    Constraints(model, inst, variables).add_all(go_on)
    cost = Objective(model, inst, variables).expression(go_on)
    model.minimize(cost)
    fault = model.validate()
    if fault:
        raise UnsupportedRuleError(
            f"CP-SAT refuses the model of {inst.num_tickets} tickets and {inst.num_shifts} "
            f"shifts: {fault}. Lower the largest prices per hour."
        )
    return Built(model, variables, cost)


def _full_name(word: str, *indices: int) -> str:
    return f"{word}[{','.join(map(str, indices))}]"


def _no_name(_word: str, *_indices: int) -> str:
    return ""


def solve_exact(
    inst: Instance,
    *,
    hint: Sequence[Sequence[int]] | None = None,
    deterministic_time: float | None = None,
    time_limit: float | None = None,
    workers: int = 1,
    seed: int = 0,
    upper_bound: int | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> CpSatResult:
    """Solve the whole problem, every form included.

    With one worker and no `time_limit` the same call gives the same result. Signals are left to
    the caller: a thread in here takes none before the end, so one that must hear of Ctrl-C calls
    this from another and stops it by `should_stop`.

    Parameters
    ----------
    hint
        A plan to start from, one order for each shift; the result is no worse, if there is one. A
        plan that is not feasible, or dearer than `upper_bound`, is not used.
    deterministic_time
        Limit in the solver's own units, about a second each; None: none.
    time_limit
        Limit in seconds, those of building the model included: without time for that there is no
        result but a bound of 0. None: none.
    upper_bound
        Only plans that cost at most this are sought.
    should_stop
        Asked while the model is built, then every 50 ms from another thread; True ends the search
        with the best plan so far.

    Raises
    ------
    UnsupportedRuleError
        If prices are so high that the solver's 64 bits could overflow.
    """
    watch = Watch(time_limit, should_stop)
    try:
        built = build_model(inst, go_on=watch.go_on)
        if upper_bound is not None:
            built.model.add(built.cost <= upper_bound)
        hinted = None if hint is None else _add_hint(built, inst, hint, watch)
    except Ended:
        return CpSatResult(None, None, 0, False)
    solver = make_solver(workers, seed, deterministic_time, watch.seconds_left())
    with watch.stopping(solver):
        status = solver.solve(built.model)
    if status == cp_model.INFEASIBLE:
        return CpSatResult(None, None, MAX_COST if upper_bound is None else upper_bound + 1, False)
    if status == cp_model.OPTIMAL:
        cost, routes = _plan(built, inst, solver)
        return CpSatResult(routes, cost, cost, True)
    plans = [] if hinted is None else [hinted]
    if status == cp_model.FEASIBLE:
        plans.append(_plan(built, inst, solver))
    bound = max(0, _bound(solver.best_objective_bound))
    if not plans:
        return CpSatResult(None, None, bound, False)
    cost, routes = min(plans)
    return CpSatResult(routes, cost, bound, bound >= cost)


def _bound(value: float) -> int:
    """Round a bound up. Costs are whole numbers below 2**53: what is nearly whole is whole."""
    return math.ceil(value - 1e-6) if math.isfinite(value) else 0


def _plan(built: Built, inst: Instance, solver: cp_model.CpSolver) -> tuple[int, list[list[int]]]:
    routes = [_order(built.variables, solver, s) for s in range(inst.num_shifts)]
    return solver.value(built.cost), routes


def _order(variables: Variables, solver: cp_model.CpSolver, s: int) -> list[int]:
    order: list[int] = []
    if s not in variables.shifts:
        return order
    after = {a: b for (a, b), arc in variables.shifts[s].arcs.items() if solver.boolean_value(arc)}
    node = after[DEPOT]
    while node != DEPOT:
        order.append(node)
        node = after[node]
    return order


def _add_hint(
    built: Built, inst: Instance, routes: Sequence[Sequence[int]], watch: Watch
) -> tuple[int, list[list[int]]] | None:
    """Hint every variable of the model: its value when the routes are fixed.

    The model with fixed routes finds the times and the breaks by itself within milliseconds.

    Returns
    -------
    tuple or None
        Cost and routes hinted; None if they are not feasible.
    """
    fixed = built.model.clone()
    for s, order in enumerate(_canonical(inst, routes)):
        watch.go_on()
        chosen = set(zip([DEPOT, *order], [*order, DEPOT], strict=True))
        arcs = built.variables.shifts[s].arcs if s in built.variables.shifts else {}
        if order and not chosen <= arcs.keys():
            return None
        for leg, literal in arcs.items():
            fixed.add(fixed.get_bool_var_from_proto_index(literal.index) == (leg in chosen))
    solver = make_solver(1, 0, None, watch.seconds_left())
    with watch.stopping(solver):
        status = solver.solve(fixed)
    if status != cp_model.OPTIMAL:
        return None
    for index, value in enumerate(solver.response_proto.solution):
        built.model.add_hint(built.model.get_int_var_from_proto_index(index), value)
    return _plan(built, inst, solver)


def _canonical(inst: Instance, routes: Sequence[Sequence[int]]) -> list[list[int]]:
    """Swap the routes of equal shifts so that the one with the lowest ticket comes first."""
    swapped = [list(route) for route in routes]
    for group in equal_shifts(inst):
        ordered = sorted((swapped[s] for s in group), key=lambda r: min(r, default=math.inf))
        for s, route in zip(group, ordered, strict=True):
            swapped[s] = route
    return swapped
