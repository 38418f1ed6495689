"""What a night does, one line of JSON for each step: ids and counts only."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dispatchopt.errors import DispatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Journal:
    """Writes one line for each step, once it has ended.

    A line holds ``time`` (UTC), ``step``, ``status`` (``ok``, ``warn``, ``skip``, ``stop``,
    ``error``), ``seconds``, the night's date as soon as it is known, and what the step counted.

    Parameters
    ----------
    log
        File to append to; absent: the error stream. A file that cannot be written ends no night:
        its lines go to the error stream, too, and those to nowhere if nobody listens.
    warnings
        Gets one entry if the file cannot be written.
    """

    def __init__(self, log: Path | None = None, warnings: list[str] | None = None) -> None:
        self._log = log
        self._warnings = [] if warnings is None else warnings
        self._is_failing = False
        self.night = ""

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:  # Any: JSON
        """Write the line of a step when it ends; the block fills in what is yielded."""
        told: dict[str, Any] = {"status": "ok"}
        begin = time.monotonic()
        try:
            yield told
        except BaseException as error:
            told["status"] = "stop" if isinstance(error, DispatchError) else "error"
            told["error"] = type(error).__name__
            raise
        finally:
            self._write({"step": name, **told, "seconds": round(time.monotonic() - begin, 3)})

    def _write(self, told: dict[str, Any]) -> None:
        head = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        if self.night:
            head["night"] = self.night
        line = json.dumps({**head, **told}, ensure_ascii=False, default=str) + "\n"
        if self._log is None or not self._appended(self._log, line):
            _told(line)

    def _appended(self, log: Path, line: str) -> bool:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            if not self._is_failing:
                self._warnings.append(f"{log}: cannot be written ({error.strerror}).")
            self._is_failing = True
            return False
        return True


def _told(line: str) -> None:
    if sys.stderr is None:  # closed
        return
    with suppress(OSError):
        sys.stderr.write(line)
        sys.stderr.flush()
