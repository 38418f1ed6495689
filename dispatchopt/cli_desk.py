"""What commands share that tell a customer's windows: the ledger, its desk, texts, conflicts."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatchopt.cli_talk import Refused, Talk
from dispatchopt.errors import BookingConflictError
from dispatchopt.report.exit_codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dispatchopt.booking import Booking, Desk, Ledger
    from dispatchopt.models import Offer, Offers, Plan, Problem, Window
    from dispatchopt.report.glossary import Language
    from dispatchopt.report.own_texts import Texts

_LEDGER: Any = typer.Option(  # Any: typer's own
    "--ledger",
    metavar="URL",
    envvar="DISPATCHOPT_LEDGER",
    show_envvar=True,
    help="A file, or sqlite:///FILE.db, or postgresql+psycopg://USER@HOST/NAME.",
)
LedgerUrl = Annotated[str, _LEDGER]
MaybeLedger = Annotated[str | None, _LEDGER]
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


def ledger_is_there(url: str) -> bool:
    """Whether a ledger is there, if it is a file; a database tells by itself."""
    path = url.removeprefix("sqlite:///")
    return "://" in path or Path(path).exists()


def existing_ledger(url: str) -> Ledger:
    """Refuse a file that is not there: it would be made, empty."""
    from dispatchopt.booking import Ledger

    if not ledger_is_there(url):
        raise Refused(f"--ledger {url}: no such ledger. Name the one that windows are held in.")
    return Ledger(url)


def open_desk(problem: Problem, plan: Plan, url: str) -> Desk:
    """Open a desk on a ledger, which is made where there is none."""
    from dispatchopt.booking import Desk, Ledger

    return Desk(problem, plan, Ledger(url))


def desk_to_ask(talk: Talk, problem: Problem, plan: Plan, url: str | None) -> Desk | None:
    """Open a desk for a command that books nothing; None where nothing was booked so far."""
    if url is None:
        return None
    if not ledger_is_there(url):
        talk.note(f"No ledger is at {url} yet: nothing is booked.")
        return None
    from dispatchopt.booking import Desk, Ledger

    ledger = Ledger(url)
    return None if ledger.plan_id() is None else Desk(problem, plan, ledger)


def own_texts(path: Path | None) -> Texts:
    """Read own texts for customers; none without a file."""
    from dispatchopt.report.own_texts import read_texts

    return {} if path is None else read_texts(path)


def booked_window(ticket_id: str, problem: Problem, booking: Booking | None) -> Window | None:
    """Return what the customer was promised: by the ledger, else by the problem."""
    if booking is not None:
        return booking.window if booking.state == "confirmed" else None
    return next((t.appointment for t in problem.tickets if t.id == ticket_id), None)


def offers_json(
    offers: Offers, problem: Problem, booked: Window | None, own: Texts
) -> dict[str, Any]:  # Any: JSON
    """Return offers in the values of JSON, with the texts for the customer."""
    from dispatchopt.adapters.json_files import to_json

    told = (offers.ticket_id, offers, problem, booked)
    return {
        "ticket_id": offers.ticket_id,
        "version": offers.version,
        "offers": [to_json(item) for item in offers],
        "not_offered": offers.not_offered,
        "blocked_by": offers.blocked_by,
        "texts": {"en": customer_offer(*told, "en", own), "zh": customer_offer(*told, "zh", own)},
    }


def customer_offer(
    ticket_id: str,
    offers: Sequence[Offer],
    problem: Problem,
    booked: Window | None,
    language: Language,
    own: Texts,
) -> str:
    """Write the text that lets the customer choose; for a change of what is booked, agree.

    Where something is booked and there is nothing else, that is told: it stands.
    """
    from dispatchopt.report.customer import Coming, CustomerTexts
    from dispatchopt.report.offers import coming

    texts = CustomerTexts(problem.zone, language=language, templates=own.get(language))
    choices = [coming(item) for item in offers if item.window != booked]
    if booked is None:
        return texts.offer(ticket_id, choices)
    if not choices:
        return texts.confirmation(ticket_id, Coming(booked))
    return texts.change(ticket_id, booked, choices)


@contextmanager
def conflicts(
    talk: Talk, problem: Problem | None = None, own: Texts | None = None
) -> Iterator[None]:
    """Tell a conflict with the windows that can be offered instead, and end the run."""
    from dispatchopt.adapters.json_files import to_json
    from dispatchopt.report.offers import offer_lines

    try:
        yield
    except BookingConflictError as conflict:
        talk.complain(str(conflict))
        booking, offers = conflict.booking, None if problem is None else conflict.offers
        answer: dict[str, Any] = {  # Any: JSON
            "status": "conflict",
            "exit_code": int(Code.CONFLICT),
            "reason": conflict.reason,
            "message": str(conflict),
            "booking": None if booking is None else to_json(booking),
        }
        if offers is not None and problem is not None:
            booked = booked_window(offers.ticket_id, problem, booking)
            answer["instead"] = offers_json(offers, problem, booked, own or {})
            talk.say("\n".join(offer_lines(offers, problem.zone)))
        talk.answer(answer)
        raise typer.Exit(Code.CONFLICT) from None
