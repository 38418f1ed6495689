"""The commands `vroom` and `convert …`: files of others in and out."""

from __future__ import annotations

import gzip
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatchopt.adapters.any_input import read_roster
from dispatchopt.adapters.json_files import read_problem, write_plan, write_problem
from dispatchopt.adapters.tmf.side_files import read_codes, read_sites
from dispatchopt.adapters.workbook import write_workbook
from dispatchopt.cli import app
from dispatchopt.errors import AdapterError, InvalidProblemError
from tests import tmf_day, vroom_documents
from tests.tmf_schemas import GOLDEN, faults

VROOM = Path(__file__).parents[1] / "golden" / "vroom"

SITES = "id,kind,lon,lat\nSITE-1,estate,121.45,31.21\nSITE-2,estate,121.49,31.25\n"
MAPPING = """
timezone = "Asia/Shanghai"

[codes.fault_type]
FTTH_LOS = "FTTH_LOS_DROP"

[codes.status]
"assigned to region" = "open"

[codes.priority]
gold = 1
"""


def run(*args: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_problem(tmf_day.roster(), tmp_path / "roster.json")
    (tmp_path / "sites.csv").write_text(SITES, "utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, "utf-8")
    return tmp_path


def converted(folder: Path, *args: Any, code: int = 0) -> str:
    options = ("--places", folder / "sites.csv", "--mapping", folder / "mapping.toml")
    where = (GOLDEN / "tickets-v4.json", folder / "roster.json", "--out", folder / "problem.json")
    return run("convert", "tmf621", *where, *options, *args, code=code)


# --- TM Forum ---


def test_trouble_tickets_and_a_roster_become_a_problem(folder: Path) -> None:
    assert "4 tickets in" in converted(folder)
    problem = read_problem(folder / "problem.json").problem
    assert problem == tmf_day.read().problem
    answer = json.loads(converted(folder, "--json"))
    assert (answer["tickets"], answer["warnings"]) == (4, [])  # the mapping knows that state


def test_a_roster_needs_no_tickets(folder: Path) -> None:
    roster = folder / "roster"
    roster.mkdir()
    (roster / "mapping.toml").write_text(
        'timezone = "Asia/Shanghai"\n[shift_hours]\n"白班" = "08:30-17:30"\n', "utf-8"
    )
    (roster / "engineers.csv").write_text("id,skills,lon,lat\nE1,IPTV,121.4,31.1\n", "utf-8")
    (roster / "排班.csv").write_text("日期,工号,班次\n2026-11-23,E1,白班\n", "utf-8")
    (folder / "roster.json").unlink()
    roster.rename(folder / "roster.json")  # a folder all the same
    assert "4 tickets in" in converted(folder)
    # Tickets that are there do not count, and neither do their faults.
    (folder / "roster.json" / "tickets.csv").write_text("id,lon\n1,x\n", "utf-8")
    assert "4 tickets in" in converted(folder)
    (folder / "roster.json" / "engineers.csv").unlink()
    assert "engineers.csv: problem: no such file" in converted(folder, code=2)
    # So with a workbook.
    write_workbook(tmf_day.roster(), folder / "roster.xlsx")
    assert len(read_roster(folder / "roster.xlsx").problem.engineers) > 0


def test_what_has_no_place_is_refused_or_left_out(folder: Path) -> None:
    (folder / "sites.csv").write_text(SITES.splitlines()[0] + "\n", "utf-8")
    text = converted(folder, code=2)
    assert "no location: locate() knows none of SVC-88, SITE-1" in text
    assert not (folder / "problem.json").exists()
    assert "left out" in converted(folder, "--on-bad-row", "reject", code=3)
    assert [t.id for t in read_problem(folder / "problem.json").problem.tickets] == ["TT-0105"]


def test_coordinates_of_other_systems_are_converted(folder: Path) -> None:
    converted(folder, "--coordinates", "gcj02")
    place = read_problem(folder / "problem.json").problem.tickets[0].place
    # GCJ-02 moves points in Shanghai by about 500 m.
    assert place != tmf_day.SITES["SITE-1"]
    assert abs(place.lon - 121.45) < 0.01 and abs(place.lat - 31.21) < 0.01  # type: ignore[union-attr]


def test_a_plan_becomes_requests_for_the_ticketing_system(folder: Path) -> None:
    converted(folder)
    problem = read_problem(folder / "problem.json").problem
    plan = tmf_day.plan_of(problem, "TT-0101", "TT-0102", unserved="TT-0105")
    write_plan(plan, folder / "plan.json")
    where = (GOLDEN / "tickets-v4.json", folder / "problem.json", folder / "plan.json")
    run("convert", "tmf", *where, "--out", folder / "requests.json")
    requests = json.loads((folder / "requests.json").read_text("utf-8"))
    schemas = {
        "PATCH": ("tmf621-v4", "TroubleTicket_Update"),
        "POST": ("tmf697-v4", "WorkOrder_Create"),
    }
    assert [request["method"] for request in requests] == ["PATCH"] * 3 + ["POST"] * 2
    for request in requests:
        assert faults(request["body"], *schemas[request["method"]]) == []
    run("convert", "tmf", *where, "--out", folder / "requests.txt", code=2)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("id,lon\nA,1\n", "needs the columns id, lon, lat"),
        ("id,lon,lat\nA,31.2,121.5\n", "are they swapped"),
        ("id,lon,lat\nA,1,2\nA,1,3\n", "stands twice"),
        ("id,lon,lat\n,1,2\n", "the id is blank"),
        ("id,lon,lat\nA,x,2\n", "must be a number"),
        ("id,lon,lat\n1.2E+15,1,2\n", "turned this id into a number"),
    ],
)
def test_tables_of_sites_say_what_is_wrong(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "sites.csv").write_text(text, "utf-8")
    with pytest.raises(InvalidProblemError) as caught:
        read_sites(tmp_path / "sites.csv")
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[codes.priority]\ngold = 5\n", "1 (most urgent) to 4"),
        ("[codes]\nfault_type = 5\n", "must be a table of codes"),
        ("[codes.status]\nx = 'lost'\n", "must be open, parked"),
        ("codes = 5\n", "must be a table of codes"),
        ("[fault_types]\nLOS = 'ONT'\n", "mapping.toml:1: problem, fault_types: unknown setting"),
    ],
)
def test_mappings_say_what_is_wrong(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "mapping.toml").write_text(text, "utf-8")
    with pytest.raises(InvalidProblemError) as caught:
        read_codes(tmp_path / "mapping.toml")
    assert part in str(caught.value)
    for broken in ("[", "x = " + "9" * 5000, "x = " + "[" * 5000):
        (tmp_path / "mapping.toml").write_text(broken, "utf-8")
        with pytest.raises(AdapterError, match="no valid TOML"):
            read_codes(tmp_path / "mapping.toml")


