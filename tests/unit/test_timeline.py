from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.timeline import (
    FOREVER,
    Call,
    Pause,
    Timed,
    Timeline,
    earliest_timeline,
    leg_arrival,
    relaxed_timeline,
    service_start,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ANY_TIME = ((0, FOREVER),)


def nothing(_end: int) -> int:
    return 0


def call(
    travel: int,
    duration: int,
    *windows: tuple[int, int],
    latest: int = FOREVER,
    time_cost: Callable[[int], int] = nothing,
) -> Call:
    return Call(travel, windows or ANY_TIME, duration, latest, time_cost)


def timeline(
    *calls: Call,
    origin: int = 0,
    home: int | None = 0,
    pauses: Sequence[Pause] = (),
    hard_end: int = FOREVER,
    end_cost: Callable[[int], int] = nothing,
) -> Timeline | None:
    return earliest_timeline(
        origin, calls, return_travel=home, pauses=pauses, hard_end=hard_end, end_cost=end_cost
    )


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [(0, 10), (10, 10), (15, 15), (20, 20), (21, 30), (40, 40), (41, None)],
)
def test_service_starts_in_the_first_window_that_is_not_over(
    arrival: int, expected: int | None
) -> None:
    assert service_start([(10, 20), (30, 40)], arrival) == expected
    assert service_start([], arrival) is None


@pytest.mark.parametrize(
    ("departure", "travel", "pauses", "expected"),
    [
        (0, 60, [], 60),
        # max(dep + travel, earliest) + duration
        (0, 60, [Pause(100, 200, 30)], 130),  # waits on arrival
        (70, 60, [Pause(100, 200, 30)], 160),  # interrupts travel: 30 + 30 + 30
        (150, 60, [Pause(100, 200, 30)], 240),  # at once
        (200, 60, [Pause(100, 200, 30)], 290),  # exactly at its latest
        (201, 60, [Pause(100, 200, 30)], None),
        (40, 60, [Pause(100, 200, 30)], 130),  # there exactly at its earliest
        # Both on one leg: 0 to 15, then 85 of way and waiting until 100, 100 to 130.
        (0, 60, [Pause(0, 50, 15), Pause(100, 200, 30)], 130),
        # 50 to 65, 35 of way until 100, break, 25 of way: 50 + 60 + 45.
        (50, 60, [Pause(0, 50, 15), Pause(100, 200, 30)], 155),
        # The first ends exactly at, or a second after, the latest of the second.
        (50, 60, [Pause(0, 50, 150), Pause(100, 200, 30)], 290),
        (50, 60, [Pause(0, 50, 151), Pause(100, 200, 30)], None),
    ],
)
def test_arrival_with_breaks_on_the_way(
    departure: int, travel: int, pauses: list[Pause], expected: int | None
) -> None:
    assert leg_arrival(departure, travel, pauses) == expected


def test_as_soon_as_possible_and_just_in_time() -> None:
    # There at 110, waits until 200; ends at 230; 50 on the way, ends at 290; 20 home.
    found = timeline(call(10, 30, (200, 300)), call(50, 10), origin=100, home=20)
    assert found == Timeline(
        visits=(Timed(190, 200, 200, 230), Timed(230, 280, 280, 290)),
        breaks=(),
        start=190,
        end=310,
        cost=0,
    )


def test_a_route_without_way_home_ends_with_its_last_visit() -> None:
    found = timeline(call(10, 30), home=None)
    assert found is not None
    assert found.end == 40


def test_a_route_without_visits_goes_home() -> None:
    found = timeline(origin=100, home=20)
    assert found == Timeline((), (), 100, 120, 0)


