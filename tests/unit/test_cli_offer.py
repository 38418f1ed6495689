"""``dispatchopt offer`` and ``dispatchopt propose``, from the files that ``plan`` writes."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from dispatchopt.cli import app
from dispatchopt.solvers import cache
from tests.unit.raw_data import at, raw_engineer, raw_problem, raw_shift, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A day with one engineer, one booked and one unbooked ticket; its plan."""
    tmp_path = tmp_path_factory.mktemp("day")
    window = {"open": at("08:00"), "close": at("10:00")}
    tickets = [raw_ticket("T1", appointment=window), raw_ticket("T2", duration=3600)]
    engineers = [raw_engineer(name="张三", shifts=[raw_shift("S1")])]
    problem = tmp_path / "problem.json"
    problem.write_text(json.dumps(raw_problem(tickets=tickets, engineers=engineers)), "utf-8")
    run("plan", problem, "--out", tmp_path / "out", "--iterations", 20, "--threads", 1)
    return problem, tmp_path / "out"


def ticket(folder: Path, **changed: Any) -> Path:
    path = folder / "ticket.json"
    path.write_text(json.dumps(raw_ticket("T-NEW", **changed)), "utf-8")
    return path


def test_windows_are_offered_as_a_table(files: tuple[Path, Path], tmp_path: Path) -> None:
    lines = run("offer", *files, ticket(tmp_path)).stdout.splitlines()
    assert lines[0].endswith("windows for T-NEW, prices in minutes of work")
    assert lines[1].split()[:3] == ["window", "kept", "grade"]
    assert lines[2].startswith("1.  Mon 23 Nov, ")
    assert lines[2].endswith("E1 张三")
    assert "NOT_AMONG_BEST" not in lines[-1]
    few = run("offer", *files, ticket(tmp_path), "--count", 1).stdout
    assert "1 window for T-NEW" in few
    assert "NOT_AMONG_BEST (possible, but others are better)" in few


def test_programs_get_one_object_with_the_texts(files: tuple[Path, Path], tmp_path: Path) -> None:
    told = json.loads(run("offer", *files, ticket(tmp_path), "--json").stdout)
    assert told["exit_code"] == 0
    first = told["offers"][0]
    assert first["engineer_name"] == "张三"
    assert set(first["grade_parts"]) == {"added_cost", "tardiness", "risk", "room"}
    assert told["texts"]["zh"].startswith("【预约上门】您的报修单T-NEW可选以下上门时段")
    assert (
        told["texts"]["zh"] + "\n"
        == run("offer", *files, ticket(tmp_path), "--customer", "zh").stdout
    )


def test_a_ticket_of_the_problem_may_be_named(files: tuple[Path, Path]) -> None:
    assert "windows for T2," in run("offer", *files, "T2").stdout
    # T1 is booked: another window needs the customer's consent.
    assert run("offer", *files, "T1", "--customer", "zh").stdout.startswith(
        "【改约征询】您的报修单T1原约定11月23日（周一）08:00-10:00上门"
    )


def test_the_booked_window_is_no_change(files: tuple[Path, Path]) -> None:
    """Nobody is asked to agree to what is booked; where there is nothing else, that stands."""
    told = run("offer", *files, "T1", "--customer", "en", "--count", 6).stdout
    assert "is booked for Mon 23 Nov, 08:00-10:00. May we come at another time" in told
    assert "Mon 23 Nov, 08:00-10:00," not in told
    assert "\n1. Mon 23 Nov, " in told
    for window in ("08:00/10:00", "20:00/21:00"):
        insisted = ("--window", f"2026-11-23 {window}", "--customer", "en")
        told = run("offer", *files, "T1", *insisted).stdout
        assert told.startswith("Your repair T1 is booked: the engineer arrives Mon 23 Nov, 08:00-")


def test_a_window_that_the_customer_insists_on(files: tuple[Path, Path], tmp_path: Path) -> None:
    new = ticket(tmp_path)
    told = run("offer", *files, new, "--window", "2026-11-23 14:00/14:30").stdout
    assert told.startswith("T-NEW, Mon 23 Nov, 14:00-14:30: possible with E1 张三 at 14:00, kept")
    told = run("offer", *files, new, "--window", "2026-11-23 20:00/21:00").stdout
    assert told == "T-NEW, Mon 23 Nov, 20:00-21:00: not possible, NO_SHIFT (nobody works then)\n"
    answer = json.loads(
        run("offer", *files, new, "--window", "2026-11-23 20:00/21:00", "--json").stdout
    )
    assert (answer["is_feasible"], answer["reason"]) == (False, "NO_SHIFT")
    nothing = run("offer", *files, new, "--window", "2026-11-23 20:00/21:00", "--customer", "en")
    assert "no time can be promised" in nothing.stdout


