"""The examination itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.assemble import fault_types_by_name
from dispatchopt.adapters.doctor.checks import crews, doubles, odd_times
from dispatchopt.adapters.doctor.findings import (
    Code,
    Examination,
    Finding,
    TableReport,
    grade,
    grouped,
)
from dispatchopt.adapters.doctor.guesses import CodeBook, texts, unknown_shifts
from dispatchopt.adapters.doctor.reading import Reading, count_filled, read_export, read_json
from dispatchopt.adapters.doctor.stub import SHIFT_HOURS, mapping_stub
from dispatchopt.adapters.headers import Column, index_beside, normal_header
from dispatchopt.adapters.mapping.codes import Codes
from dispatchopt.adapters.mapping.columns import COLUMNS_OF
from dispatchopt.adapters.publish import recover_folder
from dispatchopt.adapters.strict_json import is_json

if TYPE_CHECKING:
    from dispatchopt.adapters.mapping.files import TableKind
    from dispatchopt.adapters.tables import Sheet
    from dispatchopt.errors import Issue

_CODED: Final = {
    "fault_type": "fault_type", "priority": "priority", "status": "status", "lock": "lock",
    "area_class": "area_class",
}  # fmt: skip
"""Kind of code by our column of tickets."""


def examine(path: str | Path, *, now: datetime | None = None) -> Examination:
    """Inspect any export: a folder, a workbook, a CSV file, a problem in JSON.

    Headers that name no column are read as what they probably mean. Nothing is written. The text
    holds ids and codes only, never names, phones or addresses.

    Parameters
    ----------
    now
        What counts as the present; default: that of the settings, else the clock's.

    Raises
    ------
    AdapterError
        If nothing can be read at all.
    """
    path = Path(path)
    recover_folder(path)
    is_problem = is_json(path) and not path.is_dir()
    reading = read_json(path) if is_problem else read_export(path)
    moment = now or reading.now or datetime.now(UTC)
    catalogue = fault_types_by_name(reading.fault_types)
    book = CodeBook({fault.code: fault for fault in catalogue.values()})
    codes = dict(_codes(reading, book))
    findings = [
        *_of_readers(reading),
        *odd_times(reading.tickets, reading.shifts, moment),
        *doubles(reading.tickets),
        *crews(reading.tickets, reading.engineers, reading.shifts, catalogue),
        *_of_guesses(reading),
    ]
    findings.sort(key=lambda one: one.weight, reverse=True)
    sheets = {"tickets": reading.tickets, "engineers": reading.engineers, "shifts": reading.shifts}
    crew = len(reading.engineers.items) + len(reading.shifts.items)
    score, letter = grade(findings, tickets=len(reading.tickets.items), crew=crew)
    folder = path if path.is_dir() else path.parent
    return Examination(
        source=path.name,
        tables=tuple(_table(kind, sheet, reading) for kind, sheet in sheets.items()),
        counts=_counts(reading),
        codes=codes,
        findings=tuple(findings),
        score=score,
        grade=letter,
        timezone=reading.timezone,
        mapping="" if is_problem else mapping_stub(folder, reading, codes),
    )


def _of_readers(reading: Reading) -> Iterator[Finding]:
    """Yield what the planner itself would say."""
    absent = {f"{kind}.csv" for kind in COLUMNS_OF if reading.raw and kind not in reading.raw}
    issues: list[Issue] = []
    for issue in reading.issues:
        if issue.file in absent and issue.message.startswith("no such file"):
            continue
        if "shifts.csv" in absent and issue.field == "horizon":
            continue
        issues.append(issue)
    yield from grouped(issues, "fault")
    yield from grouped(reading.warnings, "doubt")
    for name in sorted(absent - {"tickets.csv"}):
        text = "not in this export; a plan needs tickets, engineers and shifts"
        yield Finding("note", "", text, name)


def _of_guesses(reading: Reading) -> Iterator[Finding]:
    if reading.is_guessed_zone and reading.raw:
        text = f"no time zone is declared; times without an offset were read as {reading.timezone}"
        yield Finding("note", "timezone", text)
    for kind, guesses in reading.guesses.items():
        if guesses:
            source = reading.raw[kind].source
            names = [f"{header} -> {name}" for header, name in guesses.items() if name]
            text = f"{len(guesses)} columns name nothing of ours, {len(names)} of them with a guess"
            finding = Finding("note", "", text, source, examples=names[:3], count=len(guesses))
            yield finding


def _table(kind: str, sheet: Sheet, reading: Reading) -> TableReport:
    counts = reading.filled[kind] if kind in reading.filled else count_filled(sheet)
    rows = reading.rows.get(kind, len(sheet.items))
    total = max(rows, 1)
    guesses: Mapping[str, str] = next(
        (found for name, found in reading.guesses.items() if name == kind), {}
    )
    return TableReport(
        kind=kind,
        source=sheet.file,
        rows=rows,
        headers=dict(sheet.headers),
        filled={name: round(counts[name] / total, 3) for name in sheet.headers},
        unknown=dict(guesses),
    )


def _counts(reading: Reading) -> dict[str, int]:
    tickets = reading.tickets.items
    by_status = Counter(str(item.values.get("status", "open")) for item in tickets)
    return {
        "tickets": len(tickets),
        **{f"tickets_{status}": count for status, count in sorted(by_status.items())},
        "engineers": len(reading.engineers.items),
        "shifts": len(reading.shifts.items),
        "faults": len(reading.issues),
        "warnings": len(reading.warnings),
    }


def _codes(reading: Reading, book: CodeBook) -> Iterator[tuple[str, tuple[Code, ...]]]:
    for what, name in _CODED.items():
        cells = _cells(reading, "tickets", name)
        column = next(c for c in reading.tickets.columns if c.name == name)
        found = book.unknown(column, cells, reading.clock)
        if found:
            yield what, found
    asked = {skill for item in reading.tickets.items for skill in _names(item.values.get("skills"))}
    held = Counter(
        skill for item in reading.engineers.items for skill in _names(item.values.get("skills"))
    )
    skills = book.unknown_skills(held, asked)
    if skills:
        yield "skill", skills
    if reading.raw:
        shifts = unknown_shifts(_cells(reading, "shifts", "hours"), reading.shift_names)
        if shifts:
            yield SHIFT_HOURS, shifts


def _names(value: Any) -> list[str]:  # Any: a value of JSON
    return [str(name) for name in value] if isinstance(value, Mapping) else []


def _cells(reading: Reading, kind: TableKind, name: str) -> list[str]:
    """Return the cells of a column as the mapping translates them; of JSON what stands there."""
    table = reading.raw.get(kind)
    if table is None:
        values = (item.values.get(name) for item in reading.tickets.items)
        return [str(value) for value in values if value is not None]
    mapping = reading.mapping
    names = {} if mapping is None or kind not in mapping.columns else mapping.columns[kind].ours
    index = index_beside(table.headers, COLUMNS_OF[kind], names)
    codes = Codes() if mapping is None else mapping.codes
    for place, header in enumerate(table.headers):
        column: Column | None = index.get(normal_header(names.get(normal_header(header), header)))
        if column is not None and column.name == name:
            return [
                codes.translate(name, text) for text in texts((r.cells for r in table.rows), place)
            ]
    return []
