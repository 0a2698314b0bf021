"""Drawn plastic bottles: water, milk, detergent.

What tells clear plastic from glass: ribs across, dents, a coloured cap, a printed sleeve.
"""

from collections.abc import Callable
from math import pi
from typing import Final

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, plane
from sorterd.simulation.drawings.colours import Colour, hue, mix, near
from sorterd.simulation.drawings.print import label_art, split
from sorterd.simulation.drawings.round import Round, round_light, streak, turned, wrapped


def _cap(canvas: Canvas, left: float, right: float, radius: float, colour: Colour) -> None:
    """A ribbed screw cap."""
    body = turned(canvas, [(left, radius), (right - 0.6, radius), (right, radius * 0.9)], 0.4)
    ribs = 0.88 + 0.16 * np.sin(np.arcsin(body.across) * 26)
    light = round_light(body, canvas.light[1], 0.55) * ribs
    canvas.lay(body.mask, [light * c for c in colour])
    canvas.tint(
        canvas.box(left + 1.2, -radius, left + 1.8, radius), mix(colour, (0, 0, 0), 0.5), 0.6
    )


def _dents(canvas: Canvas) -> None:
    """An empty thin bottle is never quite straight."""
    canvas.bend(
        canvas.noise(20) * 0.5,
        canvas.noise(26) * canvas.rng.uniform(0.3, 1.5),
    )


