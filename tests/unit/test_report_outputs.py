"""The output folder: tables, run sheets, all at once or not at all."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.json_files import read_plan
from dispatchopt.errors import AdapterError, InvalidProblemError, Issue
from dispatchopt.models import Plan, Problem, Rejected, builtin_fault_types
from dispatchopt.report.contact import FirstContact
from dispatchopt.report.kpis import plan_kpis
from dispatchopt.report.outputs import output_files, write_outputs
from dispatchopt.report.run_sheets import file_names, run_sheets
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_shift, raw_ticket
from tests.unit.report_day import day, plan, raw_plan, raw_tickets, visit

if TYPE_CHECKING:
    from dispatchopt.report.glossary import Language


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def test_everything_is_written(tmp_path: Path) -> None:
    write_outputs(day(), plan(), tmp_path / "out")
    files = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*.*"))
    second = next(name for name in files if name.startswith("run_sheets/E_2"))
    assert files == sorted(
        [
            "kpis.json", "plan.json", "unserved.csv", "visits.csv",
            "run_sheets/E1.en.md", "run_sheets/E1.zh.md",
            second, second.replace(".en.", ".zh."),
            "texts/E1.en.txt", "texts/E1.zh.txt",
            *(second.replace("run_sheets", "texts").replace(".en.md", end)
              for end in (".en.txt", ".zh.txt")),
        ]
    )  # fmt: skip
    assert read_plan(tmp_path / "out" / "plan.json") == plan()
    kpis = json.loads((tmp_path / "out" / "kpis.json").read_text("utf-8"))
    assert kpis == plan_kpis(day(), plan())


def test_tables_show_local_times_with_their_offset(tmp_path: Path) -> None:
    write_outputs(day(), plan(), tmp_path, language="zh")
    rows = table(tmp_path / "visits.csv")
    assert [(row["engineer_id"], row["sequence"], row["ticket_id"]) for row in rows] == [
        ("E1", "1", "T1"), ("E1", "2", "T2"), ("E/2", "1", "T3"),
    ]  # fmt: skip
    assert rows[1]["arrival"] == "2026-11-23T09:20:00+08:00"
    assert rows[1]["promised_close"] == "2026-11-23T09:30:00+08:00"
    assert (rows[1]["tardiness_seconds"], rows[0]["promised_open"]) == ("600", "")
    rows = table(tmp_path / "unserved.csv")
    assert [(row["ticket_id"], row["reason"], row["breaks_promise"]) for row in rows] == [
        ("T4", "LOST_TO_OTHERS", "true"), ("T5", "NO_PARTS", "false"),
    ]  # fmt: skip
    assert [row["detail"] for row in rows] == ["to: T1", ""]
    assert json.loads((tmp_path / "plan.json").read_text("utf-8"))["unserved"][0]["detail"] == {
        "to": ["T1"]
    }
    assert sorted(p.name for p in (tmp_path / "run_sheets").iterdir())[0] == "E1.md"


def test_rejected_rows(tmp_path: Path) -> None:
    issues = [
        Issue("ticket", "T8", "priority", "9", "must be 1 to 4", "tickets.csv", 7),
        Issue("engineer", "E8", "skills", "A:x", "no level", "engineers.csv", 2),
    ]
    rejected = [
        Rejected(ticket_id="T8", issues=("told above",)),
        Rejected(ticket_id="T9", issues=("a", "b")),
    ]
    write_outputs(day(), plan(), tmp_path, rejected=rejected, issues=issues)
    rows = [tuple(row.values()) for row in table(tmp_path / "rejected.csv")]
    assert rows == [
        ("ticket", "T8", "priority", "9", "must be 1 to 4", "tickets.csv", "7"),
        ("engineer", "E8", "skills", "A:x", "no level", "engineers.csv", "2"),
        ("ticket", "T9", "", "", "a", "", ""),
        ("ticket", "T9", "", "", "b", "", ""),
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+A1", "'+A1"),
        ("-A1", "'-A1"),
        ("-1.5", "-1.5"),
        ("+86", "+86"),
        ("T-1", "T-1"),
    ],
)
def test_no_text_of_the_input_becomes_a_formula(tmp_path: Path, text: str, cell: str) -> None:
    engineer = raw_engineer(shifts=[raw_shift("S1")])
    problem = Problem.model_validate(
        raw_problem(
            tickets=[raw_ticket(text, territory=text), raw_ticket("T2", case_id=text)],
            engineers=[engineer],
        )
    )
    raw = {
        "routes": [{"shift_id": "S1", "visits": [visit(text, "08:00 08:10 09:00 09:50", 600)]}],
        "unserved": [{"ticket_id": "T2", "reason": "NO_PARTS"}],
    }
    issues = [Issue("ticket", text, "priority", text, text)]
    write_outputs(problem, Plan.model_validate(raw), tmp_path, issues=issues)
    (row,) = table(tmp_path / "visits.csv")
    assert (row["ticket_id"], row["territory"]) == (cell, cell)
    assert table(tmp_path / "unserved.csv")[0]["case_id"] == cell
    assert tuple(table(tmp_path / "rejected.csv")[0].values()) == (
        "ticket", cell, "priority", cell, cell, "", "",
    )  # fmt: skip
    assert text in (tmp_path / "plan.json").read_text("utf-8").replace('\\"', '"')


def test_rejected_tickets_of_the_plan_are_the_default(tmp_path: Path) -> None:
    raw = raw_plan() | {"rejected": [{"ticket_id": "T9", "issues": ["no place"]}]}
    write_outputs(day(), Plan.model_validate(raw), tmp_path)
    assert [row["message"] for row in table(tmp_path / "rejected.csv")] == ["no place"]
    write_outputs(day(), Plan.model_validate(raw), tmp_path, rejected=[])
    assert not (tmp_path / "rejected.csv").exists()


def test_old_sheets_go_with_the_old_output(tmp_path: Path) -> None:
    write_outputs(day(), plan(), tmp_path / "out")
    small = Problem.model_validate(raw_problem(tickets=[]))
    write_outputs(small, Plan(routes=()), tmp_path / "out", language="en")
    assert [p.name for p in (tmp_path / "out" / "run_sheets").iterdir()] == ["E1.md"]
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(AdapterError, match=r"mine\.txt"):
        write_outputs(day(), plan(), tmp_path / "out")


def test_foreign_plan_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidProblemError):
        write_outputs(Problem.model_validate(raw_problem()), plan(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


ENGLISH = """\
# Run sheet · E1 · 张三

