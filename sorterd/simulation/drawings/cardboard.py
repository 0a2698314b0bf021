"""Drawn cardboard: boxes closed and open, torn sheets with bare flutes, tubes, egg cartons."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

import cv2
import numpy as np

from sorterd.simulation.drawings.canvas import Canvas, Plane, plane
from sorterd.simulation.drawings.colours import Colour, mix, near
from sorterd.simulation.drawings.print import bar_code, flat, text_lines, title, word
from sorterd.simulation.drawings.round import round_light, turned

KRAFT: Final[Colour] = (98.0, 142.0, 184.0)
INK: Final[Colour] = (38.0, 48.0, 62.0)
TAPE: Final[Colour] = (120.0, 178.0, 212.0)


def _kraft(rng: np.random.Generator) -> Colour:
    return near(rng, KRAFT, 9.0)


def _fibres(canvas: Canvas, ribs_deg: float | None = None) -> None:
    """Kraft's mottled grain, and the flutes that show faintly through the liner."""
    factor = 1 + canvas.noise(0.7) * 0.02 + canvas.noise(9.0) * 0.035
    if ribs_deg is not None:
        along = canvas.x * cos(ribs_deg * pi / 180) + canvas.y * sin(ribs_deg * pi / 180)
        # C flute: 7.9 mm between crests on a box; half of it where the piece is drawn smaller.
        factor = factor + np.sin(along * (2 * pi / 3.4)) * 0.035
    canvas.shade(plane(factor))


def _shipping_print(rng: np.random.Generator, colour: Colour) -> Plane:
    """What is printed on a box: a name, a few lines, sometimes a bar code and handling marks."""
    art = flat(150, 220, colour)
    ink = INK if rng.random() < 0.75 else (40.0, 60.0, 150.0)
    title(art, word(rng), 20, 60, int(rng.uniform(80, 150)), ink, cv2.FONT_HERSHEY_DUPLEX)
    text_lines(rng, art, 20, 68, 140, 105, 9.0, ink)
    if rng.random() < 0.6:
        bar_code(rng, art, 140, 105, 60, 32)
    if rng.random() < 0.6:
        for x in (24, 50):
            cv2.arrowedLine(art, (x, 140), (x, 112), ink, 3, cv2.LINE_AA, 0, 0.4)
        cv2.line(art, (16, 142), (60, 142), ink, 3)
    return art


