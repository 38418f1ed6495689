"""Tiny nights for tests: an input, its settings, and a receiver that counts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.unit.raw_data import Raw, raw_ticket

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
BEFORE = MONDAY - timedelta(hours=20)
"""Some hours before the Monday begins in Shanghai."""


def stamp(day: int, clock: str) -> str:
    return f"{MONDAY.date() + timedelta(days=day)}T{clock}:00+08:00"


def tickets(*ids: str, **changed: Any) -> list[Raw]:
    return [
        raw_ticket(i, place={"lat": 31.2, "lon": 121.4 + n / 100}, **changed)
        for n, i in enumerate(ids)
    ]


def problem(given: list[Raw], *, day: int = 0, visits: int = 3, **changed: Any) -> Raw:
    """One engineer with room for so many visits on a day, counted from Monday."""
    shift = {
        "id": f"S-{day}", "start": stamp(day, "08:00"), "end": stamp(day, "17:00"),
        "max_visits": visits,
    }  # fmt: skip
    engineer = {
        "id": "E1", "skills": {"FIBER_SPLICE": 2, "BROADBAND": 1},
        "place": {"lat": 31.2, "lon": 121.4}, "shifts": [shift],
    }  # fmt: skip
    return {
        "horizon": {"start": stamp(day, "00:00"), "end": stamp(day, "23:59")},
        "timezone": "Asia/Shanghai",
        "tickets": given,
        "engineers": [engineer],
        "travel": {"kind": "straight_line"},
        **changed,
    }


def write_input(base: Path, raw: Raw) -> None:
    (base / "problem.json").write_text(json.dumps(raw, ensure_ascii=False), "utf-8")


def write_settings(base: Path, more: str = "", *, rules: str = "", publish: str = "") -> Path:
    path = base / "night.toml"
    publish = publish or 'to = "folder"\nfolder = "to_backend"\nbackoff = 0'
    path.write_text(
        '[input]\nfile = "problem.json"\n[plan]\niterations = 5\nthreads = 1\n'
        f'[output]\nfolder = "out"\nexcel = false\nlanguage = "en"\n{more}\n'
        f"[publish]\n{publish}\n[rules]\n{rules}\n",
        "utf-8",
    )
    return path


class Receiver:
    """Takes files away as they come, and counts how often each message came."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.documents: list[dict[str, Any]] = []

    def collect(self) -> None:
        for path in sorted(self.folder.glob("*.json")):
            self.counts[path.name] += 1
            self.documents.append(json.loads(path.read_text("utf-8")))
            path.unlink()

    def told(self) -> list[tuple[str, str]]:
        return sorted((document["ticket_id"], document["action"]) for document in self.documents)


NIGHT_FILES = frozenset(
    {"plan.json", "visits.csv", "unserved.csv", "kpis.json", "run_sheets", "texts", "night.json",
     "summary.txt", "doctor.json"}
)  # fmt: skip


def half_outputs(out: Path) -> list[str]:
    """Names of nights whose folders lack anything that belongs to one."""
    return [
        path.name
        for path in out.glob("????-??-??")
        if not {entry.name for entry in path.iterdir()} >= NIGHT_FILES
    ]
