"""Drawn organic waste that was eaten or has fallen: banana and orange peel, cores, leaves."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, plane
from sorterd.simulation.drawings.colours import mix, near
from sorterd.simulation.drawings.skins import ribbon, spots


def banana_peel(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """Three or four limp strips from one stem, yellow outside, pale inside, browning."""
    reach = rng.uniform(40, 56)
    canvas = Canvas(2 * reach + 6, 2 * reach + 6, px_per_mm, rng)
    yellow = near(rng, (50.0, 205.0, 236.0), 9)
    inner = near(rng, (165.0, 222.0, 240.0), 6)
    strips = int(rng.integers(3, 5))
    start = rng.uniform(0, 2 * pi)
    for strip in range(strips):
        angle = start + strip * 2 * pi / strips + rng.normal(0, 0.2)
        curl = rng.normal(0, 0.9)
        size = reach * rng.uniform(0.72, 1.0)
        path = [
            (size * s * cos(angle + curl * s), size * s * sin(angle + curl * s))
            for s in np.linspace(0, 1, 24)
        ]
        mask = canvas.polygon(ribbon(path, [4.5, 9, 10.5, 9.5, 7, 2.0]))
        inside = rng.random() < 0.4
        canvas.lay(
            canvas.polygon(ribbon(path, [5.2, 9.8, 11.3, 10.3, 7.7, 2.5])),
            mix(yellow, (20, 60, 80), 0.45),
        )
        canvas.lay(mask, inner if inside else yellow)
        ridges = [
            [(x + off * sin(angle), y - off * cos(angle)) for x, y in path[2:-3]]
            for off in (-3.0, 2.5)
        ]
        shade = mix(inner if inside else yellow, (40, 90, 120), 0.55)
        canvas.tint(canvas.strokes(ridges, 0.7) * mask, shade, 0.6)
        tip = canvas.ellipse(path[-1][0], path[-1][1], 3.2, 3.2)
        canvas.tint(tip, (20, 35, 45), 0.9)
    spots(canvas, canvas.cover, (25, 48, 72), 4.0, 1.0, 0.85)
    spots(canvas, canvas.cover, (30, 70, 105), 14.0, 0.9, 0.5)
    stem = [
        (0.0, 0.0),
        (8 * cos(start + 0.7), 8 * sin(start + 0.7)),
        (13 * cos(start + 0.9), 13 * sin(start + 0.9)),
    ]
    canvas.lay(canvas.strokes([stem], 6.0), mix(yellow, (30, 90, 100), 0.5))
    canvas.lay(canvas.ellipse(stem[2][0], stem[2][1], 3.0, 3.0), (30, 42, 48))
    canvas.shade(canvas.lit(canvas.rough(12) * 0.9))
    return canvas


def apple_core(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """An eaten apple: pale bitten waist, skin at both ends, seeds, stem."""
    long, wide = rng.uniform(56, 72), rng.uniform(22, 29)
    canvas = Canvas(long + 20, 2 * wide + 4, px_per_mm, rng)
    hx = long / 2
    skin = near(rng, ((40.0, 40.0, 180.0), (60.0, 185.0, 150.0))[int(rng.integers(2))], 10)
    flesh = near(rng, mix((170.0, 225.0, 240.0), (90.0, 150.0, 195.0), rng.uniform(0, 0.6)), 6)
    waist = wide * rng.uniform(0.32, 0.45)
    top = [
        (
            x,
            -np.interp(
                x,
                (-hx, -hx * 0.72, -hx * 0.4, 0, hx * 0.4, hx * 0.72, hx),
                (wide * 0.4, wide * 0.92, waist * 1.25, waist, waist * 1.25, wide, wide * 0.45),
            )
            + rng.normal(0, 0.8),
        )
        for x in np.linspace(-hx, hx, 34)
    ]
    low = [(x, -y + rng.normal(0, 0.8)) for x, y in reversed(top)]
    mask = canvas.polygon([(float(x), float(y)) for x, y in [*top, *low]])
    canvas.lay(mask, flesh)
    ends = np.clip(
        (np.abs(canvas.x) + canvas.noise(7) * 1.6 - (hx * 0.58)) * 2,
        0,
        1,
    )
    canvas.tint(plane(ends + 0 * mask) * mask, skin)
    spots(canvas, mask * (1 - ends), (70, 130, 180), 5, 0.5, 0.6)
    for side in (-1, 1):
        canvas.lay(
            canvas.ellipse(side * rng.uniform(3, 6), side * rng.uniform(0, 3), 3.4, 1.7),
            (28, 42, 62),
        )
    height = -((canvas.y / wide) ** 2) * (wide * 0.6)
    canvas.shade(canvas.lit(plane(height + 0 * mask) + canvas.rough(5) * 0.3))
    canvas.lay(
        canvas.strokes(
            [[(hx - 2, 0), (hx + 3, rng.uniform(-2, 2)), (hx + 8, rng.uniform(-4, 4))]], 1.7
        ),
        (30, 52, 78),
    )
    return canvas


def orange_peel(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """Peel of an orange or a mandarin in one torn, curled piece: pitted skin, white pith."""
    radius = rng.uniform(28, 38)
    canvas = Canvas(2.5 * radius, 2.5 * radius, px_per_mm, rng)
    orange = near(rng, (20.0, 130.0, 245.0), 9)
    pith = near(rng, (175.0, 218.0, 240.0), 6)
    petals = int(rng.integers(3, 6))
    start = rng.uniform(0, 2 * pi)
    angles = np.linspace(0, 2 * pi, 72, endpoint=False)
    reach = radius * (
        0.6 + 0.42 * np.abs(np.cos((angles - start) * petals / 2)) ** 0.7
    ) + rng.normal(0, 0.6, angles.size)
    mask = canvas.polygon([(r * cos(a), r * sin(a)) for a, r in zip(angles, reach, strict=True)])
    canvas.lay(mask, pith)
    inner = canvas.polygon(
        [
            (r * cos(a), r * sin(a))
            for a, r in zip(angles, reach - rng.uniform(1.5, 3.5), strict=True)
        ]
    )
    outside = rng.random() < 0.6
    if outside:
        canvas.tint(inner, orange)
    else:
        canvas.tint(1 - inner, orange)
        # One lobe has turned over.
    sweep = np.cos(np.arctan2(canvas.y, canvas.x) - (start + rng.uniform(0, 6)))
    flap = (
        np.clip((sweep - 0.55) * 30, 0, 1)
        * plane(np.hypot(canvas.x, canvas.y) > radius * 0.42)
        * inner
    )
    canvas.tint(plane(flap), pith if outside else orange)
    pits = canvas.noise(1.1) * 0.13
    canvas.shade(canvas.lit(canvas.rough(18) * 1.5 + pits))
    away = np.hypot(canvas.x, canvas.y)
    canvas.tint(canvas.ellipse(0, 0, 2.3, 2.3), (50, 120, 110), 0.8 if outside else 0.2)
    canvas.shade(plane(np.clip(1.1 - (away / (radius * 1.3)) ** 4, 0.6, 1.1)))
    return canvas


def leaf(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A salad or tree leaf: green to brown, midrib and side veins, wavy edge."""
    long, wide = rng.uniform(70, 108), rng.uniform(24, 38)
    canvas = Canvas(long + 14, 2 * wide + 24, px_per_mm, rng)
    hx = long / 2
    brown = rng.random() < 0.35
    green = near(rng, (40.0, 92.0, 148.0) if brown else (50.0, 140.0, 80.0), 11)
    s = np.linspace(0, 1, 40)
    half = wide * np.sin(pi * s**0.8) ** 0.8 * (1 + 0.06 * np.sin(s * rng.uniform(40, 80)))
    bow = rng.uniform(-9, 9)
    spine = [(float(-hx + long * a), float(bow * sin(pi * a))) for a in s]
    upper = [(x, y - float(h)) for (x, y), h in zip(spine, half, strict=True)]
    lower = [(x, y + float(h)) for (x, y), h in zip(spine, half, strict=True)]
    mask = canvas.polygon([*upper, *reversed(lower)])
    canvas.lay(mask, green)
    spots(canvas, mask, mix(green, (60, 190, 190), 0.5), 18, 0.3, 0.6)
    vein = mix(green, (190, 235, 225), 0.55)
    lines = []
    for at in range(4, 34, 4):
        x, y = spine[at]
        for side, edge in ((-1, upper), (1, lower)):
            ex, ey = edge[min(at + 5, 39)]
            lines.append(
                [(x, y), ((x + ex) / 2 + 1, (y + ey) / 2 - side * 0.5), (ex - 1, ey - side * 2)]
            )
    canvas.tint(canvas.strokes(lines, 0.7), vein, 0.75)
    canvas.tint(canvas.strokes([spine], 2.0), vein, 0.95)
    canvas.lay(
        canvas.strokes([[(-hx - 6, bow * 0.1), spine[0], spine[3]]], 2.6), mix(vein, green, 0.3)
    )
    folds = np.sin((canvas.x - np.abs(canvas.y) * 0.9) * (2 * pi / (long / 10))) * 0.8
    canvas.shade(
        canvas.lit(plane(folds) * 0.6 + canvas.rough(14) * 0.9 - plane(np.abs(canvas.y)) * 0.18)
    )
    if brown or rng.random() < 0.4:
        spots(canvas, mask, (25, 45, 75), 5, 1.1, 0.8)
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    banana_peel,
    banana_peel,
    apple_core,
    orange_peel,
    leaf,
    leaf,
)
