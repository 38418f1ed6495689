"""Good files of every kind that the package reads, and how each is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks import mutations

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from dispatchopt.models import Plan, Problem

NIGHT: Final = """\
[input]
folder = "in"
on_bad_row = "reject"
limits = "cn_telecom_same_day"
[plan]
time_limit = 60
seed = 1
threads = 2
gap = 0.01
[output]
folder = "out"
language = "zh"
excel = false
released_at = "07:30"
contact_minutes = 30
log = "night.log"
[publish]
to = "http"
url = "https://tickets.example/api/{ticket_id}"
method = "PATCH"
header_env = {Authorization = "PATH"}
attempts = 5
backoff = 1.5
time_limit = 600
[rules]
max_age = "20h"
stale = "stop"
halved_percent = 50
max_rejects = "2%"
min_grade = "C"
grade = "warn"
"""

PLACES: Final = """\
id,kind,lon,lat,name
G01,grid,121.40,31.20,一号网格
G02,片区,121.41,31.21,
小区1,estate,121.42,31.22,
CABLE-1,网元,121.43,31.23,
"""


PRICES: Final = """
travel_per_hour = 3600
unserved_cost = {1 = 400000, 2 = 200000, 3 = 100000, 4 = 50000}
territory_open_to = [1, 2]
reserve_percent = {BROADBAND = 10}
priorities = "priced"
"""
"""More of the table of the policy, with which a policy file ends."""

TROUBLE_TICKETS: Final[list[dict[str, Any]]] = [  # Any: JSON
    {
        "id": "TT-1",
        "ticketType": "FTTH_LOS_DROP",
        "severity": "2-Major",
        "priority": "High",
        "status": "inProgress",
        "creationDate": "2026-11-22T18:05:00+08:00",
        "requestedResolutionDate": "2026-11-24T12:00:00+08:00",
        "relatedParty": [{"id": "C-1", "role": "customer", "@referredType": "Individual"}],
        "statusChange": [{"status": "pending", "changeDate": "2026-11-22T19:00:00+08:00"}],
        "place": {"lat": 31.2, "lon": 121.4},
        "durationMinutes": 45,
        "skills": "FIBER_SPLICE:2",
    },
    {
        "@type": "TroubleTicket",
        "id": "TT-2",
        "ticketType": "FTTH_LOS_DROP",
        "severity": "Minor",
        "priority": "Low",
        "status": "acknowledged",
        "creationDate": "2026-11-22T18:05:00+08:00",
        "relatedEntity": [
            {
                "@type": "RelatedEntity",
                "role": "interventionAddress",
                "entity": {"@type": "EntityRef", "id": "SITE-1", "@referredType": "Site"},
            }
        ],
        "troubleTicketCharacteristic": [
            {"name": "latitude", "value": 31.21},
            {"name": "longitude", "value": "121.41"},
            {"name": "appointmentStart", "value": "2026-11-23T14:00:00+08:00"},
            {"name": "appointmentEnd", "value": "2026-11-23T16:00:00+08:00"},
        ],
        "note": [{"author": "desk", "date": "2026-11-22T18:06:00Z", "text": "ring twice"}],
    },
]


KINDS: Final = (
    "mapping.toml",
    "doctor's export",
    "places.csv",
    "problem.xlsx",
    "tickets.csv",
    "policy.toml",
    "problem.json",
    "trouble tickets",
    "vroom.json",
    "plan.json",
    "night.toml",
)
"""What is changed, what takes longest first."""


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes
    ----------
    good
        Content of a good one, and of the files beside it, by name; the first is changed.
    structure
        Changes it otherwise than by bytes.
    read
        Reads the file, which lies in a folder with the others.
    """

    good: dict[str, bytes]
    structure: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path, random.Random], object]

    @property
    def name(self) -> str:
        """Name of the file that is changed."""
        return next(iter(self.good))


def kinds() -> dict[str, Kind]:
    """Return every kind of file that the package reads."""
    from dispatchopt.adapters.csv_write import folder_files
    from dispatchopt.adapters.json_files import plan_bytes, to_json
    from dispatchopt.adapters.strict_json import dump_json
    from dispatchopt.adapters.vroom import problem_to_vroom
    from dispatchopt.adapters.workbook import workbook_bytes
    from dispatchopt.generator import generate, generate_plain
    from dispatchopt.generator.export import export_files

    problem = generate(tickets=8, engineers=3, seed=3)
    folder = folder_files(problem, headers="zh", encoding="utf-8")
    export = export_files(problem, "gb18030")
    tmf_roster = problem.model_copy(update={"tickets": ()})
    vroom = problem_to_vroom(generate_plain(tickets=5, engineers=2, seed=3)).document
    plan = _plan_of(problem)
    folder["policy.toml"] += PRICES.encode()
    return {
        "tickets.csv": Kind(_first("tickets.csv", folder), mutations.of_csv, _folder),
        "problem.xlsx": Kind(
            {"problem.xlsx": workbook_bytes(problem)}, mutations.of_xlsx, _workbook
        ),
        "mapping.toml": Kind(_first("mapping.toml", export), mutations.of_toml, _folder),
        "policy.toml": Kind(_first("policy.toml", folder), mutations.of_toml, _policy),
        "places.csv": Kind(
            _first("places.csv", _placeless(folder) | {"places.csv": PLACES.encode()}),
            mutations.of_csv,
            _folder,
        ),
        "problem.json": Kind(
            {"problem.json": dump_json(to_json(problem), indent=1)}, mutations.of_json, _problem
        ),
        "trouble tickets": Kind(
            {"tickets.json": json.dumps(TROUBLE_TICKETS).encode()},
            mutations.of_json,
            lambda path, rng: _trouble_tickets(path, rng, tmf_roster),
        ),
        "vroom.json": Kind({"vroom.json": json.dumps(vroom).encode()}, mutations.of_json, _vroom),
        "plan.json": Kind({"plan.json": plan_bytes(plan)}, mutations.of_json, _plan),
        "night.toml": Kind({"night.toml": NIGHT.encode()}, mutations.of_toml, _night),
        "doctor's export": Kind(_foreign(export), mutations.of_csv, _doctor),
    }


