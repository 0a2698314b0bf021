"""Find the regions of a frame by what pieces look like, where difference from the belt fails.

A network says of each place of the view whether a piece covers it. Here its numbers are brought to
the fine grid, cut at a threshold and turned into the same regions that `regions.py` gives, by the
same rules of size. Pieces that touch are parted where the numbers fall between two bodies that are
sure of themselves.

Nothing is remembered from frame to frame: a patterned belt, another lamp or a belt that nobody has
seen empty make no difference, and it is never learning. The price is the network, on every
frame, an empty one too. Nothing here opens a model, writes to a frame or keeps one.
"""

from collections.abc import Iterator
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box, Region
from sorterd.ports import InputSpec
from sorterd.vision.crops import PADDING, Cropper
from sorterd.vision.grids import Grid, Mask, Picture
from sorterd.vision.lobes import count_lobes
from sorterd.vision.regions import Finding, RegionRules

Numbers = npt.NDArray[np.float32]

# As in regions.py: more things than a belt holds pieces.
_MOST_THINGS = 40
# Of the smallest piece, the least that must be sure of itself to count as a body of its own.
_CORE_FRAC = 0.25


class Segmenter(Protocol):
    """A model that says of each place of a picture whether a piece covers it. One thread.

    Use: write a picture into `slot()`, drop that array, call `numbers()`.
    """

    spec: InputSpec

    def slot(self) -> npt.NDArray[np.generic]:
        """Return the model's own input, `spec.dtype`[H, W, 3], to be written into; not kept."""
        ...

    def numbers(self) -> Numbers:
        """Ask the model: float32[rows, columns], evenly over its input, higher where a piece is.

        Raises:
            DeviceFault: The runtime failed.
        """
        ...


