"""Labelled pictures as the model sees them: cut as a station cuts, in several views, embedded.

A crop is shown as it is, and in a few more views: mirrored, turned by quarters, its box a little
off, in a little other light, as the next piece of its kind may come. With few crops this gives
teaching something to generalise from.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sorterd.classifiers.bundle import Preprocessing
from sorterd.classifiers.tflite import TfliteClassifier
from sorterd.core.records import Box
from sorterd.ports import InputSpec
from sorterd.recordings.pictures import Unusable
from sorterd.vision.crops import Cropper
from tools.workshop.decoding import decoded
from tools.workshop.evaluate.asking import FRAME_PX
from tools.workshop.evaluate.looking import Cut, Pixels, box_of, posed
from tools.workshop.evaluate.measuring import BATCH, Share, answers_of
from tools.workshop.explore.likeness import Fingerprint, fingerprint, near
from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled
from tools.workshop.places import Place
from tools.workshop.split.groups import Bond, grouped, likeness_bonds
from tools.workshop.teach.crop_sets import Crops

# Eight views taught as well as four and took twice the time; one was 1 to 2 points worse.
VIEWS: Final = 4
# A station's crops of one piece bear its number: 000012-0123456789ab.png.
_OF_PIECE: Final = re.compile(r"(\d{6,})-[0-9a-f]{12}\.png")


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Pictures and what the model made of them.

    Attributes:
        crops: Embeddings, labels and groups.
        scores: float32[n, labels], what the bundle says to each as it is.
    """

    crops: Crops
    scores: npt.NDArray[np.float32]

    @property
    def right(self) -> Share:
        """How often the likeliest label is the true one."""
        return Share(int((self.scores.argmax(axis=1) == self.crops.places).sum()), len(self.crops))


def embed(
    classifier: TfliteClassifier,
    preprocessing: Preprocessing,
    place: Place,
    rows: Sequence[Labelled],
    *,
    cut: Cut,
    views: int,
    seed: int,
) -> Embedded:
    """Show pictures to a bundle.

    Args:
        classifier: Opened with a batch size of `measuring.BATCH`; its bundle gives embeddings.
        preprocessing: Of its bundle.
        place: Where the pictures are.
        rows: Which.
        cut: "whole" for crops, "piece" for photographs of a piece on its background.
        views: Of each; the first is the crop as it is.
        seed: Of the other views.

    Raises:
        WorkshopFault: A picture cannot be decoded; the line names it.
    """
    spec = classifier.spec
    plain = InputSpec(spec.width_px, spec.height_px, "uint8", gain=1.0, offset=0.0)
    cropper = Cropper(plain, margin_frac=preprocessing.margin_frac, padding=preprocessing.padding)
    embeddings, scores, prints = [], [], []
    with tqdm(desc=f"looking at {place}", total=len(rows), unit="picture") as bar:
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            shown = np.empty((len(some), views, spec.height_px, spec.width_px, 3), np.uint8)
            for number, (row, slots) in enumerate(zip(some, shown, strict=True), start):
                pixels = _opened(place, row)
                box = box_of(pixels, cut)
                rng = np.random.default_rng([seed, number])
                for view, slot in enumerate(slots):
                    _show(pixels, box, view, cropper, slot, rng)
                prints.append(fingerprint(np.ascontiguousarray(slots[0][:, :, ::-1])))
            parts = answers_of(classifier, shown.reshape(-1, *shown.shape[2:]))
            given = np.concatenate([part["embedding"] for part in parts])
            embeddings.append(given.reshape(len(some), views, -1))
            scores.append(np.concatenate([part["scores"] for part in parts])[::views])
            bar.update(len(some))
    labels = {label: place for place, label in enumerate(classifier.labels)}
    crops = Crops(
        np.concatenate(embeddings),
        np.array([labels[row.label] for row in rows]),
        _pieces(rows, prints),
    )
    return Embedded(crops, np.concatenate(scores))


def _opened(place: Place, row: Labelled) -> Pixels:
    pixels = decoded(place, row.key, longer_px=FRAME_PX)
    if isinstance(pixels, Unusable):
        why = pixels.why.removeprefix("skipped: ")
        raise WorkshopFault(f"{place}/{row.key} is of no use ({why}): replace or remove it")
    return pixels


def _show(
    pixels: Pixels,
    box: Box,
    view: int,
    cropper: Cropper,
    slot: Pixels,
    rng: np.random.Generator,
) -> None:
    """Write one view of a piece; the first is the one that the station sees."""
    if not view:
        cropper.write(pixels, box, slot)
        return
    turned, inside = posed(pixels, box, view % 8)
    # A finder's box is off by a few hundredths; a lamp's light by more.
    off = rng.normal(0.0, 0.04, 4) * max(inside.width_px, inside.height_px)
    left, top = round(max(0, inside.left_px + off[0])), round(max(0, inside.top_px + off[1]))
    right = round(min(turned.shape[1], inside.right_px + off[2]))
    bottom = round(min(turned.shape[0], inside.bottom_px + off[3]))
    cropper.write(turned, Box(left, top, max(8, right - left), max(8, bottom - top)), slot)
    gains = rng.normal(1.0, 0.04, 3) * rng.uniform(0.85, 1.15)
    slot[:] = np.clip(slot * gains.astype(np.float32), 0, 255).astype(np.uint8)


def _pieces(rows: Sequence[Labelled], prints: Sequence[Fingerprint]) -> npt.NDArray[np.int64]:
    """Which crops are of one piece: by the number in their name, or because they look the same."""
    bonds = likeness_bonds(near(prints))
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        if said := _OF_PIECE.fullmatch(PurePosixPath(row.key).name):
            earlier = first.setdefault(f"{row.label}/{said[1]}", place)
            bonds.append(Bond(earlier, place, "one piece"))
    pieces = np.empty(len(rows), np.int64)
    for number, members in enumerate(grouped(len(rows), bonds)):
        pieces[members] = number
    return pieces
