"""The board's changes by hand: what it refuses, how it grows, what it tells."""

from __future__ import annotations

from typing import Any

import pytest

import dispatchopt as do
from dispatchopt.board import Board
from dispatchopt.models import Plan, Problem, Ticket, Window
from dispatchopt.models.plan import Rejected
from dispatchopt.solvers import held
from tests import small
from tests.small import at


def ticket(ticket_id: str = "n", **fields: Any) -> Ticket:
    return Ticket(**{"id": ticket_id, "fault_type": "plain", "place": "b", "priority": 3, **fields})


def window(opens: str, closes: str) -> Window:
    return Window(open=at(opens), close=at(closes))


def orders(*ticket_ids: str) -> Plan:
    visits = [{"ticket_id": ticket_id} for ticket_id in ticket_ids]
    return Plan.model_validate({"routes": [{"shift_id": "s0", "visits": visits}]})


def board(problem: Problem, *ticket_ids: str, **fields: Any) -> Board:
    return Board(do.Planner(problem), orders(*ticket_ids), **fields)


def test_a_plan_that_is_not_feasible_is_refused_with_every_route() -> None:
    # Two visits of 30 minutes, a quarter of an hour from home: not in 60 minutes.
    problem = small.problem([{}, {}], shift={"end": at("09:00")})
    with pytest.raises(do.InvalidProblemError, match="plan 's0'.*not feasible"):
        board(problem, "t0", "t1")


def test_too_many_visits_for_a_shift_are_refused_too() -> None:
    with pytest.raises(do.InvalidProblemError, match="not feasible"):
        board(small.problem([{}, {}], shift={"max_visits": 1}), "t0", "t1")


def test_a_ticket_where_a_rule_forbids_it_is_refused_too() -> None:
    with pytest.raises(do.InvalidProblemError, match="not feasible"):
        board(small.problem([{"skills": {"fibre": 1}}]), "t0")


def test_a_plan_of_another_problem_is_refused_with_all_that_is_unknown() -> None:
    plan = Plan.model_validate(
        {
            "routes": [
                {"shift_id": "s0", "visits": [{"ticket_id": t} for t in ("t8", "t0", "t9")]},
                {"shift_id": "s7", "visits": [{"ticket_id": "t6"}]},
            ]
        }
    )
    with pytest.raises(do.InvalidProblemError) as caught:
        Board(do.Planner(small.problem([{}])), plan)
    found = [(issue.kind, issue.id) for issue in caught.value.issues]
    assert found == [("shift", "s7"), ("ticket", "t8"), ("ticket", "t9"), ("ticket", "t6")]
    assert str(caught.value).count("give the problem that the plan was made for") == 4


def test_the_plan_tells_why_what_came_since_is_left_out() -> None:
    held = board(small.problem([{}]), "t0")
    held.update(ticket("night", appointment=window("21:00", "22:00")))
    held.update(ticket("unskilled", skills={"fibre": 1}))
    held.update(ticket("fits"))  # nobody has looked for a place
    plan = held.plan()
    assert {item.ticket_id: item.reason for item in plan.unserved} == {
        "night": "NO_SHIFT_IN_WINDOW",
        "unskilled": "NO_ENGINEER_WITH_SKILL",
        "fits": "SEARCH_LIMIT",
    }


def test_tickets_that_are_over_or_refused_leave_the_plan() -> None:
    problem = small.problem([{}, {"status": "done"}, {"status": "cancelled"}, {"status": "parked"}])
    refused = Rejected(ticket_id="t9", issues=("no place",))
    made = Board(do.Planner(problem, rejected=(refused,)), orders("t3", "t2", "t1", "t0", "t9"))
    assert made.orders() == {"s0": ["t0"]}


def test_insert_takes_the_place_that_was_found_and_remove_gives_it_back() -> None:
    mine = board(small.problem([{}]), "t0")
    start, cost = mine.version, mine.cost()
    (place,) = mine.places(ticket(), [window("09:00", "10:00")])
    assert mine.version == start
    assert mine.insert(ticket(), "s0", window("09:00", "10:00")) == place
    assert mine.cost() == cost + place.added_cost
    assert mine.orders() == {"s0": ["t0", "n"]}
    assert mine.shift_of("n") == "s0"
    assert mine.kept() == {"n": place.kept_probability}
    promised = mine.ticket("n")
    assert promised is not None and promised.appointment == window("09:00", "10:00")
    assert mine.version != start
    assert mine.remove("n") == ()
    assert mine.orders() == {"s0": ["t0"]}
    assert (mine.kept(), mine.cost()) == ({}, cost)
    again = mine.ticket("n")
    assert again is not None and again.appointment is None
    assert [item.ticket_id for item in mine.plan().unserved] == ["n"]


