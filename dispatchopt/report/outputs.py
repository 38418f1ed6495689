"""Everything that a planning run leaves in its folder, published all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from dispatchopt.adapters.json_files import plan_bytes
from dispatchopt.adapters.people_csv import people_csv
from dispatchopt.adapters.publish import publish_folder
from dispatchopt.adapters.strict_json import dump_json
from dispatchopt.adapters.visit_rows import rows_csv, unserved_rows, visit_rows
from dispatchopt.report.chat import chat_texts
from dispatchopt.report.kpis import plan_kpis
from dispatchopt.report.readable import readable_detail
from dispatchopt.report.run_sheets import file_names, run_sheets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatchopt.adapters.visit_rows import RowTable
    from dispatchopt.errors import Issue
    from dispatchopt.models import Plan, Problem, Rejected
    from dispatchopt.report.contact import FirstContact
    from dispatchopt.report.glossary import Language
    from dispatchopt.shadow import ShadowPrices

REPLACEABLE: Final = (
    "plan.json", "visits.csv", "unserved.csv", "kpis.json", "staffing.csv", "rejected.csv",
    "warnings.csv", "run_sheets", "texts", "plan.xlsx",
)  # fmt: skip
"""What an output folder holds; a folder with anything else in it is left alone."""


def write_outputs(
    problem: Problem,
    plan: Plan,
    folder: str | Path,
    *,
    rejected: Sequence[Rejected] | None = None,
    issues: Sequence[Issue] = (),
    warnings: Sequence[Issue] = (),
    shadow_prices: ShadowPrices | None = None,
    language: Language | Literal["both"] = "both",
    contact: FirstContact | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> None:
    """Write plan, tables, key figures and run sheets; the folder is replaced as a whole.

    A kill at any moment leaves the old output or the new one, never a mixture. Files:
    ``plan.json``, ``visits.csv``, ``unserved.csv``, ``kpis.json``, ``run_sheets/<engineer>.md``
    (with both languages ``.en.md`` and ``.zh.md``), ``staffing.csv`` if shadow prices are
    given, ``rejected.csv`` if anything was rejected and ``warnings.csv`` if there are any;
    ``texts/<engineer>.txt`` to paste into a chat, endings as those of the run sheets.
    ``unserved.csv`` tells the facts behind each reason in words; ``plan.json`` keeps them as data.

    Parameters
    ----------
    folder
        A new or empty folder, or one with an earlier output.
    rejected
        Tickets refused at input; default: those that the plan lists.
    issues
        Faults found at input (`Intake.issues`): they name file, line and field in
        ``rejected.csv``, and the engineers left out.
    warnings
        What of the input looks like a slip (`Intake.warnings`).
    shadow_prices
        What more hours, engineers, skills would be worth (`Result.shadow_prices`).
    contact
        By when customers are called; default: `report.contact.FirstContact` as it is.
    extra
        Content of more files by name, published with the others: ``plan.xlsx`` of
        `report.workbook.workbook_bytes`, or what a layer above adds.

    Raises
    ------
    InvalidProblemError
        If the plan does not belong to the problem, or has visits without times.
    AdapterError
        If the folder holds other files, or cannot be written.
    """
    refused = plan.rejected if rejected is None else rejected
    files = output_files(
        problem,
        plan,
        rejected=refused,
        issues=issues,
        warnings=warnings,
        language=language,
        contact=contact,
    )
    if shadow_prices is not None:
        files["staffing.csv"] = shadow_prices.to_csv().encode("utf-8-sig")
    files |= extra or {}
    replaceable = {*REPLACEABLE, *(name.split("/")[0] for name in extra or ())}
    publish_folder(Path(folder), files, replaceable=replaceable)


def output_files(
    problem: Problem,
    plan: Plan,
    *,
    rejected: Sequence[Rejected],
    issues: Sequence[Issue],
    language: Language | Literal["both"],
    warnings: Sequence[Issue] = (),
    contact: FirstContact | None = None,
) -> dict[str, bytes]:
    """Return the content of each output file, as `write_outputs` publishes it."""
    files = {
        "plan.json": plan_bytes(plan),
        "visits.csv": rows_csv(visit_rows(plan, problem), problem),
        "unserved.csv": rows_csv(_unserved_table(plan, problem), problem),
        "kpis.json": dump_json(plan_kpis(problem, plan), indent=1),
    }
    if rejected or issues:
        files["rejected.csv"] = _issues_csv(issues, rejected)
    if warnings:
        files["warnings.csv"] = _issues_csv(warnings)
    names = file_names(engineer.id for engineer in problem.engineers)
    languages: tuple[Language, ...] = ("en", "zh") if language == "both" else (language,)
    for spoken in languages:
        ending = f".{spoken}" if language == "both" else ""
        sheets = run_sheets(problem, plan, language=spoken, contact=contact)
        for engineer_id, text in sheets.items():
            files[f"run_sheets/{names[engineer_id]}{ending}.md"] = text.encode()
        texts = chat_texts(problem, plan, language=spoken, contact=contact)
        for engineer_id, text in texts.items():
            files[f"texts/{names[engineer_id]}{ending}.txt"] = text.encode()
    return files


def _unserved_table(plan: Plan, problem: Problem) -> RowTable:
    """Return the rows of the tickets left out, with `detail` as people read it."""
    table = unserved_rows(plan, problem)
    column = list(table.columns).index("detail")
    for row, unserved in zip(table.rows, plan.unserved, strict=True):
        row[column] = readable_detail(unserved.detail)
    return table


def _issues_csv(issues: Sequence[Issue], rejected: Sequence[Rejected] = ()) -> bytes:
    """One row for each issue, and one for each rejected ticket of which no fault is told."""
    rows = [(i.kind, i.id, i.field, i.value, i.message, i.file, i.line or "") for i in issues]
    told = {issue.id for issue in issues if issue.kind == "ticket"}
    rows += [
        ("ticket", entry.ticket_id, "", "", message, "", "")
        for entry in rejected
        if entry.ticket_id not in told
        for message in entry.issues or ("",)
    ]
    return people_csv(["kind", "id", "field", "value", "message", "file", "line"], rows)
