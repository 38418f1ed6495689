"""Where a night's input comes from, and where its plan goes: all but plain files and folders."""

from __future__ import annotations

import os
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dispatchopt.adapters.csv_folder import write_folder
from dispatchopt.adapters.database import Database
from dispatchopt.adapters.outbox import Outbox
from dispatchopt.adapters.workbook import write_workbook
from dispatchopt.errors import InvalidProblemError, PlanConflictError
from dispatchopt.models import Plan, Problem
from dispatchopt.night import Hooks, NightResult, Nights, NightStoppedError, read_config, run_night
from dispatchopt.night.run import Publishing
from tests.unit.night_days import BEFORE, problem, stamp, tickets, write_input, write_settings

if TYPE_CHECKING:
    from pathlib import Path


def night(base: Path) -> NightResult:
    return run_night(read_config(base / "night.toml"), hooks=Hooks(now=lambda: BEFORE))


def settings(base: Path, source: str, more: str = "", *, rules: str = "") -> None:
    (base / "night.toml").write_text(
        f'[input]\n{source}\n[plan]\niterations = 5\nthreads = 1\n[output]\nfolder = "out"\n'
        f"excel = false\n{more}\n[rules]\n{rules}\n",
        "utf-8",
    )


def small() -> Problem:
    return Problem.model_validate(problem(tickets("T1", "T2")))


def test_a_folder_is_as_old_as_its_tickets(tmp_path: Path) -> None:
    write_folder(small(), tmp_path / "in")
    settings(tmp_path, 'folder = "in"', rules='max_age = "1h"')
    for name, age in (("tickets.csv", 1), ("shifts.csv", 99)):
        made = (BEFORE - timedelta(hours=age)).timestamp()
        os.utime(tmp_path / "in" / name, (made, made))
    assert night(tmp_path).exit_code == 0
    made = (BEFORE - timedelta(hours=2)).timestamp()
    os.utime(tmp_path / "in" / "tickets.csv", (made, made))
    with pytest.raises(NightStoppedError, match=r"written 2\.0 h ago"):
        night(tmp_path)
    os.rename(tmp_path / "in" / "tickets.csv", tmp_path / "in" / "export.csv")
    mapping = tmp_path / "in" / "mapping.toml"
    mapping.write_text('[files]\ntickets = "export.csv"\n', "utf-8")
    with pytest.raises(NightStoppedError, match=r"written 2\.0 h ago"):
        night(tmp_path)


def test_a_workbook(tmp_path: Path) -> None:
    write_workbook(small(), tmp_path / "day.xlsx")
    settings(tmp_path, 'workbook = "day.xlsx"')
    assert night(tmp_path).night.record.num_tickets == 2


def test_service_limits_fill_in_what_is_due_and_when_to_call(tmp_path: Path) -> None:
    raw = problem(tickets("T1", reported_at=stamp(-1, "20:00"), area_class="urban"))
    write_input(tmp_path, raw)
    settings(tmp_path, 'file = "problem.json"\nlimits = "cn_statutory"')
    found = night(tmp_path)
    # 48 h in town, from the report on Sunday at 20:00.
    text = (found.night.folder / "visits.csv").read_text("utf-8-sig")
    assert "2026-11-24T20:00:00+08:00" in text
    settings(tmp_path, 'file = "problem.json"\nlimits = "own.toml"', 'released_at = "06:30"')
    (tmp_path / "own.toml").write_text(
        'holidays = []\n[preset]\nname = "own"\nsource = "contract"\ncontact_minutes = 5\n'
        '[[preset.rules]]\nlimit = { kind = "elapsed", hours = 50 }\n',
        "utf-8",
    )
    found = night(tmp_path)
    text = (found.night.folder / "visits.csv").read_text("utf-8-sig")
    assert "2026-11-24T22:00:00+08:00" in text
    sheet = next((found.night.folder / "run_sheets").glob("*.en.md")).read_text("utf-8")
    assert "Call the customer by 06:35" in sheet
    settings(tmp_path, 'file = "problem.json"\nlimits = "cn_statutry"')
    with pytest.raises(InvalidProblemError, match="no such preset; there are"):
        read_config(tmp_path / "night.toml")