def test_without_a_place_nothing_changes() -> None:
    mine = board(small.problem([{}]), "t0")
    before = (mine.version, mine.orders(), mine.starts(), mine.problem())
    assert mine.insert(ticket(), "s0", window("06:00", "07:00")) is None
    planned = mine.ticket("t0")
    assert planned is not None
    assert mine.insert(planned, "s0", window("06:00", "07:00")) is None
    assert mine.insert(ticket(duration=14_000), "s0", None, ("t0",)) is None
    assert (mine.version, mine.orders(), mine.starts(), mine.problem()) == before


def test_a_planned_ticket_moves() -> None:
    mine = board(small.problem([{}, {}]), "t0", "t1")
    first = mine.ticket("t0")
    assert first is not None
    assert mine.insert(first, "s0", window("11:00", "11:30")) is not None
    assert mine.orders() == {"s0": ["t1", "t0"]}
    assert mine.starts() == {"t1": ("s0", 8 * 3600 + 900), "t0": ("s0", 11 * 3600)}


def test_a_ticket_that_stays_where_it_is_weakens_nothing() -> None:
    # t0 lasts from 08:15 until 09:45 as planned, often longer: t1 is not sure with it.
    policy = {"kept_calibration": []}
    promised = {"appointment": {"open": at("09:00"), "close": at("10:00")}}
    mine = board(small.problem([{"duration": 5400}, promised], policy=policy), "t0", "t1")
    assert mine.kept()["t1"] < 0.9
    known = mine.ticket("t0")
    assert known is not None
    (place,) = mine.places(known, [window("08:00", "08:30")])
    assert place.is_good
    assert place.weakest == place.weakest_before == mine.kept()["t1"]
    # Another one like it does weaken it: it has none before it now.
    alone = board(small.problem([{"duration": 5400}, promised], policy=policy), "t1")
    (other,) = alone.places(known, [window("08:00", "08:30")])
    assert (other.is_good, other.weakens, other.weakest_before) == (False, True, 1.0)


def test_who_cannot_leave_is_told() -> None:
    promised = {"appointment": {"open": at("08:00"), "close": at("09:00")}}
    mine = board(small.problem([promised, {}]), "t0")
    with pytest.raises(do.InvalidProblemError) as caught:
        mine.insert(ticket(), "s0", None, ("t0", "t1"))
    assert [issue.id for issue in caught.value.issues] == ["t0", "t1"]
    with pytest.raises(do.InvalidProblemError, match="no such shift"):
        mine.insert(ticket(), "s9", None)
    with pytest.raises(KeyError):
        mine.remove("nobody")
    with pytest.raises(ValueError, match="one window at least"):
        mine.places(ticket(), [])


def test_facts_of_a_shift_are_not_changed_here() -> None:
    begun = {"status": "started", "assigned_engineer": "e0", "assigned_start": at("08:00")}
    locked = {"lock": "visit", "assigned_engineer": "e0", "assigned_start": at("10:00")}
    mine = board(small.problem([begun, locked, {}]), "t0", "t1", "t2")
    for ticket_id in ("t0", "t1"):
        known = mine.ticket(ticket_id)
        assert known is not None and mine.is_fact(known)
        free = known.model_copy(update={"status": "open", "lock": "none"})
        for refused in (
            lambda t=known: mine.places(t, [None]),
            lambda t=free: mine.insert(t, "s0", None),
            lambda t=known: mine.remove(t.id),
            lambda t=free: mine.update(t),
        ):
            with pytest.raises(do.InvalidProblemError, match="plan the whole problem anew"):
                refused()
    assert mine.orders() == {"s0": ["t1", "t2"]}
    assert do.check(mine.problem(), mine.plan()).is_valid


