"""Slips of a roster that would silently distort a day, and what messages may show of them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.frames import problem_from_frames
from dispatchopt.adapters.textfiles import decode_table
from dispatchopt.errors import MASK, AdapterError, InvalidProblemError, Issue, masked
from dispatchopt.models import Matrix
from dispatchopt.models.intake import build_problem
from dispatchopt.models.masking import shown, without_echoes
from tests.unit.raw_data import Raw, at, raw_engineer, raw_problem, raw_shift, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path

PHONE = "13800138000"
NAME = "张三"
PERSON = f"{NAME} {PHONE}"
ENGINEERS = "id,name,skills,lon,lat\n"
SHIFTS = "engineer_id,start,end,breaks\nE1,2026-11-23 08:00,2026-11-23 18:00,"

FOLDER = {
    "tickets.csv": "id,fault_type,lon,lat\nT1,FTTH_WEAK_LIGHT,121.5,31.2\n",
    "engineers.csv": f"{ENGINEERS}E1,{NAME},FIBER_SPLICE:2,121.4,31.1\n",
    "shifts.csv": f"{SHIFTS}\n",
    "policy.toml": 'timezone = "Asia/Shanghai"\n',
}


def told(folder: Path, **changed: str | bytes) -> list[str]:
    """Faults and warnings of a folder, some of its files replaced."""
    for name, content in {**FOLDER, **changed}.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    try:
        return [str(issue) for issue in read_folder(folder).warnings]
    except InvalidProblemError as error:
        return [str(issue) for issue in (*error.issues, *error.warnings)]


def of_breaks(*breaks: tuple[str, str, int], **changed: Any) -> list[str]:
    """Faults and warnings about a shift 08:00 to 17:00 with breaks."""
    pauses = [{"earliest": at(e), "latest": at(c), "duration": 60 * m} for e, c, m in breaks]
    shift = raw_shift("S1", breaks=pauses, **changed)
    try:
        found = build_problem(raw_problem(engineers=[raw_engineer(shifts=[shift])])).warnings
    except InvalidProblemError as error:
        found = (*error.issues, *error.warnings)
    return [f"{issue.field} = {issue.value}: {issue.message[:24]}" for issue in found]


OUTSIDE = "lies outside the shift, "
WHOLE = "takes the whole shift of"
HALF = "more than half of the sh"
LATE = "begins in the overtime, "


@pytest.mark.parametrize(
    ("breaks", "changed", "expected"),
    [
        ([("12:00", "13:00", 540)], {}, [f"breaks = 540 minutes: {WHOLE}"]),
        ([("12:00", "13:00", 539)], {}, [f"breaks = 539 minutes: {HALF}"]),
        ([("12:00", "13:00", 270)], {}, []),
        ([("12:00", "13:00", 271)], {}, [f"breaks = 271 minutes: {HALF}"]),
        (
            [("10:00", "11:00", 270), ("12:00", "13:00", 270)],
            {},
            [f"breaks = 540 minutes: {WHOLE}"],
        ),
        ([("07:00", "08:00", 30)], {}, []),
        (
            [("12:00", "13:00", 30), ("07:00", "07:59", 30)],
            {},
            [f"breaks[1] = {at('07:00')}/{at('07:59')}: {OUTSIDE}"],
        ),
        ([("16:59", "18:00", 30)], {}, []),
        ([("17:00", "18:00", 30)], {}, [f"breaks[0] = {at('17:00')}/{at('18:00')}: {OUTSIDE}"]),
        ([("17:00", "18:00", 30)], {"max_overtime": 60}, [f"breaks[0] = {at('17:00')}: {LATE}"]),
        (
            [("17:01", "18:00", 30)],
            {"max_overtime": 60},
            [f"breaks[0] = {at('17:01')}/{at('18:00')}: {OUTSIDE}"],
        ),
    ],
)
def test_breaks_that_nobody_can_take(
    breaks: list[tuple[str, str, int]], changed: Raw, expected: list[str]
) -> None:
    assert of_breaks(*breaks, **changed) == expected


def test_a_mistyped_break_names_file_line_and_way_out(tmp_path: Path) -> None:
    shifts = f"{SHIFTS}2026-11-23 12:00/13:00/600\n"
    assert told(tmp_path, **{"shifts.csv": shifts}) == [
        "shifts.csv:2: shift 'E1/2026-11-23T08:00', breaks = 600 minutes: takes the whole shift of "
        "600 minutes; shorten it, or remove the shift if nobody works"
    ]


@pytest.mark.parametrize(
    ("rows", "mark"),
    [
        # No row of headers.
        (f"E1,{NAME},FIBER_SPLICE:2,121.4,31.1\nE2,李四,IPTV:1,121.4,31.1\n", "no row of headers"),
        (f"E1；{NAME}；{PHONE}\n", "no row of headers"),
        # Cells shifted by one column.
        (f"{ENGINEERS}E1,x,IPTV:2,{PERSON},31.1\n", "lon = …: must be a number"),
        (f"{ENGINEERS}E1,x,IPTV:2,{NAME},31.1\n", "lon = …: must be a number"),
        (f"{ENGINEERS}E1,x,IPTV:2,{PHONE},31.1\n", "lon = …: must lie in"),
        (f"{ENGINEERS}E1,x,{PERSON},121.4,31.1\n", "skills = …: no ticket"),
        (f"{ENGINEERS}E1,x,{NAME}:a;B:{PHONE}9x,121.4,31.1\n", "'…' is no NAME:NUMBER"),
        (f"{ENGINEERS.strip()},{NAME}{PHONE}\nE1,x,IPTV:2,121.4,31.1,1\n", "…: unknown column"),
        (f"{ENGINEERS}{PERSON},x,IPTV:2,a,31.1\n", "engineer '…', lon"),
    ],
)
def test_messages_hold_no_personal_data(tmp_path: Path, rows: str, mark: str) -> None:
    messages = "\n".join(told(tmp_path, **{"engineers.csv": rows}))
    assert mark in messages
    assert NAME not in messages
    assert "1380013" not in messages


def test_missing_headers_are_told_once(tmp_path: Path) -> None:
    rows = f"E1,{NAME},FIBER_SPLICE:2,121.4,31.1\n"
    (fault,) = told(tmp_path, **{"engineers.csv": rows})
    assert fault.startswith("engineers.csv:1: problem: this is no row of headers: none of its 5 ")


def test_a_row_of_misspelt_headers_is_one(tmp_path: Path) -> None:
    rows = "idd,nmae,skils,lonn,latt\nE1,x,IPTV:2,121.4,31.1\n"
    messages = told(tmp_path, **{"engineers.csv": rows})
    assert any("skils: unknown column; did you mean 'skills'?" in text for text in messages)


def test_frames_without_headers_show_nothing() -> None:
    frame = pd.DataFrame([[NAME, PHONE], ["李四", PHONE]])
    empty = pd.DataFrame(columns=["id", "fault_type", "lon", "lat"])
    shifts = pd.DataFrame({"engineer_id": ["E1"], "start": [at("08:00")], "end": [at("17:00")]})
    with pytest.raises(InvalidProblemError, match="this is no row of headers") as caught:
        problem_from_frames(empty, frame, shifts)
    assert len(caught.value.issues) == 1


@pytest.mark.parametrize(
    "raw",
    [
        raw_problem(engineers=[raw_engineer(skills={PERSON: "x"})]),
        raw_problem(engineers=[raw_engineer(skills={"IPTV": NAME})]),
        raw_problem(engineers=[raw_engineer(duration_percent=PERSON)]),
        raw_problem(tickets=[raw_ticket(fault_type=PERSON)]),
        raw_problem(tickets=[raw_ticket(priority=NAME)]),
        raw_problem(tickets=[raw_ticket(status=PERSON)]),
        raw_problem(tickets=[raw_ticket(lock="visit", assigned_engineer=PERSON)]),
    ],
)
def test_faults_of_json_hold_no_personal_data(raw: Raw) -> None:
    with pytest.raises(InvalidProblemError, match=MASK) as caught:
        build_problem(raw)
    assert NAME not in str(caught.value)
    assert PHONE not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("121.473701", "number", "121.473701"),
        ("31,2", "number", "31,2"),
        ("121°", "number", "121°"),
        ("P5", "number", "P5"),
        ("1h", "number", "1h"),
        ("2026-11-31 08:00+08:00", "number", "2026-11-31 08:00+08:00"),
        ("2026年11月31日", "number", "2026年11月31日"),
        ("20261123083000", "number", "20261123083000"),
        ("soon", "number", MASK),
        (PHONE, "number", MASK),
        ("光猫掉线", "text", "光猫掉线"),
        ("BROADBAND:12345", "text", "BROADBAND:12345"),
        ("BROADBAND:123456", "text", MASK),
        ("WO-20261123000017", "id", "WO-20261123000017"),
        ("T13800138000", "id", "T13800138000"),
        (f"电话{PHONE}", "id", MASK),
        ("138 0013 8000", "id", MASK),
        ("１３８００１３８０００", "id", MASK),
        ("+86 138-0013-8000", "id", MASK),
        ("0571-88123456", "id", MASK),
        ("110101199003072316", "id", MASK),
        ("x" * 61, "id", "x" * 57 + "..."),
        ("x" * 55 + f" {PHONE}", "id", MASK),
    ],
)
def test_what_is_shown(text: str, kind: Any, expected: str) -> None:
    assert shown(text, kind) == expected


def test_masks_of_issues_and_messages() -> None:
    issue = Issue("ticket", PHONE, f"skills.{PERSON}", PERSON, "bad")
    # Who uses phone numbers as ids wants to find them.
    assert str(issue) == f"ticket '{PHONE}', {MASK} = {MASK}: bad"
    assert masked("T1") == "T1"
    assert without_echoes("""'a\\'b' is no number, "c" neither; write 3""") == (
        "'…' is no number, '…' neither; write 3"
    )


