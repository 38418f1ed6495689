"""The exception tree, and the issue that every reader and validator reports.

::

    DispatchError
    ├── InvalidProblemError   (also a ValueError)  the problem contradicts itself or the schema
    │   └── InvalidBookingError                    a call of a desk or ledger makes no sense
    ├── BookingConflictError                       the window is gone, or the booking has changed
    ├── AdapterError                               a file, frame or database fails to read or write
    │   ├── PlanConflictError                      the plan is not the successor of the one in force
    │   └── PublisherBusyError                     another publisher is at work on the same outbox
    ├── UnsupportedRuleError                       a solver was given a form that it does not know
    └── InternalError                              our own mistake: no plan passed the checker

"No feasible plan" and "time is up" are statuses of a result, not exceptions.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.booking.states import Booking
    from dispatchopt.models.offer import Offers

MASK: Final = "…"
"""Stands for a value that may be a name, a phone number or an address."""

_PERSONAL_NUMBER: Final = re.compile(
    r"(?<![0-9A-Za-z_-])(?:\+?86[ -]?)?"
    r"(?:1[3-9]\d([ -]?)\d{4}\1\d{4}"  # mobile phone
    r"|0\d{2,3}[ -]?\d{7,8}"  # landline with its area code
    # identity card
    r"|[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx])"
    r"(?![0-9A-Za-z])",
    re.ASCII,
)


def masked(text: str) -> str:
    """Return the text, or `MASK` if a phone or identity card number stands in it."""
    found = _PERSONAL_NUMBER.search(unicodedata.normalize("NFKC", text))
    return MASK if found else text


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault of an input: who, which value, what is allowed and what to do.

    Messages hold ids only: whatever is told, a field or value in which a phone or identity card
    number stands is masked. Who makes issues of raw cells masks more (`models.masking`).

    Attributes
    ----------
    kind
        What carries the fault: ``ticket``, ``engineer``, ``shift``, ``travel``, ``policy``,
        ``fault_type``, ``plan`` or ``problem``.
    id
        Public id of the faulty item, empty if it has none.
    field
        Field or column with the fault, empty if it concerns the whole item.
    value
        The value found, as text; long values are cut.
    message
        What is allowed, and the way out.
    file, line
        Where it stands; line 0 where the source has no lines.
    """

    kind: str
    id: str
    field: str
    value: str
    message: str
    file: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        """Mask what no message may hold."""
        object.__setattr__(self, "field", masked(self.field))
        object.__setattr__(self, "value", masked(self.value))

    def __str__(self) -> str:
        """One line: place, item, field, value, way out."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        # An id may be digits like a phone's; with more around them, cells were mixed up.
        shown = self.id if self.id.isdecimal() else masked(self.id)
        item = f"{self.kind} '{shown}'" if self.id else self.kind
        field = f", {self.field}" if self.field else ""
        value = f" = {self.value}" if self.value else ""
        return f"{where}{item}{field}{value}: {self.message}"


class DispatchError(Exception):
    """Base of every error that this package raises on purpose."""


def _listing(what: str, issues: Sequence[Issue]) -> str:
    title = f"{len(issues)} {what}{'' if len(issues) == 1 else 's'}:"
    return "\n".join([title, *(f"  - {issue}" for issue in issues)])


class InvalidProblemError(DispatchError, ValueError):
    """The problem is not plannable as given; `issues` lists every fault found.

    Parameters
    ----------
    issues
        All faults, in input order.
    warnings
        What is allowed and yet looks like a slip, as far as it could be told beside the faults.
    """

    _what = "problem"

    def __init__(self, issues: Sequence[Issue], warnings: Sequence[Issue] = ()) -> None:
        self.issues = tuple(issues)
        self.warnings = tuple(warnings)
        text = f"The {self._what} has {_listing('fault', self.issues)}"
        if self.warnings:
            text += f"\nBesides, {_listing('warning', self.warnings)}"
        super().__init__(text)

    def __reduce__(self) -> tuple[type, tuple[tuple[Issue, ...], tuple[Issue, ...]]]:
        """Rebuild from issues and warnings when pickled (worker processes)."""
        return type(self), (self.issues, self.warnings)


class InvalidBookingError(InvalidProblemError):
    """A call of a desk or ledger makes no sense, whatever is booked; `issues` lists all faults."""

    _what = "booking"


class BookingConflictError(DispatchError):
    """A booking cannot be made or changed as asked; nothing was changed.

    Attributes
    ----------
    reason
        A code: why (`docs/bookings.md` lists them).
    booking
        As it stands; None if there is none.
    offers
        What can be offered instead; None where other windows are no way out.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        booking: Booking | None = None,
        offers: Offers | None = None,
    ) -> None:
        self.reason, self.booking, self.offers = reason, booking, offers
        self._message = message
        super().__init__(f"{message} [{reason}]")

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild when pickled (worker processes)."""
        return _conflict, (self.reason, self._message, self.booking, self.offers)

    def with_booking(self, booking: Booking | None) -> BookingConflictError:
        """Return the same conflict with the booking as it stands."""
        return _conflict(self.reason, self._message, booking, self.offers)

    def with_offers(self, offers: Offers) -> BookingConflictError:
        """Return the same conflict with what can be offered instead."""
        return _conflict(self.reason, self._message, self.booking, offers)


def _conflict(
    reason: str, message: str, booking: Booking | None, offers: Offers | None
) -> BookingConflictError:
    return BookingConflictError(reason, message, booking=booking, offers=offers)


class AdapterError(DispatchError):
    """A source cannot be read, or a target cannot be written."""


class PlanConflictError(AdapterError):
    """A plan cannot take its place: made on an old one, or its id stands for another plan."""


class PublisherBusyError(AdapterError):
    """Another publisher is at work on the same outbox."""


class UnsupportedRuleError(DispatchError):
    """A solver was asked for a form that it does not support."""


class InternalError(DispatchError):
    """A bug of ours: every plan was refused by the checker. The message carries seed and rule."""
