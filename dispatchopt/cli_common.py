"""What the commands share: options, reading with its refusals, compiling of the kernels."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dispatchopt.cli_talk import Refused, Stop, Talk
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.models import Plan, Problem, Rejected
    from dispatchopt.models.intake import Intake
    from dispatchopt.solve import Progress, Result


CODES = (
    "Exit codes: 0 done, plan made · 1 violations (check) · 2 bad input (one without tickets is), "
    "option or path: nothing planned · 3 plan made, but rows of the input were left out · 4 no "
    "plan: interrupted before the first, output not written, or a fault of ours · 5 plan made that "
    "breaks a promise (wins over 3)"
)

OFFER_CODES = (
    "Exit codes: 0 done, even if nothing can be offered · 2 bad input, option, path or database: "
    "nothing done · 4 a fault of ours"
)
BOOK_CODES = (
    "Exit codes: 0 done · 2 bad input, option, path or database: nothing booked · 4 a fault of "
    "ours · 8 the window is gone, or the booking has changed: nothing booked, other windows listed"
)

Source = Annotated[
    Path,
    typer.Argument(metavar="INPUT", help="Problem: .json, .json.gz, .xlsx or a folder of tables."),
]
OnBadRow = Annotated[
    Literal["error", "reject"],
    typer.Option(help="A faulty ticket or engineer: refuse the whole input, or leave it out."),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy (.json or .toml) instead of the problem's own."),
]
Limits = Annotated[
    str | None,
    typer.Option(
        metavar="PRESET",
        help="Compute the due of tickets that have none by these service limits: cn_statutory ..., "
        "or a file (.toml) with preset, holidays and default_area.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the search.")]
Threads = Annotated[int | None, typer.Option(min=1, max=256, help="Default: the cores there are.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in the code an error arose.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens; ids only.")]


def read_input(source: Path, on_bad_row: Literal["error", "reject"], talk: Talk) -> Intake:
    """Read a problem and tell its warnings."""
    from dispatchopt.adapters.any_input import read_any

    intake = read_any(source, on_bad_row=on_bad_row)
    talk.warn(intake.warnings)
    return intake


def read_given_plan(path: Path) -> Plan:
    """Read a plan: its file, or the folder that `plan` wrote."""
    from dispatchopt.adapters.json_files import read_plan
    from dispatchopt.adapters.publish import recover_folder

    recover_folder(path)
    return read_plan(path / "plan.json" if path.is_dir() else path)


def with_policy(intake: Intake, path: Path | None) -> Intake:
    """Return the input under the policy of a file; as it is without one."""
    from dispatchopt.adapters.policy_files import read_policy

    if path is None:
        return intake
    problem = intake.problem.model_copy(update={"policy": read_policy(path)})
    return replace(intake, problem=problem)


def with_due(intake: Intake, preset: str | None, talk: Talk) -> Intake:
    """Return the input with every absent due computed; as it is without a preset."""
    from dispatchopt.adapters.policy_files import read_limits
    from dispatchopt.limits.apply import with_limits

    if preset is None:
        return intake
    found = with_limits(intake.problem, read_limits(preset))
    talk.warn(found.warnings)
    talk.note(f"Due computed of {counted(len(found.computed), 'ticket')} by {preset}")
    warnings = (*intake.warnings, *found.warnings)
    return replace(intake, problem=found.problem, warnings=warnings)


def refuse_limits(time_limit: float | None, iterations: int | None) -> None:
    """Refuse two limits of the search, and a time that is none."""
    if time_limit is not None and iterations is not None:
        raise Refused("--iterations and --time-limit exclude each other. Give one of them.")
    if time_limit is not None and not 0 <= time_limit < 10**7:
        raise Refused(f"--time-limit is {time_limit:g}. Give seconds, 0 or more.")


def refuse_output(out: Path, source: Path) -> None:
    """Refuse before planning what could not be written after it."""
    from dispatchopt.adapters.publish import do_overlap
    from dispatchopt.report.outputs import REPLACEABLE

    if do_overlap(out, source):
        raise Refused(f"--out {out}: lies in the input, or holds it. Name a folder of its own.")
    target = Path(os.path.realpath(out))
    if target.exists() and not target.is_dir():
        raise Refused(f"--out {out}: is a file. Name a folder.")
    if target.is_dir():
        foreign = sorted(item.name for item in target.iterdir() if item.name not in REPLACEABLE)
        if foreign:
            raise Refused(f"--out {out}: holds other files ({foreign[0]}). Name a new folder.")
    parent = next(folder for folder in target.parents if folder.exists())
    try:
        tempfile.TemporaryFile(dir=parent).close()
    except OSError as error:
        raise Refused(
            f"--out {out}: nothing can be written in {parent} ({error.strerror}). Name another."
        ) from error


def refuse_intake(source: Path, intake: Intake, allowed: str) -> None:
    """Stop if there is no ticket, or if more rows were left out than allowed."""
    total = len(intake.problem.tickets) + len(intake.rejected)
    if not total:
        raise Refused(f"{source}: no tickets, so there is nothing to plan. Check the export.")
    figure = allowed.removesuffix("%").strip()
    if not (figure.isascii() and figure.isdigit()) or (figure != allowed and int(figure) > 100):
        raise Refused(
            f"--max-rejects is {allowed!r}. Write a share of the tickets (2%) or a count."
        )
    most = total * int(figure) // 100 if figure != allowed else int(figure)
    others = {(issue.kind, issue.id) for issue in intake.issues if issue.kind != "ticket"}
    rejects = len(intake.rejected) + len(others)
    if rejects > most:
        raise Refused(
            f"The input has {counted(rejects, 'faulty row')}, --max-rejects {allowed} allows "
            f"{most} with {counted(total, 'ticket')}. Correct the input, or allow more:",
            intake.issues,
        )


def compile_kernels(talk: Talk, *, even_if_warm: bool = False, offers: bool = False) -> None:
    """Compile on a tiny problem, so that only the search itself runs under its time limit.

    With `offers` the kernels of offers and bookings are compiled, too.
    """
    from dispatchopt.solvers.cache import KERNEL_FILES, PLANNING_FILES, is_warm

    is_cold = not is_warm(KERNEL_FILES if offers else PLANNING_FILES)
    if is_cold:
        which = "kernels of offers" if is_warm(PLANNING_FILES) else "search kernels"
        talk.note(f"Compiling the {which} once for this installation: most of a minute ...")
    if is_cold or even_if_warm:
        from dispatchopt.generator import generate_plain
        from dispatchopt.instance import compile_problem
        from dispatchopt.solvers.held import compile_places
        from dispatchopt.solvers.lns import Lns

        instance = compile_problem(generate_plain(tickets=3, engineers=1)).instance
        Lns(instance).compile()
        if offers:
            compile_places(instance)


def search(
    problem: Problem,
    talk: Talk,
    stop: Stop,
    *,
    rejected: Sequence[Rejected],
    **options: Any,  # Any: options of solve
) -> Result:
    """Plan a problem, its progress shown; a first signal ends the search politely."""
    from dispatchopt.solve import solve

    with talk.progress() as show:

        def on_progress(progress: Progress) -> None:
            show(progress)
            stop.obey()

        return solve(problem, rejected=rejected, on_progress=on_progress, **options)
