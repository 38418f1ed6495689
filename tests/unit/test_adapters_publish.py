"""Files and folders appear whole, whenever the writer is killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dispatchopt.adapters import publish
from dispatchopt.adapters.publish import publish_folder, recover_folder, write_file
from dispatchopt.errors import AdapterError

OLD = {"plan.json": b"old" * 1000, "sheets/a.md": b"old a", "sheets/b.md": b"old b"}
NEW = {"plan.json": b"new" * 5000, "sheets/a.md": b"new a", "kpis.json": b"new k"}
NAMES = ("plan.json", "kpis.json", "sheets")


def content(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_folder_is_made_and_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out"
    publish_folder(target, OLD, replaceable=NAMES)
    assert content(target) == OLD
    target.chmod(0o750)
    publish_folder(target, NEW, replaceable=NAMES)
    assert content(target) == NEW
    assert target.stat().st_mode & 0o777 == 0o750
    assert [entry.name for entry in target.parent.iterdir()] == ["out"]


def test_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    publish_folder(tmp_path / "link", NEW, replaceable=NAMES)
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "real") == NEW


def test_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_bytes(b"years of work")
    with pytest.raises(AdapterError, match=r"thesis\.doc"):
        publish_folder(tmp_path, NEW, replaceable=NAMES)
    assert content(tmp_path) == {"thesis.doc": b"years of work"}


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    with pytest.raises(AdapterError, match="not a folder"):
        publish_folder(tmp_path / "out", NEW, replaceable=NAMES)


@pytest.mark.parametrize("path", ["/", "a\0b"])
def test_impossible_targets_are_adapter_errors(path: str) -> None:
    with pytest.raises(AdapterError):
        publish_folder(Path(path), NEW, replaceable=NAMES)
    with pytest.raises(AdapterError):
        write_file(Path(path), b"")


def test_failure_while_filling_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    publish_folder(target, OLD, replaceable=NAMES)

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish, "_write_synced", full)
    with pytest.raises(AdapterError, match="No space left"):
        publish_folder(target, NEW, replaceable=NAMES)
    assert content(target) == OLD
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_living_writer_keeps_its_staging_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish_folder(target, OLD, replaceable=NAMES)
    prefix = publish._prefix(target)
    alive, dead = tmp_path / f"{prefix}new-{'a' * 12}", tmp_path / f"{prefix}new-{'b' * 12}"
    alive.mkdir()
    dead.mkdir()
    lock = publish._open_locked(alive)
    assert lock is not None
    publish_folder(target, NEW, replaceable=NAMES)
    assert alive.exists()
    assert not dead.exists()
    os.close(lock)
    publish_folder(target, OLD, replaceable=NAMES)
    assert not alive.exists()


def test_without_exchange_the_fallback_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "exchange", lambda _one, _other: False)
    for files in (OLD, NEW, OLD):
        publish_folder(tmp_path / "out", files, replaceable=NAMES)
        assert content(tmp_path / "out") == files
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_recovery_leaves_similar_names_alone(tmp_path: Path) -> None:
    long = "x" * 60
    first, second = tmp_path / f"{long}1", tmp_path / f"{long}2"
    retired = tmp_path / f"{publish._prefix(first)}old-{'0' * 12}"
    retired.mkdir()
    recover_folder(second)
    assert not second.exists()
    recover_folder(first)
    assert first.exists()


def test_file_keeps_its_mode_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_file(path, b"old")
    path.chmod(0o640)
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_a_pipe_is_written_and_stays_one(tmp_path: Path) -> None:
    # Replaced as files are, /dev/null would be a file afterwards, where root writes to it.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(pipe, b"whole")
        assert pipe.is_fifo()
        assert os.read(reader, 100) == b"whole"
    finally:
        os.close(reader)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_folders_missing_on_the_way_to_a_file_are_made(tmp_path: Path) -> None:
    write_file(tmp_path / "new" / "day" / "plan.json", b"x")
    assert (tmp_path / "new" / "day" / "plan.json").read_bytes() == b"x"


def test_a_file_on_the_way_to_a_file_is_an_adapter_error(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"x")
    with pytest.raises(AdapterError, match="cannot be written"):
        write_file(tmp_path / "mine" / "plan.json", b"")


# One process loads the package once and then forks a writer for each kill. `step` kills the writer
# at its n-th operation on the file system, which visits every moment between two of them.
KILLER = textwrap.dedent(
    """
    import os, random, signal, sys, time
    from pathlib import Path
    from dispatchopt.adapters import publish

    mode, folder, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    target = folder / "out"
    old = {"plan.json": b"old" * 40000, "sheets/a.md": b"old a", "sheets/b.md": b"old b"}
    new = {"plan.json": b"new" * 40000, "sheets/a.md": b"new a", "kpis.json": b"new k"}
    names = ("plan.json", "kpis.json", "sheets")
    if mode == "fallback":
        publish.exchange = lambda one, other: False

    def content():
        files = (file for file in target.rglob("*") if file.is_file())
        return {file.relative_to(target).as_posix(): file.read_bytes() for file in files}

    def writer_killed_at_step(step):
        seen = 0
        def count(event, args):
            nonlocal seen
            if event.partition(".")[0] in ("os", "open", "fcntl", "shutil"):
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        publish.publish_folder(target, new, replaceable=names)

    def endless_writer():
        while True:
            publish.publish_folder(target, new, replaceable=names)
            publish.publish_folder(target, old, replaceable=names)

    def run(child, delay):
        pid = os.fork()
        if pid == 0:
            try:
                child()
            finally:
                os._exit(0)
        if delay is not None:
            time.sleep(delay)
            os.kill(pid, signal.SIGKILL)
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])

    def verify(step):
        publish.recover_folder(target) if mode == "fallback" else None
        assert content() in (old, new), f"a mixture or nothing after a kill at {step}"
        publish.publish_folder(target, old, replaceable=names)
        assert content() == old
        left = [entry.name for entry in folder.iterdir()]
        assert left == ["out"], left

    publish.publish_folder(target, old, replaceable=names)
    kills = 0
    if mode == "random":
        generator = random.Random(seed)
        for kill in range(35):
            kills += run(endless_writer, generator.uniform(0.0, 0.03))
            verify(kill)
    else:
        while run(lambda: writer_killed_at_step(kills + 1), None):
            kills += 1
            verify(kills)
    print(kills)
    """
)


@pytest.mark.parametrize("mode", ["random", "step", "fallback"])
def test_kill_leaves_the_old_folder_or_the_new_one(tmp_path: Path, mode: str) -> None:
    seed = str(random.Random(mode).randrange(2**16))
    done = subprocess.run(
        [sys.executable, "-c", KILLER, mode, str(tmp_path), seed],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    # More steps than the writer has files: each was killed at, from the first to the last.
    assert int(done.stdout) >= 30