@pytest.mark.parametrize(
    ("calls", "hard_end", "is_feasible"),
    [
        ([call(10, 30, latest=40)], 50, True),  # everything exactly on its limit
        ([call(10, 30, latest=39)], 50, False),
        ([call(10, 30)], 49, False),
        ([call(10, 30, (0, 10))], 50, True),
        ([call(10, 30, (0, 9))], 50, False),
    ],
)
def test_limits(calls: list[Call], hard_end: int, is_feasible: bool) -> None:
    assert (timeline(*calls, home=10, hard_end=hard_end) is not None) == is_feasible


def test_costs_add_up_along_the_route() -> None:
    found = timeline(
        call(10, 30, time_cost=lambda end: 2 * end),
        call(10, 30, time_cost=lambda end: end + 1),
        home=10,
        end_cost=lambda end: 1000 * end,
    )
    # Ends at 40 and 80, home at 90.
    assert found is not None
    assert found.cost == 80 + 81 + 90_000


LUNCH = Pause(100, 200, 30)


def breaks_of(found: Timeline | None) -> tuple[tuple[int, int], ...]:
    assert found is not None
    return found.breaks


def test_a_break_is_taken_where_the_route_costs_least() -> None:
    # Ending after 150 costs: first the visit, 100 + 50, then lunch on the way home.
    def late(end: int) -> int:
        return 0 if end <= 150 else 500

    found = timeline(call(100, 50, time_cost=late), home=60, pauses=[LUNCH])
    assert breaks_of(found) == ((150, 180),)
    # A second longer and it is late anyway: either way the route ends at 241, the earlier counts.
    found = timeline(call(100, 51, time_cost=late), home=60, pauses=[LUNCH])
    assert breaks_of(found) == ((100, 130),)


@pytest.mark.parametrize(("duration", "end", "count"), [(150, 200, 0), (151, 231, 1)])
def test_not_taken_iff_the_route_ends_by_its_latest(duration: int, end: int, count: int) -> None:
    # 10 + 150 + 40 = 200, exactly its latest; a second more needs it on the way home, from 161.
    found = timeline(call(10, duration), home=40, pauses=[LUNCH])
    assert found is not None
    assert (found.end, len(found.breaks)) == (end, count)


def test_of_equal_routes_the_one_that_takes_its_break_earlier() -> None:
    # Ends at 290 in any case: on the first, the second or the last leg.
    calls = [call(100, 20), call(20, 20), call(20, 20)]
    found = timeline(*calls, home=60, pauses=[LUNCH])
    assert breaks_of(found) == ((100, 130),)


def test_a_break_that_costs_nothing_is_taken() -> None:
    # The second visit waits for 150; without lunch the route ends at the same 160 <= 200.
    found = timeline(call(10, 20), call(10, 10, (150, 300)), pauses=[LUNCH])
    assert found is not None
    assert (found.end, found.breaks) == (160, ((100, 130),))


def test_two_breaks_on_one_leg_in_the_order_that_fits() -> None:
    # Until 100 on site; the second given must come first, then 70 on the way.
    pauses = [Pause(110, 140, 30), Pause(90, 105, 10)]
    found = timeline(call(0, 100), call(70, 50), pauses=pauses)
    # 100 to 110, 110 to 140, then 70 of way: 210.
    assert found is not None
    assert found.breaks == ((100, 110), (110, 140))
    assert found.visits[1] == Timed(140, 210, 210, 260)


def test_a_break_after_the_last_visit_of_a_route_without_way_home_is_none() -> None:
    # There is no leg for it: 150 <= 200 is in time to go without, 201 is too late.
    found = timeline(call(90, 60), home=None, pauses=[LUNCH])
    assert breaks_of(found) == ()
    assert timeline(call(90, 111, (0, 99)), home=None, pauses=[LUNCH]) is None


def test_just_in_time_departures_leave_breaks_where_they_are() -> None:
    # Lunch from 100 to 130 while waiting for 160: 20 of way fit after it, 40 do not.
    after = timeline(call(20, 60, (160, 200)), home=60, pauses=[LUNCH])
    assert after is not None
    assert after.visits[0].departure == 140
    assert after.start == 100  # the route begins with its break
    around = timeline(call(40, 60, (160, 200)), home=60, pauses=[LUNCH])
    assert around is not None
    # 10 of the way before it, 30 after it.
    assert around.visits[0].departure == 90
    assert around.start == 90


