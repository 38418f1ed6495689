"""The publishing outbox: what a plan tells the ticketing system, told once and in full."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.json_files import plan_digest, to_json
from dispatchopt.adapters.outbox.messages import (
    Action,
    DocumentHook,
    Message,
    Told,
    messages_of,
)
from dispatchopt.adapters.outbox.publisher import (
    Deliver,
    Publishing,
    PublishReport,
    Waiting,
    standing,
)
from dispatchopt.adapters.outbox.store import FileStore, Session, Store
from dispatchopt.errors import AdapterError, PlanConflictError, PublisherBusyError
from dispatchopt.models import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.models import Problem

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What `Outbox.enqueue` did.

    Attributes
    ----------
    plan_id
        Of the plan.
    messages
        How many messages the plan has in the outbox, by action.
    is_new
        False if the plan was there already, and nothing was changed.
    """

    plan_id: str
    messages: Mapping[Action, int]
    is_new: bool


class Outbox:
    """Messages to the ticketing system, kept until they are delivered.

    A plan enters whole, in one transaction, with a message for each ticket whose state it changes.
    `publish` delivers them; killed at any moment and started again, it goes on where it stopped.

    Parameters
    ----------
    where
        A file (SQLite, made when first needed), or the URL of a database prepared by
        ``dispatchopt database init`` (``postgresql+psycopg://…``, ``sqlite:///…``).

    Raises
    ------
    AdapterError
        If the URL is none; every method, if the store cannot be read or written.
    """

    def __init__(self, where: str | Path) -> None:
        self._store: Store
        if isinstance(where, str) and "://" in where:
            # Loaded here: databases are an extra.
            from dispatchopt.adapters.database.connect import Link
            from dispatchopt.adapters.database.store import DatabaseStore

            self._store = DatabaseStore(Link(where))
        else:
            self._store = FileStore(Path(where))

    def enqueue(
        self,
        plan: Plan,
        previous_plan: Plan | None = None,
        *,
        problem: Problem | None = None,
        document: DocumentHook | None = None,
    ) -> Enqueued:
        """Take a plan and its messages, all in one transaction.

        A ticket gets a message unless both what the outbox told last and the previous plan, as far
        as they know it, say what the plan says. A message still pending from an earlier plan is
        superseded by the new one about its ticket; what was refused of earlier plans is no longer
        reported or retried. A plan that is there already is left as it is.

        Parameters
        ----------
        previous_plan
            The plan in force. The outbox remembers what it told; this one counts for tickets that
            it never told, and where somebody else changed what it had told.
        problem
            Names the engineer of a shift where the plan does not.
        document
            Makes the documents of the messages in the receiver's own terms.

        Raises
        ------
        PlanConflictError
            If another plan bears this `plan_id`.
        """
        with self._store.session() as session, session.transaction():
            return enqueue(session, plan, previous_plan, problem=problem, document=document)

    def publish(
        self,
        deliver: Deliver,
        *,
        attempts: int = 5,
        backoff: float = 1.0,
        time_limit: float | None = None,
        waiting: Waiting | None = None,
    ) -> PublishReport:
        """Deliver what is pending, oldest first, each ticket's newest message only.

        What is delivered or refused is on record before the next message goes out. What the
        receiver could not take stays pending: it is tried again after 1, 2, 4 … seconds, and at the
        next call. While the receiver takes nothing at all, the others wait with it.

        Parameters
        ----------
        deliver
            Takes a message and says what became of it: see `targets` and `Delivery`. An exception
            counts as "try again".
        attempts
            Most deliveries of one message in this call.
        backoff
            Seconds before the first repetition.
        time_limit
            Seconds after which nothing more is begun.
        waiting
            Clock and sleep, for tests.

        Returns
        -------
        report
            What was delivered, and what is refused or pending, ticket by ticket with the reason.

        Raises
        ------
        PublisherBusyError
            If another publisher is at work on this outbox.
        """
        with self._store.session() as session:
            if not session.lock():
                raise PublisherBusyError(
                    "Another publisher is at work on this outbox. Let it finish, or end it."
                )
            run = Publishing(
                session,
                deliver,
                attempts=attempts,
                backoff=backoff,
                time_limit=time_limit,
                waiting=waiting or Waiting(),
            )
            return run.run()

    def status(self) -> PublishReport:
        """Return what is refused or pending, without delivering anything."""
        with self._store.session() as session:
            return PublishReport((), standing(session))

    def holds(self, plan_id: str) -> bool:
        """Whether a plan has been enqueued."""
        with self._store.session() as session:
            return bool(session.run(_PLAN, plan_id=plan_id))

    def last_plan(self) -> Plan | None:
        """Return the plan enqueued last; None before the first."""
        with self._store.session() as session:
            rows = session.run(_LAST_PLAN)
        return None if not rows else Plan.model_validate_json(rows[0][0])

    def retry_refused(self) -> int:
        """Make every refused message pending again, once its cause is removed; return how many."""
        with self._store.session() as session, session.transaction():
            count = int(session.run(_COUNT_REFUSED)[0][0])
            session.run(_RETRY)
        return count

    def prune(self, *, keep_plans: int = 30) -> int:
        """Forget what was delivered or given up of all but the newest plans; return how many.

        What was told last of each ticket stays, and so does what is pending or refused.
        """
        with self._store.session() as session, session.transaction():
            before = int(session.run(_COUNT)[0][0])
            session.run(_PRUNE, keep=keep_plans)
            session.run(_EMPTY, keep=keep_plans)
            session.run(_EMPTY_PLANS, keep=keep_plans)
            return before - int(session.run(_COUNT)[0][0])


