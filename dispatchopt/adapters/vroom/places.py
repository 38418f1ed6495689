"""Locations, indices and tables of a VROOM document as places and travel times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from dispatchopt.adapters.vroom.documents import ANYWHERE, Job, Tables, Vehicle
from dispatchopt.errors import Issue
from dispatchopt.models import Point, StraightLine
from dispatchopt.models.field_faults import issues_of
from dispatchopt.models.travel import UNREACHABLE, Matrix
from dispatchopt.travel import TravelTimes, great_circle_km

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Seconds = npt.NDArray[np.int32]


class Places:
    """Turns where tasks and vehicles are into places, and the tables into one travel model.

    Attributes
    ----------
    has_tables
        Whether places are indices of given tables; otherwise they are points, and travel is
        estimated. A vehicle without a start needs a table, so then one is computed.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        vehicles: Sequence[Vehicle],
        tables: dict[str, Tables],
        faults: list[Issue],
        differs: list[Issue],
        straight: StraightLine,
    ) -> None:
        self.jobs, self.vehicles = jobs, vehicles
        self.straight = straight
        self.faults = faults
        self.has_tables = bool(tables)
        self._check()
        self.needs_anywhere = any(_starts_anywhere(vehicle) for vehicle in vehicles)
        self.base: dict[str, Seconds] = {}
        self._legs: dict[tuple[str, int], int] = {}
        self._points: dict[tuple[float, float], int] = {}
        if self.has_tables:
            self._read_tables(tables, differs)
        else:
            message = (
                "there are no matrices, so travel is estimated from straight lines: detour "
                f"{straight.detour}, {straight.speed_kmh:g} km/h, {straight.stop_overhead_s} s per "
                "stop; put your router's durations under matrices, or give your speed"
            )
            differs.append(Issue("travel", "", "matrices", "", message))
        if not self.has_tables and self.needs_anywhere and not faults:
            self._compute_table()
        self.uses_ids = bool(self.base)

    def of(self, location: tuple[float, float] | None, index: int | None) -> Any:
        """Return a place as raw data."""
        if self.has_tables:
            return str(index)
        assert location is not None
        if self.uses_ids:
            return str(self._points[location])
        return {"lon": location[0], "lat": location[1]}

    def profile(self, vehicle: Vehicle) -> str | None:
        """Return the name of the vehicle's travel profile, None if there is only one."""
        return self._profile_name(vehicle) if self._has_profiles() else None

    def longest_leg(self, vehicle: Vehicle) -> int:
        """Return the most seconds that a leg of this vehicle takes."""
        key = vehicle.profile, _slowness(vehicle)
        if key not in self._legs:
            self._legs[key] = self._find_longest_leg(vehicle)
        return self._legs[key]

    def _find_longest_leg(self, vehicle: Vehicle) -> int:
        if not self.base:
            return self._diameter(vehicle)
        table = self._scaled(vehicle)
        if self.has_tables:
            used = sorted({where[4] for where in self._where() if where[4] is not None})
            table = table[np.ix_(used, used)]
        reachable = table[table < UNREACHABLE]
        return int(reachable.max()) if reachable.size else 0

    def travel(self) -> dict[str, Any]:
        """Return travel as raw data."""
        first = {self._profile_name(v): v for v in reversed(self.vehicles)}
        names = dict.fromkeys(self._profile_name(v) for v in self.vehicles)
        models = {name: self._model(first[name]) for name in names}
        if self._has_profiles():
            return {"kind": "profiles", "profiles": models}
        return next(iter(models.values()))

    def _has_profiles(self) -> bool:
        return {self._profile_name(vehicle) for vehicle in self.vehicles} != {"car"}

    def _profile_name(self, vehicle: Vehicle) -> str:
        factor = _percent(vehicle)
        return vehicle.profile if factor == 100 else f"{vehicle.profile} at {factor} %"

    def _check(self) -> None:
        """Note what has no place."""
        for kind, number, name, location, index in self._where():
            if self.has_tables and index is None:
                message = f"give {name}_index: there are matrices, and their rows have no names"
            elif not self.has_tables and location is None:
                message = f"give {name} as [lon, lat], or matrices for the index"
            else:
                continue
            self.faults.append(Issue(kind, str(number), name, "", message))
        for vehicle in self.vehicles:
            if _starts_anywhere(vehicle) and vehicle.end is None and vehicle.end_index is None:
                message = "a vehicle needs a start or an end"
                self.faults.append(Issue("engineer", str(vehicle.id), "start", "", message))

    def _where(
        self,
    ) -> Iterator[tuple[str, int, str, tuple[float, float] | None, int | None]]:
        for job in self.jobs:
            yield "ticket", job.id, "location", job.location, job.location_index
        for vehicle in self.vehicles:
            if not _starts_anywhere(vehicle):
                yield "engineer", vehicle.id, "start", vehicle.start, vehicle.start_index
            if vehicle.end is not None or vehicle.end_index is not None:
                yield "engineer", vehicle.id, "end", vehicle.end, vehicle.end_index

    def _read_tables(self, tables: dict[str, Tables], differs: list[Issue]) -> None:
        highest = max((where[4] or 0 for where in self._where()), default=0)
        for name in dict.fromkeys(vehicle.profile for vehicle in self.vehicles):
            table = tables.get(name)
            if table is None or table.durations is None:
                message = f"profile '{name}' has no durations; add matrices.{name}.durations"
                self.faults.append(Issue("travel", name, "matrices", "", message))
                continue
            if table.distances is not None or table.costs is not None:
                message = "distances and costs are not read: travel costs its seconds"
                differs.append(Issue("travel", name, "matrices", "", message))
            self._read_table(name, table.durations, highest)

    def _read_table(self, name: str, durations: Any, highest: int) -> None:
        if not isinstance(durations, list) or not all(isinstance(row, list) for row in durations):
            message = "must be a list of rows of seconds"
            self.faults.append(Issue("travel", name, "durations", "", message))
            return
        names = tuple(str(i) for i in range(len(durations)))
        try:
            rows = [[_capped(cell) for cell in row] for row in durations]
            matrix = Matrix.model_validate({"kind": "matrix", "places": names, "seconds": rows})
        except ValidationError as error:
            self.faults.extend(issues_of(error, "travel", name))
            return
        if matrix.seconds.shape != (len(names), len(names)) or len(names) <= highest:
            message = f"must be square, with a row for each index up to {highest}"
            self.faults.append(
                Issue("travel", name, "durations", str(matrix.seconds.shape), message)
            )
            return
        self.base[name] = matrix.seconds

    def _compute_table(self) -> None:
        for _, _, _, location, _ in self._where():
            assert location is not None
            self._points.setdefault(location, len(self._points))
        points = [Point(lon=lon, lat=lat) for lon, lat in self._points]
        seconds = TravelTimes.of(self.straight, points, [None]).seconds[0]
        self.base = dict.fromkeys((vehicle.profile for vehicle in self.vehicles), seconds)

    def _scaled(self, vehicle: Vehicle) -> Seconds:
        """Return the seconds of the vehicle's legs, rounded up."""
        table = self.base[vehicle.profile].astype(np.int64)
        scaled = np.minimum(-(-table * _slowness(vehicle) // 100), UNREACHABLE)
        seconds: Seconds = np.where(table >= UNREACHABLE, UNREACHABLE, scaled).astype(np.int32)
        return seconds

    def _model(self, vehicle: Vehicle) -> dict[str, Any]:
        if not self.base:
            speed = self.straight.speed_kmh * 100 / _slowness(vehicle)
            return self.straight.model_copy(update={"speed_kmh": speed}).model_dump()
        table = self._scaled(vehicle)
        names = [str(i) for i in range(len(table))]
        if self.needs_anywhere:
            names.append(ANYWHERE)
            wider = np.full((len(names), len(names)), UNREACHABLE, dtype=np.int32)
            wider[:-1, :-1] = table
            wider[-1, :] = 0
            table = wider
        return {"kind": "matrix", "places": names, "seconds": table}

    def _diameter(self, vehicle: Vehicle) -> int:
        corners = [where[3] for where in self._where() if where[3] is not None]
        if not corners:
            return 0
        lons, lats = zip(*corners, strict=True)
        # No two points are farther apart than the way along one side and up the other.
        side = great_circle_km(0.0, min(lons), 0.0, max(lons))
        up = great_circle_km(min(lats), 0.0, max(lats), 0.0)
        hours = float(side + up) * self.straight.detour / self.straight.speed_kmh
        return int(hours * 36 * _slowness(vehicle)) + self.straight.stop_overhead_s + 1


def _starts_anywhere(vehicle: Vehicle) -> bool:
    return vehicle.start is None and vehicle.start_index is None


def _percent(vehicle: Vehicle) -> int:
    """Return the speed in percent; VROOM keeps two digits, too."""
    return max(1, round(100 * vehicle.speed_factor))


def _slowness(vehicle: Vehicle) -> int:
    """Return how many hundredths of a given travel time the vehicle takes."""
    return max(1, round(10_000 / _percent(vehicle)))


def _capped(cell: Any) -> Any:
    """Cap what VROOM's 32 bits hold beyond our seconds: no way."""
    is_far = isinstance(cell, int) and not isinstance(cell, bool) and cell >= UNREACHABLE
    return None if is_far else cell
