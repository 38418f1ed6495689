"""A counter that may be killed: four customers want the same half hour, four any window at all.

Arguments: database, folder with the problem and its plan, number of the worker.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.kills import READY
from dispatchopt.adapters.json_files import read_plan, read_problem
from dispatchopt.booking import Desk, Ledger
from dispatchopt.errors import BookingConflictError
from tests.unit.booking_day import Clock, caller, window

SHORT = window("10:00", "10:30")


def main(where: str, folder: str, worker: str) -> int:
    """Book; every call again if it was made before."""
    problem = read_problem(Path(folder) / "problem.json").problem
    plan = read_plan(Path(folder) / "plan.json")
    desk = Desk(problem, plan, Ledger(where), clock=Clock())
    print(READY, flush=True)
    for number in range(8):
        ticket = caller(f"w{worker}.{number}", 120 if number < 4 else 30)
        try:
            choice = SHORT if number < 4 else desk.offer(ticket)[0]
            held = desk.hold(ticket, choice, request_id=f"{ticket.id}-hold")
            desk.confirm(ticket.id, request_id=f"{ticket.id}-yes", version=held.version)
        except BookingConflictError as conflict:
            # A worker that was killed asks for another offer than the one that it took.
            if conflict.reason not in ("REQUEST_REUSED", "ILLEGAL_STEP") and number >= 4:
                raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3]))
