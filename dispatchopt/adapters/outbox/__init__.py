"""The publishing outbox: messages to the ticketing system, kept until they are delivered.

::

    outbox = Outbox("out/outbox.db")                 # or the URL of a database
    outbox.enqueue(plan, previous_plan)              # once the plan is checked; safe to repeat
    report = outbox.publish(FolderTarget("out/to_backend"))
    report.is_complete, report.refused, report.pending
"""

from __future__ import annotations

from dispatchopt.adapters.outbox.messages import Action, DocumentHook, Message
from dispatchopt.adapters.outbox.outbox import Enqueued, Outbox
from dispatchopt.adapters.outbox.publisher import (
    DELIVERED,
    Deliver,
    Delivery,
    Outcome,
    PublishReport,
    Waiting,
)
from dispatchopt.adapters.outbox.targets import FolderTarget, HttpTarget

__all__ = [
    "DELIVERED",
    "Action",
    "Deliver",
    "Delivery",
    "DocumentHook",
    "Enqueued",
    "FolderTarget",
    "HttpTarget",
    "Message",
    "Outbox",
    "Outcome",
    "PublishReport",
    "Waiting",
]
