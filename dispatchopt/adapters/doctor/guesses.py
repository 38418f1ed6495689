"""What unknown headers and codes probably mean."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from dispatchopt.adapters.cells import parse_cell
from dispatchopt.adapters.doctor.findings import Code
from dispatchopt.adapters.headers import (
    AREA_WORDS,
    ATTRIBUTE_PREFIX,
    LOCK_WORDS,
    STATUS_WORDS,
    Column,
    index_beside,
    normal_header,
)
from dispatchopt.adapters.local_time import CellFault, Clock
from dispatchopt.adapters.roster import built_in_names, normal_name, read_shift_span
from dispatchopt.models.masking import shown
from dispatchopt.models.nearest import nearest, sharing_a_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dispatchopt.adapters.roster import Names
    from dispatchopt.models import FaultType

_PERSONAL: Final = re.compile(
    r"电话|手机|联系|姓名|地址|住址|身份证|phone|mobile|contact|address|e-?mail|customername",
    re.IGNORECASE,
)
_PRIORITIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("特急", "紧急", "重大", "critical", "urgent", "emergency"), "1"),
    **dict.fromkeys(("高", "加急", "严重", "major", "high"), "2"),
    **dict.fromkeys(("中", "一般", "普通", "normal", "medium", "minor"), "3"),
    **dict.fromkeys(("低", "不急", "可缓", "low", "trivial"), "4"),
}
_HIGHEST, _HIGH = "特急", "紧急"
"""Where both stand in one column the second is the second."""

_USUAL: Final[Mapping[str, str]] = {
    **dict.fromkeys(("紧急程度", "严重程度", "优先等级", "urgency", "severity"), "priority"),
    **dict.fromkeys(
        ("障碍类型", "故障现象", "障碍现象", "业务类型", "tickettype", "type"), "fault_type"
    ),
    **dict.fromkeys(("环节", "处理环节", "工单环节", "state"), "status"),
    **dict.fromkeys(("约定上门", "预约上门"), "appointment"),
    **dict.fromkeys(("预估工时", "预计工时", "标准工时"), "duration_minutes"),
    **dict.fromkeys(("专业", "技能专业"), "skills"),
    **dict.fromkeys(("用餐", "午餐"), "breaks"),
    **dict.fromkeys(("流水号", "单号", "ticket", "ticketno", "orderid"), "id"),
    **dict.fromkeys(("建单时间", "创建时间", "created", "createdat", "opened"), "reported_at"),
    **dict.fromkeys(("截止时间", "超时时间", "duedate", "deadline"), "due"),
    # Of engineers their id, of shifts whose they are.
    **dict.fromkeys(
        ("人员编码", "人员编号", "员工编号", "装维工号", "staffid", "technicianid"), "engineer_id"
    ),
    **dict.fromkeys(("olt", "分光器", "端口"), "network_element"),
    **dict.fromkeys(("备注", "说明", "描述", "remark", "remarks", "note", "notes"), ""),
}
"""What other headers usually mean, in their normal form; nothing: to be left out."""

_SKILLS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("宽带", "宽带维修", "宽带装维"), "BROADBAND"),
    **dict.fromkeys(("光纤熔接", "熔接", "光缆", "光纤"), "FIBER_SPLICE"),
    **dict.fromkeys(("电视", "机顶盒"), "IPTV"),
    **dict.fromkeys(("智家组网", "组网", "智家"), "HOME_NETWORK"),
    **dict.fromkeys(("固话", "铜线", "铜缆", "语音"), "COPPER_VOICE"),
    **dict.fromkeys(("政企专线", "专线", "政企"), "ENTERPRISE_LINE"),
    **dict.fromkeys(("无线", "室分"), "WIRELESS"),
    **dict.fromkeys(("高处作业证", "高处作业", "登高", "登高证"), "WORK_AT_HEIGHT"),
}
_BRACKETS: Final = re.compile(r"[(\[【（].*?[)\]】）]")
_ESTATE: Final = re.compile(r"小区|楼盘|楼宇|^estate", re.IGNORECASE)
ESTATE: Final = f"{ATTRIBUTE_PREFIX}estate"
"""Where estates are read from by what stands in for coordinates, and by run sheets."""

_LIKE: Final = 0.6
"""Least likeness of a guess; 备注 (a remark) and 备件 (parts) share half."""

_STATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("在途", "受理", "派单", "new", "assigned", "acknowledged"), "open"),
    **dict.fromkeys(("缓办", "暂停", "held", "pending", "onhold"), "parked"),
    **dict.fromkeys(("到场", "inprogress", "onsite"), "started"),
    **dict.fromkeys(("销障", "办结", "结单", "resolved", "closed", "completed"), "done"),
    **dict.fromkeys(("作废", "废单", "rejected"), "cancelled"),
}
_MOST_CODES: Final = 60
_LONGEST_CODE: Final = 30


def is_personal(header: str) -> bool:
    """Whether a header says that names, phones or addresses stand below it."""
    return bool(_PERSONAL.search(normal_header(header)))


def guessed_columns(
    headers: Sequence[str], columns: tuple[Column, ...], known: Mapping[str, str]
) -> dict[str, str]:
    """Return our column for each header that names none; empty where there is no guess.

    Parameters
    ----------
    known
        What a mapping says of headers, by their normal form.

    Returns
    -------
    guesses
        By header; each of our columns stands at most once.
    """
    index = index_beside(headers, columns, known)
    free = {column.name for column in columns}
    unknown: list[str] = []
    for header in headers:
        normal = normal_header(header)
        column = index.get(normal_header(known.get(normal, header)))
        if column is not None:
            free.discard(column.name)
        elif normal not in known and not normal.startswith(ATTRIBUTE_PREFIX) and header.strip():
            unknown.append(header)
    guesses: dict[str, str] = {}
    for header in unknown:
        if "attributes" in index and ESTATE not in guesses.values() and _ESTATE.search(header):
            guesses[header] = ESTATE
            continue
        column = index.get(normal_header(_meant(header, columns)))
        is_free = column is not None and column.name in free and column.name != "attributes"
        guesses[header] = column.name if column is not None and is_free else ""
        free.discard(guesses[header])
    return guesses


def _meant(header: str, columns: tuple[Column, ...]) -> str:
    """Return a header of ours that this one probably stands for, empty if there is none."""
    if is_personal(header):
        # Who comes is told to customers: the names of engineers are wanted.
        is_wanted = any(column.name == "name" for column in columns) and "名" in header
        return "name" if is_wanted else ""
    usual = _USUAL.get(normal_header(header))
    if usual is not None:
        return usual
    known = [name for column in columns for name in (column.name, column.zh, *column.aliases)]
    bare = _BRACKETS.sub("", header)  # 经度(X)
    found = (nearest(text, known, cutoff=_LIKE) for text in (header, bare))
    return next((name for name in found if name), "")


class CodeBook:
    """Tells which codes of a column are unknown, and what they probably mean."""

    def __init__(self, catalogue: Mapping[str, FaultType]) -> None:
        self.names = {
            name: fault.code
            for fault in catalogue.values()
            for name in (fault.name_zh, fault.name_en, fault.code)
            if name
        }
        self.words: dict[str, dict[str, str]] = {
            "status": {**STATUS_WORDS, **_STATES},
            "lock": dict(LOCK_WORDS),
            "area_class": dict(AREA_WORDS),
            "priority": dict(_PRIORITIES),
            "fault_type": self.names,
        }
        self.skills = {name for fault in catalogue.values() for name in fault.skills}

    def unknown(self, column: Column, cells: Iterable[str], clock: Clock) -> tuple[Code, ...]:
        """Return the unknown codes of a column, the most frequent first.

        Parameters
        ----------
        cells
            As they are after the mapping.
        """
        counts = Counter(cell.strip() for cell in cells if cell.strip())
        kind = "priority" if column.kind == "priority" else column.name
        found = {
            code: count
            for code, count in counts.most_common()
            if not self._is_known(column, code, clock)
        }
        guesses = {code: self.guess(kind, code) for code in tellable(found)}
        if kind == "priority" and _HIGHEST in counts and guesses.get(_HIGH):
            guesses[_HIGH] = "2"
        return tuple(Code(code, found[code], guess) for code, guess in guesses.items())

    def unknown_skills(self, held: Counter[str], asked: set[str]) -> tuple[Code, ...]:
        """Return the skills of engineers that nothing asks for."""
        known = self.skills | asked
        found = {name: count for name, count in held.most_common() if name not in known}
        return tuple(
            Code(name, found[name], _SKILLS.get(name) or nearest(name, known) or "")
            for name in tellable(found)
        )

    def guess(self, kind: str, code: str) -> str:
        """Return our code for theirs, empty if nothing is like it."""
        words = self.words[kind]
        near = nearest(code, words)
        if near is not None:
            return words[near]
        if kind != "fault_type":
            return ""
        sharing = list(dict.fromkeys(words[name] for name in sharing_a_part(code, words)))
        return sharing[0] if len(sharing) == 1 else ""

    def _is_known(self, column: Column, code: str, clock: Clock) -> bool:
        if column.name == "fault_type":
            return code in self.names
        try:
            parse_cell(column.kind, code, clock)
        except CellFault:
            return False
        return True


def unknown_shifts(cells: Iterable[str], names: Names | None) -> tuple[Code, ...]:
    """Return the names of shifts whose hours nobody tells, the most frequent first."""
    known = built_in_names() if names is None else names
    counts = Counter(cell.strip() for cell in cells if cell.strip())
    found = {
        name: count
        for name, count in counts.most_common()
        if normal_name(name) not in known and read_shift_span(name) is None
    }
    return tuple(Code(name, found[name], "") for name in tellable(found))


def tellable(codes: Iterable[str]) -> list[str]:
    """Return the codes that may be told: short ones without what looks like a phone number.

    Many different ones are no codes, and none is told.
    """
    found = [code for code in codes if len(code) <= _LONGEST_CODE and shown(code) == code]
    return found if len(found) <= _MOST_CODES else []


def texts(rows: Iterable[Sequence[Any]], index: int) -> list[str]:  # Any: cells as they came
    """Return a column of a table as text."""
    cells = (row[index] for row in rows if len(row) > index)
    return [str(int(c)) if isinstance(c, float) and c.is_integer() else str(c)
            for c in cells if c is not None]  # fmt: skip
