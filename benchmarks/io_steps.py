"""Reading, writing and inspecting a large day: each step as one process carries it out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import timed

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = dict[str, Any]  # Any: JSON

CSV, BOOK, EXPORT, FOREIGN = "csv", "problem.xlsx", "export", "foreign"
"""Names of what a day is kept as, in the folder of the steps."""


def run_step(name: str, **order: Any) -> Answer:  # Any: JSON
    """Carry out a step in this process; its own answer, with the peak of memory."""
    from benchmarks.isolated import peak_bytes

    return {**STEPS[name](**order), "peak": peak_bytes()}


def _prepare(*, folder: str, tickets: int, engineers: int, seed: int) -> Answer:
    """Make a day and keep it in every form that the steps read."""
    from dispatchopt.adapters.csv_write import write_folder
    from dispatchopt.adapters.json_files import write_problem
    from dispatchopt.adapters.workbook import write_workbook
    from dispatchopt.generator import generate
    from dispatchopt.generator.export import write_export

    base = Path(folder)
    problem = generate(tickets=tickets, engineers=engineers, seed=seed)
    write_problem(problem, base / "problem.json")
    write_folder(problem, base / CSV)
    write_workbook(problem, base / BOOK)
    write_export(problem, base / EXPORT, "gb18030")
    write_export(problem, base / FOREIGN, "gb18030")
    (base / FOREIGN / "mapping.toml").unlink()
    return {"tickets": len(problem.tickets), "engineers": len(problem.engineers)}


def _read(*, folder: str, source: str) -> Answer:
    from dispatchopt.adapters.any_input import read_any

    path = Path(folder) / source
    with timed() as spent:
        problem = read_any(path).problem
    return {"spent": [spent.cpu, spent.wall], "tickets": len(problem.tickets)}


def _write(*, folder: str, kind: str) -> Answer:
    from dispatchopt.adapters.any_input import read_any
    from dispatchopt.adapters.csv_write import write_folder
    from dispatchopt.adapters.workbook import write_workbook

    base = Path(folder)
    problem = read_any(base / "problem.json").problem
    with timed() as spent:
        if kind == "csv":
            write_folder(problem, base / "written")
        else:
            write_workbook(problem, base / "written.xlsx")
    return {"spent": [spent.cpu, spent.wall], "tickets": len(problem.tickets)}


def _doctor(*, folder: str, source: str) -> Answer:
    from dispatchopt.adapters.doctor import examine

    with timed() as spent:
        found = examine(Path(folder) / source)
        found.to_json()
    tickets = next(table.rows for table in found.tables if table.kind == "tickets")
    return {"spent": [spent.cpu, spent.wall], "tickets": tickets}


def _fuzz(*, kind: str, files: int, seed: int) -> Answer:
    from benchmarks.io_fuzz import fuzz

    return asdict(fuzz(kind, files=files, seed=seed))


STEPS: dict[str, Callable[..., Answer]] = {
    "prepare": _prepare,
    "read": _read,
    "write": _write,
    "doctor": _doctor,
    "fuzz": _fuzz,
}
"""By name; each takes keyword arguments and returns what JSON can hold."""
