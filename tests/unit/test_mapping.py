"""Branch exports with columns and codes of their own, and the mapping that reads them."""

from __future__ import annotations

import io
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import given

from dispatchopt.adapters.csv_folder import read_folder
from dispatchopt.adapters.day_parts import DAY_PARTS
from dispatchopt.adapters.mapping import ExportMapping, read_mapping
from dispatchopt.adapters.mapping.codes import CODED_COLUMNS
from dispatchopt.adapters.mapping.files import TablePlace
from dispatchopt.adapters.mapping.notes import line_of
from dispatchopt.adapters.sources import TABLE_NAMES
from dispatchopt.errors import DispatchError, InvalidProblemError, Issue
from dispatchopt.models import Point, Skill, Window
from tests.unit.test_adapters_json import mutated, one_folder

if TYPE_CHECKING:
    from dispatchopt.models.intake import Intake

MAPPING = """\
timezone = "Asia/Shanghai"
other_columns = "ignore"

[files]
tickets = "故障工单.csv"
engineers = "装维人员.csv"
shifts = "排班.csv"

[columns.tickets]
"流水号" = "id"
"障碍现象" = "fault_type"
"紧急程度" = "优先级"
"用户经度" = "lon"
"用户纬度" = "lat"
"申告" = "reported_at"
"预约" = "appointment"
"小区" = "attributes.site"
"责任网格" = "territory"
"环节" = "status"
"客户姓名" = ""

[columns.engineers]
"人员编码" = "id"
"专业" = "skills"
"驻点经度" = "lon"
"驻点纬度" = "lat"
"责任网格" = "territories"

[columns.shifts]
"人员编码" = "engineer_id"
"上班" = "start"
"下班" = "end"

[codes.fault_type]
"光衰大" = "FTTH_WEAK_LIGHT"
"31" = "FTTH_LOS_DROP"

[codes.priority]
"特急" = 1
"一般" = "3"

[codes.skill]
"光纤" = "FIBER_SPLICE:2"
"宽带" = "BROADBAND"

[codes.territory]
"浦东一" = "G1"

[codes.status]
"在途" = "open"
"归档" = "done"

[defaults.tickets]
carried_over = 1

[defaults.shifts]
max_overtime_minutes = 30

[day_parts]
"上午" = "08:30-11:30"
"夜间" = "19:00-22:00"
"""
TICKETS = """\
流水号,障碍现象,紧急程度,用户经度,用户纬度,申告,预约,小区,责任网格,环节,客户姓名,联系电话
0071,光衰大,特急,121.5,31.2,2026/11/22 7:05,11月23日上午,阳光花园,浦东一,在途,甲,13800138000
0072,31,一般,121.6,31.3,46348.5,夜间,,G9,归档,乙,
"""
ENGINEERS = """\
人员编码,专业,驻点经度,驻点纬度,责任网格
08,光纤；宽带:3,121.4,31.1,浦东一、G2
09,光纤:1@2027-03-01，IPTV,121.4,31.1,-
"""
SHIFTS = """\
人员编码,上班,下班
08,2026-11-23 08:00,2026-11-23 17:00
09,2026-11-23 08:00,2026-11-23 17:00
"""
FILES: dict[str, str | bytes] = {
    "mapping.toml": MAPPING,
    "故障工单.csv": TICKETS.encode("gb18030"),
    "装维人员.csv": ENGINEERS.encode("gb18030"),
    "排班.csv": SHIFTS,
}


def put(folder: Path, files: dict[str, Any]) -> Path:
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path, **changed: str | bytes | None) -> Intake:
    names = {"mapping": "mapping.toml", "tickets": "故障工单.csv", "policy": "policy.toml"}
    files = FILES | {names.get(key, key): content for key, content in changed.items()}
    return read_folder(put(folder, {k: v for k, v in files.items() if v is not None}))


