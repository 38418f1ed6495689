"""The problem: everything a plan is made from. Also the exchange format (``schema_version`` 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import StringConstraints, ValidationInfo, field_validator, model_validator

from dispatchopt.errors import InvalidProblemError
from dispatchopt.models.base import Id, Instant, Model, Span
from dispatchopt.models.catalogue import FaultType, builtin_fault_types
from dispatchopt.models.engineer import Engineer
from dispatchopt.models.plan import Plan
from dispatchopt.models.policy import Policy
from dispatchopt.models.ticket import Ticket
from dispatchopt.models.travel import Travel

PARTS_UNCHECKED: Final = {"parts": "unchecked"}
"""Validation context of a caller that runs `cross_check` itself."""


class Problem(Model):
    """Tickets, engineers, travel, policy and horizon; optionally what holds now and held before.

    Attributes
    ----------
    horizon
        The stretch planned; every shift, its overtime included, lies within it.
    now
        Routes do not start earlier; absent: the horizon has not begun.
    timezone
        IANA name. It tells on which day a shift is, and so which certificates still hold; where
        the days of a horizon begin and what local times of files mean; and how times are shown.
    fault_types
        Extends the built-in catalogue; an equal code replaces.
    previous_plan
        The plan in force: start of the search, and reference of the change cost.

    Raises
    ------
    ValueError
        With every contradiction between the parts (`models.cross_check`).
    """

    schema_version: Annotated[str, StringConstraints(pattern=r"^1(\.\d+)?$")] = "1"
    horizon: Span
    now: Instant | None = None
    timezone: str = "UTC"
    tickets: tuple[Ticket, ...]
    engineers: tuple[Engineer, ...]
    travel: Travel
    policy: Policy = Policy()
    fault_types: tuple[FaultType, ...] = ()
    previous_plan: Plan | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):
            raise ValueError("no IANA time zone; write for example Asia/Shanghai") from None
        return value

    @model_validator(mode="after")
    def _parts_agree(self, info: ValidationInfo) -> Problem:
        if info.context == PARTS_UNCHECKED:
            return self
        from dispatchopt.models.cross_check import cross_check

        issues = cross_check(self)
        if issues:
            raise InvalidProblemError(issues)
        return self

    @property
    def zone(self) -> tzinfo:
        """The time zone of days and display."""
        return ZoneInfo(self.timezone)

    def catalogue(self) -> Mapping[Id, FaultType]:
        """Fault types by code: the built-in ones, extended or replaced by the problem's."""
        return merge_catalogue(self.fault_types)


def merge_catalogue(fault_types: Iterable[FaultType]) -> dict[Id, FaultType]:
    """Return the built-in fault types by code, extended or replaced by the given ones."""
    return {fault.code: fault for fault in (*builtin_fault_types(), *fault_types)}
