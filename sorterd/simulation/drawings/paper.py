"""Drawn paper: printed sheets, crumpled balls, newspaper, magazine pages, envelopes."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

import cv2
import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, Plane, bump, plane
from sorterd.simulation.drawings.colours import Colour, hue, mix, near
from sorterd.simulation.drawings.print import FONTS, flat, scene, text_lines, title, word

INK: Final[Colour] = (60.0, 55.0, 55.0)
FAINT: Final[Colour] = (125.0, 122.0, 120.0)


def _white(rng: np.random.Generator) -> Colour:
    return near(rng, (238.0, 240.0, 242.0), 6.0)


def _sheet(
    rng: np.random.Generator, px_per_mm: float, art: Plane, long: float, wide: float, *, torn: bool
) -> Canvas:
    """Lay a printed sheet with soft waves, a few folds, perhaps a turned corner or a torn side."""
    canvas = Canvas(long, wide, px_per_mm, rng)
    hx, hy = long / 2, wide / 2
    corners = [(-hx, -hy), (hx, -hy), (hx, hy), (-hx, hy)]
    outline = list(corners)
    if torn:
        outline = [
            (-hx, -hy),
            *(
                (hx - abs(rng.normal(0, 3)) - 4 * (y / hy) ** 2, float(y))
                for y in np.linspace(-hy, hy, 16)
            ),
            (-hx, hy),
        ]
    canvas.lay(canvas.polygon(outline), (240, 240, 240))
    canvas.print_on(art, corners)
    height = canvas.noise(35.0) * 2.5
    if rng.random() < 0.75:
        height += canvas.creases(int(rng.integers(1, 6)), max(hx, hy), 0.6) * rng.uniform(0.1, 0.3)
    canvas.shade(canvas.lit(height))
    if not torn and rng.random() < 0.5:
        ear = rng.uniform(7, 16)
        canvas.keep(
            1 - canvas.polygon([(hx - ear, -hy - 1), (hx + 1, -hy - 1), (hx + 1, -hy + ear)])
        )
        canvas.lay(
            canvas.polygon([(hx - ear, -hy), (hx - ear, -hy + ear), (hx, -hy + ear)]),
            (216, 220, 222),
        )
        canvas.tint(
            canvas.strokes([[(hx - ear, -hy), (hx - ear, -hy + ear), (hx, -hy + ear)]], 0.6),
            (160, 160, 160),
            0.7,
        )
    return canvas


def printed(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A letter or form: white, with a heading and paragraphs."""
    art = flat(420, 300, _white(rng))
    title(
        art,
        word(rng, upper=False),
        30,
        50,
        int(rng.uniform(70, 150)),
        hue(rng) if rng.random() < 0.4 else INK,
        int(rng.choice(FONTS)),
    )
    y = 75
    while y < 370:
        end = y + int(rng.uniform(40, 110))
        text_lines(rng, art, 30, y, 270, min(end, 390), 8.5, FAINT)
        y = end + 14
    return _sheet(
        rng,
        px_per_mm,
        np.ascontiguousarray(np.rot90(art, -1)),
        rng.uniform(88, 112),
        rng.uniform(60, 78),
        torn=bool(rng.random() < 0.25),
    )


