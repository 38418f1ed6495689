"""Where an outbox is kept: a SQLite file of its own, or the operator's database.

The statements are the same for both; names of parameters stand as ``:name``.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TABLES: Final = (
    """\
CREATE TABLE IF NOT EXISTS dispatchopt_outbox_plan (
    position BIGINT NOT NULL PRIMARY KEY,
    plan_id VARCHAR(200) NOT NULL UNIQUE,
    digest VARCHAR(64) NOT NULL,
    document TEXT,
    enqueued_at VARCHAR(20) NOT NULL
)""",
    """\
CREATE TABLE IF NOT EXISTS dispatchopt_outbox (
    seq BIGINT NOT NULL PRIMARY KEY,
    idempotency_key VARCHAR(200) NOT NULL UNIQUE,
    plan_id VARCHAR(200) NOT NULL,
    ticket_id VARCHAR(200) NOT NULL,
    action VARCHAR(10) NOT NULL,
    status VARCHAR(10) NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    document TEXT NOT NULL,
    enqueued_at VARCHAR(20) NOT NULL,
    settled_at VARCHAR(20)
)""",
    "CREATE INDEX IF NOT EXISTS dispatchopt_outbox_status ON dispatchopt_outbox (status, seq)",
    "CREATE INDEX IF NOT EXISTS dispatchopt_outbox_ticket ON dispatchopt_outbox (ticket_id, seq)",
)
"""The tables of an outbox; times are UTC in ISO 8601, state and document are JSON."""

_FILE_VERSION: Final = 1
_PATIENCE: Final = 60.0
"""Seconds that a writer waits for another one."""


class Session(Protocol):
    """One connection to a store."""

    def run(self, sql: str, **values: Any) -> Sequence[Sequence[Any]]:  # Any: cells
        """Carry out a statement; outside `transaction` at once and for good."""

    def run_many(self, sql: str, rows: Sequence[dict[str, Any]]) -> None:  # Any: cells
        """Carry out a statement for each row."""

    def transaction(self) -> AbstractContextManager[None]:
        """Write all or nothing, and alone."""

    def lock(self) -> bool:
        """Become the publisher, until the session ends; False if another session is."""


class Store(Protocol):
    """Where an outbox is kept."""

    def session(self) -> AbstractContextManager[Session]:
        """Open a connection.

        Raises
        ------
        AdapterError
            If the store cannot be read or written, on the way too.
        """


class FileStore:
    """An outbox in a SQLite file; made when it is first needed."""

    def __init__(self, path: Path) -> None:
        # The lock stands beside it: whoever comes by a link must find the same one.
        self.path = Path(os.path.realpath(path))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AdapterError(f"{self.path}: the outbox cannot be used ({error}).") from error
        try:
            with closing(_connect(self.path, _PATIENCE)) as connection:
                session = _FileSession(connection, self.path)
                self._prepare(session)
                with closing(session):
                    yield session
        except sqlite3.Error as error:
            raise AdapterError(f"{self.path}: the outbox cannot be used ({error}).") from error

    def _prepare(self, session: _FileSession) -> None:
        version = session.run("PRAGMA user_version")[0][0]
        if version > _FILE_VERSION:
            raise AdapterError(
                f"{self.path}: an outbox of version {version}, this program knows up to "
                f"{_FILE_VERSION}. Update dispatchopt, or name another file."
            )
        if version < _FILE_VERSION:
            with session.transaction():
                for statement in TABLES:
                    session.run(statement)
                session.run(f"PRAGMA user_version = {_FILE_VERSION}")


class _FileSession:
    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._lock: sqlite3.Connection | None = None

    def run(self, sql: str, **values: Any) -> Sequence[Sequence[Any]]:  # Any: cells
        return self._connection.execute(sql, values).fetchall()

    def run_many(self, sql: str, rows: Sequence[dict[str, Any]]) -> None:  # Any: cells
        self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def lock(self) -> bool:
        self._lock = self._lock or locked_file(self._path)
        return self._lock is not None

    def close(self) -> None:
        """Let the next publisher in."""
        if self._lock is not None:
            self._lock.close()


def locked_file(path: Path) -> sqlite3.Connection | None:
    """Lock a database file for one publisher, by a file beside it; None if there is one already.

    The system gives the lock back when the publisher ends, however it ends.

    Raises
    ------
    AdapterError
        If that file cannot be made.
    """
    target = Path(os.path.realpath(path))
    lock = target.with_name(f"{target.name}.publisher")
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
            return None
        raise AdapterError(f"{lock}: cannot be locked ({error}).") from error
    return connection


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    # A delivery must be on record before the receiver's own memory of it is let go.
    connection.execute("PRAGMA synchronous = FULL")
    return connection
