from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.adapters.json_files import read_plan
from dispatchopt.adapters.outbox import FolderTarget, Outbox
from dispatchopt.adapters.outbox.publisher import Delivery
from dispatchopt.errors import AdapterError, InvalidProblemError
from dispatchopt.night import (
    Hooks,
    NightBusyError,
    NightResult,
    Nights,
    NightStoppedError,
    Record,
    read_config,
    run_night,
)
from dispatchopt.night import journal as journal_module
from tests.unit.night_days import (
    BEFORE,
    NIGHT_FILES,
    Receiver,
    half_outputs,
    problem,
    stamp,
    tickets,
    write_input,
    write_settings,
)
from tests.unit.raw_data import raw_ticket

if TYPE_CHECKING:
    from pathlib import Path


def night(base: Path, *, force: bool = False, now: datetime = BEFORE) -> NightResult:
    config = read_config(base / "night.toml")
    return run_night(config, force=force, hooks=Hooks(now=lambda: now))


def start(base: Path, *ids: str, **options: Any) -> NightResult:
    write_input(base, problem(tickets(*ids)))
    write_settings(base, **options)
    return night(base)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_night_leaves_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = start(tmp_path, "T1", "T2", "T3", "T4")
    assert (found.exit_code, found.is_new, found.diff) == (0, True, None)
    out = tmp_path / "out"
    assert {path.name for path in (out / "latest").iterdir()} == {*NIGHT_FILES, "finished.json"}
    assert (out / "latest").resolve() == out / "2026-11-23"
    summary = (out / "latest" / "summary.txt").read_text("utf-8")
    assert summary == "2026-11-23: 3 of 4 tickets planned, 1 left out, proven optimal\n"
    told = lines(capsys.readouterr().err)
    steps = ["read", "doctor", "plan", "check", "write", "publish", "report"]
    assert [line["step"] for line in told] == steps
    assert {line["status"] for line in told} == {"ok"}
    assert told[0]["tickets"] == 4
    assert told[5]["delivered"] == 3
    receiver = Receiver(tmp_path / "to_backend")
    receiver.collect()
    assert [action for _, action in receiver.told()] == ["assign"] * 3


def test_the_plan_written_bears_the_id_that_is_told(tmp_path: Path) -> None:
    found = start(tmp_path, "T1")
    plan = read_plan(tmp_path / "out" / "latest" / "plan.json")
    assert plan.plan_id == found.night.record.plan_id
    (message,) = (tmp_path / "to_backend").glob("*.json")
    assert json.loads(message.read_text("utf-8"))["plan_id"] == plan.plan_id


def test_the_same_input_is_done_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = start(tmp_path, "T1", "T2")
    stamp = (tmp_path / "out" / "latest" / "plan.json").stat().st_mtime_ns
    capsys.readouterr()
    again = night(tmp_path)
    assert not again.is_new
    assert again.night.record == first.night.record
    assert (tmp_path / "out" / "latest" / "plan.json").stat().st_mtime_ns == stamp
    told = lines(capsys.readouterr().err)
    assert [(line["step"], line["status"]) for line in told] == [
        ("read", "ok"), ("doctor", "ok"), ("report", "skip"),
    ]  # fmt: skip


def test_force_plans_again_and_publishes_nothing_twice(tmp_path: Path) -> None:
    start(tmp_path, "T1", "T2")
    receiver = Receiver(tmp_path / "to_backend")
    receiver.collect()
    again = night(tmp_path, force=True)
    assert again.is_new
    receiver.collect()
    assert set(receiver.counts.values()) == {1}
    assert receiver.told() == [("T1", "assign"), ("T2", "assign")]


def test_other_settings_of_the_plan_are_another_night_run(tmp_path: Path) -> None:
    start(tmp_path, "T1")
    write_settings(tmp_path, "contact_minutes = 10")
    assert night(tmp_path).is_new


def test_a_changed_input_replaces_the_night_and_tells_the_difference(tmp_path: Path) -> None:
    start(tmp_path, "T1", "T2")
    write_input(tmp_path, problem(tickets("T2", "T3")))
    found = night(tmp_path)
    assert found.diff is not None
    counts = found.diff.to_json()["counts"]
    assert (counts["gained"], counts["lost"]) == (1, 1)
    assert "T3" in (tmp_path / "out" / "latest" / "diff.txt").read_text("utf-8")
    receiver = Receiver(tmp_path / "to_backend")
    receiver.collect()
    assert ("T3", "assign") in receiver.told()
    assert [path.name for path in (tmp_path / "out").glob("2*")] == ["2026-11-23"]


