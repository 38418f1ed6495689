"""The command line: generate, plan, check, warmup; other commands stand in cli_*.py."""

from __future__ import annotations

import sys
import time
from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dispatchopt import __version__
from dispatchopt.cli_anonymise import anonymise
from dispatchopt.cli_book import book
from dispatchopt.cli_common import (
    BOOK_CODES,
    CODES,
    OFFER_CODES,
    Debug,
    Json,
    Limits,
    OnBadRow,
    PolicyFile,
    Quiet,
    Seed,
    Source,
    Threads,
    Verbose,
    compile_kernels,
    read_given_plan,
    read_input,
    refuse_intake,
    refuse_limits,
    refuse_output,
    search,
    with_due,
    with_policy,
)
from dispatchopt.cli_convert import convert
from dispatchopt.cli_database import PUBLISH_CODES, database, outbox
from dispatchopt.cli_diff import diff
from dispatchopt.cli_doctor import doctor
from dispatchopt.cli_generate import generate
from dispatchopt.cli_night import NIGHT_CODES, night
from dispatchopt.cli_offer import offer
from dispatchopt.cli_propose import propose
from dispatchopt.cli_talk import NoPlan, Stop, Talk, guard, listing
from dispatchopt.cli_vroom import vroom
from dispatchopt.errors import AdapterError
from dispatchopt.report.exit_codes import Code, code_of
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from dispatchopt.models.intake import Intake
    from dispatchopt.solve import Result


app = typer.Typer(
    help="Assign repair tickets to field engineers.",
    epilog=CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="dispatchopt")


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        Talk().say(f"dispatchopt {__version__}")
        raise typer.Exit


