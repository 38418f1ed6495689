"""Forgetting old nights: their folders, and what the outbox settled of them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.errors import AdapterError
from dispatchopt.night.writing import OURS

if TYPE_CHECKING:
    from dispatchopt.night.config import NightConfig
    from dispatchopt.night.nights import Night, Nights
    from dispatchopt.night.publishing import Publishing

_DOOMED: Final = "pruned-"


def prune(
    config: NightConfig, nights: Nights, publishing: Publishing, current: Night
) -> dict[str, Any]:  # Any: JSON
    """Remove what is older than the nights to keep; return what was done, for the journal.

    Finished nights alone go, and of these neither the one just run nor the newest whose plan was in
    force, whatever their dates. A folder that holds files of others stays. What fails is tried
    again by the next night.
    """
    keep = config.output.keep_nights
    if keep == 0:
        return {}
    told: dict[str, Any] = {}
    try:
        # What an earlier run renamed and did not get to remove.
        for leftover in nights.state.glob(f"{_DOOMED}*"):
            shutil.rmtree(leftover)
        removed, foreign = _remove(_old(nights, keep, current), nights)
        if removed:
            told["removed"] = removed
        if foreign:
            told |= {"status": "warn", "foreign": foreign}
        count = publishing.prune(keep)
        if count:
            told["messages"] = count
    except (OSError, AdapterError) as error:
        told |= {"status": "warn", "error": type(error).__name__}
    return told


def _old(nights: Nights, keep: int, current: Night) -> list[Night]:
    finished = [night for night in nights.all() if night.is_finished]
    in_force = [night.record.night for night in finished if not night.is_void]
    spared = {current.record.night, *in_force[-1:]}
    return [night for night in finished[:-keep] if night.record.night not in spared]


def _remove(old: list[Night], nights: Nights) -> tuple[list[str], list[str]]:
    """Remove folders; return the nights removed, and those that hold files of others."""
    removed: list[str] = []
    foreign: list[str] = []
    for night in old:
        entries = list(night.folder.iterdir())
        if not all(any(entry.match(name) for name in OURS) for entry in entries):
            foreign.append(night.record.night)
            continue
        # Gone as a whole, or there as a whole: no reader meets half a night.
        doomed = nights.state / f"{_DOOMED}{night.record.night}"
        os.rename(night.folder, doomed)
        shutil.rmtree(doomed)
        removed.append(night.record.night)
    return removed, foreign
