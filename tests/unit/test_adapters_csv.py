"""Folders of CSV files: the same problem again, and every fault with file, line, id and value."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.csv_folder import read_folder, write_folder
from dispatchopt.adapters.csv_write import folder_files
from dispatchopt.adapters.headers import (
    AREA_WORDS,
    ENGINEER_COLUMNS,
    LOCK_WORDS,
    SHIFT_COLUMNS,
    STATUS_WORDS,
    TICKET_COLUMNS,
    Column,
    header_index,
    normal_header,
)
from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError, Issue
from dispatchopt.models import Engineer, Matrix, Point, Problem, Shift, Skill, Span, Ticket, Window
from dispatchopt.models.intake import Intake
from dispatchopt.models.ticket import AreaClass
from tests import strategies
from tests.unit import test_round_trip
from tests.unit.raw_data import raw_engineer, raw_problem, raw_shift, raw_ticket
from tests.unit.test_adapters_json import mutated, often, one_folder

POLICY = 'timezone = "Asia/Shanghai"\n'
TICKETS = "id,fault_type,priority,lon,lat\nT1,FTTH_WEAK_LIGHT,3,121.5,31.2\n"
ENGINEERS = "id,skills,lon,lat\nE1,FIBER_SPLICE:2,121.4,31.1\n"
SHIFTS = "engineer_id,id,start,end\nE1,S1,2026-11-23 08:00,2026-11-23 17:00\n"


def folder(tmp_path: Path, **changed: str | bytes | None) -> Path:
    """A valid folder, some of its files replaced (None: left out)."""
    files: dict[str, str | bytes | None] = {
        "policy.toml": POLICY, "tickets.csv": TICKETS, "engineers.csv": ENGINEERS,
        "shifts.csv": SHIFTS,
    }  # fmt: skip
    files.update({name.replace("__", "."): content for name, content in changed.items()})
    path = tmp_path / "in"
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        if content is not None:
            data = content.encode() if isinstance(content, str) else content
            (path / name).write_bytes(data)
    return path


def read_ticket(tmp_path: Path, **cells: str) -> Ticket:
    """Read the valid ticket with some cells set."""
    row = {"id": "T1", "fault_type": "FTTH_WEAK_LIGHT", "priority": "3", "lon": "121.5"}
    row |= {"lat": "31.2", **cells}
    lines = [",".join(row), ",".join(f'"{cell}"' for cell in row.values())]
    path = folder(tmp_path, tickets__csv="\n".join(lines))
    return read_folder(path).problem.tickets[0]


def read_files(tmp_path: Path, files: dict[str, bytes]) -> Intake:
    """Read files written without the care (and the time) that a crash-proof folder takes."""
    path = tmp_path / "out"
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return read_folder(path)


def faults(path: Path) -> list[Issue]:
    with pytest.raises(InvalidProblemError) as caught:
        read_folder(path)
    return list(caught.value.issues)


def places_of(issues: list[Issue]) -> list[tuple[str, int, str, str]]:
    return [(issue.file, issue.line, issue.id, issue.field) for issue in issues]


def utc(hour: int, minute: int = 0, day: int = 23) -> datetime:
    """Shanghai is eight hours ahead."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour - 8, minutes=minute)


