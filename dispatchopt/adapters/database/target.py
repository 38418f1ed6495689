"""A table that receives messages of an outbox, each exactly once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dispatchopt.adapters.database.connect import Link
from dispatchopt.adapters.database.migrations import TYPES
from dispatchopt.adapters.database.schema import Moment
from dispatchopt.adapters.outbox.publisher import DELIVERED, Delivery
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy.engine import Connection

    from dispatchopt.adapters.outbox.messages import Message

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,50}", re.ASCII)


class DatabaseTarget:
    """One row for each message, in a table of a database of the receiver's.

    The table is made if it is missing: ``idempotency_key``, ``plan_id``, ``ticket_id``, ``action``,
    ``document`` (JSON), ``received_at``. The reader may delete rows at once: a message that it took
    does not come again, even if the publisher was killed before its delivery was on record.
    A second table, ``<table>_seen``, remembers that; it shares the transaction of the row.

    Parameters
    ----------
    url
        As for `Database`; use it in a ``with`` statement to keep one connection for all messages.
    table
        Its name: small letters, digits and underscores.

    Raises
    ------
    AdapterError
        If the URL or the name is none.
    """

    def __init__(self, url: str, *, table: str = "dispatchopt_inbox") -> None:
        if not _NAME.fullmatch(table):
            raise AdapterError(
                f"{table!r}: no name for a table. Write small letters, digits and underscores."
            )
        self._link = Link(url, is_kept=True)
        self._table = table
        self._is_ready = False
        self._settled: list[dict[str, str]] = []
        meta = sa.MetaData()
        self._rows = sa.Table(
            table,
            meta,
            sa.Column("idempotency_key", sa.String(200), primary_key=True),
            sa.Column("plan_id", sa.String(200)),
            sa.Column("ticket_id", sa.String(200)),
            sa.Column("action", sa.String(10)),
            sa.Column("document", sa.JSON),
            sa.Column("received_at", Moment),
        )
        self._seen = f"{table}_seen"

    def __enter__(self) -> DatabaseTarget:
        """Return itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Let the connection go."""
        self.close()

    def close(self) -> None:
        """Let the connection go; the next message opens one."""
        try:
            if self._settled:
                with self._link.writing() as connection:
                    self._forget(connection)
        finally:
            self._link.close()

    def __call__(self, message: Message) -> Delivery:
        """Add the row."""
        row = {
            "idempotency_key": message.key,
            "plan_id": message.plan_id,
            "ticket_id": message.ticket_id,
            "action": message.action,
            "document": dict(message.document),
            "received_at": datetime.now(UTC).replace(microsecond=0),
        }
        try:
            with self._link.writing() as connection:
                if not self._is_ready:
                    types = TYPES[connection.dialect.name]
                    for statement in _TABLES:
                        text = statement.format(table=self._table, seen=self._seen, **types)
                        connection.execute(sa.text(text))
                self._forget(connection)
                is_new = connection.execute(
                    sa.text(_NOTE.format(seen=self._seen)), {"key": message.key}
                ).rowcount
                if is_new:
                    # There already if the outbox was put back from a copy.
                    insert = sqlite.insert if self._link.is_sqlite else postgresql.insert
                    connection.execute(insert(self._rows).on_conflict_do_nothing(), row)
        except AdapterError as error:
            return Delivery("retry", str(error))
        self._is_ready = True
        return DELIVERED

    def settled(self, message: Message) -> None:
        """Forget a message that will not come again, together with the next one or at the end."""
        self._settled.append({"key": message.key})

    def _forget(self, connection: Connection) -> None:
        if self._settled:
            connection.execute(sa.text(_FORGET.format(seen=self._seen)), self._settled)
            self._settled = []


_TABLES: Final = (
    """\
CREATE TABLE IF NOT EXISTS {table} (
    idempotency_key VARCHAR(200) NOT NULL PRIMARY KEY,
    plan_id VARCHAR(200) NOT NULL,
    ticket_id VARCHAR(200) NOT NULL,
    action VARCHAR(10) NOT NULL,
    document {json} NOT NULL,
    received_at {time} NOT NULL
)""",
    "CREATE TABLE IF NOT EXISTS {seen} (idempotency_key VARCHAR(200) NOT NULL PRIMARY KEY)",
)
_NOTE: Final = "INSERT INTO {seen} (idempotency_key) VALUES (:key) ON CONFLICT DO NOTHING"
_FORGET: Final = "DELETE FROM {seen} WHERE idempotency_key = :key"
