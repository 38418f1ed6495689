"""Telling the receiver what a night decided, through the outbox."""

from __future__ import annotations

import os
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.outbox import FolderTarget, HttpTarget, Outbox, PublishReport
from dispatchopt.night.config import secret
from dispatchopt.night.updates import hook_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dispatchopt.adapters.database import Database
    from dispatchopt.adapters.outbox import Deliver
    from dispatchopt.models import Plan
    from dispatchopt.night.config import PublishConfig
    from dispatchopt.night.nights import Night


class Publishing:
    """Where plans and messages of a night go.

    Parameters
    ----------
    state
        Folder of the outbox, unless it is in a database.
    """

    def __init__(self, config: PublishConfig, state: Path) -> None:
        self._config = config
        self._store = secret(config.store, config.store_env)
        self._outbox = Outbox(state / "outbox.db" if self._store is None else self._store)
        self._is_off = config.to == "none" and self._store is None

    def plan_in_force(self) -> Plan | None:
        """Return the plan in force of the database; None without one.

        Raises
        ------
        AdapterError
            If its tables lack: nothing is planned that could not be written.
        """
        return None if self._store is None else self._database(self._store).read_plan()

    def publish(self, night: Night) -> PublishReport | None:
        """Deliver what a night decided and what is left of others; None without a receiver.

        Safe to repeat: the plan enters whole, once, and each message goes out once.

        Raises
        ------
        PlanConflictError
            If another plan came into force in the database since planning began.
        AdapterError
            If outbox or database cannot be read or written, or another publisher is at work.
        """
        if self._is_off:
            return None
        document = hook_of(night.folder, self._config)
        if self._store is not None:
            self._database(self._store).release_plan(
                night.plan(),
                night.previous_plan(),
                replacing=night.record.in_force,
                document=document,
            )
        elif not self._outbox.holds(night.record.plan_id):
            self._outbox.enqueue(night.plan(), night.previous_plan(), document=document)
        if self._config.to == "none":
            return None
        with self._target() as target:
            return self._outbox.publish(
                target,
                attempts=self._config.attempts,
                backoff=self._config.backoff,
                time_limit=self._config.time_limit,
            )

    def knows(self, night: Night) -> bool:
        """Whether anybody may have heard of a night; without a receiver people read its files."""
        return self._is_off or self._outbox.holds(night.record.plan_id)

    def prune(self, keep: int) -> int:
        """Forget what is settled of all but the newest plans; return how many messages.

        An outbox in a database is left to ``dispatchopt outbox prune``: others may read there.
        """
        if self._is_off or self._store is not None:
            return 0
        return self._outbox.prune(keep_plans=keep)

    @staticmethod
    def _database(url: str) -> Database:
        # Loaded here: databases are an extra.
        from dispatchopt.adapters.database import Database

        return Database(url)

    def _target(self) -> AbstractContextManager[Deliver]:
        config = self._config
        if config.to == "folder":
            assert config.folder is not None
            return nullcontext(FolderTarget(config.folder))
        url = secret(config.url, config.url_env)
        assert url is not None
        if config.to == "database":
            from dispatchopt.adapters.database import DatabaseTarget

            return closing(DatabaseTarget(url, table=config.table))
        headers = {name: os.environ[variable] for name, variable in config.header_env.items()}
        if config.documents != "own" and "content-type" not in map(str.lower, headers):
            headers["Content-Type"] = "application/merge-patch+json"
        return nullcontext(HttpTarget(url, method=config.method, headers=headers))


def counts_of(report: PublishReport | None) -> dict[str, Any]:  # Any: JSON
    """Return what was published as the journal tells it."""
    if report is None:
        return {"status": "skip", "why": "no receiver"}
    status = "ok" if report.is_complete else "warn"
    return {
        "status": status,
        "delivered": len(report.delivered),
        "pending": len(report.pending),
        "refused": len(report.refused),
    }
