"""Windows in words of a ticket's row -> windows on days of the plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.day_parts import DAY_PARTS, WHOLE_DAY, DayWindow, Hours
from dispatchopt.adapters.local_time import CellFault, Clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.adapters.tables import Item

_MOST_DAYS: Final = 366

Fault = Callable[["Item", str, str, str], None]
"""Notes the fault of an item: item, path of the field, value, message."""


def days_of(horizon: Any, zone: tzinfo | None) -> list[date]:  # Any: raw data
    """Return the local days of a horizon; none if it is faulty, which the door tells."""
    bounds = [_bound(horizon, name) for name in ("start", "end")]
    if not all(isinstance(bound, datetime) and bound.tzinfo is not None for bound in bounds):
        return []
    start, end = bounds
    first = start.astimezone(zone or UTC).date()
    last = max(start, end - timedelta(seconds=1)).astimezone(zone or UTC).date()
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, _MOST_DAYS))]


def _bound(horizon: Any, name: str) -> Any:  # Any: raw data
    return horizon.get(name) if isinstance(horizon, dict) else getattr(horizon, name, None)


class Booking:
    """Settles on which days the windows of tickets lie.

    A window with a date lies on that day. One without lies on the booking day of its row, else on
    every day of the plan. A booking day alone means the whole day. An appointment lies on one day.

    Parameters
    ----------
    days
        The local days of the plan.
    words
        Hours by word; None: the built-in ones.
    fault
        Notes a fault.
    """

    def __init__(
        self,
        days: Sequence[date],
        zone: tzinfo | None,
        words: Mapping[str, Hours] | None,
        fault: Fault,
    ) -> None:
        self._days = days
        self._clock = Clock(zone or UTC)
        self._whole_day = DayWindow((words or DAY_PARTS)[WHOLE_DAY])
        self._fault = fault

    def settle(self, item: Item) -> None:
        """Replace windows in words by windows in time; the booking day is used up."""
        booked = item.values.pop("booking_day", None)
        days = [booked] if booked is not None else self._days
        if "windows" in item.values:
            self._settle_windows(item, item.values["windows"], days)
        elif booked is not None and "appointment" not in item.values:
            self._settle_windows(item, [self._whole_day], days)
        if "appointment" in item.values:
            self._settle_appointment(item, item.values.pop("appointment"), days)

    def _settle_windows(self, item: Item, windows: Any, days: Sequence[date]) -> None:
        if not isinstance(windows, list):
            return
        found: list[Any] = []
        for window in windows:
            if isinstance(window, DayWindow):
                found.extend(self._on(item, "windows", window, window.on(days)))
            else:
                found.append(window)
        item.values["windows"] = found

    def _settle_appointment(self, item: Item, slot: Any, days: Sequence[date]) -> None:
        if "appointment_start" in item.values or "appointment_end" in item.values:
            self._fault(
                item, "appointment", "",
                "stands beside the start or end of an appointment; keep the one or the others",
            )  # fmt: skip
            return
        if isinstance(slot, DayWindow):
            meant = slot.on(days)
            if len(meant) > 1:
                self._fault(
                    item, "appointment", "",
                    f"on which of the {len(meant)} days? Write 2026-11-23 14:00-16:00, or give "
                    "the day in a column 'booking_day' or '预约日期'",
                )  # fmt: skip
                return
            settled = self._on(item, "appointment", slot, meant)
            slot = settled[0] if settled else None
        if slot is not None:
            item.values["appointment_start"] = slot["open"]
            item.values["appointment_end"] = slot["close"]

    def _on(
        self, item: Item, path: str, window: DayWindow, days: Sequence[date]
    ) -> list[dict[str, datetime]]:
        found: list[dict[str, datetime]] = []
        for day in days:
            try:
                opens, closes = (self._clock.localised(moment) for moment in window.local(day))
            except (CellFault, OverflowError) as fault:
                message = str(fault) if isinstance(fault, CellFault) else "no such day"
                self._fault(item, path, day.isoformat(), message)
                break  # the same on every such day
            found.append({"open": opens, "close": closes})
        return found
