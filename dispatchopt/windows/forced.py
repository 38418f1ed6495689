"""Forced windows: "19:00 or nothing". Feasible or not, what it costs, who would have to move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchopt.board import Board
from dispatchopt.errors import InternalError
from dispatchopt.models import Forced, Moved, Problem
from dispatchopt.solve import Planner
from dispatchopt.windows.grade import offer_of
from dispatchopt.windows.offers import blocked_by, during
from dispatchopt.windows.slots import candidate_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dispatchopt.board import Found
    from dispatchopt.models import Plan, Ticket, Window
    from dispatchopt.models.offer import NotOffered


def offer_forced(
    planner: Planner | Problem,
    plan: Plan,
    ticket: Ticket,
    window: Window,
    *,
    displace: bool = True,
    seed: int = 0,
) -> Forced:
    """Say what a window would take that a customer insists on, however unsure it is.

    Neither slots nor wishes, visiting hours or lead time count; rules and promises do.

    Parameters
    ----------
    planner
        Of the problem that the plan is for; the problem will do.
    plan
        The plan in force; orders are enough.
    ticket
        May be new, or stand in the plan.
    window
        In it service is to start.
    displace
        Whether visits without a promise may leave the plan for it where there is no room else.
    seed
        Of the days that are played through.

    Returns
    -------
    Forced
        With the visits that would start at another time; where it is not feasible, why not.

    Raises
    ------
    InvalidProblemError
        If the ticket contradicts the problem, is not to be visited, has begun or is locked to its
        time, or the window closes before it opens; with all faults.
    """
    planner = Planner(planner) if isinstance(planner, Problem) else planner
    return forced_on(Board(planner, plan, seed=seed), ticket, window, displace=displace)


def forced_on(board: Board, ticket: Ticket, window: Window, *, displace: bool = True) -> Forced:
    """Say what a window would take beside the plan that a board holds; see `offer_forced`."""
    with board.lock:
        prepared = board.prepare(ticket, [window])
        found = board.best_of(prepared)
        if not found and displace:
            found = board.best_of(prepared, displace=True)
        if not found:
            return _refused(board, ticket, window, prepared.blocked)
        return forced_at(board, ticket, window, found[0])


def forced_at(board: Board, ticket: Ticket, window: Window, place: Found) -> Forced:
    """Say what a window takes at a place that was found for it on the same board."""
    with board.lock:
        after = board.copy()
        if after.insert(ticket, place.shift_id, window, place.displaces) is None:
            raise InternalError(f"ticket '{ticket.id}' has no room where its place was found")
        offer = offer_of(
            board,
            ticket,
            board.prepare(ticket, [window]).facts[0],
            candidate_of(board.compiled.problem, ticket, window),
            place,
            {},
            board.version,
        )
        return Forced(
            ticket_id=ticket.id,
            window=window,
            is_feasible=True,
            offer=offer,
            price=offer.grade_parts.total,
            moves=_moves(board, after, ticket.id),
            displaces=place.displaces,
        )


def _moves(before: Board, after: Board, ticket_id: str) -> tuple[Moved, ...]:
    """Return the other visits that start at another time or on another shift."""
    instant, now = before.compiled.ctx.instant, after.starts()
    return tuple(
        Moved(
            ticket_id=other,
            from_start=instant(start),
            to_start=instant(now[other][1]),
            from_shift=shift_id,
            to_shift=now[other][0],
        )
        for other, (shift_id, start) in before.starts().items()
        if other != ticket_id and other in now and now[other] != (shift_id, start)
    )


def _refused(
    board: Board,
    ticket: Ticket,
    window: Window,
    blocked: npt.NDArray[np.uint32],
) -> Forced:
    """Say what stands in the way: the time, the rules by shift, or the room."""
    problem, there = board.compiled.problem, during(board, window)
    now = problem.now or problem.horizon.start
    released = max((at for at in (ticket.earliest, ticket.known_at) if at), default=now)
    reason: NotOffered = "NO_ROOM"
    if window.close < max(now, released):
        reason = "TOO_SOON"
    elif ticket.latest is not None and window.open > ticket.latest:
        reason = "AFTER_SERVICE_LIMIT"
    elif not there.any():
        reason = "NO_SHIFT"
    elif blocked[there].all():
        reason = "NO_ENGINEER"
    return Forced(
        ticket_id=ticket.id,
        window=window,
        is_feasible=False,
        reason=reason,
        breaks_rules=blocked_by(blocked[there]),
    )
