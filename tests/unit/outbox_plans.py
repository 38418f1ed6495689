"""Small plans for the tests of outboxes and databases."""

from __future__ import annotations

from dispatchopt.models import Plan, Route, Unserved, Visit


def plan_of(plan_id: str, engineers: dict[str, str | None]) -> Plan:
    """Build a plan in which each ticket is visited by its engineer, or by nobody."""
    owners = sorted({owner for owner in engineers.values() if owner is not None})
    return Plan(
        plan_id=plan_id,
        routes=tuple(
            Route(
                shift_id=f"S-{owner}",
                engineer_id=owner,
                visits=tuple(Visit(ticket_id=t) for t, o in engineers.items() if o == owner),
            )
            for owner in owners
        ),
        unserved=tuple(
            Unserved(ticket_id=t, reason="SEARCH_LIMIT") for t, o in engineers.items() if o is None
        ),
    )
