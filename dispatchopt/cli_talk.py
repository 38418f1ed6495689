"""What every command shares: exit codes, streams, errors without tracebacks, signals."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

from dispatchopt.errors import AdapterError, DispatchError, InvalidProblemError, Issue
from dispatchopt.report.exit_codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType, TracebackType

    from dispatchopt.solve import Progress


class Refused(DispatchError):
    """An option, a path or an input with which nothing is begun."""

    def __init__(self, message: str, issues: Sequence[Issue] = ()) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join([message, *(f"  - {issue}" for issue in issues)]))


class NoPlan(DispatchError):
    """The run ends without output."""


class Talk:
    """What goes to the terminal: answers to the output, notes and errors beside it."""

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet, self.as_json = quiet, as_json
        plain: dict[str, Any] = {"markup": False, "highlight": False, "soft_wrap": True}
        self._out, self._err = _Console(**plain), _Console(**plain, stderr=True)

    def say(self, text: str) -> None:
        """Print the answer for people."""
        if not self.quiet and not self.as_json:
            self._out.print(_printable(text))

    def answer(self, data: dict[str, Any]) -> None:  # Any: JSON
        """Print the answer for programs, in JSON mode only."""
        if self.as_json:
            self._out.out(json.dumps(data, ensure_ascii=False, default=str), highlight=False)

    def note(self, text: str) -> None:
        """Print what is going on."""
        if not self.quiet and not self.as_json:
            self._tell(text)

    def warn(self, warnings: Sequence[Issue | str]) -> None:
        """Print what looks like a slip, a line each."""
        for warning in warnings:
            self.note(f"Warning: {warning}")

    def complain(self, text: str) -> None:
        """Print an error, whatever else is asked for."""
        self._tell(text)

    def fail(self, code: Code, status: str, message: str, issues: Sequence[Issue]) -> NoReturn:
        """Print an error and end the run."""
        self._tell(message)
        title = message.split("\n", 1)[0]
        told = {"message": title, "issues": listing(issues)}
        self.answer({"status": status, "exit_code": int(code), **told})
        raise typer.Exit(code)

    def _tell(self, text: str) -> None:
        # A full disk below the error stream ends no run.
        try:
            self._err.print(_printable(text))
        except OSError:
            self._err.on_broken_pipe()

    @contextmanager
    def progress(self) -> Iterator[Callable[[Progress], None]]:
        """Show how a search goes: live on a terminal, elsewhere a line now and then."""
        if self.quiet or self.as_json:
            yield lambda _progress: None
        elif self._err.is_terminal:
            with self._err.status("Planning") as status:
                yield lambda progress: status.update(_progress_line(progress))
        else:
            yield self._line_now_and_then()

    def _line_now_and_then(self) -> Callable[[Progress], None]:
        due = 10.0

        def show(progress: Progress) -> None:
            nonlocal due
            if progress.seconds >= due:
                due *= 2
                self.note(_progress_line(progress))

        return show


def listing(issues: Sequence[Issue]) -> list[dict[str, Any]]:  # Any: JSON
    """Return issues as JSON has them."""
    return [asdict(issue) for issue in issues]


class _Console(Console):
    """A console that falls silent when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Let what follows go nowhere: the work goes on."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def _progress_line(progress: Progress) -> str:
    from dispatchopt.report.summary import number

    bound = ""
    if progress.bound is not None:
        gap = (progress.cost - progress.bound) / max(progress.cost, 1)
        bound = f", bound {number(progress.bound)}, gap {gap:.1%}"
    return (
        f"{progress.seconds:.0f} s: cost {number(progress.cost)}{bound}, "
        f"{progress.unserved} left out, {number(progress.iterations)} iterations"
    )


def _printable(text: str) -> str:
    """Write out what would steer a terminal."""
    return "".join(
        char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text
    )


@contextmanager
def guard(talk: Talk, *, debug: bool, verbose: bool) -> Iterator[None]:
    """Turn every error into a message and an exit code."""
    try:
        with _logging(logging.INFO if verbose else logging.WARNING, is_off=talk.quiet):
            yield
    except typer.Exit:
        raise
    except (InvalidProblemError, Refused) as error:
        talk.fail(Code.BAD_INPUT, "bad_input", str(error), error.issues)
    except AdapterError as error:
        talk.fail(Code.BAD_INPUT, "bad_input", str(error), ())
    except NoPlan as error:
        talk.fail(Code.NO_PLAN, "no_plan", str(error), ())
    except KeyboardInterrupt:
        message = "Interrupted before there was a plan. Nothing was written."
        talk.fail(Code.NO_PLAN, "interrupted", message, ())
    except Exception as error:
        if debug:
            traceback.print_exc()
        talk.fail(Code.NO_PLAN, "error", _our_fault(error), ())


def _our_fault(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"The system refused: {error.strerror} ({error.filename or 'no file named'})."
    if isinstance(error, MemoryError):
        return "Memory ran out. Plan fewer days or tickets at once."
    # The text of a foreign error may quote the input, names of people in it.
    text = f": {error}" if isinstance(error, DispatchError) else ""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return (
        f"{type(error).__name__} at {where}{text}. "
        "This is a fault of ours: please report it with what --debug shows."
    )


@contextmanager
def _logging(level: int, *, is_off: bool) -> Iterator[None]:
    logger = logging.getLogger("dispatchopt")
    before = logger.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR if is_off else level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class Stop:
    """Lets the first SIGINT or SIGTERM end the search politely; a second one ends the run."""

    def __init__(self) -> None:
        self.was_obeyed = False
        self._is_asked = self._is_deferring = False
        self._before: dict[int, Any] = {}  # Any: signal's own type of handlers

    def __enter__(self) -> Stop:
        """Take the signals over."""
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        is_foreign = isinstance(error, Exception) and not isinstance(
            error, DispatchError | typer.Exit
        )
        # An interrupt while compiled modules are loaded comes out of them as an ImportError.
        if is_foreign and self._is_asked and not self._is_deferring:
            raise KeyboardInterrupt from error

    def defer(self) -> None:
        """Let a signal from here on wait for `obey`: there will be a plan to write.

        One that came before ends the run here, if nothing else did: an exception that its handler
        raises while compiled kernels are loaded from their cache is printed and lost.
        """
        self._is_deferring = True
        if self._is_asked:
            raise KeyboardInterrupt

    def obey(self) -> None:
        """End the search if that was asked for; from a place where its state is sound."""
        if self._is_asked and not self.was_obeyed:
            self.was_obeyed = True
            raise KeyboardInterrupt

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        was_asked, self._is_asked = self._is_asked, True
        if was_asked or not self._is_deferring:
            raise KeyboardInterrupt
