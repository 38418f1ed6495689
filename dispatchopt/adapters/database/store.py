"""An outbox in the operator's database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dispatchopt.adapters.database.connect import Link, publisher_lock
from dispatchopt.adapters.database.migrations import require_current
from dispatchopt.adapters.outbox.store import locked_file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection


class DatabaseStore:
    """Keeps an outbox beside the tables of plans."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @contextmanager
    def session(self) -> Iterator[DatabaseSession]:
        """Open a connection of which each statement is carried out at once."""
        with self._link.autocommit() as connection:
            require_current(self._link, connection)
            session = DatabaseSession(self._link, connection)
            try:
                yield session
            finally:
                session.close()


class DatabaseSession:
    """A connection as an outbox uses it."""

    def __init__(self, link: Link, connection: Connection) -> None:
        self._link, self._connection = link, connection
        self._lock: sqlite3.Connection | None = None

    def run(self, sql: str, **values: Any) -> Sequence[Sequence[Any]]:  # Any: cells
        """Carry out a statement."""
        result = self._connection.execute(sa.text(sql), values)
        return result.fetchall() if result.returns_rows else ()

    def run_many(self, sql: str, rows: Sequence[dict[str, Any]]) -> None:  # Any: cells
        """Carry out a statement for each row."""
        self._connection.execute(sa.text(sql), list(rows))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing, on a connection for that alone."""
        outside = self._connection
        with self._link.writing() as connection:
            self._connection = connection
            try:
                yield
            finally:
                self._connection = outside

    def lock(self) -> bool:
        """Become the publisher; the database gives the lock back when the connection ends."""
        if self._link.file is None:
            return publisher_lock(self._connection)
        self._lock = self._lock or locked_file(self._link.file)
        return self._lock is not None

    def close(self) -> None:
        """Let the next publisher in."""
        if self._lock is not None:
            self._lock.close()
