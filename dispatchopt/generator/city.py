"""Geography of a made-up city branch: estates, business sites, grids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dispatchopt.models import Point

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CENTRE = Point(lat=30.59, lon=114.30)
"""Where the made-up city lies; only its latitude and the scale matter."""

KM_PER_DEGREE = 111.195
KM2_PER_ENGINEER = 3.2
"""Chosen so that a leg of a good route takes 10 to 15 minutes."""

ENGINEERS_PER_GRID = 4
_BUILDING_KM = 0.08


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
        Whether an estate lies on the city's edge (72 h statutory limit instead of 48 h).
    stations
        Depot of each grid, shape ``(num_grids, 2)``.
    helpers
        For each grid the nearest other grids, at most two.
    """

    estates: FloatArray
    estate_weight: FloatArray
    estate_grid: IntArray
    rural: BoolArray
    sites: FloatArray
    site_grid: IntArray
    stations: FloatArray
    helpers: tuple[tuple[int, ...], ...]

    @property
    def num_grids(self) -> int:
        """Number of grids (areas of responsibility)."""
        return len(self.stations)


def grid_id(grid: int) -> str:
    """Return the public id of a grid."""
    return f"G{grid + 1:02d}"


def to_point(position: FloatArray) -> Point:
    """Turn kilometres from the centre into degrees, rounded to a metre."""
    east, north = float(position[0]), float(position[1])
    lon = CENTRE.lon + east / (KM_PER_DEGREE * math.cos(math.radians(CENTRE.lat)))
    return Point(lat=round(CENTRE.lat + north / KM_PER_DEGREE, 5), lon=round(lon, 5))


def building(rng: np.random.Generator) -> tuple[int, FloatArray]:
    """Draw one of the nine buildings of an estate: its number and its offset."""
    number = int(rng.integers(9))
    return number + 1, np.array([number % 3 - 1, number // 3 - 1]) * _BUILDING_KM


def make_city(rng: np.random.Generator, *, tickets: int, engineers: int) -> City:
    """Make a city with a dense core and a thin edge, its area in step with the engineers.

    Home tickets crowd in estates of uneven size; grids are cut so that each has about the same
    number of tickets.
    """
    radius = max(1.5, math.sqrt(KM2_PER_ENGINEER * engineers / math.pi))
    num_estates = max(3, tickets // 4)
    in_core = rng.random(num_estates) < 0.6
    estates = _disc(rng, num_estates) * np.where(in_core, 0.55 * radius, radius)[:, None]
    weight = rng.gamma(0.8, 1.0, num_estates) + 0.2
    weight /= weight.sum()
    num_grids = min(num_estates, max(1, round(engineers / ENGINEERS_PER_GRID)))
    grid = np.zeros(num_estates, dtype=np.int64)
    _bisect(estates, weight, np.arange(num_estates), 0, num_grids, grid)
    sites = _disc(rng, max(2, tickets // 25)) * (0.8 * radius)
    stations = np.array([estates[grid == g].mean(axis=0) for g in range(num_grids)])
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
