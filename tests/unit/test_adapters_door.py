"""Raw data that once ended in a traceback: the door answers with a fault instead."""

from __future__ import annotations

from typing import Any

import pytest

from dispatchopt.errors import InvalidProblemError
from dispatchopt.models.intake import build_problem

HEAD: dict[str, Any] = {
    "horizon": {"start": "2026-11-23T00:00:00Z", "end": "2026-11-24T00:00:00Z"},
    "travel": {"kind": "straight_line"},
    "tickets": [],
    "engineers": [],
}


def engineer_with_shift_until(end: str) -> dict[str, Any]:
    shift = {"id": "S", "start": "2026-11-23T08:00:00Z", "end": end, "max_overtime": 3600}
    return {"id": "E", "skills": {}, "place": {"lat": 1, "lon": 1}, "shifts": [shift]}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"policy": {"preset": []}}, "policy"),
        ({"engineers": [engineer_with_shift_until("9999-12-31T23:59:59Z")]}, "shifts[0].end"),
        ({"engineers": [engineer_with_shift_until("9999-12-31T23:59:59-05:00")]}, "shifts[0].end"),
        ({"now": "1969-12-31T23:59:59Z"}, "now"),
    ],
)
def test_odd_values_are_faults(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        build_problem({**HEAD, **changed})
    assert [issue.field for issue in caught.value.issues] == [field]


def test_seconds_too_large_for_a_float_are_a_fault() -> None:
    travel = {"kind": "matrix", "places": ["A", "B"], "seconds": [[0, 10**400], [7, 0]]}
    with pytest.raises(InvalidProblemError, match="in row 1, column 2: seconds must be 0 to"):
        build_problem({**HEAD, "travel": travel})
