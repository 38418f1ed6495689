"""The command ``doctor``: what an export holds and what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime  # noqa: TC003, typer reads the annotations
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchopt.cli_common import Debug, Json, Verbose  # noqa: TC001
from dispatchopt.cli_talk import Refused, Talk, guard
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.adapters.doctor import Examination, Finding
    from dispatchopt.adapters.doctor.findings import TableReport

_MOST_FINDINGS = 10
_MOST_CODES = 8


def doctor(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="Any export: a folder, .csv, .xlsx, or a problem in JSON."
        ),
    ],
    mapping_out: Annotated[
        Path | None,
        typer.Option(help="Write the mapping.toml for this export here; a file is replaced."),
    ] = None,
    now: Annotated[
        datetime | None,
        typer.Option(help="What counts as the present, in UTC. Default: that of the input."),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Inspect any export: counts, unknown columns and codes, odd rows, a grade, a mapping.

    Nothing is planned, and nothing is changed. Ids and codes are shown, names and phones never.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.doctor import examine
        from dispatchopt.adapters.publish import write_file

        moment = None if now is None else now.replace(tzinfo=UTC)
        found = examine(source, now=moment)
        if mapping_out is not None:
            if not found.mapping:
                raise Refused("--mapping-out: a problem in JSON needs no mapping. Leave it out.")
            if mapping_out.is_dir():
                raise Refused(f"--mapping-out {mapping_out}: is a folder. Name a file.")
            write_file(mapping_out, found.mapping.encode())
        talk.answer({"status": "done", "exit_code": 0, **found.to_json()})
        talk.say("\n".join(_lines(found)))
        if found.mapping and mapping_out is None:
            talk.say("\nmapping.toml for this export (--mapping-out FILE writes it):\n")
            talk.say(found.mapping)
        elif mapping_out is not None:
            talk.say(
                f"\nMapping in {mapping_out}: fill in what is empty and put it beside the export"
            )


def _lines(found: Examination) -> Iterator[str]:
    counts = found.counts
    held = ", ".join(
        counted(counts[name], name.removesuffix("s")) for name in ("tickets", "engineers", "shifts")
    )
    yield f"{found.source}: grade {found.grade} ({found.score:g} of 100); {held}"
    states = {k.removeprefix("tickets_"): n for k, n in counts.items() if k.startswith("tickets_")}
    if states:
        yield "Tickets by status: " + ", ".join(f"{name} {n}" for name, n in states.items())
    for table in found.tables:
        yield from _table_lines(table)
    for kind, codes in found.codes.items():
        told = ", ".join(
            f"{c.code} ({c.count}{f', probably {c.guess}' if c.guess else ''})"
            for c in codes[:_MOST_CODES]
        )
        more = f" and {len(codes) - _MOST_CODES} more" if len(codes) > _MOST_CODES else ""
        yield f"Unknown {kind} codes: {told}{more}"
    if found.findings:
        yield ""
        yield f"The worst of {counted(len(found.findings), 'finding')}:"
    for number, one in enumerate(found.findings[:_MOST_FINDINGS], start=1):
        yield from _finding_lines(number, one)


def _table_lines(table: TableReport) -> Iterator[str]:
    if not table.rows and not table.headers:
        return
    gaps = [f"{table.headers[n]} {share:.0%}" for n, share in table.filled.items() if share < 1]
    filled = f"; not everywhere filled and readable: {', '.join(gaps)}" if gaps else ""
    guessed = {header: name for header, name in table.unknown.items() if name}
    known = sum(header not in table.unknown for header in table.headers.values())
    yield f"{table.source}: {counted(known, 'column')} recognised, {len(guessed)} guessed{filled}"
    if guessed:
        yield f"  guessed: {', '.join(f'{h} is {name}' for h, name in guessed.items())}"
    others = [header for header, name in table.unknown.items() if not name]
    if others:
        yield f"  not read: {', '.join(others)}"


def _finding_lines(number: int, one: Finding) -> Iterator[str]:
    where = ", ".join(part for part in (one.file, one.field) if part)
    times = f" x {one.count}" if one.count > 1 else ""
    yield f"{number:2}. {one.level}{times}, {where}: {one.text}"
    if one.examples:
        yield f"    for example {', '.join(one.examples)}"
