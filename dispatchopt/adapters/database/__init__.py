"""Databases through SQLAlchemy: SQLite and PostgreSQL.

::

    database = Database("postgresql+psycopg://planner@db/dispatch")
    database.upgrade()                                # or: dispatchopt database init URL
    database.release_plan(plan)                       # plan and messages in one transaction
    Outbox("postgresql+psycopg://planner@db/dispatch").publish(...)
"""

from __future__ import annotations

from dispatchopt.errors import AdapterError

try:
    import sqlalchemy  # noqa: F401, asked for here so that its absence is one clear error
except ImportError as error:
    raise AdapterError(
        "Databases need SQLAlchemy. Run: pip install 'dispatchopt[database]', "
        "or 'dispatchopt[postgres]' for PostgreSQL."
    ) from error

from dispatchopt.adapters.database.database import Database, Released
from dispatchopt.adapters.database.migrations import SchemaStatus
from dispatchopt.adapters.database.target import DatabaseTarget

__all__ = ["Database", "DatabaseTarget", "Released", "SchemaStatus"]
