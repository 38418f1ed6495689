"""Holds for tests of the ledger alone: no routes, every window has room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dispatchopt.booking.steps import Step
from dispatchopt.models import Window

if TYPE_CHECKING:
    from dispatchopt.booking import Booking, Ledger

NOW = datetime(2030, 3, 4, 9, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)


def slot(hour: int) -> Window:
    opens = NOW.replace(hour=0) + timedelta(days=1, hours=hour)
    return Window(open=opens, close=opens + timedelta(hours=2))


def take(
    ledger: Ledger,
    ticket_id: str,
    window: Window,
    request_id: str,
    *,
    kind: str = "hold",
    minutes: int = 30,
    by: str = "customer",
) -> Booking:
    """Hold, reschedule or report a window as a desk does once it has found the place."""
    step = Step(kind, ticket_id, request_id, by, window=window)  # type: ignore[arg-type]
    with ledger.writing() as stream:
        found = stream.answered(step.checked())
        if found is not None:
            return found
        stream.allowed(step, ledger.now())
        until = ledger.now() + timedelta(minutes=minutes) if kind == "hold" else None
        return stream.append(step, ledger.now(), shift_id="S1", engineer_id="E1", expires_at=until)
