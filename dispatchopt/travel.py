"""Travel seconds between places, from coordinates or from a given table; rounded once, upwards."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.base import Place, Point
from dispatchopt.models.travel import UNREACHABLE, Matrix, Profiles, StraightLine, Travel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

EARTH_RADIUS_KM: Final = 6371.009
"""Mean earth radius; the one that geopy's great circle uses."""

ROUNDING_GRACE_S: Final = 1e-6
"""A fraction of a second below this is float noise and is not rounded up to a whole second.

The noise of a distance is about a nanometre, next to the antipode a few decimetres: far below the
7 micrometres covered in this time at 25 km/h for any trip of a city. Without it a trip of exactly
600 s would take 600 or 601 s, depending on the processor's last bit.
"""

_NEVER: Final = 2**60
"""Later than every arrival."""

_BLOCK_PAIRS: Final = 1 << 17
"""Pairs computed at once: temporaries of 1 MB stay in the cache and off the peak."""

_MAX_SECONDS_PER_KM: Final = 1e18
"""Keeps 0 km x an endless time per km from becoming no number; real distances are capped anyway."""

_Vectors = tuple[FloatArray, FloatArray, FloatArray]


def great_circle_km(
    lat1: npt.ArrayLike, lon1: npt.ArrayLike, lat2: npt.ArrayLike, lon2: npt.ArrayLike
) -> FloatArray:
    """Great-circle distance in kilometres of points in degrees; the arguments broadcast.

    The haversine formula, its argument taken from the chord between unit vectors: exact to a
    nanometre for near points, to a few decimetres for points next to each other's antipode.
    """
    return _arc_km(_unit_vectors(lat1, lon1), _unit_vectors(lat2, lon2))


def _unit_vectors(lat: npt.ArrayLike, lon: npt.ArrayLike) -> _Vectors:
    phi = np.radians(np.asarray(lat, dtype=np.float64))
    lam = np.radians(np.asarray(lon, dtype=np.float64))
    cos_phi = np.cos(phi)
    return cos_phi * np.cos(lam), cos_phi * np.sin(lam), np.sin(phi) + 0.0 * lam


def _arc_km(a: _Vectors, b: _Vectors) -> FloatArray:
    # The haversine of the angle is a quarter of the squared chord: one arcsine for each pair
    # instead of two sines and an arcsine.
    squared: FloatArray = np.square(a[0] - b[0])
    squared = squared + np.square(a[1] - b[1])
    squared = squared + np.square(a[2] - b[2])
    half_chord: FloatArray = np.minimum(np.sqrt(squared) * 0.5, 1.0)
    arc: FloatArray = np.arcsin(half_chord) * (2.0 * EARTH_RADIUS_KM)
    return arc


