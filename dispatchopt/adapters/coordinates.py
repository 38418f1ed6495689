"""Coordinates of Chinese maps <-> WGS84, and points that are probably wrong.

GCJ-02 is what maps in China show: WGS84 moved by an offset that depends on the place, mostly 100 to
650 m. BD-09 moves GCJ-02 once more, by 760 to 990 m. Neither is published officially; the formulas
here are those that open converters agree on. At the one spot read off three maps that the tests
know, they are good to a metre or two. Outside a box around China GCJ-02 and WGS84 are the same.

References
----------
googollee/eviltransform (BSD-2-Clause): GCJ-02 and the box around China. wandergis/coordtransform
(MIT): the ellipsoid and BD-09; older releases of eviltransform take pi in BD-09 where it takes
3000 pi / 180, and end up to 90 m elsewhere. Each pair in the tests names where it is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from dispatchopt.travel import great_circle_km

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray = npt.NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]
"""Longitudes and latitudes in degrees."""

CoordinateSystem = Literal["wgs84", "gcj02", "bd09"]

DECIMALS: Final = 7
"""Decimals of degrees that readers keep, about a centimetre: sines differ in their last bit between
processors, and the same export shall give the same problem everywhere."""

LEAST_FAR_KM: Final = 100.0
FAR_TIMES_MEDIAN: Final = 8.0
LEAST_POINTS: Final = 8
"""A point is far off if it lies beyond both 100 km and 8 times the median distance from the middle
(median longitude, median latitude); with fewer than 8 points there is no middle to speak of."""

# Krasovsky's ellipsoid of 1940: half its long axis in metres, its eccentricity squared.
_AXIS: Final = 6_378_245.0
_ECCENTRICITY: Final = 0.00669342162296594323
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271

_BD_TURN: Final = np.pi * 3000.0 / 180.0
_BD_LON, _BD_LAT = 0.0065, 0.006

_ROUNDS: Final = 12
"""The offset changes by at most a hundredth of a move, so each round gains two digits: after six
the rest is below a millimetre; twelve are free."""


def convert(
    lon: npt.ArrayLike, lat: npt.ArrayLike, *, source: CoordinateSystem, target: CoordinateSystem
) -> Pair:
    """Convert points between coordinate systems.

    The way back from GCJ-02 and BD-09 is found by iteration; there and back again is exact to a
    millimetre, except within a kilometre of the box around China, where GCJ-02 jumps.
    Nothing is rounded.

    Parameters
    ----------
    lon, lat
        Degrees; scalars or arrays of one shape.

    Returns
    -------
    lon, lat
        Degrees in the target system, as arrays.
    """
    pair = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if source == target:
        return pair
    if source == "bd09":
        pair = _undone(_bd09_of_gcj02, pair)
    if target == "wgs84":
        return _undone(_gcj02_of_wgs84, pair)
    if source == "wgs84":
        pair = _gcj02_of_wgs84(pair)
    return _bd09_of_gcj02(pair) if target == "bd09" else pair


def _undone(forward: Callable[[Pair], Pair], pair: Pair) -> Pair:
    """Return the points that `forward` takes to these, by a fixed point of the offset."""
    lon, lat = pair
    for _ in range(_ROUNDS):
        there = forward((lon, lat))
        lon, lat = lon + (pair[0] - there[0]), lat + (pair[1] - there[1])
    return lon, lat


def _gcj02_of_wgs84(pair: Pair) -> Pair:
    lon, lat = pair
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = _waves(x, 6.0, 2.0) * 20.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north = north + (waves + 20.0 * _sine(y, 1.0) + 40.0 * _sine(y, 1 / 3)) * (2 / 3)
    north = north + (160.0 * _sine(y, 1 / 12) + 320.0 * _sine(y, 1 / 30)) * (2 / 3)
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east = east + (waves + 20.0 * _sine(x, 1.0) + 40.0 * _sine(x, 1 / 3)) * (2 / 3)
    east = east + (150.0 * _sine(x, 1 / 12) + 300.0 * _sine(x, 1 / 30)) * (2 / 3)
    phi = np.radians(lat)
    squeeze = 1.0 - _ECCENTRICITY * np.square(np.sin(phi))
    along = _AXIS * (1.0 - _ECCENTRICITY) / (squeeze * np.sqrt(squeeze))
    across = _AXIS / np.sqrt(squeeze) * np.cos(phi)
    is_inside = (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)
    with np.errstate(divide="ignore", invalid="ignore"):  # at the poles, far outside the box
        moved = lon + np.degrees(east / across), lat + np.degrees(north / along)
    return np.where(is_inside, moved[0], lon), np.where(is_inside, moved[1], lat)


def _sine(angle: FloatArray, times: float) -> FloatArray:
    wave: FloatArray = np.sin(angle * (times * np.pi))
    return wave


def _waves(x: FloatArray, first: float, second: float) -> FloatArray:
    return _sine(x, first) + _sine(x, second)


def _bd09_of_gcj02(pair: Pair) -> Pair:
    lon, lat = pair
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + _BD_LON, radius * np.sin(angle) + _BD_LAT


@dataclass(frozen=True, slots=True)
class Box:
    """A declared region in WGS84 degrees; its edges belong to it."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, lon: FloatArray, lat: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether each point lies in it."""
        across = (lon >= self.west) & (lon <= self.east)
        return across & (lat >= self.south) & (lat <= self.north)


