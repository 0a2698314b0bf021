"""Colours as (blue, green, red) from 0 to 255: blended, varied, picked as packages are printed."""

from typing import Final

import cv2
import numpy as np

Colour = tuple[float, float, float]

WHITE: Final[Colour] = (255.0, 255.0, 255.0)
# OpenCV hues (0 to 180) that packages are printed in, the usual ones more often.
PRINT_HUES: Final = (0, 0, 2, 4, 12, 22, 26, 40, 60, 68, 95, 105, 108, 112, 116, 140, 168, 176)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours: `share` 0 is the first, 1 the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def near(rng: np.random.Generator, colour: Colour, spread: float = 12.0) -> Colour:
    """A colour like `colour`: brighter or darker as a whole, and a little off in each channel."""
    level = rng.normal(0.0, spread)
    blue, green, red = np.clip(np.array(colour) + level + rng.normal(0.0, spread / 3, 3), 0, 255)
    return float(blue), float(green), float(red)


def hue(rng: np.random.Generator, *, low: float = 150.0, high: float = 240.0) -> Colour:
    """A printed colour as packages have it; `low` and `high` bound its saturation (0 to 255)."""
    turn = (float(rng.choice(PRINT_HUES)) + rng.normal(0, 3)) % 180
    hsv = np.array([[[turn, rng.uniform(low, high), rng.uniform(120, 225)]]])
    blue, green, red = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    return float(blue), float(green), float(red)