@dataclass(frozen=True, slots=True, eq=False)
class TravelTimes:
    """Travel seconds between the places of a problem, by profile; immutable and picklable.

    Attributes
    ----------
    seconds
        Shape ``(profiles, places, places)``, row = origin; C-contiguous, not writeable.
        `UNREACHABLE` where there is no way.
    place_index
        Index of each place, in order of first appearance; do not change it.
    profile_names
        Index of each profile held; None is the default profile, if it is held.
    """

    seconds: IntArray
    place_index: dict[Place, int]
    profile_names: dict[str | None, int]

    def __post_init__(self) -> None:
        """Lock the table."""
        self.seconds.flags.writeable = False

    def __reduce__(self) -> tuple[type, tuple[IntArray, dict[Place, int], dict[str | None, int]]]:
        """Rebuild through the constructor: numpy forgets the lock when pickled."""
        return type(self), (self.seconds, self.place_index, self.profile_names)

    @classmethod
    def of(
        cls, travel: Travel, places: Iterable[Place], profiles_used: Iterable[str | None]
    ) -> TravelTimes:
        """Compute the seconds between all places given, for the profiles used.

        Parameters
        ----------
        places
            Equal ones count once. Places of a table that are not given are dropped.
        profiles_used
            Names of profiles, None for the default, which is the first; if there are none, the
            default alone is held.

        Raises
        ------
        InvalidProblemError
            For a profile or place that `travel` does not know; all of them at once.
        """
        place_index = {place: index for index, place in enumerate(dict.fromkeys(places))}
        models, profile_names = _choose(travel, list(profiles_used) or [None])
        ordered = list(place_index)
        _refuse_unknown(models, ordered)
        seconds = np.empty((len(models), len(ordered), len(ordered)), dtype=np.int32)
        for table, model in zip(seconds, models, strict=True):
            if isinstance(model, Matrix):
                _fill_from_matrix(table, model, ordered)
            else:
                _fill_straight_line(table, model, ordered)
        return cls(seconds, place_index, profile_names)

    def profile_index(self, name: str | None) -> int:
        """Index of a profile, of the default one for None.

        Raises
        ------
        KeyError
            If the profile was not among those used.
        """
        return self.profile_names[name]

    def between(self, profile_idx: int, origin_idx: int, destination_idx: int) -> int:
        """Seconds from one place to another as a plain int; `UNREACHABLE` if there is no way."""
        return int(self.seconds[profile_idx, origin_idx, destination_idx])

    def by_stops(self, profile_idx: int, origin_idx: int, stops: Mapping[int, int]) -> list[int]:
        """Least seconds from one place to each, over any number of stops (Dijkstra's algorithm).

        Parameters
        ----------
        stops
            Places at which the way may be broken, and the seconds that this takes.

        Returns
        -------
        list of int
            One for each place; `UNREACHABLE` where no way leads.
        """
        table = self.seconds[profile_idx]
        arrival = np.where(table[origin_idx] < UNREACHABLE, table[origin_idx], np.int64(_NEVER))
        is_open = np.zeros(len(table), dtype=np.bool_)
        is_open[list(stops)] = True
        while True:
            next_up = np.where(is_open, arrival, _NEVER)
            here = int(np.argmin(next_up))
            if next_up[here] >= UNREACHABLE:
                return [int(seconds) for seconds in np.minimum(arrival, UNREACHABLE)]
            is_open[here] = False
            onward = arrival[here] + stops[here] + table[here]
            arrival = np.where(table[here] < UNREACHABLE, np.minimum(arrival, onward), arrival)


class Reach:
    """Travel between places as they come, without the table of all their pairs.

    Parameters
    ----------
    travel
        How travel is given.
    times
        Travel times of a problem made from it; their profiles and places are known from the start.
    """

    def __init__(self, travel: Travel, times: TravelTimes) -> None:
        named = {index: name for name, index in times.profile_names.items() if name is not None}
        self._models: list[StraightLine | Matrix] = (
            [travel.profiles[named[index]] for index in range(len(times.seconds))]
            if isinstance(travel, Profiles)
            else [travel]
        )
        self.place_index = dict(times.place_index)
        """Index of each place, in the order in which they came."""
        self._lines = any(isinstance(model, StraightLine) for model in self._models)
        places = list(self.place_index)
        self._vectors = _vectors_of(places) if self._lines else None
        tables = [model for model in self._models if isinstance(model, Matrix)]
        self._rows_by_name: list[dict[Place, int]] = [
            {name: row for row, name in enumerate(table.places)} for table in tables
        ]
        self._rows = [
            np.array([rows[place] for place in places], dtype=np.intp)
            for rows in self._rows_by_name
        ]

    def add(self, place: Place) -> int:
        """Return the index of a place, which may be new.

        Raises
        ------
        KeyError
            If a table of travel does not know it.
        """
        known = self.place_index.get(place)
        if known is not None:
            return known
        for number, rows in enumerate(self._rows_by_name):
            self._rows[number] = np.append(self._rows[number], rows[place])
        if self._vectors is not None:
            new = _vectors_of([place])
            self._vectors = (
                np.append(self._vectors[0], new[0]),
                np.append(self._vectors[1], new[1]),
                np.append(self._vectors[2], new[2]),
            )
        self.place_index[place] = len(self.place_index)
        return len(self.place_index) - 1

    def legs(self, index: int) -> tuple[IntArray, IntArray]:
        """Return the seconds from a place to every one, and from every one to it, by profile.

        The same as the full table has, each of shape ``(profiles, places)``.
        """
        away = np.empty((len(self._models), len(self.place_index)), dtype=np.int32)
        back = np.empty_like(away)
        table = 0
        for p, model in enumerate(self._models):
            if isinstance(model, Matrix):
                rows = self._rows[table]
                table += 1
                away[p] = model.seconds[rows[index], rows]
                back[p] = model.seconds[rows, rows[index]]
            else:
                assert self._vectors is not None
                x, y, z = self._vectors
                away[p] = back[p] = _trips(model, (x[index], y[index], z[index]), (x, y, z))
                away[p, index] = back[p, index] = 0
        return away, back

    def copy(self) -> Reach:
        """Return another one that can grow by itself; the arrays are replaced, never changed."""
        other = copy(self)
        other.place_index = dict(self.place_index)
        other._rows = list(self._rows)
        return other


