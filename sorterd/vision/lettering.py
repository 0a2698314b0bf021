"""Small crisp text on a picture, in OpenCV's stroke font.

The font has ASCII only; what is not in it is shown as '?'.
"""

from dataclasses import dataclass

import cv2

from sorterd.vision.grids import Picture
from sorterd.vision.plan import INK, PAPER, Colour

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Below this the strokes run together.
_SMALLEST = 0.3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text that has been measured.

    Attributes:
        text: As it will be drawn.
        scale: Of the font.
        width_px: How wide it will be.
        height_px: Of a capital letter.
    """

    text: str
    scale: float
    width_px: int
    height_px: int


def measured(text: str, scale: float, *, room_px: int | None = None) -> Line:
    """Measure a line, making it smaller, then shorter, until it fits its room.

    Args:
        text: Anything.
        scale: Of the font; 0.4 is about 9 pixels high.
        room_px: Widest it may be; None for any width.
    """
    plain = text.encode("ascii", "replace").decode()
    (width_px, height_px), _ = cv2.getTextSize(plain, _FONT, scale, 1)
    if room_px is None or width_px <= room_px or not plain:
        return Line(plain, scale, width_px, height_px)
    smaller = scale * room_px / width_px
    if smaller >= _SMALLEST:
        return measured(plain, smaller)
    kept = int(len(plain) * smaller / _SMALLEST) - 1
    return measured(f"{plain[: max(kept, 0)]}.", min(scale, _SMALLEST))


def write(canvas: Picture, line: Line, left_px: int, base_px: int, colour: Colour = PAPER) -> None:
    """Write a line with its base at `base_px`."""
    cv2.putText(canvas, line.text, (left_px, base_px), _FONT, line.scale, colour, 1, cv2.LINE_AA)


def shade(
    canvas: Picture, left_px: int, top_px: int, width_px: int, height_px: int, opacity_frac: float
) -> None:
    """Darken a box towards ink so that text on it can be read; clipped to the canvas."""
    left_px, right_px = max(left_px, 0), left_px + width_px
    top_px, bottom_px = max(top_px, 0), top_px + height_px
    part = canvas[top_px : max(bottom_px, 0), left_px : max(right_px, 0)]
    if part.size:
        ink = part.copy()
        ink[:] = INK
        cv2.addWeighted(ink, opacity_frac, part, 1 - opacity_frac, 0.0, dst=part)