CHINESE = {
    "tickets.csv": (
        "工单号,故障类型,优先级,经度,纬度,受理时间,预约开始,预约结束,状态,网格\r\n"
        "0071,光衰过大/弱光,２,１２１.5,31.2,2026/11/22 7:05,2026年11月23日9:00,"
        "2026-11-23 11：30,待派,G1\r\n"
        "0072,FTTH_LOS_DROP,P1,121.6,31.3,,,,撤单,\r\n"
    ),
    "engineers.csv": (
        "工号,姓名,技能,经度,纬度,网格,协助网格\r\n"
        "08,张三,BROADBAND：3；IPTV:2，FIBER_SPLICE@2027-03-01,121.4,31.1,G1;G2,-\r\n"
    ),
    "shifts.csv": (
        "工号,班次,上班时间,下班时间,休息,已占用(分钟),最长加班（分钟）,收工地点\r\n"
        "08,早,2026-11-23 08:00,2026-11-23 24:00,2026-11-23 12:00/13:00/30,20,45,最后一单\r\n"
    ),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_folder(tmp_path: Path, encoding: str) -> None:
    files = {name: text.encode(encoding) for name, text in CHINESE.items()}
    (tmp_path / "in").mkdir()
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    (tmp_path / "in" / "policy.toml").write_text(POLICY)
    problem = read_folder(tmp_path / "in").problem
    assert problem.tickets == (
        Ticket(
            id="0071",
            fault_type="FTTH_WEAK_LIGHT",
            priority=2,
            place=Point(lon=121.5, lat=31.2),
            reported_at=utc(7, 5, day=22),
            appointment=Window(open=utc(9), close=utc(11, 30)),
            territory="G1",
        ),
        Ticket(
            id="0072",
            fault_type="FTTH_LOS_DROP",
            priority=1,
            place=Point(lon=121.6, lat=31.3),
            status="cancelled",
        ),
    )
    assert problem.engineers == (
        Engineer(
            id="08",
            name="张三",
            skills={
                "BROADBAND": Skill(level=3),
                "IPTV": Skill(level=2),
                "FIBER_SPLICE": Skill(level=1, expires=datetime(2027, 3, 1).date()),
            },
            place=Point(lon=121.4, lat=31.1),
            territories=("G1", "G2"),
            helper_territories=(),
            shifts=(
                Shift(
                    id="早",
                    start=utc(8),
                    end=utc(24),
                    breaks=({"earliest": utc(12), "latest": utc(13), "duration": 1800},),
                    reserved_minutes=20,
                    max_overtime=2700,
                    end_place=None,
                ),
            ),
        ),
    )
    # Overtime runs past midnight: the horizon covers that local day, too.
    assert (problem.horizon.start, problem.horizon.end) == (utc(0), utc(0, day=25))
    assert problem.travel.kind == "straight_line"


@pytest.mark.parametrize("columns", [TICKET_COLUMNS, ENGINEER_COLUMNS, SHIFT_COLUMNS])
def test_mapping_table_names_every_field_once(columns: tuple[Column, ...]) -> None:
    index = header_index(columns)
    names = [n for column in columns for n in (column.name, column.zh, *column.aliases)]
    assert len({normal_header(name) for name in names}) == len(names) == len(index)
    model = {TICKET_COLUMNS: Ticket, ENGINEER_COLUMNS: Engineer, SHIFT_COLUMNS: Shift}[columns]
    filled = {column.field.partition(".")[0] for column in columns}
    assert filled - {"engineer_id"} == set(model.model_fields) - {"shifts"}


def test_every_status_lock_and_area_has_a_chinese_word() -> None:
    for words, values in (
        (STATUS_WORDS, Ticket.model_fields["status"].annotation),
        (LOCK_WORDS, Ticket.model_fields["lock"].annotation),
        (AREA_WORDS, AreaClass),
    ):
        chinese = {meaning for word, meaning in words.items() if not word.isascii()}
        assert chinese == set(words.values()) == set(values.__args__)


@pytest.mark.parametrize("header", ["Fault Type", "FAULT-TYPE", " fault_type ", "\ufeff故障类型"])
def test_headers_count_without_case_and_blanks(tmp_path: Path, header: str) -> None:
    path = folder(tmp_path, tickets__csv=TICKETS.replace("fault_type", header))
    assert read_folder(path).problem.tickets[0].fault_type == "FTTH_WEAK_LIGHT"


def test_blank_priority_and_crew_size_are_the_fault_types(tmp_path: Path) -> None:
    # FEEDER_CABLE_CUT: priority 1, two people.
    ticket = read_ticket(tmp_path, fault_type="FEEDER_CABLE_CUT", priority="", crew_size="")
    assert (ticket.priority, ticket.crew_size) == (1, 2)
    ticket = read_ticket(tmp_path, fault_type="FEEDER_CABLE_CUT", priority="4", crew_size="1")
    assert (ticket.priority, ticket.crew_size) == (4, 1)


def test_own_fault_types_by_code_and_name(tmp_path: Path) -> None:
    own = '[{"code": "5G", "name_zh": "五G", "duration": {"mean": 60}, "default_priority": 4}]'
    text = "工单号,故障类型,经度,纬度\nA,五G,1,1\nB,5G,1,1\n"
    path = folder(tmp_path, fault_types__json=own, tickets__csv=text)
    tickets = read_folder(path).problem.tickets
    assert [(ticket.fault_type, ticket.priority) for ticket in tickets] == [("5G", 4), ("5G", 4)]


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("duration_minutes", "75", "duration", 4500),
        ("duration_minutes", "１２.5 分钟", "duration", 750),
        ("duration_minutes", "100s", "duration", 100),
        ("skills", "-", "skills", {}),
        ("skills", "A; B:3", "skills", {"A": 1, "B": 3}),
        ("parts", "ONT：２，皮线 x:3", "parts", {"ONT": 2, "皮线 x": 3}),
        ("refused_engineers", "E1；E2、E3", "refused_engineers", ("E1", "E2", "E3")),
        ("preferred_engineers", "-", "preferred_engineers", ()),
        ("points", "-1.50", "points", -1.5),
        ("carried_over", "3.0", "carried_over", 3),
        ("due", "2026.11.23 8:05", "due", utc(8, 5)),
        ("due", "2026-11-23T08:05:07", "due", utc(8, 5) + timedelta(seconds=7)),
        ("due", "2026-11-23 00:05Z", "due", utc(8, 5)),
        ("due", "2026-11-23 08:05+0800", "due", utc(8, 5)),
        ("due", "2026-11-22T19:05:00.000-05", "due", utc(8, 5)),
        ("due", "2026年11月23日 8时05分", "due", utc(8, 5)),
        (
            "windows",
            "2026-11-23 08:00/10:00; 2026-11-23 22:00～2026-11-24 01:00",
            "windows",
            (Window(open=utc(8), close=utc(10)), Window(open=utc(22), close=utc(25))),
        ),
        ("attributes", '{""floor"": 3}', "attributes", {"floor": 3}),
        ("attributes.note", "  up, left ", "attributes", {"note": "up, left"}),
        ("status", "挂起", "status", "parked"),
        ("area_class", "农村", "area_class", "rural"),
        ("customer_tier", "5星", "customer_tier", "5星"),
        (
            "parked",
            "2026-11-22 10:00/11:30; 2026-11-22 22:00/2026-11-23 08:00",
            "parked",
            (
                Span(start=utc(10, day=22), end=utc(11, 30, day=22)),
                Span(start=utc(22, day=22), end=utc(8)),
            ),
        ),
        ("status", "Done", "status", "done"),
        ("territory", "００7", "territory", "００7"),
        ("network_element", "1E5", "network_element", "1E5"),
    ],
)
def test_cells(tmp_path: Path, column: str, cell: str, field: str, value: Any) -> None:
    assert getattr(read_ticket(tmp_path, **{column: cell}), field) == value


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("id", "1.23E+15", "a spreadsheet turned this id into a number"),
        ("network_element", "6E+11", "a spreadsheet turned this id into a number"),
        ("refused_engineers", "E1;6.1E+11", "a spreadsheet turned this id into a number"),
        ("id", "a\nb", "a line break"),
        ("id", "a\x00b", "a control character"),
        ("id", "a\tb", "a control character"),
        ("lat", "31,2", "a comma in a number"),
        ("lat", "91", "swapped"),
        ("lon", "121°", "must be a number"),
        ("lon", "1e400", "too large"),
        ("priority", "0", "must be 1 (most urgent) to 4"),
        ("crew_size", "1,000", "a comma in a number"),
        ("crew_size", "two", "must be a whole number"),
        ("crew_size", "0", "greater than or equal to 1"),
        ("duration_minutes", "0.001", "must be whole seconds"),
        ("duration_minutes", "1h", "must be a number of minutes"),
        ("due", "20261123", "this number is no date and time"),
        ("due", "23/11/2026 08:00", "no date and time"),
        ("due", "2026-11-23", "no date and time"),
        ("due", "2026-11-31 08:00", "no such date"),
        ("due", "2026-11-23 25:00", "no such date"),
        ("due", "2026-11-23 08:00+24:00", "no such offset"),
        ("due", "2026-11-23 08:00:00.5", "whole seconds only"),
        ("due", "9999-12-31 23:59", "1970 to 2999"),
        ("due", "0001-01-01 00:00", "1970 to 2999"),
        ("windows", "08:00", "no window"),
        ("parked", "2026-11-22 08:00/", "has no end; leave a stretch out while it lasts"),
        ("windows", "2026-11-23 10:00/08:00", "closes before it opens"),
        ("status", "待定", "unknown; known: open"),
        ("area_class", "海上", "unknown; known: urban"),
        ("parked", "2026-11-23 10:00/10:00", "ends before it begins"),
        ("lock", "yes", "unknown; known: none"),
        ("skills", "A:x", "is no NAME:NUMBER"),
        ("skills", "A:1;A:2", "stands twice"),
        ("parts", "A:3000000000", "less than 2147483648"),
        ("attributes", "[1]", "must be a JSON object"),
        ("attributes", "{", "no JSON object"),
        ("fault_type", "NOPE", ". Known: BB_SLOW, "),
        ("after", "T9", "must name another ticket"),
        ("place", "depot", "give longitude and latitude, or the id of a place"),
    ],
)
def test_faulty_cells(tmp_path: Path, column: str, cell: str, words: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        read_ticket(tmp_path, **{column: cell})
    (issue,) = caught.value.issues
    assert words in issue.message
    assert (issue.kind, issue.file, issue.line, issue.field) == ("ticket", "tickets.csv", 2, column)
    assert issue.id == ("#1" if column == "id" else "T1")
    hidden = column in ("attributes", "place") or words.endswith(
        ("before it opens", "before it begins")
    )
    hidden = hidden or (cell == "two" and issue.value == "…")
    assert hidden or cell in issue.value or issue.value in cell


def test_all_faults_of_all_files_at_once_with_their_lines(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        policy__toml=POLICY + "colour = 3\nnow = 2026-11-23\n[policy]\ntravel_per_hour = -1\n",
        engineers__csv=(
            "工号,姓名,技能,经度,纬度,附加信息\n"
            'E1,"two\nlines",A:x,1,1,\n'
            "E2,,A,1,,\n"
            "E2,,A,1,1,\n"
            "E3,,A,1,1,{\n"
        ),
        shifts__csv=(
            "工号,班次,上班时间,下班时间,班组人数\n"
            "E1,S1,2026-11-23 08:00,2026-11-23 07:00,1\n"
            "\n"
            "E1,S1,2026-11-23 08:00,2026-11-23 17:00,\n"
            "E9,S2,2026-11-23 08:00,2026-11-23 17:00,\n"
            ",S3,2026-11-23 08:00,2026-11-23 17:00,0\n"
            "E3,S4,2026-11-23 08:00,2026-11-23 17:00,0\n"
        ),
        tickets__csv=(
            "工单号,故障类型,优先级,经度,纬度,预约开始,预约结束,状态\n"
            "T1,BB_SLOW,7,1,1,2026-11-23 08:00,,处理中\n"
            ",BB_SLOW,1,1,1,,,\n"
            "T3,BB_SLOW,1,1,1,,,,\n"
            "T4,BB_SLOW,1,,,,,\n"
            "T5,BB_SLOW,1\n"
        ),
    )
    assert places_of(faults(path)) == [
        ("policy.toml", 0, "", "colour"),
        ("policy.toml", 0, "", "travel_per_hour"),
        ("policy.toml", 0, "", "now"),
        ("engineers.csv", 2, "E1", "技能"),
        ("engineers.csv", 4, "E2", "纬度"),
        ("engineers.csv", 4, "E2", "工号"),
        ("engineers.csv", 5, "E2", "工号"),
        ("engineers.csv", 6, "E3", "附加信息"),
        ("shifts.csv", 2, "S1", "下班时间"),
        ("shifts.csv", 4, "S1", "班次"),
        ("shifts.csv", 5, "S2", "工号"),
        ("shifts.csv", 6, "S3", "工号"),
        ("shifts.csv", 7, "S4", "班组人数"),
        ("tickets.csv", 2, "T1", "优先级"),
        ("tickets.csv", 2, "T1", "预约结束"),
        ("tickets.csv", 2, "T1", "指派工程师"),
        ("tickets.csv", 2, "T1", "指派开始"),
        ("tickets.csv", 3, "#2", "工单号"),
        ("tickets.csv", 5, "T4", "经度"),
        ("tickets.csv", 6, "T5", ""),
        ("tickets.csv", 6, "T5", "经度"),
    ]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (
            "skills",
            "BROADBAND:x;FIBER;IPTV:y；FIBER",
            "'BROADBAND:x' is no NAME:NUMBER, 'IPTV:y' is no NAME:NUMBER; "
            "write BROADBAND:3;IPTV:2; 'FIBER' stands twice",
        ),
        (
            "windows",
            "2026-11-23 08:00/10:00;08:00;99:00",
            "'08:00': no window, '99:00': no window; write 2026-11-23 08:00/10:00, 2026-11-23 "
            "14点-16点, 14:00-16:00 or a word: 上午, 下午, 晚上, 全天, 下班后, morning, afternoon, "
            "evening, all day; other words stand under [day_parts] in mapping.toml",
        ),
    ],
)
def test_every_bad_item_of_a_list_is_told(
    tmp_path: Path, column: str, cell: str, message: str
) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        read_ticket(tmp_path, **{column: cell})
    assert [issue.message for issue in caught.value.issues] == [message]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id，fault_type,lon,lat\nT1,BB_SLOW,121.5,31.2\nT2,BB_SLOW,121.5,\n", "is blank while"),
        ("工单号;故障类型;经度;纬度\nT1;BB_SLOW;121.5;31.2\n", ""),
        ("工单号，故障类型，经度，纬度\nT1,BB_SLOW,121.5,31.2\n", ""),
        ("id|fault_type\tlon,lat\nT1|BB_SLOW\t121.5,31.2\nT2,BB_SLOW,121.5,31.2\n", ""),
    ],
)
def test_other_separators_of_headers_are_one_fault(tmp_path: Path, text: str, words: str) -> None:
    issues = faults(folder(tmp_path, tickets__csv=text))
    assert (issues[0].file, issues[0].line, issues[0].value) == (
        "tickets.csv", 1, text.split("\n")[0],
    )  # fmt: skip
    assert issues[0].message.endswith("separate the columns by commas")
    assert [issue.message.partition(" '")[0] for issue in issues[1:]] == ([words] if words else [])


