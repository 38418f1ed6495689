from __future__ import annotations

import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dispatchopt as do

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", do.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(do, name))


def test_solve_stays_the_function_whatever_was_imported() -> None:
    module = import_module("dispatchopt.solve")
    assert do.Planner is module.Planner
    assert do.solve is module.solve
    assert pickle.loads(pickle.dumps(do.solve)) is module.solve


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "first",
    ["import dispatchopt.solve", "from dispatchopt import Planner", "do.Planner", "do.solve"],
)
def test_solve_is_the_function_in_every_order(first: str) -> None:
    code = (
        f"import dispatchopt as do; {first}; do.Planner; print(do.solve.__name__, type(do.solve))"
    )
    assert run(code) == "solve <class 'function'>"


def test_the_package_alone_loads_no_engine() -> None:
    code = (
        "import sys, dispatchopt; print({'numba', 'ortools', 'pandas', 'numpy'} & set(sys.modules))"
    )
    assert run(code) == "set()"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        do.no_such_name  # noqa: B018
