"""From a quick look's changed places to the zones that are worth a close one.

Single changed places are noise. Where they crowd, the crowd with its surroundings is a zone; parts
of one thing lie in one zone, so that a close look at a zone sees all of it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.vision.grids import Mask, Part, grown, sampled, surroundings

# A place belongs to a crowd when three of the nine around it, itself included, changed: a line does
# that; noise at 1 % of the places does it once in 10,000.
_CROWD = 3
# Coarse places: half the distance across which parts make one zone, and the belt shown around it.
_REACH = 2
_AROUND = 4
# A crowd may have missed this much of a piece's extent.
_MISSED_FRAC = 0.4


def find_zones(changed: Mask, *, min_area: float) -> list[tuple[Part, Mask | None]]:
    """Find the zones of a quick look.

    Args:
        changed: Above 0 at changed places of the coarse grid.
        min_area: Fewest coarse places of a piece.

    Returns:
        For each zone its part of the fine grid, and a mask of that part: 255 except where
        another zone is; None in place of a mask that is 255 everywhere.
    """
    # A crowd reaches one place past what changed; all else of the view is left alone.
    looked_at = surroundings(changed, 1 + _REACH + _AROUND)
    if looked_at[0].stop == 0:
        return []
    _, ones = cv2.threshold(changed[looked_at], 0, 1, cv2.THRESH_BINARY)
    near = cv2.boxFilter(ones, -1, (3, 3), normalize=False)
    crowd = np.asarray(cv2.threshold(near, _CROWD - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
    # A square piece of the smallest area, grown by the reach.
    least = ((1.0 - _MISSED_FRAC) * min_area**0.5 + 2 * _REACH) ** 2
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grown(crowd, _REACH), ltype=cv2.CV_16U)
    rows, columns = labels.shape
    first_row, first_column = looked_at[0].start, looked_at[1].start
    zones = []
    for label, (left, top, width, height, area) in enumerate(stats.tolist()):
        if label == 0 or area < least:
            continue
        around = (
            slice(max(top - _AROUND, 0), min(top + height + _AROUND, rows)),
            slice(max(left - _AROUND, 0), min(left + width + _AROUND, columns)),
        )
        part = _on_fine(around[0], first_row), _on_fine(around[1], first_column)
        labelled = labels[around]
        alone = np.count_nonzero(labelled) == area
        zones.append((part, None if alone else _own(np.asarray(labelled, np.uint16), label)))
    return zones


def _on_fine(coarse: slice, first: int) -> slice:
    return slice(2 * (first + coarse.start), 2 * (first + coarse.stop))


def _own(labelled: npt.NDArray[np.uint16], label: int) -> Mask:
    own = np.where((labelled == 0) | (labelled == label), 255, 0).astype(np.uint8)
    return sampled(own, (2 * own.shape[1], 2 * own.shape[0]))
