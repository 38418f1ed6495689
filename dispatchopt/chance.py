"""How surely a plan keeps its promises: durations drawn at random, carried along the routes.

Times on site are log-normal: median and spread from the catalogue's quantiles, the mean as planned.
A ticket's draws depend on its id and the seed alone, so that two plans are compared on the same
days, and an offer tells what the plan will tell once it is taken. Only durations vary: travel,
absences and new work are what `Policy.kept_calibration` is for.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from dispatchopt.solvers import _chance
from dispatchopt.solvers._chance import Draws
from dispatchopt.solvers.insertion import Inserter
from dispatchopt.solvers.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dispatchopt.forms import Int64Array
    from dispatchopt.instance import Compiled, IndexRoutes
    from dispatchopt.models import FaultType, Plan, Policy, Problem
    from dispatchopt.rules.context import ShiftFacts, TicketFacts
    from dispatchopt.solvers._kernels import Search

Int32Array = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]

NUM_SAMPLES = 1024
"""Days simulated: the standard error of 0.9 is at most 1 point, and less by stratified draws."""

LONGEST = 2**30
"""No draw is longer, in seconds: sums of two stay within int32."""

_NORMAL = NormalDist()
_Z80, _Z90 = _NORMAL.inv_cdf(0.8), _NORMAL.inv_cdf(0.9)
_DEFAULT_CV = 0.5
"""Standard deviation over mean of a fault type of which only the mean is known."""


class Spread(NamedTuple):
    """A log-normal time on site: mean and standard deviation of its logarithm; -inf: always 0."""

    mu: float
    sigma: float


def spread_of(fault: FaultType, duration: int) -> Spread:
    """Return how long a ticket of a fault type may take whose planned duration is the mean.

    Parameters
    ----------
    duration
        Planned seconds on site; a ticket that says more than its fault type is scaled.
    """
    sigma = _sigma(fault)
    if duration == 0:
        return Spread(-math.inf, sigma)
    return Spread(math.log(duration) - sigma * sigma / 2, sigma)


def _sigma(fault: FaultType) -> float:
    given = fault.duration
    if given.p50:
        above = ((given.p80, _Z80), (given.p90, _Z90))
        slopes = [math.log(value / given.p50) / z for value, z in above if value is not None]
        if slopes:
            return sum(slopes) / len(slopes)
        if given.mean > given.p50:
            return math.sqrt(2 * math.log(given.mean / given.p50))
    elif given.p80 and given.p90:
        return math.log(given.p90 / given.p80) / (_Z90 - _Z80)
    return math.sqrt(math.log(1 + _DEFAULT_CV**2))


def quantile(spread: Spread, p: float) -> int:
    """Return the seconds that a share p of such visits stays within, ``0 < p < 1``; rounded."""
    return min(LONGEST, round(math.exp(spread.mu + spread.sigma * _NORMAL.inv_cdf(p))))


@cache
def _strata(num: int) -> FloatArray:
    """Middle quantiles of so many equal strata of the standard normal distribution."""
    return np.array([_NORMAL.inv_cdf((i + 0.5) / num) for i in range(num)])


def _order(ticket_id: str, num: int, seed: int) -> npt.NDArray[np.int64]:
    digest = hashlib.sha256(f"{seed}:{ticket_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16])).permutation(num)


def sample(ticket_id: str, spread: Spread, num: int = NUM_SAMPLES, seed: int = 0) -> Int32Array:
    """Draw so many times on site in seconds, ``int32[num]``: one from each stratum.

    Their order is drawn from the ticket's id and the seed, whatever else is planned.
    """
    return _seconds(spread, _strata(num)[_order(ticket_id, num, seed)]).astype(np.int32)


def _seconds(spread: Spread, normal: FloatArray) -> Int64Array:
    # Clipped before the power: a wide spread would overflow.
    logs = np.minimum(spread.mu + spread.sigma * normal, math.log(LONGEST))
    return np.rint(np.exp(logs)).astype(np.int64)


def told(policy: Policy, p: float) -> float:
    """Return the probability to tell for a simulated one, by `Policy.kept_calibration`."""
    knots = [(0.0, 0.0), *policy.kept_calibration, (1.0, 1.0)]
    if len(knots) > 2 and knots[1][0] == 0:
        del knots[0]
    if len(knots) > 2 and knots[-2][0] == 1:
        del knots[-1]
    for (low, low_kept), (high, high_kept) in pairwise(knots):
        if p <= high:
            return round(low_kept + (high_kept - low_kept) * (p - low) / (high - low), 4)
    return round(knots[-1][1], 4)


class Spreads:
    """The spreads of a problem's tickets."""

    def __init__(self, problem: Problem) -> None:
        self._catalogue = problem.catalogue()

    def of(self, ticket: TicketFacts) -> Spread:
        """Return how long a ticket may take at 100 %."""
        return spread_of(self._catalogue[ticket.ticket.fault_type], ticket.duration)