def _choose(
    travel: Travel, used: list[str | None]
) -> tuple[list[StraightLine | Matrix], dict[str | None, int]]:
    """Travel models of the profiles used, and the index of each name."""
    if not isinstance(travel, Profiles):
        known: dict[str | None, StraightLine | Matrix] = {None: travel}
        default = None
    else:
        known = {name: table for name, table in travel.profiles.items()}
        default = next(iter(travel.profiles))
    wanted = dict.fromkeys(default if name is None else name for name in used)
    allowed = sorted(name for name in known if name is not None) or "none; travel has no profiles"
    faults = [
        Issue("travel", "", "travel_profile", str(name), f"known profiles: {allowed}")
        for name in wanted
        if name not in known
    ]
    if faults:
        raise InvalidProblemError(faults)
    names: dict[str | None, int] = {name: index for index, name in enumerate(wanted)}
    if default in names:
        names[None] = names[default]
    return [known[name] for name in wanted], names


def _refuse_unknown(models: list[StraightLine | Matrix], places: list[Place]) -> None:
    faults: list[Issue] = []
    for model in models:
        bad: list[Place] = []
        if isinstance(model, StraightLine):
            why = 'straight-line travel needs a point {"lat", "lon"}, not the id of a place'
            bad.extend(place for place in places if not isinstance(place, Point))
        else:
            why = "no such place in the travel table; add its row and column or correct the id"
            known = frozenset(model.places)
            bad.extend(place for place in places if place not in known)
        faults.extend(Issue("travel", "", "place", str(place), why) for place in bad)
    if faults:
        raise InvalidProblemError(list(dict.fromkeys(faults)))


def _fill_from_matrix(table: IntArray, model: Matrix, places: list[Place]) -> None:
    position: dict[Place, int] = {name: row for row, name in enumerate(model.places)}
    rows = np.array([position[place] for place in places], dtype=np.intp)
    table[...] = model.seconds[rows[:, None], rows[None, :]]


def _fill_straight_line(table: IntArray, model: StraightLine, places: list[Place]) -> None:
    x, y, z = _vectors_of(places)
    rows = max(1, _BLOCK_PAIRS // max(1, len(x)))
    for first in range(0, len(x), rows):
        block = slice(first, first + rows)
        origin = x[block, None], y[block, None], z[block, None]
        table[block] = _trips(model, origin, (x, y, z))
    np.fill_diagonal(table, 0)


def _vectors_of(places: Iterable[Place]) -> _Vectors:
    points = [place for place in places if isinstance(place, Point)]
    return _unit_vectors([point.lat for point in points], [point.lon for point in points])


def _trips(model: StraightLine, origin: _Vectors, goals: _Vectors) -> FloatArray:
    """Return the seconds between different places, stops included."""
    per_km = min(3600.0 * model.detour / model.speed_kmh, _MAX_SECONDS_PER_KM)
    trip = np.ceil(_arc_km(origin, goals) * per_km - ROUNDING_GRACE_S)
    seconds: FloatArray = np.minimum(trip + model.stop_overhead_s, float(UNREACHABLE))
    return seconds