class SegmentFinder:
    """Turns the pixels of frames into regions with a network. One thread; frames in any order.

    Args:
        segmenter: Asked once a frame.
        rules: What counts as a region; the view, the areas, `covered_frac` and `thin_px` of it.
        threshold: A place with a number above it belongs to a piece.
        apart: Bodies that are one above `threshold` and several above this are several pieces;
            at least `threshold`.

    Raises:
        ValueError: The view is only a few pixels wide or high, or `apart` is below `threshold`.
    """

    def __init__(
        self, segmenter: Segmenter, rules: RegionRules, *, threshold: float, apart: float
    ) -> None:
        if apart < threshold:
            raise ValueError(f"bodies apart from {apart} on, pieces only above {threshold}")
        self._segmenter = segmenter
        self._cropper = Cropper(segmenter.spec, margin_frac=0.0, padding=PADDING)
        self._view = rules.view
        self._grid = Grid(rules.view)
        self._threshold, self._apart = threshold, apart
        step_px, area_px = self._grid.step_px, self._grid.step_px**2
        side = rules.thin_px // step_px + 1
        self._thin = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
        self._min_area = max(1, rules.min_area_px // area_px)
        view_px = rules.view.width_px * rules.view.height_px
        self._most_area = (rules.max_area_px or view_px // 2) / area_px
        self._covered_frac = rules.covered_frac

    def find(self, pixels: Picture, _exposed_ns: int) -> Finding:
        """Look at one frame; when it was exposed makes no difference.

        Args:
            pixels: uint8[H, W, 3], BGR, holding the whole of the view. Not written, not kept.

        Returns:
            Its regions, or that it was covered.

        Raises:
            ValueError: The frame does not hold the view: a caller's bug.
            DeviceFault: The runtime failed.
        """
        numbers = self._asked(pixels)
        if numbers.max() <= self._threshold:
            return Finding()
        numbers = self._on_grid(numbers)
        there = self._above(numbers, self._threshold)
        if cv2.countNonZero(there) > self._covered_frac * there.size:
            return Finding(covered=True)
        border = cv2.BORDER_CONSTANT
        thick = cv2.morphologyEx(
            there, cv2.MORPH_OPEN, self._thin, borderType=border, borderValue=(0,)
        )
        bodies = list(self._bodies(np.asarray(thick, np.uint8)))
        if len(bodies) > _MOST_THINGS:
            return Finding(covered=True)
        regions = tuple(each for body in bodies for each in self._regions(*body, numbers))
        largest = max((region.area_px for region in regions), default=0)
        if len(regions) > _MOST_THINGS or largest > self._most_area * self._grid.step_px**2:
            return Finding(covered=True)
        return Finding(regions)

    def cover(self, pixels: Picture) -> Mask:
        """Tell which places of the fine grid belong to pieces, for measuring: 255 there."""
        return self._above(self._on_grid(self._asked(pixels)), self._threshold)

    def _asked(self, pixels: Picture) -> Numbers:
        if pixels.shape[0] < self._view.bottom_px or pixels.shape[1] < self._view.right_px:
            raise ValueError(f"a frame of {pixels.shape} does not hold the view {self._view}")
        self._cropper.write(pixels, self._view, self._segmenter.slot())
        return self._segmenter.numbers()

    def _on_grid(self, numbers: Numbers) -> Numbers:
        """Bring the model's numbers to the fine grid of the view, each place between four."""
        spec, view = self._segmenter.spec, self._view
        rows, columns = numbers.shape
        width_px, height_px = fitted(view, spec)
        to_numbers = np.zeros((2, 3))
        for axis, (inner_px, view_px, whole_px, places) in enumerate(
            (
                (width_px, view.width_px, spec.width_px, columns),
                (height_px, view.height_px, spec.height_px, rows),
            )
        ):
            margin_px = (whole_px - inner_px) // 2
            step_px = self._grid.step_px * inner_px / view_px
            # The middle of the first place, and the way from there to the middle of the next.
            to_numbers[axis, axis] = step_px * places / whole_px
            to_numbers[axis, 2] = (margin_px + step_px / 2) * places / whole_px - 0.5
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        border = cv2.BORDER_REPLICATE
        size = self._grid.fine_size
        return np.asarray(
            cv2.warpAffine(numbers, to_numbers, size, flags=how, borderMode=border), np.float32
        )

    def _above(self, numbers: Numbers, level: float) -> Mask:
        return np.asarray(np.where(numbers > level, 255, 0), np.uint8)

    def _regions(self, body: Mask, left: int, top: int, numbers: Numbers) -> Iterator[Region]:
        """The region of a body, or those of the pieces that it turns out to be."""
        height, width = body.shape
        own = numbers[top : top + height, left : left + width]
        sure = cv2.bitwise_and(self._above(own, self._apart), body)
        for part in _parted(body, np.asarray(sure, np.uint8), _CORE_FRAC * self._min_area):
            for piece, part_left, part_top in self._bodies(part):
                yield self._region(piece, left + part_left, top + part_top)

    def _bodies(self, mask: Mask) -> Iterator[tuple[Mask, int, int]]:
        """Each connected body that is large enough, without holes; its left and its top."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        for label in range(1, count):
            left, top, width, height, area = (int(number) for number in stats[label])
            if area < self._min_area:
                continue
            own = labels[top : top + height, left : left + width] == label
            outline, _ = cv2.findContours(
                own.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )
            body = np.zeros(own.shape, np.uint8)
            cv2.drawContours(body, outline, -1, (255,), cv2.FILLED)
            yield body, left, top

    def _region(self, body: Mask, left: int, top: int) -> Region:
        height, width = body.shape
        box = self._grid.box(left=left, top=top, width=width, height=height)
        area_px = cv2.countNonZero(body) * self._grid.step_px**2
        return Region(box, area_px, count_lobes(body))


def fitted(view: Box, spec: InputSpec) -> tuple[int, int]:
    """Columns and rows that `crops.py` gives a view in a model's input, in the middle of it."""
    fit = min(spec.height_px / view.height_px, spec.width_px / view.width_px)
    width_px = min(spec.width_px, max(1, round(view.width_px * fit)))
    return width_px, min(spec.height_px, max(1, round(view.height_px * fit)))


def _parted(body: Mask, sure: Mask, least: float) -> Iterator[Mask]:
    """The parts of a body that are nearest to each of its sure cores; the body if there is one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(sure)
    cores = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] >= least]
    if len(cores) < 2:
        yield body
        return
    away = np.stack(
        [
            cv2.distanceTransform((labels != core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
            for core in cores
        ]
    )
    nearest = away.argmin(axis=0)
    for place in range(len(cores)):
        yield np.where(nearest == place, body, 0).astype(np.uint8)
