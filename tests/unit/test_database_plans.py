"""Plans in a database: written whole, once, on the plan in force; read back as they were."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from dispatchopt.adapters.database import Database, Released
from dispatchopt.errors import AdapterError, PlanConflictError
from dispatchopt.models import Plan
from dispatchopt.models.plan import Cost, Provenance, Rejected
from tests.unit.databases import rows_of, run_sql
from tests.unit.outbox_plans import plan_of
from tests.unit.test_round_trip import plans

if TYPE_CHECKING:
    from pathlib import Path

FIRST = plan_of("p1", {"T1": "E1", "T2": None})


@pytest.fixture
def database(database_url: str) -> Database:
    found = Database(database_url)
    found.upgrade()
    return found


def test_a_plan_comes_back_as_it_went(database: Database) -> None:
    assert database.plan_in_force() is None
    assert database.read_plan() is None
    assert database.write_plan(FIRST) == Released("p1", None, is_new=True)
    assert database.plan_in_force() == "p1"
    assert database.read_plan() == database.read_plan("p1") == FIRST
    assert database.read_plan("p9") is None


_NUMBERS = itertools.count(1)


def holds(database: Database, raw: dict[str, Any]) -> None:
    plan = Plan.model_validate({**raw, "plan_id": f"plan {next(_NUMBERS)}"})
    database.write_plan(plan, replacing=database.plan_in_force())
    assert database.read_plan() == plan


def test_every_plan_comes_back_as_it_went(database: Database) -> None:
    given(raw=plans)(lambda raw: holds(database, raw))()


def test_writing_the_same_plan_again_changes_nothing(database: Database) -> None:
    database.write_plan(FIRST)
    second = plan_of("p2", {"T1": "E2"})
    database.write_plan(second, replacing="p1")
    slower = Provenance(seed=0, iterations=9, runtime=99.5, input_hash="x", version="1")
    again = FIRST.model_copy(update={"provenance": slower})
    assert database.write_plan(again) == Released("p1", None, is_new=False)
    assert database.write_plan(second) == Released("p2", "p1", is_new=False)
    assert database.plan_in_force() == "p2"


def test_another_plan_of_the_same_id_is_a_conflict(database: Database) -> None:
    database.write_plan(FIRST)
    with pytest.raises(PlanConflictError, match="'p1' is in the database already"):
        database.write_plan(plan_of("p1", {"T1": "E2", "T2": None}))
    assert database.read_plan() == FIRST


def test_a_stale_base_is_a_conflict(database: Database) -> None:
    database.write_plan(FIRST)
    second = plan_of("p2", {"T1": "E2"}).model_copy(update={"base_version": "p1"})
    late = plan_of("p3", {"T1": "E3"}).model_copy(update={"base_version": "p1"})
    assert database.write_plan(second).replaced == "p1"
    with pytest.raises(PlanConflictError, match="'p3' was made from plan 'p1', but plan 'p2' is"):
        database.write_plan(late)
    with pytest.raises(PlanConflictError, match="'p4' was made from no plan, but"):
        database.release_plan(plan_of("p4", {}), replacing="p1")
    assert database.plan_in_force() == "p2"
    assert database.read_plan("p3") is None
    assert database.write_plan(late, replacing="p2").replaced == "p2"


def test_of_writers_at_the_same_time_one_wins(database: Database) -> None:
    database.write_plan(FIRST)
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def write(number: int) -> None:
        plan = plan_of(f"q{number}", {"T1": "E2"}).model_copy(update={"base_version": "p1"})
        barrier.wait()
        try:
            database.write_plan(plan)
            outcomes.append(plan.plan_id)
        except PlanConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [outcome for outcome in outcomes if outcome != "conflict"]
    assert len(outcomes) == 4
    assert database.plan_in_force() == winner


def test_a_plan_that_cannot_be_written_whole_is_not_written(
    database_url: str, database: Database
) -> None:
    # The last table that is written takes no rows any more.
    run_sql(database_url, "DROP TABLE dispatchopt_cost", "CREATE TABLE dispatchopt_cost (x INT)")
    plan = FIRST.model_copy(update={"cost": Cost(total=1, by_rule={"travel": 1})})
    with pytest.raises(AdapterError, match="cannot be used"):
        database.write_plan(plan)
    assert database.plan_in_force() is None
    assert rows_of(database_url, "SELECT count(*) FROM dispatchopt_visit") == [(0,)]


def test_what_no_column_holds_is_refused_cell_by_cell(database: Database) -> None:
    plan = plan_of("p1", {"T1": "E1"}).model_copy(
        update={
            "rejected": (Rejected(ticket_id="T\x00", issues=()),),
            "provenance": Provenance(
                seed=2**64, iterations=0, runtime=0.0, input_hash="\x00", version="1"
            ),
        }
    )
    with pytest.raises(AdapterError) as caught:
        database.write_plan(plan)
    lines = str(caught.value).splitlines()
    assert "3 values that a database cannot hold" in lines[0]
    assert lines[1:] == [
        "  - dispatchopt_plan, row 1, seed: a number beyond 64 bits",
        "  - dispatchopt_plan, row 1, input_hash: a NUL character; remove it",
        "  - dispatchopt_rejected, row 1, ticket_id: a NUL character; remove it",
    ]
    assert database.plan_in_force() is None


def test_tables_speak_for_themselves(database_url: str, database: Database) -> None:
    database.write_plan(plan_of("p1", {"T1": "E1", "T2": "E1", "T3": "E2", "T4": None}))
    query = (
        "SELECT engineer_id, sequence, ticket_id FROM dispatchopt_visit "
        "JOIN dispatchopt_in_force USING (plan_id) ORDER BY engineer_id, sequence"
    )
    assert rows_of(database_url, query) == [("E1", 1, "T1"), ("E1", 2, "T2"), ("E2", 1, "T3")]
    query = "SELECT ticket_id, reason, breaks_promise FROM dispatchopt_unserved"
    assert [tuple(map(str, row[:2])) for row in rows_of(database_url, query)] == [
        ("T4", "SEARCH_LIMIT")
    ]


def test_without_tables_the_way_out_is_told(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    database = Database(f"sqlite:///{path}")
    for call in (database.plan_in_force, database.read_plan, lambda: database.write_plan(FIRST)):
        with pytest.raises(AdapterError, match="Run: dispatchopt database init URL"):
            call()
    with pytest.raises(AdapterError, match="no such file"):
        Database(f"sqlite:///{tmp_path / 'missing.db'}").read_plan()
    assert not (tmp_path / "missing.db").exists()
