"""Cost and bound over time, drawn as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatchopt import Progress

WIDTH, HEIGHT, MARGIN = 640, 320, 56


def draw_trace(name: str, trace: Sequence[Progress], limit: float) -> str:
    """Return a picture of cost and bound by seconds, in per cent above the last bound.

    What lies more than ten per cent away is cut off.
    """
    bounds = [step.bound for step in trace if step.bound is not None]
    last = max(bounds, default=trace[-1].cost)
    most = 10.0

    def point(seconds: float, value: int) -> str:
        above = 100 * (value - last) / max(1, last)
        x = MARGIN + (WIDTH - 2 * MARGIN) * min(1.0, seconds / limit)
        y = HEIGHT / 2 - (HEIGHT / 2 - MARGIN) * max(-most, min(most, above)) / most
        return f"{x:.1f},{y:.1f}"

    def line(points: Sequence[str], colour: str) -> str:
        return (
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )

    cost = [point(step.seconds, step.cost) for step in trace]
    bound = [point(step.seconds, step.bound) for step in trace if step.bound is not None]
    right, middle = WIDTH - MARGIN, HEIGHT / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="24">{name}: cost (blue) and bound (orange), % of the bound</text>',
        f'<line x1="{MARGIN}" y1="{middle}" x2="{right}" y2="{middle}" stroke="#bbb"/>',
        f'<text x="8" y="{MARGIN + 4}">+{most:g} %</text>',
        f'<text x="8" y="{middle + 4}">0</text>',
        f'<text x="8" y="{HEIGHT - MARGIN + 4}">-{most:g} %</text>',
        f'<text x="{MARGIN}" y="{HEIGHT - 16}">0 s</text>',
        f'<text x="{right - 30}" y="{HEIGHT - 16}">{limit:g} s</text>',
        line(cost, "#2563eb"),
        line(bound, "#ea580c"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
