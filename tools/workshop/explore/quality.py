"""How sharp and how well lit a picture is, in numbers that can be compared between pictures.

Sharpness depends on scale, so every picture is brought to one scale first and never enlarged.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

SCALE_PX: Final = 256
"""The longer side at which sharpness is measured: about what a network is shown."""
BLURRED_BELOW: Final = 60.0
"""Sharpness: looked at by eye on 2,762 photographs of waste; below it edges are smeared."""
DARK_BELOW: Final = 50.0
BRIGHT_ABOVE: Final = 235.0
"""Mean grey levels: the thing itself can hardly be made out. White board is about 190."""
MOST_CLIPPED_FRAC: Final = 0.5
"""More pixels than this at black or white: its detail is lost."""
_TILES = 4
_BLACK, _WHITE = 3, 252


@dataclass(frozen=True, slots=True)
class Quality:
    """Sharpness and light of one picture.

    Attributes:
        sharpness: Variance of the Laplacian (Pech-Pacheco 2000) in the sharpest of 4 x 4 tiles: a
            small sharp thing on a plain surface is no blurred picture.
        mean_level: Mean grey level, 0 to 255.
        clipped_frac: Share of pixels that are all black or all white.
    """

    sharpness: float
    mean_level: float
    clipped_frac: float

    @property
    def faults(self) -> tuple[str, ...]:
        """Which of "blurred", "dark", "bright", "clipped" it is."""
        return tuple(
            name
            for name, true in (
                ("blurred", self.sharpness < BLURRED_BELOW),
                ("dark", self.mean_level < DARK_BELOW),
                ("bright", self.mean_level > BRIGHT_ABOVE),
                ("clipped", self.clipped_frac > MOST_CLIPPED_FRAC),
            )
            if true
        )


def quality(pixels: Pixels) -> Quality:
    """Measure one picture, uint8[H, W, 3], BGR; H and W at least 16."""
    shrink = SCALE_PX / max(pixels.shape[:2])
    if shrink < 1:
        size = (max(8, round(pixels.shape[1] * shrink)), max(8, round(pixels.shape[0] * shrink)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    tiles = [
        float(tile.var())
        for band in np.array_split(edges, _TILES)
        for tile in np.array_split(band, _TILES, axis=1)
    ]
    clipped = np.asarray((grey <= _BLACK) | (grey >= _WHITE))
    return Quality(max(tiles), float(grey.mean()), float(clipped.mean()))
