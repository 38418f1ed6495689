"""The pages say what the code does: every name that they list is there, and the other way round."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dispatchopt.adapters import headers
from dispatchopt.cli import CODES
from dispatchopt.cli_talk import Code
from dispatchopt.models import Engineer, Plan, Policy, Problem, Route, Shift, Ticket, Visit
from dispatchopt.models.intake import build_problem
from dispatchopt.models.plan import Provenance, Unserved
from dispatchopt.rules import RULES

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


def test_csv_page_lists_every_word_of_a_status_or_lock() -> None:
    text = page("docs/csv.md")
    for words in (headers.STATUS_WORDS, headers.LOCK_WORDS):
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


def test_exit_codes_are_told_everywhere() -> None:
    assert re.findall(r"(?<![\d.])(\d) ", CODES) == [str(int(code)) for code in Code]
    table = [row[0] for row in first_cells(page("README.md")) if re.fullmatch(r"\d", row[0])]
    assert table == [str(int(code)) for code in Code]


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
