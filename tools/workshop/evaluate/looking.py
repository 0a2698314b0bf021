"""How a picture is looked at before a model sees it: which part of it, and in which pose.

A picture is looked at whole, or in the box of its piece as a station would find it. Either may be
turned by quarters and mirrored: a picture of the same piece in another pose. Nothing here resizes,
crops or colours; that is done by `sorterd.vision.crops` alone.
"""

from typing import Final, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box
from sorterd.recordings.pictures import LEAST_PX
from sorterd.simulation.background import part_from_background
from sorterd.simulation.sprites import SEEN_ALPHA

Pixels = npt.NDArray[np.uint8]
Cut = Literal["whole", "piece"]
CUTS: Final[tuple[Cut, ...]] = get_args(Cut)
# Quarter turns to the left, and whether mirrored first. Half turns come before quarters: a tall
# thing stays tall.
POSES: Final = (
    (0, False),
    (0, True),
    (2, False),
    (2, True),
    (1, False),
    (3, False),
    (1, True),
    (3, True),
)


def box_of(pixels: Pixels, cut: Cut) -> Box:
    """The part of a picture that is looked at.

    Args:
        pixels: uint8[H, W, 3], BGR.
        cut: "whole", or "piece" for the box of the one thing in it; where that cannot be told from
            its background the box is all of the picture.
    """
    height, width = pixels.shape[:2]
    whole = Box(0, 0, width, height)
    # A strip that was reduced while it was decoded may be too narrow to have a background.
    if cut == "whole" or min(height, width) < LEAST_PX:
        return whole
    alpha, stayed_whole = part_from_background(pixels)
    if stayed_whole:
        return whole
    return Box(*cv2.boundingRect((alpha >= SEEN_ALPHA).astype(np.uint8)))


def posed(pixels: Pixels, box: Box, pose: int) -> tuple[Pixels, Box]:
    """A picture and its box in another pose.

    Args:
        pixels: uint8[H, W, 3].
        box: In it.
        pose: Place in `POSES`; 0 leaves both as they are.
    """
    turns, mirrored = POSES[pose]
    height, width = pixels.shape[:2]
    if mirrored:
        pixels = pixels[:, ::-1]
        box = Box(width - box.right_px, box.top_px, box.width_px, box.height_px)
    for _ in range(turns):
        box = Box(box.top_px, width - box.right_px, box.height_px, box.width_px)
        height, width = width, height
    # OpenCV takes no array that runs backwards.
    return np.ascontiguousarray(np.rot90(pixels, turns)), box
