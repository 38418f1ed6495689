"""What a VROOM file holds, item by item; keys that are not ours to read stay in `model_extra`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Origin of VROOM's times unless another is given; right for time stamps."""

NOTES: Final = "vroom"
"""Key in `attributes` under which an item keeps what only VROOM's documents speak of."""

ANYWHERE: Final = "anywhere"
"""Place from which every place is reached at once: where a vehicle without a start begins."""

JOB_TYPE: Final = "VROOM_JOB"
"""Fault type of tickets made from jobs."""

MAX_UINT32: Final = 2**32 - 1

Uint = Annotated[int, Field(strict=True, ge=0, le=MAX_UINT32)]
Number = Annotated[int, Field(strict=True, ge=0, lt=2**64)]
Amount = tuple[Annotated[int, Field(strict=True, ge=0, lt=2**30)], ...]
Location = tuple[
    Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)],
    Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)],
]


def _in_order(window: tuple[int, int]) -> tuple[int, int]:
    if window[0] > window[1]:
        raise ValueError("the window ends before it starts; swap or correct the times")
    return window


TimeWindow = Annotated[tuple[Uint, Uint], AfterValidator(_in_order)]


class Item(BaseModel):
    """Frozen; other keys are kept, as VROOM overlooks them."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Task(Item):
    """What jobs and the two halves of a shipment have in common."""

    id: Number
    description: str | None = None
    location: Location | None = None
    location_index: Uint | None = None
    setup: Uint = 0
    service: Uint = 0
    setup_per_type: dict[str, Uint] = {}
    service_per_type: dict[str, Uint] = {}
    time_windows: tuple[TimeWindow, ...] = ()


class Job(Task):
    """One visit. `amount` is the deprecated name of `delivery`."""

    delivery: Amount = ()
    pickup: Amount = ()
    amount: Amount = ()
    skills: tuple[Uint, ...] = ()
    priority: Annotated[int, Field(strict=True, ge=0, le=100)] = 0

    @property
    def delivered(self) -> Amount:
        """The quantities delivered, under either name."""
        return self.delivery or self.amount


class Shipment(Item):
    """A pickup and a delivery by the same vehicle; not carried."""

    pickup: Task
    delivery: Task


class VehicleBreak(Item):
    """A break of a vehicle."""

    id: Number
    description: str | None = None
    service: Uint = 0
    time_windows: tuple[TimeWindow, ...] = ()
    max_load: Amount | None = None


class Costs(Item):
    """Prices of a vehicle; by default a second of travel costs one."""

    fixed: Uint = 0
    per_hour: Uint = 3600
    per_km: Uint = 0
    per_task_hour: Uint = 0


class Step(Item):
    """A step of a vehicle's expected route."""

    type: Literal["start", "job", "pickup", "delivery", "break", "end"]
    id: Number | None = None
    service_at: Uint | None = None
    service_after: Uint | None = None
    service_before: Uint | None = None


class Vehicle(Item):
    """One route."""

    id: Number
    profile: str = "car"
    type: str = ""
    description: str | None = None
    start: Location | None = None
    start_index: Uint | None = None
    end: Location | None = None
    end_index: Uint | None = None
    capacity: Amount = ()
    costs: Costs = Costs()
    skills: tuple[Uint, ...] = ()
    time_window: TimeWindow | None = None
    breaks: tuple[VehicleBreak, ...] = ()
    speed_factor: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)] = 1.0
    max_tasks: Number | None = None
    max_travel_time: Uint | None = None
    max_distance: Uint | None = None
    steps: tuple[Step, ...] = ()


class Tables(Item):
    """The tables of one profile; durations are validated where they become a travel table."""

    durations: Any = None  # Any: large, read in one go
    distances: Any = None  # Any: not read
    costs: Any = None  # Any: not read
