"""Rosters as branches keep them: days and names of shifts, days side by side, names of people."""

from __future__ import annotations

import io
import re
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.doctor import examine
from dispatchopt.adapters.headers import SHIFT_COLUMNS, index_beside
from dispatchopt.adapters.mapping import read_mapping
from dispatchopt.adapters.roster import (
    OFF_WORDS,
    DayBreak,
    ShiftHours,
    read_day_break,
    read_shift_span,
)
from dispatchopt.adapters.workbook import read_workbook
from dispatchopt.errors import DispatchError, InvalidProblemError, Issue
from dispatchopt.models import Break, Window
from tests.unit.test_adapters_json import one_folder

if TYPE_CHECKING:
    from dispatchopt.models import Problem, Shift

ROOT = Path(__file__).parents[2]
MAPPING = """\
timezone = "Asia/Shanghai"

[shift_hours]
"白班" = { hours = "08:30-17:30", breaks = "11:30/13:00/60" }
"夜班" = { hours = "20:00-次日8:00", breaks = "23:30/00:30/30; 4:00/5:00/15" }
"值班室" = "off"
"""
TICKETS = "id,fault_type,lon,lat\nT1,FTTH_WEAK_LIGHT,121.5,31.2\n"
ENGINEERS = (
    "工号,姓名,技能,经度,纬度\n"
    "E1,甲一,FIBER_SPLICE:2,121.4,31.1\nE2,乙二,BROADBAND,121.4,31.1\nE3,乙二,IPTV,121.4,31.1\n"
)
ROSTER = (
    "日期,工号,班次\n2026-11-23,E1,白班\n2026-11-23,E2,夜班\n"
    "2026/11/24,E1,休\n2026-11-24,E3,值班室\n"
)


