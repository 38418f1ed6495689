"""A board that is brought to where another one is goes on as that one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.board import Board, Standing
from dispatchopt.errors import InvalidProblemError
from tests.boards import Case, cases, newcomers

if TYPE_CHECKING:
    from dispatchopt.models import Ticket, Window


def changed(board: Board, ticket: Ticket, step: str, window: Window | None, at: int) -> None:
    """Change a board, if it takes the change."""
    try:
        if step == "insert":
            places = board.places(ticket, [window], displace=True)
            if places:
                place = places[at % len(places)]
                board.insert(ticket, place.shift_id, window, place.displaces)
        elif step == "remove":
            board.remove(ticket.id)
        else:
            board.update(ticket.model_copy(update={"appointment": window}))
    except (InvalidProblemError, KeyError):
        pass


def told(board: Board) -> tuple[object, ...]:
    plan = board.plan().model_copy(update={"provenance": None})
    return (
        board.version, board.orders(), board.starts(), board.kept(), board.cost(),
        board.problem(), plan,
    )  # fmt: skip


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(("insert", "insert", "insert", "remove", "update")),
        st.integers(0, 3),
        st.integers(0, 2),
    ),
    max_size=6,
)


@given(case=cases(), steps=_STEPS, later=_STEPS)
def test_a_restored_board_goes_on_as_the_other(
    case: Case, steps: list[tuple[int, str, int, int]], later: list[tuple[int, str, int, int]]
) -> None:
    board = case.board
    tickets = [case.ticket, *newcomers(case.planner.compiled)]
    tickets.append(case.ticket.model_copy(update={"id": "later", "after": (tickets[-1].id,)}))
    windows = [None, *case.windows]

    def do(board: Board, steps: list[tuple[int, str, int, int]]) -> None:
        for who, step, when, at in steps:
            ticket = tickets[who % len(tickets)]
            changed(board, ticket, step, windows[when % len(windows)], at)

    do(board, steps)
    other = Board(case.planner, case.plan)
    other.restore(board.standing())
    assert told(other) == told(board)
    for ticket in tickets:
        assert other.ticket(ticket.id) == board.ticket(ticket.id)
    do(board, later)
    do(other, later)
    assert told(other) == told(board)


@given(case=cases())
def test_routes_of_another_board_are_refused(case: Case) -> None:
    orders = {shift_id: [case.ticket.id] * 20 for shift_id in case.board.orders()}
    faulty = Standing(orders, (case.ticket,), {}, "")
    with pytest.raises(InvalidProblemError, match="not feasible"):
        Board(case.planner, case.plan).restore(faulty)
