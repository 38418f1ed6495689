"""When CP-SAT is to end, and how it is set up."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLL_SECONDS = 0.05
"""How often `should_stop` is asked."""


class Ended(Exception):
    """Building was stopped, or took all the time there was."""


def make_solver(
    workers: int, seed: int, deterministic_time: float | None, time_limit: float | None
) -> cp_model.CpSolver:
    """Return a solver with these limits; None: endless."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = _or_endless(deterministic_time)
    solver.parameters.max_time_in_seconds = _or_endless(time_limit)
    # It would take the process's handler of SIGINT over and not give it back.
    solver.parameters.catch_sigint_signal = False
    return solver


def _or_endless(limit: float | None) -> float:
    return math.inf if limit is None else limit


class Watch:
    """Says when it is time to end: by the clock, or as the caller asks for it."""

    def __init__(self, time_limit: float | None, should_stop: Callable[[], bool] | None) -> None:
        self._end = None if time_limit is None else time.monotonic() + time_limit
        self._should_stop = should_stop

    def seconds_left(self) -> float | None:
        """Seconds until the limit; None: there is none."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def go_on(self) -> None:
        """Raise `Ended` if it is time."""
        if self.seconds_left() == 0 or (self._should_stop is not None and self._should_stop()):
            raise Ended

    @contextmanager
    def stopping(self, solver: cp_model.CpSolver) -> Iterator[None]:
        """Ask `should_stop` while the solver works."""
        should_stop = self._should_stop
        if should_stop is None:
            yield
            return
        ended = Event()

        def watch() -> None:
            while not ended.wait(POLL_SECONDS):
                if should_stop():
                    solver.stop_search()

        thread = Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
