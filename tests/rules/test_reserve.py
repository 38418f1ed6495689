from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.forms import FOREVER, RESERVE
from tests.builders import cost, engineer, forms, free, orders, problem, shift, ticket

if TYPE_CHECKING:
    from dispatchopt.models import Engineer


def crew(**fields: Any) -> list[Engineer]:
    """Ten hours, 36 000 s."""
    return [engineer("e", shift("s", "08:00", "18:00"), **fields)]


TENTH = free(reserve_percent={"*": 10}, reserve_per_hour=1800)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        # A tenth is kept free: 9 hours of work cost nothing, 20 minutes of them are travel.
        (519, 0),
        (520, 0),
        (521, 30),  # a minute, at 1800 per hour
        (580, 1800),  # all of it
    ],
)
def test_kept_broken_and_exactly_on_the_boundary(minutes: int, expected: int) -> None:
    task = problem([ticket("t", "a", minutes)], crew(), policy=TENTH)
    assert cost(task, orders(s="t"), "reserve") == expected


def test_lowered_to_where_the_kept_room_begins() -> None:
    form = forms(problem([ticket()], crew(), policy=TENTH))
    assert form.reserve_from.tolist() == [32_400]
    assert form.rates[RESERVE] == 1800
    assert forms(problem([ticket()], crew())).reserve_from.tolist() == [FOREVER]
    # Past weeks stand in the load's base, so they shift where the room begins: 18 000 + 32 400.
    tired = crew(recent_minutes=60, recent_paid_minutes=120)
    assert forms(problem([ticket()], tired, policy=TENTH)).reserve_from.tolist() == [50_400]


def test_past_weeks_use_no_room() -> None:
    tired = crew(recent_minutes=60, recent_paid_minutes=120)
    task = problem([ticket("t", "a", 521)], tired, policy=TENTH)
    assert cost(task, orders(s="t"), "reserve") == 30


def test_reserved_minutes_use_the_room_first_and_are_not_charged() -> None:
    full = [engineer("e", shift("s", "08:00", "18:00", reserved_minutes=570))]
    task = problem([ticket("t", "a", 10)], full, policy=TENTH)
    # 9 h 30 min are promised, half an hour into the room; 30 minutes more fill it: 900.
    assert cost(task, orders(s="t"), "reserve") == 900


@pytest.mark.parametrize(
    ("percents", "starts"),
    [
        ({"fibre": 20, "*": 10}, 28_800),  # the largest that applies
        ({"fibre": 5, "*": 10}, 32_400),
        ({"iptv": 50, "fibre": 20}, 28_800),  # not a skill of this engineer
        ({"iptv": 50}, FOREVER),
        ({"fibre": 100}, 0),
        ({"fibre": 0}, FOREVER),
    ],
)
def test_by_skill_of_the_engineer(percents: dict[str, int], starts: int) -> None:
    policy = free(reserve_percent=percents, reserve_per_hour=1800)
    task = problem([ticket()], crew(skills={"fibre": 1}), policy=policy)
    assert forms(task).reserve_from.tolist() == [starts]
