"""Where tickets and engineers are: coordinate systems, stand-ins for what lacks, slips.

Coordinates are declared per table as wgs84, gcj02 or bd09 and converted. A ticket or engineer
without any takes those of its network element, estate or grid from ``places.csv``, or of a geocoder
that the caller hands in, and is marked ``attributes.approximate``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import numpy as np
from pydantic import Field

from dispatchopt.adapters.coordinates import (
    DECIMALS,
    Box,
    CoordinateSystem,
    Suspicion,
    convert,
    suspects,
)
from dispatchopt.adapters.headers import PLACE_COLUMNS
from dispatchopt.adapters.tables import read_sheet
from dispatchopt.errors import Issue
from dispatchopt.models.base import Model
from dispatchopt.models.field_faults import settings_of
from dispatchopt.models.masking import shown

if TYPE_CHECKING:
    from dispatchopt.adapters.local_time import Clock
    from dispatchopt.adapters.tables import CellReader, Item, Sheet, Table

APPROXIMATE: Final = "approximate"
"""Key under `attributes` of what has stand-in coordinates; its value says whose they are."""

_MOST_IDS: Final = 3

Degrees = Annotated[float, Field(allow_inf_nan=False, ge=-180, le=180)]


class Region(Model):
    """A region in WGS84 degrees, in which every point should lie."""

    west: Degrees
    south: Degrees
    east: Degrees
    north: Degrees


class CoordinateSettings(Model):
    """The ``[coordinates]`` table of the settings.

    Attributes
    ----------
    system
        Of every table; `tickets`, `engineers`, `shifts` and `places` say otherwise for one.
    region
        Points outside are warnings.
    estate_attribute, address_attribute
        Keys under `attributes` that hold the id of a ticket's or engineer's estate, and the
        address that a geocoder is asked for.
    """

    system: CoordinateSystem = "wgs84"
    tickets: CoordinateSystem | None = None
    engineers: CoordinateSystem | None = None
    shifts: CoordinateSystem | None = None
    places: CoordinateSystem | None = None
    region: Region | None = None
    estate_attribute: str = "estate"
    address_attribute: str = "address"


def checked_coordinates(raw: Any, file: str = "") -> CoordinateSettings:  # Any: TOML
    """Return the ``[coordinates]`` table as settings; a word alone is the system.

    Raises
    ------
    InvalidProblemError
        With every fault, under ``coordinates``.
    """
    named = {"system": raw} if isinstance(raw, str) else raw
    return settings_of(CoordinateSettings, named, "coordinates", file)


class Location(Protocol):
    """What geopy's geocoders return."""

    @property
    def latitude(self) -> float:
        """Degrees in WGS84."""

    @property
    def longitude(self) -> float:
        """Degrees in WGS84."""


class Geocoder(Protocol):
    """The part of geopy's geocoders that is called here, once for each different address."""

    def geocode(self, query: str) -> Location | None:
        """Return where an address is, None if that is not known."""


PlaceBook = Mapping[tuple[str, str], tuple[float, float]]
"""Longitude and latitude in WGS84 by kind (``network_element``, ``estate``, ``grid``) and id."""


@dataclass(slots=True)
class Whereabouts:
    """Everything that tells where tickets and engineers are, beside their own rows.

    Attributes
    ----------
    book
        Places by kind and id.
    book_file
        What messages call the source of the places.
    geocoder
        Asked last.
    """

    settings: CoordinateSettings = field(default_factory=CoordinateSettings)
    book: PlaceBook = field(default_factory=dict)
    book_file: str = ""
    geocoder: Geocoder | None = None


