"""The folder of all nights: one folder for each, a lock, and what the nights before decided.

::

    out/
      2026-11-23/       a night: its plan and all that belongs to it; appears whole
        night.json      what it was made from; written with the plan
        finished.json   written last: everything is published
      latest            leads to the newest finished night
      .night/           the lock and the outbox
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.json_files import read_plan
from dispatchopt.adapters.publish import recover_folder, write_file
from dispatchopt.adapters.strict_json import dump_json
from dispatchopt.errors import AdapterError, DispatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dispatchopt.models import Plan

RECORD: Final = "night.json"
FINISHED: Final = "finished.json"
PREVIOUS: Final = "previous_plan.json"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class NightBusyError(DispatchError):
    """Another run of this night is at work."""


class NightUnwrittenError(DispatchError):
    """The plan could not be written: nothing was decided."""


class NightUnpublishedError(DispatchError):
    """The night was decided, and stands; what it says could not be passed on."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a night was made from, as ``night.json`` keeps it.

    Attributes
    ----------
    night
        Local date on which its horizon begins.
    input_hash
        Of the input and of the settings that shape plan and output.
    num_tickets
        Tickets of the input that ask for a visit, faulty ones included.
    in_force
        Plan in force in the database that the plan is written to, when planning began.
    previous_is_given
        Whether the input named the plan in force, as ``previous_plan.json`` keeps it.
    carried_over
        Nights on which each ticket was left out up to this one, of those that have any.
    exit_code
        Of the plan: 0, 3 or 5.
    summary
        The one line.
    """

    night: str
    input_hash: str
    plan_id: str
    horizon_end: datetime
    num_tickets: int
    exit_code: int
    summary: str
    in_force: str | None = None
    previous_is_given: bool = False
    carried_over: Mapping[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the record as JSON."""
        return dump_json({**asdict(self), "horizon_end": self.horizon_end.isoformat()}, indent=1)


@dataclass(frozen=True, slots=True)
class Night:
    """A night that was decided: its folder stands whole.

    Attributes
    ----------
    finished
        What ``finished.json`` holds; None while something is left to publish.
    """

    folder: Path
    record: Record
    finished: Mapping[str, Any] | None = None  # Any: JSON

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to publish."""
        return self.finished is not None

    @property
    def is_void(self) -> bool:
        """Whether its plan was never in force: nobody was told of it in time."""
        return self.finished is not None and bool(self.finished.get("void"))

    @property
    def was_refused(self) -> bool:
        """Whether the receiver refused some of it."""
        return self.finished is not None and bool(self.finished.get("refused"))

    def plan(self) -> Plan:
        """Read its plan."""
        return read_plan(self.folder / "plan.json")

    def previous_plan(self) -> Plan | None:
        """Read the plan in force that its input named, if it did."""
        return read_plan(self.folder / PREVIOUS) if self.record.previous_is_given else None

    def finish(self, told: Mapping[str, Any]) -> None:
        """Mark it as finished, with what was published."""
        data = {"finished_at": datetime.now(UTC).isoformat(timespec="seconds"), **told}
        write_file(self.folder / FINISHED, dump_json(data, indent=1))


class Nights:
    """All nights of one output folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / ".night"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock: it ends with the process, however that ends.

        Raises
        ------
        NightBusyError
            If another run holds it.
        AdapterError
            If the folder cannot be made.
        """
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise AdapterError(f"{self.root}: cannot be written ({error.strerror}).") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "?"
                raise NightBusyError(
                    f"{self.root}: another night is at work (process {owner}). Let it finish."
                ) from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)

    def folder(self, night: str) -> Path:
        """Return the folder of a night, there or not."""
        return self.root / night

    def all(self) -> list[Night]:
        """Return every night that was decided, the oldest first.

        Raises
        ------
        AdapterError
            If a folder named like a night is none.
        """
        if not self.root.is_dir():
            return []
        # Where folders cannot be exchanged, a kill may have left only their hidden drafts.
        for entry in self.root.glob(".????-??-??-*"):
            recover_folder(self.root / entry.name[1:11])
        names = sorted(e.name for e in self.root.iterdir() if _DATE.fullmatch(e.name))
        return [self._read(name) for name in names]

    def get(self, night: str) -> Night | None:
        """Return one night, None if it was not decided."""
        return next((found for found in self.all() if found.record.night == night), None)

    def last(self, *, before: str = "9999", until: str = "9999") -> Night | None:
        """Return the newest night whose plan is or was in force, before or until a date."""
        found = [
            night
            for night in self.all()
            if not night.is_void and night.record.night < before and night.record.night <= until
        ]
        return found[-1] if found else None

    def unsettled(self, now: datetime) -> list[Night]:
        """Return the nights of which something is left to tell; of the newest what was refused."""
        nights = self.all()
        return [
            night
            for night in nights
            if not night.is_finished
            or (night is nights[-1] and night.was_refused and night.record.horizon_end > now)
        ]

    def point_latest(self, night: Night) -> None:
        """Let ``latest`` lead to a night, in one step."""
        draft = self.state / "latest"
        draft.unlink(missing_ok=True)
        draft.symlink_to(night.record.night)
        target = self.root / "latest"
        if not target.is_symlink() or os.readlink(target) != night.record.night:
            os.replace(draft, target)

    def _read(self, name: str) -> Night:
        folder = self.root / name
        path = folder / FINISHED
        try:
            raw = json.loads((folder / RECORD).read_bytes())
            record = Record(**{**raw, "horizon_end": datetime.fromisoformat(raw["horizon_end"])})
            finished = dict(json.loads(path.read_bytes())) if path.exists() else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise AdapterError(
                f"{folder}: named like a night, without a readable {RECORD} or with an unreadable "
                f"{FINISHED}. Move it away."
            ) from error
        return Night(folder, record, finished)
