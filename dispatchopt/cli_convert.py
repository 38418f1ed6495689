"""The commands ``convert …``: formats of others into problems, and plans into documents."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003, typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dispatchopt.cli_common import (
    CODES,
    Debug,
    Json,
    OnBadRow,
    Verbose,
    read_given_plan,
    read_input,
)
from dispatchopt.cli_talk import Refused, Talk, guard, listing
from dispatchopt.cli_vroom import LeaveOut, Speed, read_vroom_input, tell_not_carried
from dispatchopt.report.exit_codes import Code
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from dispatchopt.adapters.tmf import TroubleTicket
    from dispatchopt.models import Place, Problem

convert = typer.Typer(help="Convert formats of others into problems, and plans into documents.")

_Out = Annotated[Path, typer.Option(help="A .json or .json.gz file; an earlier one is replaced.")]
_Tickets = Annotated[
    Path, typer.Argument(metavar="TICKETS.json", help="A list of TMF621 trouble tickets.")
]


@convert.command(epilog=CODES)
def tmf621(
    tickets: _Tickets,
    roster: Annotated[
        Path,
        typer.Argument(
            metavar="ROSTER",
            help="A problem (.json, .xlsx or a folder): its engineers, travel, policy and horizon "
            "count; it needs no tickets.",
        ),
    ],
    out: _Out,
    places: Annotated[
        Path | None, typer.Option(help="Table of the sites: id, lon, lat (.csv or .xlsx).")
    ] = None,
    coordinates: Annotated[
        Literal["wgs84", "gcj02", "bd09"], typer.Option(help="System of the table of sites.")
    ] = "wgs84",
    mapping: Annotated[
        Path | None,
        typer.Option(help="A mapping.toml; its codes of fault_type, priority and status count."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without one; otherwise these are faults.")
    ] = None,
    due_date: Annotated[
        Literal["requestedResolutionDate", "expectedResolutionDate"],
        typer.Option(help="The date that is the service level."),
    ] = "requestedResolutionDate",
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Make a problem of TMF621 trouble tickets (v4 or v5) and a roster."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.any_input import read_roster
        from dispatchopt.adapters.json_files import write_problem
        from dispatchopt.adapters.tmf import problem_from_tmf621
        from dispatchopt.adapters.tmf.side_files import (
            CodeMaps,
            read_codes,
            read_documents,
            read_sites,
        )

        _refuse_no_json(out)
        read = read_roster(roster)
        talk.warn(read.warnings)
        base = read.problem
        maps = CodeMaps() if mapping is None else read_codes(mapping)
        sites = {} if places is None else read_sites(places, coordinates=coordinates)
        intake = problem_from_tmf621(
            read_documents(tickets),
            base,
            locate=_locator(base, sites),
            fault_types=maps.fault_types,
            priorities=maps.priorities,
            statuses=maps.statuses,
            timezone=timezone or maps.timezone,
            due_date=due_date,
            on_bad_row=on_bad_row,
        )
        talk.warn(intake.warnings)
        write_problem(intake.problem, out)
        code = Code.REJECTS if intake.rejected else Code.DONE
        issues, warnings = listing(intake.issues), listing(intake.warnings)
        count = len(intake.problem.tickets)
        head = {"exit_code": int(code), "out": str(out), "tickets": count}
        talk.answer({**head, "issues": issues, "warnings": warnings})
        for issue in intake.issues:
            talk.note(f"Left out: {issue}")
        talk.say(f"{counted(count, 'ticket')} in {out}, {len(intake.rejected)} left out")
    raise typer.Exit(code)


@convert.command(epilog=CODES)
def tmf(
    tickets: _Tickets,
    problem: Annotated[Path, typer.Argument(metavar="PROBLEM", help="The problem planned.")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan.json, or its folder.")],
    out: _Out,
    language: Annotated[Literal["en", "zh"], typer.Option(help="Of notes and names.")] = "en",
    api: Annotated[
        Literal["v4", "v5"] | None,
        typer.Option(help="Version of the updates. Default: that of each ticket."),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Write what a plan tells the ticketing system: TMF621 updates, TMF697 orders, TMF646.

    The file holds one list of requests, each with `method`, `path` and `body`.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.strict_json import dump_json, save_json
        from dispatchopt.adapters.tmf import tmf621_updates
        from dispatchopt.adapters.tmf.side_files import read_documents

        _refuse_no_json(out)
        task = read_input(problem, "error", talk).problem
        found = read_given_plan(plan)
        now = datetime.now(UTC).replace(microsecond=0)
        updates = tmf621_updates(
            read_documents(tickets), task, found, written_at=now, language=language, version=api
        )
        requests = [
            {"method": "PATCH", "path": update.path, "body": update.body}
            for update in updates.updates
        ]
        requests += _created(task, found, language)
        talk.warn(updates.warnings)
        save_json(out, dump_json(requests, indent=1))
        head = {"exit_code": 0, "out": str(out), "requests": len(requests)}
        talk.answer({**head, "warnings": listing(updates.warnings)})
        talk.say(f"{counted(len(requests), 'request')} in {out}")


@convert.command(name="from-vroom", epilog=CODES)
def from_vroom(
    source: Annotated[Path, typer.Argument(metavar="IN.json", help="A VROOM problem.")],
    out: _Out,
    leave_out: LeaveOut = False,
    speed_kmh: Speed = 25.0,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Make a problem of a VROOM problem."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.json_files import write_problem

        _refuse_no_json(out)
        found = read_vroom_input(source, leave_out=leave_out, speed_kmh=speed_kmh)
        tell_not_carried(talk, found.not_carried)
        write_problem(found.problem, out)
        count = len(found.problem.tickets)
        head = {"exit_code": 0, "out": str(out), "tickets": count}
        talk.answer({**head, "not_carried": listing(found.not_carried)})
        talk.say(f"{counted(count, 'ticket')} in {out}")


@convert.command(name="to-vroom", epilog=CODES)
def to_vroom(
    source: Annotated[Path, typer.Argument(metavar="PROBLEM", help="As the INPUT of plan.")],
    out: _Out,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Make a VROOM problem, with its matrices, of a problem."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.strict_json import dump_json, save_json
        from dispatchopt.adapters.vroom import problem_to_vroom

        _refuse_no_json(out)
        written = problem_to_vroom(read_input(source, on_bad_row, talk).problem)
        tell_not_carried(talk, written.not_carried)
        save_json(out, dump_json(written.document, indent=None))
        count = len(written.document["jobs"])
        head = {"exit_code": 0, "out": str(out), "jobs": count}
        talk.answer({**head, "not_carried": listing(written.not_carried)})
        talk.say(f"{counted(count, 'job')} in {out}")


def _refuse_no_json(out: Path) -> None:
    from dispatchopt.adapters.strict_json import is_json

    if not is_json(out) or out.is_dir():
        raise Refused(f"--out {out}: is no .json file. Name one.")


def _locator(roster: Problem, sites: dict[str, Any]) -> Any:
    """Return a hook that asks the table of sites, the travel table, and the ticket itself."""
    from dispatchopt.adapters.tmf import locate_inline, locate_places
    from dispatchopt.models import Matrix, Profiles

    travel = roster.travel
    first = next(iter(travel.profiles.values())) if isinstance(travel, Profiles) else travel
    known = {place: place for place in first.places} if isinstance(first, Matrix) else {}
    by_id = locate_places({**sites, **known})

    def locate(ticket: TroubleTicket) -> Place | None:
        return by_id(ticket) or locate_inline(ticket)

    return locate


def _created(
    problem: Problem,
    plan: Any,
    language: Literal["en", "zh"],  # Any: a plan
) -> list[dict[str, Any]]:  # Any: JSON
    from dispatchopt.adapters.tmf import tmf646_appointments, tmf697_work_orders

    orders = tmf697_work_orders(problem, plan, language=language)
    found = [
        {"method": "POST", "path": "/tmf-api/workOrder/v4/workOrder", "body": order}
        for order in orders
    ]
    booked = tmf646_appointments(problem, plan)
    path = "/tmf-api/appointment/v4/appointment"
    return found + [{"method": "POST", "path": path, "body": body} for body in booked.values()]
