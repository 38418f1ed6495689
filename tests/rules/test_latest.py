from __future__ import annotations

from dispatchopt.forms import FOREVER
from tests.builders import at, faults, forms, orders, problem, reason, sec, ticket


def test_kept_broken_and_exactly_on_the_boundary() -> None:
    # There at 08:10, an hour of service: ends at 09:10.
    for latest, expected in [
        ("09:11", []),
        ("09:10", []),
        ("09:09:59", [("latest", "t", "s")]),
    ]:
        task = problem([ticket("t", "a", latest=at(latest))])
        assert faults(task, orders(s="t")) == expected


def test_the_second_of_two_can_be_too_late() -> None:
    # t1 ends at 09:10, 10 minutes to b, an hour there: 10:20.
    tickets = [ticket("t1", "a"), ticket("t2", "b", latest=at("10:19"))]
    assert faults(problem(tickets), orders(s="t1 t2")) == [("latest", "t2", "s")]
    # The other way round: t2 ends at 09:20.
    assert faults(problem(tickets), orders(s="t2 t1")) == []


def test_lowered_to_the_limit() -> None:
    task = problem([ticket("t", latest=at("09:10")), ticket("u")])
    assert forms(task).latest.tolist() == [sec("09:10"), FOREVER]
    assert reason(task, "latest") == "WOULD_END_TOO_LATE"
