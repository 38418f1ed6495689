"""Less room never makes the best plan cheaper."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchopt.instance import compile_problem
from tests.brute_force import best_plan
from tests.strategies import problems

if TYPE_CHECKING:
    from dispatchopt.models import Problem

FREE = {
    "lock": "none",
    "status": "open",
    "assigned_engineer": None,
    "assigned_start": None,
    "preferred_engineers": None,
    "refused_engineers": None,
}
"""What ties a ticket to engineers: who leaves takes a price or a fact along with him."""


def optimum(problem: Problem) -> int:
    best = best_plan(compile_problem(problem).instance)
    assert best is not None
    return best[0]


def freed(problem: Problem) -> Problem:
    # The prices of `strict` depend on the shifts there are.
    assume(problem.policy.preset != "strict")
    tickets = tuple(ticket.model_copy(update=FREE) for ticket in problem.tickets)
    return problem.model_copy(update={"tickets": tickets, "previous_plan": None})


@settings(max_examples=60)
@given(problems(always="windows"), st.data())
def test_a_tighter_window_never_lowers_the_optimum(drawn: Problem, data: st.DataObject) -> None:
    problem = freed(drawn)
    assume(any(ticket.windows for ticket in problem.tickets))
    at = data.draw(st.sampled_from([i for i, t in enumerate(problem.tickets) if t.windows]))
    ticket = problem.tickets[at]
    first = ticket.windows[0]
    length = int((first.close - first.open).total_seconds())
    cut = data.draw(st.sampled_from([part for part in (0, 900, 1800, 3600) if part <= length]))
    side = data.draw(st.sampled_from(("open", "close")))
    moved = (
        first.open + timedelta(seconds=cut)
        if side == "open"
        else first.close - timedelta(seconds=cut)
    )
    windows = (first.model_copy(update={side: moved}), *ticket.windows[1:])
    tickets = list(problem.tickets)
    tickets[at] = ticket.model_copy(update={"windows": windows})
    tighter = problem.model_copy(update={"tickets": tuple(tickets)})
    assert optimum(tighter) >= optimum(problem)


@settings(max_examples=60)
@given(problems(), st.data())
def test_an_engineer_less_never_lowers_the_optimum(drawn: Problem, data: st.DataObject) -> None:
    problem = freed(drawn)
    at = data.draw(st.integers(0, len(problem.engineers) - 1))
    engineers = problem.engineers[:at] + problem.engineers[at + 1 :]
    assert optimum(problem.model_copy(update={"engineers": engineers})) >= optimum(problem)


@settings(max_examples=60)
@given(problems(), st.data())
def test_a_skill_less_never_lowers_the_optimum(drawn: Problem, data: st.DataObject) -> None:
    problem = freed(drawn)
    owners = [i for i, engineer in enumerate(problem.engineers) if engineer.skills]
    assume(owners)
    at = data.draw(st.sampled_from(owners))
    engineer = problem.engineers[at]
    lost = data.draw(st.sampled_from(sorted(engineer.skills)))
    skills = {name: level for name, level in engineer.skills.items() if name != lost}
    engineers = list(problem.engineers)
    engineers[at] = engineer.model_copy(update={"skills": skills})
    fewer = problem.model_copy(update={"engineers": tuple(engineers)})
    assert optimum(fewer) >= optimum(problem)
