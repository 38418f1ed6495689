"""TMF621 trouble tickets as tickets: tolerant, with every doubt told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from dispatchopt.adapters.local_time import CellFault
from dispatchopt.adapters.tmf.codes import Codes
from dispatchopt.adapters.tmf.extras import fields_of
from dispatchopt.adapters.tmf.locate import Locate, locate_inline
from dispatchopt.adapters.tmf.trouble_ticket import TroubleTicket, unwrapped
from dispatchopt.adapters.tmf.values import StrictClock, instant_of, strict_clock, text_of
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Problem, Span, Ticket
from dispatchopt.models.base import ID_PATTERN
from dispatchopt.models.field_faults import issues_of
from dispatchopt.models.intake import Intake, build_problem
from dispatchopt.models.masking import shown
from dispatchopt.models.plan import NotPlannable, Rejected
from dispatchopt.models.problem import merge_catalogue

if TYPE_CHECKING:
    from datetime import datetime

    from dispatchopt.adapters.tmf.appointments import Appointment
    from dispatchopt.models import FaultType

OnBadTicket = Literal["error", "reject"]
DueDate = Literal["requestedResolutionDate", "expectedResolutionDate"]


@dataclass(frozen=True)
class TicketIntake:
    """Tickets made from trouble tickets, and what was refused on the way.

    Every document ends in exactly one of `tickets`, `rejected` and `skipped`.

    Attributes
    ----------
    rejected
        One entry for each document refused.
    issues
        Every fault found.
    warnings
        What was read although the standard does not know it.
    skipped
        Documents whose state keeps them out of planning and that lack what a ticket needs.
    """

    tickets: tuple[Ticket, ...]
    rejected: tuple[Rejected, ...] = ()
    issues: tuple[Issue, ...] = ()
    warnings: tuple[Issue, ...] = ()
    skipped: tuple[NotPlannable, ...] = ()


def tickets_from_tmf621(
    documents: Any,  # Any: JSON
    *,
    locate: Locate | None = None,
    fault_types: Mapping[str, str] | None = None,
    priorities: Mapping[str, int] | None = None,
    statuses: Mapping[str, str] | None = None,
    timezone: str | None = None,
    due_date: DueDate = "requestedResolutionDate",
    catalogue: Iterable[FaultType] = (),
    appointments: Iterable[Appointment] = (),
    on_bad_row: OnBadTicket = "error",
) -> TicketIntake:
    """Make tickets from TMF621 documents of version 4 or 5, or from events that hold them.

    Characteristics of version 5 and extension fields of version 4 that bear the name of a column
    of a ticket (``skills``, ``durationMinutes``, ``windows``, ``territory`` …) fill it. The history
    of states tells when the clock of a service limit stood still (`Ticket.parked`).

    Parameters
    ----------
    documents
        A list of documents, or one.
    locate
        Where a ticket is; default: a point in the ticket itself (`locate_inline`).
    fault_types, priorities, statuses
        What `ticketType`, `priority` or `severity`, and `status` mean, beyond what is known
        (`codes`); compared without case, blanks, hyphens and underscores.
    timezone
        Zone of times without an offset; without it such a time is a fault.
    due_date
        The date that is the service level. The *expected* one is also written back with every plan
        (`tmf621_updates`): only take it from systems that keep it for the service level.
    catalogue
        Fault types beyond the built-in ones.
    appointments
        TMF646 appointments, read by `appointment_from_tmf646`; the confirmed ones are promises.
    on_bad_row
        ``reject``: faulty tickets are left out and reported.

    Raises
    ------
    InvalidProblemError
        With every fault of every document.
    ValueError
        If `on_bad_row` is neither of the two.
    """
    if on_bad_row not in ("error", "reject"):
        raise ValueError(f"on_bad_row is {on_bad_row!r}; give 'error' or 'reject'")
    reader = _Reader(
        codes=Codes(
            merge_catalogue(catalogue), fault_types or {}, priorities or {}, statuses or {}
        ),
        locate=locate or locate_inline,
        clock=strict_clock(timezone),
        due_date=due_date,
        promised={a.ticket_id: a for a in appointments if a.status == "confirmed" and a.ticket_id},
    )
    for index, document in enumerate(
        documents if isinstance(documents, list | tuple) else [documents]
    ):
        reader.take(unwrapped(document), index)
    reader.refuse_doubles()
    if reader.issues and on_bad_row == "error":
        raise InvalidProblemError(reader.issues, reader.warnings)
    return TicketIntake(
        tuple(reader.tickets),
        tuple(reader.rejected),
        tuple(reader.issues),
        tuple(reader.warnings),
        tuple(reader.skipped),
    )


def problem_from_tmf621(
    documents: Any,  # Any: JSON
    roster: Problem,
    *,
    on_bad_row: OnBadTicket = "error",
    **options: Any,  # Any: options of tickets_from_tmf621
) -> Intake:
    """Make a problem from TMF621 documents and a roster.

    Parameters
    ----------
    roster
        A problem whose engineers, travel, horizon, policy, fault types and plan in force count; its
        tickets do not.
    options
        Those of `tickets_from_tmf621`; times without a zone are still refused unless `timezone` is
        given.

    Raises
    ------
    InvalidProblemError
        With every fault, those of tickets against the roster among them.
    """
    options.setdefault("catalogue", roster.fault_types)
    found = tickets_from_tmf621(documents, on_bad_row=on_bad_row, **options)
    head = {name: getattr(roster, name) for name in roster.model_fields_set}
    intake = build_problem(
        {**head, "engineers": roster.engineers, "tickets": found.tickets},
        on_bad_row=on_bad_row,
        warnings=found.warnings,
    )
    rejected = (*found.rejected, *intake.rejected)
    return Intake(intake.problem, rejected, (*found.issues, *intake.issues), intake.warnings)


@dataclass
class _Reader:
    codes: Codes
    locate: Locate
    clock: StrictClock
    due_date: str
    promised: Mapping[str, Appointment]
    tickets: list[Ticket] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    skipped: list[NotPlannable] = field(default_factory=list)

    def take(self, document: Any, index: int) -> None:
        """Read a document into one of the lists."""
        if not isinstance(document, Mapping):
            message = "must be a TroubleTicket: an object"
            self._reject(f"#{index + 1}", [Issue("ticket", f"#{index + 1}", "", "", message)])
            return
        ticket = TroubleTicket.of(document)
        if not ticket.id:
            message = "has no id, and no external one; send the id"
            self._reject(f"#{index + 1}", [Issue("ticket", f"#{index + 1}", "id", "", message)])
            return
        status = self._status(ticket)
        faults: list[Issue] = []
        raw = self._raw(ticket, status, faults)
        found = None if faults else self._built(ticket.id, raw, faults)
        if found is not None:
            self.tickets.append(found)
        elif status in ("done", "cancelled", "parked") and _is_id(ticket.id):
            entry = {"ticket_id": ticket.id, "status": status}
            self.skipped.append(NotPlannable.model_validate(entry))
        else:
            self._reject(ticket.id, faults)

    def refuse_doubles(self) -> None:
        """Refuse tickets that came more than once: which of them holds is not ours to guess."""
        counts = Counter(ticket.id for ticket in self.tickets)
        for ticket_id, count in counts.items():
            if count > 1:
                message = f"came {count} times; send the newest alone"
                issue = Issue("ticket", ticket_id, "id", "", message)
                self.issues.append(issue)
                self.rejected.extend([Rejected(ticket_id=ticket_id, issues=(str(issue),))] * count)
        self.tickets = [ticket for ticket in self.tickets if counts[ticket.id] == 1]

    def _status(self, ticket: TroubleTicket) -> str:
        status = self.codes.status(ticket.status)
        if status is not None:
            return status
        message = "no state of TMF621; the ticket counts as open"
        self.warnings.append(
            Issue("ticket", ticket.id, "status", shown(str(ticket.status)), message)
        )
        return "open"

    def _raw(self, ticket: TroubleTicket, status: str, faults: list[Issue]) -> dict[str, Any]:
        """Return the fields of the ticket; faults go to `faults`."""
        raw: dict[str, Any] = {"id": ticket.id, "status": status}
        reported = self._time(ticket, "creationDate", faults)
        due = self._time(ticket, self.due_date, faults)
        raw |= {"reported_at": reported} if reported else {}
        raw |= {"due": due} if due else {}
        raw |= self._history(ticket, faults)
        if ticket.id in self.promised:
            raw["appointment"] = self.promised[ticket.id].window
        self._code(ticket, raw, faults)
        for name, path, value in fields_of(ticket, self.clock):
            if isinstance(value, CellFault):
                given = ticket.extras[name]
                text = shown(given, "number") if isinstance(given, str) else ""
                faults.append(Issue("ticket", ticket.id, shown(name), text, str(value)))
            else:
                _put(raw, path, value)
        if "place" not in raw:
            self._place(ticket, raw, faults)
        return raw

    def _code(self, ticket: TroubleTicket, raw: dict[str, Any], faults: list[Issue]) -> None:
        """Settle fault type, priority and crew."""
        name = ticket.ticket_type
        code = None if name is None else self.codes.fault_type(name)
        if code is None:
            hint = "" if name is None else self.codes.hint(name)
            message = (
                f"no fault type; {hint}Map it: fault_types={{'…': 'FTTH_LOS_DROP'}} in Python, "
                "[codes.fault_type] in the file of --mapping"
            )
            message = "is required" if name is None else message
            faults.append(Issue("ticket", ticket.id, "ticketType", shown(name or ""), message))
            return
        fault = self.codes.catalogue.get(code)
        raw["fault_type"] = code
        if fault is not None and fault.crew_size > 1:
            raw["crew_size"] = fault.crew_size
        level = self.codes.priority(ticket)
        if level is None:
            level = 3 if fault is None else fault.default_priority
            if ticket.priority is not None:
                message = (
                    f"unknown; the fault type's own, {level}, counts. Map it: priorities in "
                    "Python, [codes.priority] in the file of --mapping"
                )
                self.warnings.append(
                    Issue("ticket", ticket.id, "priority", shown(ticket.priority), message)
                )
        raw["priority"] = level

    def _place(self, ticket: TroubleTicket, raw: dict[str, Any], faults: list[Issue]) -> None:
        place = self.locate(ticket)
        if place is not None:
            raw["place"] = place
            return
        known = [e.id for e in ticket.entities if e.id is not None]
        named = f"of {', '.join(known[:3])} " if known else ""
        message = f"no location: locate() knows none {named}"
        way = "add the place (the table of --places), or send a GeoJSON point in WGS 84"
        message = f"{message.strip()}; {way}"
        faults.append(Issue("ticket", ticket.id, "place", "", message))

    def _time(self, ticket: TroubleTicket, name: str, faults: list[Issue]) -> Any:
        value = ticket.raw.get(name)
        try:
            return instant_of(value, self.clock)
        except CellFault as fault:
            text = shown(value, "number") if isinstance(value, str) else ""
            faults.append(Issue("ticket", ticket.id, name, text, str(fault)))
            return None

    def _history(self, ticket: TroubleTicket, faults: list[Issue]) -> dict[str, Any]:
        """Return the stretches between a state that stops the clock and the next that does not."""
        changes: list[tuple[datetime, bool]] = []
        for change in ticket.history:
            try:
                at = instant_of(change.get("statusChangeDate"), self.clock)
            except CellFault as fault:
                faults.append(Issue("ticket", ticket.id, "statusChangeDate", "", str(fault)))
                continue
            if at is not None:
                status = self.codes.status(text_of(change.get("status")))
                changes.append((at, status == "parked"))
        parked: list[Span] = []
        since: datetime | None = None
        for at, stands in sorted(changes):
            if stands:
                since = since or at
            elif since is not None:
                parked += [Span(start=since, end=at)] if since < at else []
                since = None
        return {"parked": tuple(parked)} if parked else {}

    def _built(self, ticket_id: str, raw: dict[str, Any], faults: list[Issue]) -> Ticket | None:
        try:
            return Ticket.model_validate(raw)
        except ValidationError as error:
            faults.extend(issues_of(error, "ticket", ticket_id))
            return None

    def _reject(self, ticket_id: str, faults: list[Issue]) -> None:
        self.issues.extend(faults)
        texts = tuple(str(fault) for fault in faults)
        self.rejected.append(Rejected(ticket_id=ticket_id, issues=texts))


def _put(raw: dict[str, Any], path: str, value: Any) -> None:
    """Set a field; ``place.lat`` and ``appointment.open`` are parts of one."""
    name, _, part = path.partition(".")
    if not part:
        raw[name] = value
        return
    whole = raw.get(name)
    raw[name] = {**(whole if isinstance(whole, dict) else {}), part: value}


def _is_id(text: str) -> bool:
    return len(text) <= 200 and re.fullmatch(ID_PATTERN, text) is not None
