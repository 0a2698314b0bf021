"""How many bodies an outline suggests: one piece, or two that touch.

Rule: measure for every place inside the outline how far it is from the edge. A body is a hill of
that distance; where two bodies touch, the hills are parted by a saddle clearly lower than either.
A bottle's neck or a bent peel is a ridge that leads up one hill and counts as one. Two boxes that
lie flush look like one box, and one is the answer: a missed touch costs one piece its bin, a
single piece called double loses it for certain.
"""

import cv2
import numpy as np
import numpy.typing as npt

# Outlines that fill this much of their hull have no waist; the distance need not be measured.
_CONVEX_FRAC = 0.93
# The finest shape that matters is a waist; at 64 places a side it is 5 or more wide.
_LONGEST_SIDE = 64
# A saddle at most this high beside the lower hill, and hills at least this alike, make two.
_SADDLE_FRAC = 0.62
_ALIKE_FRAC = 0.5
_LEVELS_FRAC = (0.25, 0.32, 0.4, 0.48, 0.56, 0.62)


def count_lobes(outline: npt.NDArray[np.uint8]) -> int:
    """Count the bodies that an outline suggests.

    Args:
        outline: uint8[H, W], one filled shape: 0 outside, 255 inside.

    Returns:
        1 or more.
    """
    contours, _ = cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contour = max(contours, key=cv2.contourArea)
    hull_area = cv2.contourArea(cv2.convexHull(contour))
    if cv2.contourArea(contour) >= _CONVEX_FRAC * hull_area:
        return 1
    shrink = _LONGEST_SIDE / max(outline.shape)
    if shrink < 1.0:
        outline = np.asarray(
            cv2.resize(outline, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) // 128,
            np.uint8,
        )
    framed = cv2.copyMakeBorder(outline, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    height = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)
    top = float(height.max())
    return max(_hills_above(height, level * top, top) for level in _LEVELS_FRAC)


def _hills_above(height: npt.NDArray[np.float32], level: float, top: float) -> int:
    count, labels = cv2.connectedComponents((height > level).astype(np.uint8))
    if count <= 2:
        return 1
    least = max(level / _SADDLE_FRAC, _ALIKE_FRAC * top)
    peaks = (float(height[labels == label].max()) for label in range(1, count))
    return max(1, sum(peak >= least for peak in peaks))
