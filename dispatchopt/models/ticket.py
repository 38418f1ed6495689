"""A ticket: one visit to be made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dispatchopt.models.base import (
    Count,
    Id,
    Instant,
    Level,
    Model,
    Place,
    Priority,
    Seconds,
    Span,
    Window,
)

Status = Literal["open", "parked", "started", "done", "cancelled"]
Lock = Literal["none", "engineer", "visit", "started"]
AreaClass = Literal["urban", "rural", "remote"]


class Ticket(Model):
    """One visit to be made; `case_id` and `visit_no` tie repeat visits of one trouble report.

    Attributes
    ----------
    status
        Only ``open`` and ``started`` tickets are planned; the others are counted, not visited.
    priority
        1 is the most urgent, 4 the least.
    reported_at
        When the customer reported it; its age raises the price of leaving it out again.
    known_at
        When dispatch learned of it; service cannot start earlier.
    earliest
        Service may not start before.
    due
        Service-level limit on the *end* of service; soft, priced.
    latest
        Hard limit on the *end* of service.
    area_class, customer_tier
        What a service limit may depend on (`limits`), where `due` is to be computed.
    parked
        Stretches for which the clock of the service limit stood still (customer, access, third
        party); their times count only where `due` is computed.
    windows
        Service must start inside one of them; absent or empty: any time.
    appointment
        The window confirmed to the customer; replaces `windows`.
    lock
        ``engineer``: by `assigned_engineer`, at any time. ``visit``: by that engineer at
        `assigned_start`. ``started``: that visit has begun. The last two are facts and waive rules.
    duration
        Seconds on site; absent: the fault type's mean.
    skills
        Least level by skill; absent: the fault type's; empty: none.
    parts
        Quantity by part that must be in stock on the shift; absent: no rule.
    territory
        Grid or area of responsibility; absent: no rule.
    crew_size
        People needed on site.
    after
        Ids of tickets that must be done first.
    carried_over
        Nights on which the ticket was left out so far.
    points
        The operator's work credits, echoed.
    attributes
        Anything else; echoed, never read.
    """

    id: Id
    case_id: Id | None = None
    visit_no: Annotated[int, Field(strict=True, ge=1)] = 1
    status: Status = "open"
    fault_type: Id
    place: Place
    priority: Priority
    reported_at: Instant | None = None
    known_at: Instant | None = None
    earliest: Instant | None = None
    due: Instant | None = None
    latest: Instant | None = None
    area_class: AreaClass | None = None
    customer_tier: Id | None = None
    parked: tuple[Span, ...] = ()
    windows: tuple[Window, ...] = ()
    appointment: Window | None = None
    lock: Lock = "none"
    assigned_engineer: Id | None = None
    assigned_start: Instant | None = None
    duration: Seconds | None = None
    skills: dict[Id, Level] | None = None
    parts: dict[Id, Count] | None = None
    preferred_engineers: tuple[Id, ...] | None = None
    refused_engineers: tuple[Id, ...] | None = None
    territory: Id | None = None
    crew_size: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    after: tuple[Id, ...] | None = None
    network_element: Id | None = None
    carried_over: Count = 0
    points: Annotated[float, Field(allow_inf_nan=False)] | None = None
    attributes: dict[str, Any] = {}  # Any: echoed as it came

    @property
    def is_plannable(self) -> bool:
        """Whether its status asks for a visit."""
        return self.status in ("open", "started")

    @property
    def is_started(self) -> bool:
        """Whether an engineer is on site."""
        return self.status == "started" or self.lock == "started"