def test_a_blank_priority_is_no_fault_beside_an_unknown_fault_type(tmp_path: Path) -> None:
    path = folder(tmp_path, tickets__csv="id,fault_type,lon,lat\nT1,宽带网速慢,121.5,31.2\n")
    (issue,) = faults(path)
    assert (issue.field, issue.value) == ("fault_type", "宽带网速慢")
    assert issue.message.startswith("unknown; did you mean 'BB_SLOW'? Correct it")


def test_a_blank_place_says_which_cells_are_blank(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        tickets__csv="工单号,故障类型,经度,纬度\nT1,BB_SLOW,,\nT2,BB_SLOW,121.5,\n",
        engineers__csv="id,skills,lon,lat,place\nE1,-,,,\n",
    )
    assert [str(issue) for issue in faults(path)] == [
        "engineers.csv:2: engineer 'E1', place: 'lon', 'lat', 'place' are blank; "
        "write degrees, such as 121.47 and 31.23, or the id of a place of the travel table",
        "tickets.csv:2: ticket 'T1', 经度: '经度', '纬度' are blank; "
        "write degrees, such as 121.47 and 31.23",
        "tickets.csv:3: ticket 'T2', 纬度: is blank while '经度' is given; fill it in",
    ]
    tickets = "id,fault_type,place\nT1,BB_SLOW,\n"
    (issue,) = faults(folder(tmp_path, tickets__csv=tickets))
    assert issue.message == "'place' is blank; write the id of a place of the travel table"


