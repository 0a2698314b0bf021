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
# The bit in which int8 and uint8 differ by 128.
_SIGN: Final = np.uint8(0x80)


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
        self._table = spec.levels()
        levels = np.arange(256, dtype=np.int32)
        # At scale 1/127.5 the table is x - 128 or one beside it, which is one flipped bit: measured
        # 2.4 us instead of 39 us for cv2.LUT. A level of 256 is far below the camera's noise.
        self._flipped = spec.dtype == "int8" and _at_most_one_off(self._table, levels - 128)
        plain = spec.dtype == "uint8" and _at_most_one_off(self._table, levels)
        self._in_place = plain or self._flipped
        # What must be written for the padding to come out as the table has it.
        in_model = int(self._table[padding : padding + 1].view(np.uint8)[0])
        self._grey = padding
        if self._in_place:
            self._grey = in_model ^ int(_SIGN) if self._flipped else in_model
        self._scratch = np.empty(spec.height_px * spec.width_px * 3, np.uint8)
        self._levels = np.empty((spec.height_px, spec.width_px, 3), np.uint8)

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
        top, left = (spec.height_px - height_px) // 2, (spec.width_px - width_px) // 2
        inside = slice(top, top + height_px), slice(left, left + width_px)
        # What the model wants as it is, or but for one bit, is made where the model reads it.
        levels = slot.view(np.uint8) if self._in_place else self._levels
        # All of it: 110 KB are set in 0.8 us, the four strips around a crop one by one in 12.
        levels.fill(self._grey)
        self._fit(region, levels[inside], cv2.INTER_AREA if fit < _AREA_BELOW else cv2.INTER_LINEAR)
        if self._flipped:
            np.bitwise_xor(levels, _SIGN, out=levels)
        elif spec.dtype == "float32":
            np.multiply(levels, np.float32(spec.gain), out=slot)
            np.add(slot, np.float32(spec.offset), out=slot)
            # Reckoned in float32 it would be one bit beside the table's.
            for strip in (
                slot[:top],
                slot[top + height_px :],
                slot[:, :left],
                slot[:, left + width_px :],
            ):
                strip[...] = self._table[self._grey]
        elif not self._in_place:
            cv2.LUT(levels, self._table.view(np.uint8), dst=slot.view(np.uint8))

    def _fit(
        self, region: npt.NDArray[np.uint8], inner: npt.NDArray[np.uint8], interpolation: int
    ) -> None:
        """Resize a region from BGR into RGB.

        Which of the two steps is first makes no difference to any byte, and the one that changes
        the colours is the cheaper the fewer pixels it is given.
        """
        size = inner.shape[1], inner.shape[0]
        if region.size <= inner.size:
            coloured = self._scratch[: region.size].reshape(region.shape)
            cv2.cvtColor(region, cv2.COLOR_BGR2RGB, dst=coloured)
            cv2.resize(coloured, size, dst=inner, interpolation=interpolation)
        else:
            resized = self._scratch[: inner.size].reshape(inner.shape)
            cv2.resize(region, size, dst=resized, interpolation=interpolation)
            cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=inner)


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


def _at_most_one_off(table: npt.NDArray[np.generic], levels: npt.NDArray[np.int32]) -> bool:
    return bool(np.abs(table.astype(np.int32) - levels).max() <= 1)
