"""The plan as one spreadsheet, ``plan.xlsx``: visits, tickets left out, engineers, key figures.

Needs openpyxl (``pip install "dispatchopt[excel]"``). Ids stay text, so that no spreadsheet makes
numbers or formulas of them; times are local dates and times. The same plan gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.visit_rows import RowTable, unserved_rows, visit_rows
from dispatchopt.errors import AdapterError
from dispatchopt.report.kpis import plan_kpis
from dispatchopt.report.matched import shifts_by_engineer
from dispatchopt.report.readable import readable_detail
from dispatchopt.report.reason_words import reason_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.models import Plan, Problem
    from dispatchopt.report.glossary import Language

SHEETS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "visits": ("visits", "上门安排"),
        "unserved": ("unserved", "未安排"),
        "engineers": ("engineers", "工程师"),
        "kpis": ("KPIs", "指标"),
    }
)
"""Names of the sheets in English and Chinese."""

_CHINESE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shift_id": "班次编号", "engineer_id": "工程师编号", "sequence": "顺序",
        "ticket_id": "工单编号", "departure": "出发", "arrival": "到达", "start": "开始",
        "end": "完成", "travel_seconds": "行程秒数", "promised_open": "约定开始",
        "promised_close": "约定结束", "kept_probability": "履约概率",
        "case_id": "故障单号", "visit_no": "第几次上门",
        "fault_type": "故障类型", "priority": "优先级", "due": "修复时限",
        "tardiness_seconds": "超时秒数", "territory": "片区", "lat": "纬度", "lon": "经度",
        "place": "地点", "reason": "原因代码", "detail": "说明", "breaks_promise": "违约",
        "reason_in_words": "原因", "reported_at": "申告时间", "appointment_open": "预约开始",
        "appointment_close": "预约结束", "carried_over": "结转次数", "name": "姓名",
        "shift_start": "班次开始", "shift_end": "班次结束", "visits": "上门数",
        "service_minutes": "现场分钟", "travel_minutes": "行程分钟", "route_end": "收工",
        "overtime_minutes": "加班分钟", "figure": "指标", "value": "值", "numerator": "分子",
        "denominator": "分母", "unit": "单位", "status": "状态", "approximate": "近似位置来源",
    }
)  # fmt: skip
"""Headers in Chinese."""

_TIME_FORMAT: Final = "yyyy-mm-dd hh:mm"
_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_LONGEST_CELL: Final = 32_767
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def workbook_bytes(problem: Problem, plan: Plan, *, language: Language = "en") -> bytes:
    """Return the workbook.

    Raises
    ------
    AdapterError
        If openpyxl is not installed.
    InvalidProblemError
        If the plan names what the problem lacks, or has visits without times.
    """
    require_openpyxl()
    from openpyxl import Workbook

    tables = {
        "visits": visit_rows(plan, problem),
        "unserved": _unserved(problem, plan, language),
        "engineers": _engineers(problem, plan),
        "kpis": _kpis(problem, plan),
    }
    book = Workbook()
    book.remove(book.active)
    book.properties.creator = "dispatchopt"
    book.properties.created = book.properties.modified = datetime(*_EPOCH)
    for name, table in tables.items():
        sheet = book.create_sheet(SHEETS[name][0 if language == "en" else 1])
        _fill(sheet, table, problem.zone, language)
    stream = io.BytesIO()
    book.save(stream)
    return _without_times(stream.getvalue())


def require_openpyxl() -> None:
    """Refuse early what could not be written at the end.

    Raises
    ------
    AdapterError
        If openpyxl is not installed.
    """
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise AdapterError(
            'plan.xlsx needs openpyxl. Run pip install "dispatchopt[excel]", or leave it out.'
        ) from error


def _unserved(problem: Problem, plan: Plan, language: Language) -> RowTable:
    """Return the tickets left out, the reason also in words."""
    table = unserved_rows(plan, problem)
    where = list(table.columns).index("detail")
    rows = [
        [
            row[0],
            reason_words(unserved.reason, language),
            *row[1:where],
            readable_detail(unserved.detail),
            *row[where + 1 :],
        ]
        for row, unserved in zip(table.rows, plan.unserved, strict=True)
    ]
    first, *others = table.columns.items()
    return RowTable(dict([first, ("reason_in_words", "text"), *others]), rows)


def _engineers(problem: Problem, plan: Plan) -> RowTable:
    """One row for each shift, those without a visit too."""
    rows: list[list[Any]] = []
    for engineer, shifts in shifts_by_engineer(problem, plan):
        for shift, route in shifts:
            visits = () if route is None else route.visits
            service = sum((visit.end - visit.start).total_seconds() for visit in visits)
            end = None if route is None or not visits else route.end
            over = 0.0 if end is None else max(0.0, (end - shift.end).total_seconds())
            rows.append(
                [
                    engineer.id,
                    engineer.name,
                    shift.id,
                    shift.start,
                    shift.end,
                    len(visits),
                    round(service / 60),
                    round(sum(visit.travel_seconds for visit in visits) / 60),
                    end,
                    round(over / 60),
                ]
            )
    return RowTable(
        {
            "engineer_id": "text", "name": "text", "shift_id": "text", "shift_start": "time",
            "shift_end": "time", "visits": "int", "service_minutes": "int",
            "travel_minutes": "int", "route_end": "time", "overtime_minutes": "int",
        },
        rows,
    )  # fmt: skip


def _kpis(problem: Problem, plan: Plan) -> RowTable:
    names = ("value", "numerator", "denominator", "unit", "status")
    kpis = plan_kpis(problem, plan)
    return RowTable(
        {
            "figure": "text", "value": "float", "numerator": "float", "denominator": "float",
            "unit": "text", "status": "text",
        },
        [[name, *(kpi[field] for field in names)] for name, kpi in kpis.items()],
    )  # fmt: skip


def _fill(sheet: Any, table: RowTable, zone: tzinfo, language: Language) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    names = list(table.columns)
    heads = [_CHINESE.get(name, name) if language == "zh" else name for name in names]
    widths = [len(head.encode("gb18030")) for head in heads]
    for column, head in enumerate(heads, start=1):
        sheet.cell(1, column, head).font = Font(bold=True)
    for index, row in enumerate(table.rows, start=2):
        for column, value in enumerate(row, start=1):
            shown = _put(sheet.cell(index, column), value, zone)
            widths[column - 1] = max(widths[column - 1], shown)
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = min(60, width + 2)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _put(cell: Any, value: Any, zone: tzinfo) -> int:
    """Set a cell and return the width that it takes."""
    if value is None or value == "":
        return 0
    if isinstance(value, datetime):
        cell.value = value.astimezone(zone).replace(tzinfo=None)
        cell.number_format = _TIME_FORMAT
        return len(_TIME_FORMAT)
    if isinstance(value, bool | int | float):
        cell.value = value
        return len(str(value)) if not isinstance(value, float) else 8
    text = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", str(value))[:_LONGEST_CELL]
    cell.value = text
    cell.data_type = "s"  # what begins with "=" is no formula
    cell.number_format = "@"
    return len(text.encode("gb18030", "replace"))


def _without_times(data: bytes) -> bytes:
    """Return the archive without the times of its entries."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = _MODIFIED.sub(rb"\g<1>1980-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return stream.getvalue()
