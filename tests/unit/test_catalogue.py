"""The built-in fault types, and how a problem extends or replaces them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dispatchopt.models import DurationSeconds, FaultType, Problem, builtin_fault_types
from tests.unit.raw_data import raw_problem


def test_seventeen_types_with_names_in_both_languages() -> None:
    types = builtin_fault_types()
    assert len(types) == 17
    assert len({fault.code for fault in types}) == 17
    for fault in types:
        assert fault.name_en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in fault.name_zh), fault.code


@pytest.mark.parametrize("fault", builtin_fault_types(), ids=lambda fault: fault.code)
def test_figures_are_usable(fault: FaultType) -> None:
    spread = fault.duration
    assert spread.p50 is not None
    assert spread.p80 is not None
    assert spread.p90 is not None
    # Of a log-normal law: the median lies below the mean, the mean below the 80 % quantile.
    assert 0 < spread.p50 <= spread.mean <= spread.p80 <= spread.p90
    assert fault.skills
    assert fault.tools
    assert fault.repair_limit_class is not None


def test_same_objects_each_time() -> None:
    assert builtin_fault_types() is builtin_fault_types()


def raw_type(code: str, **changed: Any) -> dict[str, Any]:
    return {"code": code, "duration": {"mean": 1800}, **changed}


def test_a_problem_extends_and_replaces() -> None:
    builtin = {fault.code: fault for fault in builtin_fault_types()}
    own = [raw_type("FTTH_WEAK_LIGHT", default_priority=1), raw_type("SENSOR")]
    catalogue = Problem.model_validate(raw_problem(fault_types=own)).catalogue()
    assert set(catalogue) == {*builtin, "SENSOR"}
    assert catalogue["FTTH_WEAK_LIGHT"].default_priority == 1
    assert catalogue["FTTH_WEAK_LIGHT"].skills == {}
    assert catalogue["FTTH_LOS_DROP"] == builtin["FTTH_LOS_DROP"]


def test_quantiles_must_not_fall() -> None:
    assert DurationSeconds(mean=60, p50=60, p80=60, p90=60).p90 == 60
    assert DurationSeconds(mean=60, p50=30, p90=45).p80 is None
    for bad in ({"p50": 61, "p80": 60}, {"p50": 61, "p90": 60}, {"p80": 61, "p90": 60}):
        with pytest.raises(ValidationError, match="must not fall"):
            DurationSeconds(mean=60, **bad)


@pytest.mark.parametrize(
    "changed",
    [
        {"code": ""},
        {"duration": {}},
        {"duration": {"mean": -1}},
        {"skills": {"A": 0}},
        {"crew_size": 0},
        {"crew_size": "2"},
        {"default_priority": 5},
        {"repair_limit_class": "ROAD"},
        {"colour": "red"},
    ],
)
def test_odd_fault_types_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        FaultType.model_validate({**raw_type("SENSOR"), **changed})
    assert len(caught.value.errors()) == 1
