"""The command ``anonymise``: a copy of a problem that may be shared."""

from __future__ import annotations

import secrets
from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import Annotated

import typer

from dispatchopt.cli_common import Debug, Json, OnBadRow, Source, Verbose, read_input
from dispatchopt.cli_talk import Refused, Talk, guard
from dispatchopt.report.readable import counted


def anonymise(
    source: Source,
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="A new .json, .json.gz, .xlsx, or folder of CSV files."),
    ],
    salt_file: Annotated[
        Path | None,
        typer.Option(
            help="File with a secret of 16 bytes or more; the same secret gives the same copy. "
            "Default: a random one, which is kept nowhere."
        ),
    ] = None,
    jitter_metres: Annotated[
        int, typer.Option(min=0, max=100_000, help="Farthest that a point is moved.")
    ] = 200,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Write a copy without names, phones, addresses and free text, its ids hashed, places moved."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.anonymise import anonymise as veil
        from dispatchopt.adapters.any_input import write_any
        from dispatchopt.adapters.publish import do_overlap

        if do_overlap(out, source):
            raise Refused(f"{out}: lies in the input, or holds it. Name another place.")
        salt = _salt(salt_file)
        intake = read_input(source, on_bad_row, talk)
        copy = veil(intake.problem, salt=salt, jitter_metres=jitter_metres)
        write_any(copy, out)
        tickets, engineers = len(copy.tickets), len(copy.engineers)
        rejected = len(intake.rejected)
        counts = {"tickets": tickets, "engineers": engineers, "rejected": rejected}
        talk.answer({"status": "done", "exit_code": 0, "out": str(out), **counts})
        left_out = f" ({rejected} faulty left out)" if rejected else ""
        talk.say(
            f"{counted(tickets, 'ticket')}{left_out} and {counted(engineers, 'engineer')} "
            f"in {out}: ids hashed, places moved by up to {jitter_metres} m, names and texts gone; "
            "times kept"
        )


def _salt(path: Path | None) -> bytes:
    from dispatchopt.adapters.anonymise import LEAST_SALT
    from dispatchopt.adapters.textfiles import read_bytes

    if path is None:
        return secrets.token_bytes(32)
    salt = read_bytes(path).strip()
    if len(salt) < LEAST_SALT:
        raise Refused(
            f"--salt-file {path}: holds {len(salt)} bytes. Give {LEAST_SALT} or more, such as "
            "the output of: openssl rand -hex 32"
        )
    return salt
