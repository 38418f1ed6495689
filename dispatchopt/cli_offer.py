"""The command ``offer``: which windows can be promised to a customer, and what one would take."""

from __future__ import annotations

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
from dispatchopt.cli_talk import Refused, Talk, guard, listing
from dispatchopt.report.exit_codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.models import Forced, Offer, Offers, Plan, Problem, Ticket, Window
    from dispatchopt.models.intake import Intake
    from dispatchopt.report.glossary import Language
    from dispatchopt.report.own_texts import Texts

ProblemArgument = Annotated[Path, typer.Argument(metavar="PROBLEM", help="As the INPUT of plan.")]
PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="plan.json, or its folder.")]
TicketArgument = Annotated[
    str,
    typer.Argument(metavar="TICKET", help="A .json file with one ticket, or an id of the problem."),
]
TextsFile = Annotated[
    Path | None,
    typer.Option(
        "--texts",
        metavar="FILE",
        envvar="DISPATCHOPT_TEXTS",
        show_envvar=True,
        help="Own texts for customers (.toml), by language and name.",
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


def read_one_ticket(text: str, problem: Problem) -> Ticket:
    """Read a ticket from its file, or find it in the problem."""
    from dispatchopt.adapters.json_files import read_ticket

    if text.lower().endswith((".json", ".json.gz")):
        return read_ticket(text)
    found = next((ticket for ticket in problem.tickets if ticket.id == text), None)
    if found is None:
        raise Refused(
            f"{text}: no such ticket in the problem. Name one of its ids, or a .json file."
        )
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
    policy: PolicyFile = None,
    limits: Limits = None,
    on_bad_row: OnBadRow = "error",
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Tell which windows can be promised to a customer: who would come, for how long, how surely.

    Every visit that the plan has promised keeps its window. Nothing is booked: see book.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.windows.forced import offer_forced
        from dispatchopt.windows.offers import offer_windows

        own = own_texts(texts)
        found = read_given(problem, plan, talk, policy=policy, limits=limits, on_bad_row=on_bad_row)
        wanted = read_one_ticket(ticket, found.problem)
        if window is None:
            offers = offer_windows(
                found.problem, found.plan, wanted, count=count, displace=displace
            )
            _tell_offers(talk, found, offers, customer, own)
            if customer is None and "NO_ROOM" in offers.not_offered and not displace:
                talk.note("With --displace, tickets without a promise may give way, at a price.")
        else:
            asked = read_window(window, found.problem)
            forced = offer_forced(found.problem, found.plan, wanted, asked)
            _tell_forced(talk, found, forced, customer, own)


def _tell_offers(
    talk: Talk, found: Given, offers: Offers, customer: Language | None, own: Texts
) -> None:
    from dispatchopt.report.offers import offer_lines

    answer = {"exit_code": int(Code.DONE), **offers_json(offers, found.problem, own)}
    talk.answer({**answer, "warnings": listing(found.intake.warnings)})
    if customer is None:
        talk.say("\n".join(offer_lines(offers, found.problem.zone)))
    else:
        talk.say(customer_offer(offers.ticket_id, offers, found.problem, customer, own))


def _tell_forced(
    talk: Talk, found: Given, forced: Forced, customer: Language | None, own: Texts
) -> None:
    from dispatchopt.adapters.json_files import to_json
    from dispatchopt.report.offers import forced_lines

    choices = () if forced.offer is None else (forced.offer,)
    answer = {"exit_code": int(Code.DONE), **to_json(forced)}
    talk.answer({**answer, "warnings": listing(found.intake.warnings)})
    if customer is None:
        talk.say("\n".join(forced_lines(forced, found.problem.zone)))
    else:
        talk.say(customer_offer(forced.ticket_id, choices, found.problem, customer, own))


def own_texts(path: Path | None) -> Texts:
    """Read own texts for customers; none without a file."""
    from dispatchopt.report.own_texts import read_texts

    return {} if path is None else read_texts(path)


def offers_json(offers: Offers, problem: Problem, own: Texts) -> dict[str, Any]:  # Any: JSON
    """Return offers in the values of JSON, with the texts for the customer."""
    from dispatchopt.adapters.json_files import to_json

    return {
        "ticket_id": offers.ticket_id,
        "version": offers.version,
        "offers": [to_json(item) for item in offers],
        "not_offered": offers.not_offered,
        "blocked_by": offers.blocked_by,
        "texts": {
            "en": customer_offer(offers.ticket_id, offers, problem, "en", own),
            "zh": customer_offer(offers.ticket_id, offers, problem, "zh", own),
        },
    }


def customer_offer(
    ticket_id: str, offers: Sequence[Offer], problem: Problem, language: Language, own: Texts
) -> str:
    """Write the text that lets the customer choose; for a change of what is booked, agree.

    Where something is booked and there is nothing else, that is told: it stands.
    """
    from dispatchopt.report.customer import Coming, CustomerTexts
    from dispatchopt.report.offers import coming

    texts = CustomerTexts(problem.zone, language=language, templates=own.get(language))
    booked = next((t.appointment for t in problem.tickets if t.id == ticket_id), None)
    choices = [coming(item) for item in offers if item.window != booked]
    if booked is None:
        return texts.offer(ticket_id, choices)
    if not choices:
        return texts.confirmation(ticket_id, Coming(booked))
    return texts.change(ticket_id, booked, choices)
