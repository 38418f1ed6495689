"""Old nights are forgotten, and never what is still needed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dispatchopt.night import Hooks, NightResult, Nights, pruning, read_config, run_night
from tests.unit.night_days import BEFORE, problem, tickets, write_input, write_settings

if TYPE_CHECKING:
    from pathlib import Path


def run(base: Path, day: int, more: str = "keep_nights = 2", *ids: str) -> NightResult:
    write_input(base, problem(tickets(*(ids or (f"T{day}", f"U{day}"))), day=day))
    write_settings(base, more)
    now = BEFORE + timedelta(days=day)
    return run_night(read_config(base / "night.toml"), hooks=Hooks(now=lambda: now))


def dates(base: Path) -> list[str]:
    return sorted(path.name for path in (base / "out").glob("2*"))


def journal(text: str, step: str) -> list[dict[str, Any]]:
    return [told for line in text.splitlines() if (told := json.loads(line))["step"] == step]


def test_the_newest_nights_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(4):
        run(tmp_path, day)
    assert dates(tmp_path) == ["2026-11-25", "2026-11-26"]
    assert (tmp_path / "out" / "latest" / "plan.json").exists()
    told = journal(capsys.readouterr().err, "prune")
    assert [line["removed"] for line in told] == [["2026-11-23"], ["2026-11-24"]]
    assert not list((tmp_path / "out" / ".night").glob("pruned-*"))
    # Four nights of two messages; those of the two oldest plans lost their documents or went.
    with closing(sqlite3.connect(tmp_path / "out" / ".night" / "outbox.db")) as link:
        kept = link.execute("SELECT count(*) FROM dispatchopt_outbox WHERE document <> '{}'")
        assert kept.fetchone() == (4,)


@pytest.mark.parametrize("more", ["keep_nights = 0", "", "keep_nights = 4"])
def test_as_many_as_asked_for_stay(tmp_path: Path, more: str) -> None:
    for day in range(4):
        run(tmp_path, day, more)
    assert len(dates(tmp_path)) == 4


def test_a_night_of_yesterday_does_not_remove_itself(tmp_path: Path) -> None:
    for day in (2, 3):
        run(tmp_path, day)
    run(tmp_path, 0)
    assert "2026-11-23" in dates(tmp_path)


def test_the_newest_plan_in_force_stays_behind_void_ones(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        run(tmp_path, day, "keep_nights = 0")
    nights = Nights(tmp_path / "out")
    nights.all()[-1].finish({"void": True})
    run(tmp_path, 0, "keep_nights = 1")
    # The 26th is the newest and void, the 25th the newest in force, the 23rd the one just run.
    assert dates(tmp_path) == ["2026-11-23", "2026-11-25", "2026-11-26"]


def test_files_of_others_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(3):
        run(tmp_path, day, "keep_nights = 0")
    (tmp_path / "out" / "2026-11-23" / "remarks.txt").write_text("ours", "utf-8")
    capsys.readouterr()
    run(tmp_path, 3, "keep_nights = 1")
    assert dates(tmp_path) == ["2026-11-23", "2026-11-26"]
    (line,) = journal(capsys.readouterr().err, "prune")
    assert (line["status"], line["foreign"]) == ("warn", ["2026-11-23"])


def test_a_kill_while_removing_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in range(3):
        run(tmp_path, day, "keep_nights = 0")

    def fail(*_: object) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(pruning, "shutil", SimpleNamespace(rmtree=fail))
        assert run(tmp_path, 3, "keep_nights = 1").exit_code == 0
    assert journal(capsys.readouterr().err, "prune")[0]["status"] == "warn"
    assert list((tmp_path / "out" / ".night").glob("pruned-*"))
    run(tmp_path, 4, "keep_nights = 1")
    assert dates(tmp_path) == ["2026-11-27"]
    assert not list((tmp_path / "out" / ".night").glob("pruned-*"))


def test_what_is_kept_is_no_other_night(tmp_path: Path) -> None:
    run(tmp_path, 0, "keep_nights = 3")
    assert not run(tmp_path, 0, "keep_nights = 7").is_new