def read_places(
    table: Table,
    settings: CoordinateSettings,
    clock: Clock,
    issues: list[Issue],
    warnings: list[Issue],
    cells: CellReader | None = None,
) -> dict[tuple[str, str], tuple[float, float]]:
    """Read a table of places.

    Parameters
    ----------
    issues
        Gets faults of the headers.
    warnings
        Gets faults of single rows: such a place is not used, and whoever needs it tells.
    """
    found: list[Issue] = []
    sheet = read_sheet(table, PLACE_COLUMNS, "place", clock, found, cells)
    faulty = {issue.line for issue in found if issue.kind == "place"}
    issues.extend(issue for issue in found if issue.kind != "place")
    warnings.extend(issue for issue in found if issue.kind == "place")
    to_wgs84([sheet], settings.places or settings.system)
    book: dict[tuple[str, str], tuple[float, float]] = {}
    for item in sheet.items:
        values = item.values
        absent = [c.name for c in PLACE_COLUMNS if c.required and c.name not in values]
        if item.line in faulty or not sheet.complete:
            continue
        if absent:
            message = f"{', '.join(absent)} must be filled in; this place is not used"
            warnings.append(Issue("place", item.id, absent[0], "", message, item.file, item.line))
            continue
        key, point = (values["kind"], values["id"]), (values["lon"], values["lat"])
        if book.setdefault(key, point) != point:
            message = "this place stands twice with different coordinates; the first is used"
            warnings.append(Issue("place", item.id, "id", item.id, message, item.file, item.line))
    return book


_PAIRS: Final = (("lon", "lat"), ("start_lon", "start_lat"), ("end_lon", "end_lat"))
"""Columns that together are a point."""


def to_wgs84(sheets: Iterable[Sheet], system: CoordinateSystem) -> None:
    """Convert every point of some tables in place, all at once."""
    if system == "wgs84":
        return
    spots = [
        (item.values, lon, lat)
        for sheet in sheets
        for item in sheet.items
        for lon, lat in _PAIRS
        if lon in item.values and lat in item.values
    ]
    x = np.array([values[lon] for values, lon, _ in spots], dtype=np.float64)
    y = np.array([values[lat] for values, _, lat in spots], dtype=np.float64)
    # 0/0 says that nothing is known, in every system.
    is_known = (x != 0) | (y != 0)
    there = convert(x, y, source=system, target="wgs84")
    x, y = (
        np.where(is_known, np.round(new, DECIMALS), old)
        for new, old in zip(there, (x, y), strict=True)
    )
    for (values, lon, lat), new_lon, new_lat in zip(spots, x.tolist(), y.tolist(), strict=True):
        values[lon], values[lat] = new_lon, new_lat


def locate(tickets: Sheet, engineers: Sheet, shifts: Sheet, about: Whereabouts) -> list[Issue]:
    """Convert the points of all tables, stand in for those that lack, and tell what looks odd.

    The items are changed in place. What has neither coordinates nor a stand-in stays as it is: the
    reader reports it.

    Returns
    -------
    warnings
        One for each kind of stand-in, and one for each odd point.
    """
    settings = about.settings
    for sheet, system in (
        (tickets, settings.tickets), (engineers, settings.engineers), (shifts, settings.shifts),
    ):  # fmt: skip
        to_wgs84([sheet], system or settings.system)
    warnings = [*_stand_in(tickets, about, _OF_TICKETS), *_stand_in(engineers, about, _OF_CREW)]
    region = settings.region
    box = None if region is None else Box(region.west, region.south, region.east, region.north)
    return [*warnings, *odd_points((tickets, engineers), box)]


def is_placeless(values: Mapping[str, Any]) -> bool:  # Any: values of cells
    """Whether an item has neither coordinates nor a place id; 0/0 says nothing."""
    lon, lat = values.get("lon"), values.get("lat")
    return "place" not in values and ((lon is None and lat is None) or (lon == 0 and lat == 0))


_Keys = Callable[[Mapping[str, Any], str], Iterator[tuple[str, str]]]


def _ticket_keys(values: Mapping[str, Any], estate: str) -> Iterator[tuple[str, str]]:
    """Yield what may stand in, the nearest first."""
    if "network_element" in values:
        yield "network_element", values["network_element"]
    yield from _estate(values, estate)
    if "territory" in values:
        yield "grid", values["territory"]


def _engineer_keys(values: Mapping[str, Any], estate: str) -> Iterator[tuple[str, str]]:
    yield from _estate(values, estate)
    for grid in values.get("territories", ()):
        yield "grid", grid