def test_an_update_takes_the_ticket_out_of_its_route() -> None:
    mine = board(small.problem([{}, {}]), "t0", "t1")
    cancelled = mine.ticket("t0")
    assert cancelled is not None
    mine.update(cancelled.model_copy(update={"status": "cancelled"}))
    mine.update(ticket("new"))
    assert mine.orders() == {"s0": ["t1"]}
    plan = mine.plan()
    assert [item.ticket_id for item in plan.not_plannable] == ["t0"]
    assert [item.ticket_id for item in plan.unserved] == ["new"]


def test_what_a_ticket_waits_for_may_be_done_meanwhile() -> None:
    mine = board(small.problem([{}, {"after": ["t0"]}]), "t0")
    first, second = mine.ticket("t0"), mine.ticket("t1")
    assert first is not None and second is not None
    assert mine.places(second, [None]) == []
    mine.update(first.model_copy(update={"status": "done"}))
    assert len(mine.places(second, [None])) == 1
    # And so for tickets that both came later.
    mine.update(ticket("n0"))
    later = ticket("n1", after=("n0",))
    assert mine.places(later, [None]) == []
    mine.update(ticket("n0", status="cancelled"))
    assert mine.insert(later, "s0", None) is not None
    assert do.check(mine.problem(), mine.plan()).is_valid


def test_tickets_whose_way_led_over_another_leave_with_it() -> None:
    # From home to c leads no way but over b; home is reached from everywhere.
    seconds = [[0, 600, None], [600, 0, 600], [600, 600, 0]]
    problem = small.problem([{}, {"place": "c"}], seconds=seconds)
    mine = board(problem, "t0", "t1")
    assert mine.remove("t0") == ("t1",)
    assert mine.orders() == {"s0": []}
    # Its own place is all there is for the one that the others need.
    other = board(problem, "t0", "t1")
    known = other.ticket("t0")
    assert known is not None
    (place,) = other.places(known, [window("08:00", "09:00")])
    assert (place.position, place.start) == (0, 8 * 3600 + 600)
    assert other.insert(known, "s0", window("08:00", "09:00")) is not None
    assert other.orders() == {"s0": ["t0", "t1"]}


def test_a_board_grows_and_answers_as_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "SPARE_ROWS", 1)
    monkeypatch.setattr(held, "SPARE_VISITS", 1)
    problem = small.problem(
        [{"duration": 600}], seconds=[[0, 60, 120], [60, 0, 60], [120, 60, 0]], shift={"stock": {}}
    )
    problem = problem.model_copy(
        update={
            "engineers": tuple(
                engineer.model_copy(
                    update={
                        "shifts": tuple(
                            shift.model_copy(update={"stock": {"ont": 3, "cable": 2}})
                            for shift in engineer.shifts
                        )
                    }
                )
                for engineer in problem.engineers
            )
        }
    )
    mine = board(problem, "t0")
    wishes = tuple({"open": at(f"{h:02}:00"), "close": at(f"{h:02}:10")} for h in (8, 9, 10, 11))
    news = [
        ticket("p1", duration=300, parts={"ont": 2}, place="c"),
        ticket("p2", duration=300, parts={"cable": 1}, due=at("09:00"), place="a"),
        ticket("p3", duration=300, windows=wishes, latest=at("11:30")),
        *(ticket(f"q{i}", duration=300) for i in range(6)),
    ]
    for number, new in enumerate(news):
        promised = window("08:00", "12:00") if number % 2 else None
        assert mine.insert(new, "s0", promised) is not None
    asked = [ticket("x", parts={"ont": 1, "cable": 1}), ticket("y", parts={"ont": 2})]
    fresh = Board(do.Planner(mine.problem()), mine.plan())
    assert fresh.orders() == mine.orders()
    assert fresh.kept() == mine.kept()
    for one in asked:
        windows = [window("08:00", "10:00"), window("10:00", "12:00"), None]
        assert mine.places(one, windows) == fresh.places(one, windows)
    assert mine.places(asked[1], [None]) == []  # two of three are promised to p1


def test_a_copy_is_its_own() -> None:
    mine = board(small.problem([{}]), "t0")
    other = mine.copy()
    assert other.version == mine.version
    other.insert(ticket(), "s0", window("09:00", "10:00"))
    assert mine.orders() == {"s0": ["t0"]}
    assert mine.ticket("n") is None
    assert mine.insert(ticket(), "s0", window("09:00", "10:00")) is not None
    assert (mine.orders(), mine.version) == (other.orders(), other.version)
