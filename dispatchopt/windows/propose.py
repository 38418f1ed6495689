"""Windows for every planned ticket that has none, chosen together so that all can be kept.

Routes stay as they are. Each window holds the planned start, opens early enough that the engineer
seldom waits for it, and closes late enough; among those the narrowest are chosen
(`solvers.narrow`), and the outcome is simulated once more as the plan that it becomes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from dispatchopt.board import refuse_other_problem
from dispatchopt.chance import NUM_SAMPLES, Spreads, draw, kept_probabilities, quantile, told
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.instance import decode, encode
from dispatchopt.models import Problem, Proposal, Proposals, Window
from dispatchopt.rules.context import scaled_duration
from dispatchopt.solve import Planner
from dispatchopt.solvers._chance import begin_samples, visit_samples
from dispatchopt.solvers._kernels import BEG, CODE, FOREVER, PROFILE, START, WINDOW, WINDOWS
from dispatchopt.solvers.insertion import Inserter
from dispatchopt.solvers.layout import lay_out
from dispatchopt.solvers.narrow import Wanted, narrowest
from dispatchopt.windows.around import windows_around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import Int64Array
    from dispatchopt.instance import Compiled
    from dispatchopt.models import NotProposed, Plan, Policy
    from dispatchopt.solvers.cpsat.choice import Choice
    from dispatchopt.solvers.narrow import Narrowest
    from dispatchopt.windows.around import Around

DETERMINISTIC_TIME: Final = 0.5
"""Deterministic seconds of CP-SAT for each choice; a route takes some thousandths."""


def propose_windows(planner: Planner | Problem, plan: Plan, *, seed: int = 0) -> Proposals:
    """Propose a window for each visit of a plan that has none, wide enough and yet narrow.

    However many of the proposals are promised, each is kept with at least
    `Policy.min_kept_probability`, and promises that the plan holds stay as sure as they are or that
    sure. Nothing is promised by this call.

    Parameters
    ----------
    planner
        Of the problem that the plan is for; the problem will do.
    plan
        Its routes are timed as soon as possible.
    seed
        Of the simulation and of CP-SAT: the same call gives the same windows.

    Raises
    ------
    InvalidProblemError
        If the plan is of another problem, with all that is unknown; if it breaks a rule, with every
        violation.
    """
    planner = Planner(planner) if isinstance(planner, Problem) else planner
    refuse_other_problem(planner, plan)
    _refuse_invalid(planner, plan)
    return _Proposing(planner, plan, seed).proposals()


def _refuse_invalid(planner: Planner, plan: Plan) -> None:
    issues = [
        Issue("plan", found.ticket_id or found.shift_id or "", found.rule, "", found.message)
        for found in planner.check(plan).violations
    ]
    if issues:
        raise InvalidProblemError(issues)


def least_count(policy: Policy, num: int = NUM_SAMPLES) -> int | None:
    """Return in how many samples a window must be kept at least to be sure enough; None: never."""
    wanted = policy.min_kept_probability
    if told(policy, 1.0) < wanted:
        return None
    low, high = 1, num
    while low < high:
        middle = (low + high) // 2
        if told(policy, middle / num) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


class _Simulation:
    """Routes as they are timed, and their days drawn once."""

    def __init__(self, compiled: Compiled, routes: Sequence[Sequence[int]], seed: int) -> None:
        search, most_visits = lay_out(compiled.instance)
        self._whole = search
        self._routes = routes
        self._chain = Inserter(search, most_visits, routes).chain
        # Windows are written over here; the schedule stays that of the plan.
        self._search = search._replace(ticket=search.ticket.copy())
        self._draws = draw(compiled, seed=seed, only=[t for order in routes for t in order])

    def planned(self, s: int) -> list[int]:
        """Return the planned starts of a route."""
        return [int(at) for at in self._chain.times[s, : len(self._routes[s]), BEG]]

    def wait_for(self, t: int, opens: int) -> None:
        """Let a ticket be served from a second on, however late."""
        self._search.ticket[t, WINDOWS] = 1
        self._search.ticket[t, WINDOW : WINDOW + 2] = opens, FOREVER

    def restore(self, t: int) -> None:
        """Let a ticket be served in the windows that it has."""
        self._search.ticket[t] = self._whole.ticket[t]

    def starts(self, s: int) -> Int64Array:
        """Return when service starts, ``[samples, visits]``."""
        k, draws, order = self._search, self._draws, self._routes[s]
        starts = np.full((draws.seconds.shape[1], len(order)), FOREVER, np.int64)
        time = np.empty(len(starts), np.int64)
        begin_samples(k, draws, s, time)
        profile, node = k.shift[s, PROFILE], k.shift[s, START]
        for i, t in enumerate(order):
            travel, code = int(k.dist[profile, node, t]), int(self._chain.times[s, i, CODE])
            visit_samples(k, draws, s, t, travel, code, 1, 0, time)
            lasts = (draws.seconds[t].astype(np.int64) * draws.percent[s] + 99) // 100
            starts[:, i] = np.where(time < FOREVER, time - lasts, FOREVER)
            node = t
        return starts


@dataclass
class _Route:
    """What may be chosen for the visits of a shift."""

    wanted: list[Wanted]
    opens: dict[int, int]  # by ticket that may get a window: served from then on without one
    banned: set[tuple[int, int, int]] = field(default_factory=set)
    found: Narrowest | None = None


class _Proposing:
    def __init__(self, planner: Planner, plan: Plan, seed: int) -> None:
        self._planner, self._seed = planner, seed
        self._compiled = planner.compiled
        self._ctx = self._compiled.ctx
        self._policy = planner.problem.policy
        self._orders = encode(self._compiled, plan)
        self._least = least_count(self._policy)
        planned = {self._compiled.ticket_ids[t] for order in self._orders for t in order}
        started = {shift.started for shift in self._ctx.shifts.values()}
        self._out: dict[str, NotProposed] = {
            ticket_id: "UNDER_WAY" if ticket_id in started else "UNSERVED"
            for ticket_id in self._ctx.tickets
            if ticket_id not in planned and self._is_free(ticket_id)
        }
        self._simulation = _Simulation(self._compiled, self._orders, seed)
        self._before = kept_probabilities(self._compiled, self._orders, seed=seed)

    def proposals(self) -> Proposals:
        """Choose, simulate the whole, and choose again where that does not hold."""
        routes = {s: self._route(s) for s, order in enumerate(self._orders) if order}
        open_routes = {s for s, route in routes.items() if any(v.choices for v in route.wanted)}
        for s in open_routes:
            self._choose(s, routes[s])
        while True:
            windows = {
                t: window for s in sorted(open_routes) for t, window in self._chosen(s, routes[s])
            }
            kept, missed = self._simulated(windows)
            again = {s for s in open_routes if self._ban(s, routes[s], missed)}
            if not again:
                break
            for s in again:
                self._choose(s, routes[s])
        return Proposals(
            proposals=tuple(
                self._proposal(s, routes[s], t, windows[t], kept)
                for s in sorted(open_routes)
                for t in self._orders[s]
                if t in windows
            ),
            not_proposed=self._not_proposed(routes, windows),
            is_narrowest=all(
                route.found is None or (route.found.is_best and not route.banned)
                for route in routes.values()
            ),
        )

    def _is_free(self, ticket_id: str) -> bool:
        return self._ctx.tickets[ticket_id].ticket.appointment is None

    # --- What may be chosen ---

    def _route(self, s: int) -> _Route:
        ctx, order = self._ctx, self._orders[s]
        shift = list(ctx.shifts.values())[s]
        route = _Route([], {})
        for i, (t, start) in enumerate(zip(order, self._simulation.planned(s), strict=True)):
            ticket = ctx.tickets[self._compiled.ticket_ids[t]]
            window = ticket.ticket.appointment
            if window is not None:
                route.wanted.append(Wanted(promised=ctx.seconds(window.close)))
                continue
            around = windows_around(ctx, ticket, shift, start)
            if isinstance(around, str):
                self._out[ticket.id] = around
                route.wanted.append(Wanted())
                continue
            if not ctx.is_pinned(ticket.id, shift.id):
                route.opens[t] = around.opens
            choices = self._choices(s, route, i, around, start)
            if not choices:
                self._out[ticket.id] = "TOO_UNCERTAIN"
                self._simulation.restore(t)
                route.opens.pop(t, None)
            route.wanted.append(Wanted(choices))
        return route

    def _choices(
        self, s: int, route: _Route, i: int, around: Around, start: int
    ) -> tuple[Choice, ...]:
        """Return the windows that seldom make the engineer wait, and could be wide enough."""
        if self._least is None:
            return ()
        free = np.sort(self._starts(s, route, [None] * len(self._orders[s]))[:, i])
        waits = int(free[min(len(free) - self._least, self._least - 1)])
        closes = int(free[self._least - 1])
        return tuple(c for c in around.opening_by(min(start, waits)) if c.closes >= closes)

    def _starts(self, s: int, route: _Route, opens: Sequence[int | None]) -> Int64Array:
        for t, at in zip(self._orders[s], opens, strict=True):
            if t in route.opens:
                self._simulation.wait_for(t, route.opens[t] if at is None else at)
        return self._simulation.starts(s)

    # --- Choosing ---

    def _choose(self, s: int, route: _Route) -> None:
        assert self._least is not None
        wanted = [
            visit._replace(
                choices=tuple(
                    c for c in visit.choices if (t, c.opens, c.closes) not in route.banned
                )
            )
            for t, visit in zip(self._orders[s], route.wanted, strict=True)
        ]
        found = narrowest(
            wanted,
            lambda opens: self._starts(s, route, opens),
            self._least,
            deterministic_time=DETERMINISTIC_TIME,
            seed=self._seed,
        )
        indices = [
            visit.choices.index(left.choices[c]) if c >= 0 else -1
            for visit, left, c in zip(route.wanted, wanted, found.chosen, strict=True)
        ]
        route.found = found._replace(chosen=tuple(indices))

    def _chosen(self, s: int, route: _Route) -> list[tuple[int, Window]]:
        assert route.found is not None
        return [
            (t, self._window(visit.choices[index].opens, visit.choices[index].closes))
            for t, visit, index in zip(
                self._orders[s], route.wanted, route.found.chosen, strict=True
            )
            if index >= 0
        ]

    def _window(self, opens: int, closes: int) -> Window:
        return Window(open=self._ctx.instant(opens), close=self._ctx.instant(closes))

    def _simulated(self, windows: dict[int, Window]) -> tuple[dict[str, float], set[str]]:
        """Return how surely all is kept once these are promised, and what is not sure enough."""
        ids = self._compiled.ticket_ids
        promised = self._planner.with_tickets(
            self._ctx.tickets[ids[t]].ticket.model_copy(update={"appointment": window})
            for t, window in windows.items()
        )
        compiled = promised.compiled
        index = {ticket_id: t for t, ticket_id in enumerate(compiled.ticket_ids)}
        orders = [[index[ids[t]] for t in order] for order in self._orders]
        decode(compiled, orders)  # raises where a rule forbids what is proposed: a bug of ours
        kept = kept_probabilities(compiled, orders, seed=self._seed)
        least = self._policy.min_kept_probability
        missed = {
            ticket_id
            for ticket_id, share in kept.items()
            if share < min(least, self._before.get(ticket_id, 1.0))
        }
        return kept, missed

    def _ban(self, s: int, route: _Route, missed: set[str]) -> bool:
        """Give up a window that does not hold in the whole; return whether there was one.

        Breaks may lie elsewhere on a route once its windows are promised.
        """
        assert route.found is not None
        last = None
        for t, visit, index in zip(self._orders[s], route.wanted, route.found.chosen, strict=True):
            if index >= 0:
                last = (t, visit.choices[index].opens, visit.choices[index].closes)
            if self._compiled.ticket_ids[t] in missed and last is not None:
                route.banned.add(last)
                return True
        return False

    # --- Telling ---

    def _proposal(
        self, s: int, route: _Route, t: int, window: Window, kept: dict[str, float]
    ) -> Proposal:
        ctx, ticket_id = self._ctx, self._compiled.ticket_ids[t]
        shift = list(ctx.shifts.values())[s]
        spread = Spreads(ctx.problem).of(ctx.tickets[ticket_id])
        percent = shift.engineer.duration_percent
        start = self._simulation.planned(s)[self._orders[s].index(t)]
        return Proposal(
            ticket_id=ticket_id,
            window=window,
            shift_id=shift.id,
            engineer_id=shift.engineer.id,
            engineer_name=shift.engineer.name,
            start=ctx.instant(start),
            duration_p50=scaled_duration(quantile(spread, 0.5), percent),
            duration_p80=scaled_duration(quantile(spread, 0.8), percent),
            kept_probability=kept[ticket_id],
        )

    def _not_proposed(
        self, routes: dict[int, _Route], windows: dict[int, Window]
    ) -> dict[str, NotProposed]:
        """Return why, in the order of the problem."""
        out = dict(self._out)
        for s, route in routes.items():
            for t, visit in zip(self._orders[s], route.wanted, strict=True):
                if visit.choices and t not in windows:
                    out[self._compiled.ticket_ids[t]] = "WOULD_WEAKEN_PROMISE"
        return {t: out[t] for t in self._ctx.tickets if t in out}
