from __future__ import annotations

import pytest

from tests.builders import blocked, engineer, faults, forms, orders, problem, reason, shift, ticket

UNLIMITED = 2**30


def test_kept_broken_and_exactly_on_the_boundary() -> None:
    tickets = [
        ticket("t", minutes=30, parts={"ont": 1}),
        ticket("u", minutes=30, parts={"ont": 2}),
        ticket("v", minutes=30, parts={"ont": 1}),
    ]
    task = problem(tickets, [engineer(stock={"ont": 3})])
    assert faults(task, orders(s="t u")) == []  # 1 + 2 of 3
    assert faults(task, orders(s="t u v")) == [("parts", "v", "s")]  # 4 of 3
    assert blocked(task, "parts") == set()
    form = forms(task)
    assert form.demand.tolist() == [[1], [2], [1]]
    assert form.capacity.tolist() == [[3]]


def test_each_part_is_counted_for_itself() -> None:
    tickets = [ticket("t", parts={"ont": 1, "cable": 5}), ticket("u", parts={"cable": 1})]
    task = problem(tickets, [engineer(stock={"ont": 1, "cable": 5})])
    assert faults(task, orders(s="t")) == []
    assert faults(task, orders(s="t u")) == [("parts", "u", "s")]  # 6 cables of 5
    form = forms(task)
    assert form.demand.tolist() == [[5, 1], [1, 0]]  # cable, ont
    assert form.capacity.tolist() == [[5, 1]]


def test_absent_is_not_tracked_and_empty_is_none() -> None:
    crew = [
        engineer("e1", shift("s1")),
        engineer("e2", shift("s2"), stock={}),
        engineer("e3", shift("s3", stock={"ont": 1}), stock={"ont": 9}),  # the shift's own counts
    ]
    tickets = [ticket("t", parts={"ont": 1}), ticket("u", parts={"ont": 2}), ticket("v")]
    task = problem(tickets, crew)
    assert faults(task, orders(s1="t u v")) == []
    assert faults(task, orders(s2="v")) == []
    assert faults(task, orders(s2="t")) == [("parts", "t", "s2")]
    assert faults(task, orders(s3="t")) == []
    assert faults(task, orders(s3="u")) == [("parts", "u", "s3")]
    assert blocked(task, "parts") == {("t", "s2"), ("u", "s2"), ("u", "s3")}
    assert forms(task).capacity.tolist() == [[UNLIMITED], [0], [1]]


def test_the_packing_list_of_the_catalogue_is_no_rule() -> None:
    # ONT_REPLACE packs an optical modem; the ticket itself names no part.
    task = problem([ticket("t", fault_type="ONT_REPLACE")], [engineer(stock={})])
    assert faults(task, orders(s="t")) == []
    assert forms(task).demand.shape == (1, 0)


def test_stock_is_refilled_overnight() -> None:
    crew = [engineer("e", shift("s1"), shift("s2", day=1), stock={"ont": 1})]
    tickets = [ticket("t", parts={"ont": 1}), ticket("u", parts={"ont": 1})]
    task = problem(tickets, crew, days=2)
    assert faults(task, orders(s1="t", s2="u")) == []
    assert faults(task, orders(s1="t u")) == [("parts", "u", "s1")]


@pytest.mark.parametrize(
    ("stock", "code"),
    [
        ({}, "NO_PARTS"),
        ({"ont": 0, "cable": 9}, "NO_PARTS"),
        ({"ont": 1, "cable": 9}, "NOT_ENOUGH_PARTS"),
    ],
)
def test_the_reason_tells_none_and_too_few_apart(stock: dict[str, int], code: str) -> None:
    # A quantity of 0 asks for nothing: sleeves in no stock are no reason.
    needs = ticket("t", parts={"sleeve": 0, "ont": 2})
    assert reason(problem([needs], [engineer(stock=stock)]), "parts") == code


def test_too_few_on_one_shift_and_none_on_another_are_too_few() -> None:
    crew = [engineer("e", stock={"ont": 1}), engineer("f", shift("r"), stock={})]
    task = problem([ticket("t", parts={"ont": 2})], crew)
    assert blocked(task, "parts") == {("t", "s"), ("t", "r")}
    assert reason(task, "parts") == "NOT_ENOUGH_PARTS"
