"""The reasons of a plan in a few words, in English and Chinese."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatchopt.report.glossary import Language

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ALL_EXCLUDED": ("the customer refused everybody who could", "客户拒绝了所有可派人员"),
        "CAPACITY_FULL": ("no shift takes another visit", "班次上门数已满"),
        "CERT_EXPIRED": ("the certificate has expired", "证书已过期"),
        "COSTS_MORE_THAN_PRICE": ("a visit would cost more than it is worth", "上门代价高于收益"),
        "LOCKED": ("locked to whom cannot come", "锁定的人员无法上门"),
        "LOST_TO_OTHERS": ("gave way to tickets worth more", "让位于更重要的工单"),
        "NEEDS_CREW": ("needs more people than a shift has", "所需人数超过班次人数"),
        "NOT_ENOUGH_PARTS": ("too few of a part in stock", "备件数量不足"),
        "NO_ENGINEER_IN_TERRITORY": ("nobody for its territory", "该片区无可派人员"),
        "NO_ENGINEER_WITHIN_TRAVEL": ("too far for every shift", "路程过远"),
        "NO_ENGINEER_WITH_SKILL": ("nobody has the skill", "无人具备所需技能"),
        "NO_FEASIBLE_SHIFT": ("fits no shift, for several rules", "无班次可容纳，原因不一"),
        "NO_PARTS": ("a part is in no stock", "缺少备件"),
        "NO_ROOM_BESIDE_PROMISES": ("no room beside promised visits", "已约定的上门占满班次"),
        "NO_ROOM_BREAK": ("no room beside the break", "与休息时间冲突"),
        "NO_SHIFT_IN_WINDOW": ("no shift in its window", "预约时段内无班次"),
        "PREREQ_UNSCHEDULED": ("waits for another ticket", "前序工单未完成"),
        "SEARCH_LIMIT": ("no place was found in time", "限时内未找到安排"),
        "SKILL_LEVEL_TOO_LOW": ("nobody has the level of skill", "技能等级不足"),
        "STANDBY_ONLY": ("only standby shifts are left, for urgent tickets", "仅余应急值班班次"),
        "WINDOW_INVERTED": ("its window closes before it may start", "预约时段早于可上门时间"),
        "WINDOW_OUTSIDE_HORIZON": ("its window is on another day", "预约时段不在计划期内"),
        "WOULD_CAUSE_OVERTIME": ("would end after the shift", "将超出班次时间"),
        "WOULD_END_TOO_LATE": ("would end after its latest time", "将超过最晚完成时间"),
        "WOULD_WEAKEN_PROMISE": ("would make a promise too unsure", "会使已约定的时段难以保证"),
    }
)

REASONS: Final = tuple(_WORDS)
"""The codes that have words here: every reason of `docs/rules.md`."""


def reason_words(reason: str, language: Language) -> str:
    """Return a reason in words; a code of somebody else's plan as it is."""
    words = _WORDS.get(reason)
    if words is None:
        return reason
    return words[0] if language == "en" else words[1]
