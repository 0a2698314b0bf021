"""Drawn metal: drink cans whole and crushed, food tins lying and upright, balls of foil."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, bump, plane
from sorterd.simulation.drawings.colours import Colour, mix, near
from sorterd.simulation.drawings.print import label_art, split
from sorterd.simulation.drawings.round import Round, round_light, streak, turned, wrapped

STEEL: Final[Colour] = (184.0, 182.0, 178.0)
DARK: Final[Colour] = (62.0, 60.0, 58.0)


def _bare(canvas: Canvas, body: Round, colour: Colour) -> None:
    """Bare metal mirrors its surroundings: hard bright and dark bands along the body."""
    tone = 0.72 + 0 * body.across
    for place, wide, gain in (
        (-0.75, 0.12, -0.4),
        (-0.42, 0.13, 0.5),
        (-0.1, 0.1, -0.2),
        (0.3, 0.22, 0.28),
        (0.66, 0.1, -0.35),
        (0.86, 0.06, 0.25),
    ):
        tone += streak(body, place + canvas.rng.normal(0, 0.04), wide) * gain
    canvas.lay(body.mask, [tone * (c * 1.15) for c in colour])


def _lid(canvas: Canvas, x: float, radius: float, squash: float, *, tab: bool) -> None:
    """A can's round end seen aslant: rim, sunken panel, pull tab."""
    canvas.lay(canvas.ellipse(x, 0, radius * squash, radius), mix(STEEL, DARK, 0.35))
    canvas.lay(canvas.ellipse(x + 0.5, 0, radius * squash - 0.8, radius - 1.0), (226, 226, 224))
    inner = canvas.ellipse(x + 0.3, 0, radius * squash - 1.8, radius - 2.4)
    sweep = np.arctan2(canvas.y, (canvas.x - x) / squash) * 2
    tone = 0.8 + 0.22 * np.cos(sweep + canvas.rng.uniform(0, 6))
    canvas.lay(inner, [tone * c for c in STEEL])
    canvas.tint(inner - canvas.ellipse(x + 0.3, 0, radius * squash - 2.5, radius - 3.4), DARK, 0.5)
    if tab:
        canvas.lay(
            canvas.ellipse(x, radius * 0.34, radius * 0.24 * squash, radius * 0.26), (30, 28, 26)
        )
        canvas.lay(
            canvas.ellipse(x, -radius * 0.14, radius * 0.2 * squash, radius * 0.34),
            mix(STEEL, DARK, 0.25),
        )
        canvas.lay(
            canvas.ellipse(x, -radius * 0.14, radius * 0.16 * squash, radius * 0.29),
            (228, 228, 226),
        )
        canvas.lay(canvas.ellipse(x, -radius * 0.26, radius * 0.09 * squash, radius * 0.12), DARK)


def _can(rng: np.random.Generator, px_per_mm: float, spare_mm: float) -> Canvas:
    """A drink can on its side: printed body, bare shoulders, one end in view."""
    slim = rng.random() < 0.25
    long, radius = (
        (rng.uniform(98, 108), rng.uniform(19, 22))
        if slim
        else (rng.uniform(82, 98), rng.uniform(25, 28))
    )
    squash = rng.uniform(0.22, 0.4)
    canvas = Canvas(long + radius * squash * 2 + spare_mm, 2 * radius + spare_mm, px_per_mm, rng)
    hx = long / 2
    end = radius * 0.82
    body = turned(
        canvas, [(-hx, radius * 0.78), (-hx + 5, radius), (hx - 8, radius), (hx, end)], 1.5
    )
    canvas.lay(canvas.ellipse(-hx, 0, radius * squash * 0.6, radius * 0.78), mix(STEEL, DARK, 0.3))
    _bare(canvas, body, STEEL)
    art = label_art(rng, 180, 260)
    band = wrapped(canvas, body, art, -hx + 4.5, hx - 7)
    printed = canvas.box(-hx + 4.5, -radius, hx - 7, radius) * body.mask
    light = round_light(body, canvas.light[1], 0.7)
    canvas.tint(printed, [p * light for p in split(band)], 0.96)
    side = float(np.sign(canvas.light[1]) or 1.0)
    canvas.shine(streak(body, side * rng.uniform(0.35, 0.55), 0.07) * rng.uniform(0.5, 0.8))
    canvas.shine(streak(body, -side * rng.uniform(0.55, 0.75), 0.05) * 0.3)
    _lid(canvas, hx, end, squash, tab=bool(rng.random() < 0.8))
    return canvas


