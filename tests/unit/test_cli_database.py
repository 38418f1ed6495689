"""``dispatchopt database`` and ``dispatchopt outbox``."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from dispatchopt.adapters.database import Database
from dispatchopt.adapters.database.connect import Link
from dispatchopt.adapters.database.migrations import MIGRATIONS, upgrade
from dispatchopt.adapters.outbox import DELIVERED, Delivery, Outbox
from dispatchopt.adapters.outbox.store import locked_file
from dispatchopt.cli import app
from tests.unit.databases import rows_of
from tests.unit.outbox_plans import plan_of
from tests.unit.test_outbox_http import running

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


def run_json(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    answer = json.loads(result.stdout)
    assert answer["exit_code"] == code
    return answer


def test_tables_are_made_migrated_and_inspected(database_url: str) -> None:
    link, latest = Link(database_url), len(MIGRATIONS)
    if link.is_sqlite:
        assert "no such file" in run("database", "status", database_url, code=2)
        assert "no such file" in run("database", "migrate", database_url, code=2)
    else:
        assert "Run: dispatchopt database init" in run("database", "status", database_url, code=2)
        assert "Run: dispatchopt database init" in run("database", "migrate", database_url, code=2)
    assert f"version {latest} now, 0 before: tables of plans" in run(
        "database", "init", database_url
    )
    assert f"version {latest} already" in run("database", "init", database_url)
    assert "No plan in force" in run("database", "status", database_url)
    Database(database_url).write_plan(plan_of("p1", {"T1": "E1"}))
    assert "Plan in force: p1" in run("database", "status", database_url)


def test_an_older_version_is_told_and_migrated(database_url: str) -> None:
    upgrade(Link(database_url), MIGRATIONS[:1])
    told = run_json("database", "status", database_url, code=2)
    assert (told["version"], told["latest"]) == (1, len(MIGRATIONS))
    assert told["missing"] == [migration.title for migration in MIGRATIONS[1:]]
    assert run_json("database", "migrate", database_url)["before"] == 1
    assert run_json("database", "status", database_url)["missing"] == []


def test_the_url_may_stand_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'dispatch.db'}"
    monkeypatch.setenv("DISPATCHOPT_DATABASE", url)
    run("database", "init")
    assert run_json("database", "status")["url"] == url


def test_a_password_is_never_printed() -> None:
    url = "postgresql://planner:s3cr3t@127.0.0.1:1/none"
    for command in ("init", "migrate", "status"):
        told = run("database", command, url, "--debug", code=2)
        assert "planner:***@127.0.0.1" in told
        assert "s3cr3t" not in told


def outbox_of(path: Path) -> Outbox:
    outbox = Outbox(path)
    outbox.enqueue(plan_of("p1", {"T1": "E1", "T2": "E1"}))
    return outbox


def test_messages_go_to_a_folder(tmp_path: Path) -> None:
    path, inbox = tmp_path / "outbox.db", tmp_path / "inbox"
    outbox_of(path)
    told = run("outbox", "status", str(path), code=7)
    assert told.splitlines()[:2] == [
        "0 delivered, 2 pending, 0 refused",
        "  T1  assign  pending: not tried yet",
    ]
    assert "2 delivered, 0 pending, 0 refused" in run(
        "outbox", "publish", str(path), "--to", str(inbox)
    )
    assert len(list(inbox.glob("*.json"))) == 2
    assert run_json("outbox", "status", str(path))["is_complete"] is True
    assert run("outbox", "prune", str(path)).strip() == "0 messages forgotten"


def test_messages_go_to_a_table(database_url: str) -> None:
    run("database", "init", database_url)
    Database(database_url).release_plan(plan_of("p1", {"T1": "E1"}))
    run("outbox", "publish", database_url, "--to", database_url)
    query = "SELECT ticket_id, action FROM dispatchopt_inbox"
    assert rows_of(database_url, query) == [("T1", "assign")]


def test_messages_go_over_http_and_refusals_decide_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.db"
    outbox_of(path)
    monkeypatch.setenv("TOKEN", "Bearer s3cr3t")
    with running() as service:
        to = ("--to", service.url + "/t/{ticket_id}", "--method", "PATCH")
        header = ("--header-env", "Authorization=TOKEN")
        service.answer = (404, {})
        told = run_json("outbox", "publish", str(path), *to, *header, code=7)
        assert [item["reason"] for item in told["refused"]] == ["HTTP 404 Not Found"] * 2
        assert "s3cr3t" not in json.dumps(told)
        assert run_json("outbox", "retry", str(path))["num_pending_again"] == 2
        service.answer = (200, {})
        assert run_json("outbox", "publish", str(path), *to, *header)["num_delivered"] == 2
    methods = {(method, headers["Authorization"]) for method, _, headers, _ in service.requests}
    assert methods == {("PATCH", "Bearer s3cr3t")}


def test_a_second_publisher_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox_of(path)
    lock = locked_file(path)
    assert isinstance(lock, sqlite3.Connection)
    try:
        told = run_json("outbox", "publish", str(path), "--to", str(tmp_path / "inbox"), code=6)
    finally:
        lock.close()
    assert told["status"] == "busy"
    assert not (tmp_path / "inbox").exists()


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    for command in (("status",), ("retry",), ("publish", "--to", str(tmp_path / "inbox"))):
        assert "no such outbox" in run("outbox", command[0], str(missing), *command[1:], code=2)
    assert not missing.exists()
    path = tmp_path / "outbox.db"
    outbox_of(path).publish(lambda _message: Delivery("refused", "no"))
    options = ("--to", "http://127.0.0.1:1/", "--header-env", "Authorization")
    assert "write NAME=VARIABLE" in run("outbox", "publish", str(path), *options, code=2)
    assert Outbox(path).retry_refused() == 2
    assert Outbox(path).publish(lambda _message: DELIVERED).is_complete
