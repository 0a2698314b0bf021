"""What a bundle is measured on, always the same, and the candidates for its golden inputs.

Their seeds begin with numbers that training never uses.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sorterd.simulation.drawings import LABELS as DRAWN
from sorterd.simulation.drawings import draw
from sorterd.vision.crops import Cropper
from tools.workshop.compose.belts import lay_plain
from tools.workshop.evaluate.looking import box_of
from tools.workshop.train.photographs import Photograph, read_folder
from tools.workshop.train.pictures import (
    Pool,
    cut_pieces,
    drawn_on_belts,
    each_on_a_belt,
    plain_spec,
    whole_photographs,
)

VALIDATION = "validation photographs"
ON_BELTS = f"{VALIDATION}, cut out, on belts"
DRAWN_SEED, CUT_SEED, GOLDEN_SEED = 910_001, 910_002, 910_003
CANDIDATES = 24


def examination(
    photographs: Sequence[Photograph],
    field: Path | None,
    index: dict[str, int],
    size_px: int,
    *,
    drawings: int,
) -> dict[str, Pool]:
    """What to measure on, by the name it has in the card."""
    held_out = [one for one in photographs if one.held_out]
    pools = {VALIDATION: whole_photographs(held_out, index, size_px)}
    if drawings:
        pools["fresh drawings on belts"] = drawn_on_belts(
            drawings, index=index, size_px=size_px, seed=(DRAWN_SEED,)
        )
    pools[ON_BELTS] = each_on_a_belt(
        cut_pieces(held_out), index=index, size_px=size_px, seed=(CUT_SEED,)
    )
    if field is not None:
        taken = read_folder(field, list(index), least=0)
        pools["field photographs"] = whole_photographs(taken, index, size_px)
        pools["field photographs, cropped to the piece"] = _cropped(taken, index, size_px)
    return pools


def _cropped(photographs: Sequence[Photograph], index: dict[str, int], size_px: int) -> Pool:
    """Each photograph's piece on its own background, in the box that a station would find."""
    pixels = np.empty((len(photographs), size_px, size_px, 3), np.uint8)
    cropper = Cropper(plain_spec(size_px))
    for slot, one in zip(pixels, photographs, strict=True):
        cropper.write(one.pixels, box_of(one.pixels, "piece"), slot)
    return Pool(pixels, np.array([index[one.label] for one in photographs]))


def golden_candidates(
    label: str, photographs: Sequence[Photograph], size_px: int
) -> npt.NDArray[np.uint8]:
    """Pictures of one label on even grey, to choose a golden input from.

    Drawn pieces where sorterd can draw the label, for a bundle that is passed on should not carry
    photographs; else the person's own.

    Returns:
        uint8[N, size_px, size_px, 3], RGB; N is 1 or more.
    """
    if label not in DRAWN:
        own = [one for one in photographs if one.label == label][:CANDIDATES]
        return whole_photographs(own, {label: 0}, size_px).pixels
    crops = np.empty((CANDIDATES, size_px, size_px, 3), np.uint8)
    cropper = Cropper(plain_spec(size_px))
    for place, slot in enumerate(crops):
        pixels, box = lay_plain(draw(label, np.random.default_rng([GOLDEN_SEED, place])))
        cropper.write(pixels, box, slot)
    return crops
