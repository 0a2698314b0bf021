"""A belt with pieces on it as one long picture, of which a camera sees a window that moves.

The picture is a loop: its end is as its beginning. It begins with an empty stretch longer than the
window, so that a station may learn the belt before anything comes. Both machines show the same
strip: the emulated Pi plays it to the pretended camera as raw lines, the container replays it as a
recording.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.drawings import draw
from tools.workshop.faults import WorkshopFault

LEVEL: Final = 108
"""Brightness of the belt: as the dry run's, see `simulation/scene.py`."""
GRAIN_LEVELS: Final = 2.0
SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Strip:
    """A belt that runs down the picture.

    Attributes:
        pixels: uint8[length, width, 3], BGR; row 0 follows upon the last.
        labels: What lies on it, in the order in which it comes into view.
        window_px: Rows that the camera sees.
    """

    pixels: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    window_px: int

    def window(self, moved_px: int) -> npt.NDArray[np.uint8]:
        """Return what is seen when the belt has moved so far: uint8[window, width, 3]."""
        length_px = len(self.pixels)
        first = (length_px - self.window_px - moved_px) % length_px
        return np.roll(self.pixels, -first, axis=0)[: self.window_px]

    def as_yuyv(self) -> bytes:
        """Return the lines as a V4L2 device takes them, with one window's more at the end.

        Line by line, so that every window lies in one piece: the first line of a window is the
        number that `window` begins with.
        """
        whole = np.concatenate([self.pixels, self.pixels[: self.window_px]])
        return bytes(cv2.cvtColor(whole, cv2.COLOR_BGR2YUV_YUYV).tobytes())


def make_strip(
    labels: tuple[str, ...], *, width_px: int, window_px: int, mm_per_px: float, gap_mm: float
) -> Strip:
    """Draw a strip.

    Args:
        labels: One piece of each, in the order in which they come into view.
        width_px: Across the belt.
        window_px: What the camera sees along the belt.
        mm_per_px: Size of a pixel.
        gap_mm: From one piece's middle to the next's.
    """
    rng = np.random.default_rng(SEED)
    gap_px = round(gap_mm / mm_per_px)
    empty_px = 2 * window_px
    length_px = empty_px + gap_px * len(labels)
    grain = rng.normal(LEVEL, GRAIN_LEVELS, (length_px, width_px, 1))
    pixels = np.repeat(np.clip(grain, 0, 255), 3, axis=2)
    for number, label in enumerate(labels):
        # The belt runs down: what comes into view first lies nearest to the window's upper edge.
        middle = length_px - empty_px - gap_px * number - gap_px // 2
        sprite = draw(label, rng, resolution_px_per_mm=1 / mm_per_px)
        height, width = sprite.alpha.shape
        top, left = middle - height // 2, (width_px - width) // 2
        box = np.s_[top : top + height, left : left + width]
        share = sprite.alpha[..., None] / 255
        pixels[box] = pixels[box] * (1 - share) + sprite.pixels * share
    return Strip(np.round(pixels).astype(np.uint8), labels, window_px)


def write_recording(
    strip: Strip, path: Path, *, speed_px_s: float, rate_hz: float, seconds: float
) -> None:
    """Write what a camera over the strip would record.

    Args:
        strip: The belt.
        path: The video, MP4.
        speed_px_s: How fast the belt runs.
        rate_hz: Frames per second.
        seconds: How long.

    Raises:
        WorkshopFault: OpenCV cannot write there.
    """
    _, width_px, _ = strip.pixels.shape
    code = cv2.VideoWriter.fourcc(*"mp4v")
    film = cv2.VideoWriter(str(path), code, rate_hz, (width_px, strip.window_px))
    if not film.isOpened():
        raise WorkshopFault(f"{path}: OpenCV cannot write a video there")
    for number in range(round(seconds * rate_hz)):
        film.write(np.ascontiguousarray(strip.window(round(number / rate_hz * speed_px_s))))
    film.release()