def test_what_was_left_out_comes_back_older(tmp_path: Path) -> None:
    ids = ("T1", "T2", "T3")
    write_settings(tmp_path)
    left: list[str] = []
    carried: list[dict[str, int]] = []
    for day in range(3):
        write_input(tmp_path, problem(tickets(*ids), day=day, visits=2))
        found = night(tmp_path)
        carried.append(dict(found.night.record.carried_over))
        left.append(found.night.plan().unserved[0].ticket_id)
    # One of three waits each night, and its count says for how many nights so far.
    assert carried[0] == {left[0]: 1}
    assert sum(carried[1].values()) == 2
    assert sum(carried[2].values()) == 3
    # Age has its price: nobody waits while another has not waited yet.
    assert len(set(left)) == 3


def test_the_same_night_again_counts_once(tmp_path: Path) -> None:
    write_settings(tmp_path)
    for day, ids in ((0, "AB"), (1, "AB"), (1, "ABC")):
        write_input(tmp_path, problem(tickets(*ids), day=day, visits=0))
        found = night(tmp_path)
    assert found.night.record.carried_over == {"A": 2, "B": 2, "C": 1}


def test_the_plan_in_force_is_last_nights_or_the_inputs_own(tmp_path: Path) -> None:
    first = start(tmp_path, "T1", "T2")
    write_input(tmp_path, problem(tickets("T1", "T2", "T3")))
    assert night(tmp_path).night.plan().base_version == first.night.record.plan_id
    own = {"plan_id": "theirs", "routes": [{"shift_id": "S-0", "visits": [{"ticket_id": "T1"}]}]}
    write_input(tmp_path, problem(tickets("T1", "T2"), previous_plan=own))
    found = night(tmp_path)
    assert found.night.plan().base_version == "theirs"
    kept = found.night.previous_plan()
    assert kept is not None
    assert kept.plan_id == "theirs"


# --- Rules ---


def test_a_stale_input_stops_even_if_it_was_planned_before(tmp_path: Path) -> None:
    start(tmp_path, "T1", rules='max_age = "20h"')
    path = tmp_path / "problem.json"
    made = BEFORE - timedelta(hours=20)
    os.utime(path, (made.timestamp(),) * 2)
    assert not night(tmp_path).is_new
    os.utime(path, (made.timestamp() - 1,) * 2)
    with pytest.raises(NightStoppedError, match=r"20\.0 h ago, max_age allows 20h"):
        night(tmp_path)
    write_settings(tmp_path, rules='max_age = "20h"\nstale = "warn"')
    (warning,) = night(tmp_path).warnings
    assert "Look whether the export ran" in warning


def test_a_day_that_has_passed_stops(tmp_path: Path) -> None:
    write_input(tmp_path, problem(tickets("T1")))
    write_settings(tmp_path)
    over = datetime.fromisoformat("2026-11-23T23:59:00+08:00")
    with pytest.raises(NightStoppedError, match="a day that has passed"):
        night(tmp_path, now=over)
    assert not (tmp_path / "out" / "2026-11-23").exists()
    assert night(tmp_path, now=over - timedelta(seconds=1)).is_new


def test_an_empty_list_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_input(tmp_path, problem([raw_ticket("T1", status="done")]))
    write_settings(tmp_path)
    with pytest.raises(NightStoppedError, match="No ticket of the input asks for a visit"):
        night(tmp_path)
    last = lines(capsys.readouterr().err)[-1]
    assert (last["step"], last["status"], last["rules"]) == ("doctor", "stop", ["empty"])
    write_settings(tmp_path, rules='empty = "warn"')
    assert night(tmp_path).warnings


def test_a_halved_list_stops(tmp_path: Path) -> None:
    start(tmp_path, "T1", "T2", "T3", "T4")
    write_input(tmp_path, problem(tickets("T1", "T2"), day=1))
    assert night(tmp_path).is_new  # half of four is not less than half
    shutil.rmtree(tmp_path / "out" / "2026-11-24")
    write_input(tmp_path, problem(tickets("T1"), day=1))
    with pytest.raises(NightStoppedError, match="has 1 tickets, the night of 2026-11-23 had 4"):
        night(tmp_path)
    write_settings(tmp_path, rules='halved = "warn"')
    assert "less than 50 %" in night(tmp_path).warnings[0]


