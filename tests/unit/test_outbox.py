"""The publishing outbox: every message once, none lost, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

from dispatchopt.adapters.outbox import DELIVERED, FolderTarget, Outbox
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


def test_a_plan_is_told_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    plan = plan_of("p1", {"T1": "E1", "T2": None})
    assert outbox.enqueue(plan).messages == {"assign": 1}
    assert not outbox.enqueue(plan).is_new
    first = outbox.publish(FolderTarget(tmp_path / "inbox"))
    assert [(item.ticket_id, item.action) for item in first.delivered] == [("T1", "assign")]
    assert first.is_complete
    assert [path.name for path in (tmp_path / "inbox").glob("*.json")] == ["p1+T1+assign.json"]
    assert outbox.publish(FolderTarget(tmp_path / "inbox")).delivered == ()


def test_the_next_plan_tells_what_is_different(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    first = plan_of("p1", {"T1": "E1", "T2": "E1", "T3": "E2", "T4": "E2"})
    second = plan_of("p2", {"T1": "E1", "T2": "E2", "T3": None, "T5": "E1"})
    outbox.enqueue(first)
    outbox.publish(lambda _message: DELIVERED)
    outbox.enqueue(second, first)
    told: list[tuple[str, str]] = []
    outbox.publish(lambda message: told.append((message.ticket_id, message.action)) or DELIVERED)
    assert sorted(told) == [("T2", "change"), ("T3", "unassign"), ("T5", "assign")]
    assert outbox.last_plan() == second
