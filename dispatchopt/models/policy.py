"""Every weight and limit of a plan, the unit in its name; presets as data in `presets.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from dispatchopt.models.base import Id, Model, Price, Priority
from dispatchopt.models.presets import PRESETS

Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
ByPriority = Annotated[
    dict[Priority, Price],
    Field(json_schema_extra={"propertyNames": {"enum": ["1", "2", "3", "4"]}}),
]


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
