"""Every weight and limit of a plan, the unit in its name; presets as data in `presets.py`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from dispatchopt.models.base import Id, Model, Price, Priority
from dispatchopt.models.plan import Share
from dispatchopt.models.presets import PRESETS
from dispatchopt.models.slots import Slot

Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
ByPriority = Annotated[
    dict[Priority, Price],
    Field(json_schema_extra={"propertyNames": {"enum": ["1", "2", "3", "4"]}}),
]

Minutes = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Slots = Annotated[tuple[Slot, ...], Field(max_length=1000)]
Knots = Annotated[tuple[tuple[Share, Share], ...], Field(max_length=1000)]


class Policy(Model):
    """Prices in cost units; one unit is one second of an engineer's working time.

    A preset fills every field that is not given; in the fields by priority, only the levels that
    are not given. ``unserved_cost={1: 200000}`` changes P1 and keeps the preset's other levels.

    Attributes
    ----------
    travel_per_hour
        Per hour of travel, each leg rounded up.
    unserved_cost, unserved_per_hour
        For a ticket left out, by priority: at once, and per hour of its duration.
    age_per_day
        For a ticket left out, per whole day since it was reported (or night carried over).
    broken_promise_cost
        On top, for a promised ticket; raised to what a shift full of the dearest unpromised tickets
        would cost; 0 switches it off.
    delay_per_hour
        By priority, per hour from release (earliest, known, start of horizon) to end of service.
    late_cost, late_per_hour
        By priority: once when service ends after `due`, and per hour after it.
    overtime_per_hour
        Per hour that a route lasts beyond the shift.
    balance_per_hour
        Load: rate of W^2 / H for work W in paid time H; pulls work towards the less loaded.
    overskill_cost
        Per level that the engineer has above the level needed.
    helper_territory_cost
        For a visit outside the engineer's own territories.
    territory_open_to
        Priorities that may be served outside own and helper territories.
    not_preferred_cost
        For a visit by someone else than the preferred engineers.
    change_cost
        For a ticket that leaves the shift which the previous plan gave it.
    reserve_percent, reserve_per_hour
        Share of a shift's paid time kept free for the day's urgent arrivals, by skill of its
        engineer (``"*"``: every shift; the largest counts), and the price per hour of using it.
    priorities
        ``lexicographic``: prices of the unserved are raised so that no ticket is given up for any
        number of less urgent ones that its place in a shift could hold.
    slots, fallback_slots
        Windows that customers are offered, by the local clock; the second on days on which none of
        the first can be.
    visiting_hours
        Outside them no window is offered.
    offer_lead_minutes
        A window that is offered opens no sooner from now.
    hold_minutes
        So long a window is held for a customer who has not confirmed it.
    min_kept_probability
        No window is offered that is less likely to be kept; re-planning keeps promises above it.
    kept_calibration
        Pairs of a probability as simulated and the share of such windows that was kept, neither
        falling; straight lines between, from (0, 0) to (1, 1) where no pair is given. Empty: what
        is simulated is told.
    margin_minutes, margin_per_hour
        A visit with an appointment is to start so many minutes before its window closes (for an
        hour of work before it; for four hours twice that, as uncertainty grows), and the price per
        hour of starting later.
    missed_window_cost
        What an offer's grade counts for a window missed; no part of a plan's cost.
    """

    # The preset fills what is not given.
    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required"))

    preset: Literal["city_day", "balanced", "strict"] = "balanced"
    travel_per_hour: Price
    unserved_cost: ByPriority
    unserved_per_hour: ByPriority
    age_per_day: Price
    broken_promise_cost: Price
    delay_per_hour: ByPriority
    late_cost: ByPriority
    late_per_hour: ByPriority
    overtime_per_hour: Price
    balance_per_hour: Price
    overskill_cost: Price
    helper_territory_cost: Price
    territory_open_to: tuple[Priority, ...]
    not_preferred_cost: Price
    change_cost: Price
    reserve_percent: dict[Id, Percent]
    reserve_per_hour: Price
    priorities: Literal["priced", "lexicographic"]
    slots: Slots
    fallback_slots: Slots
    visiting_hours: Slot
    offer_lead_minutes: Minutes
    hold_minutes: Minutes
    min_kept_probability: Share
    kept_calibration: Knots
    margin_minutes: Minutes
    margin_per_hour: Price
    missed_window_cost: Price

    @field_validator("kept_calibration")
    @classmethod
    def _calibration_rises(cls, value: Any) -> Any:  # Any: pairs
        for (told, kept), (next_told, next_kept) in pairwise(value):
            if next_told <= told or next_kept < kept:
                raise ValueError("simulated probabilities must rise, and kept shares must not fall")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, data: Any) -> Any:  # Any: input before validation
        if not isinstance(data, dict):
            return data
        wanted = data.get("preset", "balanced")
        preset = PRESETS.get(wanted) if isinstance(wanted, str) else None
        if preset is None:
            raise ValueError(f"no preset {wanted!r}; there are {sorted(PRESETS)}")
        filled = {**preset, **data}
        for name, levels in preset.items():
            given = data.get(name)
            if isinstance(levels, dict) and set(levels) == {1, 2, 3, 4} and isinstance(given, dict):
                filled[name] = {**levels, **{_level(key): price for key, price in given.items()}}
        return filled

    if TYPE_CHECKING:

        def __init__(self, **data: Any) -> None:
            """Take any fields: the preset fills the others."""


def _level(key: Any) -> Any:  # Any: input before validation; a JSON key is text
    return int(key) if key in ("1", "2", "3", "4") else key
