from __future__ import annotations

from datetime import date

from tests.builders import (
    assign_cost,
    cost,
    engineer,
    free,
    orders,
    problem,
    shift,
    ticket,
)

POLICY = free(overskill_cost=300)


def test_each_level_too_much_costs_and_the_exact_level_is_free() -> None:
    crew = [
        engineer("e1", shift("s1"), skills={"fibre": 1, "iptv": 3}),
        engineer("e2", shift("s2"), skills={"fibre": 3, "iptv": 2}),
    ]
    tickets = [ticket("t", skills={"fibre": 1}), ticket("u", skills={"fibre": 1, "iptv": 1})]
    task = problem(tickets, crew, policy=POLICY)
    # t: 0 and 2 levels too much; u: 2 and 2 + 1. Skills that are not needed do not count.
    assert cost(task, orders(s1="t"), "overskill") == 0
    assert cost(task, orders(s2="t"), "overskill") == 600
    assert cost(task, orders(s2="t u"), "overskill") == 1500
    assert assign_cost(task) == {("t", "s2"): 600, ("u", "s1"): 600, ("u", "s2"): 900}


def test_an_expired_certificate_is_no_surplus() -> None:
    skills = {"fibre": 1, "iptv": {"level": 3, "expires": date(2026, 11, 22)}}
    task = problem([ticket("t", skills={"fibre": 1})], [engineer(skills=skills)], policy=POLICY)
    assert cost(task, orders(s="t"), "overskill") == 0
    assert assign_cost(task) == {}


def test_a_ticket_without_needs_is_free() -> None:
    task = problem([ticket("t")], [engineer(skills={"fibre": 3})], policy=POLICY)
    assert cost(task, orders(s="t"), "overskill") == 0
