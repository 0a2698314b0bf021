"""The best look at every piece on its way, kept beside the road for whoever reviews it later.

Pixels never enter the core, and what a piece is comes seconds after it was seen. So one small copy
of each piece's best crop waits here, by the piece's number, until its outcome comes: the largest
region that lies fully in view, of those that went to the model. It is the region as the cropper
widens it, so that whoever crops the whole of it again gives the model what it saw.

The sort thread looks and ends; the sink thread takes. Neither ever waits for the other: a dict's
single operations are whole in Python, and each side has its own. What nobody takes in time is let
go and counted.

A look costs 13 us for a drawn piece on the usual belt (measured on x86-64, with
busy neighbours), 25 us a piece in all; what is large is halved, 75 us for a region of 560 pixels.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box, Crop
from sorterd.vision.crops import widened

# Few belts hold as many pieces; what has waited longest is given up. Two pieces that turn out to be
# one leave a crop behind that no outcome asks for.
MOST_ON_THE_WAY = 48
# Outcomes come a few a second, so the sink thread is that far behind only when the disk hangs; but
# when the station stops, all that is on the way ends at once.
MOST_HANDED_OVER = MOST_ON_THE_WAY


class BestCrops:
    """Holds one picture for each piece on its way, and those that wait for the sink thread.

    With a model of 224 by 224 a picture has at most 448 by 448 pixels, 0.6 MB, so the bounds above
    come to 58 MB; on the usual belt a piece takes 0.2 MB at most, and some five are on their way.

    Args:
        margin_frac: As the cropper's: widening on every side, as a share of the longer side.
        side_px: The longer side of the model's input. A picture's longer side is at most twice
            that, and a larger one is never made smaller than that.
    """

    def __init__(self, *, margin_frac: float, side_px: int) -> None:
        self._margin_frac = margin_frac
        self._most_px = 2 * side_px
        self._on_the_way: dict[int, _Look] = {}
        self._handed_over: dict[int, npt.NDArray[np.uint8]] = {}
        self._order: deque[int] = deque()
        self.lost = 0
        """Pictures that were let go before anybody took them."""

    def look(self, crop: Crop, pixels: npt.NDArray[np.uint8]) -> None:
        """Take a copy of a crop if it shows its piece better than all before. Sort thread.

        Args:
            crop: What goes to the model.
            pixels: uint8[H, W, 3], BGR; the whole frame. Only read.
        """
        rank = (_lies_inside(crop.box, pixels), crop.box.width_px * crop.box.height_px)
        best = self._on_the_way.get(crop.piece)
        if best is not None and best.rank >= rank:
            return
        if best is None and len(self._on_the_way) == MOST_ON_THE_WAY:
            del self._on_the_way[next(iter(self._on_the_way))]
            self.lost += 1
        region = widened(pixels, crop.box, self._margin_frac)
        self._on_the_way[crop.piece] = _Look(rank, _small_copy(region, self._most_px))

    def end(self, piece: int) -> None:
        """Hand over the picture of a piece that has ended, if there is one. Sort thread."""
        best = self._on_the_way.pop(piece, None)
        if best is None:
            return
        self._handed_over[piece] = best.pixels
        self._order.append(piece)
        if len(self._order) > MOST_HANDED_OVER:
            self.lost += self._handed_over.pop(self._order.popleft(), None) is not None

    def take(self, piece: int) -> npt.NDArray[np.uint8] | None:
        """Return the picture of a piece that has ended, uint8[h, w, 3], BGR. Sink thread.

        Returns:
            It belongs to the caller from now on; None if the piece has none, or had to be let go.
        """
        return self._handed_over.pop(piece, None)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    rank: tuple[bool, int]
    pixels: npt.NDArray[np.uint8]


def _lies_inside(box: Box, pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether a box touches no edge of the frame: what touches one may be cut off."""
    rows, columns = pixels.shape[:2]
    return box.left_px > 0 and box.top_px > 0 and box.right_px < columns and box.bottom_px < rows


def _small_copy(region: npt.NDArray[np.uint8], most_px: int) -> npt.NDArray[np.uint8]:
    small = region
    while max(small.shape[:2]) > most_px:
        # By halves: OpenCV does that ten times as quickly as by any other number.
        height_px, width_px = max(1, small.shape[0] // 2), max(1, small.shape[1] // 2)
        even = small[: 2 * height_px, : 2 * width_px]
        resized = cv2.resize(even, (width_px, height_px), interpolation=cv2.INTER_AREA)
        small = np.asarray(resized, np.uint8)
    return region.copy() if small is region else small
