"""Measured figures, each held against what the project promises."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.table import Rows


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes
    ----------
    value
        None if it could not be measured; `remark` says why.
    at_least, at_most
        The promise; both None where there is none.
    remark
        What it was measured on, and the spread.
    raw
        The single measurements behind it, in the order made.
    """

    group: str
    what: str
    value: float | None
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    remark: str = ""
    raw: tuple[float, ...] = ()

    @property
    def aim(self) -> str:
        """The promise in words."""
        if self.at_least is not None:
            return f">= {number(self.at_least)}"
        return "-" if self.at_most is None else f"<= {number(self.at_most)}"

    @property
    def verdict(self) -> str:
        """``PASS``, ``FAIL``, ``FAIL: not measured`` or ``not judged``."""
        if self.value is None:
            return "FAIL: not measured"
        if self.at_least is None and self.at_most is None:
            return "not judged"
        is_low = self.at_least is not None and self.value < self.at_least
        is_high = self.at_most is not None and self.value > self.at_most
        return "FAIL" if is_low or is_high else "PASS"

    def unjudged(self) -> Figure:
        """Return the same figure without a promise: made too small to be held to it."""
        return replace(self, at_least=None, at_most=None)


@dataclass(slots=True)
class Spent:
    """Seconds that something took.

    Attributes
    ----------
    cpu
        Of this process, all threads: what a promise is held against, for other work on the machine
        hardly changes it. On an idle machine wall time is the same for work of one thread.
    wall
        By the clock on the wall.
    """

    cpu: float = 0.0
    wall: float = 0.0


@contextmanager
def timed() -> Iterator[Spent]:
    """Measure the block; the figures stand once it is left."""
    spent = Spent()
    cpu, wall = time.process_time(), time.perf_counter()
    yield spent
    spent.cpu, spent.wall = time.process_time() - cpu, time.perf_counter() - wall


def figure_rows(figures: Sequence[Figure]) -> Rows:
    """One row for each figure: value, aim, verdict, remark."""
    rows = [["group", "figure", "value", "unit", "aim", "verdict", "remark"]]
    for figure in figures:
        value = "-" if figure.value is None else number(figure.value)
        rows.append(
            [
                figure.group,
                figure.what,
                value,
                figure.unit,
                figure.aim,
                figure.verdict,
                figure.remark,
            ]
        )
    return rows


def number(value: float) -> str:
    """Write a number with three digits, or whole from a thousand on."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(values: Sequence[float]) -> str:
    """Return the lowest, the middle and the highest of some values in words."""
    return f"{number(min(values))} .. {number(median(values))} .. {number(max(values))}"
