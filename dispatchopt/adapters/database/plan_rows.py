"""A plan -> the rows of its tables, and back."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any

from dispatchopt.adapters.database.schema import (
    BREAK,
    COST,
    IDLE,
    OVERRIDDEN,
    PLAN,
    PROMISE,
    REJECTED,
    ROUTE,
    UNSERVED,
    VISIT,
)
from dispatchopt.adapters.json_files import to_json
from dispatchopt.models import Plan, Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import sqlalchemy as sa

Rows = list[dict[str, Any]]
"""Rows of a table by column; times are datetimes."""

PARTS = (ROUTE, VISIT, BREAK, UNSERVED, REJECTED, IDLE, PROMISE, OVERRIDDEN, COST)
"""The tables with rows of a plan beside its own row."""

_FIELDS = {
    "starts_at": "start",
    "ends_at": "end",
    "departs_at": "departure",
    "arrives_at": "arrival",
}
"""Field of the model by column, where they differ: ``end`` means something in SQL."""

_BROKEN, _CONSENT, _WEAKENED = "broken", "consent", "weakened"


def rows_of(plan: Plan) -> dict[sa.Table, Rows]:
    """Return the rows of each table, but for what the database adds to the plan's own."""
    cost, origin = plan.cost, plan.provenance
    own = {
        "plan_id": plan.plan_id,
        "base_version": plan.base_version,
        "schema_version": plan.schema_version,
        "cost": None if cost is None else cost.total,
        "bound": plan.bound,
        "gap": plan.gap,
        "seed": None if origin is None else origin.seed,
        "iterations": None if origin is None else origin.iterations,
        "runtime": None if origin is None else origin.runtime,
        "input_hash": None if origin is None else origin.input_hash,
        "version": None if origin is None else origin.version,
    }
    broken = frozenset(plan.broken_promises)
    promises = [_promise(t, _BROKEN) for t in plan.broken_promises]
    promises += [_promise(t, _CONSENT) for t in plan.needs_customer_consent]
    promises += [_promise(kind=_WEAKENED, **dict(item)) for item in plan.weakened_promises]
    parts: dict[sa.Table, Rows] = {
        ROUTE: [_route_row(route) for route in plan.routes],
        VISIT: [row for number, route in enumerate(plan.routes) for row in _visits(number, route)],
        BREAK: [
            {"route": number, "starts_at": pause.start, "ends_at": pause.end}
            for number, route in enumerate(plan.routes)
            for pause in route.breaks
        ],
        UNSERVED: [
            {
                "ticket_id": item.ticket_id,
                "reason": item.reason,
                "detail": to_json(item).get("detail", {}),
                "breaks_promise": item.ticket_id in broken,
            }
            for item in plan.unserved
        ],
        REJECTED: [
            {"ticket_id": item.ticket_id, "issues": list(item.issues)} for item in plan.rejected
        ],
        IDLE: [{"ticket_id": t.ticket_id, "status": t.status} for t in plan.not_plannable],
        PROMISE: promises,
        OVERRIDDEN: [dict(item) for item in plan.overridden],
        COST: []
        if cost is None
        else [{"rule": rule, "cost": price} for rule, price in cost.by_rule.items()],
    }
    for rows in parts.values():
        for position, row in zip(count(1), rows, strict=False):
            row |= {"plan_id": plan.plan_id, "position": position}
    return {PLAN: [own], **parts}


def _promise(
    ticket_id: str, kind: str, was: float | None = None, kept_probability: float | None = None
) -> dict[str, Any]:
    return {"ticket_id": ticket_id, "kind": kind, "was": was, "kept_probability": kept_probability}


def _route_row(route: Route) -> dict[str, Any]:
    return {
        "shift_id": route.shift_id,
        "engineer_id": route.engineer_id,
        "starts_at": route.start,
        "ends_at": route.end,
    }


def _visits(number: int, route: Route) -> Iterator[dict[str, Any]]:
    for sequence, visit in enumerate(route.visits, start=1):
        promised = visit.promised
        yield {
            "route": number,
            "shift_id": route.shift_id,
            "engineer_id": route.engineer_id,
            "sequence": sequence,
            "ticket_id": visit.ticket_id,
            "departs_at": visit.departure,
            "arrives_at": visit.arrival,
            "starts_at": visit.start,
            "ends_at": visit.end,
            "travel_seconds": visit.travel_seconds,
            "promised_open": None if promised is None else promised.open,
            "promised_close": None if promised is None else promised.close,
            "kept_probability": visit.kept_probability,
        }


def plan_of(own: Mapping[str, Any], parts: Mapping[sa.Table, Sequence[Mapping[str, Any]]]) -> Plan:
    """Return the plan of its rows, each table's in the order of their positions."""
    visits, breaks = _by_route(parts[VISIT]), _by_route(parts[BREAK])
    routes = [
        {
            **_fields(row, "shift_id", "engineer_id", "starts_at", "ends_at"),
            "visits": [_visit(visit) for visit in visits[number]],
            "breaks": [_fields(pause, "starts_at", "ends_at") for pause in breaks[number]],
        }
        for number, row in enumerate(parts[ROUTE])
    ]
    data: dict[str, Any] = {
        **_fields(own, "schema_version", "plan_id", "base_version", "bound", "gap"),
        "routes": routes,
        "unserved": [_fields(row, "ticket_id", "reason", "detail") for row in parts[UNSERVED]],
        "rejected": [_fields(row, "ticket_id", "issues") for row in parts[REJECTED]],
        "not_plannable": [_fields(row, "ticket_id", "status") for row in parts[IDLE]],
        "broken_promises": _promises(parts, _BROKEN),
        "weakened_promises": [
            _fields(row, "ticket_id", "was", "kept_probability")
            for row in parts[PROMISE]
            if row["kind"] == _WEAKENED
        ],
        "needs_customer_consent": _promises(parts, _CONSENT),
        "overridden": [
            _fields(row, "rule", "ticket_id", "shift_id", "detail") for row in parts[OVERRIDDEN]
        ],
    }
    if own["cost"] is not None:
        prices = {row["rule"]: row["cost"] for row in parts[COST]}
        data["cost"] = {"total": own["cost"], "by_rule": prices}
    if own["version"] is not None:
        data["provenance"] = _fields(own, "seed", "iterations", "runtime", "input_hash", "version")
    return Plan.model_validate(data)


def _fields(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    """Return what stands in columns, by field of the model; what is absent is left out."""
    return {
        _FIELDS.get(column, column): row[column] for column in columns if row[column] is not None
    }


def _visit(row: Mapping[str, Any]) -> dict[str, Any]:
    visit = _fields(
        row,
        "ticket_id",
        "departs_at",
        "arrives_at",
        "starts_at",
        "ends_at",
        "travel_seconds",
        "kept_probability",
    )
    if row["promised_open"] is not None:
        visit["promised"] = {"open": row["promised_open"], "close": row["promised_close"]}
    return visit


def _by_route(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["route"]].append(row)
    return found


def _promises(parts: Mapping[sa.Table, Sequence[Mapping[str, Any]]], kind: str) -> list[str]:
    return [row["ticket_id"] for row in parts[PROMISE] if row["kind"] == kind]