def closed_box(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A closed box seen from above and a little from the side: lid, two sides, tape."""
    long, wide = rng.uniform(62, 95), rng.uniform(42, 66)
    deep_x, deep_y = rng.choice((-1, 1)) * rng.uniform(5, 12), rng.uniform(6, 16)
    canvas = Canvas(long + abs(deep_x), wide + deep_y, px_per_mm, rng)
    kraft = _kraft(rng)
    left, top = -long / 2 - deep_x / 2, -wide / 2 - deep_y / 2
    right, bottom = left + long, top + wide
    lid = [(left, top), (right, top), (right, bottom), (left, bottom)]
    front = [
        (left, bottom),
        (right, bottom),
        (right + deep_x, bottom + deep_y),
        (left + deep_x, bottom + deep_y),
    ]
    x = right if deep_x > 0 else left
    side = [(x, top), (x, bottom), (x + deep_x, bottom + deep_y), (x + deep_x, top + deep_y)]
    canvas.lay(canvas.polygon(side), mix(kraft, (0, 0, 0), 0.36))
    canvas.lay(canvas.polygon(front), mix(kraft, (0, 0, 0), 0.24))
    canvas.lay(canvas.polygon(lid), kraft)
    art = _shipping_print(rng, kraft)
    canvas.print_on(
        art,
        [
            (left + 3, top + 2),
            (left + long * 0.62, top + 2),
            (left + long * 0.62, top + wide * 0.45),
            (left + 3, top + wide * 0.45),
        ],
        0.85,
    )
    seam = top + wide / 2
    canvas.lay(canvas.strokes([[(left, seam), (right, seam)]], 0.6), mix(kraft, (0, 0, 0), 0.55))
    tape = canvas.box(left - 0.2, seam - 4, right + 0.2, seam + 4)
    canvas.tint(tape, TAPE, rng.uniform(0.25, 0.5))
    canvas.tint(
        canvas.strokes(
            [[(left, seam - 4), (right, seam - 4)], [(left, seam + 4), (right, seam + 4)]], 0.4
        ),
        (150, 205, 232),
        0.7,
    )
    canvas.tint(
        canvas.strokes([[lid[3], lid[2]], [(x, top), (x, bottom)]], 0.8),
        mix(kraft, (255, 255, 255), 0.35),
        0.6,
    )
    _fibres(canvas)
    return canvas


def open_box(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """An open box from above: a dark inside within four flaps that stand out."""
    long, wide, flap = rng.uniform(46, 64), rng.uniform(34, 48), rng.uniform(12, 20)
    canvas = Canvas(long + 2 * flap, wide + 2 * flap, px_per_mm, rng)
    kraft, hx, hy = _kraft(rng), long / 2, wide / 2
    for turn, (half, far) in enumerate(((hx, hy), (hy, hx), (hx, hy), (hy, hx))):
        skew = rng.uniform(-3, 3)
        reach = flap * rng.uniform(0.75, 1)
        c, s = cos(turn * pi / 2), sin(turn * pi / 2)
        corners = [
            (-half, -far),
            (half, -far),
            (half - 2 + skew, -far - reach),
            (-half + 2 + skew, -far - reach),
        ]
        shape = [(x * c - y * s, x * s + y * c) for x, y in corners]
        bright = 0.88 + 0.16 * float(np.dot(canvas.light[:2], (s, -c)))
        canvas.lay(canvas.polygon(shape), mix((0, 0, 0), kraft, bright))
        canvas.tint(canvas.strokes([shape[:2]], 0.9), mix(kraft, (0, 0, 0), 0.4))
        canvas.tint(canvas.strokes([shape[2:]], 0.8), mix(kraft, (255, 255, 255), 0.4))
    canvas.lay(canvas.box(-hx, -hy, hx, hy), mix(kraft, (0, 0, 0), 0.35))
    deep = 0.72
    floor = [
        (-hx * deep, -hy * deep),
        (hx * deep, -hy * deep),
        (hx * deep, hy * deep),
        (-hx * deep, hy * deep),
    ]
    rim = [(-hx, -hy), (hx, -hy), (hx, hy), (-hx, hy)]
    for turn, dark in enumerate(rng.uniform(0.3, 0.62, 4)):
        nxt = (turn + 1) % 4
        canvas.lay(
            canvas.polygon([rim[turn], rim[nxt], floor[nxt], floor[turn]]),
            mix(kraft, (0, 0, 0), float(dark)),
        )
    canvas.lay(canvas.polygon(floor), mix(kraft, (0, 0, 0), 0.45))
    canvas.tint(
        canvas.strokes([[(-hx * deep, 0), (hx * deep, 0)]], 0.7), mix(kraft, (0, 0, 0), 0.75)
    )
    _fibres(canvas)
    return canvas


def torn_sheet(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A flat piece of corrugated board: creases, a bare patch of flutes, a cut edge."""
    long, wide = rng.uniform(70, 108), rng.uniform(48, 78)
    canvas = Canvas(long, wide, px_per_mm, rng)
    kraft, hx, hy = _kraft(rng), long / 2, wide / 2
    upright = float(rng.choice((0, 90)))
    torn = [(hx - rng.uniform(0, 5), float(y)) for y in np.linspace(-hy, hy, 18)]
    outline = [(-hx, -hy + rng.uniform(0, 6)), *torn, (-hx + rng.uniform(0, 5), hy)]
    sheet = canvas.polygon(outline)
    canvas.lay(sheet, kraft)
    if rng.random() < 0.75:
        art = _shipping_print(rng, kraft)
        canvas.print_on(
            art,
            [
                (-hx * 0.75, -hy * 0.6),
                (hx * 0.3, -hy * 0.7),
                (hx * 0.3, hy * 0.45),
                (-hx * 0.75, hy * 0.5),
            ],
            0.8,
        )
    _fibres(canvas, upright)
    # The liner torn off: the corrugated layer below lies bare, lit flute by flute.
    ring = np.linspace(0, 2 * pi, 22)
    at, size = (rng.uniform(0, hx * 0.7), rng.uniform(-hy * 0.4, hy * 0.6)), rng.uniform(12, 24)
    bare = canvas.polygon(
        [
            (
                at[0] + size * rng.uniform(0.7, 1.2) * cos(a),
                at[1] + size * 0.7 * rng.uniform(0.7, 1.2) * sin(a),
            )
            for a in ring
        ]
    )
    bare = bare * sheet
    along = (canvas.x if upright == 0 else canvas.y) + np.zeros(canvas.shape, np.float32)
    flutes = np.sin(along * (2 * pi / 3.4)) * 0.24 + 0.86
    canvas.tint(bare, [flutes * c for c in mix(kraft, (0, 0, 0), 0.1)])
    rim = np.abs(plane(cv2.Laplacian(bare, cv2.CV_32F)))
    canvas.tint(np.clip(rim * 3, 0, 1), mix(kraft, (255, 255, 255), 0.55), 0.8)
    fold = rng.uniform(-hx * 0.5, hx * 0.2)
    canvas.tint(
        canvas.strokes([[(fold, -hy), (fold + rng.uniform(-2, 2), hy)]], 1.0),
        mix(kraft, (0, 0, 0), 0.4),
        0.8,
    )
    canvas.tint(
        canvas.strokes([[(fold + 1, -hy), (fold + 1, hy)]], 0.6),
        mix(kraft, (255, 255, 255), 0.4),
        0.6,
    )
    # The cut edge: two liners with the wave between them.
    edge = canvas.box(-hx, hy - 2.6, hx, hy + 1) * sheet
    wave = np.abs(np.sin(canvas.x * (pi / 2.4))) * 1.6 + (hy - 2.3)
    canvas.tint(edge, mix(kraft, (0, 0, 0), 0.55), 0.85)
    canvas.tint(
        canvas.edge(0.35 - np.abs(canvas.y - wave)) * edge,
        mix(kraft, (255, 255, 255), 0.2),
    )
    canvas.tint(canvas.box(-hx, hy - 2.9, hx, hy - 2.4) * sheet, mix(kraft, (255, 255, 255), 0.25))
    if rng.random() < 0.5:
        y = rng.uniform(-hy * 0.5, hy * 0.3)
        canvas.tint(
            canvas.polygon([(-hx, y - 4), (hx, y - 3), (hx, y + 4), (-hx, y + 5)]), TAPE, 0.45
        )
    canvas.shade(canvas.lit(canvas.noise(28.0) * 3.0))
    return canvas


def tube(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A toilet-roll tube: a round body with a spiral seam and a dark open end."""
    long, radius = rng.uniform(62, 96), rng.uniform(17, 23)
    canvas = Canvas(long + radius, 2 * radius, px_per_mm, rng)
    kraft = _kraft(rng)
    hx = long / 2
    body = turned(canvas, [(-hx, radius), (hx, radius)], 0)
    light = round_light(body, canvas.light[1])
    canvas.lay(canvas.ellipse(-hx, 0, radius * 0.4, radius), mix(kraft, (0, 0, 0), 0.2))
    canvas.lay(body.mask, [light * c for c in kraft])
    for start in np.arange(-hx - 30, hx, 34.0):
        seam = [(start + 24 * a, radius * sin((a - 0.5) * pi)) for a in np.linspace(0, 1, 12)]
        canvas.tint(canvas.strokes([seam], 0.7), mix(kraft, (0, 0, 0), 0.35), 0.8)
    canvas.lay(canvas.ellipse(hx, 0, radius * 0.4, radius), mix(kraft, (255, 255, 255), 0.25))
    hole = canvas.ellipse(hx, 0, radius * 0.4 - 1.2, radius - 1.2)
    canvas.lay(
        hole,
        [(0.4 + 0.25 * canvas.y / radius + 0 * hole) * c for c in kraft],
    )
    _fibres(canvas)
    canvas.shade(canvas.lit(canvas.noise(16.0) * 1.5))
    return canvas


def egg_carton(rng: np.random.Generator, px_per_mm: float) -> Canvas:
    """A tray of moulded pulp with cups in rows."""
    across, along = int(rng.integers(2, 4)), int(rng.integers(3, 5))
    pitch = rng.uniform(24, 27) * (1 if along * across < 10 else 0.9)
    long, wide = along * pitch, across * pitch
    canvas = Canvas(long, wide, px_per_mm, rng)
    pulp = near(rng, mix(KRAFT, (120, 135, 150), rng.uniform(0.2, 0.8)), 10)
    canvas.lay(canvas.box(-long / 2, -wide / 2, long / 2, wide / 2, 7), pulp)
    height = np.cos(canvas.x * (2 * pi / pitch) + (pi * (along % 2))) + np.cos(
        canvas.y * (2 * pi / pitch) + (pi * (across % 2))
    )
    canvas.shade(canvas.lit(plane(height * (pitch * 0.16)) + canvas.noise(1.5) * 0.12))
    canvas.shade(plane(np.clip(0.86 + height * 0.16, 0.45, 1.15)))
    return canvas


FORMS: Final[tuple[Callable[[np.random.Generator, float], Canvas], ...]] = (
    closed_box,
    open_box,
    torn_sheet,
    torn_sheet,
    tube,
    egg_carton,
)
