"""The cold process of `benchmarks.offers_latency`; imports nothing before its clock starts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def answer(folder: str) -> dict[str, Any]:
    """Be the cold process: read, make a desk, offer three times."""
    marks = [time.perf_counter()]
    from dispatchopt.adapters.json_files import read_plan, read_problem
    from dispatchopt.booking import Desk
    from dispatchopt.models import Ticket

    marks.append(time.perf_counter())
    problem = read_problem(Path(folder) / "problem.json").problem
    plan = read_plan(Path(folder) / "plan.json")
    ticket = Ticket.model_validate_json((Path(folder) / "ticket.json").read_text())
    marks.append(time.perf_counter())
    desk = Desk(problem, plan, clock=lambda: problem.horizon.start)
    marks.append(time.perf_counter())
    before = num_variants()
    desk.offer(ticket)
    marks.append(time.perf_counter())
    desk.offer(ticket)
    steps = [after - begin for begin, after in zip(marks, marks[1:], strict=False)]
    return {
        **dict(zip(("imported", "read", "desk", "first"), steps, strict=True)),
        "whole": sum(steps),
        "compiled": num_variants() - before,
    }


def num_variants() -> int:
    """Return how many variants of kernels this process has, compiled or loaded."""
    import gc

    from numba.core.dispatcher import Dispatcher

    return sum(
        len(thing.overloads)
        for thing in gc.get_objects()
        if isinstance(thing, Dispatcher) and thing.__module__.startswith("dispatchopt")
    )
