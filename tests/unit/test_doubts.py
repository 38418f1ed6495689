"""What is allowed and yet looks like a slip: misspelt skills, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.generator import generate
from dispatchopt.models import builtin_fault_types
from dispatchopt.models.doubts import doubts
from dispatchopt.models.intake import build_problem
from dispatchopt.models.nearest import (
    LONGEST,
    _nearest,
    did_you_mean,
    folded,
    nearest,
    sharing_a_part,
)
from tests.unit.raw_data import Raw, raw_engineer, raw_problem, raw_ticket

ROOT = Path(__file__).parents[2]

UNASKED = "no ticket and no fault type asks for this skill"


def warnings(roster: list[Raw], tickets: list[Raw], fault_types: list[Raw]) -> list[str]:
    """Warnings about engineers E0, E1 …, tickets T0, T1 … and fault types F0, F1 … of skills."""
    raw = raw_problem(
        engineers=[
            raw_engineer(f"E{i}", skills=skills, shifts=[]) for i, skills in enumerate(roster)
        ],
        tickets=[raw_ticket(f"T{i}", skills=skills) for i, skills in enumerate(tickets)],
        fault_types=[
            {"code": f"F{i}", "duration": {"mean": 60}, "skills": skills}
            for i, skills in enumerate(fault_types)
        ],
    )
    return [str(warning) for warning in build_problem(raw).warnings]


@pytest.mark.parametrize(
    ("roster", "tickets", "fault_types", "expected"),
    [
        ([{"BROADBAND": 1}], [], [], []),
        (
            [{"IPTV": 1}, {"BRODBAND": 1}, {"BRODBAND": 3}],
            [],
            [],
            [
                f"engineer 'E1', skills = BRODBAND: {UNASKED} (2 engineers have it); "
                "did you mean 'BROADBAND'?"
            ],
        ),
        (
            [{"fibre splice": 1}],
            [],
            [],
            [f"engineer 'E0', skills = fibre splice: {UNASKED}; did you mean 'FIBER_SPLICE'?"],
        ),
        (
            [{"驾照": 1}],
            [],
            [],
            [f"engineer 'E0', skills = 驾照: {UNASKED}; correct it if it is misspelt"],
        ),
        ([{"驾照": 1}], [{"驾照": 1}], [], []),
        ([{"驾照": 1}], [], [{"驾照": 1}], []),
        (
            [{"BROADBAND": 1}],
            [{"BROADBAND": 1}, {"BRODBAND": 1}, {"BRODBAND": 2}],
            [],
            [
                "ticket 'T1', skills = BRODBAND: no engineer has this skill (2 items ask for it); "
                "did you mean 'BROADBAND'?"
            ],
        ),
        # The plan's reasons tell that nobody has it; nothing is alike.
        ([{"BROADBAND": 1}], [{"JUGGLING": 1}], [], []),
        (
            [{"BROADBAND": 1}],
            [],
            [{"BRODBAND": 1}],
            [
                "fault_type 'F0', skills = BRODBAND: no engineer has this skill; "
                "did you mean 'BROADBAND'?"
            ],
        ),
        # The roster is at fault, not the ticket.
        (
            [{"BRODBAND": 1}],
            [{"BROADBAND": 1}],
            [],
            [f"engineer 'E0', skills = BRODBAND: {UNASKED}; did you mean 'BROADBAND'?"],
        ),
    ],
)
def test_skills_that_nobody_asks_for_or_has(
    roster: list[Raw], tickets: list[Raw], fault_types: list[Raw], expected: list[str]
) -> None:
    assert warnings(roster, tickets, fault_types) == expected


def test_warnings_name_where_the_item_stands_and_refuse_nothing() -> None:
    raw = raw_problem(engineers=[raw_engineer(skills={"BRODBAND": 1})])
    for mode in ("error", "reject"):
        options: dict[str, Any] = {"on_bad_row": mode, "origin": lambda kind, i: (kind, i + 2)}
        intake = build_problem(raw, **options)
        (warning,) = intake.warnings
        assert (warning.file, warning.line) == ("engineers", 2)
        assert (intake.issues, intake.rejected) == ((), ())


def test_sound_days_give_no_warning() -> None:
    assert doubts(generate(tickets=30, seed=1)) == []
    assert read_folder(ROOT / "examples" / "data" / "andorra").warnings == ()


def test_names_are_compared_as_people_write_them() -> None:
    assert folded("Fiber-Splice ２") == "fibersplice2"
    assert nearest("fiber splice", ["IPTV", "FIBER_SPLICE"]) == "FIBER_SPLICE"
    assert nearest("IPTV", []) is None
    assert did_you_mean("JUGGLING", ["IPTV"]) == ""
    assert did_you_mean("IPTW", ["IPTV"]) == "did you mean 'IPTV'? "


def test_long_texts_are_like_nothing() -> None:
    assert nearest("A" * LONGEST, ["A" * LONGEST]) == "A" * LONGEST
    assert nearest("A" * 40_000, ["A" * 40_000]) is None
    assert nearest("A" * LONGEST, ["A" * (LONGEST + 1)]) is None


def test_the_same_question_is_answered_once() -> None:
    # A damaged table of 28 800 columns asked for the same thirty headers again and again.
    before = _nearest.cache_info()
    for _ in range(100):
        assert nearest("asked again", ["Asked-Agains", "other"]) == "Asked-Agains"
    after = _nearest.cache_info()
    assert after.misses - before.misses <= 1
    assert after.hits - before.hits >= 99


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("宽带网速慢", ["BB_SLOW"]),
        ("slow internet", ["BB_SLOW"]),
        ("卡顿", ["BB_SLOW", "IPTV_STB"]),
        ("光猫", ["FTTH_LOS_DROP", "ONT_REPLACE", "ONT_REGISTER"]),
        ("专线劣化", ["ENT_LEASED_DEGRADED"]),
        ("other", []),
        ("慢", []),
    ],
)
def test_names_that_share_a_part(name: str, meant: list[str]) -> None:
    names = {
        known: fault.code
        for fault in builtin_fault_types()
        for known in (fault.name_zh, fault.name_en)
    }
    assert [names[known] for known in sharing_a_part(name, names)] == meant
