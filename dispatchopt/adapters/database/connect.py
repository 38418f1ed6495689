"""Connections to SQLite and PostgreSQL: transactions, locks, and errors that tell no secrets."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, Pool, QueuePool

from dispatchopt.errors import AdapterError, masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Connection, Engine

_HOW: Final = "Write sqlite:///FILE.db or postgresql+psycopg://USER@HOST/NAME."
_PATIENCE: Final = 60
"""Seconds that a writer waits for another one."""

_LOCK_SPACE: Final = 0x64697370
"""First half of our advisory locks' keys ("disp" in ASCII)."""

_MODE: Final = "dispatchopt_mode"
"""Option of a connection: how it is used."""

WRITER: Final = 1
PUBLISHER: Final = 2

_IMPATIENT: Final = sa.text(
    "SELECT set_config('lock_timeout', :limit, true), "
    "set_config('idle_in_transaction_session_timeout', :limit, true)"
)


class Link:
    """A database that can be connected to; nothing is opened until it is used.

    Parameters
    ----------
    url
        Of SQLAlchemy; its password stays out of messages and logs.
    is_kept
        Whether one connection is kept open until `close`.

    Raises
    ------
    AdapterError
        If it is no URL of SQLite or PostgreSQL, or its driver is missing.
    """

    def __init__(self, url: str | URL, *, is_kept: bool = False) -> None:
        self._url = _parsed(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.name = _without_secrets(self._url)
        pool: type[Pool] = QueuePool if is_kept else NullPool
        self._engine = _engine(self._url, self.name, pool, is_sqlite=self.is_sqlite)

    def __repr__(self) -> str:
        """Return the URL without its password."""
        return f"Link({self.name!r})"

    def close(self) -> None:
        """Close the connection that is kept."""
        self._engine.dispose()

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(str(self._url.database)) if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that sees one state of the database, and cannot write.

        Raises
        ------
        AdapterError
            If the database cannot be reached or read.
        """
        if self.file is not None and not self.file.exists():
            raise AdapterError(f"{self.name}: no such file. Correct the URL.")
        options: dict[str, Any] = {_MODE: "reads"}  # Any: SQLAlchemy's own
        if not self.is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._told(), self._engine.connect() as connection:
            yield connection.execution_options(**options)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes all or nothing, alone among our writers.

        Raises
        ------
        AdapterError
            If the database cannot be reached, read or written.
        """
        with self._told(), self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(
                    sa.text("SELECT pg_advisory_xact_lock(:space, :kind)"),
                    {"space": _LOCK_SPACE, "kind": WRITER},
                )
            yield connection

    @contextmanager
    def short_writing(self) -> Iterator[Connection]:
        """Open a transaction that writes all or nothing and is soon over.

        In SQLite it is alone among all writers; in PostgreSQL it locks the rows that it asks for,
        and sees what was committed until it had them. There it ends after a minute of waiting, or
        of silence: a program that hangs keeps nobody out for ever.

        Raises
        ------
        AdapterError
            If the database cannot be reached, read or written.
        """
        with self._told(), self._engine.connect() as connection:
            if not self.is_sqlite:
                # Whatever the server's default is: here locks keep the order, not conflicts.
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(_IMPATIENT, {"limit": f"{_PATIENCE}s"})
                yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Open a connection of which each statement is carried out at once and for good."""
        with self._told(), self._engine.connect() as connection:
            options: dict[str, Any] = {_MODE: "autocommit"}  # Any: SQLAlchemy's own
            if not self.is_sqlite:
                options["isolation_level"] = "AUTOCOMMIT"
            yield connection.execution_options(**options)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # Not chained: the cause holds statements and their values.
            raise AdapterError(
                f"{self.name}: cannot be used ({refusal(error, str(self._url.password or ''))})."
            ) from None


def refusal(error: SQLAlchemyError, password: str | None = None) -> str:
    """Return what a message may tell of an error: no values of rows, no password."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return type(error).__name__
    state = getattr(error.orig, "sqlstate", None) or ""
    if state[:2] in ("22", "23"):  # faults of data quote the data
        return f"a value was refused, SQLSTATE {state}"
    text = (str(error.orig).strip().splitlines() or [""])[0]
    if password:
        text = text.replace(password, "***")
    return masked(text) or type(error.orig).__name__


def file_url(path: str | Path) -> URL:
    """Return the URL of a SQLite file, whatever its name holds: in a text ``?`` and ``%`` count."""
    return sa.URL.create("sqlite", database=str(path))


def publisher_lock(connection: Connection) -> bool:
    """Become the publisher of a PostgreSQL database for as long as the connection lasts."""
    values = {"space": _LOCK_SPACE, "kind": PUBLISHER}
    statement = sa.text("SELECT pg_try_advisory_lock(:space, :kind)")
    return bool(connection.execute(statement, values).scalar())


def _parsed(url: str | URL) -> URL:
    if isinstance(url, str) and url.startswith("postgres://"):
        url = f"postgresql{url.removeprefix('postgres')}"
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError):  # its text may hold the URL
        raise AdapterError(f"No URL of a database. {_HOW}") from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise AdapterError(f"{parsed.drivername}: no database that is supported. {_HOW}")
    if (
        not parsed.drivername.startswith("postgresql")
        and (parsed.database or ":memory:") == ":memory:"
    ):
        raise AdapterError(f"sqlite: a database in memory is gone at once. {_HOW}")
    return parsed


def _without_secrets(url: URL) -> str:
    # What follows the question mark may hold a password, too.
    return url.set(query={}).render_as_string(hide_password=True)


def _engine(url: URL, name: str, pool: type[Pool], *, is_sqlite: bool) -> Engine:
    try:
        engine = sa.create_engine(
            url,
            poolclass=pool,
            hide_parameters=True,
            json_serializer=_json,
            connect_args={"timeout": _PATIENCE} if is_sqlite else {},
        )
    except ImportError:
        raise AdapterError(
            f"{name}: the driver is missing. Run: pip install 'dispatchopt[postgres]'."
        ) from None
    if is_sqlite:
        sa.event.listen(engine, "connect", _on_connect)
        sa.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:  # Any: the driver's own
    # The driver shall begin no transactions of its own: it leaves changes of tables out of them.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")


def _on_begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(_MODE, "writes")
    if mode == "reads":
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")
    elif mode == "writes":
        connection.exec_driver_sql("PRAGMA query_only = OFF")  # a kept connection may have read
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _json(value: Any) -> str:  # Any: JSON
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
