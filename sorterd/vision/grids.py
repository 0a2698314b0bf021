"""The two grids on which frames are compared with the learned belt, and the comparison.

The *fine* grid takes every n-th pixel of the view, so that it has about 320 places along the longer
side whatever the camera's size; the *coarse* grid is every second place of the fine one. Sampling,
not averaging: it is the cheapest, and both grids then compare with the same learned numbers.
"""

from functools import cache

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
# OpenCV's filters take 16 places of a row at a time and the rest singly: closing 62 columns takes
# 13.7 us, 64 columns 5.6.
_TOGETHER = 16


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


def sampled(
    picture: npt.NDArray[np.uint8],
    size: tuple[int, int],
    into: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.uint8]:
    """Take every n-th pixel (or repeat each n times), n being the ratio of the sizes.

    Args:
        picture: uint8[H, W] or uint8[H, W, 3].
        size: Columns and rows wanted; H and W are multiples of them, or they of H and W.
        into: Where they are written; None for a new array.
    """
    # 14 us from 640 by 480 to 160 by 120; a numpy slice with strides takes 72.
    return np.asarray(cv2.resize(picture, size, into, interpolation=cv2.INTER_NEAREST), np.uint8)


def excess(picture: Picture, mean: Picture, margin: Picture) -> Picture:
    """Return by how much each place and channel differs from the belt beyond its margin."""
    return np.asarray(cv2.subtract(cv2.absdiff(picture, mean), margin), np.uint8)


def changed_places(picture: Picture, mean: Picture, margin: Picture) -> Mask:
    """Return a mask above 0 where any channel differs from the belt by more than its margin."""
    return any_channel(excess(picture, mean, margin))


def any_channel(beyond: Picture) -> Mask:
    """Return a mask above 0 where any channel is."""
    blue, green, red = cv2.split(beyond)
    return np.asarray(cv2.bitwise_or(cv2.bitwise_or(blue, green), red), np.uint8)


def surroundings(mask: Mask, places: int) -> Part:
    """Return the part of a mask that holds all above 0 and some places around it.

    Args:
        mask: Above 0 at what matters; an even number of rows and columns.
        places: How far around it; fewer where the mask ends.

    Returns:
        Rows and columns, each beginning and ending at an even number, as places of the coarse
        grid do; empty where all is 0. Where the mask has room, the columns are a multiple of 16.
    """
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return slice(0, 0), slice(0, 0)
    rows, columns = mask.shape
    first, last = max(left - places, 0) // 2 * 2, min(left + width + places, columns)
    wide = min(-(-(last - first) // _TOGETHER) * _TOGETHER, columns)
    first = min(first, columns - wide)
    return (
        slice(max(top - places, 0) // 2 * 2, min((top + height + places + 1) // 2 * 2, rows)),
        slice(first, first + wide),
    )


def within(part: Part, inner: Part) -> Part:
    """Return where a part of a part lies."""
    (rows, columns), (inner_rows, inner_columns) = part, inner
    return (
        slice(rows.start + inner_rows.start, rows.start + inner_rows.stop),
        slice(columns.start + inner_columns.start, columns.start + inner_columns.stop),
    )


def marked(places: npt.NDArray[np.bool_]) -> Mask:
    """Return a mask that is 255 where `places` is true."""
    return places.view(np.uint8) * np.uint8(255)


@cache
def square(side: int) -> Mask:
    """Return a structuring element of that many places each way; not to be written to."""
    return np.ones((side, side), np.uint8)


@cache
def disc(side: int) -> Mask:
    """Return a structuring element that is the same to a box whichever way it lies."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def grown(mask: Mask, places: int) -> Mask:
    """Return a mask grown by some places each way, or shrunk by a negative number of them."""
    change = cv2.dilate if places > 0 else cv2.erode
    return np.asarray(change(mask, square(2 * abs(places) + 1)), np.uint8)


def filled(mask: Mask) -> Mask:
    """Return a mask without holes."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    full = np.zeros_like(mask)
    cv2.drawContours(full, contours, -1, (255,), cv2.FILLED)
    return full
