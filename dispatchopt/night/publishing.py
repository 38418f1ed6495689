"""Telling the receiver what a night decided, through the outbox."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dispatchopt.adapters.outbox import FolderTarget, HttpTarget, Outbox, PublishReport

if TYPE_CHECKING:
    from pathlib import Path

    from dispatchopt.adapters.outbox import Deliver
    from dispatchopt.night.config import PublishConfig
    from dispatchopt.night.nights import Night


def publish(config: PublishConfig, night: Night, state: Path) -> PublishReport | None:
    """Deliver what a night decided and what is left of others; None without a receiver.

    Safe to repeat: the plan enters the outbox once, whole, and each message goes out once.

    Raises
    ------
    AdapterError
        If the outbox cannot be read or written, or another publisher is at work on it.
    """
    if config.to == "none":
        return None
    outbox = _outbox(state)
    if not outbox.holds(night.record.plan_id):
        outbox.enqueue(night.plan(), night.previous_plan())
    return outbox.publish(
        _target(config),
        attempts=config.attempts,
        backoff=config.backoff,
        time_limit=config.time_limit,
    )


def was_enqueued(config: PublishConfig, night: Night, state: Path) -> bool:
    """Whether messages of a night may have gone out; without a receiver people read its files."""
    return config.to == "none" or _outbox(state).holds(night.record.plan_id)


def _outbox(state: Path) -> Outbox:
    return Outbox(state / "outbox.db")


def _target(config: PublishConfig) -> Deliver:
    if config.to == "folder":
        assert config.folder is not None
        return FolderTarget(config.folder)
    assert config.url is not None
    headers = {name: os.environ[variable] for name, variable in config.header_env.items()}
    return HttpTarget(config.url, method=config.method, headers=headers)