def test_too_many_rejects_stop_and_all_rules_are_told_at_once(tmp_path: Path) -> None:
    start(tmp_path, "T1", "T2", "T3", "T4", "T5")
    bad = raw_ticket("T9", priority=9)
    write_input(tmp_path, problem([*tickets("T1"), bad], day=1))
    with pytest.raises(NightStoppedError) as caught:
        night(tmp_path)
    assert [finding.rule for finding in caught.value.findings] == ["halved", "rejects"]
    write_settings(tmp_path, rules='halved_percent = 0\nmax_rejects = "50%"')
    found = night(tmp_path)
    assert (found.exit_code, found.warnings) == (3, ())
    assert (found.night.folder / "rejected.csv").exists()


def test_the_doctors_grade_is_a_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tickets("T1", "T2", reported_at=stamp(2, "08:00"))  # after it was exported
    write_input(tmp_path, problem(odd))
    write_settings(tmp_path, rules='min_grade = "A"')
    (warning,) = night(tmp_path).warnings
    line = lines(capsys.readouterr().err)[1]
    assert f"gives the input a {line['grade']}, min_grade is A" in warning
    assert line["doubts"] >= 2
    assert (line["status"], line["rules"]) == ("warn", ["grade"])
    told = json.loads((tmp_path / "out" / "latest" / "doctor.json").read_text("utf-8"))
    assert told["grade"] == line["grade"]
    write_settings(tmp_path, rules='min_grade = "A"\ngrade = "stop"')
    with pytest.raises(NightStoppedError, match="Run dispatchopt doctor on it"):
        night(tmp_path, force=True)


# --- Kills, and what goes on after them ---


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("step", ["read", "doctor", "plan", "check", "write", "publish", "report"])
def test_killed_after_any_step_the_next_run_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    whole = journal_module.Journal._write

    def killing(self: journal_module.Journal, told: dict[str, Any]) -> None:
        whole(self, told)
        if told["step"] == step:
            raise Killed

    receiver = Receiver(tmp_path / "to_backend")
    write_input(tmp_path, problem(tickets("T1", "T2", "T3")))
    write_settings(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.Journal, "_write", killing)
        with pytest.raises(Killed):
            night(tmp_path)
    receiver.collect()
    assert not half_outputs(tmp_path / "out")
    plans = list((tmp_path / "out").glob("2026*/plan.json"))
    before = plans[0].read_bytes() if plans else None
    found = night(tmp_path)
    assert found.exit_code == 0
    # Once a plan is decided it stays: another might tell the receiver something else.
    assert found.is_new == (before is None)
    if before is not None:
        assert plans[0].read_bytes() == before
    receiver.collect()
    assert receiver.told() == [("T1", "assign"), ("T2", "assign"), ("T3", "assign")]
    assert set(receiver.counts.values()) == {1}
    assert Nights(tmp_path / "out").all()[0].is_finished


def test_killed_between_two_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FolderTarget.__call__

    def killing(self: FolderTarget, message: Any) -> Delivery:
        if message.ticket_id == "T2":
            raise Killed
        return whole(self, message)

    write_input(tmp_path, problem(tickets("T1", "T2", "T3")))
    write_settings(tmp_path)
    receiver = Receiver(tmp_path / "to_backend")
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(FolderTarget, "__call__", killing)
            with pytest.raises(Killed):
                night(tmp_path)
        receiver.collect()
    assert night(tmp_path).exit_code == 0
    receiver.collect()
    assert len(receiver.documents) == len(receiver.counts) == 3


