"""Offers and forced windows by hand, on one engineer's morning."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import dispatchopt as do
from dispatchopt.board import Board
from dispatchopt.models import Plan, Problem, Slot, Ticket, Window
from dispatchopt.shadow import ShadowPrices, Worth
from dispatchopt.solvers import cache
from dispatchopt.windows.forced import forced_on
from dispatchopt.windows.grade import grade_of
from dispatchopt.windows.offers import offers_on
from tests import small
from tests.small import at

EARLY = {"offer_lead_minutes": 0, "kept_calibration": []}


def ticket(**fields: Any) -> Ticket:
    return Ticket(**{"id": "n", "fault_type": "plain", "place": "b", "priority": 3, **fields})


def window(opens: str, closes: str) -> Window:
    return Window(open=at(opens), close=at(closes))


def slot(opens: str, closes: str) -> Slot:
    return Slot(open=opens, close=closes)


def orders(*ticket_ids: str) -> Plan:
    return Plan.model_validate(
        {"routes": [{"shift_id": "s0", "visits": [{"ticket_id": t} for t in ticket_ids]}]}
    )


def board(problem: Problem, *ticket_ids: str) -> Board:
    return Board(do.Planner(problem), orders(*ticket_ids))


def morning(tickets: list[dict[str, Any]], **fields: Any) -> Problem:
    """08:00 to 12:00, tickets a quarter of an hour away; any ticket takes 30 minutes."""
    return small.problem(tickets, policy={**EARLY, **fields.pop("policy", {})}, **fields)


def test_an_offer_says_who_comes_when_for_how_long_and_how_surely() -> None:
    offers = do.offer_windows(morning([]), orders(), ticket(), slots=[slot("08:00", "10:00")])
    (offer,) = offers
    assert (offer.ticket_id, offer.shift_id, offer.engineer_id) == ("n", "s0", "e0")
    assert offer.window == window("08:00", "10:00")
    # Leaves at 08:00, is there at 08:15; nothing before can take longer than planned.
    assert offer.start == at("08:15")
    assert offer.kept_probability == 1.0
    # Mean 1800, spread by half: median 1800 / sqrt(1.25) = 1610, and 2396 for four of five.
    assert (offer.duration_p50, offer.duration_p80) == (1610, 2396)
    # Travel there and back, 2 x 900; balance of 3600 s of work; delay until 08:45 at 240 an hour.
    assert offer.grade_parts.tardiness == 2100
    assert offer.grade_parts.risk == offer.grade_parts.room == 0
    assert offer.added_cost == offer.grade_parts.total
    assert offer.grade == grade_of(offer.added_cost)
    assert offers.not_offered == {}


def test_a_window_that_is_too_uncertain_is_not_offered() -> None:
    # Two hours of work (give or take one) until 10:15 at the earliest, then a quarter of an hour.
    first = {"duration": 7200, "appointment": {"open": at("08:00"), "close": at("08:30")}}
    held = board(morning([first]), "t0")
    offers = offers_on(held, ticket(), slots=[slot("10:00", "10:30"), slot("10:00", "12:00")])
    assert [offer.window for offer in offers] == [window("10:00", "12:00")]
    assert 0.9 <= offers[0].kept_probability < 1
    assert offers.not_offered == {"TOO_UNCERTAIN": 1}


def test_a_window_that_would_weaken_another_promise_is_not_offered() -> None:
    # 75 minutes from 08:15 on end at 09:30 as planned: in time for the promise, but not surely.
    promised = {"appointment": {"open": at("09:00"), "close": at("09:45")}}
    held = board(morning([promised]), "t0")
    asked = ticket(duration=4500)
    assert held.kept() == {"t0": 1.0}
    offers = offers_on(held, asked, slots=[slot("08:00", "08:45")])
    assert list(offers) == []
    assert offers.not_offered == {"WOULD_WEAKEN_PROMISE": 1}
    forced = forced_on(held, asked, window("08:00", "08:45"))
    assert forced.is_feasible


def test_half_days_serve_a_day_without_another_offer() -> None:
    first = {"duration": 7200, "appointment": {"open": at("08:00"), "close": at("08:30")}}
    policy = {
        "slots": [{"open": "10:00", "close": "10:30"}],
        "fallback_slots": [{"open": "08:00", "close": "14:00"}],
    }
    offers = offers_on(board(morning([first], policy=policy), "t0"), ticket())
    assert [offer.is_fallback for offer in offers] == [True]
    assert offers.not_offered == {"TOO_UNCERTAIN": 1}


def test_windows_after_due_are_offered_only_where_none_is_before() -> None:
    slots = [slot("08:00", "09:00"), slot("09:00", "10:00")]
    offers = offers_on(board(morning([])), ticket(due=at("09:00")), slots=slots)
    assert [offer.window for offer in offers] == [window("08:00", "09:00")]
    assert offers.not_offered == {"AFTER_SERVICE_LIMIT": 1}
    late = offers_on(board(morning([])), ticket(due=at("07:00")), slots=slots)
    assert [offer.is_after_due for offer in late] == [True, True]


def test_what_stands_in_the_way_is_counted_by_rule() -> None:
    offers = offers_on(board(morning([])), ticket(skills={"fibre": 2}))
    assert list(offers) == []
    # 08-10, 10-12, 12-14 and 08-14 touch the shift; 14 to 20 nobody works.
    assert offers.not_offered == {"NO_ENGINEER": 4, "NO_SHIFT": 4}
    assert offers.blocked_by == {"skills": 1}


def test_without_engineers_there_is_a_reason_too() -> None:
    nobody = Problem(
        horizon={"start": at("00:00"), "end": at("23:00")},
        tickets=(),
        engineers=(),
        travel={"kind": "matrix", "places": ["b"], "seconds": [[0]]},
        fault_types=[{"code": "plain", "duration": {"mean": 1800}}],
    )
    offers = do.offer_windows(nobody, Plan(routes=()), ticket())
    assert list(offers) == []
    assert offers.not_offered == {"NO_SHIFT": 8}


def test_days_without_shifts_are_counted() -> None:
    week = {"start": at("00:00"), "end": at("00:00").replace(day=5)}
    offers = offers_on(board(morning([], horizon=week)), ticket(), slots=[slot("08:00", "10:00")])
    assert [offer.window.open.day for offer in offers] == [2]
    assert offers.not_offered == {"NO_SHIFT": 2}


def test_who_asks_for_the_past_hears_why_there_is_nothing() -> None:
    over = morning([], now=at("11:00"))
    asked = ticket(windows=({"open": at("08:00"), "close": at("10:30")},))
    offers = offers_on(board(over), asked, slots=[slot("08:00", "10:00"), slot("11:00", "12:00")])
    assert list(offers) == []
    assert offers.not_offered == {"OUTSIDE_WISHES": 1, "TOO_SOON": 1}
    forced = forced_on(board(over), ticket(), window("08:00", "10:00"))
    assert (forced.is_feasible, forced.reason) == (False, "TOO_SOON")
    # After the horizon nothing is left at all, and the list still says so.
    late = morning([], now=at("22:59"))
    assert offers_on(board(late), ticket()).not_offered == {"TOO_SOON": 6}


def test_other_offers_are_not_among_the_best() -> None:
    slots = [slot(f"{h:02}:00", f"{h + 1:02}:00") for h in range(8, 12)]
    offers = offers_on(board(morning([])), ticket(), slots=slots, count=2)
    assert len(offers) == 2
    assert offers.not_offered == {"NOT_AMONG_BEST": 2}
    assert offers[0].grade >= offers[1].grade


def test_offers_are_spread_over_days_and_parts_of_the_day() -> None:
    days = [("2026-03-02", 8), ("2026-03-03", 8)]
    shifts = [
        {"id": f"s{i}", "start": f"{day}T0{hour}:00Z", "end": f"{day}T18:00Z"}
        for i, (day, hour) in enumerate(days)
    ]
    problem = Problem(
        horizon={"start": "2026-03-02T00:00Z", "end": "2026-03-04T00:00Z"},
        tickets=(),
        engineers=[{"id": "e0", "place": "a", "skills": {}, "shifts": shifts}],
        travel={"kind": "matrix", "places": ["a", "b"], "seconds": [[0, 900], [900, 0]]},
        fault_types=[{"code": "plain", "duration": {"mean": 1800}}],
        policy={"preset": "city_day", **EARLY},
    )
    slots = [slot("08:00", "10:00"), slot("10:00", "12:00"), slot("14:00", "16:00")]
    offers = do.offer_windows(problem, Plan(routes=()), ticket(), slots=slots, count=2)
    told = [(offer.window.open.day, offer.window.open.hour) for offer in offers]
    # All cost the same: after Monday morning the first of the other day's afternoon.
    assert told == [(2, 8), (3, 14)]


def test_room_taken_from_more_urgent_work_lowers_the_grade() -> None:
    prices = ShadowPrices((Worth("shift_hour", "s0", 7200, 7200, 1),))
    held, slots = board(morning([])), [slot("08:00", "10:00")]
    plain = offers_on(held, ticket(), slots=slots)[0]
    dear = offers_on(held, ticket(), slots=slots, shadow_prices=prices)[0]
    # Half an hour at 7200 an hour.
    assert dear.grade_parts.room == 3600
    assert dear.added_cost == plain.added_cost
    assert dear.grade < plain.grade


def test_visits_without_a_promise_give_way_if_asked_to() -> None:
    # 15 + 210 + 15 minutes fill the morning.
    held = board(morning([{"duration": 12_600}]), "t0")
    slots = [slot("08:00", "10:00")]
    assert offers_on(held, ticket(), slots=slots).not_offered == {"NO_ROOM": 1}
    (offer,) = offers_on(held, ticket(), slots=slots, displace=True)
    assert offer.displaces == ("t0",)
    # The plan loses what t0 is worth, and gains its travel and delay back.
    assert offer.added_cost > 72_000
    place = held.insert(ticket(), offer.shift_id, offer.window, offer.displaces)
    assert place is not None
    plan = held.plan()
    assert [(u.ticket_id, u.reason) for u in plan.unserved] == [("t0", "LOST_TO_OTHERS")]
    assert do.check(held.problem(), plan).is_valid


def test_what_is_promised_never_gives_way() -> None:
    promised = {"duration": 12_600, "appointment": {"open": at("08:00"), "close": at("10:00")}}
    held = board(morning([promised]), "t0")
    offers = offers_on(held, ticket(), slots=[slot("08:00", "10:00")], displace=True)
    assert offers.not_offered == {"NO_ROOM": 1}


def test_a_forced_window_tells_who_would_have_to_move() -> None:
    # t0 would begin at 08:15; before it comes the new one, until 08:45, and they are neighbours.
    held = board(morning([{}]), "t0")
    forced = forced_on(held, ticket(), window("08:00", "08:20"))
    assert forced.is_feasible
    assert forced.offer is not None
    assert forced.price == forced.offer.grade_parts.total
    (moved,) = forced.moves
    assert (moved.ticket_id, moved.from_start, moved.to_start) == ("t0", at("08:15"), at("08:45"))
    assert held.starts()["t0"] == ("s0", 8 * 3600 + 900)  # nothing has changed


@pytest.mark.parametrize(
    ("asked", "fields", "reason"),
    [
        (window("06:00", "07:00"), {}, "NO_SHIFT"),
        (window("08:00", "08:10"), {}, "NO_ROOM"),  # 08:15 at the earliest
        (window("09:00", "09:30"), {"skills": {"fibre": 1}}, "NO_ENGINEER"),
        (window("09:00", "09:30"), {"earliest": at("10:00")}, "TOO_SOON"),
        (window("09:00", "09:30"), {"latest": at("08:50")}, "AFTER_SERVICE_LIMIT"),
    ],
)
def test_a_forced_window_that_cannot_be_says_why(
    asked: Window, fields: dict[str, Any], reason: str
) -> None:
    forced = do.offer_forced(morning([]), orders(), ticket(**fields), asked)
    assert not forced.is_feasible
    assert (forced.reason, forced.offer, forced.price) == (reason, None, 0)
    assert forced.breaks_rules == ({"skills": 1} if reason == "NO_ENGINEER" else {})


def test_all_faults_of_a_ticket_are_told_at_once() -> None:
    inverted = {"open": at("10:00"), "close": at("08:00")}
    bad = ticket(status="parked", fault_type="none", place="nowhere", windows=(inverted,))
    with pytest.raises(do.InvalidProblemError) as caught:
        offers_on(board(morning([])), bad)
    fields = [issue.field for issue in caught.value.issues]
    assert fields == ["fault_type", "place", "windows[0]", "status"]
    with pytest.raises(do.InvalidProblemError, match="closes before it opens"):
        do.offer_forced(morning([]), orders(), ticket(), window("10:00", "08:00"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"count": 0}, "count"),
        ({"count": 2.5}, "whole numbers"),
        ({"count": True}, "whole numbers"),
        ({"slots": []}, "no slots"),
        ({"slots": ["08:00-10:00"]}, "give Slot"),
        ({"slots": [{"open": "08:00", "close": "10:00"}]}, "give Slot"),
    ],
)
def test_what_cannot_be_answered_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        offers_on(board(morning([])), ticket(), **fields)


def test_a_policy_without_slots_is_refused() -> None:
    empty = morning([], policy={"slots": [], "fallback_slots": []})
    with pytest.raises(do.InvalidProblemError, match="fallback_slots"):
        offers_on(board(empty), ticket())


def test_a_ticket_that_stands_in_the_plan_may_keep_its_place() -> None:
    promised = {"appointment": {"open": at("08:00"), "close": at("10:00")}}
    held = board(morning([promised]), "t0")
    known = held.ticket("t0")
    assert known is not None
    offers = offers_on(held, known, slots=[slot("08:00", "10:00")])
    assert offers[0].start == at("08:15")
    assert held.kept() == {"t0": 1.0}


def test_no_kernel_is_compiled_by_a_question() -> None:
    def signatures() -> list[int]:
        return [len(kernel.signatures) for kernel in cache._kernels]

    held = board(morning([{}, {"parts": {"ont": 1}}]), "t0")
    before = signatures()
    offers_on(
        held, ticket(parts={"cable": 1}, windows=({"open": at("08:00"), "close": at("11:00")},))
    )
    offers_on(held, ticket(), displace=True)
    forced_on(held, ticket(), window("08:00", "09:00"))
    held.insert(ticket(), "s0", window("08:00", "10:00"))
    held.copy().remove("n")
    assert signatures() == before


def test_threads_get_the_answers_of_one() -> None:
    held = board(morning([{}, {"duration": 3600}]), "t0", "t1")
    asked = [ticket(id=f"n{i}", duration=900 * i) for i in range(1, 9)]
    alone = [list(offers_on(held, one)) for one in asked]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: list(offers_on(held, one)), asked))
    assert together == alone
