from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatchopt.adapters.outbox import FolderTarget, Outbox
from dispatchopt.adapters.outbox.publisher import Delivery
from dispatchopt.cli import app
from dispatchopt.cli_night import NIGHT_CODES
from dispatchopt.errors import AdapterError, PublisherBusyError
from dispatchopt.night import Nights, NightStoppedError, run_night
from dispatchopt.night import config as config_module
from dispatchopt.report.exit_codes import Code
from tests.unit.night_days import Receiver, half_outputs, problem, tickets, write_input
from tests.unit.night_days import write_settings as write_settings_of
from tests.unit.test_docs import first_cells, page

ROOT = Path(__file__).parents[2]
ANY_DAY = 'past = "warn"'
"""The command reads the clock, so a fixed day may have passed."""


def write_settings(base: Path, more: str = "", *, rules: str = "", publish: str = "") -> Path:
    return write_settings_of(base, more, rules=f"{ANY_DAY}\n{rules}", publish=publish)


def run(base: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["night", str(base / "night.toml"), *options])


def ready(base: Path, *ids: str, **options: Any) -> None:
    write_input(base, problem(tickets(*ids)))
    write_settings(base, **options)


def test_the_command(tmp_path: Path) -> None:
    ready(tmp_path, "T1", "T2")
    found = run(tmp_path)
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("2026-11-23: 2 of 2 tickets planned, 0 left out")
    assert "[0 done]" in found.stdout
    assert "Published: 2 delivered, 0 pending, 0 refused" in found.stderr
    found = run(tmp_path)
    assert found.exit_code == 0
    assert "nothing was done" in found.stderr
    assert run(tmp_path, "--force", "--quiet").stdout == ""


def test_json_for_programs(tmp_path: Path) -> None:
    ready(tmp_path, "T1", "T2", more='log = "night.log"')
    data = json.loads(run(tmp_path, "--json").stdout)
    assert (data["status"], data["exit_code"], data["night"]) == ("planned", 0, "2026-11-23")
    assert data["published"]["num_delivered"] == 2
    assert json.loads(run(tmp_path, "--json").stdout)["status"] == "unchanged"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_below_the_error_stream_ends_no_night(tmp_path: Path) -> None:
    ready(tmp_path, "T1")
    command = [sys.executable, "-m", "dispatchopt.cli", "night", str(tmp_path / "night.toml")]
    with open("/dev/full", "w") as full:
        found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=full)
    assert found.returncode == 0
    assert b"[0 done]" in found.stdout


def test_a_rule_that_stops_exits_2(tmp_path: Path) -> None:
    ready(tmp_path, "T1")
    os.utime(tmp_path / "problem.json", (0, 0))
    found = run(tmp_path, "--max-age", "20h")
    assert found.exit_code == 2
    assert "Nothing was planned. The input was written" in found.stderr
    assert 'set stale = "warn" under [rules]' in found.stderr
    assert run(tmp_path, "--max-age", "soon").exit_code == 2
    assert run(tmp_path).exit_code == 0


def test_faulty_settings_exit_2_with_all_faults(tmp_path: Path) -> None:
    ready(tmp_path, "T1", rules='max_age = "x"\nhalved = "y"')
    found = run(tmp_path)
    assert found.exit_code == 2
    assert "2 faults" in found.stderr
    (tmp_path / "night.toml").write_text("[input", "utf-8")
    assert "no valid TOML" in run(tmp_path).stderr
    assert run(tmp_path / "none").exit_code == 2


def test_a_second_run_exits_6(tmp_path: Path) -> None:
    ready(tmp_path, "T1")
    with Nights(tmp_path / "out").lock():
        found = run(tmp_path)
    assert found.exit_code == Code.BUSY
    assert "another night is at work" in found.stderr


def test_what_is_not_taken_exits_7(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(_self: FolderTarget, _message: Any) -> Delivery:
        return Delivery("refused", "HTTP 422")

    ready(tmp_path, "T1")
    write_input(tmp_path, problem(tickets("T1"), day=100_000))  # a horizon that is never over
    monkeypatch.setattr(FolderTarget, "__call__", refusing)
    found = run(tmp_path)
    assert found.exit_code == Code.UNPUBLISHED
    assert "1 refused" in found.stderr
    found = run(tmp_path)  # nothing is better than before
    assert found.exit_code == Code.UNPUBLISHED
    assert "1 refused" in found.stderr
    # The cause is removed, and the night goes on: told by the command, or by the outbox's own.
    monkeypatch.undo()
    outbox = str(tmp_path / "out" / ".night" / "outbox.db")
    assert CliRunner().invoke(app, ["outbox", "retry", outbox]).exit_code == 0
    found = run(tmp_path)
    assert found.exit_code == 0, found.output
    assert "Published: 1 delivered, 0 pending, 0 refused" in found.stderr
    assert "nothing was planned again" in found.stderr
    assert "nothing was done" in run(tmp_path).stderr
    receiver = Receiver(tmp_path / "to_backend")
    receiver.collect()
    assert receiver.told() == [("T1", "assign")]


def test_an_outbox_that_cannot_be_reached_exits_7_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise AdapterError("outbox.db: disk I/O error")

    ready(tmp_path, "T1")
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "enqueue", broken)
        found = run(tmp_path)
        assert found.exit_code == Code.UNPUBLISHED
        assert "stands in" in found.stderr
        # Tonight is planned even if yesterday's news cannot be passed on.
        write_input(tmp_path, problem(tickets("T1", "T2"), day=1))
        assert run(tmp_path).exit_code == Code.UNPUBLISHED
        assert (tmp_path / "out" / "2026-11-24" / "plan.json").exists()
    found = run(tmp_path)
    assert found.exit_code == 0
    assert all(night.is_finished for night in Nights(tmp_path / "out").all())
    receiver = Receiver(tmp_path / "to_backend")
    receiver.collect()
    assert {document["ticket_id"] for document in receiver.documents} == {"T1", "T2"}


