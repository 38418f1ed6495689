"""Hooks that say where a trouble ticket is: TMF621 itself has no place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from dispatchopt.adapters.tmf.values import listed
from dispatchopt.models import Point
from dispatchopt.models.nearest import folded

if TYPE_CHECKING:
    from dispatchopt.adapters.tmf.trouble_ticket import TroubleTicket
    from dispatchopt.models import Place

Locate = Callable[["TroubleTicket"], "Place | None"]
"""Tells where a ticket is; None if it cannot say."""

_WGS84: Final = frozenset({"wgs84", "epsg:4326", "crs84", "urn:ogc:def:crs:ogc:1.3:crs84"})


def locate_inline(ticket: TroubleTicket) -> Place | None:
    """Find a point in the ticket itself: GeoJSON (longitude first) or a pair of coordinates.

    Looks into places and entities that stand by value. A point with another `spatialRef` than
    WGS 84 is not taken.
    """
    candidates: list[Any] = [entity.raw for entity in ticket.entities]
    candidates += [ticket.extras[key] for key in ticket.extras if folded(key) in _PLACES]
    for candidate in candidates:
        for item in listed(candidate):
            point = _point(item, depth=4)
            if point is not None:
                return point
    return None


_PLACES: Final = frozenset(
    {"place", "relatedplace", "location", "geographiclocation", "geolocation", "geojson"}
)
_INNER: Final = ("geoJson", "geometry", "geographicLocation", "location", "place")


def locate_places(places: Mapping[str, Place]) -> Locate:
    """Return a hook that looks the ids of the related entities up.

    Parameters
    ----------
    places
        Place by the id of an address, a site, a service or a network element.
    """

    def locate(ticket: TroubleTicket) -> Place | None:
        found = (places.get(entity.id) for entity in ticket.entities if entity.id is not None)
        return next((place for place in found if place is not None), None)

    return locate


def _point(item: Mapping[str, Any], depth: int) -> Point | None:
    reference = item.get("spatialRef")
    if reference and folded(str(reference)) not in _WGS84:
        return None
    coordinates = item.get("coordinates")
    if folded(str(item.get("type", ""))) == "point" and isinstance(coordinates, list):
        return _built(*coordinates[:2]) if len(coordinates) >= 2 else None
    for lon, lat in (("lon", "lat"), ("longitude", "latitude"), ("x", "y")):
        if lon in item and lat in item:
            return _built(item[lon], item[lat])
    if depth:
        for key in _INNER:
            for inner in listed(item.get(key)):
                found = _point(inner, depth - 1)
                if found is not None:
                    return found
    return None


def _built(lon: Any, lat: Any) -> Point | None:
    if isinstance(lon, bool) or isinstance(lat, bool):
        return None
    try:
        return Point(lon=lon, lat=lat)
    except ValidationError:
        return None
