"""One run sheet for each engineer: what to pack, and where to be when.

Before leaving, an engineer re-reads the jobs and prepares tools, parts and documents; the sheet
gives all of it in order, in local time, in English or in Chinese. Times and minutes follow the one
rule of `report.minutes`. It holds the engineer's name and the tickets' attributes (addresses,
contacts), so it is personal data.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dispatchopt.report.contact import FirstContact
from dispatchopt.report.glossary import Language, fault_name, in_language
from dispatchopt.report.matched import ShiftRoutes, TimedRoute, TimedVisit, shifts_by_engineer
from dispatchopt.report.minutes import (
    clock,
    minutes_after,
    minutes_between,
    usual_minutes,
    whole_percent,
)
from dispatchopt.report.readable import one_line, place_text, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dispatchopt.models import Engineer, FaultType, Plan, Problem, Shift, Span

_NONE: Final = "-"
"""Stands for "none" among the tools and parts of a catalogue."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "title": "Run sheet",
            "times": "All times are local",
            "shift": "Shift",
            "overtime_until": "overtime until",
            "packing": "To prepare before leaving",
            "tools": "Tools",
            "parts": "Usual parts",
            "own_parts": "Parts ordered for the tickets",
            "no_visits": "No visits planned.",
            "leave": "Leave",
            "arrive": "arrive",
            "begin": "begin",
            "finish": "finish",
            "travel": "Travel",
            "contact": "Call the customer by {time}",
            "promised": "Promised to the customer",
            "likely": " (kept with {percent}% probability)",
            "fixed": "Fixed: this engineer, at this time",
            "begun": "Begun: this visit is under way",
            "moved": "Moved from its fixed time{time}: ask the customer before",
            "outside": "Outside the hours of the shift",
            "due": "Service limit",
            "expected": "Expected on site",
            "usual": "usual for this fault",
            "within": "4 of 5 within",
            "place": "Place",
            "case": "Case",
            "visit_no": "visit",
            "crew": "People needed",
            "notes": "Notes",
            "break": "Break",
            "back": "Back",
            "ends": "Ends after the last visit",
            "minutes": "min",
            "priority": "P",
        },
        "zh": {
            "title": "派工单",
            "times": "时间均为当地时间",
            "shift": "班次",
            "overtime_until": "最晚加班至",
            "packing": "出发前准备",
            "tools": "工具",
            "parts": "常用备件",
            "own_parts": "工单所需备件",
            "no_visits": "无上门安排。",
            "leave": "出发",
            "arrive": "到达",
            "begin": "开始",
            "finish": "完成",
            "travel": "行程",
            "contact": "请在 {time} 前联系客户",
            "promised": "与客户约定",
            "likely": "（履约概率{percent}%）",
            "fixed": "已锁定：人员与时间固定",
            "begun": "已开始：正在现场处理",
            "moved": "已偏离锁定时间{time}，须先征得客户同意",
            "outside": "不在班次时间内",
            "due": "修复时限",
            "expected": "预计现场时长",
            "usual": "此类故障平均",
            "within": "八成不超过",
            "place": "地点",
            "case": "故障单",
            "visit_no": "第几次上门",
            "crew": "所需人数",
            "notes": "备注",
            "break": "休息",
            "back": "返回",
            "ends": "最后一单后结束",
            "minutes": "分钟",
            "priority": "P",
        },
    }
)


def run_sheets(
    problem: Problem, plan: Plan, *, language: Language, contact: FirstContact | None = None
) -> dict[str, str]:
    """Write the sheet of each engineer who has a shift, as Markdown, by engineer id.

    Parameters
    ----------
    contact
        By when customers are called; default: `FirstContact` as it is.

    Raises
    ------
    InvalidProblemError
        If the plan names what the problem lacks, or has visits without times.
    """
    writer = _Writer(
        problem.zone,
        problem.timezone,
        problem.catalogue(),
        _WORDS[language],
        language,
        frozenset(plan.needs_customer_consent),
        contact or FirstContact(),
    )
    return {
        engineer.id: writer.sheet(engineer, shifts)
        for engineer, shifts in shifts_by_engineer(problem, plan)
    }