def water_bottle(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A clear or bluish PET bottle: ribs across, a printed sleeve, a coloured cap."""
    long, radius = rng.uniform(102, 118), rng.uniform(16, 20)
    canvas = Canvas(long + 4, 2 * radius + 6, px_per_mm, rng)
    tone = ((238.0, 226.0, 206.0), (236.0, 206.0, 160.0), (228.0, 236.0, 210.0))[
        int(rng.choice(3, p=(0.55, 0.35, 0.1)))
    ]
    tone = near(rng, tone, 6)
    hx, neck = long / 2, radius * 0.4
    waist = rng.uniform(-0.1, 0.15) * long
    profile = [
        (-hx, radius * 0.8),
        (-hx + 3, radius),
        (waist - 14, radius),
        (waist, radius * rng.uniform(0.86, 0.97)),
        (waist + 12, radius),
        (hx - 34, radius),
        (hx - 24, radius * 0.8),
        (hx - 15, neck),
        (hx - 10, neck),
    ]
    body = turned(canvas, profile, 3.0)
    thick = (1 - body.facing) ** 2
    light = 0.8 + 0.25 * body.facing
    canvas.lay(
        body.mask * np.clip(0.5 + 0.4 * thick, 0, 1),
        [light * c for c in tone],
    )
    # Ribs: each a dark valley beside a white crest, broken by the reflections.
    pitch = rng.uniform(5.5, 8.5)
    curve = canvas.x + body.facing * 1.2
    phase = np.sin(curve * (2 * pi / pitch)) * ((canvas.x < hx - 30) & (canvas.x > -hx + 6))
    canvas.tint(np.clip(phase - 0.55, 0, 1) * body.mask, mix(tone, (60, 50, 40), 0.7), 0.85)
    canvas.shine(
        np.clip(-phase - 0.6, 0, 1)
        * (0.35 + streak(body, -0.3, 0.3) + streak(body, 0.6, 0.15))
        * body.mask
    )
    # The foot's petals.
    for across in (-0.55, 0.0, 0.55):
        canvas.tint(
            streak(body, across, 0.12) * canvas.box(-hx, -radius, -hx + 6, radius),
            mix(tone, (60, 50, 40), 0.7),
            0.6,
        )
    if rng.random() < 0.85:
        right = waist + rng.uniform(14, 20)
        left = right - rng.uniform(22, 36)
        art = label_art(
            rng, 150, 150, hue(rng) if rng.random() < 0.5 else (200.0, rng.uniform(80, 150), 30.0)
        )
        shade = round_light(body, canvas.light[1], 0.5)
        canvas.lay(
            canvas.box(left, -radius, right, radius) * body.mask,
            [p * shade for p in split(wrapped(canvas, body, art, left, right))],
            0.93,
        )
    for away in (13.4, 11.4):
        canvas.tint(
            canvas.box(hx - away, -neck * 1.2, hx - away + 0.7, neck * 1.2) * body.mask,
            (110, 100, 90),
            0.7,
        )
    canvas.shine(streak(body, -0.42, 0.08) * plane(canvas.noise(8) > -0.4) * 0.7)
    canvas.shine(streak(body, 0.55, 0.05) * plane(canvas.noise(8) > -0.2) * 0.55)
    caps = (
        (215.0, 130.0, 40.0),
        (245.0, 245.0, 245.0),
        (70.0, 150.0, 40.0),
        (50.0, 50.0, 200.0),
        (170.0, 60.0, 20.0),
    )
    _cap(canvas, hx - 10.5, hx, neck * 1.25, near(rng, caps[int(rng.integers(len(caps)))], 10))
    _dents(canvas)
    return canvas


def _opaque(canvas: Canvas, body: Round, colour: Colour) -> None:
    """A dull opaque wall with a broad soft highlight."""
    light = round_light(body, canvas.light[1], 0.55)
    canvas.lay(body.mask, [light * c for c in colour])
    side = 1.0 if canvas.light[1] > 0 else -1.0
    canvas.shine(streak(body, side * 0.4, 0.16) * 0.35)
    canvas.shine(streak(body, side * 0.4, 0.05) * 0.35)


def detergent(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A coloured bottle with a handle, a large label and a contrasting cap."""
    long, half = rng.uniform(92, 114), rng.uniform(24, 31)
    canvas = Canvas(long, 2 * half, px_per_mm, rng)
    colour = near(rng, (245, 245, 245), 5) if rng.random() < 0.3 else hue(rng, low=140, high=230)
    hx = long / 2
    profile = [
        (-hx, half * 0.9),
        (-hx + 4, half),
        (hx - 38, half),
        (hx - 22, half * 0.62),
        (hx - 14, half * 0.36),
        (hx - 10, half * 0.36),
    ]
    body = turned(canvas, profile, 4.0)
    _opaque(canvas, body, colour)
    art = label_art(rng, 160, 200)
    left, right = -hx + 7, -hx + 7 + min(48.0, long - 54)
    panel = canvas.box(left, -half * 0.62, right, half * 0.62, 5)
    x0, y0 = left, half * 0.62
    canvas.lay(panel, (240, 240, 240))
    canvas.print_on(
        art,
        [
            (x0 + 0.8, -y0 + 0.8),
            (right - 0.8, -y0 + 0.8),
            (right - 0.8, y0 - 0.8),
            (x0 + 0.8, y0 - 0.8),
        ],
        0.95,
    )
    if rng.random() < 0.7:
        hole_x = hx - rng.uniform(32, 36)
        hole = canvas.ellipse(hole_x, -half * 0.38, 9, half * 0.2)
        canvas.tint(
            canvas.ellipse(hole_x, -half * 0.38, 11.5, half * 0.2 + 2.5),
            mix(colour, (0, 0, 0), 0.4),
            0.6,
        )
        canvas.planes *= 1 - hole
    canvas.shade(canvas.lit(canvas.noise(20) * 1.2))
    _cap(canvas, hx - 12, hx, half * 0.42, hue(rng, low=120))
    return canvas


def milk_jug(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A milky, half-translucent jug or shampoo bottle."""
    long, half = rng.uniform(84, 104), rng.uniform(22, 29)
    canvas = Canvas(long, 2 * half, px_per_mm, rng)
    colour = near(rng, (240, 242, 240), 5)
    hx = long / 2
    body = turned(
        canvas,
        [
            (-hx, half * 0.92),
            (-hx + 3, half),
            (hx - 34, half),
            (hx - 14, half * 0.38),
            (hx - 9, half * 0.38),
        ],
        3.0,
    )
    light = round_light(body, canvas.light[1], 0.35)
    canvas.lay(body.mask * 0.88, [light * c for c in colour])
    for at in (-hx + 6, hx - 38):
        canvas.tint(canvas.box(at, -half, at + 0.8, half) * body.mask, (170, 172, 168), 0.7)
    canvas.tint(canvas.box(-hx + 12, half * 0.3, hx - 44, half * 0.36), (178, 178, 172), 0.6)
    canvas.shade(canvas.lit(canvas.noise(16) * 1.6))
    if rng.random() < 0.8:
        left, right = -hx + 10, hx - 40
        y = half * 0.55
        canvas.print_on(
            label_art(rng, 120, 150), [(left, -y), (right, -y), (right, y), (left, y)], 0.95
        )
    canvas.shine(streak(body, -0.45, 0.08) * 0.55)
    _cap(
        canvas,
        hx - 10,
        hx,
        half * 0.45,
        ((200.0, 90.0, 30.0), (60.0, 60.0, 205.0), (80.0, 160.0, 50.0))[int(rng.integers(3))],
    )
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    water_bottle,
    water_bottle,
    water_bottle,
    detergent,
    milk_jug,
)
