"""Tell a sudden change of light from things that came into view.

A lamp or the camera's own exposure changes all of the picture by one factor, or by one amount. If
one of the two, read off a sparse grid as a median, explains what changed, except where something
had changed before, it was the light. A hand does not pass this: it changes part of the picture
first, and what it leaves visible of the belt cannot be explained together with it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

# Every fourth place of the coarse grid each way: 1,200 of 19,200.
_GRID = 4
# What the light leaves unexplained, as a share of the view (edges, reflections).
_UNEXPLAINED_FRAC = 0.08
# A piece moves on between two pictures: look this many coarse places around where it was.
_AROUND = 9


@dataclass(frozen=True, slots=True, eq=False)
class LightChange:
    """The picture of the belt times `gain` plus `offset`, each float64[3]."""

    gain: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]

    def on(self, mean: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the empty belt, uint8[H, W, 3], as it looks in the new light."""
        levels = np.arange(256, dtype=np.float64)[:, np.newaxis]
        table = np.clip(np.rint(levels * self.gain + self.offset), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(mean, table[np.newaxis]), np.uint8)


def changed_places(
    coarse: npt.NDArray[np.uint8], mean: npt.NDArray[np.uint8], margin: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Return uint8[H, W], above 0 where any channel differs from the belt by more than its margin."""
    blue, green, red = cv2.split(cv2.subtract(cv2.absdiff(coarse, mean), margin))
    return np.asarray(cv2.bitwise_or(cv2.bitwise_or(blue, green), red), np.uint8)


def explain_by_light(
    coarse: npt.NDArray[np.uint8],
    mean: npt.NDArray[np.uint8],
    margin: npt.NDArray[np.uint8],
    before: npt.NDArray[np.uint8] | None,
) -> LightChange | None:
    """Find the change of light that explains a picture.

    Args:
        coarse: uint8[H, W, 3], the picture.
        mean: uint8[H, W, 3], the empty belt.
        margin: uint8[H, W, 3], what the belt differs by on its own.
        before: uint8[H, W], above 0 where the picture before this one had changed; None: nowhere.

    Returns:
        The change; None if it was not the light.
    """
    new = coarse[::_GRID, ::_GRID].reshape(-1, 3).astype(np.float64)
    old = mean[::_GRID, ::_GRID].reshape(-1, 3).astype(np.float64)
    one, none = np.ones(3), np.zeros(3)
    candidates = (
        LightChange(np.median((new + 1.0) / (old + 1.0), axis=0), none),
        LightChange(one, np.median(new - old, axis=0)),
    )
    known = None
    if before is not None:
        known = cv2.dilate(before, np.ones((_AROUND, _AROUND), np.uint8))
    best, least = None, _UNEXPLAINED_FRAC * mean.shape[0] * mean.shape[1]
    for candidate in candidates:
        left = changed_places(coarse, candidate.on(mean), margin)
        if known is not None:
            left = np.where(known > 0, 0, left).astype(np.uint8)
        unexplained = cv2.countNonZero(left)
        if unexplained < least:
            best, least = candidate, unexplained
    return best
