"""A VROOM problem as ours; what cannot be carried is told, never silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

from pydantic import ValidationError

from dispatchopt.adapters.strict_json import load_json, repeated_keys
from dispatchopt.adapters.vroom.documents import (
    EPOCH,
    JOB_TYPE,
    Item,
    Job,
    Shipment,
    Tables,
    Vehicle,
)
from dispatchopt.adapters.vroom.places import Places
from dispatchopt.adapters.vroom.prices import job_prices
from dispatchopt.adapters.vroom.roster import raw_engineers
from dispatchopt.adapters.vroom.tasks import raw_ticket
from dispatchopt.adapters.vroom.telling import grouped
from dispatchopt.adapters.vroom.times import Times
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import StraightLine
from dispatchopt.models.field_faults import issues_of
from dispatchopt.models.intake import build_problem
from dispatchopt.models.plan import Rejected

if TYPE_CHECKING:
    from datetime import datetime

    from dispatchopt.models import Problem

OnLost = Literal["error", "leave_out"]
"""What becomes of a file with limits that cannot be kept: refused, or planned without them."""


class FromVroom(NamedTuple):
    """A problem made from a VROOM document.

    Attributes
    ----------
    not_carried
        What counts otherwise than in VROOM, or not at all.
    rejected
        Tasks left out (shipments), for `solve(..., rejected=...)`: the solution then lists them.
    """

    problem: Problem
    not_carried: tuple[Issue, ...]
    rejected: tuple[Rejected, ...] = ()


STRAIGHT_LINE: Final = StraightLine(kind="straight_line")
"""How travel is estimated where a document has no matrices, unless told otherwise."""


def read_vroom(
    path: str | Path,
    *,
    on_lost: OnLost = "error",
    origin: datetime = EPOCH,
    straight_line: StraightLine = STRAIGHT_LINE,
) -> FromVroom:
    """Read a VROOM problem from a file; see `problem_from_vroom`.

    Raises
    ------
    AdapterError
        If the file cannot be read or is no JSON; names line and column.
    InvalidProblemError
        With every fault.
    """
    path = Path(path)
    data, repeated = load_json(path)
    if repeated:
        raise InvalidProblemError(list(repeated_keys(repeated, "problem")))
    return problem_from_vroom(data, on_lost=on_lost, origin=origin, straight_line=straight_line)


def problem_from_vroom(
    document: Any,  # Any: raw data
    *,
    on_lost: OnLost = "error",
    origin: datetime = EPOCH,
    straight_line: StraightLine = STRAIGHT_LINE,
) -> FromVroom:
    """Make a problem from a VROOM document.

    Jobs become tickets, vehicles engineers with one shift, skills skills of level 1, amounts parts
    and capacities stock. The policy makes VROOM's order of aims of prices: the sum of priorities
    served first, then the number of jobs served, then travel.

    Parameters
    ----------
    document
        The parsed JSON.
    on_lost
        Shipments, and limits of vehicles that no rule here keeps (`max_distance`, a
        `max_travel_time` below the working time, more than two breaks, `max_load` of a break):
        ``error`` refuses the document; ``leave_out`` plans without them, so that a route may break
        such a limit, and tells them in `not_carried`.
    origin
        When the document's time 0 is.
    straight_line
        Estimates travel where the document has no matrices.

    Raises
    ------
    InvalidProblemError
        With every fault, what `on_lost` refuses among them.
    ValueError
        If `on_lost` is neither of the two.
    """
    if on_lost not in ("error", "leave_out"):
        raise ValueError(f"on_lost is {on_lost!r}; give 'error' or 'leave_out'")
    reader = _Reader(origin, straight_line)
    reader.take(document)
    lost = grouped(reader.lost)
    if on_lost == "error":
        way = "; remove it, or plan without it (on_lost='leave_out', --leave-out)"
        reader.faults.extend(replace(issue, message=issue.message + way) for issue in lost)
    if reader.faults:
        raise InvalidProblemError(reader.faults)
    problem = build_problem(reader.raw_problem()).problem
    return FromVroom(problem, (*lost, *grouped(reader.differs)), reader.rejected())


_I = TypeVar("_I", bound=Item)

_KNOWN_KEYS: Final = ("jobs", "shipments", "vehicles", "matrices", "matrix")


@dataclass
class _Reader:
    """Collects items and faults.

    `lost` are limits that a plan may break, `differs` what counts otherwise without that.
    """

    origin: datetime
    straight: StraightLine
    faults: list[Issue] = field(default_factory=list)
    lost: list[Issue] = field(default_factory=list)
    differs: list[Issue] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    vehicles: list[Vehicle] = field(default_factory=list)
    tables: dict[str, Tables] = field(default_factory=dict)

    def take(self, document: Any) -> None:  # Any: raw data
        """Read every item and note what is wrong with it."""
        if not isinstance(document, Mapping):
            message = "must be a VROOM problem: an object with jobs and vehicles"
            self.faults.append(Issue("problem", "", "", "", message))
            return
        self.jobs = self._items(document, "jobs", "ticket", Job)
        self.shipments = self._items(document, "shipments", "ticket", Shipment)
        self.vehicles = self._items(document, "vehicles", "engineer", Vehicle)
        self.tables = self._tables(document)
        if not self.vehicles and not self.faults:
            self.faults.append(Issue("problem", "", "vehicles", "", "is required"))
        if not self.jobs and not self.shipments and not self.faults:
            self.faults.append(Issue("problem", "", "jobs", "", "there is no job; add one"))
        self._doubles("ticket", [job.id for job in self.jobs])
        self._doubles("engineer", [vehicle.id for vehicle in self.vehicles])
        if self.faults:
            return
        self.places = Places(
            self.jobs, self.vehicles, self.tables, self.faults, self.differs, self.straight
        )
        self.times = Times(self.jobs, self.vehicles, self.places, self.origin)
        self._differences(document)
        if not self.faults:
            self.engineers = raw_engineers(self.vehicles, self.jobs, self.places, self.times, self)

    def raw_problem(self) -> dict[str, Any]:  # Any: raw data
        """Return the fields of the problem."""
        prices = job_prices(self.jobs, self.vehicles, self.times.most_travel(), self.differs)
        tickets = [
            raw_ticket(job, self.places, self.times, prices, self.differs) for job in self.jobs
        ]
        at_work = {engineer["id"] for engineer in self.engineers}
        routes = [
            {"shift_id": str(v.id), "visits": visits}
            for v in self.vehicles
            if (visits := [{"ticket_id": str(s.id)} for s in v.steps if s.type == "job"])
            and str(v.id) in at_work
        ]
        fault_type = {
            "code": JOB_TYPE, "name_en": "Job", "name_zh": "任务", "duration": {"mean": 1},
        }  # fmt: skip
        return {
            "horizon": self.times.horizon(),
            "travel": self.places.travel(),
            "policy": prices.policy,
            "fault_types": [fault_type],
            "tickets": tickets,
            "engineers": self.engineers,
            **({"previous_plan": {"routes": routes}} if routes else {}),
        }

    def rejected(self) -> tuple[Rejected, ...]:
        """Return an entry for each half of each shipment."""
        issue = "shipments are not carried"
        return tuple(
            Rejected(ticket_id=f"{half}-{task.id}", issues=(issue,))
            for shipment in self.shipments
            for half, task in (("pickup", shipment.pickup), ("delivery", shipment.delivery))
        )

    def _items(self, document: Mapping[str, Any], key: str, kind: str, model: type[_I]) -> list[_I]:
        raw = document.get(key)
        if raw is None:
            return []
        if not isinstance(raw, list):
            self.faults.append(Issue("problem", "", key, "", "must be a list"))
            return []
        kept: list[_I] = []
        for index, item in enumerate(raw):
            named = item.get("id") if isinstance(item, Mapping) else None
            is_id = isinstance(named, int) and not isinstance(named, bool)
            item_id = str(named) if is_id else f"{key}[{index}]"
            try:
                kept.append(model.model_validate(item))
            except ValidationError as error:
                self.faults.extend(issues_of(error, kind, item_id))
        return kept

    def _tables(self, document: Mapping[str, Any]) -> dict[str, Tables]:
        raw = document.get("matrices")
        if raw is None:
            old = document.get("matrix")
            return {} if old is None else {"car": Tables(durations=old)}
        if not isinstance(raw, Mapping):
            self.faults.append(Issue("travel", "", "matrices", "", "must be an object by profile"))
            return {}
        found: dict[str, Tables] = {}
        for name, tables in raw.items():
            try:
                found[name] = Tables.model_validate(tables)
            except ValidationError as error:
                self.faults.extend(issues_of(error, "travel", name))
        return found

    def _doubles(self, kind: str, ids: list[int]) -> None:
        for number, count in Counter(ids).items():
            if count > 1:
                message = f"stands {count} times; ids must be unique"
                self.faults.append(Issue(kind, str(number), "id", "", message))

    def _differences(self, document: Mapping[str, Any]) -> None:
        """Note shipments, steps with times, and keys that nobody reads."""
        for shipment in self.shipments:
            pair = f"{shipment.pickup.id}-{shipment.delivery.id}"
            message = "shipments are not carried"
            self.lost.append(Issue("ticket", pair, "shipment", "", message))
        known = {job.id for job in self.jobs}
        named: set[int] = set()
        for vehicle in self.vehicles:
            for step in vehicle.steps:
                self._step(vehicle, step.type, step.id, known, named)
                if {step.service_at, step.service_after, step.service_before} != {None}:
                    message = "times of steps are not carried: the order alone is a start"
                    self.differs.append(Issue("engineer", str(vehicle.id), "steps", "", message))
        extra = {key for key in document if key not in _KNOWN_KEYS}
        for item in (*self.jobs, *self.vehicles):
            extra.update(item.model_extra or ())
        for key in sorted(extra):
            self.differs.append(Issue("problem", "", key, "", "is not read"))

    def _step(
        self, vehicle: Vehicle, kind: str, number: int | None, known: set[int], named: set[int]
    ) -> None:
        if kind != "job":
            return
        if number not in known or number in named:
            why = "names a job twice" if number in named else "names no job"
            message = f"{why}; correct the steps"
            value = "" if number is None else str(number)
            self.faults.append(Issue("engineer", str(vehicle.id), "steps", value, message))
        else:
            named.add(number)