def test_a_table_without_any_place_is_one_fault(tmp_path: Path) -> None:
    path = folder(tmp_path, tickets__csv="id,fault_type\nT1,BB_SLOW\nT2,BB_SLOW\n")
    (issue,) = faults(path)
    assert (issue.kind, *places_of([issue])) == ("problem", ("tickets.csv", 1, "", "place"))
    assert "'lon' or '经度', 'lat' or '纬度'" in issue.message
    assert read_folder(folder(tmp_path, tickets__csv="id,fault_type\n")).problem.tickets == ()


@pytest.mark.parametrize("mode", ["error", "reject"])
def test_a_faulty_cell_hides_no_later_fault_of_its_row(tmp_path: Path, mode: Any) -> None:
    text = (
        "id,fault_type,priority,lon,lat,points,lock,assigned_engineer,appointment_start,appointment_end\n"
        "T1,BB_SLOWW,9,1,1,,,,,\n"
        "T2,BB_SLOW,1,1,1,x,visit,6E+11,2026-11-23 10:00,2026-11-23 09:00\n"
        "T3,BB_SLOW,1,1,1,,,,,\n"
    )
    path = folder(tmp_path, tickets__csv=text)
    expected = [
        ("T1", "priority"),
        ("T1", "fault_type"),
        ("T2", "points"),
        ("T2", "assigned_engineer"),
        ("T2", "appointment_start"),
        ("T2", "assigned_start"),
    ]
    if mode == "error":
        found = faults(path)
    else:
        intake = read_folder(path, on_bad_row="reject")
        found = list(intake.issues)
        assert [len(entry.issues) for entry in intake.rejected] == [2, 4]
    assert [(issue.id, issue.field) for issue in found] == expected


def test_warnings_name_file_line_and_header(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        engineers__csv="工号,技能,经度,纬度\nE1,IPTV:1,1,1\nE2,BRODBAND:2,1,1\n",
        shifts__csv=SHIFTS,
    )
    intake = read_folder(path)
    assert [str(warning) for warning in intake.warnings] == [
        "engineers.csv:3: engineer 'E2', 技能 = BRODBAND: no ticket and no fault type asks for "
        "this skill; did you mean 'BROADBAND'?"
    ]
    assert intake.issues == ()


def test_personal_data_stays_out_of_messages(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        tickets__csv="id,fault_type,lon,lat,attributes\nT1,BB_SLOW,1,1,Zhang 13800000000\n",
        engineers__csv='id,name,skills,lon,lat,attributes\nE1,"Li 139",A,x,1,"[""Li 139""]"\n',
    )
    listing = "\n".join(str(issue) for issue in faults(path))
    assert "Li" not in listing
    assert "Zhang" not in listing


