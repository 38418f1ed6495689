from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dispatchopt.checker import check
from dispatchopt.instance import compile_problem, decode
from dispatchopt.models import Plan
from tests.builders import (
    at,
    engineer,
    faults,
    forms,
    orders,
    pause,
    problem,
    reason,
    route,
    sec,
    shift,
    ticket,
    visit,
)

if TYPE_CHECKING:
    from dispatchopt.models import Problem, Ticket

LUNCH = pause("12:00", "13:00", 30)
"""Half an hour that begins between 12:00 and 13:00."""


def day(*tickets: Ticket, breaks: object = (LUNCH,), start: str = "08:00") -> Problem:
    return problem(tickets, [engineer("e", shift("s", start, "18:00", breaks=breaks))])


def planned(task: Problem) -> tuple[list[str], list[tuple[str, str]], str]:
    """Return starts of service, breaks and end of the route that takes all tickets in order."""
    compiled = compile_problem(task)
    plan = decode(compiled, [list(range(len(task.tickets)))])
    assert faults(task, plan) == []
    found = plan.routes[0]
    assert found.end is not None
    return (
        [f"{stop.start:%H:%M}" for stop in found.visits if stop.start is not None],
        [(f"{taken.start:%H:%M}", f"{taken.end:%H:%M}") for taken in found.breaks],
        f"{found.end:%H:%M}",
    )


def test_on_the_first_leg() -> None:
    # Out at 12:30 <= 13:00: break at once, then 10 minutes of way. Service ends at 14:10, so that
    # the way home is too late for it, and the route ends after 13:00, so that it must be taken.
    task = day(ticket("t", "a"), start="12:30")
    assert planned(task) == (["13:10"], [("12:30", "13:00")], "14:20")


def test_on_the_way_home() -> None:
    # 08:30 + 4 h 1 min = 12:31; home at 13:01 > 13:00 without a break, so it is taken: 13:31.
    task = day(ticket("t", "c", 241))
    assert planned(task) == (["08:30"], [("12:31", "13:01")], "13:31")


def test_not_taken_by_a_route_that_ends_exactly_at_its_latest() -> None:
    # 08:30 + 4 h = 12:30; home at 13:00.
    assert planned(day(ticket("t", "c", 240))) == (["08:30"], [], "13:00")


def test_interrupts_travel() -> None:
    # 08:00 to 11:50 at home, then an hour to d: 10 minutes, lunch 12:00 to 12:30, 50 minutes.
    task = day(ticket("t", "home", 230), ticket("u", "d"))
    assert planned(task) == (["08:00", "13:20"], [("12:00", "12:30")], "15:20")
    stop = decode(compile_problem(task), [[0, 1]]).routes[0].visits[1]
    # 13:20 less an hour lies within the break, so it leaves before it: 11:50.
    assert stop.departure == at("11:50")


def test_begins_exactly_at_earliest_on_arrival() -> None:
    # 08:00 to 11:50, 10 minutes to a: there at 12:00, lunch, service 12:30 to 13:30, home 13:40.
    # On the way home it would begin at 13:00 and the route end at 13:40, too: the earlier counts.
    task = day(ticket("t", "home", 230), ticket("u", "a"))
    assert planned(task) == (["08:00", "12:30"], [("12:00", "12:30")], "13:40")


def test_departure_exactly_at_latest_may_still_take_it() -> None:
    # 08:00 to 13:00 at home: break 13:00 to 13:30, then 10 minutes to a.
    task = day(ticket("t", "home", 300), ticket("u", "a"))
    assert planned(task) == (["08:00", "13:40"], [("13:00", "13:30")], "14:50")


def test_departure_a_minute_after_latest_has_no_room() -> None:
    # 08:00 to 13:01 at home. Before it the break would begin at 12:00 and service end at 17:31.
    task = day(ticket("t", "home", 301), ticket("u", "a"))
    assert faults(task, orders(s="t u")) == [("breaks", None, "s")]
    assert reason(task, "breaks") == "NO_ROOM_BREAK"


