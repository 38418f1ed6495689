"""Offers: the windows that can be promised to one customer, by whom and how surely."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dispatchopt.board import Board
from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models import Offers, Problem, Slot
from dispatchopt.rules import RULES
from dispatchopt.solve import Planner
from dispatchopt.windows.grade import offer_of, spread_out
from dispatchopt.windows.slots import candidates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import numpy.typing as npt

    from dispatchopt.board import Found
    from dispatchopt.forms import Int64Array
    from dispatchopt.models import Offer, Plan, Ticket, Window
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
        For a count that is no whole number from 1 on; for no slots, or what is no `Slot`.
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
    now: datetime | None = None,
) -> Offers:
    """Return offers beside the plan that a board holds; see `offer_windows`.

    Parameters
    ----------
    now
        From when on the lead time counts; absent: the problem's own `now`.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count is {count!r}; ask for one offer at least, in whole numbers")
    if slots is not None and not slots:
        raise ValueError("no slots to choose from; leave slots out for those of the policy")
    wrong = [slot for slot in slots or () if not isinstance(slot, Slot)]
    if wrong:
        raise ValueError(
            f"slots holds {wrong[0]!r}; give Slot(open='08:00', close='10:00') and the like"
        )
    problem = board.compiled.problem
    policy = problem.policy
    if not policy.slots and not policy.fallback_slots and slots is None:
        message = "neither slots nor fallback_slots: give the windows that customers are offered"
        raise InvalidProblemError([Issue("policy", "", "slots", "", message)])
    with board.lock:
        board.refuse(ticket)
        if now is not None:
            problem = problem.model_copy(update={"now": now})
        return _offers(board, problem, ticket, slots, count, displace, shadow_prices)


def _offers(
    board: Board,
    problem: Problem,
    ticket: Ticket,
    slots: Sequence[Slot] | None,
    count: int,
    displace: bool,
    prices: ShadowPrices | None,
) -> Offers:
    """Look in the slots, on days without an offer in the fallback slots; after `due` at last."""
    policy = problem.policy
    usual = candidates(problem, ticket, policy.slots if slots is None else slots)
    spare = candidates(
        problem, ticket, policy.fallback_slots if slots is None else (), is_fallback=True
    )
    known = {item.window for item in usual.kept}
    items = [*usual.kept, *(item for item in spare.kept if item.window not in known)]
    looking = _Looking(board, ticket, items, displace, prices)
    reasons = looking.reasons
    reasons.update(usual.dropped if policy.slots or slots is not None else spare.dropped)
    good: list[tuple[Candidate, Offer]] = []
    for late in (False, True):
        mine = [i for i, item in enumerate(items) if item.is_after_due == late]
        usually = [i for i in mine if not items[i].is_fallback]
        if good:
            reasons["AFTER_SERVICE_LIMIT"] += len(usually)
            continue
        good = looking.look(usually)
        served = {item.day for item, _ in good}
        good += looking.look(
            [i for i in mine if items[i].is_fallback and items[i].day not in served]
        )
    chosen, rest = spread_out(good, count)
    reasons["NOT_AMONG_BEST"] += len(rest)
    return Offers(
        chosen,
        ticket_id=ticket.id,
        version=looking.version,
        not_offered={reason: count for reason, count in sorted(reasons.items()) if count},
        blocked_by=looking.blocked_by(),
    )


class _Looking:
    """One search for offers."""

    def __init__(
        self,
        board: Board,
        ticket: Ticket,
        items: Sequence[Candidate],
        displace: bool,
        prices: ShadowPrices | None,
    ) -> None:
        self.board, self.ticket, self.items, self.displace = board, ticket, items, displace
        self.room = {} if prices is None else prices.of("shift_hour")
        self.room_per_hour = room_per_hour(board, self.room)
        self.reasons: Counter[NotOffered] = Counter()
        self.prepared = board.prepare(ticket, [item.window for item in items] or [None])
        self.version = board.version

    def look(self, indices: Sequence[int]) -> list[tuple[Candidate, Offer]]:
        """Return the candidates that can be promised, with their offers; count the others."""
        indices = [index for index in indices if self._has_engineer(self.items[index].window)]
        found = self.board.best_of(
            self.prepared, indices, self.room_per_hour, displace=self.displace
        )
        places = {place.window_index: place for place in found}
        good = []
        for index in indices:
            item, place = self.items[index], places.get(index)
            if place is not None and place.is_good:
                facts = self.prepared.facts[index]
                offer = offer_of(
                    self.board, self.ticket, facts, item, place, self.room, self.version
                )
                good.append((item, offer))
            else:
                self.reasons[_why(place, self.board.compiled.problem)] += 1
        return good

    def _has_engineer(self, window: Window) -> bool:
        """Whether any shift of that time may take the ticket; count the window if none may."""
        there = during(self.board, window)
        if not there.any():
            self.reasons["NO_SHIFT"] += 1
        elif self.prepared.blocked[there].all():
            self.reasons["NO_ENGINEER"] += 1
        else:
            return True
        return False

    def blocked_by(self) -> dict[str, int]:
        """Count the shifts of these times that each rule keeps the ticket out of."""
        there = np.zeros(len(self.prepared.blocked), np.bool_)
        for item in self.items:
            there |= during(self.board, item.window)
        return blocked_by(self.prepared.blocked[there])


def room_per_hour(board: Board, prices: Mapping[str, int]) -> Int64Array:
    """Return ``int64[S]`` the price of an hour of each shift, 0 where none is known."""
    return np.array([prices.get(shift, 0) for shift in board.compiled.shift_ids], np.int64)


def during(board: Board, window: Window) -> npt.NDArray[np.bool_]:
    """Return ``bool[S]`` which shifts last at some time of a window."""
    inst, seconds = board.compiled.instance, board.compiled.ctx.seconds
    begins, ends = seconds(window.open), seconds(window.close)
    there: npt.NDArray[np.bool_] = (inst.shift_begin <= ends) & (inst.shift_hard_end >= begins)
    return there


def blocked_by(blocked: npt.NDArray[np.uint32]) -> dict[str, int]:
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
