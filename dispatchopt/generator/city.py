"""Geography of a branch, made up or of real places: estates, business sites, grids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dispatchopt.models import Matrix, Place, Point

if TYPE_CHECKING:
    from collections.abc import Mapping

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CENTRE = Point(lat=30.59, lon=114.30)
"""Where the made-up city lies; only its latitude and the scale matter."""

KM_PER_DEGREE = 111.195
KM2_PER_ENGINEER = 8.0
"""Chosen so that a leg of a good route takes about 9 minutes, parking included."""

ENGINEERS_PER_GRID = 4
_BUILDING_KM = 0.08


@dataclass(frozen=True)
class RealPlaces:
    """Places of a travel table to put tickets and engineers at, instead of a made-up city.

    Attributes
    ----------
    points
        Coordinates of the places by id; they shape grids and draw maps.
    travel
        Seconds between the places.
    """

    points: Mapping[str, Point]
    travel: Matrix


@dataclass(frozen=True)
class City:
    """Coordinates are kilometres east and north of the centre.

    Attributes
    ----------
    estates, sites
        Centres of housing estates and of business sites, shape ``(num, 2)``.
    estate_weight
        Share of home tickets, sums to 1.
    estate_grid, site_grid
        Grid index of each.
    rural
        Whether an estate lies on the edge (72 h statutory limit instead of 48 h).
    stations
        Centre of each grid, shape ``(num_grids, 2)``.
    helpers
        For each grid the nearest other grids, at most two.
    estate_ids, site_ids
        Ids of real places; empty in a made-up city, whose places are points.
    """

    estates: FloatArray
    estate_weight: FloatArray
    estate_grid: IntArray
    rural: BoolArray
    sites: FloatArray
    site_grid: IntArray
    stations: FloatArray
    helpers: tuple[tuple[int, ...], ...]
    estate_ids: tuple[str, ...] = ()
    site_ids: tuple[str, ...] = ()

    @property
    def num_grids(self) -> int:
        """Number of grids (areas of responsibility)."""
        return len(self.stations)

    def place_in_estate(self, rng: np.random.Generator, estate: int) -> tuple[Place, str]:
        """Draw one of the nine buildings of an estate: its place and its name."""
        if self.estate_ids:
            return self.estate_ids[estate], f"小区 {estate + 1:04d}"
        number = int(rng.integers(9))
        offset = np.array([number % 3 - 1, number // 3 - 1]) * _BUILDING_KM
        return to_point(self.estates[estate] + offset), f"小区 {estate + 1:04d}-{number + 1}"

    def place_of_site(self, site: int) -> tuple[Place, str]:
        """Return the place and the name of a business site."""
        place = self.site_ids[site] if self.site_ids else to_point(self.sites[site])
        return place, f"园区 {site + 1:03d}"

    def place_of_engineer(self, rng: np.random.Generator, grid: int) -> Place:
        """Draw where an engineer of the grid starts and ends: at its depot or at home."""
        at_home = bool(rng.random() < 0.5)
        if self.estate_ids:
            members = np.flatnonzero(self.estate_grid == grid)
            depot = members[_nearest(self.stations[grid : grid + 1], self.estates[members])[0]]
            return self.estate_ids[int(rng.choice(members)) if at_home else int(depot)]
        return to_point(self.stations[grid] + (rng.normal(0, 0.6, 2) if at_home else 0.0))


def grid_id(grid: int) -> str:
    """Return the public id of a grid."""
    return f"G{grid + 1:02d}"


def to_point(position: FloatArray) -> Point:
    """Turn kilometres from the centre into degrees, rounded to a metre."""
    east, north = float(position[0]), float(position[1])
    lon = CENTRE.lon + east / (KM_PER_DEGREE * math.cos(math.radians(CENTRE.lat)))
    return Point(lat=round(CENTRE.lat + north / KM_PER_DEGREE, 5), lon=round(lon, 5))


def make_city(rng: np.random.Generator, *, tickets: int, engineers: int) -> City:
    """Make up a city with a dense core and a thin edge, its area in step with the engineers.

    Home tickets crowd in estates of uneven size; grids are cut so that each has about the same
    number of tickets.
    """
    radius = max(1.5, math.sqrt(KM2_PER_ENGINEER * engineers / math.pi))
    num_estates = max(3, tickets // 4)
    in_core = rng.random(num_estates) < 0.6
    estates = _disc(rng, num_estates) * np.where(in_core, 0.55 * radius, radius)[:, None]
    weight = _weight(rng, num_estates)
    grid, stations = _grids(estates, weight, engineers)
    sites = _disc(rng, max(2, tickets // 25)) * (0.8 * radius)
    return City(
        estates=estates,
        estate_weight=weight,
        estate_grid=grid,
        rural=np.hypot(estates[:, 0], estates[:, 1]) > 0.85 * radius,
        sites=sites,
        site_grid=grid[_nearest(sites, estates)],
        stations=stations,
        helpers=_neighbours(stations),
    )


def city_of(rng: np.random.Generator, *, places: RealPlaces, engineers: int) -> City:
    """Make the geography of real places: each is an estate, one in ten a business site, too."""
    ids = tuple(places.points)
    degrees = np.array([(point.lon, point.lat) for point in places.points.values()])
    degrees = degrees - degrees.mean(axis=0)
    lat = math.radians(np.mean([point.lat for point in places.points.values()]))
    estates = degrees * (KM_PER_DEGREE * np.array([math.cos(lat), 1.0]))
    weight = _weight(rng, len(ids))
    grid, stations = _grids(estates, weight, engineers)
    chosen = rng.permutation(len(ids))[: max(1, len(ids) // 10)]
    away = np.hypot(estates[:, 0], estates[:, 1])
    return City(
        estates=estates,
        estate_weight=weight,
        estate_grid=grid,
        rural=away > np.quantile(away, 0.85),
        sites=estates[chosen],
        site_grid=grid[chosen],
        stations=stations,
        helpers=_neighbours(stations),
        estate_ids=ids,
        site_ids=tuple(ids[index] for index in chosen),
    )


def _weight(rng: np.random.Generator, num_estates: int) -> FloatArray:
    popularity = rng.gamma(0.8, 1.0, num_estates) + 0.2
    weight: FloatArray = popularity / popularity.sum()
    return weight


def _grids(estates: FloatArray, weight: FloatArray, engineers: int) -> tuple[IntArray, FloatArray]:
    """Return the grid of each estate, and the centre of each grid."""
    num_grids = min(len(estates), max(1, round(engineers / ENGINEERS_PER_GRID)))
    grid = np.zeros(len(estates), dtype=np.int64)
    _bisect(estates, weight, np.arange(len(estates)), 0, num_grids, grid)
    return grid, np.array([estates[grid == g].mean(axis=0) for g in range(num_grids)])


def _disc(rng: np.random.Generator, num: int) -> FloatArray:
    angle = rng.uniform(0, 2 * math.pi, num)
    distance = np.sqrt(rng.random(num))
    return np.column_stack([distance * np.cos(angle), distance * np.sin(angle)])


def _bisect(
    places: FloatArray, weight: FloatArray, members: IntArray, first: int, num: int, grid: IntArray
) -> None:
    """Cut `members` into `num` parts of like weight, across the longer side each time."""
    if num == 1:
        grid[members] = first
        return
    spread = np.ptp(places[members], axis=0)
    order = members[np.argsort(places[members, int(spread[1] > spread[0])], kind="stable")]
    left = num // 2
    share = np.cumsum(weight[order]) / weight[order].sum()
    cut = int(np.searchsorted(share, left / num))
    cut = min(max(cut, left), len(order) - (num - left))
    _bisect(places, weight, order[:cut], first, left, grid)
    _bisect(places, weight, order[cut:], first + left, num - left, grid)


def _nearest(places: FloatArray, others: FloatArray) -> IntArray:
    gaps = [np.argmin(np.hypot(*(others - place).T)) for place in places]
    return np.array(gaps, dtype=np.int64)


def _neighbours(stations: FloatArray) -> tuple[tuple[int, ...], ...]:
    found = []
    for grid, station in enumerate(stations):
        order = np.argsort(np.hypot(*(stations - station).T), kind="stable")
        found.append(tuple(int(g) for g in order if g != grid)[:2])
    return tuple(found)
