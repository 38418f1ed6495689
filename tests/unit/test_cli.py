from __future__ import annotations

import gzip
import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatchopt import __version__, cli
from dispatchopt.cli import app
from dispatchopt.cli_talk import Stop
from dispatchopt.errors import AdapterError
from dispatchopt.rules import RULES
from tests.unit.raw_data import Raw, at, raw_engineer, raw_problem, raw_ticket

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def save(folder: Path, raw: Raw, name: str = "problem.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(raw, ensure_ascii=False), "utf-8")
    return path


def small(**changed: Any) -> Raw:
    tickets = [raw_ticket(f"T{i}", place={"lat": 31.2, "lon": 121.4 + i / 100}) for i in range(4)]
    return raw_problem(tickets=tickets, **changed)


def plan(source: Path, out: Path, *options: object) -> Any:
    return run("plan", source, "--out", out, "--iterations", 20, "--threads", 1, *options)


def keeping_no_promise() -> Raw:
    """The appointment lies before the only shift."""
    window = {"open": at("03:00"), "close": at("04:00")}
    return raw_problem(tickets=[raw_ticket("T1"), raw_ticket("T2", appointment=window)])


def test_version_and_help() -> None:
    assert run("--version").output.strip() == f"dispatchopt {__version__}"
    for arguments in ([], ["plan"], ["check"], ["generate"], ["warmup"]):
        found = run(*arguments, "--help")
        assert found.exit_code == 0
        assert "Exit codes: 0 done" in found.output
    assert run("plan").exit_code == 2
    assert run("no-such-command").exit_code == 2


def test_plan_writes_everything_and_exits_0(tmp_path: Path) -> None:
    found = plan(save(tmp_path, small()), tmp_path / "out")
    assert found.exit_code == 0, found.output
    names = {"plan.json", "visits.csv", "unserved.csv", "kpis.json", "run_sheets", "texts"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert "served     0   0   4   0    4" in found.stdout
    assert f"Output in {tmp_path / 'out'}" in found.stdout
    assert run("check", tmp_path / "problem.json", tmp_path / "out").exit_code == 0


def test_plan_replaces_an_earlier_output(tmp_path: Path) -> None:
    source = save(tmp_path, small())
    assert plan(source, tmp_path / "out", "--language", "both").exit_code == 0
    assert plan(source, tmp_path / "out", "--language", "zh").exit_code == 0
    sheets = list((tmp_path / "out" / "run_sheets").iterdir())
    assert [sheet.name for sheet in sheets] == ["E1.md"]
    assert "派工单" in sheets[0].read_text("utf-8")


def test_plan_writes_a_workbook_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save(tmp_path, small())
    assert plan(source, tmp_path / "out", "--excel").exit_code == 0
    assert (tmp_path / "out" / "plan.xlsx").read_bytes().startswith(b"PK")
    assert plan(source, tmp_path / "out").exit_code == 0
    assert not (tmp_path / "out" / "plan.xlsx").exists()
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    found = plan(source, tmp_path / "other", "--excel")
    assert found.exit_code == 2
    assert "pip install" in found.stderr
    assert not (tmp_path / "other").exists()


def test_the_same_call_gives_the_same_plan(tmp_path: Path) -> None:
    source = tmp_path / "p.json.gz"
    assert run("generate", "--tickets", 20, "--seed", 3, "--out", source).exit_code == 0
    plans = []
    for name in ("one", "two"):
        options = ("--iterations", 200, "--threads", 2, "--seed", 5)
        assert run("plan", source, "--out", tmp_path / name, *options).exit_code in (0, 5)
        made = json.loads((tmp_path / name / "plan.json").read_text("utf-8"))
        del made["provenance"]["runtime"]
        visits = (tmp_path / name / "visits.csv").read_bytes()
        plans.append((made, visits, (tmp_path / name / "kpis.json").read_bytes()))
    assert plans[0] == plans[1]


def test_json_mode_prints_one_object(tmp_path: Path) -> None:
    found = plan(save(tmp_path, small()), tmp_path / "out", "--json")
    data = json.loads(found.stdout)
    assert found.stderr == ""
    assert data["exit_code"] == 0
    assert not data["interrupted"]
    assert data["tickets"] == {
        "input": 4, "served": 4, "unserved": 0, "rejected": 0, "not_plannable": 0,
    }  # fmt: skip
    assert data["cost"]["total"] == sum(data["cost"]["by_rule"].values())
    assert data["kpis"] == json.loads((tmp_path / "out" / "kpis.json").read_text("utf-8"))
    written = json.loads(Path(data["plan"]).read_text("utf-8"))
    assert written["cost"] == data["cost"]


def test_a_misspelt_skill_is_a_warning_and_no_fault(tmp_path: Path) -> None:
    engineers = [raw_engineer(), raw_engineer("E2", skills={"BRODBAND": 1})]
    source = save(tmp_path, small(engineers=engineers))
    words = "Warning: problem.json: engineer 'E2', skills = BRODBAND: "
    found = plan(source, tmp_path / "out")
    assert found.exit_code == 0
    assert words in found.stderr
    assert "did you mean 'BROADBAND'?" in (tmp_path / "out" / "warnings.csv").read_text("utf-8-sig")
    assert words in run("check", source, tmp_path / "out").stderr
    for arguments in (
        ("check", source, tmp_path / "out"),
        ("plan", source, "--out", tmp_path / "o"),
    ):
        options = ("--json", *(("--iterations", 5) if arguments[0] == "plan" else ()))
        found = run(*arguments, *options)
        assert (found.exit_code, found.stderr) == (0, "")
        (warning,) = json.loads(found.stdout)["warnings"]
        assert (warning["id"], warning["field"], warning["value"]) == ("E2", "skills", "BRODBAND")
    found = plan(source, tmp_path / "out", "--quiet")
    assert (found.exit_code, found.output) == (0, "")
    found = plan(save(tmp_path, small()), tmp_path / "out")
    assert "Warning" not in found.stderr
    assert not (tmp_path / "out" / "warnings.csv").exists()


def test_quiet_mode_prints_errors_only(tmp_path: Path) -> None:
    source = save(tmp_path, small())
    found = plan(source, tmp_path / "out", "--quiet")
    assert (found.exit_code, found.output) == (0, "")
    found = plan(source, tmp_path, "--quiet")
    assert found.exit_code == 2
    assert "--out" in found.stderr


def test_bad_input_exits_2_with_every_fault_and_plans_nothing(tmp_path: Path) -> None:
    tickets = [raw_ticket("T1", priority=9), raw_ticket("T2", fault_type="NO_SUCH")]
    source = save(tmp_path, raw_problem(tickets=tickets))
    found = plan(source, tmp_path / "out")
    assert found.exit_code == 2
    assert found.stdout == ""
    for part in ("2 faults", "problem.json", "'T1'", "priority = 9", "'T2'", "NO_SUCH"):
        assert part in found.stderr
    assert not (tmp_path / "out").exists()
    data = json.loads(plan(source, tmp_path / "out", "--json").stdout)
    assert (data["status"], data["exit_code"]) == ("bad_input", 2)
    assert [(issue["id"], issue["field"]) for issue in data["issues"]] == [
        ("T1", "priority"), ("T2", "fault_type"),
    ]  # fmt: skip


def test_faults_of_a_folder_name_file_and_line(tmp_path: Path) -> None:
    assert run("generate", "--tickets", 5, "--out", tmp_path / "day").exit_code == 0
    tickets = tmp_path / "day" / "tickets.csv"
    lines = tickets.read_text("utf-8-sig").splitlines()
    lines[3] = lines[3].replace(",", ",NO_SUCH_", 2)
    tickets.write_text("\n".join(lines), "utf-8")
    found = plan(tmp_path / "day", tmp_path / "out")
    assert found.exit_code == 2
    assert "tickets.csv:4: ticket" in found.stderr


def test_rejects_exit_3_up_to_the_limit(tmp_path: Path) -> None:
    tickets = [raw_ticket("T1"), raw_ticket("T2", priority=9), raw_ticket("T3"), raw_ticket("T4")]
    source = save(tmp_path, raw_problem(tickets=tickets))
    options = ("--on-bad-row", "reject", "--max-rejects")
    for allowed in ("1", "25%"):  # 4 tickets x 25 % = 1
        found = plan(source, tmp_path / "out", *options, allowed)
        assert found.exit_code == 3, found.output
        assert "rejected.csv" in found.stdout
    assert "T2" in (tmp_path / "out" / "rejected.csv").read_text("utf-8-sig")
    assert run("check", source, tmp_path / "out").exit_code == 2
    checked = run("check", source, tmp_path / "out", "--on-bad-row", "reject")
    assert checked.exit_code == 0, checked.output
    for allowed in ("0", "24%", "0%"):
        found = plan(source, tmp_path / "none", *options, allowed)
        assert found.exit_code == 2
        assert "'T2'" in found.stderr
    assert not (tmp_path / "none").exists()
    for odd in ("x", "-1", "101%", "%", "2.5%", "²"):
        assert plan(source, tmp_path / "none", *options, odd).exit_code == 2


def test_a_faulty_engineer_is_a_reject_too(tmp_path: Path) -> None:
    faulty = raw_engineer("E2", place={"lat": 99, "lon": 0})
    source = save(tmp_path, small(engineers=[raw_engineer(), faulty]))
    options = ("--on-bad-row", "reject", "--max-rejects")
    assert plan(source, tmp_path / "out", *options, 0).exit_code == 2
    assert plan(source, tmp_path / "out", *options, 1).exit_code == 3
    assert "E2" in (tmp_path / "out" / "rejected.csv").read_text("utf-8-sig")


def test_a_broken_promise_exits_5_and_wins_over_rejects(tmp_path: Path) -> None:
    raw = keeping_no_promise()
    found = plan(save(tmp_path, raw), tmp_path / "out")
    assert found.exit_code == 5
    assert "Promises broken: T2" in found.stdout
    raw["tickets"].append(raw_ticket("T3", priority=9))
    options = ("--on-bad-row", "reject", "--max-rejects", 1, "--json")
    found = plan(save(tmp_path, raw), tmp_path / "out", *options)
    assert found.exit_code == 5
    assert json.loads(found.stdout)["broken_promises"] == ["T2"]


def test_an_output_that_cannot_be_written_exits_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise AdapterError("out: cannot be written (No space left on device).")

    monkeypatch.setattr("dispatchopt.report.outputs.publish_folder", full)
    found = plan(save(tmp_path, small()), tmp_path / "out")
    assert found.exit_code == 4
    assert "No space left" in found.stderr


def test_an_interrupt_before_the_first_plan_exits_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(cli, "compile_kernels", interrupt)
    before = signal.getsignal(signal.SIGTERM)
    found = plan(save(tmp_path, small()), tmp_path / "out")
    assert found.exit_code == 4
    assert "Nothing was written" in found.stderr
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_lost_before_the_search_ends_the_run_when_it_begins() -> None:
    with Stop() as stop:
        # Who loads kernels swallows what a handler raises.
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop.defer()


def test_a_signal_while_modules_are_loaded_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_arguments: object) -> None:
        with suppress(KeyboardInterrupt):  # as compiled modules do
            signal.raise_signal(signal.SIGTERM)
        raise ImportError("numpy._core failed to import")

    monkeypatch.setattr(cli, "compile_kernels", load)
    found = plan(save(tmp_path, small()), tmp_path / "out")
    assert found.exit_code == 4
    assert "Interrupted" in found.stderr and "fault of ours" not in found.stderr


def test_a_first_signal_waits_for_the_search_and_a_second_one_does_not() -> None:
    with Stop() as stop:
        stop.defer()
        stop.obey()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            stop.obey()
        assert stop.was_obeyed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        stop.obey()


def test_our_own_faults_exit_4_without_traceback_or_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("engineer Zhang San")

    monkeypatch.setattr(importlib.import_module("dispatchopt.solve"), "solve", fail)
    source = save(tmp_path, small())
    found = plan(source, tmp_path / "out")
    assert found.exit_code == 4
    assert "please report" in found.stderr
    assert "Traceback" not in found.stderr
    assert "Zhang San" not in found.output
    assert "Traceback" in plan(source, tmp_path / "out", "--debug").stderr


def test_bad_paths_and_options_exit_2(tmp_path: Path) -> None:
    source = save(tmp_path, small())
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "day").mkdir()
    outs = [tmp_path, source, tmp_path / "notes.txt" / "out"]
    for out in outs:
        found = plan(source, out)
        assert found.exit_code == 2, out
        assert "Traceback" not in found.output
    assert plan(tmp_path / "day", tmp_path / "day" / "out").exit_code == 2
    for bad in ("missing", "missing.json", "notes.txt"):
        assert plan(tmp_path / bad, tmp_path / "out").exit_code == 2
    both = ("--iterations", 5, "--time-limit", 5)
    assert run("plan", source, "--out", tmp_path / "out", *both).exit_code == 2
    for limit in ("nan", "-1", "inf", "x"):
        options = ("--time-limit", limit)
        assert run("plan", source, "--out", tmp_path / "out", *options).exit_code == 2
    for count in (-1, 2**62):
        options = ("--iterations", count)
        assert run("plan", source, "--out", tmp_path / "out", *options).exit_code == 2
    for options in (("--threads", 0), ("--seed", -1), ("--language", "fr"), ("--seed", 2**31)):
        assert plan(source, tmp_path / "out", *options).exit_code == 2
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_policy_file_replaces_the_problems(tmp_path: Path) -> None:
    source = save(tmp_path, small())
    toml = tmp_path / "policy.toml"
    toml.write_text('preset = "city_day"\n[unserved_cost]\n1 = 5\n', "utf-8")
    table = tmp_path / "table.toml"
    table.write_text('[policy]\npreset = "city_day"\n', "utf-8")
    data = save(tmp_path, {"preset": "city_day", "travel_per_hour": 7200}, "policy.json")
    costs = []
    for file in (toml, table, data):
        found = plan(source, tmp_path / "out", "--json", "--policy", file)
        costs.append(json.loads(found.stdout)["cost"]["by_rule"])
        assert run("check", source, tmp_path / "out", "--policy", file).exit_code == 0
    assert set(costs[0]) == {"travel"}  # city_day prices travel and the unserved alone
    assert costs[0] == costs[1]
    # Each leg is rounded up once: twice the rate is twice whole seconds, exactly.
    assert costs[2]["travel"] == 2 * costs[0]["travel"]
    # Under another policy the cost that the plan states is wrong.
    assert run("check", source, tmp_path / "out").exit_code == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"preset": "none"}'),
        ("p.json", '{"travel_per_hour": -1}'),
        ("p.json", '{"preset": "strict", "preset": "strict"}'),
        ("p.json", "[]"),
        ("p.json", "{"),
        ("p.toml", "= 5"),
        ("p.toml", 'timezone = "UTC"\n[policy]\n'),
        ("p.yaml", "preset: strict"),
    ],
)
def test_a_faulty_policy_file_exits_2(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    source = save(tmp_path, small())
    assert plan(source, tmp_path / "out", "--policy", tmp_path / name).exit_code == 2


def test_limits_compute_what_is_due(tmp_path: Path) -> None:
    # Reported at 03:00, due by 07:00, before any shift begins: late for sure.
    leased = raw_ticket(
        "T1", fault_type="ENT_LEASED_DEGRADED", skills={}, reported_at=at("03:00"), priority=1
    )
    source = save(tmp_path, raw_problem(tickets=[leased, raw_ticket("T2")]))
    limits = ("--limits", "leased_line_4h")
    found = plan(source, tmp_path / "out", "--json", *limits)
    told = json.loads(found.stdout)
    assert found.exit_code == 0
    assert told["cost"]["by_rule"]["lateness"] > 0
    assert [issue["field"] for issue in told["warnings"]] == ["limits.preset"]
    assert run("check", source, tmp_path / "out", *limits).exit_code == 0
    without = json.loads(plan(source, tmp_path / "out", "--json").stdout)
    assert "lateness" not in without["cost"]["by_rule"]
    file = tmp_path / "limits.toml"
    file.write_text('[limits]\npreset = "leased_line_4h"\nholidays = [2026-10-01]\n', "utf-8")
    same = json.loads(plan(source, tmp_path / "out", "--json", "--limits", file).stdout)
    assert same["cost"]["by_rule"]["lateness"] > 0
    file.write_text('preset = "leased_line_4h"\nholidays = ["soon"]\n', "utf-8")
    refused = plan(source, tmp_path / "out", "--limits", file)
    assert refused.exit_code == 2
    assert "limits.toml" in refused.output
    refused = plan(source, tmp_path / "out", "--limits", tmp_path / "none.toml")
    assert (refused.exit_code, "none.toml" in refused.output) == (2, True)
    refused = plan(source, tmp_path / "out", "--limits", "leased")
    assert refused.exit_code == 2
    assert "no such preset" in refused.output


def test_check_names_violations_and_exits_1(tmp_path: Path) -> None:
    needs = raw_ticket("T1", skills={"NO_SUCH_SKILL": 1})
    source = save(tmp_path, raw_problem(tickets=[needs, raw_ticket("T2")]))
    route = {"shift_id": "S-E1", "visits": [{"ticket_id": "T1"}, {"ticket_id": "T2"}]}
    orders = save(tmp_path, {"routes": [route]}, "plan.json")
    found = run("check", source, orders)
    assert found.exit_code == 1
    assert "skills: T1, S-E1" in found.stdout
    assert "1 violation\n" in found.stdout
    assert "travel" in found.stdout
    data = json.loads(run("check", source, orders, "--json").stdout)
    assert (data["status"], data["exit_code"]) == ("violations", 1)
    assert [(v["rule"], v["ticket_id"]) for v in data["violations"]] == [("skills", "T1")]
    assert set(data["cost"]["by_rule"]) <= {rule.name for rule in RULES}


def test_check_lists_ten_ids_and_counts_the_rest(tmp_path: Path) -> None:
    tickets = [raw_ticket(f"T{i}") for i in range(12)]
    source = save(tmp_path, raw_problem(tickets=tickets))
    empty = save(tmp_path, {"routes": []}, "plan.json")
    found = run("check", source, empty)
    line = next(text for text in found.stdout.splitlines() if "priced as left out" in text)
    assert line.endswith("T8, T9 and 2 more, 12 in all (--json lists them)")
    listed = json.loads(run("check", source, empty, "--json").stdout)["missing"]
    assert listed == [f"T{i}" for i in range(12)]


def test_check_takes_orders_only_and_prices_what_is_missing(tmp_path: Path) -> None:
    source = save(tmp_path, small())
    route = {"shift_id": "S-E1", "visits": [{"ticket_id": "T1"}]}
    found = run("check", source, save(tmp_path, {"routes": [route]}, "plan.json"))
    assert found.exit_code == 0
    assert "priced as left out: T0, T2, T3" in found.stdout
    assert run("check", source, save(tmp_path, {"roots": []}, "plan.json")).exit_code == 2
    assert run("check", source, tmp_path / "missing.json").exit_code == 2


def test_generate_writes_each_form(tmp_path: Path) -> None:
    options = ("generate", "--tickets", 6, "--seed", 4, "--out")
    for name in ("p.json", "p.json.gz"):
        assert run(*options, tmp_path / name).exit_code == 0
    packed = gzip.decompress((tmp_path / "p.json.gz").read_bytes())
    assert packed == (tmp_path / "p.json").read_bytes()
    folder = tmp_path / "zh"
    found = run(*options, folder, "--headers", "zh", "--encoding", "gb18030")
    assert found.exit_code == 0
    assert "6 tickets" in found.stdout
    assert (folder / "tickets.csv").read_bytes().decode("gb18030").startswith("工单号")
    assert plan(folder, tmp_path / "out").exit_code in (0, 5)
    plain = run(*options, tmp_path / "plain", "--plain", "--engineers", 2, "--start", "2027-03-01")
    assert plain.exit_code == 0
    assert "2 engineers" in plain.stdout
    assert "2027-03-01" in (tmp_path / "plain" / "shifts.csv").read_text("utf-8-sig")
    for name in ("new/day/p.json", "newer/day"):
        assert run(*options, tmp_path / name).exit_code == 0
        assert (tmp_path / name).exists()


def test_generate_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for options in (
        ("--out", tmp_path / "p.json", "--headers", "zh"),
        ("--out", tmp_path / "p.json", "--encoding", "utf-8"),
        ("--out", tmp_path / "p", "--plain", "--preset", "strict"),
        ("--out", tmp_path / "p", "--plain", "--appointment-percent", 0),
        ("--out", tmp_path / "p", "--timezone", "Mars/Base"),
        ("--out", tmp_path / "p", "--tickets", 0),
        ("--out", tmp_path / "mine"),
        ("--out", tmp_path / "mine" / "notes.txt" / "p.json"),
    ):
        found = run("generate", *options)
        assert found.exit_code == 2, options
        assert "Traceback" not in found.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_names_of_people_are_never_printed(tmp_path: Path) -> None:
    name = "Zhang-San"
    engineers = [raw_engineer(name=name), raw_engineer("E2", name=[name])]
    tickets = [raw_ticket(attributes={"contact": name}), raw_ticket("T2", contact=name)]
    source = save(tmp_path, raw_problem(tickets=tickets, engineers=engineers))
    options = ("--on-bad-row", "reject", "--max-rejects", 2, "--verbose")
    for found in (plan(source, tmp_path / "out"), plan(source, tmp_path / "out", *options)):
        assert found.exit_code in (2, 3), found.output
        assert name not in found.output
    assert "INFO dispatchopt.run: solve begins" in found.stderr
    assert name in (tmp_path / "out" / "run_sheets" / "E1.en.md").read_text("utf-8")


def test_what_would_steer_a_terminal_is_written_out(tmp_path: Path) -> None:
    raw = keeping_no_promise()
    raw["tickets"][1]["id"] = "T2\u202e[bold]x[/bold]"
    found = plan(save(tmp_path, raw), tmp_path / "out")
    assert "T2\\x202e[bold]x[/bold]" in found.stdout


def test_an_input_without_tickets_exits_2(tmp_path: Path) -> None:
    source = save(tmp_path, raw_problem(tickets=[]))
    found = plan(source, tmp_path / "out")
    assert found.exit_code == 2
    assert "no tickets, so there is nothing to plan" in found.stderr
    assert not (tmp_path / "out").exists()
    # Tickets that are all rejected are another matter: --max-rejects rules it.
    faulty = save(tmp_path, raw_problem(tickets=[raw_ticket(priority=9)]))
    options = ("--on-bad-row", "reject", "--max-rejects")
    assert plan(faulty, tmp_path / "out", *options, "100%").exit_code == 3
    found = plan(faulty, tmp_path / "out", *options, "0")
    assert found.exit_code == 2
    assert "The input has 1 faulty row, --max-rejects 0 allows 0 with 1 ticket." in found.stderr


def test_a_roster_without_shifts_leaves_all_out(tmp_path: Path) -> None:
    idle = raw_engineer(shifts=[])
    found = plan(save(tmp_path, raw_problem(engineers=[idle])), tmp_path / "out")
    assert found.exit_code == 0
    assert "left out   0   0   1   0    1" in found.stdout


def test_warmup_says_where_the_kernels_are() -> None:
    found = run("warmup")
    assert found.exit_code == 0
    assert "Kernels " in found.stdout
    assert " s; kept" in found.stdout


# --- As a process ---


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dispatchopt.cli", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_search_and_keeps_the_plan(tmp_path: Path, signum: int) -> None:
    source, out = tmp_path / "p.json", tmp_path / "out"
    assert run("generate", "--tickets", 30, "--seed", 1, "--out", source).exit_code == 0
    with start("plan", source, "--out", out, "--time-limit", 100_000) as process:
        assert process.stderr is not None
        assert any("Planning" in line for line in process.stderr)
        process.send_signal(signum)
        output, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 5), errors
    assert "Interrupted: this is the best plan so far" in output
    assert run("check", source, out).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_closed_pipe_does_not_end_the_run(tmp_path: Path) -> None:
    source = save(tmp_path, small())
    options = ("--iterations", 5, "--threads", 1)
    with start("plan", source, "--out", tmp_path / "out", *options) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait(timeout=120) == 0
    assert "Error" not in errors
    assert (tmp_path / "out" / "plan.json").exists()


def test_a_plan_is_proven_on_request(tmp_path: Path) -> None:
    day = tmp_path / "day.json"
    run("generate", "--tickets", 30, "--engineers", 4, "--seed", 6, "--plain", "--out", day)
    found = run(
        "plan", str(day), "--out", str(tmp_path / "out"),
        "--iterations", "3000", "--threads", "1", "--prove", "--gap", "0.08", "--json",
    )  # fmt: skip
    told = json.loads(found.stdout)
    assert told["bound"] <= told["cost"]["total"]
    staffing = (tmp_path / "out" / "staffing.csv").read_text(encoding="utf-8-sig")
    assert staffing.startswith("kind,id,worth,mean,count,hours_worth\nshift_hour,")
