"""What customers are told: windows to choose from, the booked one, a change, who comes.

Each text is a template with names in braces, in Chinese and in English; an operator's own templates
take their place. Days and times are those of the customer's zone. Texts name the engineer, so they
are personal data; they never name the customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from string import Formatter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dispatchopt.errors import InvalidProblemError, Issue
from dispatchopt.models.nearest import did_you_mean
from dispatchopt.report.minutes import clock
from dispatchopt.report.readable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dispatchopt.models import Window
    from dispatchopt.report.glossary import Language

TEMPLATES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "offer": (
                "Your repair {ticket}: we can come at one of these times. Please reply with the "
                "number that suits you.\n{choices}\n"
                "The engineer arrives within the time you choose."
            ),
            "proposal": (
                "Your repair {ticket}: may we come {when}?{visit} Please reply yes, and the time "
                "is yours."
            ),
            "nothing": (
                "Your repair {ticket}: no time can be promised at present. We will call you."
            ),
            "confirmation": (
                "Your repair {ticket} is booked: the engineer arrives {when}.{visit} "
                "If you need another time, please tell us before."
            ),
            "change": (
                "Your repair {ticket} is booked for {promised}. May we come at another time "
                "instead?\n{choices}\nPlease reply with the number you agree to. Unless you agree, "
                "your booked time stands."
            ),
            "reminder": (
                "A reminder of your repair {ticket}: the engineer arrives {when}.{visit} "
                "Please see that somebody is there."
            ),
        },
        "zh": {
            "offer": (
                "【预约上门】您的报修单{ticket}可选以下上门时段，请回复序号：\n{choices}\n"
                "工程师将在您所选时段内到达。"
            ),
            "proposal": (
                "【预约上门】您的报修单{ticket}可安排{when}上门。{visit}"
                "如您方便，请回复“同意”，我们即为您预约。"
            ),
            "nothing": "【预约上门】您的报修单{ticket}暂无可承诺的时段，我们会尽快与您电话联系。",
            "confirmation": (
                "【预约成功】您的报修单{ticket}已约定{when}上门。{visit}如需改约，请提前告知我们。"
            ),
            "change": (
                "【改约征询】您的报修单{ticket}原约定{promised}上门，能否改为以下时段？\n{choices}\n"
                "同意请回复序号；未经您同意，原约定不变。"
            ),
            "reminder": "【上门提醒】您的报修单{ticket}约定{when}上门。{visit}届时请安排人员在场。",
        },
    }
)
"""The texts by language and name; `fields_of` says which names in braces each may hold."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "day": "{weekday} {day} {month}",
            "weekdays": "Mon Tue Wed Thu Fri Sat Sun",
            "months": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
            "near": "today, |tomorrow, ",
            "after_day": ", ",
            "until": " to ",
            "comma": ", ",
            "brief": "about {minutes} min",
            "who": " {who} will come.",
            "minutes": " The work takes about {minutes} min.",
        },
        "zh": {
            "day": "{month}月{day}日（{weekday}）",
            "weekdays": "周一 周二 周三 周四 周五 周六 周日",
            "months": "1 2 3 4 5 6 7 8 9 10 11 12",
            "near": "今天|明天|后天",
            "after_day": "",
            "until": "至",
            "comma": "，",
            "brief": "约需{minutes}分钟",
            "who": "上门工程师：{who}。",
            "minutes": "现场约需{minutes}分钟。",
        },
    }
)

_FIELDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "offer": frozenset({"ticket", "choices"}),
        "proposal": frozenset({"ticket", "when", "visit"}),
        "nothing": frozenset({"ticket"}),
        "confirmation": frozenset({"ticket", "when", "visit"}),
        "change": frozenset({"ticket", "promised", "choices"}),
        "reminder": frozenset({"ticket", "when", "visit"}),
    }
)
_NEEDED: Final = frozenset({"choices", "when", "promised"})
"""Without these a text says nothing; a template may leave the others out."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A window with who would come in it and how long the work takes.

    Attributes
    ----------
    engineer_id, engineer_name
        Left out of the texts where absent.
    duration_p50, duration_p80
        Seconds on site that half of such visits, and four of five, do not exceed; told as a range.
    """

    window: Window
    engineer_id: str | None = None
    engineer_name: str | None = None
    duration_p50: int | None = None
    duration_p80: int | None = None