def test_a_mapping_of_exports_serves_trouble_tickets_too(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(f"{MAPPING}\n[columns.tickets]\n'工单' = 'id'\n", "utf-8")
    maps = read_codes(path)
    assert maps.fault_types == {"FTTH_LOS": "FTTH_LOS_DROP"}
    assert (maps.priorities, maps.timezone) == ({"gold": 1}, "Asia/Shanghai")
    path.write_text("[codes.status]\n'处理中' = 'started'\n", "utf-8")
    assert read_codes(path).statuses == {"处理中": "open"}


# --- VROOM ---


def test_a_vroom_file_is_planned_into_a_solution(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    text = run("vroom", VROOM / "day.json", out, "--iterations", 500, "--threads", 1)
    raw = json.loads((VROOM / "day.json").read_text("utf-8"))
    solution = json.loads(out.read_text("utf-8"))
    assert vroom_documents.faults(raw, solution) == []
    assert f"Cost {solution['summary']['cost']}, " in text
    assert "Not as in VROOM: engineer '1', breaks" in text
    (skilled,) = (task for task in solution["unassigned"] if task["id"] == 114)
    assert skilled["reason"] == "NO_ENGINEER_WITH_SKILL"


def test_the_solution_can_be_printed(tmp_path: Path) -> None:
    text = run("vroom", VROOM / "day.json", "-", "--iterations", 10, "--threads", 1)
    assert json.loads(text)["code"] == 0
    told = run("vroom", VROOM / "day.json", tmp_path / "o.json", "--json", "--iterations", 10)
    assert json.loads(told)["summary"]["routes"] == 2


def test_shipments_are_refused_or_left_out(tmp_path: Path) -> None:
    raw = json.loads((VROOM / "day.json").read_text("utf-8"))
    task = {"id": 90, "location_index": 1}
    raw["shipments"] = [{"pickup": task, "delivery": task}]
    (tmp_path / "in.json").write_text(json.dumps(raw))
    where = (tmp_path / "in.json", tmp_path / "out.json")
    assert "--leave-out" in run("vroom", *where, code=2)
    assert not (tmp_path / "out.json").exists()
    run("vroom", *where, "--leave-out", "--iterations", 10, code=3)
    left = json.loads((tmp_path / "out.json").read_text("utf-8"))["unassigned"]
    assert {"pickup", "delivery"} <= {task["type"] for task in left}


def test_the_input_is_never_overwritten_and_limits_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_bytes((VROOM / "day.json").read_bytes())
    assert "is the input" in run("vroom", path, path, code=2)
    limits = ("--iterations", 5, "--time-limit", 1)
    assert "exclude each other" in run("vroom", path, tmp_path / "o.json", *limits, code=2)
    assert "no such file" in run("vroom", tmp_path / "x.json", tmp_path / "o.json", code=2)


def test_problems_and_vroom_files_are_converted_both_ways(tmp_path: Path) -> None:
    run("convert", "from-vroom", VROOM / "day.json", "--out", tmp_path / "problem.json")
    problem = read_problem(tmp_path / "problem.json").problem
    assert len(problem.tickets) == len(json.loads((VROOM / "day.json").read_text("utf-8"))["jobs"])
    run("convert", "to-vroom", tmp_path / "problem.json", "--out", tmp_path / "v.json.gz")
    back = json.loads(gzip.decompress((tmp_path / "v.json.gz").read_bytes()))
    assert [job["id"] for job in back["jobs"]] == [int(ticket.id) for ticket in problem.tickets]
    told = run(
        "convert", "to-vroom", tmp_path / "problem.json", "--out", tmp_path / "v.json", "--json"
    )
    assert json.loads(told)["jobs"] == len(problem.tickets)


# --- The page ---

ROOT = Path(__file__).parents[2]


def test_the_commands_of_the_page_work_as_they_stand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "standards.md").read_text("utf-8")
    commands = [line for line in page.splitlines() if line.startswith("$ dispatchopt ")]
    assert len(commands) == 4
    for name in ("examples", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    for command in commands:
        quick = command.replace("--time-limit 2", "--iterations 50")
        run(*shlex.split(quick)[2:])
    requests = json.loads(Path("out/requests.json").read_text("utf-8"))
    assert {request["method"] for request in requests} == {"PATCH", "POST"}
    assert json.loads(Path("out/solution.json").read_text("utf-8"))["code"] == 0
