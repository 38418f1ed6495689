"""The operator's database: tickets and roster out of it, plans and their messages into it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import sqlalchemy as sa

from dispatchopt.adapters.database.connect import Link
from dispatchopt.adapters.database.migrations import (
    SchemaStatus,
    require_current,
    schema_status,
    upgrade,
)
from dispatchopt.adapters.database.plan_rows import PARTS, Rows, plan_of, rows_of
from dispatchopt.adapters.database.read import DatabaseCells, read_table
from dispatchopt.adapters.database.schema import IN_FORCE, PLAN
from dispatchopt.adapters.database.store import DatabaseSession
from dispatchopt.adapters.from_tables import Given, problem_from_tables, travel_from_rows
from dispatchopt.adapters.json_files import plan_digest, to_json
from dispatchopt.adapters.mapped import mapped_table
from dispatchopt.adapters.mapping import ExportMapping, read_mapping
from dispatchopt.adapters.mapping.files import TABLE_KINDS
from dispatchopt.adapters.outbox.outbox import Enqueued, enqueue
from dispatchopt.errors import AdapterError, Issue, PlanConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Connection

    from dispatchopt.adapters.assemble import OnBadRow
    from dispatchopt.adapters.outbox.messages import DocumentHook
    from dispatchopt.models import Plan, Problem, Travel
    from dispatchopt.models.intake import Intake

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Released:
    """What writing a plan did.

    Attributes
    ----------
    plan_id
        Of the plan.
    replaced
        The plan that was in force until then; None if there was none.
    is_new
        False if the plan was there already, and nothing was changed.
    enqueued
        Its messages, if it was released with an outbox.
    """

    plan_id: str
    replaced: str | None
    is_new: bool
    enqueued: Enqueued | None = None


class Database:
    """Plans in SQLite or PostgreSQL.

    Parameters
    ----------
    url
        ``postgresql+psycopg://user@host/name`` or ``sqlite:///file.db``. The password stays out of
        messages and logs; leave it out of the URL and in ``PGPASSWORD`` or ``~/.pgpass`` if others
        see the command line.

    Raises
    ------
    AdapterError
        If it is no such URL, or the driver is missing; every method, if the database cannot be
        reached or refuses.
    """

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._link.name

    def status(self) -> SchemaStatus:
        """Return at which version of the schema the database is."""
        with self._link.reading() as connection:
            return schema_status(connection)

    def upgrade(self) -> SchemaStatus:
        """Create or migrate the tables, all or nothing; return where the database was before.

        Raises
        ------
        AdapterError
            If its version is newer than this program, or a step fails: nothing is changed then.
        """
        return upgrade(self._link)

    def read_problem(
        self,
        *,
        tickets: str = "tickets",
        engineers: str = "engineers",
        shifts: str = "shifts",
        places: str | None = None,
        travel: Travel | Mapping[str, Any] | str | None = None,  # Any: raw data
        mapping: str | Path | None = None,
        on_bad_row: OnBadRow = "error",
        **given: Unpack[Given],
    ) -> Intake:
        """Make a problem of tables or queries, all read in one state of the database.

        Nothing can be written meanwhile: the transaction is read-only.

        Parameters
        ----------
        tickets, engineers, shifts
            Names of tables, or queries. Columns are those of CSV folders, in English or Chinese:
            ``SELECT gdh AS id, ...``. Values are typed or text.
        places
            Stand-ins for coordinates that lack, as ``places.csv`` of a folder.
        travel
            A model, its raw form, or the name of a table or a query with ``origin``,
            ``destination`` and ``seconds``. Default: the straight line.
        mapping
            Folder with a ``mapping.toml``: what the columns and codes of the operator mean.
        on_bad_row
            ``reject``: faulty tickets are left out and reported, and so are engineers with a fault
            of their own or of one of their shifts.
        given
            ``policy``, ``timezone`` (of times without one; required if there are any),
            ``horizon``, ``now``, ``fault_types``, ``previous_plan``, ``schema_version``,
            ``limits``, ``coordinates``, ``geocoder``, as for `problem_from_frames`. What stands
            here wins over the mapping.

        Raises
        ------
        InvalidProblemError
            With every fault found, of the queries too; `line` counts the rows from 1.
        """
        issues: list[Issue] = []
        warnings: list[Issue] = []
        theirs = ExportMapping() if mapping is None else read_mapping(Path(mapping), issues)
        given = {**_of_mapping(theirs), **given}
        sources = {"tickets": tickets, "engineers": engineers, "shifts": shifts}
        if places is not None:
            sources["places"] = places
        with self._link.reading() as connection:
            tables = {
                name: read_table(connection, source, name, issues)
                for name, source in sources.items()
            }
            if isinstance(travel, str):
                table = read_table(connection, travel, "travel", issues)
                travel = None
                if table is not None:
                    cells = [row.cells for row in table.rows]
                    travel = travel_from_rows(table.headers, cells, issues, warnings)
        for kind in TABLE_KINDS:
            if (found := tables[kind]) is not None:
                tables[kind] = mapped_table(found, kind, theirs, warnings)
        return problem_from_tables(
            tables,
            DatabaseCells(theirs.codes),
            {"kind": "straight_line"} if travel is None else travel,
            issues,
            warnings,
            on_bad_row=on_bad_row,
            **given,
        )

    def write_plan(self, plan: Plan, *, replacing: str | None = None) -> Released:
        """Write a plan and put it in force, in one transaction.

        A plan that is there already is left as it is, in force or not: writing may be repeated.

        Parameters
        ----------
        replacing
            A plan that this one may replace though it was not made from it: what
            `plan_in_force` said when planning began. By default that is its `base_version` alone.

        Raises
        ------
        PlanConflictError
            If another plan came into force meanwhile, or bears this `plan_id`.
        AdapterError
            If the tables lack or are of another version, or a text cannot be stored.
        """
        with self._writing() as connection:
            return _write(connection, plan, replacing)

    def release_plan(
        self,
        plan: Plan,
        previous_plan: Plan | None = None,
        *,
        replacing: str | None = None,
        problem: Problem | None = None,
        document: DocumentHook | None = None,
    ) -> Released:
        """Write a plan, put it in force and its messages in the outbox, in one transaction.

        ``Outbox(url).publish(...)`` delivers them.

        Parameters
        ----------
        previous_plan, problem, document
            As for `Outbox.enqueue`.
        replacing
            As for `write_plan`.

        Raises
        ------
        PlanConflictError, AdapterError
            As for `write_plan`.
        """
        with self._writing() as connection:
            released = _write(connection, plan, replacing)
            session = DatabaseSession(self._link, connection)
            told = enqueue(session, plan, previous_plan, problem=problem, document=document)
            return Released(released.plan_id, released.replaced, released.is_new, told)

    def plan_in_force(self) -> str | None:
        """Return the id of the plan in force; None before the first."""
        with self._reading() as connection:
            return _in_force(connection)

    def read_plan(self, plan_id: str | None = None) -> Plan | None:
        """Read a plan; None if there is no such plan.

        Parameters
        ----------
        plan_id
            Default: the plan in force.
        """
        with self._reading() as connection:
            wanted = plan_id if plan_id is not None else _in_force(connection)
            if wanted is None:
                return None
            own = _rows(connection, sa.select(PLAN).where(PLAN.c.plan_id == wanted))
            parts = {
                table: _rows(
                    connection,
                    sa.select(table).where(table.c.plan_id == wanted).order_by(table.c.position),
                )
                for table in PARTS
            }
        return plan_of(own[0], parts) if own else None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._link.reading() as connection:
            require_current(self._link, connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._link.writing() as connection:
            require_current(self._link, connection)
            yield connection


def _of_mapping(mapping: ExportMapping) -> Given:
    """Return what a mapping says of what stands beside the tables."""
    found: Given = {}
    if mapping.timezone is not None:
        found["timezone"] = mapping.timezone
    if mapping.limits is not None:
        found["limits"] = mapping.limits
    if mapping.coordinates is not None:
        found["coordinates"] = mapping.coordinates
    if mapping.day_parts is not None:
        found["day_parts"] = mapping.day_parts
    if mapping.shift_hours is not None:
        found["shift_hours"] = mapping.shift_hours
    if mapping.appointment_minutes is not None:
        found["appointment_minutes"] = mapping.appointment_minutes
    if mapping.plan_day is not None:
        found["plan_day"] = mapping.plan_day
    return found


def _write(connection: Connection, plan: Plan, replacing: str | None) -> Released:
    digest = plan_digest(to_json(plan))
    found = connection.execute(
        sa.select(PLAN.c.digest, PLAN.c.replaced).where(PLAN.c.plan_id == plan.plan_id)
    ).first()
    if found is not None:
        if found.digest != digest:
            raise PlanConflictError(
                f"Plan '{plan.plan_id}' is in the database already and says something else. "
                "Give the new plan a plan_id of its own."
            )
        return Released(plan.plan_id, found.replaced, is_new=False)
    before = _in_force(connection)
    if before is not None and before not in (plan.base_version, replacing):
        base = "no plan" if plan.base_version is None else f"plan '{plan.base_version}'"
        raise PlanConflictError(
            f"Plan '{plan.plan_id}' was made from {base}, but plan '{before}' is in force. "
            f"Plan again from '{before}', or state that the new plan may replace it."
        )
    rows = rows_of(plan)
    _refuse_unstorable(plan.plan_id, rows)
    now = datetime.now(UTC).replace(microsecond=0)
    rows[PLAN][0] |= {"digest": digest, "written_at": now, "replaced": before}
    for table, entries in rows.items():
        if entries:
            connection.execute(table.insert(), entries)
    if before is None:
        connection.execute(IN_FORCE.insert().values(slot=1, plan_id=plan.plan_id))
    else:
        connection.execute(IN_FORCE.update().values(plan_id=plan.plan_id))
    visits = sum(len(route.visits) for route in plan.routes)
    logger.info("plan %s written: %d visits, replaces %s", plan.plan_id, visits, before)
    return Released(plan.plan_id, before, is_new=True)


def _rows(connection: Connection, query: sa.Select[Any]) -> Rows:  # Any: cells
    return [dict(row) for row in connection.execute(query).mappings()]


def _in_force(connection: Connection) -> str | None:
    found: str | None = connection.execute(sa.select(IN_FORCE.c.plan_id)).scalar()
    return found


def _refuse_unstorable(plan_id: str, rows: dict[sa.Table, Rows]) -> None:
    """Refuse what a column cannot hold; all such cells are listed."""
    lost = [
        f"{table.name}, row {number}, {column}: {fault}"
        for table, entries in rows.items()
        for number, row in enumerate(entries, start=1)
        for column, value in row.items()
        if (fault := _unstorable(value))
    ]
    if lost:
        listing = "\n".join(f"  - {item}" for item in lost[:20])
        raise AdapterError(
            f"Plan '{plan_id}' has {len(lost)} values that a database cannot hold:\n{listing}"
        )


def _unstorable(value: Any) -> str:  # Any: a cell
    if isinstance(value, str) and "\x00" in value:
        return "a NUL character; remove it"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "a number beyond 64 bits"
    return ""
