"""Drawn glass: bottles and jars lying down, bottle bottoms, tumblers, shards.

What tells glass from clear plastic: thick dark rims where the wall is seen edge-on, hard narrow
highlights, no ribs, and a bare, threaded or beaded mouth instead of a coloured cap.
"""

from collections.abc import Callable
from math import atan2, pi
from typing import Final

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, bump, plane
from sorterd.simulation.drawings.colours import Colour, mix, near
from sorterd.simulation.drawings.print import label_art, split
from sorterd.simulation.drawings.round import Round, round_light, streak, turned, wrapped

GREEN: Final[Colour] = (45.0, 98.0, 38.0)
OLIVE: Final[Colour] = (40.0, 92.0, 84.0)
BROWN: Final[Colour] = (22.0, 48.0, 96.0)
CLEAR: Final[Colour] = (196.0, 206.0, 196.0)


def _glass(rng: np.random.Generator) -> tuple[Colour, bool]:
    """A bottle's glass, and whether it is clear."""
    pick = rng.random()
    if pick < 0.35:
        return near(rng, GREEN, 9), False
    if pick < 0.45:
        return near(rng, OLIVE, 9), False
    if pick < 0.72:
        return near(rng, BROWN, 7), False
    return near(rng, CLEAR, 7), True


def _wall(canvas: Canvas, body: Round, colour: Colour, *, clear: bool) -> None:
    """Glass seen through: thin and pale in the middle, thick, dark and dense at the edges."""
    thick = (1 - body.facing) ** 1.6
    middle, rim = (
        (mix(colour, (255, 255, 255), 0.1), (74.0, 86.0, 78.0))
        if clear
        else (mix(colour, (120, 190, 170), 0.22), mix(colour, (0, 0, 0), 0.62))
    )
    density = (0.42 if clear else 0.84) + (0.5 if clear else 0.16) * thick
    wave = np.clip(thick + canvas.noise(14) * 0.07, 0, 1)
    canvas.lay(
        body.mask * np.clip(density, 0, 1),
        [m + wave * (r - m) for m, r in zip(middle, rim, strict=True)],
    )
    # The far wall shows through as a second, fainter pair of edges.
    for side in (-0.72, 0.72):
        canvas.tint(streak(body, side, 0.07), rim, 0.45)


def _gleam(canvas: Canvas, body: Round, *, clear: bool) -> None:
    """Hard white highlights: a window's long one, a thin one opposite."""
    rng = canvas.rng
    side = 1.0 if canvas.light[1] > 0 else -1.0
    broken = plane(canvas.noise(20) > -0.9) + 0
    canvas.shine(streak(body, side * rng.uniform(0.38, 0.55), 0.055) * broken * 0.95)
    canvas.shine(streak(body, side * rng.uniform(0.22, 0.3), 0.03) * 0.45)
    canvas.shine(streak(body, -side * rng.uniform(0.8, 0.88), 0.035) * (0.75 if clear else 0.5))


def _mouth(canvas: Canvas, x: float, radius: float, colour: Colour, *, clear: bool) -> None:
    """The open mouth, seen aslant: a bright ring around a dark hole."""
    squash = 0.3
    canvas.lay(canvas.ellipse(x, 0, radius * squash, radius), mix(colour, (255, 255, 255), 0.25))
    inner = canvas.ellipse(x + 0.3, 0, radius * squash - 0.9, radius - 1.8)
    canvas.lay(inner, mix(colour, (0, 0, 0), 0.45 if clear else 0.8), 0.9)
    ring = canvas.ellipse(x, 0, radius * squash, radius) - canvas.ellipse(
        x - 0.4, 0, radius * squash - 0.4, radius - 0.5
    )
    canvas.shine(np.clip(ring, 0, 1) * 0.8)


