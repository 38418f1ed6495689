from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dispatchopt.models import Forced, GradeParts, Offer, Offers, Policy, Slot, Window

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
ELEVEN = datetime(2026, 11, 23, 11, tzinfo=UTC)


def offer(**fields: Any) -> Offer:
    return Offer(
        **{
            "offer_id": "o1",
            "ticket_id": "T1",
            "window": Window(open=NINE, close=ELEVEN),
            "shift_id": "S1",
            "engineer_id": "E1",
            "start": NINE,
            "duration_p50": 1800,
            "duration_p80": 2700,
            "kept_probability": 0.97,
            "added_cost": 1200,
            "grade": 90.5,
            "grade_parts": GradeParts(added_cost=1000, tardiness=200, risk=432),
            "version": "v1",
            **fields,
        }
    )


def test_slots_tell_the_minutes_of_their_day() -> None:
    slot = Slot(open="08:30", close="24:00")
    assert (slot.open_minute, slot.close_minute) == (510, 1440)


@pytest.mark.parametrize(
    ("opens", "closes"),
    [("10:00", "10:00"), ("10:00", "09:59"), ("24:00", "24:00"), ("8:00", "10:00")]
    + [("08:00", "24:01"), ("08:00", "25:00"), ("08:60", "10:00"), (800, 1000)],
)
def test_slots_open_before_they_close_by_the_clock(opens: Any, closes: Any) -> None:
    with pytest.raises(ValidationError):
        Slot(open=opens, close=closes)


def test_the_policy_offers_two_hours_from_eight_to_eight() -> None:
    policy = Policy()
    assert [(slot.open, slot.close) for slot in policy.slots] == [
        ("08:00", "10:00"),
        ("10:00", "12:00"),
        ("12:00", "14:00"),
        ("14:00", "16:00"),
        ("16:00", "18:00"),
        ("18:00", "20:00"),
    ]
    assert [slot.open for slot in policy.fallback_slots] == ["08:00", "14:00"]
    assert (policy.visiting_hours.open, policy.visiting_hours.close) == ("08:00", "20:00")
    assert policy == Policy.model_validate_json(policy.model_dump_json())


@pytest.mark.parametrize(
    "knots",
    [
        [[0.5, 0.4], [0.5, 0.5]],  # the same figure twice
        [[0.5, 0.4], [0.4, 0.5]],
        [[0.5, 0.4], [0.6, 0.3]],  # surer, and kept less often
        [[0.5, 1.1]],
    ],
)
def test_a_calibration_rises(knots: list[list[float]]) -> None:
    with pytest.raises(ValidationError):
        Policy(kept_calibration=knots)
    assert Policy(kept_calibration=[[0.5, 0.4], [1, 0.97]]).kept_calibration[1] == (1, 0.97)


def test_an_offers_price_is_the_sum_of_its_parts() -> None:
    assert offer().grade_parts.total == 1632
    assert GradeParts(added_cost=-5, room=3).total == -2


def test_offers_are_a_list_that_tells_what_was_left_out() -> None:
    offers = Offers([offer()], ticket_id="T1", version="v1", not_offered={"NO_ROOM": 3})
    assert [one.offer_id for one in offers] == ["o1"]
    assert (offers.not_offered, offers.blocked_by) == ({"NO_ROOM": 3}, {})
    assert "NO_ROOM" in repr(offers) and "o1" in repr(offers)
    assert not Offers(ticket_id="T1", version="v1")


def test_answers_are_json_and_back() -> None:
    forced = Forced(
        ticket_id="T1",
        window=Window(open=NINE, close=ELEVEN),
        is_feasible=True,
        offer=offer(displaces=["T2"]),
        price=1632,
    )
    data = json.loads(forced.model_dump_json())
    assert "reason" not in data
    assert Forced.model_validate(data) == forced