def test_nothing_to_offer_says_why_and_what_else_there_is(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    long = ticket(tmp_path, duration=9 * 3600 - 1800)
    result = run("offer", *files, long)
    assert "0 windows for T-NEW" in result.stdout
    assert "NO_ROOM (no room in the plan)" in result.stdout
    assert "With --displace" in result.stderr
    # Whoever asks for the customer's text wants no more.
    told = run("offer", *files, long, "--customer", "en")
    assert "no time can be promised" in told.stdout
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"priority": 9, "foo": 1}, ["priority = 9", "foo: unknown field"]),
        ({"fault_type": "NOPE", "place": "P9"}, ["fault_type = NOPE: unknown", "place = P9"]),
        ({"status": "done"}, ["done"]),
    ],
)
def test_all_faults_of_a_ticket_are_told(
    files: tuple[Path, Path], tmp_path: Path, changed: dict[str, Any], faults: list[str]
) -> None:
    told = run("offer", *files, ticket(tmp_path, **changed), code=2).stderr
    assert all(fault in told for fault in faults)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["T9"], "T9: no such ticket in the problem"),
        (["none.json"], "none.json"),
        (["T2", "--window", "at noon"], "--window at noon: no window; write"),
        (["T2", "--window", "2026-11-23 16:00/15:00"], "Write the earlier time first"),
        (["T2", "--count", "0"], "--count"),
    ],
)
def test_what_makes_no_sense_is_refused(
    files: tuple[Path, Path], arguments: list[str], message: str
) -> None:
    assert message in run("offer", *files, *arguments, code=2).stderr


def test_windows_are_proposed_for_the_others(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "proposals.csv"
    result = run("propose", *files, "--out", out)
    assert result.stdout.startswith("1 window proposed, as narrow as can be\n")
    assert f"Output in {out}\n" in result.stdout
    with out.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["ticket_id"] == "T2"
    assert row["text_zh"].startswith("【预约上门】您的报修单T2可安排11月23日（周一）")
    told = json.loads(run("propose", *files, "--json").stdout)
    assert told["proposals"][0]["kept_probability"] >= 0.9
    assert told["not_proposed"] == {}


def test_customers_are_asked_in_own_words(files: tuple[Path, Path], tmp_path: Path) -> None:
    texts, out = tmp_path / "texts.toml", tmp_path / "proposals.csv"
    texts.write_text('[zh]\nproposal = "{ticket}：{when}"\noffer = "{choices}"\n', "utf-8")
    run("propose", *files, "--out", out, "--texts", texts)
    with out.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["text_zh"].startswith("T2：11月23日")
    assert row["text_en"].startswith("Your repair T2")
    told = run("offer", *files, "T2", "--customer", "zh", "--texts", texts).stdout
    assert told.startswith("1. 11月23日")
    texts.write_text('[zh]\noffr = "x"\nchange = "{promised}"\n', "utf-8")
    told = run("offer", *files, "T2", "--texts", texts, code=2).stderr
    assert "texts.toml: texts, zh.offr: did you mean 'offer'? no text of that name" in told
    assert "zh.change: lacks {choices}" in told


def test_what_is_compiled_is_told(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # After `plan` the kernels of the search are there, and those of offers are not.
    monkeypatch.setattr(cache, "is_warm", lambda kernels: kernels == cache.PLANNING_FILES)
    told = run("offer", *files, "T2").stderr
    assert told.startswith("Compiling the kernels of offers once for this installation: ")
    monkeypatch.setattr(cache, "is_warm", lambda _: False)
    assert run("offer", *files, "T2").stderr.startswith("Compiling the search kernels once ")


def test_a_plan_of_another_problem_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    alien = tmp_path / "alien.json"
    alien.write_text(
        json.dumps({"routes": [{"shift_id": "S9", "visits": [{"ticket_id": "T1"}]}]}), "utf-8"
    )
    # What nights plan with bookings holds more than their input.
    for command in (("propose", files[0], alien), ("offer", files[0], alien, "T1")):
        told = run(*command, code=2).stderr
        assert "shift 'S9', id: of the plan, not of the problem; give the problem that" in told
        assert "(of a night: problem.json in its folder)" in told
