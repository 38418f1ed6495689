"""The tables of plans and bookings, as the newest version of the schema has them (`migrations`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class Moment(sa.types.TypeDecorator[datetime]):
    """A point in time: ``timestamptz`` in PostgreSQL, text in SQLite (``2026-11-23T08:30:00Z``)."""

    impl = sa.String(20)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # Any: SQLAlchemy's own
        """Return the type of the database at hand."""
        kind = sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.String(20)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # Any: as above
        """Bring a time to the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Bring a time back, in UTC."""
        if value is None:
            return None
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return found.astimezone(UTC)


_META: Final = sa.MetaData()
_ID: Final = sa.String(200)


def _of_plan(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """Build a table with rows in an order of their own within each plan."""
    return sa.Table(
        f"dispatchopt_{name}",
        _META,
        sa.Column("plan_id", _ID, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        *columns,
    )


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _ID, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, Moment, nullable=nullable)


def _whole(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


SCHEMA: Final = sa.Table(
    "dispatchopt_schema",
    _META,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    _time("applied_at", nullable=False),
)
IN_FORCE: Final = sa.Table(
    "dispatchopt_in_force",
    _META,
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    _id("plan_id"),
)
PLAN: Final = sa.Table(
    "dispatchopt_plan",
    _META,
    sa.Column("plan_id", _ID, primary_key=True),
    _id("base_version", nullable=True),
    _id("replaced", nullable=True),
    _text("schema_version"),
    _time("written_at", nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    _whole("cost"),
    _whole("bound"),
    sa.Column("gap", sa.Double),
    _whole("seed"),
    _whole("iterations"),
    sa.Column("runtime", sa.Double),
    _text("input_hash", nullable=True),
    _text("version", nullable=True),
)
ROUTE: Final = _of_plan(
    "route",
    _id("shift_id"),
    _id("engineer_id", nullable=True),
    _time("starts_at"),
    _time("ends_at"),
)
VISIT: Final = _of_plan(
    "visit",
    sa.Column("route", sa.Integer, nullable=False),
    _id("shift_id"),
    _id("engineer_id", nullable=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    _id("ticket_id"),
    _time("departs_at"),
    _time("arrives_at"),
    _time("starts_at"),
    _time("ends_at"),
    _whole("travel_seconds"),
    _time("promised_open"),
    _time("promised_close"),
    sa.Column("kept_probability", sa.Double),
)
BREAK: Final = _of_plan(
    "break",
    sa.Column("route", sa.Integer, nullable=False),
    _time("starts_at", nullable=False),
    _time("ends_at", nullable=False),
)
UNSERVED: Final = _of_plan(
    "unserved",
    _id("ticket_id"),
    _id("reason"),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("breaks_promise", sa.Boolean, nullable=False),
)
REJECTED: Final = _of_plan(
    "rejected", _text("ticket_id"), sa.Column("issues", sa.JSON, nullable=False)
)
IDLE: Final = _of_plan(
    "not_plannable", _id("ticket_id"), sa.Column("status", sa.String(10), nullable=False)
)
PROMISE: Final = _of_plan(
    "promise",
    _id("ticket_id"),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("was", sa.Double),
    sa.Column("kept_probability", sa.Double),
)
OVERRIDDEN: Final = _of_plan(
    "overridden",
    _id("rule"),
    _id("ticket_id", nullable=True),
    _id("shift_id", nullable=True),
    _text("detail"),
)
COST: Final = _of_plan("cost", _id("rule"), _whole("cost", nullable=False))

BOOKING_STREAM: Final = sa.Table(
    "dispatchopt_booking_stream",
    _META,
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    _whole("seq", nullable=False),
    _id("plan_id", nullable=True),
)
"""One row: the last event, and the plan that bookings are tested on. Who writes locks it."""
BOOKING_EVENT: Final = sa.Table(
    "dispatchopt_booking_event",
    _META,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _id("request_id"),
    sa.Column("digest", sa.String(64), nullable=False),
    _id("ticket_id", nullable=True),
    sa.Column("kind", sa.String(10), nullable=False),
    _time("happened_at", nullable=False),
    _id("actor"),
    sa.Column("revision", sa.Integer, nullable=False),
    _id("plan_id", nullable=True),
    _time("opens_at"),
    _time("closes_at"),
    _id("shift_id", nullable=True),
    _id("engineer_id", nullable=True),
    _time("expires_at"),
    sa.Column("detail", sa.JSON, nullable=False),
)
BOOKING: Final = sa.Table(
    "dispatchopt_booking",
    _META,
    sa.Column("ticket_id", _ID, primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    _whole("seq", nullable=False),
    _time("changed_at", nullable=False),
    _id("actor"),
    _id("plan_id", nullable=True),
    _time("opens_at"),
    _time("closes_at"),
    _id("shift_id", nullable=True),
    _id("engineer_id", nullable=True),
    _time("expires_at"),
    _time("first_opens_at"),
    _time("first_closes_at"),
    _time("first_agreed_at"),
    sa.Column("is_forced", sa.Boolean, nullable=False),
    sa.Column("missed_by", sa.String(10)),
    _time("contact_by"),
    _time("contacted_at"),
)
BOOKING_ROUTES: Final = sa.Table(
    "dispatchopt_booking_routes",
    _META,
    sa.Column("plan_key", sa.String(64), primary_key=True),
    _text("version"),
    _whole("seq", nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    _text("document"),
)
"""How the routes stood after an event, so that a desk need not begin at the first one. Nothing is
lost with it."""

TABLES: Final = tuple(_META.sorted_tables)
"""Every table of this module."""
