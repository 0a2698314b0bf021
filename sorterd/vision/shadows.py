"""Take soft shadows off the outline of the piece that throws them.

A shadow darkens the belt without changing its hue, by about a third at most; so does a grey piece.
What tells them apart is the edge: a piece ends within a few pixels, a soft shadow fades out. So,
from outside inwards, shadow-like places are peeled off as long as no edge is crossed. A hard shadow
stays, since nothing in one picture tells it from a dark sheet.
"""

import cv2
import numpy as np

from sorterd.vision.grids import Mask, Picture, filled, grown, marked, square

# Darkest soft shadow, as a share of the belt's brightness, and how far its channels may disagree.
_DARKEST_FRAC = 0.6
# Added before rounding, so that a limit that is no whole level is the next one up.
_UP = 0.4
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
    belt = np.asarray(cv2.max(mean, np.ones_like(mean)), np.uint8)
    size = cv2.countNonZero(outline)
    # Bright and black pieces are told by whole numbers; hue asks for a division a place.
    darkest = cv2.convertScaleAbs(belt, alpha=_DARKEST_FRAC, beta=_UP)
    dark = cv2.bitwise_and(cv2.inRange(smooth, darkest, belt), outline)
    if cv2.countNonZero(dark) < _WORTH_FRAC * size:
        return outline
    like = np.asarray(cv2.bitwise_and(dark, _like_in_hue(smooth, belt, outline)), np.uint8)
    if cv2.countNonZero(like) < _WORTH_FRAC * size:
        return outline
    edges = _edges(smooth, mean)
    soft = cv2.bitwise_and(like, cv2.bitwise_not(edges))
    # From outside no way leads past what is not soft: that and all it encloses is left. Where the
    # outline ends with the picture, the picture's edge is a wall too.
    wall = cv2.copyMakeBorder(outline, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cv2.subtract(outline, soft, dst=wall[1:-1, 1:-1])
    enclosed = filled(np.asarray(wall, np.uint8))[1:-1, 1:-1]
    left = np.asarray(cv2.bitwise_and(enclosed, outline), np.uint8)
    if cv2.countNonZero(left) >= _LEFT_FRAC * size:
        return left
    rim = cv2.subtract(outline, grown(outline, -1))
    sharp = cv2.countNonZero(cv2.bitwise_and(edges, rim))
    if sharp > _SHARP_RIM_FRAC * cv2.countNonZero(rim):
        return outline
    return outline if cv2.countNonZero(like) < _ALL_FRAC * size else np.zeros_like(outline)


def _like_in_hue(smooth: Picture, belt: Picture, outline: Mask) -> Mask:
    """Return 255 where all channels have changed by the same factor, or nearly."""
    ratio = cv2.split(cv2.divide(smooth, belt, dtype=cv2.CV_32F))
    low, high = cv2.min(cv2.min(*ratio[:2]), ratio[2]), cv2.max(cv2.max(*ratio[:2]), ratio[2])
    level = cv2.mean(cv2.extractChannel(belt, 1), outline)[0]
    alike = cv2.subtract(high, low) <= np.float32(_HUE_FRAC + _HUE_LEVELS / level)
    return marked(np.asarray(alike))


def _edges(smooth: Picture, mean: Picture) -> Mask:
    change = cv2.subtract(
        cv2.cvtColor(smooth, cv2.COLOR_BGR2GRAY),
        cv2.cvtColor(mean, cv2.COLOR_BGR2GRAY),
        dtype=cv2.CV_32F,
    )
    across = cv2.Sobel(change, cv2.CV_32F, 1, 0, scale=1 / 8)
    along = cv2.Sobel(change, cv2.CV_32F, 0, 1, scale=1 / 8)
    edges = marked(np.asarray(cv2.magnitude(across, along)) > _EDGE_LEVELS)
    # Noise leaves gaps in an edge; a gap would let the peeling in.
    return np.asarray(cv2.dilate(edges, square(3)), np.uint8)
