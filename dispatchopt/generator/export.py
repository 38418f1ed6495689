"""A problem as a branch would export it: own columns and codes, and the mapping that reads them.

What such exports do not have is left out: parts, locks, wishes for engineers, travel profiles.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from dispatchopt.adapters.mapping import MAPPING
from dispatchopt.adapters.publish import publish_folder
from dispatchopt.adapters.xlsx_write import SheetCell, xlsx_bytes
from dispatchopt.errors import AdapterError
from dispatchopt.models import Point, builtin_fault_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dispatchopt.models import Engineer, Problem, Shift, Ticket, Window

Style = Literal["gb18030", "xlsx"]
Rows = list[list[SheetCell]]

_WORKBOOK: Final = "装维导出.xlsx"
_FILES: Final = {"tickets": "故障工单.csv", "engineers": "装维人员.csv", "shifts": "排班表.csv"}
_SHEETS: Final = {"tickets": "故障工单", "engineers": "装维人员", "shifts": "排班表"}

_TICKETS: Final = {
    "工单流水号": "id",
    "障碍单": "case_id",
    "环节": "status",
    "障碍现象": "fault_type",
    "紧急程度": "priority",
    "用户经度": "lon",
    "用户纬度": "lat",
    "装机小区": "attributes.site",
    "申告时刻": "reported_at",
    "修复期限": "due",
    "可上门时段": "windows",
    "约定上门": "appointment",
    "预估工时": "duration_minutes",
    "责任网格": "territory",
    "派单人数": "crew_size",
    "已顺延": "carried_over",
    "客户姓名": "",
    "联系电话": "",
}
_ENGINEERS: Final = {
    "人员编码": "id",
    "人员姓名": "name",
    "专业": "skills",
    "驻点经度": "lon",
    "驻点纬度": "lat",
    "责任网格": "territories",
    "支援区域": "helper_territories",
    "工时系数": "duration_percent",
}
_SHIFTS: Final = {
    "人员编码": "engineer_id",
    "班次编码": "id",
    "上班时刻": "start",
    "下班时刻": "end",
    "用餐": "breaks",
    "已排工时": "reserved_minutes",
    "可加班": "max_overtime_minutes",
    "值守级别": "min_priority",
    "班组人头": "members",
}
_COLUMNS: Final = {"tickets": _TICKETS, "engineers": _ENGINEERS, "shifts": _SHIFTS}

_PRIORITIES: Final = {1: "特急", 2: "紧急", 3: "一般", 4: "可缓"}
_STATUSES: Final = {
    "open": "在途", "parked": "缓办", "started": "已上门", "done": "销障", "cancelled": "作废",
}  # fmt: skip
_SKILLS: Final = {
    "BROADBAND": "宽带", "COPPER_VOICE": "语音", "ENTERPRISE_LINE": "专线", "FIBER_SPLICE": "光纤",
    "HOME_NETWORK": "组网", "IPTV": "电视", "WIRELESS": "无线",
    "WORK_AT_HEIGHT": "登高",
}  # fmt: skip
_DAY_PARTS: Final = {
    (510, 720): "上午", (780, 1020): "下午", (1080, 1200): "晚上", (510, 1080): "全天",
}  # fmt: skip
"""The hours of the generator's windows, in minutes of the day, that the branch has words for."""


def write_export(problem: Problem, path: Path, style: Style) -> None:
    """Write a problem as a folder that a branch may have exported, all at once.

    Parameters
    ----------
    style
        ``gb18030``: three CSV files; ``xlsx``: one workbook with titles above its headers.

    Raises
    ------
    AdapterError
        If places are those of a travel table, or the folder holds other files or cannot be written.
    """
    names = (*_FILES.values(), _WORKBOOK, MAPPING)
    publish_folder(path, export_files(problem, style), replaceable=names)


def export_files(problem: Problem, style: Style) -> dict[str, bytes]:
    """Return the content of each file of such a folder.

    Raises
    ------
    AdapterError
        If places are those of a travel table.
    """
    branch = _Branch(problem)
    shifts = [branch.shift(e, shift) for e in problem.engineers for shift in e.shifts]
    tables: dict[str, Rows] = {
        "tickets": [list(_TICKETS), *map(branch.ticket, range(len(problem.tickets)))],
        "engineers": [list(_ENGINEERS), *map(branch.engineer, problem.engineers)],
        "shifts": [list(_SHIFTS), *shifts],
    }
    mapping = {MAPPING: branch.mapping(style).encode()}
    if style == "xlsx":
        titles: dict[str, Rows] = {kind: [[_SHEETS[kind]]] for kind in tables}
        sheets = [(_SHEETS[kind], titles[kind] + rows) for kind, rows in tables.items()]
        return {_WORKBOOK: xlsx_bytes(sheets)} | mapping
    return {_FILES[kind]: _csv(rows) for kind, rows in tables.items()} | mapping


def _csv(rows: Rows) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    for row in rows:
        # As spreadsheets of the country write times.
        writer.writerow(f"{c:%Y/%m/%d %H:%M:%S}" if isinstance(c, datetime) else c for c in row)
    return stream.getvalue().encode("gb18030")