def test_columns_unknown_missing_or_twice(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        tickets__csv="工单,故障类型,故障类型,经度,纬度,,楼层\nT1,BB_SLOW,BB_SLOW,1,1,x,3\n",
        engineers__csv="工号,技能点,经度,纬度\nE1,A,1,1\n",
        shifts__csv="工号;上班时间;下班时间\nE1;2026-11-23 08:00;2026-11-23 17:00\n",
    )
    issues = faults(path)
    assert [(issue.kind, issue.file, issue.line, issue.field) for issue in issues] == [
        ("problem", "engineers.csv", 1, "技能点"),
        ("problem", "engineers.csv", 1, "skills"),
        ("problem", "shifts.csv", 1, ""),
        ("problem", "tickets.csv", 1, "工单"),
        ("problem", "tickets.csv", 1, "故障类型"),
        ("problem", "tickets.csv", 1, ""),
        ("problem", "tickets.csv", 1, "楼层"),
        ("problem", "tickets.csv", 1, "id"),
    ]
    assert "did you mean '技能'?" in issues[0].message
    assert "separate the columns by commas" in issues[2].message
    assert "did you mean '工单号'?" in issues[3].message
    assert "attributes.楼层" in issues[6].message


def test_blank_columns_and_rows_of_spreadsheets_are_no_fault(tmp_path: Path) -> None:
    path = folder(tmp_path, tickets__csv=TICKETS.replace("\n", ",,\n") + ",,,,,,\n\n ,,,,,,\n")
    assert len(read_folder(path).problem.tickets) == 1


@pytest.mark.parametrize("name", ["tickets", "engineers", "shifts"])
def test_missing_empty_or_broken_files(tmp_path: Path, name: str) -> None:
    file = f"{name}.csv"
    path = folder(tmp_path)
    for content, words in (
        (None, "no such file"),
        (b"", "is empty"),
        (b" ,\n\n", "is empty"),
        (b"\xff\xff\xff", "line 1 is neither UTF-8 nor GB18030"),
        (b'a,b\n"x', "no valid CSV"),
        (b'"x', "no valid CSV"),
    ):
        (path / file).unlink()
        if content is not None:
            (path / file).write_bytes(content)
        else:
            issues = faults(path)
            (path / file).write_bytes(b"")
        issues = faults(path) if content is not None else issues
        assert {issue.file for issue in issues} == {file}, issues
        assert any(words in issue.message for issue in issues), issues


def test_unreadable_engineers_do_not_make_every_lock_and_shift_faulty(tmp_path: Path) -> None:
    text = (
        "id,fault_type,lon,lat,lock,assigned_engineer\n"
        "T1,BB_SLOW,1,1,engineer,E1\nT2,BB_SLOW,1,1,engineer,\n"
    )
    path = folder(tmp_path, engineers__csv=b"\xff", tickets__csv=text)
    assert places_of(faults(path)) == [
        ("engineers.csv", 0, "", ""),
        ("tickets.csv", 3, "T2", "assigned_engineer"),
    ]


def test_folder_that_is_none(tmp_path: Path) -> None:
    for path in (tmp_path / "none", Path("a\0b")):
        with pytest.raises(AdapterError):
            read_folder(path)


def test_naive_times_need_a_declared_zone_once(tmp_path: Path) -> None:
    path = folder(tmp_path, policy__toml="")
    (issue,) = faults(path)
    assert (issue.file, issue.field) == ("policy.toml", "timezone")
    assert "2 times have no offset, the first at shifts.csv:2, start" in issue.message
    (path / "policy.toml").unlink()
    assert len(faults(path)) == 1
    (path / "policy.toml").write_text('timezone = "Mars/Olympus"')
    (issue,) = faults(path)
    assert "no IANA time zone" in issue.message
    text = SHIFTS.replace("08:00", "08:00+08:00").replace("17:00", "17:00+08:00")
    (path / "shifts.csv").write_text(text)
    (path / "policy.toml").unlink()
    problem = read_folder(path).problem
    assert problem.timezone == "UTC"
    assert problem.engineers[0].shifts[0].start == utc(8)


def test_changes_of_summer_time(tmp_path: Path) -> None:
    # Berlin 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00.
    zone = 'timezone = "Europe/Berlin"\n'
    text = "engineer_id,id,start,end\nE1,S1,2026-03-28 22:00,2026-03-29 02:30\n"
    (issue,) = faults(folder(tmp_path, policy__toml=zone, shifts__csv=text))
    assert (issue.file, issue.line, issue.id, issue.field) == ("shifts.csv", 2, "S1", "end")
    assert "does not exist in Europe/Berlin" in issue.message
    text = "engineer_id,id,start,end\nE1,S1,2026-10-24 22:00,2026-10-25 02:30\n"
    (issue,) = faults(folder(tmp_path, policy__toml=zone, shifts__csv=text))
    assert "Write 2026-10-25 02:30+02:00 or 2026-10-25 02:30+01:00" in issue.message
    # A night shift over each change, read with offsets where they are needed: 7 h and 9 h.
    text = (
        "engineer_id,id,start,end\n"
        "E1,spring,2026-03-28 22:00,2026-03-29 06:00\n"
        "E1,autumn,2026-10-24 22:00,2026-10-25 06:00\n"
        "E1,inside,2026-10-31 22:00,2026-10-31 23:00\n"
    )
    problem = read_folder(folder(tmp_path, policy__toml=zone, shifts__csv=text)).problem
    spring, autumn, _ = problem.engineers[0].shifts
    assert spring.end - spring.start == timedelta(hours=7)
    assert autumn.end - autumn.start == timedelta(hours=9)
    # 28 March 00:00+01:00 to 1 November 00:00+01:00.
    assert problem.horizon.start == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert problem.horizon.end == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_times_in_the_repeated_hour_are_written_with_their_offset(tmp_path: Path) -> None:
    shifts = [
        raw_shift("first", start="2026-10-24T22:00:00Z", end="2026-10-25T00:30:00Z"),
        raw_shift("second", start="2026-10-25T01:30:00Z", end="2026-10-25T09:00:00Z"),
    ]
    windows = [
        {"open": "2026-10-25T00:10:00Z", "close": "2026-10-25T01:10:00Z"},
        {"open": "2026-10-25T00:10:00Z", "close": "2026-10-25T02:10:00Z"},
        {"open": "2026-10-24T22:10:00Z", "close": "2026-10-25T00:10:05Z"},
    ]
    problem = Problem.model_validate(
        raw_problem(
            timezone="Europe/Berlin",
            horizon={"start": "2026-10-24T00:00:00Z", "end": "2026-10-26T00:00:00Z"},
            tickets=[raw_ticket(windows=windows)],
            engineers=[raw_engineer(shifts=shifts)],
        )
    )
    write_folder(problem, tmp_path / "out")
    text = (tmp_path / "out" / "shifts.csv").read_text("utf-8-sig")
    assert "2026-10-25 00:00,2026-10-25 02:30+02:00" in text
    assert "2026-10-25 02:30+01:00,2026-10-25 10:00" in text
    assert read_folder(tmp_path / "out").problem == problem


