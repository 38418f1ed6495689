"""A caller that may be killed: holds and confirms twenty windows, and notes what it was told.

Arguments: database, number of the worker, file for its notes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.kills import READY
from dispatchopt.booking import Ledger
from tests.unit.booking_steps import slot, take


def main(where: str, worker: str, notes: str) -> int:
    """Book; every call again if it was made before."""
    ledger = Ledger(where)
    with Path(notes).open("a") as told:
        print(READY, flush=True)
        ledger.contacted("shared", request_id="shared")
        for number in range(20):
            ticket_id = f"T{worker}.{number}"
            held = take(ledger, ticket_id, slot(8), f"{ticket_id}-hold", minutes=10_000)
            ledger.confirm(ticket_id, request_id=f"{ticket_id}-yes", version=held.version)
            told.write(f"{ticket_id}\n")
            told.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3]))