def fill(path: Path, *, reported: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(
            f"""
            CREATE TABLE faults (gdh TEXT, kind TEXT, lat REAL, lon REAL, at TEXT);
            INSERT INTO faults VALUES ('T1', 'FTTH_WEAK_LIGHT', 31.2, 121.4, '{reported}');
            CREATE TABLE engineers (id TEXT, skills TEXT, lat REAL, lon REAL);
            INSERT INTO engineers VALUES ('E1', 'FIBER_SPLICE:2;BROADBAND:1', 31.2, 121.4);
            CREATE TABLE shifts (id TEXT, engineer_id TEXT, start TEXT, "end" TEXT);
            INSERT INTO shifts
            VALUES ('S1', 'E1', '{stamp(0, "08:00")}', '{stamp(0, "17:00")}');
            """
        )
    connection.close()


def test_a_database_whose_newest_ticket_tells_its_age(tmp_path: Path) -> None:
    fill(tmp_path / "oss.db", reported=stamp(-1, "04:00"))  # the clock says 12:00 of that day
    source = (
        f'[input.database]\nurl = "sqlite:///{tmp_path / "oss.db"}"\ntimezone = "Asia/Shanghai"\n'
        "tickets = '''SELECT gdh AS id, kind AS fault_type, lat, lon, at AS reported_at "
        "FROM faults'''"
    )
    settings(tmp_path, source, rules='max_age = "8h"')
    found = night(tmp_path)
    assert (found.exit_code, found.night.record.num_tickets) == (0, 1)
    settings(tmp_path, source, rules='max_age = "7h"')
    with pytest.raises(NightStoppedError, match=r"newest ticket was reported 8\.0 h ago"):
        night(tmp_path)


def test_a_database_whose_codes_a_mapping_tells(tmp_path: Path) -> None:
    fill(tmp_path / "oss.db", reported=stamp(-1, "04:00"))
    with sqlite3.connect(tmp_path / "oss.db") as connection:
        connection.execute("UPDATE faults SET kind = '光衰大'")
        connection.execute("CREATE TABLE roster (day TEXT, engineer_id TEXT, hours TEXT)")
        connection.execute("INSERT INTO roster VALUES ('2026-11-23', 'E1', '白班')")
    connection.close()
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "mapping.toml").write_text(
        'timezone = "Asia/Shanghai"\n[codes.fault_type]\n"光衰大" = "FTTH_WEAK_LIGHT"\n'
        '[columns.tickets]\ngdh = "id"\nkind = "fault_type"\nat = "reported_at"\n'
        '[shift_hours]\n"白班" = "08:00-17:00"\n',
        "utf-8",
    )
    source = f'[input.database]\nurl = "sqlite:///{tmp_path / "oss.db"}"\ntickets = "faults"\n'
    source += 'shifts = "roster"\n'
    settings(tmp_path, f'{source}mapping = "codes"')
    assert night(tmp_path).night.record.num_tickets == 1
    # Faults that stop the night are told by row.
    settings(tmp_path, f'{source}mapping = "codes"')
    with sqlite3.connect(tmp_path / "oss.db") as connection:
        connection.execute("INSERT INTO faults VALUES ('T2', '不明', 31.2, 121.4, NULL)")
    connection.close()
    with pytest.raises(NightStoppedError, match="1 row of the input cannot be read") as caught:
        night(tmp_path)
    assert [issue.id for issue in caught.value.issues] == ["T2"]


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(tmp_path, 'database = {url_env = "NO_SUCH_URL"}')
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    with pytest.raises(InvalidProblemError, match="NO_SUCH_URL is not set"):
        read_config(tmp_path / "night.toml")
    monkeypatch.setenv("NO_SUCH_URL", "mysql://root:secret@db/x")
    with pytest.raises(InvalidProblemError) as caught:
        read_config(tmp_path / "night.toml")
    assert "input.database.url" in str(caught.value)
    assert "secret" not in str(caught.value)


def in_database(base: Path) -> Database:
    url = f"sqlite:///{base / 'plans.db'}"
    database = Database(url)
    database.upgrade()
    publish = f'to = "database"\nurl = "sqlite:///{base / "inbox.db"}"\nstore = "{url}"'
    write_settings(base, publish=publish)
    return database


def inbox(base: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(base / "inbox.db") as connection:
        rows = connection.execute("SELECT ticket_id, action FROM dispatchopt_inbox").fetchall()
    connection.close()
    return sorted(rows)


def test_plan_and_messages_go_into_databases(tmp_path: Path) -> None:
    database = in_database(tmp_path)
    write_input(tmp_path, problem(tickets("T1", "T2")))
    first = night(tmp_path)
    assert first.exit_code == 0
    assert database.plan_in_force() == first.night.record.plan_id
    assert inbox(tmp_path) == [("T1", "assign"), ("T2", "assign")]
    write_input(tmp_path, problem(tickets("T1", "T2", "T3"), day=1))
    second = night(tmp_path)
    assert second.night.plan().base_version == first.night.record.plan_id
    assert database.plan_in_force() == second.night.record.plan_id
    assert not (tmp_path / "out" / ".night" / "outbox.db").exists()


def test_a_plan_of_somebody_elses_is_the_one_in_force(tmp_path: Path) -> None:
    database = in_database(tmp_path)
    database.write_plan(Plan(plan_id="theirs", routes=()))
    write_input(tmp_path, problem(tickets("T1")))
    found = night(tmp_path)
    assert found.night.plan().base_version == "theirs"
    assert found.diff is not None
    assert database.plan_in_force() == found.night.record.plan_id


def test_a_plan_that_another_has_overtaken_is_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = in_database(tmp_path)
    write_input(tmp_path, problem(tickets("T1")))
    whole = Publishing.publish

    def overtaken(self: Publishing, one: object) -> object:
        database.write_plan(Plan(plan_id="theirs", routes=()))
        return whole(self, one)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Publishing, "publish", overtaken)
        with pytest.raises(PlanConflictError):
            night(tmp_path)
    assert [one.is_void for one in Nights(tmp_path / "out").all()] == [True]
    found = night(tmp_path)  # the same input: planned again, on what is in force now
    assert found.is_new
    assert found.night.plan().base_version == "theirs"
    assert database.plan_in_force() == found.night.record.plan_id
    assert inbox(tmp_path) == [("T1", "assign")]


def test_a_database_without_our_tables_stops_before_planning(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    write_settings(tmp_path, publish=f'store = "{url}"')
    write_input(tmp_path, problem(tickets("T1")))
    with pytest.raises(Exception, match="dispatchopt database init"):
        night(tmp_path)
    assert not list((tmp_path / "out").glob("2*"))
    Database(url).upgrade()
    assert night(tmp_path).published is None
    assert Outbox(url).holds(Nights(tmp_path / "out").all()[0].record.plan_id)
