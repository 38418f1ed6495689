"""Delivering what is pending: one message at a time, each outcome on record before the next."""

from __future__ import annotations

import heapq
import json
import logging
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from dispatchopt.adapters.outbox.messages import Action, Message
from dispatchopt.errors import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.adapters.outbox.store import Session

logger = logging.getLogger(__name__)

_ENOUGH: Final = 5
"""So many failures on end, and it is the receiver rather than the message."""

_LONGEST_WAIT: Final = 300.0
"""Seconds beyond which a message is left to the next run."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message.

    Attributes
    ----------
    status
        ``delivered``; ``retry``: the receiver could not take it now; ``refused``: it will not take
        it, however often.
    reason
        Why not, without personal data.
    wait
        Seconds for which the receiver asked to be left alone.
    """

    status: Literal["delivered", "retry", "refused"]
    reason: str = ""
    wait: float = 0.0


DELIVERED: Final = Delivery("delivered")


class Deliver(Protocol):
    """Hands a message to a receiver and says what became of it.

    A target may have a method ``settled(message)``: it is called once the delivery is on record,
    so that the message will not come again.
    """

    def __call__(self, message: Message) -> Delivery:
        """Deliver a message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a message stands: ``delivered``, ``pending`` or ``refused``, and why."""

    ticket_id: str
    plan_id: str
    action: Action
    status: str
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What a run delivered, and what the outbox still holds.

    Attributes
    ----------
    delivered
        What this run delivered.
    open
        What is pending or refused, of earlier plans too.
    """

    delivered: tuple[Outcome, ...]
    open: tuple[Outcome, ...]

    @property
    def pending(self) -> tuple[Outcome, ...]:
        """Messages to be tried again by the next run; one may have reached the receiver."""
        return tuple(outcome for outcome in self.open if outcome.status == "pending")

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Messages that the receiver will not take, each with the reason."""
        return tuple(outcome for outcome in self.open if outcome.status == "refused")

    @property
    def is_complete(self) -> bool:
        """Whether the receiver has everything."""
        return not self.open

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return the report for programs."""
        return {
            "is_complete": self.is_complete,
            "num_delivered": len(self.delivered),
            "num_pending": len(self.pending),
            "num_refused": len(self.refused),
            "delivered": [asdict(outcome) for outcome in self.delivered],
            "pending": [asdict(outcome) for outcome in self.pending],
            "refused": [asdict(outcome) for outcome in self.refused],
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """Clock and sleep of a publisher, in seconds."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Publishing:
    """One run of a publisher, on a session that holds the publisher's lock."""

    session: Session
    deliver: Deliver
    attempts: int
    backoff: float
    time_limit: float | None
    waiting: Waiting
    delivered: list[Outcome] = field(init=False, default_factory=list)
    num_failures: int = field(init=False, default=0)
    tried: dict[int, int] = field(init=False, default_factory=dict)
    queue: list[tuple[float, int]] = field(init=False, default_factory=list)
    end: float = field(init=False, default=float("inf"))

    def run(self) -> PublishReport:
        """Deliver until nothing is left that may be tried."""
        if self.time_limit is not None:
            self.end = self.waiting.clock() + self.time_limit
        # What others enqueue meanwhile is delivered, too.
        while self._fetch():
            while self.queue and self._wait(self.queue[0][0]):
                _, seq = heapq.heappop(self.queue)
                self._publish(seq)
            if self.queue:
                break
        return PublishReport(tuple(self.delivered), standing(self.session))

    def _fetch(self) -> bool:
        now = self.waiting.clock()
        rows = self.session.run(_PENDING, after=max(self.tried, default=0))
        for (seq,) in rows:
            self.tried[seq] = 0
            heapq.heappush(self.queue, (now, seq))
        return bool(rows)

    def _wait(self, due: float) -> bool:
        """Wait until a message may go out; False if that is beyond this run."""
        silence = self.num_failures - _ENOUGH
        if silence >= self.attempts - 1:
            return False
        now = self.waiting.clock()
        if silence >= 0:
            due = max(due, now + self.backoff * 2**silence)
        if max(due, now) >= self.end:
            return False
        if due > now:
            self.waiting.sleep(due - now)
        return True

    def _publish(self, seq: int) -> None:
        rows = self.session.run(_MESSAGE, seq=seq)
        if not rows:  # superseded meanwhile
            return
        key, plan_id, ticket_id, action, document, attempts = rows[0]
        message = Message(key, plan_id, ticket_id, action, json.loads(document))
        outcome = self._try(message)
        self.tried[seq] += 1
        self.num_failures = self.num_failures + 1 if outcome.status == "retry" else 0
        status = "pending" if outcome.status == "retry" else outcome.status
        reason = masked(outcome.reason)[:300]
        settled_at = None if status == "pending" else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        values = {"seq": seq, "status": status, "reason": reason, "settled_at": settled_at}
        if status == "delivered":
            # True even if a newer message has superseded this one meanwhile.
            self.session.run(_DELIVERED, **values)
            self.delivered.append(Outcome(ticket_id, plan_id, action, status, attempts + 1, reason))
            self._settle(message)
            return
        self.session.run(_UNDELIVERED, **values)
        logger.warning("ticket %s, %s: %s (%s)", ticket_id, action, outcome.status, reason)
        wait = max(outcome.wait, self.backoff * 2 ** (self.tried[seq] - 1))
        if status == "pending" and self.tried[seq] < self.attempts and wait <= _LONGEST_WAIT:
            heapq.heappush(self.queue, (self.waiting.clock() + wait, seq))

    def _settle(self, message: Message) -> None:
        settled = getattr(self.deliver, "settled", None)
        try:
            if settled is not None:
                settled(message)
        except Exception as error:  # what a receiver still remembers does no harm
            logger.warning("ticket %s: not settled (%s)", message.ticket_id, type(error).__name__)

    def _try(self, message: Message) -> Delivery:
        try:
            return self.deliver(message)
        except Exception as error:  # whatever a hook may raise: the others are still delivered
            # Its text may quote the document.
            return Delivery("retry", f"the delivery raised {type(error).__name__}")


def standing(session: Session) -> tuple[Outcome, ...]:
    """Return what is refused or pending, in the order of its entry."""
    return tuple(Outcome(*row) for row in session.run(_STANDING))


_STANDING: Final = """\
SELECT ticket_id, plan_id, action, status, attempts, reason FROM dispatchopt_outbox
WHERE status IN ('pending', 'refused') ORDER BY seq"""
_PENDING: Final = """\
SELECT seq FROM dispatchopt_outbox WHERE status = 'pending' AND seq > :after ORDER BY seq"""
_MESSAGE: Final = """\
SELECT idempotency_key, plan_id, ticket_id, action, document, attempts
FROM dispatchopt_outbox WHERE seq = :seq AND status = 'pending'"""
_DELIVERED: Final = """\
UPDATE dispatchopt_outbox
SET status = :status, attempts = attempts + 1, reason = :reason, settled_at = :settled_at
WHERE seq = :seq"""
_UNDELIVERED: Final = """\
UPDATE dispatchopt_outbox
SET status = :status, attempts = attempts + 1, reason = :reason,
    settled_at = :settled_at
WHERE seq = :seq AND status = 'pending'"""
