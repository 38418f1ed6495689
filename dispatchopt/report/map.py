"""A plan drawn as one SVG picture: routes, tickets left out, a key. Straight lines, no base map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Engineer, Place, Plan, Point, Problem, Route, Shift, Ticket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COLOURS = (
    "#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e",
    "#a6761d", "#17becf", "#8c564b", "#e6ab02", "#08519c", "#636363",
)  # fmt: skip
"""Told apart by their dashes, too, from the second dozen on."""

_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_RADIUS = {1: 6.0, 2: 5.0, 3: 4.0, 4: 3.0}
_MARGIN = 24.0
_KEY_ROW = 18.0
_KEY_COLUMN = 220.0


def plan_svg(
    problem: Problem, plan: Plan, *, points: Mapping[str, Point] | None = None, width: int = 960
) -> str:
    """Draw the routes of a plan and the tickets that it leaves out.

    The text holds ids, times and counts only: no names, no attributes.

    Parameters
    ----------
    points
        Coordinates of the places that are ids; not needed where places are points.
    width
        Pixels of the map, the key beside it not counted.

    Returns
    -------
    str
        A whole SVG document.

    Raises
    ------
    InvalidProblemError
        A place has no coordinates, or the plan names a ticket or shift that the problem lacks;
        all of them at once.
    """
    scene = _Scene.of(problem, plan, points or {})
    frame = _Frame.around(scene.all_points(), width)
    routes = [track for track in scene.tracks if track.tickets]
    rows = max(1, int((frame.height - 2 * _MARGIN) // _KEY_ROW))
    columns = math.ceil((len(routes) + 3) / rows)
    total = width + columns * _KEY_COLUMN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {frame.height:.0f}" '
        f'width="{total:.0f}" height="{frame.height:.0f}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(plan.plan_id)}</title>",
        f'<rect width="{total:.0f}" height="{frame.height:.0f}" fill="#ffffff"/>',
        *(_draw_line(track, number, frame) for number, track in enumerate(routes)),
        *(line for n, track in enumerate(routes) for line in _draw_stops(track, n, frame)),
        *(_draw_unserved(ticket, point, frame) for ticket, point in scene.unserved),
        *_draw_scale(frame),
        *_draw_key(routes, len(scene.unserved), width, rows),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Track:
    """A route with coordinates: `points` are start, visits and, unless it ends there, the end."""

    route: Route
    tickets: tuple[Ticket, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class _Scene:
    tracks: tuple[_Track, ...]
    unserved: tuple[tuple[Ticket, Point], ...]

    @classmethod
    def of(cls, problem: Problem, plan: Plan, points: Mapping[str, Point]) -> _Scene:
        """Find everything to draw, or raise with all that is missing."""
        finder = _Finder(problem, points)
        tracks = tuple(finder.track(route) for route in plan.routes)
        left_out = [finder.ticket(item.ticket_id) for item in plan.unserved]
        unserved = tuple((t, finder.point(t.place)) for t in left_out if t is not None)
        if finder.issues:
            raise InvalidProblemError(list(dict.fromkeys(finder.issues)))
        return cls(tracks, unserved)

    def all_points(self) -> list[Point]:
        """Return every point that the picture shows."""
        drawn = [point for track in self.tracks for point in track.points]
        return drawn + [point for _, point in self.unserved]


class _Finder:
    def __init__(self, problem: Problem, points: Mapping[str, Point]) -> None:
        self.points = points
        self.tickets = {ticket.id: ticket for ticket in problem.tickets}
        self.shifts: dict[str, tuple[Engineer, Shift]] = {
            shift.id: (engineer, shift)
            for engineer in problem.engineers
            for shift in engineer.shifts
        }
        self.issues: list[Issue] = []

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Return the ticket; note it if there is none."""
        found = self.tickets.get(ticket_id)
        if found is None:
            self.issues.append(
                Issue("plan", "", "ticket_id", ticket_id, "no such ticket in the problem")
            )
        return found

    def point(self, place: Place) -> Point:
        """Return the coordinates of a place; note it if there are none."""
        if isinstance(place, Point):
            return place
        if place not in self.points:
            message = "no coordinates known; give them in `points`"
            self.issues.append(Issue("travel", "", "place", place, message))
            return Point(lat=0.0, lon=0.0)
        return self.points[place]

    def track(self, route: Route) -> _Track:
        """Return the route with its coordinates."""
        tickets = tuple(t for visit in route.visits if (t := self.ticket(visit.ticket_id)))
        stops = [self.point(ticket.place) for ticket in tickets]
        if route.shift_id not in self.shifts:
            self.issues.append(
                Issue("plan", "", "shift_id", route.shift_id, "no such shift in the problem")
            )
            return _Track(route, tickets, tuple(stops))
        engineer, shift = self.shifts[route.shift_id]
        start = self.point(shift.start_place or engineer.place)
        end = [] if shift.ends_anywhere else [self.point(shift.end_place or engineer.place)]
        return _Track(route, tickets, (start, *stops, *end))


