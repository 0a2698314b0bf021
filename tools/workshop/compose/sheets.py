"""Contact sheets: many small pictures on one, each with a line of text below it.

For a person's eye only; nothing reads them back.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import cv2
import numpy as np
import numpy.typing as npt

from tools.workshop.compose.composed import ComposedScene
from tools.workshop.faults import WorkshopFault
from tools.workshop.pages import write_file

Pixels = npt.NDArray[np.uint8]

_GAP_PX = 6
_LINE_PX = 16
# Bright enough to be told from belt and pieces, and from one another: B, G, R.
_COLOURS = (
    (80, 80, 255),
    (80, 255, 80),
    (255, 160, 60),
    (60, 230, 255),
    (255, 90, 255),
    (255, 255, 90),
    (120, 170, 255),
)


def contact_sheet(
    pictures: Sequence[tuple[Pixels, str]], *, columns: int, cell_px: tuple[int, int]
) -> Pixels:
    """Put pictures side by side.

    Args:
        pictures: uint8[H, W, 3] BGR of any sizes, each with its caption.
        columns: Pictures in a row.
        cell_px: Width and height of the place of one; pictures are shrunk into it.

    Returns:
        uint8[H, W, 3], BGR.
    """
    width, height = cell_px[0] + _GAP_PX, cell_px[1] + _LINE_PX + _GAP_PX
    rows = max(1, -(-len(pictures) // columns))
    sheet = np.full((rows * height + _GAP_PX, columns * width + _GAP_PX, 3), 245, np.uint8)
    for place, (pixels, caption) in enumerate(pictures):
        left = _GAP_PX + place % columns * width
        top = _GAP_PX + place // columns * height
        shrink = min(cell_px[0] / pixels.shape[1], cell_px[1] / pixels.shape[0])
        size = (
            max(1, round(pixels.shape[1] * shrink)),
            max(1, round(pixels.shape[0] * shrink)),
        )
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        sheet[top : top + size[1], left : left + size[0]] = small
        # A character of this face is about 6 pixels wide.
        _write(sheet, caption[: cell_px[0] // 6], (left, top + cell_px[1] + 12))
    return sheet


def with_truth(scene: ComposedScene, labels: Sequence[str]) -> Pixels:
    """A scene's picture with the outline and the label of each piece, uint8[H, W, 3] BGR."""
    seen, ids = scene.pixels(), scene.ids()
    for number, piece in enumerate(scene.pieces, start=1):
        colour = _COLOURS[labels.index(piece.category) % len(_COLOURS)]
        mask = np.asarray(ids == number, np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(seen, outlines, -1, colour, 2)
        at = (max(2, piece.box.left_px), max(12, piece.box.top_px - 4))
        words = f"{piece.category} {piece.notes.get('visible_frac', 1):.0%}"
        cv2.putText(seen, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(seen, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return seen


def write_sheet(path: str, sheet: Pixels) -> None:
    """Write a sheet as its name says: .jpg or .png.

    Raises:
        WorkshopFault: It cannot be written, or has another ending.
    """
    ending = PurePosixPath(path).suffix.lower()
    if ending not in {".jpg", ".jpeg", ".png"}:
        raise WorkshopFault(f"{path}: a contact sheet is a .jpg or a .png: give such a name")
    write_file(path, cv2.imencode(ending, sheet)[1].tobytes())


def _write(sheet: Pixels, words: str, at: tuple[int, int]) -> None:
    ink = (40, 40, 40)
    cv2.putText(sheet, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, ink, 1, cv2.LINE_AA)