All times are local (Asia/Shanghai).

## Shift S1 · 2026-11-23 08:00-12:00

**To prepare before leaving**

- Tools: visual fault locator, optical power meter, fusion splicer or mechanical splicing kit, \
fibre cleaning pen
- Usual parts: drop cable × 1, fast connectors or heat-shrink sleeves × 1, fibre wall outlet × 1, \
fast connectors × 1, pigtails × 1, fibre adapters × 1
- Parts ordered for the tickets: ONT × 2

### 1. 08:10 · T1 · P1 · FTTH_LOS_DROP No light: drop-fibre break (home side)

- Leave 08:00, arrive 08:10, begin 08:10, finish 08:40 (Travel 10 min)
- Call the customer by 08:00
- Service limit: 08:40
- Expected on site: 30 min (usual for this fault 75 min, 4 of 5 within 100 min)
- Place: x
- Tools: visual fault locator, optical power meter, fusion splicer or mechanical splicing kit
- Usual parts: drop cable, fast connectors or heat-shrink sleeves, fibre wall outlet
- Parts ordered for the tickets: ONT × 1

### 2. 09:20 · T2 · P2 · FTTH_WEAK_LIGHT Weak optical power (< -27 dBm)

- Leave 09:00, arrive 09:20, begin 09:30, finish 10:00 (Travel 20 min)
- Call the customer by 08:30
- Promised to the customer: 09:00-09:30
- Service limit: 09:50
- Expected on site: 30 min (usual for this fault 50 min, 4 of 5 within 65 min)
- Place: y
- Tools: optical power meter, fibre cleaning pen, visual fault locator
- Usual parts: fast connectors, pigtails, fibre adapters
- Parts ordered for the tickets: ONT × 1
- Notes: address: 3 Lake Road # not a heading

**Break 10:00-10:30**

