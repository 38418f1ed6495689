"""The reference model of the whole problem in CP-SAT: every form, proven optima of small ones."""

from __future__ import annotations

from dispatchopt.solvers.cpsat.model import CpSatResult, build_model, solve_exact

__all__ = ["CpSatResult", "build_model", "solve_exact"]
