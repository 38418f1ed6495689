"""The steps of ``book`` that take the ledger alone, and what all of its commands share."""

from __future__ import annotations

import uuid
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, cast, get_args
from zoneinfo import ZoneInfo

import typer

from dispatchopt.cli_common import BOOK_CODES, Debug, Json, Verbose
from dispatchopt.cli_desk import LedgerUrl, TextsFile, conflicts, existing_ledger, own_texts
from dispatchopt.cli_talk import Refused, Talk, guard
from dispatchopt.report.exit_codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from dispatchopt.booking import Booking, Ledger
    from dispatchopt.booking.states import State
    from dispatchopt.models import Forced
    from dispatchopt.report.glossary import Language
    from dispatchopt.report.own_texts import Texts

book = typer.Typer(help="Hold, confirm and change windows in a ledger, and see what is booked.")

TicketId = Annotated[str, typer.Argument(metavar="TICKET_ID", help="The ticket's id.")]
RequestId = Annotated[
    str | None,
    typer.Option(help="The same call with the same id is done once. Default: a new one."),
]
By = Annotated[str | None, typer.Option(help="Id of who asks for it; never a name.")]
Version = Annotated[
    int | None,
    typer.Option(help="Of the booking that you saw; default: as it stands."),
]
_Timezone = Annotated[
    str | None,
    typer.Option(
        envvar="DISPATCHOPT_TIMEZONE", show_envvar=True, help="Of the times shown. Default: UTC."
    ),
]


class _Step(NamedTuple):
    """A step that needs no look at routes."""

    name: str
    by: str
    needs_version: bool
    words: str


_STEPS: Final = (
    _Step("release", "customer", True, "Give a held window back before it expires."),
    _Step("cancel", "customer", True, "Cancel an appointment; the ticket itself may live on."),
    _Step("done", "engineer", False, "Record that the visit was made; after missed, made late."),
    _Step("park", "customer", False, "Put the ticket off without a new window."),
    _Step("revisit", "engineer", False, "Record that one more visit is needed, agreed anew."),
)


def _command(step: _Step) -> Callable[..., None]:
    def command(
        ticket_id: TicketId,
        ledger: LedgerUrl,
        version: Version = None,
        request_id: RequestId = None,
        by: By = None,
        timezone: _Timezone = None,
        as_json: Json = False,
        verbose: Verbose = False,
        debug: Debug = False,
    ) -> None:
        talk = Talk(as_json=as_json)
        with guard(talk, debug=debug, verbose=verbose), conflicts(talk):
            zone, found, request = _zone(timezone), existing_ledger(ledger), new_request(request_id)
            seen = seen_version(found, ticket_id, version) if step.needs_version else version
            take: Callable[..., Booking] = getattr(found, step.name)
            booking = take(ticket_id, request_id=request, version=seen, by=by or step.by)
            tell_booking(talk, booking, request, zone)

    command.__doc__ = step.words
    return command


for _step in _STEPS:
    book.command(name=_step.name, epilog=BOOK_CODES)(_command(_step))


