"""The folder of a night: the plan's own output, and what compares it with the night before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Final

from dispatchopt.adapters.json_files import plan_bytes
from dispatchopt.adapters.policy_files import read_limits
from dispatchopt.adapters.publish import publish_folder
from dispatchopt.adapters.strict_json import dump_json
from dispatchopt.night.bookings import FILES, problem_files
from dispatchopt.night.guards import num_tickets
from dispatchopt.night.nights import FINISHED, PREVIOUS, RECORD, Record
from dispatchopt.night.updates import UPDATES
from dispatchopt.report.contact import CONTACT_MINUTES, FirstContact
from dispatchopt.report.diff_text import diff_lines
from dispatchopt.report.exit_codes import code_of
from dispatchopt.report.outputs import REPLACEABLE, output_files
from dispatchopt.report.workbook import workbook_bytes

if TYPE_CHECKING:
    from dispatchopt.adapters.doctor import Examination
    from dispatchopt.models import Plan, Problem
    from dispatchopt.models.intake import Intake
    from dispatchopt.night.config import NightConfig, OutputConfig
    from dispatchopt.report.diff import PlanDiff
    from dispatchopt.report.glossary import Language
    from dispatchopt.shadow import ShadowPrices

OURS: Final = (
    *REPLACEABLE, RECORD, FINISHED, "diff*", "summary.txt", "doctor.json", PREVIOUS, UPDATES,
    *FILES,
)  # fmt: skip
"""What the folder of a night may hold."""


def record_of(
    night: str,
    intake: Intake,
    problem: Problem,
    plan: Plan,
    *,
    input_hash: str,
    in_force: str | None,
) -> Record:
    """Return what a night was made from; its summary comes with its folder.

    Parameters
    ----------
    intake, problem
        What was read, and what was planned of it.
    """
    left_out = {item.ticket_id for item in plan.unserved}
    waited = {
        ticket.id: ticket.carried_over + (ticket.id in left_out) for ticket in problem.tickets
    }
    return Record(
        night=night,
        input_hash=input_hash,
        plan_id=plan.plan_id,
        horizon_end=problem.horizon.end,
        num_tickets=num_tickets(intake),
        exit_code=int(code_of(intake, plan)),
        summary="",
        in_force=in_force,
        previous_is_given=intake.problem.previous_plan is not None,
        carried_over={ticket_id: nights for ticket_id, nights in waited.items() if nights},
    )


def write_night(
    config: NightConfig,
    intake: Intake,
    plan: Plan,
    record: Record,
    *,
    diff: PlanDiff | None,
    examination: Examination | None,
    shadow_prices: ShadowPrices | None,
    updates: bytes | None = None,
) -> tuple[Record, int]:
    """Publish the folder of a night as a whole; return its record and the number of files.

    Parameters
    ----------
    intake
        With the problem that was planned, the plan in force among it.
    updates
        What the ticketing system is told in its own terms.

    Raises
    ------
    AdapterError
        If the folder cannot be written.
    """
    output, problem = config.output, intake.problem
    languages: tuple[Language, ...] = (
        ("en", "zh") if output.language == "both" else (output.language,)
    )
    files = output_files(
        problem,
        plan,
        rejected=intake.rejected,
        issues=intake.issues,
        warnings=intake.warnings,
        language=output.language,
        contact=contact_of(config, problem),
    )
    if shadow_prices is not None:
        files["staffing.csv"] = shadow_prices.to_csv().encode("utf-8-sig")
    if output.excel:
        files["plan.xlsx"] = workbook_bytes(problem, plan, language=languages[-1])
    if problem.previous_plan is not None:
        files[PREVIOUS] = plan_bytes(problem.previous_plan)
    if updates is not None:
        files[UPDATES] = updates
    if config.bookings.url is not None:
        files |= problem_files(problem)
    if examination is not None:
        files["doctor.json"] = dump_json(examination.to_json(), indent=1)
    if diff is not None:
        files["diff.json"] = dump_json(diff.to_json(), indent=1)
        for language in languages:
            ending = f".{language}" if len(languages) > 1 else ""
            lines = diff_lines(diff, language=language, problem=problem)
            files[f"diff{ending}.txt"] = ("\n".join(lines) + "\n").encode()
    summaries = [summary_line(record, plan, diff, language) for language in languages]
    files["summary.txt"] = ("\n".join(summaries) + "\n").encode()
    record = replace(record, summary=summaries[0])
    files[RECORD] = record.to_bytes()
    publish_folder(output.folder / record.night, files, replaceable=OURS)
    return record, len(files)


def summary_line(record: Record, plan: Plan, diff: PlanDiff | None, language: Language) -> str:
    """Write the night in one line."""
    served = sum(len(route.visits) for route in plan.routes)
    numbers = {
        "night": record.night,
        "served": served,
        "total": served + len(plan.unserved),
        "left": len(plan.unserved),
        "rejected": len(plan.rejected),
        "broken": len(plan.broken_promises),
        "weakened": len(plan.weakened_promises),
    }
    parts = [_SUMMARY[language]["plan"]]
    parts += [_SUMMARY[language][key] for key in ("rejected", "broken", "weakened") if numbers[key]]
    if plan.gap is not None:
        proof = "gap" if plan.gap else "optimal"
        parts.append(_SUMMARY[language][proof].format(gap=plan.gap))
    if diff is not None:
        counts = diff.to_json()["counts"]
        parts.append(_SUMMARY[language]["diff"].format(**counts))
    comma = ", " if language == "en" else "，"
    return comma.join(parts).format(**numbers)


_SUMMARY: Final = {
    "en": {
        "plan": "{night}: {served} of {total} tickets planned, {left} left out",
        "rejected": "{rejected} rejected at input",
        "broken": "{broken} promises broken",
        "weakened": "{weakened} promises less sure than before",
        "gap": "gap {gap:.1%}",
        "optimal": "proven optimal",
        "diff": "{gained} gained, {lost} lost, {moved} moved, {retimed} at another time since "
        "the last plan",
    },
    "zh": {
        "plan": "{night}：{total}单中已安排{served}单，未安排{left}单",
        "rejected": "数据有误被拒{rejected}单",
        "broken": "违约{broken}单",
        "weakened": "履约概率不足{weakened}单",
        "gap": "与最优差距至多{gap:.1%}",
        "optimal": "已证最优",
        "diff": "与上一方案相比新增{gained}，取消{lost}，换人{moved}，改时间{retimed}",
    },
}


def contact_of(config: NightConfig, problem: Problem) -> FirstContact:
    """Return by when customers are called."""
    return FirstContact(_released_at(config.output, problem), _contact_minutes(config))


def _released_at(output: OutputConfig, problem: Problem) -> datetime | None:
    if output.released_at is None:
        return None
    day = problem.horizon.start.astimezone(problem.zone).date()
    return datetime.combine(day, time.fromisoformat(output.released_at), problem.zone)


def _contact_minutes(config: NightConfig) -> int:
    """Return the minutes of the settings, else those of the service limits, else our default."""
    if config.output.contact_minutes is not None:
        return config.output.contact_minutes
    limits = config.input.limits
    minutes = None if limits is None else read_limits(limits).preset.contact_minutes
    return CONTACT_MINUTES if minutes is None else minutes
