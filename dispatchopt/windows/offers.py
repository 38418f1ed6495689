"""Offers: the windows that can be promised to one customer, by whom and how surely."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.board import Board
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Offers, Problem
from dispatchopt.rules import RULES
from dispatchopt.solve import Planner
from dispatchopt.windows.grade import offer_of, spread_out
from dispatchopt.windows.slots import candidates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dispatchopt.board import Found
    from dispatchopt.models import Offer, Plan, Slot, Ticket, Window
    from dispatchopt.models.offer import NotOffered
    from dispatchopt.shadow import ShadowPrices
    from dispatchopt.windows.slots import Candidate


def offer_windows(
    planner: Planner | Problem,
    plan: Plan,
    ticket: Ticket,
    *,
    slots: Sequence[Slot] | None = None,
    count: int = 6,
    displace: bool = False,
    shadow_prices: ShadowPrices | None = None,
    seed: int = 0,
) -> Offers:
    """Return the windows that can be promised to a customer beside a plan, the best first.

    Each can be kept with at least `Policy.min_kept_probability`, with every promise of the plan
    kept and none of them weakened below it. Nothing is promised by this call. For many questions
    about one plan make a `Board` or a `Desk` of it, once.

    Parameters
    ----------
    planner
        Of the problem that the plan is for; the problem will do.
    plan
        The plan in force; orders are enough.
    ticket
        May be new, or stand in the plan: then its own place is free, and its promise may change.
    slots
        Windows of every local day to choose from; absent: the policy's, and its fallback slots on
        days on which none of these can be offered.
    count
        So many offers at most.
    displace
        Whether visits without a promise may leave the plan for it, at their price.
    shadow_prices
        What an hour of each shift is worth (`Result.shadow_prices`): windows that take room from
        more urgent work are graded lower.
    seed
        Of the days that are played through; plans are told by seed 0.

    Returns
    -------
    Offers
        A list; `not_offered` counts the other windows by reason.

    Raises
    ------
    InvalidProblemError
        If the ticket contradicts the problem, is not to be visited, has begun or is locked to its
        time, with all faults; or if a route of the plan is not feasible.
    ValueError
        For a count below 1, or no slots.
    """
    planner = Planner(planner) if isinstance(planner, Problem) else planner
    return offers_on(
        Board(planner, plan, seed=seed),
        ticket,
        slots=slots,
        count=count,
        displace=displace,
        shadow_prices=shadow_prices,
    )


def offers_on(
    board: Board,
    ticket: Ticket,
    *,
    slots: Sequence[Slot] | None = None,
    count: int = 6,
    displace: bool = False,
    shadow_prices: ShadowPrices | None = None,
) -> Offers:
    """Return offers beside the plan that a board holds; see `offer_windows`."""
    if count < 1:
        raise ValueError(f"count is {count}; ask for one offer at least")
    if slots is not None and not slots:
        raise ValueError("no slots to choose from; leave slots out for those of the policy")
    policy = board.compiled.problem.policy
    if not policy.slots and not policy.fallback_slots and slots is None:
        message = "neither slots nor fallback_slots: give the windows that customers are offered"
        raise InvalidProblemError([Issue("policy", "", "slots", "", message)])
    with board.lock:
        board.refuse(ticket)
        return _Looking(board, ticket, displace, shadow_prices).offers(slots, count)


class _Looking:
    """One search for offers."""

    def __init__(
        self, board: Board, ticket: Ticket, displace: bool, prices: ShadowPrices | None
    ) -> None:
        self.board, self.ticket, self.displace = board, ticket, displace
        self.room = {} if prices is None else prices.of("shift_hour")
        shift_ids = board.compiled.shift_ids
        self.room_per_hour = np.array([self.room.get(s, 0) for s in shift_ids], np.int64)
        self.reasons: Counter[NotOffered] = Counter()
        self.blocked: np.ndarray[tuple[int], np.dtype[np.uint32]] | None = None
        inst = board.compiled.instance
        self.hours = inst.shift_begin, inst.shift_hard_end

    def offers(self, slots: Sequence[Slot] | None, count: int) -> Offers:
        """Look in the slots, on days without an offer in the fallback slots; then after `due`."""
        problem, ticket = self.board.compiled.problem, self.ticket
        policy = problem.policy
        usual = candidates(problem, ticket, policy.slots if slots is None else slots)
        spare = candidates(
            problem, ticket, policy.fallback_slots if slots is None else (), is_fallback=True
        )
        self.reasons.update(usual.dropped)
        if not policy.slots and slots is None:
            self.reasons.update(spare.dropped)
        good: list[tuple[Candidate, Offer]] = []
        for late in (False, True):
            mine = [item for item in usual.kept if item.is_after_due == late]
            if good:
                self.reasons["AFTER_SERVICE_LIMIT"] += len(mine)
                continue
            good = self._look(mine)
            served = {item.day for item, _ in good}
            others = (item for item in spare.kept if item.is_after_due == late)
            good += self._look([item for item in others if item.day not in served])
        chosen, rest = spread_out(good, count)
        self.reasons["NOT_AMONG_BEST"] += len(rest)
        return Offers(
            chosen,
            ticket_id=ticket.id,
            version=self.board.version,
            not_offered=dict(sorted((k, n) for k, n in self.reasons.items() if n)),
            blocked_by=self._blocked_by(item.window for item in (*usual.kept, *spare.kept)),
        )

    def _look(self, items: Sequence[Candidate]) -> list[tuple[Candidate, Offer]]:
        """Return the candidates that can be promised, with their offers; count the others."""
        if self.blocked is not None:
            items = [item for item in items if self._has_engineer(item)]
        if not items:
            return []
        survey = self.board.survey(
            self.ticket,
            [item.window for item in items],
            self.room_per_hour if self.room else None,
            displace=self.displace,
        )
        self.blocked = survey.blocked
        places = {place.window_index: place for place in survey.found}
        good = []
        for index, item in enumerate(items):
            place = places.get(index)
            if place is not None and place.is_good:
                facts = survey.facts[index]
                offer = offer_of(
                    self.board, self.ticket, facts, item, place, self.room, survey.version
                )
                good.append((item, offer))
            elif place is not None or self._has_engineer(item):
                self.reasons[_why(place, self.board.compiled.problem)] += 1
        return good

    def _has_engineer(self, item: Candidate) -> bool:
        """Whether any shift of that time may take the ticket; count the candidate if none may."""
        assert self.blocked is not None
        there = self._during(item.window)
        if not there.any():
            self.reasons["NO_SHIFT"] += 1
        elif self.blocked[there].all():
            self.reasons["NO_ENGINEER"] += 1
        else:
            return True
        return False

    def _during(self, window: Window) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return ``bool[S]`` which shifts last at some time of a window."""
        seconds = self.board.compiled.ctx.seconds
        begin, end = self.hours
        there: np.ndarray[tuple[int], np.dtype[np.bool_]] = (begin <= seconds(window.close)) & (
            end >= seconds(window.open)
        )
        return there

    def _blocked_by(self, windows: Iterable[Window]) -> dict[str, int]:
        """Count the shifts of these times that each rule keeps the ticket out of."""
        if self.blocked is None:
            return {}
        there = np.zeros(len(self.blocked), np.bool_)
        for window in windows:
            there |= self._during(window)
        return blocked_by(self.blocked[there])


def blocked_by(blocked: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> dict[str, int]:
    """Count shifts by the rules whose bits are set."""
    counts = {
        rule.name: int(((blocked >> np.uint32(bit)) & 1).sum()) for bit, rule in enumerate(RULES)
    }
    return {name: count for name, count in sorted(counts.items()) if count}


def _why(place: Found | None, problem: Problem) -> NotOffered:
    """Say why a window is not offered that somebody might serve."""
    if place is None:
        return "NO_ROOM"
    if place.kept_probability < problem.policy.min_kept_probability:
        return "TOO_UNCERTAIN"
    return "WOULD_WEAKEN_PROMISE"
