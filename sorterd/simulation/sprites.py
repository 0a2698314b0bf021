"""A piece as a flat picture: what it looks like, where it can be seen through, how large it is.

A sprite knows nothing of the belt. Whoever puts it there turns, scales, lights and shadows it;
a sprite carries no shadow of its own and is never changed once made.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Less than this much of a piece (of 255) is not seen on any belt, so the tight box leaves it out.
SEEN_ALPHA = 12


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One piece, seen from straight above, cut out.

    Attributes:
        label: What it truly is.
        pixels: uint8[h, w, 3], BGR; not multiplied by `alpha`. Where `alpha` is 0, any colour.
        alpha: uint8[h, w]; 255 hides what lies below, 0 shows it. Its tight box is the whole array.
        length_mm: Real size along the columns (w).
        width_mm: Real size along the rows (h).
        whole: True for a photograph that could not be cut from its background.
    """

    label: str
    pixels: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]
    length_mm: float
    width_mm: float
    whole: bool = False


def trimmed(
    label: str,
    pixels: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.uint8],
    px_per_mm: float,
    *,
    whole: bool = False,
) -> Sprite:
    """Make a sprite of the tight box around what can be seen.

    Args:
        label: What it truly is.
        pixels: uint8[H, W, 3], BGR.
        alpha: uint8[H, W].
        px_per_mm: Pixels of `pixels` for one millimetre; above 0.
        whole: Goes to `Sprite.whole`.

    Returns:
        The sprite; it shares no memory with the arguments and cannot be written to.

    Raises:
        ValueError: Nothing in `alpha` can be seen.
    """
    seen = alpha >= SEEN_ALPHA
    rows = np.flatnonzero(seen.any(axis=1))
    columns = np.flatnonzero(seen.any(axis=0))
    if rows.size == 0:
        raise ValueError(f"a sprite of {label} shows nothing")
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    tight_pixels, tight_alpha = pixels[box].copy(), alpha[box].copy()
    tight_pixels.setflags(write=False)
    tight_alpha.setflags(write=False)
    height_px, width_px = tight_alpha.shape
    return Sprite(
        label=label,
        pixels=tight_pixels,
        alpha=tight_alpha,
        length_mm=width_px / px_per_mm,
        width_mm=height_px / px_per_mm,
        whole=whole,
    )
