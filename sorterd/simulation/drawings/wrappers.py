"""Drawn wrappers of printed film: crisps, bars, sweets, sachets."""

from collections.abc import Callable
from math import pi
from typing import Final

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, plane
from sorterd.simulation.drawings.colours import hue, mix, near
from sorterd.simulation.drawings.print import label_art
from sorterd.simulation.drawings.round import round_light, streak, turned


def _metallised(canvas: Canvas, strength: float) -> None:
    """Creased shiny film: bright and dark facets over the print."""
    lit = canvas.lit(canvas.creases(11, 45, 4.0) * 0.3 + canvas.rough(12) * 0.55)
    canvas.shade(np.clip((lit - 1) * 1.6 + 1, 0.35, 1.35))
    canvas.shine(np.clip((lit - 1.1) * (3.5 * strength), 0, 0.85) * canvas.cover)


def _zigzag(x: float, half: float, step: float, deep: float) -> list[tuple[float, float]]:
    ys = np.arange(-half, half + step / 2, step / 2)
    return [(x + (deep if i % 2 else 0.0), float(y)) for i, y in enumerate(ys)]


def chip_bag(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A crisps or biscuit bag: loud print, crimped serrated ends, silver where torn open."""
    long, wide = rng.uniform(78, 110), rng.uniform(50, 74)
    canvas = Canvas(long + 14, wide + 14, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    colour = hue(rng, low=170, high=250)
    outline = [
        *_zigzag(-hx, hy * 0.92, 2.4, 1.2),
        (-hx * 0.6, hy),
        (hx * 0.6, hy),
        *reversed(_zigzag(hx, hy * 0.92, 2.4, -1.2)),
        (hx * 0.6, -hy),
        (-hx * 0.6, -hy),
    ]
    canvas.lay(canvas.polygon(outline), colour)
    canvas.print_on(
        label_art(rng, 200, 280, colour),
        [(-hx + 8, -hy + 3), (hx - 8, -hy + 3), (hx - 8, hy - 3), (-hx + 8, hy - 3)],
    )
    if rng.random() < 0.6:
        ys = np.linspace(-hy, hy, 14)
        deep = rng.uniform(12, 24)
        torn = [(hx - deep * (1 - (y / hy) ** 2) + rng.normal(0, 1.5), float(y)) for y in ys]
        canvas.lay(
            canvas.polygon([*torn, (hx - 1, hy * 0.9), (hx - 1, -hy * 0.9)]) * canvas.cover,
            (196, 194, 190),
        )
    for end in (-hx, hx):
        crimp = canvas.box(
            min(end, end - np.sign(end) * 7), -hy, max(end, end - np.sign(end) * 7), hy
        )
        canvas.tint(
            crimp * (0.5 + 0.5 * np.sin(canvas.x * (2 * pi / 1.3))),
            (215, 215, 215),
            0.55,
        )
    canvas.bend(canvas.noise(20) * 2.2, canvas.noise(20) * 2.2)
    _metallised(canvas, 1.0)
    return canvas


def bar_wrapper(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """The wrapper of a chocolate bar: narrow, crumpled, flat serrated ends, half silver."""
    long, wide = rng.uniform(72, 106), rng.uniform(24, 36)
    canvas = Canvas(long + 14, wide + 26, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    colour = hue(rng, low=150, high=250) if rng.random() < 0.7 else near(rng, (30, 45, 75), 10)
    flare = hy * 1.2
    canvas.lay(
        canvas.polygon(
            [
                *_zigzag(-hx, flare, 2.2, 1.1),
                (-hx + 11, hy),
                (hx - 11, hy),
                *reversed(_zigzag(hx, flare, 2.2, -1.1)),
                (hx - 11, -hy),
                (-hx + 11, -hy),
            ]
        ),
        colour,
    )
    canvas.print_on(
        label_art(rng, 110, 280, colour),
        [(-hx + 10, -hy), (hx - 10, -hy), (hx - 10, hy), (-hx + 10, hy)],
    )
    tear = rng.uniform(-0.2, 0.6) * hx
    ragged = [(tear + rng.normal(0, 3), float(y)) for y in np.linspace(-hy * 1.4, hy * 1.4, 10)]
    if rng.random() < 0.7:
        side = canvas.polygon([*ragged, (hx - 9, hy * 1.4), (hx - 9, -hy * 1.4)])
        canvas.tint(side, (188, 190, 190), 0.95)
    for end in (-hx, hx):
        crimp = canvas.box(
            min(end, end - np.sign(end) * 9), -hy * 1.4, max(end, end - np.sign(end) * 9), hy * 1.4
        )
        canvas.tint(
            crimp * (0.5 + 0.5 * np.sin(canvas.y * (2 * pi / 1.6))),
            (222, 222, 222),
            0.5,
        )
    canvas.bend(canvas.noise(26) * 1.5, canvas.noise(34) * 3.0)
    _metallised(canvas, 1.2)
    return canvas


def sweet_wrapper(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A twisted sweet wrapper: a bulging middle, two fans."""
    long, wide = rng.uniform(52, 74), rng.uniform(20, 27)
    canvas = Canvas(long, wide + 14, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    colour = hue(rng, low=170, high=250)
    for side in (-1, 1):
        fan = [
            (side * hx * 0.42, -1.5),
            (side * hx, -hy * 1.25),
            *[(side * (hx - rng.uniform(0, 3)), float(y)) for y in np.linspace(-hy, hy, 7)],
            (side * hx, hy * 1.25),
            (side * hx * 0.42, 1.5),
        ]
        canvas.lay(canvas.polygon(fan), mix(colour, (255, 255, 255), 0.15))
    pleat = np.sin(np.arctan2(canvas.y, np.maximum(np.abs(canvas.x) - (hx * 0.36), 0.5)) * 16)
    canvas.shade(plane(1 + 0.35 * pleat * (np.abs(canvas.x) > hx * 0.45)))
    body = turned(
        canvas, [(-hx * 0.5, 2.0), (-hx * 0.36, hy), (hx * 0.36, hy), (hx * 0.5, 2.0)], 2.0
    )
    canvas.lay(body.mask, colour)
    stripe = hue(rng, low=30, high=230)
    canvas.tint(
        plane(np.sin((canvas.x + canvas.y * 0.6) * (2 * pi / 9)) > 0.3) * body.mask,
        stripe,
    )
    canvas.shade(round_light(body, canvas.light[1]) * body.mask + (1 - body.mask))
    canvas.shine(streak(body, 0.35 * float(np.sign(canvas.light[1])), 0.12) * 0.8)
    lit = canvas.lit(canvas.creases(6, hx * 0.5, 3.0) * 0.3)
    canvas.shade(np.clip(lit, 0.6, 1.3))
    return canvas


def sachet(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A sauce or coffee sachet: foil edges all round, a torn corner, a stain."""
    long, wide = rng.uniform(52, 78), rng.uniform(36, 52)
    canvas = Canvas(long, wide, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    canvas.lay(
        canvas.polygon([*_zigzag(-hx, hy, 1.8, 0.9), *reversed(_zigzag(hx, hy, 1.8, -0.9))]),
        (200, 200, 198),
    )
    colour = hue(rng)
    canvas.print_on(
        label_art(rng, 130, 180, colour),
        [(-hx + 5, -hy + 4), (hx - 5, -hy + 4), (hx - 5, hy - 4), (-hx + 5, hy - 4)],
    )
    canvas.keep(
        1
        - canvas.polygon(
            [
                (hx - rng.uniform(9, 18), -hy - 2),
                (hx + 2, -hy - 2),
                (hx + 2, -hy + rng.uniform(6, 14)),
            ]
        )
    )
    stain = np.clip(canvas.noise(9) - 1.0, 0, 1) * canvas.box(0, -hy, hx, 0)
    canvas.lay(stain * canvas.cover, (20, 32, 110) if rng.random() < 0.5 else (30, 48, 70), 0.9)
    _metallised(canvas, 0.9)
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    chip_bag,
    chip_bag,
    bar_wrapper,
    bar_wrapper,
    sweet_wrapper,
    sachet,
)
