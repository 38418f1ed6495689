"""Promises that re-planning keeps: what was likely enough to be kept before stays so.

The routes of the previous plan, as far as they still fit, say how surely each promise would be kept
without any change. Where new routes would keep one less surely than `Policy.min_kept_probability`,
its shift gets back its previous route, and the others give up what that route holds; tickets left
over are put in again where no promise starts later. A search in which no promise may start later
than that makes up for what it cost; at last goes in whatever fits below its price and weakens no
promise, however much later that starts. The previous routes themselves are always among the plans
compared, so a promise falls below the minimum only where they no longer hold it either, or where
another promise would be broken for it. For these, and for what was promised since that plan, the
search looks for surer places, at what a missed window counts in an offer's grade.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatchopt.chance import Simulation
from dispatchopt.instance import encode
from dispatchopt.models.plan import WeakenedPromise
from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers.insertion import Inserter, improve
from dispatchopt.solvers.lns import default_heat

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from dispatchopt.instance import Compiled
    from dispatchopt.models import Plan, Policy
    from dispatchopt.solvers._kernels import Search
    from dispatchopt.solvers.lns import Lns

logger = logging.getLogger(__name__)

TIME_SHARE = 0.04
"""Of a time limit, or of the iterations, for the search that makes up for promises kept."""

HEAT_SHARE = 0.15
"""That search begins at this share of the hot temperature."""

LEAST_SECONDS = 0.05
"""With less time left there is no such search."""

Routes = list[list[int]]


def has_promises(compiled: Compiled) -> bool:
    """Whether there is a plan before this one, and something promised to a customer."""
    return compiled.problem.previous_plan is not None and any(
        ticket.ticket.appointment is not None for ticket in compiled.ctx.tickets.values()
    )


def still_weakened(plan: Plan, changed: Plan, policy: Policy) -> tuple[WeakenedPromise, ...]:
    """Return the weakened promises of a plan as they stand after it was changed."""
    kept = {
        visit.ticket_id: visit.kept_probability or 0.0
        for route in changed.routes
        for visit in route.visits
    }
    return tuple(
        item.model_copy(update={"kept_probability": kept.get(item.ticket_id, 0.0)})
        for item in plan.weakened_promises
        if kept.get(item.ticket_id, 0.0) < policy.min_kept_probability
    )


class _Judged(NamedTuple):
    """Routes and what they are worth, the least being the best."""

    broken: int  # promised tickets left out
    weak: int  # promises below the minimum that the previous routes hold
    price: float  # cost, and what other promises below it count in an offer's grade
    routes: Routes
    kept: Mapping[str, float]


class Guard:
    """Judges routes by the promises of the previous plan, and mends those that weaken one.

    Parameters
    ----------
    compiled
        The problem, with its previous plan.
    lns
        A search of it; its chains are used.
    """

    def __init__(self, compiled: Compiled, lns: Lns) -> None:
        self.compiled, self._lns, self._search = compiled, lns, lns.search
        self._simulation = Simulation(compiled, search=lns.search)
        self._least = compiled.problem.policy.min_kept_probability
        self._row = {ticket_id: t for t, ticket_id in enumerate(compiled.ticket_ids)}
        facts = (compiled.ctx.tickets[ticket_id] for ticket_id in compiled.ticket_ids)
        self._promised = np.array([ticket.is_promised for ticket in facts], np.bool_)
        self._safe: Routes | None = None
        self._held: dict[str, float] = {}
        self._was: dict[str, float] = {}
        self._wanted: Set[str] = frozenset()
        previous = compiled.problem.previous_plan
        if previous is not None and has_promises(compiled):
            self._safe = lns.repaired(encode(compiled, previous))
            now = self._simulation.kept(self._safe)
            self._held = {t: p for t, p in now.items() if p >= self._least and t in self._row}
            self._was = {**self._told_before(), **self._held}
            self._wanted = self._was.keys() | self._new_promises()

    def _told_before(self) -> dict[str, float]:
        """Return what the previous plan told of promises that stand, if that was enough."""
        previous, tickets = self.compiled.problem.previous_plan, self.compiled.ctx.tickets
        assert previous is not None
        return {
            visit.ticket_id: visit.kept_probability
            for route in previous.routes
            for visit in route.visits
            if visit.kept_probability is not None
            and visit.kept_probability >= self._least
            and visit.ticket_id in tickets
            and tickets[visit.ticket_id].ticket.appointment == visit.promised
        }

    def _new_promises(self) -> set[str]:
        """Return the tickets that were promised since the previous plan, or for another time."""
        previous = self.compiled.problem.previous_plan
        assert previous is not None
        before = {v.ticket_id: v.promised for route in previous.routes for v in route.visits}
        tickets = (self.compiled.ctx.tickets[ticket_id] for ticket_id in self._row)
        windows = ((t.id, t.ticket.appointment) for t in tickets if t.is_promised)
        return {t for t, window in windows if window is not None and before.get(t) != window}

    @property
    def is_on(self) -> bool:
        """Whether routes may be mended: there are promises, and a plan before this one."""
        return self._safe is not None

    def kept(self, routes: Routes) -> dict[str, float]:
        """Return how surely each promise of the routes is kept."""
        return self._simulation.kept(routes)

    def weakened(self, kept: Mapping[str, float]) -> tuple[WeakenedPromise, ...]:
        """Return the promises that fell below the minimum."""
        return tuple(
            WeakenedPromise(ticket_id=t, was=was, kept_probability=kept.get(t, 0.0))
            for t, was in self._was.items()
            if kept.get(t, 0.0) < self._least
        )

    def mend(self, routes: Routes, *, seconds: float | None, iterations: int) -> Routes:
        """Return routes that weaken no promise which the previous routes hold.

        Parameters
        ----------
        seconds, iterations
            For searching again; iterations count if there is no time limit, of each chain.
        """
        if self._safe is None:
            return routes
        found, safe = self._judge(routes), self._safe
        if not self._to_mend(found.kept):
            return routes
        best, end = found, time.monotonic() + (seconds or 0.0)

        def left(share: float) -> float | None:
            return None if seconds is None else share * (end - time.monotonic())

        try:
            best = min(best, *self._restored(routes, safe), *self._restored(safe, safe), key=_rank)
            # What is dear to restore is often cheap to put elsewhere.
            best = self._retried(best, found, safe, left(0.5), iterations // 2)
            best = self._retried(best, best, best.routes, left(1.0), iterations // 2)
        except KeyboardInterrupt:
            logger.info("interrupted; keeping the best plan so far")
        best = self._filled(best)
        logger.info(
            "promises weakened: %d by the search, %d now, at %.0f more cost",
            len(self.weakened(found.kept)),
            len(self.weakened(best.kept)),
            best.price - found.price,
        )
        return best.routes

    def _to_mend(self, kept: Mapping[str, float]) -> list[int]:
        """Return the tickets still to be planned whose promises are not sure enough."""
        return [
            self._row[ticket_id]
            for ticket_id in sorted(self._wanted)
            if ticket_id in self._row and kept.get(ticket_id, 0.0) < self._least
        ]

    def _judge(self, routes: Routes) -> _Judged:
        compiled = self.compiled
        held = Inserter(self._search, 1, routes)
        kept = self._simulation.kept_in(held, routes)
        left_out = np.ones(compiled.instance.num_tickets, np.bool_)
        left_out[[t for route in routes for t in route]] = False
        cost = held.chain.route[:, kernels.COST_OF].sum()
        cost += compiled.instance.skip_cost[left_out].sum()
        others = (kept[t] for t in self._wanted if t not in self._held and t in kept)
        short = sum(max(0.0, self._least - p) for p in others)
        return _Judged(
            int((left_out & self._promised).sum()),
            len(self._weak(kept)),
            int(cost) + compiled.problem.policy.missed_window_cost * short,
            routes,
            kept,
        )

    def _weak(self, kept: Mapping[str, float]) -> list[str]:
        return [t for t in self._held if kept.get(t, 0.0) < self._least]

    def _restored(self, routes: Routes, safe: Routes) -> list[_Judged]:
        """Give shifts back their safe routes until no promise held is weak, and fill up the rest.

        The safe routes must be feasible.
        """
        shift_of = {t: s for s, route in enumerate(safe) for t in route}
        given: set[int] = set()
        while True:
            judged = self._judge(self._merged(routes, safe, given))
            weak = (self._row[t] for t in self._weak(judged.kept))
            more = {shift_of[t] for t in weak if t in shift_of} - given
            if not more:
                break
            given |= more
        tight = self._tightened(self._starts(judged.routes))
        filled = improve(tight, self._lns.most_visits, judged.routes)
        return [judged, self._judge(filled)]

    def _merged(self, routes: Routes, safe: Routes, given: set[int]) -> Routes:
        """Return the routes with the safe ones of `given` shifts, which grow where need be."""
        while True:
            taken = {t for s in given for t in safe[s]}
            merged = [
                safe[s] if s in given else [t for t in route if t not in taken]
                for s, route in enumerate(routes)
            ]
            held = Inserter(self._search, max(map(len, merged), default=0), [])
            # In some travel tables the way over another ticket is shorter than the direct one.
            broken = {s for s, route in enumerate(merged) if not held.put(s, route)} - given
            if not broken:
                return merged
            given |= broken

    def _starts(self, routes: Routes) -> dict[int, int]:
        """Return when the visits begin whose promises are wanted, by ticket."""
        held = Inserter(self._search, 1, routes)
        return {
            t: int(held.chain.times[s, position, kernels.BEG])
            for s, route in enumerate(routes)
            for position, t in enumerate(route)
            if self.compiled.ticket_ids[t] in self._wanted
        }

    def _tightened(self, starts: Mapping[int, int]) -> Search:
        """Let no promise begin later than it does."""
        ticket = self._search.ticket.copy()
        for t, start in starts.items():
            ticket[t, kernels.WINDOW + 1] = start
        return self._search._replace(ticket=ticket)

    def _retried(
        self, best: _Judged, begin: _Judged, safe: Routes, seconds: float | None, iterations: int
    ) -> _Judged:
        """Return the best, or what a search from `begin` finds, restored from the safe routes."""
        if (iterations == 0) if seconds is None else (seconds < LEAST_SECONDS):
            return best
        again = self._search_again(begin, seconds, iterations)
        return min(best, again, *self._restored(again.routes, safe), key=_rank)

    def _filled(self, best: _Judged) -> _Judged:
        """Put in what fits below its price and weakens no promise, the dearest first."""
        skip, routes, kept = self.compiled.instance.skip_cost, list(best.routes), dict(best.kept)
        held = Inserter(self._search, self._lns.most_visits, routes)
        left_out = set(range(len(skip))).difference(*routes)
        for t in sorted(left_out, key=lambda t: (-int(skip[t]), t)):
            below = ((cost, s) for s, cost in held.costs(t).items() if cost < skip[t])
            for cost, s in sorted(below):
                place = held.best_in(s, t)
                assert place is not None
                route = [*routes[s][: place[1]], t, *routes[s][place[1] :]]
                now = self._kept_alone(s, route)
                if cost + self._loss(kept, now) < skip[t]:
                    routes[s] = route
                    held.put(s, route)
                    kept |= now
                    break
        return self._judge(routes)

    def _kept_alone(self, s: int, route: list[int]) -> dict[str, float]:
        """Return how surely the promises of one route are kept."""
        routes = [route if i == s else [] for i in range(self.compiled.instance.num_shifts)]
        now = self._simulation.kept_in(Inserter(self._search, 1, routes), routes)
        return {ticket_id: now[ticket_id] for t in route if (ticket_id := self._id(t)) in now}

    def _loss(self, before: Mapping[str, float], now: Mapping[str, float]) -> float:
        """Return what promises lose in an offer's grade; infinite where one held is weakened."""
        lost = 0.0
        for ticket_id in now.keys() & self._wanted:
            was, left = before.get(ticket_id, 0.0), now[ticket_id]
            if ticket_id in self._held and left < min(was, self._least):
                return math.inf
            lost += max(0.0, self._least - left) - max(0.0, self._least - was)
        return self.compiled.problem.policy.missed_window_cost * lost

    def _id(self, t: int) -> str:
        return self.compiled.ticket_ids[t]

    def _search_again(self, begin: _Judged, seconds: float | None, iterations: int) -> _Judged:
        """Search on from routes; what is not sure there must be put in half as late."""
        lns, weak = self._lns, set(self._to_mend(begin.kept))
        starts = self._starts(begin.routes)
        for t in weak & starts.keys():
            starts[t] = int(self._search.ticket[t, kernels.WINDOW] + starts[t]) // 2
        try:
            lns.search = self._tightened(starts)
            lns.adopt([[t for t in route if t not in weak] for route in begin.routes])
            heat = default_heat(self.compiled.instance).share(HEAT_SHARE)
            if seconds is None:
                lns.run_iterations(iterations, heat)
            else:
                lns.run_until(seconds, heat)
            return self._judge(lns.routes())
        finally:
            lns.search = self._search


def _rank(judged: _Judged) -> tuple[int, int, float]:
    return judged.broken, judged.weak, judged.price