def test_two_on_one_leg() -> None:
    # 08:00 to 10:00 at home, an hour to d. Coffee 10:00 to 10:15, 45 minutes of way, lunch 11:00
    # to 11:30, 15 minutes of way: 11:45.
    breaks = (pause("10:00", "10:30", 15), pause("11:00", "11:30", 30))
    task = day(ticket("t", "home", 120), ticket("u", "d"), breaks=breaks)
    expected = [("10:00", "10:15"), ("11:00", "11:30")]
    assert planned(task) == (["08:00", "11:45"], expected, "13:45")


def test_two_on_one_leg_while_waiting() -> None:
    # t at a until 10:10; u at a from 12:30. Both breaks fit into the waiting and cost nothing.
    breaks = (pause("11:00", "11:30", 30), pause("10:00", "10:30", 15))
    late = ticket("u", "a", earliest=at("12:30"))
    task = day(ticket("t", "a", 120), late, breaks=breaks)
    expected = [("10:10", "10:25"), ("11:00", "11:30")]
    assert planned(task) == (["08:10", "12:30"], expected, "13:40")


def test_a_break_that_costs_nothing_is_taken_even_if_it_need_not_be() -> None:
    # u starts at 12:40 and the route ends at 13:00, in time to go without; waiting holds it anyway.
    late = ticket("u", "a", 10, earliest=at("12:40"))
    expected = (["08:10", "12:40"], [("12:00", "12:30")], "13:00")
    assert planned(day(ticket("t", "a"), late)) == expected


def test_past_breaks_fall_away() -> None:
    gone = [engineer("e", shift(breaks=[LUNCH], available_from=at("13:00:01")))]
    assert forms(problem([ticket()], gone)).num_pauses.tolist() == [0]
    assert forms(problem([ticket()], now=at("13:00:01"), engineers=gone)).num_pauses[0] == 0
    ahead = [engineer("e", shift(breaks=[LUNCH], available_from=at("13:00")))]
    task = problem([ticket()], ahead)
    assert forms(task).num_pauses.tolist() == [1]
    # Begins at 13:00, on the first leg: the break comes first.
    assert planned(task) == (["13:40"], [("13:00", "13:30")], "14:50")


def test_lowered_sorted_by_earliest() -> None:
    breaks = (pause("12:00", "13:00", 30), pause("10:00", "10:30", 15))
    form = forms(day(ticket(), breaks=breaks))
    assert form.num_pauses.tolist() == [2]
    assert form.pause[0].tolist() == [
        [sec("10:00"), sec("10:30"), 900],
        [sec("12:00"), sec("13:00"), 1800],
    ]


WAIT = day(ticket("t", "a"), ticket("u", "a", earliest=at("14:00")))
FIRST = visit("t", "08:00", "08:10", "08:10", "09:10")
SECOND = visit("u", "14:00", "14:00", "14:00", "15:00")


@pytest.mark.parametrize(
    ("breaks", "is_kept"),
    [
        ([("12:00", "12:30")], True),
        ([("13:00", "13:30")], True),
        ([("12:10", "13:40")], True),  # longer than it must be
        ([("11:59:59", "12:30")], False),  # before its hours
        ([("13:00:01", "13:30:01")], False),  # after them
        ([("12:00", "12:29:59")], False),  # a second too short
        ([("09:30", "10:00")], False),  # another break does not replace it
        ([("09:30", "10:00"), ("12:00", "12:30")], True),
        ([], False),  # the route ends at 15:10 > 13:00
    ],
)
def test_the_stated_breaks_of_anybodys_plan(breaks: list[tuple[str, str]], is_kept: bool) -> None:
    plan = Plan(routes=[route("s", FIRST, SECOND, end="15:10", breaks=breaks)])
    assert faults(WAIT, plan) == ([] if is_kept else [("breaks", None, "s")])


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        ([], "is missing; the route ends 2026-11-23 15:10"),
        (
            [("11:59:59", "12:30")],
            "is missing: the one 2026-11-23 11:59:59 to 2026-11-23 12:30 begins too early",
        ),
        (
            [("13:00:01", "13:10:01")],
            "is missing: the one 2026-11-23 13:00:01 to 2026-11-23 13:10:01 begins too late "
            "and lasts 10 min",
        ),
        (
            [("09:30", "10:00"), ("12:00", "12:29:59")],
            "is missing: the one 2026-11-23 12:00 to 2026-11-23 12:29:59 lasts 29 min 59 s",
        ),
    ],
)
def test_messages_say_which_break_lacks_and_why(breaks: list[tuple[str, str]], words: str) -> None:
    plan = Plan(routes=[route("s", FIRST, SECOND, end="15:10", breaks=breaks)])
    (found,) = check(WAIT, plan).violations
    which = "the break of 30 min that begins between 2026-11-23 12:00 and 2026-11-23 13:00 "
    assert found.message == which + words


