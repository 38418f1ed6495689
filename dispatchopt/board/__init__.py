"""A plan's routes held in the kernels: where a ticket would go, in milliseconds."""

from dispatchopt.board.board import Board
from dispatchopt.board.found import MOST_DISPLACED, Found, Prepared, Standing
from dispatchopt.board.state import refuse_other_problem

__all__ = ["MOST_DISPLACED", "Board", "Found", "Prepared", "Standing", "refuse_other_problem"]
