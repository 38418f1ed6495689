"""Types, priorities and states of trouble tickets as ours; all of them are free texts there."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from dispatchopt.models.nearest import did_you_mean, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.adapters.tmf.trouble_ticket import TroubleTicket
    from dispatchopt.models import FaultType

_T = TypeVar("_T")

STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "acknowledged": "open",
        "inProgress": "open",
        "pending": "parked",
        "held": "parked",
        "rejected": "cancelled",
        "cancelled": "cancelled",
        "canceled": "cancelled",
        "resolved": "done",
        "closed": "done",
    }
)
"""States of TMF621, and what they mean here. `inProgress` says that somebody deals with the ticket,
not that somebody is on site; `pending` and `held` stop the clock."""

PRIORITIES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{f"{prefix}{level}": level for prefix in ("", "P") for level in (1, 2, 3, 4)},
        **dict.fromkeys(("critical", "urgent", "emergency", "紧急", "特急", "危急"), 1),
        **dict.fromkeys(("high", "major", "高", "严重", "重要"), 2),
        **dict.fromkeys(("medium", "normal", "moderate", "minor", "中", "一般", "普通"), 3),
        **dict.fromkeys(("low", "trivial", "低", "轻微"), 4),
    }
)
"""Words of priority and severity."""


class Codes:
    """Looks up what texts mean; the caller's maps come first.

    Parameters
    ----------
    fault_types
        Code of a fault type by `ticketType`.
    priorities, statuses
        Level, and status of a ticket, by text.
    catalogue
        The fault types there are; their codes and names are known.
    """

    def __init__(
        self,
        catalogue: Mapping[str, FaultType],
        fault_types: Mapping[str, str],
        priorities: Mapping[str, int],
        statuses: Mapping[str, str],
    ) -> None:
        names = {n: code for code, f in catalogue.items() for n in (f.name_zh, f.name_en) if n}
        self.catalogue = catalogue
        self._known = {**names, **{code: code for code in catalogue}}
        self._types = _by_form(self._known) | _by_form(fault_types)
        self._priorities = _by_form(PRIORITIES) | _by_form(priorities)
        self._statuses = _by_form(STATUSES) | _by_form(statuses)

    def fault_type(self, name: str) -> str | None:
        """Return the code of a fault type, None if the text says nothing."""
        return self._types.get(folded(name))

    def hint(self, name: str) -> str:
        """Return what may have been meant."""
        return did_you_mean(name, self._known)

    def priority(self, ticket: TroubleTicket) -> int | None:
        """Return the level of the priority, else that of the severity; None if neither says."""
        for text in (ticket.priority, ticket.severity):
            level = None if text is None else self._priorities.get(folded(text))
            if level is not None:
                return level
        return None

    def status(self, text: str | None) -> str | None:
        """Return the status; a ticket without a state is open, None if the state is unknown."""
        return "open" if text is None else self._statuses.get(folded(text))


def _by_form(table: Mapping[str, _T]) -> dict[str, _T]:
    return {folded(key): value for key, value in table.items()}
