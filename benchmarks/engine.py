"""The engine's own figures: throughput, small optima, first plans, memory, compilation.

``python -m benchmarks.engine`` measures all of them, or those named with ``--only``, and holds each
against its aim. Quality against other engines is measured by `benchmarks.city_day`. Times are CPU
seconds of the process, with wall time beside them: on an idle machine they are the same. Everything
is made by the generator: no data is needed. ``--smoke`` runs it all tiny; such figures say nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, figure_rows
from benchmarks.footprint import compilation, imports, loading, memory
from benchmarks.machine import describe_machine
from benchmarks.optimum import optima
from benchmarks.speed import first_plans, throughput
from benchmarks.table import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PACKAGES = ("ortools", "numpy", "numba", "llvmlite", "pydantic")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    sizes: tuple[int, ...] = (100, 300)
    seeds: int = 5
    iterations: int = 20_000
    small_tickets: int = 12
    small_seeds: int = 100
    small_iterations: int = 20_000
    proof_seconds: float = 60.0
    first_sizes: tuple[int, ...] = (300, 1000)
    memory_days: tuple[tuple[int, int | None], ...] = ((1000, None), (5000, 700))
    memory_seconds: float = 20.0
    compile_tickets: int = 60


SMOKE = Scale(
    sizes=(20,),
    seeds=2,
    iterations=200,
    small_tickets=4,
    small_seeds=2,
    small_iterations=200,
    proof_seconds=2.0,
    first_sizes=(20,),
    memory_days=((20, 3),),
    memory_seconds=0.5,
    compile_tickets=20,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; 0, or 1 if something could not be measured or, with --strict, an aim was missed."""
    options = _parser().parse_args(argv)
    scale = SMOKE if options.smoke else _scale(options)
    measures = _smoke_measures(scale) if options.smoke else _measures(scale)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    figures: list[Figure] = []
    for name in options.only:
        found = measures[name]()
        figures += [figure.unjudged() for figure in found] if options.smoke else found
        for figure in found:
            _say(f"{figure.group}: {figure.what}: {figure.value} {figure.unit}; {figure.remark}")
    machine = describe_machine(PACKAGES)
    if load is not None:
        machine["load before"] = f"{load:.1f} processes"
    _report(options, machine, figures)
    if options.out:
        _write(options.out, machine, scale, figures)
    missing = any(figure.value is None for figure in figures)
    missed = any(figure.verdict.startswith("FAIL") for figure in figures)
    return 1 if missing or (missed and options.strict) else 0


Measures = dict[str, "Callable[[], list[Figure]]"]


def _measures(scale: Scale) -> Measures:
    seeds = range(1, scale.seeds + 1)
    return {
        "throughput": lambda: throughput(scale.sizes, seeds, scale.iterations),
        "small": lambda: optima(
            scale.small_tickets,
            range(1, scale.small_seeds + 1),
            scale.small_iterations,
            scale.proof_seconds,
            say=_say,
        ),
        "first": lambda: first_plans(scale.first_sizes, seeds),
        "memory": lambda: memory(scale.memory_days, scale.memory_seconds),
        "compile": lambda: [*compilation(scale.compile_tickets), *imports()],
    }


def _smoke_measures(scale: Scale) -> Measures:
    """Return the same, kernels taken from the usual folder: compiling them is not tiny."""
    return _measures(scale) | {"compile": lambda: [*loading(scale.compile_tickets), *imports(1)]}


MEASURES = tuple(_measures(Scale()))


def _report(
    options: argparse.Namespace, machine: Mapping[str, str], figures: Sequence[Figure]
) -> None:
    rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    sys.stdout.write(render("Machine", rows, markdown=options.markdown) + "\n")
    sys.stdout.write(render("Figures", figure_rows(figures), markdown=options.markdown) + "\n")


def _write(path: Path, machine: Mapping[str, str], scale: Scale, figures: Sequence[Figure]) -> None:
    results = {
        "machine": machine,
        "scale": asdict(scale),
        "figures": [
            asdict(figure) | {"aim": figure.aim, "verdict": figure.verdict} for figure in figures
        ],
    }
    path.write_text(json.dumps(results, indent=1) + "\n")


def _scale(options: argparse.Namespace) -> Scale:
    return Scale(
        seeds=options.seeds,
        iterations=options.iterations,
        small_seeds=options.small_seeds,
        proof_seconds=options.proof_seconds,
        memory_seconds=options.memory_seconds,
    )


def _parser() -> argparse.ArgumentParser:
    full = Scale()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument(
        "--only",
        type=_names,
        default=list(MEASURES),
        help=f"comma-separated, of {', '.join(MEASURES)}",
    )
    parser.add_argument("--seeds", type=_positive, default=full.seeds, help="days of each size")
    parser.add_argument("--iterations", type=_positive, default=full.iterations)
    parser.add_argument("--small-seeds", type=_positive, default=full.small_seeds)
    parser.add_argument(
        "--proof-seconds", type=float, default=full.proof_seconds, help="deterministic ones"
    )
    parser.add_argument("--memory-seconds", type=float, default=full.memory_seconds)
    parser.add_argument("--strict", action="store_true", help="exit 1 if an aim is missed")
    parser.add_argument("--out", type=Path, help="write every figure with its raw values as JSON")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="everything tiny, nothing judged")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such measurement: {', '.join(unknown)}")
    return names


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


def _say(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
