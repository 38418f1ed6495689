"""The command ``book``: windows held, moved and recorded on the routes of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dispatchopt.cli_book_steps import (
    By,
    RequestId,
    TicketId,
    Version,
    book,
    new_request,
    seen_version,
    tell_booking,
)
from dispatchopt.cli_common import BOOK_CODES, Debug, Json, Limits, OnBadRow, PolicyFile, Verbose
from dispatchopt.cli_desk import LedgerUrl, TextsFile, conflicts, open_desk, own_texts
from dispatchopt.cli_offer import (
    WINDOW_HELP,
    PlanArgument,
    ProblemArgument,
    TicketArgument,
    read_given,
    read_one_ticket,
    read_window,
)
from dispatchopt.cli_talk import Talk, guard
from dispatchopt.report.exit_codes import Code
from dispatchopt.report.readable import counted

if TYPE_CHECKING:
    from dispatchopt.booking.rebase import Rebased

__all__ = ["book"]

_Window = Annotated[str, typer.Option(help=WINDOW_HELP)]
_Forced = Annotated[
    bool,
    typer.Option(
        "--forced",
        help="However unsure it is, and outside visiting hours, wishes and lead time; what else is "
        "promised is kept.",
    ),
]


@book.command(epilog=BOOK_CODES)
def hold(
    problem: ProblemArgument,
    plan: PlanArgument,
    ticket: TicketArgument,
    window: _Window,
    ledger: LedgerUrl,
    minutes: Annotated[
        int | None, typer.Option(min=0, help="How long. Default: that of the policy.")
    ] = None,
    forced: _Forced = False,
    request_id: RequestId = None,
    by: By = None,
    texts: TextsFile = None,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Hold a window for a customer who is about to confirm it.

    It has to meet all that an offer meets, unless it is forced.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        own = own_texts(texts)
        given = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        wanted = read_one_ticket(ticket, given.problem, ledger)
        asked = read_window(window, given.problem)
        with conflicts(talk, given.problem, own):
            desk = open_desk(given.problem, given.plan, ledger)
            choice = desk.forced(wanted, asked) if forced else asked
            request = new_request(request_id)
            booking = desk.hold(
                wanted, choice, request_id=request, minutes=minutes, by=by or "customer"
            )
            tell_booking(talk, booking, request, given.problem.zone)


@book.command(epilog=BOOK_CODES)
def reschedule(
    problem: ProblemArgument,
    plan: PlanArgument,
    ticket_id: TicketId,
    window: _Window,
    consent_of: Annotated[str, typer.Option(help="Id of who agreed to the new window.")],
    ledger: LedgerUrl,
    forced: _Forced = False,
    version: Version = None,
    request_id: RequestId = None,
    by: By = None,
    texts: TextsFile = None,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Move a confirmed window, with the customer's consent."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        own = own_texts(texts)
        given = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        asked = read_window(window, given.problem)
        with conflicts(talk, given.problem, own):
            desk = open_desk(given.problem, given.plan, ledger)
            request = new_request(request_id)
            known = desk.ticket(ticket_id) if forced else None
            booking = desk.reschedule(
                ticket_id,
                asked if known is None else desk.forced(known, asked),
                consent_of=consent_of,
                request_id=request,
                version=seen_version(desk.ledger, ticket_id, version),
                by=by or "customer",
            )
            tell_booking(talk, booking, request, given.problem.zone)


@book.command(epilog=BOOK_CODES)
def report(
    problem: ProblemArgument,
    plan: PlanArgument,
    ticket: TicketArgument,
    window: _Window,
    ledger: LedgerUrl,
    request_id: RequestId = None,
    by: By = None,
    texts: TextsFile = None,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Record a window that the ticketing system promised, even if it was never offered."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        own = own_texts(texts)
        given = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        wanted = read_one_ticket(ticket, given.problem, ledger)
        asked = read_window(window, given.problem)
        with conflicts(talk, given.problem, own):
            request = new_request(request_id)
            desk = open_desk(given.problem, given.plan, ledger)
            booking = desk.report_window(wanted, asked, request_id=request, by=by or "ticketing")
            events = desk.ledger.history(wanted.id)
            told = next((e.consequences for e in events if e.request_id == request), None)
            tell_booking(talk, booking, request, given.problem.zone, consequences=told)


@book.command(epilog=BOOK_CODES)
def publish(
    problem: ProblemArgument,
    plan: PlanArgument,
    ledger: LedgerUrl,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Let a new plan take over: what was booked meanwhile is put into it, or listed."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.booking import Desk, Ledger

        given = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        with conflicts(talk, given.problem):
            _, rebased = Desk.publish(given.problem, given.plan, Ledger(ledger))
            _tell_rebased(talk, rebased)


def _tell_rebased(talk: Talk, rebased: Rebased) -> None:
    lists = rebased.to_detail()
    talk.answer({"exit_code": int(Code.DONE), "plan_id": rebased.plan_id, **lists})
    words = {
        "kept": "kept by the plan",
        "reinserted": "put into the plan",
        "conflicts": "promised, and without room in the plan: call these customers",
        "lost_holds": "held, and without room in the plan: released",
        "weakened": "less sure than may be promised, beside what was put in: look at these",
        "unsure": "in the plan, less sure than may be promised: do not confirm such holds",
        "outside": "outside the plan's days",
        "ended": "over with their tickets",
    }
    lines = [f"{rebased.plan_id}: bookings are made on this plan now"]
    for name, ids in lists.items():
        if ids:
            listed = f": {', '.join(ids)}" if name != "kept" else ""
            lines.append(f"{counted(len(ids), 'booking')} {words.get(name, name)}{listed}")
    talk.say("\n".join(lines))