def test_the_night_before_is_finished_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_input(tmp_path, problem(tickets("T1", "T2")))
    write_settings(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("dispatchopt.night.run.Publishing.publish", _raise_killed)
        with pytest.raises(Killed):
            night(tmp_path)
    write_input(tmp_path, problem(tickets("T2", "T3"), day=1))
    capsys.readouterr()
    found = night(tmp_path)
    first = lines(capsys.readouterr().err)[0]
    assert (first["step"], first["night"], first["delivered"]) == ("resume", "2026-11-23", 2)
    assert found.night.record.night == "2026-11-24"
    assert all(one.is_finished for one in Nights(tmp_path / "out").all())


def test_a_plan_that_nobody_heard_of_in_time_is_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_input(tmp_path, problem(tickets("T1", "T2"), visits=1))
    write_settings(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("dispatchopt.night.run.Publishing.publish", _raise_killed)
        with pytest.raises(Killed):
            night(tmp_path)
    write_input(tmp_path, problem(tickets("T1", "T2"), day=1, visits=1))
    found = night(tmp_path, now=BEFORE + timedelta(days=1, hours=12))
    assert found.diff is None
    assert sum(found.night.record.carried_over.values()) == 1
    receiver = Receiver(tmp_path / "to_backend")
    receiver.collect()
    assert {document["plan_id"] for document in receiver.documents} == {found.night.record.plan_id}
    assert [one.is_void for one in Nights(tmp_path / "out").all()] == [True, False]


def _raise_killed(*_arguments: object) -> None:
    raise Killed


def test_what_the_receiver_does_not_take_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_self: FolderTarget, _message: Any) -> Delivery:
        return Delivery("retry", "the folder cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(FolderTarget, "__call__", absent)
        found = start(tmp_path, "T1", "T2")
        assert found.exit_code == 7
        assert found.published is not None
        assert len(found.published.pending) == 2
        again = night(tmp_path)
        assert (again.is_new, again.exit_code) == (False, 7)
    assert not (tmp_path / "out" / "2026-11-23" / "finished.json").exists()
    found = night(tmp_path)
    assert (found.is_new, found.exit_code) == (False, 0)
    assert len(list((tmp_path / "to_backend").glob("*.json"))) == 2
    assert Outbox(tmp_path / "out" / ".night" / "outbox.db").status().is_complete


def test_a_log_that_cannot_be_written_stops_no_night(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    found = start(tmp_path, "T1", more='log = "file/night.log"')
    assert (found.exit_code, found.published and found.published.is_complete) == (0, True)
    (warning,) = found.warnings
    assert "night.log: cannot be written" in warning
    assert len(lines(capsys.readouterr().err)) == 7
    assert night(tmp_path).warnings == (warning,)


@pytest.mark.parametrize("is_closed", [True, False])
def test_nobody_listening_stops_no_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_closed: bool
) -> None:
    class Full:
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

        flush = write

    monkeypatch.setattr(journal_module.sys, "stderr", None if is_closed else Full())
    assert start(tmp_path, "T1").exit_code == 0


def test_a_log_that_is_a_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        start(tmp_path, "T1", more='log = "."')
    assert "output.log" in str(caught.value) and "is a folder; name a file" in str(caught.value)


def test_without_a_receiver_nothing_is_published(tmp_path: Path) -> None:
    found = start(tmp_path, "T1", publish='to = "none"')
    assert (found.exit_code, found.published) == (0, None)
    assert not (tmp_path / "out" / ".night" / "outbox.db").exists()


def test_two_runs_at_once(tmp_path: Path) -> None:
    write_input(tmp_path, problem(tickets("T1")))
    write_settings(tmp_path)
    with (
        Nights(tmp_path / "out").lock(),
        pytest.raises(NightBusyError, match=rf"process {os.getpid()}\)"),
    ):
        night(tmp_path)
    assert night(tmp_path).is_new


# --- Settings ---


def faults(base: Path, text: str) -> list[str]:
    (base / "night.toml").write_text(text, "utf-8")
    with pytest.raises(InvalidProblemError) as caught:
        read_config(base / "night.toml")
    return [issue.field for issue in caught.value.issues]


def test_all_faults_of_the_settings_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        '[input]\nfolder = "a"\nfile = "b.json"\n[plan]\nseed = -1\nspeed = 1\n'
        '[output]\nfolder = "out"\nreleased_at = "25:00"\n[publish]\nto = "http"\n'
        '[rules]\nmax_age = "soon"\nhalved = "maybe"\nmax_rejects = "101%"\n'
    )
    assert faults(tmp_path, text) == [
        "input", "plan.seed", "plan.speed", "output.released_at", "publish", "rules.max_age",
        "rules.halved", "rules.max_rejects",
    ]  # fmt: skip
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    text = (
        '[input]\nfolder = "in"\n[output]\nfolder = "in/out"\n[publish]\nto = "http"\n'
        'url = "https://x.invalid/{ticket_id}"\nheader_env = {Authorization = "NO_SUCH_TOKEN"}\n'
    )
    assert faults(tmp_path, text) == ["publish.header_env.Authorization", "output.folder"]


@pytest.mark.parametrize(
    "source", ['folder = "in"', 'database = {url = "sqlite:///in.db", tickets = "t"}']
)
def test_an_output_that_is_a_file_is_a_fault(tmp_path: Path, source: str) -> None:
    (tmp_path / "out").write_text("mine", "utf-8")
    text = f'[input]\n{source}\n[output]\nfolder = "out"\n'
    assert faults(tmp_path, text) == ["output.folder"]


def test_a_path_with_a_nul_is_a_fault(tmp_path: Path) -> None:
    text = '[input]\nfolder = "x\\u0000y"\n[output]\nfolder = "o\\u0000"\n'
    assert faults(tmp_path, text) == ["input.folder", "output.folder"]


_VALUES = st.one_of(
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["stop", "20h", "2%", "07:30", "http", "folder", "x\x00y", "sqlite:///x.db"]),
    st.dates(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
)
_NAMES = [
    "folder",
    "file",
    "workbook",
    "database",
    "limits",
    "url",
    "url_env",
    "store",
    "to",
    "seed",
    "gap",
    "max_age",
    "max_rejects",
    "released_at",
    "log",
    "header_env",
    "table",
]
_TABLES = st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=4)