@dataclass(frozen=True, slots=True)
class _Writer:
    zone: tzinfo
    zone_name: str
    catalogue: Mapping[str, FaultType]
    words: Mapping[str, str]
    language: Language
    moved: frozenset[str]
    contact: FirstContact

    def sheet(self, engineer: Engineer, shifts: ShiftRoutes) -> str:
        words = self.words
        name = f" · {one_line(engineer.name)}" if engineer.name else ""
        lines = [f"# {words['title']} · {engineer.id}{name}", ""]
        lines += [f"{words['times']} ({self.zone_name}).", ""]
        for shift, route in shifts:
            lines += self._shift(shift, route)
        return "\n".join(lines).rstrip() + "\n"

    def _shift(self, shift: Shift, route: TimedRoute | None) -> list[str]:
        words = self.words
        title = f"## {words['shift']} {shift.id} · {self._span(shift.start, shift.end)}"
        if shift.max_overtime:
            limit = shift.end + timedelta(seconds=shift.max_overtime)
            title += f" ({words['overtime_until']} {self._clock(limit, shift.end)})"
        if route is None or not route.visits:
            return [title, "", words["no_visits"], ""]
        return [title, "", *self._packing(route), *self._timeline(route), ""]

    def _packing(self, route: TimedRoute) -> list[str]:
        """List tools once, usual parts with the number of visits, ordered parts with their sum."""
        faults = [self.catalogue[visit.ticket.fault_type] for visit in route.visits]
        tools = dict.fromkeys(tool for fault in faults for tool in fault.tools)
        usual = Counter(part for fault in faults for part in dict.fromkeys(fault.parts))
        ordered: Counter[str] = Counter()
        for visit in route.visits:
            ordered.update(visit.ticket.parts or {})
        lines = [
            self._names("tools", tools),
            self._counts("parts", usual),
            self._counts("own_parts", ordered),
        ]
        found = [line for line in lines if line]
        return [f"**{self.words['packing']}**", "", *found, ""] if found else []

    def _names(self, word: str, names: Iterable[str]) -> str:
        return self._list(word, (self._name(name) for name in names if name != _NONE))

    def _counts(self, word: str, counts: Mapping[str, int]) -> str:
        counted = {name: count for name, count in counts.items() if count and name != _NONE}
        return self._list(word, (f"{self._name(name)} × {n}" for name, n in counted.items()))

    def _name(self, name: str) -> str:
        return one_line(in_language(name, self.language))

    def _list(self, word: str, items: Iterable[str]) -> str:
        text = ("、" if self.language == "zh" else ", ").join(items)
        return f"- {self.words[word]}: {text}" if text else ""

    def _timeline(self, route: TimedRoute) -> list[str]:
        breaks = sorted(route.route.breaks, key=lambda span: span.start)
        lines: list[str] = []
        before = route.shift.start
        for number, visit in enumerate(route.visits, start=1):
            while breaks and breaks[0].start < visit.start:
                lines += [self._break(breaks[0], before), ""]
                before = breaks.pop(0).end
            lines += [*self._visit(number, visit, before, route.shift), ""]
            before = visit.end
        for span in breaks:
            lines += [self._break(span, before), ""]
        if route.shift.ends_anywhere:
            return [*lines, f"**{self.words['ends']}**"]
        return [*lines, f"**{self.words['back']} {self._clock(route.end, before)}**"]

    def _break(self, span: Span, before: datetime) -> str:
        return f"**{self.words['break']} {self._span(span.start, span.end, before)}**"

    def _visit(self, number: int, visit: TimedVisit, before: datetime, shift: Shift) -> list[str]:
        words, ticket = self.words, visit.ticket
        fault = self.catalogue[ticket.fault_type]
        kind = f"{fault.code} {fault_name(fault, self.language)}".rstrip()
        way = minutes_after(visit.departure, visit.travel_seconds)
        lines = [
            f"### {number}. {self._clock(visit.arrival, before)} · {ticket.id} · "
            f"{words['priority']}{ticket.priority} · {kind}",
            "",
            f"- {words['leave']} {self._clock(visit.departure, before)}, "
            f"{words['arrive']} {self._clock(visit.arrival, visit.departure)}, "
            f"{words['begin']} {self._clock(visit.start, visit.arrival)}, "
            f"{words['finish']} {self._clock(visit.end, visit.start)} "
            f"({words['travel']} {self._minutes(way)})",
        ]
        lines += [f"- {mark}" for mark in self._marks(visit, shift)]
        call_by = self.contact.by(visit, shift)
        if call_by is not None:
            time = self._clock(call_by, visit.start)
            lines.append(f"- {words['contact'].format(time=time)}")
        window = visit.promised or ticket.appointment
        if window is not None:
            promised = self._span(window.open, window.close, visit.start)
            lines.append(f"- {words['promised']}: {promised}{self._likely(visit)}")
        if ticket.due is not None:
            lines.append(f"- {words['due']}: {self._clock(ticket.due, visit.start)}")
        lines.append(f"- {words['expected']}: {self._expected(visit, fault)}")
        lines += [line for line in self._details(visit, fault) if line]
        return lines

    def _likely(self, visit: TimedVisit) -> str:
        if visit.kept_probability is None or visit.ticket.is_started:
            return ""
        return self.words["likely"].format(percent=whole_percent(visit.kept_probability))

    def _marks(self, visit: TimedVisit, shift: Shift) -> Iterator[str]:
        """Yield what is out of the ordinary: a fixed visit, a moved one, one beyond the shift."""
        ticket, words = visit.ticket, self.words
        if ticket.id in self.moved:
            fixed = ticket.assigned_start
            time = "" if fixed is None else f" {self._clock(fixed, visit.start)}"
            yield f"**{words['moved'].format(time=time)}**"
        elif ticket.is_started:
            yield f"**{words['begun']}**"
        elif ticket.lock == "visit":
            yield f"**{words['fixed']}**"
        limit = shift.end + timedelta(seconds=shift.max_overtime)
        if visit.start < shift.start or visit.end > limit:
            yield f"**{words['outside']}**"

    def _expected(self, visit: TimedVisit, fault: FaultType) -> str:
        words, duration = self.words, fault.duration
        planned = self._minutes(minutes_between(visit.start, visit.end))
        usual = f"{words['usual']} {self._minutes(usual_minutes(duration.mean))}"
        if duration.p80 is not None:
            usual += f", {words['within']} {self._minutes(usual_minutes(duration.p80))}"
        return f"{planned} ({usual})"

    def _details(self, visit: TimedVisit, fault: FaultType) -> list[str]:
        words, ticket = self.words, visit.ticket
        notes = readable(ticket.attributes, language=self.language)
        case = f"- {words['case']}: {ticket.case_id} ({words['visit_no']} {ticket.visit_no})"
        return [
            f"- {words['place']}: {place_text(ticket.place)}",
            case if ticket.case_id is not None else "",
            f"- {words['crew']}: {ticket.crew_size}" if ticket.crew_size > 1 else "",
            self._names("tools", fault.tools),
            self._names("parts", fault.parts),
            self._counts("own_parts", ticket.parts or {}),
            f"- {words['notes']}: {notes}" if notes else "",
        ]

    def _minutes(self, minutes: int) -> str:
        return f"{minutes} {self.words['minutes']}"

    def _clock(self, instant: datetime, before: datetime) -> str:
        """Time of day; with its date if that is another than `before`'s."""
        day = instant.astimezone(self.zone).date()
        is_same_day = day == before.astimezone(self.zone).date()
        return clock(instant, self.zone) if is_same_day else self._day_and_clock(instant)

    def _day_and_clock(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone).date()} {clock(instant, self.zone)}"

    def _span(self, start: datetime, end: datetime, before: datetime | None = None) -> str:
        first = self._day_and_clock(start) if before is None else self._clock(start, before)
        return f"{first}-{self._clock(end, start)}"


_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_LONGEST: Final = 48  # of four bytes each, below the 255 that file systems take


def file_names(ids: Iterable[str]) -> dict[str, str]:
    """Give each id a file name of its own, without an ending, that every system takes.

    Letters and digits of any script, hyphens, dots and underscores stay; an id that loses anything
    else, is reserved, long, or differs from another in case alone gets a digest at its end.
    """
    wanted = list(dict.fromkeys(ids))
    plain = {item: _plain_name(item) for item in wanted}
    folded = Counter(name.casefold() for name in plain.values())
    return {
        item: name
        if name == item and folded[name.casefold()] == 1 and not _RESERVED.fullmatch(name)
        else f"{name}-{hashlib.sha256(item.encode()).hexdigest()[:10]}"
        for item, name in plain.items()
    }


def _plain_name(item: str) -> str:
    normal = unicodedata.normalize("NFC", item)
    kept = "".join(char if char.isalnum() or char in "-_." else "_" for char in normal)
    return kept[:_LONGEST].strip(".") or "_"
