"""Appointment windows: how fast they are offered, how well they are kept, whether bookings hold.

``python -m benchmarks.offers`` measures one part or all of them:

- ``latency``: one ticket against a plan of 1000 tickets over 5 days, and a cold process;
- ``calibration``: probabilities told to customers against what came true, over branches made up
  by the generator that live through many days (`offers_world` and `offers_day` say what is
  assumed); ``--fit`` fits `Policy.kept_calibration` on other branches first;
- ``concurrency``: callers in several processes book, are killed and replaced, on SQLite and on
  PostgreSQL;
- ``naive``: the same customers under a fixed two-hour grid with the nearest free engineer.

``--smoke`` runs it all tiny; such figures say nothing.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import offers_concurrency as concurrency
from benchmarks import offers_latency as latency
from benchmarks.figures import figure_rows
from benchmarks.machine import describe_machine
from benchmarks.offers_calibration import (
    RULES,
    Order,
    booked_pairs,
    calibration_figures,
    calibration_tables,
    rule_rows,
    run_branches,
)
from benchmarks.offers_fit import fit_knots
from benchmarks.table import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figures import Figure
    from benchmarks.offers_branch import Tally
    from benchmarks.table import Rows

PARTS = ("latency", "calibration", "naive", "concurrency")
PACKAGES = ("ortools", "numpy", "numba", "pydantic", "SQLAlchemy", "psycopg")
TRAINING = 100_000
"""Seeds of branches that knots are fitted on begin here: others than those that are judged."""


@dataclass
class Found:
    """What was measured: figures, tables, and what goes into the file."""

    figures: list[Figure] = field(default_factory=list)
    tables: list[tuple[str, Rows]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)  # Any: JSON


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; 0, or 1 with --strict if an aim was missed."""
    options = _parser().parse_args(argv)
    # Ended from outside, servers and callers end, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.smoke:
        _make_small(options)
    parts = PARTS if options.part == "all" else (options.part,)
    found = Found()
    measures = {
        "latency": _latency,
        "calibration": _calibration,
        "naive": _naive,
        "concurrency": _concurrency,
    }
    for part in parts:
        measures[part](options, found)
    if options.smoke:
        found.figures = [figure.unjudged() for figure in found.figures]
    machine = describe_machine(PACKAGES)
    rows: Rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    tables = [("Machine", rows), *found.tables, ("Figures", figure_rows(found.figures))]
    for title, table in tables:
        sys.stdout.write(render(title, table, markdown=options.markdown) + "\n")
    if options.out:
        figures = [asdict(figure) for figure in found.figures]
        data = {"machine": machine, "figures": figures, **found.data}
        options.out.write_text(json.dumps(data, indent=1) + "\n")
    missed = any(figure.verdict.startswith("FAIL") for figure in found.figures)
    return 1 if missed and options.strict else 0


def _latency(options: argparse.Namespace, found: Found) -> None:
    found.figures += latency.measure(latency.SMOKE if options.smoke else latency.Scale())


def _calibration(options: argparse.Namespace, found: Found) -> None:
    """Judge branches that knots were not fitted on."""
    policy = options.policy
    if options.fit:
        first = TRAINING + options.first_seed
        as_simulated = {**policy, "kept_calibration": ()}
        trained = _branches(options, "ours", options.fit, first, as_simulated)
        pairs = [pair for branch in booked_pairs(trained) for pair in branch]
        knots = fit_knots(pairs)
        policy = {**policy, "kept_calibration": knots}
        found.data["knots"] = knots
        found.tables += [
            (f"{title} as simulated, training branches", table)
            for title, table in calibration_tables(trained)
        ]
        rows = [["simulated", "kept"], *([f"{a:g}", f"{b:g}"] for a, b in knots)]
        found.tables.append(("Knots", rows))
    judged = _branches(options, "ours", options.branches, options.first_seed, policy)
    found.data["promises"] = [
        [(p.told, p.last, p.is_kept, p.insisted, p.is_left_out) for p in tally.promises]
        for tally in judged
    ]
    found.tables += [*calibration_tables(judged), ("All of them", rule_rows({"ours": judged}))]
    found.figures += calibration_figures(judged, "calibration")


def _naive(options: argparse.Namespace, found: Found) -> None:
    """Compare ways of booking on the same branches."""
    some = min(options.branches, options.naive_branches)
    by_rule = {
        rule: _branches(options, rule, some, options.first_seed, options.policy) for rule in RULES
    }
    found.tables.append(("Ways of booking", rule_rows(by_rule)))


def _branches(
    options: argparse.Namespace,
    rule: str,
    count: int,
    first: int,
    policy: Mapping[str, Any],  # Any: JSON
) -> list[Tally]:
    orders = [
        Order(rule, seed, options.days, options.iterations, json.dumps(policy))
        for seed in range(first, first + count)
    ]
    return run_branches(orders, options.processes, options.kept)


def _concurrency(options: argparse.Namespace, found: Found) -> None:
    scale = concurrency.SMOKE if options.smoke else concurrency.Scale()
    outcomes = [concurrency.run(kind, scale, options.first_seed) for kind in options.databases]
    found.figures += concurrency.figures(outcomes, scale)
    # Not asdict: it counts the pairs of a Counter.
    found.data["concurrency"] = [vars(outcome) for outcome in outcomes]


def _make_small(options: argparse.Namespace) -> None:
    options.kept = None
    options.branches, options.naive_branches, options.days = 2, 1, 6
    options.iterations, options.processes = 20, 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--branches", type=int, default=200, help="judged, each with its own seed")
    parser.add_argument("--days", type=int, default=50, help="of each branch")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=300, help="of each night's search")
    parser.add_argument("--fit", type=int, default=0, metavar="N", help="fit on N other branches")
    parser.add_argument(
        "--policy",
        type=json.loads,
        default={},
        metavar="JSON",
        help="fields in place of the default policy's; kept_calibration [] tells what is simulated",
    )
    parser.add_argument("--naive-branches", type=int, default=20, help="to compare rules on")
    parser.add_argument(
        "--kept", type=Path, help="file of finished branches, to go on after an interruption"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"]
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 if an aim is missed")
    parser.add_argument("--out", type=Path, help="write what was measured as JSON")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="everything tiny, nothing judged")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
