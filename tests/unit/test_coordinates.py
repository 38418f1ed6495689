"""Coordinate systems against published pairs, odd points, and stand-ins for what lacks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dispatchopt as do
from dispatchopt.adapters.coordinates import Box, convert, suspects
from dispatchopt.errors import InvalidProblemError
from dispatchopt.travel import great_circle_km

if TYPE_CHECKING:
    from pathlib import Path

# googollee/eviltransform (python/test.py): WGS84 and GCJ-02 of Shanghai, Shenzhen and Beijing; a
# triple in the tests of geotool and pyxis: its first two.
GCJ02 = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ((121.0917077, 30.6107779), (121.09626935575027, 30.608604331756705)),
    # wandergis/coordtransform (test/app.js).
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
]
# GCJ-02 and BD-09: wandergis/coordtransform both ways, geotool.
BD09 = [
    ((116.404, 39.915), (116.41036949371029, 39.92133699351021)),
    ((116.39762729119315, 39.90865673957631), (116.404, 39.915)),
    ((121.09626935575027, 30.608604331756705), (121.10271732371203, 30.61484572185035)),
]


def metres(a: tuple[Any, Any], b: tuple[Any, Any]) -> float:
    return 1000 * float(np.max(great_circle_km(a[1], a[0], b[1], b[0])))


@pytest.mark.parametrize(("wgs84", "gcj02"), GCJ02)
def test_published_pairs_of_gcj02(wgs84: Any, gcj02: Any) -> None:
    assert metres(convert(*wgs84, source="wgs84", target="gcj02"), gcj02) < 0.01
    assert metres(convert(*gcj02, source="gcj02", target="wgs84"), wgs84) < 0.5


@pytest.mark.parametrize(("gcj02", "bd09"), BD09)
def test_published_pairs_of_bd09(gcj02: Any, bd09: Any) -> None:
    # The second pair was published for the way back, which that converter only approximates.
    assert metres(convert(*gcj02, source="gcj02", target="bd09"), bd09) < 0.1
    assert metres(convert(*bd09, source="bd09", target="gcj02"), gcj02) < 0.5


def test_a_point_read_off_three_maps() -> None:
    # One spot in Shanghai as satellite pictures, a GCJ-02 map and a BD-09 map show it (tests of
    # the R package BruceZhaoR/pjutils): the formulas are good to a metre or two.
    wgs84, gcj02 = (121.42958967, 31.16014354), (121.4342191628, 31.158266019)
    bd09 = (121.4406138425, 31.1646093426)
    assert metres(convert(*wgs84, source="wgs84", target="gcj02"), gcj02) < 2
    assert metres(convert(*wgs84, source="wgs84", target="bd09"), bd09) < 2
    assert metres(convert(*bd09, source="bd09", target="wgs84"), wgs84) < 2


@settings(max_examples=50)
@given(st.floats(75, 135), st.floats(4, 53), st.sampled_from(["gcj02", "bd09"]))
def test_there_and_back_within_half_a_metre(lon: float, lat: float, system: Any) -> None:
    there = convert(lon, lat, source="wgs84", target=system)
    assert 15 < metres(there, (lon, lat)) < 2000
    assert metres(convert(*there, source=system, target="wgs84"), (lon, lat)) < 0.5
    back = convert(lon, lat, source=system, target="wgs84")
    assert metres(convert(*back, source="wgs84", target=system), (lon, lat)) < 0.5


@pytest.mark.parametrize("point", [(-0.1, 51.5), (151.2, -33.9), (0.0, 90.0), (180.0, -90.0)])
def test_outside_china_gcj02_is_wgs84(point: tuple[float, float]) -> None:
    for source, target in (("wgs84", "gcj02"), ("gcj02", "wgs84")):
        lon, lat = convert(*point, source=source, target=target)  # type: ignore[arg-type]
        assert (float(lon), float(lat)) == point


def test_arrays_keep_their_shape() -> None:
    lon, lat = convert(np.full((2, 3), 121.5), np.full((2, 3), 31.2), source="bd09", target="wgs84")
    assert lon.shape == lat.shape == (2, 3)
    assert convert(np.array([]), np.array([]), source="bd09", target="gcj02")[0].shape == (0,)


# --- Odd points ---

CITY = [(121.40 + i / 100, 31.20 + (i % 3) / 100) for i in range(10)]


def kinds(points: list[tuple[float, float]], **options: Any) -> dict[int, str]:
    lon, lat = zip(*points, strict=True)
    return {index: kind for index, (kind, _) in suspects(lon, lat, **options).items()}


def test_a_city_is_not_odd() -> None:
    assert kinds(CITY) == {}


def test_zeros_and_far_points_are_odd() -> None:
    # 1 degree of latitude is 111 km: beyond the 100 km; 0.8 degrees, 89 km, are not.
    odd = [(0.0, 0.0), (121.44, 32.21), (121.44, 32.01), (31.2, 121.4 - 90)]
    assert kinds(CITY + odd) == {10: "zero", 11: "far", 13: "far"}


def test_swapped_points_are_told_where_both_ways_are_on_the_map() -> None:
    # Near Munich: longitude 11.5, latitude 48.1, and once the other way round.
    munich = [(11.5 + i / 100, 48.1) for i in range(10)]
    assert kinds([*munich, (48.1, 11.55)]) == {10: "swapped"}


def test_few_points_have_no_middle() -> None:
    assert kinds([*CITY[:6], (100.0, 20.0)]) == {}
    assert kinds([*CITY[:7], (100.0, 20.0)]) == {7: "far"}


def test_the_middle_of_a_province_reaches_farther() -> None:
    # Points every 50 km along a meridian: the median distance is 250 km, far begins at 2000 km.
    province = [(105.0, 30 + 0.45 * i) for i in range(21)]
    assert kinds([*province, (105.0, 20.0)]) == {}


def test_a_declared_region_needs_no_middle() -> None:
    box = Box(121.0, 31.0, 122.0, 32.0)
    points = [(121.0, 31.0), (122.0, 32.0), (122.01, 31.5), (31.5, 121.5 - 100), (31.5, 121.5)]
    assert kinds(points, region=box) == {2: "outside", 3: "outside", 4: "swapped"}


# --- Stand-ins at the doors ---

SHANGHAI = 'timezone = "Asia/Shanghai"\n'
PLACES = (
    "编号,类型,经度,纬度,名称\n"
    "OLT-7,网元,121.41,31.21,\n"
    "ESTATE-9,小区,121.42,31.22,花园\n"
    "G1,网格,121.43,31.23,\n"
)
TICKETS = (
    "id,fault_type,lon,lat,network_element,attributes.estate,territory,attributes.address\n"
    "A,BB_SLOW,121.5,31.2,OLT-7,ESTATE-9,G1,\n"
    "B,BB_SLOW,,,OLT-7,ESTATE-9,G1,\n"
    "C,BB_SLOW,,,OLT-8,ESTATE-9,G1,\n"
    "D,BB_SLOW,0,0,,,G1,somewhere\n"
)


def csv_folder(path: Path, **files: str) -> Path:
    path.mkdir()
    given_files = {
        "policy__toml": SHANGHAI,
        "engineers__csv": "id,skills,lon,lat,territories\nE1,-,,,G0;G1\n",
        "shifts__csv": "engineer_id,start,end\nE1,2026-11-23 08:00,2026-11-23 17:00\n",
        "tickets__csv": TICKETS,
        "places__csv": PLACES,
        **files,
    }
    for name, text in given_files.items():
        (path / name.replace("__", ".")).write_text(text, "utf-8")
    return path


def points(problem: do.Problem) -> dict[str, tuple[float, float, Any]]:
    items: list[Any] = [*problem.tickets, *problem.engineers]  # Any: both have what is read here
    return {i.id: (i.place.lon, i.place.lat, i.attributes.get("approximate")) for i in items}


def test_places_stand_in_the_nearest_first(tmp_path: Path) -> None:
    intake = do.read_folder(csv_folder(tmp_path / "in"))
    assert points(intake.problem) == {
        "A": (121.5, 31.2, None),
        "B": (121.41, 31.21, "network_element"),
        "C": (121.42, 31.22, "estate"),
        "D": (121.43, 31.23, "grid"),
        "E1": (121.43, 31.23, "grid"),
    }
    told = [(issue.field, issue.value) for issue in intake.warnings]
    assert told == [
        ("approximate", "grid"),  # of the engineer
        ("approximate", "network_element"), ("approximate", "estate"), ("approximate", "grid"),
    ]  # fmt: skip
    assert (
        "1 ticket has no coordinates and takes those of its network element"
        in intake.warnings[1].message
    )
    assert "(places.csv), marked approximate: B" in intake.warnings[1].message


def test_tables_may_lack_the_columns_altogether(tmp_path: Path) -> None:
    path = csv_folder(tmp_path / "in", tickets__csv="id,fault_type,territory\nA,BB_SLOW,G1\n")
    assert points(do.read_folder(path).problem)["A"] == (121.43, 31.23, "grid")
    (path / "tickets.csv").write_text("id,fault_type,territory\nA,BB_SLOW,G9\n")
    with pytest.raises(InvalidProblemError, match="ticket 'A', place: is required"):
        do.read_folder(path)


def test_what_nothing_stands_in_for_is_a_fault_as_before(tmp_path: Path) -> None:
    path = csv_folder(tmp_path / "in", places__csv="id,kind,lon,lat\n")
    with pytest.raises(InvalidProblemError) as caught:
        do.read_folder(path)
    assert [issue.id for issue in caught.value.issues] == ["E1", "B", "C"]
    assert [(issue.id, issue.field) for issue in caught.value.warnings] == [("D", "lon")]


def test_faulty_places_are_warnings_unless_their_headers_are(tmp_path: Path) -> None:
    faulty = PLACES + "G2,镇,121.4,31.2,\nG3,网格,,31.2,\nG1,网格,121.0,31.0,\nG4,网格,x,31.2,\n"
    intake = do.read_folder(csv_folder(tmp_path / "in", places__csv=faulty))
    rows = [(i.line, i.field) for i in intake.warnings if i.file == "places.csv"]
    assert rows == [(5, "类型"), (6, "lon"), (7, "id"), (8, "经度")]
    path = csv_folder(tmp_path / "again", places__csv="id,kind,lon\n")
    with pytest.raises(InvalidProblemError, match="lat: column missing"):
        do.read_folder(path)


def test_each_table_has_its_own_system(tmp_path: Path) -> None:
    # The published pairs above, rounded to a centimetre.
    table = SHANGHAI + '[coordinates]\nsystem = "bd09"\ntickets = "gcj02"\nplaces = "wgs84"\n'
    path = csv_folder(
        tmp_path / "in",
        policy__toml=table,
        tickets__csv="id,fault_type,lon,lat\nA,BB_SLOW,121.531541859215,31.17530398364597\n",
        engineers__csv="id,skills,lon,lat,territories\n"
        "E1,-,121.10271732371203,30.61484572185035,\nE2,-,,,G1\n",
        shifts__csv="engineer_id,start,end,end_lon,end_lat\n"
        "E1,2026-11-23 08:00,2026-11-23 17:00,121.10271732371203,30.61484572185035\n",
    )
    problem = do.read_folder(path).problem
    found = points(problem)
    assert found["A"] == (121.5272106, 31.1774276, None)
    assert found["E1"] == pytest.approx((121.0917077, 30.6107779, None), abs=2e-7)
    assert found["E2"] == (121.43, 31.23, "grid")
    assert problem.engineers[0].shifts[0].end_place == problem.engineers[0].place


def test_odd_points_are_warnings_with_their_rows(tmp_path: Path) -> None:
    rows = [f"T{i},BB_SLOW,{121.4 + i / 100},31.2" for i in range(8)]
    text = "\n".join(["id,fault_type,经度,lat", *rows, "ZERO,BB_SLOW,0,0", "FAR,BB_SLOW,121,41\n"])
    box = "[coordinates.region]\nwest = 121.395\nsouth = 31\neast = 122\nnorth = 32\n"
    engineers = "id,skills,lon,lat\nE1,-,121.39,31.2\n"
    path = csv_folder(
        tmp_path / "in", tickets__csv=text, engineers__csv=engineers, policy__toml=SHANGHAI + box
    )
    found = [(i.file, i.line, i.id, i.field, i.value) for i in do.read_folder(path).warnings]
    assert found == [
        ("engineers.csv", 2, "E1", "lon", ""),
        ("tickets.csv", 10, "ZERO", "经度", ""),
        ("tickets.csv", 11, "FAR", "经度", ""),
    ]


@dataclass
class Spot:
    latitude: float
    longitude: float


class Atlas:
    """A geocoder that knows one address, and fails at another."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def geocode(self, query: str) -> Spot | None:
        self.asked.append(query)
        if query == "broken":
            raise TimeoutError("the answer holds a private address")
        return Spot(31.25, 121.45) if query == "1 Main Street" else None


def test_a_geocoder_is_asked_last_and_once(tmp_path: Path) -> None:
    text = "id,fault_type,territory,attributes.address\n" + "".join(
        f"{name},BB_SLOW,{grid},{address}\n"
        for name, grid, address in (
            ("A", "G1", "1 Main Street"), ("B", "", "1 Main Street"), ("C", "", " 1 Main Street"),
            ("D", "", "broken"), ("E", "", "nowhere"),
        )
    )  # fmt: skip
    atlas = Atlas()
    path = csv_folder(tmp_path / "in", tickets__csv=text)
    with pytest.raises(InvalidProblemError) as caught:
        do.read_folder(path, geocoder=atlas)
    assert [issue.id for issue in caught.value.issues] == ["D", "E"]
    told = "\n".join(str(issue) for issue in caught.value.warnings)
    assert "2 tickets have no coordinates and take those of their address" in told
    assert "geocoder Atlas" in told
    assert "TimeoutError 1 times" in told
    assert "Main Street" not in str(caught.value)
    assert "private" not in str(caught.value)
    assert sorted(atlas.asked) == ["1 Main Street", "broken", "nowhere"]
    rows = [row for row in text.splitlines() if row[0] not in "DE"]
    (path / "tickets.csv").write_text("\n".join(rows), "utf-8")
    found = points(do.read_folder(path, geocoder=Atlas()).problem)
    assert found["A"] == (121.43, 31.23, "grid")
    assert found["B"] == found["C"] == (121.45, 31.25, "address")


def test_frames_take_places_and_systems() -> None:
    tickets = pd.DataFrame(
        {"id": ["A", "B"], "fault_type": "BB_SLOW", "territory": ["G1", "G1"],
         "lon": [121.531541859215, np.nan], "lat": [31.17530398364597, np.nan]}
    )  # fmt: skip
    engineers = pd.DataFrame({"id": ["E1"], "skills": ["-"], "territories": [["G1"]]})
    shifts = pd.DataFrame(
        {"engineer_id": ["E1"], "start": ["2026-11-23T08:00Z"], "end": ["2026-11-23T17:00Z"]}
    )
    places = pd.DataFrame({"id": ["G1"], "kind": ["grid"], "lon": [121.43], "lat": [31.23]})
    intake = do.problem_from_frames(
        tickets, engineers, shifts, places=places,
        coordinates={"system": "wgs84", "tickets": "gcj02"},
    )  # fmt: skip
    assert points(intake.problem) == {
        "A": (121.5272106, 31.1774276, None),
        "B": (121.43, 31.23, "grid"),
        "E1": (121.43, 31.23, "grid"),
    }
    with pytest.raises(InvalidProblemError, match=r"coordinates\.system"):
        do.problem_from_frames(tickets, engineers, shifts, places=places, coordinates="gcj20")


