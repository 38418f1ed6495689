"""Tickets, engineers and shifts out of a database: typed or text, every fault at once."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.pool import NullPool

from dispatchopt.adapters.csv_folder import read_folder, write_folder
from dispatchopt.adapters.database import Database
from dispatchopt.adapters.database.read import DatabaseCells
from dispatchopt.adapters.headers import ENGINEER_COLUMNS, SHIFT_COLUMNS, TICKET_COLUMNS
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.errors import AdapterError, InvalidProblemError
from dispatchopt.generator import generate
from dispatchopt.models import Matrix, Point, Window
from tests.unit.databases import rows_of, run_sql

if TYPE_CHECKING:
    from pathlib import Path

    from dispatchopt.models import Problem

SHANGHAI = "Asia/Shanghai"
TABLES = (
    "CREATE TABLE tickets (id {id}, fault_type TEXT, priority INTEGER, lon {number}, lat {number}, "
    "due {time}, duration_minutes {number}, skills {json}, note TEXT)",
    "CREATE TABLE engineers (id TEXT, name TEXT, skills TEXT, lon {number}, lat {number})",
    "CREATE TABLE shifts (engineer_id TEXT, start {time}, {end} {time})",
)
TYPES = {
    "sqlite": {
        "id": "INTEGER", "number": "NUMERIC", "time": "TEXT", "json": "TEXT", "end": '"end"',
    },
    "postgresql": {
        "id": "BIGINT", "number": "NUMERIC", "time": "TIMESTAMP WITH TIME ZONE", "json": "JSON",
        "end": '"end"',
    },
}  # fmt: skip
ROWS = (
    "INSERT INTO tickets VALUES (1001, 'BB_SLOW', 2, 121.5, 31.2, '2026-11-23 09:30:00+08:00', "
    "62.5, '{{\"BROADBAND\": 2}}', 'x'), (1002, '光猫故障更换', NULL, 121.5, 31.2, NULL, NULL, "
    "NULL, NULL)",
    "INSERT INTO engineers VALUES ('E1', '张三', 'BROADBAND:2', 121.4, 31.1)",
    "INSERT INTO shifts VALUES ('E1', '2026-11-23 08:00:00+08:00', '2026-11-23 17:00:00+08:00')",
)
QUERY = (
    "SELECT id, fault_type, priority, lon, lat, due, duration_minutes, skills FROM tickets "
    "WHERE note IS NULL OR note NOT LIKE '%nothing%' ORDER BY id"
)


@pytest.fixture
def branch_url(database_url: str) -> str:
    types = TYPES[sa.make_url(database_url).get_backend_name()]
    run_sql(database_url, *(statement.format(**types) for statement in (*TABLES, *ROWS)))
    return database_url


def test_typed_tables_become_a_problem(branch_url: str) -> None:
    intake = Database(branch_url).read_problem(tickets=QUERY, timezone=SHANGHAI)
    first, second = intake.problem.tickets
    assert (first.id, first.priority, first.duration) == ("1001", 2, 3750)
    assert first.due == datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    assert first.skills == {"BROADBAND": 2}
    assert first.place == Point(lat=31.2, lon=121.5)
    assert (second.fault_type, second.priority, second.due) == ("ONT_REPLACE", 2, None)
    (engineer,) = intake.problem.engineers
    assert engineer.name == "张三"
    assert engineer.shifts[0].start == datetime(2026, 11, 23, tzinfo=UTC)


def test_faults_of_queries_and_rows_are_told_at_once(branch_url: str) -> None:
    run_sql(
        branch_url,
        "UPDATE tickets SET priority = 7 WHERE id = 1001",
        "UPDATE engineers SET skills = 'A:x'",
    )
    with pytest.raises(InvalidProblemError) as caught:
        Database(branch_url).read_problem(
            shifts="SELECT * FROM nowhere", travel="DELETE FROM engineers"
        )
    found = [(i.file, min(i.line, 1), i.id, i.field) for i in caught.value.issues]
    assert ("shifts", 0, "", "") in found
    assert ("travel", 0, "", "") in found
    assert ("engineers", 1, "E1", "skills") in found
    assert ("tickets", 0, "", "note") in found
    assert ("tickets", 1, "1001", "priority") in found
    (fault,) = [i.message for i in caught.value.issues if i.file == "shifts"]
    assert "nowhere" in fault
    assert fault.endswith("correct the query")
    assert rows_of(branch_url, "SELECT count(*) FROM engineers") == [(1,)]


def test_faulty_rows_are_left_out_on_request(branch_url: str) -> None:
    run_sql(branch_url, "UPDATE tickets SET priority = 7 WHERE id = 1001")
    intake = Database(branch_url).read_problem(tickets=QUERY, on_bad_row="reject")
    assert [ticket.id for ticket in intake.problem.tickets] == ["1002"]
    assert [rejected.ticket_id for rejected in intake.rejected] == ["1001"]


@pytest.mark.parametrize(
    "statement", ["DROP TABLE tickets", "DELETE FROM tickets", "CREATE TABLE mine (x INTEGER)"]
)
def test_nothing_is_written_while_reading(branch_url: str, statement: str) -> None:
    with pytest.raises(InvalidProblemError):
        Database(branch_url).read_problem(tickets=statement)
    assert rows_of(branch_url, "SELECT count(*) FROM tickets") == [(2,)]


def test_a_query_may_rename_columns_and_a_schema_may_be_named(database_url: str) -> None:
    schema = "main" if database_url.startswith("sqlite") else "oss"
    if schema == "oss":
        run_sql(database_url, "CREATE SCHEMA oss")
    run_sql(
        database_url,
        f'CREATE TABLE {schema}.gd ("工单号" TEXT, "故障类型" TEXT, "地点" TEXT)',
        f"INSERT INTO {schema}.gd VALUES ('007', 'BB_SLOW', 'a')",
        f"CREATE TABLE {schema}.staff (gh TEXT)",
        f"INSERT INTO {schema}.staff VALUES ('E1')",
        f"CREATE TABLE {schema}.ways (origin TEXT, destination TEXT, seconds INTEGER)",
        f"INSERT INTO {schema}.ways VALUES ('a', 'b', 60), ('b', 'a', 90)",
    )
    problem = (
        Database(database_url)
        .read_problem(
            tickets=f"{schema}.gd",
            engineers=f"SELECT gh AS id, '{{}}' AS skills, 'b' AS place FROM {schema}.staff",
            shifts=f"SELECT gh AS engineer_id, '2026-11-23 08:00Z' AS start, "
            f"'2026-11-23 16:00Z' AS \"end\" FROM {schema}.staff",
            travel=f"{schema}.ways",
        )
        .problem
    )
    assert (problem.tickets[0].id, problem.tickets[0].place) == ("007", "a")
    assert isinstance(problem.travel, Matrix)
    assert problem.travel.seconds.tolist() == [[0, 60], [90, 0]]


def test_a_mapping_speaks_of_columns_and_codes(branch_url: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(
        'timezone = "Asia/Shanghai"\nother_columns = "echo"\n'
        '[columns.tickets]\ngdh = "id"\nlb = "fault_type"\n'
        '[codes.fault_type]\n"17" = "BB_SLOW"\n'
        "[defaults.tickets]\ncrew_size = 2\n"
    )
    query = "SELECT id AS gdh, 17 AS lb, 3 AS priority, lon, lat, note FROM tickets ORDER BY id"
    intake = Database(branch_url).read_problem(tickets=query, mapping=tmp_path)
    first = intake.problem.tickets[0]
    assert (first.id, first.fault_type, first.crew_size) == ("1001", "BB_SLOW", 2)
    assert first.attributes == {"note": "x"}
    assert intake.problem.timezone == SHANGHAI


def test_times_without_a_zone_need_one(database_url: str) -> None:
    types = {**TYPES["postgresql"], "time": "TIMESTAMP"}
    if database_url.startswith("sqlite"):
        types = TYPES["sqlite"]
    plain = [row.replace("+08:00", "") for row in ROWS]
    run_sql(database_url, *(s.format(**types) for s in (*TABLES, *plain)))
    database = Database(database_url)
    with pytest.raises(InvalidProblemError, match="3 times have no zone, the first at shifts"):
        database.read_problem(tickets=QUERY)
    problem = database.read_problem(tickets=QUERY, timezone=SHANGHAI).problem
    assert problem.tickets[0].due == datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


def test_lists_of_postgresql_are_lists(postgres: str, tmp_path: Path) -> None:
    tickets = (
        "SELECT 'T1' AS id, 'BB_SLOW' AS fault_type, 121.5 AS lon, 31.2 AS lat, "
        "ARRAY['E1', 'E;2'] AS refused_engineers, INTERVAL '75 minutes' AS duration_minutes, "
        "CAST('{\"floor\": 3}' AS JSONB) AS attributes"
    )
    problem = (
        Database(postgres)
        .read_problem(
            tickets=tickets,
            engineers="SELECT 'E1' AS id, '{}' AS skills, 121.5 AS lon, 31.2 AS lat",
            shifts="SELECT 'E1' AS engineer_id, now() AS start, now() + INTERVAL '8h' AS \"end\" "
            "FROM generate_series(1, 0)",
            horizon=(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)),
        )
        .problem
    )
    (ticket,) = problem.tickets
    assert ticket.refused_engineers == ("E1", "E;2")
    assert ticket.duration == 4500
    assert ticket.attributes == {"floor": 3}


COLUMN = {column.name: column for column in TICKET_COLUMNS}


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("id", 7, "7"),
        ("id", Decimal("7"), "7"),
        ("skills", '{"A": 2}', {"A": 2}),
        ("skills", "A:2;B", {"A": 2, "B": 1}),
        ("refused_engineers", '["E1", "E;2"]', ("E1", "E;2")),
        ("refused_engineers", "[E1", ("[E1",)),
        ("id", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("priority", Decimal("2.0"), 2),
        ("lon", Decimal("121.25"), 121.25),
        ("duration_minutes", Decimal("62.5"), 3750),
        ("windows", [{"open": "2026-11-23 08:00Z", "close": "2026-11-23 10:00Z"}], 2),
    ],
)
def test_cells(column: str, cell: Any, value: Any) -> None:
    found = DatabaseCells().read(COLUMN[column], cell, Clock(UTC))
    if column == "windows":
        assert Window.model_validate(found[0]).close.hour == 10
    else:
        assert found == value


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("id", 7.5, "cast it to text in the query"),
        ("id", Decimal("7.5"), "cast it to text in the query"),
        ("id", b"T1", "binary data"),
        ("id", memoryview(b"T1"), "binary data"),
        ("id", True, "must not be true or false"),
        ("lon", Decimal("NaN"), "must be a number"),
        ("due", datetime(2026, 11, 23, 8, 0, 0, 5, tzinfo=UTC), "whole seconds"),
        ("status", object(), "cannot be read"),
    ],
)
def test_faulty_cells(column: str, cell: Any, words: str) -> None:
    with pytest.raises(CellFault, match=words):
        DatabaseCells().read(COLUMN[column], cell, Clock(UTC))


def test_cells_that_are_echoed_are_json() -> None:
    echo = DatabaseCells().echo
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    assert [echo(c) for c in (" x ", 3, Decimal("1.5"), b"\x01", UUID(int=1), moment, True)] == [
        "x", 3, 1.5, "01", "00000000-0000-0000-0000-000000000001", "2026-11-23 00:00:00+00:00",
        True,
    ]  # fmt: skip
    assert echo({"a": [Decimal("1"), moment]}) == {"a": ["1", "2026-11-23 00:00:00+00:00"]}


def test_a_personal_value_that_the_database_quotes_is_not_told(postgres: str) -> None:
    query = "SELECT CAST('张三 13800000000' AS INTEGER) AS id"
    with pytest.raises(InvalidProblemError) as caught:
        Database(postgres).read_problem(tickets=query, engineers=query, shifts=query)
    assert "a value was refused, SQLSTATE 22P02" in str(caught.value)
    assert "张三" not in str(caught.value)


def load(url: str, folder: Path) -> None:
    """Put the files of a folder into tables of text, as a branch's import would."""
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for name in ("tickets", "engineers", "shifts"):
            text = (folder / f"{name}.csv").read_text("utf-8-sig")
            header, *rows = csv.reader(io.StringIO(text, newline=""))
            table = sa.Table(name, sa.MetaData(), *(sa.Column(h, sa.Text) for h in header))
            table.create(connection)
            connection.execute(
                table.insert(),
                [dict(zip(header, (c or None for c in row), strict=True)) for row in rows],
            )


