"""Printed matter, flat: label art, lines of text, bar codes, photographs in a magazine.

Everything here is a small picture, float32[rows, columns, 3] BGR from 0 to 255, to be laid flat on
a sheet or wrapped around a bottle. It means nothing and copies no real brand.
"""

from typing import Final

import cv2
import numpy as np

from sorterd.simulation.drawings.canvas import Plane, plane
from sorterd.simulation.drawings.colours import Colour, hue, mix

FONTS: Final = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX)
SYLLABLES: Final = (
    "ba",
    "co",
    "la",
    "mi",
    "no",
    "ri",
    "sol",
    "tan",
    "va",
    "zu",
    "fri",
    "po",
    "cri",
    "do",
    "gel",
    "ex",
)


def word(rng: np.random.Generator, *, upper: bool = True) -> str:
    """A made-up name of two or three syllables."""
    made = "".join(rng.choice(SYLLABLES, int(rng.integers(2, 4))))
    return made.upper() if upper else made.capitalize()


def flat(rows: int, columns: int, colour: Colour) -> Plane:
    """An empty print of one colour."""
    return np.full((max(rows, 2), max(columns, 2), 3), colour, np.float32)


def title(art: Plane, text: str, x: int, y: int, wide: int, colour: Colour, font: int) -> int:
    """Write `text` so that it is `wide` pixels wide, its baseline at (x, y); returns its height."""
    (unit, tall), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = wide / max(unit, 1)
    thick = max(1, round(scale * 3))
    cv2.putText(art, text, (x, y), font, scale, colour, thick, cv2.LINE_AA)
    return round(tall * scale)


def text_lines(
    rng: np.random.Generator,
    art: Plane,
    left: int,
    top: int,
    right: int,
    bottom: int,
    pitch: float,
    colour: Colour,
) -> None:
    """Fill a box with what looks like small print: words as dashes, lines with ragged ends."""
    y = top + pitch
    thick = max(1, round(pitch * 0.42))
    while y < bottom:
        end = right if rng.random() < 0.75 else left + (right - left) * rng.uniform(0.3, 0.9)
        x = float(left)
        while x < end:
            stop = min(end, x + pitch * rng.uniform(0.8, 3.2))
            cv2.line(art, (round(x), round(y)), (round(stop), round(y)), colour, thick)
            x = stop + pitch * 0.55
        y += pitch


def bar_code(
    rng: np.random.Generator, art: Plane, left: int, top: int, wide: int, tall: int
) -> None:
    """A white field with black bars."""
    cv2.rectangle(art, (left, top), (left + wide, top + tall), (250, 250, 250), -1)
    x = left + 2
    while x < left + wide - 2:
        bar = int(rng.integers(1, 3))
        cv2.rectangle(
            art, (x, top + 2), (min(x + bar - 1, left + wide - 2), top + tall - 2), (25, 25, 25), -1
        )
        x += bar + int(rng.integers(1, 3))


def scene(rng: np.random.Generator, rows: int, columns: int) -> Plane:
    """A picture as magazines print them: a sky, a ground, some coloured bodies, soft edges."""
    top, low = hue(rng, low=40, high=140), hue(rng, low=60, high=190)
    ramp = np.linspace(0, 1, max(rows, 2), dtype=np.float32)[:, None, None]
    art = plane(np.repeat(plane(top) * (1 - ramp) + plane(low) * ramp, max(columns, 2), axis=1))
    for _ in range(int(rng.integers(2, 6))):
        middle = (int(rng.uniform(0, columns)), int(rng.uniform(0.2, 1) * rows))
        size = (int(rng.uniform(0.08, 0.3) * columns) + 1, int(rng.uniform(0.1, 0.35) * rows) + 1)
        cv2.ellipse(
            art, middle, size, rng.uniform(0, 180), 0, 360, hue(rng, low=40), -1, cv2.LINE_AA
        )
    return plane(cv2.GaussianBlur(art, (0, 0), 1.2))


def label_art(
    rng: np.random.Generator, rows: int, columns: int, ground: Colour | None = None
) -> Plane:
    """The art of a drink or food label: a ground, stripes or a badge, a name, small print."""
    ground = ground or hue(rng)
    art = flat(rows, columns, ground)
    ink = (245.0, 245.0, 245.0) if sum(ground) < 420 else mix(hue(rng), (20.0, 20.0, 20.0), 0.4)
    other = hue(rng)
    style = int(rng.integers(0, 4))
    if style == 0:
        cv2.ellipse(
            art,
            (columns // 2, rows // 2),
            (int(columns * 0.36), int(rows * 0.3)),
            0,
            0,
            360,
            other,
            -1,
            cv2.LINE_AA,
        )
    elif style == 1:
        for share in (0.12, 0.82):
            cv2.rectangle(
                art, (0, int(rows * share)), (columns, int(rows * (share + 0.08))), ink, -1
            )
    elif style == 2:
        slant = np.array(
            [[0, rows * 0.75], [columns, rows * 0.3], [columns, rows], [0, rows]], np.int32
        )
        cv2.fillPoly(art, [slant], other, cv2.LINE_AA)
    else:
        for share in (0.06, 0.9):
            cv2.rectangle(
                art, (int(columns * share), 0), (int(columns * (share + 0.05)), rows), other, -1
            )
    name = word(rng)
    wide = int(columns * rng.uniform(0.6, 0.85))
    title(art, name, (columns - wide) // 2, int(rows * 0.58), wide, ink, int(rng.choice(FONTS)))
    text_lines(
        rng,
        art,
        int(columns * 0.2),
        int(rows * 0.64),
        int(columns * 0.8),
        int(rows * 0.8),
        max(3.0, rows / 26),
        ink,
    )
    if rng.random() < 0.4:
        bar_code(
            rng, art, int(columns * 0.1), int(rows * 0.08), int(columns * 0.25), int(rows * 0.13)
        )
    return art


def split(art: Plane) -> list[Plane]:
    """A print's three planes, for `Canvas.lay` and `Canvas.tint`."""
    return [art[:, :, 0], art[:, :, 1], art[:, :, 2]]