@pytest.mark.parametrize(
    ("column", "cell", "shown"),
    [
        ("windows", "王女士 下午", "…"),
        ("windows", "上午;call Mrs Wang", "…"),
        ("appointment", "11月23日下午 联系王先生", "…"),
        ("parked", "2026-11-23 08:00 王女士", "…"),
        ("booking_day", "王女士", "…"),
        ("windows", "下午25点-26点", "下午25点-26点"),
        ("appointment", "周三下午", "周三下午"),
    ],
)
def test_what_people_write_for_hours_is_not_shown(
    tmp_path: Path, column: str, cell: str, shown: str
) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        read_ticket(tmp_path, **{column: cell})
    (issue,) = caught.value.issues
    assert issue.value == shown
    assert not any(name in str(issue) for name in ("王", "Wang"))


def test_text_guarded_from_spreadsheets_is_its_text(tmp_path: Path) -> None:
    # Many systems export ids as ="00123", lest a spreadsheet drops the zeros.
    rows = '="id",fault_type,priority,lon,lat,attributes.tel\n'
    rows += (
        '="00123",FTTH_WEAK_LIGHT,3,121.5,31.2,"=""0571"""\n=1+1,FTTH_WEAK_LIGHT,3,121.5,31.2,\n'
    )
    problem = read_folder(folder(tmp_path, tickets__csv=rows)).problem
    assert [ticket.id for ticket in problem.tickets] == ["00123", "=1+1"]
    assert problem.tickets[0].attributes == {"tel": "0571"}


def test_an_id_that_csv_would_give_back_otherwise_is_told(tmp_path: Path) -> None:
    problem = read_folder(folder(tmp_path)).problem
    odd = problem.tickets[0].model_copy(update={"id": '="1"'})
    with pytest.raises(AdapterError, match="would read back otherwise"):
        write_folder(problem.model_copy(update={"tickets": (odd,)}), tmp_path / "again")


def test_shift_ids_are_made_where_there_are_none(tmp_path: Path) -> None:
    text = "engineer_id,start,end\nE1,2026-11-23 08:00,2026-11-23 12:00\n"
    problem = read_folder(folder(tmp_path, shifts__csv=text)).problem
    assert problem.engineers[0].shifts[0].id == "E1/2026-11-23T08:00"


def test_no_shift_means_no_horizon(tmp_path: Path) -> None:
    header = "engineer_id,id,start,end\n"
    (issue,) = faults(folder(tmp_path, shifts__csv=header))
    assert (issue.file, issue.field) == ("policy.toml", "horizon")
    given = POLICY + "horizon = { start = 2026-11-23T00:00:00, end = '2026-11-24 00:00' }\n"
    problem = read_folder(folder(tmp_path, shifts__csv=header, policy__toml=given)).problem
    assert (problem.horizon.start, problem.horizon.end) == (utc(0), utc(24))


def test_policy_file_sets_everything_else(tmp_path: Path) -> None:
    text = (
        'schema_version = "1.2"\ntimezone = "Asia/Shanghai"\nnow = 2026-11-23T09:00:00\n'
        '[travel]\nkind = "profiles"\n[travel.profiles.van]\n'
        'kind = "straight_line"\nspeed_kmh = 40\n'
        "[policy]\npreset = 'strict'\nunserved_cost = { 1 = 5 }\nreserve_percent = { '*' = 0 }\n"
    )
    problem = read_folder(folder(tmp_path, policy__toml=text.encode("utf-8-sig"))).problem
    assert problem.schema_version == "1.2"
    assert problem.now == utc(9)
    assert problem.policy.preset == "strict"
    assert problem.policy.unserved_cost[1] == 5
    assert problem.policy.reserve_percent == {"*": 0}
    assert problem.travel.model_dump()["profiles"]["van"]["speed_kmh"] == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("= 3", "no valid TOML"),
        ("timezone = 5", "no IANA time zone"),
        (POLICY + "timezne = 'x'", "did you mean 'timezone'?"),
        (POLICY + "policy = 3", "must be an object"),
        (POLICY + "now = '2026-11-23'", "no date and time"),
        (
            POLICY + "horizon = { start = 2026-11-23, end = 2026-11-24T00:00:00 }",
            "a day without a time",
        ),
        (POLICY + "horizon = 3", "must be an object"),
        (POLICY + "now = 3", "must be a date and time"),
        (POLICY + "travel = { kind = 'matrix' }", "no such file"),
        (POLICY + "x = " + "[" * 5000, "no valid TOML"),
        (POLICY + "x = " + "9" * 5000, "no valid TOML"),
    ],
)
def test_faulty_settings(tmp_path: Path, text: str, words: str) -> None:
    issues = faults(folder(tmp_path, policy__toml=text))
    assert any(words in issue.message for issue in issues), issues
    assert len(issues) == 1 or "unknown setting" in issues[0].message


PLACED = {
    "tickets__csv": "id,fault_type,place\nT1,BB_SLOW,B\n",
    "engineers__csv": "id,skills,place\nE1,-,A\n",
}


@pytest.mark.parametrize("text", ["origin,destination,seconds\nA,B,70\n", ",A,B\nA,0,70\nB,,0\n"])
def test_travel_table_in_the_folder(tmp_path: Path, text: str) -> None:
    problem = read_folder(folder(tmp_path, travel__csv=text, **PLACED)).problem
    rows = [[0, 70], [None, 0]]
    assert problem.travel == Matrix.model_validate(
        {"kind": "matrix", "places": ["A", "B"], "seconds": rows}
    )


