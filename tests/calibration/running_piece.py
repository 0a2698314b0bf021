"""Films of plain pieces on a belt whose fronts pass a gate at instants that are known."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from sorterd.ports import Frame

START_NS = 7_003_000_019


@dataclass(frozen=True, slots=True)
class Running:
    """Pieces of 60 by 50 mm on a belt that runs to the right, at a millimetre a pixel.

    Attributes:
        fronts_s: When the front of each piece enters the picture, seconds after the first frame.
        speed_mm_s: Of the belt.
    """

    fronts_s: tuple[float, ...] = (2.0,)
    speed_mm_s: float = 200.0
    rate_hz: float = 25.0
    width_px: int = 320
    height_px: int = 120

    def front_mm(self, piece: int, t_s: float) -> float:
        """Where the front of a piece is, from the edge at which the belt enters the picture."""
        return (t_s - self.fronts_s[piece]) * self.speed_mm_s

    def passes_s(self, piece: int, at_mm: float) -> float:
        """When the front of a piece passes a place."""
        return self.fronts_s[piece] + at_mm / self.speed_mm_s

    def film(self, seconds: float) -> Iterator[Frame]:
        """Draw the frames."""
        rng = np.random.default_rng(5)
        belt = cv2.GaussianBlur(rng.normal(108, 12, (self.height_px, self.width_px)), (0, 0), 2)
        noise = rng.normal(0, 2, (16, *belt.shape))
        for number in range(round(seconds * self.rate_hz)):
            t_s = number / self.rate_hz
            grey = belt + noise[number % 16]
            for piece in range(len(self.fronts_s)):
                right = round(self.front_mm(piece, t_s))
                left = right - 60
                if right > 0 and left < self.width_px:
                    grey[35:85, max(left, 0) : right] = 210
            pixels = cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
            yield Frame(number, START_NS + round(t_s * 1e9), np.asarray(pixels, np.uint8))
