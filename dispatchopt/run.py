"""One call of `solve`: search, proof, and what the time limit leaves for each."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dispatchopt.instance import encode
from dispatchopt.solvers.cache import is_warm
from dispatchopt.solvers.core import find_core, improve_parts
from dispatchopt.solvers.cpsat import solve_exact
from dispatchopt.solvers.insertion import improve
from dispatchopt.solvers.lns import BATCH_SECONDS, Heat, Lns, default_heat, default_threads
from dispatchopt.solvers.proof import (
    Pool,
    Proof,
    can_prove,
    dives_first,
    prove,
    seconds_needed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatchopt.instance import Compiled

logger = logging.getLogger(__name__)

SMALL = 12
"""Up to so many tickets the constraint model tries to prove the plan optimal."""

REPORT_EVERY = 0.5
"""Seconds between two progress reports without improvement."""

CLOSING_STEPS, CLOSING_SECONDS = 4.0, 0.0002
"""Time kept for the end of a run (last improvement, reasons, writing, check): so many times a
first improvement of the routes, and seconds per ticket. Estimated from the times of these steps at
1000 and 5000 tickets."""

SEARCH_SHARE, PROOF_SHARE = 0.55, 0.35
"""Shares of the time for the search and for the proof after it; the rest polishes the plan."""

DIVE_SEARCH_SHARE, DIVE_PROOF_SHARE = 0.15, 0.75
"""The same for days of which the proof finds the better plans. Of three city days of 100 tickets,
in 10 s: 0.12, 0.4 to 20 (one ticket, a third of the seeds), 0.11 % above the best bounds; with the
shares above 0.1, 20.7, 0.1. Of 300 tickets in 60 s: 2.9, 1.4, 1.8 %; searched all the time 0.9,
1.3, 1.4."""

PROVE_WITHIN = 0.26
"""Without being asked it proves if a first bound takes no more than this share of the time."""

SEARCH_PROOFS, LONG_PROOF_SHARE = 6.0, 0.85
"""With much time the search takes only so many times what a first bound takes, and the proof this
share of what is left then: cuts go on raising the bound where the search stands still."""

CLEAR_GAP = 0.1
"""Shadow prices are told if the gap is no wider: those of an early bound mean nothing."""

POLISH_HEAT = 0.15
"""The last search begins at this share of the hot temperature."""

PARTS_LEAST = 0.5
"""Least time for solving the scarce part by itself, as a multiple of what a first bound of the
whole takes."""

PARTS_TICKETS = 500
"""Smaller days are searched as a whole: parts gained nothing at 300 tickets."""

FIRST_SHARE, PARTS_SHARE = 0.1, 0.6
"""Shares of the time for the search that shows what is scarce, and for the parts; the rest polishes
the plan."""

LABELS_A_TICKET = 20_000
"""Effort of a proof under an iteration limit, in labels of the pricing."""

Routes = list[list[int]]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Progress:
    """Where a run stands: seconds so far, cost and bound, tickets left out, iterations made."""

    seconds: float
    cost: int
    bound: int | None
    unserved: int
    iterations: int


@dataclass(frozen=True)
class Options:
    """What a call of `solve` asks for; see there.

    Raises
    ------
    ValueError
        For an option that is out of range, or two limits.
    """

    time_limit: float | None = None
    iterations: int | None = None
    seed: int = 0
    threads: int | None = None
    prove: bool | None = None
    gap: float = 0.0
    on_progress: Callable[[Progress], None] | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.time_limit is not None and self.iterations is not None:
            raise ValueError("give time_limit or iterations, not both")
        if self.time_limit is not None and not _is_number(self.time_limit, 0, 10**7):
            raise ValueError(f"time_limit is {self.time_limit!r}; give seconds from 0 on")
        if self.iterations is not None and not _is_whole(self.iterations, 0, 2**62):
            raise ValueError(f"iterations is {self.iterations!r}; give a whole number from 0 on")
        if not _is_whole(self.seed, 0, 2**31):
            raise ValueError(f"seed is {self.seed!r}; give a whole number from 0 to 2**31 - 1")
        if self.threads is not None and not _is_whole(self.threads, 1, 257):
            raise ValueError(
                f"threads is {self.threads!r}; give 1 to 256, or leave it out for all cores"
            )
        if self.prove not in (None, True, False):
            raise ValueError(f"prove is {self.prove!r}; give True, False or leave it out")
        if not _is_number(self.gap, 0, 1):
            raise ValueError(f"gap is {self.gap!r}; give a share from 0 to below 1, such as 0.01")


def _is_number(value: object, low: float, high: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and low <= value < high  # type: ignore[operator]


def _is_whole(value: object, low: int, high: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and low <= value < high  # type: ignore[operator]


class Run:
    """Search and proof for one call; afterwards what they ended with.

    Attributes
    ----------
    bound
        Proven lower bound on the cost of any plan; None if nothing was proven.
    proof
        The proof by column generation, if there was one.
    """

    def __init__(self, compiled: Compiled, options: Options, begin: float) -> None:
        self.compiled, self.options, self.begin = compiled, options, begin
        self.seed = options.seed
        self.threads = options.threads or default_threads()
        self.bound: int | None = None
        self.proof: Proof | None = None
        self.interrupted = False
        self.lns = Lns(compiled.instance, self.seed, self.threads)
        self._proven: Routes | None = None
        self._told = (-REPORT_EVERY, -1)
        self._closing = 0.0
        self._pool = Pool()
        self._collects = False

    def search(self) -> list[Routes]:
        """Return candidate routes, the best first."""
        inst = self.compiled.instance
        logger.info(
            "solve begins: %d tickets, %d shifts, seed %d, %d threads",
            inst.num_tickets,
            inst.num_shifts,
            self.seed,
            self.threads,
        )
        # The question alone takes tens of milliseconds of looking for files.
        if logger.isEnabledFor(logging.INFO) and not is_warm():
            logger.info("compiling the search kernels, once for this installation")
        compiled_from = time.monotonic()
        self.lns.compile()
        self.begin += time.monotonic() - compiled_from
        previous = self.compiled.problem.previous_plan
        first = self.lns.routes()
        try:
            self.lns.start(None if previous is None else encode(self.compiled, previous))
            started = time.monotonic()
            first = improve(self.lns.search, self.lns.most_visits, self.lns.routes())
            self._closing = CLOSING_STEPS * (time.monotonic() - started)
            self._closing += CLOSING_SECONDS * inst.num_tickets
            best = self._work()
            self._tell(force=True)
        except KeyboardInterrupt:
            self.interrupted = True
            found = self.lns.routes() if self._proven is None else self._proven
            best = self._improved(found)
        return [best, first]

    def _work(self) -> Routes:
        inst = self.compiled.instance
        if inst.num_tickets <= SMALL:
            self._anneal(0.3, default_heat(inst), most=2000)
            best = self._improved(self.lns.routes())
            return best if self.interrupted else self._improved(self._solve_exactly(best))
        if not self._is_to_prove():
            return self._search(self._left())
        search_seconds, proof_seconds = self._shares()
        # Under an iteration limit batches follow the clock: only what a chain ends with repeats.
        self._collects = self.options.iterations is None
        best = self._search(search_seconds)
        if not self.interrupted:
            best = self._prove(best, proof_seconds)
        if self._is_close() or self.interrupted:
            return best
        self.lns.start(best)
        self._anneal(self._left(), default_heat(inst).share(POLISH_HEAT), rest=10)
        return self._improved(self.lns.routes())

    def _search(self, seconds: float | None) -> Routes:
        """Search for so many seconds; None under an iteration limit."""
        inst = self.compiled.instance
        needed = PARTS_LEAST * seconds_needed(inst, self.threads)
        is_large = inst.num_tickets >= PARTS_TICKETS and can_prove(inst)
        if is_large and seconds is not None and seconds >= needed:
            return self._search_by_parts(seconds)
        self._anneal(seconds, default_heat(inst))
        return self._improved(self.lns.routes())

    def _search_by_parts(self, seconds: float) -> Routes:
        """Search a little to see which shifts are scarce; solve them, and the others, alone."""
        inst, heat = self.compiled.instance, default_heat(self.compiled.instance)
        end = time.monotonic() + seconds
        self._anneal(FIRST_SHARE * seconds, heat)
        before, cost = self.lns.routes(), self.lns.cost
        core = find_core(inst, self.lns.search.legal, before)
        if self.interrupted:
            return self._improved(before)
        if core is None:
            self._anneal(end - time.monotonic(), heat)
            return self._improved(self.lns.routes())
        stop = Event()
        routes = self._in_background(
            lambda: improve_parts(
                inst,
                core,
                before,
                seconds=PARTS_SHARE * seconds,
                threads=self.threads,
                seed=self.seed,
                should_stop=stop.is_set,
            ),
            stop,
        )
        self.lns.start(routes)
        if not self.interrupted:
            self._anneal(end - time.monotonic(), heat.share(POLISH_HEAT))
        return self._improved(self.lns.routes() if self.lns.cost < cost else before)

    def _is_to_prove(self) -> bool:
        inst = self.compiled.instance
        if not can_prove(inst):
            return False
        if self.options.prove is not None:
            return self.options.prove
        left = self._left()
        return left is not None and (seconds_needed(inst, self.threads) <= PROVE_WITHIN * left)

    def _shares(self) -> tuple[float | None, float | None]:
        """Seconds for the search and for the proof; None under an iteration limit."""
        left = self._left()
        if left is None:
            return None, None
        needed = SEARCH_PROOFS * seconds_needed(self.compiled.instance, self.threads)
        dives = dives_first(self.compiled.instance)
        search = min((DIVE_SEARCH_SHARE if dives else SEARCH_SHARE) * left, needed)
        proof = DIVE_PROOF_SHARE if dives else PROOF_SHARE
        return search, max(proof * left, LONG_PROOF_SHARE * (left - search))

    @property
    def tells_prices(self) -> bool:
        """Whether the proof came near enough for its prices to mean something."""
        proof = self.proof
        return (
            proof is not None
            and proof.bound is not None
            and proof.cost - proof.bound <= CLEAR_GAP * proof.cost
        )

    def _left(self) -> float | None:
        """Seconds of the search still to come; None under an iteration limit."""
        if self.options.time_limit is None:
            return None
        return self.options.time_limit - (time.monotonic() - self.begin) - self._closing

    def _is_close(self) -> bool:
        return (
            self.bound is not None
            and self.proof is not None
            and (self.proof.cost - self.bound <= self.options.gap * self.proof.cost)
        )

    def _improved(self, routes: Routes) -> Routes:
        return improve(self.lns.search, self.lns.most_visits, routes)

    def _anneal(
        self, seconds: float | None, heat: Heat, *, most: int | None = None, rest: int = 1
    ) -> None:
        """Search for so many seconds, or the iterations asked for (one of `rest` parts of them)."""
        inst = self.compiled.instance
        if inst.num_tickets == 0 or inst.num_shifts == 0:
            return
        try:
            if self.options.iterations is not None:
                count = self.options.iterations // rest
                count = count if most is None else min(count, most)
                self.lns.run_iterations(count, heat, on_batch=self._go_on)
                self._pool.add(self.lns.routes())
            else:
                left = self._left()
                assert left is not None and seconds is not None
                self.lns.run_until(
                    min(left, seconds), heat, on_batch=self._go_on, batch=self._batch
                )
        except KeyboardInterrupt:
            logger.info("interrupted; keeping the best plan so far")
            self.interrupted = True

    @property
    def _batch(self) -> float:
        """Seconds between two looks at the chains: more often where that costs little."""
        return BATCH_SECONDS * (
            min(1.0, self.compiled.instance.num_tickets / 500) if self._collects else 1.0
        )

    def _go_on(self) -> bool:
        if self._collects:
            for routes in self.lns.current():
                self._pool.add(routes)
        self._tell(force=False)
        return not self.interrupted

    def _tell(self, *, force: bool) -> None:
        if self.options.on_progress is None:
            return
        seconds, cost = time.monotonic() - self.begin, self.lns.cost
        if force or cost != self._told[1] or seconds - self._told[0] >= REPORT_EVERY:
            self._told = (seconds, cost)
            self.options.on_progress(
                Progress(seconds, cost, self.bound, self.lns.unserved, self.lns.iterations)
            )

    def _prove(self, routes: Routes, seconds: float | None) -> Routes:
        """Bound the cost from below, and mix routes into a better plan."""
        inst = self.compiled.instance
        best = Lns(inst, self.seed, 1)
        best.start(routes)
        stop = Event()
        proof = self._in_background(
            lambda: prove(
                inst,
                self.lns.search,
                self.lns.most_visits,
                best.routes(),
                best.cost,
                self._pool,
                threads=self.threads,
                seed=self.seed,
                seconds=seconds,
                max_labels=None if seconds is not None else LABELS_A_TICKET * inst.num_tickets,
                gap=self.options.gap,
                should_stop=stop.is_set,
                tell=self._hear_bound,
            ),
            stop,
        )
        self.proof, self.bound = proof, proof.bound
        self._proven = proof.routes
        if self.tells_prices:
            self._closing += proof.closing
        return proof.routes

    def _hear_bound(self, bound: int) -> None:
        # No cost is negative: a bound of 0 or less says nothing.
        self.bound = bound if bound > 0 else None

    def _solve_exactly(self, routes: Routes) -> Routes:
        """Let the constraint model improve a small plan and prove it."""
        limit = self.options.time_limit
        left = None if limit is None else limit - (time.monotonic() - self.begin) - 0.2
        if left is not None and left <= 0.05:
            return routes
        work = None if left is not None else max(1.0, (self.options.iterations or 0) / 1000)
        stop = Event()
        found = self._in_background(
            lambda: solve_exact(
                self.compiled.instance,
                hint=routes,
                time_limit=left,
                deterministic_time=work,
                workers=1,
                seed=self.seed,
                should_stop=stop.is_set,
            ),
            stop,
        )
        # No cost is negative: a bound of 0 says nothing, unless the plan is as cheap.
        self.bound = found.bound if found.bound or found.is_optimal else None
        self._proven = routes if found.routes is None else found.routes
        return self._proven

    def _in_background(self, work: Callable[[], _T], stop: Event) -> _T:
        """Let another thread work: this one stays in Python, where signals and progress come in."""
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(work)
            try:
                while wait([job], timeout=BATCH_SECONDS).not_done:
                    self._tell(force=False)
            except KeyboardInterrupt:
                logger.info("interrupted; keeping the best plan so far")
                self.interrupted = True
            finally:
                stop.set()
            return job.result()
