"""The command ``offer``: which windows can be promised to a customer, and what one would take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from dispatchopt.cli_common import (
    Debug,
    Json,
    Limits,
    OnBadRow,
    PolicyFile,
    Verbose,
    compile_kernels,
    read_given_plan,
    read_input,
    with_due,
    with_policy,
)
from dispatchopt.cli_desk import (
    MaybeLedger,
    TextsFile,
    booked_window,
    conflicts,
    customer_offer,
    desk_to_ask,
    ledger_is_there,
    offers_json,
    own_texts,
)
from dispatchopt.cli_talk import Refused, Talk, guard, listing
from dispatchopt.report.exit_codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.booking import Desk
    from dispatchopt.models import Forced, Offer, Offers, Plan, Problem, Ticket, Window
    from dispatchopt.models.intake import Intake
    from dispatchopt.report.glossary import Language
    from dispatchopt.report.own_texts import Texts

ProblemArgument = Annotated[Path, typer.Argument(metavar="PROBLEM", help="As the INPUT of plan.")]
PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="plan.json, or its folder.")]
TicketArgument = Annotated[
    str,
    typer.Argument(
        metavar="TICKET", help="A .json file with one ticket, or the id of a known one."
    ),
]
WINDOW_HELP = "2026-11-24 14:00/16:00 (local), or with offsets."


class Given(NamedTuple):
    """What the commands about one ticket read."""

    intake: Intake
    plan: Plan

    @property
    def problem(self) -> Problem:
        """The problem, under its policy and limits."""
        return self.intake.problem


def read_given(
    problem: Path,
    plan: Path,
    talk: Talk,
    *,
    policy: Path | None,
    limits: str | None,
    on_bad_row: Literal["error", "reject"],
) -> Given:
    """Read a problem and its plan."""
    intake = with_policy(read_input(problem, on_bad_row, talk), policy)
    intake = with_due(intake, limits, talk)
    found = Given(intake, read_given_plan(plan))
    compile_kernels(talk, offers=True)
    return found


def read_one_ticket(text: str, problem: Problem, ledger: str | None) -> Ticket:
    """Read a ticket from its file, or find it in the problem, else in the ledger."""
    from dispatchopt.adapters.json_files import read_ticket

    if text.lower().endswith((".json", ".json.gz")):
        return read_ticket(text)
    found = next((ticket for ticket in problem.tickets if ticket.id == text), None)
    if found is None and ledger is not None and ledger_is_there(ledger):
        from dispatchopt.booking import Ledger

        found = Ledger(ledger).ticket(text)
    if found is None:
        where = "the problem" if ledger is None else "the problem and the ledger"
        raise Refused(f"{text}: no such ticket in {where}. Name one of its ids, or a .json file.")
    return found


def read_window(text: str, problem: Problem, name: str = "--window") -> Window:
    """Read a window as CSV files have them: local times, or times with their offset."""
    from dispatchopt.adapters.local_time import CellFault, Clock, iso_local
    from dispatchopt.models import Window

    try:
        opens, closes = Clock(problem.zone).window(text)
    except CellFault as fault:
        raise Refused(f"{name} {text}: {fault}.") from None
    if closes < opens:
        told = f"{iso_local(closes, problem.zone)} lies before {iso_local(opens, problem.zone)}"
        raise Refused(f"{name} {text}: {told}. Write the earlier time first.")
    return Window(open=opens, close=closes)


def offer(
    problem: ProblemArgument,
    plan: PlanArgument,
    ticket: TicketArgument,
    window: Annotated[
        str | None,
        typer.Option(help=f"Instead: what this window would take. {WINDOW_HELP}"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="Most windows to offer.")] = 6,
    displace: Annotated[
        bool,
        typer.Option("--displace", help="Tickets without a promise may be left out, at a price."),
    ] = False,
    customer: Annotated[
        Literal["en", "zh"] | None,
        typer.Option(help="Print the text for the customer instead, in this language."),
    ] = None,
    texts: TextsFile = None,
    ledger: MaybeLedger = None,
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Tell which windows can be promised to a customer: who would come, for how long, how surely.

    Every visit that the plan, or the ledger, has promised keeps its window. Nothing is booked: see
    book.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        own = own_texts(texts)
        found = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        wanted = read_one_ticket(ticket, found.problem, ledger)
        asked = None if window is None else read_window(window, found.problem)
        with conflicts(talk, found.problem, own):
            desk = desk_to_ask(talk, found.problem, found.plan, ledger)
            booking = None if desk is None else desk.booking(wanted.id)
            booked = booked_window(wanted.id, found.problem, booking)
            answer = _Answer(talk, found, booked, customer, own)
            if asked is not None:
                answer.tell_forced(_forced(found, desk, wanted, asked))
            else:
                offers = _offers(found, desk, wanted, count, displace=displace)
                answer.tell_offers(offers, may_displace=not displace)


def _offers(
    found: Given, desk: Desk | None, wanted: Ticket, count: int, *, displace: bool
) -> Offers:
    from dispatchopt.windows.offers import offer_windows

    if desk is not None:
        return desk.offer(wanted, count=count, displace=displace)
    return offer_windows(found.problem, found.plan, wanted, count=count, displace=displace)


def _forced(found: Given, desk: Desk | None, wanted: Ticket, asked: Window) -> Forced:
    from dispatchopt.windows.forced import offer_forced

    if desk is not None:
        return desk.forced(wanted, asked)
    return offer_forced(found.problem, found.plan, wanted, asked)


@dataclass(frozen=True)
class _Answer:
    """Tells a dispatcher, a program or the customer what was found."""

    talk: Talk
    found: Given
    booked: Window | None
    customer: Language | None
    own: Texts

    def tell_offers(self, offers: Offers, *, may_displace: bool) -> None:
        from dispatchopt.report.offers import offer_lines

        problem = self.found.problem
        self._tell(
            offers.ticket_id,
            offers,
            offers_json(offers, problem, self.booked, self.own),
            offer_lines(offers, problem.zone),
        )
        if self.customer is None and may_displace and "NO_ROOM" in offers.not_offered:
            self.talk.note("With --displace, tickets without a promise may give way, at a price.")

    def tell_forced(self, forced: Forced) -> None:
        from dispatchopt.adapters.json_files import to_json
        from dispatchopt.report.offers import forced_lines

        choices = () if forced.offer is None else (forced.offer,)
        lines = forced_lines(forced, self.found.problem.zone)
        self._tell(forced.ticket_id, choices, to_json(forced), lines)

    def _tell(
        self, ticket_id: str, choices: Sequence[Offer], answer: dict[str, Any], lines: list[str]
    ) -> None:  # Any: JSON
        problem, warnings = self.found.problem, listing(self.found.intake.warnings)
        self.talk.answer({"exit_code": int(Code.DONE), **answer, "warnings": warnings})
        if self.customer is None:
            self.talk.say("\n".join(lines))
        else:
            told = (ticket_id, choices, problem, self.booked, self.customer, self.own)
            self.talk.say(customer_offer(*told))
