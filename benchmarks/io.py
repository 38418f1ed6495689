"""Large days read, written and inspected; and every reader on files that chance has changed.

Each step runs in a process of its own. A promise is held against the time of the processor, which
other work on the machine hardly changes; the slowest seed counts. No changed file may end in
anything but a result or an error of ours, and none may take longer than ten seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.figures import Figure, figure_rows, spread
from benchmarks.io_kinds import KINDS
from benchmarks.io_steps import BOOK, CSV, EXPORT, FOREIGN
from benchmarks.isolated import Answer, CaseFailedError, run_case
from benchmarks.machine import describe_machine
from benchmarks.table import Rows, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GB_AIM: Final = 1.0
"""GB (10**9 bytes) at most, of each step."""

STEPS: Final = (
    ("read CSV", "read", {"source": CSV}, 5.0),
    ("read xlsx", "read", {"source": BOOK}, 15.0),
    ("read a mapped export", "read", {"source": EXPORT}, 5.0),
    ("write CSV", "write", {"kind": "csv"}, 5.0),
    ("write xlsx", "write", {"kind": "xlsx"}, 5.0),
    ("doctor on CSV", "doctor", {"source": CSV}, 10.0),
    ("doctor on xlsx", "doctor", {"source": BOOK}, 10.0),
    ("doctor on a mapped export", "doctor", {"source": EXPORT}, 10.0),
    ("doctor on an unmapped export", "doctor", {"source": FOREIGN}, 10.0),
)
"""What is done, its step, its order, and the seconds that it may take."""

STEP_SECONDS: Final = 600.0
"""Longest time of a process of a step."""

FUZZ_SECONDS: Final = 7200.0
"""Longest time of a process that reads changed files."""

Day = tuple[int, int]
"""Tickets and engineers."""


def large_days(day: Day, seeds: Sequence[int]) -> list[Figure]:
    """Return seconds and memory of each step, the slowest seed of each."""
    answers: dict[str, list[Answer]] = {what: [] for what, *_ in STEPS}
    failed: dict[str, str] = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            order = {"folder": folder, "tickets": day[0], "engineers": day[1], "seed": seed}
            _step("prepare", order)
            for what, name, changes, _ in STEPS:
                try:
                    answers[what].append(_step(name, {"folder": folder, **changes}))
                except CaseFailedError as error:
                    failed[what] = str(error)
    found = []
    for what, _, _, seconds in STEPS:
        found += _figures(what, seconds, answers[what], failed.get(what))
    return found


def _step(name: str, order: dict[str, Any]) -> Answer:  # Any: JSON
    return run_case("io", {"step": name, **order}, seconds=STEP_SECONDS)


def _figures(what: str, limit: float, answers: list[Answer], failed: str | None) -> list[Figure]:
    if failed is not None:
        return [Figure("large day", what, None, "s", at_most=limit, remark=failed)]
    cpu = [answer["spent"][0] for answer in answers]
    wall = [answer["spent"][1] for answer in answers]
    peaks = [answer["peak"] / 1e9 for answer in answers]
    remark = f"{len(cpu)} seeds {spread(cpu)}; wall time {spread(wall)}"
    memory = f"peak of the process; {spread(peaks)}"
    return [
        Figure("large day", what, max(cpu), "s", None, limit, remark, tuple(cpu)),
        Figure("large day", what, max(peaks), "GB", None, GB_AIM, memory, tuple(peaks)),
    ]


def changed_files(files: int, seed: int, processes: int) -> list[Figure]:
    """Return the tracebacks and hangs of each kind of file."""

    def one(kind: str) -> Figure:
        order = {"step": "fuzz", "kind": kind, "files": files, "seed": seed}
        try:
            found = run_case("io", order, seconds=FUZZ_SECONDS)
        except CaseFailedError as error:
            return Figure("changed files", kind, None, "faults", at_most=0, remark=str(error))
        faults = "".join(f"; {what} ({text})" for what, text in found["faults"].items())
        remark = (
            f"{found['files']} files: {found['read']} read, {found['refused']} refused; "
            f"{1000 * found['seconds'] / max(found['files'], 1):.1f} ms each, "
            f"slowest {found['slowest']:.2f} s{faults}"
        )
        count = found["tracebacks"] + found["hangs"]
        return Figure("changed files", kind, count, "faults", at_most=0, remark=remark)

    with ThreadPoolExecutor(max_workers=processes) as pool:
        return list(pool.map(one, KINDS))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and count; 0, or 1 if a promise is not kept."""
    options = _parser().parse_args(argv)
    day, files, seeds = (options.tickets, options.engineers), options.fuzz, options.seeds
    if options.smoke:
        day, files, seeds = (60, 12), 25, [1]
    parts: list[Callable[[], list[Figure]]] = []
    if day[0]:
        parts.append(lambda: large_days(day, seeds))
    if files:
        parts.append(lambda: changed_files(files, seeds[0], options.processes))
    found = [figure for part in parts for figure in part()]
    machine = describe_machine(("numpy", "numba", "pydantic", "openpyxl"))
    rows: Rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    rows.append(["day", f"{day[0]} tickets, {day[1]} engineers, seeds {seeds}"])
    sys.stdout.write(render("Machine", rows, markdown=options.markdown) + "\n")
    sys.stdout.write(render("Figures", figure_rows(found), markdown=options.markdown) + "\n")
    if options.out:
        data = [{"what": f"{f.group}: {f.what}", "unit": f.unit, "raw": f.raw} for f in found]
        options.out.write_text(json.dumps({"machine": machine, "figures": data}, indent=1) + "\n")
    return 1 if any(figure.verdict.startswith("FAIL") for figure in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.io", description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000, help="of the day; 0: no large day")
    parser.add_argument("--engineers", type=int, default=1500)
    parser.add_argument("--fuzz", type=int, default=10_000, help="files of each kind; 0: none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the days")
    parser.add_argument("--processes", type=int, default=2, help="that read changed files")
    parser.add_argument("--out", type=Path, help="write the single measurements as JSON")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="a tiny day, a few files of each kind")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
