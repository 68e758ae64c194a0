"""A small line chart as SVG: no plotting library is needed to look at accuracy against ε."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 400, 60, 50
_COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94")


def lines(series: Mapping[str, Sequence[tuple[float, float]]], x_name: str, y_name: str) -> str:
    """Series of (x > 0, y) over a logarithmic x axis, with a label at every point."""
    xs = [math.log(x) for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    low, high = math.floor(min(ys)) - 0.5, math.ceil(max(ys)) + 0.5
    span = max(xs) - min(xs) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        right = LEFT + 20 + (math.log(x) - min(xs)) / span * (WIDTH - LEFT - 60)
        return right, HEIGHT - BOTTOM - 10 - (y - low) / (high - low) * (HEIGHT - BOTTOM - 40)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{LEFT} 20V{HEIGHT - BOTTOM}H{WIDTH - 20}" fill="none" stroke="#444"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_name}</text>',
        f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2})">{y_name}</text>',
    ]
    for i, (name, points) in enumerate(series.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        placed = [place(x, y) for x, y in points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - 30}" y="{40 + 16 * i}" text-anchor="end" fill="{colour}">{name}</text>')
        for (a, b), (x, y) in zip(placed, points, strict=True):
            parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>')
            parts.append(f'<text x="{a:.1f}" y="{b - 8:.1f}" text-anchor="middle">{y:.1f}</text>')
            parts.append(f'<text x="{a:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:g}</text>')
    return "\n".join([*parts, "</svg>", ""])
