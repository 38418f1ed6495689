from __future__ import annotations

import numpy as np
import pytest

from dispatchopt.errors import InvalidProblemError
from dispatchopt.forms import (
    BALANCE,
    FOREVER,
    MAX_COST,
    OVERTIME,
    RESERVE,
    TRAVEL,
    UNLIMITED,
    FormBuilder,
)


def builder(tickets: str = "t u", shifts: str = "r s") -> FormBuilder:
    return FormBuilder(tickets.split(), shifts.split())


def test_nothing_said_is_nothing_asked() -> None:
    form, ids = builder().build()
    assert ids == ("t", "u")
    assert (form.num_tickets, form.num_shifts) == (2, 2)
    assert form.blocked.tolist() == [[0], [0]]  # equal shifts share a class
    assert form.assign_cost.tolist() == [[0], [0]]
    assert form.class_of.tolist() == [0, 0]
    assert form.window.tolist() == [[[0, FOREVER]], [[0, FOREVER]]]
    assert form.num_windows.tolist() == [1, 1]
    assert form.latest.tolist() == [FOREVER, FOREVER]
    assert form.time_cost.shape == (2, 0, 3)
    assert form.skip_cost.tolist() == [0, 0]
    assert form.num_pauses.tolist() == [0, 0]
    assert form.reserve_from.tolist() == [FOREVER, FOREVER]
    assert form.demand.shape == form.capacity.shape == (2, 0)
    assert form.rates.tolist() == [0, 0, 0, 0]
    assert form.occupied.tolist() == [False, False]


@pytest.mark.parametrize(("tickets", "shifts"), [("", "r s"), ("t u", ""), ("", "")])
def test_without_tickets_or_shifts(tickets: str, shifts: str) -> None:
    forms = builder(tickets, shifts)
    forms.set_durations([[1]] * len(tickets.split()), [0] * len(shifts.split()))
    form, ids = forms.build()
    assert ids == tuple(tickets.split())
    assert form.num_tickets == len(tickets.split())
    assert form.num_shifts == len(shifts.split())
    assert form.blocked.shape[0] == form.num_tickets


def test_types_are_those_of_the_contract() -> None:
    form, _ = builder().build()
    assert form.blocked.dtype == np.uint32
    for name in ("class_of", "pace_of", "place", "num_windows", "demand", "capacity", "travel"):
        assert getattr(form, name).dtype == np.int32, name
    for name in ("assign_cost", "duration", "window", "latest", "time_cost", "skip_cost", "rates"):
        assert getattr(form, name).dtype == np.int64, name


def test_each_rule_that_forbids_sets_its_own_bit() -> None:
    forms = builder()
    forms.rule_bit = 0
    forms.forbid([0, 1], [0])
    forms.rule_bit = 3
    forms.forbid([1], [0, 1])
    forms.forbid([], [0])
    forms.forbid([0], [])
    form, _ = forms.build()
    assert form.blocked[:, form.class_of].tolist() == [[1, 0], [9, 8]]


def test_shifts_share_a_class_iff_their_columns_are_equal() -> None:
    forms = builder("t u", "q r s v")
    forms.price([0], [0, 2, 3], 5)
    forms.price([0], [0], 2)  # prices add up
    forms.forbid([1], [3])
    form, _ = forms.build()
    assert form.class_of.tolist() == [0, 1, 2, 3]
    assert form.assign_cost[0, form.class_of].tolist() == [7, 0, 5, 5]
    alike = builder("t u", "q r s v")
    alike.price([0], [0, 2], 5)
    form, _ = alike.build()
    assert form.class_of.tolist() == [0, 1, 0, 1]
    assert form.assign_cost.tolist() == [[5, 0], [0, 0]]


def test_time_cost_pieces_are_sorted_padded_and_left_out_where_free() -> None:
    forms = builder()
    forms.add_time_cost(0, 100, jump=5)
    forms.add_time_cost(0, 50, per_hour=7)
    forms.add_time_cost(1, 60)
    form, _ = forms.build()
    assert form.time_cost.tolist() == [
        [[50, 0, 7], [100, 5, 0]],
        [[FOREVER, 0, 0], [FOREVER, 0, 0]],
    ]


def test_windows_are_padded() -> None:
    forms = builder("t u v")
    forms.set_windows(0, [(1, 2), (3, 4)])
    forms.set_windows(1, [])
    form, _ = forms.build()
    assert form.num_windows.tolist() == [2, 0, 1]
    assert form.window.tolist() == [
        [[1, 2], [3, 4]],
        [[FOREVER, FOREVER], [FOREVER, FOREVER]],
        [[0, FOREVER], [FOREVER, FOREVER]],
    ]


def test_skip_costs_add_up_and_rates_have_their_places() -> None:
    forms = builder()
    forms.add_skip_cost(1, 5)
    forms.add_skip_cost(1, 7)
    forms.set_travel_rate(1)
    forms.set_overtime_rate(2)
    forms.set_balance_rate(3)
    forms.set_reserve_rate(4)
    form, _ = forms.build()
    assert form.skip_cost.tolist() == [0, 12]
    assert [form.rates[i] for i in (TRAVEL, OVERTIME, BALANCE, RESERVE)] == [1, 2, 3, 4]


