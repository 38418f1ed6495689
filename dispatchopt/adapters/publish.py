"""Files and folders that appear whole: a kill at any moment leaves the old or the new one.

A file is written beside its target and renamed over it. A folder is written beside its target and
*exchanged* with it in one step (``renameat2`` with ``RENAME_EXCHANGE`` on Linux). Where that call
is missing, the old folder is renamed away and the new one into its place; between the two renames
the target is missing, and `recover_folder`, which every reader and the next writer call, finishes
the job. Staging folders are locked while their writer lives; the next writer removes those of the
dead.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dispatchopt.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

try:
    import fcntl
except ImportError:  # pragma: no cover, not on POSIX
    fcntl = None  # type: ignore[assignment]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM})


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that it holds the old content or the new one, never a part.

    Folders missing on the way to it are made. A pipe or device (``/dev/stdout``) has no old content
    to keep: it is written to, and stays what it is.

    Raises
    ------
    AdapterError
        If it cannot be written.
    """
    target = _real(path)
    try:
        if _is_stream(path):
            path.write_bytes(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.parent):
            _remove_drafts(target)
            draft = target.with_name(f"{_prefix(target)}tmp-{secrets.token_hex(6)}")
            stream = open(draft, "xb")  # noqa: SIM115, closed below
            _try_lock(stream.fileno())
        try:
            with stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
                if target.exists():
                    os.chmod(draft, stat.S_IMODE(target.stat().st_mode))
                os.replace(draft, target)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        sync_folder(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise AdapterError(f"{path}: cannot be written ({error}).") from error


def _is_stream(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def publish_folder(path: Path, files: Mapping[str, bytes], *, replaceable: Collection[str]) -> None:
    """Make a folder hold exactly these files, all at once.

    Parameters
    ----------
    path
        The folder; its parents are made if they are missing.
    files
        Content by relative name; ``/`` separates folders.
    replaceable
        Patterns (`Path.match`) of the top-level names that an older output may hold. A folder with
        anything else is not touched: it is not ours.

    Raises
    ------
    AdapterError
        If the folder holds other files, or cannot be written.
    """
    target = _real(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.parent):
            _recover(target)
            _remove_leftovers(target)
            _refuse_foreign(target, path, replaceable)
            staging = target.with_name(f"{_prefix(target)}new-{secrets.token_hex(6)}")
            staging.mkdir()
            alive = _open_locked(staging)
        try:
            _fill(staging, files)
            with _lock(target.parent):
                _refuse_foreign(target, path, replaceable)
                _put_in_place(staging, target)
                sync_folder(target.parent)
        finally:
            if alive is not None:
                os.close(alive)
            shutil.rmtree(staging, ignore_errors=True)
    except (OSError, ValueError) as error:
        raise AdapterError(
            f"{path}: the folder cannot be written ({error}). "
            "If it is a mount point or read-only, name a folder inside a writable one."
        ) from error


def do_overlap(one: Path, other: Path) -> bool:
    """Whether two paths are the same, or one lies within the other, links followed."""
    first, second = (Path(os.path.realpath(path)) for path in (one, other))
    return first == second or first in second.parents or second in first.parents


def recover_folder(path: Path) -> None:
    """Finish the replacement of a folder that was killed between its two renames.

    Does nothing if the folder is there. Readers call it first.
    """
    target = _real(path)
    with suppress(OSError):
        if not target.exists() and target.parent.is_dir():
            with _lock(target.parent):
                _recover(target)


def _real(path: Path) -> Path:
    try:
        target = Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise AdapterError(f"{path!r}: no path ({error}).") from error
    if not target.name:
        raise AdapterError(f"{path}: the root of a file system. Name a folder inside it.")
    return target


def _prefix(target: Path) -> str:
    # The digest tells apart long names with the same beginning: recovery must not mix them up.
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return f".{target.name[:40]}-{digest}."


def _fill(staging: Path, files: Mapping[str, bytes]) -> None:
    folders = {staging}
    for name, data in files.items():
        parts = PurePosixPath(name).parts
        assert parts and ".." not in parts and not name.startswith("/")
        file = staging.joinpath(*parts)
        if file.parent not in folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            folders.add(file.parent)
        _write_synced(file, data)
    for folder in folders:
        sync_folder(folder)


def _put_in_place(staging: Path, target: Path) -> None:
    """Move the complete new folder to its place; `staging` is then gone or the old folder."""
    if not target.exists():
        os.rename(staging, target)
        return
    os.chmod(staging, stat.S_IMODE(target.stat().st_mode))
    if exchange(staging, target):
        return
    # No exchange here. Once the old folder bears this name, the new one is known to be complete.
    retired = target.with_name(staging.name.replace(".new-", ".old-"))
    os.rename(target, retired)
    os.rename(staging, target)
    shutil.rmtree(retired, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False if this system or file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    done = renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if done == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _recover(target: Path) -> None:
    if target.exists():
        return
    for retired in sorted(target.parent.glob(_glob(target, "old"))):
        new = retired.with_name(retired.name.replace(".old-", ".new-"))
        os.rename(new if new.exists() else retired, target)
        return


def _remove_leftovers(target: Path) -> None:
    """Remove what writers of this folder left that are dead."""
    for kind in ("new", "old"):
        for leftover in target.parent.glob(_glob(target, kind)):
            lock = _open_locked(leftover)
            if lock is not None:
                os.close(lock)
                shutil.rmtree(leftover, ignore_errors=True)


def _remove_drafts(target: Path) -> None:
    for draft in target.parent.glob(_glob(target, "tmp")):
        lock = _open_locked(draft)
        if lock is not None:
            os.close(lock)
            with suppress(OSError):
                draft.unlink()


def _glob(target: Path, kind: str) -> str:
    name = "".join(f"[{char}]" if char in "*?[" else char for char in _prefix(target))
    return f"{name}{kind}-{'[0-9a-f]' * 12}"


def _refuse_foreign(target: Path, path: Path, replaceable: Collection[str]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise AdapterError(f"{path}: a file, not a folder. Name a folder.")
    foreign = sorted(
        entry.name
        for entry in target.iterdir()
        if not any(entry.match(pattern) for pattern in replaceable)
    )
    if foreign:
        raise AdapterError(
            f"{path}: holds other files ({', '.join(foreign[:5])}) and would lose them. "
            "Name an empty or a new folder."
        )


def _write_synced(path: Path, data: bytes) -> None:
    with open(path, "xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut, where the system can."""
    if fcntl is None:  # pragma: no cover, folders cannot be opened elsewhere
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; file systems without locks go without."""
    if fcntl is None:  # pragma: no cover
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open_locked(path: Path) -> int | None:
    """Lock a file or folder if nobody else holds it; the descriptor, or None."""
    if fcntl is None:  # pragma: no cover
        return None
    handle = os.open(path, os.O_RDONLY)
    if _try_lock(handle):
        return handle
    os.close(handle)
    return None


def _try_lock(handle: int) -> bool:
    if fcntl is None:  # pragma: no cover
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
