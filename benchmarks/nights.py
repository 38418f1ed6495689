"""Nights killed at a random moment each: half outputs and double publishes are counted.

Every night is run in a process of its own, killed (SIGKILL) at a moment drawn evenly over the time
that a whole night takes, and started again until it ends. A receiver takes the messages away as
they come. Counted are nights whose folder is not whole when the process is dead, messages that came
twice, nights whose plan changed once it was there, and tickets of which the receiver was told last
something else than the plan says.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, figure_rows
from benchmarks.machine import describe_machine
from benchmarks.table import Rows, render
from dispatchopt.adapters.json_files import read_plan, write_problem
from dispatchopt.generator import generate
from dispatchopt.night import Hooks, Nights, read_config, run_night
from dispatchopt.report.outputs import REPLACEABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_DAY = date(2026, 11, 23)
NIGHTS_A_ROOT = 10
"""So many nights follow each other in one output folder."""

SETTINGS = """\
[input]
file = "problem.json"
[plan]
iterations = 20
threads = 1
prove = false
[output]
folder = "out"
excel = {excel}
log = "night.log"
[publish]
to = "folder"
folder = "to_backend"
backoff = 0
"""

ALWAYS = frozenset(REPLACEABLE) - {"staffing.csv", "rejected.csv", "warnings.csv", "plan.xlsx"} | {
    "night.json",
    "summary.txt",
    "doctor.json",
}
"""What every whole output holds."""


@dataclass
class Tally:
    """What the nights came to."""

    nights: int = 0
    kills: int = 0
    half_outputs: int = 0
    double_publishes: int = 0
    changed_plans: int = 0
    wrong_states: int = 0
    unfinished: int = 0
    messages: int = 0
    seconds: list[float] = field(default_factory=list)
    killed_after: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> dict[str, int]:
        """Counts that must be nought."""
        return {
            "half outputs": self.half_outputs,
            "double publishes": self.double_publishes,
            "plans changed once there": self.changed_plans,
            "tickets told last something else": self.wrong_states,
            "nights not finished": self.unfinished,
        }


class Root:
    """One output folder, its input, and the receiver of its messages."""

    def __init__(self, base: Path, tally: Tally, *, excel: bool) -> None:
        self.base, self.tally = base, tally
        (base / "night.toml").write_text(SETTINGS.format(excel=str(excel).lower()))
        self.seen: Counter[str] = Counter()
        self.told: dict[str, dict[str, str]] = {}
        self.plans: dict[str, bytes] = {}

    def prepare(self, day: int, tickets: int) -> None:
        """Write the input of a night."""
        start = FIRST_DAY + timedelta(days=day)
        problem = generate(tickets=tickets, seed=day, start=start, appointment_percent=0)
        write_problem(problem, self.base / "problem.json")

    def run(self, day: int) -> int:
        """Run the night in a new process; its id."""
        child = os.fork()
        if child:
            return child
        code = 70  # whatever goes wrong here, the process ends here
        try:
            eve = FIRST_DAY + timedelta(days=day)
            hooks = Hooks(now=lambda: datetime(eve.year, eve.month, eve.day, tzinfo=UTC))
            code = run_night(read_config(self.base / "night.toml"), hooks=hooks).exit_code
        finally:
            os._exit(code)

    def look(self) -> None:
        """Take the messages, and look for what must not be."""
        for path in sorted((self.base / "to_backend").glob("*.json")):
            document = json.loads(path.read_text("utf-8"))
            self.seen[path.name] += 1
            self.tally.double_publishes += self.seen[path.name] > 1
            self.told[document["ticket_id"]] = document
            path.unlink()
            self.tally.messages += 1
        for folder in sorted((self.base / "out").glob("????-??-??")):
            names = {entry.name for entry in folder.iterdir()}
            if not names >= ALWAYS:
                self.tally.half_outputs += 1
                continue
            data = (folder / "plan.json").read_bytes()
            before = self.plans.setdefault(folder.name, data)
            self.tally.changed_plans += before != data

    def judge(self, day: int) -> None:
        """Compare what the receiver knows with the plan of a night that has ended."""
        folder = self.base / "out" / str(FIRST_DAY + timedelta(days=day))
        nights = Nights(self.base / "out").all()
        if not nights or not all(night.is_finished for night in nights):
            self.tally.unfinished += 1
            return
        for route in read_plan(folder / "plan.json").routes:
            for visit in route.visits:
                told = self.told.get(visit.ticket_id, {})
                self.tally.wrong_states += told.get("shift_id") != route.shift_id

    def steps(self) -> list[str]:
        """Return the steps that the journal tells of."""
        with suppress(OSError):
            lines = (self.base / "night.log").read_text("utf-8").splitlines()
            return [json.loads(line)["step"] for line in lines if line.endswith("}")]
        return []


def wait(child: int, seconds: float) -> int | None:
    """Wait for a process; its exit code, None if it had to be killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def run_nights(count: int, tickets: int, seed: int, *, excel: bool) -> Tally:
    """Run so many nights, each killed once and then ended."""
    rng, tally = random.Random(seed), Tally()
    while tally.nights < count:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            root = Root(Path(folder), tally, excel=excel)
            for day in range(min(NIGHTS_A_ROOT, count - tally.nights)):
                _night(root, day, tickets, rng, is_first=not tally.seconds)
                tally.nights += 1
    return tally


