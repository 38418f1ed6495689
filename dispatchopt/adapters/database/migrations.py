"""The versions of the schema, and the way from each to the next.

A version that was released is never changed: what comes later is a version of its own. All that a
database lacks is done in one transaction, so it is at one version or at another, never between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dispatchopt.adapters.database.schema import SCHEMA
from dispatchopt.adapters.outbox import store
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from dispatchopt.adapters.database.connect import Link


@dataclass(frozen=True, slots=True)
class Migration:
    """One version of the schema.

    Attributes
    ----------
    title
        What it brings.
    statements
        The way from the version before; ``{time}`` and ``{json}`` are types of the database.
    """

    title: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """At which version a database is.

    Attributes
    ----------
    version
        0: there are no tables of ours yet.
    latest
        The version that this program works with.
    missing
        Titles of the versions that the database lacks.
    """

    version: int
    latest: int
    missing: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether this program can work with the database."""
        return self.version == self.latest


_ROW = (
    "plan_id VARCHAR(200) NOT NULL REFERENCES dispatchopt_plan (plan_id), position INTEGER NOT NULL"
)

_PLANS: Final = Migration(
    "tables of plans",
    (
        """\
CREATE TABLE dispatchopt_plan (
    plan_id VARCHAR(200) NOT NULL PRIMARY KEY,
    base_version VARCHAR(200),
    replaced VARCHAR(200),
    schema_version TEXT NOT NULL,
    written_at {time} NOT NULL,
    digest VARCHAR(64) NOT NULL,
    cost BIGINT,
    bound BIGINT,
    gap DOUBLE PRECISION,
    seed BIGINT,
    iterations BIGINT,
    runtime DOUBLE PRECISION,
    input_hash TEXT,
    version TEXT
)""",
        """\
CREATE TABLE dispatchopt_in_force (
    slot INTEGER NOT NULL PRIMARY KEY,
    plan_id VARCHAR(200) NOT NULL REFERENCES dispatchopt_plan (plan_id)
)""",
        f"""\
CREATE TABLE dispatchopt_route ({_ROW},
    shift_id VARCHAR(200) NOT NULL,
    engineer_id VARCHAR(200),
    starts_at {{time}},
    ends_at {{time}},
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_visit ({_ROW},
    route INTEGER NOT NULL,
    shift_id VARCHAR(200) NOT NULL,
    engineer_id VARCHAR(200),
    sequence INTEGER NOT NULL,
    ticket_id VARCHAR(200) NOT NULL,
    departs_at {{time}},
    arrives_at {{time}},
    starts_at {{time}},
    ends_at {{time}},
    travel_seconds BIGINT,
    promised_open {{time}},
    promised_close {{time}},
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_break ({_ROW},
    route INTEGER NOT NULL,
    starts_at {{time}} NOT NULL,
    ends_at {{time}} NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_unserved ({_ROW},
    ticket_id VARCHAR(200) NOT NULL,
    reason VARCHAR(200) NOT NULL,
    detail {{json}} NOT NULL,
    breaks_promise BOOLEAN NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_rejected ({_ROW},
    ticket_id TEXT NOT NULL,
    issues {{json}} NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_not_plannable ({_ROW},
    ticket_id VARCHAR(200) NOT NULL,
    status VARCHAR(10) NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_promise ({_ROW},
    ticket_id VARCHAR(200) NOT NULL,
    kind VARCHAR(10) NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_overridden ({_ROW},
    rule VARCHAR(200) NOT NULL,
    ticket_id VARCHAR(200),
    shift_id VARCHAR(200),
    detail TEXT NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
        f"""\
CREATE TABLE dispatchopt_cost ({_ROW},
    rule VARCHAR(200) NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (plan_id, position)
)""",
    ),
)
_OUTBOX: Final = Migration("publishing outbox", store.TABLES)
_LOOKUP: Final = Migration(
    "visits found by ticket",
    ("CREATE INDEX dispatchopt_visit_ticket ON dispatchopt_visit (ticket_id, plan_id)",),
)
_BOOKINGS: Final = Migration(
    "bookings",
    (
        """\
CREATE TABLE dispatchopt_booking_stream (
    slot INTEGER NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    plan_id VARCHAR(200)
)""",
        "INSERT INTO dispatchopt_booking_stream (slot, seq) VALUES (1, 0)",
        """\
CREATE TABLE dispatchopt_booking_event (
    seq BIGINT NOT NULL PRIMARY KEY,
    request_id VARCHAR(200) NOT NULL UNIQUE,
    digest VARCHAR(64) NOT NULL,
    ticket_id VARCHAR(200),
    kind VARCHAR(10) NOT NULL,
    happened_at {time} NOT NULL,
    actor VARCHAR(200) NOT NULL,
    revision INTEGER NOT NULL,
    plan_id VARCHAR(200),
    opens_at {time},
    closes_at {time},
    shift_id VARCHAR(200),
    engineer_id VARCHAR(200),
    expires_at {time},
    detail {json} NOT NULL
)""",
        "CREATE INDEX dispatchopt_booking_event_ticket "
        "ON dispatchopt_booking_event (ticket_id, seq)",
        """\
CREATE TABLE dispatchopt_booking (
    ticket_id VARCHAR(200) NOT NULL PRIMARY KEY,
    state VARCHAR(10) NOT NULL,
    revision INTEGER NOT NULL,
    seq BIGINT NOT NULL,
    changed_at {time} NOT NULL,
    actor VARCHAR(200) NOT NULL,
    plan_id VARCHAR(200),
    opens_at {time},
    closes_at {time},
    shift_id VARCHAR(200),
    engineer_id VARCHAR(200),
    expires_at {time},
    first_opens_at {time},
    first_closes_at {time},
    first_agreed_at {time},
    is_forced BOOLEAN NOT NULL,
    missed_by VARCHAR(10),
    contact_by {time},
    contacted_at {time}
)""",
        "CREATE INDEX dispatchopt_booking_state ON dispatchopt_booking (state, expires_at)",
    ),
)

_KEPT: Final = Migration(
    "how surely promises are kept",
    (
        "ALTER TABLE dispatchopt_visit ADD COLUMN kept_probability DOUBLE PRECISION",
        "ALTER TABLE dispatchopt_promise ADD COLUMN was DOUBLE PRECISION",
        "ALTER TABLE dispatchopt_promise ADD COLUMN kept_probability DOUBLE PRECISION",
    ),
)

_ROUTES: Final = Migration(
    "routes of bookings",
    (
        """\
CREATE TABLE dispatchopt_booking_routes (
    plan_key VARCHAR(64) NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    seq BIGINT NOT NULL,
    digest VARCHAR(64) NOT NULL,
    document TEXT NOT NULL
)""",
    ),
)

MIGRATIONS: Final[tuple[Migration, ...]] = (_PLANS, _OUTBOX, _LOOKUP, _BOOKINGS, _KEPT, _ROUTES)
"""Version n of the schema is what the first n of them make."""

TYPES: Final = {
    "postgresql": {"time": "TIMESTAMP WITH TIME ZONE", "json": "JSON"},
    "sqlite": {"time": "VARCHAR(20)", "json": "JSON"},
}
"""What ``{time}`` and ``{json}`` are in each database."""


def schema_status(
    connection: Connection, migrations: Sequence[Migration] = MIGRATIONS
) -> SchemaStatus:
    """Return at which version a database is."""
    version = 0
    if sa.inspect(connection).has_table(SCHEMA.name):
        version = connection.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar() or 0
    missing = tuple(migration.title for migration in migrations[version:])
    return SchemaStatus(version, len(migrations), missing)


def upgrade(link: Link, migrations: Sequence[Migration] = MIGRATIONS) -> SchemaStatus:
    """Bring a database to the latest version, all or nothing; return where it was before.

    Raises
    ------
    AdapterError
        If its version is newer than this program, or a step fails: nothing is changed then.
    """
    with link.writing() as connection:
        before = schema_status(connection, migrations)
        _refuse_newer(link, before)
        types = TYPES[connection.dialect.name]
        if before.version == 0:
            connection.execute(sa.text(_SCHEMA.format(**types)))
        for number in range(before.version, len(migrations)):
            for statement in migrations[number].statements:
                connection.execute(sa.text(statement.format(**types)))
            applied_at = datetime.now(UTC).replace(microsecond=0)
            connection.execute(SCHEMA.insert().values(version=number + 1, applied_at=applied_at))
    return before


def require_current(link: Link, connection: Connection) -> None:
    """Refuse a database at another version than this program's.

    Raises
    ------
    AdapterError
        With the command that brings it there.
    """
    status = schema_status(connection)
    _refuse_newer(link, status)
    if not status.is_current:
        command = "migrate" if status.version else "init"
        lacks = ", ".join(status.missing)
        raise AdapterError(f"{link.name}: lacks {lacks}. Run: dispatchopt database {command} URL")


def _refuse_newer(link: Link, status: SchemaStatus) -> None:
    if status.version > status.latest:
        raise AdapterError(
            f"{link.name}: its tables have version {status.version}, this program knows up to "
            f"{status.latest}. Update dispatchopt."
        )


_SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS dispatchopt_schema (
    version INTEGER NOT NULL PRIMARY KEY,
    applied_at {time} NOT NULL
)"""
