from __future__ import annotations

import logging
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numba
import pytest

from dispatchopt.generator import generate, generate_plain
from dispatchopt.instance import compile_problem
from dispatchopt.solvers import cache
from dispatchopt.solvers.held import compile_places
from dispatchopt.solvers.layout import lay_out, new_chain
from dispatchopt.solvers.lns import Lns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dispatchopt.models import Problem

posix = pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Leave no folder that can be written to; return a path below which nothing can be."""
    (tmp_path / "file").touch()
    blocked = tmp_path / "file" / "folder"
    monkeypatch.setattr(cache, "PACKAGE", blocked)
    monkeypatch.setattr(cache, "_kernels", [])
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(blocked))
    cache.cache_folder.cache_clear()
    yield blocked
    cache.cache_folder.cache_clear()


def add_one() -> Any:
    @cache.njit(cache=True, nogil=True)
    def kernel(number: int) -> int:
        return number + 1

    return kernel


def test_without_any_folder_kernels_work_and_a_warning_says_so(
    nowhere: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "dispatchopt"):
        assert cache.cache_folder() is None
    assert "NUMBA_CACHE_DIR" in caplog.text
    assert add_one()(1) == 2


def test_the_folder_given_wins(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = nowhere.parents[1] / "given"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(given))
    monkeypatch.setattr(cache, "PACKAGE", nowhere.parents[1] / "package")
    assert cache.cache_folder() == given
    add_one()(1)
    assert list(given.rglob("*.nbi"))
    assert str(given) == numba.config.CACHE_DIR


def test_a_folder_given_that_is_none_is_passed_over(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = nowhere.parents[1] / "package"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(nowhere))
    monkeypatch.setattr(cache, "PACKAGE", package)
    assert cache.cache_folder() == package


@posix
def test_the_users_folder_comes_after_the_packages(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = nowhere.parents[1] / "home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "xdg"))
    assert cache.cache_folder() == home / "xdg" / "dispatchopt"
    add_one()(1)
    assert list(home.rglob("*.nbc"))
    assert numba.config.CACHE_DIR == ""
    cache.cache_folder.cache_clear()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(home))
    assert cache.cache_folder() == home / ".cache" / "dispatchopt"


@posix
def test_a_temporary_folder_is_used_only_if_it_is_private(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = nowhere.parents[1]
    monkeypatch.setattr("tempfile.tempdir", str(base))
    folder = base / f"dispatchopt-{os.getuid()}"
    assert cache.cache_folder() == folder
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o770)  # somebody else could put code there
    cache.cache_folder.cache_clear()
    assert cache.cache_folder() is None


@posix
def test_kernels_beside_a_package_that_is_read_only_are_copied(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, home = nowhere.parents[1] / "package", nowhere.parents[1] / "home"
    package.mkdir()
    for name in ("_kernels.f-1.nbi", "_kernels.f-1.1.nbc", "lns.pyc"):
        (package / name).write_bytes(name.encode())
    monkeypatch.setattr(cache, "PACKAGE", package)
    is_writable = cache._is_writable
    monkeypatch.setattr(cache, "_is_writable", lambda path: path != package and is_writable(path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert cache.cache_folder() == home / "dispatchopt"
    copied = [path for path in home.rglob("*") if path.is_file()]
    assert sorted(path.name for path in copied) == ["_kernels.f-1.1.nbc", "_kernels.f-1.nbi"]
    assert all(path.read_bytes() == path.name.encode() for path in copied)


def test_a_full_disk_costs_the_cache_and_not_the_run(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = nowhere.parents[1] / "given"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(given))
    kernel = add_one()
    shutil.rmtree(given)
    given.touch()
    assert kernel(1) == 2
    assert "could not be kept" in caplog.text


def test_a_damaged_cache_is_made_anew(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = nowhere.parents[1] / "given"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(given))
    add_one()(1)
    for suffix in ("nbi", "nbc"):
        (file,) = given.rglob(f"*.{suffix}")
        file.write_bytes(file.read_bytes()[:20])
        kernel = add_one()
        assert not cache._is_compiled(kernel) or suffix == "nbc"
        assert kernel(1) == 2
        again = add_one()
        assert cache._is_compiled(again)
        assert again(1) == 2
        assert sum(again.stats.cache_hits.values()) == 1


def test_once_compiled_every_kernel_is_warm() -> None:
    instance = compile_problem(generate_plain(tickets=3, engineers=1)).instance
    Lns(instance).compile()
    assert cache.is_warm()
    compile_places(instance)
    assert [kernel.__name__ for kernel in cache._kernels if not cache._is_compiled(kernel)] == []
    assert cache.is_warm(cache.KERNEL_FILES)


def test_plans_do_not_wait_for_the_kernels_of_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Uncompiled:
        signatures = ()

        def __init__(self, module: str) -> None:
            self.py_func = lambda: None
            self.py_func.__module__ = module

    Lns(compile_problem(generate_plain(tickets=3, engineers=1)).instance).compile()
    kernels = [*cache._kernels, Uncompiled("dispatchopt.solvers._places")]
    monkeypatch.setattr(cache, "_kernels", kernels)
    assert cache.is_warm()
    assert not cache.is_warm(cache.KERNEL_FILES)
    kernels.append(Uncompiled("dispatchopt.solvers._pricing"))
    assert not cache.is_warm()


@pytest.mark.parametrize(
    "problem",
    [
        generate(tickets=9, engineers=1, seed=1),
        generate(tickets=9, days=2, seed=1),
        generate_plain(tickets=9, engineers=3, seed=1, travel="points"),
    ],
)
def test_kernels_are_compiled_for_one_type_of_instance_alone(problem: Problem) -> None:
    tiny = lay_out(compile_problem(generate_plain(tickets=3, engineers=1)).instance)
    other = lay_out(compile_problem(problem).instance)
    assert numba.typeof(other[0]) == numba.typeof(tiny[0])
    chains = [new_chain(search, most, 0) for search, most in (tiny, other)]
    assert numba.typeof(chains[0]) == numba.typeof(chains[1])
