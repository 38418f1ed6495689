"""Pricing of many shifts at a time, one a thread; the caller's thread listens meanwhile."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import count
from typing import TYPE_CHECKING

from dispatchopt.solvers.pricing import Priced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatchopt.forms import Int64Array

POLL_SECONDS = 0.05


def over_shifts(
    price: Callable[[int, int], Priced],
    shifts: Sequence[int],
    threads: int,
    *,
    stop: Int64Array,
    should_stop: Callable[[], bool],
) -> list[Priced]:
    """Return what `price` finds for each shift, called with the shift and the thread's number.

    Parameters
    ----------
    stop
        ``int64[1]``: set to 1 once `should_stop` says so, which is asked about twenty times a
        second; shifts not priced by then have nothing and an unknown least.
    """
    turn = count()
    priced: list[Priced] = [Priced([], None, 0)] * len(shifts)
    stop[0] = 0

    def work(thread: int) -> None:
        while (i := next(turn)) < len(priced) and not stop[0]:
            priced[i] = price(shifts[i], thread)

    with ThreadPoolExecutor(threads) as pool:
        try:
            jobs = {pool.submit(work, thread) for thread in range(threads)}
            open_jobs = jobs
            while open_jobs:
                _, open_jobs = wait(open_jobs, POLL_SECONDS, FIRST_EXCEPTION)
                if open_jobs and should_stop():
                    stop[0] = 1
            for job in jobs:
                job.result()
        finally:
            stop[0] = 1
    return priced