def _base(canvas: Canvas, body: Round, x: float, colour: Colour) -> None:
    """The thick foot: bright and dark bands across."""
    for away, wide, tone, share in (
        (1.2, 1.0, (0.0, 0.0, 0.0), 0.5),
        (3.2, 0.9, (255.0, 255.0, 255.0), 0.35),
        (5.0, 0.9, (0.0, 0.0, 0.0), 0.35),
    ):
        curve = canvas.x - (x + away) + (body.facing - 1) * 1.5
        canvas.tint(
            bump(curve, wide) * body.mask,
            mix(colour, tone, 0.7),
            share,
        )


def _label(canvas: Canvas, body: Round, left: float, right: float) -> None:
    rng = canvas.rng
    ground = near(rng, (215, 228, 235), 10) if rng.random() < 0.5 else None
    art = label_art(rng, 170, 170, ground)
    light = round_light(body, canvas.light[1], 0.6)
    worn = plane(canvas.noise(9) < rng.uniform(1.4, 3.5))
    canvas.lay(
        canvas.box(left, -60, right, 60) * body.mask * worn,
        [p * light for p in split(wrapped(canvas, body, art, left, right))],
        0.97,
    )


def bottle(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A beer, wine or sauce bottle: long neck, beaded mouth, often a paper label."""
    long, radius = rng.uniform(104, 120), rng.uniform(15, 19)
    neck = radius * rng.uniform(0.36, 0.44)
    canvas = Canvas(long + 3, 2 * radius, px_per_mm, rng)
    colour, clear = _glass(rng)
    hx = long / 2
    shoulder, slope = hx - long * rng.uniform(0.36, 0.5), long * rng.uniform(0.1, 0.2)
    profile = [
        (-hx, radius * 0.9),
        (-hx + 2, radius),
        (shoulder, radius),
        (shoulder + slope * 0.5, radius * 0.78),
        (shoulder + slope, neck * 1.15),
        (hx - 7, neck),
        (hx - 6.5, neck * 1.25),
        (hx - 2.5, neck * 1.25),
        (hx, neck * 1.12),
    ]
    body = turned(canvas, profile, 3.0)
    _wall(canvas, body, colour, clear=clear)
    _base(canvas, body, -hx, colour)
    canvas.tint(canvas.box(hx - 6.9, -30, hx - 6.1, 30), mix(colour, (0, 0, 0), 0.7), 0.8)
    if rng.random() < 0.7:
        right = shoulder - rng.uniform(1, 6)
        _label(canvas, body, right - min(rng.uniform(26, 42), shoulder + hx - 8), right)
        if rng.random() < 0.35:
            _label(canvas, body, shoulder + slope, shoulder + slope + 9)
    _mouth(canvas, hx, neck * 1.15, colour, clear=clear)
    _gleam(canvas, body, clear=clear)
    return canvas


def jar(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A jam or pickle jar on its side: broad, short neck with a thread, wide open mouth."""
    long, radius = rng.uniform(66, 100), rng.uniform(24, 32)
    canvas = Canvas(long + 20, 2 * radius, px_per_mm, rng)
    colour, clear = (
        (near(rng, CLEAR, 7), True) if rng.random() < 0.85 else (near(rng, BROWN, 7), False)
    )
    hx, neck = long / 2, radius * rng.uniform(0.76, 0.88)
    profile = [
        (-hx, radius * 0.86),
        (-hx + 4, radius),
        (hx - 20, radius),
        (hx - 14, neck),
        (hx, neck),
    ]
    body = turned(canvas, profile, 3.5)
    _wall(canvas, body, colour, clear=clear)
    _base(canvas, body, -hx, (90, 104, 96))
    for at in (hx - 11, hx - 7, hx - 3):
        curve = canvas.x - at - body.facing * 1.5 - canvas.y * 0.05
        canvas.tint(bump(curve, 0.7) * body.mask, (70, 80, 74), 0.75)
        canvas.shine(bump(curve - 1, 0.6) * body.mask * 0.6)
    if rng.random() < 0.6:
        _label(canvas, body, -hx + rng.uniform(7, 12), hx - rng.uniform(24, 30))
    _mouth(canvas, hx, neck, mix(colour, (120, 130, 124), 0.4), clear=clear)
    _gleam(canvas, body, clear=clear)
    return canvas


def upright(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A bottle or jar standing: rings of glass around the mouth, seen from above."""
    radius = rng.uniform(25, 36)
    canvas = Canvas(2 * radius, 2 * radius, px_per_mm, rng)
    colour, clear = _glass(rng)
    away = np.hypot(canvas.x, canvas.y) / radius
    dark = mix(colour, (0, 0, 0), 0.62) if not clear else (80.0, 92.0, 84.0)
    pale = mix(colour, (150, 215, 195), 0.35) if not clear else (226.0, 232.0, 226.0)
    tone = 0.45 + 0.35 * np.cos(away * rng.uniform(9, 14)) + 0.35 * away**4
    body = canvas.ellipse(0, 0, radius, radius)
    density = (0.5 if clear else 0.88) + 0.45 * np.clip(away - 0.6, 0, 1)
    canvas.lay(
        body * np.clip(density, 0, 1),
        [p + np.clip(tone, 0, 1) * (d - p) for p, d in zip(pale, dark, strict=True)],
    )
    mouth = rng.uniform(0.38, 0.72)
    for share, wide in ((mouth, 0.05), (mouth * 0.8, 0.025), (0.95, 0.03)):
        canvas.tint(bump(away - share, wide), dark, 0.9)
    canvas.tint(
        canvas.ellipse(0, 0, radius * mouth * 0.74, radius * mouth * 0.74),
        mix(dark, (0, 0, 0), 0.4),
        0.6,
    )
    sweep = np.arctan2(canvas.y, canvas.x)
    at = atan2(canvas.light[1], canvas.light[0])
    for turn, share, wide, gain in (
        (0.0, 0.86, 0.04, 1.0),
        (0.25, mouth + 0.06, 0.03, 1.0),
        (pi, 0.9, 0.03, 0.7),
        (pi + 0.3, mouth * 0.9, 0.03, 0.7),
    ):
        arc = np.clip(np.cos(sweep - (at + turn)) * 8 - 6.6, 0, 1)
        canvas.shine(arc * bump(away - share, wide) * gain * body)
    return canvas


def shard(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """The lower half of a broken bottle: a jagged edge of bright splinters."""
    long, radius = rng.uniform(56, 78), rng.uniform(18, 26)
    canvas = Canvas(long, 2 * radius, px_per_mm, rng)
    colour, clear = _glass(rng)
    hx = long / 2
    body = turned(canvas, [(-hx, radius * 0.88), (-hx + 2.5, radius), (hx, radius)], 2.0)
    _wall(canvas, body, colour, clear=clear)
    _base(canvas, body, -hx, colour)
    if rng.random() < 0.5:
        _label(canvas, body, -hx + 9, -hx + rng.uniform(22, 34))
    _gleam(canvas, body, clear=clear)
    ys = np.linspace(-radius, radius, int(rng.integers(7, 12)))
    jagged = [(float(hx - rng.uniform(0, long * 0.4)), float(y)) for y in ys]
    canvas.keep(
        canvas.polygon(
            [
                (-hx - 2, -radius - 2),
                (jagged[0][0], -radius - 2),
                *jagged,
                (jagged[-1][0], radius + 2),
                (-hx - 2, radius + 2),
            ]
        )
    )
    inner = [(x - rng.uniform(1.5, 4), y) for x, y in jagged]
    canvas.tint(
        canvas.polygon([*jagged, *reversed(inner)]), mix(colour, (255, 255, 255), 0.6), 0.75
    )
    canvas.shine(canvas.strokes([jagged], 0.7) * 0.8)
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    bottle,
    bottle,
    bottle,
    jar,
    jar,
    upright,
    shard,
)
