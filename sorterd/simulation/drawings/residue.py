"""Drawn residual waste: nappies, tissues, broken china, sponges, toothbrushes, cigarettes."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

import cv2
import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, bump, plane
from sorterd.simulation.drawings.colours import hue, mix, near
from sorterd.simulation.drawings.print import flat, text_lines, title, word
from sorterd.simulation.drawings.round import round_light, streak, turned


def nappy(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A nappy: hourglass, gathered legs, a printed belt with tapes, a stain in the middle."""
    long, wide = rng.uniform(84, 108), rng.uniform(54, 70)
    canvas = Canvas(long, wide + 4, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    s = np.linspace(-1, 1, 30)
    half = hy * (0.55 + 0.45 * np.abs(s) ** 2.2)
    upper = [(float(hx * a), float(-h + rng.normal(0, 0.4))) for a, h in zip(s, half, strict=True)]
    lower = [(x, -y) for x, y in reversed(upper)]
    canvas.lay(canvas.polygon([*upper, *lower]), near(rng, (240, 240, 238), 4))
    band = hue(rng, low=80, high=170)
    for end in (-1, 1):
        canvas.tint(
            canvas.box(min(end * hx, end * (hx - 12)), -hy, max(end * hx, end * (hx - 12)), hy),
            band,
            0.55,
        )
        for x in np.arange(-hy + 5, hy, 11):
            canvas.tint(
                canvas.ellipse(end * (hx - 6), float(x), 2.4, 2.4), mix(band, (0, 0, 0), 0.3), 0.8
            )
    for side in (-1, 1):
        canvas.lay(
            canvas.box(hx - 11, side * hy * 0.92 - 4, hx - 1, side * hy * 0.92 + 4, 2),
            mix(band, (255, 255, 255), 0.3),
        )
        gather = bump(np.abs(canvas.y) - hy * 0.5, 3.2) * np.sin(canvas.x * (2 * pi / 3.2))
        canvas.shade(plane(1 + 0.14 * gather * (np.sign(canvas.y) == side)))
    stain = bump(np.hypot(canvas.x / (hx * 0.5), canvas.y / (hy * 0.35)))
    stain = stain * np.clip(0.7 + canvas.noise(9) * 0.35, 0, 1)
    canvas.tint(stain, (60, 150, 190), 0.75)
    canvas.shade(canvas.lit(canvas.rough(14) + canvas.noise(2.2) * 0.1))
    return canvas


def tissue(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A used tissue: a soft greyish wad with round folds, embossed dots, brown or red stains."""
    radius = rng.uniform(26, 38)
    canvas = Canvas(2.5 * radius, 2.5 * radius, px_per_mm, rng)
    angles = np.linspace(0, 2 * pi, 40, endpoint=False)
    reach = radius * (
        0.85
        + 0.14 * np.sin(angles * 3 + rng.uniform(0, 6))
        + 0.09 * np.sin(angles * 7 + rng.uniform(0, 6))
    )
    squeeze = rng.uniform(0.6, 0.9)
    shape = canvas.polygon(
        [(r * cos(a), r * squeeze * sin(a)) for a, r in zip(angles, reach, strict=True)]
    )
    canvas.lay(shape, near(rng, (206, 212, 214), 8))
    for colour in ((45.0, 95.0, 145.0), (60.0, 70.0, 150.0)):
        canvas.tint(
            np.clip((canvas.noise(12) - 0.7) * 1.4, 0, 1),
            near(rng, colour, 10),
            0.75,
        )
    dots = np.sin(canvas.x * 2.4) * np.sin(canvas.y * 2.4) * 0.07
    folds = np.abs(canvas.noise(13)) * (-3.0) + canvas.rough(9) * 0.7
    canvas.shade(canvas.lit(plane(folds + dots)))
    return canvas


def china(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A broken plate or cup: glazed, a coloured rim, a rough unglazed break."""
    radius = rng.uniform(42, 58)
    canvas = Canvas(2 * radius, 2 * radius, px_per_mm, rng)
    glaze = near(rng, (232, 236, 238), 6) if rng.random() < 0.6 else hue(rng, low=40, high=130)
    away = np.hypot(canvas.x, canvas.y)
    disc = canvas.ellipse(0, 0, radius, radius)
    canvas.lay(disc, glaze)
    rim = hue(rng)
    for place, wide in ((0.93, 0.03), (0.84, 0.012)):
        canvas.tint(
            canvas.edge((wide - np.abs(away / radius - place)) * radius),
            rim,
            0.9,
        )
    sweep, (lx, ly, _) = np.arctan2(canvas.y, canvas.x), canvas.light
    canvas.tint(
        bump(away / radius - 0.75, 0.04) * (np.sin(sweep * 16) > 0.2),
        rim,
        0.8,
    )
    canvas.shade(canvas.lit(bump(away - radius * 0.6, 5) * -3))
    canvas.shine(
        bump(np.hypot(canvas.x - lx * radius * 0.8, canvas.y - ly * radius * 0.8), 9.5) * disc * 0.9
    )
    # Keep one wedge; the break shows the clay.
    a0 = rng.uniform(0, 2 * pi)
    open_rad = rng.uniform(1.5, 2.5)
    jag = [(rng.uniform(0, 0.22) * radius, a0 + open_rad / 2)]
    first = [(r * radius, a0 + rng.normal(0, 0.06)) for r in np.linspace(0.25, 1.05, 6)]
    last = [(r * radius, a0 + open_rad + rng.normal(0, 0.06)) for r in np.linspace(1.05, 0.25, 6)]
    arc = [(radius * 1.1, a) for a in np.linspace(a0, a0 + open_rad, 12)]
    outline = [(r * cos(a), r * sin(a)) for r, a in [*jag, *first, *arc, *last]]
    canvas.keep(canvas.polygon(outline))
    inner = [(r * cos(a), r * sin(a)) for r, a in [*last, *jag, *first]]
    canvas.tint(canvas.strokes([inner], 3.4), near(rng, (150, 180, 205), 8))
    canvas.tint(canvas.strokes([inner], 1.2), (110, 140, 165), 0.9)
    return canvas


def sponge(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A worn kitchen sponge: pores, dirt, a scouring layer of another colour."""
    long, wide = rng.uniform(66, 92), rng.uniform(42, 56)
    canvas = Canvas(long + 6, wide + 6, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    foam = near(
        rng,
        ((70.0, 200.0, 235.0), (150.0, 140.0, 230.0), (205.0, 170.0, 90.0))[int(rng.integers(3))],
        10,
    )
    outline = canvas.edge(
        2
        + canvas.noise(6) * 0.7
        - np.maximum(np.abs(canvas.x) - (hx - 2.5), np.abs(canvas.y) - (hy - 2.5))
    )
    canvas.lay(outline, foam)
    scour = plane(canvas.y + canvas.noise(8) * 0.6 > hy * rng.uniform(0.35, 0.6))
    canvas.tint(
        scour, near(rng, (70, 120, 40), 8) if rng.random() < 0.7 else near(rng, (60, 60, 60), 8)
    )
    canvas.shade(1 + scour * canvas.noise(0.7) * 0.22)
    pores = (canvas.noise(2.4) > 1.35) | (canvas.noise(1.3) > 1.7)
    canvas.tint(plane(pores) * (1 - scour), mix(foam, (0, 0, 0), 0.5), 0.85)
    canvas.tint(np.clip(canvas.noise(16) - 0.4, 0, 1), (40, 60, 75), 0.6)
    canvas.shade(canvas.lit(canvas.rough(12) * 0.9))
    edge = np.maximum(np.abs(canvas.x) / hx, np.abs(canvas.y) / hy)
    canvas.shade(plane(np.clip(1.1 - edge**8 * 0.35, 0.5, 1.1)))
    return canvas


def toothbrush(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A toothbrush: a thin coloured handle with a grip, a head of splayed bristles."""
    long = rng.uniform(104, 118)
    canvas = Canvas(long + 3, 30, px_per_mm, rng)
    hx = long / 2
    colour = hue(rng, low=120, high=230)
    second = (240.0, 240.0, 240.0) if rng.random() < 0.5 else hue(rng, low=80)
    body = turned(
        canvas,
        [
            (-hx, 3.0),
            (-hx + 3, 5.2),
            (-hx * 0.2, 6.0),
            (hx * 0.2, 3.4),
            (hx - 26, 2.6),
            (hx - 22, 5.6),
            (hx - 2, 5.6),
            (hx, 3.4),
        ],
        3.0,
    )
    light = round_light(body, canvas.light[1], 0.5)
    canvas.lay(body.mask, [light * c for c in colour])
    canvas.tint(canvas.box(-hx + 8, -2.8, -hx * 0.05, 2.8, 2.8) * body.mask, second)
    for x in np.arange(-hx + 12, -hx * 0.1, 4.0):
        canvas.tint(
            canvas.box(float(x), -2.4, float(x) + 1.2, 2.4), mix(second, (0, 0, 0), 0.4), 0.8
        )
    tufts = []
    for x in np.arange(hx - 20, hx - 1, 2.2):
        for y in (-3.4, -1.1, 1.1, 3.4):
            ends = (float(x) + rng.normal(0, 1.3), y + 2.6 * float(np.sign(y)) + rng.normal(0, 1.3))
            tufts.append([(float(x), y), ends])
    canvas.lay(canvas.strokes(tufts, 1.1), near(rng, (226, 230, 232), 5))
    canvas.lay(canvas.strokes(tufts[::3], 0.9), hue(rng, low=90))
    canvas.shine(streak(body, 0.4, 0.15) * 0.5 * plane(canvas.x < hx - 24))
    return canvas


def cigarette_pack(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A crushed cigarette pack: black warning panel, hinged lid, foil, a few butts."""
    long, wide = rng.uniform(74, 88), rng.uniform(48, 56)
    canvas = Canvas(long + 26, wide + 12, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    colour = ((40.0, 35.0, 190.0), (150.0, 90.0, 30.0), (210.0, 205.0, 200.0))[int(rng.integers(3))]
    for y in rng.uniform(-hy * 0.7, hy * 0.7, int(rng.integers(1, 4))):
        stub = rng.uniform(4, 9)
        canvas.lay(canvas.box(hx - 4, y - 3.6, hx + stub, y + 3.6, 0.8), (60, 140, 205))
    canvas.lay(canvas.box(-hx, -hy, hx, hy, 1.0), near(rng, colour, 8))
    canvas.lay(canvas.box(hx - 24, -hy, hx - 0.5, hy, 0.5), mix(colour, (255, 255, 255), 0.12))
    canvas.tint(canvas.strokes([[(hx - 24, -hy), (hx - 24, hy)]], 0.9), (40, 40, 40), 0.8)
    warning = flat(160, 130, (24, 24, 24))
    title(warning, word(rng), 12, 50, 106, (240.0, 240.0, 240.0), cv2.FONT_HERSHEY_DUPLEX)
    text_lines(rng, warning, 12, 60, 118, 145, 14.0, (235.0, 235.0, 235.0))
    canvas.print_on(
        np.ascontiguousarray(np.rot90(warning, -1)),
        [(-hx + 1, -hy + 1), (-hx + 34, -hy + 1), (-hx + 34, hy - 1), (-hx + 1, hy - 1)],
    )
    badge = flat(80, 80, colour)
    cv2.circle(badge, (40, 40), 26, (60.0, 190.0, 225.0), -1, cv2.LINE_AA)
    title(badge, word(rng), 4, 72, 72, (245.0, 245.0, 245.0), cv2.FONT_HERSHEY_TRIPLEX)
    canvas.print_on(
        badge,
        [(-hx + 35, -hy * 0.6), (hx - 25, -hy * 0.6), (hx - 25, hy * 0.6), (-hx + 35, hy * 0.6)],
    )
    canvas.bend(canvas.noise(22) * 1.5, canvas.noise(22) * 1.5)
    canvas.shade(canvas.lit(canvas.creases(6, hx, 2.0) * 0.3))
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    nappy,
    tissue,
    china,
    sponge,
    toothbrush,
    cigarette_pack,
)
