"""The command ``vroom``: a VROOM problem in, a VROOM solution out."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatchopt.cli_common import (
    Debug,
    Json,
    Quiet,
    Seed,
    Threads,
    Verbose,
    compile_kernels,
    refuse_limits,
    search,
)
from dispatchopt.cli_talk import NoPlan, Refused, Stop, Talk, guard, listing
from dispatchopt.errors import AdapterError
from dispatchopt.report.exit_codes import Code
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.adapters.vroom import FromVroom
    from dispatchopt.adapters.vroom.read import OnLost
    from dispatchopt.errors import Issue
    from dispatchopt.solve import Result

LeaveOut = Annotated[
    bool,
    typer.Option(
        "--leave-out",
        help="Plan without shipments and without limits that cannot be kept, and list them.",
    ),
]

Speed = Annotated[
    float,
    typer.Option(
        min=1, max=1000, help="Of the straight lines by which travel is estimated without matrices."
    ),
]

_MOST_SHOWN = 10


def vroom(
    source: Annotated[Path, typer.Argument(metavar="IN.json", help="A VROOM problem.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="Its solution; - prints it.")],
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds. Default: 1 per 10 jobs, from 2 to 60."),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(min=0, max=2**62 - 1, help="Of each thread, instead of a time limit."),
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    leave_out: LeaveOut = False,
    speed_kmh: Speed = 25.0,
    quiet: Quiet = False,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Plan a VROOM problem and write a VROOM solution, to compare the two on one's own file.

    What counts otherwise than in VROOM is listed. Each unassigned job bears its reason.
    """
    is_printed = str(out) == "-"
    talk = Talk(quiet=quiet or is_printed, as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose), Stop() as stop:
        from dispatchopt.adapters.publish import write_file
        from dispatchopt.adapters.strict_json import dump_json
        from dispatchopt.adapters.vroom import plan_to_vroom

        refuse_limits(time_limit, iterations)
        if not is_printed and (out.is_dir() or out.resolve() == source.resolve()):
            raise Refused(f"{out}: is the input, or a folder. Name another file.")
        begin = time.monotonic()
        found = read_vroom_input(source, leave_out=leave_out, speed_kmh=speed_kmh)
        loading = round(1000 * (time.monotonic() - begin))
        tell_not_carried(talk, found.not_carried)
        compile_kernels(talk)
        options = {"time_limit": time_limit, "iterations": iterations}
        result = _search(found, talk, stop, seed=seed, threads=threads, **options)
        times = {"loading": loading, "solving": round(1000 * result.runtime)}
        solution = plan_to_vroom(found.problem, result.plan, computing_times=times)
        data = dump_json(solution, indent=1)
        try:
            if not is_printed:
                write_file(out, data)
        except AdapterError as error:
            raise NoPlan(f"The solution could not be written. {error}") from error
        if is_printed:
            Talk().say(data.decode().rstrip("\n"))
        code = Code.REJECTS if found.rejected else Code.DONE
        _tell(talk, solution, out, found, code)
    raise typer.Exit(code)


def read_vroom_input(source: Path, *, leave_out: bool, speed_kmh: float) -> FromVroom:
    """Read a VROOM problem as the options say."""
    from dispatchopt.adapters.vroom import read_vroom
    from dispatchopt.models import StraightLine

    straight = StraightLine(kind="straight_line", speed_kmh=speed_kmh)
    on_lost: OnLost = "leave_out" if leave_out else "error"
    return read_vroom(source, on_lost=on_lost, straight_line=straight)


def tell_not_carried(talk: Talk, issues: Sequence[Issue]) -> None:
    """List what counts otherwise, on the error stream."""
    for issue in issues[:_MOST_SHOWN]:
        talk.note(f"Not as in VROOM: {issue}")
    if len(issues) > _MOST_SHOWN:
        talk.note(f"... and {len(issues) - _MOST_SHOWN} more (--json lists all)")


def _search(found: FromVroom, talk: Talk, stop: Stop, **options: Any) -> Result:
    stop.defer()
    problem = found.problem
    talk.note(
        f"Planning {counted(len(problem.tickets), 'job')} on "
        f"{counted(len(problem.engineers), 'vehicle')}"
    )
    return search(problem, talk, stop, rejected=found.rejected, **options)


def _tell(
    talk: Talk,
    solution: dict[str, Any],  # Any: JSON
    out: Path,
    found: FromVroom,
    code: Code,
) -> None:
    summary = solution["summary"]
    head = {"exit_code": int(code), "out": str(out), "summary": summary}
    talk.answer({**head, "not_carried": listing(found.not_carried)})
    talk.say(
        f"Cost {summary['cost']}, {counted(summary['routes'], 'route')}, "
        f"{summary['unassigned']} unassigned, priority {summary['priority']}, "
        f"travel {summary['duration']} s\nSolution in {out}"
    )
