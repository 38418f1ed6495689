"""The pages say what the code does: every name that they list is there, and the other way round."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import dispatchopt as do
from dispatchopt.adapters import headers
from dispatchopt.adapters.database.schema import TABLES
from dispatchopt.cli import CODES, app
from dispatchopt.models import (
    Engineer,
    FaultType,
    Plan,
    Policy,
    Problem,
    Route,
    Shift,
    Ticket,
    Visit,
    builtin_fault_types,
)
from dispatchopt.models.intake import build_problem
from dispatchopt.models.plan import Provenance, Unserved
from dispatchopt.report.exit_codes import Code
from dispatchopt.report.offers import coming
from dispatchopt.rules import RULES
from tests.unit.databases import rows_of, run_sql

if TYPE_CHECKING:
    from dispatchopt.models.base import Model

ROOT = Path(__file__).parents[2]
QUOTED = re.compile(r"`([^`\n]+)`")


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def first_cells(text: str) -> list[list[str]]:
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_rules_page_lists_every_rule_with_its_kind() -> None:
    text = page("docs/rules.md")
    hard, soft = text.split("## Soft rules")
    listed = {
        kind: [QUOTED.findall(row[0])[0] for row in first_cells(part) if QUOTED.search(row[0])]
        for kind, part in (("hard", hard), ("soft", soft.split("## Why")[0]))
    }
    for kind, names in listed.items():
        assert sorted(names) == sorted(rule.name for rule in RULES if rule.kind == kind)
    assert f"judged by {len(RULES)} rules" in text


def test_rules_page_names_every_reason_and_every_price() -> None:
    quoted = set(QUOTED.findall(page("docs/rules.md")))
    code = "".join(
        path.read_text("utf-8")
        for path in [ROOT / "dispatchopt/reasons.py", *(ROOT / "dispatchopt/rules").glob("*.py")]
    )
    reasons = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', code)) | {"LOCKED"}
    reasons -= {"SHIFTS_ALONE"}  # a constant of rule modules, no reason
    assert len(reasons) > 20
    assert reasons <= quoted
    assert {name for name in quoted if re.fullmatch(r"[A-Z_]+", name)} <= reasons
    assert set(Policy.model_fields) - {"preset"} <= quoted


@pytest.mark.parametrize(
    "columns", [headers.TICKET_COLUMNS, headers.ENGINEER_COLUMNS, headers.SHIFT_COLUMNS]
)
def test_csv_page_lists_every_header(columns: tuple[headers.Column, ...]) -> None:
    rows = [row[:3] for row in first_cells(page("docs/csv.md"))]
    for column in columns:
        name = f"**{column.name}**" if column.required else column.name
        assert [name, column.zh, ", ".join(column.aliases)] in rows


def test_csv_page_lists_every_word_of_a_status_lock_or_area() -> None:
    text = page("docs/csv.md")
    for words in (headers.STATUS_WORDS, headers.LOCK_WORDS, headers.AREA_WORDS):
        for word, meaning in words.items():
            assert re.search(rf"^\| `{meaning}` \|.*{re.escape(word)}", text, re.M) or (
                word == meaning
            )


@pytest.mark.parametrize(
    "model", [Problem, Ticket, Engineer, Shift, Policy, Plan, Route, Visit, Unserved, Provenance]
)
def test_problem_page_names_every_field(model: type[Model]) -> None:
    quoted = set(QUOTED.findall(page("docs/problem.md")))
    assert set(model.model_fields) <= quoted


def test_the_problem_of_the_page_is_one() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", page("docs/problem.md"), re.S)
    assert build_problem(json.loads(text)).issues == ()


def test_the_catalogue_page_lists_every_fault_type_and_skill() -> None:
    rows = first_cells(page("docs/catalogue.md"))
    codes = [row for row in rows if re.fullmatch(r"`\w+`", row[0]) and len(row) == 7]
    assert codes == [_catalogue_row(fault) for fault in builtin_fault_types()]
    levels: dict[str, set[int]] = {}
    for fault in builtin_fault_types():
        for name, level in fault.skills.items():
            levels.setdefault(name, set()).add(level)
    skills = [row for row in rows if row[0].startswith("`") and len(row) == 2]
    assert skills == [
        [f"`{name}`", ", ".join(map(str, sorted(levels[name])))] for name in sorted(levels)
    ]


def _catalogue_row(fault: FaultType) -> list[str]:
    took = fault.duration
    mean, *within = (f"{(s or 0) / 60:g}" for s in (took.mean, took.p50, took.p80, took.p90))
    return [
        f"`{fault.code}`",
        fault.name_en,
        fault.name_zh,
        f"{mean} ({', '.join(within)})",
        ", ".join(f"{name}:{level}" for name, level in fault.skills.items()),
        str(fault.crew_size),
        str(fault.default_priority),
    ]


def test_the_fault_types_of_the_catalogue_page_are_some() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", page("docs/catalogue.md"), re.S)
    (fault,) = [FaultType.model_validate(raw) for raw in json.loads(text)]
    assert fault.code in {builtin.code for builtin in builtin_fault_types()}


def test_exit_codes_are_told_everywhere() -> None:
    usual = [str(int(code)) for code in Code if code < Code.BUSY]
    assert re.findall(r"(?<![\d.])(\d) ", CODES) == usual
    table = [row[0] for row in first_cells(page("README.md")) if re.fullmatch(r"\d", row[0])]
    assert table == usual


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_the_readmes_python_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", page("README.md"), re.S)
    monkeypatch.chdir(ROOT)
    exec(compile(text.replace("5_000", "50"), "README.md", "exec"), {})  # the page's own code
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"feasible \d+ \d+ left out", lines[0])


def test_the_python_of_the_frames_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", page("docs/frames.md"), re.S)
    scope: dict[str, Any] = {}
    exec(compile(text, "frames.md", "exec"), scope)  # the page's own code
    assert sorted(scope["visits"]["ticket_id"]) == ["T1", "T2"]
    assert str(scope["visits"]["start"].dt.tz) == "Asia/Shanghai"
    assert scope["left_out"].empty
    assert "2026-11-23 09:" in capsys.readouterr().out
    frames = do.problem_to_frames(scope["problem"])
    assert do.problem_from_frames(**frames._asdict()).problem == scope["problem"]


def test_the_python_of_the_offers_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    problem = do.generate(tickets=12, days=2, seed=3)
    scope: dict[str, Any] = {
        "problem": problem,
        "ticket": problem.tickets[0].model_copy(update={"id": "T-CALL", "windows": ()}),
        "coming": coming,
    }
    blocks = re.findall(r"```python\n(.*?)```", page("docs/offers.md"), re.S)
    for block in blocks:
        exec(compile(block.replace("time_limit=10", "iterations=50"), "offers.md", "exec"), scope)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert lines[-1].startswith("报修单T-CALL已约定11月")
    assert scope["proposals"].proposals
    assert (scope["status"], scope["body"]["status"]) == (201, "initialized")


def test_the_python_of_the_databases_page_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_sql(
        "sqlite:///dispatch.db",
        "CREATE TABLE gongdan (gdh INTEGER, lx TEXT, yxj INTEGER, jd REAL, wd REAL)",
        "INSERT INTO gongdan VALUES (1001, 'BB_SLOW', 3, 121.5, 31.2)",
        "CREATE TABLE engineers (id TEXT, skills TEXT, lon REAL, lat REAL)",
        "INSERT INTO engineers VALUES ('E1', 'BROADBAND:2', 121.48, 31.22)",
        'CREATE TABLE shifts (engineer_id TEXT, start TEXT, "end" TEXT)',
        "INSERT INTO shifts VALUES ('E1', '2026-11-23 08:30', '2026-11-23 17:30')",
    )
    (text,) = re.findall(r"```python\n(.*?)```", page("docs/databases.md"), re.S)
    exec(compile(text, "databases.md", "exec"), {})  # the page's own code
    assert capsys.readouterr().out == "None 1 () ()\n"
    assert len(list((tmp_path / "to_backend").glob("*.json"))) == 1
    query = re.findall(r"```sql\n(.*?);\n```", page("docs/databases.md"), re.S)[0]
    assert [row[:3] for row in rows_of("sqlite:///dispatch.db", query)] == [("E1", 1, "1001")]


def test_databases_page_names_every_table() -> None:
    quoted = set(QUOTED.findall(page("docs/databases.md")))
    assert {table.name for table in TABLES} <= quoted


def told(command: str) -> str:
    """What the page shows below a command."""
    return page("README.md").split(f"$ {command}\n")[1].split("```")[0].split("\n$ ")[0].strip()


def run(command: str, code: int) -> str:
    name, *arguments = shlex.split(command)
    assert name == "dispatchopt"
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_the_readmes_faulty_input_is_refused_as_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "examples" / "data" / "andorra", tmp_path / "day")
    path = tmp_path / "day" / "tickets.csv"
    lines = path.read_text("utf-8-sig").splitlines()
    columns = lines[0].split(",")
    for line, column, cell in ((3, "优先级", "5"), (9, "地点", "P999")):
        cells = lines[line - 1].split(",")
        cells[columns.index(column)] = cell
        lines[line - 1] = ",".join(cells)
    path.write_text("\n".join(lines), "utf-8")
    monkeypatch.chdir(tmp_path)
    command = "dispatchopt plan day --out out/day"
    assert run(command, 2).strip() == told(command)


def test_the_readmes_orders_are_judged_as_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "orders.json").write_text(told("cat orders.json"))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    command = "dispatchopt check examples/data/andorra orders.json"
    assert run(command, 1).startswith(told(command))


def test_the_readmes_day_is_made_up_as_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    command = "dispatchopt generate --tickets 300 --days 1 --seed 1 --out out/branch --headers zh"
    assert run(command, 0).strip() == told(command)


def test_the_readmes_windows_are_offered_and_booked_as_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "call.json").write_text(told("cat call.json"))
    made = (
        "dispatchopt generate --tickets 60 --days 3 --seed 2 --start 2030-03-04 --out out/days.json"
    )
    assert run(made, 0).strip() == told(made)
    section = page("README.md").split("### Promise a window")[1].split("\n### ")[0]
    plan, offer, hold, confirm = re.findall(r"\$ (dispatchopt (?:plan|offer|book) .*)", section)
    run(plan.replace("--iterations 1000", "--iterations 50"), 0)  # another plan, other offers
    first, head, *_ = run(offer, 0).splitlines()
    assert re.fullmatch(r"\d windows? for T-CALL, prices in minutes of work", first)
    assert head.split() == told(offer).splitlines()[1].split()
    best = re.search(
        r"window\": {\"open\": \"(.*?)\", \"close\": \"(.*?)\"", run(f"{offer} --json", 0)
    )
    assert best is not None
    held = run(hold.replace("2030-03-04 14:00/16:00", f"{best[1]}/{best[2]}"), 0)
    assert held.startswith("T-CALL: held, ")
    assert run(confirm, 0).startswith("【预约成功】您的报修单T-CALL已约定3月")


def test_the_readmes_csv_files_are_a_whole_problem(tmp_path: Path) -> None:
    text = page("README.md").split("### CSV in your language")[1].split("\n## ")[0]
    names = re.findall(r"`(\w+\.(?:csv|toml))`", text)
    blocks = re.findall(r"```\n(.*?)```", text, re.S)
    assert len(names) == len(blocks) == 4
    for name, block in zip(names, blocks, strict=True):
        (tmp_path / name).write_text(block, "utf-8")
    intake = do.read_folder(tmp_path)
    assert (intake.issues, intake.warnings) == ((), ())
    plan = do.solve(intake.problem, iterations=50, threads=1).plan
    assert [visit.ticket_id for route in plan.routes for visit in route.visits] == ["T00002"]
    (tmp_path / "policy.toml").unlink()
    with pytest.raises(do.InvalidProblemError, match="timezone: is required"):
        do.read_folder(tmp_path)
