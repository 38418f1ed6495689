"""The doctor: what it finds, what it never shows, and a mapping that reads the export."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import dispatchopt as do
from dispatchopt.adapters.doctor import Finding, examine
from dispatchopt.adapters.doctor.findings import grade
from dispatchopt.cli import app
from dispatchopt.errors import AdapterError
from dispatchopt.generator.export import write_export
from tests.unit.raw_data import raw_engineer, raw_problem, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, tzinfo=UTC)

EXPORT = {
    "导出1123.csv": (
        "工单流水号,故障现象类型,紧急程度,经度,纬度,受理时间,要求完成时限,联系电话,用户姓名,"
        "工单状态,网格名称,备注\n"
        "GD001,宽带不通,紧急,121.50,31.20,2026-11-22 10:00,2026-11-23 10:00,13812345678,张三丰,"
        "待派单,G1,门铃坏了\n"
        "GD002,光衰过大,高,121.51,31.21,2026-11-22 11:00,2026-11-24 10:00,13812345679,李四光,"
        "待核,G1,\n"
        "GD003,光衰过大,中,121.52,31.22,2026-11-22 12:00,,13812345670,李四光,待派单,G1,\n"
    ),
    "装维.csv": "工号,姓名,技能名称,经度,纬度\nE1,王五一,宽带;光纤熔接:2,121.4,31.2\n",
    "排班.csv": "工号,上班时间,下班时间\nE1,2026-11-23 08:00,2026-11-23 17:00\n",
}
PERSONAL = ("张三丰", "李四光", "王五一", "13812345678", "门铃")


def folder(path: Path, files: dict[str, str] | None = None, **changed: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in {**(EXPORT if files is None else files), **changed}.items():
        (path / name).write_text(text, "utf-8")
    return path


def found(path: Path, words: str) -> Finding:
    (one,) = [finding for finding in examine(path, now=NOW).findings if words in finding.text]
    return one


def test_an_export_is_recognised_by_its_headers(tmp_path: Path) -> None:
    seen = examine(folder(tmp_path / "in"), now=NOW)
    tickets, engineers, shifts = seen.tables
    assert [tickets.source, engineers.source, shifts.source] == list(EXPORT)
    assert tickets.unknown == {
        "工单流水号": "id", "故障现象类型": "fault_type", "紧急程度": "priority",
        "要求完成时限": "due", "联系电话": "", "用户姓名": "", "网格名称": "territory", "备注": "",
    }  # fmt: skip
    assert tickets.filled["due"] == 0.667  # 2 of 3
    assert (seen.counts["tickets"], seen.counts["engineers"], seen.counts["shifts"]) == (3, 1, 1)
    assert seen.timezone == "Asia/Shanghai"


def test_unknown_codes_are_counted_with_guesses(tmp_path: Path) -> None:
    codes = examine(folder(tmp_path / "in"), now=NOW).codes
    told = {kind: [(c.code, c.count, c.guess) for c in found] for kind, found in codes.items()}
    assert told == {
        "fault_type": [("光衰过大", 2, "FTTH_WEAK_LIGHT"), ("宽带不通", 1, "")],
        "priority": [("紧急", 1, "1"), ("高", 1, "2"), ("中", 1, "3")],
        "status": [("待核", 1, "")],
        "skill": [("宽带", 1, "BROADBAND"), ("光纤熔接", 1, "FIBER_SPLICE")],
    }


def test_guesses_of_headers_and_priorities(tmp_path: Path) -> None:
    text = (
        "流水号,障碍类型,紧急程度,经度(X),纬度（Y）,装机小区\nA,光衰过大,特急,121.5,31.2,阳光\n"
        "B,光衰过大,紧急,121.5,31.2,阳光\nC,光衰过大,一般,121.5,31.2,湖畔\n"
    )
    seen = examine(folder(tmp_path / "in", **{"导出1123.csv": text}), now=NOW)
    assert seen.tables[0].unknown == {
        "流水号": "id", "障碍类型": "fault_type", "紧急程度": "priority", "经度(X)": "lon",
        "纬度（Y）": "lat", "装机小区": "attributes.estate",
    }  # fmt: skip
    guesses = {code.code: code.guess for code in seen.codes["priority"]}
    assert guesses == {"特急": "1", "紧急": "2", "一般": "3"}
    # Without 特急 it is the most urgent there is.
    text = text.replace("特急", "普通")
    seen = examine(folder(tmp_path / "in", **{"导出1123.csv": text}), now=NOW)
    assert {c.code: c.guess for c in seen.codes["priority"]}["紧急"] == "1"


def test_the_mapping_asks_for_what_a_plan_needs(tmp_path: Path) -> None:
    text = "流水号,障碍类型,受理时间\nA,光衰过大,2026-11-22 10:00\n"
    files = {"工单.csv": text, "装维人员.csv": EXPORT["装维.csv"], "排班.csv": "工号,备注\nE1,\n"}
    stub = examine(folder(tmp_path / "in", files), now=NOW).mapping
    assert (
        "[columns.tickets]\n# Still needed, so name the column of: lon and lat (or place)\n" in stub
    )
    assert (
        "[columns.shifts]\n# Still needed, so name the column of: start (or hours), end (or hours)"
        in stub
    )


def test_the_mapping_reads_the_export_once_its_codes_are_filled_in(tmp_path: Path) -> None:
    path = folder(tmp_path / "in")
    text = examine(path, now=NOW).mapping
    (path / "mapping.toml").write_text(text, "utf-8")
    with pytest.raises(do.InvalidProblemError) as caught:
        do.read_folder(path)
    # What is left to fill in is all that is told of the mapping.
    unfilled = [i.field for i in caught.value.issues if i.file == "mapping.toml"]
    assert unfilled == ["codes.fault_type.宽带不通", "codes.status.待核"]
    text = text.replace('"宽带不通" = ""', '"宽带不通" = "ONT_REPLACE"')
    text = text.replace('"待核" = ""', '"待核" = "open"')
    (path / "mapping.toml").write_text(text, "utf-8")
    problem = do.read_folder(path).problem
    assert [(t.id, t.fault_type, t.priority) for t in problem.tickets] == [
        ("GD001", "ONT_REPLACE", 1), ("GD002", "FTTH_WEAK_LIGHT", 2),
        ("GD003", "FTTH_WEAK_LIGHT", 3),
    ]  # fmt: skip
    assert {name: s.level for name, s in problem.engineers[0].skills.items()} == {
        "BROADBAND": 1, "FIBER_SPLICE": 2,
    }  # fmt: skip
    assert "13812345678" not in problem.model_dump_json()
    # A second look: nothing is left to map, and what was written stays.
    again = examine(path, now=NOW)
    assert again.codes == {}
    assert tomllib.loads(again.mapping) == tomllib.loads(text)
    assert (again.grade, again.score) == ("A", 100.0)


def test_nothing_personal_is_shown(tmp_path: Path) -> None:
    path = folder(tmp_path / "in")
    told = json.dumps(examine(path, now=NOW).to_json(), ensure_ascii=False)
    output = CliRunner().invoke(app, ["doctor", str(path)]).output
    assert "GD001" in told
    for secret in PERSONAL:
        assert secret not in told
        assert secret not in output


def ticket_rows(*rows: str) -> dict[str, str]:
    head = (
        "id,fault_type,priority,lon,lat,case_id,status,reported_at,due,appointment_start,"
        "appointment_end,parked,duration_minutes\n"
    )
    crew = "id,skills,lon,lat\nE1,BROADBAND:3;FIBER_SPLICE:3,121.4,31.2\n"
    return {
        "policy.toml": 'timezone = "UTC"\n',
        "tickets.csv": head + "\n".join(rows) + "\n",
        "engineers.csv": crew,
        "shifts.csv": "engineer_id,start,end\nE1,2026-11-23 08:00,2026-11-23 17:00\n",
    }


def row(ticket: str, **cells: str) -> str:
    values = {
        "fault_type": "FTTH_WEAK_LIGHT", "priority": "3", "lon": "121.5", "lat": "31.2",
        "case_id": "", "status": "", "reported_at": "2026-11-22 10:00", "due": "",
        "appointment_start": "", "appointment_end": "", "parked": "", "duration_minutes": "",
        **cells,
    }  # fmt: skip
    return ",".join([ticket, *values.values()])


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"reported_at": "2026-11-23 00:00:01"}, "reported in the future"),
        ({"reported_at": "2026-05-01 00:00"}, "more than 180 days ago"),
        ({"due": "2026-11-22 09:59"}, "due before it was reported"),
        (
            {"appointment_start": "2026-11-22 08:00", "appointment_end": "2026-11-22 09:00"},
            "ends before the report",
        ),
        (
            {"appointment_start": "2026-11-22 20:00", "appointment_end": "2026-11-22 22:00"},
            "the appointment is over",
        ),
        ({"parked": "2026-11-22 09:00/11:00"}, "parked before it was reported"),
        ({"parked": "2026-11-22 23:00/2026-11-23 00:01"}, "or in the future"),
        ({"duration_minutes": "601"}, "more than 10 hours on site"),
        ({"duration_minutes": "4"}, "less than 5 minutes"),
        ({"fault_type": "IPTV_STB"}, "no engineer has"),
        ({"lon": "0", "lat": "0"}, "0/0 lies in the Atlantic"),
    ],
)
def test_doubts(tmp_path: Path, cells: dict[str, str], words: str) -> None:
    sound = row(
        "SOUND", due="2026-11-22 10:00", duration_minutes="5", parked="2026-11-22 10:00/11:00"
    )
    path = folder(tmp_path / "in", ticket_rows(sound, row("ODD", **cells)))
    one = found(path, words)
    assert (one.level, one.count) == ("doubt", 1)
    assert one.examples == ["ODD (line 3)"]


def test_a_ticket_that_comes_later_is_not_of_the_future(tmp_path: Path) -> None:
    files = ticket_rows(row("A", reported_at="2026-11-23 09:00"))
    lines = files["tickets.csv"].splitlines()
    files["tickets.csv"] = f"{lines[0]},known_at\n{lines[1]},2026-11-23 09:05\n"
    assert examine(folder(tmp_path / "in", files), now=NOW).findings == ()


def test_doubles_and_repeats(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "in",
        ticket_rows(
            row("A", case_id="C1", reported_at="2026-10-01 10:00"),
            row("B", case_id="C1", reported_at="2026-10-31 10:00"),  # 30 days later: a repeat
            row("C", case_id="C1", reported_at="2026-10-31 10:00"),  # the same again
            row("D", case_id="C2", reported_at="2026-10-01 10:00"),
            row("E", case_id="C2", reported_at="2026-10-31 10:01"),  # more than 30 days
        ),
    )
    assert found(path, "a repeat fault").examples == ["B (line 3) after A"]
    assert found(path, "under another id").examples == ["C (line 4) after B"]


def test_engineers_who_cannot_work(tmp_path: Path) -> None:
    files = ticket_rows(row("A"))
    files["engineers.csv"] += "E2,-,121.4,31.2\n"
    files["shifts.csv"] += "E1,2026-11-24 06:00,2026-11-24 22:01\n"
    path = folder(tmp_path / "in", files)
    assert found(path, "without a shift").examples == ["E2 (line 3)"]
    assert found(path, "without any skill").examples == ["E2 (line 3)"]
    assert found(path, "more than 16 hours").count == 1


def test_the_worst_stand_first(tmp_path: Path) -> None:
    files = ticket_rows(
        *(row(f"D{i}", duration_minutes="1") for i in range(4)), row("F", lat="x"), row("F", lat="")
    )
    files["policy.toml"] += "colour = 3\n"
    levels = [
        (one.level, one.field) for one in examine(folder(tmp_path / "in", files), now=NOW).findings
    ]
    # A fault of the settings; two rows under one id, 2 x 3; four doubts, 4 x 1; single faults.
    assert levels == [
        ("fault", "colour"), ("fault", "id"), ("doubt", "duration_minutes"), ("fault", "lat"),
        ("fault", "lat"),
    ]  # fmt: skip


def fault(*rows: tuple[str, str], level: Any = "fault") -> Finding:
    return Finding(level, "", "", rows=set(rows), count=len(rows))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], (100.0, "A")),
        ([fault(("ticket", "1"))], (90.0, "B")),  # 1 of 10
        ([fault(("ticket", "1")), fault(("ticket", "1"))], (90.0, "B")),  # the same row
        ([fault(("engineer", "1"))], (87.5, "B")),  # 1 of 4, half
        ([fault(("ticket", "1"), ("ticket", "2"), level="doubt")], (95.0, "A")),  # 0.2 / 4
        # 0.8 x (1 - 0.1 / 4): row 1 is faulty already.
        ([fault(("ticket", "1"), ("ticket", "2")),
          fault(("ticket", "1"), ("ticket", "3"), level="doubt")], (78.0, "C")),
        ([fault(), fault()], (90.0, "B")),  # two of tables: 2 x 5
        ([fault(*(("ticket", str(i)) for i in range(10)))], (0.0, "F")),
        ([fault(("ticket", "1"), level="note")], (100.0, "A")),
    ],
)  # fmt: skip
def test_the_grade(findings: list[Finding], expected: tuple[float, str]) -> None:
    assert grade(findings, tickets=10, crew=4) == expected


def test_without_tickets_the_grade_is_f() -> None:
    assert grade([], tickets=0, crew=4) == (0.0, "F")


def test_a_single_csv_file_is_what_its_headers_say(tmp_path: Path) -> None:
    path = folder(tmp_path / "in")
    seen = examine(path / "装维.csv", now=NOW)
    assert seen.counts["engineers"] == 1
    assert seen.counts["tickets"] == 0
    assert seen.grade == "F"
    notes = [
        one.file for one in examine(path / "导出1123.csv", now=NOW).findings if one.level == "note"
    ]
    assert "engineers.csv" in notes
    assert "shifts.csv" in notes


def test_tables_of_other_names_and_headers_are_found_by_guesses(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_export(do.generate(tickets=8, engineers=2, seed=1), source, "gb18030")
    (source / "mapping.toml").unlink()
    for number, file in enumerate(sorted(source.iterdir())):
        file.rename(source / f"{number}.csv")
    seen = examine(source, now=NOW)
    assert [table.rows > 0 for table in seen.tables] == [True, True, True]
    assert set(tomllib.loads(seen.mapping)["files"]) == {"tickets", "engineers", "shifts"}
    # Notes of something else are none of them.
    (source / "9.csv").write_text("房间,电费\n1,2\n", "utf-8")
    assert [t.source for t in examine(source, now=NOW).tables] == [t.source for t in seen.tables]


def test_places_are_no_engineers(tmp_path: Path) -> None:
    files = {"导出1123.csv": EXPORT["导出1123.csv"], "places.csv": "id,kind,lon,lat\nG1,grid,1,1\n"}
    seen = examine(folder(tmp_path / "in", files), now=NOW)
    assert (seen.counts["tickets"], seen.counts["engineers"]) == (3, 0)


def test_a_workbook_is_read_by_its_sheets(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for sheet_name, name in (("十一月", "导出1123.csv"), ("人", "装维.csv"), ("班", "排班.csv")):
        sheet = book.create_sheet(sheet_name)
        for line in EXPORT[name].splitlines():
            sheet.append(line.split(","))
    book.save(tmp_path / "export.xlsx")
    seen = examine(tmp_path / "export.xlsx", now=NOW)
    assert [table.rows for table in seen.tables] == [3, 1, 1]
    files = tomllib.loads(seen.mapping)["files"]
    assert files["tickets"] == {"file": "export.xlsx", "sheet": "十一月"}


def test_json_is_examined_too(tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    tickets = [
        raw_ticket("A", reported_at="2026-11-24T00:00:00Z", place={"lat": 0, "lon": 0}),
        raw_ticket("B", fault_type="NOPE", due="2026-11-20T00:00:00Z"),
        raw_ticket("C", priority=9),
    ]
    crew = raw_engineer(name="王小明", skills={"IPTVV": 1})
    path.write_text(json.dumps(raw_problem(tickets=tickets, engineers=[crew])), "utf-8")
    seen = examine(path, now=NOW)
    assert seen.mapping == ""
    assert seen.counts["tickets"] == 3
    assert [c.code for c in seen.codes["fault_type"]] == ["NOPE"]
    assert [(c.code, c.guess) for c in seen.codes["skill"]] == [("IPTVV", "IPTV")]
    texts = {one.text.partition(";")[0] for one in seen.findings}
    assert {"reported in the future", "unknown"} <= texts
    assert any("0/0 lies in the Atlantic" in text for text in texts)
    assert "王小明" not in str(seen.to_json())


def test_packed_json_is_examined_as_it_is_read(tmp_path: Path) -> None:
    plain, packed = tmp_path / "problem.json", tmp_path / "problem.json.gz"
    plain.write_text(json.dumps(raw_problem(tickets=[raw_ticket("A")])), "utf-8")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    seen, unpacked = examine(plain, now=NOW), examine(packed, now=NOW)
    assert unpacked.counts == seen.counts
    assert seen.counts["tickets"] == 1
    assert (unpacked.grade, unpacked.score) == (seen.grade, seen.score)


@pytest.mark.parametrize(
    "changed",
    [{"parked": -1}, {"parked": [{"start": 1}]}, {"skills": [1]}, {"attributes": 3}, {"place": []},
     {"territory": {}}, {"duration": 10**400}, {"windows": "x"}, {"case_id": 5}, {"id": None}],
)  # fmt: skip
def test_json_of_other_types_is_a_fault_and_no_more(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    path = tmp_path / "problem.json"
    tickets = [{**raw_ticket(), **changed}, raw_ticket("T2")]
    path.write_text(json.dumps(raw_problem(tickets=tickets)), "utf-8")
    seen = examine(path, now=NOW)
    assert seen.counts["tickets"] == 2
    assert any(one.level == "fault" for one in seen.findings)


def test_what_cannot_be_read_at_all(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="no such file or folder"):
        examine(tmp_path / "nowhere")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(AdapterError):
        examine(tmp_path / "x.json")
    (tmp_path / "empty").mkdir()
    assert examine(tmp_path / "empty").grade == "F"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["doctor", *map(str, arguments)])


def test_the_command(tmp_path: Path) -> None:
    path = folder(tmp_path / "in")
    told = run(path, "--now", "2026-11-23")
    assert told.exit_code == 0
    assert re.match(r"in: grade F \(.* of 100\); 3 tickets, 1 engineer, 1 shift\n", told.output)
    assert "guessed: 工单流水号 is id, " in told.output
    assert '"光衰过大" = "FTTH_WEAK_LIGHT"  # 2 times; guessed' in told.output
    out = tmp_path / "mapping.toml"
    answer = json.loads(run(path, "--json", "--mapping-out", out).stdout)
    assert answer["mapping"] == out.read_text("utf-8")
    assert answer["grade"] == "F"
    assert run(tmp_path / "nowhere").exit_code == 2
    assert run(path, "--mapping-out", path).exit_code == 2
    problem = tmp_path / "p.json"
    do.write_problem(do.Problem.model_validate(raw_problem()), problem)
    assert run(problem, "--mapping-out", out).exit_code == 2
    assert run(problem).exit_code == 0


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(sorted(EXPORT)),
    text=st.text(alphabet='工单号故障类型经纬度,\n"12.-:EG;光 \t', max_size=80),
    place=st.integers(0, 60),
)
def test_no_export_breaks_the_doctor(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str, place: int
) -> None:
    whole = EXPORT[name]
    changed = {name: whole[:place] + text + whole[place:]}
    path = folder(tmp_path_factory.mktemp("doctor") / "in", {**EXPORT, **changed})
    seen = examine(path, now=NOW)
    assert 0 <= seen.score <= 100
    tomllib.loads(seen.mapping)


@settings(max_examples=50, deadline=None)
@given(data=st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3)
    | st.sampled_from(["A", "2026-11-23T08:00Z", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["tickets", "engineers", "shifts", "id", "skills", "place", "lat", "lon",
                         "reported_at", "due", "parked", "start", "end", "fault_type", "attributes",
                         "appointment", "open", "case_id", "duration", "now", "horizon"]),
        inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_no_json_breaks_the_doctor(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    path = tmp_path_factory.mktemp("doctor") / "p.json"
    path.write_text(json.dumps(data), "utf-8")
    with contextlib.suppress(AdapterError):
        examine(path, now=NOW)


def test_a_workbook_with_its_own_settings(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    from dispatchopt.adapters.workbook import write_workbook

    problem = do.generate(tickets=20, engineers=4, seed=3)
    write_workbook(problem, tmp_path / "day.xlsx", headers="zh")
    seen = examine(tmp_path / "day.xlsx", now=problem.now or problem.horizon.start)
    assert seen.counts["tickets"] == len(problem.tickets)
    assert seen.timezone == problem.timezone
    assert not [one for one in seen.findings if one.level == "fault"]
    # The zone stands in its settings, so nothing needs a mapping.
    assert tomllib.loads(seen.mapping) == {}


@pytest.mark.parametrize("style", ["gb18030", "xlsx"])
def test_the_made_up_export_reads_by_the_doctors_mapping(tmp_path: Path, style: Any) -> None:
    if style == "xlsx":
        pytest.importorskip("openpyxl")
    problem = do.generate(tickets=40, engineers=6, seed=2)
    path = tmp_path / "export"
    write_export(problem, path, style)
    expected = do.read_folder(path).problem
    real = tomllib.loads((path / "mapping.toml").read_text("utf-8"))
    (path / "mapping.toml").unlink()
    mapping = examine(path, now=NOW).mapping
    # A dispatcher fills in what is left, here from the branch's own mapping.
    for codes in real["codes"].values():
        for theirs, ours in codes.items():
            mapping = mapping.replace(f'"{theirs}" = ""  #', f'"{theirs}" = "{ours}"  #')
            mapping = mapping.replace(f'{theirs} = ""  #', f'{theirs} = "{ours}"  #')
    (path / "mapping.toml").write_text(mapping, "utf-8")
    found = do.read_folder(path).problem
    # The hours behind its words for windows only the branch knows.
    for name in ("id", "fault_type", "status", "place", "reported_at", "due"):
        assert [getattr(t, name) for t in found.tickets] == [
            getattr(t, name) for t in expected.tickets
        ]
    for name in ("id", "name", "skills", "place"):
        assert [getattr(e, name) for e in found.engineers] == [
            getattr(e, name) for e in expected.engineers
        ]
    again = examine(path, now=NOW)
    assert again.grade == "A"
    assert not again.codes