def _night(root: Root, day: int, tickets: int, rng: random.Random, *, is_first: bool) -> None:
    tally = root.tally
    root.prepare(day, tickets)
    whole = 0.0 if is_first else sorted(tally.seconds)[len(tally.seconds) // 2]
    before = len(root.steps())
    if whole and wait(root.run(day), rng.uniform(0, 1.1 * whole)) is None:
        tally.kills += 1
        reached = root.steps()[before:]
        tally.killed_after[reached[-1] if reached else "start"] += 1
    root.look()
    begin = time.monotonic()
    code = wait(root.run(day), 120)
    if code == 0 and day == 0:  # a whole night, without anything to resume
        tally.seconds.append(time.monotonic() - begin)
    root.look()
    if code not in (0, 5):
        tally.unfinished += 1
    else:
        root.judge(day)


def figures(tally: Tally) -> list[Figure]:
    """Return the counts that must be nought, and how many kills there were."""
    found = [
        Figure("nights", name, count, "", at_most=0, remark=f"of {tally.nights} nights")
        for name, count in tally.faults.items()
    ]
    where = ", ".join(f"{name} {count}" for name, count in tally.killed_after.most_common())
    remark = f"killed after the step: {where}; {tally.messages} messages"
    return [*found, Figure("nights", "kills that hit", tally.kills, "", remark=remark)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and count; 0, or 1 if anything was half, double, changed or wrong."""
    options = _parser().parse_args(argv)
    count = 6 if options.smoke else options.nights
    _warm(options.tickets)
    tally = run_nights(count, options.tickets, options.seed, excel=options.excel)
    found = figures(tally)
    machine = describe_machine()
    rows: Rows = [["what", "value"], *([key, value] for key, value in machine.items())]
    sys.stdout.write(render("Machine", rows, markdown=options.markdown) + "\n")
    sys.stdout.write(render("Figures", figure_rows(found), markdown=options.markdown) + "\n")
    if options.out:
        data = {"machine": machine, "tally": asdict(tally)}
        options.out.write_text(json.dumps(data, indent=1) + "\n")
    return 1 if any(tally.faults.values()) else 0


def _warm(tickets: int) -> None:
    """Load everything once, so that each night's process has it from its parent."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        root = Root(Path(folder), Tally(), excel=False)
        root.prepare(0, tickets)
        now = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
        run_night(read_config(root.base / "night.toml"), hooks=Hooks(now=lambda: now))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nights", description=__doc__)
    parser.add_argument("--nights", type=int, default=500)
    parser.add_argument("--tickets", type=int, default=16, help="of each night")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--excel", action="store_true", help="write plan.xlsx, too (openpyxl)")
    parser.add_argument("--out", type=Path, help="write the counts as JSON")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--smoke", action="store_true", help="six nights")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
