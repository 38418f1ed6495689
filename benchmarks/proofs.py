"""How far plans are from the best possible one, as the package proves it itself.

``python -m benchmarks.proofs --data FOLDER --sizes 100,300 --seconds 10,60`` plans city-day
instances with a proof and prints cost, bound, gap and seconds, and the distance to the best bound
known. ``--family city_like`` makes more of them, drawn from the same shares; ``--family roomy`` and
``--family balanced`` make days of their own: one where every ticket fits and travel decides, one
under the whole balanced policy; ``--family plain`` those of ``generate --plain``.
A bound below 0.999 of the first one in ``bounds.json`` fails the run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dispatchopt as do
from benchmarks.city_day import BOUNDS_FILE, best_bounds
from benchmarks.city_like import make_city_day
from benchmarks.day import read_problem, small_problem
from benchmarks.machine import describe_machine
from benchmarks.ours import warm_up
from benchmarks.table import render
from benchmarks.trace import draw_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dispatchopt import Problem, Progress, Result

LEAST_SHARE = 0.999
"""A bound of ours may lie so far below an earlier one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 0, or 1 if a bound is below an earlier one or no plan is proven."""
    options = _parser().parse_args(argv)
    first: dict[str, int] = json.loads(BOUNDS_FILE.read_text())["bounds"]
    known = best_bounds()
    warm_up(threads=options.threads)
    head = "instance limit seconds cost bound gap% above% status left_out iterations"
    rows = [head.split()]
    gaps: dict[float, list[float]] = {}
    failed = False
    for name, limit, problem in _days(options):
        trace: list[Progress] = []
        result, seconds = _prove(problem, limit, options, trace.append)
        if options.draw:
            options.draw.write_text(draw_trace(name, trace, limit))
        failed |= (result.bound or 0) < LEAST_SHARE * first.get(name, 1)
        if result.gap is not None:
            gaps.setdefault(limit, []).append(result.gap)
        best = max(result.bound or 0, known.get(name, 0))
        rows.append(
            [
                name,
                f"{limit:g}",
                f"{seconds:.1f}",
                str(result.cost),
                str(result.bound),
                "-" if result.gap is None else f"{100 * result.gap:.3f}",
                "-" if not best else f"{100 * (result.cost - best) / best:.3f}",
                result.status,
                " ".join(result.left_out) or "-",
                str(result.iterations),
            ]
        )
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(
        render(
            "Machine",
            [["what", "value"], *map(list, describe_machine().items())],
            markdown=options.markdown,
        )
    )
    print(render("Proofs", rows, markdown=options.markdown))
    for limit, values in gaps.items():
        print(
            f"{limit:g} s: mean gap {100 * statistics.mean(values):.3f} %, "
            f"{sum(v <= 0.01 for v in values)} of {len(values)} within 1 %, "
            f"{sum(v == 0 for v in values)} optimal"
        )
    if options.out:
        options.out.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1))
    return 1 if failed and not options.smoke else 0


def _prove(
    problem: Problem,
    limit: float,
    options: argparse.Namespace,
    on_progress: Callable[[Progress], None],
) -> tuple[Result, float]:
    begin = time.monotonic()
    result = do.solve(
        problem,
        time_limit=limit,
        seed=options.solver_seed,
        threads=options.threads,
        prove=True,
        gap=options.gap,
        on_progress=on_progress,
    )
    return result, time.monotonic() - begin


def _days(options: argparse.Namespace) -> Iterator[tuple[str, float, Problem]]:
    from dispatchopt.generator import generate, generate_plain

    if options.smoke:
        yield "smoke", 2.0, small_problem()
        return
    limits = options.seconds * (len(options.sizes) if len(options.seconds) == 1 else 1)
    for size, limit in zip(options.sizes, limits, strict=True):
        for seed in options.seeds:
            if options.family == "city_like":
                yield f"city_like_{size}_s{seed}", limit, make_city_day(tickets=size, seed=seed)
            elif options.family == "roomy":
                day = generate_plain(tickets=size, seed=seed, pressure=0.7)
                yield f"roomy_{size}_s{seed}", limit, day
            elif options.family == "balanced":
                yield f"balanced_{size}_s{seed}", limit, generate(tickets=size, seed=seed)
            elif options.family == "plain":
                yield f"plain_{size}_s{seed}", limit, generate_plain(tickets=size, seed=seed)
            else:
                name = f"city_day_{size}_s{seed}"
                path = options.data / f"{name}.json.gz"
                if path.exists():
                    yield name, limit, read_problem(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proofs", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the city days")
    parser.add_argument(
        "--family",
        choices=["city_day", "city_like", "plain", "roomy", "balanced"],
        default="city_day",
    )
    parser.add_argument("--sizes", type=_integers, default=[100, 300])
    parser.add_argument("--seconds", type=_numbers, default=[10.0, 60.0], help="one, or for each")
    parser.add_argument("--seeds", type=_integers, default=[1, 2, 3])
    parser.add_argument("--gap", type=float, default=0.0, help="end once as close as this share")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--solver-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    parser.add_argument("--draw", type=Path, help="draw gap over time as SVG (of one day)")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="a tiny day, 2 s; nothing judged")
    return parser


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


if __name__ == "__main__":
    raise SystemExit(main())
