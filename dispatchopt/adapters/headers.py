"""The columns of tickets, engineers and shifts: English and Chinese headers, and what each fills.

This is the one mapping table of CSV folders and data frames. A header counts without regard to
case, blanks, hyphens, underscores and full-width signs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from dispatchopt.models.nearest import folded, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CellKind = Literal[
    "id", "text", "int", "float", "lat", "lon", "priority", "minutes", "status", "lock", "instant",
    "windows", "breaks", "levels", "skills", "counts", "ids", "json", "end_place",
    "area", "spans", "slot", "day", "place_kind", "hours",
]  # fmt: skip
"""How a cell is read; `cells` has one reader for each, and a writer for what is written."""

# The files of a folder.
TICKETS: Final = "tickets.csv"
ENGINEERS: Final = "engineers.csv"
SHIFTS: Final = "shifts.csv"
TRAVEL: Final = "travel.csv"
POLICY: Final = "policy.toml"
FAULT_TYPES: Final = "fault_types.json"
PREVIOUS_PLAN: Final = "previous_plan.json"
PLACES: Final = "places.csv"

ATTRIBUTE_PREFIX: Final = "attributes."
"""A column of this name and a key is echoed as text under `attributes`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes
    ----------
    name, zh
        Header in English and in Chinese; both are read, either is written.
    field
        What it fills in the model: ``place.lat``, ``appointment.open``.
    kind
        How its cells are read.
    aliases
        Further headers that are read.
    required
        Whether the column must be there.
    is_written
        False if it is read alone, because another column says the same more exactly.
    instead
        A column that says it, too: where it is there, this one need not be.
    """

    name: str
    zh: str
    field: str
    kind: CellKind
    aliases: tuple[str, ...] = ()
    required: bool = False
    is_written: bool = True
    instead: str = ""


TICKET_COLUMNS: Final = (
    Column("id", "工单号", "id", "id", ("ticket_id", "工单编号", "工单ID"), required=True),
    Column("case_id", "故障单号", "case_id", "id", ("障碍单号", "投诉单号")),
    Column("visit_no", "上门次数", "visit_no", "int", ("第几次上门",)),
    Column("status", "状态", "status", "status", ("工单状态",)),
    Column("fault_type", "故障类型", "fault_type", "text", ("故障类别",), required=True),
    Column("priority", "优先级", "priority", "priority", ("工单优先级",)),
    Column("lon", "经度", "place.lon", "lon", ("longitude", "lng")),
    Column("lat", "纬度", "place.lat", "lat", ("latitude",)),
    Column("place", "地点", "place", "id", ("place_id", "地点编号")),
    Column("reported_at", "受理时间", "reported_at", "instant", ("报障时间", "申告时间")),
    Column("known_at", "到单时间", "known_at", "instant", ("派单接收时间",)),
    Column("earliest", "最早", "earliest", "instant", ("最早开始", "最早开始时间")),
    Column("due", "时限", "due", "instant", ("修复时限", "要求完成时间")),
    Column("latest", "最晚", "latest", "instant", ("最晚完成", "最晚完成时间")),
    Column("area_class", "区域类型", "area_class", "area", ("区域分类", "城乡类型")),
    Column("customer_tier", "客户等级", "customer_tier", "id", ("客户星级", "服务等级")),
    Column("parked", "挂起时段", "parked", "spans", ("停表时段",)),
    Column("windows", "可选时段", "windows", "windows", ("可预约时段",)),
    Column("booking_day", "预约日期", "windows", "day", ("上门日期",), is_written=False),
    Column(
        "appointment",
        "预约时段",
        "appointment",
        "slot",
        ("预约时间段", "预约时间", "预约上门时间"),
        is_written=False,
    ),
    Column("appointment_start", "预约开始", "appointment.open", "instant", ("预约开始时间",)),
    Column("appointment_end", "预约结束", "appointment.close", "instant", ("预约结束时间",)),
    Column("lock", "锁定", "lock", "lock", ("锁定方式",)),
    Column("assigned_engineer", "指派工程师", "assigned_engineer", "id", ("指派工号",)),
    Column("assigned_start", "指派开始", "assigned_start", "instant", ("指派开始时间",)),
    Column("duration_minutes", "时长(分钟)", "duration", "minutes", ("预计时长(分钟)",)),
    Column("skills", "技能", "skills", "levels", ("所需技能",)),
    Column("parts", "备件", "parts", "counts", ("所需备件",)),
    Column("preferred_engineers", "优选工程师", "preferred_engineers", "ids"),
    Column("refused_engineers", "拒绝工程师", "refused_engineers", "ids", ("排除工程师",)),
    Column("territory", "网格", "territory", "id", ("片区", "所属网格")),
    Column("crew_size", "所需人数", "crew_size", "int", ("人数",)),
    Column("after", "前置工单", "after", "ids"),
    Column("network_element", "网元", "network_element", "id", ("设备编号",)),
    Column("carried_over", "顺延次数", "carried_over", "int"),
    Column("points", "积分", "points", "float", ("工单积分",)),
    Column("attributes", "附加信息", "attributes", "json"),
)

ENGINEER_COLUMNS: Final = (
    Column("id", "工号", "id", "id", ("engineer_id", "工程师工号"), required=True),
    Column("name", "姓名", "name", "text"),
    Column("skills", "技能", "skills", "skills", required=True),
    Column("lon", "经度", "place.lon", "lon", ("longitude", "lng")),
    Column("lat", "纬度", "place.lat", "lat", ("latitude",)),
    Column("place", "地点", "place", "id", ("place_id", "地点编号")),
    Column("territories", "网格", "territories", "ids", ("territory", "片区", "所属网格")),
    Column("helper_territories", "协助网格", "helper_territories", "ids", ("支援网格",)),
    Column("stock", "随车备件", "stock", "counts", ("库存",)),
    Column("duration_percent", "时长系数(%)", "duration_percent", "int", ("时长百分比",)),
    Column("travel_profile", "出行方式", "travel_profile", "id", ("交通工具",)),
    Column("recent_minutes", "近期工作(分钟)", "recent_minutes", "int"),
    Column("recent_paid_minutes", "近期出勤(分钟)", "recent_paid_minutes", "int"),
    Column("attributes", "附加信息", "attributes", "json"),
)

SHIFT_COLUMNS: Final = (
    Column(
        "engineer_id",
        "工号",
        "engineer_id",
        "id",
        ("工程师工号", "engineer"),
        required=True,
        instead="name",
    ),
    Column("id", "班次", "id", "id", ("shift_id", "班次编号")),
    Column("start", "上班时间", "start", "instant", required=True, instead="hours"),
    Column("end", "下班时间", "end", "instant", required=True, instead="hours"),
    Column(
        "hours",
        "班别",
        "start",
        "hours",
        ("shift", "班种", "班次名称", "班次类型"),
        is_written=False,
    ),
    Column(
        "day",
        "日期",
        "start",
        "day",
        ("date", "排班日期", "值班日期", "出勤日期"),
        is_written=False,
    ),
    Column("name", "姓名", "engineer_id", "text", ("engineer_name", "人员姓名"), is_written=False),
    Column("start_lon", "出发经度", "start_place.lon", "lon"),
    Column("start_lat", "出发纬度", "start_place.lat", "lat"),
    Column("start_place", "出发地点", "start_place", "id"),
    Column("end_lon", "收工经度", "end_place.lon", "lon"),
    Column("end_lat", "收工纬度", "end_place.lat", "lat"),
    Column("end_place", "收工地点", "end_place", "end_place"),
    Column("available_from", "可派时间", "available_from", "instant", ("最早可派",)),
    Column("breaks", "休息", "breaks", "breaks", ("休息时间", "午休")),
    Column("reserved_minutes", "已占用(分钟)", "reserved_minutes", "int", ("预留(分钟)",)),
    Column("max_overtime_minutes", "最长加班(分钟)", "max_overtime", "minutes"),
    Column("max_visits", "最多单数", "max_visits", "int", ("最大单数",)),
    Column("min_priority", "值守优先级", "min_priority", "priority", ("备勤优先级",)),
    Column("members", "班组人数", "members", "int"),
    Column("stock", "随车备件", "stock", "counts", ("库存",)),
)

ROSTER_HEADER: Final = "班次"
"""Beside a column of days it holds the name of a shift (白班), else the id of one."""

PLACE_COLUMNS: Final = (
    Column("id", "编号", "id", "id", ("place_id", "地点编号"), required=True),
    Column("kind", "类型", "kind", "place_kind", ("地点类型",), required=True),
    Column("lon", "经度", "lon", "lon", ("longitude", "lng"), required=True),
    Column("lat", "纬度", "lat", "lat", ("latitude",), required=True),
    Column("name", "名称", "name", "text"),
)

STATUS_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{word: word for word in ("open", "parked", "started", "done", "cancelled")},
        **dict.fromkeys(("待派", "待派单", "待处理", "待调度", "已派单", "未完成", "新建"), "open"),
        **dict.fromkeys(("挂起", "已挂起", "预约挂起", "待装", "缓装"), "parked"),
        **dict.fromkeys(("处理中", "施工中", "已到达", "已开始"), "started"),
        **dict.fromkeys(("完成", "已完成", "竣工", "已竣工", "归档", "已归档", "已修复"), "done"),
        **dict.fromkeys(("撤单", "已撤单", "取消", "已取消", "退单", "canceled"), "cancelled"),
    }
)
"""Words of a status; the first Chinese word of each is the one written."""

LOCK_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{word: word for word in ("none", "engineer", "visit", "started")},
        **dict.fromkeys(("不锁定", "无", "未锁定"), "none"),
        **dict.fromkeys(("锁定工程师", "锁人"), "engineer"),
        **dict.fromkeys(("锁定上门", "锁定"), "visit"),
        **dict.fromkeys(("已开始", "处理中"), "started"),
    }
)
"""Words of a lock; the first Chinese word of each is the one written."""

AREA_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{word: word for word in ("urban", "rural", "remote")},
        **dict.fromkeys(("城市", "城镇", "城区", "市区", "县城"), "urban"),
        **dict.fromkeys(("农村", "乡村", "乡镇"), "rural"),
        **dict.fromkeys(("偏远", "边远", "偏远地区"), "remote"),
    }
)
"""Words of an area class; the first Chinese word of each is the one written."""

PLACE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{word: word for word in ("network_element", "estate", "grid")},
        **dict.fromkeys(("网元", "设备", "分纤箱", "光交箱"), "network_element"),
        **dict.fromkeys(("小区", "楼盘", "楼宇"), "estate"),
        **dict.fromkeys(("网格", "片区"), "grid"),
    }
)
"""Words of what a place of ``places.csv`` is; the first of each language is the one written."""

END_ANYWHERE_WORDS: Final = ("anywhere", "最后一单")
"""What `end_place` holds if the shift ends at its last visit."""


normal_header: Final = folded
"""The form in which headers are compared."""


def header_index(columns: tuple[Column, ...]) -> dict[str, Column]:
    """Columns by every normal header that names them."""
    return {
        normal_header(header): column
        for column in columns
        for header in (column.name, column.zh, *column.aliases)
    }


def index_beside(
    headers: Iterable[str], columns: tuple[Column, ...], names: Mapping[str, str]
) -> dict[str, Column]:
    """Return `header_index` as it is in the table that has these headers.

    Parameters
    ----------
    names
        What a mapping calls them, by normal header.
    """
    index = header_index(columns)
    called = (names.get(normal_header(header), header) for header in headers)
    there = {index[name].name for call in called if (name := normal_header(call)) in index}
    if "day" in there and "hours" not in there and columns is SHIFT_COLUMNS:
        hours = index[normal_header("hours")]
        index[normal_header(ROSTER_HEADER)] = hours
    return index


_SEPARATORS: Final = re.compile(r"[,;；，、|｜\t]")


def split_cells(header: str) -> list[str]:
    """Split a row of headers at every sign that may have been meant to separate columns."""
    return _SEPARATORS.split(header)


def split_headers(headers: Sequence[str], columns: tuple[Column, ...]) -> list[str]:
    """Split the headers that signs such as ``;`` or a full-width comma glue together.

    A cell is split if two known headers are in it, or if it is the only one of its row.
    """
    known = header_index(columns)
    found: list[str] = []
    for header in headers:
        parts = split_cells(header)
        is_glued = sum(normal_header(part) in known for part in parts) > 1
        found.extend(parts if is_glued or len(headers) == 1 else [header])
    return found


def nearest_header(header: str, columns: tuple[Column, ...]) -> str | None:
    """Return the known header most like this one, None if none is."""
    known = (name for column in columns for name in (column.name, column.zh, *column.aliases))
    return nearest(header, known, cutoff=0.5)
