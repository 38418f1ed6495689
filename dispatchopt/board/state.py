"""What a board holds: a plan's routes in the kernels, and what it tells of them."""

from __future__ import annotations

import hashlib
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.board.checked import checked
from dispatchopt.board.door import Door
from dispatchopt.board.found import Standing
from dispatchopt.chance import (
    NUM_SAMPLES,
    draw,
    kept_probabilities,
    promised_windows,
    told,
    with_kept_probabilities,
)
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.instance import decode, encode
from dispatchopt.models import Problem, Unserved
from dispatchopt.reasons import explain_unserved
from dispatchopt.solve import Planner
from dispatchopt.solvers import _kernels as kernels
from dispatchopt.solvers.held import Held, Newcomer
from dispatchopt.solvers.layout import lay_out

if TYPE_CHECKING:
    from dispatchopt.board.found import Prepared
    from dispatchopt.chance import Spread
    from dispatchopt.instance import Compiled
    from dispatchopt.models import Plan, Ticket
    from dispatchopt.rules.context import TicketFacts


class State:
    """A plan's routes, the tickets that came since, and what was promised; see `Board`."""

    def __init__(self, planner: Planner, plan: Plan, *, seed: int = 0) -> None:
        refuse_other_problem(planner, plan)
        self._planner, self._base, self._seed = planner, plan, seed
        self._compiled: Compiled = planner.compiled
        self.lock = RLock()
        """Held by every method; hold it to ask several things of the same state."""
        policy = planner.problem.policy
        shares = [told(policy, n / NUM_SAMPLES) for n in range(NUM_SAMPLES + 1)]
        enough = (n for n, share in enumerate(shares) if share >= policy.min_kept_probability)
        self._told = shares
        missed = policy.missed_window_cost
        self._held = Held(
            self._compiled.instance,
            self._compiled.capacity_names,
            draw(self._compiled, seed=seed),
            promised_windows(self._compiled),
            np.array(
                [not self._compiled.ctx.tickets[t].is_promised for t in self._compiled.ticket_ids],
                np.bool_,
            ),
            next(enough, NUM_SAMPLES + 1),
            np.array([int(np.ceil(missed * (1 - share))) for share in shares], np.int64),
        )
        self._door = Door(self._compiled, seed)
        self._shift_idx = {shift_id: s for s, shift_id in enumerate(self._compiled.shift_ids)}
        self._known = {ticket.id: ticket for ticket in planner.problem.tickets}
        self._changed: dict[str, Ticket] = {}
        self._displaced: dict[str, tuple[str, str]] = {}
        self._ids = list(self._compiled.ticket_ids)
        self._row_of = {ticket_id: row for row, ticket_id in enumerate(self._ids)}
        orders = encode(self._compiled, plan)
        self._history = hashed(f"{plan.plan_id}{orders}")
        self._at = {row: s for s, order in enumerate(orders) for row in order}
        self._load(orders)

    def _load(self, orders: list[list[int]]) -> None:
        """Put the plan's routes in."""
        self._held.make_room(max((len(order) for order in orders), default=0))
        feasible = self._held.load(orders)
        legal = self._held.search.legal
        broken = [
            self._compiled.shift_ids[s]
            for s, order in enumerate(orders)
            if not feasible[s] or not all(legal[row, s] for row in order)
        ]
        if broken:
            message = (
                "this route is not feasible for the problem; check the plan (`dispatchopt check`) "
                "or plan anew"
            )
            raise InvalidProblemError([Issue("plan", s, "routes", "", message) for s in broken])

    @property
    def compiled(self) -> Compiled:
        """The problem as it was compiled; what changed since is not in it."""
        return self._compiled

    @property
    def version(self) -> str:
        """A short text for what was done to the plan so far; equal histories have equal ones."""
        with self.lock:
            return self._history[:16]

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket as it is now, with the window that it was promised."""
        return self._changed.get(ticket_id, self._known.get(ticket_id))

    def spread_of(self, facts: TicketFacts) -> Spread:
        """Return how long a ticket may take at 100 %."""
        return self._door.spread_of(facts)

    def is_fact(self, ticket: Ticket) -> bool:
        """Whether it is, or was at the start, begun or locked to its time: its shift depends on it.

        Such a ticket cannot be changed here: make a new board of the problem with its change.
        """
        return self._door.is_fact(ticket)

    def shift_of(self, ticket_id: str) -> str | None:
        """Return the shift on which a ticket is planned that has not started; None: on none."""
        with self.lock:
            s = self._at.get(self._row_of.get(ticket_id, -1))
        return None if s is None else self._compiled.shift_ids[s]

    def starts(self) -> dict[str, tuple[str, int]]:
        """Return shift and start of service (seconds) of every visit that has not started."""
        with self.lock:
            times, shift_ids = self._held.chain.times, self._compiled.shift_ids
            return {
                self._ids[row]: (shift_ids[s], int(times[s, at, kernels.BEG]))
                for s, order in enumerate(self._held.orders())
                for at, row in enumerate(order)
            }

    def kept(self) -> dict[str, float]:
        """Return how surely each promised visit that has not started begins in its window."""
        with self.lock:
            promised, kept = self._held.promised, self._held.kept
            return {
                self._ids[row]: self._told[int(kept[row])]
                for order in self._held.orders()
                for row in order
                if promised[row, 0] <= promised[row, 1]
            }

    def orders(self) -> dict[str, list[str]]:
        """Return the ids of each shift's visits in order, those that have started apart."""
        with self.lock:
            rows = self._held.orders()
        named = ([self._ids[row] for row in order] for order in rows)
        return dict(zip(self._compiled.shift_ids, named, strict=True))

    def cost(self) -> int:
        """Return what the routes cost; tickets left out are not counted."""
        with self.lock:
            return int(self._held.chain.route[:, kernels.COST_OF].sum())

    def standing(self) -> Standing:
        """Return what `restore` needs to bring another board to where this one is."""
        with self.lock:
            return Standing(
                self.orders(), tuple(self._changed.values()), dict(self._displaced), self._history
            )

    def restore(self, standing: Standing) -> None:
        """Bring a board of the same problem, plan and seed, as it was made, to where another is.

        It does from now on what the other one would do.

        Raises
        ------
        InvalidProblemError
            If its routes are not feasible: it is of another board. This one is of no use then.
        KeyError
            If it has tickets that the problem does not know.
        """
        with self.lock:
            self._changed = {ticket.id: ticket for ticket in standing.tickets}
            self._displaced, self._history = dict(standing.displaced), standing.history
            planned = {ticket_id for order in standing.orders.values() for ticket_id in order}
            came = [ticket for ticket in standing.tickets if ticket.id in planned]
            self._held.load([[] for _ in self._shift_idx])
            self._held.reserve(sum(ticket.id not in self._row_of for ticket in came))
            for prepared in self._door.prepare_again(came, self._changed):
                self._write_row(prepared)
            orders = [
                [self._row_of[ticket_id] for ticket_id in standing.orders.get(shift_id, ())]
                for shift_id in self._compiled.shift_ids
            ]
            self._at = {row: s for s, order in enumerate(orders) for row in order}
            self._load(orders)

    def _write_row(self, prepared: Prepared) -> int:
        """Take over the numbers of a ticket that is in no route; return its row."""
        ticket_id, rows = prepared.ticket.id, prepared.row.rows
        self._held.add_capacities(rows.capacity_names, rows.capacity)
        row = self._row_of.get(ticket_id)
        if row is None:
            row = self._row_of[ticket_id] = self._held.add_row()
            self._ids.append(ticket_id)
        line = self._door.line(prepared.row, 0)
        self._held.set_row(row, Newcomer(line, prepared.legs, prepared.seconds))
        return row

    def problem(self) -> Problem:
        """Return the problem as it is now: with the tickets that came, and what was promised."""
        base = self._planner.problem
        with self.lock:
            merged = self._known | self._changed
        fields = {name: getattr(base, name) for name in base.model_fields_set}
        return Problem(**{**fields, "tickets": tuple(merged.values())})

    def plan(self) -> Plan:
        """Return the plan as it is now, compiled and decoded anew; the checker accepts it.

        A ticket left out keeps its reason so long as that is true; others get theirs.

        Raises
        ------
        InternalError
            If the checker refuses the plan: a bug of ours.
        """
        with self.lock:
            orders, problem = self.orders(), self.problem()
            displaced = {
                ticket_id: Unserved(
                    ticket_id=ticket_id,
                    reason="LOST_TO_OTHERS",
                    detail={"shift_id": shift_id, "tickets": [other]},
                )
                for ticket_id, (other, shift_id) in self._displaced.items()
            }
        planner = Planner(problem, rejected=self._planner.rejected)
        index = {ticket_id: t for t, ticket_id in enumerate(planner.compiled.ticket_ids)}
        routes = [[index[t] for t in orders[s]] for s in planner.compiled.shift_ids]
        search, most_visits = lay_out(planner.compiled.instance)
        known = {item.ticket_id: item for item in self._base.unserved} | displaced
        more = explain_unserved(planner.compiled, search, most_visits, routes, known=known)
        plan = decode(planner.compiled, routes, known | more)
        kept = kept_probabilities(planner.compiled, routes, search=search, seed=self._seed)
        plan = plan.model_copy(update={"rejected": self._planner.rejected})
        return checked(planner, with_kept_probabilities(plan, kept))


def hashed(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_other_problem(planner: Planner, plan: Plan) -> None:
    """Refuse a plan with shifts or visits that the problem does not know: it is of another one.

    Without them their time would be given away. A ticket that was refused at input is known.
    """
    tickets = {ticket.id for ticket in planner.problem.tickets}
    tickets |= {item.ticket_id for item in planner.rejected}
    shifts = planner.compiled.ctx.shifts
    way_out = (
        "give the problem that the plan was made for (of a night: problem.json in its folder), or "
        "plan anew"
    )
    issues = [
        Issue("shift", route.shift_id, "id", "", f"of the plan, not of the problem; {way_out}")
        for route in plan.routes
        if route.shift_id not in shifts
    ]
    issues += [
        Issue("ticket", visit.ticket_id, "id", "", f"of the plan, not of the problem; {way_out}")
        for route in plan.routes
        for visit in route.visits
        if visit.ticket_id not in tickets
    ]
    if issues:
        raise InvalidProblemError(issues)