def can(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A whole drink can."""
    return _can(rng, px_per_mm, 0.0)


def crushed_can(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A drink can that was squeezed: bent, pinched, with sharp folds in its wall."""
    canvas = _can(rng, px_per_mm, 12.0)
    hx = float(canvas.x.max())
    pinch = rng.uniform(-0.35, 0.35) * hx
    near_pinch = bump(canvas.x - pinch, rng.uniform(9, 15))
    folds = canvas.creases(6, hx * 0.8, 3.0)
    canvas.bend(
        canvas.noise(14) * 1.2,
        canvas.y * near_pinch * rng.uniform(0.2, 0.5) + canvas.noise(22) * 1.8,
    )
    canvas.shade(canvas.lit(folds * 0.45 * (0.4 + near_pinch)))
    return canvas


def tin(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A food tin on its side: ribbed steel, mostly in a paper band, one end in view."""
    long, radius = rng.uniform(58, 88), rng.uniform(27, 36)
    squash = rng.uniform(0.25, 0.42)
    canvas = Canvas(long + 2 * radius * squash, 2 * radius, px_per_mm, rng)
    hx = long / 2
    body = turned(canvas, [(-hx, radius), (hx, radius)], 0)
    canvas.lay(canvas.ellipse(-hx, 0, radius * squash, radius), mix(STEEL, DARK, 0.4))
    _bare(canvas, body, STEEL)
    ribs = np.sin(canvas.x * (2 * pi / rng.uniform(4.5, 6.5))) * (np.abs(canvas.x) < hx - 9)
    canvas.shade(plane(1 + 0.16 * ribs))
    if rng.random() < 0.6:
        left, right = -hx + rng.uniform(4, 8), hx - rng.uniform(4, 8)
        band = wrapped(canvas, body, label_art(rng, 200, 230), left, right)
        light = round_light(body, canvas.light[1], 0.65)
        canvas.tint(
            canvas.box(left, -radius, right, radius) * body.mask, [p * light for p in split(band)]
        )
        canvas.shine(streak(body, 0.4, 0.12) * 0.18)
    _lid(canvas, hx, radius, squash, tab=bool(rng.random() < 0.3))
    for share in (0.72, 0.5):
        ring = canvas.ellipse(hx, 0, radius * squash * share, radius * share) - canvas.ellipse(
            hx, 0, radius * squash * share - 0.5, radius * share - 1.0
        )
        canvas.tint(np.clip(ring, 0, 1), DARK, 0.4)
    return canvas


def tin_top(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A tin standing upright: rings round a steel lid, or an empty inside."""
    radius = rng.uniform(28, 40)
    canvas = Canvas(2 * radius, 2 * radius, px_per_mm, rng)
    away = np.hypot(canvas.x, canvas.y)
    sweep = np.arctan2(canvas.y, canvas.x)
    turn = rng.uniform(0, 6)
    # Brushed steel mirrors the room as fans of light.
    tone = 0.78 + 0.2 * np.cos(2 * sweep + turn) + 0.1 * np.cos(5 * sweep + (turn * 2))
    canvas.lay(canvas.ellipse(0, 0, radius, radius), [plane(tone) * c for c in STEEL])
    if rng.random() < 0.3:
        inside = canvas.ellipse(1, 1, radius - 3, radius - 3)
        canvas.lay(inside, (70, 72, 74))
        canvas.lay(
            canvas.ellipse(radius * 0.12, radius * 0.12, radius * 0.7, radius * 0.7),
            [plane(tone) * (c * 0.6) for c in STEEL],
        )
        rings: tuple[float, ...] = (0.3, 0.55)
    else:
        rings = (0.3, 0.55, 0.7, 0.82, 0.9)
    height = np.zeros(canvas.shape, np.float32)
    for share in rings:
        height += bump(away - radius * share, 1.1)
    height += 2 * bump(away - (radius - 1.3))
    canvas.shade(canvas.lit(height, 1.6))
    if rng.random() < 0.35:
        canvas.lay(
            canvas.ellipse(0, radius * 0.45, radius * 0.2, radius * 0.26), mix(STEEL, DARK, 0.3)
        )
        canvas.lay(canvas.ellipse(0, radius * 0.5, radius * 0.13, radius * 0.16), DARK)
        canvas.lay(canvas.ellipse(0, radius * 0.2, radius * 0.11, radius * 0.1), (225, 225, 223))
    return canvas


def foil(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A crumpled piece of aluminium foil: many small mirrors, from white to nearly black."""
    radius = rng.uniform(22, 38)
    canvas = Canvas(2.4 * radius, 2.4 * radius, px_per_mm, rng)
    angles = np.linspace(0, 2 * pi, int(rng.integers(16, 28)), endpoint=False)
    squeeze = rng.uniform(0.6, 1)
    outline = [
        (
            radius * rng.uniform(0.78, 1.14) * cos(a),
            radius * squeeze * rng.uniform(0.78, 1.14) * sin(a),
        )
        for a in angles
    ]
    gold = rng.random() < 0.2
    canvas.lay(canvas.polygon(outline), near(rng, (70.0, 150.0, 190.0) if gold else STEEL, 8))
    height = canvas.creases(12, radius, 3.0) * 0.4 + canvas.noise(5.0) * 0.45
    # Each facet mirrors another part of the room: what it shows turns over quickly with its tilt.
    tilt = canvas.lit(height, 1.6) * 7 + canvas.noise(7.0) * 0.8
    canvas.shade(0.72 + 0.5 * plane(np.sin(tilt)))
    canvas.shine(np.clip(plane(np.sin(tilt)) - 0.72, 0, 1) * 3.0 * canvas.cover)
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    can,
    can,
    can,
    crushed_can,
    crushed_can,
    tin,
    tin,
    tin_top,
    foil,
    foil,
)