def test_messages_name_each_of_two_breaks_and_what_one_overlaps() -> None:
    coffee = pause("10:00", "10:30", 15)
    task = day(ticket("t", "a"), ticket("u", "a", earliest=at("14:00")), breaks=(LUNCH, coffee))
    breaks = [("12:00", "12:20"), ("08:30", "08:40")]
    found = check(task, Plan(routes=[route("s", FIRST, SECOND, end="15:10", breaks=breaks)]))
    assert [violation.message for violation in found.violations] == [
        "the break of 15 min that begins between 2026-11-23 10:00 and 2026-11-23 10:30 is missing: "
        "the one 2026-11-23 08:30 to 2026-11-23 08:40 begins too early and lasts 10 min",
        "the break of 30 min that begins between 2026-11-23 12:00 and 2026-11-23 13:00 is missing: "
        "the one 2026-11-23 12:00 to 2026-11-23 12:20 lasts 20 min",
        "the break 2026-11-23 08:30 to 2026-11-23 08:40 overlaps service 2026-11-23 08:10 to "
        "2026-11-23 09:10",
    ]


def test_stated_breaks_must_not_lie_within_service() -> None:
    inside = route(
        "s",
        FIRST,
        visit("u", "12:10", "12:10", "14:00", "15:00"),
        end="15:10",
        breaks=[("12:00", "12:30"), ("14:30", "14:40")],
    )
    assert faults(WAIT, Plan(routes=[inside])) == [("breaks", None, "s")]


def test_two_breaks_are_not_kept_by_one_stretch() -> None:
    both = (LUNCH, pause("12:00", "13:00", 15))
    task = day(ticket("t", "a"), ticket("u", "a", earliest=at("14:00")), breaks=both)
    for breaks, expected in [
        ([("12:00", "12:45")], [("breaks", None, "s")]),
        ([("12:00", "12:15"), ("12:15", "12:45")], []),
        ([("12:00", "12:30"), ("12:29", "12:45")], [("breaks", None, "s")]),  # they overlap
    ]:
        plan = Plan(routes=[route("s", FIRST, SECOND, end="15:10", breaks=breaks)])
        assert faults(task, plan) == expected


def test_a_stated_route_that_ends_by_latest_needs_no_break() -> None:
    task = day(ticket("t", "a", 280))
    # 08:10 + 4 h 40 min = 12:50, home at 13:00; a second later is too late.
    stop = visit("t", "08:00", "08:10", "08:10", "12:50")
    assert faults(task, Plan(routes=[route("s", stop, end="13:00")])) == []
    assert faults(task, Plan(routes=[route("s", stop, end="13:00:01")])) == [("breaks", None, "s")]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("09:10", "09:15"), None),
        (
            ("07:30", "07:40"),
            "the break 2026-11-23 07:30 to 2026-11-23 07:40 begins before the route",
        ),
        (
            ("09:20", "09:20:01"),
            "the break 2026-11-23 09:20 to 2026-11-23 09:20:01 ends after the route",
        ),
        (("18:00", "18:30"), "the break 2026-11-23 18:00 to 2026-11-23 18:30 ends after the route"),
        (
            ("09:15", "09:12"),
            "the break 2026-11-23 09:15 to 2026-11-23 09:12 ends before it begins",
        ),
    ],
)
def test_a_break_that_nobody_asked_for_lies_within_the_route(
    extra: tuple[str, str], message: str | None
) -> None:
    task = problem([ticket("t", "a")])
    stop = visit("t", "08:00", "08:10", "08:10", "09:10")
    # Home at 09:20, five minutes later with a break on the way.
    end = "09:25" if extra[0] < "09:20" and extra[0] > "08:00" else "09:20"
    plan = Plan(routes=[route("s", stop, start="08:00", end=end, breaks=[extra])])
    found = [violation.message for violation in check(task, plan).violations]
    assert found == ([] if message is None else [message])
