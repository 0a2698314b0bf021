"""Plain plots over time, in the look of the station's other pictures.

matplotlib would draw them as well, but a Pi that only sorts has no need of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.lettering import measured, write
from sorterd.vision.plan import AMBER, FAINT, INK, PAPER, Colour

Picture = npt.NDArray[np.uint8]
Point = tuple[float, float]
"""Seconds, and a value."""

GREEN: Final[Colour] = (96, 190, 100)
"""What was seen, as against what was fitted to it (amber)."""

_WIDE_PX, _HIGH_PX = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 26, 22
_SMALL: Final = 0.38


@dataclass(frozen=True, slots=True)
class Track:
    """What is plotted: points, and a straight line that was fitted to them.

    Attributes:
        points: At least one.
        line: Its two ends; None for no line.
    """

    points: Sequence[Point]
    line: tuple[Point, Point] | None = None


def plot(title: str, tracks: Sequence[Track]) -> Picture:
    """Plot values over seconds.

    Args:
        title: Stands above.
        tracks: At least one.
    """
    canvas = panel(_WIDE_PX, _HIGH_PX, title)
    every = [point for track in tracks for point in (*track.points, *(track.line or ()))]
    first_s, last_s = min(t_s for t_s, _ in every), max(t_s for t_s, _ in every)
    low, high = min(value for _, value in every), max(value for _, value in every)
    last_s, high = max(last_s, first_s + 1e-3), max(high, low + 1e-3)

    def place(point: Point) -> tuple[int, int]:
        along, up = (point[0] - first_s) / (last_s - first_s), (point[1] - low) / (high - low)
        return (
            round(_LEFT + along * (_WIDE_PX - _LEFT - _RIGHT)),
            round(_HIGH_PX - _BOTTOM - up * (_HIGH_PX - _TOP - _BOTTOM)),
        )

    for value in (low, (low + high) / 2, high):
        y = place((first_s, value))[1]
        cv2.line(canvas, (_LEFT, y), (_WIDE_PX - _RIGHT, y), FAINT, 1)
        places = 0 if high - low > 20 else 2
        text = measured(f"{round(value, places) + 0.0:.{places}f}", _SMALL)  # never -0
        write(canvas, text, _LEFT - text.width_px - 6, y + 4, FAINT)
    for track in tracks:
        if track.line is not None:
            begin, end = map(place, track.line)
            cv2.line(canvas, begin, end, AMBER, 1, cv2.LINE_AA)
            cv2.circle(canvas, end, 4, AMBER, 1, cv2.LINE_AA)
        for point in track.points:
            cv2.circle(canvas, place(point), 2, GREEN, -1, cv2.LINE_AA)
    write(canvas, measured(f"{first_s:.1f} s", _SMALL), _LEFT, _HIGH_PX - 6, FAINT)
    last = measured(f"{last_s:.1f} s", _SMALL)
    write(canvas, last, _WIDE_PX - _RIGHT - last.width_px, _HIGH_PX - 6, FAINT)
    return canvas


def panel(width_px: int, height_px: int, title: str) -> Picture:
    """Return an empty picture with a title."""
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    canvas[:] = INK
    write(canvas, measured(title, 0.42, room_px=width_px - 16), 8, 17, PAPER)
    return canvas