@given(
    raw=st.dictionaries(
        st.sampled_from(["input", "plan", "output", "publish", "rules", "more"]),
        _TABLES | _VALUES,
    )
)
def test_whatever_settings_say_they_are_read_or_refused(
    raw: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "night.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in raw.items()), "utf-8")
    with suppress(InvalidProblemError, AdapterError):
        read_config(path)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value)
    return str(value)


@given(
    data=st.binary(max_size=40)
    | st.sampled_from([b"[]", b"{}", b"[1]", b"null", b'{"night": 1}', b"[" * 99_999]),
    name=st.sampled_from(["night.json", "finished.json"]),
)
def test_a_spoilt_record_is_told_as_such(
    data: bytes, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    record = Record("2026-11-23", "x", "p", BEFORE, 1, 0, "")
    (root / "2026-11-23").mkdir()
    (root / "2026-11-23" / "night.json").write_bytes(record.to_bytes())
    assert Nights(root).all()[0].record == record
    (root / "2026-11-23" / name).write_bytes(data)
    with suppress(AdapterError):
        assert isinstance(Nights(root).all()[0].is_void, bool)


def test_paths_are_relative_to_the_settings(tmp_path: Path) -> None:
    config = read_config(write_settings(tmp_path, 'log = "logs/night.log"'))
    assert config.input.path == tmp_path / "problem.json"
    assert config.output.log == tmp_path / "logs" / "night.log"
    write_input(tmp_path, problem(tickets("T1")))
    night(tmp_path)
    assert len(lines((tmp_path / "logs" / "night.log").read_text("utf-8"))) == 7


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///led.db", "sqlite:///{base}/led.db"),
        ("sqlite+pysqlite:///a/b.db?timeout=9", "sqlite+pysqlite:///{base}/a/b.db?timeout=9"),
        ("sqlite:////srv/led.db", "sqlite:////srv/led.db"),
        ("postgresql+psycopg://planner@db/dispatch", "postgresql+psycopg://planner@db/dispatch"),
    ],
)
def test_files_of_sqlite_are_relative_to_the_settings(
    tmp_path: Path, written: str, read: str
) -> None:
    both = f'to = "none"\nstore = "{written}"\n[bookings]\nledger = "{written}"'
    config = read_config(write_settings(tmp_path, publish=both))
    assert config.bookings.url == config.publish.store == read.format(base=tmp_path)


def test_personal_data_stay_out_of_the_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = {"客户": "李四", "电话": "13800000000", "address": "Lake Road"}
    write_input(tmp_path, problem([*tickets("T1", attributes=note)]))
    write_settings(tmp_path)
    night(tmp_path)
    told = capsys.readouterr().err
    for private in ("李四", "13800000000", "Lake Road"):
        assert private not in told


def test_a_path_that_is_too_long_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        start(tmp_path, "T1", more=f'log = "{"a" * 300}"')
    assert "output.log" in str(caught.value) and "name another path" in str(caught.value)
