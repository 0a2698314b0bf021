"""The photographs to learn from: one folder a label, read whole into memory.

Which ones are held out for validation is decided here and nowhere else: by `official_split` in a
SOURCES.csv where there is one, else by every seventh name of a label. What is held out is never
shown to the network, nor is a training photograph that is nearly the same picture.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.recordings.pictures import Unusable, load_picture
from tools.workshop.faults import WorkshopFault

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
LABELS = ("cardboard", "glass", "metal", "organic", "paper", "plastic", "trash")
LONGEST_PX = 320
HELD_OUT_EVERY = 7


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One photograph of one piece.

    Attributes:
        name: Folder and file, as in SOURCES.csv.
        label: What it shows.
        held_out: True if it serves validation.
        pixels: uint8[H, W, 3], BGR, longer side at most 320.
    """

    name: str
    label: str
    held_out: bool
    pixels: npt.NDArray[np.uint8]


def read_folder(folder: Path, labels: Sequence[str] = LABELS) -> list[Photograph]:
    """Read every photograph below `folder`, in the order of label and name.

    Raises:
        WorkshopFault: A folder is missing or empty, or a file is not a picture.
    """
    if not folder.is_dir():
        raise WorkshopFault(f"no folder {folder}: give --data a folder with one folder per label")
    held_out = _listed_as_val(folder / "SOURCES.csv")
    photographs: list[Photograph] = []
    for label in labels:
        paths = sorted(p for p in (folder / label).glob("*") if p.suffix.lower() in SUFFIXES)
        if not paths:
            raise WorkshopFault(
                f"no pictures of {label} in {folder / label}: every label needs some"
            )
        for place, path in enumerate(paths):
            name = f"{label}/{path.name}"
            kept = place % HELD_OUT_EVERY == 0 if held_out is None else name in held_out
            photographs.append(Photograph(name, label, kept, _read_picture(path)))
    return photographs


def _listed_as_val(sources: Path) -> frozenset[str] | None:
    if not sources.is_file():
        return None
    with sources.open(newline="", encoding="utf-8") as lines:
        return frozenset(
            row["file"] for row in csv.DictReader(lines) if row.get("official_split") == "val"
        )


def _read_picture(path: Path) -> npt.NDArray[np.uint8]:
    pixels = load_picture(path, longer_px=LONGEST_PX)
    if isinstance(pixels, Unusable):
        raise WorkshopFault(f"{path} is of no use ({pixels.why}): replace or remove it")
    shrink = LONGEST_PX / max(pixels.shape[:2])
    if shrink < 1:
        size = (round(pixels.shape[1] * shrink), round(pixels.shape[0] * shrink))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels
