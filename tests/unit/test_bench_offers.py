"""The branch that offers are judged on: days, choices and statistics, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.offers_branch import Quote, simulate
from benchmarks.offers_day import Day, Stop, make_crew
from benchmarks.offers_fit import fit_knots, tenths, worst
from benchmarks.offers_naive import Grid
from benchmarks.offers_world import Customer, Habits, World, choose, make_world
from dispatchopt.models import Break, Engineer, Matrix, Policy, Problem, Shift, Span, Ticket
from dispatchopt.travel import TravelTimes

START = datetime(2030, 3, 4, tzinfo=UTC)
HOUR = 3600
NO_TASTE = (0.0,) * 97


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def customer(
    name: str,
    place: str = "B",
    fault_type: str = "ONT_REPLACE",
    priority: int = 3,
    calls: float = 1.0,
    is_urgent: bool = False,
    factor: float = 1.0,
    cancels_late: bool = False,
    opens_door: bool = True,
    taste: tuple[float, ...] = NO_TASTE,
) -> Customer:
    """A customer whose job is planned at 35 minutes (2100 s)."""
    ticket = Ticket(id=name, fault_type=fault_type, place=place, priority=priority)
    return Customer(
        ticket=ticket,
        calls=round(calls * HOUR),
        is_urgent=is_urgent,
        at_home=None,
        insists=None,
        factor=factor,
        cancels_early=False,
        cancels_late=cancels_late,
        opens_door=opens_door,
        taste=taste,
    )


def world(*, engineers: int = 1, sick: tuple[str, ...] = (), overtime: int = 0) -> World:
    """Engineers at A from 8 to 17 h on days 0 and 1; ten minutes from any place to any other."""
    places = ("A", "B", "C")
    travel = Matrix(
        kind="matrix",
        places=places,
        seconds=[[0 if a == b else 600 for b in places] for a in places],
    )
    team = tuple(
        Engineer(
            id=f"E{number}",
            skills={"BROADBAND": 2},
            place="A",
            shifts=tuple(
                Shift(
                    id=f"E{number}-{day}",
                    start=at(24 * day + 8),
                    end=at(24 * day + 17),
                    max_overtime=overtime,
                    breaks=(
                        Break(earliest=at(24 * day + 12), latest=at(24 * day + 13), duration=1800),
                    ),
                )
                for day in (0, 1)
            ),
        )
        for number in range(engineers)
    )
    problem = Problem(
        horizon=Span(start=START, end=at(48)),
        tickets=(),
        engineers=team,
        travel=travel,
        policy=Policy(),
    )
    times = TravelTimes.of(travel, places, [None])
    return World(Habits(), problem, 2, (), frozenset(sick), times)


def stop(
    where: World,
    who: Customer,
    window: tuple[float, float] | None = None,
    pauses: list[tuple[int, int]] | None = None,
) -> Stop:
    span = None if window is None else (round(window[0] * HOUR), round(window[1] * HOUR))
    return Stop(who, where.travel.place_index[who.ticket.place], span, pauses or [])


def day_of(where: World, *todo: list[Stop]) -> Day:
    """Day 0 with these stops by engineer."""
    engineers = where.problem.engineers
    crews = [
        make_crew(where, engineer, engineer.shifts[0], stops)
        for engineer, stops in zip(engineers, todo, strict=True)
    ]
    return Day(where, crews)


def starts(day: Day) -> dict[str, int | None]:
    return {outcome.stop.customer.id: outcome.start for outcome in day.outcomes}


class TestDay:
    def test_waits_serves_late_and_takes_the_break(self) -> None:
        where = world()
        first = stop(where, customer("first", factor=2.0), (8, 9))
        second = stop(where, customer("second", "C"), (9, 9.25), [(12 * HOUR, 1800)])
        third = stop(where, customer("third", "B"), (15, 16))
        day = day_of(where, [first, second, third])
        day.run(0, [])
        # Leaves at 8:00, arrives 8:10, works 70 min until 9:20. The break begins at 12:00 on the
        # way (arrival would be 9:30) and lasts until 12:30: second starts then, far too late. Ends
        # 13:05, would reach third at 13:15, waits for 15:00. Four legs of 10 minutes.
        expected = {"first": 8 * HOUR + 600, "second": 45_000, "third": 15 * HOUR}
        assert starts(day) == expected
        assert [outcome.is_kept for outcome in day.outcomes] == [True, False, True]
        assert day.travel == 4 * 600

    def test_nobody_opens(self) -> None:
        where = world()
        todo = [stop(where, customer("out", opens_door=False)), stop(where, customer("in", "C"))]
        day = day_of(where, todo)
        day.run(0, [])
        # 8:10 at the door, ten minutes, ten more to the next.
        assert starts(day) == {"out": 29_400, "in": 30_600}

    @pytest.mark.parametrize(("overtime", "served"), [(0, False), (1, True)])
    def test_starts_nothing_after_the_end(self, overtime: int, served: bool) -> None:
        where = world(overtime=overtime)
        # Arrives at 17:00 h + 1 s: the first job takes 31 201 s of the day after 8:10.
        long = customer("long", factor=31_201 / 2100)
        day = day_of(where, [stop(where, long), stop(where, customer("late", "C"))])
        day.run(0, [])
        assert (starts(day).get("late") == 17 * HOUR + 1) is served
        assert [each.id for each in day.back] == ([] if served else ["late"])

    def test_a_cancelled_visit_hands_its_break_on(self) -> None:
        where = world()
        gone = stop(where, customer("gone", cancels_late=True), None, [(12 * HOUR, 1800)])
        day = day_of(where, [gone, stop(where, customer("stays", "C"))])
        day.run(0, [])
        assert starts(day) == {"stays": 12 * HOUR + 1800}

    def test_the_sick_are_covered_promised_first(self) -> None:
        where = world(engineers=2, sick=("E0-0",))
        tight = stop(where, customer("tight"), (8, 8.5))
        same_time = stop(where, customer("clash", "C"), (8, 8.25))
        free = stop(where, customer("free", "C"))
        day = day_of(where, [free, tight, same_time], [stop(where, customer("own"), (10, 12))])
        day.run(0, [])
        # Clash closes first and is placed first, at 8:10; tight could only start at 8:55: missed.
        assert starts(day) == {"tight": None, "clash": 29_400, "free": 31_500, "own": 36_000}

    def test_an_outage_goes_where_it_costs_least(self) -> None:
        where = world(engineers=2)
        busy = [stop(where, customer("a"), (8, 9)), stop(where, customer("b", "C"), (8.8, 9))]
        idle = [stop(where, customer("c"), (14, 15))]
        day = day_of(where, busy, idle)
        outage = customer("outage", "C", priority=1, calls=8.5, is_urgent=True)
        day.run(0, [outage])
        # The idle engineer leaves at 8:30; between a and b it would make b miss its window.
        assert starts(day)["outage"] == round(8.5 * HOUR) + 600
        assert all(outcome.is_kept for outcome in day.outcomes if outcome.stop.window)

    def test_an_outage_that_nobody_can_do_waits(self) -> None:
        where = world()
        outage = customer("outage", fault_type="FEEDER_CABLE_CUT", priority=1, is_urgent=True)
        day = day_of(where, [])
        day.run(0, [outage])
        assert day.back == [outage]


class TestChoice:
    def test_takes_the_best_by_days_width_and_taste(self) -> None:
        habits = Habits(wish=1.0, impatience=0.8)
        tomorrow, later = (32 * HOUR, 34 * HOUR), (56 * HOUR, 58 * HOUR)
        half_day = (32 * HOUR, 38 * HOUR)
        # Utilities 1.0 (tomorrow), 0.2 (a day later), 1.0 - 4 x 0.15 = 0.4 (six hours wide).
        assert choose(customer("x"), [later, half_day, tomorrow], habits) == 2
        assert choose(customer("x"), [later, half_day], habits) == 1

    def test_may_take_none(self) -> None:
        taste = (*NO_TASTE[:-1], 1.5)
        habits = Habits(wish=1.0)
        assert choose(customer("x", taste=taste), [(32 * HOUR, 34 * HOUR)], habits) is None


class TestGrid:
    def test_a_slot_holds_so_many_and_the_nearest_comes(self) -> None:
        where = world()
        grid = Grid(where, a_slot=1)
        grid.night(0)
        one, two = customer("one"), customer("two", "C")
        spans = [quote.span for quote in grid.offers(one)]
        # 8-10, 10-12, 12-14 (90 minutes besides the break), 14-16; of 16-18 only an hour is left.
        assert spans == [((24 + h) * HOUR, (26 + h) * HOUR) for h in (8, 10, 12, 14)]
        grid.promise(one, Quote(spans[0], None))
        assert [quote.span for quote in grid.offers(two)] == spans[1:]
        grid.cancel(one)
        assert [quote.span for quote in grid.offers(two)] == spans
        grid.promise(two, Quote(spans[2], None))
        grid.wait([one])
        routes = grid.night(1).crews
        # The one who waits gets the first free slot; the break comes before the third.
        assert [[s.customer.id for s in crew.todo] for crew in routes] == [["one", "two"]]
        assert routes[0].todo[1].pauses == [(36 * HOUR, 1800)]


class TestWorld:
    def test_is_the_same_for_every_rule(self) -> None:
        one = make_world(3, engineers=4, days=4)
        two = make_world(3, engineers=4, days=4)
        assert one.customers and one.sick == two.sick
        assert [(c.id, c.calls, c.factor, c.taste) for c in one.customers] == [
            (c.id, c.calls, c.factor, c.taste) for c in two.customers
        ]

    def test_everybody_is_counted_once(self) -> None:
        where = make_world(3, engineers=4, days=6)
        tally = simulate(where, Grid(where, 2))
        callers = [c for c in where.customers if not c.is_urgent and c.day < 3]
        late = sum(c.cancels_late for c in callers)
        promised = tally.accepted - tally.cancelled
        assert tally.asked == len(callers)
        assert promised - late <= len(tally.promises) <= promised


class TestStatistics:
    def test_tenths_tell_told_against_kept(self) -> None:
        found = tenths([[(0.95, True)] * 3 + [(1.0, False)], [(0.85, True)]])
        assert [(t.number, t.count, t.kept) for t in found] == [(8, 1, 1.0), (9, 4, 0.75)]
        assert found[1].told == pytest.approx(0.9625)
        assert worst(found) is None  # too few to be judged

    def test_the_worst_tenth_is_the_one_furthest_off(self) -> None:
        near = [(0.95, i < 190) for i in range(200)]  # kept 0.95
        far = [(0.55, i < 90) for i in range(200)]  # kept 0.45
        found = worst(tenths([near, far]))
        assert found is not None
        assert (found.number, found.off) == (5, pytest.approx(-0.1))

    def test_knots_rise(self) -> None:
        # Kept 0.5, 0.4 and 0.9 of groups of 200: the first two are pooled to 0.45 at 0.35.
        pairs = [(0.3, i % 2 == 0) for i in range(200)]
        pairs += [(0.4, i % 5 < 2) for i in range(200)]
        pairs += [(0.9, i % 10 < 9) for i in range(200)]
        assert fit_knots(pairs) == [(0.35, 0.45), (0.9, 0.9), (1.0, 0.9)]

    def test_what_is_told_alike_stays_together(self) -> None:
        # Half of 400 told at 1 were kept, whichever come first.
        pairs = [(0.5, i < 50) for i in range(200)] + [(1.0, i < 200) for i in range(400)]
        assert fit_knots(pairs) == [(0.5, 0.25), (1.0, 0.5)]

    def test_no_pairs_no_change(self) -> None:
        assert fit_knots([]) == [(1.0, 1.0)]
