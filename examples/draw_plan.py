"""Draw the routes of a plan for Andorra as an SVG picture.

python examples/draw_plan.py [--plan out/andorra/plan.json] [--out plan.svg]
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import dispatchopt as do
from dispatchopt.models import Point
from dispatchopt.report.map import plan_svg

FOLDER = Path(__file__).parent / "data" / "andorra"


def main() -> None:
    """Draw the plan given, or one made here by a fixed seed and number of iterations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", type=Path, help="a plan.json of this problem")
    parser.add_argument("--out", type=Path, help="picture to write; a temporary file by default")
    options = parser.parse_args()
    problem = do.read_folder(FOLDER).problem
    if options.plan is not None:
        plan = do.read_plan(options.plan)
    else:
        plan = do.solve(problem, iterations=50_000, seed=1).plan
    with (FOLDER / "points.csv").open(encoding="utf-8", newline="") as file:
        points = {
            row["id"]: Point(lat=float(row["lat"]), lon=float(row["lon"]))
            for row in csv.DictReader(file)
        }
    out = options.out or Path(tempfile.mkdtemp()) / "plan.svg"
    out.write_text(plan_svg(problem, plan, points=points), encoding="utf-8")
    print(f"drew {sum(bool(route.visits) for route in plan.routes)} routes in {out}")


if __name__ == "__main__":
    main()