@pytest.mark.parametrize("bad", [-3, -0.5, 2**30 + 1, 99999999999, 2**80, 10**400])
def test_odd_travel_seconds_are_faults(bad: float) -> None:
    travel = {"kind": "matrix", "places": ["A", "B"], "seconds": [[0, 5], [bad, 0]]}
    raw = raw_problem(
        travel=travel, tickets=[raw_ticket(place="A")], engineers=[raw_engineer(place="B")]
    )
    with pytest.raises(InvalidProblemError, match="in row 2, column 1: seconds must be 0 to"):
        build_problem(raw)


@pytest.mark.parametrize(
    "table",
    [
        np.array([[0, -2], [1, 0]], dtype=np.int16),
        np.array([[0, 2**31], [1, 0]], dtype=np.uint32),
        np.array([[0, -np.inf], [1, 0]]),
    ],
)
def test_odd_seconds_of_arrays_are_faults(table: Any) -> None:
    with pytest.raises(ValueError, match="in row 1, column 2: seconds must be 0 to"):
        Matrix(kind="matrix", places=("A", "B"), seconds=table)


def test_a_huge_number_in_a_travel_file_is_a_fault(tmp_path: Path) -> None:
    travel = "origin,destination,seconds\nA,B,99999999999\nB,A,-1\n"
    faults = [t for t in told(tmp_path, **{"travel.csv": travel}) if t.startswith("travel.csv")]
    assert [fault.partition(": blank")[0].partition("': ")[2] for fault in faults] == [
        "must be below 1073741824; blank where there is no way",
        "must be 0 or more; blank where there is no way",
    ]


