"""Plan from a database into a database, twice, and tell the ticketing system what changed."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import dispatchopt as do
from dispatchopt.adapters.outbox import FolderTarget

BRANCH = """
CREATE TABLE gongdan (gdh INTEGER, lx TEXT, yxj INTEGER, jd REAL, wd REAL, ks TEXT, js TEXT);
CREATE TABLE renyuan (gh TEXT, jn TEXT, jd REAL, wd REAL);
CREATE TABLE banci (gh TEXT, sb TEXT, xb TEXT);
INSERT INTO gongdan VALUES
    (1001, '光猫故障更换', 2, 121.50, 31.20, '2026-11-23 09:00', '2026-11-23 11:00'),
    (1002, 'BB_SLOW', 3, 121.52, 31.21, NULL, NULL),
    (1003, 'IPTV_STB', 3, 121.47, 31.23, NULL, NULL);
INSERT INTO renyuan VALUES
    ('E1', 'BROADBAND:2', 121.48, 31.22), ('E2', 'BROADBAND:1;IPTV:1', 121.51, 31.19);
INSERT INTO banci VALUES
    ('E1', '2026-11-23 08:30', '2026-11-23 17:30'), ('E2', '2026-11-23 08:30', '2026-11-23 12:00');
"""
TICKETS = """
SELECT gdh AS id, lx AS fault_type, yxj AS priority, jd AS lon, wd AS lat,
       ks AS appointment_start, js AS appointment_end
FROM gongdan"""
ENGINEERS = "SELECT gh AS id, jn AS skills, jd AS lon, wd AS lat FROM renyuan"
SHIFTS = 'SELECT gh AS engineer_id, sb AS start, xb AS "end" FROM banci'


def plan_once(url: str, inbox: Path) -> None:
    """Read, plan, release and publish."""
    database = do.Database(url)
    previous = database.read_plan()
    intake = database.read_problem(
        tickets=TICKETS,
        engineers=ENGINEERS,
        shifts=SHIFTS,
        timezone="Asia/Shanghai",
        previous_plan=previous,
    )
    plan = do.solve(intake.problem, iterations=200, threads=1, seed=1).plan
    released = database.release_plan(plan, previous, problem=intake.problem)
    report = do.Outbox(url).publish(FolderTarget(inbox))
    replaced = "the first" if released.replaced is None else "replaces the one before"
    print(f"Plan {replaced}; delivered: {report.is_complete}")
    for outcome in report.delivered:
        print(f"  {outcome.ticket_id}  {outcome.action}")


def main() -> None:
    """Plan a small branch, lose an engineer, plan again."""
    with tempfile.TemporaryDirectory() as folder:
        path, inbox = Path(folder) / "branch.db", Path(folder) / "to_backend"
        with closing(sqlite3.connect(path)) as branch:
            branch.executescript(BRANCH)
        url = f"sqlite:///{path}"
        do.Database(url).upgrade()
        plan_once(url, inbox)
        with closing(sqlite3.connect(path)) as branch, branch:
            branch.execute("DELETE FROM banci WHERE gh = 'E2'")
        plan_once(url, inbox)


if __name__ == "__main__":
    main()
