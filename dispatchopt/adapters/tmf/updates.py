"""What a plan says about trouble tickets, as TMF621 update documents of version 4 or 5.

A PATCH replaces an array as a whole. Parties and notes of a ticket are therefore written together
with those that it has, and not at all where these cannot be written as the schema asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from dispatchopt.adapters.tmf.trouble_ticket import TroubleTicket, Version, unwrapped
from dispatchopt.adapters.tmf.values import (
    TECHNICIAN,
    Json,
    is_role,
    technician,
    text_of,
    time_text,
)
from dispatchopt.errors import AdapterError, Issue

if TYPE_CHECKING:
    from datetime import tzinfo

    from dispatchopt.adapters.outbox.messages import DocumentHook, Message
    from dispatchopt.models import Plan, Problem, Visit

Language = Literal["en", "zh"]

AUTHOR: Final = "dispatchopt"
"""Author of our notes; the next plan replaces them."""


@dataclass(frozen=True)
class Update:
    """An update of one trouble ticket.

    Attributes
    ----------
    ticket_id
        Id of the trouble ticket.
    body
        The document to PATCH (``application/merge-patch+json``).
    """

    ticket_id: str
    version: Version
    body: Json = field(repr=False)

    @property
    def path(self) -> str:
        """Where to send it, from the root of the TMF APIs."""
        return f"/tmf-api/troubleTicket/{self.version}/troubleTicket/{self.ticket_id}"


class Updates(NamedTuple):
    """Updates in the order of the documents, and what could not be written."""

    updates: tuple[Update, ...]
    warnings: tuple[Issue, ...]


def tmf621_updates(
    documents: Any,  # Any: JSON
    problem: Problem,
    plan: Plan,
    *,
    written_at: datetime | None = None,
    language: Language = "en",
    author: str = AUTHOR,
    version: Version | None = None,
    left_out: Mapping[str, str] | None = None,
) -> Updates:
    """Write what the plan says about the trouble tickets that were read.

    A ticket with a visit becomes ``inProgress`` with the end of its visit as expected resolution
    and the engineer as its technician; one left out is ``acknowledged`` with the reason, never
    ``pending`` or ``held``: these would keep it out of the next plan. Tickets that the plan does
    not name are left alone.

    Parameters
    ----------
    documents
        The trouble tickets as they were read.
    written_at
        Date of the notes; without it no note is written.
    version
        Of the documents to write; default: that of each ticket.
    left_out
        Further tickets that nobody visits, with the reason, such as those rejected at input.

    Raises
    ------
    AdapterError
        If a visit has no times.
    """
    writer = _Writer(problem, plan, written_at, language, author)
    writer.unserved = {**(left_out or {}), **writer.unserved}
    updates: list[Update] = []
    for document in documents if isinstance(documents, list | tuple) else [documents]:
        inner = unwrapped(document)
        if isinstance(inner, Mapping):
            ticket = TroubleTicket.of(inner)
            body = writer.body(ticket, version or ticket.version)
            if body is not None:
                updates.append(Update(ticket.id, version or ticket.version, body))
    return Updates(tuple(updates), tuple(writer.warnings))


def tmf621_messages(updates: Iterable[Update]) -> DocumentHook:
    """Return a hook with which an outbox sends these updates instead of its own documents.

    A message becomes ``{"method", "path", "body"}``; one about a ticket without an update is not
    sent.
    """
    by_id = {update.ticket_id: update for update in updates}

    def document(message: Message) -> Json | None:
        update = by_id.get(message.ticket_id)
        if update is None:
            return None
        return {"method": "PATCH", "path": update.path, "body": update.body}

    return document


class _Writer:
    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        written_at: datetime | None,
        language: Language,
        author: str,
    ) -> None:
        self.zone: tzinfo = problem.zone
        self.written_at, self.language, self.author = written_at, language, author
        self.visits = {v.ticket_id: (v, r.shift_id) for r in plan.routes for v in r.visits}
        self.unserved = {unserved.ticket_id: unserved.reason for unserved in plan.unserved}
        self.engineer_of = {s.id: e.id for e in problem.engineers for s in e.shifts}
        self.warnings: list[Issue] = []

    def body(self, ticket: TroubleTicket, version: Version) -> Json | None:
        """Return the update, None if the plan does not name the ticket."""
        if ticket.id in self.visits:
            visit, shift_id = self.visits[ticket.id]
            engineer = self.engineer_of.get(shift_id)
            if engineer is None:
                raise AdapterError(f"The plan names shift '{shift_id}', which the problem lacks.")
            body, text = self._served(visit, engineer)
        elif ticket.id in self.unserved:
            engineer = None
            body, text = self._left_out(self.unserved[ticket.id])
        else:
            return None
        if version == "v5":
            body["@type"] = "TroubleTicket"
        self._add_parties(body, ticket, version, engineer)
        if self.written_at is not None:
            self._add_note(body, ticket, version, self.written_at, text)
        return body

    def _served(self, visit: Visit, engineer: str) -> tuple[Json, str]:
        if visit.start is None or visit.end is None:
            raise AdapterError(
                f"The visit of ticket '{visit.ticket_id}' has no times. Solve, or check first."
            )
        start, end = (at.astimezone(self.zone) for at in (visit.start, visit.end))
        text = f"Engineer {engineer}, {start:%Y-%m-%d %H:%M} to {end:%H:%M}"
        if self.language == "zh":
            text = f"工程师 {engineer},{start:%Y-%m-%d %H:%M} 至 {end:%H:%M}"
        body = {
            "status": "inProgress",
            "statusChangeReason": "SCHEDULED",
            "expectedResolutionDate": time_text(visit.end, self.zone),
        }
        return body, text

    def _left_out(self, reason: str) -> tuple[Json, str]:
        text = f"Not in the plan: {reason}"
        if self.language == "zh":
            text = f"未排入计划:{reason}"
        return {"status": "acknowledged", "statusChangeReason": reason}, text

    def _add_parties(
        self, body: Json, ticket: TroubleTicket, version: Version, engineer: str | None
    ) -> None:
        """Replace the technician among the parties; leave them alone if nothing changes."""
        entries = _entries(ticket, "relatedParty")
        others = [
            entry
            for entry in entries
            if not (isinstance(entry, Mapping) and is_role(text_of(entry.get("role")), TECHNICIAN))
        ]
        if engineer is None and len(others) == len(entries):
            return
        if not all(_is_party(entry, version) for entry in others):
            self._cannot(ticket, "relatedParty")
            return
        new = [] if engineer is None else [_party(engineer, version)]
        body["relatedParty"] = [*others, *new]

    def _add_note(
        self, body: Json, ticket: TroubleTicket, version: Version, written_at: datetime, text: str
    ) -> None:
        """Add our note to those that there are; an older one of ours goes."""
        entries = _entries(ticket, "note")
        others = [
            entry
            for entry in entries
            if not (isinstance(entry, Mapping) and entry.get("author") == self.author)
        ]
        if not all(_is_note(entry, version) for entry in others):
            self._cannot(ticket, "note")
            return
        typed = {"@type": "Note"} if version == "v5" else {}
        date = time_text(written_at.astimezone(UTC), self.zone)
        note = {**typed, "id": self.author, "author": self.author, "date": date, "text": text}
        body["note"] = [*others, note]

    def _cannot(self, ticket: TroubleTicket, name: str) -> None:
        message = (
            "what the ticket has breaks its schema; it is not written, so that nothing is lost"
        )
        self.warnings.append(Issue("ticket", ticket.id, name, "", message))


def _entries(ticket: TroubleTicket, name: str) -> list[Any]:  # Any: JSON
    """Return what a list of the ticket holds as it came; one entry may stand without its list."""
    given = ticket.raw.get(name)
    return given if isinstance(given, list) else [] if given is None else [given]


def _party(engineer: str, version: Version) -> Json:
    party = technician(engineer)
    if version == "v4":
        return party
    reference = {"@type": "PartyRef", "id": engineer, "@referredType": "Individual"}
    return {
        "@type": "RelatedPartyRefOrPartyRoleRef",
        "role": TECHNICIAN,
        "partyOrPartyRole": reference,
    }


_TEXTS: Final = (
    "id", "href", "name", "role", "author", "text", "@type", "@baseType", "@referredType",
)  # fmt: skip
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]+")
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _is_sound(entry: Any, required: Iterable[str]) -> bool:
    """Whether an object has texts where the schemas want them."""
    if not isinstance(entry, Mapping) or not all(key in entry for key in required):
        return False
    location = entry.get("@schemaLocation")
    is_located = location is None or (isinstance(location, str) and bool(_URI.fullmatch(location)))
    return is_located and all(isinstance(entry[key], str) for key in _TEXTS if key in entry)


def _is_party(entry: Any, version: Version) -> bool:
    if version == "v4":
        return _is_sound(entry, ("id", "@referredType")) and "partyOrPartyRole" not in entry
    if not _is_sound(entry, ("@type",)):
        return False
    inner = entry.get("partyOrPartyRole")
    wanted = ("@type", "id", "@referredType")
    return _is_sound(inner, wanted) and inner.get("@type") in ("PartyRef", "PartyRoleRef")


def _is_note(entry: Any, version: Version) -> bool:
    if not _is_sound(entry, ("@type",) if version == "v5" else ()):
        return False
    return "date" not in entry or _is_date_time(entry["date"])


def _is_date_time(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True
