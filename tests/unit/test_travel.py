"""Travel seconds: given tables, straight lines, profiles."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from geopy.distance import great_circle
from hypothesis import example, given
from hypothesis import strategies as st

from dispatchopt.errors import InvalidProblemError
from dispatchopt.models import UNREACHABLE, Matrix, Point, Profiles, StraightLine
from dispatchopt.travel import EARTH_RADIUS_KM, TravelTimes, great_circle_km

METRE_KM = 0.001

TABLE = Matrix(
    kind="matrix",
    places=("depot", "north", "south"),
    seconds=[[0, 600, 900], [700, 0, None], [950, 300, 5]],
)
LINE = StraightLine(kind="straight_line", detour=1.3, speed_kmh=25.0, stop_overhead_s=180)

latitudes = st.one_of(
    st.sampled_from([-90.0, -45.0, 0.0, 30.0, 89.9999999, 90.0]), st.floats(-90, 90)
)
longitudes = st.one_of(
    st.sampled_from([-180.0, -179.9999999, -90.0, 0.0, 90.0, 180.0]), st.floats(-180, 180)
)
points = st.builds(Point, lat=latitudes, lon=longitudes)


def test_table_keeps_direction_diagonal_and_missing_ways() -> None:
    times = TravelTimes.of(TABLE, ["depot", "north", "south"], [None])
    assert times.seconds.tolist() == [
        [[0, 600, 900], [700, 0, UNREACHABLE], [950, 300, 5]],
    ]
    assert times.between(0, 1, 2) == UNREACHABLE
    assert type(times.between(0, 0, 1)) is int


def test_places_are_indexed_by_first_appearance_and_unused_ones_dropped() -> None:
    times = TravelTimes.of(TABLE, ["south", "depot", "south"], [None])
    assert times.place_index == {"south": 0, "depot": 1}
    assert times.seconds.tolist() == [[[5, 950], [900, 0]]]


def test_equal_points_are_one_place() -> None:
    here, same, there = (Point(lat=60, lon=25), Point(lat=60.0, lon=25.0), Point(lat=61, lon=25))
    times = TravelTimes.of(LINE, [here, there, same], [None])
    assert times.place_index == {here: 0, there: 1}
    assert times.place_index[same] == 0


def test_straight_line_by_hand() -> None:
    # One degree of a meridian is pi / 180 x 6371.009 km = 111.19508 km; x 1.3 / 25 km/h is
    # 20815.72 s, rounded up 20816, plus 180 s for the stop.
    times = TravelTimes.of(LINE, [Point(lat=0, lon=0), Point(lat=1, lon=0)], [None])
    assert times.seconds.tolist() == [[[0, 20_996], [20_996, 0]]]


def test_trip_of_whole_seconds_is_not_rounded_up_by_float_noise() -> None:
    # At this speed a degree of the equator takes 600 s exactly, two degrees 1200 s, and so on.
    degree_km = math.pi / 180 * EARTH_RADIUS_KM
    exact = StraightLine(
        kind="straight_line", detour=1.0, speed_kmh=degree_km * 6, stop_overhead_s=0
    )
    line = [Point(lat=0, lon=lon) for lon in range(60)]
    times = TravelTimes.of(exact, line, [None])
    assert times.seconds[0, 0].tolist() == [600 * lon for lon in range(60)]


def test_overhead_between_different_places_of_no_distance_only() -> None:
    pole, same_pole = Point(lat=90, lon=0), Point(lat=90, lon=90)
    west, east = Point(lat=10, lon=-180), Point(lat=10, lon=180)
    times = TravelTimes.of(LINE, [pole, same_pole, west, east], [None])
    assert times.between(0, 0, 0) == 0
    assert times.between(0, 0, 1) == 180
    assert times.between(0, 2, 3) == 180


@pytest.mark.parametrize("speed_kmh", [5e-324, 1e-6])
def test_endless_trips_are_capped(speed_kmh: float) -> None:
    slow = StraightLine(kind="straight_line", speed_kmh=speed_kmh)
    times = TravelTimes.of(slow, [Point(lat=0, lon=0), Point(lat=1, lon=0)], [None])
    assert times.seconds.tolist() == [[[0, UNREACHABLE], [UNREACHABLE, 0]]]


def test_only_profiles_used_are_held_and_none_is_the_first() -> None:
    van = StraightLine(kind="straight_line", speed_kmh=50.0, detour=1.0, stop_overhead_s=0)
    foot = StraightLine(kind="straight_line", speed_kmh=5.0, detour=1.0, stop_overhead_s=0)
    bike = StraightLine(kind="straight_line", speed_kmh=10.0, detour=1.0, stop_overhead_s=0)
    travel = Profiles(kind="profiles", profiles={"bike": bike, "van": van, "foot": foot})
    pair = [Point(lat=0, lon=0), Point(lat=0.1, lon=0)]
    times = TravelTimes.of(travel, pair, ["foot", None, "bike", "foot"])
    assert times.seconds.shape == (2, 2, 2)
    # 11.119508 km at 5 and at 10 km/h: 8006.05 and 4003.02 s.
    assert times.between(times.profile_index("foot"), 0, 1) == 8007
    assert times.between(times.profile_index(None), 0, 1) == 4004
    assert times.profile_index("bike") == times.profile_index(None)
    with pytest.raises(KeyError):
        times.profile_index("van")


def test_default_profile_is_held_only_if_used() -> None:
    travel = Profiles(kind="profiles", profiles={"a": LINE, "b": LINE})
    with pytest.raises(KeyError):
        TravelTimes.of(travel, [], ["b"]).profile_index(None)
    assert TravelTimes.of(travel, [], []).profile_index(None) == 0


def test_profiles_of_tables_with_places_in_other_order() -> None:
    turned = Matrix(kind="matrix", places=("north", "depot"), seconds=[[0, 1], [2, 0]])
    travel = Profiles(kind="profiles", profiles={"bike": TABLE, "van": turned})
    times = TravelTimes.of(travel, ["depot", "north"], ["bike", "van"])
    assert times.seconds.tolist() == [[[0, 600], [700, 0]], [[0, 2], [1, 0]]]


def test_unknown_places_and_profiles_are_listed_at_once() -> None:
    with pytest.raises(InvalidProblemError) as caught:
        TravelTimes.of(TABLE, ["depot", "west", Point(lat=1, lon=2), "east"], [None])
    assert [issue.value for issue in caught.value.issues] == ["west", "lat=1.0 lon=2.0", "east"]
    with pytest.raises(InvalidProblemError) as caught:
        TravelTimes.of(LINE, ["depot", "depot"], [None])
    assert len(caught.value.issues) == 1
    with pytest.raises(InvalidProblemError) as caught:
        TravelTimes.of(LINE, [], ["van", None, "bike"])
    assert [issue.value for issue in caught.value.issues] == ["van", "bike"]


@pytest.mark.parametrize("travel", [TABLE, LINE])
def test_no_places_at_all(travel: Matrix | StraightLine) -> None:
    times = TravelTimes.of(travel, [], [None])
    assert times.seconds.shape == (1, 0, 0)
    assert times.place_index == {}


def test_is_locked_contiguous_and_stays_so_when_pickled() -> None:
    times = TravelTimes.of(TABLE, ["north", "depot"], [None])
    for held in (times, pickle.loads(pickle.dumps(times))):
        assert held.seconds.flags.c_contiguous
        assert held.seconds.dtype == np.int32
        with pytest.raises(ValueError, match="read-only"):
            held.seconds[0, 0, 0] = 1
        with pytest.raises(AttributeError):
            held.place_index = {}
    again = pickle.loads(pickle.dumps(times))
    assert again.place_index == times.place_index
    assert np.array_equal(again.seconds, times.seconds)
    assert again.profile_index(None) == 0


def test_blocks_of_rows_meet_without_a_seam() -> None:
    # 600 places: more than one block of rows. Each row must equal the row computed alone.
    rng = np.random.default_rng(7)
    coordinates = np.round(rng.uniform(-1, 1, size=(600, 2)), 3)
    places = list(dict.fromkeys(Point(lat=a, lon=b) for a, b in coordinates.tolist()))
    seconds = TravelTimes.of(LINE, places, [None]).seconds[0]
    assert np.array_equal(seconds, seconds.T)
    for row in (0, 217, 218, 219, len(places) - 1):
        to = [row, *range(0, len(places), 50)]
        some = TravelTimes.of(LINE, [places[i] for i in dict.fromkeys(to)], [None]).seconds[0, 0]
        assert some.tolist() == [int(seconds[row, i]) for i in dict.fromkeys(to)]


@given(points, points)
@example(Point(lat=0, lon=0), Point(lat=0, lon=180))
@example(Point(lat=0, lon=0), Point(lat=0, lon=179.9999999))
@example(Point(lat=31.2, lon=121.5), Point(lat=-31.2, lon=-58.5))
@example(Point(lat=31.2, lon=121.5), Point(lat=-31.2000001, lon=-58.4999999))
@example(Point(lat=31.2, lon=121.5), Point(lat=31.2, lon=121.5000001))
@example(Point(lat=90, lon=0), Point(lat=-90, lon=77))
def test_great_circle_agrees_with_geopy_to_a_metre(a: Point, b: Point) -> None:
    expected = great_circle((a.lat, a.lon), (b.lat, b.lon)).kilometers
    found = float(great_circle_km(a.lat, a.lon, b.lat, b.lon))
    assert abs(found - expected) < METRE_KM
    assert found == float(great_circle_km(b.lat, b.lon, a.lat, a.lon))


@given(points, st.floats(-1e-5, 1e-5), st.floats(-1e-5, 1e-5))
def test_near_points_agree_with_geopy_to_a_millimetre(a: Point, dlat: float, dlon: float) -> None:
    lat = min(90.0, max(-90.0, a.lat + dlat))
    lon = min(180.0, max(-180.0, a.lon + dlon))
    expected = great_circle((a.lat, a.lon), (lat, lon)).kilometers
    assert abs(float(great_circle_km(a.lat, a.lon, lat, lon)) - expected) < METRE_KM / 1000


def test_great_circle_broadcasts() -> None:
    table = great_circle_km([[0.0], [1.0]], [[0.0], [0.0]], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    assert table.shape == (2, 3)
    assert float(table[1, 2]) == float(great_circle_km(1, 0, 1, 1))
    assert great_circle_km(0.0, [0.0, 1.0], 0.0, 0.0).shape == (2,)


@given(st.lists(points, min_size=2, max_size=5), st.sampled_from([5.0, 25.0, 36.0, 120.0]))
def test_seconds_round_the_exact_trip_upwards_once(places: list[Point], speed_kmh: float) -> None:
    model = StraightLine(kind="straight_line", detour=1.25, speed_kmh=speed_kmh, stop_overhead_s=60)
    times = TravelTimes.of(model, places, [None])
    for a, i in times.place_index.items():
        for b, j in times.place_index.items():
            assert isinstance(a, Point)
            assert isinstance(b, Point)
            km = great_circle((a.lat, a.lon), (b.lat, b.lon)).kilometers
            exact = km * 1.25 / speed_kmh * 3600
            metre = METRE_KM * 1.25 / speed_kmh * 3600
            found = times.between(0, i, j)
            if i == j:
                assert found == 0
            else:
                assert exact - metre <= found - 60 < exact + 1 + metre


def test_ways_over_stops_are_the_shortest_and_cost_the_time_spent_there() -> None:
    table = Matrix(
        kind="matrix",
        places=("a", "b", "c", "d", "e"),
        seconds=[
            [0, 10, None, None, None],
            [9, 0, 20, 90, None],
            [9, 9, 0, 30, None],
            [9, 9, 9, 0, None],
            [9, 9, 9, 9, 0],
        ],
    )
    times = TravelTimes.of(table, table.places, ())
    # b takes 5: to c 10 + 5 + 20; to d directly from b 105, over c (which takes 40) the same.
    assert times.by_stops(0, 0, {1: 5, 2: 40}) == [0, 10, 35, 105, UNREACHABLE]
    assert times.by_stops(0, 0, {1: 5, 2: 39}) == [0, 10, 35, 104, UNREACHABLE]
    assert times.by_stops(0, 0, {2: 1, 4: 1}) == [0, 10, *[UNREACHABLE] * 3]
    assert times.by_stops(0, 4, {}) == [9, 9, 9, 9, 0]