def test_breaks_fill_up_in_the_order_given() -> None:
    forms = builder()
    forms.add_pause(1, 10, 20, 5)
    forms.add_pause(1, 30, 40, 6)
    forms.add_pause(0, 50, 60, 7)
    form, _ = forms.build()
    assert form.num_pauses.tolist() == [1, 2]
    assert form.pause[1].tolist() == [[10, 20, 5], [30, 40, 6]]
    assert form.pause[0].tolist() == [[50, 60, 7], [FOREVER] * 3]


def test_capacities_default_to_nothing_asked_and_nothing_refused() -> None:
    forms = builder()
    forms.add_capacity("ont", {1: 3}, {0: 2})
    forms.add_capacity("cable", {0: 1}, {})
    form, _ = forms.build()
    assert form.demand.tolist() == [[0, 1], [3, 0]]
    assert form.capacity.tolist() == [[2, UNLIMITED], [UNLIMITED, UNLIMITED]]


def test_amounts_that_no_shift_holds_are_told_apart_from_those_that_fit() -> None:
    # At most 5 on a shift, 6 and 2**31 - 1 fit nowhere; the other shift takes everything.
    forms = builder("t u v w")
    forms.add_capacity("ont", {0: 5, 1: 6, 2: 2**31 - 1, 3: 2**31 - 1}, {0: 5})
    form, _ = forms.build()
    assert form.demand[:, 0].tolist() == [5, 6, 6, 6]
    assert form.capacity[:, 0].tolist() == [5, UNLIMITED]
    assert int(form.demand.sum()) < UNLIMITED


def test_amounts_below_2_to_the_30_in_all_are_exact_and_more_are_refused() -> None:
    half = 2**29
    forms = builder("t u", "r s")
    forms.add_capacity("ont", {0: half, 1: half - 1}, {0: 2**31 - 1})
    form, _ = forms.build()
    assert form.demand[:, 0].tolist() == [half, half - 1]
    assert form.capacity[:, 0].tolist() == [UNLIMITED, UNLIMITED]
    with pytest.raises(InvalidProblemError, match=r"parts = 1073741824: .* 2\*\*30 or more"):
        builder("t u", "r s").add_capacity("ont", {0: half, 1: half}, {0: 2**31 - 1})


def test_a_pin_clears_its_own_shift_and_forbids_the_others() -> None:
    forms = builder("t u", "q r s")
    forms.rule_bit = 2
    forms.forbid([0, 1], [0, 1])
    forms.set_latest(0, 9)
    forms.rule_bit = 5
    forms.pin(0, 1, 100)
    form, _ = forms.build()
    assert form.blocked[:, form.class_of].tolist() == [[4 | 32, 0, 32], [4, 4, 0]]
    assert form.window[0].tolist() == [[100, 100]]
    assert form.latest.tolist() == [FOREVER, FOREVER]


@pytest.mark.parametrize(("room", "left"), [(9, 7), (2, 0), (1, 0)])
def test_capacity_is_what_the_started_visit_leaves(room: int, left: int) -> None:
    forms = builder("t u v", "r s")
    forms.add_capacity("ont", {0: 2, 1: 3, 2: 1}, {0: room, 1: 9})
    forms.begin_with(0, 0, 60)
    forms.pin(1, 0, 100)
    form, _ = forms.build()
    assert form.capacity.tolist() == [[left], [9]]
    assert form.demand.tolist() == [[3], [1]]


def test_a_started_visit_is_folded_into_its_shift_with_what_it_costs() -> None:
    forms = builder("t u", "r s")
    forms.price([0], [1], 10)
    forms.add_time_cost(0, 0, per_hour=1)  # 3601 / 3600, rounded up: 2
    forms.add_time_cost(0, 3601, jump=99)  # ends exactly there: not late
    forms.add_time_cost(0, 3600, jump=5, per_hour=7200)  # a second late: 5 + 2
    forms.add_skip_cost(0, 1000)
    forms.begin_with(0, 1, 3601)
    form, ids = forms.build()
    assert ids == ("u",)
    assert form.num_tickets == 1
    assert form.occupied.tolist() == [False, True]
    assert form.fixed_cost.tolist() == [0, 10 + 2 + 7]
    assert form.skip_cost.tolist() == [0]


def test_costs_from_2_to_the_53_on_are_refused() -> None:
    def with_skip_cost(amount: int) -> FormBuilder:
        forms = builder("t", "s")
        forms.add_skip_cost(0, amount)
        return forms

    slack = 100  # one unit for each leg and each rate that is rounded up
    with_skip_cost(MAX_COST - slack).build()
    with pytest.raises(InvalidProblemError, match="no longer be exact"):
        with_skip_cost(MAX_COST).build()


def test_large_rates_are_refused_before_their_products_overflow() -> None:
    forms = builder("t", "s")
    forms.set_hours(0, 0, 2**25, 2**25)
    forms.set_travel_rate(2**40)
    with pytest.raises(InvalidProblemError, match="policy"):
        forms.build()