def draw(
    compiled: Compiled, *, seed: int = 0, only: Iterable[int] | None = None, num: int = NUM_SAMPLES
) -> Draws:
    """Draw the days on which routes of a problem are simulated.

    Parameters
    ----------
    only
        Indices of the tickets that are needed; those of others stay 0. Absent: all.
    """
    ctx, spreads = compiled.ctx, Spreads(compiled.problem)
    seconds = np.zeros((len(compiled.ticket_ids), num), np.int32)
    for t in range(len(seconds)) if only is None else only:
        ticket = ctx.tickets[compiled.ticket_ids[t]]
        seconds[t] = sample(ticket.id, spreads.of(ticket), num, seed)
    shifts = list(ctx.shifts.values())
    begin_of = np.full(len(shifts), -1, np.int64)
    begins: list[Int64Array] = []
    for s, shift in enumerate(shifts):
        if shift.started is not None:
            begin_of[s] = len(begins)
            spread = spreads.of(ctx.tickets[shift.started])
            begins.append(_begins(compiled, shift, shift.started, spread, num, seed))
    return Draws(
        seconds,
        np.array([shift.engineer.duration_percent for shift in shifts], np.int64),
        np.array(begins, np.int64).reshape(len(begins), num),
        begin_of,
    )


_GRID = 1 << 14


def _begins(
    compiled: Compiled, shift: ShiftFacts, started: str, spread: Spread, num: int, seed: int
) -> Int64Array:
    """Draw when the visit in hand ends, given that it has not ended yet."""
    ctx, pin = compiled.ctx, compiled.ctx.pins[started]
    known = (shift.shift.start, shift.shift.available_from, compiled.problem.now)
    least = max(ctx.seconds(when) for when in known if when is not None)
    pace = shift.engineer.duration_percent / 100
    elapsed = 0 if compiled.problem.now is None else ctx.seconds(compiled.problem.now) - pin.start
    over = 0.0
    if elapsed > 0 and spread.mu > -math.inf:
        logs = math.log(elapsed / pace) - spread.mu
        over = _NORMAL.cdf(logs / spread.sigma) if spread.sigma else float(logs > 0)
    ranks = over + (1 - over) * (_order(started, num, seed) + 0.5) / num
    grid = (np.arange(_GRID) + 0.5) / _GRID
    normal = np.interp(ranks, grid, _strata(_GRID))
    lasts = np.ceil(_seconds(spread, normal) * pace).astype(np.int64)
    begins: Int64Array = np.maximum(least, pin.start + lasts)
    return begins


def promised_windows(compiled: Compiled) -> Int64Array:
    """Return ``int64[T, 2]`` the appointments; the close before the open where there is none."""
    windows = np.zeros((len(compiled.ticket_ids), 2), np.int64)
    windows[:, 0] = 1
    for t, ticket_id in enumerate(compiled.ticket_ids):
        window = compiled.ctx.tickets[ticket_id].ticket.appointment
        if window is not None:
            windows[t] = compiled.ctx.seconds(window.open), compiled.ctx.seconds(window.close)
    return windows


