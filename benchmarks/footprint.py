"""Memory of planning large days, and the seconds of compiling, loading and importing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, number
from benchmarks.isolated import CaseFailedError, run_case
from dispatchopt.adapters.json_files import write_problem
from dispatchopt.generator import generate

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY_AIMS = {(1000, None): 1.0, (5000, 700): 4.0}
"""GB (10**9 bytes) at most, by tickets and engineers of one day; None: as the generator chooses."""

COMPILE_AIM, LOAD_AIM, IMPORT_AIM = 40.0, 2.0, 0.5
"""Seconds at most."""

IMPORTS = 5
"""Processes that import the package; the median counts."""

PROCESS_SECONDS = 600.0
"""Longest time of one process beyond its own limit."""


def memory(
    days: Sequence[tuple[int, int | None]], seconds: float, threads: int = 2
) -> list[Figure]:
    """Peak memory of reading and planning one balanced day, each in a process of its own.

    The peak hardly depends on the time limit: everything large is there before the search begins.
    """
    return [_memory_of(tickets, engineers, seconds, threads) for tickets, engineers in days]


def _memory_of(tickets: int, engineers: int | None, seconds: float, threads: int) -> Figure:
    problem = generate(tickets=tickets, engineers=engineers, seed=1)
    shifts = sum(len(engineer.shifts) for engineer in problem.engineers)
    value, remark = None, ""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        path = Path(folder) / "problem.json.gz"
        write_problem(problem, path)
        order = {"path": str(path), "seconds": seconds, "threads": threads}
        try:
            found = run_case("plan", order, seconds=seconds + PROCESS_SECONDS)
        except CaseFailedError as error:
            remark = str(error)
        else:
            value = found["peak"] / 1e9
            remark = (
                f"{found['iterations']} iterations, {found['unserved']} unserved; "
                f"solved in {found['wall']:.1f} s of wall time, limit {seconds:g} s, "
                f"{threads} threads"
            )
    return Figure(
        "memory",
        f"balanced, {tickets} tickets, {shifts} shifts",
        value,
        "GB",
        at_most=MEMORY_AIMS.get((tickets, engineers)),
        remark=remark,
    )


def compilation(tickets: int) -> list[Figure]:
    """Seconds of the first compilation into an empty folder, and of loading from there."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        cold = _compiled("compile every kernel", tickets, COMPILE_AIM, Path(folder))
        warm = _compiled("load every kernel", tickets, LOAD_AIM, Path(folder))
    return [*cold, warm[0]]


def loading(tickets: int) -> list[Figure]:
    """Seconds of loading from the usual folder; compiles first what is not there."""
    return _compiled("load every kernel", tickets, LOAD_AIM, None)[:1]


def _compiled(what: str, tickets: int, aim: float, cache: Path | None) -> list[Figure]:
    """Return the seconds, and what planning compiled later although it should not have to."""
    try:
        found = run_case("compile", {"tickets": tickets}, seconds=PROCESS_SECONDS, cache=cache)
    except CaseFailedError as error:
        return [Figure("compile", what, None, "CPU s", at_most=aim, remark=str(error))]
    cpu, wall = found["spent"]
    return [
        Figure(
            "compile",
            what,
            cpu,
            "CPU s",
            at_most=aim,
            remark=f"wall {number(wall)}; {found['kernels']} variants in the folder",
        ),
        Figure(
            "compile",
            "left to compile later",
            found["later"],
            "variants",
            at_most=0,
            remark="by planning with two threads, from a previous plan, and with one shift; "
            f"all that took {number(found['later_spent'][0])} CPU s",
        ),
    ]


def imports(times: int = IMPORTS) -> list[Figure]:
    """Seconds of ``import dispatchopt``, the interpreter's own start apart."""
    try:
        found = [run_case("import", {}, seconds=PROCESS_SECONDS) for _ in range(times)]
    except CaseFailedError as error:
        what, remark = "import dispatchopt", str(error)
        return [Figure("compile", what, None, "CPU s", at_most=IMPORT_AIM, remark=remark)]
    heavy = ", ".join(found[0]["heavy"]) or "none"
    return [
        _imported(
            "import dispatchopt",
            [answer["package"] for answer in found],
            IMPORT_AIM,
            f"heavy packages loaded: {heavy}",
        ),
        _imported(
            "import all that planning needs",
            [answer["planning"] for answer in found],
            None,
            "compiled code apart",
        ),
    ]


def _imported(what: str, spent: Sequence[Sequence[float]], aim: float | None, note: str) -> Figure:
    cpus, walls = zip(*spent, strict=True)
    return Figure(
        "compile",
        what,
        median(cpus),
        "CPU s",
        at_most=aim,
        remark=f"median of {len(spent)} processes; wall {number(median(walls))}; {note}",
        raw=cpus,
    )