Suspicion = Literal["zero", "swapped", "outside", "far"]


def suspects(
    lon: npt.ArrayLike, lat: npt.ArrayLike, *, region: Box | None = None
) -> dict[int, tuple[Suspicion, float]]:
    """Return the points that are probably wrong, by index, and how far they lie from the middle.

    ``zero`` is 0/0; ``swapped`` lies off and would not if longitude and latitude changed places;
    ``outside`` lies outside the region; ``far`` lies far from the others (`LEAST_FAR_KM`). A point
    gets the first that fits.

    Parameters
    ----------
    lon, lat
        Degrees in WGS84, shape ``(num_points,)``.
    region
        Declared region; without one it is the neighbourhood of the others.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    is_zero = (x == 0) & (y == 0)
    distance = np.zeros(x.shape)
    near = _near_the_middle(x[~is_zero], y[~is_zero])
    if near is not None:
        distance = near.distance(x, y)
    is_far = np.zeros(x.shape, dtype=bool) if near is None else distance > near.radius
    is_outside = np.zeros(x.shape, dtype=bool) if region is None else ~region.holds(x, y)
    found: dict[int, tuple[Suspicion, float]] = {}
    for index in np.flatnonzero(is_zero | is_far | is_outside).tolist():
        kind: Suspicion = "far"
        if is_zero[index]:
            kind = "zero"
        elif _fits_swapped(x[index], y[index], near, region):
            kind = "swapped"
        elif is_outside[index]:
            kind = "outside"
        found[index] = kind, float(distance[index])
    return found


@dataclass(frozen=True, slots=True)
class _Near:
    """What counts as near the middle of all points."""

    lon: float
    lat: float
    radius: float

    def distance(self, lon: FloatArray, lat: FloatArray) -> FloatArray:
        return great_circle_km(self.lat, self.lon, lat, lon)


def _near_the_middle(lon: FloatArray, lat: FloatArray) -> _Near | None:
    if lon.size < LEAST_POINTS:
        return None
    middle = _Near(float(np.median(lon)), float(np.median(lat)), 0.0)
    median = float(np.median(middle.distance(lon, lat)))
    return _Near(middle.lon, middle.lat, max(LEAST_FAR_KM, FAR_TIMES_MEDIAN * median))


def _fits_swapped(lon: float, lat: float, near: _Near | None, region: Box | None) -> bool:
    if abs(lon) > 90 or (near is None and region is None):
        return False
    x, y = np.array([lat]), np.array([lon])
    is_near = near is None or bool(near.distance(x, y)[0] <= near.radius)
    return is_near and (region is None or bool(region.holds(x, y)[0]))
