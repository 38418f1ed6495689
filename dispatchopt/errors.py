"""The exception tree, and the issue that every reader and validator reports.

::

    DispatchError
    ├── InvalidProblemError   (also a ValueError)  the problem contradicts itself or the schema
    ├── AdapterError                               a file, frame or database fails to read or write
    ├── UnsupportedRuleError                       a solver was given a form that it does not know
    └── InternalError                              our own mistake: no plan passed the checker

"No feasible plan" and "time is up" are statuses of a result, not exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault of an input: who, which value, what is allowed and what to do.

    Attributes
    ----------
    kind
        What carries the fault: ``ticket``, ``engineer``, ``shift``, ``travel``, ``policy``,
        ``fault_type``, ``plan`` or ``problem``.
    id
        Public id of the faulty item, empty if it has none.
    field
        Field or column with the fault, empty if it concerns the whole item.
    value
        The value found, as text; long values are cut.
    message
        What is allowed, and the way out.
    file, line
        Where it stands; line 0 where the source has no lines.
    """

    kind: str
    id: str
    field: str
    value: str
    message: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """One line: place, item, field, value, way out."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        item = f"{self.kind} '{self.id}'" if self.id else self.kind
        field = f", {self.field}" if self.field else ""
        value = f" = {self.value}" if self.value else ""
        return f"{where}{item}{field}{value}: {self.message}"


class DispatchError(Exception):
    """Base of every error that this package raises on purpose."""


def _listing(title: str, issues: Sequence[Issue]) -> str:
    return "\n".join([title, *(f"  - {issue}" for issue in issues)])


class InvalidProblemError(DispatchError, ValueError):
    """The problem is not plannable as given; `issues` lists every fault found.

    Parameters
    ----------
    issues
        All faults, in input order.
    """

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        count = len(self.issues)
        title = f"The problem has {count} fault{'' if count == 1 else 's'}:"
        super().__init__(_listing(title, self.issues))

    def __reduce__(self) -> tuple[type, tuple[tuple[Issue, ...]]]:
        """Rebuild from the issues when pickled (worker processes)."""
        return type(self), (self.issues,)


class AdapterError(DispatchError):
    """A source cannot be read, or a target cannot be written."""


class UnsupportedRuleError(DispatchError):
    """A solver was asked for a form that it does not support."""


class InternalError(DispatchError):
    """A bug of ours: every plan was refused by the checker. The message carries seed and rule."""
