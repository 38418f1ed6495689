"""Times and stretches of time as people write them, for the messages of violations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.timeline import FOREVER

if TYPE_CHECKING:
    from dispatchopt.rules.context import Context


def clock(ctx: Context, second: int) -> str:
    """Write a second of the horizon as local date and time: ``2026-11-23 08:30``."""
    if second >= FOREVER:
        return "open end"
    try:
        local = ctx.instant(second).astimezone(ctx.problem.zone)
    except OverflowError:  # after legs without a way
        return f"second {second}"
    return f"{local:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def spell(seconds: int) -> str:
    """Write a stretch of time, exact to the second: ``1 h 5 min``, ``12 min 30 s``."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "h"), (rest // 60, "min"), (rest % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
