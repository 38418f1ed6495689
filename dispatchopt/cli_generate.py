"""The command ``generate``: days made up for trials, in any of the formats of an input."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003, typer reads the annotations
from pathlib import Path  # noqa: TC003, as above
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dispatchopt.cli_common import Debug, Verbose  # noqa: TC001, as above
from dispatchopt.cli_talk import Refused, Talk, guard
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from dispatchopt.models import Problem

_Headers = Literal["en", "zh"]
_Encoding = Literal["utf-8", "utf-8-sig", "gb18030"]
_Export = Literal["gb18030", "xlsx"]


def generate(
    out: Annotated[Path, typer.Option(help="A .json, .json.gz or .xlsx file, else a folder.")],
    tickets: Annotated[int, typer.Option(min=1, help="All days together.")] = 300,
    days: Annotated[int, typer.Option(min=1, max=366, help="Planned at once.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Same options and seed, same problem.")] = 0,
    engineers: Annotated[
        int | None, typer.Option(min=1, help="Default: as many as the pressure asks for.")
    ] = None,
    pressure: Annotated[
        float, typer.Option(min=0.1, max=10, help="Work over working time; above 1 some must wait.")
    ] = 1.1,
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
    timezone: Annotated[str, typer.Option(help="IANA name.")] = "Asia/Shanghai",
    plain: Annotated[
        bool, typer.Option("--plain", help="Only windows, skills and shift hours matter.")
    ] = False,
    preset: Annotated[
        Literal["city_day", "balanced", "strict"] | None, typer.Option(help="Policy; balanced.")
    ] = None,
    appointment_percent: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="Of all tickets; 15. Fewer if not all could be kept."),
    ] = None,
    headers: Annotated[Literal["en", "zh"] | None, typer.Option(help="Of the tables.")] = None,
    encoding: Annotated[
        Literal["utf-8", "utf-8-sig", "gb18030"] | None, typer.Option(help="Of the CSV files.")
    ] = None,
    export: Annotated[
        Literal["gb18030", "xlsx"] | None,
        typer.Option(
            help="As a branch of its own might export it: other columns and codes, CSV files in "
            "GB18030 or one workbook, and the mapping.toml that reads them."
        ),
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Make up believable days of one telecom branch, for trials."""
    talk = Talk()
    with guard(talk, debug=debug, verbose=verbose):
        _refuse_format(out, headers, encoding, export)
        if plain and (preset or appointment_percent is not None):
            raise Refused("--plain has no appointments, and the policy city_day. Drop the option.")
        from dispatchopt.generator import branch

        common: dict[str, Any] = {  # Any: options of both generators
            "tickets": tickets, "days": days, "seed": seed, "engineers": engineers,
            "pressure": pressure, "timezone": timezone,
            "start": start.date() if start else branch.DEFAULT_START,
        }  # fmt: skip
        if plain:
            problem = branch.generate_plain(**common, travel="points" if export else "matrix")
        else:
            percent = 15 if appointment_percent is None else appointment_percent
            problem = branch.generate(
                **common, policy=preset or "balanced", appointment_percent=percent
            )
        _write(problem, out, headers or "en", encoding or "utf-8-sig", export)
        shifts = sum(len(engineer.shifts) for engineer in problem.engineers)
        talk.say(
            f"{counted(len(problem.tickets), 'ticket')}, "
            f"{counted(len(problem.engineers), 'engineer')}, {counted(shifts, 'shift')} in {out}"
        )


def _refuse_format(
    out: Path, headers: _Headers | None, encoding: _Encoding | None, export: _Export | None
) -> None:
    """Refuse options that do not go with the format that the name of the output asks for."""
    from dispatchopt.adapters.any_input import is_workbook
    from dispatchopt.adapters.strict_json import is_json

    is_book = is_workbook(out)
    if export and (is_json(out) or is_book):
        raise Refused("--export writes several files. Name a folder as --out.")
    if export and (headers or encoding):
        raise Refused("--export has headers and an encoding of its own. Drop the other option.")
    if is_json(out) and (headers or encoding):
        raise Refused("--headers and --encoding are for CSV files. Name a folder as --out.")
    if is_book and encoding:
        raise Refused("--encoding is for CSV files. Name a folder as --out.")


def _write(
    problem: Problem, out: Path, headers: _Headers, encoding: _Encoding, export: _Export | None
) -> None:
    from dispatchopt.adapters.any_input import write_any
    from dispatchopt.generator.export import write_export

    if export is not None:
        write_export(problem, out, export)
    else:
        write_any(problem, out, headers=headers, encoding=encoding)
