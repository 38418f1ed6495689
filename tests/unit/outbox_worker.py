"""A publisher that may be killed: enqueues two plans, one after the other, and publishes them.

Arguments: outbox (file or URL), target (folder or URL), number of tickets.
"""

from __future__ import annotations

import sys

from benchmarks.kills import READY
from dispatchopt.adapters.database import DatabaseTarget
from dispatchopt.adapters.outbox import FolderTarget, Outbox
from tests.unit.outbox_plans import plan_of


def main(where: str, target: str, num_tickets: int) -> int:
    """Publish; 0 when everything is delivered."""
    tickets = [f"T{number}" for number in range(num_tickets)]
    plans = [
        plan_of("p1", dict.fromkeys(tickets, "E1")),
        plan_of("p2", {t: "E2" if number % 2 else None for number, t in enumerate(tickets)}),
    ]
    outbox = Outbox(where)
    deliver = DatabaseTarget(target) if "://" in target else FolderTarget(target)
    print(READY, flush=True)
    for plan in plans:
        outbox.enqueue(plan)
        if not outbox.publish(deliver).is_complete:
            return 7
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
