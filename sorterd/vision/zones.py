"""From a quick look's changed places to the zones that are worth a close one.

Single changed places are noise. Where they crowd, the crowd with its surroundings is a zone; parts
of one thing lie in one zone, so that a close look at a zone sees all of it.
"""

import cv2
import numpy as np

from sorterd.vision.grids import Mask, Part, grown, sampled

# A place belongs to a crowd when three of the nine around it, itself included, changed: a line does
# that; noise at 1 % of the places does it once in 10,000.
_CROWD = 3
# Coarse places: half the distance across which parts make one zone, and the belt shown around it.
_REACH = 2
_AROUND = 4
# A crowd may have missed this much of a piece's extent.
_MISSED_FRAC = 0.4


def find_zones(changed: Mask, *, min_area: float) -> list[tuple[Part, Mask]]:
    """Find the zones of a quick look.

    Args:
        changed: Above 0 at changed places of the coarse grid.
        min_area: Fewest coarse places of a piece.

    Returns:
        For each zone its part of the fine grid, and a mask of that part: 255 except where
        another zone is.
    """
    _, ones = cv2.threshold(changed, 0, 1, cv2.THRESH_BINARY)
    near = cv2.boxFilter(ones, -1, (3, 3), normalize=False)
    crowd = np.asarray(cv2.threshold(near, _CROWD - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
    # A square piece of the smallest area, grown by the reach.
    least = ((1.0 - _MISSED_FRAC) * min_area**0.5 + 2 * _REACH) ** 2
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown(crowd, _REACH))
    rows, columns = changed.shape
    zones = []
    for label in range(1, count):
        left, top, width, height, area = (int(number) for number in stats[label])
        if area < least:
            continue
        right, bottom = min(left + width + _AROUND, columns), min(top + height + _AROUND, rows)
        left, top = max(left - _AROUND, 0), max(top - _AROUND, 0)
        labelled = labels[top:bottom, left:right]
        own = np.where((labelled == 0) | (labelled == label), 255, 0).astype(np.uint8)
        part = slice(2 * top, 2 * bottom), slice(2 * left, 2 * right)
        zones.append((part, sampled(own, (2 * own.shape[1], 2 * own.shape[0]))))
    return zones