@dataclass(frozen=True)
class _Frame:
    """Turns degrees into pixels, true to scale at the middle latitude."""

    west: float
    north: float
    stretch: float
    pixels_per_degree: float
    height: float

    @classmethod
    def around(cls, points: list[Point], width: int) -> _Frame:
        """Return the frame that shows all the points."""
        points = points or [Point(lat=0.0, lon=0.0)]
        south, north = min(p.lat for p in points), max(p.lat for p in points)
        west, east = min(p.lon for p in points), max(p.lon for p in points)
        stretch = max(math.cos(math.radians((south + north) / 2)), 0.01)
        # A quarter as high as wide at least, and not above three times the width.
        span = max((east - west) * stretch, (north - south) / 3, 1e-4)
        scale = (width - 2 * _MARGIN) / span
        height = max((north - south) * scale + 2 * _MARGIN, width / 4)
        middle = (west + east) / 2
        return cls(middle - span / stretch / 2, north, stretch, scale, height)

    def at(self, point: Point) -> tuple[float, float]:
        """Return pixels from the left and from the top."""
        x = _MARGIN + (point.lon - self.west) * self.stretch * self.pixels_per_degree
        return x, _MARGIN + (self.north - point.lat) * self.pixels_per_degree


def _style(number: int) -> tuple[str, str]:
    dash = _DASHES[number // len(_COLOURS) % len(_DASHES)]
    return _COLOURS[number % len(_COLOURS)], f' stroke-dasharray="{dash}"' if dash else ""


def _draw_line(track: _Track, number: int, frame: _Frame) -> str:
    colour, dash = _style(number)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(frame.at, track.points))
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
        f'stroke-opacity="0.75" stroke-linejoin="round"{dash}/>'
    )


def _draw_stops(track: _Track, number: int, frame: _Frame) -> Iterator[str]:
    colour, _ = _style(number)
    x, y = frame.at(track.points[0])
    yield (
        f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="2"><title>{escape(track.route.shift_id)}</title></rect>'
    )
    stops = zip(track.tickets, track.points[1:], strict=False)
    for place, (ticket, point) in enumerate(stops, 1):
        x, y = frame.at(point)
        about = f"{track.route.shift_id} · {place} · {ticket.id} · P{ticket.priority}"
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS[ticket.priority]:g}" fill="{colour}" '
            f'stroke="#ffffff"><title>{escape(about)}</title></circle>'
        )


def _draw_unserved(ticket: Ticket, point: Point, frame: _Frame) -> str:
    x, y = frame.at(point)
    arm = _RADIUS[ticket.priority]
    return (
        f'<path d="M{x - arm:.1f} {y - arm:.1f}l{2 * arm:g} {2 * arm:g}m0 {-2 * arm:g}'
        f'l{-2 * arm:g} {2 * arm:g}" stroke="#cc0000" stroke-width="2" fill="none">'
        f"<title>{escape(f'{ticket.id} · P{ticket.priority}')}</title></path>"
    )


def _draw_scale(frame: _Frame) -> Iterator[str]:
    pixels_per_km = frame.pixels_per_degree / 111.195
    # 1, 2 or 5 times a power of ten, about 120 pixels long.
    wanted = 120 / pixels_per_km
    power = 10.0 ** math.floor(math.log10(wanted))
    length = power * max(step for step in (1, 2, 5) if step * power <= wanted)
    y = frame.height - _MARGIN / 2
    text = f"{length:g} km" if length >= 1 else f"{length * 1000:g} m"
    yield (
        f'<path d="M{_MARGIN:g} {y:.1f}h{length * pixels_per_km:.1f}" stroke="#333333" '
        'stroke-width="2"/>'
    )
    yield f'<text x="{_MARGIN:g}" y="{y - 4:.1f}" fill="#333333">{text}</text>'


def _draw_key(routes: list[_Track], num_unserved: int, width: int, rows: int) -> Iterator[str]:
    served = sum(len(track.tickets) for track in routes)
    entries: list[tuple[str, str]] = [
        ("", f"{served} served, {num_unserved} left out"),
        (
            '<path d="M4 -8l8 8m0 -8l-8 8" stroke="#cc0000" stroke-width="2" fill="none"/>',
            "left out",
        ),
        ('<rect x="3" y="-9" width="10" height="10" fill="#ffffff" stroke="#333333"/>', "start"),
    ]
    for number, track in enumerate(routes):
        colour, dash = _style(number)
        sample = f'<path d="M0 -4h16" stroke="{colour}" stroke-width="3"{dash}/>'
        entries.append((sample, f"{track.route.shift_id}: {_visits(len(track.tickets))}"))
    for index, (sample, text) in enumerate(entries):
        column, row = divmod(index, rows)
        x, y = width + column * _KEY_COLUMN, _MARGIN + (row + 1) * _KEY_ROW
        place = quoteattr(f"translate({x:g} {y:g})")
        left = 22 if sample else 0
        yield f'<g transform={place}>{sample}<text x="{left}">{escape(text)}</text></g>'


def _visits(count: int) -> str:
    return "1 visit" if count == 1 else f"{count} visits"
