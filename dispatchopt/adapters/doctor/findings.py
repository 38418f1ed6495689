"""What the doctor says: findings, counts, a grade."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from dispatchopt.errors import Issue, masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Level = Literal["fault", "doubt", "note"]
Grade = Literal["A", "B", "C", "D", "E", "F"]

MOST_EXAMPLES: Final = 3
_WEIGHTS: Final[Mapping[Level, int]] = {"fault": 3, "doubt": 1, "note": 0}
_GRADES: Final[tuple[tuple[float, Grade], ...]] = (
    (95, "A"), (85, "B"), (70, "C"), (50, "D"), (25, "E"),
)  # fmt: skip


@dataclass(slots=True)
class Finding:
    """Something wrong or odd, and where.

    Attributes
    ----------
    level
        ``fault``: planning refuses the row. ``doubt``: it plans, and is probably wrong. ``note``:
        worth knowing.
    rows
        Kind and id or place of the rows concerned; empty for what concerns a whole table.
    count
        How often it was found.
    """

    level: Level
    field: str
    text: str
    file: str = ""
    rows: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    examples: list[str] = dataclasses.field(default_factory=list)
    count: int = 0

    def note(self, kind: str, row: str, example: str) -> None:
        """Count one more case."""
        self.count += 1
        self.rows.add((kind, row))
        if example and len(self.examples) < MOST_EXAMPLES and example not in self.examples:
            self.examples.append(example)

    @property
    def weight(self) -> tuple[int, int]:
        """How bad it is: what concerns whole tables first, then faults three times a doubt."""
        is_of_table = self.level == "fault" and not self.rows
        return int(is_of_table), _WEIGHTS[self.level] * max(self.count, 1)


@dataclass(frozen=True, slots=True)
class TableReport:
    """A table as it was recognised.

    Attributes
    ----------
    filled
        Share of rows that fill it, by our column.
    headers
        Their header by our column.
    unknown
        Headers that name nothing of ours; the nearest guess, empty if there is none.
    """

    kind: str
    source: str
    rows: int
    headers: Mapping[str, str]
    filled: Mapping[str, float]
    unknown: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Code:
    """A code of the export that is none of ours."""

    code: str
    count: int
    guess: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that the doctor says of one input.

    Attributes
    ----------
    findings
        The worst first.
    codes
        Unknown codes by what they are (``fault_type``, ``priority``, ``skill`` …).
    mapping
        Text of a ``mapping.toml`` for this export; empty for JSON.
    """

    source: str
    tables: tuple[TableReport, ...]
    counts: Mapping[str, int]
    codes: Mapping[str, tuple[Code, ...]]
    findings: tuple[Finding, ...]
    score: float
    grade: Grade
    timezone: str
    mapping: str = ""

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as JSON has it."""
        return {
            "source": self.source,
            "grade": self.grade,
            "score": self.score,
            "timezone": self.timezone,
            "counts": dict(self.counts),
            "tables": [
                {
                    "kind": table.kind, "source": table.source, "rows": table.rows,
                    "columns": dict(table.headers), "filled": dict(table.filled),
                    "unknown": dict(table.unknown),
                }
                for table in self.tables
            ],
            "codes": {
                kind: [{"code": c.code, "count": c.count, "guess": c.guess} for c in codes]
                for kind, codes in self.codes.items()
            },
            "findings": [
                {
                    "level": one.level, "file": one.file, "field": one.field, "count": one.count,
                    "text": one.text, "examples": one.examples,
                }
                for one in self.findings
            ],
            "mapping": self.mapping,
        }  # fmt: skip


_CHANGING: Final = re.compile(r"'[^']*'|\d[\d.,:T+-]*")


def grouped(issues: Iterable[Issue], level: Level) -> list[Finding]:
    """Gather issues of one field with the same words; what they quote and count may differ."""
    found: dict[tuple[str, str, str, str], Finding] = {}
    for issue in issues:
        field_name = re.sub(r"\[\d+\]", "[]", issue.field)
        text = issue.message
        if text.startswith("unknown;"):  # what was meant differs from row to row
            text = "unknown; see the codes above" if issue.kind == "ticket" else text
        key = (issue.kind, issue.file, field_name, _CHANGING.sub("", text))
        finding = found.setdefault(key, Finding(level, field_name, text, issue.file))
        if issue.kind in ("ticket", "engineer", "shift", "place"):
            finding.note(issue.kind, row_key(issue.id, issue.line), example_of(issue))
        else:
            finding.count += 1
    return list(found.values())


def row_key(item_id: str, line: int) -> str:
    """Name a row within its table: ids may stand twice, lines do not."""
    return f"{item_id}@{line}"


def example_of(issue: Issue) -> str:
    """Write an example: id, line and the value as messages may show it."""
    value = f" = {issue.value}" if issue.value else ""
    return f"{safe_id(issue.id)}{f' (line {issue.line})' if issue.line else ''}{value}"


def safe_id(text: str) -> str:
    """Return an id as messages show it."""
    return text if text.isdecimal() else masked(text)


def grade(findings: Iterable[Finding], *, tickets: int, crew: int) -> tuple[float, Grade]:
    """Return the score of an input, 0 to 100, and its letter.

    ``100 x (1 - f) x (1 - e / 2) x (1 - d / 4) - 5 k``, at least 0: f is the share of ticket rows
    with a fault, e that of the rows of engineers and shifts, d the share of ticket rows with a
    doubt and no fault, k the number of faults of whole tables and settings. 95 is A, 85 B, 70 C,
    50 D, 25 E; less, or no ticket at all, is F.
    """
    faulty: set[tuple[str, str]] = set()
    doubtful: set[tuple[str, str]] = set()
    of_tables = 0
    for one in findings:
        if one.level == "fault":
            faulty |= one.rows
            of_tables += not one.rows
        elif one.level == "doubt":
            doubtful |= one.rows
    if not tickets:
        return 0.0, "F"
    bad = sum(kind == "ticket" for kind, _ in faulty) / tickets
    odd = sum(kind == "ticket" for kind, _ in doubtful - faulty) / tickets
    crew_bad = sum(kind in ("engineer", "shift") for kind, _ in faulty) / max(crew, 1)
    rows = (1 - min(bad, 1)) * (1 - min(crew_bad, 1) / 2) * (1 - min(odd, 1) / 4)
    score = round(max(0.0, 100 * rows - 5 * of_tables), 1)
    return score, next((letter for least, letter in _GRADES if score >= least), "F")
