"""The two grids on which frames are compared with the learned belt, and the comparison.

The *fine* grid takes every n-th pixel of the view, so that it has about 320 places along the longer
side whatever the camera's size; the *coarse* grid is every second place of the fine one. Sampling,
not averaging: it is the cheapest, and both grids then compare with the same learned numbers.
"""

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box

Picture = npt.NDArray[np.uint8]
"""uint8[H, W, 3], BGR."""
Mask = npt.NDArray[np.uint8]
"""uint8[H, W]: 0 or 255, or 0 and above where the text says so."""
Part = tuple[slice, slice]
"""Rows and columns of the fine grid."""

_FINE_PLACES = 320


class Grid:
    """Places of a view and the pixels they stand for.

    Args:
        view: The part of the frame that is looked at, pixels.

    Raises:
        ValueError: The view has no room for one coarse place.

    Attributes:
        step_px: Pixels from one fine place to the next.
        coarse_size: Columns and rows of the coarse grid.
        fine_size: Columns and rows of the fine grid, twice as many.
    """

    def __init__(self, view: Box) -> None:
        self._view = view
        self.step_px = max(1, round(max(view.width_px, view.height_px) / _FINE_PLACES))
        coarse_px = 2 * self.step_px
        columns, rows = view.width_px // coarse_px, view.height_px // coarse_px
        if min(columns, rows) < 1:
            raise ValueError(f"a view of {view.width_px} by {view.height_px} pixels is too small")
        self.coarse_size = columns, rows
        self.fine_size = 2 * columns, 2 * rows
        self.whole: Part = slice(0, 2 * rows), slice(0, 2 * columns)

    def coarse(self, pixels: Picture) -> Picture:
        """Return the view of a frame on the coarse grid."""
        return sampled(self._pixels_of(pixels, self.whole), self.coarse_size)

    def fine(self, pixels: Picture, part: Part) -> Picture:
        """Return part of the view of a frame on the fine grid."""
        rows, columns = part
        size = columns.stop - columns.start, rows.stop - rows.start
        return sampled(self._pixels_of(pixels, part), size)

    def box(self, *, left: int, top: int, width: int, height: int) -> Box:
        """Return the pixels that some fine places stand for, in pixels of the whole frame."""
        view, step_px = self._view, self.step_px
        right_px, bottom_px = (left + width) * step_px, (top + height) * step_px
        # The last place also stands for the few pixels that no whole place is left for.
        if left + width == self.fine_size[0]:
            right_px = view.width_px
        if top + height == self.fine_size[1]:
            bottom_px = view.height_px
        left_px, top_px = left * step_px, top * step_px
        return Box(
            view.left_px + left_px, view.top_px + top_px, right_px - left_px, bottom_px - top_px
        )

    def _pixels_of(self, pixels: Picture, part: Part) -> Picture:
        rows, columns = part
        left_px, top_px, step_px = self._view.left_px, self._view.top_px, self.step_px
        return pixels[
            top_px + rows.start * step_px : top_px + rows.stop * step_px,
            left_px + columns.start * step_px : left_px + columns.stop * step_px,
        ]


def sampled(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Take every n-th pixel (or repeat each n times), n being the ratio of the sizes.

    Args:
        picture: uint8[H, W] or uint8[H, W, 3].
        size: Columns and rows wanted; H and W are multiples of them, or they of H and W.
    """
    # 14 us from 640 by 480 to 160 by 120; a numpy slice with strides takes 72.
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def excess(picture: Picture, mean: Picture, margin: Picture) -> Picture:
    """Return by how much each place and channel differs from the belt beyond its margin."""
    return np.asarray(cv2.subtract(cv2.absdiff(picture, mean), margin), np.uint8)


def changed_places(picture: Picture, mean: Picture, margin: Picture) -> Mask:
    """Return a mask above 0 where any channel differs from the belt by more than its margin."""
    blue, green, red = cv2.split(excess(picture, mean, margin))
    return np.asarray(cv2.bitwise_or(cv2.bitwise_or(blue, green), red), np.uint8)


def square(side: int) -> Mask:
    """Return a structuring element of that many places each way."""
    return np.ones((side, side), np.uint8)


def grown(mask: Mask, places: int) -> Mask:
    """Return a mask grown by some places each way, or shrunk by a negative number of them."""
    change = cv2.dilate if places > 0 else cv2.erode
    return np.asarray(change(mask, square(2 * abs(places) + 1)), np.uint8)
