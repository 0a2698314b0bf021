"""Take soft shadows off the outline of the piece that throws them.

A shadow darkens the belt without changing its hue, by about a third at most; so does a grey piece.
What tells them apart is the edge: a piece ends within a few pixels, a soft shadow fades out. So,
from outside inwards, shadow-like places are peeled off as long as no edge is crossed. A hard shadow
stays, since nothing in one picture tells it from a dark sheet.
"""

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.grids import Mask, Picture, grown, square

# Darkest soft shadow, as a share of the belt's brightness, and how far its channels may disagree.
_DARKEST_FRAC = 0.6
_HUE_FRAC = 0.06
_HUE_LEVELS = 4.0
# A difference that changes faster than this, in grey levels a place (after a 3 by 3 mean), is an
# edge: a step of 25 levels gives 8; a shadow of 40 levels that fades over 10 places gives 4.
_EDGE_LEVELS = 5.0
# Less than this shadow-like is not worth the look; all but as much makes it nothing but shadow,
# unless the rim has an edge along this much of it.
_WORTH_FRAC = 0.05
_ALL_FRAC = 0.9
_SHARP_RIM_FRAC = 0.2
# If less than this is left, the peeling has broken into a grey piece: leave it as it was.
_LEFT_FRAC = 0.45


def peel_shadow(fine: Picture, mean: Picture, outline: Mask) -> Mask:
    """Return the outline without the soft shadow around it.

    Args:
        fine: The picture.
        mean: The empty belt.
        outline: 255 inside, filled.

    Returns:
        The same outline, a smaller one, or an empty one where all was shadow.
    """
    # A 3 by 3 mean takes two thirds of the noise away and blurs an edge by one place only.
    smooth = np.asarray(cv2.blur(fine, (3, 3)), np.uint8)
    belt = np.maximum(mean, np.uint8(1))
    ratio = cv2.split(cv2.divide(smooth, belt, dtype=cv2.CV_32F))
    low, high = cv2.min(cv2.min(*ratio[:2]), ratio[2]), cv2.max(cv2.max(*ratio[:2]), ratio[2])
    hue = _HUE_FRAC + _HUE_LEVELS / (cv2.mean(belt, outline)[1])
    inside = outline > 0
    like = (high <= 1.0) & (low >= _DARKEST_FRAC) & (high - low <= hue) & inside
    size = cv2.countNonZero(outline)
    if np.count_nonzero(like) < _WORTH_FRAC * size:
        return outline
    edges = _edges(smooth, mean)
    soft = like & ~edges
    _, labels = cv2.connectedComponents((soft | ~inside).astype(np.uint8), connectivity=4)
    from_outside = np.unique(labels[~inside])
    left = (inside & ~np.isin(labels, from_outside)).astype(np.uint8) * np.uint8(255)
    if cv2.countNonZero(left) >= _LEFT_FRAC * size:
        return left
    rim = inside & (grown(outline, -1) == 0)
    sharp = np.count_nonzero(edges & rim) > _SHARP_RIM_FRAC * np.count_nonzero(rim)
    if sharp or np.count_nonzero(like) < _ALL_FRAC * size:
        return outline
    return np.zeros_like(outline)


def _edges(smooth: Picture, mean: Picture) -> npt.NDArray[np.bool_]:
    change = cv2.subtract(
        cv2.cvtColor(smooth, cv2.COLOR_BGR2GRAY),
        cv2.cvtColor(mean, cv2.COLOR_BGR2GRAY),
        dtype=cv2.CV_32F,
    )
    across = cv2.Sobel(change, cv2.CV_32F, 1, 0, scale=1 / 8)
    along = cv2.Sobel(change, cv2.CV_32F, 0, 1, scale=1 / 8)
    edges = (cv2.magnitude(across, along) > _EDGE_LEVELS).astype(np.uint8)
    # Noise leaves gaps in an edge; a gap would let the peeling in.
    return np.asarray(cv2.dilate(edges, square(3)) > 0)
