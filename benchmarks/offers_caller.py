"""One process of callers that book windows; called by `benchmarks.offers`, killed at any moment.

Each caller (a thread) works through customers of its own and keeps a log of one line before and
after every call to the desk, so that whoever comes after a kill makes the call in hand again, with
the same request id, and goes on. What a log says was told is what the ledger must hold.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.kills import READY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatchopt.booking import Desk
    from dispatchopt.models import Ticket

RELEASE, RESCHEDULE, CANCEL = 0.08, 0.08, 0.55
"""Shares of customers who give a held window back, change a confirmed one, or cancel it: so many
that a branch is full only after thousands of bookings."""

ATTEMPTS = 6
"""Windows that a customer tries before giving up."""

Line = dict[str, Any]  # Any: JSON


class Log:
    """What one caller was told; survives the caller."""

    def __init__(self, path: Path) -> None:
        self.lines = list(read_log(path))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        whole = sum(len(json.dumps(line)) + 1 for line in self.lines)
        os.ftruncate(self._file, whole)  # a line that a kill cut short

    def add(self, **line: object) -> None:
        """Append a line: handed to the system at once, whatever happens to this process."""
        os.write(self._file, (json.dumps(line) + "\n").encode())


def read_log(path: Path) -> Iterator[Line]:
    """Return the whole lines of a log."""
    if path.exists():
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


class Caller:
    """Books for its customers, one after the other."""

    def __init__(self, desk: Desk, log: Log, tickets: list[Ticket], seed: int) -> None:
        self.desk, self.log, self.tickets, self.seed = desk, log, tickets, seed

    def run(self) -> None:
        """Go on after the last customer whose call has ended."""
        ended = Counter(line["ticket"] for line in self.log.lines if line["what"] == "end")
        for ticket in self.tickets:
            if not ended[ticket.id]:
                before = [line for line in self.log.lines if line["ticket"] == ticket.id]
                Call(self, ticket, before).run()


class Call:
    """All that one customer wants; repeats what was begun before with the same request ids."""

    def __init__(self, caller: Caller, ticket: Ticket, before: list[Line]) -> None:
        self.desk, self.log, self.ticket = caller.desk, caller.log, ticket
        self.before = {line["request"]: line for line in before if line["what"] == "asks"}
        self.refused = {line["request"] for line in before if line["what"] == "conflict"}
        self.random = random.Random(f"{caller.seed}:{ticket.id}")

    def run(self) -> None:
        """Hold a window and confirm it, or give it back; perhaps change or cancel it later."""
        fate = self.random.random()
        held = self._hold()
        if held is None:
            return self._end("nothing")
        if fate < RELEASE:
            self._step("release", held.version)
            return self._end("released")
        version = self._step("confirm", held.version)
        if RELEASE <= fate < RELEASE + RESCHEDULE:
            version = self._reschedule(version)
        if RELEASE + RESCHEDULE <= fate < RELEASE + RESCHEDULE + CANCEL:
            self._step("cancel", version)
            return self._end("cancelled")
        return self._end("confirmed")

    def _hold(self) -> Any:  # Any: a booking
        from dispatchopt.errors import BookingConflictError

        offers = None
        for attempt in range(ATTEMPTS):
            request = f"{self.ticket.id}:hold:{attempt}"
            if request in self.refused:
                continue
            asked = self.before.get(request)
            if asked is None:
                offers = self.desk.offer(self.ticket) if offers is None else offers
                if not offers:
                    return None
                window = self.random.choice(offers[:3]).window
                asked = self._asks("hold", request, window)
            window = _window(asked)
            try:
                booking = self.desk.hold(self.ticket, window, request_id=request)
            except BookingConflictError as error:
                offers = error.offers
                self._conflict(request, error)
                continue
            self._tell("hold", request, booking)
            return booking
        return None

    def _step(self, kind: str, version: int) -> int:
        request = f"{self.ticket.id}:{kind}"
        if request not in self.before:
            self._asks(kind, request, None)
        booking = getattr(self.desk, kind)(self.ticket.id, request_id=request, version=version)
        self._tell(kind, request, booking)
        return int(booking.version)

    def _reschedule(self, version: int) -> int:
        from dispatchopt.errors import BookingConflictError

        request = f"{self.ticket.id}:reschedule"
        if request in self.refused:
            return version
        asked = self.before.get(request)
        if asked is None:
            offers = self.desk.offer(self.ticket)
            if not offers:
                return version
            asked = self._asks("reschedule", request, self.random.choice(offers[:3]).window)
        try:
            booking = self.desk.reschedule(
                self.ticket.id,
                _window(asked),
                consent_of="customer",
                request_id=request,
                version=version,
            )
        except BookingConflictError as error:
            self._conflict(request, error)
            return version
        self._tell("reschedule", request, booking)
        return int(booking.version)

    def _asks(self, kind: str, request: str, window: Any) -> Line:  # Any: a window
        line: Line = {"ticket": self.ticket.id, "what": "asks", "kind": kind, "request": request}
        if window is not None:
            line["window"] = [window.open.isoformat(), window.close.isoformat()]
        self.log.add(**line)
        return line

    def _conflict(self, request: str, error: Any) -> None:  # Any: a booking conflict
        self.log.add(ticket=self.ticket.id, what="conflict", request=request, reason=error.reason)

    def _tell(self, kind: str, request: str, booking: Any) -> None:  # Any: a booking
        window = booking.window
        self.log.add(
            ticket=self.ticket.id,
            what="told",
            kind=kind,
            request=request,
            state=booking.state,
            window=[window.open.isoformat(), window.close.isoformat()],
        )

    def _end(self, outcome: str) -> None:
        self.log.add(ticket=self.ticket.id, what="end", outcome=outcome)


def _window(line: Line) -> Any:  # Any: a window
    from datetime import datetime

    from dispatchopt.models import Window

    opens, closes = map(datetime.fromisoformat, line["window"])
    return Window(open=opens, close=closes)


def main(order: Line) -> None:
    """Make a desk and let its callers work; exit code 1 if one of them failed."""
    from dispatchopt.adapters.json_files import read_plan, read_problem
    from dispatchopt.booking import Desk, Ledger
    from dispatchopt.models import Ticket

    folder, callers = Path(order["folder"]), order["callers"]
    problem = read_problem(folder / "problem.json").problem
    plan = read_plan(folder / "plan.json")
    lines = (folder / "tickets.jsonl").read_text().splitlines()
    desk = Desk(problem, plan, Ledger(order["ledger"]), clock=lambda: problem.horizon.start)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        mine = [Ticket.model_validate_json(line) for line in lines[number :: order["of"]]]
        try:
            log = Log(folder / f"caller-{number:02d}.log")
            Caller(desk, log, mine, order["seed"]).run()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in callers]
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
