"""Decode a picture of a place with the station's own checks."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import Unusable, decode_picture, load_picture
from tools.workshop.places import Place

Pixels = npt.NDArray[np.uint8]


def decoded(place: Place, key: str, *, longer_px: int) -> Pixels | Unusable:
    """Read and decode one picture.

    Args:
        place: Where it is.
        key: Its key.
        longer_px: The longer side that is wanted; see `load_picture`.

    Returns:
        uint8[H, W, 3], BGR; or why there is none.

    Raises:
        WorkshopFault: The bucket cannot be read.
    """
    if (folder := place.local) is not None:
        return load_picture(folder / key, longer_px=longer_px)
    return decode_picture(place.read(key), Path(f"{place}/{key}"), longer_px=longer_px)