def notebook(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A leaf of ruled or squared paper with handwriting, torn from its block."""
    art = flat(300, 400, _white(rng))
    rule = (225.0, 190.0, 150.0)
    for y in range(30, 300, 14):
        cv2.line(art, (0, y), (400, y), rule, 1)
    if rng.random() < 0.4:
        for x in range(14, 400, 14):
            cv2.line(art, (x, 0), (x, 300), rule, 1)
    else:
        cv2.line(art, (52, 0), (52, 300), (140, 130, 230), 1)
    pen = (150.0, 60.0, 40.0) if rng.random() < 0.6 else INK
    for row in range(40, int(rng.uniform(110, 290)), 28):
        along = np.arange(60, rng.uniform(200, 380), 2.5)
        loops = 5 * np.sin(along * 0.45 + rng.uniform(0, 6)) * np.sin(along * 0.13)
        height = row - 4 + loops + rng.normal(0, 1.2, along.size)
        line = np.stack((along, height), axis=1).astype(np.int32)
        cv2.polylines(art, [line], False, pen, 2, cv2.LINE_AA)
    return _sheet(rng, px_per_mm, art, rng.uniform(80, 105), rng.uniform(58, 76), torn=True)


def newspaper(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A folded newspaper: grey, a big heading, columns, a grey photograph."""
    paper = near(rng, (196.0, 206.0, 210.0), 7.0)
    art = flat(300, 420, paper)
    title(
        art, word(rng) + " " + word(rng), 20, 42, 380, (40.0, 40.0, 40.0), cv2.FONT_HERSHEY_TRIPLEX
    )
    cv2.line(art, (15, 54), (405, 54), INK, 2)
    photo = int(rng.integers(0, 3))
    for column in range(4):
        left = 15 + column * 99
        top = 64
        if column in (photo, photo + 1):
            top = 170
        text_lines(rng, art, left, top, left + 90, 292, 6.0, (85.0, 85.0, 85.0))
    grey = scene(rng, 96, 185).mean(axis=2, keepdims=True) * 0.8
    art[66:162, 15 + photo * 99 : 200 + photo * 99] = grey
    canvas = _sheet(rng, px_per_mm, art, rng.uniform(92, 114), rng.uniform(62, 80), torn=False)
    hx, hy = float(canvas.x.max()), float(canvas.y.max())
    fold = rng.uniform(-0.2, 0.2) * hx
    canvas.tint(canvas.strokes([[(fold, -hy), (fold, hy)]], 1.4), (120, 125, 128), 0.6)
    return canvas


def magazine(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A glossy page or flyer: a photograph, a loud heading, text on white."""
    art = flat(300, 400, _white(rng))
    wide = int(rng.uniform(180, 330))
    art[12:200, 12 : 12 + wide] = scene(rng, 188, wide)
    title(art, word(rng), 20, 60, int(wide * 0.8), (250.0, 250.0, 250.0), cv2.FONT_HERSHEY_TRIPLEX)
    title(art, word(rng, upper=False), 20, 240, 150, hue(rng), int(rng.choice(FONTS)))
    text_lines(rng, art, 20, 248, 385, 292, 7.0, FAINT)
    text_lines(rng, art, wide + 24, 20, 388, 200, 7.0, FAINT)
    canvas = _sheet(
        rng,
        px_per_mm,
        art,
        rng.uniform(86, 110),
        rng.uniform(60, 80),
        torn=bool(rng.random() < 0.3),
    )
    hx = float(canvas.x.max())
    gloss = bump(canvas.x - rng.uniform(-0.6, 0.6) * hx + canvas.y * 0.4, 9)
    canvas.shine(gloss * 0.22 * canvas.cover)
    return canvas


def envelope(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A letter's envelope: from the front with window and stamp, or from the back with its flap."""
    long, wide = rng.uniform(88, 112), rng.uniform(46, 62)
    canvas = Canvas(long, wide, px_per_mm, rng)
    white, hx, hy = _white(rng), long / 2, wide / 2
    canvas.lay(canvas.box(-hx, -hy, hx, hy, 1), white)
    line = mix(white, (0, 0, 0), 0.22)
    if rng.random() < 0.5:
        canvas.tint(
            canvas.polygon([(-hx, -hy), (hx, -hy), (hx * 0.1, hy * 0.25), (-hx * 0.1, hy * 0.25)]),
            mix(white, (0, 0, 0), 0.06),
        )
        canvas.tint(
            canvas.strokes(
                [
                    [(-hx, -hy), (-hx * 0.1, hy * 0.25), (hx * 0.1, hy * 0.25), (hx, -hy)],
                    [(-hx, hy), (-hx * 0.3, 0)],
                    [(hx, hy), (hx * 0.3, 0)],
                ],
                0.7,
            ),
            line,
        )
    else:
        window = canvas.box(-hx * 0.8, -hy * 0.05, hx * 0.05, hy * 0.65, 2)
        canvas.tint(window, mix(white, (150, 140, 130), 0.4))
        art = flat(60, 160, mix(white, (150, 140, 130), 0.3))
        text_lines(rng, art, 12, 4, 130, 56, 11.0, INK)
        canvas.print_on(art, [(-hx * 0.75, 0), (0, 0), (0, hy * 0.6), (-hx * 0.75, hy * 0.6)])
        stamp = scene(rng, 60, 50)
        canvas.print_on(
            stamp, [(hx - 17, -hy + 4), (hx - 4, -hy + 4), (hx - 4, -hy + 19), (hx - 17, -hy + 19)]
        )
        canvas.tint(
            canvas.strokes(
                [
                    [(hx - 34 + a, -hy + 8 + k * 3 + sin(a)) for a in np.linspace(0, 22, 14)]
                    for k in range(3)
                ],
                0.5,
            ),
            INK,
            0.6,
        )
        title_art = flat(30, 120, white)
        title(title_art, word(rng), 6, 22, 90, hue(rng), cv2.FONT_HERSHEY_DUPLEX)
        canvas.print_on(
            title_art,
            [(-hx + 4, -hy + 3), (-hx + 36, -hy + 3), (-hx + 36, -hy + 11), (-hx + 4, -hy + 11)],
        )
    height = canvas.noise(30.0) * 2 + canvas.creases(int(rng.integers(1, 4)), hx, 0.5) * 0.2
    canvas.shade(canvas.lit(height))
    return canvas


def ball(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A crumpled sheet: a rough ball of sharp facets with some print on it."""
    radius = rng.uniform(24, 38)
    canvas = Canvas(2.3 * radius, 2.3 * radius, px_per_mm, rng)
    angles = np.linspace(0, 2 * pi, int(rng.integers(13, 22)), endpoint=False)
    reach = radius * rng.uniform(0.82, 1.1, angles.size)
    squeeze = rng.uniform(0.75, 1)
    outline = [(r * cos(a), r * squeeze * sin(a)) for a, r in zip(angles, reach, strict=True)]
    shape = canvas.polygon(outline)
    canvas.lay(shape, _white(rng))
    if rng.random() < 0.6:
        art = flat(300, 300, (238, 240, 242))
        text_lines(rng, art, 10, 10, 290, 290, 9.0, FAINT)
        canvas.print_on(
            art,
            [
                (-radius, -radius * 0.5),
                (radius * 0.6, -radius),
                (radius, radius * 0.6),
                (-radius * 0.4, radius),
            ],
            0.45,
        )
        canvas.bend(canvas.noise(11.0) * 1.2, canvas.noise(11.0) * 1.2)
    away = np.hypot(canvas.x, canvas.y / squeeze) / radius
    dome = np.sqrt(np.clip(1.25 - away * away, 0, 1)) * (radius * 0.45)
    canvas.shade(canvas.lit(plane(dome) + canvas.creases(14, radius, 2.5) * 0.42))
    canvas.shade(plane(np.clip(1.12 - 0.32 * away**2, 0.5, 1.1)))
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    printed,
    printed,
    notebook,
    newspaper,
    magazine,
    envelope,
    ball,
    ball,
)