def at(hour: float, day: int = 23) -> datetime:
    """Shanghai is eight hours ahead."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour - 8)


def put(
    folder: Path, shifts: str | bytes = ROSTER, mapping: str = MAPPING, tickets: str = TICKETS
) -> Path:
    for old in folder.iterdir():
        old.unlink()
    name = "shifts.csv" if isinstance(shifts, str) else "排班.xlsx"
    files = {"tickets.csv": tickets, "engineers.csv": ENGINEERS, "mapping.toml": mapping}
    for file, text in {**files, name: shifts}.items():
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(folder: Path, *args: str | bytes, **named: str) -> Problem:
    return read_folder(put(folder, *args, **named)).problem  # type: ignore[arg-type]


def faults(folder: Path, *args: str, **named: str) -> list[Issue]:
    with pytest.raises(InvalidProblemError) as caught:
        read(folder, *args, **named)
    return list(caught.value.issues)


def shifts_of(problem: Problem) -> dict[str, list[Shift]]:
    return {engineer.id: list(engineer.shifts) for engineer in problem.engineers}


def test_days_and_names_are_shifts(tmp_path: Path) -> None:
    problem = read(tmp_path)
    shifts = shifts_of(problem)
    (day,), (night,) = shifts["E1"], shifts["E2"]
    assert (day.id, day.start, day.end) == ("E1/2026-11-23T08:30", at(8.5), at(17.5))
    assert day.breaks == (Break(earliest=at(11.5), latest=at(13), duration=3600),)
    assert (night.start, night.end) == (at(20), at(8, day=24))
    assert night.breaks == (
        Break(earliest=at(23.5), latest=at(24.5), duration=1800),
        Break(earliest=at(4, day=24), latest=at(5, day=24), duration=900),
    )
    assert shifts["E3"] == []  # a name that the settings call a day off
    assert (problem.horizon.start, problem.horizon.end) == (at(0), at(0, day=25))


def test_the_same_header_is_an_id_without_days() -> None:
    def meant(*headers: str) -> str:
        return index_beside(headers, SHIFT_COLUMNS, {})["班次"].name

    assert meant("工号", "班次", "上班时间") == "id"
    assert meant("日期", "班次") == "hours"
    assert meant("日期", "班次", "班别") == "id"
    mapped = index_beside(["值日", "班次"], SHIFT_COLUMNS, {"值日": "day"})
    assert mapped["班次"].name == "hours"


def test_hours_in_figures_need_no_name(tmp_path: Path) -> None:
    roster = "day,engineer_id,shift,breaks\n2026-11-23,E1,8点-17点半,12:00/12:30/45\n"
    (shift,) = shifts_of(read(tmp_path, roster))["E1"]
    assert (shift.start, shift.end) == (at(8), at(17.5))
    assert shift.breaks == (Break(earliest=at(12), latest=at(12.5), duration=2700),)


def test_times_of_a_row_go_before_the_name(tmp_path: Path) -> None:
    roster = (
        "日期,工号,班次,上班时间,下班时间\n2026-11-23,E1,白班,2026-11-23 09:00,2026-11-23 12:00\n"
    )
    (shift,) = shifts_of(read(tmp_path, roster))["E1"]
    assert (shift.start, shift.end, shift.breaks) == (at(9), at(12), ())


@pytest.mark.parametrize(("begins", "ends"), [("8:30", "17:30:00"), ("8点半", "17点30")])
def test_clock_times_beside_a_day(tmp_path: Path, begins: str, ends: str) -> None:
    roster = f"日期,工号,上班时间,下班时间\n2026-11-23,E1,{begins},{ends}\n"
    roster += "2026-11-23,E2,20:00,次日8:00\n"
    shifts = shifts_of(read(tmp_path, roster))
    assert [(s.start, s.end) for s in shifts["E1"]] == [(at(8.5), at(17.5))]
    assert [(s.start, s.end) for s in shifts["E2"]] == [(at(20), at(32))]
    # A row that bears its dates keeps them.
    roster += "2026-11-23,E3,2026-11-23 06:00,2026-11-23 07:00\n"
    assert [(s.start, s.end) for s in shifts_of(read(tmp_path, roster))["E3"]] == [(at(6), at(7))]


def test_days_side_by_side(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["2026年11月排班表"])
    sheet.append(["序号", "姓名", "工号", datetime(2026, 11, 23), "11月24日", date(2026, 11, 25)])
    sheet.append([1, "甲一", "E1", "白班", None, "夜班"])
    sheet.append([2, "乙二", "E2", None, None, "休"])
    sheet["E2"] = "2026年11月24日"
    stream = io.BytesIO()
    book.save(stream)
    mapping = f'other_columns = "ignore"\n{MAPPING}'
    shifts = shifts_of(read(tmp_path, stream.getvalue(), mapping))
    assert [s.start for s in shifts["E1"]] == [at(8.5), at(20, day=25)]
    assert shifts["E2"] == []


def test_engineers_by_their_names(tmp_path: Path) -> None:
    roster = "日期,姓名,班次\n2026-11-23,甲一,白班\n"
    assert [s.start for s in shifts_of(read(tmp_path, roster))["E1"]] == [at(8.5)]
    issues = faults(tmp_path, f"{roster}2026-11-23,乙二,白班\n2026-11-23,丙三,白班\n")
    assert [(i.line, i.field, i.value) for i in issues] == [(3, "姓名", ""), (4, "姓名", "")]
    assert "2 engineers have this name" in issues[0].message
    assert "no engineer has this name" in issues[1].message
    assert "乙二" not in str(issues) + issues[0].message
    # An id beside the name is enough, and which of the two is meant is no question.
    roster = "日期,工号,姓名,班次\n2026-11-23,E3,乙二,白班\n"
    assert [s.start for s in shifts_of(read(tmp_path, roster))["E3"]] == [at(8.5)]


def test_one_day_of_a_roster(tmp_path: Path) -> None:
    roster = f"{ROSTER}2026-11-25,E3,白班\n"
    problem = read(tmp_path, roster, f"plan_day = 2026-11-25\n{MAPPING}")
    assert [(len(s)) for s in shifts_of(problem).values()] == [0, 0, 1]
    assert (problem.horizon.start, problem.horizon.end) == (at(0, day=25), at(0, day=26))
    for word, day in (("today", 23), ("tomorrow", 24)):
        mapping = f'plan_day = "{word}"\n{MAPPING}'
        put(tmp_path, f"{roster}2026-11-24,E2,夜班\n", mapping)
        # 17:00 in London is past midnight in Shanghai.
        (tmp_path / "policy.toml").write_text("now = 2026-11-22T17:00:00Z\n", "utf-8")
        starts = {s.start for e in read_folder(tmp_path).problem.engineers for s in e.shifts}
        assert {(start + timedelta(hours=8)).day for start in starts} == {day}


def test_a_day_without_shifts_is_a_fault(tmp_path: Path) -> None:
    (issue,) = faults(tmp_path, mapping=f"plan_day = 2026-12-24\n{MAPPING}")
    assert (issue.field, issue.message) == (
        "horizon", "there is no shift on 2026-12-24; correct the day or the roster",
    )  # fmt: skip


def test_without_any_shift_that_can_be_read_nothing_is_planned(tmp_path: Path) -> None:
    put(tmp_path, "日期,工号,班次\n2026-11-23,E1,中班\n")
    with pytest.raises(InvalidProblemError) as caught:
        read_folder(tmp_path, on_bad_row="reject")
    assert [(issue.kind, issue.field) for issue in caught.value.issues] == [
        ("problem", "horizon"), ("shift", "班次"),
    ]  # fmt: skip
    assert "every shift has a fault" in caught.value.issues[0].message


def test_an_appointment_lies_on_the_day_on_which_shifts_begin(tmp_path: Path) -> None:
    # The night shift ends on the 24th, which has no shift of its own.
    tickets = TICKETS.replace("lat\n", "lat,预约时段\n").replace("31.2\n", "31.2,下午\n")
    (ticket,) = read(tmp_path, tickets=tickets).tickets
    assert ticket.appointment == Window(open=at(12), close=at(18))


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("2026-11-23,E1,中班", "班次", "[shift_hours]"),
        ("2026-11-23,E1,", "班次", "is required"),
        (",E1,白班", "日期", "is blank; write the day of the shift"),
        ("11-23,E1,白班", "日期", "no day; write 2026-11-23"),
        ("2999-12-31,E1,夜班", "班次", "1970 to 2999"),
        ("2026-11-23,E9,白班", "工号", "no such engineer"),
        ("2026-11-23,E1,25:00-26:00", "班次", "no hours; write 08:30-17:30"),
    ],
)
def test_a_faulty_row_is_told_once(tmp_path: Path, row: str, field: str, words: str) -> None:
    (issue,) = faults(tmp_path, f"{ROSTER}{row}\n")
    assert (issue.file, issue.line, issue.field) == ("shifts.csv", 6, field)
    assert words in issue.message


def test_names_without_days_are_a_fault_of_the_table(tmp_path: Path) -> None:
    (issue,) = faults(tmp_path, "工号,班别\nE1,白班\nE2,夜班\n")
    assert (issue.line, issue.field) == (1, "day")
    assert "add 'day' or '日期'" in issue.message


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ('"off"', '""', "shift_hours.值班室", 'must be hours: "08:30-17:30"'),
        ('"off"', "8", "shift_hours.值班室", "must be hours"),
        ('hours = "08:30-17:30", ', "", "shift_hours.白班", "must be hours"),
        ("breaks", "pause", "shift_hours.白班.pause", "unknown setting"),
        ("11:30/13:00/60", "11:30-12:30", "shift_hours.白班.breaks", "earliest/latest/minutes"),
        ("timezone", "plan_day = 2026-11-23T08:00:00\ntimezone", "plan_day", "must be a day"),
        ("timezone", 'plan_day = "yesterday"\ntimezone', "plan_day", "must be a day"),
        ("timezone", "appointment_minutes = 0\ntimezone", "appointment_minutes", "1 to 1440"),
    ],
)
def test_faults_of_the_settings(tmp_path: Path, old: str, new: str, field: str, words: str) -> None:
    assert old in MAPPING
    (tmp_path / "mapping.toml").write_text(MAPPING.replace(old, new, 1), "utf-8")
    issues: list[Issue] = []
    read_mapping(tmp_path, issues)
    (issue,) = issues
    assert issue.field == field
    assert words in issue.message


def test_the_settings_may_stand_in_the_policy(tmp_path: Path) -> None:
    put(tmp_path, mapping='timezone = "Asia/Shanghai"\n')
    (tmp_path / "policy.toml").write_text(MAPPING, "utf-8")
    assert len(shifts_of(read_folder(tmp_path).problem)["E1"]) == 1
    put(tmp_path)
    (tmp_path / "policy.toml").write_text(MAPPING, "utf-8")
    with pytest.raises(InvalidProblemError, match="policy.toml has shift_hours, too"):
        read_folder(tmp_path)


def test_a_table_without_times_is_told_both_ways_out(tmp_path: Path) -> None:
    found = {issue.field: issue.message for issue in faults(tmp_path, "班组人数\n1\n")}
    assert found["start"] == "column missing; add 'start' or '上班时间', or 'hours' or '班别'"
    assert found["engineer_id"] == (
        "column missing; add 'engineer_id' or '工号', or 'name' or '姓名'"
    )


def test_the_doctor_asks_for_the_hours(tmp_path: Path) -> None:
    seen = examine(put(tmp_path, mapping='timezone = "Asia/Shanghai"\n'))
    assert [(c.code, c.count) for c in seen.codes["shift_hours"]] == [
        ("白班", 1), ("夜班", 1), ("值班室", 1),
    ]  # fmt: skip
    assert tomllib.loads(seen.mapping)["shift_hours"] == {"白班": "", "夜班": "", "值班室": ""}
    again = examine(put(tmp_path))
    assert again.codes == {}
    (table,) = [table for table in again.tables if table.kind == "shifts"]
    assert (table.rows, table.filled["hours"], again.counts["shifts"]) == (4, 1.0, 2)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("08:30-17:30", (510, 1050)),
        ("20:00-08:00", (1200, 1920)),
        ("20点至次日8点", (1200, 1920)),
        ("00:00-24:00", (0, 1440)),
        ("8:00-8:00", (480, 1920)),
        ("8-17", None),
        ("白班", None),
    ],
)
def test_spans_of_shifts(text: str, span: tuple[int, int] | None) -> None:
    assert read_shift_span(text) == span


def test_breaks_by_the_clock() -> None:
    assert read_day_break("12:00/13:00/60") == DayBreak(720, 780, 3600)
    assert read_day_break("23:30／00:30／30分钟") == DayBreak(1410, 1470, 1800)
    for other in ("12:00/60", "2026-11-23 12:00/13:00/60", "12:00/13:00", "12:00/13:00/soon"):
        assert read_day_break(other) is None


def test_the_rosters_of_the_page_are_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "exports.md").read_text("utf-8")
    blocks = re.findall(r"```csv\n(.*?)```", text, re.S)
    (mapping,) = re.findall(r"^\[shift_hours\].*?\n\n", text, re.S | re.M)
    engineers = ENGINEERS.replace("E1,甲一", "E001,王某").replace("E2,乙二", "E002,李某")
    for block in blocks:
        put(tmp_path, block, f'timezone = "Asia/Shanghai"\n{mapping}')
        (tmp_path / "engineers.csv").write_text(engineers, "utf-8")
        (day,), (night,), _ = (e.shifts for e in read_folder(tmp_path).problem.engineers)
        assert (day.start, day.end) == (at(8.5), at(17.5))
        assert night.start in (at(17.5), at(20))
        assert night.end in (at(25.5), at(32))
    assert len(blocks) == 3
    named = set(re.findall(r"`([^`\n]+)`", text))
    assert set(OFF_WORDS) <= named


def test_days_off_need_no_settings(tmp_path: Path) -> None:
    rows = "".join(f"2026-11-{day:02d},E2,{word}\n" for day, word in enumerate(OFF_WORDS, start=1))
    assert shifts_of(read(tmp_path, f"日期,工号,班次\n2026-11-23,E1,白班\n{rows}"))["E2"] == []
    names = read_mapping(tmp_path, []).shift_hours
    assert names is not None
    assert names["白班"] == ShiftHours((510, 1050), (DayBreak(690, 780, 3600),))


@one_folder
@given(day=st.text(max_size=12), name=st.text(max_size=12))
@example(day="2026-11-23", name="00:00-0:00")
@example(day="2999-12-31", name="夜班")
@example(day="9999-12-31", name="8:00-7:00")
def test_any_roster_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path, day: str, name: str
) -> None:
    row = ",".join('"' + cell.replace('"', '""') + '"' for cell in (day, "E1", name))
    try:
        read(tmp_path, f"{ROSTER}{row}\n")
    except DispatchError as error:
        assert str(error)


def test_the_settings_may_stand_in_the_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheets: dict[str, list[list[object]]] = {
        "tickets": [["id", "fault_type", "lon", "lat"], ["T1", "FTTH_WEAK_LIGHT", 121.5, 31.2]],
        "engineers": [["id", "skills", "lon", "lat"], ["E1", "FIBER_SPLICE:2", 121.4, 31.1]],
        "排班": [
            ["日期", "工号", "班次"],
            [date(2026, 11, 23), "E1", "白班"],
            [date(2026, 11, 24), "E1", "晚班"],
        ],
        "settings": [
            ["setting", "value"],
            ["timezone", "Asia/Shanghai"],
            ["plan_day", "2026-11-24"],
            ["shift_hours.白班", "08:30-17:30"],
            ["shift_hours.晚班", '{"hours": "12:00-21:00", "breaks": "17:00/18:00/30"}'],
        ],
    }
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.remove(book["Sheet"])
    book.save(tmp_path / "day.xlsx")
    (shift,) = shifts_of(read_workbook(tmp_path / "day.xlsx").problem)["E1"]
    assert (shift.start, shift.end) == (at(12, day=24), at(21, day=24))
    assert shift.breaks == (Break(earliest=at(17, day=24), latest=at(18, day=24), duration=1800),)
    sheet = book["settings"]
    sheet["B3"] = date(2026, 11, 24)  # a date cell is a day, too
    book.save(tmp_path / "day.xlsx")
    (shift,) = shifts_of(read_workbook(tmp_path / "day.xlsx").problem)["E1"]
    assert shift.start == at(12, day=24)