def test_faulty_travel_table_does_not_make_every_place_faulty(tmp_path: Path) -> None:
    path = folder(tmp_path, travel__csv="origin,destination,seconds\nA,B,soon\n", **PLACED)
    assert places_of(faults(path)) == [("travel.csv", 2, "", "")]


def test_every_fault_of_every_row_of_a_travel_table_is_told(tmp_path: Path) -> None:
    number = "must be a number, with a point before decimals; blank where there is no way"
    blank = "is blank; origin and destination are required"
    rows = "A,B,-5\nQ,B,abc\n,,x\nQ,B,7\n"
    path = folder(tmp_path, travel__csv=f"origin,destination,seconds\n{rows}", **PLACED)
    assert [(issue.line, issue.message) for issue in faults(path)] == [
        (2, "'-5': must be 0 or more; blank where there is no way"),
        (3, f"'abc': {number}"),
        (4, f"origin {blank}"),
        (4, f"destination {blank}"),
        (4, f"'x': {number}"),
        (5, "this pair stands twice; keep one"),
    ]
    path = folder(tmp_path, travel__csv=",A,B\nA,x,-1\nB,,y\n", **PLACED)
    assert [(issue.line, issue.message.partition(":")[0]) for issue in faults(path)] == [
        (2, "'x'"), (2, "'-1'"), (3, "'y'"),
    ]  # fmt: skip
    path = folder(tmp_path, travel__csv="origin;destination，seconds\nA,B,7\n", **PLACED)
    (issue,) = faults(path)
    assert (issue.line, issue.message) == (1, "separate the columns by commas")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        # Blank seconds say that there is no way; the table around is whole.
        ("A,B,7\nB,A,\n", None),
        ("A,B,7\n", "1 of 2 pairs of places have no row, so nobody goes from B to A;"),
        (
            "A,B,7\nB,A,7\nA,C,\n",
            "3 of 6 pairs of places have no row, so nobody goes from B to C, C to A, C to B;",
        ),
        (
            "A,B,7\nC,D,7\n",
            "10 of 12 pairs of places have no row, so nobody goes from A to C, A to D, B to A "
            "and 7 more;",
        ),
    ],
)
def test_pairs_that_a_long_travel_table_lacks_are_a_warning(
    tmp_path: Path, rows: str, told: str | None
) -> None:
    path = folder(tmp_path, travel__csv=f"origin,destination,seconds\n{rows}", **PLACED)
    warnings = read_folder(path).warnings
    assert [(w.kind, w.file, w.message.partition(" add ")[0]) for w in warnings] == (
        [("travel", "travel.csv", told)] if told else []
    )


def test_a_square_travel_table_lacks_no_pair(tmp_path: Path) -> None:
    path = folder(tmp_path, travel__csv=",A,B\nA,0,7\nB,,0\n", **PLACED)
    assert read_folder(path).warnings == ()


def test_a_plan_in_force_of_another_day_is_a_warning(tmp_path: Path) -> None:
    visits = ",".join(f'{{"ticket_id": "X{i}"}}' for i in range(5))
    plan = f'{{"routes": [{{"shift_id": "S0", "visits": [{visits}, {{"ticket_id": "T1"}}]}}]}}'
    warnings = read_folder(folder(tmp_path, previous_plan__json=plan)).warnings
    assert [str(warning) for warning in warnings] == [
        "previous_plan.json: plan, routes.shift_id: 1 of 1 shifts of the plan in force are not in "
        "the problem (S0); what it says of them is not used",
        "previous_plan.json: plan, routes.visits.ticket_id: 5 of 6 tickets of the plan in force "
        "are not in the problem (X0, X1, X2 and 2 more); what it says of them is not used",
    ]
    plan = '{"routes": [{"shift_id": "S1", "visits": [{"ticket_id": "T1"}]}]}'
    assert read_folder(folder(tmp_path, previous_plan__json=plan)).warnings == ()


def test_travel_table_that_the_settings_ignore_is_a_fault(tmp_path: Path) -> None:
    text = POLICY + "travel = { kind = 'straight_line' }"
    path = folder(tmp_path, travel__csv="origin,destination,seconds\nA,B,7\n", policy__toml=text)
    (issue,) = faults(path)
    assert "does not use it" in issue.message


def test_rejecting_leaves_out_rows_and_reports_them(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        tickets__csv=(
            "id,fault_type,priority,lon,lat,after\n"
            "good,BB_SLOW,1,1,1,\n"
            "bad,BB_SLOW,1,x,1,\n"
            "worse,BB_SLOW,9,1,1,\n"
            "after bad,BB_SLOW,1,1,1,bad\n"
            "twice,BB_SLOW,1,1,1,\n"
            "twice,BB_SLOW,1,1,1,\n"
            ",BB_SLOW,1,1,1,\n"
        ),
        engineers__csv="id,skills,lon,lat\nE1,-,1,1\nE2,A:0,1,1\nE3,-,1,1\n",
        shifts__csv=SHIFTS + "E3,S3,2026-11-23 08:00,never\n",
    )
    intake = read_folder(path, on_bad_row="reject")
    assert [ticket.id for ticket in intake.problem.tickets] == ["good"]
    assert [engineer.id for engineer in intake.problem.engineers] == ["E1"]
    # Every row of the file is either planned or rejected.
    assert [entry.ticket_id for entry in intake.rejected] == [
        "bad", "worse", "after bad", "twice", "twice", "#7",
    ]  # fmt: skip
    assert [len(entry.issues) for entry in intake.rejected] == [1] * 6
    assert "tickets.csv:3: ticket 'bad', lon = x" in intake.rejected[0].issues[0]
    assert places_of(list(intake.issues))[:2] == [
        ("engineers.csv", 3, "E2", "skills"),
        ("shifts.csv", 3, "S3", "end"),
    ]


