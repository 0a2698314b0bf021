"""Cut a region out of a frame and write it into a model's input, in the model's own numbers.

A region is widened by a margin, kept in its shape by padding with mid grey, brought to the
model's size, turned from BGR to RGB and quantised, in that order: the colour conversion and
the quantisation then work on the model's pixels only, not on the camera's. Training crops with
this very file, so the station shows the model what it has learned from.

Nothing here allocates an array per crop, keeps a slot after it is written, or writes to a frame.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.core.records import Box
from sorterd.ports import InputSpec

MARGIN_FRAC: Final = 0.1
"""Added on every side, as a share of the box's longer side, where the frame goes that far."""
PADDING: Final = 128
"""Mid grey fills what the region's shape leaves free: zero, or nearly, in the model's numbers."""
# cv2's linear resize looks at 2x2 pixels, so it skips some below half the size; area looks at all.
_AREA_BELOW: Final = 0.5


class Cropper:
    """Writes crops for one model. Holds its scratch memory, so one thread at a time.

    Args:
        spec: What the model's input looks like.
        margin_frac: Widening on every side, as a share of the box's longer side; 0 or more.
        padding: Grey level around what is not square, 0 to 255.
    """

    def __init__(
        self, spec: InputSpec, *, margin_frac: float = MARGIN_FRAC, padding: int = PADDING
    ) -> None:
        self._spec = spec
        self._margin_frac = margin_frac
        self._table = quantised(spec)
        self._padding = self._table[padding]
        self._resized = np.empty(spec.height_px * spec.width_px * 3, np.uint8)
        self._coloured = np.empty_like(self._resized)
        levels = np.arange(256, dtype=np.int32)
        # At scale 1/127.5 the table is x - 128 or one beside it, which is one flipped bit: measured
        # 3.5 us instead of 39 us for cv2.LUT. A level of 256 is far below the camera's noise.
        self._plain = spec.dtype == "uint8" and _at_most_one_off(self._table, levels)
        self._flipped = spec.dtype == "int8" and _at_most_one_off(self._table, levels - 128)

    def write(self, pixels: npt.NDArray[np.uint8], box: Box, slot: npt.NDArray[np.generic]) -> None:
        """Fill one slot of a model's input with one region of one frame.

        Args:
            pixels: uint8[H, W, 3], BGR; the whole frame. Not written to.
            box: The region; must share at least one pixel with the frame.
            slot: `spec.dtype`[height_px, width_px, 3], a view of the model's input. All of it
                is written.

        Raises:
            ValueError: The box lies outside the frame, or the slot is not the declared one.
        """
        spec = self._spec
        if slot.shape != (spec.height_px, spec.width_px, 3) or slot.dtype != spec.dtype:
            raise ValueError(f"a slot of {slot.dtype}{list(slot.shape)} does not fit {spec}")
        region = widened(pixels, box, self._margin_frac)
        rows, columns = region.shape[:2]
        fit = min(spec.height_px / rows, spec.width_px / columns)
        height_px = min(spec.height_px, max(1, round(rows * fit)))
        width_px = min(spec.width_px, max(1, round(columns * fit)))
        shape = (height_px, width_px, 3)
        resized = self._resized[: height_px * width_px * 3].reshape(shape)
        cv2.resize(
            region,
            (width_px, height_px),
            dst=resized,
            interpolation=cv2.INTER_AREA if fit < _AREA_BELOW else cv2.INTER_LINEAR,
        )
        top, left = (spec.height_px - height_px) // 2, (spec.width_px - width_px) // 2
        slot[:top] = self._padding
        slot[top + height_px :] = self._padding
        slot[:, :left] = self._padding
        slot[:, left + width_px :] = self._padding
        self._convert(resized, slot[top : top + height_px, left : left + width_px])

    def _convert(self, resized: npt.NDArray[np.uint8], inner: npt.NDArray[np.generic]) -> None:
        """BGR to RGB and into the model's numbers, straight into the input."""
        if self._plain or self._flipped:
            levels = inner.view(np.uint8)
            cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=levels)
            if self._flipped:
                np.bitwise_xor(levels, 0x80, out=levels)
            return
        coloured = self._coloured[: resized.size].reshape(resized.shape)
        cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=coloured)
        if self._spec.dtype == "float32":
            np.multiply(coloured, np.float32(self._spec.gain), out=inner)
            np.add(inner, np.float32(self._spec.offset), out=inner)
        else:
            cv2.LUT(coloured, self._table.view(np.uint8), dst=inner.view(np.uint8))


def widened(pixels: npt.NDArray[np.uint8], box: Box, margin_frac: float) -> npt.NDArray[np.uint8]:
    """A region with its margin, clipped to the frame.

    Args:
        pixels: uint8[H, W, 3]; the whole frame.
        box: The region.
        margin_frac: Widening on every side, as a share of the box's longer side; 0 or more.

    Returns:
        uint8[h, w, 3], a view of `pixels`.

    Raises:
        ValueError: The box lies outside the frame.
    """
    rows, columns = pixels.shape[:2]
    if not (-box.width_px < box.left_px < columns and -box.height_px < box.top_px < rows):
        raise ValueError(f"{box} lies outside a frame of {columns}x{rows}")
    margin_px = round(margin_frac * max(box.width_px, box.height_px))
    return pixels[
        max(0, box.top_px - margin_px) : box.bottom_px + margin_px,
        max(0, box.left_px - margin_px) : box.right_px + margin_px,
    ]


def quantised(spec: InputSpec) -> npt.NDArray[np.generic]:
    """What each of the 256 pixel values becomes in the model's input.

    Returns:
        `spec.dtype`[256]: `round((x * gain + offset) / scale) + zero_point`, clipped to the dtype;
        for float32 the number itself.
    """
    numbers = np.arange(256, dtype=np.float64) * spec.gain + spec.offset
    if spec.dtype == "float32":
        return numbers.astype(np.float32)
    limits = np.iinfo(spec.dtype)
    levels = np.round(numbers / spec.scale) + spec.zero_point
    return np.asarray(np.clip(levels, limits.min, limits.max).astype(spec.dtype))


def _at_most_one_off(table: npt.NDArray[np.generic], levels: npt.NDArray[np.int32]) -> bool:
    return bool(np.abs(table.astype(np.int32) - levels).max() <= 1)