@pytest.mark.parametrize("headers", ["en", "zh"])
def test_a_branch_of_text_tables_is_read_as_its_folder_is(
    database_url: str, tmp_path: Path, headers: Any
) -> None:
    made: Problem = generate(tickets=30, days=2, seed=3)
    write_folder(made, tmp_path / "branch", headers=headers)
    load(database_url, tmp_path / "branch")
    given_beside = {
        "timezone": made.timezone, "policy": made.policy, "travel": made.travel,
        "horizon": made.horizon, "now": made.now, "fault_types": made.fault_types,
        "previous_plan": made.previous_plan,
    }  # fmt: skip
    found = Database(database_url).read_problem(**given_beside)
    assert found.problem == read_folder(tmp_path / "branch").problem == made


cells = st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)


@given(st.lists(st.lists(cells, min_size=6, max_size=6), max_size=3))
def test_no_cell_is_met_by_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Any]]
) -> None:
    names = ("id", "fault_type", "priority", "lon", "due", "windows")
    url = f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'fuzz.db'}"
    columns = ", ".join(names)
    shift_columns = ", ".join('"' + column.name + '"' for column in SHIFT_COLUMNS)
    run_sql(
        url,
        f"CREATE TABLE tickets ({columns})",
        f"CREATE TABLE engineers ({', '.join(c.name for c in ENGINEER_COLUMNS)})",
        f"CREATE TABLE shifts ({shift_columns})",
    )
    engine = sa.create_engine(url, poolclass=NullPool)
    marks = ", ".join("?" for _ in names)
    with engine.begin() as connection:
        for row in rows:
            storable = [c if not isinstance(c, int) or abs(c) < 2**63 else str(c) for c in row]
            connection.exec_driver_sql(f"INSERT INTO tickets VALUES ({marks})", tuple(storable))
    try:
        Database(url).read_problem(timezone=SHANGHAI)
    except InvalidProblemError as error:
        assert error.issues


@given(st.text(max_size=20))
def test_no_query_is_met_by_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, query: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "queries.db"
    path.touch()
    with pytest.raises((InvalidProblemError, AdapterError)):
        Database(f"sqlite:///{path}").read_problem(tickets=query)
