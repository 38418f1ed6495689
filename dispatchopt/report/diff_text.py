"""A comparison of two plans in words, in English or Chinese."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dispatchopt.report.minutes import clock
from dispatchopt.report.reason_words import reason_words
from dispatchopt.report.summary import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dispatchopt.models import Problem, Window
    from dispatchopt.report.diff import Change, ChangeReason, PlanDiff
    from dispatchopt.report.glossary import Language

_WHY: Final[Mapping[ChangeReason, tuple[str, str]]] = MappingProxyType(
    {
        "NEW_TICKET": ("new ticket", "新工单"),
        "WAS_LEFT_OUT": ("was left out: {unserved}", "此前未安排：{unserved}"),
        "WAS_REJECTED": ("was rejected at input", "此前数据有误被拒"),
        "WAS_NOT_PLANNABLE": ("its status kept it out before", "此前状态无需上门"),
        "DONE": ("done", "已完成"),
        "CANCELLED": ("cancelled", "已撤销"),
        "PARKED": ("parked", "已挂起"),
        "LEFT_OUT": ("left out: {unserved}", "未安排：{unserved}"),
        "REJECTED": ("rejected at input", "数据有误被拒"),
        "NOT_MENTIONED": ("not in the newer plan, though the input lists it", "新方案未提及"),
        "NO_LONGER_LISTED": ("no longer listed", "工单已不在清单中"),
        "ENGINEER_AWAY": ("{before} is away", "{before}不在岗"),
        "RE_OPTIMISED": ("re-optimised", "重新优化"),
    }
)

_TEXT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "title": ("Plan {after} against {before}", "方案 {after} 与 {before} 对比"),
        "counts": (
            "Visits: {kept} kept, {gained} gained, {lost} lost, {moved} to another engineer, "
            "{retimed} at another time",
            "保持不变 {kept}，新增 {gained}，取消 {lost}，换人 {moved}，改时间 {retimed}",
        ),
        "from": ("from {who}", "原为{who}"),
        "to": ("to {who}", "改派{who}"),
        "again": ("Left out again ({n}): {ids}", "再次未安排（{n}）：{ids}"),
        "newly": ("New and left out ({n}): {ids}", "新工单未安排（{n}）：{ids}"),
        "windows": ("Promised windows changed: {items}", "约定时段有变：{items}"),
        "no_window": ("no promise", "无约定"),
        "cost": (
            "Cost {before} -> {after}, {change:+.1f} h of work",
            "成本 {before} -> {after}，{change:+.1f} 工时",
        ),
        "inputs": (
            " (two inputs: the costs do not say which plan is better)",
            "（输入不同，成本不可直接比较优劣）",
        ),
        "same": ("The visits are the same.", "上门安排没有变化。"),
    }
)


def diff_lines(
    diff: PlanDiff, *, language: Language = "en", problem: Problem | None = None
) -> list[str]:
    """Write a comparison: counts and cost, then what each engineer gets and gives, then the rest.

    ``+`` gets, ``-`` gives, ``~`` keeps at another time. Every ticket is listed. Times are those of
    the problem's zone, without a problem of UTC.
    """
    writer = _Writer(language, UTC if problem is None else problem.zone)
    zone_name = "UTC" if problem is None else problem.timezone
    counts = diff.to_json()["counts"]
    title = writer.text("title", before=diff.before_id, after=diff.after_id)
    lines = [f"{title} ({zone_name})", writer.text("counts", **counts), *writer.cost(diff)]
    if not diff.changes:
        lines.append(writer.text("same"))
    for engineer, changes in diff.by_engineer().items():
        lines += ["", engineer]
        lines += [f"  {sign} {writer.change(sign, change)}" for sign, change in changes]
    rest = list(writer.rest(diff))
    return [*lines, *([""] if rest else []), *rest]


class _Writer:
    """Words of one language, times of one zone."""

    def __init__(self, language: Language, zone: tzinfo) -> None:
        self._language, self._zone = language, zone
        self._index = 0 if language == "en" else 1

    def text(self, name: str, **values: object) -> str:
        return _TEXT[name][self._index].format(**values)

    def cost(self, diff: PlanDiff) -> list[str]:
        if not diff.cost_before or not diff.cost_after:
            return []
        before, after = sum(diff.cost_before.values()), sum(diff.cost_after.values())
        line = self.text(
            "cost", before=number(before), after=number(after), change=(after - before) / 3600
        )
        return [line if diff.same_input else line + self.text("inputs")]

    def change(self, sign: str, change: Change) -> str:
        """Write one line: ticket, when, from or to whom, why."""
        before, after = change.before, change.after
        parts = [change.ticket_id]
        if sign == "~":
            old = None if before is None else before.start
            new = None if after is None else after.start
            parts.append(f"{self._time(old)} -> {self._time(new)}")
        else:
            here, other = (after, before) if sign == "+" else (before, after)
            if here is not None and here.start is not None:
                parts.append(self._time(here.start))
            if other is not None:
                parts.append(self.text("from" if sign == "+" else "to", who=other.engineer_id))
        return "  ".join([*parts, self._why(change)])

    def _why(self, change: Change) -> str:
        unserved = reason_words(change.unserved, self._language)
        if unserved != change.unserved:
            unserved += f" ({change.unserved})" if self._language == "en" else ""
        before = "" if change.before is None else change.before.engineer_id
        return _WHY[change.reason][self._index].format(unserved=unserved, before=before)

    def rest(self, diff: PlanDiff) -> Iterator[str]:
        for name, ids in (("again", diff.left_out_again), ("newly", diff.newly_left_out)):
            if ids:
                yield self.text(name, n=len(ids), ids=self._joined(ids))
        if diff.windows:
            items = [
                f"{item.ticket_id} {self._window(item.before)} -> {self._window(item.after)}"
                for item in diff.windows
            ]
            yield self.text("windows", items=self._joined(items))

    def _joined(self, items: list[str] | tuple[str, ...]) -> str:
        return (", " if self._language == "en" else "、").join(items)

    def _time(self, instant: datetime | None) -> str:
        if instant is None:
            return "?"
        return f"{instant.astimezone(self._zone):%m-%d} {clock(instant, self._zone)}"

    def _window(self, window: Window | None) -> str:
        if window is None:
            return self.text("no_window")
        return f"{self._time(window.open)}-{clock(window.close, self._zone)}"
