"""The schema: every older version with data in it becomes the newest, or nothing happens."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.pool import NullPool

from dispatchopt.adapters.database import Database, SchemaStatus
from dispatchopt.adapters.database.connect import Link
from dispatchopt.adapters.database.migrations import MIGRATIONS, Migration, upgrade
from dispatchopt.adapters.database.schema import TABLES
from dispatchopt.adapters.outbox import DELIVERED, Outbox
from dispatchopt.errors import AdapterError
from tests.unit.databases import run_sql
from tests.unit.outbox_plans import plan_of

ROOT = Path(__file__).parents[2]
LATEST = len(MIGRATIONS)

# Written by hand against version 1, and never changed: a database that has been in use since.
OLD_DATA = (
    "INSERT INTO dispatchopt_plan (plan_id, schema_version, written_at, digest, cost) "
    "VALUES ('old', '1', '2026-11-01T03:00:00Z', 'abc', 7)",
    "INSERT INTO dispatchopt_in_force (slot, plan_id) VALUES (1, 'old')",
    "INSERT INTO dispatchopt_route (plan_id, position, shift_id, engineer_id, starts_at) "
    "VALUES ('old', 1, 'S1', 'E1', '2026-11-02T00:00:00Z')",
    "INSERT INTO dispatchopt_visit (plan_id, position, route, shift_id, sequence, ticket_id, "
    "starts_at) VALUES ('old', 1, 0, 'S1', 1, 'T1', '2026-11-02T01:00:00Z')",
    "INSERT INTO dispatchopt_cost (plan_id, position, rule, cost) VALUES ('old', 1, 'travel', 7)",
)
OLD_MESSAGE = (
    "INSERT INTO dispatchopt_outbox_plan (position, plan_id, digest, document, enqueued_at) "
    "VALUES (1, 'old', 'abc', '{\"plan_id\": \"old\", \"routes\": []}', '2026-11-01T03:00:00Z')",
    "INSERT INTO dispatchopt_outbox (seq, idempotency_key, plan_id, ticket_id, action, status, "
    "attempts, reason, state, document, enqueued_at) VALUES (1, 'old+T1+assign', 'old', 'T1', "
    "'assign', 'pending', 2, 'HTTP 503', '{\"engineer_id\": \"E1\"}', '{}', "
    "'2026-11-01T03:00:00Z')",
)


@pytest.mark.parametrize("version", range(LATEST + 1))
def test_every_older_version_becomes_the_newest(database_url: str, version: int) -> None:
    if version:
        upgrade(Link(database_url), MIGRATIONS[:version])
        run_sql(database_url, *OLD_DATA, *(OLD_MESSAGE if version >= 2 else ()))
    elif database_url.startswith("sqlite"):
        run_sql(database_url, "CREATE TABLE theirs (x INTEGER)")
    database = Database(database_url)
    titles = tuple(migration.title for migration in MIGRATIONS[version:])
    assert database.status() == SchemaStatus(version, LATEST, titles)
    assert database.upgrade() == SchemaStatus(version, LATEST, titles)
    assert database.upgrade() == database.status() == SchemaStatus(LATEST, LATEST, ())
    if version:
        plan = database.read_plan()
        assert plan is not None
        assert plan.cost is not None
        assert (plan.plan_id, plan.cost.by_rule) == ("old", {"travel": 7})
        assert [visit.ticket_id for route in plan.routes for visit in route.visits] == ["T1"]
        assert database.release_plan(plan_of("new", {"T2": "E1"}), replacing="old").is_new
    if version >= 2:
        report = Outbox(database_url).publish(lambda _message: DELIVERED)
        assert [(item.ticket_id, item.attempts) for item in report.delivered] == [
            ("T1", 3),
            ("T2", 1),
        ]


def test_tables_are_those_that_the_code_knows(database_url: str) -> None:
    Database(database_url).upgrade()
    engine = sa.create_engine(database_url, poolclass=NullPool)
    inspector = sa.inspect(engine)
    for table in TABLES:
        there = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert list(there) == [column.name for column in table.columns]
        for column in table.columns:
            assert there[column.name]["nullable"] == column.nullable, f"{table.name}.{column.name}"
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key]


def test_a_migration_that_fails_changes_nothing(database_url: str) -> None:
    link = Link(database_url)
    upgrade(link, MIGRATIONS[:1])
    run_sql(database_url, *OLD_DATA)
    faulty = (
        *MIGRATIONS[:2],
        Migration("half", ("CREATE TABLE half (x INTEGER)", "ALTER TABLE nowhere ADD y INTEGER")),
    )
    with pytest.raises(AdapterError, match="cannot be used"):
        upgrade(link, faulty)
    engine = sa.create_engine(database_url, poolclass=NullPool)
    assert not {"half", "dispatchopt_outbox"} & set(sa.inspect(engine).get_table_names())
    assert Database(database_url).status().version == 1
    assert Database(database_url).upgrade().version == 1
    assert Database(database_url).plan_in_force() == "old"


def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    Database(database_url).upgrade()
    run_sql(
        database_url,
        f"INSERT INTO dispatchopt_schema VALUES ({LATEST + 1}, '2026-11-01T03:00:00Z')",
    )
    database = Database(database_url)
    for call in (database.upgrade, database.plan_in_force, Outbox(database_url).status):
        with pytest.raises(AdapterError, match="Update dispatchopt"):
            call()
    assert database.status().version == LATEST + 1


def test_an_older_schema_names_the_command(database_url: str) -> None:
    upgrade(Link(database_url), MIGRATIONS[:1])
    with pytest.raises(AdapterError, match="lacks publishing outbox.*database migrate URL"):
        Outbox(database_url).status()


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://planner:{SECRET}@127.0.0.1:1/none",
        f"postgres://planner:{SECRET}@127.0.0.1:1/none",
        f"postgresql+psycopg://planner@127.0.0.1:1/none?password={SECRET}",
        f"postgresql+psycopg://planner:{SECRET}@127.0.0.1:1/none?nonsense={SECRET}",
        f"mysql://planner:{SECRET}@db/none",
        f"postgresql+asyncpg://planner:{SECRET}@db/none",
        f"planner:{SECRET}@db",
        f"://planner:{SECRET}@db",
        f"postgresql://planner:{SECRET}@db:port/none",
    ],
)
def test_a_password_is_never_told(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AdapterError) as caught:
        Database(url).status()
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in caplog.text


def test_a_wrong_password_is_never_told(postgres: str) -> None:
    url = sa.make_url(postgres).set(username="nobody", password=SECRET)
    database = Database(url.render_as_string(hide_password=False))
    assert SECRET not in database.name
    assert SECRET not in repr(database._link)
    with pytest.raises(AdapterError, match='"nobody" does not exist') as caught:
        database.status()
    assert SECRET not in str(caught.value)


@given(st.text(max_size=30) | st.builds("sqlite:///{}".format, st.text(max_size=10)))
def test_any_text_is_a_url_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("urls", numbered=True)
    if text.startswith("sqlite:///"):
        text = f"sqlite:///{folder}/{text.removeprefix('sqlite:///')}"
    try:
        Database(text).status()
    except AdapterError as error:
        assert str(error)


def test_a_database_in_memory_is_refused() -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(AdapterError, match="in memory"):
            Database(url)


def test_a_file_that_is_no_database_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "dispatch.db"
    path.write_bytes(b"no database, whatever its name says" * 100)
    with pytest.raises(AdapterError, match="not a database"):
        Database(f"sqlite:///{path}").upgrade()
    with pytest.raises(AdapterError, match="unable to open"):
        Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'dispatch.db'}").upgrade()


def test_without_sqlalchemy_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "import dispatchopt as do\n"
        "do.Outbox('outbox.db')\n"
        "try: do.Database('sqlite:///x.db')\n"
        "except do.AdapterError as error: print(error)\n"
        "try: do.Outbox('sqlite:///x.db')\n"
        "except do.AdapterError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("pip install 'dispatchopt[database]'" in line for line in lines)