def test_faulty_tables_and_settings_stop_even_when_rejecting(tmp_path: Path) -> None:
    for changed in (
        {"tickets__csv": TICKETS.replace("lat", "lattitude")},
        {"policy__toml": POLICY + "x = 1"},
        {"shifts__csv": None, "policy__toml": POLICY},
    ):
        path = folder(tmp_path, **changed)
        if "shifts__csv" in changed:
            (path / "shifts.csv").unlink()
        with pytest.raises(InvalidProblemError):
            read_folder(path, on_bad_row="reject")


@pytest.mark.parametrize("headers", ["en", "zh"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@one_folder
@given(problem=strategies.problems())
def test_round_trip_with_tables(
    tmp_path: Path, problem: Problem, headers: Any, encoding: Any
) -> None:
    files = folder_files(problem, headers=headers, encoding=encoding)
    assert read_files(tmp_path, files) == Intake(problem, (), ())


@often
@given(raw=test_round_trip.problems(), headers=st.sampled_from(["en", "zh"]))
def test_round_trip_with_points_or_a_clear_no(
    tmp_path: Path, raw: dict[str, Any], headers: Any
) -> None:
    problem = Problem.model_validate(raw)
    try:
        files = folder_files(problem, headers=headers, encoding="utf-8-sig")
    except AdapterError as error:
        # Only names drawn from all of Unicode are beyond a cell: blank ones, blanks at the ends.
        assert ", name: would read back otherwise" in str(error)
        assert any(e.name is not None and e.name.strip() != e.name or not e.name
                   for e in problem.engineers)  # fmt: skip
    else:
        assert read_files(tmp_path, files).problem == problem


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tickets": [raw_ticket("1.5E+10")]}, "ticket '1.5E+10', id: '1.5E+10'"),
        ({"tickets": [raw_ticket(parts={"a;b": 1})]}, "ticket 'T1', parts: 'a;b:1'"),
        ({"tickets": [raw_ticket(refused_engineers=["-"])]}, "ticket 'T1', refused_engineers: '-'"),
        (
            {"tickets": [raw_ticket(attributes={"n": float("nan")})]},
            "ticket 'T1', attributes: would",
        ),
        (
            {"tickets": [raw_ticket(attributes={"n": "x" * 140_000})]},
            "ticket 'T1', attributes: would",
        ),
        ({"engineers": [raw_engineer(name=" ")]}, "engineer 'E1', name: would"),
        (
            {
                "tickets": [],
                "travel": {"kind": "matrix", "places": ["anywhere"], "seconds": [[0]]},
                "engineers": [
                    raw_engineer(place="anywhere", shifts=[raw_shift(end_place="anywhere")])
                ],
            },
            "shift 'S1', end_place: 'anywhere'",
        ),
        (
            {"tickets": [], "engineers": [],
             "travel": {"kind": "matrix", "places": ["2E+3"], "seconds": [[0]]}},
            "travel, travel.csv: ",
        ),
    ],
)  # fmt: skip
def test_what_a_folder_cannot_carry_is_listed(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    problem = Problem.model_validate(raw_problem(**changed))
    with pytest.raises(AdapterError, match="cannot carry") as caught:
        write_folder(problem, tmp_path / "out")
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_all_that_is_lost_is_counted(tmp_path: Path) -> None:
    tickets = [raw_ticket(f"{n}.5E+10") for n in range(10)] + [
        raw_ticket(f"{n}.5E+11") for n in range(10)
    ] + [raw_ticket(f"{n}.5E+12") for n in range(5)]  # fmt: skip
    problem = Problem.model_validate(raw_problem(tickets=tickets))
    with pytest.raises(AdapterError, match="and 5 more"):
        write_folder(problem, tmp_path / "out")


def test_folder_is_replaced_but_never_somebody_elses(tmp_path: Path) -> None:
    problem = Problem.model_validate(raw_problem())
    write_folder(problem, tmp_path / "out", headers="zh")
    write_folder(problem, tmp_path / "out")
    assert read_folder(tmp_path / "out").problem == problem
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(AdapterError, match=r"notes\.txt"):
        write_folder(problem, tmp_path / "out")


VALID = {
    **{name: text.encode() for name, text in CHINESE.items()},
    "policy.toml": (POLICY + "[policy]\npreset = 'strict'\n").encode(),
    "travel.csv": b"origin,destination,seconds\nA,B,70\n",
    "fault_types.json": b'[{"code": "X", "duration": {"mean": 60}}]',
    "previous_plan.json": b'{"routes": [{"shift_id": "S", "visits": []}]}',
}


@often
@given(
    changed=st.dictionaries(
        st.sampled_from(sorted(VALID)),
        st.sampled_from(sorted(VALID)).flatmap(lambda name: mutated(VALID[name]))
        | st.binary(max_size=40)
        | st.text("工单号,\"\n\r\t:;-@2026 0８.Ee+{}[]='", max_size=60).map(str.encode),
        max_size=3,
    ),
    own=st.lists(st.sampled_from(sorted(VALID)).flatmap(
        lambda name: mutated(VALID[name]).map(lambda data: (name, data))), max_size=3),
    left_out=st.sets(st.sampled_from(sorted(VALID)), max_size=3),
    on_bad_row=st.sampled_from(["error", "reject"]),
)  # fmt: skip
def test_any_folder_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path,
    changed: dict[str, bytes],
    own: list[tuple[str, bytes]],
    left_out: set[str],
    on_bad_row: Any,
) -> None:
    path = tmp_path / "in"
    path.mkdir(exist_ok=True)
    for name, data in {**VALID, **changed, **dict(own)}.items():
        (path / name).write_bytes(data)
        if name in left_out:
            (path / name).unlink()
    with contextlib.suppress(DispatchError):
        assert isinstance(read_folder(path, on_bad_row=on_bad_row), Intake)