class _Branch:
    """Says everything in the branch's own words."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.zone = problem.zone
        self.first = self._local(problem.horizon.start)
        is_one_day = problem.horizon.end - problem.horizon.start
        self.is_one_day = is_one_day.total_seconds() <= 86_400
        self.faults = {
            fault.code: f"GZ{number:02d}"
            for number, fault in enumerate(builtin_fault_types(), start=1)
        }
        named = {t.territory for t in problem.tickets} | {
            name for e in problem.engineers for name in (*(e.territories or ()),
                                                         *(e.helper_territories or ()))
        }  # fmt: skip
        self.grids = {
            name: f"第{number}网格" for number, name in enumerate(sorted(filter(None, named)), 1)
        }

    def ticket(self, index: int) -> list[SheetCell]:
        """Return the row of one ticket."""
        ticket = self.problem.tickets[index]
        place = _point(ticket)
        return [
            f"{self.first:%Y%m%d}{index + 1:06d}",
            ticket.case_id,
            _STATUSES[ticket.status],
            self.faults.get(ticket.fault_type, ticket.fault_type),
            _PRIORITIES[ticket.priority],
            place.lon,
            place.lat,
            str(ticket.attributes.get("site", "")),
            self._time(ticket.reported_at),
            self._time(ticket.due),
            "；".join(self._words(window) for window in ticket.windows),
            self._appointment(ticket),
            _minutes(ticket.duration),
            self.grids.get(ticket.territory or ""),
            ticket.crew_size,
            ticket.carried_over,
            f"客户{index + 1:04d}",
            f"138****{index + 1:04d}",
        ]

    def engineer(self, engineer: Engineer) -> list[SheetCell]:
        """Return the row of one engineer."""
        place = _point(engineer)
        skills = []
        for name, skill in engineer.skills.items():
            expiry = "" if skill.expires is None else f"@{skill.expires}"
            skills.append(f"{_SKILLS.get(name, name)}:{skill.level}{expiry}")
        return [
            engineer.id,
            engineer.name,
            "、".join(skills) or "-",
            place.lon,
            place.lat,
            self._grids(engineer.territories),
            self._grids(engineer.helper_territories),
            engineer.duration_percent,
        ]

    def shift(self, engineer: Engineer, shift: Shift) -> list[SheetCell]:
        """Return the row of one shift."""
        breaks = (
            f"{self._local(b.earliest):%Y-%m-%d %H:%M}/{self._local(b.latest):%Y-%m-%d %H:%M}"
            f"/{_minutes(b.duration)}"
            for b in shift.breaks
        )
        return [
            engineer.id,
            shift.id,
            self._time(shift.start),
            self._time(shift.end),
            "；".join(breaks),
            shift.reserved_minutes,
            _minutes(shift.max_overtime),
            None if shift.min_priority is None else _PRIORITIES[shift.min_priority],
            shift.members,
        ]

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def _time(self, instant: datetime | None) -> datetime | None:
        return None if instant is None else self._local(instant)

    def _grids(self, names: Iterable[str] | None) -> str:
        return "" if names is None else "、".join(self.grids[name] for name in names) or "-"

    def _appointment(self, ticket: Ticket) -> str:
        return "" if ticket.appointment is None else self._words(ticket.appointment, with_day=True)

    def _words(self, window: Window, *, with_day: bool = False) -> str:
        """Say when a window is, with its day if that does not go without saying."""
        opens, closes = self._local(window.open), self._local(window.close)
        hours = (opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute)
        is_plain = opens.date() == closes.date() and not opens.second and not closes.second
        is_near = abs(opens - self.first).days < 150
        if not is_plain or not is_near or hours[0] == hours[1]:
            return f"{opens:%Y-%m-%d %H:%M:%S}/{closes:%Y-%m-%d %H:%M:%S}"
        words = _DAY_PARTS.get(hours) or f"{_hour(hours[0])}-{_hour(hours[1])}"
        if self.is_one_day and opens.date() == self.first.date() and not with_day:
            return words
        return f"{opens.month}月{opens.day}日 {words}"

    def mapping(self, style: Style) -> str:
        """Return the text of the mapping that reads the export."""
        lines = [
            "# What the columns and codes of this export mean; see docs/exports.md.",
            f"timezone = {_quoted(self.problem.timezone)}",
            "",
            "[files]",
        ]
        for kind in _COLUMNS:
            place = f"{{ file = {_quoted(_WORKBOOK)}, sheet = {_quoted(_SHEETS[kind])} }}"
            lines.append(f"{kind} = {place if style == 'xlsx' else _quoted(_FILES[kind])}")
        for kind, columns in _COLUMNS.items():
            lines += ["", f"[columns.{kind}]", *_entries(columns)]
        codes: dict[str, Mapping[str, str | int]] = {
            "fault_type": {theirs: ours for ours, theirs in self.faults.items()},
            "priority": {theirs: ours for ours, theirs in _PRIORITIES.items()},
            "status": {theirs: ours for ours, theirs in _STATUSES.items()},
            "skill": {theirs: ours for ours, theirs in _SKILLS.items()},
            "territory": {theirs: ours for ours, theirs in self.grids.items()},
        }
        for kind, table in codes.items():
            lines += ["", f"[codes.{kind}]", *_entries(table)]
        parts = {word: f"{_clock(a)}-{_clock(b)}" for (a, b), word in _DAY_PARTS.items()}
        lines += ["", "[day_parts]", *_entries(parts)]
        return "\n".join(lines) + "\n"


def _point(owner: Ticket | Engineer) -> Point:
    if not isinstance(owner.place, Point):
        raise AdapterError(
            f"'{owner.id}' stands at a place of a travel table; such an export holds coordinates "
            "alone. Write the problem as a folder or as JSON."
        )
    return owner.place


def _entries(table: Mapping[str, str | int]) -> list[str]:
    return [f"{_quoted(theirs)} = {_quoted(ours)}" for theirs, ours in table.items()]


def _quoted(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)


def _minutes(seconds: int | None) -> SheetCell:
    if seconds is None:
        return None
    return f"{seconds}s" if seconds % 60 else seconds // 60


def _hour(minute: int) -> str:
    hour, rest = divmod(minute, 60)
    return f"{hour}点" if not rest else f"{hour}点半" if rest == 30 else f"{hour}点{rest:02d}分"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
