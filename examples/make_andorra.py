"""Make the CSV files of `examples/data/andorra` from its points and travel times, by a fixed seed.

python examples/make_andorra.py            write them to a temporary folder
python examples/make_andorra.py --out DIR  write them to a new folder
python examples/make_andorra.py --check    compare with those that are there; exit 1 if they differ

Another version of numpy may draw other numbers; the files that are there stay as good as they are.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.csv_write import write_folder
from dispatchopt.adapters.travel_files import read_travel_file
from dispatchopt.generator import RealPlaces, generate
from dispatchopt.models import Matrix, Point, Problem

FOLDER = Path(__file__).parent / "data" / "andorra"


def read_places(folder: Path) -> RealPlaces:
    """Read the coordinates and the travel seconds of the places."""
    with (folder / "points.csv").open(encoding="utf-8", newline="") as file:
        points = {
            row["id"]: Point(lat=float(row["lat"]), lon=float(row["lon"]))
            for row in csv.DictReader(file)
        }
    ids, seconds = read_travel_file(folder, "travel.csv", list(points))
    return RealPlaces(
        points=points, travel=Matrix(kind="matrix", places=tuple(ids), seconds=seconds)
    )


def make_problem() -> Problem:
    """Make 80 tickets and their team at the places."""
    return generate(tickets=80, seed=6, timezone="Europe/Andorra", places=read_places(FOLDER))


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder to write; a temporary one by default")
    parser.add_argument("--check", action="store_true", help="compare with the files there")
    options = parser.parse_args()
    problem = make_problem()
    if options.check:
        same = read_folder(FOLDER).problem == problem
        print(f"{FOLDER.name}: {'as made here' if same else 'differs from what is made here'}")
        return 0 if same else 1
    out = options.out or Path(tempfile.mkdtemp()) / FOLDER.name
    write_folder(problem, out, headers="zh")
    print(f"wrote {len(problem.tickets)} tickets to {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
