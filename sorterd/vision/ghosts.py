"""Know a ghost: the place of a piece that was learned as belt and has gone.

A piece that lay in view at the start, or light that drifted unseen under a stopped piece, leaves a
wrong patch in the learned picture. When the piece goes, the patch differs from the picture just as
a piece would. Rule: across the outline's edge a piece has a step in the picture and none in the
learned belt; a ghost has a step in the learned belt and none in the picture. Of a ghost, only what
looks like the belt around it is put right: a piece may lie on the rest.
"""

import cv2
import numpy as np

from sorterd.vision.grids import Mask, Picture, changed_places, grown

# Rings on both sides of the edge, leaving out the places next to it, which hold a bit of both.
_RING = 5
_EDGE = 1
# The picture's step across the edge beside the learned one's, and the least step that is one.
_STEP_FRAC = 0.4
_LEAST_STEP_LEVELS = 6.0


def ghost_places(fine: Picture, mean: Picture, margin: Picture, outline: Mask) -> Mask | None:
    """Find the places of an outline where the learned belt is wrong.

    Args:
        fine: The picture around the outline.
        mean: The learned belt there.
        margin: What the belt differs by on its own.
        outline: 255 inside, filled; with some belt around it.

    Returns:
        255 at places of the outline that show belt; None if it is no ghost.
    """
    within = cv2.subtract(grown(outline, -_EDGE), grown(outline, -_RING))
    around = cv2.subtract(grown(outline, _RING), grown(outline, _EDGE))
    if not cv2.countNonZero(within) or not cv2.countNonZero(around):
        return None
    belt = np.array(cv2.mean(fine, around)[:3])
    in_picture = np.abs(np.array(cv2.mean(fine, within)[:3]) - belt).max()
    in_mean = np.abs(np.subtract(cv2.mean(mean, within), cv2.mean(mean, around))).max()
    if in_mean < _LEAST_STEP_LEVELS or in_picture > _STEP_FRAC * in_mean:
        return None
    flat = np.broadcast_to(np.rint(belt), fine.shape).astype(np.uint8)
    return np.where(changed_places(fine, flat, margin) > 0, 0, outline).astype(np.uint8)
