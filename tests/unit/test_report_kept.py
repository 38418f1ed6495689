"""How surely promises are kept, wherever a plan's promises are shown."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

import dispatchopt as do
from dispatchopt.adapters.visit_rows import rows_csv, visit_rows
from dispatchopt.models import Plan
from dispatchopt.night.nights import Record
from dispatchopt.night.writing import summary_line
from dispatchopt.report.chat import chat_texts
from dispatchopt.report.kpis import plan_kpis
from dispatchopt.report.minutes import whole_percent
from dispatchopt.report.run_sheets import run_sheets
from dispatchopt.report.summary import result_json, result_lines, summarise, summary_lines
from tests.unit.report_day import day, raw_plan

WEAKENED = [
    {"ticket_id": "T3", "was": 0.97, "kept_probability": 0.85},
    {"ticket_id": "T2", "was": 1.0, "kept_probability": 0.0},
]


def told(probability: float = 0.937, **fields: Any) -> Plan:
    """The plan of the day; how surely T2 is kept is known, of T3 not."""
    raw = raw_plan()
    raw["routes"][0]["visits"][1]["kept_probability"] = probability
    return Plan.model_validate({**raw, **fields})


@pytest.mark.parametrize(
    ("probability", "percent"),
    [(0.0, 0), (0.899, 89), (0.9, 90), (0.29, 29), (0.57, 57), (0.996, 99), (1.0, 99)],
)
def test_people_read_whole_percent_and_never_a_hundred(probability: float, percent: int) -> None:
    assert whole_percent(probability) == percent


def test_run_sheets_and_texts_tell_it_beside_the_window() -> None:
    task, plan = day(), told()
    assert (
        "- Promised to the customer: 09:00-09:30 (kept with 93% probability)\n"
        in run_sheets(task, plan, language="en")["E1"]
    )
    assert (
        "- 与客户约定: 09:00-09:30（履约概率93%）\n" in run_sheets(task, plan, language="zh")["E1"]
    )
    assert (
        "Promised: 09:00-09:30 (kept with 93% probability)\n"
        in chat_texts(task, plan, language="en")["E1"]
    )
    assert "约定：09:00-09:30（履约概率93%）\n" in chat_texts(task, plan, language="zh")["E1"]


def test_of_a_visit_under_way_nothing_is_told() -> None:
    tickets = [
        t.model_copy(update={"status": "started"}) if t.id == "T2" else t for t in day().tickets
    ]
    task = day().model_copy(update={"tickets": tuple(tickets)})
    for text in (run_sheets(task, told(), language="en"), chat_texts(task, told(), language="en")):
        assert "09:00-09:30\n" in text["E1"]


def test_tables_have_a_column_of_it() -> None:
    rows = csv.DictReader(io.StringIO(rows_csv(visit_rows(told(), None), None).decode("utf-8-sig")))
    assert [row["kept_probability"] for row in rows] == ["", "0.937", ""]
    frame = do.plan_to_frame(told(), day())
    assert frame["kept_probability"].tolist()[1] == 0.937
    assert frame["kept_probability"].isna().tolist() == [True, False, True]


def test_the_summary_counts_those_that_are_sure() -> None:
    task = day()
    assert plan_kpis(task, told(0.9))["appointments_sure"]["numerator"] == 1  # exactly the least
    weak = plan_kpis(task, told(0.8999))["appointments_sure"]
    assert (weak["numerator"], weak["denominator"], weak["least"]) == (0, 1, 0.8999)
    line = "appointments sure   0 of 1 as likely to be kept as wanted, the least 89%"
    assert line in summary_lines(summarise(task, told(0.8999)))
    silent = summary_lines(summarise(task, Plan.model_validate(raw_plan())))
    assert "appointments sure" not in "\n".join(silent)


def test_the_summary_tells_what_became_less_sure() -> None:
    from tests.builders import problem, ticket

    result = do.solve(problem([ticket("T2")]), iterations=1, threads=1)
    plan = result.plan.model_copy(
        update={"weakened_promises": told(weakened_promises=WEAKENED).weakened_promises}
    )
    changed = do.Result(**{**vars(result), "plan": plan})
    summary = summarise(problem([ticket("T2")]), plan)
    assert "Promises less sure than before: T2 99% to 0%, T3 97% to 85%" in result_lines(
        changed, summary
    )
    assert result_json(changed, summary)["weakened_promises"] == WEAKENED
    assert "less sure" not in "\n".join(result_lines(result, summary))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "2 promises less sure than before"), ("zh", "履约概率不足2单")],
)
def test_a_night_tells_it_in_its_line(language: Any, words: str) -> None:
    record = Record(
        night="2026-11-23",
        input_hash="x",
        plan_id="p",
        horizon_end=day().horizon.end,
        num_tickets=6,
        exit_code=0,
        summary="",
        previous_is_given=False,
        carried_over={},
        in_force=None,
    )
    assert words in summary_line(record, told(weakened_promises=WEAKENED), None, language)
    assert words not in summary_line(record, told(), None, language)
