"""A stretch of the local day: what windows are offered in, whatever the date."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints, model_validator

from dispatchopt.models.base import Model

ClockTime = Annotated[
    str, StringConstraints(strict=True, pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]
"""A wall-clock time such as ``08:30``; ``24:00`` is the end of the day."""


class Slot(Model):
    """A stretch of any local day, by the wall clock of the problem's time zone; opens first.

    Attributes
    ----------
    open, close
        Such as ``08:00`` and ``10:00``; the close may be ``24:00``.
    """

    open: ClockTime
    close: ClockTime

    @model_validator(mode="after")
    def _opens_first(self) -> Slot:
        if self.close <= self.open:
            raise ValueError(f"close ({self.close}) must be later than open ({self.open})")
        return self

    @property
    def open_minute(self) -> int:
        """Minutes from midnight to `open`, by the wall clock."""
        return _minute(self.open)

    @property
    def close_minute(self) -> int:
        """Minutes from midnight to `close`, by the wall clock; 1440 for ``24:00``."""
        return _minute(self.close)


def _minute(clock: str) -> int:
    return 60 * int(clock[:2]) + int(clock[3:])
