"""Kill a program at random moments until it has done its work."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

READY = "ready"
"""Line that a program prints when it begins what may be killed; its imports come before."""


class Ending(NamedTuple):
    """How a program ended.

    Attributes
    ----------
    num_kills
        How often it was killed before it ended by itself.
    code
        Exit code of the run that was not killed.
    """

    num_kills: int
    code: int


def run_or_kill(
    command: Sequence[str], seconds: float, *, env: Mapping[str, str] | None = None
) -> int | None:
    """Run a program and kill it (SIGKILL) so long after it is ready; its code, None if killed.

    The program prints `READY` on a line of its own; one that ends before that is not killed.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == READY:
                break
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None


def run_until_done(
    command: Sequence[str],
    rng: random.Random,
    *,
    longest: float,
    max_kills: int,
    env: Mapping[str, str] | None = None,
) -> Ending:
    """Start a program again and again, each run killed at a random moment, until one ends.

    Parameters
    ----------
    longest
        Seconds after it is ready within which a run is killed.
    max_kills
        Most kills; the run after them is left alone.
    """
    for num_kills in range(max_kills):
        # Short lives are likelier: most of a short program's work lies at its beginning.
        code = run_or_kill(command, longest * rng.random() ** 2, env=env)
        if code is not None:
            return Ending(num_kills, code)
    code = run_or_kill(command, _FOR_EVER, env=env)
    assert code is not None
    return Ending(max_kills, code)


_FOR_EVER = 600.0