def faults(folder: Path, **changed: str | bytes | None) -> list[Issue]:
    with pytest.raises(InvalidProblemError) as caught:
        read(folder, **changed)
    return list(caught.value.issues)


def at(hour: float, day: int = 23) -> datetime:
    """Shanghai is eight hours ahead."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour - 8)


def test_an_export_reads_by_its_mapping(tmp_path: Path) -> None:
    intake = read(tmp_path)
    problem = intake.problem
    first, second = problem.tickets
    assert (first.id, first.fault_type, first.priority) == ("0071", "FTTH_WEAK_LIGHT", 1)
    assert first.place == Point(lon=121.5, lat=31.2)
    assert first.reported_at == at(7 + 5 / 60, day=22)
    assert first.appointment == Window(open=at(8.5), close=at(11.5))
    assert (first.territory, first.status, first.carried_over) == ("G1", "open", 1)
    assert first.attributes == {"site": "阳光花园"}
    # 46348.5 is noon of 2026-11-22; the plan has one day, so 夜间 is on that.
    assert (second.fault_type, second.priority) == ("FTTH_LOS_DROP", 3)
    assert second.reported_at == at(12, day=22)
    assert second.appointment == Window(open=at(19), close=at(22))
    assert (second.territory, second.status) == ("G9", "done")
    one, other = problem.engineers
    assert one.skills == {"FIBER_SPLICE": Skill(level=2), "BROADBAND": Skill(level=3)}
    assert one.territories == ("G1", "G2")
    expiry = datetime(2027, 3, 1).date()
    assert other.skills == {
        "FIBER_SPLICE": Skill(level=1, expires=expiry), "IPTV": Skill(level=1),
    }  # fmt: skip
    assert other.territories == ()
    assert [e.shifts[0].max_overtime for e in problem.engineers] == [1800, 1800]
    assert problem.timezone == "Asia/Shanghai"
    assert not [w for w in intake.warnings if w.file == "mapping.toml"]


def test_other_columns_are_refused_ignored_or_echoed(tmp_path: Path) -> None:
    refused = MAPPING.replace('"ignore"', '"refuse"')
    (issue,) = faults(tmp_path, mapping=refused)
    assert (issue.file, issue.line, issue.field) == ("故障工单.csv", 1, "联系电话")
    echoed = read(tmp_path, mapping=MAPPING.replace('"ignore"', '"echo"')).problem.tickets[0]
    assert echoed.attributes == {"site": "阳光花园", "联系电话": "13800138000"}


def test_a_mapped_column_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    mapping = MAPPING.replace('"小区" = "attributes.site"', '"楼盘" = "网元"\n"小区" = ""')
    warnings = [w for w in read(tmp_path, mapping=mapping).warnings if w.file == "mapping.toml"]
    assert [(w.field, w.message) for w in warnings] == [
        ("columns.tickets.楼盘",
         "故障工单.csv has no such column, so network_element stays empty; correct it"),
    ]  # fmt: skip


def test_a_column_may_bear_one_of_several_names(tmp_path: Path) -> None:
    mapping = MAPPING.replace('"申告" =', '"申告时刻" = "reported_at"\n"申告" =')
    assert not [w for w in read(tmp_path, mapping=mapping).warnings if w.file == "mapping.toml"]


def test_a_default_fills_no_blank_cell_of_a_column(tmp_path: Path) -> None:
    mapping = MAPPING.replace("carried_over = 1", 'territory = "G7"')
    tickets = TICKETS.replace(",G9,", ",,")
    assert read(tmp_path, mapping=mapping, tickets=tickets).problem.tickets[1].territory is None


def test_rows_of_totals_are_left_out(tmp_path: Path) -> None:
    intake = read(tmp_path, tickets=f"{TICKETS}合计：,2,,,,,,,,,,\n")
    assert [ticket.id for ticket in intake.problem.tickets] == ["0071", "0072"]
    (warning,) = [w for w in intake.warnings if "totals" in w.message]
    assert (warning.file, warning.line) == ("故障工单.csv", 4)


def test_faults_name_the_cells_as_they_stand(tmp_path: Path) -> None:
    tickets = TICKETS.replace("特急", "火急").replace("光衰大", "没信号")
    issues = faults(tmp_path, tickets=tickets)
    found = [(i.file, i.line, i.id, i.field, i.value) for i in issues]
    assert issues[0].message.endswith(", or map it in mapping.toml under [codes.priority]")
    assert found == [
        ("故障工单.csv", 2, "0071", "紧急程度", "…"),
        ("故障工单.csv", 2, "0071", "障碍现象", "没信号"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("[codes.status]", "[code.status]", 49, "code", "did you mean 'codes'?"),
        ('tickets = "故障', 'ticket = "故障', 5, "files.ticket", "did you mean 'tickets'?"),
        ("故障工单.csv", "../故障工单.csv", 5, "files.tickets.file", "in the same folder"),
        ('"故障工单.csv"', "3", 5, "files.tickets", "write a file, or {"),
        ('= "优先级"', '= "urgency"', 12, "columns.tickets.紧急程度", "no column of tickets"),
        ('= "lon"', "= 3", 13, "columns.tickets.用户经度", "must be the name of a column"),
        ('"FTTH_LOS_DROP"', "1.5", 36, "codes.fault_type.31", "must be a code of ours"),
        ("= 1\n", "= 5\n", 39, "codes.priority.特急", "must be one of 1, 2, 3, 4"),
        ('= "done"', '= "归档"', 51, "codes.status.归档", "must be one of open, parked"),
        ("carried_over = 1", "skill = 1", 54, "defaults.tickets.skill", "no column of tickets"),
        ("carried_over = 1", 'id = "1"', 54, "defaults.tickets.id", "an id has no default"),
        ("= 30", "= [30]", 57, "defaults.shifts.max_overtime_minutes", "the text of a cell"),
        ("08:30-11:30", "11:30-08:30", 60, "day_parts.上午", "must be hours"),
        ('"夜间"', '"夜7"', 61, "day_parts.夜7", "without digits"),
        ("Asia/Shanghai", "Asia/Nowhere", 1, "timezone", "no IANA time zone"),
        ('"ignore"', '"drop"', 2, "other_columns", "must be one of refuse, ignore, echo"),
        ("[columns.tickets]", "[columns]\ntickets = 3\n[more]", 10, "columns.tickets", "a table"),
        ("[files]", "[files", 0, "", "no valid TOML"),
    ],
)
def test_faults_of_a_mapping(
    tmp_path: Path, old: str, new: str, line: int, field: str, words: str
) -> None:
    assert old in MAPPING
    (tmp_path / "mapping.toml").write_text(MAPPING.replace(old, new, 1), "utf-8")
    issues: list[Issue] = []
    read_mapping(tmp_path, issues)
    assert {issue.file for issue in issues} == {"mapping.toml"}
    (message,) = [i.message for i in issues if (i.line, i.field) == (line, field)]
    assert words in message


def test_every_fault_of_a_mapping_is_told_beside_those_of_the_tables(tmp_path: Path) -> None:
    mapping = MAPPING.replace("= 1\n", "= 5\n", 1).replace("08:30-11:30", "morning")
    issues = faults(tmp_path, mapping=mapping, tickets=TICKETS.replace("121.5", "east"))
    # The ticket whose priority is mapped to 5 does not tell it again.
    assert [(i.file, i.line) for i in issues] == [
        ("mapping.toml", 39), ("mapping.toml", 60), ("故障工单.csv", 2),
    ]  # fmt: skip


def test_a_column_mapped_to_nothing_known_is_told_once(tmp_path: Path) -> None:
    mapping = MAPPING.replace('"lon"', '"long"', 1).replace('"ignore"', '"refuse"')
    found = [(i.file, i.line) for i in faults(tmp_path, mapping=mapping)]
    assert ("mapping.toml", 13) in found
    assert ("故障工单.csv", 1) in found  # the telephone, which nobody maps
    assert len([file for file, line in found if (file, line) == ("故障工单.csv", 1)]) == 1


def test_settings_beside_a_mapping_must_agree(tmp_path: Path) -> None:
    assert read(tmp_path, policy='timezone = "Asia/Shanghai"\n')
    issues = faults(tmp_path, policy='timezone = "Asia/Tokyo"\n[day_parts]\n"夜间" = "8点-9点"\n')
    assert [(i.file, i.field) for i in issues] == [
        ("mapping.toml", "timezone"), ("mapping.toml", "day_parts"),
    ]  # fmt: skip


def test_coordinates_and_limits_may_stand_in_the_mapping(tmp_path: Path) -> None:
    own = '[coordinates]\nsystem = "gcj02"\n[limits]\npreset = "cn_statutory"\n'
    mapping = MAPPING.replace("[day_parts]", f"{own}[day_parts]")
    ticket = read(tmp_path, mapping=mapping).problem.tickets[0]
    assert isinstance(ticket.place, Point)
    # GCJ-02 lies some hundred metres beside WGS84.
    assert 0.001 < abs(ticket.place.lon - 121.5) < 0.01
    # 48 hours in town, from 07:05 of the 22nd.
    tickets = TICKETS.replace("流水号", "城乡类型,流水号", 1)
    tickets = tickets.replace("0071,", "城区,0071,").replace("0072,", "城区,0072,")
    ticket = read(tmp_path, mapping=mapping, tickets=tickets).problem.tickets[0]
    assert ticket.due == at(7 + 5 / 60, day=24)
    issues = faults(tmp_path, mapping=mapping.replace("gcj02", "mars"))
    assert [(i.file, i.field) for i in issues] == [("mapping.toml", "coordinates.system")]
    issues = faults(tmp_path, mapping=mapping, policy='[limits]\npreset = "cn_statutory"\n')
    assert [(i.file, i.field) for i in issues] == [("mapping.toml", "limits")]


def test_day_parts_may_stand_in_the_policy(tmp_path: Path) -> None:
    mapping = MAPPING[: MAPPING.index("[day_parts]")]
    policy = '[day_parts]\n"上午" = "8点-9点"\n"夜间" = "20:00-21:00"\n'
    tickets = read(tmp_path, mapping=mapping, policy=policy).problem.tickets
    assert tickets[0].appointment == Window(open=at(8), close=at(9))
    assert tickets[1].appointment == Window(open=at(20), close=at(21))


def test_two_files_of_one_name_are_a_fault(tmp_path: Path) -> None:
    mapping = MAPPING.replace('tickets = "故障工单.csv"\n', "")
    (issue, *_) = faults(tmp_path, mapping=mapping, **{"tickets.csv": "工单号\n"})
    assert "tickets.csv and 故障工单.csv may both hold the tickets" in issue.message


def workbook(**sheets: str) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, text in sheets.items():
        sheet = book.create_sheet(name)
        for line in text.splitlines():
            sheet.append(line.split(","))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


ONE_BOOK = {"工单": TICKETS, "人员": ENGINEERS, "排班": SHIFTS, "说明": "无\n"}


@pytest.mark.parametrize(
    "files", ["", '[files]\ntickets = { file = "导出.xlsx", sheet = "工单" }\n']
)
def test_one_workbook_in_the_folder_holds_every_table(tmp_path: Path, files: str) -> None:
    start, end = MAPPING.index("[files]"), MAPPING.index("[columns.tickets]")
    mapping = MAPPING[:start] + files + MAPPING[end:]
    expected = read(tmp_path).problem
    put(tmp_path, {"mapping.toml": mapping, "导出.xlsx": workbook(**ONE_BOOK)})
    assert read_folder(tmp_path).problem == expected


def test_sheets_of_other_names_are_listed(tmp_path: Path) -> None:
    mapping = MAPPING[: MAPPING.index("[files]")] + MAPPING[MAPPING.index("[columns.tickets]") :]
    book = workbook(**{"本周": TICKETS, "人员": ENGINEERS, "排班": SHIFTS})
    put(tmp_path, {"mapping.toml": mapping, "导出.xlsx": book})
    with pytest.raises(InvalidProblemError) as caught:
        read_folder(tmp_path)
    (issue,) = caught.value.issues
    assert "no sheet of 导出.xlsx is called tickets or 工单" in issue.message
    assert "(there are: 本周, 人员, 排班)" in issue.message


def test_each_table_may_be_a_workbook(tmp_path: Path) -> None:
    expected = read(tmp_path).problem
    mapping = MAPPING.replace("故障工单.csv", "a.xlsx").replace("排班.csv", "b.xlsx")
    files = {
        "a.xlsx": workbook(x=TICKETS), "b.xlsx": workbook(y=SHIFTS, z=""),
        "装维人员.csv": ENGINEERS, "mapping.toml": mapping,
    }  # fmt: skip
    assert read_folder(put(tmp_path, files)).problem == expected


def test_a_damaged_workbook_is_told_once(tmp_path: Path) -> None:
    mapping = MAPPING[: MAPPING.index("[files]")] + MAPPING[MAPPING.index("[columns.tickets]") :]
    put(tmp_path, {"mapping.toml": mapping, "导出.xlsx": workbook(**ONE_BOOK)[:3000]})
    with pytest.raises(InvalidProblemError) as caught:
        read_folder(tmp_path)
    assert [issue.file for issue in caught.value.issues] == ["导出.xlsx"]


def test_lines_of_settings() -> None:
    text = 'a = 1\n[b]\n"c d" = 2\n[b.e]\nf.g = 3\n# h = 4\n'
    assert line_of(text, ["a"]) == 1
    assert line_of(text, ["b", "c d"]) == 3
    assert line_of(text, ["b", "e", "f", "g"]) == 5
    assert line_of(text, ["b", "e", "x"]) == 4
    assert line_of(text, ["h"]) == 0


@one_folder
@given(data=mutated(MAPPING.encode()))
def test_any_mapping_gives_a_problem_or_a_dispatch_error(tmp_path: Path, data: bytes) -> None:
    try:
        read(tmp_path, mapping=data)
    except DispatchError as error:
        assert str(error)


def page() -> str:
    return (Path(__file__).parents[2] / "docs" / "exports.md").read_text("utf-8")


def test_the_mapping_of_the_page_has_no_fault(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", page(), re.S)
    (tmp_path / "mapping.toml").write_text(text, "utf-8")
    issues: list[Issue] = []
    found = read_mapping(tmp_path, issues)
    assert not issues
    assert found.files.engineers == TablePlace("花名册.xlsx", "装维")
    assert found.codes.translate("skills", "光纤") == "FIBER_SPLICE:2"
    assert found.codes.translate("skills", "光纤:3；IPTV") == "FIBER_SPLICE:3;IPTV"


def test_the_page_names_every_setting_word_and_name() -> None:
    text = page()
    names = [field.name for field in fields(ExportMapping)]
    named = [name for name in names if re.search(rf"^\[?{name}\b", text, re.M)]
    assert [name for name in names if name not in named] == ["limits"]  # it has its own page
    quoted = set(re.findall(r"`([^`\n]+)`", text))
    assert set(CODED_COLUMNS) <= quoted
    assert {name for listed in TABLE_NAMES.values() for name in listed} <= quoted
    for word, (opens, closes) in DAY_PARTS.items():
        hours = f"{opens // 60:02d}:00 to {closes // 60:02d}:00"
        assert re.search(rf"^\| .*`{word}`.* \| {hours} \|$", text, re.M), word
