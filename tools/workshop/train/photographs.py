"""The photographs to learn from: one folder a label, read whole into memory.

Which ones are held out for validation is decided here and nowhere else: by list files as
tools/split.py makes them, else by `official_split` in a SOURCES.csv, else by every seventh name of
a label. What is held out is never shown to the network, nor is a training photograph that is
nearly the same picture.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.recordings.pictures import Unusable, load_picture
from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled, check_labels, in_folders, read_list
from tools.workshop.places import Place

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


def read_folder(folder: Path, labels: Sequence[str], *, least: int = 2) -> list[Photograph]:
    """Read every photograph below `folder`, in the order of label and name.

    Args:
        folder: One folder of photographs per label.
        labels: Those that there may be.
        least: Pictures of each label that must be left to learn from.

    Raises:
        WorkshopFault: The folder is missing, a label has no pictures, a folder is no label's, or a
            file is not a picture.
    """
    rows = in_folders(Place(str(folder)))
    return _read(folder, rows, _held_out(folder, rows), labels, least)


def read_lists(
    folder: Path, train: Path, validation: Path, labels: Sequence[str]
) -> list[Photograph]:
    """Read the photographs of two lists; see `read_folder`.

    Raises:
        WorkshopFault: Besides, a file is in both lists.
    """
    taught, held_out = read_list(train), read_list(validation)
    if both := {row.key for row in taught} & {row.key for row in held_out}:
        raise WorkshopFault(f"{min(both)} is in {train} and in {validation}: take it out of one")
    return _read(folder, [*taught, *held_out], {row.key for row in held_out}, labels, 2)


def _held_out(folder: Path, rows: Iterable[Labelled]) -> set[str]:
    sources = folder / "SOURCES.csv"
    if sources.is_file():
        with sources.open(newline="", encoding="utf-8") as lines:
            table = list(csv.DictReader(lines))
        if table and "official_split" in table[0]:
            return {row["file"] for row in table if row["official_split"] == "val"}
    by_label: dict[str, list[str]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row.key)
    return {key for keys in by_label.values() for key in keys[::HELD_OUT_EVERY]}


def _read(
    folder: Path, rows: Sequence[Labelled], held_out: set[str], labels: Sequence[str], least: int
) -> list[Photograph]:
    check_labels(rows, labels, str(folder))
    for label in labels:
        taught = sum(row.label == label and row.key not in held_out for row in rows)
        if taught < least:
            raise WorkshopFault(
                f"{folder}: {taught} pictures of {label} to learn from: every label needs {least} "
                "or more beside those held out"
            )
    # Closed before a fault is told, or the bar and the fault would share a line.
    with tqdm(sorted(rows), desc="reading", unit="picture", leave=False) as bar:
        return [
            Photograph(row.key, row.label, row.key in held_out, _read_picture(folder / row.key))
            for row in bar
        ]


def _read_picture(path: Path) -> npt.NDArray[np.uint8]:
    pixels = load_picture(path, longer_px=LONGEST_PX)
    if isinstance(pixels, Unusable):
        raise WorkshopFault(f"{path} is of no use ({pixels.why}): replace or remove it")
    shrink = LONGEST_PX / max(pixels.shape[:2])
    if shrink < 1:
        size = (round(pixels.shape[1] * shrink), round(pixels.shape[0] * shrink))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels
