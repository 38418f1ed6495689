"""The data that the examples ship: whole, small, with its licence."""

from __future__ import annotations

import csv
from pathlib import Path

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.models import Matrix

EXAMPLES = Path(__file__).parents[2] / "examples"
ANDORRA = EXAMPLES / "data" / "andorra"


def test_the_andorra_day_is_read_whole_from_its_chinese_headers():
    intake = read_folder(ANDORRA)
    problem = intake.problem

    assert intake.rejected == ()
    assert len(problem.tickets) == 80
    assert {t.priority for t in problem.tickets} == {1, 2, 3, 4}
    assert any(t.appointment for t in problem.tickets)
    assert any(t.crew_size == 2 for t in problem.tickets)
    assert any(s.members == 2 for e in problem.engineers for s in e.shifts)
    assert all(s.breaks or s.min_priority for e in problem.engineers for s in e.shifts)
    header = (ANDORRA / "tickets.csv").read_text("utf-8-sig").splitlines()[0]
    assert header.startswith("工单号,")


def test_the_andorra_travel_times_are_the_asymmetric_ones_of_its_points():
    travel = read_folder(ANDORRA).problem.travel
    assert isinstance(travel, Matrix)
    with (ANDORRA / "points.csv").open(encoding="utf-8", newline="") as file:
        points = list(csv.DictReader(file))

    assert travel.places == tuple(row["id"] for row in points)
    assert len(points) == 150
    assert all(42.4 < float(row["lat"]) < 42.7 and 1.3 < float(row["lon"]) < 1.9 for row in points)
    assert (travel.seconds != travel.seconds.T).any()
    assert travel.seconds.max() < 3600


def test_the_data_are_small_and_name_their_source_and_licence():
    files = [path for path in (EXAMPLES / "data").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    readme = (ANDORRA / "README.md").read_text("utf-8")
    assert "© OpenStreetMap contributors" in readme
    assert "Open Database License 1.0" in readme
