"""The benchmark of reading and writing: its files are good, and its counts tell faults."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from benchmarks import io, io_fuzz, io_kinds, io_steps, mutations
from dispatchopt.adapters.doctor import examine
from dispatchopt.adapters.tables import Sheet
from dispatchopt.errors import AdapterError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("name", io_kinds.KINDS)
def test_the_good_file_of_each_kind_is_read(tmp_path: Path, name: str) -> None:
    kind = io_kinds.kinds()[name]
    for file, data in kind.good.items():
        (tmp_path / file).write_bytes(data)
    assert kind.read(tmp_path / kind.name, random.Random(0)) is not None


def test_every_kind_is_changed() -> None:
    assert set(io_kinds.KINDS) == set(io_kinds.kinds())


@pytest.mark.parametrize("name", io_kinds.KINDS)
def test_changed_files_end_in_a_result_or_an_error_of_ours(name: str) -> None:
    tally = io_fuzz.fuzz(name, files=20, seed=7)
    assert (tally.files, tally.tracebacks, tally.hangs, tally.faults) == (20, 0, 0, {})
    assert tally.read + tally.refused == 20


def test_the_same_seed_makes_the_same_file_and_another_one_another() -> None:
    made = io_fuzz.example("problem.json", seed=1, number=2)
    assert made == io_fuzz.example("problem.json", seed=1, number=2)
    assert made != io_fuzz.example("problem.json", seed=2, number=2)


def reader(name: str, read: Callable[[], object]) -> io_kinds.Kind:
    return io_kinds.Kind({name: b"{}"}, mutations.of_json, lambda *_: read())


def fail(error: BaseException) -> object:
    raise error


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda: None, (3, 0, 0, 0)),
        (lambda: fail(AdapterError("no")), (0, 3, 0, 0)),
        (lambda: fail(KeyError("id")), (0, 0, 3, 0)),
        (lambda: fail(RecursionError()), (0, 0, 3, 0)),
        (lambda: fail(InternalError("ours")), (0, 0, 3, 0)),
        (lambda: fail(io_fuzz.HangError()), (0, 0, 0, 3)),
    ],
)
def test_faults_are_counted(
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[], object],
    expected: tuple[int, int, int, int],
) -> None:
    monkeypatch.setattr(io_fuzz, "kinds", lambda: {"a": reader("a", read)})
    found = io_fuzz.fuzz("a", files=3, seed=1)
    assert (found.read, found.refused, found.tracebacks, found.hangs) == expected
    assert len(found.faults) == (1 if expected[2] or expected[3] else 0)


def test_a_hang_is_ended_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io_fuzz, "HANG_SECONDS", 1)
    monkeypatch.setattr(io_fuzz, "kinds", lambda: {"a": reader("a", lambda: time.sleep(60))})
    assert io_fuzz.fuzz("a", files=1, seed=1).hangs == 1


def test_a_step_tells_time_and_memory(tmp_path: Path) -> None:
    order = {"folder": str(tmp_path), "tickets": 20, "engineers": 5, "seed": 1}
    assert io_steps.run_step("prepare", **order)["tickets"] == 20
    for _, name, changes, _ in io.STEPS:
        found = io_steps.run_step(name, folder=str(tmp_path), **changes)
        assert found["tickets"] == 20
        assert found["peak"] > 0


def test_slow_or_failed_steps_fail() -> None:
    answers = [{"spent": [seconds, 9.0], "peak": 5e8} for seconds in (4.0, 6.0, 3.0)]
    seconds, memory = io._figures("read CSV", 5.0, answers, None)
    assert (seconds.value, seconds.verdict, memory.verdict) == (6.0, "FAIL", "PASS")
    (failed,) = io._figures("read CSV", 5.0, answers, "killed")
    assert failed.verdict == "FAIL: not measured"


def test_equal_faults_of_many_rows_ask_for_their_headers_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"folder": str(tmp_path), "tickets": 40, "engineers": 5, "seed": 1}
    io_steps.run_step("prepare", **order)
    asked: Counter[str] = Counter()
    of_class = Sheet.headers_beside

    def counted(sheet: Sheet, header: str) -> set[str]:
        asked[f"{sheet.file} {header}"] += 1
        return of_class(sheet, header)

    monkeypatch.setattr(Sheet, "headers_beside", counted)
    examine(tmp_path / io_steps.FOREIGN)
    # Codes that nobody explained make every ticket faulty; the issues are told twice.
    assert asked
    assert max(asked.values()) <= 2