class Simulation:
    """Days on which routes of a problem are walked again and again; draws are made when needed.

    Parameters
    ----------
    search
        The instance laid out (`layout.lay_out`), if that is at hand.
    seed
        Of the draws; plans are told by seed 0.
    """

    def __init__(self, compiled: Compiled, *, search: Search | None = None, seed: int = 0) -> None:
        self.compiled, self._seed = compiled, seed
        self.promised = promised_windows(compiled)
        self.is_promised = self.promised[:, 0] <= self.promised[:, 1]
        self._search = search
        self._spreads = Spreads(compiled.problem)
        self._draws: Draws | None = None
        self._is_drawn = np.zeros(len(self.promised), np.bool_)
        self._kept_already = _kept_already(compiled)

    @property
    def search(self) -> Search:
        """The instance laid out."""
        if self._search is None:
            self._search, _ = lay_out(self.compiled.instance)
        return self._search

    def kept(self, routes: IndexRoutes) -> dict[str, float]:
        """Return how surely promised visits start inside their window, by ticket id.

        Of a visit in hand 1 or 0, as it began.

        Parameters
        ----------
        routes
            One order for each shift, each feasible.
        """
        if not any(self.is_promised[t] for order in routes for t in order):
            return dict(self._kept_already)
        return self.kept_in(Inserter(self.search, 1, routes), routes)

    def kept_in(self, held: Inserter, routes: IndexRoutes) -> dict[str, float]:
        """Return the same for routes that the kernels hold already."""
        told_by_id = dict(self._kept_already)
        shifts = [s for s, order in enumerate(routes) if any(self.is_promised[t] for t in order)]
        draws = self._drawn(t for s in shifts for t in routes[s])
        time = np.empty(NUM_SAMPLES, np.int64)
        out = np.zeros(held.chain.visits.shape[1], np.int64)
        policy = self.compiled.problem.policy
        for s in shifts:
            _chance.start_counts(self.search, held.chain, s, draws, self.promised, time, out)
            for position, t in enumerate(routes[s]):
                if self.is_promised[t]:
                    share = int(out[position]) / NUM_SAMPLES
                    told_by_id[self.compiled.ticket_ids[t]] = told(policy, share)
        return told_by_id

    def _drawn(self, tickets: Iterable[int]) -> Draws:
        if self._draws is None:
            self._draws = draw(self.compiled, seed=self._seed, only=())
        for t in tickets:
            if not self._is_drawn[t]:
                ticket = self.compiled.ctx.tickets[self.compiled.ticket_ids[t]]
                spread = self._spreads.of(ticket)
                self._draws.seconds[t] = sample(ticket.id, spread, seed=self._seed)
                self._is_drawn[t] = True
        return self._draws


def kept_probabilities(
    compiled: Compiled, routes: IndexRoutes, *, search: Search | None = None, seed: int = 0
) -> dict[str, float]:
    """Return how surely each promised visit starts inside its window; see `Simulation.kept`."""
    return Simulation(compiled, search=search, seed=seed).kept(routes)


def _kept_already(compiled: Compiled) -> dict[str, float]:
    """Return of each visit in hand with an appointment whether it began inside it."""
    ctx, kept = compiled.ctx, {}
    for shift in ctx.shifts.values():
        if shift.started is not None:
            window = ctx.tickets[shift.started].ticket.appointment
            if window is not None:
                start = ctx.pins[shift.started].start
                inside = ctx.seconds(window.open) <= start <= ctx.seconds(window.close)
                kept[shift.started] = float(inside)
    return kept


def with_kept_probabilities(plan: Plan, kept: Mapping[str, float]) -> Plan:
    """Return a plan whose promised visits say how surely they are kept."""
    routes = tuple(
        route.model_copy(
            update={
                "visits": tuple(
                    visit
                    if visit.promised is None
                    else visit.model_copy(update={"kept_probability": kept.get(visit.ticket_id)})
                    for visit in route.visits
                )
            }
        )
        for route in plan.routes
    )
    return plan.model_copy(update={"routes": routes})
