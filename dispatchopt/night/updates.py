"""A night told as updates of TM Forum trouble tickets (TMF621) instead of messages of our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.strict_json import dump_json
from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from dispatchopt.adapters.outbox import DocumentHook, Message
    from dispatchopt.models import Plan, Problem
    from dispatchopt.night.config import NightConfig, PublishConfig

UPDATES: Final = "updates.json"
"""The updates of a night, in its folder: what is told stays the same however often it is tried."""

_SHOWN: Final = 5


def read_trouble_tickets(config: PublishConfig) -> list[Any] | None:  # Any: JSON
    """Read the trouble tickets that updates are made for; None if there are to be none.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no JSON.
    """
    if config.trouble_tickets is None:
        return None
    from dispatchopt.adapters.tmf.side_files import read_documents

    return read_documents(config.trouble_tickets)


def updates_of(
    config: NightConfig, documents: list[Any], problem: Problem, plan: Plan, now: datetime
) -> tuple[bytes, list[str]]:
    """Return the content of `UPDATES`, and what could not be written.

    Parameters
    ----------
    documents
        The trouble tickets.
    now
        Date of the notes.
    """
    from dispatchopt.adapters.tmf import tmf621_updates

    found = tmf621_updates(
        documents,
        problem,
        plan,
        written_at=now,
        language="en" if config.output.language == "en" else "zh",
        version="v4" if config.publish.documents == "tmf621-v4" else "v5",
        left_out={rejected.ticket_id: "REJECTED" for rejected in plan.rejected},
    )
    data = [
        {"ticket_id": update.ticket_id, "method": "PATCH", "path": update.path, "body": update.body}
        for update in found.updates
    ]
    notes = [str(warning) for warning in found.warnings]
    there = {update.ticket_id for update in found.updates}
    absent = [ticket_id for ticket_id in _named(plan) if ticket_id not in there]
    if absent:
        more = ", …" if len(absent) > _SHOWN else ""
        notes.append(
            f"publish.trouble_tickets lacks {len(absent)} tickets of the plan, which nobody is "
            f"told: {', '.join(absent[:_SHOWN])}{more}. Export it together with the input."
        )
    return dump_json(data, indent=1), notes


def hook_of(folder: Path, config: PublishConfig) -> DocumentHook | None:
    """Return what makes the documents of a night's messages; None: they are our own.

    A service gets the body alone, for its URL says the rest.

    Raises
    ------
    AdapterError
        If `UPDATES` cannot be read.
    """
    path = folder / UPDATES
    if not path.exists():
        return None
    try:
        by_id = {item.pop("ticket_id"): item for item in json.loads(path.read_bytes())}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise AdapterError(f"{path}: cannot be read. Move the night away; it is redone.") from error

    def document(message: Message) -> dict[str, Any] | None:  # Any: JSON
        found = by_id.get(message.ticket_id)
        if found is None:
            return None
        return dict(found["body"] if config.to == "http" else found)

    return document


def _named(plan: Plan) -> Iterator[str]:
    for route in plan.routes:
        for visit in route.visits:
            yield visit.ticket_id
    for unserved in plan.unserved:
        yield unserved.ticket_id
