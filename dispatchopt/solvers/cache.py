"""Where compiled kernels are kept: chosen here, once, before anything is compiled.

In this order, the first that can be written to: ``NUMBA_CACHE_DIR`` if it is set; the package's own
folder; the user's cache folder (``XDG_CACHE_HOME`` or ``~/.cache``, ``LOCALAPPDATA`` on Windows);
a private temporary one. Where none can be, kernels are compiled anew by each process, with a
warning. A package folder that was warmed by somebody else (an image built as root) is copied.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import UserProvidedCacheLocator

logger = logging.getLogger(__name__)

_F = TypeVar("_F", bound=Callable[..., Any])

KERNEL_FILES = ("_kernels", "_pricing", "_chance", "_places")
"""Modules of this folder with compiled kernels; each may use those before it, none after it."""

PLANNING_FILES = KERNEL_FILES[:3]
"""Those that a plan is made with; the others are for offers and bookings."""

PACKAGE = Path(__file__).parent / "__pycache__"
"""Where numba keeps the kernels beside their source."""

_config: Any = numba.config  # Any: its names are made at run time

_kernels: list[Any] = []  # Any: numba's dispatchers have no public type


def njit(**options: Any) -> Callable[[_F], _F]:  # Any: numba's options
    """Return `numba.njit` with these options, its cache in the folder chosen here.

    Where no folder can be written to, or the disk is full, the kernel works without a cache.
    """
    keeps = options.pop("cache", False)
    folder = cache_folder() if keeps else None
    compile_later: Any = numba.njit(cache=folder is not None, **options)

    def decorate(function: _F) -> _F:
        before = _config.CACHE_DIR
        # numba reads the setting when it decorates; other users of numba keep their own.
        _config.CACHE_DIR = "" if folder in (None, PACKAGE) else str(folder)
        try:
            kernel: _F = compile_later(function)
        finally:
            _config.CACHE_DIR = before
        if keeps:
            _kernels.append(kernel)
        if folder is not None:
            _tolerate_faults(kernel)
            cast("Any", kernel)._cache._cache_file._source_stamp = _source_stamp(
                _module_of(function)
            )
        return kernel

    return decorate


@cache
def cache_folder() -> Path | None:
    """Return the folder of this process; None if there is none that it may write to."""
    if _config.CACHE_DIR:  # numba's own reading of NUMBA_CACHE_DIR
        given = Path(_config.CACHE_DIR)
        if _is_writable(given):
            return given
        logger.warning("the folder of NUMBA_CACHE_DIR cannot be written to; taking another")
    if _is_writable(PACKAGE):
        return PACKAGE
    for folder in (_user_folder(), _temporary_folder()):
        if folder is not None and _is_writable(folder):
            _take_over(folder)
            return folder
    logger.warning(
        "no folder for compiled kernels can be written to: every process compiles them anew. "
        "Set NUMBA_CACHE_DIR to a folder that this user may write to."
    )
    return None


def is_warm(names: Sequence[str] = PLANNING_FILES) -> bool:
    """Whether the kernels are compiled already, on disk for this processor or in this process.

    Parameters
    ----------
    names
        The modules asked about.
    """
    for name in names:
        importlib.import_module(f"dispatchopt.solvers.{name}")  # decorates, and so fills the list
    others = set(KERNEL_FILES) - set(names)
    asked = [kernel for kernel in _kernels if _module_of(kernel.py_func) not in others]
    return bool(asked) and all(_is_compiled(kernel) for kernel in asked)


def _module_of(function: Callable[..., Any]) -> str:  # Any: what a kernel takes and gives
    return function.__module__.rpartition(".")[2]


@cache
def _source_stamp(module: str) -> str:
    """Return what the kept kernels of a module were compiled from.

    Kernels of the files before it are part of its own.
    """
    digest = hashlib.sha256()
    last = KERNEL_FILES.index(module) + 1 if module in KERNEL_FILES else len(KERNEL_FILES)
    for name in KERNEL_FILES[:last]:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()


def _is_compiled(kernel: Any) -> bool:  # Any: numba's dispatcher
    if kernel.signatures:
        return True
    try:
        processor = kernel.targetctx.codegen().magic_tuple()
        index = kernel._cache._cache_file._load_index()
    except Exception:  # another numba keeps it elsewhere, or the file is damaged
        return False
    return any(key[1] == processor for key in index)


def _tolerate_faults(kernel: Any) -> None:  # Any: numba's dispatcher
    """Compile where the cache cannot be read; go on where it cannot be written."""
    load, save = kernel._cache.load_overload, kernel._cache.save_overload

    def load_if_possible(*arguments: Any) -> Any:  # Any: numba's own
        try:
            return load(*arguments)
        except Exception:  # a damaged file can fail in any way
            with suppress(Exception):
                kernel._cache.flush()
            return None

    def save_if_possible(*arguments: Any) -> None:  # Any: numba's own
        try:
            save(*arguments)
        except OSError as error:
            logger.warning("a compiled kernel could not be kept (%s)", error.strerror)

    kernel._cache.load_overload, kernel._cache.save_overload = load_if_possible, save_if_possible


def _user_folder() -> Path | None:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) / "dispatchopt" / "Cache" if base else None
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "dispatchopt"
    try:
        return Path.home() / ".cache" / "dispatchopt"
    except RuntimeError:  # no HOME, and no entry for this user
        return None


def _temporary_folder() -> Path | None:
    """Return a folder that only this user can write to: what lies in it is run."""
    if not hasattr(os, "getuid"):
        return Path(tempfile.gettempdir()) / "dispatchopt"
    folder = Path(tempfile.gettempdir()) / f"dispatchopt-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    try:
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if is_ours and not found.st_mode & 0o077 else None


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, ValueError):
        return False
    return True


def _take_over(folder: Path) -> None:
    """Copy the kernels beside the package into an empty folder of this user."""
    source = PACKAGE.parent / "_kernels.py"
    locator: Any = UserProvidedCacheLocator
    own = folder / locator.get_suitable_cache_subpath(str(source))
    if any(own.glob("*.nbi")):
        return
    with suppress(OSError):
        # The index of a kernel comes after its code: a reader finds both or neither.
        for suffix in (".nbc", ".nbi"):
            for name in KERNEL_FILES:
                for file in PACKAGE.glob(f"{name}.*{suffix}"):
                    own.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, own / file.name)
