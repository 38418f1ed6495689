"""Windows chosen for a route: as narrow as the best of all choices, and kept as often as asked."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.solvers.cpsat.choice import Choice
from dispatchopt.solvers.narrow import Narrowest, Wanted, narrowest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt.forms import Int64Array

SAMPLES = 10


def simulate(durations: Int64Array, opens: Sequence[int | None]) -> Int64Array:
    """Serve one visit after the other from second 0 on, waiting where a window is not open yet."""
    starts = np.zeros(durations.shape, dtype=np.int64)
    time = np.zeros(len(durations), dtype=np.int64)
    for i, at in enumerate(opens):
        starts[:, i] = time if at is None else np.maximum(time, at)
        time = starts[:, i] + durations[:, i]
    return starts


def holds(
    wanted: Sequence[Wanted], durations: Int64Array, least: int, chosen: Sequence[int]
) -> bool:
    opens = [
        visit.choices[c].opens if c >= 0 else None for visit, c in zip(wanted, chosen, strict=True)
    ]
    starts = simulate(durations, opens)
    free = simulate(durations, [None] * len(wanted))
    for i, visit in enumerate(wanted):
        if chosen[i] >= 0:
            if (starts[:, i] <= visit.choices[chosen[i]].closes).sum() < least:
                return False
        elif visit.promised is not None:
            asked = min(least, int((free[:, i] <= visit.promised).sum()))
            if (starts[:, i] <= visit.promised).sum() < asked:
                return False
    return True


def price(wanted: Sequence[Wanted], chosen: Sequence[int]) -> tuple[int, int]:
    """More windows come first, then lighter ones."""
    given = [visit.choices[c].weight for visit, c in zip(wanted, chosen, strict=True) if c >= 0]
    return -len(given), sum(given)


def best_of_all(wanted: Sequence[Wanted], durations: Int64Array, least: int) -> tuple[int, int]:
    every = product(*[range(-1, len(visit.choices)) for visit in wanted])
    return min(price(wanted, c) for c in every if holds(wanted, durations, least, c))


def choose(wanted: Sequence[Wanted], durations: Int64Array, least: int) -> Narrowest:
    return narrowest(
        wanted, lambda opens: simulate(durations, opens), least, deterministic_time=1.0, seed=0
    )


_CHOICE = st.builds(
    lambda opens, length: Choice(opens, opens + length, length),
    st.sampled_from((0, 15, 30, 45, 60, 90)),
    st.sampled_from((0, 15, 30, 60)),
)
_WANTED = st.lists(_CHOICE, max_size=4, unique=True).map(
    lambda choices: Wanted(tuple(choices))
) | st.sampled_from((0, 15, 30, 60, 90, 120)).map(lambda close: Wanted(promised=close))


@given(
    wanted=st.lists(_WANTED, min_size=1, max_size=4),
    drawn=st.lists(st.sampled_from((0, 15, 30, 45)), min_size=4 * SAMPLES, max_size=4 * SAMPLES),
    least=st.sampled_from((1, 5, 8, 9, 10)),
)
def test_the_choice_holds_and_no_other_is_narrower(
    wanted: list[Wanted], drawn: list[int], least: int
) -> None:
    durations = np.array(drawn, dtype=np.int64).reshape(SAMPLES, 4)[:, : len(wanted)]
    found = choose(wanted, durations, least)
    assert found.is_best
    assert holds(wanted, durations, least, found.chosen)
    assert price(wanted, found.chosen) == best_of_all(wanted, durations, least)
    assert choose(wanted, durations, least) == found


def test_a_window_that_opens_late_costs_the_next_one_its_narrowness() -> None:
    # The first visit begins at 0 and lasts 10 in nine cases of ten, 30 in one. Opening at 20, it
    # ends at 30 nine times, so the second window must close at 30; opening at 0, at 10. Widths: 0
    # and 30 beside 20 and 10 (from 0 on each).
    durations = np.array([[10, 5]] * 9 + [[30, 5]], dtype=np.int64)
    first = Wanted((Choice(20, 20, 0), Choice(0, 20, 15)))
    second = Wanted((Choice(0, 10, 10), Choice(0, 30, 30)))
    assert choose([first, second], durations, 9) == Narrowest((1, 0), True)
    # Dearer by less than the second gains, the late opening pays.
    lighter = Wanted((Choice(20, 20, 0), Choice(0, 20, 25)))
    assert choose([lighter, second], durations, 9) == Narrowest((0, 1), True)


def test_a_promise_forbids_opens_that_would_weaken_it() -> None:
    durations = np.array([[10, 5]] * 9 + [[30, 5]], dtype=np.int64)
    late = Wanted((Choice(20, 20, 0),))
    # Kept nine times of ten as it is, and never behind a window that opens at 20.
    assert choose([late, Wanted(promised=10)], durations, 9).chosen == (-1, -1)
    assert choose([late, Wanted(promised=30)], durations, 9).chosen == (0, -1)
    # A promise that is lost anyway forbids nothing.
    assert choose([late, Wanted(promised=5)], durations, 9).chosen == (0, -1)
