"""Lay cut-out pieces on a ground, one over another, and know of each what is still seen of it.

The table remembers for every pixel which piece is on top. A piece is laid only where neither it
nor any piece below would be hidden further than allowed, so how much overlaps is bounded while the
scene is made, not sorted out afterwards. Pieces cast a soft shadow on all that lies below them.
"""

from dataclasses import dataclass
from math import ceil, cos, hypot, sin
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.simulation.sprites import Sprite

Pixels = npt.NDArray[np.uint8]
_Plane = npt.NDArray[np.float32]

# From a quarter of full cover on, a pixel shows the piece rather than the ground; clear glass and
# foil have 40% and more.
_COVERED: Final = 64


def turned(sprite: Sprite, scale: float, turn_deg: float, side_px: int) -> tuple[Pixels, Pixels]:
    """Scale and turn a piece.

    Args:
        sprite: The piece.
        scale: Enlarges it; more than 0.
        turn_deg: Against the clock.
        side_px: Of the result.

    Returns:
        uint8[S, S, 3] BGR, the piece in the middle of a square, and its cover, uint8[S, S].
    """
    rows, columns = sprite.alpha.shape
    pixels, alpha = sprite.pixels, sprite.alpha
    if scale < 0.5:  # warpAffine looks at four pixels only, and would skip the rest
        half = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        pixels = np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, half, interpolation=cv2.INTER_AREA), np.uint8)
        rows, columns, scale = half[1], half[0], 1.0
    matrix = np.asarray(
        cv2.getRotationMatrix2D((columns / 2, rows / 2), turn_deg, scale), np.float64
    )
    matrix[:, 2] += side_px / 2 - np.array([columns / 2, rows / 2])
    size = (side_px, side_px)
    colour = cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(alpha, matrix, size, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(colour, np.uint8), np.asarray(cover, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Flat:
    """A piece at the scene's scale, turned as it will lie.

    Attributes:
        colour: float32[h, w, 3], BGR, 0 to 255.
        cover: uint8[h, w]; its tight box is the whole array.
    """

    colour: _Plane
    cover: Pixels

    @property
    def shape(self) -> npt.NDArray[np.bool_]:
        """Where it counts as there, bool[h, w]."""
        return np.asarray(self.cover >= _COVERED, np.bool_)


def flat(sprite: Sprite, longer_px: float, turn_deg: float) -> Flat | None:
    """Bring a piece to the scene's scale; None if nothing of it would be seen."""
    rows, columns = sprite.alpha.shape
    scale = longer_px / max(rows, columns)
    colour, cover = turned(sprite, scale, turn_deg, ceil(hypot(rows, columns) * scale) + 4)
    left, top, width, height = cv2.boundingRect((cover >= _COVERED).astype(np.uint8))
    if not width:
        return None
    # One pixel more on each side: the soft edge below a quarter of cover is blended, not cut.
    rows_kept = slice(max(0, top - 1), top + height + 1)
    columns_kept = slice(max(0, left - 1), left + width + 1)
    part = rows_kept, columns_kept
    return Flat(colour[part].astype(np.float32), np.ascontiguousarray(cover[part]))


@dataclass(frozen=True, slots=True)
class Shadow:
    """The lamp of a scene, as pieces feel it.

    Attributes:
        darkness_frac: How much light is kept away right beside a piece.
        angle_rad: Which way shadows fall.
        reach_frac: How far, share of the piece's shorter side.
        soft_frac: Standard deviation of their edge, share of the piece's shorter side.
    """

    darkness_frac: float
    angle_rad: float
    reach_frac: float
    soft_frac: float


class Table:
    """A ground with pieces on it. One thread.

    Args:
        ground: float32[H, W, 3], BGR, 0 to 255. Not written to.

    Attributes:
        picture: float32[H, W, 3], BGR, 0 to 255.
        on_top: int32[H, W]; 0 is ground, n the n-th piece laid, from 1.
    """

    def __init__(self, ground: _Plane) -> None:
        self.picture: _Plane = ground.copy()
        self.on_top: npt.NDArray[np.int32] = np.zeros(ground.shape[:2], np.int32)
        self._whole_px: list[int] = []
        self._seen_px: list[int] = []

    def fits(
        self, piece: Flat, at: tuple[int, int], *, least_visible_frac: float, gap_px: int | None
    ) -> bool:
        """Whether a piece may lie there.

        Args:
            piece: The piece.
            at: Column and row of its first pixel; may be negative.
            least_visible_frac: No piece may be seen less of than this.
            gap_px: Ground it must keep from others; None if it may lie on them.
        """
        shape = piece.shape
        window, own = self._window(shape.shape, at)
        if window is None:
            return False
        inside = shape[own]
        seen_px = int(inside.sum())
        if seen_px == 0 or seen_px < least_visible_frac * int(shape.sum()):
            return False
        if gap_px is None:
            hidden = np.bincount(self.on_top[window][inside], minlength=len(self._whole_px) + 1)
            left_px = np.array(self._seen_px) - hidden[1:]
            return bool((left_px >= least_visible_frac * np.array(self._whole_px)).all())
        wide, wide_own = self._window(
            (shape.shape[0] + 2 * gap_px, shape.shape[1] + 2 * gap_px),
            (at[0] - gap_px, at[1] - gap_px),
        )
        if wide is None:  # it cannot be: what holds the piece holds its surroundings
            return False
        grown = np.pad(shape.astype(np.uint8), gap_px)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * gap_px + 1, 2 * gap_px + 1))
        near = np.asarray(cv2.dilate(grown, kernel), np.uint8)[wide_own] > 0
        return not (self.on_top[wide][near] > 0).any()

    def lay(self, piece: Flat, at: tuple[int, int], shadow: Shadow) -> None:
        """Lay a piece, and its shadow on all below.

        Args:
            piece: The piece.
            at: Column and row of its first pixel.
            shadow: The scene's lamp.
        """
        self._darken(piece, at, shadow)
        shape = piece.shape
        window, own = self._window(shape.shape, at)
        number = len(self._whole_px) + 1
        self._whole_px.append(int(shape.sum()))
        self._seen_px.append(0)
        if window is None:
            return
        cover = piece.cover[own].astype(np.float32)[:, :, None] / 255
        self.picture[window] += (piece.colour[own] - self.picture[window]) * cover
        self.on_top[window][shape[own]] = number
        counted = np.bincount(self.on_top.ravel(), minlength=number + 1)
        self._seen_px = counted[1:].tolist()

    def visible_frac(self, number: int) -> float:
        """How much of the n-th piece is seen, of all of it in and outside the frame."""
        return self._seen_px[number - 1] / self._whole_px[number - 1]

    def _darken(self, piece: Flat, at: tuple[int, int], shadow: Shadow) -> None:
        shorter_px = min(piece.cover.shape)
        soft_px = max(0.7, shorter_px * shadow.soft_frac)
        reach_px = shorter_px * shadow.reach_frac
        edge = ceil(3 * soft_px + reach_px) + 1
        cast = np.pad(piece.cover.astype(np.float32) / 255, edge)
        shift = np.array(
            [
                [1, 0, reach_px * cos(shadow.angle_rad)],
                [0, 1, reach_px * sin(shadow.angle_rad)],
            ]
        )
        moved = cv2.warpAffine(cast, shift, (cast.shape[1], cast.shape[0]))
        soft = np.asarray(cv2.GaussianBlur(moved, (0, 0), soft_px), np.float32)
        window, own = self._window(soft.shape, (at[0] - edge, at[1] - edge))
        if window is not None:
            kept = 1 - soft[own] * np.float32(shadow.darkness_frac)
            self.picture[window] *= kept[:, :, None]

    def _window(
        self, shape: tuple[int, ...], at: tuple[int, int]
    ) -> tuple[tuple[slice, slice] | None, tuple[slice, slice]]:
        """The part of the frame that an array of this shape meets, and the part of it inside."""
        (height, width), (left, top) = self.on_top.shape, at
        rows = slice(max(0, top), min(height, top + shape[0]))
        columns = slice(max(0, left), min(width, left + shape[1]))
        own = (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None, own
        return (rows, columns), own
