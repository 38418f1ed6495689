"""Differences told once, however many items they concern."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dispatchopt.errors import Issue


def grouped(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Return one issue for what is the same of many items; of these the first is named."""
    groups: dict[tuple[str, str, str], list[Issue]] = {}
    for issue in dict.fromkeys(issues):
        groups.setdefault((issue.kind, issue.field, issue.message), []).append(issue)
    return tuple(
        group[0]
        if len(group) == 1
        else replace(group[0], message=f"{group[0].message} (so of {len(group) - 1} more)")
        for group in groups.values()
    )
