"""The commands ``database`` (tables of plans) and ``outbox`` (messages to the ticketing system)."""

from __future__ import annotations

import os
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dispatchopt.cli_common import CODES, Debug, Json, Verbose
from dispatchopt.cli_talk import Refused, Talk, guard
from dispatchopt.errors import PublisherBusyError
from dispatchopt.report.exit_codes import Code
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from dispatchopt.adapters.outbox import Deliver, Outcome, PublishReport


PUBLISH_CODES = (
    f"{CODES} · 6 another publisher is at work on this outbox · 7 the receiver has not taken "
    "everything: the next run goes on"
)

database = typer.Typer(help="Make, migrate and inspect the tables of plans in a database.")
outbox = typer.Typer(help="Deliver what plans tell the ticketing system.")

_Url = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        envvar="DISPATCHOPT_DATABASE",
        show_envvar=True,
        help="postgresql+psycopg://USER@HOST/NAME (password in PGPASSWORD) or sqlite:///FILE.db.",
    ),
]
_Where = Annotated[str, typer.Argument(metavar="OUTBOX", help="Its file, or the database's URL.")]


@database.command(epilog=CODES)
def init(url: _Url, as_json: Json = False, verbose: Verbose = False, debug: Debug = False) -> None:
    """Make the tables, all or none; nothing happens where they are."""
    _upgrade(url, Talk(as_json=as_json), may_be_empty=True, verbose=verbose, debug=debug)


@database.command(epilog=CODES)
def migrate(
    url: _Url, as_json: Json = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Bring tables of an older version to this one's, all or nothing."""
    _upgrade(url, Talk(as_json=as_json), may_be_empty=False, verbose=verbose, debug=debug)


@database.command(epilog=CODES)
def status(
    url: _Url, as_json: Json = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Tell at which version the tables are, and which plan is in force."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.database import Database

        found = Database(url)
        schema = found.status()
        plan_id = found.plan_in_force() if schema.is_current else None
        code = Code.DONE if schema.is_current else Code.BAD_INPUT
        answer = {"version": schema.version, "latest": schema.latest, "missing": schema.missing}
        talk.answer({"exit_code": int(code), "url": found.name, **answer, "plan_in_force": plan_id})
        lines = [f"{found.name}: version {schema.version} of {schema.latest}"]
        if schema.is_current:
            lines.append("No plan in force" if plan_id is None else f"Plan in force: {plan_id}")
        elif schema.version < schema.latest:
            command = "migrate" if schema.version else "init"
            lines.append(f"Lacks {', '.join(schema.missing)}. Run: dispatchopt database {command}")
        else:
            lines.append("Newer than this program. Update dispatchopt.")
        talk.say("\n".join(lines))
    raise typer.Exit(code)


def _upgrade(url: str, talk: Talk, *, may_be_empty: bool, verbose: bool, debug: bool) -> None:
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.database import Database

        found = Database(url)
        if not may_be_empty and found.status().version == 0:
            raise Refused(f"{found.name}: has no tables of ours. Run: dispatchopt database init")
        before = found.upgrade()
        answer = {"version": before.latest, "before": before.version, "added": before.missing}
        talk.answer({"exit_code": 0, "url": found.name, **answer})
        if before.is_current:
            talk.say(f"{found.name}: version {before.latest} already")
        else:
            added = ", ".join(before.missing)
            talk.say(f"{found.name}: version {before.latest} now, {before.version} before: {added}")


@outbox.command(name="status", epilog=PUBLISH_CODES)
def outbox_status(
    where: _Where, as_json: Json = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Tell what is not delivered yet, ticket by ticket with the reason."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.outbox import Outbox

        code = _tell(talk, Outbox(_existing(where)).status())
    raise typer.Exit(code)


@outbox.command(epilog=PUBLISH_CODES)
def retry(
    where: _Where, as_json: Json = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Make what the receiver refused pending again, once the cause is removed."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.outbox import Outbox

        count = Outbox(_existing(where)).retry_refused()
        talk.answer({"exit_code": 0, "num_pending_again": count})
        talk.say(f"{counted(count, 'message')} pending again")


@outbox.command(epilog=PUBLISH_CODES)
def prune(
    where: _Where,
    keep: Annotated[int, typer.Option(min=1, help="Newest plans whose messages stay.")] = 30,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Forget delivered messages of old plans; what was told last of each ticket stays."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.outbox import Outbox

        count = Outbox(_existing(where)).prune(keep_plans=keep)
        talk.answer({"exit_code": 0, "num_forgotten": count})
        talk.say(f"{counted(count, 'message')} forgotten")


@outbox.command(epilog=PUBLISH_CODES)
def publish(
    where: _Where,
    to: Annotated[
        str, typer.Option(help="A folder, http(s)://…/{ticket_id}, or the URL of a database.")
    ],
    method: Annotated[Literal["POST", "PATCH", "PUT"], typer.Option(help="Of requests.")] = "POST",
    header_env: Annotated[
        list[str] | None,
        typer.Option(help="A header from the environment: Authorization=TOKEN_VARIABLE."),
    ] = None,
    attempts: Annotated[int, typer.Option(min=1, max=20, help="Of each message, this run.")] = 5,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which nothing more is begun.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Deliver what is pending; safe to kill at any moment and to repeat."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.outbox import Outbox

        box = Outbox(_existing(where))
        with _target(to, method, header_env or ()) as target:
            try:
                report = box.publish(target, attempts=attempts, time_limit=time_limit)
            except PublisherBusyError as error:
                talk.answer({"exit_code": int(Code.BUSY), "status": "busy"})
                talk.note(str(error))
                raise typer.Exit(Code.BUSY) from None
        code = _tell(talk, report)
    raise typer.Exit(code)


def _existing(where: str) -> str:
    """Refuse a file that is not there: it would be made, empty."""
    if "://" not in where and not Path(where).exists():
        raise Refused(f"{where}: no such outbox. Name the file that a plan was enqueued in.")
    return where


def _target(
    to: str, method: Literal["POST", "PATCH", "PUT"], header_env: Sequence[str]
) -> AbstractContextManager[Deliver]:
    from dispatchopt.adapters.outbox import FolderTarget, HttpTarget

    if to.startswith(("http://", "https://")):
        headers = {}
        for item in header_env:
            name, _, variable = item.partition("=")
            if not name or variable not in os.environ:
                raise Refused(f"--header-env {item}: write NAME=VARIABLE, and set the variable.")
            headers[name] = os.environ[variable]
        return nullcontext(HttpTarget(to, method=method, headers=headers))
    if "://" in to:
        from dispatchopt.adapters.database import DatabaseTarget

        return closing(DatabaseTarget(to))
    return nullcontext(FolderTarget(to))


def _tell(talk: Talk, report: PublishReport) -> int:
    code = int(Code.DONE if report.is_complete else Code.UNPUBLISHED)
    talk.answer({"exit_code": code, **report.to_json()})
    talk.say(
        f"{len(report.delivered)} delivered, {len(report.pending)} pending, "
        f"{len(report.refused)} refused"
    )
    talk.say("\n".join(_line(outcome) for outcome in report.open))
    return code


def _line(outcome: Outcome) -> str:
    reason = outcome.reason or "not tried yet"
    return f"  {outcome.ticket_id}  {outcome.action}  {outcome.status}: {reason}"
