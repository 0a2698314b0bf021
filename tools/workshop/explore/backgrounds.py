"""Take the thing out of a photograph, to see what its background alone gives away.

A model that is shown cardboard on one table only may learn the table. So the thing is found, the
box around it is filled from its surroundings, and a simple classifier is asked for the label. The
box is filled, not the outline: an outline would still say what was there. What the size and place
of that box alone give away is measured beside it.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import LEAST_PX
from sorterd.simulation.background import part_from_background
from sorterd.simulation.sprites import SEEN_ALPHA
from tools.workshop.explore.inspection import shrunk

Pixels = npt.NDArray[np.uint8]

_LONGER_PX: Final = 128
"""Backgrounds are smooth; filling takes 4 times as long at twice the size."""
_MARGIN_FRAC: Final = 0.06
"""Around the thing, of its longer side: its own shadow's edge and a few missed pixels."""
_MOST_FRAC: Final = 0.8
"""A box that covers more of the photograph leaves no background to speak of."""
_RADIUS_PX: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """A photograph without its thing.

    Attributes:
        pixels: uint8[h, w, 3], BGR, longer side at most 128 px.
        box: float32[4]: left, top, width and height of what was filled, as shares of the picture.
    """

    pixels: Pixels
    box: npt.NDArray[np.float32]


def background_of(pixels: Pixels) -> Background | None:
    """Fill in the thing from its surroundings.

    Args:
        pixels: uint8[H, W, 3], BGR.

    Returns:
        What is left; None if no one thing could be told from its background, or it fills the
        picture.
    """
    small = shrunk(pixels, _LONGER_PX)
    if min(small.shape[:2]) < LEAST_PX:
        return None
    alpha, whole = part_from_background(small)
    if whole:
        return None
    rows, columns = np.nonzero(alpha >= SEEN_ALPHA)
    if not rows.size:
        return None
    height, width = small.shape[:2]
    margin = round(_MARGIN_FRAC * max(np.ptp(rows), np.ptp(columns))) + 1
    top, bottom = max(0, rows.min() - margin), min(height, rows.max() + 1 + margin)
    left, right = max(0, columns.min() - margin), min(width, columns.max() + 1 + margin)
    if (bottom - top) * (right - left) > _MOST_FRAC * height * width:
        return None
    hole = np.zeros((height, width), np.uint8)
    hole[top:bottom, left:right] = 255
    filled = cv2.inpaint(small, hole, _RADIUS_PX, cv2.INPAINT_TELEA)
    box = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return Background(np.asarray(filled, np.uint8), np.array(box, np.float32))
