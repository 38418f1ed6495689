from __future__ import annotations

from tests.builders import blocked, engineer, faults, orders, problem, reason, shift, ticket

CREW = [
    engineer("e1", shift("s1"), shift("s2", day=1)),
    engineer("e2", shift("s3")),
]


def test_kept_and_broken_on_every_shift_of_the_engineer() -> None:
    task = problem([ticket("t", refused_engineers=["e1"])], CREW, days=2)
    assert faults(task, orders(s1="t")) == [("refused_engineers", "t", "s1")]
    assert faults(task, orders(s2="t")) == [("refused_engineers", "t", "s2")]
    assert faults(task, orders(s3="t")) == []
    assert blocked(task, "refused_engineers") == {("t", "s1"), ("t", "s2")}


def test_refusing_everybody_nobody_and_somebody_unknown() -> None:
    tickets = [
        ticket("all", refused_engineers=["e2", "e1"]),
        ticket("none", refused_engineers=[]),
        ticket("gone", refused_engineers=["e9"]),
    ]
    task = problem(tickets, CREW, days=2)
    assert blocked(task, "refused_engineers") == {("all", s) for s in ("s1", "s2", "s3")}
    assert reason(task, "refused_engineers", "all") == "ALL_EXCLUDED"
    assert faults(task, orders(s1="none gone")) == []
