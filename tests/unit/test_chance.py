"""Spreads, draws and kept probabilities by hand; the compiled walk has its twin in `agree`."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from dispatchopt.chance import (
    NUM_SAMPLES,
    Spread,
    draw,
    kept_probabilities,
    quantile,
    sample,
    spread_of,
    told,
)
from dispatchopt.instance import compile_problem
from dispatchopt.models import FaultType, Policy, builtin_fault_types
from tests.builders import at, engineer, free, pause, problem, sec, shift, ticket, window

HALF_HOUR = 1800
CV_HALF = math.sqrt(math.log(1.25))
"""Standard deviation of the logarithm where the deviation is half the mean."""


def fault(mean: int = 3600, **quantiles: int) -> FaultType:
    return FaultType.model_validate({"code": "x", "duration": {"mean": mean, **quantiles}})


@pytest.mark.parametrize(
    ("quantiles", "sigma"),
    [
        ({"p50": 3000, "p80": 4500}, math.log(1.5) / 0.8416),
        ({"p50": 3000, "p90": 6000}, math.log(2) / 1.2816),
        (
            {"p50": 3000, "p80": 4500, "p90": 6000},
            (math.log(1.5) / 0.8416 + math.log(2) / 1.2816) / 2,
        ),
        ({"p80": 4500, "p90": 6000}, math.log(4 / 3) / (1.2816 - 0.8416)),
        ({"p50": 3000}, math.sqrt(2 * math.log(1.2))),  # mean / median = exp(sigma^2 / 2)
        ({"p50": 3600}, CV_HALF),
        ({"p50": 0, "p80": 0}, CV_HALF),
        ({"p80": 4500}, CV_HALF),
        ({}, CV_HALF),
        ({"p50": 3000, "p80": 3000}, 0.0),
    ],
)
def test_the_spread_comes_from_the_quantiles_given(quantiles: dict[str, int], sigma: float) -> None:
    spread = spread_of(fault(**quantiles), 3600)
    assert spread.sigma == pytest.approx(sigma, rel=1e-3)
    assert math.exp(spread.mu + spread.sigma**2 / 2) == pytest.approx(3600)


def test_a_spread_is_scaled_to_the_planned_duration() -> None:
    usual = spread_of(fault(p50=3000, p80=4500), 3600)
    longer = spread_of(fault(p50=3000, p80=4500), 7200)
    assert longer.sigma == usual.sigma
    assert quantile(longer, 0.8) == pytest.approx(2 * quantile(usual, 0.8), abs=1)


def test_quantiles_of_the_catalogue_come_back() -> None:
    for known in builtin_fault_types():
        spread = spread_of(known, known.duration.mean)
        for p, seconds in ((0.5, known.duration.p50), (0.8, known.duration.p80)):
            assert seconds is not None
            assert quantile(spread, p) == pytest.approx(seconds, rel=0.06), known.code


def test_nothing_to_do_takes_no_time() -> None:
    spread = spread_of(fault(p50=3000, p80=4500), 0)
    assert quantile(spread, 0.9) == 0
    assert not sample("t", spread).any()


def test_draws_are_stratified_and_belong_to_the_ticket() -> None:
    spread = spread_of(fault(p50=3000, p80=4500), 3600)
    drawn = sample("T1", spread)
    assert drawn.dtype == np.int32
    assert drawn.shape == (NUM_SAMPLES,)
    # One draw from each stratum: 80 % of them lie below the quantile, to the sample.
    assert int((drawn <= quantile(spread, 0.8)).sum()) == round(0.8 * NUM_SAMPLES)
    assert drawn.mean() == pytest.approx(3600, rel=0.01)
    assert (drawn == sample("T1", spread)).all()
    assert (drawn != sample("T2", spread)).any()
    assert (drawn != sample("T1", spread, seed=1)).any()
    assert (np.sort(drawn) == np.sort(sample("T2", spread))).all()


def test_draws_of_two_tickets_are_independent() -> None:
    spread = Spread(8.0, 0.5)
    logs = [np.log(sample(ticket_id, spread, 4096)) for ticket_id in ("T1", "T2")]
    assert abs(np.corrcoef(logs[0], logs[1])[0, 1]) < 0.05  # 3 standard errors of 1 / sqrt(4096)


def test_wide_spreads_do_not_overflow() -> None:
    assert sample("t", Spread(15.0, 30.0)).max() == 2**30
    assert quantile(Spread(15.0, 30.0), 0.999) == 2**30


def day(*, minutes: int = 60, closes: str = "10:00", **fields: Any) -> Any:
    """Two visits: T1 at a (10 minutes away), T2 promised at b (10 more) until the close."""
    first = ticket("T1", "a", minutes)
    promised = ticket("T2", "b", 30, appointment=window("08:30", closes))
    return problem([first, promised], **fields)


@pytest.mark.parametrize("closes", ["09:00", "09:20", "09:40", "10:00", "11:00"])
def test_two_visits_keep_their_window_as_the_distribution_says(closes: str) -> None:
    compiled = compile_problem(day(minutes=30, closes=closes))
    # Begin at T1 08:10; T2 begins 10 minutes after its end, at the close or before if T1 takes
    # no longer than close - 08:20 seconds.
    spread = spread_of(compiled.problem.catalogue()["IPTV_STB"], 1800)
    room = sec(closes) - sec("08:20")
    exact = NormalDist(spread.mu, spread.sigma).cdf(math.log(room + 0.5))
    found = kept_probabilities(compiled, [[0, 1]])
    assert found == {"T2": pytest.approx(exact, abs=0.5 / NUM_SAMPLES + 1e-4)}
    assert 0 < exact < 1


def test_the_first_visit_of_a_route_is_sure() -> None:
    assert kept_probabilities(compile_problem(day()), [[1, 0]]) == {"T2": 1.0}


def test_a_visit_left_out_has_no_figure() -> None:
    assert kept_probabilities(compile_problem(day()), [[0]]) == {}


def test_a_slow_engineer_is_later() -> None:
    def kept(percent: int) -> float:
        task = day(minutes=30, closes="09:10", engineers=[engineer(duration_percent=percent)])
        return kept_probabilities(compile_problem(task), [[0, 1]])["T2"]

    spread = spread_of({f.code: f for f in builtin_fault_types()}["IPTV_STB"], 1800)
    for percent in (100, 150):
        exact = NormalDist(spread.mu, spread.sigma).cdf(math.log(3000 / percent * 100))
        assert kept(percent) == pytest.approx(exact, abs=2 / NUM_SAMPLES)


def test_a_break_before_a_visit_is_taken_late_rather_than_never() -> None:
    # T1 ends at 08:40 as planned, the break 08:40 to 09:10 may begin no later than 08:45.
    roster = [engineer("e", shift(breaks=(pause("08:30", "08:45", 30),)))]
    compiled = compile_problem(day(minutes=30, closes="10:00", engineers=roster))
    spread = spread_of(compiled.problem.catalogue()["IPTV_STB"], 1800)
    # Whenever T1 ends, 30 minutes of break and 10 of travel lie between: T1 may take
    # 10:00 - 08:10 - 40 minutes = 70 minutes.
    exact = NormalDist(spread.mu, spread.sigma).cdf(math.log(4200.5))
    found = kept_probabilities(compiled, [[0, 1]])["T2"]
    assert found == pytest.approx(exact, abs=1 / NUM_SAMPLES)


def test_nothing_begins_after_the_hard_end() -> None:
    roster = [engineer("e", shift(end="09:30", end_place=None))]
    early = compile_problem(day(minutes=30, closes="12:00", engineers=roster))
    spread = spread_of(early.problem.catalogue()["IPTV_STB"], 1800)
    exact = NormalDist(spread.mu, spread.sigma).cdf(math.log(4200.5))  # T1 ends by 09:20
    assert kept_probabilities(early, [[0, 1]])["T2"] == pytest.approx(exact, abs=1 / NUM_SAMPLES)


def started_day(now: str, closes: str) -> Any:
    first = ticket(
        "T1", "a", 30, status="started", assigned_engineer="e", assigned_start=at("08:00")
    )
    promised = ticket("T2", "b", 30, appointment=window("08:30", closes))
    return problem([first, promised], now=at(now))


def test_the_visit_in_hand_may_last() -> None:
    spread = spread_of({f.code: f for f in builtin_fault_types()}["IPTV_STB"], 1800)
    normal = NormalDist(spread.mu, spread.sigma)
    # It has lasted 20 minutes; T2, 10 minutes away, is in time if it lasts no more than 50 in all.
    has_not = 1 - normal.cdf(math.log(1200))
    exact = 1 - (1 - normal.cdf(math.log(3000.5))) / has_not
    compiled = compile_problem(started_day("08:20", "09:00"))
    assert kept_probabilities(compiled, [[0]])["T2"] == pytest.approx(exact, abs=2 / NUM_SAMPLES)


def test_a_visit_that_has_lasted_beyond_all_bounds_ends_now_at_the_earliest() -> None:
    compiled = compile_problem(started_day("15:00", "15:30"))
    begins = draw(compiled).begin
    assert begins.shape == (1, NUM_SAMPLES)
    assert begins.min() >= sec("15:00")


def test_a_visit_in_hand_has_kept_its_window_or_missed_it() -> None:
    for opens, kept in (("08:00", 1.0), ("08:01", 0.0)):
        first = ticket(
            "T1",
            "a",
            status="started",
            assigned_engineer="e",
            assigned_start=at("08:00"),
            appointment=window(opens, "09:00"),
        )
        compiled = compile_problem(problem([first], now=at("08:20")))
        assert kept_probabilities(compiled, [[]]) == {"T1": kept}


def test_other_tickets_and_shifts_change_no_figure() -> None:
    found = kept_probabilities(compile_problem(day(minutes=30, closes="09:00")), [[0, 1]])
    more = problem(
        [
            ticket("T0", "c"),
            ticket("T1", "a", 30),
            ticket("T2", "b", 30, appointment=window("08:30", "09:00")),
        ],
        [engineer("d", shift("r")), engineer()],
    )
    assert kept_probabilities(compile_problem(more), [[0], [1, 2]]) == found


@pytest.mark.parametrize(
    ("knots", "given", "expected"),
    [
        ((), 0.37, 0.37),
        (((0.5, 0.4),), 0.25, 0.2),  # half way from (0, 0)
        (((0.5, 0.4),), 0.5, 0.4),
        (((0.5, 0.4),), 0.75, 0.7),  # half way to (1, 1)
        (((0.5, 0.4), (1, 0.9)), 0.75, 0.65),
        (((0.5, 0.4), (1, 0.9)), 1, 0.9),
        (((0, 0.1), (1, 0.9)), 0, 0.1),
        (((0, 0.1),), 0.5, 0.55),
        (((1, 0.9),), 0.5, 0.45),
    ],
)
def test_a_calibration_is_read_along_straight_lines(
    knots: tuple[tuple[float, float], ...], given: float, expected: float
) -> None:
    assert told(Policy(kept_calibration=knots), given) == pytest.approx(expected)


def test_the_figure_told_is_the_calibrated_one() -> None:
    task = day(minutes=30, closes="09:00")
    plain = kept_probabilities(compile_problem(task), [[0, 1]])["T2"]
    policy = free(kept_calibration=[[1, 0.5]])
    told_now = kept_probabilities(
        compile_problem(day(minutes=30, closes="09:00", policy=policy)), [[0, 1]]
    )
    assert told_now == {"T2": pytest.approx(plain / 2, abs=1e-4)}