def enqueue(
    session: Session,
    plan: Plan,
    previous_plan: Plan | None,
    *,
    problem: Problem | None,
    document: DocumentHook | None,
) -> Enqueued:
    """Take a plan within a transaction that the caller began; see `Outbox.enqueue`."""
    data = to_json(plan)
    digest = plan_digest(data)
    rows = session.run(_PLAN, plan_id=plan.plan_id)
    if rows:
        if rows[0][0] != digest:
            raise PlanConflictError(
                f"Plan '{plan.plan_id}' is in the outbox already and says something else. "
                "Give the new plan a plan_id of its own."
            )
        return Enqueued(plan.plan_id, _counts(session, plan.plan_id), is_new=False)
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    session.run(
        _ADD_PLAN, plan_id=plan.plan_id, digest=digest, document=_json(data), enqueued_at=now
    )
    known = {
        ticket_id: Told(json.loads(state), action, status)
        for ticket_id, state, action, status in session.run(_KNOWN)
    }
    seq = int(session.run("SELECT coalesce(max(seq), 0) FROM dispatchopt_outbox")[0][0])
    added = []
    for message, state in messages_of(plan, known, previous_plan, problem):
        if document is not None:
            made = document(message)
            if made is None:
                continue
            message = replace(message, document=made)
        seq += 1
        added.append(_row(message, state, seq, now))
    # What the receiver refused of earlier plans is decided anew by this one.
    session.run(_DROP)
    if added:
        session.run_many(_SUPERSEDE, [{"ticket_id": row["ticket_id"]} for row in added])
        session.run_many(_ADD, added)
    logger.info("plan %s: %d messages in the outbox", plan.plan_id, len(added))
    return Enqueued(plan.plan_id, _counts(session, plan.plan_id), is_new=True)


def _counts(session: Session, plan_id: str) -> dict[Action, int]:
    found: Counter[Action] = Counter()
    for action, count in session.run(_COUNTS, plan_id=plan_id):
        found[action] = count
    return dict(found)


def _row(message: Message, state: Mapping[str, Any], seq: int, now: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "key": message.key,
        "plan_id": message.plan_id,
        "ticket_id": message.ticket_id,
        "action": message.action,
        "state": _json(state),
        "document": _json(message.document),
        "now": now,
    }


def _json(data: Mapping[str, Any]) -> str:  # Any: JSON
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise AdapterError(f"A document for the outbox has no JSON form ({error}).") from error


_PLAN: Final = "SELECT digest FROM dispatchopt_outbox_plan WHERE plan_id = :plan_id"
_LAST_PLAN: Final = """\
SELECT document FROM dispatchopt_outbox_plan WHERE document IS NOT NULL
ORDER BY position DESC LIMIT 1"""
_ADD_PLAN: Final = """\
INSERT INTO dispatchopt_outbox_plan (position, plan_id, digest, document, enqueued_at)
SELECT coalesce(max(position), 0) + 1, :plan_id, :digest, :document, :enqueued_at
FROM dispatchopt_outbox_plan"""
_KNOWN: Final = """\
SELECT ticket_id, state, action, status FROM dispatchopt_outbox
WHERE seq IN (SELECT max(seq) FROM dispatchopt_outbox GROUP BY ticket_id)"""
_SUPERSEDE: Final = """\
UPDATE dispatchopt_outbox SET status = 'superseded'
WHERE ticket_id = :ticket_id AND status = 'pending'"""
_DROP: Final = "UPDATE dispatchopt_outbox SET status = 'dropped' WHERE status = 'refused'"
_ADD: Final = """\
INSERT INTO dispatchopt_outbox
    (seq, idempotency_key, plan_id, ticket_id, action, status, attempts, reason, state, document,
     enqueued_at)
VALUES (:seq, :key, :plan_id, :ticket_id, :action, 'pending', 0, '', :state, :document, :now)"""
_COUNTS: Final = """\
SELECT action, count(*) FROM dispatchopt_outbox WHERE plan_id = :plan_id
GROUP BY action ORDER BY action"""
_COUNT_REFUSED: Final = "SELECT count(*) FROM dispatchopt_outbox WHERE status = 'refused'"
_RETRY: Final = "UPDATE dispatchopt_outbox SET status = 'pending' WHERE status = 'refused'"
_COUNT: Final = "SELECT count(*) FROM dispatchopt_outbox"
_OLD: Final = """\
SELECT plan_id FROM dispatchopt_outbox_plan
WHERE position <= (SELECT max(position) FROM dispatchopt_outbox_plan) - :keep"""
_PRUNE: Final = f"""\
DELETE FROM dispatchopt_outbox
WHERE status NOT IN ('pending', 'refused') AND plan_id IN ({_OLD})
AND seq NOT IN (SELECT max(seq) FROM dispatchopt_outbox GROUP BY ticket_id)"""
_EMPTY: Final = f"""\
UPDATE dispatchopt_outbox SET document = '{{}}'
WHERE status NOT IN ('pending', 'refused') AND plan_id IN ({_OLD})"""
_EMPTY_PLANS: Final = f"""\
UPDATE dispatchopt_outbox_plan SET document = NULL WHERE plan_id IN ({_OLD})"""
