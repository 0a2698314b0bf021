"""Know a ghost: the place of a piece that was learned as belt and has gone.

A piece that lay in view at the start, or light that drifted unseen under a stopped piece, leaves a
wrong patch in the learned picture. When the piece goes, the patch differs from the picture just as
a piece would. Rule: across the outline's edge a piece is in the picture and not in the learned belt;
a ghost is in the learned belt and not in the picture.
"""

import cv2
import numpy as np
import numpy.typing as npt

# Rings on both sides of the edge, leaving out the places next to it, which hold a bit of both.
_RING = 5
_EDGE = 3
# The picture's step across the edge beside the learned one's, and the least step that is one.
_STEP_FRAC = 0.4
_LEAST_STEP_LEVELS = 6.0


def is_ghost(
    fine: npt.NDArray[np.uint8], mean: npt.NDArray[np.uint8], outline: npt.NDArray[np.uint8]
) -> bool:
    """Return whether the outline is that of a piece which is no longer there.

    Args:
        fine: uint8[H, W, 3], the picture around the outline.
        mean: uint8[H, W, 3], the learned belt there.
        outline: uint8[H, W], 0 or 255, filled; with some belt around it.
    """
    ring = np.ones((2 * _RING + 1,) * 2, np.uint8)
    edge = np.ones((_EDGE,) * 2, np.uint8)
    within = cv2.bitwise_and(cv2.erode(outline, edge), cv2.bitwise_not(cv2.erode(outline, ring)))
    around = cv2.bitwise_and(cv2.dilate(outline, ring), cv2.bitwise_not(cv2.dilate(outline, edge)))
    if not cv2.countNonZero(within) or not cv2.countNonZero(around):
        return False
    in_picture, in_mean = (
        np.abs(np.subtract(cv2.mean(whole, within), cv2.mean(whole, around))).max()
        for whole in (fine, mean)
    )
    return bool(in_mean >= _LEAST_STEP_LEVELS and in_picture <= _STEP_FRAC * in_mean)
