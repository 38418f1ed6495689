"""One window for each visit of a route, as cheap as can be under the cuts known so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ortools.sat.python import cp_model

from dispatchopt.solvers.cpsat.watch import make_solver

if TYPE_CHECKING:
    from collections.abc import Sequence


class Choice(NamedTuple):
    """A window that a visit may be given, and its price."""

    opens: int
    closes: int
    weight: int


class Cut(NamedTuple):
    """What a simulation showed.

    Where the window of each visit in `opens` opens at its second or later, the window of `visit`
    must close at `closes` or later; None: whatever it is, that is too late.
    """

    visit: int
    opens: tuple[tuple[int, int], ...]
    closes: int | None


def choose(
    choices: Sequence[Sequence[Choice]],
    none_weight: int,
    cuts: Sequence[Cut],
    hint: Sequence[int],
    *,
    deterministic_time: float,
    seed: int,
) -> tuple[list[int], bool]:
    """Return the index of the window chosen for each visit, -1 for none.

    Parameters
    ----------
    choices
        The windows that each visit may be given.
    none_weight
        Price of a visit without a window that could have one.
    hint
        A choice that keeps the cuts: returned where nothing better is found in time.

    Returns
    -------
    chosen, is_best
        Whether no choice under these cuts is cheaper.
    """
    model = cp_model.CpModel()
    taken = [[model.new_bool_var("") for _ in windows] for windows in choices]
    none = [model.new_bool_var("") for _ in choices]
    for row, left in zip(taken, none, strict=True):
        model.add_exactly_one([*row, left])
    for cut in cuts:
        # Ensures that the visit closes late enough, or has no window, or one before opens sooner.
        way_out = [
            var
            for visit, opens in cut.opens
            for var, window in zip(taken[visit], choices[visit], strict=True)
            if window.opens < opens
        ]
        way_out += [none[visit] for visit, _ in cut.opens]
        if cut.closes is not None:
            windows = zip(taken[cut.visit], choices[cut.visit], strict=True)
            way_out += [var for var, window in windows if window.closes >= cut.closes]
            way_out.append(none[cut.visit])
        model.add_bool_or(way_out)
    weights = [window.weight for windows in choices for window in windows]
    model.minimize(
        cp_model.LinearExpr.weighted_sum([var for row in taken for var in row], weights)
        + none_weight * cp_model.LinearExpr.sum(none)
    )
    for row, left, wanted in zip(taken, none, hint, strict=True):
        for index, var in enumerate(row):
            model.add_hint(var, index == wanted)
        model.add_hint(left, wanted < 0)
    solver = make_solver(1, seed, deterministic_time, None)
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return list(hint), False
    chosen = [
        next((index for index, var in enumerate(row) if solver.boolean_value(var)), -1)
        for row in taken
    ]
    return chosen, status == cp_model.OPTIMAL
