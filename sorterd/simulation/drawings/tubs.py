"""Drawn plastic that held food or shopping: cups, bags, trays."""

from collections.abc import Callable
from math import pi
from typing import Final

import cv2
import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, bump, plane
from sorterd.simulation.drawings.colours import Colour, hue, mix, near
from sorterd.simulation.drawings.print import label_art, split
from sorterd.simulation.drawings.round import round_light, streak, turned, wrapped

FILM: Final[Colour] = (238.0, 232.0, 222.0)


def cup(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A drinking or yoghurt cup on its side: tapered, ribbed, with a rolled rim."""
    long, mouth = rng.uniform(62, 92), rng.uniform(26, 33)
    foot = mouth * rng.uniform(0.62, 0.78)
    canvas = Canvas(long + 20, 2 * mouth + 2, px_per_mm, rng)
    pick = rng.random()
    colour = (
        (44.0, 36.0, 205.0)
        if pick < 0.35
        else ((235.0, 236.0, 235.0) if pick < 0.6 else hue(rng, low=120, high=220))
    )
    clear = rng.random() < 0.3
    colour = near(rng, FILM if clear else colour, 8)
    hx = long / 2
    body = turned(canvas, [(-hx, foot), (hx, mouth)], 0)
    canvas.lay(
        canvas.ellipse(-hx, 0, foot * 0.12, foot), mix(colour, (0, 0, 0), 0.3), 0.6 if clear else 1
    )
    light = round_light(body, canvas.light[1], 0.5)
    density = np.clip(0.5 + 0.4 * (1 - body.facing), 0, 1) if clear else 1
    canvas.lay(body.mask * density, [light * c for c in colour])
    pitch = rng.uniform(5, 9)
    curve = (canvas.x + body.facing * 3.5) * (2 * pi / pitch)
    canvas.shade(plane(1 + 0.1 * np.sin(curve) * (canvas.x < hx * 0.5)))
    canvas.shine(np.clip(np.sin(curve) - 0.7, 0, 1) * streak(body, -0.4, 0.3) * 1.4)
    canvas.shine(streak(body, -0.45, 0.07) * 0.5)
    if not clear and rng.random() < 0.4:
        art = label_art(rng, 160, 160, colour)
        canvas.tint(
            canvas.box(-hx + 10, -mouth, hx - 12, mouth),
            [p * light for p in split(wrapped(canvas, body, art, -hx + 8, hx - 10))],
        )
    squash = 0.3
    canvas.lay(
        canvas.ellipse(hx, 0, mouth * squash + 0.8, mouth + 0.9),
        mix(colour, (255, 255, 255), 0.35),
        0.8 if clear else 1.0,
    )
    inside = (245.0, 245.0, 245.0) if pick < 0.35 and not clear else colour
    deep = 0.58 + 0.3 * canvas.y / mouth * (canvas.light[1] * -1) + 0 * body.mask
    canvas.lay(
        canvas.ellipse(hx + 0.2, 0, mouth * squash - 0.9, mouth - 1.2),
        [deep * c for c in inside],
        0.6 if clear else 1.0,
    )
    return canvas


def bag(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A thin carrier bag, crumpled, with two handles; milky or coloured film."""
    long, wide = rng.uniform(80, 112), rng.uniform(56, 78)
    canvas = Canvas(long + 12, wide + 12, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    colour = near(rng, (244, 242, 240), 5) if rng.random() < 0.55 else hue(rng, low=70, high=200)
    mouth = hx * 0.35
    outline = [
        (-hx, -hy * 0.85),
        (-hx * 0.2, -hy),
        (mouth, -hy * 0.9),
        (hx, -hy * 0.72),
        (hx, -hy * 0.42),
        (mouth + 5, -hy * 0.34),
        (mouth, 0),
        (mouth + 5, hy * 0.34),
        (hx, hy * 0.42),
        (hx, hy * 0.72),
        (mouth, hy * 0.9),
        (-hx * 0.2, hy),
        (-hx, hy * 0.85),
        (-hx * 0.94, 0),
    ]
    film = plane(cv2.GaussianBlur(canvas.polygon(outline), (0, 0), 3.0)) > 0.5
    milky = np.clip(0.68 + canvas.noise(12) * 0.12, 0.5, 0.92)
    canvas.lay(plane(film) * milky, colour)
    if rng.random() < 0.5:
        art = label_art(rng, 130, 130, colour)
        canvas.print_on(
            art,
            [
                (-hx * 0.7, -hy * 0.5),
                (mouth * 0.7, -hy * 0.5),
                (mouth * 0.7, hy * 0.5),
                (-hx * 0.7, hy * 0.5),
            ],
            0.8,
        )
    canvas.bend(canvas.noise(15) * 1.8, canvas.noise(15) * 1.8)
    height = canvas.creases(12, hx, 4.0) * 0.3 + canvas.rough(12) * 0.7
    lit = canvas.lit(height)
    canvas.shade(np.clip(lit, 0.55, 1.15))
    canvas.shine(np.clip((lit - 1.05) * 4.0, 0, 0.85) * canvas.cover)
    return canvas


def tray(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A food tray from above: black, white or clear, stepped rim, ribs in the floor."""
    long, wide = rng.uniform(72, 106), rng.uniform(50, 72)
    canvas = Canvas(long, wide, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    pick = rng.random()
    clear = pick < 0.5
    colour = (
        near(rng, FILM, 5)
        if clear
        else (near(rng, (58, 55, 54), 6) if pick < 0.8 else near(rng, (190, 150, 60), 12))
    )
    corner = rng.uniform(6, 12)
    canvas.lay(canvas.box(-hx, -hy, hx, hy, corner), colour, 0.55 if clear else 1.0)
    height = np.zeros(canvas.shape, np.float32)
    for inset, depth in ((2.5, 1.6), (6.0, 2.4), (10.0, 3.2)):
        step = canvas.box(
            -hx + inset, -hy + inset, hx - inset, hy - inset, max(corner - inset * 0.5, 3.0)
        )
        height -= plane(cv2.GaussianBlur(step, (0, 0), 1.6)) * depth
    floor = canvas.box(-hx + 12, -hy + 12, hx - 12, hy - 12, 3)
    ribs = np.sin(canvas.x * (2 * pi / rng.uniform(5, 8)))
    if rng.random() < 0.5:
        ribs = ribs + np.sin(canvas.y * (2 * pi / rng.uniform(5, 8)))
    height += plane(floor * ribs) * 0.55
    lit = canvas.lit(height)
    canvas.shade(np.clip(lit, 0.4, 1.4))
    canvas.shine(np.clip((lit - 1.02) * 2.4, 0, 0.9) * canvas.cover)
    canvas.shine(bump(canvas.x + canvas.y * 0.5 - rng.uniform(-hx, hx) * 0.6, 5) * floor * 0.35)
    rim = canvas.box(-hx, -hy, hx, hy, corner) - canvas.box(
        -hx + 1, -hy + 1, hx - 1, hy - 1, corner - 1
    )
    canvas.shine(np.clip(rim, 0, 1) * 0.4)
    if clear:
        canvas.tint(
            canvas.strokes(
                [
                    [
                        (-hx + 6, -hy + 6),
                        (hx - 6, -hy + 6),
                        (hx - 6, hy - 6),
                        (-hx + 6, hy - 6),
                        (-hx + 6, -hy + 6),
                    ]
                ],
                0.6,
            ),
            (130, 124, 118),
            0.6,
        )
        if rng.random() < 0.5:
            half = rng.uniform(9, 14)
            canvas.lay(canvas.box(-half * 1.3, -half, half * 1.3, half, 3), hue(rng))
            canvas.print_on(
                label_art(rng, 90, 120),
                [
                    (-half * 1.3 + 1, -half + 1),
                    (half * 1.3 - 1, -half + 1),
                    (half * 1.3 - 1, half - 1),
                    (-half * 1.3 + 1, half - 1),
                ],
            )
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (cup, bag, tray)
