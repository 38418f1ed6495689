"""The city day against other open engines: same instances, same clock, same machine.

``python -m benchmarks.city_day --data FOLDER`` runs every engine on every instance, one after the
other, each in a process of its own with the same seconds (model building included) and threads.
Every plan is judged by the same function (`benchmarks.day.judge`), ours too, and by the package's
checker, which must agree; an infeasible plan has no cost. ``--smoke`` needs neither data nor peers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.agreement import disagreement
from benchmarks.day import read_problem, small_problem, to_day
from benchmarks.engines import ENGINES, OURS, PEERS, Run, Task, run
from benchmarks.machine import describe_machine
from benchmarks.summary import Summary, summarise
from benchmarks.table import render, run_rows, summary_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOUNDS_FILE = Path(__file__).with_name("bounds.json")

USUAL_SECONDS = {100: 10.0, 300: 60.0, 1000: 120.0}
"""Seconds for a city day of so many tickets, as the targets state them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0, or 1 if a target was missed, a plan of ours is missing or disputed."""
    options = _parser().parse_args(argv)
    bounds = best_bounds()
    engines = [OURS] * (not options.peers_only) + list(options.peers)
    if not engines:
        raise SystemExit("Nothing to run: --peers-only without peers.")
    if options.smoke:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            path = Path(folder) / "smoke.json"
            path.write_text(small_problem().model_dump_json())
            groups = _measure(options, {(20, 1.0): [("smoke", path)]}, engines, bounds)
    elif options.data is None:
        raise SystemExit("Name the folder of the instances with --data, or use --smoke.")
    else:
        groups = _measure(options, _instances(options), engines, bounds)
    return _report(options, groups, bounds)


def best_bounds() -> dict[str, int]:
    """Return the best bound known of each instance."""
    known = json.loads(BOUNDS_FILE.read_text())
    tightened = known.get("tightened", {})
    return {name: max(b, tightened.get(name, 0)) for name, b in known["bounds"].items()}


Group = tuple[int, float, list[Run]]


def _measure(
    options: argparse.Namespace,
    sizes: Mapping[tuple[int, float], Sequence[tuple[str, Path]]],
    engines: Sequence[str],
    bounds: Mapping[str, int],
) -> list[Group]:
    groups = []
    for (size, limit), instances in sizes.items():
        runs = []
        for name, path in instances:
            problem = read_problem(path)
            day = to_day(problem, name)
            for engine in engines:
                task = Task(engine, name, path, limit, options.threads, options.solver_seed)
                done = run(task, day)
                _refuse_below_bound(done, bounds)
                if done.routes is not None:
                    done = replace(done, disagreement=disagreement(problem, day, done.routes))
                _say(f"{name} {engine}: {done.status} {done.cost} {done.seconds} s {done.note}")
                runs.append(done)
        groups.append((size, limit, runs))
    return groups


def _report(options: argparse.Namespace, groups: Sequence[Group], bounds: Mapping[str, int]) -> int:
    summaries = [summarise(size, limit, runs, bounds) for size, limit, runs in groups]
    machine = describe_machine()
    runs = [done for _, _, group in groups for done in group]
    machine_rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    for title, rows in (
        ("Machine", machine_rows),
        ("Runs", run_rows(runs, bounds)),
        ("Sums over the instances", summary_rows(summaries)),
    ):
        sys.stdout.write(render(title, rows, markdown=options.markdown) + "\n")
    if options.out:
        _write(options, machine, runs, summaries)
    missed = any(summary.verdict.startswith("FAIL") for summary in summaries)
    without = any(done.engine == OURS and done.cost is None for done in runs)
    disputed = any(done.disagreement for done in runs)
    return 1 if missed or without or disputed else 0


def _write(
    options: argparse.Namespace,
    machine: Mapping[str, str],
    runs: Sequence[Run],
    summaries: Sequence[Summary],
) -> None:
    results = {
        "machine": machine,
        "threads": options.threads,
        "solver_seed": options.solver_seed,
        "summaries": [
            asdict(s) | {"ratio": s.ratio, "ratio_per_instance": s.ratio_per_instance}
            for s in summaries
        ],
        "runs": [asdict(done) for done in runs],
    }
    options.out.write_text(json.dumps(results, indent=1) + "\n")


def _instances(options: argparse.Namespace) -> dict[tuple[int, float], list[tuple[str, Path]]]:
    limits = options.seconds or [USUAL_SECONDS.get(size, 60.0) for size in options.sizes]
    if len(limits) == 1:
        limits = limits * len(options.sizes)
    if len(limits) != len(options.sizes):
        raise SystemExit("--seconds needs one number, or one for each of --sizes.")
    found: dict[tuple[int, float], list[tuple[str, Path]]] = {}
    for size, limit in zip(options.sizes, limits, strict=True):
        names = [f"city_day_{size}_s{seed}" for seed in options.seeds]
        paths = [(name, options.data / f"{name}.json.gz") for name in names]
        for name, path in paths:
            if not path.exists():
                _say(f"{name}: no such instance, left out")
        found[size, limit] = [(name, path) for name, path in paths if path.exists()]
    if not any(found.values()):
        raise SystemExit(f"No instance of these sizes and seeds in {options.data}.")
    return {key: instances for key, instances in found.items() if instances}


def _refuse_below_bound(done: Run, bounds: Mapping[str, int]) -> None:
    bound = bounds.get(done.instance)
    if bound is not None and done.cost is not None and done.cost < bound:
        raise SystemExit(
            f"{done.engine} on {done.instance} costs {done.cost}, below the proven bound {bound}: "
            "the bound or the judge is wrong."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.city_day", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of city_day_<tickets>_s<seed>.json.gz")
    parser.add_argument("--sizes", type=_integers, default=[100, 300, 1000])
    parser.add_argument(
        "--seconds",
        type=_numbers,
        help="for each size, or one for all; else 10 at 100 tickets, 60 at 300, 120 at 1000",
    )
    parser.add_argument("--seeds", type=_integers, default=[1, 2, 3], help="of the instances")
    parser.add_argument(
        "--peers",
        type=_peers,
        default=list(PEERS),
        help=f"comma-separated, of {', '.join(name for name in ENGINES if name != OURS)}; or none",
    )
    parser.add_argument("--peers-only", action="store_true", help="do not run dispatchopt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--solver-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write every run with its plan as JSON")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="a tiny day made in code, 1 s each")
    return parser


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _peers(text: str) -> list[str]:
    names = [] if text == "none" else text.split(",")
    unknown = [name for name in names if name not in ENGINES or name == OURS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)}")
    return names


def _say(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