def test_only_two_ways_to_treat_bad_rows() -> None:
    empty = pd.DataFrame(columns=["id", "fault_type", "lon", "lat", "skills", "engineer_id"])
    with pytest.raises(ValueError, match="'maybe'; give 'error' or 'reject'"):
        problem_from_frames(empty, empty, empty, on_bad_row="maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            raw_problem(policy={"travel_per_hours": 3}),
            "did you mean 'travel_per_hour'? Correct its name or remove it",
        ),
        (
            raw_problem(tickets=[raw_ticket(prioritty=3)]),
            "did you mean 'priority'? Correct its name, or put it under attributes",
        ),
        (
            raw_problem(engineers=[raw_engineer(shifts=[raw_shift(breakes=[])])]),
            "did you mean 'breaks'? Correct its name or remove it",
        ),
        (raw_problem(colour=1), "correct its name or remove it"),
    ],
)
def test_an_unknown_field_is_told_where_it_may_stand(raw: Raw, message: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        build_problem(raw)
    (issue,) = caught.value.issues
    assert issue.message == f"unknown field; {message}"


@pytest.mark.parametrize("content", ['{"fault_type": []}', '{"fault_types": {"a": 1}}', "3"])
def test_fault_types_that_are_no_list_name_their_file(tmp_path: Path, content: str) -> None:
    (fault,) = told(tmp_path, **{"fault_types.json": content})
    assert fault.startswith("fault_types.json: problem, fault_types: must be a list")


def test_a_duration_too_large_is_told_in_minutes(tmp_path: Path) -> None:
    tickets = "id,fault_type,lon,lat,duration_minutes\nT1,FTTH_WEAK_LIGHT,121.5,31.2,99999999\n"
    assert told(tmp_path, **{"tickets.csv": tickets}) == [
        "tickets.csv:2: ticket 'T1', duration_minutes = 99999999: must be at most 17895697 minutes"
    ]


def test_every_fault_of_a_part_is_told(tmp_path: Path) -> None:
    rows = f"{ENGINEERS}E1,x,IPTV:q@x,121.4,31.1\n"
    shifts = f"{SHIFTS}2026-11-23 12:99/13:00/x\n"
    skills, pause = told(tmp_path, **{"engineers.csv": rows, "shifts.csv": shifts})
    assert "'IPTV:q' is no NAME:NUMBER; " in skills
    assert "; 'x' is no day of expiry; " in skills
    assert "no such date or time; " in pause
    assert "; the duration must be a number of minutes" in pause


def test_warnings_are_told_beside_faults(tmp_path: Path) -> None:
    rows = f"{ENGINEERS}E1,x,JUGGLING,121.4,31.1\n"
    shifts = f"{SHIFTS}2026-11-24 12:00/13:00/30\n"
    fault, warning = told(tmp_path, **{"engineers.csv": rows, "shifts.csv": shifts})
    assert fault.startswith("shifts.csv:2: shift 'E1/2026-11-23T08:00', breaks = ")
    assert warning.startswith("engineers.csv:2: engineer 'E1', skills = JUGGLING: no ticket and ")
    with pytest.raises(InvalidProblemError, match=r"has 1 fault:(.|\n)*\nBesides, 1 warning:") as e:
        read_folder(tmp_path)
    again = pickle.loads(pickle.dumps(e.value))
    assert (again.issues, again.warnings) == (e.value.issues, e.value.warnings)


GB_ROWS = "工号,姓名\nE1,张三\nE2,李四\nE3,王五\n".encode("gb18030")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GB_ROWS + "E4,赵六\n".encode(), "line 5 is UTF-8, other lines are not"),
        (GB_ROWS + "E4,赵小六\n".encode(), "line 5 is UTF-8, other lines are not"),
        (GB_ROWS + "E4,赵\nE5,钱\n".encode(), "lines 5, 6 are UTF-8, other lines are not"),
        (
            "工号,姓名\nE1,张三\n".encode("utf-8-sig") + "E2,李四\n".encode("gb18030"),
            "line 3 is not UTF-8, other lines are",
        ),
        (GB_ROWS * 4 + "张三\n".encode() * 7, "lines 17, 18, 19, 20, 21 and 2 more are UTF-8, "),
    ],
)
def test_two_encodings_in_one_file_are_a_fault(data: bytes, message: str) -> None:
    with pytest.raises(AdapterError, match=message):
        decode_table(data, "engineers.csv")


@pytest.mark.parametrize("text", ["工号,姓名\nE1,张三\n", "联通\n移动,喆堃\n", "浠水,A\n滏阳\né\n"])
def test_one_encoding_is_read(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        assert decode_table(text.encode(encoding), "x.csv") == text