class CustomerTexts:
    """Writes texts for customers in one language and zone.

    Parameters
    ----------
    zone
        The customer's zone, in which days and times are told.
    now
        When the text is sent: near days are called today and tomorrow, too. Without it they are
        not.
    templates
        Own texts by name (`TEMPLATES`) in place of those of the language.

    Raises
    ------
    InvalidProblemError
        With every fault of own templates.
    """

    def __init__(
        self,
        zone: tzinfo,
        *,
        language: Language,
        now: datetime | None = None,
        templates: Mapping[str, str] | None = None,
    ) -> None:
        own = dict(templates or {})
        faults = [fault for name, text in own.items() for fault in template_faults(name, text)]
        if faults:
            raise InvalidProblemError(faults)
        self._zone, self._words = zone, _WORDS[language]
        self._today = None if now is None else now.astimezone(zone).date()
        self._templates = {**TEMPLATES[language], **own}

    def offer(self, ticket_id: str, choices: Sequence[Coming]) -> str:
        """Let the customer choose a window, the first one best; say so if there is none."""
        if not choices:
            return self._templates["nothing"].format(ticket=ticket_id)
        return self._templates["offer"].format(ticket=ticket_id, choices=self._choices(choices))

    def proposal(self, ticket_id: str, coming: Coming) -> str:
        """Propose one window, which is booked once the customer agrees."""
        return self._about("proposal", ticket_id, coming)

    def confirmation(self, ticket_id: str, coming: Coming) -> str:
        """Tell the window that is booked now."""
        return self._about("confirmation", ticket_id, coming)

    def reminder(self, ticket_id: str, coming: Coming) -> str:
        """Remind of the booked window: who comes and for about how long."""
        return self._about("reminder", ticket_id, coming)

    def change(self, ticket_id: str, promised: Window, choices: Sequence[Coming]) -> str:
        """Ask whether one of these windows may take the place of the promised one.

        Raises
        ------
        ValueError
            Without choices: there is nothing to ask.
        """
        if not choices:
            raise ValueError("a change asks for consent to at least one window; give some")
        return self._templates["change"].format(
            ticket=ticket_id, promised=self.when(promised), choices=self._choices(choices)
        )

    def when(self, window: Window) -> str:
        """Write day and times of a window; its day once where it ends on the same."""
        opens, closes = window.open.astimezone(self._zone), window.close.astimezone(self._zone)
        begin = f"{self._day(opens)}{self._words['after_day']}{clock(opens, self._zone)}"
        if window.close == window.open:  # local times of one zone may be equal an hour apart
            return begin
        if closes.date() == opens.date():
            return f"{begin}-{clock(closes, self._zone)}"
        if closes.time() == time() and closes.date() - opens.date() == timedelta(days=1):
            return f"{begin}-24:00"
        end = f"{self._day(closes)}{self._words['after_day']}{clock(closes, self._zone)}"
        return f"{begin}{self._words['until']}{end}"

    def _about(self, name: str, ticket_id: str, coming: Coming) -> str:
        words, who, minutes = self._words, _who(coming), _minutes(coming)
        visit = words["who"].format(who=who) if who else ""
        visit += words["minutes"].format(minutes=minutes) if minutes else ""
        when = self.when(coming.window)
        return self._templates[name].format(ticket=ticket_id, when=when, visit=visit)

    def _choices(self, choices: Sequence[Coming]) -> str:
        words = self._words
        lines = []
        for number, coming in enumerate(choices, start=1):
            minutes = _minutes(coming)
            brief = words["brief"].format(minutes=minutes) if minutes else ""
            parts = (self.when(coming.window), _who(coming), brief)
            lines.append(f"{number}. {words['comma'].join(part for part in parts if part)}")
        return "\n".join(lines)

    def _day(self, local: datetime) -> str:
        words = self._words
        name = words["day"].format(
            weekday=words["weekdays"].split()[local.weekday()],
            day=local.day,
            month=words["months"].split()[local.month - 1],
        )
        near = words["near"].split("|")
        days = -1 if self._today is None else (local.date() - self._today).days
        return near[days] + name if 0 <= days < len(near) else name


def fields_of(name: str) -> frozenset[str]:
    """Return the names in braces that a template may hold."""
    return _FIELDS[name]


def _who(coming: Coming) -> str:
    name = one_line(coming.engineer_name or "")
    return " ".join(part for part in (name, coming.engineer_id) if part)


def _minutes(coming: Coming) -> str:
    """Tell a range in steps of five minutes that holds the seconds: ``40-60``, or ``40``."""
    if coming.duration_p50 is None:
        return ""
    low = max(5, coming.duration_p50 // 300 * 5)
    high = -(-max(coming.duration_p50, coming.duration_p80 or 0) // 300) * 5
    return f"{low}-{high}" if high > low else str(low)


def template_faults(name: str, text: str) -> Iterator[Issue]:
    """Yield what is wrong with a template of one's own."""
    if name not in _FIELDS:
        message = f"no text of that name; there are {', '.join(_FIELDS)}"
        yield Issue("problem", "", f"texts.{name}", "", did_you_mean(name, _FIELDS) + message)
        return
    try:
        found = [(field, spec, how) for _, field, spec, how in Formatter().parse(text)]
    except ValueError:
        message = "has a brace without its partner; write {{ or }} for a brace itself"
        yield Issue("problem", "", f"texts.{name}", "", message)
        return
    used = {field for field, _, _ in found if field is not None}
    fields = _FIELDS[name]
    if used - fields or any(spec or how for _, spec, how in found):
        known = ", ".join(f"{{{field}}}" for field in sorted(fields))
        message = f"may hold {known} in braces, and nothing else there"
        yield Issue("problem", "", f"texts.{name}", "", message)
    for field in sorted((fields & _NEEDED) - used):
        message = f"lacks {{{field}}}, without which it does not say when; add it"
        yield Issue("problem", "", f"texts.{name}", "", message)