@app.callback(epilog=CODES)
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command(epilog=CODES)
def plan(
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder for the output; an earlier one is replaced.")],
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds. Default: 1 per 10 tickets, from 2 to 60.")
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**62 - 1,
            help="Of each thread, instead of a time limit: repeatable to the letter.",
        ),
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    prove: Annotated[
        bool | None,
        typer.Option(
            "--prove/--no-prove",
            help="Prove how far the cost is from the least possible. Default: if the time limit "
            "leaves time for it.",
        ),
    ] = None,
    gap: Annotated[
        float,
        typer.Option(
            min=0, max=0.999, help="End once within this share of the bound, such as 0.01."
        ),
    ] = 0.0,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    max_rejects: Annotated[
        str, typer.Option(help="Most rows that may be left out: of the tickets (2%), or a count.")
    ] = "2%",
    language: Annotated[
        Literal["en", "zh", "both"], typer.Option(help="Of the run sheets.")
    ] = "both",
    excel: Annotated[bool, typer.Option("--excel", help="Write plan.xlsx, too.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Plan a problem and write plan, tables, key figures and run sheets.

    Ctrl-C (or a TERM signal) ends the search early: the best plan so far is checked and written.
    """
    talk = Talk(quiet=quiet, as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose), Stop() as stop:
        refuse_limits(time_limit, iterations)
        refuse_output(out, source)
        if excel:
            from dispatchopt.report.workbook import require_openpyxl

            require_openpyxl()
        intake = with_policy(read_input(source, on_bad_row, talk), policy)
        intake = with_due(intake, limits, talk)
        refuse_intake(source, intake, max_rejects)
        compile_kernels(talk)
        options = {"iterations": iterations, "seed": seed, "threads": threads, "prove": prove}
        result = _search(intake, talk, stop, time_limit=time_limit, gap=gap, **options)
        _write(intake, result, out, language, excel=excel)
        code = code_of(intake, result.plan)
        _tell_plan(talk, intake, result, out, code, was_interrupted=stop.was_obeyed)
    raise typer.Exit(code)


@app.command(epilog=CODES)
def check(
    source: Annotated[Path, typer.Argument(metavar="PROBLEM", help="As the INPUT of plan.")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan.json, or its folder.")],
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Check anybody's plan against every rule, and price it.

    A plan with orders only is given times first: each visit as soon as possible.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.checker import check as check_plan
        from dispatchopt.report.summary import report_json, report_lines

        intake = with_policy(read_input(source, on_bad_row, talk), policy)
        intake = with_due(intake, limits, talk)
        found = check_plan(intake.problem, read_given_plan(plan))
        code = Code.DONE if found.is_valid else Code.VIOLATIONS
        warnings = listing(intake.warnings)
        talk.answer({"exit_code": int(code), **report_json(found), "warnings": warnings})
        talk.say("\n".join(report_lines(found)))
    raise typer.Exit(code)


@app.command(epilog=CODES)
def warmup(verbose: Verbose = False, debug: Debug = False) -> None:
    """Compile the search kernels now, so that no plan waits for it (images, cron users)."""
    talk = Talk()
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.solvers.cache import KERNEL_FILES, cache_folder, is_warm

        begin = time.monotonic()
        was_warm = is_warm(KERNEL_FILES)
        compile_kernels(talk, even_if_warm=True, offers=True)
        done = "loaded" if was_warm else "compiled"
        folder = cache_folder()
        where = f"kept in {folder}" if folder else "kept nowhere: set NUMBA_CACHE_DIR"
        talk.say(f"Kernels {done} in {time.monotonic() - begin:.1f} s; {where}")


# --- Planning ---


def _search(
    intake: Intake,
    talk: Talk,
    stop: Stop,
    **options: Any,  # Any: options of solve
) -> Result:
    problem = intake.problem
    shifts = sum(len(engineer.shifts) for engineer in problem.engineers)
    stop.defer()
    talk.note(f"Planning {counted(len(problem.tickets), 'ticket')} on {counted(shifts, 'shift')}")
    return search(problem, talk, stop, rejected=intake.rejected, **options)


def _write(
    intake: Intake,
    result: Result,
    out: Path,
    language: Literal["en", "zh", "both"],
    *,
    excel: bool,
) -> None:
    from dispatchopt.report.outputs import write_outputs
    from dispatchopt.report.workbook import workbook_bytes

    extra = {}
    if excel:
        spoken: Literal["en", "zh"] = "en" if language == "en" else "zh"
        extra["plan.xlsx"] = workbook_bytes(intake.problem, result.plan, language=spoken)
    try:
        write_outputs(
            intake.problem,
            result.plan,
            out,
            shadow_prices=result.shadow_prices,
            issues=intake.issues,
            warnings=intake.warnings,
            language=language,
            extra=extra,
        )
    except AdapterError as error:
        raise NoPlan(f"The plan could not be written. {error}") from error


def _tell_plan(
    talk: Talk, intake: Intake, result: Result, out: Path, code: Code, *, was_interrupted: bool
) -> None:
    from dispatchopt.report.summary import result_json, result_lines, summarise

    summary = summarise(intake.problem, result.plan)
    paths = {"out": str(out), "plan": str(out / "plan.json")}
    head = {"status": result.status, "exit_code": int(code), "interrupted": was_interrupted}
    warnings = listing(intake.warnings)
    talk.answer({**head, **paths, **result_json(result, summary), "warnings": warnings})
    lines = result_lines(result, summary)
    if was_interrupted:
        lines.append("Interrupted: this is the best plan so far, checked like any other")
    if (out / "rejected.csv").exists():
        lines.append(f"Rows of the input were left out: see {out / 'rejected.csv'}")
    talk.say("\n".join(["", *lines, f"Output in {out}"]))


# --- Commands of their own modules ---


app.command(epilog=CODES)(generate)
app.command(epilog=CODES)(anonymise)
app.command(epilog=CODES)(diff)
app.command(epilog=CODES)(doctor)
app.command(epilog=NIGHT_CODES)(night)
app.command(epilog=OFFER_CODES)(offer)
app.command(epilog=OFFER_CODES)(propose)
app.add_typer(book, name="book", epilog=BOOK_CODES, no_args_is_help=True)
app.add_typer(database, name="database", epilog=CODES, no_args_is_help=True)
app.add_typer(outbox, name="outbox", epilog=PUBLISH_CODES, no_args_is_help=True)
app.add_typer(convert, name="convert", epilog=CODES, no_args_is_help=True)
app.command(epilog=CODES)(vroom)


if __name__ == "__main__":
    main()
