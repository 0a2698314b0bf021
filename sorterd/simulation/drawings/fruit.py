"""Drawn organic waste that is still whole: bananas, apples, oranges, lemons, carrots, tomatoes."""

from collections.abc import Callable
from math import copysign, cos, pi, sin
from typing import Final

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, bump, plane
from sorterd.simulation.drawings.colours import mix, near
from sorterd.simulation.drawings.round import round_light, streak, turned
from sorterd.simulation.drawings.skins import ball, ribbon, spots


def banana(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A whole overripe banana: a bent yellow body with edges, spots, a stem."""
    reach = rng.uniform(44, 56)
    canvas = Canvas(2 * reach + 16, 62, px_per_mm, rng)
    green = rng.random() < 0.2
    yellow = near(rng, (60.0, 190.0, 190.0) if green else (45.0, 205.0, 240.0), 8)
    bow = rng.uniform(13, 20)
    path = [(reach * s, bow * (s * s - 0.5)) for s in np.linspace(-0.92, 0.96, 30)]
    mask = canvas.polygon(ribbon(path, [2.0, 7.5, 11.5, 13, 13, 11.5, 7, 2.8]))
    canvas.lay(mask, yellow)
    canvas.tint(
        canvas.polygon(ribbon([(x, y + 7) for x, y in path], [1, 4, 6, 7, 7, 6, 3, 1])),
        mix(yellow, (10, 70, 110), 0.5),
        0.65,
    )
    canvas.tint(
        canvas.strokes([[(x, y + 1.5) for x, y in path[3:-3]]], 0.9),
        mix(yellow, (20, 90, 120), 0.6),
        0.5,
    )
    canvas.tint(
        canvas.strokes([[(x, y - 5) for x, y in path[6:-6]]], 2.6),
        mix(yellow, (255, 255, 255), 0.5),
        0.4,
    )
    spots(canvas, mask, (22, 45, 70), 3.2, rng.uniform(0.9, 1.7), 0.85)
    canvas.lay(
        canvas.strokes([[path[-1], (path[-1][0] + 4, path[-1][1] + 4)]], 5.0),
        mix(yellow, (30, 60, 50), 0.55),
    )
    canvas.lay(canvas.ellipse(path[0][0], path[0][1], 2.4, 2.6), (28, 36, 42))
    return canvas


def apple(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A whole apple, red, green or yellow with a blush; dimple, stem."""
    radius = rng.uniform(26, 34)
    canvas = Canvas(2 * radius + 6, 2 * radius + 6, px_per_mm, rng)
    ground = near(
        rng,
        ((40.0, 40.0, 175.0), (60.0, 185.0, 150.0), (70.0, 190.0, 220.0))[int(rng.integers(3))],
        10,
    )
    blush = (35.0, 35.0, 185.0)
    sweep = np.arctan2(canvas.y, canvas.x)
    amount = np.clip(
        canvas.noise(26) * 0.6 + np.sin(sweep * 38 + canvas.noise(10)) * 0.12 + 0.2,
        0,
        0.9,
    )
    skin = [g + amount * (b - g) for g, b in zip(ground, blush, strict=True)]
    ball(canvas, 0, 0, radius, radius * rng.uniform(0.9, 1), skin, gloss=0.6)
    dx, dy = rng.uniform(-0.35, 0.35) * radius, rng.uniform(-0.35, 0.35) * radius
    dimple = bump(np.hypot(canvas.x - dx, canvas.y - dy), radius * 0.2)
    canvas.shade(1 - 0.6 * dimple)
    angle = rng.uniform(0, 2 * pi)
    canvas.lay(
        canvas.strokes(
            [
                [
                    (dx, dy),
                    (dx + 6 * cos(angle), dy + 6 * sin(angle)),
                    (dx + 11 * cos(angle + 0.3), dy + 11 * sin(angle + 0.3)),
                ]
            ],
            1.8,
        ),
        (30, 55, 82),
    )
    if rng.random() < 0.4:
        spots(canvas, canvas.cover, (35, 65, 100), 16, 1.1, 0.8)
    canvas.tint(plane(canvas.noise(1.3) > 2.6), mix(ground, (220, 240, 240), 0.6), 0.6)
    return canvas


def citrus(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A whole orange or lemon, or one cut in half with its segments showing."""
    radius = rng.uniform(26, 34)
    lemon = rng.random() < 0.35
    canvas = Canvas(2.4 * radius, 2.1 * radius, px_per_mm, rng)
    skin = near(rng, (40.0, 215.0, 245.0) if lemon else (15.0, 135.0, 245.0), 8)
    along = radius * (1.16 if lemon else 1.0)
    if rng.random() < 0.5:
        ball(canvas, 0, 0, along, radius * 0.92, skin, gloss=0.35)
        canvas.shade(canvas.lit(canvas.noise(1.3) * 0.12))
        canvas.lay(canvas.ellipse(along * 0.5, 0, 2.4, 2.0), (50, 110, 90))
        return canvas
    canvas.lay(canvas.ellipse(0, 0, radius, radius), skin)
    canvas.lay(canvas.ellipse(0, 0, radius * 0.93, radius * 0.93), (190, 230, 245))
    segments = int(rng.integers(8, 12))
    flesh = mix(skin, (90, 200, 255), 0.35)
    turn = rng.uniform(0, 2 * pi)
    for segment in range(segments):
        a = turn + segment * 2 * pi / segments
        gap = pi / segments - 0.045
        outer = [
            (radius * 0.86 * cos(a + b), radius * 0.86 * sin(a + b))
            for b in np.linspace(-gap, gap, 8)
        ]
        canvas.lay(canvas.polygon([(3 * cos(a), 3 * sin(a)), *outer]), near(rng, flesh, 6))
    canvas.shade(canvas.lit(canvas.noise(2.5) * 0.15))
    canvas.shine(
        np.clip(canvas.noise(2.2) - 1.8, 0, 0.8) * canvas.ellipse(0, 0, radius * 0.8, radius * 0.8)
    )
    return canvas


def carrot(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A carrot, mostly with the stumps of its greens."""
    long, radius = rng.uniform(80, 106), rng.uniform(11, 15)
    canvas = Canvas(long + 22, 2 * radius + 16, px_per_mm, rng)
    hx = long / 2
    orange = near(rng, (30.0, 115.0, 235.0), 10)
    for _ in range(int(rng.integers(4, 9))):
        end = (hx + rng.uniform(5, 11), rng.uniform(-9, 9))
        canvas.lay(
            canvas.strokes([[(hx - 3, rng.uniform(-3, 3)), end]], rng.uniform(1.2, 2.6)),
            near(rng, (50, 145, 75), 14),
        )
    body = turned(
        canvas,
        [
            (-hx, 0.6),
            (-hx * 0.6, radius * 0.5),
            (0, radius * 0.8),
            (hx * 0.7, radius),
            (hx - 2, radius * 0.8),
            (hx, radius * 0.35),
        ],
        4.0,
    )
    light = round_light(body, canvas.light[1], 0.55)
    canvas.lay(body.mask, [light * c for c in orange])
    for _ in range(16):
        x, y = rng.uniform(-hx * 0.8, hx * 0.9), rng.uniform(-0.9, 0.6) * radius
        canvas.tint(
            canvas.strokes([[(x, y), (x + rng.normal(0, 0.6), y + rng.uniform(2, 8))]], 0.6)
            * body.mask,
            mix(orange, (20, 50, 90), 0.6),
            0.7,
        )
    canvas.shine(streak(body, copysign(0.4, canvas.light[1]), 0.12) * 0.25)
    canvas.bend(np.zeros(canvas.shape, np.float32), canvas.noise(40) * 2.5)
    return canvas


def tomato(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A tomato with its green star."""
    radius = rng.uniform(24, 33)
    canvas = Canvas(2 * radius + 4, 2 * radius + 4, px_per_mm, rng)
    red = near(rng, (32.0, 38.0, 205.0), 10)
    ball(canvas, 0, 0, radius, radius * rng.uniform(0.88, 1), red, gloss=0.85)
    sweep = np.arctan2(canvas.y, canvas.x)
    canvas.shade(
        plane(1 - 0.08 * np.abs(np.cos(sweep * 2.5)) * np.hypot(canvas.x, canvas.y) / radius)
    )
    x, y = rng.uniform(-0.3, 0.3) * radius, rng.uniform(-0.3, 0.3) * radius
    start = rng.uniform(0, 2 * pi)
    for petal in range(5):
        a = start + petal * 2 * pi / 5 + rng.normal(0, 0.15)
        size = radius * rng.uniform(0.38, 0.56)
        path = [
            (x + size * s * cos(a + 0.5 * s), y + size * s * sin(a + 0.5 * s))
            for s in np.linspace(0, 1, 8)
        ]
        canvas.lay(canvas.polygon(ribbon(path, [2.4, 2.2, 1.4, 0.3])), near(rng, (45, 120, 60), 8))
    canvas.lay(canvas.ellipse(x, y, 2.3, 2.3), (60, 150, 110))
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    banana,
    apple,
    citrus,
    carrot,
    tomato,
)
