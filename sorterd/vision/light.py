"""Tell a change of light from things that came into view.

A lamp or the camera's own exposure changes all of the picture by one factor, or by one amount. A
slight change is read off the belt that still looks like itself. A sudden one changes nearly all;
it was the light if one of the two, read off a sparse grid as a median, explains what changed,
except where something had changed before. A hand does not pass this: it changes part of the picture
first, and the belt it leaves visible cannot be explained together with it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.grids import Mask, Picture, changed_places, grown, marked

# Every fourth place of the coarse grid each way: 1,200 of 19,200.
_GRID = 4
# Every fourth row, 4,800 places, is belt enough for a slight one.
_ROWS = 4
# What the light leaves unexplained, as a share of the view (edges, reflections).
_UNEXPLAINED_FRAC = 0.08
# A piece moves on between two pictures: look this many coarse places around where it was.
_AROUND = 4
# A slight change is not read off a remainder of the belt, and below two levels it is no matter.
_LEAST_BELT_FRAC = 0.3
_LEAST_LEVELS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class LightChange:
    """The picture of the belt times `gain` plus `offset`, each float64[3]."""

    gain: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]

    def on(self, mean: Picture) -> Picture:
        """Return the empty belt as it looks in the new light."""
        levels = np.arange(256, dtype=np.float64)[:, np.newaxis]
        table = np.clip(np.rint(levels * self.gain + self.offset), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(mean, table[np.newaxis]), np.uint8)


def slight_change(coarse: Picture, mean: Picture, changed: Mask) -> LightChange | None:
    """Read the light off the belt that has not changed.

    Args:
        coarse: The picture.
        mean: The empty belt.
        changed: Above 0 where the two differ; what is left out.

    Returns:
        The change; None if it is too small to matter or too little belt shows.
    """
    belt = (changed[::_ROWS] == 0).view(np.uint8)
    if cv2.countNonZero(belt) < _LEAST_BELT_FRAC * belt.size:
        return None
    seen, known = cv2.mean(coarse[::_ROWS], belt)[:3], cv2.mean(mean[::_ROWS], belt)[:3]
    if all(abs(new - old) < _LEAST_LEVELS for new, old in zip(seen, known, strict=True)):
        return None
    return LightChange((np.array(seen) + 1.0) / (np.array(known) + 1.0), np.zeros(3))


def sudden_change(
    coarse: Picture, mean: Picture, margin: Picture, changed: Mask, before: Mask | None
) -> LightChange | None:
    """Find the change of light that explains why most of a picture changed at once.

    Args:
        coarse: The picture.
        mean: The empty belt.
        margin: What the belt differs by on its own.
        changed: Above 0 where the two differ by more.
        before: Above 0 where the picture before this one had changed; None: nowhere.

    Returns:
        The change; None if it was not the light.
    """
    best, least = None, _UNEXPLAINED_FRAC * changed.size
    elsewhere = None
    if before is not None:
        elsewhere = marked(grown(before, _AROUND) == 0)
        if cv2.countNonZero(cv2.bitwise_and(changed, elsewhere)) < least:
            # Pieces that move on, many of them: nothing that light would have to explain.
            return None
    new = coarse[::_GRID, ::_GRID].reshape(-1, 3).astype(np.float64)
    old = mean[::_GRID, ::_GRID].reshape(-1, 3).astype(np.float64)
    candidates = (
        LightChange(np.median((new + 1.0) / (old + 1.0), axis=0), np.zeros(3)),
        LightChange(np.ones(3), np.median(new - old, axis=0)),
    )
    for candidate in candidates:
        left = changed_places(coarse, candidate.on(mean), margin)
        unexplained = cv2.countNonZero(
            left if elsewhere is None else cv2.bitwise_and(left, elsewhere)
        )
        if unexplained < least:
            best, least = candidate, unexplained
    return best