def _estate(values: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    found = values.get("attributes", {}).get(key)
    if isinstance(found, str):
        yield "estate", found


_OF_TICKETS: Final[_Keys] = _ticket_keys
_OF_CREW: Final[_Keys] = _engineer_keys


def _stand_in(sheet: Sheet, about: Whereabouts, keys: _Keys) -> Iterator[Issue]:
    """Give coordinates to items without; yield one warning for each kind."""
    asked = _Addresses(about.geocoder)
    given: dict[str, list[Item]] = {}
    for item in sheet.items:
        if not is_placeless(item.values):
            continue
        named = keys(item.values, about.settings.estate_attribute)
        key = next((key for key in named if key in about.book), None)
        point = None if key is None else about.book[key]
        kind = "" if key is None else key[0]
        if point is None:
            address = item.values.get("attributes", {}).get(about.settings.address_attribute)
            point, kind = asked.point(address), "address"
        if point is not None:
            item.values["lon"], item.values["lat"] = point
            marked = {**item.values.get("attributes", {}), APPROXIMATE: kind}
            item.values["attributes"] = marked
            given.setdefault(kind, []).append(item)
    for kind, items in given.items():
        source = f"geocoder {asked.name}" if kind == "address" else about.book_file
        message = _stand_in_text(items, kind.replace("_", " "), source)
        yield Issue("problem", "", APPROXIMATE, kind, message, sheet.file)
    if asked.faults:
        told = ", ".join(f"{name} {count} times" for name, count in asked.faults.items())
        message = f"the geocoder failed ({told}); what it was asked for stays without coordinates"
        yield Issue("problem", "", APPROXIMATE, "address", message, sheet.file)


def _stand_in_text(items: Sequence[Item], what: str, source: str) -> str:
    one = "ticket" if items[0].kind == "ticket" else "engineer"
    taking = f"1 {one} has no coordinates and takes those of its {what}"
    if len(items) > 1:
        taking = f"{len(items)} {one}s have no coordinates and take those of their {what}"
    ids = ", ".join(shown(item.id, "id") for item in items[:_MOST_IDS])
    more = f" and {len(items) - _MOST_IDS} more" if len(items) > _MOST_IDS else ""
    return f"{taking} ({source}), marked approximate: {ids}{more}"


class _Addresses:
    """Asks a geocoder once for each address; counts how it failed, by the name of the error."""

    def __init__(self, geocoder: Geocoder | None) -> None:
        self.geocoder = geocoder
        self.name = type(geocoder).__name__
        self.known: dict[str, tuple[float, float] | None] = {}
        self.faults: dict[str, int] = {}

    def point(self, address: Any) -> tuple[float, float] | None:  # Any: an attribute
        if self.geocoder is None or not isinstance(address, str) or not address.strip():
            return None
        if address not in self.known:
            self.known[address] = self._ask(self.geocoder, address.strip())
        return self.known[address]

    def _ask(self, geocoder: Geocoder, address: str) -> tuple[float, float] | None:
        try:
            found = geocoder.geocode(address)
            if found is None:
                return None
            lon, lat = float(found.longitude), float(found.latitude)
        except Exception as error:  # whatever a service abroad raises: the night goes on
            name = type(error).__name__
            self.faults[name] = self.faults.get(name, 0) + 1
            return None
        is_sound = abs(lon) <= 180 and abs(lat) <= 90
        return (round(lon, DECIMALS), round(lat, DECIMALS)) if is_sound else None


def odd_points(sheets: Iterable[Sheet], region: Box | None) -> Iterator[Issue]:
    """Yield a warning for each point that is probably wrong; points themselves are not shown."""
    spots = [
        (sheet, item)
        for sheet in sheets
        for item in sheet.items
        if "lon" in item.values and "lat" in item.values
    ]
    lon = [item.values["lon"] for _, item in spots]
    lat = [item.values["lat"] for _, item in spots]
    for index, (kind, distance) in suspects(lon, lat, region=region).items():
        sheet, item = spots[index]
        header = sheet.header_of("place.lon")
        message = odd_point_text(kind, distance)
        yield Issue(item.kind, item.id, header, "", message, item.file, item.line)


def odd_point_text(kind: Suspicion, distance_km: float) -> str:
    """Say what is odd about a point, and the way out."""
    return {
        "zero": "0/0 lies in the Atlantic: an empty place was exported as zeros; fill it in",
        "swapped": "longitude and latitude are probably swapped; correct the row",
        "outside": "lies outside the region of the settings; correct the point or the region",
        "far": f"lies {distance_km:.0f} km from the middle of all points; is it mistyped, or in "
        "another coordinate system?",
    }[kind]
