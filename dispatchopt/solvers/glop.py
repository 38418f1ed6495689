"""GLOP through MathOpt, results as arrays: a linear programme that is solved again and again.

MathOpt's own solver makes an object of each value and of each entry of the basis. With some
thousand columns that took as long as everything else of a round together; read as arrays they
take nothing. (100 tickets, 83 rounds: 3.4 of 7.7 s.)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ortools.math_opt import result_pb2
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import mathopt

if TYPE_CHECKING:
    from typing import Any

    from ortools.util.python.solve_interrupter import SolveInterrupter

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

logger = logging.getLogger(__name__)


class Solved(NamedTuple):
    """What came out: the objective, and values of variables and prices of rows by their ids."""

    objective: float
    values: Floats
    duals: Floats


class Interrupted(Exception):
    """The interrupter ended it."""


class Glop:
    """A model of MathOpt, solved from the last basis on; changes made meanwhile count."""

    def __init__(self, model: mathopt.Model) -> None:
        self._model = model
        self._tracker = model.add_update_tracker()
        self._inner: Any = None  # Any: compiled classes without types
        self._fresh()

    def _fresh(self) -> None:
        init = mathopt.StreamableSolverInitArguments().to_proto()
        self._inner = core.new(mathopt.SolverType.GLOP.value, self._model.export_model(), init)
        self._tracker.advance_checkpoint()

    def solve(
        self, algorithm: mathopt.LPAlgorithm | None, interrupter: SolveInterrupter
    ) -> Solved | None:
        """Return the optimum, None if it ended without one.

        Raises
        ------
        Interrupted
            If it was.
        """
        update = self._tracker.export_update()
        if update is not None:
            if not self._inner.update(update):
                self._fresh()
            self._tracker.advance_checkpoint()
        params = mathopt.SolveParameters(lp_algorithm=algorithm, presolve=mathopt.Emphasis.OFF)
        result = self._inner.solve(
            params.to_proto(),
            mathopt.ModelSolveParameters().to_proto(),
            None,
            mathopt.CallbackRegistration().to_proto(),
            None,
            interrupter.pybind_interrupter,
        )
        if result.termination.limit == result_pb2.LIMIT_INTERRUPTED:
            raise Interrupted
        if not result.solutions or not result.solutions[0].HasField("dual_solution"):
            return None
        primal, dual = result.solutions[0].primal_solution, result.solutions[0].dual_solution
        return Solved(
            float(primal.objective_value),
            _by_id(primal.variable_values),
            _by_id(dual.dual_values),
        )


def _by_id(vector: Any) -> Floats:  # Any: a message without types
    ids = np.fromiter(vector.ids, np.int64, len(vector.ids))
    dense = np.zeros(int(ids.max(initial=-1)) + 1)
    dense[ids] = np.fromiter(vector.values, np.float64, len(ids))
    return dense
