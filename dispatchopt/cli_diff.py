"""The command ``diff``: what changed from one plan to the next."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import Annotated, Literal

import typer

from dispatchopt.cli_common import Debug, Json, OnBadRow, Verbose, read_given_plan, read_input
from dispatchopt.cli_talk import Talk, guard


def diff(
    before: Annotated[
        Path, typer.Argument(metavar="A", help="The older plan.json, or its folder.")
    ],
    after: Annotated[Path, typer.Argument(metavar="B", help="The newer one.")],
    problem: Annotated[
        Path | None,
        typer.Option(help="The input of B: tells who is away, and the zone of the times."),
    ] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="Of the text.")] = "en",
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Tell who gained, lost or moved which tickets between two plans, and why.

    Without the problem times are shown in UTC, and nobody counts as away.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.report.diff import diff_plans
        from dispatchopt.report.diff_text import diff_lines

        task = None if problem is None else read_input(problem, on_bad_row, talk).problem
        found = diff_plans(read_given_plan(before), read_given_plan(after), problem=task)
        talk.answer({"exit_code": 0, **found.to_json()})
        talk.say("\n".join(diff_lines(found, language=language, problem=task)))
