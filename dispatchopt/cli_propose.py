"""The command ``propose``: a window for every planned ticket that has none, chosen together."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import Annotated

import typer

from dispatchopt.cli_common import (  # noqa: TC001, typer reads the annotations
    Debug,
    Json,
    Limits,
    OnBadRow,
    PolicyFile,
    Seed,
    Verbose,
)
from dispatchopt.cli_desk import MaybeLedger, TextsFile, conflicts, desk_to_ask, own_texts
from dispatchopt.cli_offer import PlanArgument, ProblemArgument, read_given
from dispatchopt.cli_talk import Talk, guard, listing
from dispatchopt.report.exit_codes import Code


def propose(
    problem: ProblemArgument,
    plan: PlanArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="CSV file for the windows, with the texts for the customers."),
    ] = None,
    texts: TextsFile = None,
    ledger: MaybeLedger = None,
    seed: Seed = 0,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Propose a window for every planned ticket without an appointment, chosen together.

    All can be promised, or any of them: each is as likely to be kept as the policy asks for.
    Windows of the ledger are kept. Nothing is booked: see book.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.json_files import to_json
        from dispatchopt.adapters.publish import write_file
        from dispatchopt.report.proposals import proposal_lines, proposals_csv
        from dispatchopt.windows.propose import propose_windows

        own = own_texts(texts)
        found = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        asked, planned = found.problem, found.plan
        with conflicts(talk):
            desk = desk_to_ask(talk, asked, planned, ledger)
        if desk is not None:
            asked, planned = desk.problem(), desk.plan()
        proposals = propose_windows(asked, planned, seed=seed)
        zone = found.problem.zone
        if out is not None:
            write_file(out, proposals_csv(proposals, zone, own))
        warnings = listing(found.intake.warnings)
        talk.answer({"exit_code": int(Code.DONE), **to_json(proposals), "warnings": warnings})
        talk.say("\n".join(proposal_lines(proposals, zone)))
        if out is not None:
            talk.say(f"Output in {out}")