**Back 10:40**
"""


def test_run_sheet_in_english() -> None:
    assert run_sheets(day(), plan(), language="en")["E1"] == ENGLISH


def test_run_sheets_tell_by_when_to_call() -> None:
    # Released the evening before: half an hour later, with its date.
    released = datetime.fromisoformat(at("18:00")) - timedelta(days=1)
    text = run_sheets(day(), plan(), language="zh", contact=FirstContact(released))["E1"]
    assert text.count("- 请在 2026-11-22 18:30 前联系客户") == 2
    tickets = raw_tickets()
    tickets[0] |= {"lock": "started", "assigned_engineer": "E1", "assigned_start": at("08:10")}
    text = run_sheets(day(tickets=tickets), plan(), language="en")["E1"]
    assert text.count("Call the customer") == 1  # T1 is under way


def test_run_sheet_in_chinese() -> None:
    text = run_sheets(day(), plan(), language="zh")["E/2"]
    assert text.startswith("# 派工单 · E/2\n\n时间均为当地时间 (Asia/Shanghai).\n")
    assert "## 班次 S2 · 2026-11-23 08:00-12:00 (最晚加班至 12:15)" in text
    assert "### 1. 11:30 · T3 · P2 · FTTH_WEAK_LIGHT 光衰过大/弱光" in text
    assert "- 出发 11:00, 到达 11:30, 开始 11:30, 完成 12:10 (行程 30 分钟)" in text
    # Promised: the confirmed window, where the visit itself names none.
    assert "- 与客户约定: 10:00-11:29" in text
    # The limit is of another day, so its date stands there.
    assert "- 修复时限: 2026-11-22 12:00" in text
    assert "- 预计现场时长: 40 分钟 (此类故障平均 50 分钟, 八成不超过 65 分钟)" in text
    assert "- 故障单: C3 (第几次上门 2)" in text
    assert "- 所需人数: 2" in text
    assert text.endswith("**最后一单后结束**\n")


def sheets_of(fault_type: dict[str, Any], **ticket: Any) -> dict[Language, str]:
    """Return both sheets of a single visit to a ticket of that type."""
    made = visit("T1", "08:00 08:10 08:10 08:40", 600)
    route = {"shift_id": "S-E1", "visits": [made], "end": at("08:50")}
    types = [{"code": "X", "duration": {"mean": 600}, **fault_type}]
    task = Problem.model_validate(
        raw_problem(tickets=[raw_ticket(fault_type="X", **ticket)], fault_types=types)
    )
    return {
        spoken: run_sheets(task, Plan.model_validate({"routes": [route]}), language=spoken)["E1"]
        for spoken in LANGUAGES
    }


LANGUAGES: tuple[Language, ...] = ("en", "zh")


def test_chinese_sheets_are_chinese_throughout() -> None:
    text = run_sheets(day(), plan(), language="zh")["E1"]
    assert "- 工具: 红光笔、光功率计、热熔机/冷接工具、清洁笔\n" in text
    assert "- 备注: 地址：3 Lake Road # not a heading\n" in text
    notes = {"site": "小区 0032", "带钥匙": True, "电话": ["1", "2"], "空": None}
    found = sheets_of({}, attributes=notes)
    assert "- 备注: 现场：小区 0032；带钥匙：是；电话：1、2\n" in found["zh"]
    assert "- Notes: site: 小区 0032; 带钥匙: yes; phone: 1, 2\n" in found["en"]


def test_words_of_an_operator_stay_as_they_are() -> None:
    found = sheets_of({"name_en": "Odd fault", "tools": ["Zange", "红光笔"], "parts": ["Kabel"]})
    assert "· X Odd fault\n" in found["en"]
    assert "· X Odd fault\n" in found["zh"]  # better than no name
    assert found["en"].count("- Tools: Zange, visual fault locator\n") == 2
    assert found["zh"].count("- 工具: Zange、红光笔\n") == 2
    assert "- 常用备件: Kabel × 1\n" in found["zh"]


def test_a_dash_in_the_catalogue_and_a_count_of_0_mean_none() -> None:
    text = sheets_of({"tools": ["-", "车"], "parts": ["-"]}, parts={"ONT": 0})["en"]
    assert text.count("- Tools: vehicle\n") == 2
    assert "parts" not in text
    assert "- -" not in text
    # The one of the built-in catalogue that has it.
    built_in = next(fault for fault in builtin_fault_types() if fault.parts == ("-",))
    assert "parts" not in sheets_of({"parts": built_in.parts})["en"]


seconds = st.integers(0, 4000)


@given(wait=seconds, way=seconds, lasts=seconds, breaks=st.integers(0, 2))
def test_minutes_add_up_to_the_clock_times(wait: int, way: int, lasts: int, breaks: int) -> None:
    leave = datetime.fromisoformat(at("08:00")) + timedelta(seconds=wait)
    arrive = leave + timedelta(seconds=way + 900 * breaks)
    times = (leave, arrive, arrive, arrive + timedelta(seconds=lasts))
    names = ("departure", "arrival", "start", "end")
    made = {"ticket_id": "T1", "travel_seconds": way} | dict(zip(names, times, strict=True))
    route = {"shift_id": "S1", "visits": [made], "end": times[-1]}
    text = run_sheets(day(), Plan.model_validate({"routes": [route]}), language="en")["E1"]
    shown = re.findall(r"(\d\d):(\d\d)", text[text.index("- Leave") :])[:4]
    clocks = [60 * int(hours) + int(minutes) for hours, minutes in shown]
    assert clocks == [60 * t.hour + t.minute for t in times]  # what a clock shows then
    [travel] = re.findall(r"Travel (\d+) min", text)
    [on_site] = re.findall(r"Expected on site: (\d+) min", text)
    assert clocks[1] == clocks[0] + int(travel) + 15 * breaks
    assert clocks[3] == clocks[2] + int(on_site)


def test_idle_engineer_gets_a_sheet_and_one_without_shift_none() -> None:
    sheets = run_sheets(day(), Plan(routes=()), language="en")
    assert list(sheets) == ["E1", "E/2"]
    assert "No visits planned." in sheets["E1"]


def test_night_shift_over_the_change_of_summer_time() -> None:
    # Berlin, 25 October 2026: clocks go back at 03:00.
    shift = raw_shift("S1", start="2026-10-24T20:00:00Z", end="2026-10-25T04:00:00Z")
    times = {
        "departure": "2026-10-24T21:50:00Z", "arrival": "2026-10-24T22:10:00Z",
        "start": "2026-10-24T22:10:00Z", "end": "2026-10-25T01:10:00Z", "travel_seconds": 1200,
    }  # fmt: skip
    route = {
        "shift_id": "S1",
        "visits": [{"ticket_id": "T1", **times}],
        "end": "2026-10-25T01:30:00Z",
    }
    problem = Problem.model_validate(
        raw_problem(
            timezone="Europe/Berlin",
            horizon={"start": "2026-10-24T00:00:00Z", "end": "2026-10-26T00:00:00Z"},
            tickets=[raw_ticket()],
            engineers=[raw_engineer(shifts=[shift])],
        )
    )  # fmt: skip
    text = run_sheets(problem, Plan.model_validate({"routes": [route]}), language="en")["E1"]
    assert "## Shift S1 · 2026-10-24 22:00-2026-10-25 05:00" in text
    # A date stands where it differs from that of the time before.
    assert "Leave 23:50, arrive 2026-10-25 00:10, begin 00:10, finish 02:10 (+01:00)" in text
    assert "**Back 02:30 (+01:00)**" in text
    rows = output_files(
        problem, Plan.model_validate({"routes": [route]}), rejected=(), issues=(), language="en"
    )["visits.csv"].decode("utf-8-sig")
    assert "2026-10-25T00:10:00+02:00,2026-10-25T02:10:00+01:00" in rows


def test_a_time_that_happens_twice_carries_its_offset() -> None:
    # Berlin, 25 October 2026: after 02:59 summer time comes 02:00 winter time.
    shift = raw_shift("S1", start="2026-10-24T20:00:00Z", end="2026-10-25T04:00:00Z")
    pause = {"start": "2026-10-25T01:10:00Z", "end": "2026-10-25T02:00:00Z"}
    times = {
        "departure": "2026-10-24T23:50:00Z", "arrival": "2026-10-25T00:10:00Z",
        "start": "2026-10-25T00:30:00Z", "end": "2026-10-25T01:00:00Z", "travel_seconds": 1200,
    }  # fmt: skip
    visits = [{"ticket_id": "T1", **times}]
    route = {"shift_id": "S1", "visits": visits, "breaks": [pause], "end": "2026-10-25T02:30:00Z"}
    problem = Problem.model_validate(
        raw_problem(
            timezone="Europe/Berlin",
            horizon={"start": "2026-10-24T00:00:00Z", "end": "2026-10-26T00:00:00Z"},
            tickets=[raw_ticket()],
            engineers=[raw_engineer(shifts=[shift])],
        )
    )
    text = run_sheets(problem, Plan.model_validate({"routes": [route]}), language="en")["E1"]
    assert (
        "Leave 2026-10-25 01:50, arrive 02:10 (+02:00), begin 02:30 (+02:00), "
        "finish 02:00 (+01:00) (Travel 20 min)" in text
    )
    assert "### 1. 2026-10-25 02:10 (+02:00) · T1" in text
    assert "**Break 02:10 (+01:00)-03:00**" in text
    assert "**Back 03:30**" in text


@pytest.mark.parametrize(
    ("ticket", "moved", "shift_end", "english", "chinese"),
    [
        ({}, [], "12:00", [], []),
        (
            {"lock": "visit", "assigned_engineer": "E1", "assigned_start": at("08:10")},
            [],
            "12:00",
            ["Fixed: this engineer, at this time"],
            ["已锁定：人员与时间固定"],
        ),
        (
            {"lock": "visit", "assigned_engineer": "E1", "assigned_start": at("08:05")},
            ["T1"],
            "12:00",
            ["Moved from its fixed time 08:05: ask the customer before"],
            ["已偏离锁定时间 08:05，须先征得客户同意"],
        ),
        (
            {"status": "started", "assigned_engineer": "E1", "assigned_start": at("08:10")},
            [],
            "12:00",
            ["Begun: this visit is under way"],
            ["已开始：正在现场处理"],
        ),
        # The visit ends at 08:40, as late as shift and overtime allow; then a minute later.
        ({"lock": "engineer", "assigned_engineer": "E1"}, [], "08:30", [], []),
        (
            {"lock": "visit", "assigned_engineer": "E1", "assigned_start": at("08:10")},
            [],
            "08:29",
            ["Fixed: this engineer, at this time", "Outside the hours of the shift"],
            ["已锁定：人员与时间固定", "不在班次时间内"],
        ),
    ],
)
def test_fixed_visits_are_marked(
    ticket: dict[str, Any], moved: list[str], shift_end: str, english: list[str], chinese: list[str]
) -> None:
    made = visit("T1", "08:00 08:10 08:10 08:40", 600)
    route = {"shift_id": "S1", "visits": [made], "end": at("08:50")}
    shift = raw_shift("S1", end=at(shift_end), max_overtime=600)
    task = Problem.model_validate(
        raw_problem(
            tickets=[raw_ticket("T1", **ticket)], engineers=[raw_engineer("E1", shifts=[shift])]
        )
    )
    found = Plan.model_validate({"routes": [route], "needs_customer_consent": moved})
    for spoken, marks in (("en", english), ("zh", chinese)):
        language: Language = "en" if spoken == "en" else "zh"
        text = run_sheets(task, found, language=language)["E1"]
        assert re.findall(r"^- \*\*(.*)\*\*$", text, re.M) == marks


def test_breaks_stand_between_the_visits() -> None:
    raw = raw_plan()
    raw["routes"][0]["breaks"] = [{"start": at("08:45"), "end": at("09:00")}]
    text = run_sheets(day(), Plan.model_validate(raw), language="en")["E1"]
    assert text.index("### 1.") < text.index("**Break 08:45-09:00**") < text.index("### 2.")


ids = st.text(st.sampled_from("aA1-_. /\\:*é工\0\n李") | st.characters(), min_size=1, max_size=80)


@given(names=st.lists(ids, max_size=6))
def test_file_names_are_safe_and_distinct(names: list[str]) -> None:
    names = [name.encode("utf-8", "replace").decode() for name in names]
    found = file_names([*names, "con", "CON", "E1", "e1", "..", "."])
    made = list(found.values())
    assert len({name.casefold() for name in made}) == len(found)
    for name in made:
        assert all(char.isalnum() or char in "-_." for char in name)
        assert not name.startswith(".")
        assert len(f"{name}.en.md".encode()) <= 255
        assert name.casefold() not in ("con", "", ".", "..")


def test_plain_ids_keep_their_names() -> None:
    assert file_names(["E-017", "工程师1"]) == {"E-017": "E-017", "工程师1": "工程师1"}


# The whole writer is killed at random moments; the folder holds the one output or the other.
KILLER = textwrap.dedent(
    """
    import os, random, signal, sys, time
    from pathlib import Path
    from dispatchopt.models import Plan
    from dispatchopt.report.outputs import output_files, write_outputs
    from tests.unit.report_day import day, plan

    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    target, problem = folder / "out", day()
    plans = plan(), Plan(routes=(), plan_id="other")
    outputs = [
        output_files(problem, made, rejected=(), issues=(), language="both") for made in plans
    ]

    def content():
        files = (file for file in target.rglob("*") if file.is_file())
        return {file.relative_to(target).as_posix(): file.read_bytes() for file in files}

    write_outputs(problem, plans[0], target)
    generator = random.Random(seed)
    for _ in range(30):
        pid = os.fork()
        if pid == 0:
            try:
                while True:
                    for made in plans:
                        write_outputs(problem, made, target)
            finally:
                os._exit(1)
        time.sleep(generator.uniform(0.0, 0.05))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert content() in outputs
        write_outputs(problem, plans[0], target)
        assert content() == outputs[0]
        assert [entry.name for entry in folder.iterdir()] == ["out"]
    """
)


def test_kill_leaves_one_complete_output(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), "7"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
