"""One short text for each engineer, ready to paste into a chat: the day's visits in order.

Shorter than the run sheet: when, which ticket, what is broken, where, which parts, and by when to
call the customer. Names and phones of customers are left out, for chats are passed on; addresses
are not, so the text is personal data all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dispatchopt.report.contact import FirstContact
from dispatchopt.report.glossary import PLACE_NOTES, Language, fault_name, in_language
from dispatchopt.report.matched import TimedRoute, TimedVisit, shifts_by_engineer
from dispatchopt.report.minutes import clock, whole_percent
from dispatchopt.report.readable import one_line, place_text, readable_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, tzinfo

    from dispatchopt.models import Engineer, FaultType, Plan, Problem, Shift

_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "head": "{date} {day} · {who} · {count} ({span})",
            "visits": "{n} visits",
            "visit": "1 visit",
            "none": "no visits",
            "days": "Mon Tue Wed Thu Fri Sat Sun",
            "place": "Place: ",
            "parts": "Parts: ",
            "usual": "usual: ",
            "usual_parts": "Usual parts: ",
            "promised": "Promised: ",
            "likely": " (kept with {percent}% probability)",
            "contact": "Call the customer by {time}",
            "begun": "under way",
            "moved": "moved from its fixed time: ask the customer before",
            "crew": "{n} people",
            "comma": ", ",
            "between": "; ",
        },
        "zh": {
            "head": "【派工】{date} {day} {who}，{count}（{span}）",
            "visits": "共{n}单",
            "visit": "共1单",
            "none": "无上门安排",
            "days": "周一 周二 周三 周四 周五 周六 周日",
            "place": "地点：",
            "parts": "备件：",
            "usual": "常用：",
            "usual_parts": "常用备件：",
            "promised": "约定：",
            "likely": "（履约概率{percent}%）",
            "contact": "请在{time}前联系客户",
            "begun": "正在现场处理",
            "moved": "已偏离锁定时间，须先征得客户同意",
            "crew": "需{n}人",
            "comma": "、",
            "between": "；",
        },
    }
)


def chat_texts(
    problem: Problem,
    plan: Plan,
    *,
    language: Language,
    contact: FirstContact | None = None,
) -> dict[str, str]:
    """Write the text of each engineer who has a shift, by engineer id.

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
        problem.catalogue(),
        language,
        frozenset(plan.needs_customer_consent),
        contact or FirstContact(),
    )
    return {
        engineer.id: "\n".join(writer.shift(engineer, shift, route) for shift, route in shifts)
        for engineer, shifts in shifts_by_engineer(problem, plan)
    }


@dataclass(frozen=True, slots=True)
class _Writer:
    zone: tzinfo
    catalogue: Mapping[str, FaultType]
    language: Language
    moved: frozenset[str]
    contact: FirstContact

    @property
    def words(self) -> Mapping[str, str]:
        return _WORDS[self.language]

    def shift(self, engineer: Engineer, shift: Shift, route: TimedRoute | None) -> str:
        """Write one shift: a head, then two to five lines for each visit."""
        words = self.words
        visits = () if route is None else route.visits
        kind = "none" if not visits else "visit" if len(visits) == 1 else "visits"
        local = shift.start.astimezone(self.zone)
        head = words["head"].format(
            date=f"{local:%m-%d}",
            day=words["days"].split()[local.weekday()],
            who=f"{engineer.id} {one_line(engineer.name)}" if engineer.name else engineer.id,
            count=words[kind].format(n=len(visits)),
            span=f"{self._clock(shift.start)}-{self._clock(shift.end)}",
        )
        lines = [head]
        for number, visit in enumerate(visits, start=1):
            first, *more = self._visit(visit, shift)
            lines += [f"{number}. {first}", *(f"   {line}" for line in more if line)]
        return "\n".join(lines) + "\n"

    def _visit(self, visit: TimedVisit, shift: Shift) -> Iterator[str]:
        words, ticket = self.words, visit.ticket
        fault = self.catalogue[ticket.fault_type]
        name = fault_name(fault, self.language)
        span = f"{self._clock(visit.start)}-{self._clock(visit.end)}"
        yield f"{span} {ticket.id} P{ticket.priority} {name or fault.code}"
        yield words["place"] + self._place(visit)
        yield self._parts(visit, fault)
        window = visit.promised or ticket.appointment
        if window is not None:
            opens, closes = self._clock(window.open), self._clock(window.close)
            yield f"{words['promised']}{opens}-{closes}{self._likely(visit)}"
        if ticket.crew_size > 1:
            yield words["crew"].format(n=ticket.crew_size)
        if ticket.id in self.moved:
            yield words["moved"]
        call_by = self.contact.by(visit, shift)
        if call_by is None:
            yield words["begun"]
        else:
            yield words["contact"].format(time=self._call(call_by, shift))

    def _likely(self, visit: TimedVisit) -> str:
        if visit.kept_probability is None or visit.ticket.is_started:
            return ""
        return self.words["likely"].format(percent=whole_percent(visit.kept_probability))

    def _call(self, by: datetime, shift: Shift) -> str:
        """Time of day; with its date if the shift is on another day."""
        day = by.astimezone(self.zone).date()
        is_same_day = day == shift.start.astimezone(self.zone).date()
        return self._clock(by) if is_same_day else f"{day:%m-%d} {self._clock(by)}"

    def _place(self, visit: TimedVisit) -> str:
        """Return the address if the ticket has one, else the place itself."""
        ticket = visit.ticket
        notes = [
            readable_value(value, language=self.language)
            for key, value in ticket.attributes.items()
            if in_language(key, "zh") in PLACE_NOTES
        ]
        address = " ".join(note for note in notes if note)
        if address:
            return address
        return place_text(ticket.place)

    def _parts(self, visit: TimedVisit, fault: FaultType) -> str:
        """Name ordered parts with their numbers, and what this fault usually takes."""
        words, ordered = self.words, visit.ticket.parts or {}
        own = [f"{self._name(part)} × {count}" for part, count in ordered.items() if count]
        usual = [self._name(part) for part in fault.parts if part != "-" and part not in ordered]
        often = words["comma"].join(_unique(usual))
        if not own:
            return words["usual_parts"] + often if often else ""
        more = words["between"] + words["usual"] + often if often else ""
        return words["parts"] + words["comma"].join(own) + more

    def _name(self, part: str) -> str:
        return one_line(in_language(part, self.language))

    def _clock(self, instant: datetime) -> str:
        return clock(instant, self.zone)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
