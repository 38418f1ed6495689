from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchopt.errors import AdapterError
from dispatchopt.report.kpis import plan_kpis
from dispatchopt.report.outputs import write_outputs
from dispatchopt.report.workbook import _CHINESE, SHEETS, workbook_bytes
from tests.unit.report_day import day, plan, raw_engineers

if TYPE_CHECKING:
    from pathlib import Path

    from dispatchopt.report.glossary import Language


def sheets(data: bytes) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {sheet.title: [tuple(row) for row in sheet.values] for sheet in book}


def test_the_four_sheets() -> None:
    found = sheets(workbook_bytes(day(), plan()))
    assert list(found) == ["visits", "unserved", "engineers", "KPIs"]
    head, *rows = found["visits"]
    first = dict(zip(head, rows[0], strict=True))
    assert first["ticket_id"] == "T1"
    assert first["start"] == datetime(2026, 11, 23, 8, 10)  # local
    assert first["priority"] == 1
    head, *rows = found["unserved"]
    assert [row[:3] for row in rows] == [
        ("T4", "gave way to tickets worth more", "LOST_TO_OTHERS"),
        ("T5", "a part is in no stock", "NO_PARTS"),
    ]
    assert dict(zip(head, rows[0], strict=True))["detail"] == "to: T1"
    # E1: 30 + 30 min on site, 10 + 20 min of travel; the pair ends 10 minutes late.
    assert found["engineers"][1][5:] == (2, 60, 30, datetime(2026, 11, 23, 10, 40), 0)
    assert found["engineers"][2][5:] == (1, 40, 30, datetime(2026, 11, 23, 12, 10), 10)
    assert [row[0] for row in found["KPIs"][1:]] == list(plan_kpis(day(), plan()))


def test_chinese_headers_and_reasons() -> None:
    found = sheets(workbook_bytes(day(), plan(), language="zh"))
    assert list(found) == [names[1] for names in SHEETS.values()]
    for rows in found.values():
        assert set(rows[0]) <= set(_CHINESE.values())
    assert found["未安排"][1][:2] == ("T4", "让位于更重要的工单")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_plan_gives_the_same_bytes(language: Language) -> None:
    one = workbook_bytes(day(), plan(), language=language)
    assert one == workbook_bytes(day(), plan(), language=language)


@given(name=st.text(max_size=20) | st.sampled_from(["=1+1", "+8613800000000", "00123", "1e5"]))
def test_text_stays_text(name: str) -> None:
    engineers = raw_engineers()
    engineers[0]["name"] = name
    data = workbook_bytes(day(engineers=engineers), plan())
    cell = openpyxl.load_workbook(io.BytesIO(data))["engineers"]["B2"]
    assert cell.data_type in (("s", "inlineStr") if name else ("n",))  # "n": an empty cell
    if name.isprintable():
        assert cell.value == (name or None)


def test_it_is_published_with_the_other_files(tmp_path: Path) -> None:
    extra = {"plan.xlsx": workbook_bytes(day(), plan())}
    write_outputs(day(), plan(), tmp_path / "out", extra=extra)
    assert (tmp_path / "out" / "plan.xlsx").read_bytes() == extra["plan.xlsx"]
    write_outputs(day(), plan(), tmp_path / "out")
    assert not (tmp_path / "out" / "plan.xlsx").exists()


def test_without_openpyxl_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(AdapterError, match=r"pip install \"dispatchopt\[excel\]\""):
        workbook_bytes(day(), plan())