def _first(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a folder, a certain one first."""
    rest = {other: data for other, data in files.items() if "/" not in other}
    return {name: rest.pop(name), **rest}


def _placeless(folder: dict[str, bytes]) -> dict[str, bytes]:
    """Return a folder whose tickets have no coordinates but an estate each."""
    header, *rows = folder["tickets.csv"].decode("utf-8-sig").splitlines()
    lines = [row.split(",") for row in rows]
    names = header.split(",")
    lon, lat = names.index("经度"), names.index("纬度")
    for number, cells in enumerate(lines):
        if len(cells) == len(names):
            cells[lon] = cells[lat] = ""
            cells.append(("小区1", "G-01", "G-02")[number % 3])
    text = "\n".join([f"{header},attributes.estate", *map(",".join, lines)])
    return folder | {"tickets.csv": text.encode()}


def _foreign(export: dict[str, bytes]) -> dict[str, bytes]:
    """Return an export without its mapping, the table of tickets first."""
    tables = {name: data for name, data in export.items() if name.endswith(".csv")}
    return _first(next(name for name in tables if "工单" in name), tables)


def _plan_of(problem: Problem) -> Plan:
    """Return a plan with everything that a plan may hold."""
    from dispatchopt.models import Plan

    ids = [ticket.id for ticket in problem.tickets]
    shift = problem.engineers[0].shifts[0]
    at = {"departure": shift.start, "arrival": shift.start, "start": shift.start, "end": shift.end}
    span = {"start": shift.start, "end": shift.end}
    promised = {"open": shift.start, "close": shift.end}
    visits = [{"ticket_id": i, **at, "travel_seconds": 60, "promised": promised} for i in ids[:2]]
    return Plan.model_validate(
        {
            "plan_id": "2026-11-23-abc",
            "base_version": "2026-11-22-abc",
            "routes": [{"shift_id": shift.id, **span, "visits": visits, "breaks": [span]}],
            "unserved": [{"ticket_id": ids[2], "reason": "NO_TIME", "detail": {"by_rule": {}}}],
            "rejected": [{"ticket_id": ids[3], "issues": ["priority: wrong"]}],
            "not_plannable": [{"ticket_id": ids[4], "status": "parked"}],
            "cost": {"total": 10, "by_rule": {"travel": 10}},
            "bound": 9,
            "gap": 0.1,
            "provenance": {
                "seed": 1, "iterations": 2, "runtime": 0.5, "input_hash": "a", "version": "0.1",
            },
        }
    )  # fmt: skip


def _on_bad_row(rng: random.Random) -> Any:  # Any: a literal
    return rng.choice(("error", "reject"))


def _folder(path: Path, rng: random.Random) -> object:
    from dispatchopt.adapters.csv_folder import read_folder

    return read_folder(path.parent, on_bad_row=_on_bad_row(rng))


def _workbook(path: Path, rng: random.Random) -> object:
    from dispatchopt.adapters.workbook import read_workbook

    return read_workbook(path, on_bad_row=_on_bad_row(rng))


def _policy(path: Path, rng: random.Random) -> object:
    from dispatchopt.adapters.policy_files import read_policy

    if rng.random() < 0.3:
        # A file of its own holds what stands below [policy] here.
        _, _, own = path.read_bytes().partition(b"[policy]")
        path.write_bytes(own)
        return read_policy(path)
    return _folder(path, rng)


def _problem(path: Path, rng: random.Random) -> object:
    from dispatchopt.adapters.json_files import read_problem

    return read_problem(path, on_bad_row=_on_bad_row(rng))


def _trouble_tickets(path: Path, rng: random.Random, roster: Problem) -> object:
    from dispatchopt.adapters.tmf import problem_from_tmf621
    from dispatchopt.adapters.tmf.side_files import read_documents

    return problem_from_tmf621(read_documents(path), roster, on_bad_row=_on_bad_row(rng))


def _vroom(path: Path, rng: random.Random) -> object:
    from dispatchopt.adapters.vroom import read_vroom

    return read_vroom(path, on_lost="leave_out" if rng.random() < 0.5 else "error")


def _plan(path: Path, _: random.Random) -> object:
    from dispatchopt.adapters.json_files import read_plan

    return read_plan(path)


def _night(path: Path, _: random.Random) -> object:
    from dispatchopt.night import read_config

    return read_config(path)


def _doctor(path: Path, _: random.Random) -> object:
    from dispatchopt.adapters.doctor import examine

    return examine(path.parent).to_json()