@book.command(epilog=BOOK_CODES)
def confirm(
    ticket_id: TicketId,
    ledger: LedgerUrl,
    version: Version = None,
    request_id: RequestId = None,
    by: By = None,
    customer: Annotated[
        Literal["en", "zh"] | None,
        typer.Option(help="Print the text for the customer instead, in this language."),
    ] = None,
    texts: TextsFile = None,
    timezone: _Timezone = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Confirm a held window: from now on it is a promise."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose), conflicts(talk):
        if customer is not None and timezone is None:
            raise Refused(f"--customer {customer}: give --timezone, customers read local times.")
        zone, own = _zone(timezone), own_texts(texts)
        found, request = existing_ledger(ledger), new_request(request_id)
        seen = seen_version(found, ticket_id, version)
        booking = found.confirm(ticket_id, request_id=request, version=seen, by=by or "customer")
        tell_booking(talk, booking, request, zone, customer, own)


@book.command(epilog=BOOK_CODES)
def missed(
    ticket_id: TicketId,
    missed_by: Annotated[
        Literal["us", "customer", "no_access"], typer.Option(help="Who missed the visit.")
    ],
    ledger: LedgerUrl,
    version: Version = None,
    request_id: RequestId = None,
    by: By = None,
    timezone: _Timezone = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Record that nobody came in the window, that the customer was away or did not let in."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose), conflicts(talk):
        zone, found, request = _zone(timezone), existing_ledger(ledger), new_request(request_id)
        booking = found.missed(
            ticket_id, missed_by, request_id=request, version=version, by=by or "engineer"
        )
        tell_booking(talk, booking, request, zone)


@book.command(epilog=BOOK_CODES)
def contact(
    ticket_id: TicketId,
    ledger: LedgerUrl,
    request_id: RequestId = None,
    by: By = None,
    timezone: _Timezone = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Record that somebody spoke to the customer; the first time counts."""
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose), conflicts(talk):
        zone, found, request = _zone(timezone), existing_ledger(ledger), new_request(request_id)
        booking = found.contacted(ticket_id, request_id=request, by=by or "engineer")
        tell_booking(talk, booking, request, zone)


@book.command(name="list", epilog=BOOK_CODES)
def list_bookings(
    ledger: LedgerUrl,
    state: Annotated[
        list[str] | None,
        typer.Option(help="Only these: held, confirmed ... Default: all but unbooked."),
    ] = None,
    to_call: Annotated[
        bool,
        typer.Option(
            "--to-call", help="Only customers who are still to be called, the most urgent first."
        ),
    ] = False,
    timezone: _Timezone = None,
    as_json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """List what is booked; holds that are over are expired first.

    Tickets of the ledger that nobody booked, and customers to be called, are counted.
    """
    talk = Talk(as_json=as_json)
    with guard(talk, debug=debug, verbose=verbose):
        from dispatchopt.adapters.json_files import to_json
        from dispatchopt.report.offers import booking_counts, booking_line, to_call_count

        zone, states = _zone(timezone), _states(state or [])
        found = existing_ledger(ledger)
        found.expire()
        known = found.bookings(*states)
        due = {b.ticket_id: b.contact_by for b in known if b.is_to_call and b.contact_by}
        waiting = sorted((b for b in known if b.is_to_call), key=lambda b: due[b.ticket_id])
        shown = [b for b in known if states or b.state != "unbooked"]
        unbooked = len(known) - len(shown)
        listed = waiting if to_call else shown
        answer = {"bookings": [to_json(b) for b in listed], "unbooked": unbooked}
        talk.answer({"exit_code": int(Code.DONE), **answer, "to_call": len(waiting)})
        lines = [booking_line(booking, zone) for booking in listed]
        if to_call:
            lines.append(to_call_count(waiting, zone))
        else:
            lines += booking_counts(shown, unbooked, waiting, zone)
        talk.say("\n".join(lines) + _in_utc(zone))


# --- What the commands share ---


def seen_version(ledger: Ledger, ticket_id: str, version: int | None) -> int:
    """Return the version that the caller saw, else the one that stands."""
    if version is not None:
        return version
    booking = ledger.booking(ticket_id)
    return 0 if booking is None else booking.version


def new_request(request_id: str | None) -> str:
    """Return the id of a request, a new one where none was given."""
    return uuid.uuid4().hex if request_id is None else request_id


def _zone(name: str | None) -> tzinfo:
    try:
        return UTC if name is None else ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise Refused(f"--timezone {name}: no IANA time zone. Write Asia/Shanghai.") from None


def _in_utc(zone: tzinfo) -> str:
    """Say so where nobody said whose times are shown."""
    return " (times in UTC; --timezone shows others)" if zone is UTC else ""


def _states(names: list[str]) -> list[State]:
    from dispatchopt.booking.states import State

    unknown = [name for name in names if name not in get_args(State)]
    if unknown:
        known = ", ".join(get_args(State))
        raise Refused(f"--state {', '.join(unknown)}: no such state. There are {known}.")
    return cast("list[State]", names)


def tell_booking(
    talk: Talk,
    booking: Booking,
    request: str,
    zone: tzinfo,
    customer: Language | None = None,
    own: Texts | None = None,
    *,
    consequences: Forced | None = None,
) -> None:
    """Tell what stands after a step, and what it takes; or the text for the customer."""
    from dispatchopt.adapters.json_files import to_json
    from dispatchopt.report.customer import Coming, CustomerTexts
    from dispatchopt.report.offers import booking_line, forced_lines

    answer = {"request_id": request, "booking": to_json(booking)}
    taken = {} if consequences is None else {"consequences": to_json(consequences)}
    talk.answer({"exit_code": int(Code.DONE), **answer, **taken})
    if customer is None or booking.window is None:
        lines = [] if consequences is None else forced_lines(consequences, zone)
        talk.say("\n".join([booking_line(booking, zone) + _in_utc(zone), *lines]))
    else:
        coming = Coming(booking.window, booking.engineer_id)
        texts = CustomerTexts(zone, language=customer, templates=(own or {}).get(customer))
        talk.say(texts.confirmation(booking.ticket_id, coming))
