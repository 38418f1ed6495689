"""Runs and summaries as rows of text, and rows as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.summary import TARGETS, Summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.engines import Run

Rows = list[list[str]]


def run_rows(runs: Sequence[Run], bounds: Mapping[str, int]) -> Rows:
    """One row for each run: bound, cost, distance, seconds, unserved by priority."""
    head = "instance engine limit seconds bound cost above % P1 P2 P3 P4 remark"
    rows = [head.split()]
    for run in runs:
        bound = bounds.get(run.instance)
        above = run.cost - bound if run.cost is not None and bound is not None else None
        percent = f"{100 * above / bound:.2f}" if above is not None and bound else "-"
        left_out = run.unserved or {}
        rows.append(
            [
                run.instance,
                run.engine,
                f"{run.limit:g}",
                "-" if run.seconds is None else f"{run.seconds:.1f}",
                _number(bound),
                _number(run.cost),
                _number(above),
                percent,
                *(_number(left_out.get(priority)) for priority in (1, 2, 3, 4)),
                _remark(run),
            ]
        )
    return rows


def summary_rows(summaries: Sequence[Summary]) -> Rows:
    """One row for each size: distances to the bounds summed, ratios, verdict."""
    rows = [
        [
            "tickets",
            "limit",
            "instances",
            "ours",
            "best peer",
            "its sum",
            "best of each",
            "ratio",
            "ratio to best of each",
            "target",
            "verdict",
        ]
    ]
    for summary in summaries:
        target = TARGETS.get(summary.size)
        rows.append(
            [
                str(summary.size),
                f"{summary.limit:g}",
                str(len(summary.instances)),
                _number(summary.ours),
                summary.best_peer or "-",
                _number(summary.best_peer_sum),
                _number(summary.best_per_instance_sum),
                _ratio(summary.ratio),
                _ratio(summary.ratio_per_instance),
                f"{target.ratio} in {target.seconds:g} s" if target else "-",
                summary.verdict,
            ]
        )
    return rows


def render(title: str, rows: Rows, *, markdown: bool) -> str:
    """Return a titled table, the first row its head, columns padded to equal width."""
    cells = [[cell.replace("|", "/") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
    rule = ["-" * width for width in widths]
    if markdown:
        body = ["| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:])]
        return f"### {title}\n\n" + "\n".join(body) + "\n"
    body = ["  ".join(line).rstrip() for line in (lines[0], rule, *lines[1:])]
    return f"{title}\n" + "\n".join(body) + "\n"


def _remark(run: Run) -> str:
    remarks = [run.disagreement] if run.disagreement else []
    if run.status != "ok":
        remarks.append(f"{run.status}: {run.note}" if run.note else run.status)
    elif run.own_cost is not None and run.own_cost != run.cost:
        remarks.append(f"says {run.own_cost} itself")
    return "; ".join(remarks)


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
