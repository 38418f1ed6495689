"""Windows in words of a ticket's row -> windows on days of the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.day_parts import DAY_PARTS, WHOLE_DAY, DayWindow, Hours
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.adapters.tables import Item, Sheet

APPOINTMENT_MINUTES: Final = 60
"""How long an appointment lasts that is one time only, if the settings do not tell: a proposal of
ours between the two hours of usual slots and the minute that was written."""

Fault = Callable[["Item", str, str, str], None]
"""Notes the fault of an item: item, path of the field, value, message."""


class Booking:
    """Settles on which days the windows of tickets lie.

    A window with a date lies on that day. One without lies on the booking day of its row, else on
    every day of the plan. A booking day alone means the whole day. An appointment lies on one day.
    One that is a time only lasts so many minutes.

    Parameters
    ----------
    days
        The local days of the plan; none if nobody knows them.
    appointment_days
        Those of them that an appointment without a date may mean.
    words
        Hours by word; None: the built-in ones.
    minutes
        How long an appointment lasts that is one time only; None: `APPOINTMENT_MINUTES`.
    fault
        Notes a fault.
    """

    def __init__(
        self,
        days: Sequence[date],
        zone: tzinfo | None,
        words: Mapping[str, Hours] | None,
        fault: Fault,
        *,
        appointment_days: Sequence[date],
        minutes: int | None = None,
    ) -> None:
        self._days = days
        self._appointment_days = appointment_days
        self._clock = Clock(zone or UTC)
        self._whole_day = DayWindow((words or DAY_PARTS)[WHOLE_DAY])
        self._minutes = minutes
        self._lasts = timedelta(minutes=minutes or APPOINTMENT_MINUTES)
        self._fault = fault
        self._num_times = 0

    def settle(self, tickets: Sheet) -> list[Issue]:
        """Replace windows in words by windows in time; return what is doubtful about them."""
        has_ends = "appointment_end" in tickets.headers
        for item in tickets.items:
            self._settle(item)
            opens = item.values.get("appointment_start")
            if opens is not None and not has_ends and "appointment_end" not in item.values:
                self._num_times += 1
                item.values["appointment_end"] = opens + self._lasts
        if not self._num_times or self._minutes is not None:
            return []
        headers = tickets.headers
        header = headers.get("appointment") or headers.get("appointment_start", "")
        message = (
            f"appointments that are one time only ({self._num_times}) were read as the "
            f"{APPOINTMENT_MINUTES} minutes from it on; say how long they are: "
            "appointment_minutes in mapping.toml or policy.toml"
        )
        return [Issue("problem", "", header, "", message, tickets.file)]

    def _settle(self, item: Item) -> None:
        """Settle one row; the booking day is used up."""
        booked = item.values.pop("booking_day", None)
        days = [booked] if booked is not None else self._days
        if "windows" in item.values:
            self._settle_windows(item, item.values["windows"], days)
        elif booked is not None and "appointment" not in item.values:
            self._settle_windows(item, [self._whole_day], days)
        if "appointment" in item.values:
            on = days if booked is not None else self._appointment_days
            self._settle_appointment(item, item.values.pop("appointment"), on)

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
            if slot.is_whole_day:
                slot = replace(self._whole_day, month=slot.month, day=slot.day, year=slot.year)
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
            opens, closes = slot["open"], slot["close"]
            if opens == closes:
                self._num_times += 1
                closes = opens + self._lasts
            item.values["appointment_start"] = opens
            item.values["appointment_end"] = closes

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