def test_stand_ins_are_echoed_in_what_is_written(tmp_path: Path) -> None:
    problem = do.read_folder(csv_folder(tmp_path / "in")).problem
    do.write_folder(problem, tmp_path / "out")
    assert do.read_folder(tmp_path / "out").problem == problem
    visits = [
        {"ticket_id": ticket.id, "start": "2026-11-23T01:00Z", "end": "2026-11-23T02:00Z"}
        for ticket in problem.tickets
    ]
    shift = problem.engineers[0].shifts[0]
    plan = do.Plan.model_validate({"routes": [{"shift_id": shift.id, "visits": visits}]})
    frame = do.plan_to_frame(plan, problem)
    assert frame["approximate"].tolist() == [None, "network_element", "estate", "grid"]


@pytest.mark.parametrize(
    "table",
    ["coordinates = 3", "[coordinates]\nsystem = 'mars'", "[coordinates]\nregion = 3",
     "[coordinates.region]\nwest = 500", "[coordinates]\nzone = 'x'"],
)  # fmt: skip
def test_faulty_settings_are_faults(tmp_path: Path, table: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        do.read_folder(csv_folder(tmp_path / "in", policy__toml=f"{SHANGHAI}{table}\n"))
    assert all(issue.field.startswith("coordinates") for issue in caught.value.issues)


@settings(max_examples=50)
@given(st.text(alphabet='编号类型经纬度,\n"12.网格G-eE+0', max_size=60))
def test_no_text_breaks_the_reader_of_places(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = csv_folder(tmp_path_factory.mktemp("places") / "in", places__csv=PLACES + text)
    with contextlib.suppress(InvalidProblemError):
        do.read_folder(path)


def test_a_workbook_has_a_sheet_of_places(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    from dispatchopt.adapters.workbook import read_workbook

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in (
        ("tickets", [["id", "fault_type", "territory"], ["A", "BB_SLOW", 7]]),
        ("engineers", [["id", "skills", "lon", "lat"], ["E1", "-", 121.4, 31.2]]),
        ("shifts", [["engineer_id", "start", "end"],
                    ["E1", "2026-11-23 08:00", "2026-11-23 17:00"]]),
        ("places", [["id", "kind", "lon", "lat"], [7, "网格", 121.43, 31.23]]),
        ("settings", [["setting", "value"], ["timezone", "Asia/Shanghai"]]),
    ):  # fmt: skip
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "day.xlsx")
    intake = read_workbook(tmp_path / "day.xlsx")
    assert points(intake.problem)["A"] == (121.43, 31.23, "grid")
    assert "(day.xlsx[places])" in intake.warnings[0].message
