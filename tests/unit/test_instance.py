from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.checker import check
from dispatchopt.errors import InternalError
from dispatchopt.instance import compile_problem, decode, encode
from dispatchopt.models import NotPlannable, Plan, Unserved
from tests.builders import (
    at,
    engineer,
    free,
    orders,
    problem,
    sec,
    shift,
    ticket,
    window,
)

CREW = [engineer("e", shift("s1"), shift("s2", day=1)), engineer("f", shift("s3"))]
TASK = problem(
    [ticket("t", "a"), ticket("done", status="done"), ticket("u", "b"), ticket("v", "c", 30)],
    CREW,
    days=2,
)


def test_indices_follow_the_input_and_leave_out_what_is_not_planned() -> None:
    compiled = compile_problem(TASK)
    assert compiled.ticket_ids == ("t", "u", "v")
    assert compiled.shift_ids == ("s1", "s2", "s3")
    assert compiled.problem is TASK
    form = compiled.instance
    assert (form.num_tickets, form.num_shifts) == (3, 3)
    assert form.duration[:, 0].tolist() == [3600, 3600, 1800]
    assert form.shift_begin.tolist() == [sec("08:00"), sec("08:00", 1), sec("08:00")]


def test_decode_writes_routes_with_visits_and_every_other_ticket_with_its_reason() -> None:
    compiled = compile_problem(TASK)
    known = Unserved(ticket_id="u", reason="LOST_TO_OTHERS", detail={"to": ["v"]})
    plan = decode(compiled, [[], [2, 0], []], {"u": known})
    assert [route.shift_id for route in plan.routes] == ["s2"]
    assert [visit.ticket_id for visit in plan.routes[0].visits] == ["v", "t"]
    # Half an hour out on the second day.
    assert plan.routes[0].visits[0].start == at("08:30", day=1)
    assert plan.unserved == (known,)
    assert plan.not_plannable == (NotPlannable(ticket_id="done", status="done"),)
    assert check(TASK, plan).is_valid


def test_without_a_reason_the_search_gave_up() -> None:
    plan = decode(compile_problem(TASK), [[], [], []])
    assert [(item.ticket_id, item.reason) for item in plan.unserved] == [
        ("t", "SEARCH_LIMIT"),
        ("u", "SEARCH_LIMIT"),
        ("v", "SEARCH_LIMIT"),
    ]


@pytest.mark.parametrize(
    ("previous", "base"),
    [(None, None), ({"plan_id": "p7", "routes": ()}, "p7"), ({"routes": ()}, None)],
)
def test_a_plan_names_the_plan_that_it_replaces(previous: object, base: str | None) -> None:
    task = problem([ticket()], previous_plan=previous)
    assert decode(compile_problem(task), [[0]]).base_version == base


def test_an_order_without_schedule_is_a_mistake_of_ours() -> None:
    late = ticket("t", "a", windows=[window("08:00", "08:05")])
    with pytest.raises(InternalError, match="shift s has no schedule"):
        decode(compile_problem(problem([late])), [[0]])


def test_one_order_for_each_shift() -> None:
    with pytest.raises(ValueError, match="zip"):
        decode(compile_problem(TASK), [[0]])


@given(
    assigned=st.lists(st.sampled_from((0, 1, 2, 3)), min_size=3, max_size=3),
    ranks=st.permutations(range(3)),
)
def test_encode_reads_what_decode_wrote(assigned: list[int], ranks: list[int]) -> None:
    compiled = compile_problem(TASK)
    routes = [[t for t in ranks if assigned[t] == s] for s in range(3)]
    plan = decode(compiled, routes)
    assert encode(compiled, plan) == routes
    assert check(TASK, plan).is_valid


def test_encode_leaves_out_what_the_problem_does_not_know() -> None:
    compiled = compile_problem(TASK)
    # x is unknown, done needs no visit, the second t comes twice, s9 is no shift.
    foreign = orders(s3="u x t done", s1="t", s9="v")
    assert encode(compiled, foreign) == [[], [], [1, 0]]
    assert encode(compiled, Plan(routes=[])) == [[], [], []]


def test_a_started_visit_stands_in_its_shift_and_in_no_order() -> None:
    now = ticket("now", "c", status="started", assigned_engineer="e", assigned_start=at("08:00"))
    task = problem([now, ticket("t", "b")], now=at("08:30"))
    compiled = compile_problem(task)
    assert compiled.ticket_ids == ("t",)
    plan = decode(compiled, [[]])
    assert [visit.ticket_id for visit in plan.routes[0].visits] == ["now"]
    assert [item.ticket_id for item in plan.unserved] == ["t"]
    assert encode(compiled, plan) == [[]]
    assert check(task, plan).is_valid


@pytest.mark.parametrize(
    ("tickets", "engineers"),
    [([], CREW), ([ticket("t")], []), ([ticket("t")], [engineer("e", shifts=())]), ([], [])],
)
def test_nothing_to_do_or_nobody_to_do_it(tickets: list[object], engineers: list[object]) -> None:
    task = problem(tickets, engineers, days=2)  # type: ignore[arg-type]
    compiled = compile_problem(task)
    plan = decode(compiled, [[] for _ in compiled.shift_ids])
    report = check(task, plan)
    assert report.is_valid
    assert report.cost.total == 0
    assert plan.routes == ()
    assert len(plan.unserved) == len(tickets)


def test_compiling_twice_gives_the_same_arrays_and_they_can_be_sent_elsewhere() -> None:
    task = problem(
        [ticket("t", "a", due=at("09:00")), ticket("u", "b", skills={"fibre": 1})],
        CREW,
        days=2,
        policy=free(delay_per_hour={3: 100}, late_cost={3: 5}, overskill_cost=3),
    )
    one, two = compile_problem(task), compile_problem(task)
    sent = pickle.loads(pickle.dumps(one))
    for other in (two, sent):
        assert other.ticket_ids == one.ticket_ids
        for name, array in one.instance._asdict().items():
            assert np.array_equal(array, getattr(other.instance, name)), name


def test_a_five_day_problem_has_a_shift_for_each_day() -> None:
    crew = [engineer("e", *(shift(f"d{d}", day=d) for d in range(5)))]
    far = ticket("t", "a", windows=[window("09:00", "10:00", day=3)])
    task = problem([far], crew, days=5)
    compiled = compile_problem(task)
    assert compiled.instance.num_shifts == 5
    # The window lies on the fourth day: too late for the earlier ones, over on the fifth.
    for day in range(5):
        routes: list[list[int]] = [[0] if d == day else [] for d in range(5)]
        if day == 3:
            assert check(task, decode(compiled, routes)).is_valid
        else:
            with pytest.raises(InternalError):
                decode(compiled, routes)