def test_an_order_without_schedule_is_put_in_time_all_the_same() -> None:
    calls = [call(10, 30, (0, 5)), call(10, 30, (100, 110), latest=50)]
    assert timeline(*calls) is None
    found = relaxed_timeline(0, calls, return_travel=10, pauses=(), hard_end=500)
    assert found.visits == (Timed(0, 10, 10, 40), Timed(90, 100, 100, 130))
    assert (found.start, found.end, found.breaks) == (0, 140, ())
    nothing = relaxed_timeline(7, [], return_travel=None, pauses=(), hard_end=500)
    assert nothing == Timeline((), (), 7, 7, 0)


@pytest.mark.parametrize(
    ("second", "hard_end", "breaks", "end"),
    [
        # Late in any case: lunch (from 100 on) is taken where it moves nobody.
        (call(10, 30, (0, 5)), 500, ((100, 130),), 170),
        # There is time for both, so lunch does not push the second beyond its window.
        (call(10, 30, (0, 60)), 500, ((100, 130),), 170),
        # The window or lunch: one fault either way, without lunch it ends earlier.
        (call(10, 95, (0, 60)), 500, (), 195),
        # With lunch the shift ends too late: one fault either way again.
        (call(10, 30, (0, 5)), 169, (), 130),
        (call(10, 30, (0, 5)), 170, ((100, 130),), 170),
    ],
)
def test_an_order_without_schedule_keeps_its_breaks_as_well_as_it_can(
    second: Call, hard_end: int, breaks: tuple[tuple[int, int], ...], end: int
) -> None:
    calls = [call(10, 30, (0, 5)), second, call(10, 30, (0, 500))]
    found = relaxed_timeline(
        0, calls, return_travel=10, pauses=[Pause(100, 110, 30)], hard_end=hard_end
    )
    assert (found.breaks, found.end) == (breaks, end)


GRID = st.sampled_from((0, 15, 30, 60))
CALLS = st.lists(st.builds(call, GRID, st.sampled_from((1, 15, 30, 60))), max_size=3)


@st.composite
def pauses_of_a_day(draw: st.DrawFn) -> list[Pause]:
    found = []
    for _ in range(draw(st.integers(0, 2))):
        earliest = draw(st.sampled_from((0, 30, 60, 120)))
        found.append(Pause(earliest, earliest + draw(GRID), draw(GRID)))
    return found


@given(calls=CALLS, home=GRID | st.none(), pauses=pauses_of_a_day())
def test_what_is_scheduled_keeps_every_inequality(
    calls: list[Call], home: int | None, pauses: list[Pause]
) -> None:
    found = timeline(*calls, home=home, pauses=pauses)
    if found is None:
        return
    free = 0
    for visit, asked in zip(found.visits, calls, strict=True):
        resting = sum(overlap(b, (visit.departure, visit.arrival)) for b in found.breaks)
        assert free <= visit.departure
        assert visit.arrival - visit.departure >= asked.travel + resting
        assert visit.arrival <= visit.start
        assert visit.end == visit.start + asked.duration
        assert not any(overlap(b, (visit.start, visit.end)) for b in found.breaks)
        free = visit.end
    if home is not None:
        resting = sum(overlap(b, (free, found.end)) for b in found.breaks)
        assert found.end - free >= home + resting
    # Each break taken is one of those asked for; those left out need not be taken.
    assert any(
        all(
            p.earliest <= begin <= p.latest and end - begin == p.duration
            for p, (begin, end) in zip(order, found.breaks, strict=False)
        )
        and all(found.end <= p.latest for p in order[len(found.breaks) :])
        for order in permutations(pauses)
    )


def overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
