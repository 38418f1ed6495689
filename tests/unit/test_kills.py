"""Killing programs at random moments."""

from __future__ import annotations

import random
import sys

from benchmarks.kills import READY, run_or_kill, run_until_done

ENDS = [sys.executable, "-c", f"print('{READY}', flush=True); raise SystemExit(3)"]
HANGS = [sys.executable, "-c", f"import time; print('{READY}', flush=True); time.sleep(600)"]
FAILS_EARLY = [sys.executable, "-c", "raise SystemExit(5)"]


def test_a_program_that_ends_gives_its_code() -> None:
    assert run_or_kill(ENDS, 60) == 3
    assert run_or_kill(FAILS_EARLY, 60) == 5


def test_a_program_that_goes_on_is_killed() -> None:
    assert run_or_kill(HANGS, 0.0) is None


def test_the_last_run_is_left_alone(tmp_path: object) -> None:
    path = f"{tmp_path}/runs"
    program = (
        f"import time; open({path!r}, 'a').write('x'); print('{READY}', flush=True); "
        f"time.sleep(600 if len(open({path!r}).read()) < 3 else 0)"
    )
    ending = run_until_done(
        [sys.executable, "-c", program], random.Random(1), longest=0.01, max_kills=2
    )
    assert ending == (2, 0)