def test_an_output_that_cannot_be_written_exits_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise AdapterError("out: cannot be written (No space left on device).")

    ready(tmp_path, "T1")
    monkeypatch.setattr("dispatchopt.night.writing.publish_folder", full)
    found = run(tmp_path)
    assert found.exit_code == Code.NO_PLAN
    assert "No space left" in found.stderr


def test_an_interrupt_while_publishing_exits_4_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    ready(tmp_path, "T1")
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "publish", interrupted)
        found = run(tmp_path)
    assert found.exit_code == Code.NO_PLAN
    assert "the next run goes on" in found.stderr
    assert run(tmp_path).exit_code == 0
    assert len(list((tmp_path / "to_backend").glob("*.json"))) == 1


def test_another_publisher_exits_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_arguments: object, **_options: object) -> None:
        raise PublisherBusyError("Another publisher is at work.")

    ready(tmp_path, "T1")
    monkeypatch.setattr(Outbox, "publish", busy)
    assert run(tmp_path).exit_code == Code.BUSY


def test_a_term_signal_ends_the_search_and_the_night_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dispatchopt.cli_night.compile_kernels",
        lambda *_arguments: os.kill(os.getpid(), signal.SIGTERM),
    )
    ready(tmp_path, "T1", "T2")
    found = run(tmp_path, "--json")
    data = json.loads(found.stdout)
    assert (data["interrupted"], data["exit_code"]) == (True, 0)
    assert data["published"]["is_complete"]


def test_the_page_tells_every_code_and_every_setting() -> None:
    text = page("docs/night.md")
    codes = [row[0] for row in first_cells(text) if re.fullmatch(r"\d", row[0])]
    # A conflict is between two who book.
    assert codes == [str(int(code)) for code in Code if code is not Code.CONFLICT]
    assert re.findall(r"(?<![\d.])(\d) ", NIGHT_CODES.split("(wins over 3 and 5)")[0]) == codes
    quoted = set(re.findall(r"`([a-z_]+)`", text))
    for part in (
        config_module.InputConfig,
        config_module.DatabaseConfig,
        config_module.PlanConfig,
        config_module.OutputConfig,
        config_module.PublishConfig,
        config_module.RulesConfig,
    ):
        assert set(part.model_fields) <= quoted


# --- Kills ---


def kill_within(base: Path, seconds: float) -> int:
    """Run a night and kill it after so many seconds, unless it has ended; its exit code."""
    command = [sys.executable, "-m", "dispatchopt.cli", "night", str(base / "night.toml"), "-q"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def test_killed_at_random_moments(tmp_path: Path) -> None:
    rng = random.Random(20261123)
    receiver = Receiver(tmp_path / "to_backend")
    ready(tmp_path, "T1", "T2", "T3", "T4")
    begin = time.monotonic()
    assert kill_within(tmp_path, 120) == 0  # how long a whole night takes here
    whole = time.monotonic() - begin
    receiver.collect()
    for day in range(1, 3):
        write_input(tmp_path, problem(tickets("T1", "T2", "T3", "T4", f"N{day}"), day=day))
        for _ in range(2):
            kill_within(tmp_path, rng.uniform(0.3, 1.0) * whole)
            receiver.collect()
            assert not half_outputs(tmp_path / "out")
        assert kill_within(tmp_path, 120) == 0
        receiver.collect()
    assert set(receiver.counts.values()) == {1}
    nights = Nights(tmp_path / "out").all()
    assert [night.is_finished for night in nights] == [True] * 3
    # What the receiver was told last of each ticket is what the last plan says.
    last = nights[-1].plan()
    told = {document["ticket_id"]: document for document in receiver.documents}
    for route in last.routes:
        for visit in route.visits:
            assert told[visit.ticket_id]["shift_id"] == route.shift_id
            assert told[visit.ticket_id]["plan_id"] == last.plan_id


def test_stopped_error_is_told_by_the_package_too(tmp_path: Path) -> None:
    write_input(tmp_path, problem([]))
    config = config_module.read_config(write_settings(tmp_path))
    with pytest.raises(NightStoppedError, match=r"set empty = \"warn\" under \[rules\]"):
        run_night(config)
