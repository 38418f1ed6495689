"""Made-up exports of a branch: read by their own mapping, and planned end to end."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dispatchopt.adapters.any_input import read_any
from dispatchopt.cli import app
from dispatchopt.errors import AdapterError, DispatchError
from dispatchopt.generator import branch
from dispatchopt.generator.export import export_files, write_export
from dispatchopt.models.intake import build_problem
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_shift, raw_ticket
from tests.unit.test_adapters_json import mutated, one_folder

if TYPE_CHECKING:
    from dispatchopt.models import Problem

STYLES: Any = ["gb18030", "xlsx"]
TICKET_FIELDS = (
    "case_id", "status", "fault_type", "priority", "place", "reported_at", "due", "windows",
    "appointment", "duration", "crew_size", "carried_over", "attributes",
)  # fmt: skip
SHIFT_FIELDS = (
    "id", "start", "end", "breaks", "reserved_minutes", "max_overtime", "min_priority", "members",
)  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("days", "tickets"), [(1, 60), (3, 150)])
def test_the_mapping_reads_what_the_branch_means(
    tmp_path: Path, style: Any, days: int, tickets: int
) -> None:
    problem = branch.generate(tickets=tickets, days=days, seed=3)
    write_export(problem, tmp_path / "branch", style)
    intake = read_any(tmp_path / "branch")
    assert not [w for w in intake.warnings if w.file == "mapping.toml"]
    found = intake.problem
    assert [t.id for t in found.tickets] == [f"20261123{n:06d}" for n in range(1, tickets + 1)]
    for name in TICKET_FIELDS:
        expected = [getattr(t, name) for t in problem.tickets]
        assert [getattr(t, name) for t in found.tickets] == expected
    for name in ("id", "name", "skills", "place", "territories", "duration_percent"):
        expected = [getattr(e, name) for e in problem.engineers]
        assert [getattr(e, name) for e in found.engineers] == expected
    for name in SHIFT_FIELDS:
        assert shifts(found, name) == shifts(problem, name)


def shifts(problem: Problem, name: str) -> list[Any]:
    return [getattr(shift, name) for e in problem.engineers for shift in e.shifts]


@pytest.mark.parametrize("style", STYLES)
def test_an_export_speaks_the_branchs_language(style: Any) -> None:
    files = export_files(branch.generate(tickets=60, seed=3), style)
    mapping = files["mapping.toml"].decode()
    assert '"障碍现象" = "fault_type"' in mapping
    assert '"GZ01" = "FTTH_LOS_DROP"' in mapping
    if style == "xlsx":
        assert set(files) == {"装维导出.xlsx", "mapping.toml"}
    else:
        text = files["故障工单.csv"].decode("gb18030")
        for words in (
            "全天",
            "14点-16点",
            "11月23日 ",
            "特急",
            "在途",
            "第1网格",
            "GZ",
            "客户0001",
        ):
            assert words in text
        assert "FTTH" not in text
    assert files == export_files(branch.generate(tickets=60, seed=3), style)


def test_windows_that_no_words_can_say(tmp_path: Path) -> None:
    problem = branch.generate(tickets=20, seed=3)
    first, *others = sorted(problem.tickets, key=lambda ticket: not ticket.windows)
    window = first.windows[0]
    long = window.model_copy(update={"close": window.close + timedelta(days=1, seconds=5)})
    changed = first.model_copy(update={"windows": (long,)})
    problem = problem.model_copy(update={"tickets": (changed, *others)})
    write_export(problem, tmp_path / "branch", "gb18030")
    assert read_any(tmp_path / "branch").problem.tickets[0].windows == (long,)


def test_places_of_a_travel_table_are_refused() -> None:
    with pytest.raises(AdapterError, match="such an export holds coordinates alone"):
        export_files(branch.generate_plain(tickets=3), "xlsx")


def run(*args: object) -> Any:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.mark.parametrize("style", STYLES)
def test_an_export_is_planned_end_to_end(tmp_path: Path, style: str) -> None:
    made = run("generate", "--export", style, "--tickets", 12, "--out", tmp_path / "branch")
    assert made.exit_code == 0, made.output
    options = ("--iterations", 200, "--threads", 1, "--no-prove", "--json")
    done = run("plan", tmp_path / "branch", "--out", tmp_path / "plan", *options)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["exit_code"] == 0
    assert (tmp_path / "plan" / "visits.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    judged = run("check", tmp_path / "branch", tmp_path / "plan")
    assert judged.exit_code == 0, judged.output


def test_a_workbook_is_generated_and_checked(tmp_path: Path) -> None:
    book = tmp_path / "day.xlsx"
    made = run("generate", "--tickets", 12, "--headers", "zh", "--out", book)
    assert made.exit_code == 0, made.output
    assert read_any(book).problem == branch.generate(tickets=12)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--export", "xlsx", "--out", "b.xlsx"], "--export writes several files"),
        (["--export", "xlsx", "--headers", "zh", "--out", "b"], "Drop the other option"),
        (["--encoding", "gb18030", "--out", "b.xlsx"], "--encoding is for CSV files"),
        (["--headers", "zh", "--out", "b.json"], "are for CSV files"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("generate", *args)
    assert done.exit_code == 2
    assert words in done.output
    assert not list(tmp_path.iterdir())


def test_a_plain_day_is_exported_with_its_points(tmp_path: Path) -> None:
    made = run(
        "generate", "--plain", "--export", "gb18030", "--tickets", 5, "--out", tmp_path / "b"
    )
    assert made.exit_code == 0, made.output
    assert len(read_any(tmp_path / "b").problem.tickets) == 5


def test_an_input_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(AdapterError, match=r"neither \.json nor \.json\.gz nor \.xlsx"):
        read_any(tmp_path / "a.txt")
    with pytest.raises(AdapterError, match="no such folder"):
        read_any(tmp_path / "nothing")


GOLDEN = Path(__file__).parents[1] / "golden" / "exports"


def parts_of(data: bytes, encoding: str = "utf-8") -> str:
    """The text of a file, that of all its parts if it is an archive."""
    if not data.startswith(b"PK"):
        return data.decode(encoding)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = sorted(archive.namelist())
        return "".join(f"-- {name}\n{archive.read(name).decode()}\n" for name in names)


@pytest.mark.parametrize("style", STYLES)
def test_golden_exports(style: Any) -> None:
    tickets = [
        raw_ticket("T1", windows=[{"open": at("14:00"), "close": at("16:00")}], due=at("18:00"),
                   territory="G1", attributes={"site": "A & B <1>"}),
        raw_ticket("T2", appointment={"open": at("08:30"), "close": at("12:00")}, priority=1),
    ]  # fmt: skip
    pause = {"earliest": at("12:00"), "latest": at("13:00"), "duration": 1800}
    engineer = raw_engineer(
        territories=["G1", "G2"], shifts=[raw_shift(breaks=[pause], min_priority=2)]
    )
    problem = build_problem(raw_problem(tickets=tickets, engineers=[engineer])).problem
    encoding = {"gb18030": "gb18030", "xlsx": "utf-8"}[style]
    told = "".join(
        f"== {name}\n{parts_of(data, 'utf-8' if name.endswith('.toml') else encoding)}"
        for name, data in export_files(problem, style).items()
    )
    assert told.splitlines() == (GOLDEN / f"{style}.txt").read_text("utf-8").splitlines()


FILES = export_files(branch.generate(tickets=4, seed=3), "gb18030")


@one_folder
@given(data=st.data(), name=st.sampled_from(sorted(FILES)))
def test_any_export_gives_a_problem_or_a_dispatch_error(
    tmp_path: Path, data: st.DataObject, name: str
) -> None:
    for file, content in FILES.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / name).write_bytes(data.draw(mutated(FILES[name])))
    try:
        read_any(tmp_path)
    except DispatchError as error:
        assert str(error)
