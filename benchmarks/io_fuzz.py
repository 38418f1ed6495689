"""Every reader on files that are good but for what chance changed: nothing but our own errors."""

from __future__ import annotations

import random
import signal
import tempfile
import time
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import mutations
from benchmarks.io_kinds import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

HANG_SECONDS: Final = 10
"""A reader that takes longer over one small file counts as hanging."""


class HangError(BaseException):
    """A reader took too long; no handler of exceptions swallows it."""


@dataclass
class Tally:
    """What the files of one kind came to.

    Attributes
    ----------
    faults
        One text for each different fault: where it was raised, and a seed that shows it.
    """

    files: int = 0
    read: int = 0
    refused: int = 0
    tracebacks: int = 0
    hangs: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)


def fuzz(kind: str, *, files: int, seed: int) -> Tally:
    """Read so many changed files of a kind; the same seed makes the same files."""
    from dispatchopt.errors import DispatchError, InternalError

    made, tally = kinds()[kind], Tally()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, data in made.good.items():
            (Path(folder) / name).write_bytes(data)
        path = Path(folder) / made.name
        for number in range(files):
            rng = random.Random(f"{kind} {seed} {number}")
            path.write_bytes(mutations.mutated(made.good[made.name], rng, made.structure))
            since = time.monotonic()
            try:
                with _limited():
                    made.read(path, rng)
                tally.read += 1
            except HangError as error:
                tally.hangs += 1
                _note(tally, error, number)
            except Exception as error:
                if isinstance(error, DispatchError) and not isinstance(error, InternalError):
                    tally.refused += 1
                else:
                    tally.tracebacks += 1
                    _note(tally, error, number)
            tally.slowest = max(tally.slowest, time.monotonic() - since)
            tally.files += 1
    tally.seconds = time.monotonic() - begin
    return tally


def example(kind: str, *, seed: int, number: int) -> bytes:
    """Return the content of one of the files, to look into a fault."""
    made, rng = kinds()[kind], random.Random(f"{kind} {seed} {number}")
    return mutations.mutated(made.good[made.name], rng, made.structure)


def _note(tally: Tally, error: BaseException, number: int) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "dispatchopt" in frame.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
    what = f"{type(error).__name__} at {place}"
    tally.faults.setdefault(what, f"file {number}: {str(error)[:200]}")


@contextmanager
def _limited() -> Iterator[None]:
    def hang(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(HANG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
