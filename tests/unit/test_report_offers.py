from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from dispatchopt.booking.states import Booking
from dispatchopt.models import Forced, NotOffered, Offer, Offers
from dispatchopt.report.offers import (
    WORDS,
    booking_line,
    coming,
    forced_lines,
    offer_lines,
)
from tests.unit.raw_data import at

SHANGHAI = ZoneInfo("Asia/Shanghai")
WINDOW = {"open": at("14:00"), "close": at("16:00")}


def offer(**changed: Any) -> Offer:
    return Offer.model_validate(
        {
            "offer_id": "o1", "ticket_id": "T1", "window": WINDOW, "shift_id": "S1",
            "engineer_id": "E1", "engineer_name": "张三", "start": at("14:10"),
            "duration_p50": 43 * 60, "duration_p80": 58 * 60 + 1, "kept_probability": 0.958,
            "added_cost": 720, "grade": 91.23, "version": "v",
            "grade_parts": {"added_cost": 720, "tardiness": 60, "risk": 605, "room": 0}, **changed,
        }
    )  # fmt: skip


def test_offers_are_a_table_with_the_parts_of_the_grade() -> None:
    later = offer(window={"open": at("18:00"), "close": at("20:00")}, engineer_name=None,
                  is_after_due=True, displaces=["T7"], kept_probability=1.0, grade=80)  # fmt: skip
    offers = Offers(
        [offer(), later], ticket_id="T1", version="v",
        not_offered={"TOO_SOON": 1, "NO_ROOM": 12}, blocked_by={"skills": 3, "crew": 1},
    )  # fmt: skip
    assert offer_lines(offers, SHANGHAI) == [
        "2 windows for T1, prices in minutes of work",
        "                     window  kept  grade  added  late  risk  room  on site  who",
        "1.  Mon 23 Nov, 14:00-16:00   95%   91.2     12     1    10     0    43-59  E1 张三",
        "2.  Mon 23 Nov, 18:00-20:00   99%   80.0     12     1    10     0    43-59  E1",
        "2. after the service limit; leaves out T7, back to be planned again",
        "not offered: 12 NO_ROOM (no room in the plan)",
        "not offered: 1 TOO_SOON (past, or within the lead time)",
        "shifts that rules keep it out of: crew 1, skills 3",
    ]


def test_nothing_to_offer_says_why() -> None:
    offers = Offers([], ticket_id="T1", version="v", not_offered={"NO_SHIFT": 6})
    assert offer_lines(offers, SHANGHAI) == [
        "0 windows for T1, prices in minutes of work",
        "not offered: 6 NO_SHIFT (nobody works then)",
    ]


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(get_args(NotOffered))


def test_a_forced_window_says_what_it_takes() -> None:
    raw = {"ticket_id": "T1", "window": WINDOW, "is_feasible": True, "offer": offer(),
           "price": 1500, "displaces": ["T7", "T8"],
           "moves": [
               {"ticket_id": "T2", "from_start": at("15:00"), "to_start": at("15:40"),
                "from_shift": "S1", "to_shift": "S1"},
               {"ticket_id": "T3", "from_start": at("16:00"), "to_start": at("09:00"),
                "from_shift": "S1", "to_shift": "S2"},
           ]}  # fmt: skip
    assert forced_lines(Forced.model_validate(raw), SHANGHAI) == [
        "T1, Mon 23 Nov, 14:00-16:00: possible with E1 张三 at 14:10, kept 95%, price 25 minutes "
        "of work",
        "moves T2: 15:00 -> 15:40",
        "moves T3: 16:00 -> 09:00 on S2",
        "leaves out T7, T8, back to be planned again",
    ]
    impossible = Forced.model_validate(
        {"ticket_id": "T1", "window": WINDOW, "is_feasible": False, "reason": "NO_ROOM",
         "breaks_rules": {"skills": 2}}
    )  # fmt: skip
    assert forced_lines(impossible, SHANGHAI) == [
        "T1, Mon 23 Nov, 14:00-16:00: not possible, NO_ROOM (no room in the plan)",
        "shifts that rules keep it out of: skills 2",
    ]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"state": "held", "expires_at": at("13:00")},
            "T1: held, Mon 23 Nov, 14:00-16:00, E1, expires Mon 23 Nov, 13:00, version 2",
        ),
        (
            {
                "state": "confirmed",
                "first_window": {"open": at("09:00"), "close": at("10:00")},
                "contact_by": at("12:00"),
                "is_forced": True,
            },
            "T1: confirmed, Mon 23 Nov, 14:00-16:00, E1, forced, first promised Mon 23 Nov, "
            "09:00-10:00, call by Mon 23 Nov, 12:00, version 2",
        ),
        (
            {"state": "missed", "missed_by": "no_access", "engineer_id": None},
            "T1: missed by no_access, Mon 23 Nov, 14:00-16:00, version 2",
        ),
        (
            {"state": "done", "missed_by": "us"},
            "T1: done, missed before by us, Mon 23 Nov, 14:00-16:00, E1, version 2",
        ),
        (
            {"state": "confirmed", "is_forced": True, "shift_id": None, "engineer_id": None},
            "T1: confirmed, Mon 23 Nov, 14:00-16:00, without an engineer, forced, version 2",
        ),
        ({"state": "unbooked", "window": None, "engineer_id": None}, "T1: unbooked, version 2"),
    ],
)
def test_a_booking_is_a_line(changed: dict[str, Any], line: str) -> None:
    booking = Booking.model_validate(
        {
            "ticket_id": "T1", "version": 2, "seq": 5, "window": WINDOW, "shift_id": "S1",
            "engineer_id": "E1", "by": "customer", "changed_at": at("12:30"), **changed,
        }
    )  # fmt: skip
    assert booking_line(booking, SHANGHAI) == line


def test_what_the_customer_is_told_is_taken_from_the_offer() -> None:
    told = coming(offer())
    assert (told.engineer_id, told.engineer_name) == ("E1", "张三")
    assert told.window.close - told.window.open == timedelta(hours=2)
    assert (told.duration_p50, told.duration_p80) == (43 * 60, 58 * 60 + 1)
