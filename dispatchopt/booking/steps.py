"""The steps of a booking that need no look at routes: the same for a ledger and for a desk."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from dispatchopt.booking.states import MissedBy
from dispatchopt.errors import InvalidBookingError, Issue, masked
from dispatchopt.models.base import ID_PATTERN, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dispatchopt.booking.states import Booking, Kind

OWN: Final = "dispatchopt:"
"""How request ids of events begin that the ledger makes by itself."""


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half of a character, as JSON may escape it: no database can keep it."""


@dataclass(frozen=True)
class Step:
    """A step as it was asked for.

    Attributes
    ----------
    kind, ticket_id, request_id, by
        As those of the event that it becomes; the ledger's own steps get their id from it.
    version
        Of the booking that the caller saw; None: whatever stands.
    window
        Asked for.
    said
        What else was said; part of the event's detail.
    """

    kind: Kind
    ticket_id: str
    request_id: str = ""
    by: str = "dispatchopt"
    version: int | None = None
    window: Window | None = None
    said: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON

    def checked(self) -> Step:
        """Return the step, unless it makes no sense whatever is booked.

        Raises
        ------
        InvalidBookingError
            With all faults.
        """
        issues = list(self._issues())
        if issues:
            raise InvalidBookingError(issues)
        return self

    def digest(self) -> str:
        """Return a hash of all that a repeated request must say again."""
        window = self.window and [self.window.open.isoformat(), self.window.close.isoformat()]
        said = [self.kind, self.ticket_id, self.by, window, dict(self.said)]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def _issues(self) -> Iterator[Issue]:
        ids = {"ticket_id": self.ticket_id, "request_id": self.request_id, "by": self.by}
        ids |= {name: self.said[name] for name in ("consent_of",) if name in self.said}
        for name, value in ids.items():
            if not is_id(value):
                yield self._issue(name, "", "must be an id: one line of 1 to 200 characters")
        for name in ("by", "consent_of"):
            if masked(str(ids.get(name, ""))) != str(ids.get(name, "")):
                yield self._issue(name, "", "must be an id of yours, no phone or identity number")
        if str(self.request_id).startswith(OWN):
            yield self._issue("request_id", OWN, "ids that begin so are the ledger's own")
        if self.window is not None and self.window.close < self.window.open:
            value = f"{self.window.open.isoformat()}/{self.window.close.isoformat()}"
            yield self._issue("window", value, "close lies before open; swap them")
        missed_by = self.said.get("missed_by")
        if self.kind == "missed" and missed_by not in get_args(MissedBy):
            allowed = ", ".join(get_args(MissedBy))
            yield self._issue("missed_by", str(missed_by), f"there are {allowed}")

    def _issue(self, name: str, value: str, message: str) -> Issue:
        shown = self.ticket_id if is_id(self.ticket_id) else ""
        return Issue("booking", shown, name, value, message)


def is_id(value: object) -> bool:
    """Whether a value may be an id: what is none stands in no ledger, and no database takes it."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= 200
        and _SURROGATE.search(value) is None
        and re.fullmatch(ID_PATTERN.strip("^$"), value) is not None
    )


def _asked(kind: Kind, *args: Any, **options: Any) -> Step:  # Any: those of `Step`
    return Step(kind, *args, **options).checked()


class Steps(ABC):
    """Steps that only need to know what is booked.

    Every one takes a `request_id`: the same call with the same id again changes nothing and returns
    what it returned then; another call with it is a conflict. `by` is the id of who asks for the
    step, never a name.

    Raises
    ------
    BookingConflictError
        If the booking does not allow the step, or changed since `version`; nothing is changed.
    InvalidBookingError
        If the call makes no sense.
    AdapterError
        If the database cannot be used.
    """

    @abstractmethod
    def _take(self, step: Step) -> Booking:
        """Take a step."""

    def confirm(
        self, ticket_id: str, *, request_id: str, version: int, by: str = "customer"
    ) -> Booking:
        """Confirm a held window: from now on it is a promise.

        Parameters
        ----------
        version
            Of the booking that the hold returned.
        """
        return self._take(_asked("confirm", ticket_id, request_id, by, version))

    def release(
        self, ticket_id: str, *, request_id: str, version: int, by: str = "customer"
    ) -> Booking:
        """Give a held window back before it expires."""
        return self._take(_asked("release", ticket_id, request_id, by, version))

    def cancel(
        self, ticket_id: str, *, request_id: str, version: int, by: str = "customer"
    ) -> Booking:
        """Cancel an appointment; the ticket itself may live on."""
        return self._take(_asked("cancel", ticket_id, request_id, by, version))

    def done(
        self, ticket_id: str, *, request_id: str, version: int | None = None, by: str = "engineer"
    ) -> Booking:
        """Record that the visit was made; after `missed`, that it was made late."""
        return self._take(_asked("done", ticket_id, request_id, by, version))

    def missed(
        self,
        ticket_id: str,
        missed_by: MissedBy,
        *,
        request_id: str,
        version: int | None = None,
        by: str = "engineer",
    ) -> Booking:
        """Record that nobody came in the window, that the customer was away or did not let in."""
        said = {"missed_by": missed_by}
        return self._take(_asked("missed", ticket_id, request_id, by, version, said=said))

    def park(
        self, ticket_id: str, *, request_id: str, version: int | None = None, by: str = "customer"
    ) -> Booking:
        """Put the ticket off without a new window: customer, access or a third party wants it."""
        return self._take(_asked("park", ticket_id, request_id, by, version))

    def revisit(
        self, ticket_id: str, *, request_id: str, version: int | None = None, by: str = "engineer"
    ) -> Booking:
        """Record that one more visit is needed; what is agreed for it counts anew."""
        return self._take(_asked("revisit", ticket_id, request_id, by, version))

    def contacted(self, ticket_id: str, *, request_id: str, by: str = "engineer") -> Booking:
        """Record that somebody spoke to the customer; the first time counts."""
        return self._take(_asked("contact", ticket_id, request_id, by))
